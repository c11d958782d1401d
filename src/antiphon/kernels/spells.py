"""Loops over spells: half-open intervals ``[start, end)``, each with an owner."""

import numpy as np

from antiphon.kernels._compile import kernel


@kernel
def counting_order(keys, n_keys):
    """Return the stable order that sorts small whole numbers, and where each number begins."""
    begins = np.zeros(n_keys + 1, np.int64)
    for key in keys:
        begins[key + 1] += 1
    for key in range(n_keys):
        begins[key + 1] += begins[key]
    free = begins[:-1].copy()
    order = np.empty(keys.size, np.int32)
    for i in range(keys.size):
        order[free[keys[i]]] = i
        free[keys[i]] += 1
    return order, begins


@kernel
def merge_spells(owner, group, start, end):
    """Merge spells of the same owner and group that overlap or touch; sorted by owner, group and start."""
    n = owner.size
    first = np.empty(n, np.int64)
    last = np.empty(n, np.float64)
    count = 0
    for i in range(n):
        if end[i] <= start[i]:
            continue
        j = count - 1
        if count > 0 and owner[first[j]] == owner[i] and group[first[j]] == group[i] and start[i] <= last[j]:
            last[j] = max(last[j], end[i])
            continue
        first[count] = i
        last[count] = end[i]
        count += 1
    return first[:count], last[:count]


@kernel
def overlapping_pairs(owner, start, end, begins, other_start, other_end):
    """Return every pair (spell, other spell of the same owner) that overlaps."""
    n_pairs = 0
    for i in range(owner.size):
        for j in range(begins[owner[i]], begins[owner[i] + 1]):
            if other_start[j] < end[i] and start[i] < other_end[j]:
                n_pairs += 1
    one = np.empty(n_pairs, np.int64)
    other = np.empty(n_pairs, np.int64)
    k = 0
    for i in range(owner.size):
        for j in range(begins[owner[i]], begins[owner[i] + 1]):
            if other_start[j] < end[i] and start[i] < other_end[j]:
                one[k] = i
                other[k] = j
                k += 1
    return one, other


@kernel
def last_started(begins, start, owner, time, is_before):
    """Return per query the last spell of the owner with ``start <= time`` (``start < time`` where `is_before`), or -1."""
    found = np.empty(owner.size, np.int32)
    for i in range(owner.size):
        low = begins[owner[i]]
        high = begins[owner[i] + 1]
        while low < high:
            middle = (low + high) // 2
            if start[middle] < time[i] or (start[middle] == time[i] and not is_before[i]):
                low = middle + 1
            else:
                high = middle
        found[i] = low - 1 if low > begins[owner[i]] else -1
    return found


@kernel
def running_end(begins, end):
    """Return the latest end among a spell and those of the same owner before it: where a search backwards may stop."""
    reach = end.copy()
    for owner in range(begins.size - 1):
        for i in range(begins[owner] + 1, begins[owner + 1]):
            reach[i] = max(reach[i], reach[i - 1])
    return reach


@kernel
def spells_at(begins, start, end, reach, owner, time, is_before):
    """Return every pair (query, spell of the owner that holds its moment); just before the moment where `is_before`.

    Spells are sorted by owner and start.
    """
    last = last_started(begins, start, owner, time, is_before)
    query = np.empty(0, np.int64)
    spell = np.empty(0, np.int64)
    for is_filling in (False, True):
        n_found = 0
        for i in range(owner.size):
            j = last[i]
            while j >= begins[owner[i]] and (reach[j] > time[i] or (is_before[i] and reach[j] == time[i])):
                if end[j] > time[i] or (is_before[i] and end[j] == time[i]):
                    if is_filling:
                        query[n_found] = i
                        spell[n_found] = j
                    n_found += 1
                j -= 1
        if not is_filling:
            query = np.empty(n_found, np.int64)
            spell = np.empty(n_found, np.int64)
    return query, spell


@kernel
def running_weights(seat, time, weight, step):
    """Turn sorted changes of weight into the weight in force after each moment.

    `step` is 1 where a weight begins and -1 where it ends, so that "none left" is exact whatever the rounding.
    """
    n = seat.size
    kept = np.empty(n, np.int64)
    value = np.empty(n, np.float64)
    count = 0
    total = 0.0
    n_open = 0
    for i in range(n):
        if i == 0 or seat[i] != seat[i - 1]:
            total = 0.0
            n_open = 0
        total += step[i] * weight[i]
        n_open += step[i]
        if i + 1 < n and seat[i + 1] == seat[i] and time[i + 1] == time[i]:
            continue
        kept[count] = i
        value[count] = total if n_open > 0 else 0.0
        count += 1
    return kept[:count], value[:count]
