"""Generalised Gauss-Laguerre rules for a Gamma distribution, laid end to end for the compiled loops."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from antiphon.kernels.quadrature import laguerre_rule

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


POINTER = np.concatenate([[0], np.cumsum(SIZES)])
EXACT = 2 * np.array(SIZES) - 3


@lru_cache(maxsize=256)
def rules(shape: float) -> Rules:
    """All rules for one shape; a fit asks for the same shape several times."""
    nodes, log_weights = np.empty(POINTER[-1]), np.empty(POINTER[-1])
    for start, stop in pairwise(POINTER):
        laguerre_rule(shape, nodes[start:stop], log_weights[start:stop])
    return Rules(nodes, log_weights, POINTER, EXACT)
