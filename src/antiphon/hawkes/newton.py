"""Projected Newton: each step maximises the quadratic model exactly under the bounds, then searches along the step."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

from antiphon.hawkes.curvature import Curvature, NotPositiveError, Reduced, cholesky, reduce, solve
from antiphon.kernels import linear

if TYPE_CHECKING:
    from typing import Protocol

    class Function(Protocol):
        """Anything that gives the point at given parameters."""

        def __call__(self, x: np.ndarray, *, hessian: bool) -> Point:
            """Value and gradient, and the Hessian if asked for."""
            ...


MAXIMAL_STEPS = 60
TOLERANCE = 1e-9
"""Log likelihood still to be gained, by the quadratic model, at which the search stops."""

SMALLEST_COUPLING = 1e-12
"""What is less than this is rounding, and is put at the bound."""

LARGEST_MOVE = 3.0
"""Largest move of a parameter on the log scale in one step."""

SLIGHT = 1e-12
"""Curvature added at the first try, relative to each parameter's own."""

LARGEST_DAMPING = 1e12
"""The same at the last try."""

CONTRACTION = 0.1
"""A Hessian serves for another step as long as each step leaves less than this share of what was to be gained."""


@dataclass(frozen=True, slots=True, repr=False)
class Point:
    """A point of the search with its value and derivatives; the Hessian where it was asked for."""

    x: np.ndarray
    value: float
    gradient: np.ndarray
    hessian: Curvature | None = None

    @property
    def curvature(self) -> Curvature:
        """The Hessian, where there must be one."""
        if self.hessian is None:
            raise NotPositiveError
        return self.hessian


@dataclass(frozen=True, slots=True, repr=False)
class Optimum:
    """Where the search ended.

    Attributes
    ----------
    point : the last point, with derivatives there; its Hessian may be that of an earlier step.
    converged : whether less than the tolerance was left to gain.
    steps : Newton steps taken.
    """

    point: Point
    converged: bool
    steps: int

    @property
    def hessian(self) -> Curvature:
        """The Hessian, which a search always has."""
        return self.point.curvature


def newton_step(
    gradient: np.ndarray, reduced: Reduced, x: np.ndarray, bounded: np.ndarray, fixed: np.ndarray | None = None
) -> np.ndarray:
    """Step d maximising the quadratic model with ``x + d >= 0`` where bounded and ``d = 0`` where fixed.

    Local parameters follow the central ones exactly; bounded and fixed parameters are central. Where the model is not
    concave its convex part is left out, as the EM algorithm does: steps are then shorter, but in every direction by as much
    as that direction needs.
    """
    place, is_bounded = reduced.curvature.split(x)[0], reduced.curvature.split(bounded)[0]
    is_fixed = None if fixed is None else reduced.curvature.split(fixed)[0]
    central, half = reduced.inward(gradient)
    with suppress(NotPositiveError):
        largest = SLIGHT if reduced.is_concave else 0.0
        step = solve_step(central, -reduced.schur, place, is_bounded, is_fixed, largest_damping=largest)
        return reduced.outward(step, half)
    reduced = reduced.without_convex()
    central, half = reduced.inward(gradient)
    return reduced.outward(solve_step(central, -reduced.schur, place, is_bounded, is_fixed), half)


def solve_step(
    gradient: np.ndarray,
    hessian: np.ndarray,
    x: np.ndarray,
    bounded: np.ndarray,
    fixed: np.ndarray | None = None,
    *,
    largest_damping: float = LARGEST_DAMPING,
) -> np.ndarray:
    """Step d maximising ``gradient . d + d . hessian . d / 2`` with ``x + d >= 0`` where bounded and ``d = 0`` where fixed.

    The free parameters are eliminated; what is left is a non-negative least squares problem. Directions in which the
    likelihood is not concave (or flat) get just enough added curvature; more than the largest raises
    ``NotPositiveError``.
    """
    # couplings that sit at zero and would go below stay there: with them the quadratic model is often not concave,
    # and damping it for their sake would slow all others down
    resting = bounded & (x <= 0.0) & (gradient <= 0.0)
    if fixed is not None:
        resting |= fixed
    free = ~bounded & ~resting
    held = bounded & ~resting
    used = np.flatnonzero(free | held)
    curvature = -hessian[np.ix_(used, used)]
    scale = np.sqrt(np.maximum(np.abs(np.diag(curvature)), 1e-10))
    curvature = curvature / np.outer(scale, scale)
    slope, place = gradient[used] / scale, x[used] * scale
    is_held = held[used]
    damping = SLIGHT
    while damping <= largest_damping:
        damped = curvature + damping * np.eye(used.size)
        with suppress(NotPositiveError, RuntimeError):
            result = np.zeros_like(x)
            result[used] = _bounded_maximum(damped, slope, place, is_held) / scale
            result[held] = np.maximum(result[held], -x[held])
            return result
        damping = max(1e-4, damping * 10.0)
    raise NotPositiveError


