"""The dense process: equal to its naive twin, to tick and to the general path; derivatives; limits; bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from antiphon.design import dense_design
from antiphon.errors import SpecificationError
from antiphon.hawkes import FitStatus, dense_events, dense_log_likelihood, fit_dense, fit_design
from tests.naive import dense as naive
from tests.reference.make_tick_values import simulate

TICK = json.loads((Path(__file__).parents[1] / "reference" / "tick_values.json").read_text(encoding="ascii"))


def scattered(n=120, n_kinds=3, end=40.0, seed=1, grain=0.0):
    """Events at random; ``grain`` rounds their times down."""
    generator = np.random.default_rng(seed)
    times = np.sort(generator.uniform(0.0, end, n))
    if grain:
        times = np.floor(times / grain) * grain
    return times, generator.integers(0, n_kinds, n), end


def parameters(n_kinds, lives, seed=2):
    generator = np.random.default_rng(seed)
    return generator.uniform(0.2, 2.0, n_kinds), generator.uniform(0.0, 0.6, (n_kinds, n_kinds, lives)) / lives


CASES = {
    "minutes": (scattered(), [0.7]),
    "one kind": (scattered(n_kinds=1), [0.7]),
    "as many kinds as lanes": (scattered(n_kinds=8), [0.7]),
    "many kinds": (scattered(n_kinds=17), [0.7]),
    "two half-lives": (scattered(), [0.1, 3.0]),
    "some ties": (scattered(grain=0.2), [0.7]),
    "nothing but ties": (scattered(grain=5.0), [0.7, 3.0]),
    "all at once": (scattered(grain=40.0), [0.7]),
    "ties over the ends of blocks": (scattered(n=700, grain=13.0), [0.7]),
    "short half-life, long gaps": (scattered(n=60, end=4000.0), [0.05, 2.0]),
    "half-life beyond the window": (scattered(), [1000.0]),
    "one event": ((np.array([3.0]), np.array([0]), 5.0), [0.7]),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_the_naive_twin(name):
    (times, kinds, end), half_lives = CASES[name]
    baseline, excitation = parameters(int(kinds.max()) + 1, len(half_lives))
    found = dense_log_likelihood(dense_events(times, kinds, end), half_lives, baseline, excitation)
    expected = naive.log_likelihood(times, kinds, half_lives, end, baseline, excitation)
    assert found.value == pytest.approx(expected, rel=1e-12)
    by_baseline, by_excitation = naive.gradient(times, kinds, half_lives, end, baseline, excitation)
    np.testing.assert_allclose(found.baseline, by_baseline, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(found.excitation, by_excitation, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", CASES)
def test_the_fit_is_at_the_naive_optimum(name):
    (times, kinds, end), half_lives = CASES[name]
    fit = fit_dense(dense_events(times, kinds, end), half_lives)
    assert fit.log_likelihood == pytest.approx(
        naive.log_likelihood(times, kinds, half_lives, end, fit.baseline, fit.excitation), rel=1e-10
    )
    by_baseline, by_excitation = naive.gradient(times, kinds, half_lives, end, fit.baseline, fit.excitation)
    left = [[np.sum(2.0 ** (-(end - times[kinds == k]) / b)) for b in half_lives] for k in range(fit.baseline.size)]
    heard = np.bincount(kinds)[:, None] - np.array(left)
    used = np.broadcast_to(heard >= 0.5, fit.excitation.shape)
    for estimate, slope in ((fit.baseline, by_baseline), (fit.excitation[used], by_excitation[used])):
        assert (estimate >= 0.0).all()
        assert np.abs(slope * estimate).max(initial=0.0) < 1e-3
        assert slope[estimate == 0.0].max(initial=0.0) < 1e-3


@pytest.mark.parametrize("value", TICK, ids=[value["name"] for value in TICK])
def test_equals_tick(value):
    n_kinds, half_lives = value["n_kinds"], value["half_lives"]
    events = dense_events(*simulate(n_kinds, half_lives, value["window"], value["seed"]), value["window"])
    baseline = np.full(n_kinds, value["baseline"])
    excitation = np.full((n_kinds, n_kinds, len(half_lives)), value["alpha"])
    found = dense_log_likelihood(events, half_lives, baseline, excitation)
    assert found.value == pytest.approx(value["log_likelihood"], rel=1e-8)
    fit = fit_dense(events, half_lives)
    assert fit.log_likelihood == pytest.approx(value["best_log_likelihood"], rel=1e-8)
    np.testing.assert_allclose(fit.excitation, value["best_alpha"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(fit.baseline, value["best_baseline"], rtol=1e-4)


@pytest.mark.parametrize("half_lives", [[1.0], [0.5, 4.0]], ids=["one half-life", "two half-lives"])
def test_equals_the_general_path(half_lives):
    times, kinds = simulate(4, [1.0], 1500.0, 5)
    times = np.floor(times * 50.0) / 50.0  # with ties
    general = fit_design(dense_design(times, kinds, half_lives, 1500.0))
    fit = fit_dense(dense_events(times, kinds, 1500.0), half_lives)
    assert set(fit.status) == {FitStatus.CONVERGED}
    for one, target in zip(general.targets, general.design.targets, strict=True):
        kind = one.model.kind
        places = ([f.source_kind for f in target.columns], [f.half_life for f in target.columns])
        assert fit.log_likelihoods[kind] == pytest.approx(one.log_likelihood, rel=1e-10)
        # each search stops where less than 1e-9 is left to gain, so within 4.5e-5 standard errors of the optimum
        apart = np.abs(fit.excitation[kind][places] - one.model.alpha)
        assert (apart <= 1e-4 * np.nan_to_num(fit.excitation_error[kind][places])).all()
        baseline = np.exp(one.model.endemic.intercept)
        assert fit.baseline[kind] == pytest.approx(baseline, abs=1e-4 * fit.baseline_error[kind])


def row(likelihood, kind):
    """Derivatives in the parameters of one target kind, as one list."""
    return np.append(likelihood.baseline[kind], likelihood.excitation[kind].ravel())


def test_errors_are_those_of_the_curvature():
    times, kinds = simulate(3, 1.0, 800.0, 6)
    half_lives, events = [0.5, 3.0], dense_events(times, kinds, 800.0)
    fit = fit_dense(events, half_lives)
    for kind in range(3):
        x = np.append(fit.baseline[kind], fit.excitation[kind].ravel())
        slopes = []
        for step in 1e-5 * np.eye(x.size):
            around = []
            for point in (x + step, x - step):
                baseline, excitation = fit.baseline.copy(), fit.excitation.copy()
                baseline[kind], excitation[kind] = point[0], point[1:].reshape(excitation[kind].shape)
                around.append(row(dense_log_likelihood(events, half_lives, baseline, excitation), kind))
            slopes.append((around[0] - around[1]) / 2e-5)
        free = x > 0.0
        expected = np.full(x.size, np.nan)
        expected[free] = np.sqrt(np.diag(np.linalg.inv(-np.array(slopes)[np.ix_(free, free)])))
        found = np.append(fit.baseline_error[kind], fit.excitation_error[kind].ravel())
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_gradient_is_that_of_the_value():
    times, kinds, end = scattered(n=500, n_kinds=4, grain=0.05)
    events, half_lives = dense_events(times, kinds, end), [0.3, 2.0]
    baseline, excitation = parameters(4, 2)
    found = dense_log_likelihood(events, half_lives, baseline, excitation)
    generator = np.random.default_rng(3)
    for _ in range(5):
        along = generator.normal(size=baseline.size), generator.normal(size=excitation.shape)
        up, down = (
            dense_log_likelihood(events, half_lives, baseline + h * along[0], excitation + h * along[1]).value
            for h in (1e-6, -1e-6)
        )
        slope = found.baseline @ along[0] + np.sum(found.excitation * along[1])
        assert slope == pytest.approx((up - down) / 2e-6, rel=1e-6)


def recursion(times, kinds, half_life, end, baseline, excitation):
    """Ozaki's recursion written out, for events without ties."""
    decay, memory, last, total = np.log(2.0) / half_life, np.zeros(baseline.size), 0.0, -end * baseline.sum()
    for time, kind in zip(times, kinds, strict=True):
        memory *= np.exp(-decay * (time - last))
        total += np.log(baseline[kind] + decay * excitation[kind, :, 0] @ memory)
        memory[kind] += 1.0
        last = time
    return total - excitation[:, kinds, 0].sum(axis=0) @ -np.expm1(-decay * (end - times))


