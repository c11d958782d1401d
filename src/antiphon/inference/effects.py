"""Ratios of circumstances: how much more often a kind happens, or what reaches someone is answered, at one more unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from antiphon.inference.inference import Effect
from antiphon.inference.intervals import DROP, cluster_inflation, inflation, jumps_along, standard_error

if TYPE_CHECKING:
    from antiphon.hawkes.problem import Problem
    from antiphon.inference.intervals import Curve

Z = float(np.sqrt(2.0 * DROP))
"""Half the width of a 95 % interval, in standard errors."""


def effects_of(curve: Curve, target: int) -> tuple[Effect, ...]:
    """Ratios of the covariates and the receptivity of one target kind, in the order of those of its role.

    Parameters
    ----------
    curve
        Of the unpenalised fit.
    target
        Index in ``Design.targets``.

    Returns
    -------
    tuple of Effect
        One per covariate in use, those of the rate first.

    Notes
    -----
    ``exp(beta)`` or ``exp(delta)``, with ``exp(beta +- 1.96 s)``. The variance ``s^2`` is the inverse of the information on it with
    all else estimated, calendar periods included, times the inflation through rows of one incident coming together, as
    for couplings (`cluster_inflation`). The weak ridge is part of that information. Unlike a coupling a covariate may
    have either sign, so there is no boundary to mind.

    References
    ----------
    Liang and Zeger (1986), Longitudinal data analysis using generalized linear models, Biometrika 73: variances by
    clusters.
    """
    layout = curve.problem.layout
    found = []
    for covariate in np.flatnonzero(layout.covariate < layout.size):
        place = layout.covariate[covariate : covariate + 1]
        beta = float(curve.point.x[place[0]])
        reach = Z * standard_error(curve, place) * np.sqrt(cluster_inflation(curve, place))
        low, high = np.exp([beta - reach, beta + reach])
        persons, with_event = _sides(curve.problem, int(place[0]) - layout.first_covariate)
        found.append(Effect(target, int(covariate), float(np.exp(beta)), float(low), float(high), persons, with_event))
    return (*found, *_receptivity(curve, target))


def _receptivity(curve: Curve, target: int) -> list[Effect]:
    """How many times as much is answered of what reaches someone, per covariate of the receptivity."""
    received = curve.fit.targets[curve.index].received
    if received is None:
        return []
    found, covariance = [], received.covariance
    # the score in delta that the other parameters, which follow delta, do not explain
    jumps = received.jumps + np.stack([jumps_along(curve, moves) for moves in received.moves])
    for k, covariate in enumerate(received.covariates.tolist()):
        spread = np.sqrt(covariance[k, k] * inflation(curve, covariance[k] @ jumps))
        delta = float(received.delta[k])
        low, high = np.exp([delta - Z * spread, delta + Z * spread])
        persons, with_event = _sides_of_receptivity(curve, covariate)
        ratio = float(np.exp(delta))
        found.append(Effect(target, covariate, ratio, float(low), float(high), persons, with_event, "echoes"))
    return found


def _sides_of_receptivity(curve: Curve, covariate: int) -> tuple[int, int]:
    """The same as `_sides` of a covariate of the receptivity; of events those that something had reached before."""
    design, problem = curve.fit.design, curve.problem
    target = design.targets[curve.index]
    role = design.roles[target.role]
    at_risk = role.segments.at_risk[:, role.kinds.index(target.kind)]
    value = role.segments.receptivity[:, covariate]
    reached = problem.order[(problem.features > 0.0).any(axis=1)]
    return (
        _fewer(role.segments.system[at_risk], value[at_risk]),
        _fewer(target.system[reached], value[target.segment[reached]]),
    )


def _sides(problem: Problem, column: int) -> tuple[int, int]:
    """Distinct systems at risk, and with a scored event, on the side of the covariate's mean that has fewer of each.

    Who is not known stands exactly at the mean, on neither side.
    """
    pieces, rows = problem.pieces, problem.rows
    at_risk = _fewer(pieces.system, pieces.covariates[:, column])
    return at_risk, _fewer(problem.row_system, rows.covariates[:, column])


def _fewer(system: np.ndarray, value: np.ndarray) -> int:
    return min(np.unique(system[side]).size for side in (value > 0.0, value < 0.0))
