"""Who is at risk of what, and when: spells in which nothing that the endemic part knows about a system changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.design import Segments
from antiphon.design.spells import Spells, forever, spells, time_order
from antiphon.kernels.spells import last_started

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.design import Kind
    from antiphon.design.events import Events
    from antiphon.design.roster import Roster

ADMISSION_DAYS = (7.0, 28.0)
PEOPLE_STRATA = ("first week", "weeks 2-4", "later", "present at the start")
GROUP_STRATA = ("all",)
PRESENT_AT_START = 3


@dataclass(frozen=True, slots=True)
class Gap:
    """A spell without recording: of the members of a group (-1: everyone), of some kinds (empty: all), in days."""

    group: int
    start: float
    end: float
    kinds: tuple[int, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Exposure:
    """What exposure is made of, for all roles alike.

    Attributes
    ----------
    roster, events, kinds : who is where, what happened, what can happen.
    gaps : spells without recording.
    history_days : unscored beginning, also after a gap.
    organisation : spells of belonging, groups recoded as organisations 0, 1, ...
    no_organisation : code of those who belong to none.
    """

    roster: Roster
    events: Events
    kinds: tuple[Kind, ...]
    gaps: tuple[Gap, ...]
    history_days: float
    organisation: Spells
    no_organisation: int


def organisations(roster: Roster) -> tuple[Spells, int, int]:
    """Return who belongs to which organisation, the code of those who belong to none, and the number of codes."""
    groups = np.flatnonzero(roster.level == roster.organisation)
    inside = roster.in_level(roster.member, roster.organisation)
    recoded = Spells(inside.owner, np.searchsorted(groups, inside.group), inside.start, inside.end, inside.begins)
    if groups.size < 2:
        return recoded, 0, 1
    covered = recoded.without_groups()
    inner = (covered.start <= 0) & (covered.end >= roster.window_days)
    everyone = np.unique(covered.owner[inner]).size == roster.n_systems
    return recoded, int(groups.size), int(groups.size) + (0 if everyone else 1)


def units_of(exposure: Exposure) -> tuple[np.ndarray, np.ndarray]:
    """Return the organisation and the code of every unit, sorted; a unit that changes hands is one of each organisation."""
    roster = exposure.roster
    mine = np.flatnonzero(roster.level == roster.unit)
    inside = exposure.organisation.where(np.isin(exposure.organisation.owner, mine))
    pairs = np.unique(np.stack([inside.group, inside.owner], axis=1), axis=0)
    alone = np.setdiff1d(mine, inside.owner)
    pairs = np.concatenate([pairs, np.stack([np.full(alone.size, exposure.no_organisation), alone], axis=1)])
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order, 0], pairs[order, 1]


def make_segments(
    exposure: Exposure,
    members: np.ndarray,
    kinds: tuple[int, ...],
    *,
    is_frail: bool,
    more: Sequence[tuple[np.ndarray, np.ndarray]] = (),
) -> Segments:
    """Return the segments of one role.

    Parameters
    ----------
    exposure
        What exposure is made of.
    members
        Codes of the role's systems.
    kinds
        Kinds of the role, in the order of the columns.
    is_frail
        Whether the role has frailty: its segments then end at the system's own events.
    more
        Further (system, time) at which something changes: the covariates.
    """
    here = np.zeros(exposure.roster.n_systems, bool)
    here[members] = True
    base = _bases(exposure, here, kinds)
    gaps = [_gap_spells(exposure, gap, here) for gap in exposure.gaps]
    ended = {k: _ended(exposure, here, k) for k in kinds if exposure.kinds[k].terminal}
    known = {k: _known(exposure, here, k) for k in kinds}
    marks = [_edges(s) for s in [*base.values(), *ended.values(), *(g for pair in gaps for g in pair)]]
    marks += [_edges(exposure.organisation.where(here[exposure.organisation.owner])), _admissions(exposure, here)]
    inside_unit = _in_units(exposure, here)
    marks.append(_edges(inside_unit))
    marks += [(members, np.full(members.size, t)) for t in (0.0, exposure.history_days)]
    if is_frail:
        marks += [(owner, time) for owner, time, _ in known.values()]
    system, start, end = _pieces([*marks, *more], exposure.roster.window_days)
    alive = np.empty((system.size, len(kinds)), bool)
    at_risk = np.empty_like(alive)
    n_earlier = np.empty((system.size, len(kinds)), np.int64)
    inside = {name: spell.holds(system, start) for name, spell in base.items()}
    silent = [(gap.holds(system, start), after.holds(system, start)) for gap, after in gaps]
    for column, k in enumerate(kinds):
        alive[:, column] = inside[exposure.kinds[k].while_]
        if k in ended:
            alive[:, column] &= ~ended[k].holds(system, start)
        at_risk[:, column] = alive[:, column] & (start >= exposure.history_days)
        for gap, (is_silent, is_after) in zip(exposure.gaps, silent, strict=True):
            if not gap.kinds or k in gap.kinds:
                alive[:, column] &= ~is_silent
                at_risk[:, column] &= ~(is_silent | is_after)
        _, time, begins = known[k]
        n_earlier[:, column] = _count_until(begins, time, system, start)
    kept = alive.any(axis=1)
    group = _organisation_at(exposure, system[kept], start[kept])
    # asked at the middle: at its start a spell that begins on the seventh day may round to just under seven days
    stratum = strata(exposure, system[kept], 0.5 * (start[kept] + end[kept]))
    none = np.empty((stratum.size, 0))
    unit = _unit_at(exposure, inside_unit, system[kept], start[kept], group)
    return Segments(
        system[kept], start[kept], end[kept], stratum, group, at_risk[kept], alive[kept], n_earlier[kept], none, none,
        unit,
    )  # fmt: skip


def strata(exposure: Exposure, system: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Return the stratum of each system at each time: days since admission, or present when the window began."""
    roster = exposure.roster
    stays = roster.stays.without_groups()
    last = stays.last(system, time)
    since = time - stays.start[last] if stays.owner.size else np.full(system.size, np.inf)
    found = np.searchsorted(ADMISSION_DAYS, np.where(last >= 0, since, np.inf), side="right")
    found = np.where(_from_start(roster)[system], PRESENT_AT_START, found)
    return np.where(roster.is_person[system], found, 0)


