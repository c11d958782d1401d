"""A network of organisations on paper: eight kinds, twelve couplings, levels that differ between organisations."""

from __future__ import annotations

from antiphon.synthetic.maple_plan import CLIENT_SHIFTS, CLIENT_WEEK, DAYS, FRONT_LOADED, HOURS, OFFICE_WEEK, STAFF_WEEK
from antiphon.synthetic.truth import Coupling, Endemic, Response, Truth

LEVEL_VARIANCE = 0.16
# In this share of the organisations elopements are written down by the day only.
DAY_ONLY_SHARE = 0.3
DAY_ONLY_KIND = "elopement"


def _client(kind: str, per_thousand: float, variance: float) -> Endemic:
    return Endemic(
        kind,
        "client",
        per_thousand / 1000,
        shift=CLIENT_SHIFTS,
        weekday=CLIENT_WEEK,
        since_admission=FRONT_LOADED,
        frailty_variance=variance,
    )


NETWORK = Truth(
    agency="Network",
    timezone="America/Chicago",
    window=("2025-01-01", "2026-01-01"),
    endemic=(
        _client("aggression_physical", 9.0, 1.5),
        _client("self_harm", 5.0, 1.5),
        _client("elopement", 4.0, 1.0),
        _client("restraint", 1.0, 1.5),
        Endemic("absence_unscheduled", "staff", 0.02, "day", "member", weekday=STAFF_WEEK, frailty_variance=0.6),
        Endemic("staff_injury", "staff", 0.001, frailty_variance=0.4),
        Endemic("lock_down", "unit", 0.01, while_="member", shift=CLIENT_SHIFTS),
        Endemic("policy_change", "organisation", 0.03, "day", "member", weekday=OFFICE_WEEK),
    ),
    couplings=(
        Coupling("self", "aggression_physical", "aggression_physical", 0.15, HOURS),
        Coupling("self", "self_harm", "self_harm", 0.20, DAYS),
        Coupling("peers:unit:client>client", "aggression_physical", "aggression_physical", 0.15, HOURS),
        Coupling("peers:unit:client>client", "restraint", "aggression_physical", 0.10, HOURS),
        Coupling("peers:unit:client>client", "self_harm", "self_harm", 0.10, DAYS),
        Coupling("peers:unit:client>staff", "aggression_physical", "absence_unscheduled", 0.25, DAYS),
        Coupling("peers:unit:staff>client", "absence_unscheduled", "aggression_physical", 0.08, DAYS),
        Coupling("members:unit:client>unit", "aggression_physical", "lock_down", 0.08, HOURS),
        Coupling("group:unit:unit>client", "lock_down", "self_harm", 0.30, HOURS),
        Coupling("members:organisation:staff>organisation", "staff_injury", "policy_change", 0.15, DAYS),
        Coupling("group:organisation:organisation>staff", "policy_change", "absence_unscheduled", 1.00, DAYS),
        Coupling("tie:caseload:staff>client", "absence_unscheduled", "self_harm", 0.12, DAYS),
    ),
    responses=(
        Response("aggression_physical", "restraint", 0.45),
        Response("aggression_physical", "staff_injury", 0.10, "staff present"),
    ),
    coercion_share=0.45,
    shared_shape={"client": 0.3, "staff": 0.6},
    levels=LEVEL_VARIANCE,
    notes=(
        "Per organisation and kind the endemic level is multiplied by exp(normal), mean 1, variance of the log as said.",
        "No rotas: staff count as present throughout their stays.",
        "In some organisations elopements are dates only; elopement neither echoes nor is echoed.",
    ),
)
