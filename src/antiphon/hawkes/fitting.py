"""The fit of a whole design: every target kind by itself, the propensity in an outer loop."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincc

from antiphon.design.receptivity import tuned
from antiphon.hawkes.curvature import reduce
from antiphon.hawkes.effects import SHOCKS, SMALLEST_SPREAD, UNITS
from antiphon.hawkes.estimate import ROUGH, Objective, Start, estimate, estimate_endemic, make_objective, with_levels
from antiphon.hawkes.fit import Fit, FitStatus, TargetFit
from antiphon.hawkes.layout import from_endemic, to_endemic
from antiphon.hawkes.likelihood import State, compute_state, expected_by_period
from antiphon.hawkes.newton import TOLERANCE
from antiphon.hawkes.options import Options
from antiphon.hawkes.problem import Problem, build_problem
from antiphon.hawkes.propensity import propensities, propensity_shapes
from antiphon.hawkes.receptivity import best_receptivity, make_profile, received
from antiphon.kernels import frailty
from antiphon.model.parameters import TargetModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from antiphon.design.design import Design, Feature, Target
    from antiphon.hawkes.newton import Optimum

PROPENSITY_ROUNDS = 2
"""Times that the propensity is computed anew from the fit; later rounds move nothing that can be seen."""

AT_END = 1.1
"""A variance of random effects within this factor of the smallest is at the lower end."""

VARIANCE = "log frailty variance"
"""Its name as a parameter, where there is one."""

FLAT = 1e-9
"""Smallest curvature, relative to each parameter's own, that counts as one."""


@dataclass(frozen=True, slots=True, repr=False)
class Task:
    """One target kind to be fitted."""

    design: Design
    index: int
    options: Options
    start: TargetFit | None
    log_r: np.ndarray | None
    propensity_shape: float
    tolerance: float


