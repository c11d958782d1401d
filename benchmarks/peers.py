"""One peer, one case, in the peers' own environment: prints one line of JSON.

``python peers.py PEER CASE.npz``. The case holds time, mark, horizon, mu, alpha, decay.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np


def median_time(call, repeats=7):
    call()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        value = call()
        taken.append(time.perf_counter() - start)
        if sum(taken) > 120:
            break
    return float(np.median(taken)), value


def split(case):
    order = np.argsort(case["mark"], kind="stable")
    counts = np.bincount(case["mark"], minlength=case["mu"].size)
    return [np.ascontiguousarray(part) for part in np.split(case["time"][order], np.cumsum(counts)[:-1])]


def tick(case):
    from tick.hawkes import ModelHawkesExpKernLogLik

    model = ModelHawkesExpKernLogLik(float(case["decay"]), n_threads=1)
    start = time.perf_counter()
    model.fit(split(case), float(case["horizon"]))
    point = np.concatenate([case["mu"], case["alpha"].ravel()])
    model.loss_and_grad(point)
    prepared = time.perf_counter() - start
    seconds, (loss, _) = median_time(lambda: model.loss_and_grad(point))
    # tick's loss is per event and off by the constant D * T (its threads 449 and 468)
    return prepared, seconds, -loss * case["time"].size - case["mu"].size * float(case["horizon"])


def intensify(case):
    from intensify._libintensify.likelihood import MvExpRecursiveLogLik

    start = time.perf_counter()
    model = MvExpRecursiveLogLik(split(case), float(case["horizon"]), float(case["decay"]))
    point = np.concatenate([case["mu"], case["alpha"].ravel()])
    gradient = np.empty_like(point)
    model.loss_and_grad(point, gradient)
    prepared = time.perf_counter() - start
    seconds, loss = median_time(lambda: model.loss_and_grad(point, gradient))
    return prepared, seconds, -float(loss)


def hawkes_rs(case):
    from hawkes import _hawkes

    parameters = _hawkes.MultivariateParameters(case["mu"], case["alpha"], float(case["decay"]))
    events = split(case)
    repeats = 1 if case["mu"].size > 2_000 else 3
    start = time.perf_counter()
    value = None
    for _ in range(repeats):
        value = _hawkes.multivariate_negative_log_likelihood_and_gradient(parameters, events, float(case["horizon"]))
    return 0.0, (time.perf_counter() - start) / repeats, -float(value[0])


def main():
    peer, path = sys.argv[1:]
    case = dict(np.load(path))
    prepared, seconds, value = {"tick": tick, "intensify": intensify, "hawkes-rs": hawkes_rs}[peer](case)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"prepare": prepared, "seconds": seconds, "value": value, "peak_mb": peak}))


if __name__ == "__main__":
    main()
