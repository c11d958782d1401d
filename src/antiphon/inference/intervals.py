"""Profile likelihood intervals and boundary tests for sums of couplings, in the unpenalised marginal likelihood."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls
from scipy.special import chdtrc, chdtri

from antiphon.hawkes.curvature import NotPositiveError, Reduced, cholesky, reduce, solve
from antiphon.hawkes.estimate import Start, estimate
from antiphon.hawkes.fitting import VARIANCE, objective_of, parameter_names
from antiphon.hawkes.likelihood import compute_state
from antiphon.hawkes.newton import Point, maximise, newton_step
from antiphon.hawkes.problem import build_problem
from antiphon.inference.inference import Interval

if TYPE_CHECKING:
    from antiphon.hawkes.estimate import Objective
    from antiphon.hawkes.fit import Fit
    from antiphon.hawkes.problem import Problem

DROP = float(chdtri(1, 0.05)) / 2.0
"""Fall of the profile log likelihood at the ends of a 95 % interval."""

CLOSE = 0.02
"""How near the root of the fall must be to the one wanted; one more step of the secant is taken from there unseen."""

SMALL, LARGE = 3e5, 3e6
"""Rows x parameters up to which everything is optimised anew, and from which only the quadratic model is used."""

ENOUGH = 5e-4
"""Log likelihood that a profile point may fall short of its optimum."""

FREE = 1e-6
"""A coupling at zero whose slope is no more negative than this could as well leave it."""

DRAWS = 4000
"""Simulated projections for the weights of more than three half-lives."""


@dataclass(frozen=True, slots=True, repr=False)
class Curve:
    """The log likelihood of one target kind around its optimum.

    Attributes
    ----------
    fit, index : the target of which fit.
    objective : the function; ``point`` : its optimum with derivatives.
    places : parameter of each column of the target (-1: not in use).
    clusters : (rows,) incident of each row.
    jumps : jump of the score at each row, by log endemic and by echo part: two arrays (rows,).
    size : rows x central parameters.
    reduced : the Hessian at the optimum with the periods eliminated.
    """

    fit: Fit
    index: int
    objective: Objective
    point: Point
    places: np.ndarray
    clusters: np.ndarray
    jumps: tuple[np.ndarray, np.ndarray]
    size: float
    reduced: Reduced

    @property
    def problem(self) -> Problem:
        """The data behind the curve."""
        return self.objective.problem


@dataclass(frozen=True, slots=True)
class Comparison:
    """A likelihood ratio test against the coupling being absent.

    Attributes
    ----------
    statistic : twice the log likelihood lost, divided by the inflation through clustering.
    p : under the mixture of chi-square distributions at the boundary.
    approximate : from the quadratic model only.
    """

    statistic: float
    p: float
    approximate: bool


def make_curve(fit: Fit, index: int) -> Curve:
    """Prepare target ``index`` of an unpenalised fit for intervals and tests."""
    one = fit.targets[index]
    objective = objective_of(fit, index)
    problem = objective.problem
    point = objective(one.parameters, hessian=True)
    places = np.full(one.model.alpha.size, -1)
    places[problem.kept] = problem.layout.size + np.arange(problem.kept.size)
    state = compute_state(
        problem, one.parameters[: problem.layout.size + problem.kept.size], one.model.frailty_variance, second=False
    )
    clusters = np.unique(fit.design.targets[index].incident[problem.order], return_inverse=True)[1]
    reduced = reduce(point.curvature)
    size = float((problem.count.size + problem.pieces.system.size) * reduced.schur.shape[0])
    return Curve(fit, index, objective, point, places, clusters, (state.endemic_first, state.first), size, reduced)


def cluster_inflation(curve: Curve, places: np.ndarray) -> float:
    """How much more the score of a sum of couplings varies because rows of one incident come together; at least 1.

    Every row makes the score jump; rows of one incident jump at once. The inflation is the sum of squared jumps of incidents
    over that of rows, for the part of the score that other parameters do not explain.
    """
    if curve.clusters.size == 0 or curve.clusters.max() + 1 == curve.clusters.size:
        return 1.0
    return inflation(curve, jumps_along(curve, _efficient_direction(curve, places)))


def jumps_along(curve: Curve, weights: np.ndarray) -> np.ndarray:
    """Jump at each row of the score in a direction of the parameters, (rows,)."""
    problem = curve.problem
    size, columns = problem.layout.size, problem.features.shape[1]
    effects = np.append(weights[:size], 0.0)
    endemic, echo = curve.jumps
    rows = problem.rows
    by_covariate = effects[rows.first_covariate : rows.first_covariate + rows.covariates.shape[1]]
    own = effects[0] + effects[rows.columns].sum(axis=1) + rows.covariates @ by_covariate
    return endemic * own + echo * (problem.features @ weights[size : size + columns])


def inflation(curve: Curve, jumps: np.ndarray) -> float:
    """Sum of squared jumps of incidents over that of rows; at least 1."""
    apart = float(jumps @ jumps)
    together = float((np.bincount(curve.clusters, jumps) ** 2).sum())
    return max(1.0, together / apart) if apart > 0.0 else 1.0


def _efficient_direction(curve: Curve, places: np.ndarray) -> np.ndarray:
    """Weights that turn the score into that of the couplings with all other free parameters estimated."""
    centre, others = _central(curve, places)
    matrix = curve.reduced.schur
    weights = np.zeros(len(matrix))
    weights[centre] = 1.0
    with suppress(NotPositiveError):
        factor = cholesky(matrix[np.ix_(others, others)])
        weights[others] = -solve(factor, matrix[np.ix_(others, centre)].sum(axis=1))
    return curve.reduced.outward(weights, np.zeros(curve.reduced.curvature.n_local))


def _central(curve: Curve, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of some couplings among the central parameters, and of the free others.

    Free are those that are not held at their bound, and that the likelihood depends on.
    """
    curvature = curve.reduced.curvature
    x, gradient = curvature.split(curve.point.x)[0], curvature.split(curve.point.gradient)[0]
    bounded = curvature.split(curve.objective.bounded)[0]
    free = ~bounded | (x > 0.0) | (gradient > -FREE)
    free &= np.diag(curvature.central) < 0.0
    centre = curvature.centre(places)
    free[centre] = False
    return centre, np.flatnonzero(free)


