"""Events as arrays: one per incident, kind and system, with the grain of time of its kind, and where it happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.channels import meeting_level
from antiphon.design.incidents import find_incidents, link_rows
from antiphon.design.roster import codes, days
from antiphon.design.spells import CODE
from antiphon.kernels.spells import counting_order

if TYPE_CHECKING:
    from antiphon.design.design import Calendar, Kind
    from antiphon.design.roster import Roster
    from antiphon.records.agency import Agency

GRAINS = ("minute", "shift", "day")
SHARE_OF_ROWS = 0.05
"""A kind is as coarse as the coarsest precision that makes up at least this share of its rows."""
MINUTES_PER_DAY = 1440.0


@dataclass(frozen=True, slots=True, repr=False)
class Events:
    """Events in the window, sorted by time.

    Attributes
    ----------
    time : (events,) float64 days, the incident's first row.
    system, kind : (events,) codes (`CODE`, as all codes here).
    incident : (events,) code.
    sounds_from : (events,) float64, when the event is deposited: its time, or the end of its cell.
    is_coarse, is_terminal : (events,) bool.
    is_target : (events,) bool, false for rows coarser than their kind.
    is_shared : (events,) bool, whether the incident has other events.
    by_kind, kind_begins : events in the order of their kinds, and where each kind begins.
    unit : (events,) first group of the source at the level at which people meet; -1 for none.
    target : (events,) code of the system at which it was directed; -1 where the row names none.
    place_event, place_group : pairs (event, group of any level): where the source was.
    """

    time: np.ndarray
    system: np.ndarray
    kind: np.ndarray
    incident: np.ndarray
    sounds_from: np.ndarray
    is_coarse: np.ndarray
    is_terminal: np.ndarray
    is_target: np.ndarray
    is_shared: np.ndarray
    by_kind: np.ndarray
    kind_begins: np.ndarray
    unit: np.ndarray
    target: np.ndarray
    place_event: np.ndarray
    place_group: np.ndarray

    def of_kind(self, kind: int) -> np.ndarray:
        """Return the events of a kind, in order of time."""
        return self.by_kind[self.kind_begins[kind] : self.kind_begins[kind + 1]]


@dataclass(frozen=True, slots=True, repr=False)
class Rows:
    """Rows of events as they came: system, kind, time, incident number (-1: none), target (-1: none), grain of the row.

    Codes are `CODE`, grains int8, times float64: `rows_from` makes them so of any whole numbers, and gives what is the
    same in all rows no room.
    """

    time: np.ndarray
    system: np.ndarray
    kind: np.ndarray
    number: np.ndarray
    target: np.ndarray
    grain: np.ndarray

    def where(self, keep: np.ndarray) -> Rows:
        """Return the rows for which `keep` is true."""
        return Rows(*(getattr(self, name)[keep] for name in self.__slots__))


@dataclass(frozen=True, slots=True, repr=False)
class Recorded:
    """Rows that became events, so that the same records can be read in another way.

    Attributes
    ----------
    rows : as they came.
    join_days : rows without incident number within this time were joined; None: never.
    """

    rows: Rows
    join_days: float | None


def rows_from(
    time: np.ndarray,
    system: np.ndarray,
    kind: np.ndarray,
    number: np.ndarray | int = -1,
    target: np.ndarray | int = -1,
    grain: np.ndarray | int = 0,
) -> Rows:
    """Return rows; by default recorded to the minute, each an incident of its own, directed at nobody."""
    n = len(time)
    number, target = (
        np.broadcast_to(CODE(value), n) if isinstance(value, int) else np.asarray(value, CODE)
        for value in (number, target)
    )
    grain = np.broadcast_to(np.int8(grain), n) if isinstance(grain, int) else np.asarray(grain, np.int8)
    return Rows(np.asarray(time, float), np.asarray(system, CODE), np.asarray(kind, CODE), number, target, grain)


def no_rows() -> Rows:
    """Return no rows at all."""
    none = np.empty(0, CODE)
    return rows_from(none, none, none)


@dataclass(slots=True)
class SetAside:
    """Events that could not be used, by reason."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str, n: int) -> None:
        """Count some more."""
        if n:
            self.counts[reason] = self.counts.get(reason, 0) + int(n)


