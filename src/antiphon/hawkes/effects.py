"""Random effects: lasting differences between units, and shocks of an organisation's weeks around its trend.

Both are normal effects on the log of the endemic rate. With ``l(x, b)`` the marginal log likelihood at effects ``b`` (frailties of
persons integrated out) and ``v`` the variance of the effects,

    log L(x, v) = max over b of { l(x, b) - b.b / (2 v) } - sum over k of log(1 + v j_k) / 2

is Laplace's approximation to the likelihood with the effects integrated out. The ``j_k`` are the eigenvalues of the information on
an organisation's effects that is left when its trend is estimated: so the variance is that of restricted maximum likelihood, which
many organisations of few units each need (Neyman and Scott 1948). While the other parameters move, the last sum is replaced by its
tangent where the fit starts, and made anew for the next fit. Without the tangent (Schall 1991) echoes and frailties are drawn
towards zero where units differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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


FEWEST_PROBES, ENOUGH_PROBES = 2, 32
"""Directions in which the tangent is felt for: at least so many for all organisations at once, and so many for one alone."""

REACH = 0.02
"""Largest move of an effect on the log scale in feeling for it."""


@dataclass(frozen=True, slots=True, repr=False)
class Prior:
    """What the objective adds for random effects.

    Attributes
    ----------
    name : of their variance as a parameter.
    places : (effects,) parameters.
    group : (effects,) effects are what parameters deviate from the mean of their group; no entries where that is 0.
    information : (eigenvalues,) of the information on the effects with the trend estimated.
    at, slope : (parameters + 1,) where the fit starts, the log variance last, and how the sum over the eigenvalues changes with
        each parameter there, the effects and the trend following; no entries: not at all.
    """

    name: str
    places: np.ndarray
    group: np.ndarray
    information: np.ndarray
    at: np.ndarray = field(default_factory=lambda: np.zeros(0))
    slope: np.ndarray = field(default_factory=lambda: np.zeros(0))

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
        x = np.append(point.x, np.log(variance))
        if self.slope.size:  # further log variances may stand between
            felt = np.append(np.arange(self.slope.size - 1), x.size - 1)
            value += float(self.slope @ (x[felt] - self.at))
            gradient[felt] += 0.0 if ends else self.slope
        return replace(point, x=x, value=value, gradient=gradient, hessian=hessian)


@dataclass(frozen=True, slots=True, repr=False)
class Known:
    """What is known of random effects at a point.

    Attributes
    ----------
    prior : of the effects.
    probes : (local, probes) directions in the space of the local parameters. Summed over probes, the second derivatives along
        them change as twice the sum over the eigenvalues does.
    """

    prior: Prior
    probes: np.ndarray


def known_at(layout: Layout, curvature: Curvature, spreads: dict[str, float]) -> tuple[Known, ...]:
    """What is known of the random effects of a layout at a point: the curvature there, without their priors.

    ``spreads`` are the variances to begin with, by name.
    """
    is_unit = layout.places >= layout.period.size
    units, shocks, at = _Gathered.of(curvature), _Gathered.of(curvature), 0
    for k, (begin, end) in enumerate(zip(curvature.begins[:-1], curvature.begins[1:], strict=True)):
        size, n = int(end - begin), int(is_unit[begin:end].sum())
        block = -curvature.blocks[at : at + size * size].reshape(size, size)
        at += size * size
        if n:
            units.add(k, begin, *_left(block, n))
        if layout.trend.size and size > n:
            shocks.add(k, begin + n, *_around(block[n:, n:], layout.trend[begin:end][n:]))
    found = []
    if is_unit.any():
        found.append(units.known(UNITS, layout.central + np.flatnonzero(is_unit), np.zeros(0, np.int64), spreads))
    if shocks.information:
        places = layout.central + np.flatnonzero(~is_unit)
        found.append(shocks.known(SHOCKS, places, layout.trend[~is_unit], spreads))
    return tuple(found)


@dataclass(frozen=True, slots=True, repr=False)
class _Gathered:
    """Eigenvalues and directions of the organisations so far: numbers of organisations, first local parameters, and both."""

    n_local: int
    n_organisations: int
    places: list[tuple[int, int]]
    information: list[np.ndarray]
    directions: list[np.ndarray]

    @classmethod
    def of(cls, curvature: Curvature) -> _Gathered:
        return cls(curvature.n_local, curvature.begins.size - 1, [], [], [])

    def add(self, organisation: int, begin: int, information: np.ndarray, directions: np.ndarray) -> None:
        self.places.append((organisation, begin))
        self.information.append(np.maximum(information, 0.0))
        self.directions.append(directions)

    def known(self, name: str, places: np.ndarray, group: np.ndarray, spreads: dict[str, float]) -> Known:
        variance = spreads.get(name, FIRST_SPREAD)
        most = max(len(one) for one in self.information)
        n_probes = min(most, max(FEWEST_PROBES, -(-ENOUGH_PROBES // self.n_organisations)))
        # organisations are felt for together, and where probes are few an organisation's directions too, with signs that
        # make them cancel on average (Hutchinson 1990)
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (self.n_organisations, most, n_probes)) / n_probes**0.5
        if n_probes == most:
            signs[:] = np.eye(most)
        probes = np.zeros((self.n_local, n_probes))
        for (organisation, begin), known, directions in zip(
            self.places, self.information, self.directions, strict=True
        ):
            scaled = directions * np.sqrt(variance / (1.0 + variance * known))
            probes[begin : begin + len(directions)] += scaled @ signs[organisation, : known.size]
        return Known(Prior(name, places, group, np.concatenate(self.information)), probes)


def _left(block: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of the information on the first ``n`` parameters with the others estimated, and how all move along them."""
    own, mixed, others = block[:n, :n], block[n:, :n], block[n:, n:]
    follow = np.linalg.lstsq(others, mixed, rcond=1e-10)[0]
    values, vectors = np.linalg.eigh(own - mixed.T @ follow)
    return values, np.concatenate([vectors, -follow @ vectors])


def _around(block: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of deviations from the means of groups, with the means estimated."""
    code = np.unique(group, return_inverse=True)[1]
    is_in = code[:, None] == np.arange(code.max() + 1)
    centring = np.eye(code.size) - is_in @ (is_in / is_in.sum(axis=0)).T
    half = np.linalg.pinv(block, hermitian=True) @ centring
    values, vectors = np.linalg.eigh(centring @ half)
    kept = slice(is_in.shape[1], None)
    information = 1.0 / np.maximum(values[kept], 1e-12)
    return information, half @ vectors[:, kept] * information
