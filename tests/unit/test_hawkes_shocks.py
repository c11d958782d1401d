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
from antiphon.hawkes.effects import LARGEST_SPREAD, SHOCKS, SMALLEST_SPREAD, UNITS, known_at
from antiphon.hawkes.estimate import make_objective, with_effects
from antiphon.hawkes.likelihood import evaluate
from antiphon.hawkes.newton import maximise
from antiphon.hawkes.problem import build_problem
from antiphon.model import Endemic, Model, TargetModel
from antiphon.simulation import simulate
from tests.unit.hawkes_cases import invented

TREND = Options(trend_days=28.0, propensity=False)


def priors_known(layout, curvature):
    """The priors with what a curvature knows of the effects."""
    return tuple(known.prior for known in known_at(layout, curvature, {}))


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
    priors = priors_known(problem.layout, curvature)
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
    (prior,) = priors_known(layout, curvature)
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
    objective = make_objective(problem, frail=False, priors=priors_known(problem.layout, begin))
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


@pytest.mark.parametrize("variance", [0.0, 0.6])
@pytest.mark.parametrize(
    ("design", "options"),
    [
        (invented(n_organisations=1, units=(0,) * 7), Options(propensity=False)),
        (weekly(n_organisations=1, days=84.0), TREND),
    ],
    ids=["units", "shocks"],
)
def test_the_tangent_is_that_of_the_sum_over_eigenvalues(design, options, variance):
    problem = build_problem(design, 0, options)
    x = somewhere(problem)
    x = np.append(x, np.log(variance)) if variance else x
    spread = {UNITS: 0.3, SHOCKS: 0.3}
    plain = make_objective(problem, frail=variance > 0.0)

    def settled(x):
        """Where the effects and the trend have followed the other parameters, and the log variance."""
        objective = with_effects(plain, x, spread)[0]
        bare = replace(objective, priors=tuple(replace(prior, slope=np.zeros(0)) for prior in objective.priors))
        begin = bare(np.append(x, np.log(0.3)), hessian=True)
        is_central = np.ones(begin.x.size, bool)
        is_central[problem.layout.central : problem.layout.size] = False
        return maximise(bare, begin, bare.bounded, fixed=is_central, tolerance=1e-12).point.x[:-1]

    def half_sum(x):
        (known,) = known_at(problem.layout, plain.given_effects(x, hessian=True).curvature, spread)
        return -0.5 * float(np.log1p(0.3 * known.prior.information).sum())

    x = settled(x)
    (prior,) = with_effects(plain, x, spread)[0].priors
    for j in (0, 1, problem.layout.size, x.size - 1):
        ends = []
        for way in (1.0, -1.0):
            moved = x.copy()
            moved[j] += way * 2e-3
            ends.append(half_sum(settled(moved)))
        assert prior.slope[j] == pytest.approx((ends[0] - ends[1]) / 4e-3, rel=0.02, abs=2e-3)
