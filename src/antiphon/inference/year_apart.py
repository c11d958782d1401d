"""A negative control: the same sources a year later, when nobody can still be answering them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from antiphon.design.events import rows_from
from antiphon.design.listening import history_of, make_ear
from antiphon.inference.jitter import row_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.events import Events
    from antiphon.hawkes.fit import Fit

YEAR = 364.0
"""Whole weeks, so that weekdays stay."""

FEWEST_HEARD = 10.0
"""Source events that must have been heard after the shift; with fewer nothing can be said."""


def year_apart(fit: Fit, events: Events, index: int, columns: Sequence[int]) -> float | None:
    """Test whether a coupling is also there with its sources a year later, where none can be.

    Parameters
    ----------
    fit
        The fit that a claim rests on.
    events
        The events of its design.
    index, columns
        Target, and its columns that a claim rests on.

    Returns
    -------
    float or None
        One-sided p-value of the score of such a coupling beside the fitted one; small: season or lasting differences of
        units look like this coupling. None where too little of the window is left, or too few are heard.

    Notes
    -----
    The score is divided by the root of the sum of its squared jumps, by incident. That leaves out what estimating the
    rest of the model takes away from its variance, so the test is on the cautious side: it rejects in less than 5 %.
    """
    design = fit.design
    structure = design.structure
    if structure is None:
        return None
    target, ear = design.targets[index], make_ear(design, index, columns)
    rows = history_of(structure, events, ear.source)
    rows = rows.where(rows.time + YEAR < design.window_days)
    later = rows_from(rows.time + YEAR, rows.system, rows.kind, rows.number, rows.target, rows.grain)
    (features,), (heard,) = ear.hear(structure, [later])
    if heard.max(initial=0.0) < FEWEST_HEARD:
        return None
    root = np.sqrt(ear.kernels.half_lives)
    jumps = row_weights(fit, index) * (features @ root)
    _, cluster = np.unique(target.incident, return_inverse=True)
    spread = float(np.sqrt((np.bincount(cluster, jumps) ** 2).sum()))
    return float(ndtr(-(jumps.sum() - heard @ root) / spread)) if spread > 0.0 else 1.0
