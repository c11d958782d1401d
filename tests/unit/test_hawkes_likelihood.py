"""The marginal likelihood against dense quadrature, finite differences and textbook formulas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import gammaln, logsumexp

from antiphon.design.arrays import dense_design
from antiphon.hawkes.fitting import frailty_excess
from antiphon.hawkes.likelihood import compute_state, evaluate, evaluate_state
from antiphon.hawkes.options import Options
from antiphon.hawkes.problem import build_problem
from antiphon.hawkes.quadrature import rules
from antiphon.kernels.frailty import frailty_rows
from tests.unit.hawkes_cases import invented, with_covariates

CASES = {
    "minutes": {},
    "days with counts": {"precision": "day"},
    "terminal in days": {"precision": "day", "terminal": True},
    "many events a person": {"n_systems": 12, "rate": 1.5},
    "one organisation": {"n_organisations": 1},
    "units": {"units": (0, 0, 0, 0, 1, 1, 1)},
    "units in days": {"units": (0, 0, 0, 1, 1, 1, 1), "precision": "day", "rate": 0.5},
}


def somewhere(problem, seed=3):
    generator = np.random.default_rng(seed)
    size, columns = problem.layout.size, problem.features.shape[1]
    effects = generator.normal(0.0, 0.3, size)
    effects[0] = np.log(0.1)
    return np.concatenate([effects, generator.uniform(0.0, 0.2, columns)])


def value_only(problem, parameters, variance):
    """The objective by the general path, also where the endemic part is one number."""
    state = compute_state(problem, parameters, variance, second=False)
    return evaluate_state(problem, parameters, state, hessian=False).value


def dense_log_likelihood(problem, parameters, variance):
    """Every system by a sum over 100,001 points of log theta; nothing shared with the code but the rates."""
    state = compute_state(problem, parameters, 0.0, second=False)
    total = -problem.compensator @ parameters[problem.layout.size :]
    means, excess = np.ones(problem.frail.size), np.zeros(problem.frail.size)
    x = np.linspace(-160.0, 6.0, 100_001)
    theta, shape = np.exp(x), 1.0 / variance
    for i in range(problem.frail.size):
        rows = np.flatnonzero(problem.row_system == i)
        logs = shape * np.log(shape) - gammaln(shape) + shape * x - (shape + state.hazard[i]) * theta
        for n in rows:
            logs += problem.count[n] * np.log(theta * state.endemic[n] + state.echo[n])
        logs += np.log(x[1] - x[0])
        value = logsumexp(logs)
        total += value
        weights = np.exp(logs - value)
        means[i], excess[i] = weights @ theta, weights @ np.maximum(theta - 1.0, 0.0)
    return total, means, excess


@pytest.mark.parametrize("name", ["minutes", "days with counts", "many events a person"])
@pytest.mark.parametrize("variance", [0.2, 1.0, 4.0])
def test_marginal_likelihood_agrees_with_dense_quadrature(name, variance):
    problem = build_problem(invented(**CASES[name]), 0, Options())
    x = somewhere(problem)
    expected, means, excess = dense_log_likelihood(problem, x, variance)
    assert value_only(problem, x, variance) + 0.5 * problem.layout.ridge @ x[
        : problem.layout.size
    ] ** 2 == pytest.approx(expected, abs=1e-6)
    state = compute_state(problem, x, variance, second=False)
    np.testing.assert_allclose(state.mean, means, rtol=1e-6)
    np.testing.assert_allclose(frailty_excess(problem, state, variance), excess, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("variance", [0.0, 0.7, 2.5])
def test_gradient_and_hessian_are_those_of_the_value(name, variance):
    problem = build_problem(invented(**CASES[name]), 0, Options())
    x = somewhere(problem)
    found = evaluate(problem, x, variance, hessian=True)
    gradient, hessian = np.empty(x.size), np.empty((x.size, x.size))
    for j in range(x.size):
        step = np.zeros(x.size)
        step[j] = 2e-6
        up, down = evaluate(problem, x + step, variance), evaluate(problem, x - step, variance)
        gradient[j] = (up.value - down.value) / 4e-6
        hessian[j] = (up.gradient - down.gradient) / 4e-6
    assert found.hessian is not None
    np.testing.assert_allclose(found.gradient, gradient, atol=1e-6 * np.abs(gradient).max())
    np.testing.assert_allclose(found.hessian.dense(), hessian, atol=1e-6 * np.abs(hessian).max())


@pytest.mark.parametrize("variance", [0.0, 0.7])
def test_covariates_enter_all_derivatives(variance):
    problem = build_problem(with_covariates(invented()), 0, Options())
    assert [name for name in problem.layout.names if "covariate" in name] == ["covariate[0]", "covariate[2]"]
    x = somewhere(problem)
    found = evaluate(problem, x, variance, hessian=True)
    assert found.hessian is not None
    for place in problem.layout.covariate[[0, 2]]:
        step = np.zeros(x.size)
        step[place] = 1e-5
        up, down = evaluate(problem, x + step, variance), evaluate(problem, x - step, variance)
        assert found.gradient[place] == pytest.approx((up.value - down.value) / 2e-5, rel=1e-5)
        np.testing.assert_allclose(found.hessian.dense()[place], (up.gradient - down.gradient) / 2e-5, atol=1e-4)


def test_propensity_enters_the_gradient():
    design = invented()
    log_r = np.random.default_rng(5).normal(0.0, 0.5, design.roles[0].segments.system.size)
    problem = build_problem(design, 0, Options(), log_r)
    x = somewhere(problem)
    place = problem.layout.propensity
    step = np.zeros(x.size)
    step[place] = 1e-5
    up, down = evaluate(problem, x + step, 0.7), evaluate(problem, x - step, 0.7)
    found = evaluate(problem, x, 0.7, hessian=True)
    assert found.gradient[place] == pytest.approx((up.value - down.value) / 2e-5, rel=1e-6)
    assert found.hessian is not None
    np.testing.assert_allclose(found.hessian.dense()[place], (up.gradient - down.gradient) / 2e-5, atol=1e-4)


def test_vanishing_variance_is_no_frailty():
    problem = build_problem(invented(), 0, Options())
    x = somewhere(problem)
    without = value_only(problem, x, 0.0)
    # the difference is of first order in the variance
    near, nearer = value_only(problem, x, 1e-4) - without, value_only(problem, x, 1e-5) - without
    assert nearer == pytest.approx(0.1 * near, rel=0.01)


def test_without_couplings_and_rhythm_it_is_poisson():
    design = invented(n_columns=0)
    problem = build_problem(design, 0, Options(rhythm=False))
    segments, events = design.roles[0].segments, design.targets[0].count.sum()
    days = float((segments.end - segments.start).sum())
    assert value_only(problem, np.array([np.log(0.07)]), 0.0) == pytest.approx(
        events * np.log(0.07) - 0.07 * days, rel=1e-12
    )


def test_a_person_without_events_has_the_closed_form():
    one = np.zeros(1)
    rule, variance, hazard = rules(1.0 / 0.8), 0.8, 1.7
    empty = np.zeros(0)
    log_like, mean, spread = one.copy(), one.copy(), one.copy()
    frailty_rows(
        1.0 / variance, np.array([True]), np.array([0, 0]), empty, empty, empty, np.array([hazard]),
        rule.nodes, rule.log_weights, rule.pointer, rule.exact, log_like, mean, spread, empty, empty,
        np.zeros((0, 3)), empty, empty, np.array([0, 0]), False,  # noqa: FBT003 - compiled loops take no keywords
    )  # fmt: skip
    assert log_like[0] == pytest.approx(-np.log1p(variance * hazard) / variance, rel=1e-14)
    assert mean[0] == pytest.approx(1.0 / (1.0 + variance * hazard), rel=1e-14)


def textbook_log_likelihood(times, kinds, half_life, window, baseline, alpha):
    """Ozaki's recursion, one kernel, written out (alpha[target, source])."""
    decay, total = np.log(2.0) / half_life, 0.0
    memory, last = np.zeros(baseline.size), 0.0
    for time, kind in zip(times, kinds, strict=True):
        memory *= np.exp(-decay * (time - last))
        total += np.log(baseline[kind] + decay * alpha[kind] @ memory)
        memory[kind] += 1.0
        last = time
    total -= baseline.sum() * window
    return total - sum(alpha[:, k].sum() * -np.expm1(-decay * (window - t)) for t, k in zip(times, kinds, strict=True))


