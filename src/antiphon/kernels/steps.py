"""Loops over step functions: decaying sums that are held from one calendar cell to the next."""

import numpy as np

from antiphon.kernels._compile import kernel


@kernel
def decaying_steps(begins, cell, time, mass, edges, rate, step):
    """Return (owner, cell, value) at each cell start where the rounded decaying sum of an owner's masses changes.

    Masses are sorted by owner and by the first cell whose start hears them. `step` 0: not rounded, every cell.
    """
    owner = np.empty(0, np.int64)
    where = np.empty(0, np.int64)
    value = np.empty(0, np.float64)
    n_cells = edges.size - 1
    for is_filling in (False, True):
        count = 0
        for i in range(begins.size - 1):
            j = begins[i]
            end = begins[i + 1]
            if j == end:
                continue
            c = cell[j]
            total = 0.0
            held = 0.0
            while c < n_cells:
                while j < end and cell[j] == c:
                    total += mass[j] * np.exp(-rate * (edges[c] - time[j]))
                    j += 1
                shown = total if step == 0.0 else np.floor(total / step + 0.5) * step
                if shown != held:
                    if is_filling:
                        owner[count] = i
                        where[count] = c
                        value[count] = shown
                    count += 1
                    held = shown
                following = c + 1
                if shown == 0.0:
                    if j == end:
                        break
                    following = cell[j]
                if following < n_cells:
                    total *= np.exp(-rate * (edges[following] - edges[c]))
                c = following
        if not is_filling:
            owner = np.empty(count, np.int64)
            where = np.empty(count, np.int64)
            value = np.empty(count, np.float64)
    return owner, where, value