def information(curve: Curve, places: np.ndarray) -> np.ndarray:
    """Information on the couplings with every other free parameter estimated, (couplings, couplings)."""
    centre, others = _central(curve, places)
    matrix = curve.reduced.schur
    own, mixed = matrix[np.ix_(centre, centre)], matrix[np.ix_(others, centre)]
    try:
        return own - mixed.T @ solve(cholesky(matrix[np.ix_(others, others)]), mixed)
    except NotPositiveError:
        return own - mixed.T @ np.linalg.lstsq(matrix[np.ix_(others, others)], mixed, rcond=1e-10)[0]


def standard_error(curve: Curve, places: np.ndarray) -> float:
    """Standard error of the sum of couplings from the curvature; of the largest alone if they cannot be told apart."""
    held = curve.point.x[places] <= 0.0
    used = places[~held] if (~held).any() else places[:1]
    try:
        total = float(np.linalg.inv(information(curve, used)).sum())
    except np.linalg.LinAlgError:
        return float("nan")
    return float(np.sqrt(total)) if total > 0.0 else float("nan")


def receptivity_inflation(curve: Curve, places: np.ndarray, error: float) -> float:
    """How much more a sum of couplings varies because the receptivity is estimated too, if it varied by ``error``; at least 1."""
    received = curve.fit.targets[curve.index].received
    if received is None or not error > 0.0:
        return 1.0
    follows = received.moves[:, places].sum(axis=1)
    return 1.0 + float(follows @ received.covariance @ follows) / error**2


