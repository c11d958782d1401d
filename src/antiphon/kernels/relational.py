"""The one exact pass in time order: who reads what of which event, and how much is there to be read.

Every channel is *deposit into a pool, read from a seat*. A pool keeps decaying sums per source kind, kernel and stage:
*others* (sources without a seat in use), and where readers are sources too *peers* (sources in a seat) and *watched*
(what those at risk would have to leave out because it is their own). What can be read changes only at the actions of
the streams; between them it decays as a whole. So each action adds its *change* of readable mass, and what that change
amounts to until the end of the block is known at once: the compensator costs O(1) whatever the size of the group.
"""

import math
from typing import NamedTuple

import numpy as np

from antiphon.kernels._compile import kernel
from antiphon.kernels.stages import pass_on, shares_come, shares_passed

CLOSE, TERMINAL, CHANGE, COARSE, READ, FINE = -1, 0, 1, 2, 3, 4
"""Order of actions at equal times: cells end, terminal events are read, seats and risk change, events of cells that
have ended are deposited, events are read (and cells begin), and only then minute events are deposited."""


class Changes(NamedTuple):
    """Changes of a seat's weight, or of a system's risk, by component and time."""

    begins: np.ndarray
    time: np.ndarray
    is_risk: np.ndarray
    place: np.ndarray
    value: np.ndarray


class Deposits(NamedTuple):
    """Masses by component, time and order: pool, source kind, mass, the source's seat there (-1: none), days waited.

    Days between event and deposit are needed over cells only, and empty in minute time.
    """

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
    """By kernel, rate per day at which its stages pass mass on, and stages; edges of the blocks, of the cells (empty: minute time)."""

    rate: np.ndarray
    stages: np.ndarray
    blocks: np.ndarray
    cells: np.ndarray


# columns of ``State.pools``
OFFSET, COLUMN, WIDTH, IS_SAME, SEATED, AT_RISK, STATE = range(7)
# columns of ``State.levels``: time, weight of all seats in use, of those at risk, start of the cell, share read
TIME, TOTAL, TOTAL_AT_RISK, EPOCH, SHARE = range(5)
# columns of ``State.seats`` and ``State.uses``
POOL, SYSTEM, OWN = range(3)
WEIGHT, OWN_TIME = range(2)
# of a stage, in the order of the stages of all kernels: where its kernel begins, and stages from it on
BEGIN, LEFT = range(2)


class State(NamedTuple):
    """Working memory, side by side per component so that it stays in cache.

    Attributes
    ----------
    pools : (pools, 8) int64: offset of the sums, first column, width (source kinds x stages of all kernels), whether
        readers are sources too, seats in use, those at risk, and first stage of its columns. A row is one cache line.
    levels : (pools, 4 + stages): time, weight in use, weight at risk, start of the cell, and what one own unit mass that
        was in the stage at the start of the cell would have been read at since.
    sums : others, then peers and watched where readers are sources too; each of the pool's width.
    read : what one unit of weight has read of others and of peers in this cell; laid out as ``sums``, last stages only.
    seats : (seats, 3) int64, sorted by system: pool, system, offset of the reader's own sums (-1: none).
    uses : (seats, 2): weight (0: not eligible), time of the own sums.
    own : own sums of each seat.
    begins : (systems + 1,) first seat of each system.
    is_at_risk, open_row : per system.
    """

    pools: np.ndarray
    levels: np.ndarray
    sums: np.ndarray
    read: np.ndarray
    seats: np.ndarray
    uses: np.ndarray
    own: np.ndarray
    begins: np.ndarray
    is_at_risk: np.ndarray
    open_row: np.ndarray


