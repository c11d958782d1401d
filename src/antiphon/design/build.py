"""From an agency to its design: the one way from labels to arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.channels import check_channels, counted, default_channels, parse_channel
from antiphon.design.clock import calendars_of
from antiphon.design.covariates import Plan, plan_of, unused, wanted_of, with_values
from antiphon.design.delays import read_kernels
from antiphon.design.design import Channel, Design, Kind, Role
from antiphon.design.events import (
    GRAINS,
    MINUTES_PER_DAY,
    Events,
    Recorded,
    Rows,
    SetAside,
    grain_of_kind,
    make_events,
    rows_of,
)
from antiphon.design.ground import USUAL, Resolution, Wanted
from antiphon.design.margins import make_margins
from antiphon.design.pools import Wiring, wire
from antiphon.design.risk import GROUP_STRATA, PEOPLE_STRATA, Exposure, Gap, make_segments, organisations, units_of
from antiphon.design.roster import Roster, days_between, roster_of
from antiphon.design.spells import CODE
from antiphon.design.structure import Choices, Structure, keys_of
from antiphon.design.targets import CELLS_PER_HALF_LIFE, Frame, move_rows, read_role, usual_cell
from antiphon.errors import SpecificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.delays import Kernels
    from antiphon.design.design import Calendar
    from antiphon.design.targets import ClassReading
    from antiphon.records.agency import Agency

N_BLOCKS = 8
HISTORY_HALF_LIVES = 3.0
HISTORY_SHARE = 0.1
FEWEST_FOR_FRAILTY = 10
FEWEST_PER_PERIOD = 5
OUTSIDE = "outside the window"
OTHER_ROLE = "of a system that is not of the kind's role"


@dataclass(frozen=True, slots=True, repr=False)
class _Records:
    """An agency's records as arrays: who is where, the code of each system, what happened, and what was left out."""

    roster: Roster
    code: dict[str, int]
    events: Events
    kinds: tuple[Kind, ...]
    calendars: dict[str, Calendar]
    set_aside: SetAside
    recorded: Recorded


def build_design(
    agency: Agency,
    *,
    channels: Sequence[str] | None = None,
    half_lives: Sequence[float | str] | None = None,
    join_incidents: bool = True,
    covariates: Sequence[str] | None = None,
    receptivity: Sequence[str] | None = None,
    resolution: Resolution = USUAL,
) -> Design:
    """Turn an agency's records into what the estimator sees.

    Parameters
    ----------
    agency
        Checked records.
    channels
        ``HOW:WHERE:FROM>TO``; None for those of ``agency.toml``, or else all that the records suggest.
    half_lives
        Days, or ``"delay:MEAN:ORDER"``; None for those of ``agency.toml``.
    join_incidents
        Whether rows without incident number that share a person and a unit within the incident window are one
        incident.
    covariates, receptivity
        What multiplies the endemic part, and what reaches someone: ``WHAT:...>WHOM`` as in the reference of the
        records; None for those of ``agency.toml``. Breaks in the meaning of a kind are always among the first.
    resolution
        How finely covariates are followed.

    Returns
    -------
    Design
        Labels of systems stop here; kinds, roles and channels keep their names.

    Raises
    ------
    SpecificationError
        Where a channel or covariate names what does not exist, or no half-life suits the grain of time of the records.
    """
    wanted = wanted_of(agency, covariates, receptivity, resolution)
    records = _records(agency, join_incidents=join_incidents)
    structure = _structure(agency, records, wanted, channels, half_lives)
    return replace(assemble(structure, records.events, records.set_aside), recorded=records.recorded)


def take_apart(
    agency: Agency,
    *,
    channels: Sequence[str] | None = None,
    half_lives: Sequence[float | str] | None = None,
    join_incidents: bool = True,
    covariates: Sequence[str] | None = None,
    receptivity: Sequence[str] | None = None,
    resolution: Resolution = USUAL,
) -> tuple[Structure, Events, SetAside]:
    """Return an agency's structure, its events, and what was set aside: `assemble` makes the design of them.

    Other events, such as simulated ones, can be put into the same structure. Parameters and errors are those of
    `build_design`.
    """
    wanted = wanted_of(agency, covariates, receptivity, resolution)
    records = _records(agency, join_incidents=join_incidents)
    return _structure(agency, records, wanted, channels, half_lives), records.events, records.set_aside


