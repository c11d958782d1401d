"""Marginal log likelihood of one target kind with exact gradient and Hessian.

Parameters are one vector: the endemic effects of the layout, then the couplings. The frailty variance stands apart; it
joins them as log variance in the estimation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.hawkes.quadrature import rules
from antiphon.kernels import frailty, likelihood, linear

if TYPE_CHECKING:
    from antiphon.hawkes.problem import Problem

CHUNK_ROWS = 16384
"""Rows handled at a time where a dense block is built."""

DENSE = 0.15
"""Share of effects that a system's hazard depends on above which products of whole rows are quicker."""

CHUNK_NUMBERS = 4_000_000
"""Numbers in a block of systems x endemic effects."""


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation:
    """The objective at one point.

    Attributes
    ----------
    value : log likelihood minus the weak ridge.
    ridge : the ridge that was subtracted.
    gradient : (parameters,); ``hessian`` : (parameters, parameters) or None.
    """

    value: float
    ridge: float
    gradient: np.ndarray
    hessian: np.ndarray | None


@dataclass(frozen=True, slots=True, repr=False)
class State:
    """Everything about rows and systems at one point.

    Attributes
    ----------
    rate, total : (calendars, cells), (calendars, cells + 1) endemic rate and its integral.
    weight, mass : (pieces,) factor and endemic hazard of each piece.
    hazard : (local systems,).
    endemic, echo : (rows,) the two parts of each row at frailty 1.
    log_like : (local systems,) without the compensator of the couplings.
    mean, variance : (local systems,) of the frailty given the data.
    first, endemic_first : (rows,) expected derivative of a row's log rate in the echo part and in the log endemic part.
    second : (rows, 3) own part of the Hessian.
    cross, covariance, covariance_pointer : see ``kernels.frailty.frailty_rows``.
    """

    rate: np.ndarray
    total: np.ndarray
    weight: np.ndarray
    mass: np.ndarray
    hazard: np.ndarray
    endemic: np.ndarray
    echo: np.ndarray
    log_like: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    first: np.ndarray
    endemic_first: np.ndarray
    second: np.ndarray
    cross: np.ndarray
    covariance: np.ndarray
    covariance_pointer: np.ndarray


def value_only(problem: Problem, parameters: np.ndarray, variance: float) -> float:
    """Log likelihood minus the weak ridge, without derivatives."""
    state = compute_state(problem, parameters, variance, second=False)
    size = problem.layout.size
    ridge = 0.5 * float(problem.layout.ridge @ parameters[:size] ** 2)
    return float(state.log_like.sum()) - float(problem.compensator @ parameters[size:]) - ridge


def evaluate(problem: Problem, parameters: np.ndarray, variance: float, *, hessian: bool = False) -> Evaluation:
    """Objective and its derivatives.

    Parameters
    ----------
    problem
        What was observed.
    parameters
        (endemic effects + columns,).
    variance
        Frailty variance; 0 for none.
    hessian
        Whether second derivatives are wanted.

    Returns
    -------
    Evaluation
        Exact derivatives of the marginal log likelihood, minus the weak ridge on the endemic effects.
    """
    if problem.constant and not problem.bernoulli and not hessian and not (variance > 0.0 and problem.any_frail):
        return _evaluate_dense(problem, parameters)
    state = compute_state(problem, parameters, variance, second=hessian)
    size = problem.layout.size
    effects, alpha = parameters[:size], parameters[size:]
    ridge = 0.5 * float(problem.layout.ridge @ effects**2)
    value = float(state.log_like.sum()) - float(problem.compensator @ alpha) - ridge
    exposure = _exposure(problem, state)
    gradient = np.empty(parameters.size)
    gradient[:size] = _endemic_gradient(problem, state, exposure) - problem.layout.ridge * effects
    gradient[size:] = state.first @ problem.features - problem.compensator
    if not hessian:
        return Evaluation(value, ridge, gradient, None)
    matrix = _hessian(problem, state, exposure)
    matrix[np.arange(size), np.arange(size)] -= problem.layout.ridge
    return Evaluation(value, ridge, gradient, matrix)


