"""Endemic events: a fixed Poisson process of points (time, height), kept where the height is below the endemic rate.

Each system, kind and epoch has a stream of its own, in which the points come in order of height. So whoever gains or
loses a unit of rate gains or loses the points in between, and nothing else.
"""

import math
from typing import NamedTuple

import numpy as np

from antiphon.kernels._compile import kernel
from antiphon.kernels.draws import key_at, uniform

EPOCH = 256.0
"""Days that share a stream, and that are drawn and put in order at a time."""

KEY_OF_POINT = 1 << 40
"""Places in the stream of an epoch: two for each point; their keys begin here."""

KIND, IS_COARSE, IS_TERMINAL, CELLS, EDGE, RATE, PEAK = range(7)
"""Columns of ``Targets.rule``: kind, how it is recorded; cells, and where edges, rates and highest rates begin."""


class Targets(NamedTuple):
    """What may happen, by target: kind, calendar, endemic rates.

    Attributes
    ----------
    rule : (targets, 7) see ``KIND`` and so on.
    starts : (targets,) days before which nothing of it is simulated.
    edges : edges of cells; ``rates`` : (organisations, cells) and ``peaks`` : (organisations, epochs) of each target.
    stream : (targets,) uint64 keys.
    """

    rule: np.ndarray
    starts: np.ndarray
    edges: np.ndarray
    rates: np.ndarray
    peaks: np.ndarray
    stream: np.ndarray


FIRST, COUNT, SPELL, STOP, PRESENT, NOT_PRESENT, MEMBER, NOT_MEMBER = range(8)
"""Columns of ``People.row``: first target of the system's role, how many it has; its last spell looked at, and the first
not its own; first spell of its presence and its belonging in ``Places``, each with the first not its own."""


class People(NamedTuple):
    """Systems and their spells, sorted by system and start.

    Attributes
    ----------
    keys : (systems,) uint64.
    row : (systems, 8) see ``FIRST`` and so on.
    theta : (systems, targets of a role) frailty.
    span : (spells, 2) start and end; ``group`` : (spells,) organisation.
    effect : (spells, targets of a role) factor on the endemic rate; 0 where the kind cannot happen.
    answers : (spells, targets of a role) share of what arrives that is answered, or no spells where all of it is.
    """

    keys: np.ndarray
    row: np.ndarray
    theta: np.ndarray
    span: np.ndarray
    group: np.ndarray
    effect: np.ndarray
    answers: np.ndarray


class Points(NamedTuple):
    """Points of one epoch: time; system and target; height relative to the rate at propensity 1; key."""

    time: np.ndarray
    what: np.ndarray
    height: np.ndarray
    key: np.ndarray


@kernel
def grown(values):
    """Return the values with as much room again."""
    larger = np.empty(2 * values.size, values.dtype)
    larger[: values.size] = values
    return larger


@kernel
def larger_table(rows):
    """Return the rows with as much room again."""
    larger = np.empty((2 * rows.shape[0], rows.shape[1]), rows.dtype)
    larger[: rows.shape[0]] = rows
    return larger


@kernel
def cell_at(edges, first, cells, t):
    """Return the cell that holds t: guessed as if cells were equally long, then corrected."""
    if cells == 1:
        return 0
    length = edges[first + cells] - edges[first]
    cell = min(max(int((t - edges[first]) / length * cells), 0), cells - 1)
    while cell + 1 < cells and edges[first + cell + 1] <= t:
        cell += 1
    while cell > 0 and edges[first + cell] > t:
        cell -= 1
    return cell


@kernel
def peak_rates(edges, rates, peaks):
    """Fill the highest rate of each organisation and epoch."""
    for r in range(rates.shape[0]):
        for c in range(rates.shape[1]):
            e = int(edges[c] / EPOCH)
            while e < peaks.shape[1] and e * EPOCH < edges[c + 1]:
                peaks[r, e] = max(peaks[r, e], rates[r, c])
                e += 1


@kernel
def _last_begun(span, low, high, t):
    """Return the last of the spells ``low .. high - 1`` that has begun at t, or ``low - 1``."""
    while low < high:
        middle = (low + high) // 2
        if span[middle, 0] <= t:
            low = middle + 1
        else:
            high = middle
    return low - 1


@kernel
def draw_points(epoch, systems, spell, targets, people, bound):
    """Draw the points of an epoch; heights reach ``bound`` times the rate at propensity 1.

    ``spell`` (all systems,) is the first that has not ended by then; it moves on with the epochs.
    """
    edges, rates, peaks, rule = targets.edges, targets.rates, targets.peaks, targets.rule
    row, span, group, effect = people.row, people.span, people.group, people.effect
    time, height, key = np.empty(256), np.empty(256), np.empty(256, np.uint64)
    what, n, begin = np.empty((256, 2), np.int32), 0, epoch * EPOCH
    for i in systems:
        low, high = spell[i], row[i, STOP]
        while low < high and span[low, 1] <= begin:
            low += 1
        spell[i] = stop = low
        while stop < high and span[stop, 0] < begin + EPOCH:
            stop += 1
        if stop == low:
            continue
        for column in range(row[i, COUNT]):
            q = row[i, FIRST] + column
            stream = targets.stream[q] ^ people.keys[i]
            cells, edge, theta = rule[q, CELLS], rule[q, EDGE], people.theta[i, column]
            top, n_epochs = 0.0, math.ceil(edges[edge + cells] / EPOCH)
            for s in range(low, stop):
                top = max(top, effect[s, column] * peaks[rule[q, PEAK] + group[s] * n_epochs + epoch])
            top *= theta * bound
            own, height_now, point = key_at(stream, epoch), 0.0, -1
            while True:
                point += 1
                height_now -= math.log(uniform(own, 2 * point)) / EPOCH
                if height_now >= top:
                    break
                t = begin + EPOCH * uniform(own, 2 * point + 1)
                s = _last_begun(span, low, stop, t)
                if s < low or t >= span[s, 1] or t < targets.starts[q]:
                    continue
                rate = rates[rule[q, RATE] + group[s] * cells + cell_at(edges, edge, cells, t)]
                rate *= effect[s, column] * theta
                if height_now >= rate * bound:
                    continue
                if n == time.size:
                    time, height, key, what = grown(time), grown(height), grown(key), larger_table(what)
                time[n], height[n], what[n, 0], what[n, 1] = t, height_now / rate, i, q
                key[n] = key_at(own, KEY_OF_POINT + point)
                n += 1
    return Points(time[:n], what[:n], height[:n], key[:n])