def _structure(
    agency: Agency,
    records: _Records,
    wanted: Wanted,
    channels: Sequence[str] | None,
    half_lives: Sequence[float | str] | None,
) -> Structure:
    kernels = _kernels(agency, half_lives)
    window_days, n_events = records.roster.window_days, records.events.time.size
    choices = Choices(
        _channels(agency, records.roster, records.kinds, channels), kernels, usual_history(kernels, window_days),
        _period(agency.settings.model.period_days, window_days, n_events), wanted=wanted,
    )  # fmt: skip
    gaps, keys = _gaps(agency, records.code, records.kinds), keys_of(records.code)
    return Structure(records.roster, records.kinds, records.calendars, gaps, choices, keys)


def _kernels(agency: Agency, half_lives: Sequence[float | str] | None) -> Kernels:
    if half_lives is not None:
        return read_kernels(half_lives)
    if not agency.settings.model.half_lives:
        raise SpecificationError(
            'agency.toml says half_lives = "choose". Give half_lives=choose_kernels(agency).kernels.written, or use fit, '
            "which chooses."
        )
    return read_kernels(agency.settings.model.half_lives)


def with_covariates(
    design: Design,
    agency: Agency,
    *,
    covariates: Sequence[str] | None = None,
    receptivity: Sequence[str] | None = None,
    resolution: Resolution = USUAL,
    join_incidents: bool = True,
) -> Design:
    """Return the design with these covariates in place of its own; channels are read again only for receptivity.

    Parameters
    ----------
    design, agency
        A design, and the agency that it was built from.
    covariates, receptivity, resolution, join_incidents
        As for `build_design`; `join_incidents` as the design was built.
    """
    wanted = wanted_of(agency, covariates, receptivity, resolution)
    records = _records(agency, join_incidents=join_incidents)
    if design.structure is not None and (wanted.receptivity or any(role.receptivity for role in design.roles)):
        structure = replace(design.structure, choices=replace(design.structure.choices, wanted=wanted))
        return replace(assemble(structure, records.events, records.set_aside), recorded=records.recorded)
    exposure, _ = _exposure(
        records.roster, records.events, design.kinds, _gaps(agency, records.code, design.kinds), design.history_days
    )
    made = [_role(exposure, role.name, wanted, has_frailty=bool(role.frail.any())) for role in design.roles]
    roles = tuple(role for role, _ in made)
    kept = tuple(warning for warning in design.warnings if not warning[0].startswith("covariate"))
    structure = design.structure
    if structure is not None:
        structure = replace(structure, choices=replace(structure.choices, wanted=wanted))
    return replace(
        design,
        structure=structure,
        roles=roles,
        targets=tuple(move_rows(t, design.kinds[t.kind], design.roles[t.role], roles[t.role]) for t in design.targets),
        warnings=kept + _covariate_warnings(wanted, made),
    )


def _records(agency: Agency, *, join_incidents: bool) -> _Records:
    roster, code = roster_of(agency)
    set_aside = SetAside()
    rows, kinds = _rows_and_kinds(agency, roster, list(code), set_aside)
    precisions = {kind.precision for kind in kinds} | {GRAINS[g] for g in np.unique(rows.grain)}
    calendars = calendars_of(agency, precisions)
    join_days = agency.settings.agency.incident_window_minutes / MINUTES_PER_DAY if join_incidents else None
    events = make_events(rows, kinds, roster, calendars, join_days, set_aside)
    return _Records(roster, code, events, kinds, calendars, set_aside, Recorded(rows, join_days))


def usual_history(kernels: Kernels, window_days: float) -> float:
    """Return the days at the start that are read but not scored: three half-lives, at most a tenth of the window."""
    return float(min(HISTORY_HALF_LIVES * kernels.half_lives[-1], HISTORY_SHARE * window_days))


def design_of(structure: Structure, rows: Rows, join_days: float | None = None) -> Design:
    """Return the design of rows, such as simulated ones, in a structure.

    Only rows of one number are one incident, and with ``join_days`` those without number as `make_events` joins them.
    """
    set_aside = SetAside()
    events = make_events(rows, structure.kinds, structure.roster, structure.calendars, join_days, set_aside)
    return replace(assemble(structure, events, set_aside), recorded=Recorded(rows, join_days))