@pytest.mark.parametrize("half_life", [0.01, 2.0, 3000.0])
def test_segments_and_threads_change_nothing(half_life):
    times, kinds, end = scattered(n=65_000, n_kinds=3, end=2000.0)
    events = dense_events(times, kinds, end)
    baseline, excitation = parameters(3, 1)
    one, two = (dense_log_likelihood(events, [half_life], baseline, excitation, threads=threads) for threads in (1, 2))
    assert one.value == two.value
    np.testing.assert_array_equal(one.excitation, two.excitation)
    assert one.value == pytest.approx(recursion(times, kinds, half_life, end, baseline, excitation), rel=1e-11)


def test_threads_change_no_fit():
    events = dense_events(*simulate(5, 1.0, 1000.0, 7), 1000.0)
    one, two = (fit_dense(events, [1.0], threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.excitation, two.excitation)
    np.testing.assert_array_equal(one.excitation_error, two.excitation_error)


def test_order_of_equal_times_changes_nothing():
    times, kinds, end = scattered(n=300, grain=1.0)
    shuffled = np.lexsort((np.random.default_rng(4).random(times.size), times))
    baseline, excitation = parameters(3, 1)
    a, b = (
        dense_log_likelihood(dense_events(times, k, end), [0.7], baseline, excitation).value
        for k in (kinds, kinds[shuffled])
    )
    assert a == pytest.approx(b, rel=1e-13)


def test_without_excitation_it_is_poisson():
    times, kinds, end = scattered()
    baseline = np.array([0.5, 1.0, 2.0])
    found = dense_log_likelihood(dense_events(times, kinds, end), [0.7], baseline, np.zeros((3, 3, 1)))
    assert found.value == pytest.approx(np.bincount(kinds) @ np.log(baseline) - end * baseline.sum(), rel=1e-13)


def test_recovers_what_was_simulated_within_its_errors():
    truth = 0.6 * np.random.default_rng(8).dirichlet(np.ones(3), size=3).T  # as simulate draws it
    times, kinds = simulate(3, 1.0, 6000.0, 8)
    fit = fit_dense(dense_events(times, kinds, 6000.0), [1.0])
    assert np.nanmax(np.abs(fit.excitation[:, :, 0] - truth) / fit.excitation_error[:, :, 0]) < 4.0
    assert np.abs((fit.baseline - 0.3) / fit.baseline_error).max() < 4.0
    assert fit.branching_ratio == pytest.approx(0.6, abs=0.1)
    wrong = fit_dense(dense_events(times, kinds, 6000.0), [0.1])
    assert np.nanmax(np.abs(wrong.excitation[:, :, 0] - truth) / wrong.excitation_error[:, :, 0]) > 4.0


def test_kinds_without_events_have_no_rate_and_follow_nothing():
    times, kinds, end = scattered()
    fit = fit_dense(dense_events(times, kinds, end, n_kinds=5), [0.7])
    assert fit.baseline[3:].tolist() == [0.0, 0.0]
    assert fit.excitation[3:].max() == fit.excitation[:, 3:].max() == 0.0
    assert fit.log_likelihood == pytest.approx(fit_dense(dense_events(times, kinds, end), [0.7]).log_likelihood)


def test_kinds_that_always_come_together_are_flat():
    times, _ = simulate(1, 1.0, 300.0, 9)
    both = np.repeat(times, 2)
    fit = fit_dense(dense_events(both, np.tile([0, 1], times.size), 300.0), [1.0])
    assert set(fit.status) == {FitStatus.FLAT}
    assert np.isnan(fit.excitation_error).all()
    assert fit.excitation[0].sum() == pytest.approx(
        fit_dense(dense_events(times, np.zeros(times.size, int), 300.0), [1.0]).excitation.sum(), rel=1e-4
    )


GOOD = (np.array([0.5, 1.0, 2.0]), np.array([0, 1, 0]), 3.0)


@pytest.mark.parametrize(
    ("times", "kinds", "end", "message"),
    [
        ([], [], 3.0, "same length"),
        ([1.0, 2.0], [0], 3.0, "same length"),
        ([[1.0]], [[0]], 3.0, "same length"),
        ([2.0, 1.0], [0, 0], 3.0, "increasing order"),
        ([1.0, np.nan], [0, 0], 3.0, "increasing order"),
        ([np.nan], [0], 3.0, "between 0 and end"),
        ([-1.0, 1.0], [0, 0], 3.0, "between 0 and end"),
        ([1.0, 4.0], [0, 0], 3.0, "between 0 and end"),
        ([1.0, 2.0], [0, 0], np.inf, "between 0 and end"),
        ([1.0, 2.0], [0, -1], 3.0, "whole numbers"),
        ([1.0, 2.0], [0.0, 1.0], 3.0, "whole numbers"),
        ([1.0, 2.0], ["a", "b"], 3.0, "whole numbers"),
    ],
)  # fmt: skip
def test_bad_events_are_refused(times, kinds, end, message):
    with pytest.raises(SpecificationError, match=message):
        dense_events(np.array(times), np.array(kinds), end)


def test_too_few_kinds_are_refused():
    with pytest.raises(SpecificationError, match="need at least 2"):
        dense_events(*GOOD, n_kinds=1)


@pytest.mark.parametrize("half_lives", [[], [0.0], [-1.0], [np.nan], [np.inf], [1.0, 1.0], [[1.0]]])
def test_bad_half_lives_are_refused(half_lives):
    with pytest.raises(SpecificationError, match="half_lives"):
        fit_dense(dense_events(*GOOD), half_lives)


@pytest.mark.parametrize("shapes", [((3,), (2, 2, 1)), ((2,), (2, 2)), ((2,), (2, 2, 2))])
def test_parameters_of_another_shape_are_refused(shapes):
    with pytest.raises(SpecificationError, match="shape"):
        dense_log_likelihood(dense_events(*GOOD), [1.0], np.ones(shapes[0]), np.ones(shapes[1]))
