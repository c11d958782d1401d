"""Intervals and boundary tests against brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import chi2

from antiphon.design.arrays import dense_design
from antiphon.hawkes import Options, fit_design
from antiphon.hawkes.newton import maximise
from antiphon.inference.intervals import (
    chi_bar_p,
    chi_bar_weights,
    cluster_inflation,
    compare_without,
    make_curve,
    profile_interval,
)
from tests.reference.make_tick_values import simulate
from tests.unit.hawkes_cases import invented


@pytest.fixture(scope="module")
def curve():
    return make_curve(fit_design(invented(seed=3, n_systems=80)), 0)


def constrained_maximum(curve, columns, total):
    """Best value with the coupling fixed, for a single column: it is simply held there."""
    (place,) = curve.places[list(columns)]
    x = curve.point.x.copy()
    x[place] = total
    fixed = np.zeros(x.size, bool)
    fixed[place] = True
    start = curve.objective(x, hessian=True)
    return maximise(curve.objective, start, curve.objective.bounded, fixed=fixed).point.value


@pytest.mark.parametrize("column", [0, 1, 2, 3])
def test_ends_of_an_interval_are_where_the_profile_has_fallen(curve, column):
    found = profile_interval(curve, (column,))
    drop = chi2.ppf(0.95, 1) / 2.0

    def fall(total):
        return curve.point.value - constrained_maximum(curve, (column,), total) - drop

    high = brentq(fall, found.estimate, found.estimate + 10.0 * found.standard_error, xtol=1e-6)
    assert found.high == pytest.approx(high, abs=0.02 * (high - found.estimate))
    if found.low > 0.0:
        assert abs(fall(found.low)) < 0.05 * drop
    elif found.estimate > 0.0:
        assert fall(0.0) < 0.0


@pytest.mark.parametrize("seed", range(6))
def test_both_ends_of_an_interval_for_a_dense_process(seed):
    times, kinds = simulate(1, 1.0, 400.0, seed)
    curve = make_curve(fit_design(dense_design(times, kinds, [1.0], 400.0)), 0)
    found = profile_interval(curve, (0,))
    drop = chi2.ppf(0.95, 1) / 2.0
    for end in (found.low, found.high):
        assert curve.point.value - constrained_maximum(curve, (0,), end) == pytest.approx(drop, rel=0.02)


def test_an_interval_of_a_sum_is_not_the_sum_of_intervals(curve):
    both = profile_interval(curve, (0, 1))
    apart = [profile_interval(curve, (column,)) for column in (0, 1)]
    assert both.low <= both.estimate <= both.high
    assert both.estimate == pytest.approx(sum(one.estimate for one in apart))
    assert both.high < sum(one.high for one in apart)


def test_likelihood_ratio_is_that_of_fitting_twice():
    design = invented(seed=3, n_systems=80)
    curve = make_curve(fit_design(design), 0)
    without = fit_design(design, Options(columns=(np.array([False, False, True, True]),)))
    ridge = 0.5 * curve.problem.layout.ridge @ curve.point.x[: curve.problem.layout.size] ** 2
    null = make_curve(without, 0)
    null_ridge = 0.5 * null.problem.layout.ridge @ null.point.x[: null.problem.layout.size] ** 2
    found = compare_without(curve, (0, 1))
    assert found.statistic == pytest.approx(2.0 * (curve.point.value - null.point.value), abs=2e-3)
    assert abs(ridge - null_ridge) < 1.0
    assert not found.approximate


def test_what_is_estimated_at_zero_has_p_one():
    design = invented()
    nothing = replace(design.targets[0], features=np.zeros_like(design.targets[0].features))
    curve = make_curve(fit_design(replace(design, targets=(nothing,))), 0)
    found = compare_without(curve, (0, 1))
    assert (found.statistic, found.p) == (0.0, 1.0)
    interval = profile_interval(curve, (0, 1))
    assert interval.low == 0.0
    assert 0.0 < interval.high < 1.0


def test_size_under_no_echoes_is_at_most_nominal():
    """One kind without echoes: p is 1 in about half the cases and uniform in the others."""
    p = []
    for seed in range(60):
        times = np.sort(np.random.default_rng(seed).uniform(0.0, 400.0, 200))
        fit = fit_design(dense_design(times, np.zeros(200, np.int64), [1.0], 400.0), threads=1)
        p.append(compare_without(make_curve(fit, 0), (0,)).p)
    p = np.array(p)
    # four standard errors of a share of 60
    assert np.mean(p <= 0.2) < 0.2 + 4.0 * np.sqrt(0.2 * 0.8 / 60)
    assert 0.2 < np.mean(p == 1.0) < 0.8


def test_intervals_cover_the_truth_and_tests_find_it():
    """Forty simulated processes with 0.6 echoes; four standard errors of a share of 40 are allowed."""
    covered, found = 0, 0
    for seed in range(40):
        times, kinds = simulate(1, 1.0, 300.0, seed)
        curve = make_curve(fit_design(dense_design(times, kinds, [1.0], 300.0), threads=1), 0)
        interval = profile_interval(curve, (0,))
        covered += interval.low < 0.6 < interval.high
        found += compare_without(curve, (0,)).p < 0.01
    assert covered / 40 > 0.95 - 4.0 * np.sqrt(0.95 * 0.05 / 40)
    assert found == 40


@pytest.mark.parametrize("size", [1, 2, 3])
def test_exact_weights_agree_with_simulated_projections(size):
    generator = np.random.default_rng(size)
    root = generator.normal(size=(size + 2, size))
    matrix = root.T @ root
    exact = chi_bar_weights(matrix)
    draws = np.random.default_rng(1).standard_normal((4_000, size)) @ np.linalg.cholesky(np.linalg.inv(matrix)).T
    positive = np.zeros(size + 1)
    for draw in draws:
        best, count = np.inf, 0
        for code in range(2**size):  # every face of the orthant
            used = [j for j in range(size) if code >> j & 1]
            value = np.zeros(size)
            if used:
                value[used] = np.linalg.solve(matrix[np.ix_(used, used)], matrix[used] @ draw)
            away = (draw - value) @ matrix @ (draw - value)
            if (value >= 0.0).all() and away < best:
                best, count = away, len(used)
        positive[count] += 1.0 / len(draws)
    np.testing.assert_allclose(exact, positive, atol=4.0 * 0.5 / np.sqrt(len(draws)))
    assert exact.sum() == pytest.approx(1.0)


def test_more_than_three_half_lives_are_simulated_with_the_seed():
    matrix = np.eye(4)
    weights = chi_bar_weights(matrix, seed=5)
    np.testing.assert_array_equal(weights, chi_bar_weights(matrix, seed=5))
    np.testing.assert_allclose(weights, np.array([1, 4, 6, 4, 1]) / 16.0, atol=0.04)


def test_probability_of_one_half_life_is_half_the_usual():
    assert chi_bar_p(2.7, np.array([0.5, 0.5])) == pytest.approx(0.5 * chi2.sf(2.7, 1))
    assert chi_bar_p(0.0, np.array([0.5, 0.5])) == 1.0


def test_rows_of_one_incident_widen_the_interval():
    design = invented(seed=3, n_systems=80)
    target = design.targets[0]
    doubled = np.concatenate([np.arange(target.count.size)] * 2)
    order = np.argsort(target.time[doubled], kind="stable")
    rows = doubled[order]
    fields = {name: getattr(target, name)[rows] for name in
              ("time", "width", "count", "system", "unit", "block", "cell", "segment", "exposure", "features")}  # fmt: skip
    both = replace(target, **fields, incident=rows, compensator=2.0 * target.compensator)
    apart = replace(both, incident=np.arange(rows.size))
    for one, inflation in ((both, 2.0), (apart, 1.0)):
        curve = make_curve(fit_design(replace(design, targets=(one,))), 0)
        assert cluster_inflation(curve, curve.places[[0, 1]]) == pytest.approx(inflation)
