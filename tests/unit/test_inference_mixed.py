"""Logistic regression with crossed random effects: against lme4, dense quadrature, limiting cases and its own promises."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logit, ndtr, ndtri

from antiphon.inference.mixed import Answers, MixedModel, estimate_mixed
from tests.naive.mixed import one_factor, two_factors
from tests.reference.make_lme4_values import simulate

VALUES = json.loads((Path(__file__).parents[1] / "reference" / "lme4_values.json").read_text(encoding="ascii"))


def answers_of(value: dict) -> Answers:
    answered, covariates, factors = simulate(*(value[name] for name in ("rows", "groups", "spreads", "seed")))
    assert answered.sum() == value["answered"]
    return Answers(answered, covariates, tuple(factors))


def most_likely(model: MixedModel) -> tuple[np.ndarray, object]:
    """Spreads of the highest marginal likelihood, and what holds there."""

    def function(log_spreads: np.ndarray) -> float:
        return -model.conditional(np.exp(log_spreads), model.start).log_likelihood

    start = np.full(model.n_factors, np.log(0.5))
    found = minimize(function, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-7})
    return np.exp(found.x), model.conditional(np.exp(found.x), model.start)


@pytest.mark.parametrize("value", VALUES[:2], ids=[value["name"] for value in VALUES[:2]])
def test_one_factor_agrees_with_the_quadrature_of_lme4(value):
    spreads, found = most_likely(MixedModel(answers_of(value)))
    errors = np.array(value["standard_errors"])
    assert found.log_likelihood == pytest.approx(value["log_likelihood"], abs=5e-6)
    assert np.max(np.abs(found.coefficients - value["coefficients"]) / errors) < 2e-3
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), errors, rtol=1e-3)
    np.testing.assert_allclose(spreads, value["found_spreads"], rtol=1e-3)


def test_two_crossed_factors_agree_with_lme4_as_far_as_laplace_goes():
    # lme4 has Laplace's method for both factors, we have quadrature for the larger one
    (value,) = VALUES[2:]
    spreads, found = most_likely(MixedModel(answers_of(value)))
    errors = np.array(value["standard_errors"])
    assert found.log_likelihood == pytest.approx(value["log_likelihood"], abs=0.3)
    assert np.max(np.abs(found.coefficients - value["coefficients"]) / errors) < 0.05
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), errors, rtol=0.005)
    np.testing.assert_allclose(spreads, value["found_spreads"], rtol=0.01)


def small(seed: int = 5) -> Answers:
    """Three units, eight persons, some of them in several units."""
    generator = np.random.default_rng(seed)
    unit, person = np.arange(60) % 3, generator.permutation(np.arange(60) % 8)
    covariates = np.column_stack([np.ones(60), generator.normal(size=60)])
    log_odds = covariates @ [-0.4, 0.7] + np.array([0.5, -0.5, 0.1])[unit] + generator.normal(size=8)[person]
    return Answers((generator.random(60) < 1 / (1 + np.exp(-log_odds))).astype(float), covariates, (unit, person))


def test_two_crossed_factors_agree_with_dense_quadrature():
    answers, spreads = small(), np.array([0.5, 0.9])

    def dense(x: np.ndarray) -> float:
        return two_factors(answers.answered, answers.covariates @ x, *answers.factors, spreads)

    found = MixedModel(answers).conditional(spreads, MixedModel(answers).start)
    assert found.log_likelihood == pytest.approx(dense(found.coefficients), abs=0.01)
    # the slope of the true likelihood at our maximum, in standard errors away from its own
    slope = [(dense(found.coefficients + step) - dense(found.coefficients - step)) / 2e-2 for step in 1e-2 * np.eye(2)]
    assert np.max(np.abs(found.covariance @ slope) / np.sqrt(np.diag(found.covariance))) < 0.03


def test_spreads_of_nothing_are_ordinary_logistic_regression():
    answers = small()
    alone = MixedModel(Answers(answers.answered, answers.covariates, ()))
    with_groups = MixedModel(answers)
    plain = alone.conditional(np.zeros(0), alone.start)
    tiny = with_groups.conditional(np.full(2, 1e-6), with_groups.start)
    np.testing.assert_allclose(tiny.coefficients, plain.coefficients, atol=1e-6)
    np.testing.assert_allclose(tiny.covariance, plain.covariance, rtol=1e-5)
    assert tiny.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-8)
    # the score equations of logistic regression
    chance = 1 / (1 + np.exp(-answers.covariates @ plain.coefficients))
    np.testing.assert_allclose(answers.covariates.T @ (answers.answered - chance), 0.0, atol=1e-2)


def test_without_factors_the_interval_is_that_of_logistic_regression():
    answered = np.repeat([1.0, 0.0], [30, 70])
    found = estimate_mixed(Answers(answered, np.ones((100, 1)), ()))
    error = 1 / np.sqrt(100 * 0.3 * 0.7)
    assert found.estimate[0] == pytest.approx(logit(0.3), abs=1e-4)
    assert found.low[0] == pytest.approx(logit(0.3) + error * ndtri(0.025), abs=1e-4)
    assert found.high[0] == pytest.approx(logit(0.3) - error * ndtri(0.025), abs=1e-4)
    assert found.p[0] == pytest.approx(2 * ndtr(logit(0.3) / error), rel=1e-3)


def test_the_interval_is_that_of_summing_over_coefficient_and_spread_alike():
    generator = np.random.default_rng(4)
    group = np.repeat(np.arange(10), 16)
    answered = (generator.random(160) < 1 / (1 + np.exp(0.7 - generator.normal(size=10)[group]))).astype(float)
    found = estimate_mixed(Answers(answered, np.ones((160, 1)), (group,)))

    centres, log_spreads = np.linspace(-3.0, 1.5, 61), np.linspace(-4.0, 2.0, 25)
    table = np.array(
        [
            [one_factor(answered, np.full(160, b), group, np.exp(s), reach=6.0, nodes=61) for b in centres]
            for s in log_spreads
        ]
    )
    table -= 0.5 * ((log_spreads - np.log(0.5)) / 1.0)[:, None] ** 2
    density = np.exp(table - table.max()).sum(axis=0)
    below = np.cumsum(density) / density.sum()
    quantiles = np.interp([0.5, 0.025, 0.975], below, centres + 0.5 * (centres[1] - centres[0]))
    width = quantiles[2] - quantiles[1]
    np.testing.assert_allclose([found.estimate[0], found.low[0], found.high[0]], quantiles, atol=0.03 * width)


def test_the_order_of_rows_factors_and_groups_does_not_matter():
    answers = small()
    order = np.random.default_rng(1).permutation(60)
    unit, person = answers.factors
    other = Answers(answers.answered[order], answers.covariates[order], (7 - person[order], 2 - unit[order]))
    one, two = estimate_mixed(answers), estimate_mixed(other)
    np.testing.assert_allclose(one.estimate, two.estimate, atol=2e-3)
    np.testing.assert_allclose(one.low, two.low, atol=5e-3)
    np.testing.assert_allclose(one.spread, two.spread[::-1], rtol=5e-3)


def test_yes_for_no_turns_the_odds_over():
    answers = small()
    one = estimate_mixed(answers)
    two = estimate_mixed(Answers(1 - answers.answered, answers.covariates, answers.factors))
    np.testing.assert_allclose(one.estimate, -two.estimate, atol=2e-3)
    np.testing.assert_allclose(one.low, -two.high, atol=5e-3)
    np.testing.assert_allclose(one.p, two.p, atol=5e-3)


def test_few_units_widen_what_is_said_of_a_typical_one_and_not_what_differs_within_them():
    generator = np.random.default_rng(3)
    covariates = np.column_stack([np.ones(2000), np.repeat([-0.5, 0.5], 1000)])
    answered = (generator.random(2000) < 0.3).astype(float)
    widths = {}
    for n in (2, 20):
        found = estimate_mixed(Answers(answered, covariates, (np.arange(2000) % n,)))
        widths[n] = found.high - found.low
    assert widths[2][0] > 2 * widths[20][0]
    assert widths[2][1] == pytest.approx(widths[20][1], rel=0.05)


def test_a_covariate_that_parts_yes_from_no_gives_no_estimate():
    answered = np.repeat([1.0, 0.0], 20)
    covariates = np.column_stack([np.ones(40), np.where(answered == 1.0, 0.5, -0.5)])
    assert estimate_mixed(Answers(answered, covariates, (np.arange(40) % 5,))) is None


@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
def test_large_groups_and_extreme_odds_do_not_overflow(spread):
    answered = np.tile([1.0, 0.0], 510)
    group = np.concatenate([np.zeros(1000, dtype=np.int64), np.arange(1, 21)])
    model = MixedModel(Answers(answered, np.ones((1020, 1)), (group,)))
    found = model.conditional(np.array([spread]), model.start)
    expected = one_factor(answered, np.full(1020, found.coefficients[0]), group, spread)
    assert found.log_likelihood == pytest.approx(expected, abs=1e-3)
