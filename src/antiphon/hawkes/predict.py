"""Marginal log likelihood of given estimates over more time than they were estimated from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.hawkes.layout import from_endemic
from antiphon.hawkes.likelihood import compute_state
from antiphon.hawkes.problem import build_problem
from antiphon.hawkes.propensity import carry_forward

if TYPE_CHECKING:
    from antiphon.hawkes.fit import Fit


def likelihood_by_system(fit: Fit, index: int, blocks: int) -> np.ndarray:
    """Marginal log likelihood of target ``index`` over the first ``blocks`` blocks, at the estimates of ``fit``.

    Parameters
    ----------
    fit
        Estimates, perhaps from fewer blocks.
    index
        Target kind, as in ``fit.design.targets``.
    blocks
        Number of leading blocks.

    Returns
    -------
    numpy.ndarray
        (systems of the design,) The compensator of the couplings is known in total only; it is divided over the systems in
        proportion to their days at risk. The sum is exact.

    Notes
    -----
    The difference between ``blocks = b + 1`` and ``b`` is the predictive log score of block b + 1 with frailties
    integrated over their posterior given everything before, new persons' over the prior. Periods after the training
    range carry the effect of the last one seen.
    """
    options = replace(fit.options, blocks=blocks, columns=None)
    one = fit.targets[index]
    problem = build_problem(fit.design, index, options, one.log_r, complete=True)
    endemic = carry_forward(fit.design, one.model.endemic, fit.options.blocks)
    parameters = np.concatenate([from_endemic(problem.layout, endemic), one.model.alpha[problem.kept]])
    state = compute_state(problem, parameters, one.model.frailty_variance, second=False)
    edges = np.concatenate([[0.0], np.cumsum(problem.width)])
    ends = edges[problem.pieces.cells] + problem.pieces.offsets
    days = np.bincount(problem.pieces.system, ends[:, 1] - ends[:, 0], problem.systems.size)
    echoes = float(problem.compensator @ one.model.alpha[problem.kept])
    result = np.zeros(fit.design.n_systems)
    result[problem.systems] = state.log_like - echoes * days / max(float(days.sum()), 1e-300)
    return result
