"""Full Bayes: its likelihood is the engine's, its posterior goes with the default fit (tests/reference/make_bayes_values.py).

What needs the extra is skipped without it; the committed posteriors are compared with the default fit everywhere.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy.optimize import minimize
from scipy.special import logsumexp

from antiphon.errors import SpecificationError
from antiphon.hawkes import Options, fit_design
from antiphon.hawkes.likelihood import compute_state, evaluate
from antiphon.hawkes.problem import build_problem
from antiphon.inference import bayes, sample_posterior
from antiphon.inference.bayes_likelihood import integrals_of, make_log_likelihood
from antiphon.inference.intervals import make_curve, profile_interval
from tests.reference.make_bayes_values import simulated
from tests.unit.hawkes_cases import invented, with_covariates

VALUES = json.loads((Path(__file__).parents[1] / "reference" / "bayes_values.json").read_text(encoding="ascii"))
HAS_EXTRA = all(importlib.util.find_spec(name) for name in ("numpyro", "arviz"))
needs_extra = pytest.mark.skipif(not HAS_EXTRA, reason="needs the extra: pip install 'antiphon[bayes]'")
DESIGNS = {
    "points": invented(n_systems=15),
    "units": invented(n_systems=15, units=(0, 0, 0, 0, 1, 1, 1)),
    "covariates": with_covariates(invented(n_systems=15)),
    "counts": invented(n_systems=15, precision="day"),
    "terminal": invented(n_systems=15, precision="day", terminal=True),
}


@needs_extra
@pytest.mark.parametrize("variance", [0.0, 0.01, 3.0])
@pytest.mark.parametrize("name", DESIGNS)
def test_likelihood_and_gradient_are_those_of_the_engine(name, variance):
    import jax

    problem = build_problem(DESIGNS[name], 0, Options())
    generator = np.random.default_rng(3)
    effects = generator.normal(0.0, 0.3, problem.layout.size)
    effects[0] += np.log(0.1)
    alpha = generator.uniform(0.0, 0.2, problem.features.shape[1])
    expected = evaluate(problem, np.append(effects, alpha), variance)
    with jax.enable_x64(True):  # noqa: FBT003
        function = make_log_likelihood(problem, frail=variance > 0.0 and problem.any_frail)
        value, gradients = jax.jit(jax.value_and_grad(function, (0, 1)))(effects, alpha, variance)
    assert float(value) == pytest.approx(expected.value + expected.ridge, rel=1e-12)
    gradient = expected.gradient + np.append(problem.layout.ridge * effects, np.zeros(alpha.size))
    np.testing.assert_allclose(np.concatenate(gradients), gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["points", "counts"])
def test_every_event_of_a_frail_system_has_one_place(name):
    problem = build_problem(DESIGNS[name], 0, Options())
    places = np.zeros(problem.count.size + 1)
    for some in integrals_of(problem):
        places += np.bincount(some.rows.ravel(), minlength=places.size)
        is_used = some.rows < problem.count.size
        owners = np.broadcast_to(some.systems, some.rows.shape)[is_used]
        np.testing.assert_array_equal(owners, problem.row_system[some.rows[is_used]])
    np.testing.assert_array_equal(places[:-1], problem.count)


@pytest.mark.parametrize("value", VALUES, ids=[value["name"] for value in VALUES])
def test_the_default_fit_lies_where_the_posterior_does(value):
    design = simulated(**{name: value[name] for name in ("seed", "spread", "own", "peers")})
    assert design.targets[0].count.sum() == value["events"]
    assert value["largest_rhat"] < 1.01
    assert value["diverging"] == 0
    fit = fit_design(design)
    curve = make_curve(fit, 0)
    names = {str(design.channels[feature.channel].name): j for j, feature in enumerate(design.targets[0].columns)}
    for pair, (low, middle, high) in zip(value["pairs"], value["quantiles"]["coupling"], strict=True):
        column = next(j for name, j in names.items() if f"({name})" in pair)
        interval = profile_interval(curve, (column,))
        width = high - low
        # a posterior is no likelihood: skewed where data are few, and priors pull; a twentieth of the interval is what may part them
        assert interval.estimate == pytest.approx(middle, abs=0.05 * width)
        assert interval.low == pytest.approx(low, abs=0.05 * width)
        assert interval.high == pytest.approx(high, abs=0.05 * width)
    low, _, high = value["quantiles"]["frailty_variance"][0]
    assert low < fit.targets[0].model.frailty_variance < high


def test_where_units_differ_fit_and_posterior_go_with_the_likelihood_that_quadrature_gives():
    value = VALUES[1]
    design = simulated(**{name: value[name] for name in ("seed", "spread", "own", "peers")})
    fit = fit_design(design)
    problem, model = build_problem(design, 0, fit.options), fit.targets[0].model
    start = [fit.targets[0].parameters[0], *model.alpha, np.log(model.frailty_variance), np.log(model.unit_variance)]
    options = {"xatol": 2e-3, "fatol": 2e-3, "maxfev": 400}
    found = minimize(lambda y: -_by_quadrature(problem, y), start, method="Nelder-Mead", options=options)
    assert found.success
    errors = np.sqrt(-1.0 / fit.targets[0].hessian.diagonal())
    # without the tangent of the sum over eigenvalues (hawkes/effects.py) echoes of peers were half a standard error too low
    np.testing.assert_array_less(np.abs(found.x[:3] - start[:3]), 0.1 * errors[[0, -4, -3]])
    np.testing.assert_allclose(found.x[3:], start[3:], atol=0.03)
    peers, own = value["quantiles"]["coupling"]
    for place, (low, middle, high) in ((1, own), (2, peers)):
        assert found.x[place] == pytest.approx(middle, abs=0.03 * (high - low))
    for place, name in ((3, "frailty_variance"), (4, "unit_variance")):
        low, middle, high = value["quantiles"][name][0]
        assert np.exp(found.x[place]) == pytest.approx(middle, abs=0.2 * (high - low))


def _by_quadrature(problem, y):
    """Log likelihood at intercept, couplings and log variances, units integrated out one by one: here nobody moves."""
    size, units = problem.layout.size, problem.layout.unit_places
    unit_of = np.full(problem.systems.size, -1)
    unit_of[problem.pieces.system] = problem.pieces.unit
    nodes, weights = hermegauss(31)
    x, values = np.concatenate([[y[0]], np.zeros(size - 1), np.maximum(y[1:3], 0.0)]), []
    for node in nodes * np.exp(0.5 * y[4]):
        x[units] = node
        logs = compute_state(problem, x, float(np.exp(y[3])), second=False).log_like
        values.append([logs[unit_of == unit].sum() for unit in units])
    weights = weights[:, None] / weights.sum()
    return float(logsumexp(values, b=weights, axis=0).sum() - problem.compensator @ x[size:])


@needs_extra
@pytest.mark.filterwarnings("ignore::FutureWarning:arviz")
def test_output_has_the_names_of_the_model_and_nothing_of_single_systems():
    design = DESIGNS["units"]
    fit = fit_design(design, Options(propensity=False))
    problem = build_problem(design, 0, fit.options)
    found = sample_posterior(fit, seed=2, draws=3, warmup=2, chains=2)
    again = sample_posterior(fit, seed=2, draws=3, warmup=2, chains=2)
    posterior = found.posterior
    assert set(found.groups()) == {"posterior", "sample_stats"}
    assert set(posterior) == {"alpha", "coupling", "effect", "frailty_variance", "unit_variance"}
    assert posterior["alpha"].shape == (2, 3, problem.kept.size)
    assert not any("unit[" in name for name in posterior["parameter"].to_numpy())
    assert posterior.sizes["pair"] == 2
    assert (posterior["alpha"] >= 0.0).all()
    totals = posterior["alpha"].to_numpy().reshape(2, 3, 2, 2).sum(axis=-1)
    order = [next(i for i, c in enumerate(design.channels) if f"({c.name})" in p) for p in posterior["pair"].to_numpy()]
    np.testing.assert_allclose(posterior["coupling"], totals[..., order])
    np.testing.assert_array_equal(posterior["alpha"], again.posterior["alpha"])
    sizes = set(posterior.sizes.values())
    assert problem.systems.size not in sizes


@needs_extra
def test_too_large_records_are_refused_in_words(monkeypatch):
    fit = fit_design(DESIGNS["points"])
    monkeypatch.setattr(bayes, "MOST_EVENTS", 10)
    with pytest.raises(SpecificationError, match="too large for full Bayes"):
        sample_posterior(fit, seed=1)


@needs_extra
def test_there_must_be_something_to_draw():
    with pytest.raises(SpecificationError, match="at least 1"):
        sample_posterior(fit_design(DESIGNS["points"]), seed=1, draws=0)


@pytest.mark.skipif(HAS_EXTRA, reason="the extra is installed")
def test_without_the_extra_it_says_how_to_get_it():
    with pytest.raises(SpecificationError, match=r"antiphon\[bayes\]"):
        sample_posterior(fit_design(DESIGNS["points"]), seed=1)