class Results(NamedTuple):
    """What comes out.

    Features (rows, columns); per block and stage of a column, mass gained that comes within the block, and what of it waits
    there at the block's end; reading pairs per source kind of a channel; which pools sounded per source kind; target kinds read per pool, as bits.
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
def _accumulate(p, past, rate, stages, since, share, pools, levels, sums, read):
    """Add what has been read from a pool since it was last touched: needed over cells only."""
    first, width, n_seated = pools[p, OFFSET], pools[p, WIDTH], pools[p, SEATED]
    n_states, at, is_shared = share.size, 0, pools[p, IS_SAME] and n_seated > 1
    if is_shared:
        shares_passed(levels[p, TIME] - levels[p, EPOCH], rate, stages, since)
    shares_come(past, rate, stages, share)
    for b in range(rate.size):
        last = at + stages[b] - 1
        for k in range(first, first + width, n_states):
            for s in range(at, last + 1):
                read[k + last] += sums[k + s] * share[s] / levels[p, TOTAL]
        if is_shared:
            for s in range(at, last + 1):
                for i in range(last - s + 1):
                    levels[p, SHARE + s] += since[at + i] * share[s + i] / (n_seated - 1)
            for k in range(first + width, first + 2 * width, n_states):
                for s in range(at, last + 1):
                    read[k + last] += sums[k + s] * share[s] / (n_seated - 1)
        at = last + 1


@kernel
def _begin_cell(p, start, n_states, pools, levels, read):
    """Forget what was read in an earlier cell: no open row refers to it."""
    levels[p, EPOCH] = start
    at, n_sums = pools[p, OFFSET], pools[p, WIDTH] * (2 if pools[p, IS_SAME] else 1)
    for k in range(at, at + n_sums):
        read[k] = 0.0
    for s in range(n_states):
        levels[p, SHARE + s] = 0.0


@kernel
def _deposit(p, seat, h, mass, block, lined_up, waited, passed, come, state, results):
    """Leave an event's mass in a pool: with the peers where the source is itself a reader now, else with the others."""
    at, width = state.pools[p, OFFSET], state.pools[p, WIDTH]
    n_seated, n_readers = state.pools[p, SEATED], state.pools[p, AT_RISK]
    own = state.seats[seat, OWN] if seat >= 0 else -1
    is_peer = own >= 0 and state.uses[seat, WEIGHT] > 0.0
    is_watched = is_peer and state.is_at_risk[state.seats[seat, SYSTEM]]
    n_readers -= 1 if is_watched else 0
    share = 0.0
    if is_peer:
        if n_seated > 1:
            share = n_readers / (n_seated - 1)
    elif n_seated > 0:
        share = state.levels[p, TOTAL_AT_RISK] / state.levels[p, TOTAL]
    n_states = lined_up.shape[0]
    first = state.pools[p, STATE] + h * n_states
    results.has_sounded[at // n_states + h] = True
    results.pairs[first // n_states] += mass * n_readers
    for s in range(n_states):
        k = h * n_states + s
        amount = mass * waited[s]
        state.sums[at + k + (width if is_peer else 0)] += amount
        if is_watched:
            state.sums[at + 2 * width + k] += amount
        if own >= 0:
            state.own[own + k] += amount
        if block >= 0:
            results.gained[block, first + s] += amount * share * come[s]
            for i in range(lined_up[s, LEFT]):
                results.carried[block, first + s + i] += amount * share * passed[lined_up[s, BEGIN] + i]


@kernel
def _hear(p, seat, row, rate, stages, n_states, state, features):
    """Read a pool at a moment: the reader's share of others and of peers, less its own (rules a to c)."""
    first, width = state.pools[p, OFFSET], state.pools[p, WIDTH]
    n_seated, own = state.pools[p, SEATED], state.seats[seat, OWN]
    share = state.uses[seat, WEIGHT] / state.levels[p, TOTAL]
    n_lives, last = rate.size, -1
    for b in range(n_lives):
        last += stages[b]
        column = state.pools[p, COLUMN] + b
        for k in range(last, width, n_states):
            heard = state.sums[first + k] * share
            if own >= 0 and n_seated > 1:
                heard += (state.sums[first + width + k] - state.own[own + k]) / (n_seated - 1)
            features[row, column] += rate[b] * heard
            column += n_lives


@kernel
def _settle(p, seat, row, sign, t, rate, stages, mine, state, features):
    """Take note of what has been read since the start of the cell: minus where reading begins, plus where it ends."""
    first, width = state.pools[p, OFFSET], state.pools[p, WIDTH]
    own = state.seats[seat, OWN]
    n_lives, n_states, at = rate.size, mine.size, 0
    for b in range(n_lives):
        last, column = at + stages[b] - 1, state.pools[p, COLUMN] + b
        # the own sums do not change within a cell but by passing on, and that can be undone: so one number per stage and
        # pool tells what of an own unit mass that is in it now would have been read
        x = rate[b] * (t - state.levels[p, EPOCH])
        for s in range(at, last + 1):
            mine[s], back = 0.0, math.exp(x)
            for i in range(last - s + 1):
                mine[s] += back * state.levels[p, SHARE + s + i]
                back *= -x / (i + 1)
        for k in range(0, width, n_states):
            heard = state.uses[seat, WEIGHT] * state.read[first + k + last]
            if own >= 0:
                heard += state.read[first + width + k + last]
                for s in range(at, last + 1):
                    heard -= state.own[own + k + s] * mine[s]
            features[row, column] += sign * heard
            column += n_lives
        at = last + 1


@kernel
def _change(p, seat, moves, watches, by, by_risk, block, lined_up, passed, come, state, results):
    """Let a seat come into use or fall out of it, and its reader into or out of risk; own sums move along (rule c)."""
    first, width = state.pools[p, OFFSET], state.pools[p, WIDTH]
    is_same, own = state.pools[p, IS_SAME], state.seats[seat, OWN]
    n_seated, n_risk = state.pools[p, SEATED], state.pools[p, AT_RISK]
    total, total_risk = state.levels[p, TOTAL], state.levels[p, TOTAL_AT_RISK]
    now_seated, now_risk = n_seated + moves, n_risk + watches
    # totals of weights start afresh where nobody is left, so that no rounding stays behind
    now_total = total + by if now_seated > 0 else 0.0
    now_total_risk = total_risk + by_risk if now_risk > 0 else 0.0
    state.pools[p, SEATED], state.pools[p, AT_RISK] = now_seated, now_risk
    state.levels[p, TOTAL], state.levels[p, TOTAL_AT_RISK] = now_total, now_total_risk
    n_states, states = lined_up.shape[0], state.pools[p, STATE]
    for k in range(width):
        others, peers, watched = state.sums[first + k], 0.0, 0.0
        if is_same:
            peers, watched = state.sums[first + width + k], state.sums[first + 2 * width + k]
        before = _readable(peers, watched, others, n_seated, n_risk, total, total_risk)
        if own >= 0:
            mine = state.own[own + k]
            others -= moves * mine
            peers += moves * mine
            watched += watches * mine
            state.sums[first + k] = others
            state.sums[first + width + k] = peers
            state.sums[first + 2 * width + k] = watched
        after = _readable(peers, watched, others, now_seated, now_risk, now_total, now_total_risk)
        if block >= 0 and after != before:
            s = k % n_states
            results.gained[block, states + k] += (after - before) * come[s]
            for i in range(lined_up[s, LEFT]):
                results.carried[block, states + k + i] += (after - before) * passed[lined_up[s, BEGIN] + i]


@kernel
def run_components(first, last, changes, deposits, reads, clock, state, results):
    """Run the streams of the components ``first .. last - 1`` one after the other.

    Results of different ranges may be added up; features are disjoint.
    """
    rate, stages = clock.rate, clock.stages
    n_states, n_blocks, n_cells = stages.sum(), clock.blocks.size - 1, clock.cells.size - 1
    is_coarse = n_cells > 0
    passed, come, waited = np.zeros(n_states), np.zeros(n_states), np.zeros(n_states)
    since, share, mine = np.zeros(n_states), np.zeros(n_states), np.zeros(n_states)
    lined_up, at, age = np.empty((n_states, 2), np.int64), 0, 0.0
    for b in range(rate.size):
        waited[at] = 1.0
        for i in range(stages[b]):
            lined_up[at + i, BEGIN], lined_up[at + i, LEFT] = at, stages[b] - i
        at += stages[b]
    for component in range(first, last):
        c, c_end = changes.begins[component], changes.begins[component + 1]
        d, d_end = deposits.begins[component], deposits.begins[component + 1]
        r, r_end = reads.begins[component], reads.begins[component + 1]
        block, cell, foreseen = -1, 0, -1.0
        while c < c_end or d < d_end or r < r_end:
            # the next action of the three streams
            t, order = np.inf, FINE + 1
            if c < c_end:
                t, order = changes.time[c], CHANGE
            if d < d_end and (deposits.time[d] < t or (deposits.time[d] == t and deposits.order[d] < order)):
                t, order = deposits.time[d], deposits.order[d]
            if r < r_end and (reads.time[r] < t or (reads.time[r] == t and reads.order[r] < order)):
                t, order = reads.time[r], reads.order[r]
            while block + 1 < n_blocks and t >= clock.blocks[block + 1]:
                block += 1
                foreseen = -1.0
            while cell + 1 < n_cells and (t > clock.cells[cell + 1] or (t == clock.cells[cell + 1] and order > CLOSE)):
                cell += 1
            if block >= 0 and order != READ and foreseen != t:
                foreseen = t
                shares_passed(clock.blocks[block + 1] - t, rate, stages, passed)
                shares_come(clock.blocks[block + 1] - t, rate, stages, come)
            # the seats that it concerns
            is_deposit = order in (COARSE, FINE)
            is_seat = order == CHANGE and not changes.is_risk[c]
            is_risk = order == CHANGE and changes.is_risk[c]
            value, row, system, low, high = 0.0, -1, -1, 0, 1
            if order == CHANGE:
                value = changes.value[c]
                system = state.seats[changes.place[c], SYSTEM] if is_seat else changes.place[c]
                row = state.open_row[system]
            elif not is_deposit:
                system, row = reads.system[r], reads.row[r]
            if is_seat:
                low, high = changes.place[c], changes.place[c] + 1
            elif not is_deposit:
                low, high = state.begins[system], state.begins[system + 1]
            for place in range(low, high):
                seat = deposits.seat[d] if is_deposit else place
                weight = state.uses[seat, WEIGHT] if seat >= 0 else 0.0
                if weight == 0.0 and not (is_deposit or is_seat):
                    continue
                p = deposits.pool[d] if is_deposit else state.seats[seat, POOL]
                # bring the pool and the reader's own sums up to now
                past = t - state.levels[p, TIME]
                if is_coarse and state.levels[p, EPOCH] != clock.cells[cell]:
                    _begin_cell(p, clock.cells[cell], n_states, state.pools, state.levels, state.read)
                elif is_coarse and past > 0.0 and state.pools[p, SEATED] > 0:
                    _accumulate(p, past, rate, stages, since, share, state.pools, state.levels, state.sums, state.read)
                if past > 0.0:
                    at, n_sums = state.pools[p, OFFSET], state.pools[p, WIDTH] * (3 if state.pools[p, IS_SAME] else 1)
                    pass_on(state.sums, at, at + n_sums, past, rate, stages, n_states)
                    state.levels[p, TIME] = t
                if seat >= 0 and state.seats[seat, OWN] >= 0 and t > state.uses[seat, OWN_TIME]:
                    own = state.seats[seat, OWN]
                    elapsed = t - state.uses[seat, OWN_TIME]
                    pass_on(state.own, own, own + state.pools[p, WIDTH], elapsed, rate, stages, n_states)
                    state.uses[seat, OWN_TIME] = t
                # act
                if is_deposit:
                    if is_coarse and deposits.age[d] != age:
                        age = deposits.age[d]
                        shares_passed(age, rate, stages, waited)
                    h, mass = deposits.kind[d], deposits.mass[d]
                    _deposit(p, seat, h, mass, block, lined_up, waited, passed, come, state, results)
                    continue
                if order != CHANGE:
                    results.kinds_read[p] |= reads.kinds[r]
                    if not is_coarse:
                        _hear(p, seat, row, rate, stages, n_states, state, results.features)
                        continue
                is_on = state.is_at_risk[system]
                if row >= 0 and is_on and weight > 0.0 and order != READ:
                    _settle(p, seat, row, 1.0, t, rate, stages, mine, state, results.features)
                if is_seat:
                    moves = (1 if value > 0.0 else 0) - (1 if weight > 0.0 else 0)
                    watches = moves if is_on else 0
                    by = value - weight
                    _change(
                        p, seat, moves, watches, by, by if is_on else 0.0, block, lined_up, passed, come, state, results
                    )
                    state.uses[seat, WEIGHT] = value
                elif is_risk:
                    watches = 1 if value > 0.0 else -1
                    _change(p, seat, 0, watches, 0.0, watches * weight, block, lined_up, passed, come, state, results)
                if row >= 0 and (
                    (is_seat and is_on and value > 0.0) or (is_risk and value > 0.0) or (order == READ and is_on)
                ):
                    _settle(p, seat, row, -1.0, t, rate, stages, mine, state, results.features)
            if is_deposit:
                d += 1
            elif order == CHANGE:
                if is_risk:
                    state.is_at_risk[system] = value > 0.0
                c += 1
            else:
                if is_coarse:
                    state.open_row[system] = row if order == READ else -1
                r += 1