@dataclass(frozen=True, slots=True, repr=False)
class _Pulled:
    """The objective with the sum of some couplings pulled towards a value.

    Whatever the strength of the pull, its maximum is the maximum of the objective for the sum that it reaches: a point of
    the profile. Unlike a constraint it needs no multipliers and cannot be infeasible. Its Hessian is never asked for: near
    the optimum steps with the one there converge, at a fifth of the price.
    """

    objective: Objective
    places: np.ndarray
    goal: float
    strength: float

    def __call__(self, x: np.ndarray, *, hessian: bool) -> Point:
        return self.wrap(self.objective(x, hessian=hessian))

    def wrap(self, point: Point) -> Point:
        away = float(point.x[self.places].sum()) - self.goal
        gradient = point.gradient.copy()
        gradient[self.places] -= self.strength * away
        return Point(point.x, point.value - 0.5 * self.strength * away * away, gradient)

    def unwrap(self, point: Point) -> Point:
        away = float(point.x[self.places].sum()) - self.goal
        gradient = point.gradient.copy()
        gradient[self.places] += self.strength * away
        return Point(point.x, point.value + 0.5 * self.strength * away * away, gradient)


def _profile_point(curve: Curve, places: np.ndarray, goal: float, start: Point, scale: float, *, exact: bool) -> Point:
    """Best point whose sum of couplings is near ``goal``."""
    against = _slope_at_bound(curve, places)
    pulled = _Pulled(curve.objective, places, goal, 25.0 / scale**2 + 10.0 * against / max(goal, 1e-9))
    bounded = curve.objective.bounded
    reduced = curve.reduced.plus(places, -pulled.strength)
    begin = pulled.wrap(start)
    if exact:
        best = maximise(
            pulled, begin, bounded, reduced=reduced, maximal_steps=8, tolerance=ENOUGH, is_frozen=True
        ).point  # fmt: skip
        return pulled.unwrap(best)
    step = newton_step(begin.gradient, reduced, begin.x, bounded)
    change = curve.reduced.curvature.times(step)
    return Point(
        start.x + step, start.value + float(start.gradient @ step + 0.5 * step @ change), start.gradient + change
    )


def profile_interval(curve: Curve, columns: tuple[int, ...]) -> Interval:
    """95 % interval of the sum of some couplings.

    Parameters
    ----------
    curve
        Of the unpenalised fit.
    columns
        Columns of the target's features.

    Returns
    -------
    Interval
        Ends where the profile log likelihood has fallen by half the 95 % point of chi-square with one degree of freedom,
        times the inflation by incidents, and by the receptivity, at which the profile stands still. The lower end is 0 if the
        profile does not fall that far.

    Notes
    -----
    The profile is followed by a secant search on the signed root of the fall, which is close to linear; each point starts
    from the quadratic model at the point before. Very large problems use the quadratic model alone.
    """
    places = curve.places[list(columns)]
    places = places[places >= 0]
    estimate = float(curve.point.x[places].sum())
    error = standard_error(curve, places)
    exact = curve.size < SMALL
    further = receptivity_inflation(curve, places, error)
    drop = DROP * cluster_inflation(curve, places) * further
    scale = error
    if not np.isfinite(scale):  # no curvature: the likelihood falls in a straight line, or not at all
        against = -float(curve.point.gradient[places].max())
        if against <= 0.0:
            return Interval(estimate, 0.0, float("inf"), error, approximate=True, weights=curve.point.x[places])
        scale = drop / against
    high, weights = _end(curve, places, scale, drop, side=1.0, exact=exact)
    low = _end(curve, places, scale, drop, side=-1.0, exact=exact)[0] if estimate > 0.0 else 0.0
    return Interval(estimate, low, high, error * float(np.sqrt(further)), approximate=not exact, weights=weights)


def _end(
    curve: Curve, places: np.ndarray, error: float, drop: float, *, side: float, exact: bool
) -> tuple[float, np.ndarray]:
    """One end of the interval, and the couplings there."""
    estimate = float(curve.point.x[places].sum())
    wanted = np.sqrt(2.0 * drop)
    point, sums, roots = curve.point, [estimate], [0.0]
    against = _slope_at_bound(curve, places)
    reach = error**2 * (np.sqrt(against**2 + (wanted / error) ** 2) - against)
    for _ in range(8):
        goal = max(estimate + side * reach, 0.0)
        start = point if exact else curve.point
        point = _profile_point(curve, places, goal, start, error, exact=exact)
        total = float(point.x[places].sum())
        root = float(np.sqrt(max(2.0 * (curve.point.value - point.value), 0.0)))
        if side < 0.0 and goal == 0.0 and root < wanted:
            return 0.0, point.x[places]
        sums.append(total)
        roots.append(root)
        reach = _from_bound(against, drop, total, root) if against > 0.0 else 0.0
        reach = reach or _next_reach(estimate, side, wanted, sums, roots)
        if abs(root - wanted) < CLOSE * wanted:
            break
    return max(estimate + side * reach, 0.0), point.x[places]


