"""What else the couplings might have been: seeded draws from the curvature of the unpenalised fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from antiphon.inference.power import columns_in_use, covariance, schur_information

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.hawkes.fit import Fit
    from antiphon.inference.inference import Coupling

SWEEPS = 60
"""Rounds of coordinate descent in the projection; it converges geometrically and is checked by a test."""


def draw_totals(fit: Fit, couplings: Sequence[Coupling], *, n_draws: int, seed: int) -> np.ndarray:
    """Draw the couplings, each taken together over its half-lives, as another set of records might have shown them.

    Parameters
    ----------
    fit : unpenalised fit.
    couplings : rows of the table of tests; half-lives of one coupling are drawn as one, since their sum is well
        determined where they are not.
    n_draws : number of draws.
    seed : of the random numbers.

    Returns
    -------
    np.ndarray
        (draws, couplings), never negative; 0 for couplings that nobody read.

    Notes
    -----
    Per target kind the estimates are nearly normal, with the Schur complement of minus the Hessian as precision, and
    then projected, in the metric of that precision, to where no coupling is negative: what the constrained estimate
    itself would do.
    """
    generator = np.random.default_rng(seed)
    draws = np.zeros((n_draws, len(couplings)))
    for number, target in enumerate(fit.targets):
        in_use = columns_in_use(target)
        sums = np.array([np.isin(in_use, c.columns) & (c.target == number) for c in couplings], dtype=float)
        members = np.flatnonzero(sums.any(axis=1)) if len(in_use) else []
        noise = generator.standard_normal((n_draws, len(members)))
        if len(members):
            sums = sums[members]
            spread = sums @ covariance(schur_information(target)) @ sums.T
            draws[:, members] = project(sums @ target.model.alpha[in_use], spread, noise)
    return draws


def project(centre: np.ndarray, spread: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Draw from a normal distribution and project to the non-negative orthant in the metric of its precision.

    Parameters
    ----------
    centre : (n,) estimates, non-negative.
    spread : (n, n) covariance.
    noise : (draws, n) standard normal numbers.

    Returns
    -------
    np.ndarray
        (draws, n).
    """
    values, vectors = np.linalg.eigh(0.5 * (spread + spread.T))
    values = np.maximum(values, 1e-12 * max(float(values[-1]), 1e-300))
    free = centre + (noise * np.sqrt(values)) @ vectors.T
    precision = (vectors / values) @ vectors.T
    pull = free @ precision
    diagonal = np.diag(precision)
    drawn = np.maximum(free, 0.0)
    for _ in range(SWEEPS):
        for j in range(len(centre)):
            rest = pull[:, j] - drawn @ precision[:, j] + drawn[:, j] * diagonal[j]
            drawn[:, j] = np.maximum(rest / diagonal[j], 0.0)
    return drawn


def interval(shown: float, estimate: float, drawn: np.ndarray, *, highest: float = np.inf) -> tuple[float, float]:
    """95 % interval of a quantity computed from draws, centred where the estimate says.

    Parameters
    ----------
    shown : value on the page (from the penalised fit); always inside.
    estimate : value at the unpenalised estimates.
    drawn : (draws,) the quantity at each draw.
    highest : largest possible value.

    Returns
    -------
    tuple of float
        Lower and upper limit.

    Notes
    -----
    Sums of estimates that cannot be negative come out too high, and draws around them higher still by about the same.
    The basic interval ``[2 x estimate - upper point, 2 x estimate - lower point]`` takes that off, where percentiles
    would add it twice.
    """
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return min(shown, highest), highest
    lower_point, upper_point = np.quantile(drawn, [0.025, 0.975])
    low = min(2.0 * estimate - float(upper_point), shown)
    high = max(2.0 * estimate - float(lower_point), shown)
    return float(np.clip(low, 0.0, highest)), float(np.clip(high, 0.0, highest))
