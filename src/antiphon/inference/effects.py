"""Rate ratios of circumstances: how much more often a kind of event happens at one more unit of a covariate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from antiphon.inference.inference import Effect
from antiphon.inference.intervals import DROP, cluster_inflation, standard_error

if TYPE_CHECKING:
    from antiphon.hawkes.problem import Problem
    from antiphon.inference.intervals import Curve

Z = float(np.sqrt(2.0 * DROP))
"""Half the width of a 95 % interval, in standard errors."""


def effects_of(curve: Curve, target: int) -> tuple[Effect, ...]:
    """Rate ratios of the covariates of one target kind, in the order of those of its role.

    Parameters
    ----------
    curve
        Of the unpenalised fit.
    target
        Index in ``Design.targets``.

    Returns
    -------
    tuple of Effect
        One per covariate in use.

    Notes
    -----
    ``exp(beta)``, with ``exp(beta +- 1.96 s)``. The variance ``s^2`` is the inverse of the information on ``beta`` with
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
    return tuple(found)


def _sides(problem: Problem, column: int) -> tuple[int, int]:
    """Distinct systems at risk, and with a scored event, on the side of the covariate's mean that has fewer of each.

    Who is not known stands exactly at the mean, on neither side.
    """
    pieces, rows = problem.pieces, problem.rows
    at_risk = _fewer(pieces.system, pieces.covariates[:, column])
    return at_risk, _fewer(problem.row_system, rows.covariates[:, column])


def _fewer(system: np.ndarray, value: np.ndarray) -> int:
    return min(np.unique(system[side]).size for side in (value > 0.0, value < 0.0))
