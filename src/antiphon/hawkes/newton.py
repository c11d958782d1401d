"""Projected Newton: each step maximises the quadratic model exactly under the bounds, then searches along the step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

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


@dataclass(frozen=True, slots=True, repr=False)
class Point:
    """A point of the search with its value and derivatives."""

    x: np.ndarray
    value: float
    gradient: np.ndarray
    hessian: np.ndarray


@dataclass(frozen=True, slots=True, repr=False)
class Optimum:
    """Where the search ended.

    Attributes
    ----------
    point : the last point, with derivatives there.
    converged : whether less than the tolerance was left to gain.
    steps : Newton steps taken.
    """

    point: Point
    converged: bool
    steps: int


SLIGHT = 1e-12
"""Curvature added at the first try, relative to each parameter's own."""


def free_factor(hessian: np.ndarray, bounded: np.ndarray) -> np.ndarray | None:
    """Factor of the part of ``solve_step`` that never changes where only couplings do; None if it is not concave.

    Many steps with one Hessian of the endemic effects then cost no more than the couplings.
    """
    free = np.flatnonzero(~bounded)
    curvature = -hessian[np.ix_(free, free)]
    scale = _scale(curvature)
    try:
        return cholesky(curvature / np.outer(scale, scale) + SLIGHT * np.eye(free.size))
    except NotPositiveError:
        return None


def _scale(curvature: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(np.abs(np.diag(curvature)), 1e-10))


def solve_step(
    gradient: np.ndarray,
    hessian: np.ndarray,
    x: np.ndarray,
    bounded: np.ndarray,
    fixed: np.ndarray | None = None,
    *,
    factor: np.ndarray | None = None,
) -> np.ndarray:
    """Step d maximising ``gradient . d + d . hessian . d / 2`` with ``x + d >= 0`` where bounded and ``d = 0`` where fixed.

    ``factor`` is what ``free_factor`` says of the Hessian (no unbounded parameter may then be fixed).
    The free parameters are eliminated; what is left is a non-negative least squares problem. Directions in which the
    likelihood is not concave (or flat) get just enough added curvature.
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
    scale = _scale(curvature)
    curvature = curvature / np.outer(scale, scale)
    slope, place = gradient[used] / scale, x[used] * scale
    is_held = held[used]
    damping = SLIGHT
    while True:
        try:
            curvature[np.diag_indices(used.size)] += damping
            step = _bounded_maximum(curvature, slope, place, is_held, factor)
            break
        except (NotPositiveError, RuntimeError):
            curvature[np.diag_indices(used.size)] -= damping
            damping, factor = max(1e-4, damping * 10.0), None
            if damping > 1e12:
                raise
    result = np.zeros_like(x)
    result[used] = step / scale
    result[held] = np.maximum(result[held], -x[held])
    return result


class NotPositiveError(ArithmeticError):
    """A matrix that should have been positive definite was not."""


def cholesky(matrix: np.ndarray) -> np.ndarray:
    """Upper Cholesky factor (its lower triangle is waste); raises ``NotPositiveError``."""
    result = np.array(matrix, dtype=np.float64, order="C")
    if not linear.factor(result):
        raise NotPositiveError
    return result


def solve(upper: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Solve with the matrix whose factor is ``upper``."""
    result = np.array(values, dtype=np.float64, order="C")
    columns = result if result.ndim > 1 else result[:, None]
    linear.solve_lower(upper, columns)
    linear.solve_upper(upper, columns)
    return result


def _bounded_maximum(
    curvature: np.ndarray, slope: np.ndarray, place: np.ndarray, held: np.ndarray, factor: np.ndarray | None
) -> np.ndarray:
    free = ~held
    step = np.zeros_like(slope)
    factor = cholesky(curvature[np.ix_(free, free)]) if factor is None else factor
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
    fixed: np.ndarray | None = None,
    maximal_steps: int = MAXIMAL_STEPS,
    tolerance: float = TOLERANCE,
) -> Optimum:
    """Climb from ``start``.

    Parameters
    ----------
    function
        Point at given parameters; the flag asks for the Hessian.
    start
        With Hessian.
    bounded
        (parameters,) bool, ``>= 0``.
    fixed
        (parameters,) bool, stays where it is.

    Returns
    -------
    Optimum
        The best point found; never worse than ``start``.
    """
    point = start
    for taken in range(maximal_steps):
        step = solve_step(point.gradient, point.hessian, point.x, bounded, fixed)
        moves = np.abs(step[~bounded])
        shrink = min(1.0, LARGEST_MOVE / moves.max()) if moves.size and moves.max() > 0.0 else 1.0
        step *= shrink
        gain = float(point.gradient @ step + 0.5 * step @ point.hessian @ step)
        slope = float(point.gradient @ step)
        if slope <= tolerance or (shrink == 1.0 and 0.0 <= gain < tolerance):
            return Optimum(point, converged=True, steps=taken)
        following = _search(function, point, step, slope, bounded)
        if following is None:
            return Optimum(point, converged=slope < 1e-6, steps=taken)
        point = following
    return Optimum(point, converged=False, steps=maximal_steps)


def _search(function: Function, point: Point, step: np.ndarray, slope: float, bounded: np.ndarray) -> Point | None:
    """Halve the step until the value rises by a share of what the slope promises; None if it never does."""
    length = 1.0
    for attempt in range(30):
        x = point.x + length * step
        x[bounded & (x < SMALLEST_COUPLING)] = 0.0
        # a first full step nearly always succeeds, so its Hessian is computed at once
        following = function(x, hessian=attempt == 0)
        if np.isfinite(following.value) and following.value >= point.value + 1e-4 * length * slope:
            return following if attempt == 0 else function(x, hessian=True)
        length *= 0.5
    return None
