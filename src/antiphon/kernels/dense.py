"""Loops of the dense multivariate Hawkes process: one system, every kind may excite every kind, exponential kernels.

Sums are kept undecayed. Relative to an origin, an event at t adds exp(rate (t - origin)) to the sum of its kind, and
whoever reads at t multiplies by rate exp(-rate (t - origin)): an event changes one number and not all of them. The
origin moves on with every block of events. Events are read before they are deposited, and wait while others have the
same time stamp.

A row has a place for every half-life and kind, half-life by half-life, each filled up to whole lanes with zeros; the
place after the last kind of the first half-life belongs to the baseline. Rates come as a tuple, so that loops over them
vanish where there is one.
"""

import math
from typing import NamedTuple

import numpy as np

from antiphon.kernels._compile import kernel
from antiphon.kernels._lanes import LANES, load, multiply_add, spread, store, total

BLOCK = 256
"""Events whose exponentials are computed together."""

REACH = 200.0
"""Largest exponent in a block: far from overflow, and exact to 200 roundings."""

ROWS = 64
"""Rows whose squares are added up together: they fit the nearest cache."""

LARGE = 1e120
"""Products of rates are kept between this and its inverse; a logarithm costs more than all else."""


class Events(NamedTuple):
    """Events in time order: ``times`` (events,) days; ``kinds`` (events,) uint32."""

    times: np.ndarray
    kinds: np.ndarray


class Work(NamedTuple):
    """Working memory of a block.

    ``up`` (half-lives x BLOCK,) is what each event adds, ``down`` (half-lives x BLOCK,) what a reader multiplies by,
    rate included; ``bits`` (BLOCK,) int64.
    """

    up: np.ndarray
    down: np.ndarray
    bits: np.ndarray


