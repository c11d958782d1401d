"""Estimation of one target kind: endemic effects, couplings and frailty variance together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.hawkes.curvature import reduce
from antiphon.hawkes.effects import FIRST_SPREAD, REACH, Known, Prior, known_at
from antiphon.hawkes.likelihood import (
    compute_state,
    evaluate,
    evaluate_state,
    expected_by_period,
    log_likelihood_at,
    with_variance,
)
from antiphon.hawkes.newton import TOLERANCE, Optimum, Point, maximise

if TYPE_CHECKING:
    from antiphon.hawkes.curvature import Curvature
    from antiphon.hawkes.likelihood import Evaluation
    from antiphon.hawkes.problem import Problem

SMALLEST_VARIANCE, LARGEST_VARIANCE = 1e-3, 50.0
"""Range of the frailty variance; an estimate at the lower end is taken as none at all."""

FIRST_VARIANCES = (0.1, 0.3, 1.0, 2.5)
"""Where the search for the variance starts: the best of these."""

ROUGH = 5e-3
"""Log likelihood left to gain at which a fit stops that only leads to another."""

SKETCH = 1e-3
"""The same per event, for a fit without frailty that only leads to one with it."""

PRIOR_EVENTS = 4.0
"""Weight of what was there before, in events, when the level of an organisation's period is guessed."""

LARGEST_SHARE = 0.1
"""Slope of the tangent of random effects at most, relative to what a coupling costs; usually it is a hundredth."""

STEP = 1e-3
"""Step in log variance of the differences: central for the slope, forward for its row of the Hessian."""


@dataclass(frozen=True, slots=True, repr=False)
class Objective:
    """What is maximised: the marginal log likelihood minus the weak ridge minus the lasso.

    Parameters are the endemic effects, the couplings and, where ``frail``, the log frailty variance; then the
    log variance of each prior.
    """

    problem: Problem
    frail: bool
    lasso: np.ndarray
    empty: bool
    priors: tuple[Prior, ...] = ()

    @property
    def bounded(self) -> np.ndarray:
        """Which parameters are ``>= 0``: the couplings."""
        size, columns = self.problem.layout.size, self.problem.features.shape[1]
        variances = int(self.frail) + len(self.priors)
        return np.concatenate([np.zeros(size, bool), np.ones(columns, bool), np.zeros(variances, bool)])

    def variances(self, x: np.ndarray) -> tuple[float, dict[str, float]]:
        """Variance of the frailty (0: none) and those of the random effects at ``x``."""
        last = x.size - len(self.priors)
        spreads = {prior.name: float(np.exp(x[last + k])) for k, prior in enumerate(self.priors)}
        return float(np.exp(x[last - 1])) if self.frail else 0.0, spreads

    def __call__(self, x: np.ndarray, *, hessian: bool) -> Point:
        """Value, gradient and, if asked for, Hessian at ``x``."""
        last = x.size - len(self.priors)
        return self.with_priors(self.given_effects(x[:last], hessian=hessian), x[last:])

    def with_priors(self, point: Point, log_variances: np.ndarray) -> Point:
        """The point with what the random effects add, and their log variances at the end."""
        for prior, log_variance in zip(self.priors, log_variances, strict=True):
            point = prior.add(point, float(log_variance))
        return point

    def given_effects(self, x: np.ndarray, *, hessian: bool) -> Point:
        """The same without the priors of random effects and their variances."""
        if not self.frail:
            return self._point(x, evaluate(self.problem, x, 0.0, hessian=hessian))
        log_variance = float(np.clip(x[-1], np.log(SMALLEST_VARIANCE), np.log(LARGEST_VARIANCE)))
        x = np.append(x[:-1], log_variance)
        up, down = np.exp(log_variance + STEP), np.exp(log_variance - STEP)
        # another variance moves the integrals over frailties alone, not the rates under them
        state = compute_state(self.problem, x[:-1], float(np.exp(log_variance)), second=hessian)
        centre = self._point(x[:-1], evaluate_state(self.problem, x[:-1], state, hessian=hessian))
        middle, below = float(state.log_like.sum()), log_likelihood_at(self.problem, state, down)
        if centre.hessian is None:
            slope = (log_likelihood_at(self.problem, state, up) - below) / (2.0 * STEP)
            return Point(x, centre.value, np.append(centre.gradient, slope))
        higher = with_variance(self.problem, state, up)
        above = float(higher.log_like.sum())
        gradient = np.append(centre.gradient, (above - below) / (2.0 * STEP))
        moved = self._point(x[:-1], evaluate_state(self.problem, x[:-1], higher, hessian=False)).gradient
        corner = (above - 2.0 * middle + below) / STEP**2
        matrix = centre.hessian.bordered((moved - centre.gradient) / STEP, corner)
        return Point(x, centre.value, gradient, matrix)

    def _point(self, x: np.ndarray, result: Evaluation) -> Point:
        size = self.problem.layout.size
        value = result.value - float(self.lasso @ x[size:])
        gradient, matrix = result.gradient, result.hessian
        gradient[size:] -= self.lasso
        if self.empty:  # no events: the intercept is held near half an event, or it would run away
            value -= 0.5 * (x[0] - self._floor()) ** 2
            gradient[0] -= x[0] - self._floor()
            if matrix is not None:
                matrix = matrix.plus(np.zeros(1, np.int64), -1.0)
        return Point(x, value, gradient, matrix)

    def _floor(self) -> float:
        return float(np.log(0.5 / max(days_at_risk(self.problem), 1.0)))


