"""Marginal log likelihood of one target kind with exact gradient and Hessian.

Parameters are one vector: the endemic effects of the layout, then the couplings. The frailty variance stands apart; it
joins them as log variance in the estimation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.hawkes.curvature import Convex, Curvature, diagonal_places
from antiphon.hawkes.quadrature import rules
from antiphon.kernels import curvature as loops
from antiphon.kernels import frailty, likelihood, linear
from antiphon.kernels.curvature import Frailties, Local, Sums
from antiphon.kernels.likelihood import Rates

if TYPE_CHECKING:
    from antiphon.hawkes.layout import Layout
    from antiphon.hawkes.problem import Problem

CHUNK_ROWS = 16384
"""Rows handled at a time where a dense block is built."""


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation:
    """The objective at one point.

    Attributes
    ----------
    value : log likelihood minus the weak ridge.
    ridge : the ridge that was subtracted.
    gradient : (parameters,); ``hessian`` : of all parameters, or None.
    """

    value: float
    ridge: float
    gradient: np.ndarray
    hessian: Curvature | None


@dataclass(frozen=True, slots=True, repr=False)
class State:
    """Everything about rows and systems at one point.

    Attributes
    ----------
    rates : endemic rates and their integrals.
    weight, mass : (pieces,) factor and endemic hazard of each piece.
    hazard : (local systems,).
    endemic, echo : (rows,) the two parts of each row at frailty 1.
    log_like : (local systems,) without the compensator of the couplings.
    mean, variance : (local systems,) of the frailty given the data.
    first, endemic_first : (rows,) expected derivative of a row's log rate in the echo part and in the log endemic part.
    second : (rows, 3) own part of the Hessian.
    cross, covariance, covariance_pointer : see ``kernels.frailty.frailty_rows``.
    """

    rates: Rates
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
    return evaluate_state(problem, parameters, state, hessian=hessian)


def evaluate_state(problem: Problem, parameters: np.ndarray, state: State, *, hessian: bool) -> Evaluation:
    """The same from a state at these parameters; the Hessian needs one that was computed with ``second``."""
    size = problem.layout.size
    effects, alpha = parameters[:size], parameters[size:]
    ridge = 0.5 * float(problem.layout.ridge @ effects**2)
    value = float(state.log_like.sum()) - float(problem.compensator @ alpha) - ridge
    mass = expected_mass(problem, state)
    gradient = np.empty(parameters.size)
    gradient[:size] = _endemic_gradient(problem, state, mass) - problem.layout.ridge * effects
    gradient[size:] = state.first @ problem.features - problem.compensator
    return Evaluation(value, ridge, gradient, _hessian(problem, state, mass) if hessian else None)


def with_variance(problem: Problem, state: State, variance: float) -> State:
    """The state at the same parameters and another frailty variance, without what the Hessian needs."""
    names = ("log_like", "mean", "variance", "first", "endemic_first", "second", "cross", "covariance")
    parts = integrate_rows(problem, state.endemic, state.echo, state.hazard, variance, second=False)
    return replace(state, **dict(zip((*names, "covariance_pointer"), parts, strict=True)))


def log_likelihood_at(problem: Problem, state: State, variance: float) -> float:
    """Log likelihood at another frailty variance, without the compensator of the couplings."""
    rule = rules(1.0 / variance)
    log_like = np.empty(state.hazard.size)
    frailty.frailty_values(
        1.0 / variance, problem.frail, problem.pointer, problem.count, state.endemic, state.echo, state.hazard,
        rule.nodes, rule.log_weights, rule.pointer, rule.exact, log_like,
    )  # fmt: skip
    return float(log_like.sum())


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
    organisations, periods = layout.period.shape
    rates = Rates(
        layout.period_of_cell, layout.period_start, np.empty(problem.width.size), np.zeros(problem.width.size + 1),
        np.empty((organisations, periods)), np.zeros((organisations, periods + 1)),
    )  # fmt: skip
    likelihood.base_rates(effects, problem.width, problem.cell_columns, layout.period, rates)
    weight, mass = np.empty(pieces.system.size), np.empty(pieces.system.size)
    hazard = np.zeros(problem.systems.size)
    likelihood.piece_hazards(effects, layout.first_covariate, pieces, rates, weight, mass, hazard)
    endemic = np.empty(problem.count.size)
    rows = problem.rows
    likelihood.row_rates(effects, rows.first_covariate, rows.columns, rows.covariates, problem.exposure, endemic)
    echo = problem.features @ alpha if alpha.size else np.zeros(problem.count.size)
    integrated = integrate_rows(problem, endemic, echo, hazard, variance, second=second)
    return State(rates, weight, mass, hazard, endemic, echo, *integrated)


def integrate_rows(
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


def expected_mass(problem: Problem, state: State) -> np.ndarray:
    """Endemic events expected in each organisation and cell given the data, (organisations, cells)."""
    mass = np.zeros((state.rates.growth.shape[0], problem.width.size))
    likelihood.spread_mass(state.mean, problem.pieces, state.rates, state.weight, problem.width, mass)
    return mass


def expected_by_period(problem: Problem, state: State) -> np.ndarray:
    """Endemic events expected in each organisation and period given the data, (organisations, periods)."""
    layout = problem.layout
    periods = layout.period.shape[1]
    return np.stack([np.bincount(layout.period_of_cell, line, periods) for line in expected_mass(problem, state)])


def _endemic_gradient(problem: Problem, state: State, mass: np.ndarray) -> np.ndarray:
    layout, rows = problem.layout, problem.rows
    hazards = np.zeros(layout.size + 1)
    likelihood.hazard_gradient(state.mean, problem.pieces, state.mass, layout.first_covariate, hazards)
    likelihood.cell_gradient(mass, problem.cell_columns, layout.period_of_cell, layout.period, hazards)
    jumps = np.zeros(layout.size + 1)
    likelihood.scatter_rows(state.endemic_first, rows.columns, rows.covariates, rows.first_covariate, jumps)
    return (jumps - hazards)[:-1]


def _hessian(problem: Problem, state: State, mass: np.ndarray) -> Curvature:
    """Marginal Hessian: expectation of the complete-data Hessian plus covariance of the complete-data score."""
    layout, columns = problem.layout, problem.features.shape[1]
    wide = layout.central + 1 + columns
    sums = _no_sums(layout, wide)
    loops.cell_curvature(mass, problem.cell_columns, layout.period_of_cell, layout.central, sums)
    gradients = _piece_curvature(problem, state, sums)
    by_rows = _no_sums(layout, layout.central + 1)
    loops.row_curvature(np.ascontiguousarray(state.second[:, 0]), problem.rows, by_rows)
    if state.covariance.size:
        loops.covariance_rows(
            problem.pointer, state.covariance, state.covariance_pointer, state.echo, problem.rows, sums
        )
    if columns:
        _feature_curvature(problem, state, sums)
    local = Local(layout.period, layout.unit, layout.first_unit, layout.begins)
    blocks = np.zeros((2, int((np.diff(layout.begins) ** 2).sum())))
    if gradients.size:
        _frailty_curvature(problem, state, gradients, local, sums, blocks[0])
    loops.settle_cross(state.rates.reached, layout.first_unit, sums)
    loops.settle_steps(state.rates.reached, sums)
    loops.add_blocks(local, sums, blocks[0])
    loops.add_blocks(local, by_rows, blocks[1])
    return _curvature(problem, sums, by_rows, blocks)


def _no_sums(layout: Layout, wide: int) -> Sums:
    organisations, periods = layout.period.shape
    places, cross = (organisations * periods + layout.unit.size, wide), (layout.unit.size, periods)
    return Sums(
        np.zeros((wide, wide)),
        np.zeros(places),
        np.zeros(places),
        np.zeros(places[0]),
        np.zeros(cross),
        np.zeros(cross),
    )


def _piece_curvature(problem: Problem, state: State, sums: Sums) -> np.ndarray:
    """Expected hazards; returns the gradient of each system's hazard, (systems, central + 1), where there is frailty."""
    layout, rates = problem.layout, state.rates
    levels = int((layout.shift < layout.size).sum() + (layout.weekday < layout.size).sum())
    totals = np.zeros((problem.width.size + 1, levels))
    reached = np.zeros((*rates.reached.shape, levels))
    loops.level_totals(problem.width, problem.cell_columns, rates, totals, reached)
    gradients = np.zeros((problem.systems.size, layout.central + 1 if state.variance.any() else 0))
    loops.piece_curvature(
        state.mean, problem.pieces, rates, problem.cell_columns, totals, reached, layout.first_covariate, state.weight,
        state.mass, sums, gradients,
    )  # fmt: skip
    level, after = slice(1, 1 + levels), slice(1 + levels, None)
    sums.central[level, after] = sums.central[after, level].T
    sums.central[level, 0] = sums.central[0, level]
    return gradients


