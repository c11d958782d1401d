"""Values of the dense Hawkes process with one or several half-lives from tick 0.8, for tests/unit/test_hawkes_tick.py.

Run once in an environment of its own (requirements.txt beside this file); the values are committed beside this file. The
data are drawn from a seed by ``simulate`` below, which the test imports too, so nothing but numbers is stored.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

CASES = (
    {"name": "two kinds", "n_kinds": 2, "half_lives": [0.7], "window": 2000.0, "seed": 11},
    {"name": "five kinds", "n_kinds": 5, "half_lives": [2.0], "window": 1500.0, "seed": 12},
    {"name": "two half-lives", "n_kinds": 3, "half_lives": [0.2, 4.0], "window": 2000.0, "seed": 13},
    {"name": "three half-lives", "n_kinds": 2, "half_lives": [0.1, 1.5, 20.0], "window": 4000.0, "seed": 14},
)


def simulate(n_kinds: int, half_lives: list[float] | float, window: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a multivariate Hawkes process by clusters: immigrants, then offspring by generation, half-lives in equal parts."""
    generator = np.random.default_rng(seed)
    echoes = 0.6 * generator.dirichlet(np.ones(n_kinds), size=n_kinds).T  # echoes[target, source]
    times, kinds = [], []
    now = np.sort(generator.uniform(0.0, window, generator.poisson(0.3 * n_kinds * window)))
    kind = generator.integers(0, n_kinds, now.size)
    while now.size:
        times.append(now)
        kinds.append(kind)
        number = generator.poisson(echoes[:, kind])  # (targets, parents)
        target, parent = np.nonzero(number)
        repeat = np.repeat(np.arange(target.size), number[target, parent])
        now = now[parent[repeat]] + generator.exponential(np.resize(half_lives, repeat.size) / np.log(2.0))
        kind = target[repeat]
        inside = now < window
        now, kind = now[inside], kind[inside]
    all_times, all_kinds = np.concatenate(times), np.concatenate(kinds)
    order = np.argsort(all_times)
    return all_times[order], all_kinds[order]


def tick_values(case: dict) -> dict:
    """Log likelihood at a stated point, and the maximum likelihood estimates."""
    from scipy.optimize import minimize
    from tick.hawkes import ModelHawkesExpKernLogLik, ModelHawkesSumExpKernLogLik

    n_kinds, window = case["n_kinds"], case["window"]
    decays = np.log(2.0) / np.asarray(case["half_lives"])
    times, kinds = simulate(n_kinds, case["half_lives"], window, case["seed"])
    if decays.size == 1:
        model = ModelHawkesExpKernLogLik(float(decays[0]), n_threads=1)
    else:
        model = ModelHawkesSumExpKernLogLik(decays, n_threads=1)
    model.fit([np.ascontiguousarray(times[kinds == k]) for k in range(n_kinds)], end_times=window)

    def log_likelihood(x: np.ndarray) -> float:
        # tick's loss is per event and relative to a unit rate for every kind
        return -model.loss(x) * times.size - n_kinds * window

    n_couplings = n_kinds**2 * decays.size
    alpha = 0.4 / (n_kinds * decays.size)
    point = np.concatenate([np.full(n_kinds, 0.25), np.full(n_couplings, alpha)])
    bounds = [(1e-9, None)] * n_kinds + [(0.0, None)] * n_couplings
    found = minimize(
        model.loss, point, jac=model.grad, method="L-BFGS-B", bounds=bounds,
        options={"ftol": 1e-15, "gtol": 1e-12, "maxiter": 5000, "maxcor": 50},
    )  # fmt: skip
    return {
        **case,
        "events": int(times.size),
        "baseline": 0.25,
        "alpha": alpha,
        "log_likelihood": log_likelihood(point),
        "best_log_likelihood": log_likelihood(found.x),
        "best_baseline": found.x[:n_kinds].tolist(),
        "best_alpha": found.x[n_kinds:].reshape(n_kinds, n_kinds, decays.size).tolist(),
    }


if __name__ == "__main__":
    values = [tick_values(case) for case in CASES]
    Path(__file__).with_name("tick_values.json").write_text(json.dumps(values, indent=1) + "\n", encoding="ascii")