def _evaluate_dense(problem: Problem, parameters: np.ndarray) -> Evaluation:
    """One endemic rate and no frailty: one pass over the features."""
    endemic = float(np.exp(parameters[0]))
    alpha = np.ascontiguousarray(parameters[1:])
    gradient = np.zeros(parameters.size)
    logs, reciprocals = likelihood.dense_pass(problem.features, alpha, endemic, gradient[1:])
    days = float(problem.pieces.offsets[:, 1].sum() - problem.pieces.offsets[:, 0].sum())
    edges = np.concatenate([[0.0], np.cumsum(problem.width)])
    days += float((edges[problem.pieces.cells[:, 1]] - edges[problem.pieces.cells[:, 0]]).sum())
    gradient[1:] -= problem.compensator
    gradient[0] = endemic * (reciprocals - days)
    return Evaluation(logs - endemic * days - float(problem.compensator @ alpha), 0.0, gradient, None)


def compute_state(problem: Problem, parameters: np.ndarray, variance: float, *, second: bool) -> State:
    """Rates, hazards and posterior moments at one point; with ``second`` also what the Hessian needs."""
    layout, pieces = problem.layout, problem.pieces
    effects = np.append(parameters[: layout.size], 0.0)
    alpha = parameters[layout.size :]
    slope = float(effects[layout.propensity])
    calendars, cells = layout.period.shape[0], problem.width.size
    rate, total = np.empty((calendars, cells)), np.empty((calendars, cells + 1))
    likelihood.cell_rates(
        effects, problem.width, problem.cell_columns, layout.period_of_cell, layout.period, rate, total
    )
    weight, mass = np.empty(pieces.system.size), np.empty(pieces.system.size)
    hazard = np.zeros(pieces.systems.size)
    likelihood.piece_hazards(
        effects, slope, pieces.system, pieces.calendar, pieces.cells, pieces.offsets, pieces.columns, problem.log_r,
        rate, total, weight, mass, hazard,
    )  # fmt: skip
    endemic = np.empty(problem.count.size)
    likelihood.row_rates(effects, slope, problem.row_columns, problem.row_log_r, problem.exposure, endemic)
    echo = problem.features @ alpha if alpha.size else np.zeros(problem.count.size)
    rows = _integrate_rows(problem, endemic, echo, hazard, variance, second=second)
    return State(rate, total, weight, mass, hazard, endemic, echo, *rows)


def _integrate_rows(
    problem: Problem, endemic: np.ndarray, echo: np.ndarray, hazard: np.ndarray, variance: float, *, second: bool
) -> tuple[np.ndarray, ...]:
    """The frailty integrals (or the plain rows without frailty), in the order of the fields of ``State``."""
    n_rows, n_systems = endemic.size, hazard.size
    log_like, mean, spread = np.zeros(n_systems), np.ones(n_systems), np.zeros(n_systems)
    first, endemic_first, seconds = np.empty(n_rows), np.empty(n_rows), np.empty((n_rows, 3))
    cross = np.zeros(n_rows)
    if not problem.any_frail or variance <= 0.0:
        likelihood.poisson_rows(
            problem.count, endemic, echo, problem.row_system, problem.bernoulli, log_like, first, endemic_first, seconds
        )
        empty = np.zeros(0)
        pointer = np.zeros(n_systems + 1, dtype=np.int64)
        return log_like - hazard, mean, spread, first, endemic_first, seconds, cross, empty, pointer
    sizes = np.diff(problem.pointer)
    squares = np.where(problem.frail & (sizes > 1) & second, sizes * sizes, 0)
    pointer = np.concatenate([[0], np.cumsum(squares)])
    covariance = np.empty(pointer[-1])
    rule = rules(1.0 / variance)
    frailty.frailty_rows(
        1.0 / variance, problem.frail, problem.pointer, problem.count, endemic, echo, hazard,
        rule.nodes, rule.log_weights, rule.pointer, rule.exact,
        log_like, mean, spread, first, endemic_first, seconds, cross, covariance, pointer, second,
    )  # fmt: skip
    return log_like, mean, spread, first, endemic_first, seconds, cross, covariance, pointer