def _from_start(roster: Roster) -> np.ndarray:
    """Return which systems were members when the window began."""
    everyone = np.arange(roster.n_systems)
    return roster.belongs.holds(everyone, np.zeros(everyone.size))


def in_gap(exposure: Exposure, system: np.ndarray, time: np.ndarray, kind: int) -> np.ndarray:
    """Return whether each event falls into a gap of its kind."""
    everyone = np.ones(exposure.roster.n_systems, bool)
    found = np.zeros(system.size, bool)
    for gap in exposure.gaps:
        if not gap.kinds or kind in gap.kinds:
            found |= _gap_spells(exposure, gap, everyone)[0].holds(system, time)
    return found


def _bases(exposure: Exposure, here: np.ndarray, kinds: tuple[int, ...]) -> dict[str, Spells]:
    roster = exposure.roster
    used = {exposure.kinds[k].while_ for k in kinds}
    spells_of = {"member": roster.belongs, "present": roster.there}
    return {name: spells_of[name].where(here[spells_of[name].owner]) for name in sorted(used)}


def _gap_spells(exposure: Exposure, gap: Gap, here: np.ndarray) -> tuple[Spells, Spells]:
    """Return when the systems concerned are in the gap, and when they are in the history that begins after it."""
    roster = exposure.roster
    n = roster.n_systems
    if gap.group < 0:
        inside = forever(np.flatnonzero(here), None, n)
    else:
        inside = roster.member.where((roster.member.group == gap.group) & here[roster.member.owner]).without_groups()
    found = []
    for start, end in ((gap.start, gap.end), (gap.end, gap.end + exposure.history_days)):
        found.append(spells(inside.owner, None, np.maximum(inside.start, start), np.minimum(inside.end, end), n))
    return found[0], found[1]


