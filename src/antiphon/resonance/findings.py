"""What is read off a fit: tables that ``release`` turns into what may be shown. Nothing here is shown itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True, repr=False)
class Findings:
    """Everything that was read off, before disclosure control.

    Every table has the columns ``n_source``, ``n_target`` (distinct persons behind each side), ``source_role``,
    ``target_role`` (roles whose thresholds apply) and ``n_units``, besides those named here.

    Attributes
    ----------
    records : hash, window (two ISO dates), systems {role: n}, events {kind: n}, precision {kind: word},
        set_aside {rule: n}, client_days, have (what the records show: "incident log", "census" ...), organisation (name),
        marking, purpose.
    settings : half_lives (words), channels (names), period_days, history_days, block_days, seed.
    rates : unit ("all" or a unit label), kind, quarter ("2024Q1"), events, client_days, per_1000_client_days,
        centre, lower, upper (u-chart limits), staff_years, per_100_staff_years, role (of persons, of the agency's own),
        role_days, per_1000_role_days, hours_per_1000_hours.
    couplings : channel, from_role, source_kind, to_role, target_kind, echoes, low, high, p, q, claimed (bool),
        approximate (bool), label ("", "too few", "shared circumstances not excluded", "slow dependence",
        "in step with the whole organisation", "fails a control"), median_delay_hours, same_cell_share, within_incident_share.
        ``n_within``: distinct systems behind the share within incidents of a kind with itself, null otherwise.
    responses, response_contrasts : see ``antiphon.resonance.responses.responses``.
    echoed : value, low, high: share of all events that have a parent.
    branching_ratio : value, low, high: how many times as many events each generation of a chain of echoes has.
    attribution : kind, component, direct, root, low, high (component: average, frailty, own past, peers, other roles,
        ties, organisation, environment; shares of 1).
        ``root`` gives the head of the cascade: own past, peers and ties are ways, never heads, so they are zero there;
        low and high belong to ``direct``.
    ladder : rung, name, log_score, gain, se, p (one-sided).
    loops : nodes (list of "role or level: kind"), via ("echo", "same incident" or "echo or same incident", the step
        after each node), gain, low, high.
    diagnostics : kind, ks, p, n, expected, observed, p_forecast (counts of later blocks).
    detectable : channel, source_kind, target_kind, smallest (echoes per event that these records would have shown
        with 80 % probability).
    parallel : domain, from_level, to_level (roles of the actors, or levels), strength, direction ("one way",
        "both ways", "not claimed", "shared circumstances not excluded", "slow dependence", "fails a control", "too few"), p, q, evidence.
    nodes : role, kind, events (for the picture).
    effects : kind, covariate (as in ``agency.toml``), unit (words), on ("rate" or "echoes"), ratio, low, high.
    by_domain : as ``couplings``, where kinds are too rare to be told apart and those of a domain are read as one: the names of
        the kinds joined by "+", with source_domain and target_domain ("" where one kind stands by itself);
        smallest as in ``detectable``.
    controls : channel, from_role, source_kind, to_role, target_kind, code, verdict ("passed", "failed", "differs",
        "cannot tell"), p, power, estimate (echoes when the records are read that way).
    robustness : channel, from_role, source_kind, to_role, target_kind, low, high, hangs_on_one, p_exchanged, smallest_p,
        shock_factor (infinite: none would do), shock_days; as in ``antiphon.inference.inference.Robustness``.
    warnings : (code, plain sentence).
    """

    records: dict[str, Any]
    settings: dict[str, Any]
    rates: pl.DataFrame
    couplings: pl.DataFrame
    responses: pl.DataFrame
    response_contrasts: pl.DataFrame
    echoed: pl.DataFrame
    branching_ratio: pl.DataFrame
    attribution: pl.DataFrame
    ladder: pl.DataFrame
    loops: pl.DataFrame
    diagnostics: pl.DataFrame
    detectable: pl.DataFrame
    parallel: pl.DataFrame
    nodes: pl.DataFrame
    effects: pl.DataFrame
    controls: pl.DataFrame
    by_domain: pl.DataFrame
    robustness: pl.DataFrame
    warnings: tuple[tuple[str, str], ...] = field(default=())

    def __repr__(self) -> str:
        """Sizes only."""
        return f"Findings({self.couplings.height} couplings, {self.loops.height} loops)"
