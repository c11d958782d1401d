"""The frailty integral of random systems agrees with dense quadrature, whichever rule computes it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln, logsumexp

from antiphon.hawkes.quadrature import rules
from antiphon.kernels.frailty import frailty_rows


def integrate(variance, count, endemic, echo, hazard):
    """Log likelihood, mean, variance of theta and expected derivatives of one system, as the fit computes them."""
    rows = count.size
    rule = rules(1.0 / variance)
    log_like, mean, spread = np.zeros(1), np.zeros(1), np.zeros(1)
    first, endemic_first, cross = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    covariance = np.zeros(rows * rows)
    with_second = True
    frailty_rows(
        1.0 / variance, np.array([True]), np.array([0, rows]), count, endemic, echo, np.array([hazard]),
        rule.nodes, rule.log_weights, rule.pointer, rule.exact, log_like, mean, spread, first, endemic_first,
        np.zeros((rows, 3)), cross, covariance, np.array([0, rows * rows]), with_second,
    )  # fmt: skip
    return log_like[0], mean[0], spread[0], first, cross, covariance.reshape(rows, rows)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    variance=st.floats(0.05, 6.0),
    rows=st.integers(1, 90),
    counted=st.booleans(),
    echoing=st.floats(0.0, 1.0),
    size=st.floats(0.05, 5.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_moments_agree_with_dense_quadrature(variance, rows, counted, echoing, size, seed):
    generator = np.random.default_rng(seed)
    count = generator.integers(1, 4, rows).astype(float) if counted else np.ones(rows)
    endemic = generator.uniform(0.01, 1.0, rows)
    echo = generator.exponential(0.5, rows) * (generator.random(rows) < echoing)
    hazard = size * rows * generator.uniform(0.3, 1.0)
    log_like, mean, spread, first, cross, covariance = integrate(variance, count, endemic, echo, hazard)

    shape = 1.0 / variance
    x = np.linspace(-40.0 / min(shape, 1.0), 6.0, 12_001)
    theta = np.exp(x)
    rates = theta[:, None] * endemic + echo
    logs = shape * (np.log(shape) + x) - gammaln(shape) - (shape + hazard) * theta + np.log(rates) @ count
    logs += np.log(x[1] - x[0])
    value = logsumexp(logs)
    weights = np.exp(logs - value)
    assert log_like == pytest.approx(value, abs=1e-6)
    assert mean == pytest.approx(weights @ theta, rel=1e-6)
    assert spread == pytest.approx(weights @ (theta - weights @ theta) ** 2, rel=1e-5)
    derivative = count / rates
    expected = weights @ derivative
    if count.sum() > 1:  # with one event and no echo the derivative has a pole at 0, and may have no variance
        np.testing.assert_allclose(first, expected, rtol=1e-5)
        np.testing.assert_allclose(cross, (weights * (theta - weights @ theta)) @ derivative, rtol=1e-4, atol=1e-8)
    if rows > 1:
        full = (weights[:, None] * (derivative - expected)).T @ (derivative - expected)
        off = ~np.eye(rows, dtype=bool)
        np.testing.assert_allclose(covariance[off], full[off], rtol=1e-4, atol=1e-5 * np.abs(full).max())