def rows_of(agency: Agency, names: list[str], kinds: list[str]) -> Rows:
    """Return the rows of an agency's events."""
    events = agency.events
    numbers = events["incident"].cast(str) if events.height else events["incident"]
    known = numbers.drop_nulls().unique(maintain_order=True).to_list()
    return rows_from(
        days(events["time"], agency.window[0], 0.0),
        codes(events["system"], names),
        codes(events["kind"], kinds),
        codes(numbers, known),
        codes(events["target"], names),
        codes(events["precision"], list(GRAINS)),
    )


def grain_of_kind(rows: Rows, n_kinds: int) -> np.ndarray:
    """Return the grain of each kind: the coarsest of its rows that makes up at least 5 % of them."""
    counts = np.zeros((n_kinds, len(GRAINS)))
    np.add.at(counts, (rows.kind, rows.grain), 1)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    often = share >= SHARE_OF_ROWS
    return len(GRAINS) - 1 - np.argmax(often[:, ::-1], axis=1)


def make_events(
    rows: Rows,
    kinds: tuple[Kind, ...],
    roster: Roster,
    calendars: dict[str, Calendar],
    join_days: float | None,
    set_aside: SetAside,
) -> Events:
    """Turn rows into events: one per incident, kind and system, at the time of the first of its finest rows.

    Parameters
    ----------
    rows
        Rows within the window, of systems of the kind's owner.
    kinds
        Kinds, by code.
    roster
        Who is where.
    calendars
        Cells by precision.
    join_days
        Rows without incident number within this time are joined where they share a person and a unit; None: never.
    set_aside
        Counts what is left out.
    """
    links = _links(rows, roster, join_days) if join_days is not None else None
    incidents = find_incidents(rows.number, rows.time, rows.grain, links)
    is_copy = _copies(rows, incidents.code)
    set_aside.add("same kind, system and incident", int(is_copy.sum()))
    time = incidents.start[incidents.code]
    kept = np.flatnonzero(~is_copy)
    kept = kept[np.argsort(time[kept], kind="stable")]
    rows, time, incident = rows.where(kept), time[kept], incidents.code[kept]
    is_terminal = np.asarray([kind.terminal for kind in kinds], bool)[rows.kind]
    is_last = is_terminal & _ends_stay(rows, time, kinds, roster)
    ends, is_coarse, is_target = _sounding(rows, time, is_last, kinds, calendars)
    set_aside.add("recorded more coarsely than the rest of their kind", int((~is_target).sum()))
    came = _arrivals(rows, time, ends, is_terminal, roster)
    place_event, place_group = places(roster, rows.system, np.fmax(time, came), is_terminal & np.isnan(came))
    by_kind, kind_begins = counting_order(rows.kind, len(kinds))
    is_shared = np.bincount(incident)[incident] > 1 if incident.size else is_coarse
    return Events(
        time, rows.system, rows.kind, incident, ends, is_coarse, is_terminal, is_target, is_shared, by_kind, kind_begins,
        first_unit(roster, rows.system, place_event, place_group), rows.target, place_event, place_group,
    )  # fmt: skip


def rows_again(events: Events, kinds: tuple[Kind, ...], calendars: dict[str, Calendar]) -> Rows:
    """Return rows of which `make_events` makes the same events: one per event, numbered by incident."""
    grain = np.asarray([GRAINS.index(kind.precision) for kind in kinds], np.int8)[events.kind]
    for number in range(len(GRAINS) - 1, 0, -1):
        if GRAINS[number] in calendars:
            ends = np.isin(events.sounds_from, calendars[GRAINS[number]].edges)
            grain = np.where(~events.is_target & (grain < number) & ends, number, grain)
    return Rows(events.time, events.system, events.kind, events.incident, events.target, grain)


def _copies(rows: Rows, incident: np.ndarray) -> np.ndarray:
    """Return which rows repeat an earlier one of the same incident, kind and system."""
    is_copy = np.zeros(incident.size, bool)
    several = np.flatnonzero(np.bincount(incident)[incident] > 1) if incident.size else np.empty(0, np.int64)
    order = several[np.lexsort((several, rows.system[several], rows.kind[several], incident[several]))]
    same = np.ones(max(order.size - 1, 0), bool)
    for key in (incident, rows.kind, rows.system):
        same &= key[order][1:] == key[order][:-1]
    is_copy[order[1:][same]] = True
    return is_copy