def fit_design(
    design: Design,
    options: Options | None = None,
    *,
    start: Fit | None = None,
    threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Fit:
    """Fit every target kind of a design by marginal likelihood.

    Parameters
    ----------
    design
        The agency as arrays.
    options
        Which parts of the model and which time to use; the whole model by default.
    start
        An earlier fit of the same agency to start from. Where it used the same blocks its propensity is kept as well,
        so that the two differ in nothing but the options; its receptivity is kept in any case.
    threads
        Target kinds fitted at a time. The result does not depend on it.
    progress
        Called with (target kinds done, to do).

    Returns
    -------
    Fit
        In the order of ``design.targets``.

    Notes
    -----
    Given the propensity, target kinds are independent of each other: the likelihood splits. Frailties are integrated
    out and never plugged in, which would bias the couplings.
    """
    options = Options() if options is None else options
    if start is not None:
        design = with_receptivity_of(design, start)
    if options.penalty > 0.0 and start is None:
        start = fit_design(design, replace(options, penalty=0.0), threads=threads)
    kept = start is not None and start.options.blocks == options.blocks and start.options.propensity
    with_propensity = options.propensity and options.frailty and options.rhythm
    log_r: tuple[np.ndarray | None, ...] = (None,) * len(design.targets)
    shapes = (1.0,) * len(design.targets)
    if kept and with_propensity and start is not None:
        log_r = tuple(target.log_r for target in start.targets)
        shapes = tuple(target.model.endemic.propensity_shape for target in start.targets)
    rounds = 1 + (PROPENSITY_ROUNDS if with_propensity and not kept else 0)
    done, total = 0, rounds * len(design.targets)
    previous = start.targets if start is not None else (None,) * len(design.targets)
    fits: tuple[TargetFit, ...] = ()
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for turn in range(rounds):
            if turn:
                models = tuple(one.model for one in fits)
                shapes = propensity_shapes(design, models)
                log_r = propensities(design, models, shapes, options.blocks)
            # rounds that only lead to the next, and fits that only foretell, need not be polished
            last = turn == rounds - 1 or (turn > 0 and all(one is None for one in log_r))
            tolerance = TOLERANCE if last and options.blocks is None else ROUGH
            tasks = [
                Task(design, i, options, previous[i], log_r[i], shapes[i], tolerance)
                for i in range(len(design.targets))
            ]
            results = []
            for one in pool.map(_fit_target, tasks):
                results.append(one)
                done += 1
                if progress is not None:
                    progress(done, total)
            fits = previous = tuple(results)
            if last:
                break
        fit = Fit(design, fits, options)
        if start is None and any(target.heard is not None for target in design.targets):
            found = list(pool.map(lambda index: _fit_receptivity(fit, index), range(len(fits))))
            design = replace(design, targets=tuple(target for target, _ in found))
            fit = Fit(design, tuple(one for _, one in found), options)
    return fit


def with_receptivity_of(design: Design, fit: Fit) -> Design:
    """The design at the receptivity of an earlier fit, kind by kind."""
    known = {one.model.kind: one.model.receptivity for one in fit.targets if one.model.receptivity.size}
    targets = tuple(tuned(one, known[one.kind]) if one.kind in known else one for one in design.targets)
    return replace(design, targets=targets)


def _fit_receptivity(fit: Fit, index: int) -> tuple[Target, TargetFit]:
    """The target at its most likely receptivity, and its fit there; both as they are where it has none."""
    target, one, options = fit.design.targets[index], fit.targets[index], fit.options
    profile = make_profile(objective_of(fit, index), target, options.blocks)
    if profile is None:
        return target, one
    delta = _receptivity(fit.design, target)
    delta[profile.heard.covariates] = best_receptivity(profile, one.parameters)
    target = tuned(target, delta)
    design = replace(fit.design, targets=_put(fit.design.targets, index, target))
    shape = one.model.endemic.propensity_shape
    one = _fit_target(Task(design, index, options, one, one.log_r, shape, TOLERANCE))
    objective = objective_of(replace(fit, design=design, targets=_put(fit.targets, index, one)), index)
    profile = make_profile(objective, target, options.blocks)
    return target, one if profile is None else replace(one, received=received(profile, one.parameters))


def _put(values: tuple, index: int, value: Target | TargetFit | np.ndarray) -> tuple:
    return (*values[:index], value, *values[index + 1 :])


def _fit_target(task: Task) -> TargetFit:
    options = task.options
    if task.start is not None and task.start.model.unit_variance == 0.0:
        options = replace(options, units=False)  # what was found not to differ is not asked again
    problem = build_problem(task.design, task.index, options, task.log_r)
    start = None if task.start is None else start_from(problem, task.start)
    lasso = None
    if options.penalty > 0.0 and task.start is not None:
        lasso = options.penalty * _information_root(problem, task.start)
    optimum, objective = estimate(problem, start, lasso, tolerance=task.tolerance)
    found = make_target_fit(task, optimum, objective)
    if problem.has_units and found.model.unit_variance <= SMALLEST_SPREAD * AT_END:
        none = replace(found, model=replace(found.model, unit_variance=0.0))
        return _fit_target(replace(task, start=none))
    return found


def refit_target(
    fit: Fit, index: int, *, design: Design | None = None, columns: np.ndarray | None = None, tolerance: float = ROUGH
) -> Fit:
    """Fit one target kind anew, from an earlier fit: with other columns in use, or on other readings of the same agency.

    Parameters
    ----------
    fit
        The earlier fit.
    index
        Target in ``fit.design.targets``.
    design
        Another design with the same target kinds, such as with other incidents or ties; None: the same one.
    columns
        (columns of the target,) bool, those in use; None: all that the fit used.
    tolerance
        Log likelihood that may be left to gain.

    Returns
    -------
    Fit
        The earlier one, with this target's fit in its place; the other targets are those of the earlier design.
    """
    one = fit.targets[index]
    options = fit.options
    log_r = one.log_r
    if columns is not None:
        everything = options.columns or tuple(np.ones(len(t.columns), bool) for t in fit.design.targets)
        options = replace(options, columns=_put(everything, index, columns))
    is_same = design is None
    design = fit.design if design is None else with_receptivity_of(design, fit)
    if log_r is not None and not is_same:
        models = tuple(target.model for target in fit.targets)
        shapes = tuple(model.endemic.propensity_shape for model in models)
        log_r = propensities(design, models, shapes, options.blocks)[index]
    if design.targets[index].columns != one.model.columns:
        one = _with_columns(one, design.targets[index].columns)
    shape = one.model.endemic.propensity_shape
    found = _fit_target(Task(design, index, options, one, log_r, shape, tolerance))
    return replace(fit, design=design, targets=_put(fit.targets, index, found), options=options)


def _with_columns(fit: TargetFit, columns: tuple[Feature, ...]) -> TargetFit:
    """Give a fit the couplings of other columns: those that it knows, and none for the rest."""
    known = dict(zip(fit.model.columns, fit.model.alpha, strict=True))
    alpha = np.array([known.get(feature, 0.0) for feature in columns])
    return replace(fit, model=replace(fit.model, columns=columns, alpha=alpha), names=())


def objective_of(fit: Fit, index: int) -> Objective:
    """What was maximised by the fit of target ``index``, without penalty."""
    one = fit.targets[index]
    problem = build_problem(fit.design, index, _as_found(fit, one), one.log_r)
    return make_objective(problem, frail=one.model.frailty_variance > 0.0, priors=one.priors)


def _as_found(fit: Fit, one: TargetFit) -> Options:
    """Options of a fit, in which units differ only where they were found to."""
    return replace(fit.options, units=any(prior.name == UNITS for prior in one.priors))


def start_from(problem: Problem, fit: TargetFit) -> Start:
    """Parameters of an earlier fit in the layout of this problem, its frailty variance, and its Hessian if it has these."""
    x = np.concatenate([from_endemic(problem.layout, fit.model.endemic), fit.model.alpha[problem.kept]])
    variance = fit.model.frailty_variance
    if fit.model.endemic.period.shape[1] != problem.layout.period.shape[1]:
        x = with_levels(problem, x, variance)
    names = parameter_names(problem, frail=variance > 0.0)
    spreads = {UNITS: fit.model.unit_variance, SHOCKS: fit.model.shock_variance}
    spreads = {name: value for name, value in spreads.items() if value > 0.0}
    return Start(x, variance, spreads, fit.hessian if names == fit.names else None)


def parameter_names(problem: Problem, *, frail: bool) -> tuple[str, ...]:
    """Name the parameters of a problem in their order."""
    names = (*problem.layout.names, *(f"alpha[{j}]" for j in problem.kept))
    names = (*names, VARIANCE) if frail else names
    names = (*names, UNITS) if problem.has_units else names
    return (*names, SHOCKS) if problem.layout.trend.size else names


def _information_root(problem: Problem, fit: TargetFit) -> np.ndarray:
    """Root of the observed information of each coupling at the unpenalised fit: the scale of the lasso."""
    places = {name: place for place, name in enumerate(fit.names)}
    diagonal = -fit.hessian.diagonal()
    values = [diagonal[places[f"alpha[{j}]"]] if f"alpha[{j}]" in places else 0.0 for j in problem.kept]
    return np.sqrt(np.maximum(values, 0.0))


def _status(optimum: Optimum, objective: Objective) -> FitStatus:
    if objective.empty:
        return FitStatus.FLAT
    if not optimum.converged:
        return FitStatus.SLOW
    point = optimum.point
    curvature = optimum.hessian.diagonal()
    undecided = ~objective.bounded | (point.x > 0.0) | (np.abs(point.gradient) < 1e-7)
    if (undecided & (curvature >= 0.0) & ~objective.bounded).any():
        return FitStatus.FLAT
    used = optimum.hessian.split(undecided & (curvature < 0.0))[0].astype(bool)
    matrix = reduce(optimum.hessian).schur[np.ix_(used, used)]
    scale = np.sqrt(-optimum.hessian.split(curvature)[0][used])
    smallest = float(np.linalg.eigvalsh(matrix / np.outer(scale, scale))[0]) if used.any() else 1.0
    return FitStatus.FLAT if smallest < FLAT else FitStatus.CONVERGED


def make_target_fit(task: Task, optimum: Optimum, objective: Objective) -> TargetFit:
    """Name the estimates and read off what the data say about rows and systems."""
    problem = objective.problem
    point, layout = optimum.point, problem.layout
    size, columns = layout.size, problem.features.shape[1]
    variance, spreads = objective.variances(point.x)
    x = point.x[: size + columns]
    state = compute_state(problem, x, variance, second=False)
    target = task.design.targets[task.index]
    alpha = np.zeros(len(target.columns))
    alpha[problem.kept] = x[size:]
    rows = {name: np.full(target.count.size, np.nan) for name in ("baseline", "excitation", "echo_share")}
    rows["baseline"][problem.order] = state.endemic
    rows["excitation"][problem.order] = state.echo
    rows["echo_share"][problem.order] = state.echo * state.first / problem.count
    systems = {"hazard": np.zeros(task.design.n_systems), "theta": np.ones(task.design.n_systems)}
    systems["hazard"][problem.systems] = state.hazard
    systems["theta"][problem.systems] = state.mean
    excess = np.zeros(task.design.n_systems)
    if variance > 0.0 and task.options.blocks is None:
        excess[problem.systems] = frailty_excess(problem, state, variance)
    endemic = to_endemic(layout, x[:size], expected_by_period(problem, state))
    endemic = replace(endemic, propensity_shape=task.propensity_shape)
    return TargetFit(
        model=TargetModel(
            target.kind,
            endemic,
            target.columns,
            alpha,
            variance,
            spreads.get(UNITS, 0.0),
            spreads.get(SHOCKS, 0.0),
            _receptivity(task.design, target),
        ),
        log_likelihood=float(state.log_like.sum() - problem.compensator @ x[size:]),
        status=_status(optimum, objective),
        steps=optimum.steps,
        names=parameter_names(problem, frail=objective.frail),
        hessian=optimum.hessian,
        parameters=point.x,
        priors=objective.priors,
        received=None,
        **rows,
        **systems,
        theta_excess=excess,
        log_r=task.log_r,
    )


def lasting_share(fit: Fit, index: int, silent: Sequence[int] = ()) -> float:
    """Share of a kind's endemic events that lasting differences between people stand for.

    Parameters
    ----------
    fit
        Of all blocks.
    index
        Target in ``fit.design.targets``.
    silent
        Columns that are taken for lasting differences too: what they carry counts as endemic.

    Returns
    -------
    float
        ``sum E[max(theta - 1, 0) | data] M / sum E[theta | data] M``: endemic events above what equal people would have
        had; 0 without endemic events.

    Notes
    -----
    The propensity foretells a person's frailty from their other kinds, and takes from it what it foretells: both are the
    same lasting difference. So it is put away here, and frailty, with everything else endemic, is estimated anew, while
    the couplings stay where the propensity has made them sure. The propensity itself must not be counted: nothing is
    known of anybody at first, so that it spreads less than people differ, and the less so the less has been recorded.
    A slow memory of a person's own past foretells who they are in the same way.
    """
    one = fit.targets[index]
    hazard, mean, excess = one.hazard, one.theta, one.theta_excess
    if one.model.endemic.propensity or one.model.alpha[list(silent)].any():
        problem = build_problem(fit.design, index, _as_found(fit, one))
        start = start_from(problem, one)
        start.x[problem.layout.size :][np.isin(problem.kept, silent)] = 0.0
        optimum, objective = estimate_endemic(problem, start)
        x = optimum.point.x[: problem.layout.size + problem.kept.size]
        variance = objective.variances(optimum.point.x)[0]
        state = compute_state(problem, x, variance, second=False)
        hazard, mean = state.hazard, state.mean
        excess = frailty_excess(problem, state, variance) if variance > 0.0 else np.zeros_like(mean)
    endemic = float(mean @ hazard)
    return min(float(excess @ hazard) / endemic, 1.0) if endemic > 0.0 else 0.0


def _receptivity(design: Design, target: Target) -> np.ndarray:
    """Delta of each covariate of the role's receptivity at which a target stands; empty where it has none."""
    if target.heard is None:
        return np.zeros(0)
    delta = np.zeros(len(design.roles[target.role].receptivity))
    delta[target.heard.covariates] = target.heard.delta
    return delta


def frailty_excess(problem: Problem, state: State, variance: float) -> np.ndarray:
    """E[max(theta - 1, 0) | data] per local system; exact, since the posterior is a mixture of Gamma distributions."""
    shape = 1.0 / variance
    scale = shape + state.hazard
    events = np.bincount(problem.row_system, problem.count, state.hazard.size).astype(np.int64)
    terms = np.where(problem.frail, events + 1, 0)
    begins = np.concatenate([[0], np.cumsum(terms)])
    weights = np.empty(begins[-1])
    frailty.mixture_weights(
        problem.pointer, problem.count, state.endemic, state.echo, state.mean, scale, shape, begins, weights
    )
    owner = np.repeat(np.arange(terms.size), terms)
    power = np.arange(owner.size) - begins[owner]
    return np.bincount(owner, weights * _gamma_excess(shape + power, scale[owner]), minlength=terms.size)


def _gamma_excess(shape: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """E[max(theta - 1, 0)] of Gamma distributions."""
    return shape / rate * gammaincc(shape + 1.0, rate) - gammaincc(shape, rate)
