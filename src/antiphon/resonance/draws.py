"""What else the couplings might have been: seeded draws from the curvature of the unpenalised fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from antiphon.inference.power import columns_in_use, covariance, schur_information

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.design import Target
    from antiphon.hawkes.fit import Fit, TargetFit
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
    Per target kind the estimates above zero are nearly normal, with the Schur complement of minus the Hessian as
    precision; drawn totals are projected, in the metric of that precision, to where none is negative. Estimates at
    zero are drawn one by one about where the likelihood would have them, which is below zero, and cut off at zero.
    """
    generator = np.random.default_rng(seed)
    draws = np.zeros((n_draws, len(couplings)))
    for number, target in enumerate(fit.targets):
        in_use = columns_in_use(target)
        is_free = target.model.alpha[in_use] > 0
        sums = np.array([np.isin(in_use, c.columns) & (c.target == number) for c in couplings], dtype=float)
        information = schur_information(target, fit.design.targets[number])
        noise = generator.standard_normal((n_draws, len(in_use)))
        if len(in_use):
            draws += _free_totals(target.model.alpha[in_use], information, sums * is_free, noise)
            held = _held_columns(target, fit.design.targets[number], information, noise)
            draws += (held * ~is_free) @ sums.T
    return draws


def _free_totals(alpha: np.ndarray, information: np.ndarray, sums: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Totals of the columns above zero, (draws, couplings)."""
    result = np.zeros((len(noise), len(sums)))
    members = np.flatnonzero(sums.any(axis=1))
    if len(members):
        free = np.flatnonzero(sums.any(axis=0))
        parts = sums[np.ix_(members, free)]
        spread = parts @ covariance(information[np.ix_(free, free)]) @ parts.T
        result[:, members] = project(parts @ alpha[free], spread, noise[:, : len(members)])
    return result


def _held_columns(fit: TargetFit, target: Target, information: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Columns held at zero, (draws, columns in use): normal about the unconstrained step, cut off at zero."""
    in_use = columns_in_use(fit)
    endemic = np.maximum(fit.theta[target.system] * fit.baseline, 1e-300)
    echoed = fit.excitation > 0
    rate = np.where(
        echoed, np.divide(fit.echo_share, fit.excitation, out=np.zeros_like(endemic), where=echoed), 1 / endemic
    )
    slope = (target.count * rate) @ target.features[:, in_use] - target.compensator[:, in_use].sum(axis=0)
    curvature = np.maximum(np.diag(information), 1e-300)
    return np.maximum(np.minimum(slope, 0.0) / curvature + noise / np.sqrt(curvature), 0.0)


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


def interval(shown: float, drawn: np.ndarray, *, highest: float = np.inf) -> tuple[float, float]:
    """95 % interval of a quantity computed from draws, by percentiles.

    Parameters
    ----------
    shown : value on the page (from the penalised fit); always inside.
    drawn : (draws,) the quantity at each draw (from the unpenalised fit).
    highest : largest possible value.

    Returns
    -------
    tuple of float
        Lower and upper limit.
    """
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return min(shown, highest), highest
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(np.clip(min(low, shown), 0.0, highest)), float(np.clip(max(high, shown), 0.0, highest))


def corrected_interval(estimate: float, drawn: np.ndarray) -> tuple[float, float, float]:
    """Value and 95 % interval of a quantity that grows with noise, as the spectral radius does, being convex.

    Parameters
    ----------
    estimate : value at the unpenalised estimates, which noise has made too large.
    drawn : (draws,) the quantity at each draw, where it has done so once more.

    Returns
    -------
    tuple of float
        Value, lower and upper limit: twice the estimate less mean, upper and lower point of the draws, never below
        zero. Percentiles would add what noise adds a second time.
    """
    low, high = np.quantile(drawn, [0.025, 0.975])
    value, low, high = (float(max(2.0 * estimate - point, 0.0)) for point in (drawn.mean(), high, low))
    return value, low, high
