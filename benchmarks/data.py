"""Invented events for the benchmarks: dense exponential Hawkes, and many persons in units, by the cluster method."""

from __future__ import annotations

import numpy as np

DECAY = 1.0  # per day; half-life ln2 / DECAY


def clusters(immigrants, choose, rng, horizon, mass):
    """Generation by generation: each event of ``immigrants`` (time, mark) has Poisson(mass) children."""
    times, marks = [immigrants[0]], [immigrants[1]]
    time, mark = immigrants
    while time.size:
        children = rng.poisson(mass, time.size)
        parent = np.repeat(np.arange(time.size), children)
        time_of_child = time[parent] + rng.exponential(1.0 / DECAY, parent.size)
        kept = time_of_child < horizon
        time, mark = time_of_child[kept], choose(mark[parent[kept]], rng)
        times.append(time)
        marks.append(mark)
    time, mark = np.concatenate(times), np.concatenate(marks)
    order = np.argsort(time, kind="stable")
    return time[order], mark[order].astype(np.int64)


def dense(n_events, n_kinds, seed=1):
    """One system, ``n_kinds`` kinds that all excite each other; branching ratio 0.6."""
    rng = np.random.default_rng(seed)
    horizon, mass = 10_000.0, 0.6
    n_immigrants = rng.poisson(n_events * (1 - mass))
    start = rng.uniform(0, horizon, n_immigrants), rng.integers(0, n_kinds, n_immigrants)
    time, mark = clusters(start, lambda m, r: r.integers(0, n_kinds, m.size), rng, horizon, mass)
    return time, mark, horizon


def persons(n_events, n_persons, unit_size=20, seed=1):
    """One kind; persons in units; a_self = a_unit = 0.3 (each unit child goes to one other member)."""
    rng = np.random.default_rng(seed)
    horizon, own, unit = 10_000.0, 0.3, 0.3

    def choose(person, r):
        to_unit = r.uniform(size=person.size) < unit / (own + unit)
        first = person // unit_size * unit_size
        other = first + (person - first + r.integers(1, unit_size, person.size)) % unit_size
        return np.where(to_unit, other, person)

    n_immigrants = rng.poisson(n_events * (1 - own - unit))
    start = rng.uniform(0, horizon, n_immigrants), rng.integers(0, n_persons, n_immigrants)
    time, person = clusters(start, choose, rng, horizon, own + unit)
    return time, person, horizon
