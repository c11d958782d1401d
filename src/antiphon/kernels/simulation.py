"""The model run forward in time order: endemic points and echoes that are on their way, whichever comes first.

Every event that happens draws its echoes at once: how many, of which coupling, and when each would arrive. Who hears an
echo is drawn when it arrives, among those who are eligible then; if nobody is, or whoever it is cannot have the event or
does not answer, it is lost (rules a to f). As many set out as would be heard by those who are readiest to answer. Luck is keyed: an echo's numbers hang on the event that it follows, not on what else happens.

The loop takes its tables apart once and never gives an array a new value: otherwise references would be counted at every
event, and that costs more than everything else together. So whoever calls it makes more room when it asks for it.
"""

import math
from typing import NamedTuple

import numpy as np

from antiphon.kernels._compile import kernel
from antiphon.kernels.draws import MOST, key_at, poisson, uniform, waiting
from antiphon.kernels.immigrants import (
    CELLS,
    COUNT,
    EDGE,
    EPOCH,
    FIRST,
    IS_COARSE,
    IS_TERMINAL,
    KIND,
    SPELL,
    STOP,
    cell_at,
    draw_points,
    grown,
    larger_table,
)
from antiphon.kernels.ordering import order_by_time
from antiphon.kernels.propensity import factor_of, learn
from antiphon.kernels.readers import NEXT, NO_MORE, arrival_of, bring_up, place_of, reader_of, weighted_reader

NUMBER, MASS, COUPLING, POOL, ANSWER, DELAY, ECHOES, READER = 0, 1, 2, 3, 4, 8, 64, 1 << 20
"""Places in the stream of an event; those of the delay, the echoes and the reader have as many after them as needed."""

TARGET, CHANNEL, LEVEL, READERS, ORDER = range(5)
"""Columns of ``Couplings.route``: target; channel; level of the groups that are its pools; who reads from them; order of
the kernel."""

OWN = -1
"""Instead of a level: the pool is that of the source itself (self, group, tie)."""

ONE, ALIKE, WEIGHTED = range(3)
"""Who reads from a pool: one reader, whose code the pool has (self, members); all alike (peers, group); by weight (tie)."""

WHERE, WHICH, AFTER, KEY = range(4)
"""Columns of what is on its way: pool or reader, coupling, event that it follows, key."""

WHO, WHAT, BACK, BY = range(4)
"""Rows of what was found: system, kind, how many events back the one is that it follows (0: none), by which coupling."""

EVENTS, WAITING, POINTS, PAST = range(4)
"""What is counted: events so far, what is on its way, points and past events that have had their turn."""

KNOWN = -1
"""Instead of a coupling on its way: nothing arrives, but an event of coarse time becomes known."""

ENDEMIC, FIRST_PAST = -1, -2
"""Instead of the coupling of an event found: none; or the first of the past, the second being one less, and so on."""


class Couplings(NamedTuple):
    """What may follow an event, by source kind.

    Attributes
    ----------
    begins : (kinds + 1,); ``total`` : (kinds,) expected echoes that set out; ``none`` : (kinds,) chance of none.
    up_to : (couplings,) share of the kind's echoes up to and with this one; ``guide`` : (couplings,) where to look first.
    route : (couplings, 5) see ``TARGET`` and so on; ``mean`` : (couplings,) mean delay in days.
    pool : (channels, systems) pool of each system, as a source or as a group where sources are; -1: nobody reads there.
    mass_begins : (kinds + 1,); ``masses`` : equally likely masses of the events of a kind (none: always 1).
    """

    begins: np.ndarray
    total: np.ndarray
    none: np.ndarray
    up_to: np.ndarray
    guide: np.ndarray
    route: np.ndarray
    mean: np.ndarray
    pool: np.ndarray
    mass_begins: np.ndarray
    masses: np.ndarray


class Past(NamedTuple):
    """Events that have happened, by part of the agency and time; and what each leaves in which pool.

    Attributes
    ----------
    begins : (parts + 1,); time, system, kind, target (-1: not modelled), key : (events,).
    sounds, is_coarse : (events,) from when it is heard, and whether its cell was coarse.
    share_begins : (events + 1,); share_channel, share_pool (a system), share : mass per pool.
    """

    begins: np.ndarray
    time: np.ndarray
    system: np.ndarray
    kind: np.ndarray
    target: np.ndarray
    key: np.ndarray
    sounds: np.ndarray
    is_coarse: np.ndarray
    share_begins: np.ndarray
    share_channel: np.ndarray
    share_pool: np.ndarray
    share: np.ndarray


