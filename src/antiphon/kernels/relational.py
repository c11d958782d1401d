"""The one exact pass in time order: who reads what of which event, and how much is there to be read.

Every channel is *deposit into a pool, read from a seat*. A pool keeps decaying sums per source kind and half-life:
``others`` (sources without a seat in use), and where readers are sources too ``peers`` (sources in a seat) and ``watched``
(what those at risk would have to leave out because it is their own). What can be read changes only at the actions of
the streams; between them it decays as a whole. So each action adds its *change* of readable mass, and what that change
amounts to until the end of the block is known at once: the compensator costs O(1) whatever the size of the group.
"""

import math
from typing import NamedTuple

import numpy as np

from antiphon.kernels._compile import kernel

CLOSE, TERMINAL, CHANGE, COARSE, READ, FINE = -1, 0, 1, 2, 3, 4
"""Order of actions at equal times: cells end, terminal events are read, seats and risk change, events of cells that
have ended are deposited, events are read (and cells begin), and only then minute events are deposited."""


class Pools(NamedTuple):
    """Per pool: offset of its sums, offset of the sums of peers (-1: none), first column, number of source kinds."""

    offset: np.ndarray
    twin: np.ndarray
    column: np.ndarray
    n_kinds: np.ndarray


class Seats(NamedTuple):
    """Places to read from, sorted by system: pool, system, offset of the reader's own sums (-1: none), first of each system."""

    pool: np.ndarray
    system: np.ndarray
    own: np.ndarray
    begins: np.ndarray


class Changes(NamedTuple):
    """Changes of a seat's weight, or of a system's risk, by component and time."""

    begins: np.ndarray
    time: np.ndarray
    is_risk: np.ndarray
    place: np.ndarray
    value: np.ndarray


class Deposits(NamedTuple):
    """Masses by component, time and order: pool, source kind, mass, the source's seat there (-1: none), days since the event."""

    begins: np.ndarray
    time: np.ndarray
    order: np.ndarray
    pool: np.ndarray
    kind: np.ndarray
    mass: np.ndarray
    seat: np.ndarray
    age: np.ndarray


class Reads(NamedTuple):
    """Readings by component, time and order: system, row of the features, and the target kinds of the row as bits."""

    begins: np.ndarray
    time: np.ndarray
    order: np.ndarray
    system: np.ndarray
    row: np.ndarray
    kinds: np.ndarray


class Clock(NamedTuple):
    """Decay per day of each half-life, edges of the blocks, edges of the cells (empty: minute time)."""

    rate: np.ndarray
    blocks: np.ndarray
    cells: np.ndarray


class State(NamedTuple):
    """Working memory. Sums at offsets; per pool time, totals and counts; per seat weight; per system risk and open row."""

    others: np.ndarray
    peers: np.ndarray
    watched: np.ndarray
    own: np.ndarray
    own_time: np.ndarray
    pool_time: np.ndarray
    total: np.ndarray
    total_at_risk: np.ndarray
    n_seated: np.ndarray
    n_at_risk: np.ndarray
    weight: np.ndarray
    is_at_risk: np.ndarray
    open_row: np.ndarray
    others_read: np.ndarray
    peers_read: np.ndarray
    share_read: np.ndarray
    epoch: np.ndarray


class Results(NamedTuple):
    """What comes out.

    Features (rows, columns); per block and column, mass gained within the block and carried out of it; reading pairs
    per column; which pools sounded per source kind; target kinds read per pool, as bits.
    """

    features: np.ndarray
    gained: np.ndarray
    carried: np.ndarray
    pairs: np.ndarray
    has_sounded: np.ndarray
    kinds_read: np.ndarray


@kernel
def _readable(peers, watched, others, n_seated, n_at_risk, total, total_at_risk):
    """Mass that systems at risk read from a pool (rule c)."""
    mass = 0.0
    if n_seated > 1:
        mass += (n_at_risk * peers - watched) / (n_seated - 1)
    if n_seated > 0:
        mass += others * total_at_risk / total
    return mass


