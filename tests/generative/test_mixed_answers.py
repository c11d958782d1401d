"""The integral over a group's effect, and its derivatives, agree with dense quadrature on random answers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.inference.mixed import Answers, MixedModel
from antiphon.kernels.mixed import marginal_answers
from tests.naive.mixed import one_factor


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    spread=st.floats(0.01, 2.0),
    rows=st.integers(1, 40),
    groups=st.integers(1, 12),
    centre=st.floats(-4.0, 4.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_likelihood_and_derivatives_agree_with_dense_quadrature(spread, rows, groups, centre, seed):
    generator = np.random.default_rng(seed)
    group = np.sort(generator.integers(0, groups, rows))
    answered = generator.integers(0, 2, rows).astype(float)
    fixed = np.column_stack([np.ones(rows), generator.normal(size=rows)])
    other = generator.integers(0, 3, (rows, 1))
    x = np.concatenate([[centre], generator.normal(size=4)])

    def log_odds(x):
        return fixed @ x[:2] + x[2:][other[:, 0]]

    def dense(x):
        return one_factor(answered, log_odds(x), group, spread)

    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    rule = np.array([nodes, np.log(weights / weights.sum())])
    begins = np.searchsorted(group, np.arange(groups + 1))
    gradient, information = np.zeros(5), np.zeros((5, 5))
    value = marginal_answers(
        begins, answered, log_odds(x), spread, rule, fixed, 2 + other, np.zeros(groups), gradient, information
    )
    np.testing.assert_allclose(value, dense(x), atol=2e-6 * rows)

    step = 1e-3 * np.eye(5)
    slope = [(dense(x + s) - dense(x - s)) / 2e-3 for s in step]
    np.testing.assert_allclose(gradient, slope, atol=1e-4 * rows)
    for i in range(5):
        for j in range(i + 1):
            corners = dense(x + step[i] + step[j]) - dense(x + step[i] - step[j])
            corners += dense(x - step[i] - step[j]) - dense(x - step[i] + step[j])
            np.testing.assert_allclose(-information[i, j], corners / 4e-6, atol=1e-3 * rows)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(spread=st.floats(0.01, 4.0), rows=st.integers(10, 60), seed=st.integers(0, 2**32 - 1))
def test_the_maximum_is_one(spread, rows, seed):
    generator = np.random.default_rng(seed)
    answered = np.concatenate([[1.0, 0.0], generator.integers(0, 2, rows - 2)])
    group = np.unique(generator.integers(0, 8, rows), return_inverse=True)[1]
    model = MixedModel(Answers(answered, np.ones((rows, 1)), (group,)))
    found = model.conditional(np.array([spread]), model.start)
    beside = [
        one_factor(answered, np.full(rows, found.coefficients[0] + move), group, spread) for move in (-0.1, 0.0, 0.1)
    ]
    assert beside[1] > max(beside[0], beside[2])