class Endings(NamedTuple):
    """What is known of terminal events.

    Attributes
    ----------
    begins : (systems + 1,) stays of each system; ``stays`` : (stays, 2) start and end.
    since, until, cell : (systems, targets of a role), or no systems where nothing is terminal: from and until when a
        kind cannot happen again, and when it was last recorded.
    """

    begins: np.ndarray
    stays: np.ndarray
    since: np.ndarray
    until: np.ndarray
    cell: np.ndarray


class Work(NamedTuple):
    """Working memory of a part.

    Attributes
    ----------
    time, found : (room,) recorded times of the events so far; (4, room) see ``WHO`` and so on.
    queue, slots : (room,) heap of arrivals and their slots; ``free`` : slots not in use, after those that are.
    on_way : (room, 4) by slot, see ``WHERE`` and so on.
    counts : (4,) see ``EVENTS`` and so on.
    """

    time: np.ndarray
    found: np.ndarray
    queue: np.ndarray
    slots: np.ndarray
    free: np.ndarray
    on_way: np.ndarray
    counts: np.ndarray


@kernel
def _push(times, slots, n, t, slot):
    """Put an arrival into the queue: a heap of n by time."""
    while n > 0:
        above = (n - 1) // 2
        if times[above] <= t:
            break
        times[n], slots[n] = times[above], slots[above]
        n = above
    times[n], slots[n] = t, slot


@kernel
def _pop(times, slots, n):
    """Take the first arrival out of a queue of n; return its slot."""
    first = slots[0]
    n -= 1
    t, slot = times[n], slots[n]
    times[n] = np.inf
    here, below = 0, 1
    while below < n:
        below += int(times[below + 1] < times[below])
        if times[below] >= t:
            break
        times[here], slots[here] = times[below], slots[below]
        here, below = below, 2 * below + 1
    times[here], slots[here] = t, slot
    return first


@kernel
def _past_place(event, channel, u, begins, channels, pools, shares):
    """Return the system in whose pool an echo of a past event waits; -1 where its mass went elsewhere."""
    for k in range(begins[event], begins[event + 1]):
        if channels[k] == channel:
            u -= shares[k]
            if u < 0.0:
                return pools[k]
    return -1


@kernel
def _end(system, column, recorded, sounds, endings):
    """Note that a terminal kind has happened: never again before the next stay.

    Whoever was in no stay when it was recorded, and came in that cell, ended the stay that then began.
    """
    last = endings.begins[system + 1]
    k = endings.begins[system]
    left = -np.inf
    while k < last and endings.stays[k, 0] < recorded:
        left = endings.stays[k, 1]
        k += 1
    if k < last and left < recorded and endings.stays[k, 0] < sounds:
        k += 1
    if not endings.since[system, column] <= sounds < endings.until[system, column]:
        endings.since[system, column] = sounds
    endings.until[system, column] = endings.stays[k, 0] if k < last else np.inf
    endings.cell[system, column] = recorded


@kernel
def _has_ended(system, column, t, recorded, is_coarse, endings):
    """Whether a terminal kind has happened in this stay, or in this cell (a cell knows only whether it did)."""
    if endings.since[system, column] <= t < endings.until[system, column]:
        return True
    return is_coarse and endings.cell[system, column] == recorded


@kernel
def _more_work(work, until):
    """Return the working memory with more room for what is short: events, at the pace so far, or what is on its way."""
    time, found, queue, slots, free, on_way = work.time, work.found, work.queue, work.slots, work.free, work.on_way
    n = time.size
    if work.counts[EVENTS] == n:
        pace = until / time[n - 1] if time[n - 1] > 0.0 else 2.0
        time = np.empty(int(n * min(max(1.1 * pace, 1.5), 64.0)))
        found = np.empty((4, time.size), np.int64)
        time[:n], found[:, :n] = work.time, work.found
    else:
        queue, slots, on_way, free = grown(queue), grown(slots), larger_table(on_way), np.arange(2 * queue.size)
        free[: work.free.size] = work.free
    return Work(time, found, queue, slots, free, on_way, work.counts)


