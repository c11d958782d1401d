"""Putting events in order of time: linear, where they are spread out."""

import numpy as np

from antiphon.kernels._compile import kernel

STRETCH = 8192
"""Events that are put in order at a time."""


@kernel
def order_by_time(time):
    """Return the order by time.

    Times are first put into as many drawers as there are of them, then set right among neighbours: linear where times
    are spread out, as points are.
    """
    n = time.size
    order = np.empty(n, np.int64)
    if n == 0:
        return order
    least, most = time[0], time[0]
    for t in time:
        least, most = min(least, t), max(most, t)
    scale = (n - 1) / (most - least) if most > least else 0.0
    free = np.zeros(n + 1, np.int64)
    for t in time:
        free[int((t - least) * scale) + 1] += 1
    for drawer in range(n):
        free[drawer + 1] += free[drawer]
    for k in range(n):
        drawer = int((time[k] - least) * scale)
        order[free[drawer]] = k
        free[drawer] += 1
    for k in range(1, n):
        here, j = order[k], k
        while j > 0 and time[order[j - 1]] > time[here]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = here
    return order


@kernel
def long_order_by_time(time):
    """Return the order by time of very many events: first by stretches of a few thousand, each then in cache."""
    n = time.size
    if n == 0:
        return np.empty(0, np.int64)
    least, most = time[0], time[0]
    for t in time:
        least, most = min(least, t), max(most, t)
    n_stretches = max(n // STRETCH, 1)
    scale = (n_stretches - 1e-9) / (most - least) if most > least else 0.0
    begins = np.zeros(n_stretches + 1, np.int64)
    for t in time:
        begins[int((t - least) * scale) + 1] += 1
    for stretch in range(n_stretches):
        begins[stretch + 1] += begins[stretch]
    free, order, when = begins[:-1].copy(), np.empty(n, np.int64), np.empty(n)
    for k in range(n):
        stretch = int((time[k] - least) * scale)
        order[free[stretch]], when[free[stretch]] = k, time[k]
        free[stretch] += 1
    for stretch in range(n_stretches):
        low, high = begins[stretch], begins[stretch + 1]
        order[low:high] = order[low:high][order_by_time(when[low:high])]
    return order


@kernel
def in_order(order, time, table, parent_row):
    """Return times and table in a new order; the row of parents, distances back (0: none), becomes their places (-1)."""
    place = np.empty(time.size, np.int64)
    new_time, new_table = np.empty(order.size), np.empty((table.shape[0], order.size), table.dtype)
    for k in range(order.size):
        place[order[k]] = k
    for k in range(order.size):
        old = order[k]
        new_time[k] = time[old]
        for row in range(table.shape[0]):
            new_table[row, k] = table[row, old]
        back = table[parent_row, old]
        new_table[parent_row, k] = place[old - back] if back > 0 else -1
    return new_time, new_table