def _exposure(problem: Problem, state: State) -> np.ndarray:
    pieces = problem.pieces
    exposure = np.zeros_like(state.rate)
    likelihood.spread_exposure(
        state.mean, pieces.system, pieces.calendar, pieces.cells, pieces.offsets, state.weight, problem.width, exposure
    )
    return exposure


def _endemic_gradient(problem: Problem, state: State, exposure: np.ndarray) -> np.ndarray:
    layout, pieces = problem.layout, problem.pieces
    hazards = np.zeros(layout.size + 1)
    likelihood.hazard_gradient(
        state.mean, pieces.system, pieces.columns, problem.log_r, state.mass, layout.propensity, hazards
    )
    likelihood.cell_gradient(exposure, state.rate, problem.cell_columns, layout.period_of_cell, layout.period, hazards)
    rows = np.zeros(layout.size + 1)
    likelihood.scatter_rows(state.endemic_first, problem.row_columns, problem.row_log_r, layout.propensity, rows)
    return (rows - hazards)[:-1]


def _hessian(problem: Problem, state: State, exposure: np.ndarray) -> np.ndarray:
    """Marginal Hessian: expectation of the complete-data Hessian plus covariance of the complete-data score."""
    layout = problem.layout
    size, columns = layout.size, problem.features.shape[1]
    result = np.zeros((size + columns, size + columns))
    rows = np.zeros((size + 1, size + 1))
    likelihood.scatter_pairs(
        np.ascontiguousarray(state.second[:, 0]), problem.row_columns, problem.row_log_r, layout.propensity, rows
    )
    if state.covariance.size:
        frailty.covariance_endemic(
            problem.pointer, state.covariance, state.covariance_pointer, state.echo, problem.row_columns,
            problem.row_log_r, layout.propensity, rows,
        )  # fmt: skip
    if columns:
        _feature_blocks(problem, state, result)
    compensator = _compensator_hessian(problem, state, exposure, result)
    result[:size, :size] += (rows - compensator)[:-1, :-1]
    result[size:, :size] = result[:size, size:].T
    return result


