"""What these records could have shown: the curvature of a fit, and the smallest coupling it would have noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.hawkes.curvature import reduce

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.design import Target
    from antiphon.hawkes.fit import Fit, TargetFit
    from antiphon.inference.inference import Coupling

Z_TEST = 1.6448536269514722
"""One-sided 5 % point of the normal distribution: couplings are tested against zero from above."""
Z_POWER = 0.8416212335729143
"""80 % point of the normal distribution."""
SMALLEST_CURVATURE = 1e-20
FLAT = 1e-9
"""Relative curvature below which a direction counts as flat."""
DETECTABLE = {
    "coupling": pl.Int64,
    "channel": pl.String,
    "source_kind": pl.String,
    "target_kind": pl.String,
    "smallest": pl.Float64,
}


def columns_in_use(fit: TargetFit) -> np.ndarray:
    """Columns that were estimated; the others were read by nearly nobody and are fixed at zero.

    Parameters
    ----------
    fit : fit of one target kind.

    Returns
    -------
    np.ndarray
        Columns ``j`` for which ``fit.names`` holds ``alpha[j]``, increasing.
    """
    known = set(fit.names)
    return np.array([j for j in range(len(fit.model.alpha)) if f"alpha[{j}]" in known], dtype=np.int64)


def alpha_positions(fit: TargetFit) -> np.ndarray:
    """Where the couplings stand among the parameters of the curvature.

    Parameters
    ----------
    fit : fit of one target kind.

    Returns
    -------
    np.ndarray
        (columns in use,) positions in ``fit.names``.
    """
    where = {name: position for position, name in enumerate(fit.names)}
    return np.array([where[f"alpha[{column}]"] for column in columns_in_use(fit)], dtype=np.int64)


def schur_information(fit: TargetFit, target: Target) -> np.ndarray:
    """Information about the couplings once everything else has been estimated too.

    Parameters
    ----------
    fit, target : fit of one kind, and its rows.

    Returns
    -------
    np.ndarray
        (columns in use, columns in use) Schur complement of the nuisance part of minus the Hessian.

    Notes
    -----
    A column that was never felt at an event has no curvature at all, yet says much: it was read (mass ``G``) and nothing
    came. Its information is then at least ``G^2 / N``, which is what Cauchy and Schwarz leave of the expected one with N
    events. And no coupling can explain more than all events, so each has a spread of at most about ``N / G``.
    """
    in_use, curvature = columns_in_use(fit), fit.hessian
    alpha = curvature.centre(alpha_positions(fit))
    read = target.compensator[:, in_use].sum(axis=0)
    events = max(float(target.count.sum()), 1.0)
    information = reduce(curvature).schur.copy()
    unseen = np.maximum(read**2 / events + np.diag(curvature.central)[alpha], 0.0)
    information[alpha, alpha] += unseen
    bound = np.diag((read / events) ** 2)
    other = np.setdiff1d(np.arange(len(information)), alpha)
    between = information[np.ix_(other, alpha)]
    if not len(other):
        return information[np.ix_(alpha, alpha)] + bound
    nuisance = information[np.ix_(other, other)]
    scale = np.sqrt(np.maximum(np.abs(np.diag(nuisance)), SMALLEST_CURVATURE))
    values, vectors = np.linalg.eigh(nuisance / np.outer(scale, scale))
    keep = values > FLAT * max(float(values[-1]), 0.0)
    turned = vectors[:, keep].T @ (between / scale[:, None])
    return information[np.ix_(alpha, alpha)] - (turned / values[keep, None]).T @ turned + bound


def covariance(information: np.ndarray) -> np.ndarray:
    """Inverse of an information matrix in which some direction may be flat.

    Parameters
    ----------
    information : (n, n) symmetric.

    Returns
    -------
    np.ndarray
        (n, n); flat directions get a very large variance, never an error.
    """
    scale = np.sqrt(np.maximum(np.abs(np.diag(information)), SMALLEST_CURVATURE))
    values, vectors = np.linalg.eigh(0.5 * (information + information.T) / np.outer(scale, scale))
    values = np.maximum(values, FLAT * max(float(values[-1]), 1.0))
    part = vectors / scale[:, None]
    return (part / values) @ part.T


def gain_without(fit: TargetFit, target: Target, columns: Sequence[int]) -> np.ndarray:
    """How much more the records would tell of a coupling had it been zero.

    An event is more telling where less else was going on, so a coupling's own echoes lower its information. A row that
    was seen at rate ``lambda`` would have been seen at ``lambda_0`` without the coupling: it counts ``F F' / (lambda
    lambda_0)`` in place of ``F F' / lambda^2``.

    Parameters
    ----------
    fit, target : fit of one kind, and its rows.
    columns : columns of the coupling.

    Returns
    -------
    np.ndarray
        (len(columns), len(columns)) to be added to the information.
    """
    features = target.features[:, list(columns)]
    own = features @ fit.model.alpha[list(columns)]
    total = np.maximum(fit.theta[target.system] * fit.baseline + fit.excitation, 1e-300)
    without = np.maximum(total - own, 1e-300)
    gain = target.count * (1.0 / (total * without) - 1.0 / total**2)
    # A row nearly all of whose rate is the coupling's own says nothing certain about the rate without it.
    gain[without < 0.02 * total] = 0.0
    return (features * gain[:, None]).T @ features


def smallest_detectable(fit: TargetFit, target: Target, columns: Sequence[int], information: np.ndarray) -> float:
    """Smallest total over half-lives that these records would have shown with 80 % probability, tested alone at 5 %.

    Parameters
    ----------
    fit, target : fit of one kind, and its rows.
    columns : columns of the coupling, one per half-life.
    information : (columns in use, columns in use), from ``schur_information``.

    Returns
    -------
    float
        Echoes per source event, ``(1.645 + 0.842) x standard error at zero``; NaN where nothing could be said:
        where it would take more echoes than there are events.
    """
    in_use = columns_in_use(fit)
    columns = [column for column in columns if column in in_use]
    if not columns or not np.any(target.compensator[:, columns] > 0) or not np.isfinite(information).all():
        return float("nan")
    # Couplings that the fit holds at zero are no nuisance: they do not give way.
    kept = np.flatnonzero((fit.model.alpha[in_use] > 0) | np.isin(in_use, columns))
    places = np.searchsorted(in_use[kept], columns)
    block = np.ix_(places, places)
    at_zero = information[np.ix_(kept, kept)]
    at_zero[block] += gain_without(fit, target, columns)
    smallest = (Z_TEST + Z_POWER) * float(np.sqrt(max(covariance(at_zero)[block].sum(), 0.0)))
    read = float(target.compensator[:, columns].sum(axis=0).max())
    return smallest if smallest * read < float(target.count.sum()) else float("nan")


def detectable(fit: Fit, couplings: Sequence[Coupling]) -> pl.DataFrame:
    """Smallest coupling that would have been shown, for every row of the table of tests.

    Parameters
    ----------
    fit : the unpenalised fit.
    couplings : rows of the table of tests.

    Returns
    -------
    pl.DataFrame
        coupling (number of the row in the table of tests), channel, source_kind, target_kind, smallest (echoes per
        source event; null where nothing could be said).
    """
    design = fit.design
    information = [schur_information(one, target) for one, target in zip(fit.targets, design.targets, strict=True)]
    rows = []
    for number, coupling in enumerate(couplings):
        target = design.targets[coupling.target]
        smallest = smallest_detectable(
            fit.targets[coupling.target], target, coupling.columns, information[coupling.target]
        )
        rows.append(
            (
                number,
                design.channels[coupling.channel].name,
                design.kinds[coupling.source_kind].name,
                design.kinds[target.kind].name,
                smallest if np.isfinite(smallest) else None,
            )
        )
    return pl.DataFrame(rows, schema=DETECTABLE, orient="row")