def _slope_at_bound(curve: Curve, places: np.ndarray) -> float:
    """How steeply the log likelihood falls from couplings that are all estimated at 0; 0 for any other optimum."""
    if (curve.point.x[places] > 0.0).any():
        return 0.0
    return max(-float(curve.point.gradient[places].max()), 0.0)


def _from_bound(against: float, drop: float, total: float, root: float) -> float:
    """Where a fall that starts with slope ``against`` and goes through the last point reaches ``drop``; 0: cannot say."""
    bend = (0.5 * root * root - against * total) / (total * total) if total > 0.0 else 0.0
    inside = against * against + 4.0 * bend * drop
    return 2.0 * drop / (against + float(np.sqrt(inside))) if total > 0.0 and inside > 0.0 else 0.0


def _next_reach(estimate: float, side: float, wanted: float, sums: list[float], roots: list[float]) -> float:
    """Distance from the estimate at which the secant through the last two points expects the end."""
    last = abs(sums[-1] - estimate)
    if roots[-1] <= 1e-3:
        return max(2.0 * last, 1e-6)
    before = abs(sums[-2] - estimate)
    slope = (roots[-1] - roots[-2]) / (last - before) if abs(last - before) > 1e-12 else roots[-1] / max(last, 1e-12)
    if slope <= 0.0:
        slope = roots[-1] / max(last, 1e-12)
    reach = last + (wanted - roots[-1]) / slope
    return float(np.clip(reach, 0.1 * last, 4.0 * last)) if side > 0.0 else float(max(reach, 0.1 * last))


def compare_without(curve: Curve, columns: tuple[int, ...], *, seed: int = 1, is_quick: bool = False) -> Comparison:
    """Likelihood ratio test of some couplings against their absence.

    Parameters
    ----------
    curve
        Of the unpenalised fit.
    columns
        Columns of the target's features, tested together.
    seed
        For the weights of more than three half-lives.
    is_quick
        Whether the quadratic model at the optimum is enough.

    Returns
    -------
    Comparison
        ``p`` is 1 where the couplings are estimated at 0: the statistic is 0 and 0 is as telling as anything.
    """
    places = curve.places[list(columns)]
    places = places[places >= 0]
    if places.size == 0 or not (curve.point.x[places] > 0.0).any():
        return Comparison(0.0, 1.0, approximate=False)
    null, lost = _quadratic_null(curve, places)
    inflation = cluster_inflation(curve, places)
    weights = chi_bar_weights(information(curve, places), seed=seed)
    quick = Comparison(2.0 * lost / inflation, chi_bar_p(2.0 * lost / inflation, weights), approximate=True)
    if is_quick:
        return quick
    if curve.size >= LARGE or (curve.size >= SMALL and quick.p > 0.2):
        return quick
    fixed = np.zeros(curve.point.x.size, dtype=bool)
    fixed[places] = True
    best = maximise(
        curve.objective, curve.objective(null, hessian=False), curve.objective.bounded, reduced=curve.reduced,
        fixed=fixed, maximal_steps=12, tolerance=ENOUGH, is_frozen=True,
    ).point  # fmt: skip
    lost = curve.point.value - max(best.value, _with_units(curve, columns, best))
    statistic = max(2.0 * lost, 0.0) / inflation
    return Comparison(statistic, chi_bar_p(statistic, weights), approximate=False)