def _ended(exposure: Exposure, here: np.ndarray, kind: int) -> Spells:
    """Return when a terminal kind has happened and no new stay has begun since."""
    events, roster = exposure.events, exposure.roster
    mine = events.of_kind(kind)
    mine = mine[here[events.system[mine]]]
    system, start = events.system[mine], events.sounds_from[mine]
    stays = roster.stays.without_groups()  # a transfer is no new stay
    time = events.time[mine]
    end = stays.start_from(system, time)
    # whoever was in no stay when the cell began came in it: that is the stay that was ended
    has_come = (stays.end_before(system, time) < time) & (end < start)
    end[has_come] = stays.start_from(system[has_come], np.nextafter(end[has_come], np.inf))
    return spells(system, None, start, end, roster.n_systems)


def _known(exposure: Exposure, here: np.ndarray, kind: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return from when each event of a kind is known: just after it, or at the end of its cell."""
    events = exposure.events
    mine = events.of_kind(kind)
    mine = mine[here[events.system[mine]]]
    system = events.system[mine]
    # the event itself must still belong to the segment before it
    time = np.where(events.is_coarse[mine], events.sounds_from[mine], np.nextafter(events.sounds_from[mine], np.inf))
    order = time_order(system, time, exposure.roster.n_systems)
    system, time = system[order], time[order]
    return system, time, np.searchsorted(system, np.arange(exposure.roster.n_systems + 1))


def _edges(found: Spells) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([found.owner, found.owner]), np.concatenate([found.start, found.end])


def _admissions(exposure: Exposure, here: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    roster = exposure.roster
    admitted = here & roster.is_person & ~_from_start(roster)
    stays = roster.stays.where(admitted[roster.stays.owner]).without_groups()
    owner = np.concatenate([stays.owner] * (1 + len(ADMISSION_DAYS)))
    return owner, np.concatenate([stays.start, *(stays.start + days for days in ADMISSION_DAYS)])


def _pieces(
    marks: list[tuple[np.ndarray, np.ndarray]], window_days: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut the window of every system at its marks."""
    system = np.concatenate([owner for owner, _ in marks])
    time = np.concatenate([t for _, t in marks])
    inside = (time >= 0.0) & (time < window_days)
    system, time = system[inside], time[inside]
    order = time_order(system, time, int(system.max(initial=0)) + 1)
    system, time = system[order], time[order]
    new = np.ones(system.size, bool)
    new[1:] = (system[1:] != system[:-1]) | (time[1:] != time[:-1])
    system, time = system[new], time[new]
    end = np.full(time.size, window_days)
    follows = np.flatnonzero(system[1:] == system[:-1])
    end[follows] = time[follows + 1]
    return system, time, end


def _count_until(begins: np.ndarray, time: np.ndarray, owner: np.ndarray, moment: np.ndarray) -> np.ndarray:
    last = last_started(begins, time, owner, moment, np.zeros(owner.size, bool))
    return np.where(last >= 0, last + 1 - begins[owner], 0)


def _organisation_at(exposure: Exposure, system: np.ndarray, time: np.ndarray) -> np.ndarray:
    found = np.full(system.size, exposure.no_organisation, np.int64)
    query, spell = exposure.organisation.at(system, time, np.zeros(system.size, bool))
    np.minimum.at(found, query, exposure.organisation.group[spell])
    return found


def _in_units(exposure: Exposure, here: np.ndarray) -> Spells:
    """Return when people belong to which unit; groups are in none."""
    roster = exposure.roster
    inside = roster.in_level(roster.member, roster.unit)
    return inside.where((here & roster.is_person)[inside.owner])


def _unit_at(
    exposure: Exposure, inside: Spells, system: np.ndarray, time: np.ndarray, organisation: np.ndarray
) -> np.ndarray:
    """Return the first unit of the organisation that each system belongs to, as in ``units_of``; -1 for none."""
    if not inside.owner.size:
        return np.zeros(0, np.int64)
    n = exposure.roster.n_systems
    of, code = units_of(exposure)
    keys = of * n + code
    query, spell = inside.at(system, time, np.zeros(system.size, bool))
    wanted = organisation[query] * n + inside.group[spell]
    place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    place[keys[place] != wanted] = keys.size
    found = np.full(system.size, keys.size, np.int64)
    np.minimum.at(found, query, place)
    return np.where(found < keys.size, found, -1)
