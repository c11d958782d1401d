"""Random effects: lasting differences between units, and shocks of an organisation's weeks around its trend.

Both are normal effects on the log of the endemic rate. With ``l(x, b)`` the marginal log likelihood at effects ``b`` (frailties of
persons integrated out) and ``v`` the variance of the effects,

    log L(x, v) = max over b of { l(x, b) - b.b / (2 v) } - sum over k of log(1 + v j_k) / 2

is Laplace's approximation to the likelihood with the effects integrated out. The ``j_k`` are the eigenvalues of the information on
an organisation's effects that is left when its trend is estimated: so the variance is that of restricted maximum likelihood, which
many organisations of few units each need (Neyman and Scott 1948). They are held while the other parameters move, and made anew
for the next fit; at the optimum log v solves ``v = b.b / (sum of v j / (1 + v j))``, the fixed point of Schall (1991).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from antiphon.hawkes.curvature import Curvature
    from antiphon.hawkes.layout import Layout
    from antiphon.hawkes.newton import Point

SMALLEST_SPREAD, LARGEST_SPREAD = 1e-3, 20.0
"""Range of the variance of random effects; an estimate at the lower end is taken as none at all."""

FIRST_SPREAD = 0.1
"""Where the search for it starts."""

UNITS, SHOCKS = "log unit variance", "log shock variance"
"""Names of the variances as parameters."""


@dataclass(frozen=True, slots=True, repr=False)
class Prior:
    """What the objective adds for random effects.

    Attributes
    ----------
    name : of their variance as a parameter.
    places : (effects,) parameters.
    group : (effects,) effects are what parameters deviate from the mean of their group; no entries where that is 0.
    information : (eigenvalues,) of the information on the effects with the trend estimated.
    """

    name: str
    places: np.ndarray
    group: np.ndarray
    information: np.ndarray

    def effects(self, x: np.ndarray) -> np.ndarray:
        """The effects at ``x``."""
        values = x[self.places]
        if not self.group.size:
            return values
        size = np.bincount(self.group)
        return values - (np.bincount(self.group, values) / np.maximum(size, 1))[self.group]

    def add(self, point: Point, log_variance: float) -> Point:
        """The point with the log variance as one more parameter at the end."""
        variance = float(np.exp(np.clip(log_variance, np.log(SMALLEST_SPREAD), np.log(LARGEST_SPREAD))))
        effects, known = self.effects(point.x), variance * self.information
        squares, share = float(effects @ effects) / variance, known / (1.0 + known)
        slope = 0.5 * (squares - float(share.sum()))
        ends = variance <= SMALLEST_SPREAD * (1.0 + 1e-9) and slope < 0.0  # it would go below: it stays there
        gradient = np.append(point.gradient, 0.0 if ends else slope)
        gradient[self.places] -= effects / variance
        hessian = point.hessian
        if hessian is not None:
            line = np.zeros(point.x.size)
            line[self.places] = 0.0 if ends else effects / variance
            corner = -0.5 * (squares + float((share * (1.0 - share)).sum()))
            hessian = hessian.steeper(self.places, self.group, 1.0 / variance).bordered(line, corner)
        value = point.value - 0.5 * (squares + float(np.log1p(known).sum()))
        return replace(point, x=np.append(point.x, np.log(variance)), value=value, gradient=gradient, hessian=hessian)


def priors_at(layout: Layout, curvature: Curvature) -> tuple[Prior, ...]:
    """The priors of a layout, with what a point knows: the curvature there, without them."""
    is_unit = layout.places >= layout.period.size
    units, shocks, at = [np.zeros(0)], [np.zeros(0)], 0
    for begin, end in zip(curvature.begins[:-1], curvature.begins[1:], strict=True):
        size, n = int(end - begin), int(is_unit[begin:end].sum())
        block = -curvature.blocks[at : at + size * size].reshape(size, size)
        at += size * size
        if n:
            units.append(_left(block, n))
        if layout.trend.size and size > n:
            shocks.append(_around(block[n:, n:], layout.trend[begin:end][n:]))
    found = []
    if is_unit.any():
        nothing = np.zeros(0, np.int64)
        found.append(_prior(UNITS, layout.central + np.flatnonzero(is_unit), nothing, units))
    if sum(map(len, shocks)):
        found.append(_prior(SHOCKS, layout.central + np.flatnonzero(~is_unit), layout.trend[~is_unit], shocks))
    return tuple(found)


def _prior(name: str, places: np.ndarray, group: np.ndarray, found: list[np.ndarray]) -> Prior:
    return Prior(name, places, group, np.maximum(np.concatenate(found), 0.0))


def _left(block: np.ndarray, n: int) -> np.ndarray:
    """Eigenvalues of the information on the first ``n`` parameters with the others estimated."""
    own, mixed, others = block[:n, :n], block[n:, :n], block[n:, n:]
    return np.linalg.eigvalsh(own - mixed.T @ np.linalg.lstsq(others, mixed, rcond=1e-10)[0])


def _around(block: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Eigenvalues of the information on deviations from the means of groups with the means estimated."""
    code = np.unique(group, return_inverse=True)[1]
    is_in = code[:, None] == np.arange(code.max() + 1)
    centring = np.eye(code.size) - is_in @ (is_in / is_in.sum(axis=0)).T
    covariance = centring @ np.linalg.pinv(block, hermitian=True) @ centring
    kept = code.size - is_in.shape[1]
    return 1.0 / np.maximum(np.linalg.eigvalsh(covariance)[code.size - kept :], 1e-12)
