"""Persons in units, our side, in a process of its own: prints one line of JSON. ``python ours.py CASE.npz``."""

from __future__ import annotations

import json
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from memory import peak_mb
from peers import median_time

from antiphon.design import unit_design
from antiphon.hawkes import Options
from antiphon.hawkes.likelihood import evaluate
from antiphon.hawkes.problem import build_problem

PLAIN = Options(rhythm=False, frailty=False, propensity=False)


def problem_of(case):
    half_life = [float(np.log(2.0) / case["decay"])]
    unit_of = np.arange(case["mu"].size) // 20
    kinds = np.zeros(case["time"].size, np.int64)
    design = unit_design(case["time"], case["mark"], kinds, unit_of, half_life, float(case["horizon"]))
    return build_problem(design, 0, PLAIN)


def load(path):
    """The case; of its excitations, one number for each pair of persons, nothing: we need two."""
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files if name != "alpha"}


def main():
    case = load(sys.argv[1])
    point = np.array([np.log(case["mu"][0]), 0.3, 0.3])
    evaluate(
        problem_of({**case, "time": case["time"][:2000], "mark": case["mark"][:2000]}), point, 0.0
    )  # compiled once
    start = time.perf_counter()
    problem = problem_of(case)
    prepared = time.perf_counter() - start
    seconds, value = median_time(lambda: evaluate(problem, point, 0.0).value)
    peak = peak_mb()
    print(json.dumps({"prepare": prepared, "seconds": seconds, "value": value, "peak_mb": peak}))


if __name__ == "__main__":
    main()