@kernel
def exponentials(times, origin, rate, scale, bits, up, down):
    """``scale exp(-x)`` to ``down`` and ``exp(x)`` to ``up``, where ``x = rate (times - origin)`` is not negative.

    Exact to two units of the last digit, and written so that it vectorises: powers of two, made in ``bits``, times the
    even and the odd part of a polynomial. Adding 1.5 * 2**52 rounds to a whole number, which is then in the low bits.
    """
    power = bits.view(np.float64)
    for i in range(times.size):
        x = min(rate * (times[i] - origin), 700.0)
        shifted = 6755399441055744.0 - x * 1.4426950408889634
        power[i] = shifted
        exponent = bits[i] << 52
        k = shifted - 6755399441055744.0
        r = (-x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10
        s = r * r
        even = 1.0 / 479001600.0
        even = even * s + 1.0 / 3628800.0
        even = even * s + 1.0 / 40320.0
        even = even * s + 1.0 / 720.0
        even = even * s + 1.0 / 24.0
        even = even * s + 0.5
        even = even * s + 1.0
        odd = 1.0 / 6227020800.0
        odd = odd * s + 1.0 / 39916800.0
        odd = odd * s + 1.0 / 362880.0
        odd = odd * s + 1.0 / 5040.0
        odd = odd * s + 1.0 / 120.0
        odd = odd * s + 1.0 / 6.0
        odd = (odd * s + 1.0) * r
        bits[i] = (1023 << 52) + exponent
        down[i] = scale * (even + odd) * power[i]
        bits[i] = (1023 << 52) - exponent
        up[i] = (even - odd) * power[i]


@kernel
def fill_block(times, start, last, rates, work):
    """Compute the exponentials of the block that begins at ``start``; returns where it ends."""
    up, down, bits = work
    stop = min(start + BLOCK, last)
    if max(rates) * (times[stop - 1] - times[start]) > REACH:
        stop = start + 1
        while max(rates) * (times[stop] - times[start]) <= REACH:
            stop += 1
    for b in range(len(rates)):
        begin = b * BLOCK
        exponentials(times[start:stop], times[start], rates[b], rates[b], bits, up[begin:], down[begin:])
    return stop


@kernel
def enter_block(times, kinds, waiting, start, origin, rates, sums):
    """Move the origin of the sums to ``start``, and deposit what is earlier; returns the first event that still waits.

    Those that go on waiting happened when the block begins.
    """
    width = sums.size // len(rates)
    for b in range(len(rates)):
        factor = math.exp(-rates[b] * (times[start] - origin))
        for j in range(b * width, (b + 1) * width):
            sums[j] *= factor
    while waiting < start and times[waiting] < times[start]:
        for b in range(len(rates)):
            sums[b * width + kinds[waiting]] += math.exp(rates[b] * (times[waiting] - times[start]))
        waiting += 1
    return waiting


@kernel
def four_products(now, after, begin, end, a0, a1, a2, a3):
    """Inner products of the sums with four rows; the sums are copied on the way."""
    p0 = p1 = p2 = p3 = spread(0.0)
    for j in range(begin, end, LANES):
        x = load(now, j)
        p0 = multiply_add(load(a0, j), x, p0)
        p1 = multiply_add(load(a1, j), x, p1)
        p2 = multiply_add(load(a2, j), x, p2)
        p3 = multiply_add(load(a3, j), x, p3)
        store(after, j, x)
    return total(p0), total(p1), total(p2), total(p3)


@kernel
def add_to_four(now, begin, end, g0, g1, g2, g3, w0, w1, w2, w3):
    """Add the sums, times a number each, to four rows; rows may be the same."""
    v0 = spread(w0)
    v1 = spread(w1)
    v2 = spread(w2)
    v3 = spread(w3)
    for j in range(begin, end, LANES):
        x = load(now, j)
        store(g0, j, multiply_add(v0, x, load(g0, j)))
        store(g1, j, multiply_add(v1, x, load(g1, j)))
        store(g2, j, multiply_add(v2, x, load(g2, j)))
        store(g3, j, multiply_add(v3, x, load(g3, j)))


@kernel
def one_product(now, begin, end, row):
    """Inner product of the sums with one row."""
    lanes = spread(0.0)
    for j in range(begin, end, LANES):
        lanes = multiply_add(load(row, j), load(now, j), lanes)
    return total(lanes)


@kernel
def add_to_one(now, begin, end, row, weight):
    """Add the sums, times a number, to one row."""
    weights = spread(weight)
    for j in range(begin, end, LANES):
        store(row, j, multiply_add(weights, load(now, j), load(row, j)))


@kernel
def read_fours(times, kinds, rates, parameters, up, down, sums, far, near):
    """Read events four by four until a tie goes beyond the four; returns the sum of log rates and how many were read.

    The sums from before the four serve them all, and the few pairs among the four are added one by one. The sums after
    them are written to a second copy, so that nothing waits for a number just written. ``times`` may go on after the
    ``kinds`` of the block.
    """
    constant, width = parameters.shape[0], parameters.shape[1] // len(rates)
    now, after = sums[0], sums[1]
    logs, product = 0.0, 1.0
    count = 0
    for i in range(0, kinds.size - 3, 4):
        c0, c1, c2, c3 = kinds[i], kinds[i + 1], kinds[i + 2], kinds[i + 3]
        t0, t1, t2, t3 = times[i], times[i + 1], times[i + 2], times[i + 3]
        following = times[i + 4] if i + 4 < times.size else math.inf
        a0, a1, a2, a3 = parameters[c0], parameters[c1], parameters[c2], parameters[c3]
        r0, r1, r2, r3 = a0[constant], a1[constant], a2[constant], a3[constant]
        for b in range(len(rates)):
            k, q = b * width, b * BLOCK + i
            p0, p1, p2, p3 = four_products(now, after, k, k + width, a0, a1, a2, a3)
            u0, u1, u2 = up[q], up[q + 1], up[q + 2]
            after[k + c0] += u0 if t0 < following else 0.0
            after[k + c1] += u1 if t1 < following else 0.0
            after[k + c2] += u2 if t2 < following else 0.0
            after[k + c3] += up[q + 3] if t3 < following else 0.0
            p1 += a1[k + c0] * (u0 if t0 < t1 else 0.0)
            p2 += a2[k + c0] * (u0 if t0 < t2 else 0.0)
            p2 += a2[k + c1] * (u1 if t1 < t2 else 0.0)
            p3 += a3[k + c0] * (u0 if t0 < t3 else 0.0)
            p3 += a3[k + c1] * (u1 if t1 < t3 else 0.0)
            p3 += a3[k + c2] * (u2 if t2 < t3 else 0.0)
            r0 += down[q] * p0
            r1 += down[q + 1] * p1
            r2 += down[q + 2] * p2
            r3 += down[q + 3] * p3
        w0, w1, w2, w3 = 1.0 / r0, 1.0 / r1, 1.0 / r2, 1.0 / r3
        n1, n2, n3 = near[c1], near[c2], near[c3]
        near[c0, constant] += w0
        n1[constant] += w1
        n2[constant] += w2
        n3[constant] += w3
        for b in range(len(rates)):
            k, q = b * width, b * BLOCK + i
            f1, f2, f3 = w1 * down[q + 1], w2 * down[q + 2], w3 * down[q + 3]
            add_to_four(now, k, k + width, far[c0], far[c1], far[c2], far[c3], w0 * down[q], f1, f2, f3)
            u0, u1, u2 = up[q], up[q + 1], up[q + 2]
            n1[k + c0] += f1 * (u0 if t0 < t1 else 0.0)
            n2[k + c0] += f2 * (u0 if t0 < t2 else 0.0)
            n2[k + c1] += f2 * (u1 if t1 < t2 else 0.0)
            n3[k + c0] += f3 * (u0 if t0 < t3 else 0.0)
            n3[k + c1] += f3 * (u1 if t1 < t3 else 0.0)
            n3[k + c2] += f3 * (u2 if t2 < t3 else 0.0)
        product *= (r0 * r1) * (r2 * r3)
        if product > LARGE or product < 1.0 / LARGE:
            logs += math.log(product)
            product = 1.0
        now, after = after, now
        count += 4
        if t3 >= following:
            break
    if count % 8 == 4:
        sums[0] = sums[1]
    return logs + math.log(product), count


@kernel
def read_block(events, block, waiting, rates, parameters, work, sums, far, near):
    """Read the events of a block; returns the sum of log rates and the first event that still waits."""
    times, kinds = events
    up, down, _ = work
    start, stop, last = block
    constant, width = parameters.shape[0], parameters.shape[1] // len(rates)
    now = sums[0]
    logs, product = 0.0, 1.0
    n = start
    while n < stop:
        while waiting < n and times[waiting] < times[n]:
            for b in range(len(rates)):
                now[b * width + kinds[waiting]] += up[b * BLOCK + waiting - start] if waiting >= start else 1.0
            waiting += 1
        i = n - start
        if waiting == n and n + 4 <= stop:
            part, count = read_fours(
                times[n:last], kinds[n:stop], rates, parameters, up[i:], down[i:], sums, far, near
            )  # fmt: skip
            logs += part
            n += count
            waiting = n
            while n < last and waiting > n - 4 and times[waiting - 1] == times[n]:
                waiting -= 1
            continue
        row = parameters[kinds[n]]
        rate = row[constant]
        for b in range(len(rates)):
            rate += down[b * BLOCK + i] * one_product(now, b * width, (b + 1) * width, row)
        near[kinds[n], constant] += 1.0 / rate
        for b in range(len(rates)):
            add_to_one(now, b * width, (b + 1) * width, far[kinds[n]], down[b * BLOCK + i] / rate)
        product *= rate
        if product > LARGE or product < 1.0 / LARGE:
            logs += math.log(product)
            product = 1.0
        n += 1
    return logs + math.log(product), waiting


@kernel
def read_segment(events, first, last, rates, parameters, sums, work, far, near):
    """Sum of log rates of the events from ``first`` to ``last``; their derivatives are added to ``far`` and ``near``.

    ``parameters``, ``far`` and ``near`` (kinds, row). ``near`` gets what is added number by number, because a number
    written alone would hold up the next reading of the row that it lies in; the gradient is the sum of both. ``sums``
    (2, row): the first is what all events before ``first`` left at that time, the second working memory. No tie may be
    cut by ``first`` or ``last``.
    """
    times, kinds = events
    logs = 0.0
    waiting = start = first
    origin = times[first]
    while start < last:
        stop = fill_block(times, start, last, rates, work)
        waiting = enter_block(times, kinds, waiting, start, origin, rates, sums[0])
        part, waiting = read_block(
            events, (start, stop, last), waiting, rates, parameters, work, sums, far, near
        )  # fmt: skip
        logs += part
        origin = times[start]
        start = stop
    return logs


@kernel
def standing(events, first, last, moment, rates, work, sums):
    """What the events from ``first`` to ``last`` leave at ``moment``, added to ``sums`` (row,)."""
    times, kinds = events
    up, down, bits = work
    width = sums.size // len(rates)
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        for b in range(len(rates)):
            # reckoned backwards, times and rates both change sign
            exponentials(times[start:stop], moment, -rates[b], 1.0, bits, up, down)
            for n in range(start, stop):
                sums[b * width + kinds[n]] += down[n - start]


@kernel
def write_rows(events, rates, place, sums, work, rows):
    """Write what the events of some kinds read, a row per event, with 1 in the place of the baseline.

    ``place`` (kinds,) is the next row of each kind, or -1 for kinds that are not wanted; ``sums`` (row,) zeros.
    """
    times, kinds = events
    up, down, _ = work
    width = sums.size // len(rates)
    waiting = start = 0
    origin = times[0]
    while start < times.size:
        stop = fill_block(times, start, times.size, rates, work)
        waiting = enter_block(times, kinds, waiting, start, origin, rates, sums)
        for n in range(start, stop):
            while waiting < n and times[waiting] < times[n]:
                for b in range(len(rates)):
                    sums[b * width + kinds[waiting]] += up[b * BLOCK + waiting - start] if waiting >= start else 1.0
                waiting += 1
            if place[kinds[n]] < 0:
                continue
            row = rows[place[kinds[n]]]
            place[kinds[n]] += 1
            for b in range(len(rates)):
                factor = spread(down[b * BLOCK + n - start])
                for j in range(b * width, (b + 1) * width, LANES):
                    store(row, j, multiply_add(factor, load(sums, j), spread(0.0)))
            row[place.size] = 1.0
        origin = times[start]
        start = stop


@kernel
def add_squares(scaled, size, i, j, result):
    """Add the products of columns ``i ... i + 7`` with columns ``j ... j + 7`` of the scaled rows to ``result``."""
    h0, h1, h2, h3 = load(result[i], j), load(result[i + 1], j), load(result[i + 2], j), load(result[i + 3], j)
    h4, h5, h6, h7 = load(result[i + 4], j), load(result[i + 5], j), load(result[i + 6], j), load(result[i + 7], j)
    for n in range(size):
        row = scaled[n]
        x = load(row, j)
        h0 = multiply_add(spread(row[i]), x, h0)
        h1 = multiply_add(spread(row[i + 1]), x, h1)
        h2 = multiply_add(spread(row[i + 2]), x, h2)
        h3 = multiply_add(spread(row[i + 3]), x, h3)
        h4 = multiply_add(spread(row[i + 4]), x, h4)
        h5 = multiply_add(spread(row[i + 5]), x, h5)
        h6 = multiply_add(spread(row[i + 6]), x, h6)
        h7 = multiply_add(spread(row[i + 7]), x, h7)
    store(result[i], j, h0)
    store(result[i + 1], j, h1)
    store(result[i + 2], j, h2)
    store(result[i + 3], j, h3)
    store(result[i + 4], j, h4)
    store(result[i + 5], j, h5)
    store(result[i + 6], j, h6)
    store(result[i + 7], j, h7)


@kernel
def rows_likelihood(rows, parameters, scaled, gradient, squares):
    """Sum of logs of the rates ``rows @ parameters``, with its derivatives added to ``gradient``.

    The upper triangle of the sum of ``row row' / rate**2`` is added to ``squares`` (row, row), unless it is empty.
    ``scaled`` (ROWS, row) is working memory.
    """
    width = parameters.size
    logs, product = 0.0, 1.0
    for start in range(0, rows.shape[0], ROWS):
        size = min(ROWS, rows.shape[0] - start)
        for n in range(size):
            row = rows[start + n]
            lanes = spread(0.0)
            for j in range(0, width, LANES):
                lanes = multiply_add(load(row, j), load(parameters, j), lanes)
            rate = total(lanes)
            inverse = spread(1.0 / rate)
            for j in range(0, width, LANES):
                store(scaled[n], j, multiply_add(inverse, load(row, j), spread(0.0)))
            product *= rate
            if product > LARGE or product < 1.0 / LARGE:
                logs += math.log(product)
                product = 1.0
        for j in range(0, width, LANES):
            lanes = load(gradient, j)
            for n in range(size):
                lanes = multiply_add(spread(1.0), load(scaled[n], j), lanes)
            store(gradient, j, lanes)
        for i in range(0, squares.shape[0], LANES):
            for j in range(i, width, LANES):
                add_squares(scaled, size, i, j, squares)
    return logs + math.log(product)