def assemble(structure: Structure, events: Events, set_aside: SetAside) -> Design:
    """Put a design together from a structure and the events in it."""
    roster, kinds, calendars, choices = structure.roster, structure.kinds, structure.calendars, structure.choices
    exposure, n_organisations = _exposure(roster, events, kinds, structure.gaps, choices.history_days)
    made = [
        _role(exposure, name, choices.wanted, has_frailty=choices.has_frailty)
        for name in dict.fromkeys(kind.role for kind in kinds)
    ]
    roles = tuple(role for role, _ in made)
    edges = np.linspace(choices.history_days, roster.window_days, N_BLOCKS + 1)
    frame = Frame(exposure, choices.kernels, edges, calendars, set_aside, choices.wanted.resolution.levels)
    classes: list[ClassReading] = []
    for number, role in enumerate(roles):
        found = [_wire(exposure, i, channel, role.name) for i, channel in enumerate(choices.channels)]
        classes += read_role(frame, number, role, [wiring for wiring in found if wiring is not None])
    targets = tuple(sorted((t for c in classes for t in c.targets), key=lambda t: t.kind))
    warnings = _grain_warnings(kinds, calendars, choices.kernels)
    if any(c.wirings for c in classes) and not any(t.columns for t in targets):
        raise SpecificationError(warnings[-1][1])
    return Design(
        kinds=kinds, roles=roles, channels=choices.channels, kernels=choices.kernels,
        window_days=roster.window_days, history_days=choices.history_days, calendars=calendars, block_edges=edges,
        period_days=choices.period_days, n_systems=roster.n_systems, n_organisations=n_organisations,
        n_periods=n_periods(roster.window_days, choices.period_days), targets=targets,
        margins=make_margins(choices.channels, roles, events, classes, choices.kernels),
        set_aside=set_aside.counts, warnings=warnings + _covariate_warnings(choices.wanted, made), structure=structure,
    )  # fmt: skip


def n_periods(window_days: float, period_days: float) -> int:
    """Return how many calendar periods the window has; the last may be short."""
    return max(int(np.ceil(window_days / period_days - 1e-9)), 1)


def with_periods(design: Design, period_days: float) -> Design:
    """Return the design with calendar periods of another length; nothing else depends on it."""
    structure = design.structure
    if structure is not None:
        structure = replace(structure, choices=replace(structure.choices, period_days=period_days))
    count = n_periods(design.window_days, period_days)
    return replace(design, period_days=period_days, n_periods=count, structure=structure)


def _wire(exposure: Exposure, number: int, channel: Channel, to_role: str) -> Wiring | None:
    if channel.how != "self" and channel.to_role != to_role:
        return None
    return wire(number, channel, to_role, exposure.kinds, exposure.roster, exposure.events)


def _exposure(
    roster: Roster, events: Events, kinds: tuple[Kind, ...], gaps: tuple[Gap, ...], history_days: float
) -> tuple[Exposure, int]:
    """Return what exposure is made of, and the number of organisations."""
    inside, no_organisation, n_organisations = organisations(roster)
    return Exposure(roster, events, kinds, gaps, history_days, inside, no_organisation), n_organisations


def _role(exposure: Exposure, name: str, wanted: Wanted, *, has_frailty: bool) -> tuple[Role, Plan]:
    roster = exposure.roster
    members = np.flatnonzero(roster.role == name)
    mine = tuple(k for k, kind in enumerate(exposure.kinds) if kind.role == name)
    frail = frail_systems(roster, name) if has_frailty else np.zeros(roster.n_systems, bool)
    strata = PEOPLE_STRATA if roster.is_person[members].any() else GROUP_STRATA
    plan = plan_of(wanted, exposure, name, mine)
    segments = make_segments(exposure, members, mine, is_frail=bool(frail.any()), more=plan.marks())
    units = units_of(exposure)[0] if segments.unit.size else np.zeros(0, np.int64)
    return with_values(Role(name, mine, strata, segments, frail, units=units), plan), plan