def days_at_risk(problem: Problem) -> float:
    """Days at risk of all systems together."""
    edges = np.concatenate([[0.0], np.cumsum(problem.width)])
    starts_and_ends = edges[problem.pieces.cells] + problem.pieces.offsets
    return float((starts_and_ends[:, 1] - starts_and_ends[:, 0]).sum())


def make_objective(
    problem: Problem, *, frail: bool, lasso: np.ndarray | None = None, priors: tuple[Prior, ...] = ()
) -> Objective:
    """Objective of a problem; ``frail`` is ignored where the problem has no system with a frailty."""
    columns = problem.features.shape[1]
    lasso = np.zeros(columns) if lasso is None else lasso
    return Objective(problem, frail and problem.any_frail, lasso, bool(problem.count.sum() == 0), priors)


def first_guess(problem: Problem) -> np.ndarray:
    """A little of everything echoed; the rest endemic, at one rate but for the level of each organisation's periods."""
    layout, columns = problem.layout, problem.features.shape[1]
    x = np.zeros(layout.size + columns)
    events = max(float(problem.count.sum()), 0.5)
    useful = problem.compensator > 0.0
    share = 0.3 if useful.any() and problem.count.size else 0.0
    x[0] = np.log((1.0 - share) * events / max(days_at_risk(problem), 1e-9))
    if share:
        x[layout.size :][useful] = share * events / problem.compensator[useful] / useful.sum()
    return with_levels(problem, x, 0.0)


def with_levels(problem: Problem, x: np.ndarray, variance: float) -> np.ndarray:
    """Move the level of each organisation's period to where its endemic events are, held by a few events of the mean."""
    layout = problem.layout
    if layout.size == layout.central:
        return x
    state = compute_state(problem, x, variance, second=False)
    expected = expected_by_period(problem, state)
    found = np.bincount(problem.rows.places, state.endemic_first, layout.period.size).reshape(expected.shape)
    moves = np.log((found + PRIOR_EVENTS) / (expected + PRIOR_EVENTS))
    present = layout.period < layout.size
    moved = x.copy()
    moved[layout.period[present]] += moves[present]
    return moved


@dataclass(frozen=True, slots=True, repr=False)
class Start:
    """Where to begin: effects and couplings, variances, and the Hessian of these parameters near by, where one is known."""

    x: np.ndarray
    variance: float
    spreads: dict[str, float] = field(default_factory=dict)
    hessian: Curvature | None = None


