"""Generalised Gauss-Laguerre rules for a Gamma distribution, laid end to end for the compiled loops."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigvalsh_tridiagonal

SIZES = (4, 8, 16, 32)
"""Nodes per rule. J nodes integrate polynomials of degree 2 J - 1 exactly; moments up to theta^2 need two degrees more."""


class Rules(NamedTuple):
    """Rules for Gamma(shape, 1).

    Attributes
    ----------
    nodes, log_weights : laid end to end; weights of one rule sum to 1.
    pointer : (rules + 1,) where each rule starts.
    exact : (rules,) number of events up to which likelihood and moments are exact.
    """

    nodes: np.ndarray
    log_weights: np.ndarray
    pointer: np.ndarray
    exact: np.ndarray


def gauss_laguerre(shape: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and log weights of the rule with ``size`` nodes for Gamma(shape, 1).

    Weights are the reciprocal sums of squares of the orthonormal polynomials: sums of positive terms, so that even the
    smallest keep their relative precision, which those from eigenvectors lose.

    References
    ----------
    Golub and Welsch (1969), Calculation of Gauss quadrature rules, Mathematics of Computation 23.
    """
    k = np.arange(size)
    diagonal = 2.0 * k + shape
    off = np.sqrt(np.arange(1, size) * (np.arange(1, size) + shape - 1.0))
    nodes = np.asarray(eigvalsh_tridiagonal(diagonal, off), dtype=np.float64)
    for _ in range(2):  # polish: the eigenvalues are exact to rounding of the largest one only
        value, slope = _last_polynomial(nodes, diagonal, off)
        step = np.divide(value, slope, out=np.zeros_like(value), where=slope != 0.0)
        nodes = np.maximum(nodes - np.clip(step, -1e-9 * nodes, 1e-9 * nodes), np.finfo(float).tiny)
    previous, current = np.zeros(size), np.ones(size)
    squares = np.ones(size)
    for j in range(1, size):
        back = off[j - 2] * previous if j > 1 else 0.0
        previous, current = current, ((nodes - diagonal[j - 1]) * current - back) / off[j - 1]
        squares += current * current
    return nodes, -np.log(squares)


def _last_polynomial(x: np.ndarray, diagonal: np.ndarray, off: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value and slope of the polynomial whose roots are the nodes (unscaled in its last step)."""
    previous, current = np.zeros_like(x), np.ones_like(x)
    slope_before, slope = np.zeros_like(x), np.zeros_like(x)
    for j in range(diagonal.size):
        scale = off[j] if j < off.size else 1.0
        back = off[j - 1] if j > 0 else 0.0
        following = ((x - diagonal[j]) * current - back * previous) / scale
        slope_following = (current + (x - diagonal[j]) * slope - back * slope_before) / scale
        previous, current = current, following
        slope_before, slope = slope, slope_following
    return current, slope


@lru_cache(maxsize=512)
def rules(shape: float) -> Rules:
    """All rules for one shape; a fit asks for the same shape many times."""
    made = [gauss_laguerre(shape, size) for size in SIZES]
    return Rules(
        np.concatenate([nodes for nodes, _ in made]),
        np.concatenate([weights for _, weights in made]),
        np.concatenate([[0], np.cumsum(SIZES)]),
        2 * np.array(SIZES) - 3,
    )
