"""Counts that fix the table of tests before anything is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.design import Margins
from antiphon.design.spells import spells

if TYPE_CHECKING:
    from antiphon.design.delays import Kernels
    from antiphon.design.design import Channel, Role, Target
    from antiphon.design.events import Events
    from antiphon.design.pools import Wiring
    from antiphon.design.spells import Spells
    from antiphon.design.targets import ClassReading


def make_margins(
    channels: tuple[Channel, ...],
    roles: tuple[Role, ...],
    events: Events,
    classes: list[ClassReading],
    kernels: Kernels,
) -> Margins:
    """Return the margins of all channels and kinds.

    Notes
    -----
    The expected pairs of a coupling are the readers at risk at each source event (by mass), times how many target
    events one reader has within the longest half-life if nothing echoes. For the own past it is each system's own
    counts and days that say so: people differ, and the pairs are made by those who have many of both.
    """
    n_systems = int(roles[0].frail.size) if roles else 0
    n_source: dict[tuple[int, int], int] = {}
    n_pairs: dict[tuple[int, int, int], float] = {}
    n_units: dict[tuple[int, int, int], int] = {}
    shared: set[tuple[int, int]] = set()
    for found in classes:
        kinds = [target.kind for target in found.targets]
        watched = _watched(roles[found.targets[0].role], kinds[0])
        shared |= {(w.channel, kind) for w in found.wirings if has_one_pool(w, watched) for kind in kinds}
        for wiring in found.wirings:
            if (wiring.channel, wiring.sources[0]) not in n_source:
                n_source |= _sources(wiring, events)
        for target in found.targets:
            heard = _units_that_heard(target, channels)
            column = 0
            for i, wiring in enumerate(found.wirings):
                for position, source in enumerate(wiring.sources):
                    key = (wiring.channel, source, target.kind)
                    if channels[wiring.channel].how == "self":
                        mine = np.bincount(events.system[events.of_kind(source)], minlength=n_systems)
                        n_pairs[key] = _own_pairs(roles[target.role], target, mine, same=source == target.kind)
                        n_pairs[key] *= float(kernels.half_lives[-1])
                    else:
                        n_pairs[key] = _expected_pairs(found, column, target, kernels)
                    column += 1
                    if channels[wiring.channel].how in ("self", "tie"):
                        n_units[key] = heard.get((wiring.channel, source), 0)
                    else:
                        n_units[key] = found.reading.meetings.get((i, position, found.bits[target.kind]), 0)
    n_target = {t.kind: int(np.unique(t.system).size) for found in classes for t in found.targets}
    return Margins(n_source, n_target, n_pairs, n_units, frozenset(shared))


def _watched(role: Role, kind: int) -> Spells:
    """Return when the systems of a role are at risk of a kind, and in which organisation: its code as the group."""
    segments = role.segments
    on = segments.at_risk[:, role.kinds.index(kind)]
    n = max(role.frail.size, int(segments.group.max(initial=0)) + 1)
    return spells(segments.system[on], segments.group[on], segments.start[on], segments.end[on], n)


def has_one_pool(wiring: Wiring, watched: Spells) -> bool:
    """Say whether, in every organisation at any time, all readers at risk read one and the same pool.

    Parameters
    ----------
    wiring
        Pools and seats of a channel.
    watched
        When its readers are at risk, and in which organisation.
    """
    is_on = wiring.change_weight > 0.0
    until = np.append(wiring.change_time[1:], np.inf)
    until[np.flatnonzero(np.diff(wiring.change_seat))] = np.inf
    seat, start, end = wiring.change_seat[is_on], wiring.change_time[is_on], until[is_on]
    a, b = watched.overlaps(wiring.seat_system[seat], start, end)
    start, end = np.maximum(start[a], watched.start[b]), np.minimum(end[a], watched.end[b])
    n = max(watched.n_owners, wiring.pool.size)
    organisation, reader, pool = watched.group[b], wiring.seat_system[seat[a]], wiring.seat_pool[seat[a]]
    # most channels differ at any moment one may choose, and one moment needs no sorting of all
    moment = float(np.median(start)) if start.size else 0.0
    now = np.flatnonzero((start <= moment) & (moment < end))
    once = np.zeros(now.size)
    if not _read_alike(organisation[now], reader[now], pool[now], once, once + 1.0, n):
        return False
    return _read_alike(organisation, reader, pool, start, end, n)


def _read_alike(
    organisation: np.ndarray, reader: np.ndarray, pool: np.ndarray, start: np.ndarray, end: np.ndarray, n: int
) -> bool:
    """Say whether at any time all readers in an organisation read the same pools.

    That is so where the seats in use are as many as readers times pools: else some reader lacks what another has.
    """
    parts = [(organisation, start, end)]
    parts += [(s.owner, s.start, s.end) for s in (spells(organisation, x, start, end, n) for x in (reader, pool))]
    owner = np.concatenate([owner for owner, _, _ in parts] * 2)
    time = np.concatenate([start for _, start, _ in parts] + [end for _, _, end in parts])
    step = np.zeros((owner.size, len(parts)), np.int64)
    what = np.repeat(np.arange(len(parts)), [owner.size for owner, _, _ in parts])
    step[np.arange(owner.size), np.tile(what, 2)] = np.repeat([1, -1], what.size)
    order = np.lexsort((time, owner))
    is_last = (np.diff(owner[order]) != 0) | (np.diff(time[order]) != 0)
    n_seats, n_readers, n_pools = np.cumsum(step[order], axis=0)[:-1][is_last].T
    return bool((n_seats == n_readers * n_pools).all())


def _sources(wiring: Wiring, events: Events) -> dict[tuple[int, int], int]:
    """Count the systems that left something, per source kind."""
    found = {}
    for position, source in enumerate(wiring.sources):
        seen = np.zeros(int(events.system.max(initial=0)) + 1, bool)
        seen[events.system[wiring.event[wiring.source == position]]] = True
        found[wiring.channel, source] = int(np.count_nonzero(seen))
    return found


def _expected_pairs(found: ClassReading, column: int, target: Target, kernels: Kernels) -> float:
    rate = float(target.count.sum()) / max(found.days_at_risk, 1e-12)
    return float(found.reading.pairs[column]) * rate * float(kernels.half_lives[-1])


def _own_pairs(role: Role, target: Target, n_source: np.ndarray, *, same: bool) -> float:
    """Return the expected pairs per day of delay of a system's own events, given how many each system has."""
    at_risk = role.segments.at_risk[:, role.kinds.index(target.kind)]
    length = (role.segments.end - role.segments.start)[at_risk]
    days = np.bincount(role.segments.system[at_risk], length, minlength=n_source.size)
    n_target = np.bincount(target.system, target.count, minlength=n_source.size)
    pairs = n_target * np.maximum(n_source - float(same), 0.0)
    seen = days > 0
    return float((pairs[seen] / days[seen]).sum())


def _units_that_heard(target: Target, channels: tuple[Channel, ...]) -> dict[tuple[int, int], int]:
    """Count the units of rows that heard anything, per channel and source kind: for own past and ties."""
    wanted = [(j, f) for j, f in enumerate(target.columns) if channels[f.channel].how in ("self", "tie")]
    last = {(feature.channel, feature.source_kind): j for j, feature in wanted}
    rows = np.flatnonzero(target.unit >= 0)
    if not rows.size or not last:
        return {}
    rows = rows[np.argsort(target.unit[rows], kind="stable")]
    begins = np.flatnonzero(np.diff(target.unit[rows], prepend=-1))
    found = {}
    for key, j in last.items():
        found[key] = int(np.count_nonzero(np.logical_or.reduceat(target.features[rows, j] > 0, begins)))
    return found