def _compensator_hessian(problem: Problem, state: State, exposure: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Hessian of the hazards in the endemic effects; ``result`` gets what frailties add, some thousand systems at a time."""
    layout, pieces = problem.layout, problem.pieces
    size = layout.size + 1
    oneway, cells = np.zeros((size, size)), np.zeros((size, size))
    likelihood.cell_hessian(exposure, state.rate, problem.cell_columns, layout.period_of_cell, layout.period, cells)
    effects = int((layout.shift < layout.size).sum() + (layout.weekday < layout.size).sum())
    totals = np.zeros((*state.total.shape, effects))
    likelihood.column_totals(problem.width, problem.cell_columns, state.rate, 1, totals)
    is_shared = bool(state.variance.any())
    step = max(1, CHUNK_NUMBERS // size) if is_shared else max(1, pieces.systems.size)
    for first in range(0, pieces.systems.size, step):
        systems = slice(first, min(first + step, pieces.systems.size))
        part = slice(*np.searchsorted(pieces.system, [systems.start, systems.stop]))
        gradients = np.zeros((systems.stop - systems.start, size if is_shared else 0))
        likelihood.piece_hessian(
            state.mean[systems], pieces.system[part] - np.int32(first), pieces.calendar[part], pieces.cells[part],
            pieces.offsets[part], pieces.columns[part], problem.log_r[part], state.weight[part], state.mass[part],
            state.rate, state.total, totals, problem.cell_columns, layout.period_of_cell, problem.period_start,
            layout.period, layout.propensity, oneway, gradients,
        )  # fmt: skip
        if is_shared:
            _frailty_blocks(problem, state, result, systems, gradients)
    return cells + oneway + oneway.T - np.diag(np.diag(oneway))


def _feature_blocks(problem: Problem, state: State, result: np.ndarray) -> None:
    """Blocks of the Hessian that involve couplings, rows only; some thousand rows at a time."""
    layout = problem.layout
    size, columns = layout.size, problem.features.shape[1]
    mixed, squares = np.zeros((size + 1, columns)), np.zeros((columns, columns))
    for rows, systems in _chunks(problem):
        features = problem.features[rows]
        together = np.zeros_like(features)
        if state.covariance.size:
            frailty.covariance_features(
                systems.start, systems.stop, problem.pointer, state.covariance, state.covariance_pointer,
                problem.features, together,
            )  # fmt: skip
        values = features * state.second[rows, 1:2] - together * state.echo[rows, None]
        likelihood.scatter_matrix(values, problem.row_columns[rows], problem.row_log_r[rows], layout.propensity, mixed)
        together += features * state.second[rows, 2:3]
        linear.add_cross_product(features, together, squares)
    result[:size, size:] = mixed[:-1]
    result[size:, size:] = squares


def _chunks(problem: Problem) -> list[tuple[slice, slice]]:
    """Slices of rows that do not cut a system, and the systems they belong to."""
    n_rows = problem.count.size
    if not problem.any_frail:
        return [(slice(start, min(start + CHUNK_ROWS, n_rows)), slice(0, 0)) for start in range(0, n_rows, CHUNK_ROWS)]
    chunks, start = [], 0
    while start < problem.pointer.size - 1:
        limit = problem.pointer[start] + CHUNK_ROWS
        stop = max(int(np.searchsorted(problem.pointer, limit, side="right")) - 1, start + 1)
        chunks.append((slice(int(problem.pointer[start]), int(problem.pointer[stop])), slice(start, stop)))
        start = stop
    return chunks


def _frailty_blocks(problem: Problem, state: State, result: np.ndarray, systems: slice, gradients: np.ndarray) -> None:
    """What the shared frailty of a system's rows and hazard adds: rank two per system, few effects each."""
    layout = problem.layout
    size, columns = layout.size, problem.features.shape[1]
    block = np.zeros((size + 1, size + 1))
    # someone there for years touches every period, someone there for weeks next to none of hundreds
    is_dense = np.count_nonzero(gradients) > DENSE * gradients.size
    if is_dense:
        linear.add_cross_product(gradients * state.variance[systems, None], gradients, block)
    else:
        frailty.add_sparse_products(gradients, state.variance[systems], gradients, block)
    result[:size, :size] += block[:-1, :-1]
    pointer = problem.pointer[systems.start : systems.stop + 1]
    with_rows = np.flatnonzero(np.diff(pointer))
    crossed = np.zeros_like(gradients)
    frailty.cross_endemic(
        pointer, state.cross, state.echo, problem.row_columns, problem.row_log_r, layout.propensity, crossed
    )
    block[:] = 0.0
    some = gradients[with_rows]
    if is_dense:  # rows of zeros on the left cost nothing, and events touch few effects
        linear.add_cross_product(crossed[with_rows], some, block)
    else:
        frailty.add_sparse_products(crossed[with_rows], np.ones(with_rows.size), some, block)
    result[:size, :size] -= (block + block.T)[:-1, :-1]
    if columns:
        reached = np.zeros((gradients.shape[0], columns))
        frailty.cross_features(pointer, state.cross, problem.features, reached)
        block = np.zeros((size + 1, columns))
        linear.add_cross_product(some, reached[with_rows], block)
        result[:size, size:] -= block[:-1]