def _feature_curvature(problem: Problem, state: State, sums: Sums) -> None:
    """What involves couplings, rows only; some thousand rows at a time."""
    columns = problem.features.shape[1]
    squares = np.zeros((columns, columns))
    for rows, systems in _chunks(problem):
        features = problem.features[rows]
        together = np.zeros_like(features)
        if state.covariance.size:
            frailty.covariance_features(
                systems.start, systems.stop, problem.pointer, state.covariance, state.covariance_pointer,
                problem.features, together,
            )  # fmt: skip
        values = features * state.second[rows, 1:2] - together * state.echo[rows, None]
        loops.row_features(rows.start, values, problem.rows, sums)
        together += features * state.second[rows, 2:3]
        linear.add_cross_product(features, together, squares)
    sums.central[-columns:, -columns:] += squares


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


def _frailty_curvature(
    problem: Problem, state: State, gradients: np.ndarray, local: Local, sums: Sums, blocks: np.ndarray
) -> None:
    """What the shared frailty of a system's rows and hazard adds: rank two per system."""
    layout = problem.layout
    crossed = np.zeros((gradients.shape[0], sums.central.shape[0]))
    loops.crossed_rows(problem.pointer, state.cross, state.echo, problem.rows, problem.features, crossed)
    n_effects = layout.central + 1
    tied = state.variance[:, None] * gradients - crossed[:, :n_effects]
    effects, across = np.zeros((n_effects, n_effects)), np.zeros((n_effects, crossed.shape[1]))
    linear.add_cross_product(tied, gradients, effects)
    with_rows = np.flatnonzero(np.diff(problem.pointer))
    linear.add_cross_product(gradients[with_rows], crossed[with_rows], across)
    sums.central[:n_effects, :n_effects] += effects
    sums.central[:n_effects] -= across
    frailties = Frailties(
        state.variance, gradients, crossed, state.cross, state.echo, problem.pointer, state.covariance,
        state.covariance_pointer,
    )  # fmt: skip
    loops.frailty_blocks(
        problem.stays, problem.pieces, state.rates, state.weight, state.mass, problem.rows, frailties, local, sums,
        blocks,
    )  # fmt: skip


def _curvature(problem: Problem, sums: Sums, by_rows: Sums, blocks: np.ndarray) -> Curvature:
    """Put the sums together, without the slot of absent effects, and take the weak ridge away."""
    layout = problem.layout
    n, begins, places = layout.central, layout.begins - layout.central, layout.places
    kept = np.delete(np.arange(sums.central.shape[0]), n)
    central = sums.central[np.ix_(kept, kept)]
    central[n:, :n] = central[:n, n:].T
    mixed = sums.singles[places][:, kept]
    convex = Convex(by_rows.central[:n, :n], by_rows.singles[places, :n], blocks[1])
    central[:n, :n] += convex.central
    mixed[:, :n] += convex.mixed
    whole = blocks[0] + convex.blocks
    whole[diagonal_places(begins)] -= layout.ridge[n:]
    central[np.arange(n), np.arange(n)] -= layout.ridge[:n]
    return Curvature(central, mixed, whole, begins, n, convex)
