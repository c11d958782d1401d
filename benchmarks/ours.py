"""Our side of one case, in a process of its own: prints one line of JSON. ``python ours.py CASE.npz dense|persons``."""

from __future__ import annotations

import json
import os
import resource
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from floor import recursion, table_pass
from peers import median_time

from antiphon.design import dense_design, unit_design
from antiphon.hawkes import Options
from antiphon.hawkes.likelihood import evaluate
from antiphon.hawkes.problem import build_problem

PLAIN = Options(rhythm=False, frailty=False, propensity=False)


def problems_of(case, what):
    half_life = [float(np.log(2.0) / case["decay"])]
    horizon = float(case["horizon"])
    if what == "dense":
        design = dense_design(case["time"], case["mark"], half_life, horizon)
    else:
        persons = case["mu"].size
        unit_of = np.arange(persons) // 20
        kinds = np.zeros(case["time"].size, np.int64)
        design = unit_design(case["time"], case["mark"], kinds, unit_of, half_life, horizon)
    return [build_problem(design, index, PLAIN) for index in range(len(design.targets))]


def parameters_of(case, what, problems):
    if what == "dense":
        return [np.concatenate([[np.log(case["mu"][k])], case["alpha"][k]]) for k in range(len(problems))]
    return [np.array([np.log(case["mu"][0]), 0.3, 0.3])]


def load(path, what):
    """The case; of the persons' excitations, one number for each pair of persons, nothing: we need two."""
    with np.load(path) as stored:
        names = stored.files if what == "dense" else [name for name in stored.files if name != "alpha"]
        return {name: stored[name] for name in names}


def floor_seconds(case):
    """The same sums in a loop written by hand over the same table."""
    n_kinds = case["mu"].size
    table = recursion(case["time"], case["mark"], n_kinds, float(case["decay"]))
    gradient_mu, gradient_alpha = np.zeros(n_kinds), np.zeros((n_kinds, n_kinds))
    return median_time(lambda: table_pass(table, case["mark"], case["mu"], case["alpha"], gradient_mu, gradient_alpha))[
        0
    ]


def main():
    path, what = sys.argv[1:]
    case = load(path, what)
    small = {**case, "time": case["time"][:2000], "mark": case["mark"][:2000]}
    for problem, x in zip(problems := problems_of(small, what), parameters_of(case, what, problems), strict=False):
        evaluate(problem, x, 0.0)  # compiled once, outside the clock
    start = time.perf_counter()
    problems = problems_of(case, what)
    prepared = time.perf_counter() - start
    points = parameters_of(case, what, problems)
    seconds, value = median_time(
        lambda: sum(evaluate(problem, x, 0.0).value for problem, x in zip(problems, points, strict=True))
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    floor = floor_seconds(case) if what == "dense" else float("nan")
    result = {"prepare": prepared, "seconds": seconds, "value": value, "peak_mb": peak, "floor_seconds": floor}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