def _with_units(curve: Curve, columns: tuple[int, ...], null: Point) -> float:
    """The objective without some couplings where units may differ, for a fit that found that they do not.

    A coupling can take the place of unit frailty: without it units may differ after all. Minus infinity where it
    was estimated in the fit, and so in its null, or where there is nothing to tell it from.
    """
    one = curve.fit.targets[curve.index]
    if one.model.unit_variance > 0.0 or not curve.fit.options.units:
        return -np.inf
    kept = [np.ones(target.alpha.size, bool) for target in (other.model for other in curve.fit.targets)]
    kept[curve.index] = curve.places >= 0
    kept[curve.index][list(columns)] = False
    options = replace(curve.fit.options, columns=tuple(kept))
    problem = build_problem(curve.fit.design, curve.index, options, one.log_r)
    if not problem.has_units:
        return -np.inf
    values = dict(zip(one.names, null.x, strict=True))
    names = parameter_names(problem, frail=False)[: problem.layout.size + problem.kept.size]
    x = np.array([values.get(name, 0.0) for name in names])
    start = Start(x, float(np.exp(values.get(VARIANCE, -np.inf))))
    return estimate(problem, start, tolerance=ENOUGH)[0].point.value


def _quadratic_null(curve: Curve, places: np.ndarray) -> tuple[np.ndarray, float]:
    """Best point without the couplings by the quadratic model at the optimum, and the log likelihood lost."""
    point = curve.point
    move = np.zeros(point.x.size)
    move[places] = -point.x[places]
    fixed = np.zeros(point.x.size, dtype=bool)
    fixed[places] = True
    curvature = curve.reduced.curvature
    gradient = point.gradient + curvature.times(move)
    step = move + newton_step(gradient, curve.reduced, point.x, curve.objective.bounded, fixed)
    lost = -float(point.gradient @ step + 0.5 * step @ curvature.times(step))
    return np.where(fixed, 0.0, point.x + step), max(lost, 0.0)


def chi_bar_weights(matrix: np.ndarray, *, seed: int = 1) -> np.ndarray:
    """Weights of the chi-square distributions with 0, 1, ... degrees of freedom at the corner of an orthant.

    Parameters
    ----------
    matrix
        (couplings, couplings) information.
    seed
        Used for more than three couplings, where the weights are simulated.

    Returns
    -------
    numpy.ndarray
        (couplings + 1,) probabilities of that many positive estimates.

    References
    ----------
    Shapiro (1988), Towards a unified theory of inequality constrained testing, International Statistical Review 56.
    """
    size = matrix.shape[0]
    if size == 1:
        return np.array([0.5, 0.5])
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-12))
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    values = np.maximum(values, 1e-6)  # couplings that cannot be told apart
    matrix, covariance = (vectors * values) @ vectors.T, (vectors / values) @ vectors.T
    if size > 3:
        return _simulated_weights(matrix, seed)
    all_positive, none_positive = _orthant(covariance), _orthant(matrix)
    if size == 2:
        return np.array([none_positive, 0.5, 0.5 - none_positive])
    return np.array([none_positive, 0.5 - all_positive, 0.5 - none_positive, all_positive])


def _orthant(covariance: np.ndarray) -> float:
    """Probability that two or three normal variables are all positive."""
    deviation = np.sqrt(np.diag(covariance))
    correlation = np.clip(covariance / np.outer(deviation, deviation), -1.0, 1.0)
    upper = np.arcsin(correlation[np.triu_indices_from(correlation, 1)]).sum()
    return float(0.25 + upper / (2.0 * np.pi)) if covariance.shape[0] == 2 else float(0.125 + upper / (4.0 * np.pi))


def _simulated_weights(matrix: np.ndarray, seed: int) -> np.ndarray:
    root = np.linalg.cholesky(matrix).T
    draws = np.random.default_rng(seed).standard_normal((DRAWS, matrix.shape[0]))
    positive = [int((nnls(root, draw)[0] > 0.0).sum()) for draw in draws]
    return np.bincount(positive, minlength=matrix.shape[0] + 1) / DRAWS


def chi_bar_p(statistic: float, weights: np.ndarray) -> float:
    """Tail probability of the mixture; 1 at a statistic of 0."""
    if statistic <= 0.0:
        return 1.0
    return float(sum(weight * chdtrc(k, statistic) for k, weight in enumerate(weights) if k))
