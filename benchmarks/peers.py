"""One peer, one case, in the peers' own environment: prints one line of JSON.

``python peers.py PEER CASE.npz THREADS``. The case holds time, mark, horizon, mu, alpha, decay.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from memory import peak_mb

MILLION = 1_000_000


def clock_for(threads):
    """Processor time where there is one thread, so that other work on the machine does not count."""
    return time.process_time if threads == 1 else time.perf_counter


def typical(taken, threads):
    """Median processor time of one thread; shortest time on the clock of several, when nobody else took a core."""
    return np.median(taken, axis=0) if threads == 1 else np.min(taken, axis=0)


def median_time(call, repeats=7):
    value, taken = time_calls(call, repeats, time.perf_counter)
    return float(np.median(taken)), value


def thread_time(call, threads):
    value, taken = time_calls(call, 25, clock_for(threads))
    return float(typical(taken, threads)), value


def time_calls(call, repeats, clock):
    call()
    taken = []
    for _ in range(repeats):
        start = clock()
        value = call()
        taken.append(clock() - start)
        if sum(taken) > 120:
            break
    return value, taken


def split(case):
    order = np.argsort(case["mark"], kind="stable")
    counts = np.bincount(case["mark"], minlength=case["mu"].size)
    return [np.ascontiguousarray(part) for part in np.split(case["time"][order], np.cumsum(counts)[:-1])]


def tick_model(case, threads):
    from tick.hawkes import ModelHawkesExpKernLogLik

    model = ModelHawkesExpKernLogLik(float(case["decay"]), n_threads=threads)
    model.fit(split(case), float(case["horizon"]))
    return model


def tick_value(case, loss):
    # tick's loss is per event and off by the constant D * T (its threads 449 and 468)
    return -loss * case["time"].size - case["mu"].size * float(case["horizon"])


def tick(case, threads):
    start = time.perf_counter()
    model = tick_model(case, threads)
    point = np.concatenate([case["mu"], case["alpha"].ravel()])
    model.loss_and_grad(point)
    prepared = time.perf_counter() - start
    seconds, (loss, _) = thread_time(lambda: model.loss_and_grad(point), threads)
    return prepared, seconds, tick_value(case, loss)


def tick_fit(case, threads):
    """Its likelihood in the hands of a general optimiser; its own ways to fit by likelihood stop with an error."""
    from scipy.optimize import minimize

    clock = clock_for(threads)
    start = clock()
    model = tick_model(case, threads)
    n_kinds = case["mu"].size
    point = np.concatenate([np.full(n_kinds, 0.5 * np.mean(case["mu"])), np.full(n_kinds**2, 0.5 / n_kinds)])
    bounds = [(1e-9, None)] * n_kinds + [(0.0, None)] * n_kinds**2
    options = {"ftol": 1e-13, "gtol": 1e-10, "maxiter": 5000, "maxfun": 100_000}
    found = minimize(model.loss_and_grad, point, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return 0.0, clock() - start, tick_value(case, found.fun)


def intensify(case, threads):
    from intensify._libintensify.likelihood import MvExpRecursiveLogLik

    start = time.perf_counter()
    model = MvExpRecursiveLogLik(split(case), float(case["horizon"]), float(case["decay"]))
    point = np.concatenate([case["mu"], case["alpha"].ravel()])
    gradient = np.empty_like(point)
    model.loss_and_grad(point, gradient)
    prepared = time.perf_counter() - start
    seconds, loss = thread_time(lambda: model.loss_and_grad(point, gradient), threads)
    return prepared, seconds, -float(loss)


def intensify_fit(case, threads, **tolerance):
    from intensify import ExponentialKernel, MLEInference, MultivariateHawkes

    n_kinds = case["mu"].size
    kernels = [[ExponentialKernel(0.5 / n_kinds, float(case["decay"])) for _ in range(n_kinds)] for _ in range(n_kinds)]
    process = MultivariateHawkes(n_kinds, 0.5 * case["mu"], kernels)
    events = split(case)
    clock = clock_for(threads)
    start = clock()
    result = MLEInference(**tolerance).fit(process, events, float(case["horizon"]), fit_decay=False)
    return 0.0, clock() - start, float(result.log_likelihood)


def intensify_fit_by_hand(case, threads):
    return intensify_fit(case, threads, tol=1e-12)


def hawkes_rs(case, _threads):
    from hawkes import _hawkes

    parameters = _hawkes.MultivariateParameters(case["mu"], case["alpha"], float(case["decay"]))
    events = split(case)
    repeats = 1 if case["mu"].size > 2_000 else 3
    start = time.perf_counter()
    value = None
    for _ in range(repeats):
        value = _hawkes.multivariate_negative_log_likelihood_and_gradient(parameters, events, float(case["horizon"]))
    return 0.0, (time.perf_counter() - start) / repeats, -float(value[0])


def simulation_time(simulate):
    """Processor seconds for 1,000,000 events; once is enough for a slow one. No preparation, no value."""
    taken = []
    for seed in range(1, 16):
        start = time.process_time()
        n_events = sum(len(times) for times in simulate(seed))
        taken.append((time.process_time() - start) * MILLION / n_events)
        if sum(taken) > 30:
            break
    return 0.0, float(np.median(taken)), float(n_events)


def intensify_simulation(case, _threads):
    from intensify._libintensify.simulation import simulate_mv_exp_branching

    parameters = float(case["horizon"]), case["mu"], case["alpha"].ravel(), float(case["decay"])
    return simulation_time(lambda seed: simulate_mv_exp_branching(*parameters, seed))


def hawkes_rs_simulation(case, _threads):
    from hawkes import _hawkes

    parameters = _hawkes.MultivariateParameters(case["mu"], case["alpha"], float(case["decay"]))
    return simulation_time(lambda seed: _hawkes.multivariate_simulate(parameters, float(case["horizon"]), seed))


PEERS = {
    "tick": tick, "tick fit": tick_fit, "intensify": intensify, "intensify fit": intensify_fit,
    "intensify fit, tolerance 1e-12": intensify_fit_by_hand, "hawkes-rs": hawkes_rs,
    "intensify, branching": intensify_simulation, "hawkes-rs, thinning": hawkes_rs_simulation,
}  # fmt: skip


def main():
    peer, path, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    case = dict(np.load(path))
    prepared, seconds, value = PEERS[peer](case, threads)
    print(json.dumps({"prepare": prepared, "seconds": seconds, "value": value, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
