"""Random shocks of an organisation's weeks around its trend: derivatives, what is known of them, and both limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from antiphon.design import Feature, design_of
from antiphon.design.arrays import unit_structure
from antiphon.design.build import with_periods
from antiphon.design.design import Calendar
from antiphon.hawkes import Options, fit_design
from antiphon.hawkes.effects import LARGEST_SPREAD, SHOCKS, SMALLEST_SPREAD, priors_at
from antiphon.hawkes.estimate import make_objective
from antiphon.hawkes.likelihood import evaluate
from antiphon.hawkes.newton import maximise
from antiphon.hawkes.problem import build_problem
from antiphon.model import Endemic, Model, TargetModel
from antiphon.simulation import simulate
from tests.unit.hawkes_cases import invented

TREND = Options(trend_days=28.0, propensity=False)


def weekly(**more):
    return with_periods(invented(**more), 7.0)


def somewhere(problem):
    generator = np.random.default_rng(4)
    x = generator.normal(0.0, 0.3, problem.layout.size + problem.features.shape[1])
    x[0] = np.log(0.1)
    x[problem.layout.size :] = generator.uniform(0.0, 0.2, problem.features.shape[1])
    return x


def shaken(seed, *, spread, peers=0.0, days=364.0):
    """One organisation of 12 units whose weeks go up and down together."""
    structure = unit_structure(np.repeat(np.arange(12), 8), 1, [3.0], days)
    nothing = np.zeros(int(days), np.int64)
    daily = Calendar(np.arange(days + 1.0), nothing, nothing, 1)
    choices = replace(structure.choices, period_days=7.0)
    structure = replace(structure, choices=choices, calendars={"minute": daily})
    shocks = np.random.default_rng(seed).normal(0.0, spread, (1, round(days / 7)))
    endemic = Endemic(float(np.log(0.03)), np.zeros(1), np.zeros(7), np.zeros(4), shocks, 0.0)
    model = Model((TargetModel(0, endemic, (Feature(1, 0, 0),), np.array([peers]), 0.0),))
    return design_of(structure, simulate(structure, model, seed).rows)


@pytest.mark.parametrize("units", [(), (0, 0, 0, 0, 1, 1, 1)])
def test_derivatives_with_shocks_are_those_of_the_value(units):
    problem = build_problem(weekly(units=units), 0, TREND)
    x = somewhere(problem)
    curvature = evaluate(problem, x, 0.0, hessian=True).hessian
    assert curvature is not None
    priors = priors_at(problem.layout, curvature)
    objective = make_objective(problem, frail=False, priors=priors)
    x = np.concatenate([x, np.log([0.4, 0.2])[-len(priors) :]])
    found = objective(x, hessian=True)
    for j in [*range(0, x.size, 7), x.size - 1]:
        step = np.zeros(x.size)
        step[j] = 1e-5
        up, down = objective(x + step, hessian=False), objective(x - step, hessian=False)
        assert found.gradient[j] == pytest.approx((up.value - down.value) / 2e-5, rel=1e-4, abs=1e-4)
        column = (up.gradient - down.gradient) / 2e-5
        np.testing.assert_allclose(found.curvature.dense()[j], column, rtol=1e-3, atol=2e-3)


def test_what_is_known_of_shocks_is_left_when_the_levels_of_the_trend_are_estimated():
    problem = build_problem(weekly(n_organisations=1), 0, TREND)
    curvature = evaluate(problem, somewhere(problem), 0.5, hessian=True).hessian
    assert curvature is not None
    layout = problem.layout
    local = -curvature.dense()[layout.central : layout.size, layout.central : layout.size]
    is_in = layout.trend[:, None] == np.unique(layout.trend)
    contrasts = np.linalg.svd(is_in.T.astype(float))[2][is_in.shape[1] :].T
    means = is_in.astype(float)
    mixed = means.T @ local @ contrasts
    expected = contrasts.T @ local @ contrasts - mixed.T @ np.linalg.solve(means.T @ local @ means, mixed)
    (prior,) = priors_at(layout, curvature)
    assert prior.name == SHOCKS
    np.testing.assert_allclose(np.sort(prior.information), np.linalg.eigvalsh(expected), rtol=1e-7)


@pytest.mark.parametrize(
    ("variance", "like"), [(SMALLEST_SPREAD, "free months"), (LARGEST_SPREAD, "free weeks")], ids=["none", "all"]
)
def test_shocks_stand_between_free_months_and_free_weeks(variance, like):
    design = shaken(1, spread=0.4, peers=0.1)
    only = (np.array([f.channel == 1 for f in design.targets[0].columns]),)
    problem = build_problem(design, 0, replace(TREND, columns=only, units=False))
    x = np.zeros(problem.layout.size + 1)
    x[0] = np.log(0.03)
    begin = evaluate(problem, x, 0.0, hessian=True).hessian
    assert begin is not None
    objective = make_objective(problem, frail=False, priors=priors_at(problem.layout, begin))
    # the variance is held: only the other parameters move
    start = objective(np.append(x, np.log(variance)), hessian=True)
    fixed = np.arange(start.x.size) == start.x.size - 1
    found = maximise(objective, start, objective.bounded, fixed=fixed).point.x[-2]
    free = {"free weeks": design, "free months": with_periods(design, 28.0)}
    alpha = {
        name: fit_design(other, Options(columns=only, units=False)).targets[0].model.alpha[only[0]][0]
        for name, other in free.items()
    }
    assert found == pytest.approx(alpha[like], abs=0.15 * abs(alpha["free weeks"] - alpha["free months"]))


def test_recovers_how_much_weeks_differ():
    quiet, loud = (fit_design(shaken(2, spread=s), TREND).targets[0].model for s in (0.0, 0.5))
    assert quiet.shock_variance < 0.01
    assert loud.shock_variance == pytest.approx(0.25, rel=0.4)