@kernel
def run_part(part, systems, past, couplings, seats, places, targets, people, propensity, endings, bound, until, room):
    """Run a part of the agency, whose systems hear of nobody else, until a day, with room for so many events.

    Returns the recorded times, the table of what was found, and whether the room sufficed.
    """
    spell, counts = people.row[:, SPELL].copy(), np.zeros(4, np.int64)
    counts[PAST] = past.begins[part]
    work = Work(
        np.empty(1024), np.empty((4, 1024), np.int64), np.empty(2 * MOST), np.empty(2 * MOST, np.int64),
        np.arange(2 * MOST), np.empty((2 * MOST, 4), np.int64), counts,
    )  # fmt: skip
    for epoch in range(math.ceil(until / EPOCH)):
        points = draw_points(epoch, systems, spell, targets, people, bound)
        order = order_by_time(points.time)
        stop = min((epoch + 1) * EPOCH, until)
        counts[POINTS] = 0
        while not _run_until(
            stop, part, points, order, work, past, couplings, seats, places, targets, people, propensity, endings, until
        ):
            if counts[EVENTS] >= room:
                return work.time, work.found, False
            work = _more_work(work, until)
    n = counts[EVENTS]
    return work.time[:n], work.found[:, :n], True


@kernel
def _run_until(
    stop, part, points, order, work, past, couplings, seats, places, targets, people, propensity, endings, until
):
    """Let everything happen that comes before ``stop``; return false where the working memory is too small."""
    point_time, point_what, point_height, point_key = points.time, points.what, points.height, points.key
    time, found, queue, slots = work.time, work.found, work.queue, work.slots
    free, on_way, counts = work.free, work.on_way, work.counts
    rule, edges, starts = targets.rule, targets.edges, targets.starts
    row, span, effect, answers = people.row, people.span, people.effect, people.answers
    begins, total, none, up_to = couplings.begins, couplings.total, couplings.none, couplings.up_to
    guide, route, mean, pool = couplings.guide, couplings.route, couplings.mean, couplings.pool
    mass_begins, masses, past_time = couplings.mass_begins, couplings.masses, past.time
    pools, in_use, change_time = seats.pools, seats.in_use, seats.change_time
    has_propensity, has_answers = propensity.factor.size > 0, answers.size > 0
    n, waits, a, p = counts[EVENTS], counts[WAITING], counts[POINTS], counts[PAST]
    a_end, p_end = order.size, past.begins[part + 1]
    next_point = point_time[order[a]] if a < a_end else np.inf
    next_past = past_time[p] if p < p_end else np.inf
    while n < time.size and waits + MOST + 1 <= queue.size:
        # whichever comes first: what has happened, an endemic point, or an echo
        t, is_past, is_point = queue[0] if waits > 0 else np.inf, False, False
        if next_point <= t:
            t, is_point = next_point, True
        if next_past <= t:
            t, is_past, is_point = next_past, True, False
        if t >= stop:
            counts[EVENTS], counts[WAITING], counts[POINTS], counts[PAST] = n, waits, a, p
            return True
        # to whom it happens, if it does
        j, follows, event = ENDEMIC, -1, p
        if is_past:
            p, j = p + 1, FIRST_PAST - event
            next_past = past_time[p] if p < p_end else np.inf
            i, q, k, key = past.system[event], past.target[event], past.kind[event], past.key[event]
            recorded, sounds, is_coarse = t, past.sounds[event], past.is_coarse[event]
        else:
            height = 0.0
            if is_point:
                here, a = order[a], a + 1
                next_point = point_time[order[a]] if a < a_end else np.inf
                i, q = np.int64(point_what[here, 0]), np.int64(point_what[here, 1])
                key, height = point_key[here], point_height[here]
            else:
                slot = _pop(queue, slots, waits)
                waits -= 1
                free[waits] = slot
                i, j, follows, key = on_way[slot, 0], on_way[slot, 1], on_way[slot, 2], np.uint64(on_way[slot, 3])
                if j == KNOWN:
                    learn(i, follows, t, people, propensity, targets)
                    continue
                q = route[j, TARGET]
                if route[j, READERS] != ONE:
                    if pools[i, NEXT] < pools[i, NO_MORE] and change_time[pools[i, NEXT]] <= t:
                        bring_up(i, t, seats)
                    if route[j, READERS] == WEIGHTED:
                        i = weighted_reader(i, uniform(key, READER), seats)
                    else:
                        i = reader_of(i, found[WHO, follows], key, READER, pools, in_use)
                    if i < 0:
                        continue
            column, spell, last = q - row[i, FIRST], row[i, SPELL], row[i, STOP]
            if not 0 <= column < row[i, COUNT]:
                continue
            while spell + 1 < last and span[spell + 1, 0] <= t:
                spell += 1
            row[i, SPELL] = spell
            if spell == last or not span[spell, 0] <= t < span[spell, 1] or effect[spell, column] == 0.0:
                continue
            is_open = is_point and has_propensity
            if is_open and height >= factor_of(i, column, span[spell, 0], people, propensity, targets):
                continue
            if has_answers and not is_point and uniform(key, ANSWER) >= answers[spell, column]:
                continue
            k, is_coarse, recorded, sounds = rule[q, KIND], rule[q, IS_COARSE] > 0, t, t
            if is_coarse:
                cell = rule[q, EDGE] + cell_at(edges, rule[q, EDGE], rule[q, CELLS], t)
                recorded, sounds = edges[cell], edges[cell + 1]
                if rule[q, IS_TERMINAL]:
                    # at the edge it might be taken for the end of a stay that ends there
                    recorded = 0.5 * (recorded + sounds)
            if rule[q, IS_TERMINAL] and _has_ended(i, column, t, recorded, is_coarse, endings):
                continue
        # it happens
        time[n] = recorded
        found[WHO, n], found[WHAT, n], found[BACK, n], found[BY, n] = i, k, n - follows if follows >= 0 else 0, j
        is_terminal = q >= 0 and rule[q, IS_TERMINAL] > 0
        if is_terminal:
            _end(i, q - row[i, FIRST], recorded, sounds, endings)
        if has_propensity and not is_coarse:
            learn(i, q, t, people, propensity, targets)
        # its echoes set out from where it was, or where it came in the cell
        n_echoes, stamp, is_before = 0, recorded, is_terminal
        if total[k] > 0.0:
            mass, nothing = 1.0, none[k]
            if mass_begins[k + 1] > mass_begins[k] and not is_past:
                mass = masses[mass_begins[k] + int(uniform(key, MASS) * (mass_begins[k + 1] - mass_begins[k]))]
                nothing = math.exp(-total[k] * mass)
            n_echoes = poisson(uniform(key, NUMBER), total[k] * mass, nothing)
            if is_coarse and n_echoes > 0 and not is_past:
                came = arrival_of(i, recorded, sounds, is_terminal, places.begins, places.belongs)
                if came > recorded:
                    stamp, is_before = came, False
        if has_propensity and is_coarse:
            slot = free[waits]
            on_way[slot, WHERE], on_way[slot, WHICH], on_way[slot, AFTER] = i, KNOWN, q
            _push(queue, slots, waits, sounds, slot)
            waits += 1
        for echo in range(n_echoes):
            own = key_at(key, ECHOES + echo)
            u = uniform(own, COUPLING)
            j = guide[begins[k] + int(u * (begins[k + 1] - begins[k]))]
            while up_to[j] <= u:
                j += 1
            arrival = sounds + waiting(own, DELAY, route[j, ORDER], mean[j])
            q = route[j, TARGET]
            if arrival >= until or arrival < starts[q]:
                continue
            if rule[q, IS_COARSE]:
                # a cell hears what was over before it began; minute events on its edge count as just after it
                begin = edges[rule[q, EDGE] + cell_at(edges, rule[q, EDGE], rule[q, CELLS], arrival)]
                if sounds > begin or (sounds == begin and not is_coarse):
                    continue
            where = np.int64(i)
            if is_past:
                where = _past_place(
                    event, route[j, CHANNEL], uniform(own, POOL), past.share_begins, past.share_channel,
                    past.share_pool, past.share,
                )  # fmt: skip
            elif route[j, LEVEL] != OWN:
                where = place_of(i, stamp, is_before, route[j, LEVEL], uniform(own, POOL), row, places)
            if where >= 0:
                where = pool[route[j, CHANNEL], where]
            if where < 0:
                continue
            slot = free[waits]
            on_way[slot, WHERE], on_way[slot, WHICH], on_way[slot, AFTER] = where, j, n
            on_way[slot, KEY] = np.int64(own)
            _push(queue, slots, waits, arrival, slot)
            waits += 1
        n += 1
    counts[EVENTS], counts[WAITING], counts[POINTS], counts[PAST] = n, waits, a, p
    return False
