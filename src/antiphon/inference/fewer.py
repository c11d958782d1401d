"""The inhibition check: couplings at zero after which less happens than by chance, which no echo can describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincc

from antiphon.inference.claims import LEVEL, adjust
from antiphon.inference.inference import Control
from antiphon.inference.jitter import row_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.hawkes.fit import Fit
    from antiphon.inference.claims import Row

FEWEST_EXPECTED = 10.0
"""Events that should have heard a source, by chance alone, from which on it is asked whether they were fewer."""

UNKNOWN = float("nan")


def fewer_after(fit: Fit, rows: Sequence[Row]) -> tuple[Control, ...]:
    """List couplings estimated at 0 after which there is significantly less than by chance.

    Parameters
    ----------
    fit
        The fit that claims rest on.
    rows
        The table of tests; rows with a label are not asked.

    Returns
    -------
    tuple of Control
        By coupling, of code ``fewer_after``, with p corrected for all couplings that were asked (those that are estimated
        above 0 count with p = 1). It is not a claim of inhibition: who is watched, searched or kept apart after an event has
        fewer as well.

    Notes
    -----
    At 0 the score of the coupling is ``K - G``: ``K`` the sum over rows of weight times what was heard, ``G`` what all readers
    heard; by chance K is G on average. It is a sum of positive jumps, so a Poisson count of G / j jumps of their mean size
    ``j = sum of squares / sum`` (by incident) has its mean and its variance, and ``p = P(Poisson(G / j) <= K / j)``. With few
    jumps their size is not known well: the larger of that of the coupling and that of its whole channel is taken. Half-lives
    count by their roots, as in the jitter. What estimating the rest takes away from the variance is left in it, so the test
    is on the cautious side.
    """
    asked, p = [], []
    for index in sorted({row.target for row in rows if not row.label}):
        mine = [place for place, row in enumerate(rows) if row.target == index and not row.label]
        found = _of_target(fit, index, [rows[place] for place in mine])
        known = [(place, value) for place, value in zip(mine, found, strict=True) if np.isfinite(value)]
        asked += [place for place, _ in known]
        p += [value for _, value in known]
    corrected = adjust(np.array(p)) if p else np.zeros(0)
    return tuple(
        Control(place, "fewer_after", "differs", float(q), UNKNOWN, UNKNOWN)
        for place, q in sorted(zip(asked, corrected, strict=True))
        if q <= LEVEL
    )


def _of_target(fit: Fit, index: int, rows: Sequence[Row]) -> list[float]:
    """Return p of each row of the table for one target; NaN where too little should have been heard."""
    target, alpha = fit.design.targets[index], fit.targets[index].model.alpha
    weights = row_weights(fit, index)
    read = target.compensator.sum(axis=0)
    root = np.sqrt(fit.design.kernels.half_lives)[[feature.half_life for feature in target.columns]]
    incident = np.unique(target.incident, return_inverse=True)[1]
    sums: list[tuple[float, float, float]] = []
    by_channel: dict[int, np.ndarray] = {}
    for row in rows:
        fast = list(row.fast)
        jumps = np.bincount(incident, weights * (target.features[:, fast] @ root[fast]))
        sums.append((float(jumps.sum()), float(jumps @ jumps), float(read[fast] @ root[fast])))
        by_channel[row.channel] = by_channel.get(row.channel, np.zeros(2)) + sums[-1][:2]
    found = []
    for row, (heard, square, expected) in zip(rows, sums, strict=True):
        total, squares = by_channel[row.channel]
        size = max(square / heard if heard > 0.0 else 0.0, squares / total if total > 0.0 else 0.0)
        if size <= 0.0 or expected < FEWEST_EXPECTED * size:
            found.append(UNKNOWN)
        else:
            is_zero = not alpha[list(row.columns)].any()
            found.append(float(gammaincc(heard / size + 1.0, expected / size)) if is_zero else 1.0)
    return found
