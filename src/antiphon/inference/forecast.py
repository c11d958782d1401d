"""Counts that earlier blocks foretell for later ones, beside what came."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.hawkes.propensity import hazard_rates, segment_effects

if TYPE_CHECKING:
    from antiphon.design.design import Calendar, Design, Target
    from antiphon.hawkes.fit import Fit, TargetFit

FORECASTS = {
    "kind": pl.String,
    "block": pl.Int64,
    "expected": pl.Float64,
    "observed": pl.Int64,
    "clustered": pl.Int64,
    "level_error": pl.Float64,
}
SMALLEST_LEVEL = 0.1
"""A level that is carried forward is never below this share of the mean."""


@dataclass(frozen=True, slots=True, repr=False)
class Level:
    """How the level of a kind goes on, relative to its mean, learned from one training period to the next.

    Attributes
    ----------
    mean : (organisations,) log of the mean level over the training periods.
    ahead : (organisations,) log level expected after training.
    error : relative standard error of the expectation, all organisations together.
    """

    mean: np.ndarray
    ahead: np.ndarray
    error: float


def look_ahead(fit: Fit, first: int) -> Fit:
    """Give periods that training has not seen whole the level that the earlier ones foretell.

    Parameters
    ----------
    fit : fitted to the blocks before ``first``.
    first : first block that was not seen.

    Returns
    -------
    Fit
        With the periods after the last whole one replaced; its ``options.blocks`` is None, so that the effects are
        taken as they are.

    Notes
    -----
    The level of the last whole period alone would be a poor guide where events are few. It counts by as much as a
    period's departure from the mean has foretold the next one's within training, which noise and change make small
    and a lasting trend makes large.
    """
    whole = whole_periods(fit.design, first)
    targets = []
    for one in fit.targets:
        level = level_ahead(one.model.endemic.period[:, :whole])
        period = one.model.endemic.period.copy()
        period[:, whole:] = level.ahead[:, None]
        targets.append(replace(one, model=replace(one.model, endemic=replace(one.model.endemic, period=period))))
    return replace(fit, targets=tuple(targets), options=replace(fit.options, blocks=None))


def whole_periods(design: Design, first: int) -> int:
    """Count the calendar periods that lie before a block.

    Parameters
    ----------
    design : the design.
    first : the block.

    Returns
    -------
    int
        At least one.
    """
    return max(int(np.floor(design.block_edges[first] / design.period_days + 1e-9)), 1)


def level_ahead(period: np.ndarray) -> Level:
    """Expect the level after the last period.

    Parameters
    ----------
    period : (organisations, periods) log effects.

    Returns
    -------
    Level
        With departures ``x_p = exp(effect) / mean - 1``, the next is ``rho x_last``, ``rho`` the regression of each on
        the one before, kept in [0, 1].
    """
    rate = np.exp(period)
    mean = rate.mean(axis=1)
    off = rate / mean[:, None] - 1.0
    spread = float(np.sum(off[:, :-1] ** 2))
    rho = float(np.clip(np.sum(off[:, :-1] * off[:, 1:]) / spread, 0.0, 1.0)) if spread > 0 else 0.0
    ahead = np.maximum(1.0 + rho * off[:, -1], SMALLEST_LEVEL)
    missed = off[:, 1:] - rho * off[:, :-1]
    error = float(np.sqrt(np.mean(missed**2) / len(period))) if missed.size else 0.0
    return Level(np.log(mean), np.log(mean) + np.log(ahead), error)


def forecasts(fit: Fit, first: int, last: int) -> pl.DataFrame:
    """Expected and observed counts of every kind in blocks after the training range.

    Parameters
    ----------
    fit : fitted to the blocks before ``first``, and looking ahead (``look_ahead``).
    first, last : blocks from ``first`` to ``last`` (not included).

    Returns
    -------
    pl.DataFrame
        kind, block, expected, observed, clustered (sum over incidents of their squared number of events: the variance
        of the count had incidents come independently), level_error (relative standard error of the level that is
        carried forward, as far as it missed from one training period to the next).

    Notes
    -----
    One step ahead: frailties at their posterior mean after training, echoes of what was recorded until then and
    within the block.
    """
    design = fit.design
    rows = []
    for target, one in zip(design.targets, fit.targets, strict=True):
        endemic = np.diff(endemic_until(design, target, one, design.block_edges[first : last + 1]))
        error = level_ahead(one.model.endemic.period[:, : whole_periods(design, first)]).error
        for block in range(first, last):
            expected = endemic[block - first] + target.compensator[block] @ one.model.alpha
            here = target.block == block
            sizes = np.bincount(np.unique(target.incident[here], return_inverse=True)[1], target.count[here])
            rows.append(
                (
                    design.kinds[target.kind].name,
                    block,
                    float(expected),
                    int(target.count[here].sum()),
                    int(np.sum(sizes**2)),
                    error,
                )
            )
    return pl.DataFrame(rows, schema=FORECASTS, orient="row")


def endemic_until(design: Design, target: Target, fit: TargetFit, times: np.ndarray) -> np.ndarray:
    """Endemic events of a kind expected from the start of the scored time until given times, over everyone.

    Parameters
    ----------
    design, target, fit : the kind.
    times : (times,) days.

    Returns
    -------
    np.ndarray
        (times,) with every system's frailty at its posterior mean.
    """
    calendar = design.calendars[design.kinds[target.kind].precision]
    rate, _ = hazard_rates(design, calendar, fit.model.endemic)
    exposure = weighted_exposure(design, target, fit, calendar)
    cumulated = np.concatenate([[0.0], np.cumsum((exposure * rate).sum(axis=0))])
    return np.interp(times, calendar.edges, cumulated)


def weighted_exposure(design: Design, target: Target, fit: TargetFit, calendar: Calendar) -> np.ndarray:
    """Days at risk by organisation and calendar cell, weighted by what the endemic part knows of each system.

    Parameters
    ----------
    design, target, fit, calendar : the kind's.

    Returns
    -------
    np.ndarray
        (organisations, cells).
    """
    segments = design.roles[target.role].segments
    start = np.maximum(segments.start, design.block_edges[0])
    end = np.minimum(segments.end, design.block_edges[-1])
    keep = segments.at_risk[:, design.roles[target.role].kinds.index(target.kind)] & (end > start)
    effect = segment_effects(design, target, fit.model.endemic, fit.log_r)
    weight = (np.exp(effect) * fit.theta[segments.system])[keep]
    group = segments.group[keep]
    until_end = _days_before(calendar.edges, group, end[keep], weight, design.n_organisations)
    return until_end - _days_before(calendar.edges, group, start[keep], weight, design.n_organisations)


def _days_before(
    edges: np.ndarray, group: np.ndarray, time: np.ndarray, weight: np.ndarray, n_groups: int
) -> np.ndarray:
    """Weighted days of each cell that lie before a time, summed over the times, (groups, cells)."""
    n_cells = len(edges) - 1
    cell = np.clip(np.searchsorted(edges, time, side="right") - 1, 0, n_cells - 1)
    code = group * n_cells + cell
    size, shape = n_groups * n_cells, (n_groups, n_cells)
    reached = np.bincount(code, weight, minlength=size).reshape(shape)
    parts = np.bincount(code, weight * (time - edges[cell]), minlength=size).reshape(shape)
    beyond = np.cumsum(reached[:, ::-1], axis=1)[:, ::-1] - reached
    return beyond * np.diff(edges) + parts
