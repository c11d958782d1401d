"""How strongly couplings are shrunk: chosen by what foretells later blocks best."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from antiphon.hawkes.fitting import fit_design
from antiphon.hawkes.predict import likelihood_by_system

if TYPE_CHECKING:
    from antiphon.hawkes.fit import Fit

STRENGTHS = (0.0, 0.5, 1.0, 2.0)
"""Candidates, in standard deviations of each coupling's score."""

TRAINING_SHARES = (0.5, 0.75)
"""Shares of the blocks that are trained on; the blocks from there to the next share are foretold."""


def choose_penalty(fit: Fit, *, threads: int = 2) -> tuple[float, dict[int, Fit]]:
    """Strength of the lasso that foretells later blocks best.

    Parameters
    ----------
    fit
        The unpenalised fit of all blocks; only its design and options are used.
    threads
        Target kinds fitted at a time.

    Returns
    -------
    float, dict
        One of ``STRENGTHS``; the strongest within one standard error of the best is *not* taken: forecasts decide. And
        the unpenalised fits to leading blocks, by their number, for others who need the same.

    Notes
    -----
    Time-blocked validation with an expanding window: everything is fitted to the leading blocks alone, couplings shrunk
    by each strength, and scored by the marginal predictive likelihood of the blocks that follow. Since couplings enter the
    likelihood linearly and are not negative, the lasso is a shift of their compensator.
    """
    blocks = fit.design.block_edges.size - 1
    cuts = sorted({max(1, round(blocks * share)) for share in TRAINING_SHARES} | {blocks})
    scores = np.zeros(len(STRENGTHS))
    start, wholes = fit, {}
    for first, last in pairwise(cuts):
        options = replace(fit.options, blocks=first, penalty=0.0)
        start = wholes[first] = fit_design(fit.design, options, start=start, threads=threads)
        for place, strength in enumerate(STRENGTHS):
            one = start if strength == 0.0 else fit_design(
                fit.design, replace(options, penalty=strength), start=start, threads=threads
            )  # fmt: skip
            scores[place] += predictive_score(one, first, last)
    return STRENGTHS[int(np.argmax(scores))], wholes


def predictive_score(fit: Fit, first: int, last: int) -> float:
    """Marginal log likelihood of blocks ``first`` to ``last`` given those before, over all target kinds."""
    return sum(
        float(np.diff(likelihood_by_system(fit, i, (first, last)), axis=0).sum()) for i in range(len(fit.targets))
    )
