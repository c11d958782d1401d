"""Receptivity: how much what makes people ready to answer scales all that reaches them, ``phi = exp(z . delta)``.

Given ``delta`` the likelihood is the one that is always maximised, with features times ``phi`` and the compensator summed
over the levels of z. So ``delta`` is found on its profile, whose slope is that of the likelihood in ``delta`` alone:

    sum over rows  w[r] (alpha . F[r]) z[r]  -  sum over levels l  exp(z[l] . delta) z[l] (alpha . G[l])

with ``F`` the features and ``G`` the compensator at delta 0, and ``w`` the expected derivative of a row's log rate in its
epidemic part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from antiphon.hawkes.likelihood import compute_state
from antiphon.hawkes.newton import maximise

if TYPE_CHECKING:
    from antiphon.design.design import Target
    from antiphon.design.receptivity import Heard
    from antiphon.hawkes.estimate import Objective
    from antiphon.hawkes.newton import Optimum

PRECISION = 1.0
"""Weak ridge: normal with standard deviation 1 per unit. Where little echoes ``delta`` would run away, and couplings with it."""

LARGEST = 5.0
"""Largest ``delta`` per unit that is looked at."""

CLOSE = 1e-4
"""Slope of the profile, per standard deviation of z, at which the search ends."""

STEP = 0.02
"""Standard deviations of z over which second derivatives of the profile are differences."""


@dataclass(frozen=True, slots=True, repr=False)
class Received:
    """What is known of the receptivity of one target kind.

    Attributes
    ----------
    covariates : (covariates in use,) positions in ``Role.receptivity``.
    delta : (covariates in use,).
    information : (covariates in use, the same) on delta, everything else estimated.
    moves : (covariates in use, parameters) how the other parameters of the fit follow delta.
    jumps : (covariates in use, rows) jump of the score in delta at each row, in the order of the problem.
    """

    covariates: np.ndarray
    delta: np.ndarray
    information: np.ndarray
    moves: np.ndarray
    jumps: np.ndarray

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of delta. No direction is known less well than the weak ridge knows it."""
        values, vectors = np.linalg.eigh(self.information)
        return (vectors / np.maximum(values, PRECISION)) @ vectors.T


@dataclass(frozen=True, slots=True, repr=False)
class Profile:
    """The likelihood of one target kind as a function of delta, the other parameters following.

    Attributes
    ----------
    objective : of the target as it is tuned; ``heard`` : what reached its readers; ``blocks`` : in use.
    """

    objective: Objective
    heard: Heard
    blocks: int

    def at(self, delta: np.ndarray) -> Objective:
        """The objective at another delta."""
        problem, heard = self.objective.problem, self.heard
        factor = heard.factor(delta - heard.delta)[problem.order]
        mass = heard.compensator(delta)[: self.blocks].sum(axis=0)[problem.kept]
        tuned = replace(problem, features=problem.features * factor[:, None], compensator=mass)
        return replace(self.objective, problem=tuned)

    def best(self, delta: np.ndarray, x: np.ndarray) -> tuple[Optimum, np.ndarray]:
        """The best of the other parameters from a start, and the slope in delta there."""
        objective = self.at(delta)
        optimum = maximise(objective, objective(x, hessian=True), objective.bounded)
        return optimum, self.jumps(objective, optimum.point.x).sum(axis=1) - self._expected(delta, optimum.point.x)

    def jumps(self, objective: Objective, x: np.ndarray) -> np.ndarray:
        """The jump of the score in delta at each row, (covariates in use, rows)."""
        problem = objective.problem
        n = problem.layout.size + problem.kept.size
        state = compute_state(problem, x[:n], objective.variances(x)[0], second=False)
        z = self.heard.levels[self.heard.row_level[problem.order]]
        return (state.first * state.echo) * z.T

    def _expected(self, delta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """What the score in delta loses by the time at risk, and by the weak ridge."""
        problem = self.objective.problem
        alpha = x[problem.layout.size : problem.layout.size + problem.kept.size]
        return self.heard.slope(delta, self.blocks)[:, problem.kept] @ alpha + PRECISION * delta

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation of z over the time at risk, (covariates in use,)."""
        return np.sqrt(self.heard.days @ self.heard.levels**2 / self.heard.days.sum())


def make_profile(objective: Objective, target: Target, blocks: int | None) -> Profile | None:
    """Prepare the search for the receptivity of a target; None where it has none, or nothing echoes in it."""
    if target.heard is None or not objective.problem.kept.size:
        return None
    return Profile(objective, target.heard, target.compensator.shape[0] if blocks is None else blocks)


def best_receptivity(profile: Profile, x: np.ndarray) -> np.ndarray:
    """Find the most likely delta, (covariates in use,).

    Parameters
    ----------
    profile
        Of the fit at the delta that the target stands at.
    x
        Parameters of that fit.

    Notes
    -----
    The search begins at the target's delta. Where nothing echoes the likelihood does not depend on delta, and the weak
    ridge holds it at 0.
    """
    scale, last = profile.spread, x

    def fall(step: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal last
        delta = step / scale
        optimum, slope = profile.best(delta, last)
        last = optimum.point.x
        return 0.5 * PRECISION * float(delta @ delta) - optimum.point.value, -slope / scale

    reach = LARGEST * scale
    found = minimize(
        fall, profile.heard.delta * scale, jac=True, method="L-BFGS-B", bounds=list(zip(-reach, reach, strict=True)),
        options={"gtol": CLOSE, "ftol": 1e-10, "maxiter": 40},
    )  # fmt: skip
    return found.x / scale


def received(profile: Profile, x: np.ndarray) -> Received:
    """Say how sure the delta is that a target stands at.

    Parameters
    ----------
    profile
        Of the fit at that delta.
    x
        Parameters of the fit.

    Notes
    -----
    The information is that of the profile: central differences of its slope, everything else estimated anew. The same
    fits tell how the couplings follow, so that their intervals can allow for a delta that is estimated.
    """
    delta, spread = profile.heard.delta, profile.spread
    information, moves = np.zeros((delta.size, delta.size)), np.zeros((delta.size, x.size))
    for k in range(delta.size):
        step = np.zeros(delta.size)
        step[k] = STEP / spread[k]
        (up, rising), (down, falling) = profile.best(delta + step, x), profile.best(delta - step, x)
        information[k] = (falling - rising) / (2.0 * step[k])
        moves[k] = (up.point.x - down.point.x) / (2.0 * step[k])
    jumps = profile.jumps(profile.objective, x)
    return Received(profile.heard.covariates, delta, 0.5 * (information + information.T), moves, jumps)
