"""The naive twin of logistic regression with random effects: sums over dense grids of every effect."""

from __future__ import annotations

import numpy as np
from scipy.special import log_expit, logsumexp


def grid(reach: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of a standard normal effect, and log weights of the trapezoidal rule times its density."""
    z = np.linspace(-reach, reach, nodes)
    return z, -0.5 * z**2 - 0.5 * np.log(2 * np.pi) + np.log(z[1] - z[0])


def log_answers(answered, log_odds):
    """Log probability of the answers, along the last axis."""
    return log_expit(np.where(answered == 1.0, log_odds, -log_odds)).sum(axis=-1)


def one_factor(answered, log_odds, group, spread, *, reach=9.0, nodes=6001):
    """Log likelihood with one effect per group integrated out."""
    z, log_weights = grid(reach, nodes)
    total = 0.0
    for g in np.unique(group):
        rows = group == g
        total += logsumexp(log_answers(answered[rows], log_odds[rows] + spread * z[:, None]) + log_weights)
    return float(total)


def two_factors(answered, log_odds, few, many, spreads, *, nodes=(21, 61)):
    """Log likelihood with two crossed effects integrated out: a grid over all groups of the one, all at once."""
    (z, log_weights), (inner, log_inner) = grid(5.0, nodes[0]), grid(6.0, nodes[1])
    n = int(few.max()) + 1
    total = np.zeros([nodes[0]] * n)
    for g in range(n):
        total = total + log_weights.reshape([-1 if k == g else 1 for k in range(n)])
    for person in np.unique(many):
        answers = log_inner
        for g in range(n):
            rows = (many == person) & (few == g)
            shift = spreads[0] * z[:, None, None] + spreads[1] * inner[:, None]
            part = log_answers(answered[rows], log_odds[rows] + shift)
            answers = answers + part.reshape([-1 if k == g else 1 for k in range(n)] + [nodes[1]])
        total = total + logsumexp(answers, axis=-1)
    return float(logsumexp(total))
