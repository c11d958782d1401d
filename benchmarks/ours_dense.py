"""Our dense process on one case, in a process of its own: prints one line of JSON.

``python ours_dense.py CASE.npz likelihood|fit THREADS``. The floor of the machine is measured in turn with the
likelihood.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from floor import make_floor
from memory import peak_mb
from peers import clock_for, typical

from antiphon.hawkes import dense_events, dense_log_likelihood, fit_dense

REPEATS = 25


def in_turn(calls, threads):
    """Seconds of each call, all measured in turn: a slow moment of the machine falls on everyone."""
    clock = clock_for(threads)
    for call in calls:
        call()
    taken = np.empty((REPEATS, len(calls)))
    for repeat in range(REPEATS):
        for place, call in enumerate(calls):
            start = clock()
            call()
            taken[repeat, place] = clock() - start
    return typical(taken, threads)


def measure_likelihood(case, events, half_life, threads):
    excitation = case["alpha"][:, :, None].copy()

    def ours():
        return dense_log_likelihood(events, [half_life], case["mu"], excitation, threads=threads)

    result = {"value": ours().value, "peak_mb": peak_mb()}
    floor = make_floor(case, threads)
    if floor is None:
        return {**result, "seconds": float(in_turn([ours], threads)[0])}
    seconds, at_least = in_turn([ours, floor], threads)
    return {**result, "seconds": float(seconds), "floor_seconds": float(at_least)}


def measure_fit(events, half_life, threads):
    clock = clock_for(threads)
    start = clock()
    fit = fit_dense(events, [half_life], threads=threads)
    return {"seconds": clock() - start, "value": fit.log_likelihood, "peak_mb": peak_mb()}


def main():
    path, what, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    case = dict(np.load(path))
    half_life, end = float(np.log(2.0) / case["decay"]), float(case["horizon"])
    few = dense_events(case["time"][:2000], case["mark"][:2000], end, n_kinds=case["mu"].size)
    fit_dense(few, [half_life])  # compiled once, outside the clock
    start = time.perf_counter()
    events = dense_events(case["time"], case["mark"], end, n_kinds=case["mu"].size)
    prepared = time.perf_counter() - start
    if what == "likelihood":
        result = measure_likelihood(case, events, half_life, threads)
    else:
        result = measure_fit(events, half_life, threads)
    print(json.dumps({"prepare": prepared, **result}))


if __name__ == "__main__":
    main()
