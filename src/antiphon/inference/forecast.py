"""Counts that earlier blocks foretell for later ones, beside what came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.hawkes.propensity import carry_forward, hazard_rates

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
LARGEST_LEVEL_ERROR = 2.0
"""Standard deviation of a period effect before anything is seen (the ridge of the fit)."""


def forecasts(fit: Fit, first: int, last: int) -> pl.DataFrame:
    """Expected and observed counts of every kind in blocks after the training range.

    Parameters
    ----------
    fit : fitted to the blocks before ``first``.
    first, last : blocks from ``first`` to ``last`` (not included).

    Returns
    -------
    pl.DataFrame
        kind, block, expected, observed, clustered (sum over incidents of their squared number of events: the variance
        of the count had incidents come independently), level_error (relative standard error of the level that is
        carried forward, which rests on the events of the last training period).

    Notes
    -----
    One step ahead: frailties at their posterior mean after training, echoes of what was recorded until then and
    within the block.
    """
    design = fit.design
    rows = []
    for target, one in zip(design.targets, fit.targets, strict=True):
        endemic = np.diff(endemic_until(design, target, one, design.block_edges[first : last + 1], fit.options.blocks))
        error = _level_error(design, target, first)
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


def _level_error(design: Design, target: Target, first: int) -> float:
    """Relative error of the last training period's level, as that of a count of incidents."""
    end = float(design.block_edges[first])
    start = max(np.ceil(end / design.period_days - 1e-9) - 1.0, 0.0) * design.period_days
    seen = np.unique(target.incident[(target.time >= start) & (target.time < end)]).size
    return min(1.0 / np.sqrt(seen), LARGEST_LEVEL_ERROR) if seen else LARGEST_LEVEL_ERROR


def endemic_until(
    design: Design, target: Target, fit: TargetFit, times: np.ndarray, blocks: int | None = None
) -> np.ndarray:
    """Endemic events of a kind expected from the start of the scored time until given times, over everyone.

    Parameters
    ----------
    design, target, fit : the kind.
    times : (times,) days.
    blocks : training blocks; periods after them carry the effect of the last one seen.

    Returns
    -------
    np.ndarray
        (times,) with every system's frailty at its posterior mean.
    """
    calendar = design.calendars[design.kinds[target.kind].precision]
    rate, _ = hazard_rates(design, calendar, carry_forward(design, fit.model.endemic, blocks))
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
    effect = fit.model.endemic.stratum[segments.stratum]
    if fit.log_r is not None:
        effect = effect + fit.model.endemic.propensity * fit.log_r
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