def estimate(
    problem: Problem, start: Start | None, lasso: np.ndarray | None = None, *, tolerance: float = TOLERANCE
) -> tuple[Optimum, Objective]:
    """Maximise; returns the optimum and what was maximised, without lasso.

    Without ``start`` the fit without frailty comes first; the variance then begins at the best of a few values, and stays
    out if none of them beats no frailty. The Hessian of the optimum may be that of a step before, unless the tolerance is
    the finest.
    """
    plain = make_objective(problem, frail=False, lasso=lasso)
    frail = make_objective(problem, frail=True, lasso=lasso)
    is_first = start is None and tolerance < ROUGH  # what is known of random effects is then made twice
    start = Start(first_guess(problem), 0.0) if start is None else start
    if not frail.frail or start.variance <= 0.0:
        will_go_on = frail.frail and not plain.empty
        sketch = max(tolerance, ROUGH, SKETCH * float(problem.count.sum()))
        found = _climb(plain, start, sketch if will_go_on else tolerance, is_rough=will_go_on)
        silent = None
        if will_go_on:
            silent = _climb(plain, _silenced(problem, start), sketch, is_held=True, is_rough=True).start()
        start, variance = found.start(), 0.0
        if silent is not None:
            variance, value = _first_variance(problem, start.x)
            other, without = _first_variance(problem, silent.x)
            if other > 0.0 and without > value:
                start, variance = silent, other
        if variance == 0.0:
            return (
                _climb(plain, start, tolerance) if will_go_on or (is_first and found.has_effects) else found
            ).result()
        start = replace(start, variance=variance, hessian=None)
    is_rough = is_first and problem.has_effects
    found = _climb(frail, start, ROUGH if is_rough else tolerance, is_rough=is_rough)
    if is_first and found.has_effects:
        found = _climb(frail, found.start(), tolerance)
    if found.start().variance <= SMALLEST_VARIANCE * np.exp(0.1):
        return _climb(plain, replace(found.start(), hessian=None), tolerance).result()
    return found.result()


def estimate_endemic(problem: Problem, start: Start) -> tuple[Optimum, Objective]:
    """Maximise with the couplings held where the start has them; its variance is only where the search begins."""
    variance = start.variance or _first_variance(problem, start.x)[0] or FIRST_VARIANCES[0]
    found = _climb(
        make_objective(problem, frail=True), replace(start, variance=variance, hessian=None), ROUGH, is_held=True
    )
    if found.start().variance <= SMALLEST_VARIANCE * np.exp(0.1):
        plain = make_objective(problem, frail=False)
        return _climb(plain, replace(found.start(), hessian=None), ROUGH, is_held=True).result()
    return found.result()


@dataclass(frozen=True, slots=True, repr=False)
class _Climbed:
    """Where a climb has ended."""

    objective: Objective
    optimum: Optimum

    @property
    def has_effects(self) -> bool:
        return bool(self.objective.priors)

    def start(self) -> Start:
        """The same as a place to start from."""
        x, objective = self.optimum.point.x, self.objective
        n = objective.problem.layout.size + objective.problem.features.shape[1]
        return Start(x[:n], *objective.variances(x), self.optimum.point.hessian)

    def result(self) -> tuple[Optimum, Objective]:
        return self.optimum, replace(self.objective, lasso=np.zeros_like(self.objective.lasso))


def _climb(
    objective: Objective, start: Start, tolerance: float, *, is_held: bool = False, is_rough: bool = False
) -> _Climbed:
    """Maximise, with a Hessian of somewhere near where there is one; the last one is made at the optimum.

    Where there are random effects the first is made at the start: what is known of them comes from it, in a rough climb
    without its tangent. With ``is_held`` couplings stay where they are.
    """
    x = np.append(start.x, np.log(start.variance)) if objective.frail else start.x
    if objective.problem.has_effects:
        objective, begin = with_effects(objective, x, start.spreads, has_tangent=not is_rough)
    elif start.hessian is None:
        begin = objective(x, hessian=True)
    else:
        begin = replace(objective(x, hessian=False), hessian=start.hessian)
    fixed = objective.bounded if is_held else None
    optimum = maximise(objective, begin, objective.bounded, fixed=fixed, tolerance=tolerance)
    if tolerance <= TOLERANCE:
        optimum = replace(optimum, point=objective(optimum.point.x, hessian=True))
    return _Climbed(objective, optimum)