def _covariate_warnings(wanted: Wanted, made: list[tuple[Role, Plan]]) -> tuple[tuple[str, str], ...]:
    short = [warning for _, plan in made for warning in plan.warnings]
    return (*dict.fromkeys(short), *unused(wanted, [role for role, _ in made]))


def frail_systems(roster: Roster, role: str) -> np.ndarray:
    """Return which systems may differ lastingly: those of a role with enough of them, pooled ones left out."""
    is_member = roster.role == role
    return is_member & ~roster.pooled & (np.count_nonzero(is_member) >= FEWEST_FOR_FRAILTY)


def _rows_and_kinds(
    agency: Agency, roster: Roster, names: list[str], set_aside: SetAside
) -> tuple[Rows, tuple[Kind, ...]]:
    """Return the usable rows, and the kinds that have any, in the order of their names."""
    words = sorted(set(agency.events["kind"].to_list()))
    definitions = [agency.vocabulary.kinds[word] for word in words]
    rows = rows_of(agency, names, words)
    inside = (rows.time >= 0.0) & (rows.time < roster.window_days)
    owner = np.asarray([roster.counts_as(definition.of) for definition in definitions], dtype=str)
    fits = roster.role[rows.system] == owner[rows.kind] if rows.kind.size else inside
    set_aside.add(OUTSIDE, int((~inside).sum()))
    set_aside.add(OTHER_ROLE, int((inside & ~fits).sum()))
    rows = rows.where(inside & fits)
    used = np.unique(rows.kind)
    grain = grain_of_kind(rows, len(words))
    kinds = tuple(
        Kind(words[k], str(owner[k]), GRAINS[grain[k]], definitions[k].terminal, definitions[k].while_) for k in used
    )
    return replace(rows, kind=np.searchsorted(used, rows.kind).astype(CODE)), kinds


def _channels(
    agency: Agency, roster: Roster, kinds: tuple[Kind, ...], channels: Sequence[str] | None
) -> tuple[Channel, ...]:
    roles = list(dict.fromkeys(kind.role for kind in kinds))
    wanted = agency.settings.model.channels if channels is None else channels
    if wanted is None:
        ordered = [role for role in agency.vocabulary.roles if role in roles]
        return default_channels(roster, ordered)
    parsed = tuple(parse_channel(text) for text in wanted)
    check_channels(parsed, roster.levels, agency.vocabulary.roles, set(agency.vocabulary.relations))
    return tuple(dict.fromkeys(counted(channel, roster) for channel in parsed))


def _gaps(agency: Agency, code: dict[str, int], kinds: tuple[Kind, ...]) -> tuple[Gap, ...]:
    settings, origin = agency.settings, agency.window[0]
    number = {kind.name: k for k, kind in enumerate(kinds)}
    found = []
    for gap in settings.gaps:
        mine = tuple(number[name] for name in gap.kinds if name in number)
        if (gap.kinds and not mine) or (gap.group is not None and gap.group not in code):
            continue
        end = np.inf if gap.end is None else days_between(origin, settings.to_utc(gap.end))
        group = -1 if gap.group is None else code[gap.group]
        found.append(Gap(group, days_between(origin, settings.to_utc(gap.start)), float(end), mine))
    return tuple(found)


def _period(period_days: float, window_days: float, n_events: int) -> float:
    return float(min(max(period_days, FEWEST_PER_PERIOD * window_days / max(n_events, 1)), window_days))


def _grain_warnings(
    kinds: tuple[Kind, ...], calendars: dict[str, Calendar], kernels: Kernels
) -> tuple[tuple[str, str], ...]:
    """Say which half-lives are too short for kinds that are recorded by shift or day."""
    found = []
    for precision in GRAINS[1:]:
        coarse = [kind.name for kind in kinds if kind.precision == precision]
        if not coarse:
            continue
        shortest = CELLS_PER_HALF_LIFE * usual_cell(calendars[precision])
        lives = np.unique(kernels.half_lives)
        short = [f"{life * 24:g} hours" for life in lives if life < shortest - 1e-9]
        if short:
            text = (
                f"Half-lives of {', '.join(short)} are shorter than two {precision}s and were left out for what is "
                f"recorded by the {precision}: {', '.join(coarse)}. Most of so short an echo would fall into the same "
                f"{precision}, where its direction cannot be seen."
            )
            found.append(("short_half_life", text))
    return tuple(found)
