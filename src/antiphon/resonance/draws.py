"""Intervals of quantities that are computed from draws of the couplings."""

from __future__ import annotations

import numpy as np


def interval(
    shown: float, estimate: float, centre: float, drawn: np.ndarray, *, highest: float = np.inf
) -> tuple[float, float]:
    """95 % interval of a quantity that cannot be negative, computed from draws.

    Parameters
    ----------
    shown : value on the page (from the penalised fit); always inside.
    estimate : the quantity at the unpenalised estimates.
    centre : the quantity at what the draws are about.
    drawn : (draws,) the quantity at each draw.
    highest : largest possible value.

    Returns
    -------
    tuple of float
        Lower and upper limit: whichever is further out of the percentiles and of the estimate less what the draws differ from
        their centre. The first fall short where noise alone lifted the estimate off zero, the second where it is well above.
    """
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return min(shown, highest), highest
    low, high = np.quantile(drawn, [0.025, 0.975])
    ends = [low, high, estimate - (high - centre), estimate - (low - centre), shown]
    return float(np.clip(min(ends), 0.0, highest)), float(np.clip(max(ends), 0.0, highest))


def corrected_interval(estimate: float, centre: float, drawn: np.ndarray) -> tuple[float, float, float]:
    """Value and 95 % interval of a quantity that grows with noise, as the spectral radius does, being convex.

    Parameters
    ----------
    estimate : value at the unpenalised estimates, which noise has made too large.
    centre : value at what the draws are about.
    drawn : (draws,) the quantity at each draw, where noise has been added.

    Returns
    -------
    tuple of float
        Value, lower and upper limit: the estimate less what mean, upper and lower point of the draws differ from their
        centre, never below zero. Percentiles would add what noise adds a second time.
    """
    low, high = np.quantile(drawn, [0.025, 0.975])
    value, low, high = (float(max(estimate - (point - centre), 0.0)) for point in (drawn.mean(), high, low))
    return value, low, high