def _bounded_maximum(curvature: np.ndarray, slope: np.ndarray, place: np.ndarray, held: np.ndarray) -> np.ndarray:
    free = ~held
    step = np.zeros_like(slope)
    factor = cholesky(curvature[np.ix_(free, free)])
    if not held.any():
        return solve(factor, slope)
    mixed = curvature[np.ix_(free, held)]
    solved = np.column_stack([mixed, slope[free]])
    linear.solve_lower(factor, solved)
    removed = np.zeros((solved.shape[1], solved.shape[1]))
    linear.add_cross_product(solved, solved, removed)
    reduced = curvature[np.ix_(held, held)] - removed[:-1, :-1]
    pull = slope[held] - removed[:-1, -1]
    root = cholesky(0.5 * (reduced + reduced.T))
    target = (pull + reduced @ place[held])[:, None]
    linear.solve_lower(root, target)
    step[held] = nnls(np.triu(root), target[:, 0])[0] - place[held]
    step[free] = solve(factor, slope[free] - mixed @ step[held])
    return step


def maximise(
    function: Function,
    start: Point,
    bounded: np.ndarray,
    *,
    reduced: Reduced | None = None,
    fixed: np.ndarray | None = None,
    maximal_steps: int = MAXIMAL_STEPS,
    tolerance: float = TOLERANCE,
    is_frozen: bool = False,
) -> Optimum:
    """Climb from ``start``.

    Parameters
    ----------
    function
        Point at given parameters; the flag asks for the Hessian.
    start
        Its Hessian may be that of a point near by; without any it is computed.
    bounded
        (parameters,) bool, ``>= 0``.
    reduced
        The Hessian of ``start`` reduced, where that is known already.
    fixed
        (parameters,) bool, stays where it is.
    is_frozen
        Keep the first Hessian throughout.

    Returns
    -------
    Optimum
        The best point found; never worse than ``start``.

    Notes
    -----
    Near the optimum a gradient costs a fifth of a Hessian, and steps with an old one still converge quickly: it is
    computed anew only when a step has left more than a tenth of what there was to gain. The search along each step makes
    sure that no step is for the worse.
    """
    is_fresh = reduced is None and start.hessian is None
    point = function(start.x, hessian=True) if is_fresh else start
    reduced = _reduced(point) if reduced is None else reduced
    promised = np.inf
    for taken in range(maximal_steps):
        step = newton_step(point.gradient, reduced, point.x, bounded, fixed)
        slope = float(point.gradient @ step)
        if not is_frozen and not is_fresh and (slope > CONTRACTION * promised or not np.isfinite(slope)):
            point = function(point.x, hessian=True)
            reduced, is_fresh, promised = _reduced(point), True, np.inf
            step = newton_step(point.gradient, reduced, point.x, bounded, fixed)
            slope = float(point.gradient @ step)
        shrink = _shorten(step, point.gradient, reduced.curvature, bounded)
        slope = float(point.gradient @ step)
        gain = slope + 0.5 * float(step @ reduced.curvature.times(step))
        if slope <= tolerance or (shrink == 1.0 and 0.0 <= gain < tolerance):
            return Optimum(point, converged=True, steps=taken)
        following = _search(function, point, step, slope, bounded)
        if following is None:
            if is_fresh or is_frozen:
                return Optimum(point, converged=slope < 1e-6, steps=taken)
            promised = 0.0  # an old Hessian may point the wrong way
            continue
        point, promised, is_fresh = replace(following, hessian=point.hessian), slope, False
    return Optimum(point, converged=False, steps=maximal_steps)


def _shorten(step: np.ndarray, gradient: np.ndarray, curvature: Curvature, bounded: np.ndarray) -> float:
    """Shorten moves on the log scale in place: all of them for a central one, each local one by itself.

    Where that would turn a step that climbs into one that does not, all are shortened alike. Returns the factor of all of
    them.
    """
    whole = step.copy()
    local = step[curvature.first : curvature.first + curvature.n_local]
    np.clip(local, -LARGEST_MOVE, LARGEST_MOVE, out=local)
    moves = np.abs(curvature.split(step)[0][~curvature.split(bounded)[0]])
    shrink = min(1.0, LARGEST_MOVE / moves.max()) if moves.size and moves.max() > 0.0 else 1.0
    step *= shrink
    if gradient @ step <= 0.0 < gradient @ whole:
        shrink = LARGEST_MOVE / float(np.abs(whole[~bounded]).max())
        step[:] = shrink * whole
    return shrink


def _reduced(point: Point) -> Reduced:
    if point.hessian is None:
        raise NotPositiveError
    return reduce(point.hessian)


def _search(function: Function, point: Point, step: np.ndarray, slope: float, bounded: np.ndarray) -> Point | None:
    """Halve the step until the value rises by a share of what the slope promises; None if it never does."""
    length = 1.0
    for _ in range(30):
        x = point.x + length * step
        x[bounded & (x < SMALLEST_COUPLING)] = 0.0
        following = function(x, hessian=False)
        if np.isfinite(following.value) and following.value >= point.value + 1e-4 * length * slope:
            return following
        length *= 0.5
    return None
