"""Posteriors by full Bayes for tests/unit/test_inference_bayes.py, on agencies drawn from a seed by ``simulated`` below.

Run where the extra is installed (locks/bayes.txt), from the root: ``python -m tests.reference.make_bayes_values``. The test compares
the default fit with them, so agreement is checked where the extra is not.
"""

from __future__ import annotations

import json
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

from antiphon.design import Design, Feature, design_of
from antiphon.design.arrays import unit_structure
from antiphon.hawkes import fit_design
from antiphon.inference import sample_posterior
from antiphon.model import Endemic, Model, TargetModel
from antiphon.simulation import simulate

CASES = (
    {"name": "couplings and frailty, units alike", "seed": 12, "spread": 0.0, "own": 0.15, "peers": 0.3},
    {"name": "couplings and frailty, units differ", "seed": 11, "spread": 0.5, "own": 0.15, "peers": 0.3},
)
N_UNITS, PERSONS, DAYS, RATE, VARIANCE = 12, 8, 250.0, 0.02, 0.5
SAMPLING = {"seed": 1, "draws": 500, "warmup": 500, "chains": 4}
QUANTILES = (0.025, 0.5, 0.975)
NAMES = ("coupling", "frailty_variance", "unit_variance")


def simulated(seed: int, spread: float, own: float, peers: float) -> Design:
    """One organisation of units whose log rates differ by ``spread``, people who differ, echoes of the own past and of peers."""
    unit_of = np.repeat(np.arange(N_UNITS), PERSONS)
    structure = unit_structure(unit_of, 1, [3.0], DAYS, has_frailty=True)
    effects = np.random.default_rng(seed).normal(0.0, 1.0, N_UNITS) * spread
    endemic = Endemic(float(np.log(RATE)), np.zeros(1), np.zeros(7), np.zeros(4), np.zeros((1, 1)), 0.0, unit=effects)
    columns = (Feature(0, 0, 0), Feature(1, 0, 0))
    model = Model((TargetModel(0, endemic, columns, np.array([own, peers]), VARIANCE),))
    return design_of(structure, simulate(structure, model, seed).rows)


def posterior_values(case: dict) -> dict:
    """Quantiles by name, and how well the chains have mixed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        import arviz
    design = simulated(**{name: case[name] for name in ("seed", "spread", "own", "peers")})
    fit = fit_design(design)
    begin = time.process_time()
    found = sample_posterior(fit, **SAMPLING)
    seconds = time.process_time() - begin
    draws = found.posterior
    return {
        **case,
        "events": int(design.targets[0].count.sum()),
        "quantiles": {name: np.quantile(draws[name], QUANTILES, axis=(0, 1)).T.tolist() for name in NAMES},
        "pairs": draws["pair"].to_numpy().tolist(),
        "largest_rhat": float(max(np.nanmax(values) for values in arviz.rhat(draws).values())),
        "smallest_ess": float(min(np.nanmin(values) for values in arviz.ess(draws).values())),
        "diverging": int(found.sample_stats["diverging"].sum()),
        "cpu_seconds": round(seconds),
        "sampling": SAMPLING,
        "versions": {name: version(name) for name in ("numpyro", "jax", "jaxlib", "arviz")},
    }


if __name__ == "__main__":
    values = [posterior_values(case) for case in CASES]
    Path(__file__).with_name("bayes_values.json").write_text(json.dumps(values, indent=1) + "\n", encoding="ascii")