@kernel
def run_components(first, last, pools, seats, changes, deposits, reads, clock, state, results):
    """Run the streams of the components ``first .. last - 1`` one after the other.

    Results of different ranges may be added up; features are disjoint.
    """
    n_lives = clock.rate.size
    n_blocks = clock.blocks.size - 1
    is_coarse = clock.cells.size > 0
    tail = np.zeros(n_lives)
    rest = np.zeros(n_lives)
    decay = np.zeros(n_lives)
    own_decay = np.zeros(n_lives)
    lift = np.zeros(n_lives)
    for component in range(first, last):
        c, c_end = changes.begins[component], changes.begins[component + 1]
        d, d_end = deposits.begins[component], deposits.begins[component + 1]
        r, r_end = reads.begins[component], reads.begins[component + 1]
        block = -1
        cell = 0
        tail_time = -1.0
        while c < c_end or d < d_end or r < r_end:
            t = np.inf
            order = FINE + 1
            if c < c_end:
                t, order = changes.time[c], CHANGE
            if d < d_end and (deposits.time[d] < t or (deposits.time[d] == t and deposits.order[d] < order)):
                t, order = deposits.time[d], deposits.order[d]
            if r < r_end and (reads.time[r] < t or (reads.time[r] == t and reads.order[r] < order)):
                t, order = reads.time[r], reads.order[r]
            while block + 1 < n_blocks and t >= clock.blocks[block + 1]:
                block += 1
                tail_time = -1.0
            if is_coarse:
                while cell + 2 < clock.cells.size and (
                    t > clock.cells[cell + 1] or (t == clock.cells[cell + 1] and order > CLOSE)
                ):
                    cell += 1
            if block >= 0 and order != READ and tail_time != t:
                tail_time = t
                for b in range(n_lives):
                    span = clock.rate[b] * (clock.blocks[block + 1] - t)
                    tail[b] = math.exp(-span)
                    rest[b] = -math.expm1(-span)
            # which seats the action concerns
            is_deposit = order in (COARSE, FINE)
            is_seat = False
            is_risk = False
            value = 0.0
            row = -1
            system = -1
            if is_deposit:
                low, high = 0, 1
            elif order == CHANGE:
                value = changes.value[c]
                is_risk = changes.is_risk[c]
                is_seat = not is_risk
                if is_seat:
                    low, high = changes.place[c], changes.place[c] + 1
                    system = seats.system[low]
                else:
                    system = changes.place[c]
                    low, high = seats.begins[system], seats.begins[system + 1]
                row = state.open_row[system]
            else:
                system, row = reads.system[r], reads.row[r]
                low, high = seats.begins[system], seats.begins[system + 1]
            for place in range(low, high):
                if is_deposit:
                    p, seat = deposits.pool[d], deposits.seat[d]
                else:
                    p, seat = seats.pool[place], place
                    if not is_seat and state.weight[seat] == 0.0:
                        continue
                at, twin = pools.offset[p], pools.twin[p]
                n_kinds, column = pools.n_kinds[p], pools.column[p]
                n_seated = state.n_seated[p]
                # bring the pool up to now
                past = t - state.pool_time[p]
                if is_coarse and state.epoch[p] != clock.cells[cell]:
                    # no open row refers to what was read in an earlier cell
                    for k in range(n_kinds * n_lives):
                        state.others_read[at + k] = 0.0
                        if twin >= 0:
                            state.peers_read[twin + k] = 0.0
                    for b in range(n_lives):
                        state.share_read[p, b] = 0.0
                elif is_coarse and past > 0.0 and n_seated > 0:
                    for b in range(n_lives):
                        used = -math.expm1(-clock.rate[b] * past)
                        if n_seated > 1:
                            since = math.exp(-clock.rate[b] * (state.pool_time[p] - state.epoch[p]))
                            state.share_read[p, b] += since * used / (n_seated - 1)
                        for k in range(b, n_kinds * n_lives, n_lives):
                            state.others_read[at + k] += state.others[at + k] * used / state.total[p]
                            if twin >= 0 and n_seated > 1:
                                state.peers_read[twin + k] += state.peers[twin + k] * used / (n_seated - 1)
                if is_coarse:
                    state.epoch[p] = clock.cells[cell]
                if past > 0.0:
                    for b in range(n_lives):
                        decay[b] = math.exp(-clock.rate[b] * past)
                    for h in range(n_kinds):
                        for b in range(n_lives):
                            k = h * n_lives + b
                            state.others[at + k] *= decay[b]
                            if twin >= 0:
                                state.peers[twin + k] *= decay[b]
                                state.watched[twin + k] *= decay[b]
                    state.pool_time[p] = t
                own = -1
                if twin >= 0 and seat >= 0:
                    own = seats.own[seat]
                    past = t - state.own_time[seat]
                    if past > 0.0:
                        for b in range(n_lives):
                            own_decay[b] = math.exp(-clock.rate[b] * past)
                        for h in range(n_kinds):
                            for b in range(n_lives):
                                state.own[own + h * n_lives + b] *= own_decay[b]
                        state.own_time[seat] = t
                if is_deposit:
                    h, mass, age = deposits.kind[d], deposits.mass[d], deposits.age[d]
                    is_peer = own >= 0 and state.weight[seat] > 0.0
                    is_watched = is_peer and state.is_at_risk[seats.system[seat]]
                    n_readers = state.n_at_risk[p] - (1 if is_watched else 0)
                    results.has_sounded[at // n_lives + h] = True
                    results.pairs[column + h * n_lives] += mass * n_readers
                    for b in range(n_lives):
                        k = h * n_lives + b
                        amount = mass * math.exp(-clock.rate[b] * age) if age > 0.0 else mass
                        gain = 0.0
                        if own >= 0:
                            state.own[own + k] += amount
                        if is_peer:
                            state.peers[twin + k] += amount
                            if is_watched:
                                state.watched[twin + k] += amount
                            if n_seated > 1:
                                gain = amount * n_readers / (n_seated - 1)
                        else:
                            state.others[at + k] += amount
                            if n_seated > 0:
                                gain = amount * state.total_at_risk[p] / state.total[p]
                        if block >= 0 and gain > 0.0:
                            results.gained[block, column + k] += gain * rest[b]
                            results.carried[block, column + k] += gain * tail[b]
                    continue
                if order in (READ, TERMINAL) and not is_coarse:
                    results.kinds_read[p] |= reads.kinds[r]
                    share = state.weight[seat] / state.total[p]
                    for h in range(n_kinds):
                        for b in range(n_lives):
                            k = h * n_lives + b
                            heard = state.others[at + k] * share
                            if own >= 0 and n_seated > 1:
                                heard += (state.peers[twin + k] - state.own[own + k]) / (n_seated - 1)
                            results.features[row, column + k] += clock.rate[b] * heard
                    continue
                # from here on: changes of a seat or of risk, and the two ends of a cell
                is_on = state.is_at_risk[system]
                settles_before = is_coarse and row >= 0 and is_on and state.weight[seat] > 0.0 and order != READ
                settles_after = (
                    is_coarse
                    and row >= 0
                    and ((is_seat and is_on and value > 0.0) or (is_risk and value > 0.0) or (order == READ and is_on))
                )
                if is_coarse and (settles_before or settles_after):
                    if order in (CLOSE, READ):
                        results.kinds_read[p] |= reads.kinds[r]
                    for b in range(n_lives):
                        lift[b] = math.exp(clock.rate[b] * (t - state.epoch[p]))
                if settles_before:
                    for h in range(n_kinds):
                        for b in range(n_lives):
                            k = h * n_lives + b
                            heard = state.weight[seat] * state.others_read[at + k]
                            if own >= 0:
                                heard += (
                                    state.peers_read[twin + k] - state.own[own + k] * lift[b] * state.share_read[p, b]
                                )
                            results.features[row, column + k] += heard
                if order == CHANGE:
                    n_risk = state.n_at_risk[p]
                    total, total_risk = state.total[p], state.total_at_risk[p]
                    new_seated, new_risk = n_seated, n_risk
                    new_total, new_total_risk = total, total_risk
                    weight = state.weight[seat]
                    moves = 0
                    watches = 0
                    if is_seat:
                        moves = (1 if value > 0.0 else 0) - (1 if weight > 0.0 else 0)
                        new_seated = n_seated + moves
                        new_total = total + (value - weight) if new_seated > 0 else 0.0
                        if is_on:
                            watches = moves
                            new_risk = n_risk + moves
                            new_total_risk = total_risk + (value - weight) if new_risk > 0 else 0.0
                    else:
                        watches = 1 if value > 0.0 else -1
                        new_risk = n_risk + watches
                        new_total_risk = total_risk + watches * weight if new_risk > 0 else 0.0
                    for h in range(n_kinds):
                        for b in range(n_lives):
                            k = h * n_lives + b
                            peers, watched, others = 0.0, 0.0, state.others[at + k]
                            if twin >= 0:
                                peers, watched = state.peers[twin + k], state.watched[twin + k]
                            before = _readable(peers, watched, others, n_seated, n_risk, total, total_risk)
                            if own >= 0:
                                mine = state.own[own + k]
                                peers += moves * mine
                                others -= moves * mine
                                watched += watches * mine
                                state.peers[twin + k] = peers
                                state.others[at + k] = others
                                state.watched[twin + k] = watched
                            after = _readable(peers, watched, others, new_seated, new_risk, new_total, new_total_risk)
                            if block >= 0 and after != before:
                                results.gained[block, column + k] += (after - before) * rest[b]
                                results.carried[block, column + k] += (after - before) * tail[b]
                    state.n_seated[p], state.n_at_risk[p] = new_seated, new_risk
                    state.total[p], state.total_at_risk[p] = new_total, new_total_risk
                    if is_seat:
                        state.weight[seat] = value
                if settles_after:
                    for h in range(n_kinds):
                        for b in range(n_lives):
                            k = h * n_lives + b
                            heard = state.weight[seat] * state.others_read[at + k]
                            if own >= 0:
                                heard += (
                                    state.peers_read[twin + k] - state.own[own + k] * lift[b] * state.share_read[p, b]
                                )
                            results.features[row, column + k] -= heard
            if is_deposit:
                d += 1
            elif order == CHANGE:
                if is_risk:
                    state.is_at_risk[system] = value > 0.0
                c += 1
            else:
                if order == READ and is_coarse:
                    state.open_row[system] = row
                elif order == CLOSE:
                    state.open_row[system] = -1
                r += 1
