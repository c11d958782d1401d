"""Unit frailty: units differ lastingly in the log of their endemic rate, by normal effects of mean 0.

With ``l(x, b)`` the marginal log likelihood at unit effects ``b`` (frailties of persons integrated out) and ``v`` the variance of
the effects,

    log L(x, v) = max over b of { l(x, b) - b.b / (2 v) } - sum over k of log(1 + v j_k) / 2

is Laplace's approximation to the likelihood with the unit effects integrated out. The ``j_k`` are the eigenvalues of the information
on an organisation's unit effects that is left when its periods are estimated: so the variance is that of restricted maximum
likelihood, which many organisations of few units each need (Neyman and Scott 1948). They are held while the other parameters
move, and made anew for the next fit; at the optimum log v solves ``v = b.b / (sum of v j / (1 + v j))``, the fixed point of
Schall (1991).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from antiphon.hawkes.curvature import Curvature
    from antiphon.hawkes.layout import Layout
    from antiphon.hawkes.newton import Point

SMALLEST_UNIT_VARIANCE, LARGEST_UNIT_VARIANCE = 1e-3, 20.0
"""Range of the variance of unit effects; an estimate at the lower end is taken as none at all."""

FIRST_UNIT_VARIANCE = 0.1
"""Where the search for it starts."""


@dataclass(frozen=True, slots=True, repr=False)
class UnitPrior:
    """What the objective adds for unit effects.

    Attributes
    ----------
    places : (units,) parameters of the effects.
    information : (units,) eigenvalues of the information on them with the periods estimated.
    """

    places: np.ndarray
    information: np.ndarray

    def add(self, point: Point, log_variance: float) -> Point:
        """The point with the log variance as one more parameter at the end."""
        variance = float(np.exp(np.clip(log_variance, np.log(SMALLEST_UNIT_VARIANCE), np.log(LARGEST_UNIT_VARIANCE))))
        effects, known = point.x[self.places], variance * self.information
        squares, share = float(effects @ effects) / variance, known / (1.0 + known)
        slope = 0.5 * (squares - float(share.sum()))
        ends = variance <= SMALLEST_UNIT_VARIANCE * (1.0 + 1e-9) and slope < 0.0  # it would go below: it stays there
        gradient = np.append(point.gradient, 0.0 if ends else slope)
        gradient[self.places] -= effects / variance
        hessian = point.hessian
        if hessian is not None:
            line = np.zeros(point.x.size)
            line[self.places] = 0.0 if ends else effects / variance
            corner = -0.5 * (squares + float((share * (1.0 - share)).sum()))
            hessian = hessian.steeper(self.places, 1.0 / variance).bordered(line, corner)
        value = point.value - 0.5 * (squares + float(np.log1p(known).sum()))
        return replace(point, x=np.append(point.x, np.log(variance)), value=value, gradient=gradient, hessian=hessian)


def unit_places(layout: Layout) -> np.ndarray:
    """Parameters of the unit effects, in their order."""
    return layout.unit[layout.unit < layout.size]


def unit_prior(layout: Layout, curvature: Curvature) -> UnitPrior:
    """The prior at a point, from the curvature there without it."""
    is_unit = layout.places >= layout.period.size
    found, at = [], 0
    for begin, end in zip(curvature.begins[:-1], curvature.begins[1:], strict=True):
        size, n = int(end - begin), int(is_unit[begin:end].sum())
        block = -curvature.blocks[at : at + size * size].reshape(size, size)
        at += size * size
        if n:
            found.append(_left(block, n))
    return UnitPrior(unit_places(layout), np.maximum(np.concatenate(found), 0.0))


def _left(block: np.ndarray, n: int) -> np.ndarray:
    """Eigenvalues of the information on the first ``n`` parameters with the others estimated."""
    own, mixed, others = block[:n, :n], block[n:, :n], block[n:, n:]
    return np.linalg.eigvalsh(own - mixed.T @ np.linalg.lstsq(others, mixed, rcond=1e-10)[0])
