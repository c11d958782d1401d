"""Marginal log likelihood of given estimates over more time than they were estimated from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.hawkes.layout import from_endemic
from antiphon.hawkes.likelihood import compute_state, integrate_rows
from antiphon.hawkes.problem import build_problem, position
from antiphon.hawkes.propensity import carry_forward
from antiphon.kernels import likelihood

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.hawkes.fit import Fit


def likelihood_by_system(fit: Fit, index: int, blocks: Sequence[int]) -> np.ndarray:
    """Marginal log likelihood of target ``index`` over leading blocks, at the estimates of ``fit``.

    Parameters
    ----------
    fit
        Estimates, perhaps from fewer blocks.
    index
        Target kind, as in ``fit.design.targets``.
    blocks
        Numbers of leading blocks, increasing.

    Returns
    -------
    numpy.ndarray
        (blocks, systems of the design) The compensator of the couplings is known in total only; it is divided over the
        systems in proportion to their days at risk. The sums are exact.

    Notes
    -----
    The difference between ``b + 1`` blocks and ``b`` is the predictive log score of block b + 1 with frailties
    integrated over their posterior given everything before, new persons' over the prior. Periods after the training
    range carry the effect of the last one seen.
    """
    design, one, target = fit.design, fit.targets[index], fit.design.targets[index]
    options = replace(fit.options, blocks=blocks[-1], columns=None)
    problem = build_problem(design, index, options, one.log_r, complete=True)
    endemic = carry_forward(design, one.model.endemic, fit.options.blocks)
    state = compute_state(problem, from_endemic(problem.layout, endemic), 0.0, second=False)
    echo = (target.features @ one.model.alpha)[problem.order]
    block = target.block[problem.order]
    edges = design.calendars[design.kinds[target.kind].precision].edges
    result = np.zeros((len(blocks), design.n_systems))
    for place, number in enumerate(blocks):
        hazard, days = np.zeros(problem.systems.size), np.zeros(problem.systems.size)
        cell, offset = position(edges, np.array([design.block_edges[number]]))
        likelihood.hazards_until(
            int(cell[0]), float(offset[0]), edges, problem.pieces, state.rates, state.weight, hazard, days
        )  # fmt: skip
        seen = np.flatnonzero(block < number)
        row_system = problem.row_system[seen]
        part = replace(
            problem, count=problem.count[seen], row_system=row_system,
            pointer=np.searchsorted(row_system, np.arange(hazard.size + 1)) if problem.any_frail else problem.pointer,
        )  # fmt: skip
        variance = one.model.frailty_variance
        log_like = integrate_rows(part, state.endemic[seen], echo[seen], hazard, variance, second=False)[0]
        echoes = float(target.compensator[:number].sum(axis=0) @ one.model.alpha)
        result[place, problem.systems] = log_like - echoes * days / max(float(days.sum()), 1e-300)
    return result
