"""Who hears an echo: the eligible readers of a pool at a moment, and the groups in which a source is."""

from typing import NamedTuple

import numpy as np

from antiphon.kernels._compile import kernel
from antiphon.kernels.draws import uniform
from antiphon.kernels.immigrants import MEMBER, NOT_MEMBER, NOT_PRESENT, PRESENT

SEATS, TAKEN, NEXT, NO_MORE = range(4)
"""Columns of ``Seats.pools``: first seat, seats in use; next change of a seat, and the first change of another pool."""


class Seats(NamedTuple):
    """Who may read from a pool when, and working memory.

    Attributes
    ----------
    pools : (pools, 4) see ``SEATS`` and so on; ``system`` : (seats,) readers.
    change_seat, change_time, change_weight : by pool and time, the weight from then on.
    in_use : (seats, 2) reader and seat of those in use, which come first in each pool.
    place : (seats,) place of each seat among those in use, -1: none; ``weight`` : (seats,) now.
    """

    pools: np.ndarray
    system: np.ndarray
    change_seat: np.ndarray
    change_time: np.ndarray
    change_weight: np.ndarray
    in_use: np.ndarray
    place: np.ndarray
    weight: np.ndarray


class Places(NamedTuple):
    """Where sources are: spells of presence, then of belonging.

    Attributes
    ----------
    span : (spells, 3) start, end, latest end of the system's so far; ``group`` : (spells,).
    level : (systems,) of groups.
    begins : (systems + 1,) spells of belonging to anything; ``belongs`` : (spells, 2) start and end.
    """

    span: np.ndarray
    group: np.ndarray
    level: np.ndarray
    begins: np.ndarray
    belongs: np.ndarray


@kernel
def bring_up(pool, t, seats):
    """Apply the changes of a pool's seats until t."""
    change, begin = seats.pools[pool, NEXT], seats.pools[pool, SEATS]
    while change < seats.pools[pool, NO_MORE] and seats.change_time[change] <= t:
        seat, weight = seats.change_seat[change], seats.change_weight[change]
        place, n = seats.place[seat], seats.pools[pool, TAKEN]
        if weight > 0.0 and place < 0:
            seats.in_use[begin + n, 0], seats.in_use[begin + n, 1] = seats.system[seat], seat
            seats.place[seat], seats.pools[pool, TAKEN] = n, n + 1
        elif weight == 0.0 and place >= 0:
            reader, moved = seats.in_use[begin + n - 1, 0], seats.in_use[begin + n - 1, 1]
            seats.in_use[begin + place, 0], seats.in_use[begin + place, 1] = reader, moved
            seats.place[moved] = place
            seats.place[seat], seats.pools[pool, TAKEN] = -1, n - 1
        seats.weight[seat] = weight
        change += 1
    seats.pools[pool, NEXT] = change


@kernel
def reader_of(pool, source, key, first, pools, in_use):
    """Return who hears an echo: one of those in the pool but for the source, all alike; -1 for nobody."""
    begin, n = pools[pool, SEATS], pools[pool, TAKEN]
    if n == 0 or (n == 1 and in_use[begin, 0] == source):
        return np.int64(-1)
    reader, trial = source, first
    while reader == source:
        reader = in_use[begin + int(uniform(key, trial) * n), 0]
        trial += 1
    return reader


@kernel
def weighted_reader(pool, u, seats):
    """Return who hears an echo, by weight; -1 for nobody. A source has no tie with itself."""
    begin, n, total = seats.pools[pool, SEATS], seats.pools[pool, TAKEN], 0.0
    for place in range(begin, begin + n):
        total += seats.weight[seats.in_use[place, 1]]
    for place in range(begin, begin + n):
        u -= seats.weight[seats.in_use[place, 1]] / total
        if u < 0.0 or place == begin + n - 1:
            return seats.in_use[place, 0]
    return np.int64(-1)


@kernel
def _groups_at(first, last, t, is_before, level, number, span, group, levels):
    """Return how many groups hold a system at t, how many of them at the level, and the numbered one of those.

    ``first .. last - 1`` are the system's spells.
    """
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        if span[middle, 0] < t or (span[middle, 0] == t and not is_before):
            low = middle + 1
        else:
            high = middle
    n, n_level, chosen = 0, 0, np.int64(-1)
    j = low - 1
    while j >= first and (span[j, 2] > t or (is_before and span[j, 2] == t)):
        if group[j] >= 0 and (span[j, 1] > t or (is_before and span[j, 1] == t)):
            n += 1
            if levels[group[j]] == level:
                if n_level == number:
                    chosen = group[j]
                n_level += 1
        j -= 1
    return n, n_level, chosen


@kernel
def place_of(system, t, is_before, level, u, row, places):
    """Return one of the groups of the level in which the source is, all alike (rule b); -1 for none.

    Where it is present, or else where it belongs; just before a terminal event.
    """
    span, group, levels = places.span, places.group, places.level
    first, last = row[system, PRESENT], row[system, NOT_PRESENT]
    n, n_level, chosen = _groups_at(first, last, t, is_before, level, 0, span, group, levels)
    if n == 0:
        first, last = row[system, MEMBER], row[system, NOT_MEMBER]
        n, n_level, chosen = _groups_at(first, last, t, is_before, level, 0, span, group, levels)
    if n_level > 1:
        chosen = _groups_at(first, last, t, is_before, level, int(u * n_level), span, group, levels)[2]
    return chosen


@kernel
def arrival_of(system, recorded, sounds, is_terminal, begins, belongs):
    """Return when a system that belonged nowhere when its coarse event was recorded came in that cell; -inf otherwise."""
    left, k, last = -np.inf, begins[system], begins[system + 1]
    while k < last and belongs[k, 0] < recorded:
        left = belongs[k, 1]
        k += 1
    is_nowhere = left < recorded or (left == recorded and not is_terminal)
    return belongs[k, 0] if is_nowhere and k < last and recorded < belongs[k, 0] < sounds else -np.inf
