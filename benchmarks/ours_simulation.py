"""Our simulator on the parameters of one case, in a process of its own: prints one line of JSON.

``python ours_simulation.py CASE.npz dense|persons``. Processor time of everything that `simulate` does, tables of the
structure included, scaled to 1,000,000 events.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from peers import MILLION, peak_mb

from antiphon.design import Feature, dense_structure, unit_structure
from antiphon.model import Endemic, Model, TargetModel
from antiphon.simulation import simulate

REPEATS = 15


def endemic(rate):
    return Endemic(float(np.log(rate)), np.zeros(1), np.zeros(7), np.zeros(4), np.zeros((1, 1)), 0.0)


def dense(case):
    n_kinds, half_life = case["mu"].size, np.log(2.0) / float(case["decay"])
    columns = tuple(Feature(0, h, 0) for h in range(n_kinds))
    targets = [TargetModel(k, endemic(case["mu"][k]), columns, case["alpha"][k], 0.0) for k in range(n_kinds)]
    return dense_structure(n_kinds, [half_life], float(case["horizon"])), Model(tuple(targets))


def persons(case):
    n_persons, half_life = case["mu"].size, np.log(2.0) / float(case["decay"])
    target = TargetModel(0, endemic(case["mu"][0]), (Feature(0, 0, 0), Feature(1, 0, 0)), np.array([0.3, 0.3]), 0.0)
    structure = unit_structure(np.arange(n_persons) // 20, 1, [half_life], float(case["horizon"]))
    return structure, Model((target,))


def main():
    path, what = sys.argv[1:]
    with np.load(path) as stored:
        case = {name: stored[name] for name in stored.files if what == "dense" or name != "alpha"}
    structure, model = {"dense": dense, "persons": persons}[what](case)
    simulate(structure, model, 0)  # compiled once, outside the clock
    taken = []
    for seed in range(1, REPEATS + 1):
        start = time.process_time()
        n_events = simulate(structure, model, seed).rows.time.size
        taken.append((time.process_time() - start) * MILLION / n_events)
    print(json.dumps({"seconds": float(np.median(taken)), "least_seconds": min(taken), "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