def with_effects(
    objective: Objective, x: np.ndarray, spreads: dict[str, float], *, has_tangent: bool = True
) -> tuple[Objective, Point]:
    """The objective with the random effects as they are known at a point, and that point."""
    bare = objective.given_effects(x, hessian=True)
    known = known_at(objective.problem.layout, bare.curvature, spreads)
    log_variances = np.log([spreads.get(one.prior.name, FIRST_SPREAD) for one in known])
    plain = replace(objective, priors=tuple(one.prior for one in known))
    whole = plain.with_priors(bare, log_variances)
    if not has_tangent:
        return plain, whole
    priors = tuple(
        replace(one.prior, at=np.append(x, log_variances[k]), slope=_slope(objective, bare, whole, one, k))
        for k, one in enumerate(known)
    )
    objective = replace(objective, priors=priors)
    return objective, objective.with_priors(bare, log_variances)


def _slope(objective: Objective, bare: Point, whole: Point, known: Known, number: int) -> np.ndarray:
    """How minus half the sum over eigenvalues changes with the central parameters, (parameters + 1,), the log variance last.

    ``bare`` is the point without priors, ``whole`` the same with them. Third derivatives are differences of gradients on both
    sides; local parameters follow the central ones, so theirs is handed on and nothing is left of it.
    """
    change = np.zeros(whole.x.size)
    local = slice(bare.curvature.first, bare.curvature.first + bare.curvature.n_local)
    for probe in known.probes.T:
        step = np.zeros(bare.x.size)
        length = REACH / max(float(np.abs(probe).max()), 1e-300)
        step[local] = length * probe
        up, down = (objective.given_effects(bare.x + way * step, hessian=False).gradient for way in (1.0, -1.0))
        change[: bare.x.size] += 0.5 * (up + down - 2.0 * bare.gradient) / length**2
    reduced = reduce(whole.curvature)
    if not reduced.is_concave:  # far from any optimum: what follows what is not known
        return np.zeros(bare.x.size + 1)
    slope = whole.curvature.join(reduced.inward(change)[0], np.zeros(whole.curvature.n_local))
    first, heard = objective.problem.layout.size, objective.problem.compensator
    share = np.abs(slope[first : first + heard.size]) / np.maximum(heard, 1e-300)
    slope *= min(1.0, LARGEST_SHARE / max(float(share.max(initial=0.0)), 1e-300))
    return np.append(slope[: bare.x.size], slope[bare.x.size + number])


def _silenced(problem: Problem, start: Start) -> Start:
    """The same place without echoes.

    Without frailty lasting differences between people are taken for slow echoes of their own past, and from there the
    search may not find back: the likelihood has two maxima.
    """
    x = start.x.copy()
    x[problem.layout.size :] = 0.0
    return replace(start, x=x, hessian=None)


def _first_variance(problem: Problem, x: np.ndarray) -> tuple[float, float]:
    """Variance to begin with, at the effects of a fit without frailty, and the log likelihood; 0 where none beats none."""
    tried = (2.0 * SMALLEST_VARIANCE, *FIRST_VARIANCES)
    state = compute_state(problem, x, 0.0, second=False)
    values = [float(state.log_like.sum()), *(log_likelihood_at(problem, state, variance) for variance in tried)]
    best = int(np.argmax(values))
    variance = 10.0 * SMALLEST_VARIANCE if best == 1 else (0.0, *tried)[best]
    return variance, values[best] - float(problem.compensator @ x[problem.layout.size :])
