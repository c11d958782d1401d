"""Unit frailty: Laplace's approximation against dense quadrature, the variance against hand computation, and its boundary."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from antiphon.design import Feature, design_of
from antiphon.design.arrays import unit_structure
from antiphon.hawkes import Options, fit_design
from antiphon.hawkes.effects import UNITS as UNIT_VARIANCE
from antiphon.hawkes.effects import known_at
from antiphon.hawkes.estimate import make_objective
from antiphon.hawkes.fitting import objective_of
from antiphon.hawkes.likelihood import evaluate
from antiphon.hawkes.problem import build_problem
from antiphon.inference.intervals import compare_without, make_curve
from antiphon.model import Endemic, Model, TargetModel
from antiphon.simulation import simulate
from tests.unit.hawkes_cases import invented

UNITS = (0, 0, 0, 0, 1, 1, 1)
GRID = np.linspace(-6.0, 6.0, 201)
WEIGHTS = np.exp(-0.5 * GRID**2) / np.exp(-0.5 * GRID**2).sum()


def unit_places(layout):
    """Parameters of the unit effects."""
    return layout.unit[layout.unit < layout.size]


def priors_known(layout, curvature):
    """The priors with what a curvature knows of the effects."""
    return tuple(known.prior for known in known_at(layout, curvature, {}))


def simulated(
    seed, *, n_units=12, persons=8, days=250.0, rate=0.03, spread=0.5, variance=0.0, own=0.0, peers=0.0, truth=None
):
    """One organisation whose units differ; returns the design and the log effects of the units."""
    structure = unit_structure(np.repeat(np.arange(n_units), persons), 1, [3.0], days, has_frailty=variance > 0.0)
    effects = np.random.default_rng(seed).normal(0.0, spread, n_units) if truth is None else truth
    endemic = Endemic(float(np.log(rate)), np.zeros(1), np.zeros(7), np.zeros(4), np.zeros((1, 1)), 0.0, unit=effects)
    columns = (Feature(0, 0, 0), Feature(1, 0, 0))
    model = Model((TargetModel(0, endemic, columns, np.array([own, peers]), variance),))
    return design_of(structure, simulate(structure, model, seed).rows), effects


def by_quadrature(problem, x, variance, unit_variance):
    """Log likelihood with unit effects integrated out one by one: exact where nobody changes units and periods are given."""
    places, size = unit_places(problem.layout), problem.layout.size
    total, base = 0.0, evaluate(problem, x, variance).value
    ridge = 0.5 * problem.layout.ridge @ x[:size] ** 2
    for place in places:
        logs = []
        for node in np.sqrt(unit_variance) * GRID:
            moved = x.copy()
            moved[place] = node
            logs.append(evaluate(problem, moved, variance).value - base)
        total += logsumexp(logs, b=WEIGHTS)
    return base + ridge + total


@pytest.mark.parametrize(("variance", "unit_variance"), [(0.0, 0.3), (0.8, 0.3), (0.8, 1.0)])
def test_laplace_agrees_with_dense_quadrature(variance, unit_variance):
    design, _ = simulated(3, variance=max(variance, 0.3), spread=0.6)
    problem = build_problem(design, 0, Options(propensity=False))
    assert problem.layout.size == problem.layout.central + 12  # no periods: units alone are local
    x = np.zeros(problem.layout.size + problem.features.shape[1])
    x[0] = np.log(0.03)
    if problem.features.shape[1]:
        x[problem.layout.size :] = 0.02
    exact = by_quadrature(problem, x, variance, unit_variance)
    best = _best_effects(problem, x, variance, unit_variance)
    curvature = evaluate(problem, best, variance, hessian=True).hessian
    assert curvature is not None
    priors = priors_known(problem.layout, curvature)
    objective = make_objective(problem, frail=variance > 0.0, priors=priors)
    point = np.concatenate([best, *([[np.log(variance)]] if variance else []), [np.log(unit_variance)]])
    found = objective(point, hessian=False).value + 0.5 * problem.layout.ridge @ x[: problem.layout.size] ** 2
    # the error of the approximation is of the order of 1 / (events of a unit), about 60 here, for each of the 12
    assert found == pytest.approx(exact, abs=0.01 * 12)


def _best_effects(problem, x, variance, unit_variance):
    best = x.copy()
    for place in unit_places(problem.layout):

        def loss(effect, place=place):
            moved = best.copy()
            moved[place] = effect
            return 0.5 * effect**2 / unit_variance - evaluate(problem, moved, variance).value

        best[place] = minimize_scalar(loss, bounds=(-6.0, 6.0), method="bounded", options={"xatol": 1e-8}).x
    return best


@pytest.mark.parametrize("variance", [0.0, 0.7])
def test_derivatives_with_unit_effects_are_those_of_the_value(variance):
    problem = build_problem(invented(units=UNITS), 0, Options())
    generator = np.random.default_rng(4)
    x = generator.normal(0.0, 0.3, problem.layout.size + problem.features.shape[1])
    x[0] = np.log(0.1)
    x[problem.layout.size :] = generator.uniform(0.0, 0.2, problem.features.shape[1])
    curvature = evaluate(problem, x, variance, hessian=True).hessian
    assert curvature is not None
    objective = make_objective(problem, frail=variance > 0.0, priors=priors_known(problem.layout, curvature))
    x = np.concatenate([x, *([[np.log(variance)]] if variance else []), [np.log(0.4)]])
    found = objective(x, hessian=True)
    for j in [*range(0, x.size, 5), *unit_places(problem.layout), x.size - 1]:
        step = np.zeros(x.size)
        step[j] = 1e-5
        up, down = objective(x + step, hessian=False), objective(x - step, hessian=False)
        assert found.gradient[j] == pytest.approx((up.value - down.value) / 2e-5, rel=1e-4, abs=1e-4)
        column = (up.gradient - down.gradient) / 2e-5
        keep = slice(None) if variance == 0.0 else np.arange(x.size) != problem.layout.size + problem.kept.size
        np.testing.assert_allclose(found.curvature.dense()[j][keep], column[keep], rtol=1e-3, atol=2e-3)


def test_what_is_known_of_units_is_the_inverse_of_what_is_left_of_the_whole():
    problem = build_problem(invented(units=UNITS), 0, Options())
    x = np.zeros(problem.layout.size + problem.features.shape[1])
    x[0] = np.log(0.1)
    curvature = evaluate(problem, x, 0.5, hessian=True).hessian
    assert curvature is not None
    central = problem.layout.central
    local = -curvature.dense()[central : problem.layout.size, central : problem.layout.size]
    units = unit_places(problem.layout) - central
    inverse = np.linalg.inv(local)[np.ix_(units, units)]
    expected = np.sort(np.linalg.eigvalsh(np.linalg.inv(inverse)))
    np.testing.assert_allclose(np.sort(priors_known(problem.layout, curvature)[0].information), expected, rtol=1e-8)


@pytest.mark.parametrize(("rate", "within"), [(0.03, 0.1), (0.3, 0.02)])
def test_without_couplings_the_variance_is_that_of_a_poisson_mixed_model_by_hand(rate, within):
    # the approximation needs events: about 12 and 120 per unit here
    design, _ = simulated(5, n_units=15, persons=1, days=400.0, spread=0.7, rate=rate)
    nothing = (np.zeros(len(design.targets[0].columns), bool),)
    one = fit_design(design, Options(columns=nothing, propensity=False)).targets[0]
    count = np.bincount(design.targets[0].system, minlength=15)[:15].astype(float)

    def log_likelihood(intercept, variance):
        log_rate = intercept + np.sqrt(variance) * GRID
        logs = count[:, None] * log_rate - 400.0 * np.exp(log_rate)
        return float(logsumexp(logs, axis=1, b=WEIGHTS).sum())

    def profile(log_variance):
        best = minimize_scalar(lambda a: -log_likelihood(a, np.exp(log_variance)), bounds=(-8, 3), method="bounded")
        return float(best.fun)

    best = float(np.exp(minimize_scalar(profile, bounds=(-5, 3), method="bounded").x))
    assert one.model.unit_variance == pytest.approx(best, rel=within)


def test_units_that_do_not_differ_leave_the_fit_as_it_was():
    design, _ = simulated(1, spread=0.0, variance=0.8, own=0.1)
    with_units, without = fit_design(design).targets[0], fit_design(design, Options(units=False)).targets[0]
    assert with_units.model.unit_variance == 0.0
    assert with_units.priors == ()
    assert with_units.names == without.names
    np.testing.assert_allclose(with_units.parameters, without.parameters, atol=1e-5)
    assert with_units.log_likelihood == pytest.approx(without.log_likelihood, abs=1e-6)


def test_recovers_which_units_have_more():
    design, truth = simulated(2, n_units=25, spread=0.6, variance=0.5, own=0.1, peers=0.1)
    one = fit_design(design).targets[0]
    assert 0.15 < one.model.unit_variance < 0.7
    assert np.corrcoef(one.model.endemic.unit, truth)[0, 1] > 0.8


def test_too_few_units_are_not_taken_to_differ():
    design, _ = simulated(2, n_units=5, persons=20, spread=1.0)
    assert not build_problem(design, 0, Options()).has_units
    assert fit_design(design).targets[0].model.unit_variance == 0.0


def test_the_optimum_is_one_of_the_objective_that_tests_use():
    design, _ = simulated(4, spread=0.6, variance=0.5, peers=0.1)
    fit = fit_design(design)
    one = fit.targets[0]
    found = objective_of(fit, 0)(one.parameters, hessian=False)
    is_free = ~objective_of(fit, 0).bounded | (one.parameters > 0.0)
    assert [prior.name for prior in one.priors] == [UNIT_VARIANCE]
    assert np.abs(found.gradient[is_free]).max() < 1e-3


def test_a_test_lets_units_differ_again_where_the_coupling_stood_for_it():
    design, _ = simulated(3, n_units=20, spread=0.6, variance=0.6, days=400.0)
    fit = fit_design(design, Options(units=False))
    told = replace(fit, options=Options())  # as if units had been found not to differ
    peers = [j for j, f in enumerate(design.targets[0].columns) if f.channel == 1]
    alone = compare_without(make_curve(fit, 0), tuple(peers))
    assert alone.p < 0.01
    assert compare_without(make_curve(told, 0), tuple(peers)).statistic < 0.5 * alone.statistic