def test_one_system_is_the_textbook_hawkes_process():
    generator = np.random.default_rng(2)
    times, kinds = np.sort(generator.uniform(0.0, 50.0, 300)), generator.integers(0, 3, 300)
    baseline, alpha = np.array([0.4, 1.0, 2.0]), generator.uniform(0.0, 0.3, (3, 3))
    design = dense_design(times, kinds, [0.9], 50.0)
    total = 0.0
    for index, target in enumerate(design.targets):
        problem = build_problem(design, index, Options())
        sources = [feature.source_kind for feature in target.columns]
        x = np.concatenate([[np.log(baseline[target.kind])], alpha[target.kind, sources]])
        dense = evaluate(problem, x, 0.0)
        assert dense.value == pytest.approx(value_only(problem, x, 0.0), rel=1e-12)
        np.testing.assert_allclose(dense.gradient, evaluate(problem, x, 0.0, hessian=True).gradient, rtol=1e-9)
        total += dense.value
    assert total == pytest.approx(textbook_log_likelihood(times, kinds, 0.9, 50.0, baseline, alpha), rel=1e-10)


def test_halving_calendar_cells_changes_nothing():
    design = invented()
    calendar = design.calendars["minute"]
    middle = 0.5 * (calendar.edges[1:] + calendar.edges[:-1])
    finer = replace(
        calendar,
        edges=np.sort(np.concatenate([calendar.edges, middle])),
        shift=np.repeat(calendar.shift, 2),
        weekday=np.repeat(calendar.weekday, 2),
    )
    target = design.targets[0]
    cell = np.searchsorted(finer.edges, target.time, side="right") - 1
    halved = replace(design, calendars={"minute": finer}, targets=(replace(target, cell=cell),))
    whole = build_problem(design, 0, Options())
    x = somewhere(whole)
    change = value_only(whole, x, 0.7) - value_only(build_problem(halved, 0, Options()), x, 0.7)
    assert abs(change) < 1e-4 * target.count.size