def _links(rows: Rows, roster: Roster, join_days: float) -> tuple[np.ndarray, np.ndarray]:
    """Return rows without number that belong together: minutes only, since a day says nothing of an hour."""
    free = np.flatnonzero((rows.number < 0) & (rows.grain == 0))
    where = places(roster, rows.system[free], rows.time[free], np.zeros(free.size, bool))
    unit = first_unit(roster, rows.system[free], *where)
    other = rows.target[free]
    named = other >= 0
    return link_rows(
        np.concatenate([free, free[named]]),
        np.concatenate([rows.system[free], other[named]]),
        np.concatenate([unit, unit[named]]),
        np.concatenate([rows.time[free], rows.time[free][named]]),
        join_days,
    )


def _ends_stay(rows: Rows, time: np.ndarray, kinds: tuple[Kind, ...], roster: Roster) -> np.ndarray:
    """Return which rows stand at the very end of a spell in which their system was there, as their kind asks for."""
    is_present = np.asarray([kind.while_ == "present" for kind in kinds], bool)[rows.kind]
    there, belongs = roster.there.end_before(rows.system, time), roster.belongs.end_before(rows.system, time)
    return np.where(is_present, there, belongs) == time


def _arrivals(rows: Rows, time: np.ndarray, ends: np.ndarray, is_terminal: np.ndarray, roster: Roster) -> np.ndarray:
    """Return when the system of a coarse row, in no stay when the cell began, came in it; nan for all others."""
    came, left = roster.belongs.start_from(rows.system, time), roster.belongs.end_before(rows.system, time)
    is_nowhere = (left < time) | ((left == time) & ~is_terminal)
    return np.where(is_nowhere & (came > time) & (came < ends), came, np.nan)


def _sounding(
    rows: Rows, time: np.ndarray, is_last: np.ndarray, kinds: tuple[Kind, ...], calendars: dict[str, Calendar]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return when each event is deposited, whether its cell is coarse, and whether it can be a target.

    A cell holds its beginning; but what ends a stay there belongs to that stay, and so to the cell before.
    """
    grain = np.asarray([GRAINS.index(kind.precision) for kind in kinds], np.int8)[rows.kind]
    deposit_grain = np.maximum(grain, rows.grain)
    ends = time.copy()
    for number, name in enumerate(GRAINS):
        here = deposit_grain == number
        if number and here.any():
            edges = calendars[name].edges
            after = np.searchsorted(edges, time[here], side="right")
            until = np.searchsorted(edges, time[here], side="left")
            ends[here] = edges[np.minimum(np.where(is_last[here], until, after), edges.size - 1)]
    return ends, deposit_grain > 0, rows.grain <= grain


def places(
    roster: Roster, system: np.ndarray, time: np.ndarray, is_before: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs (event, group): where the source is present, or else where it belongs; just before terminal events."""
    event, spell = roster.present.at(system, time, is_before)
    group = roster.present.group[spell]
    known = group >= 0
    event, group = event[known], group[known]
    nowhere = np.ones(system.size, bool)
    nowhere[event] = False
    rest = np.flatnonzero(nowhere)
    more, spell = roster.member.at(system[rest], time[rest], is_before[rest])
    event = np.concatenate([event, rest[more]]).astype(CODE)
    group = np.concatenate([group, roster.member.group[spell]]).astype(CODE)
    order = np.lexsort((group, event))
    return event[order], group[order]


def first_unit(roster: Roster, system: np.ndarray, event: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return the first group of each event at the level at which people meet; -1 for none. Pairs as from `places`.

    Where nobody meets, because all systems are groups, each is a unit of its own.
    """
    level = meeting_level(roster)
    unit = np.full(system.size, -1, CODE) if level else np.where(roster.is_person[system], -1, system).astype(CODE)
    here = roster.level[group] == level
    unit[event[here][::-1]] = group[here][::-1]
    return unit
