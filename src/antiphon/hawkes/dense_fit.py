"""The fit of the dense multivariate Hawkes process, target kind by target kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.hawkes.curvature import dense_curvature
from antiphon.hawkes.dense import (
    DenseEvents,
    aligned_zeros,
    compensators,
    decay_rates,
    from_rows,
    in_threads,
    row_width,
    segments,
    standing_sums,
    working_memory,
)
from antiphon.hawkes.fit import FitStatus
from antiphon.hawkes.fitting import FLAT
from antiphon.hawkes.newton import Optimum, Point, maximise
from antiphon.hawkes.problem import LEAST_MASS
from antiphon.kernels import dense as loops

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLE_BYTES = 64_000_000
"""Memory of the rows of target kinds that are written in one pass over the events; one kind may need more."""

LEAST_GROUPS = 4
"""Passes over the events that are made even where one table would do."""

THINNING = 16
"""Every so many rows lead to where the search among all rows begins."""

ROWS_PER_COLUMN = 10
"""Rows per parameter that a thinned search needs to lead anywhere."""

ROUGH = 0.1
"""Log likelihood left to gain at which the thinned search stops."""


@dataclass(frozen=True, slots=True, repr=False)
class DenseFit:
    """The dense multivariate Hawkes process at the maximum of its likelihood.

    Attributes
    ----------
    half_lives : (half-lives,) days, as given.
    baseline : (kinds,) events per day without echoes.
    excitation : (target kinds, source kinds, half-lives) expected direct echoes per event.
    baseline_error, excitation_error : their standard errors, from the exact Hessian over the estimates above 0; NaN
        where the estimate is 0, and for a whole target kind where its likelihood is flat.
    log_likelihood : at the estimates.
    log_likelihoods, status : (kinds,) share of each target kind, and how its search ended.
    """

    half_lives: tuple[float, ...]
    baseline: np.ndarray
    excitation: np.ndarray
    baseline_error: np.ndarray
    excitation_error: np.ndarray
    log_likelihood: float
    log_likelihoods: np.ndarray
    status: tuple[FitStatus, ...]

    @property
    def branching_ratio(self) -> float:
        """Spectral radius of the expected direct echoes, half-lives together."""
        return float(np.abs(np.linalg.eigvals(self.excitation.sum(axis=2))).max())

    def __repr__(self) -> str:
        """Sizes and the value only."""
        return f"DenseFit({self.baseline.size} kinds, log likelihood {self.log_likelihood:.2f})"


def fit_dense(events: DenseEvents, half_lives: Sequence[float], *, threads: int = 2) -> DenseFit:
    """Fit the dense multivariate Hawkes process with given half-lives by maximum likelihood.

    Parameters
    ----------
    events
        From ``dense_events``.
    half_lives
        (half-lives,) days, shared by all pairs of kinds.
    threads
        Target kinds fitted at a time. The result does not depend on it.

    Returns
    -------
    DenseFit
        Baselines and excitations are zero or positive; the likelihood is concave, so there is one maximum.

    Raises
    ------
    SpecificationError
        If half-lives are not positive.

    Notes
    -----
    The likelihood splits by target kind. Each is climbed by projected Newton steps with the exact Hessian
    (``newton``), at first on every sixteenth row. What the events of a kind read is kept in a table, of as many kinds
    at a time as fit in 64 MB. Source kinds that all events together left less than half an echo of are left out, as in
    ``fit_design``.
    """
    rates = decay_rates(half_lives)
    _, left = standing_sums(events, rates, segments(events.times), threads)
    mass = np.zeros((len(rates), row_width(events.n_kinds)))
    mass[:, : events.n_kinds] = compensators(events, left, len(rates)).T
    mass[0, events.n_kinds] = events.end
    parts = in_threads(
        lambda group: _fit_group(events, rates, group, mass.ravel()), _groups(events.counts, mass.size), threads
    )
    found = {kind: one for part in parts for kind, one in part.items()}
    return _gather(events, tuple(float(life) for life in np.atleast_1d(half_lives)), found)


@dataclass(frozen=True, slots=True, repr=False)
class _KindFit:
    """One target kind: estimates, errors (row,), log likelihood, status."""

    estimates: np.ndarray
    errors: np.ndarray
    log_likelihood: float
    status: FitStatus


@dataclass(frozen=True, slots=True, repr=False)
class _Rows:
    """Log likelihood of one target kind at the parameters in ``places``; each row counts ``weight`` times."""

    rows: np.ndarray
    mass: np.ndarray
    places: np.ndarray
    weight: float

    def __call__(self, x: np.ndarray, *, hessian: bool) -> Point:
        width = self.rows.shape[1]
        parameters, gradient = aligned_zeros((width,)), aligned_zeros((width,))
        parameters[self.places] = x
        squares = aligned_zeros((width if hessian else 0, width))
        logs = loops.rows_likelihood(self.rows, parameters, aligned_zeros((loops.ROWS, width)), gradient, squares)
        mass = self.mass[self.places]
        point = Point(x, self.weight * logs - float(mass @ x), self.weight * gradient[self.places] - mass)
        if not hessian:
            return point
        upper = np.triu(squares[np.ix_(self.places, self.places)])
        return replace(point, hessian=dense_curvature(-self.weight * (upper + np.triu(upper, 1).T)))


def _groups(counts: np.ndarray, width: int) -> list[np.ndarray]:
    """Kinds with events, as many together as fit into the table; some groups at least, for threads to share."""
    kinds = np.flatnonzero(counts)
    size = np.cumsum(counts[kinds]) * width * 8
    number = size // min(TABLE_BYTES, size[-1] // LEAST_GROUPS + 1)
    return np.split(kinds, np.flatnonzero(np.diff(number)) + 1)


def _fit_group(
    events: DenseEvents, rates: tuple[float, ...], group: np.ndarray, mass: np.ndarray
) -> dict[int, _KindFit]:
    counts = events.counts[group]
    ends = np.cumsum(counts)
    place = np.full(events.n_kinds, -1)
    place[group] = ends - counts
    rows = aligned_zeros((int(ends[-1]), mass.size))
    data = loops.Events(events.times, events.kinds)
    loops.write_rows(data, rates, place, aligned_zeros((mass.size,)), working_memory(rates), rows)
    used = mass >= LEAST_MASS
    used[events.n_kinds] = True  # the baseline, however short the time
    places = np.flatnonzero(used)
    return {
        int(kind): _fit_kind(part, mass, places) for kind, part in zip(group, np.split(rows, ends[:-1]), strict=True)
    }


def _fit_kind(rows: np.ndarray, mass: np.ndarray, places: np.ndarray) -> _KindFit:
    bounded = np.ones(places.size, bool)
    x = rows.shape[0] / mass[places] / places.size
    if rows.shape[0] > THINNING * ROWS_PER_COLUMN * places.size:
        thinned = aligned_zeros((-(-rows.shape[0] // THINNING), mass.size))
        thinned[:] = rows[::THINNING]
        rough = _Rows(thinned, mass, places, rows.shape[0] / thinned.shape[0])
        x = maximise(rough, rough(x, hessian=True), bounded, tolerance=ROUGH).point.x
    likelihood = _Rows(rows, mass, places, 1.0)
    optimum = maximise(likelihood, likelihood(x, hessian=True), bounded)
    estimates, errors = np.zeros(mass.size), np.full(mass.size, np.nan)
    estimates[places] = optimum.point.x
    # the search keeps its Hessian for some steps; the errors are those of the optimum itself
    status, errors[places] = _errors(replace(optimum, point=likelihood(optimum.point.x, hessian=True)))
    return _KindFit(estimates, errors, optimum.point.value, status)


def _errors(optimum: Optimum) -> tuple[FitStatus, np.ndarray]:
    """How the search ended, and standard errors of the estimates above 0."""
    x = optimum.point.x
    errors, free = np.full(x.size, np.nan), np.flatnonzero(x > 0.0)
    curvature = -optimum.hessian.central[np.ix_(free, free)]
    scale = np.sqrt(np.diag(curvature))
    values, vectors = np.linalg.eigh(curvature / np.outer(scale, scale))
    if values[0] < FLAT:
        return FitStatus.FLAT, errors
    errors[free] = np.sqrt((vectors**2 / values).sum(axis=1)) / scale
    return FitStatus.CONVERGED if optimum.converged else FitStatus.SLOW, errors


def _gather(events: DenseEvents, half_lives: tuple[float, ...], found: dict[int, _KindFit]) -> DenseFit:
    """Put the target kinds together; those without events have no baseline and follow nothing."""
    n_kinds, lives = events.n_kinds, len(half_lives)
    width = lives * row_width(n_kinds)
    nothing = _KindFit(np.zeros(width), np.full(width, np.nan), 0.0, FitStatus.CONVERGED)
    fits = [found.get(kind, nothing) for kind in range(n_kinds)]
    baseline, excitation = from_rows(np.stack([one.estimates for one in fits]), lives)
    baseline_error, excitation_error = from_rows(np.stack([one.errors for one in fits]), lives)
    shares = np.array([one.log_likelihood for one in fits])
    status = tuple(one.status for one in fits)
    return DenseFit(
        half_lives, baseline, excitation, baseline_error, excitation_error, float(shares.sum()), shares, status
    )  # fmt: skip
