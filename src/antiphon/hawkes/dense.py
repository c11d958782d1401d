"""The dense multivariate Hawkes process: one system, every kind may excite every kind, exponential kernels.

The general path fits the same model to the design of ``dense_design``. With one system, no rhythm and no frailty little
of it is needed, and what is left can be computed as fast as the machine allows (docs/method/performance.md).
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from antiphon.errors import SpecificationError
from antiphon.kernels import dense as loops

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Item = TypeVar("Item")
    Result = TypeVar("Result")

SEGMENTS = 8
"""Parts of the time that can be read in threads; fixed, so that sums do not depend on the number of threads."""

SMALLEST_SEGMENT = 20_000
"""Events that a segment has at least."""

FORGOTTEN = 100.0
"""Exponent beyond which an event is as good as forgotten: e**-100 of its mass is left."""


@dataclass(frozen=True, slots=True, repr=False)
class DenseEvents:
    """Events of one system, checked.

    Attributes
    ----------
    times : (events,) days, in order.
    kinds : (events,) codes from 0.
    counts : (kinds,) events of each kind.
    end : the system was observed from 0 to this day.
    """

    times: np.ndarray
    kinds: np.ndarray
    counts: np.ndarray
    end: float

    @property
    def n_kinds(self) -> int:
        """Number of kinds, those without events included."""
        return self.counts.size


@dataclass(frozen=True, slots=True, repr=False)
class DenseLikelihood:
    """Log likelihood at one point, with its derivatives.

    Attributes
    ----------
    value : log likelihood.
    baseline : (kinds,) derivative in each baseline.
    excitation : (target kinds, source kinds, half-lives) derivative in each excitation.
    """

    value: float
    baseline: np.ndarray
    excitation: np.ndarray


def dense_events(times: np.ndarray, kinds: np.ndarray, end: float, *, n_kinds: int | None = None) -> DenseEvents:
    """Check the events of one system.

    Parameters
    ----------
    times
        (events,) days since the start of observation, in order; equal times are allowed.
    kinds
        (events,) whole numbers from 0.
    end
        Day on which observation ended. It is never inferred: time without events counts.
    n_kinds
        Number of kinds; one more than the largest code by default.

    Returns
    -------
    DenseEvents

    Raises
    ------
    SpecificationError
        If there are no events, they are not in order or not within the time observed, or kinds are not such codes.
    """
    times, kinds = np.ascontiguousarray(times, np.float64), np.asarray(kinds)
    if times.ndim != 1 or times.shape != kinds.shape or not times.size:
        raise SpecificationError(
            f"times and kinds must be two lists of the same length, not {times.shape} and {kinds.shape}"
        )
    if not np.all(times[1:] >= times[:-1]):  # also where one is not a number
        raise SpecificationError(
            "times must be numbers in increasing order; sort times and kinds by np.argsort(times, kind='stable')"
        )
    if times[0] < 0.0 or not times[-1] <= end or not np.isfinite(end):
        raise SpecificationError("times must lie between 0 and end, the day on which observation ended")
    if kinds.dtype.kind not in "iu" or kinds.min() < 0:
        raise SpecificationError(
            "kinds must be whole numbers from 0; np.unique(..., return_inverse=True) makes them of labels"
        )
    least = int(kinds.max()) + 1
    if n_kinds is not None and n_kinds < least:
        raise SpecificationError(f"n_kinds is {n_kinds}, but the kinds need at least {least}")
    counts = np.bincount(kinds, minlength=least if n_kinds is None else n_kinds)
    return DenseEvents(times, kinds.astype(np.uint32), counts, float(end))


def dense_log_likelihood(
    events: DenseEvents, half_lives: Sequence[float], baseline: np.ndarray, excitation: np.ndarray, *, threads: int = 2
) -> DenseLikelihood:
    """Log likelihood of the dense multivariate Hawkes process, and its gradient.

    Parameters
    ----------
    events
        From ``dense_events``.
    half_lives
        (half-lives,) days, shared by all pairs of kinds.
    baseline
        (kinds,) events per day.
    excitation
        (target kinds, source kinds, half-lives) expected direct echoes per event.
    threads
        Parts of the time read at once. The result does not depend on it.

    Returns
    -------
    DenseLikelihood

    Raises
    ------
    SpecificationError
        If half-lives are not positive or shapes do not fit.

    Notes
    -----
    ``sum over events of log lambda[k](t) - sum over kinds of the integral of lambda[k] from 0 to end``, where
    ``lambda[k](t) = baseline[k] + sum over earlier events (h, s) and half-lives b of excitation[k,h,b] ln2/b
    2**(-(t-s)/b)``. Nothing is precomputed and no table of events by kinds is kept: the recursion of Ozaki runs again
    at every call.

    References
    ----------
    Ozaki, T. (1979). Maximum likelihood estimation of Hawkes' self-exciting point processes. Annals of the Institute of
    Statistical Mathematics, 31, 145-155.
    """
    rates = decay_rates(half_lives)
    shape = (events.n_kinds, events.n_kinds, len(rates))
    if np.shape(baseline) != shape[:1] or np.shape(excitation) != shape:
        given = f"{np.shape(baseline)} and {np.shape(excitation)}"
        raise SpecificationError(f"baseline must have the shape {shape[:1]} and excitation {shape}, not {given}")
    data = loops.Events(events.times, events.kinds)
    parameters = to_rows(np.asarray(baseline, float), np.asarray(excitation, float))
    bounds = segments(events.times)
    sums, left = standing_sums(events, rates, bounds, threads)

    def read(segment: int) -> tuple[float, np.ndarray]:
        far, near = aligned_zeros((2, *parameters.shape))
        state = aligned_zeros((2, parameters.shape[1]))
        state[0] = sums[segment]
        first, last = int(bounds[segment]), int(bounds[segment + 1])
        logs = loops.read_segment(data, first, last, rates, parameters, state, working_memory(rates), far, near)
        return logs, far + near

    parts = in_threads(read, range(bounds.size - 1), threads)
    gradient = np.sum([part[1] for part in parts], axis=0)
    by_baseline, by_excitation = from_rows(gradient, len(rates))
    by_baseline -= events.end
    compensator = compensators(events, left, len(rates))
    by_excitation -= compensator
    value = sum(part[0] for part in parts) - events.end * float(np.sum(baseline))
    return DenseLikelihood(value - float(np.sum(excitation * compensator)), by_baseline, by_excitation)


def decay_rates(half_lives: Sequence[float]) -> tuple[float, ...]:
    """Rates of decay per day; raises ``SpecificationError`` if a half-life is not positive or comes twice."""
    lives = np.atleast_1d(np.asarray(half_lives, float))
    if (
        lives.ndim > 1
        or not lives.size
        or not np.all((lives > 0.0) & (lives < np.inf))
        or np.unique(lives).size < lives.size
    ):
        raise SpecificationError("half_lives must be one or more different positive numbers of days")
    return tuple(float(rate) for rate in np.log(2.0) / lives)


def aligned_zeros(shape: tuple[int, ...]) -> np.ndarray:
    """Zeros that begin where a cache line begins, so that eight numbers never lie on two."""
    size = math.prod(shape)
    space = np.zeros(size + loops.LANES)
    first = -space.__array_interface__["data"][0] % (8 * loops.LANES) // 8
    return space[first : first + size].reshape(shape)


def row_width(n_kinds: int) -> int:
    """Places that a row of the loops has for each half-life: the kinds and the baseline, filled up to whole lanes."""
    return -(-(n_kinds + 1) // loops.LANES) * loops.LANES


def working_memory(rates: tuple[float, ...]) -> loops.Work:
    """Working memory of one thread."""
    size = len(rates) * loops.BLOCK
    return loops.Work(np.empty(size), np.empty(size), np.empty(loops.BLOCK, np.int64))


def in_threads(function: Callable[[Item], Result], items: Sequence[Item], threads: int) -> list[Result]:
    """Results in the order of the items."""
    if threads < 2 or len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


def to_rows(baseline: np.ndarray, excitation: np.ndarray) -> np.ndarray:
    """Parameters as the loops want them, (target kinds, row)."""
    n_kinds, lives = baseline.size, excitation.shape[2]
    rows = aligned_zeros((n_kinds, lives * row_width(n_kinds)))
    by_life = rows.reshape(n_kinds, lives, -1)
    by_life[:, :, :n_kinds] = excitation.transpose(0, 2, 1)
    by_life[:, 0, n_kinds] = baseline
    return rows


def from_rows(rows: np.ndarray, lives: int) -> tuple[np.ndarray, np.ndarray]:
    """Baseline and excitation out of rows."""
    n_kinds = rows.shape[0]
    by_life = rows.reshape(n_kinds, lives, -1)
    return by_life[:, 0, n_kinds].copy(), by_life[:, :, :n_kinds].transpose(0, 2, 1).copy()


def segments(times: np.ndarray) -> np.ndarray:
    """Bounds of the segments; ties are not cut."""
    count = min(SEGMENTS, max(1, times.size // SMALLEST_SEGMENT))
    bounds = np.linspace(0, times.size, count + 1).astype(np.int64)[:-1]
    return np.append(np.unique(np.searchsorted(times, times[bounds], side="left")), times.size)


def standing_sums(
    events: DenseEvents, rates: tuple[float, ...], bounds: np.ndarray, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """What sounds on from all earlier events where each segment begins, (segments, row), and at the end, (row,)."""
    data = loops.Events(events.times, events.kinds)
    moments = np.append(events.times[bounds[:-1]], events.end)
    width = row_width(events.n_kinds)

    def leave(segment: int) -> np.ndarray:
        left = aligned_zeros((len(rates) * width,))
        moment = float(moments[segment + 1])
        heard = int(np.searchsorted(events.times, moment - FORGOTTEN / min(rates)))
        first, last = max(int(bounds[segment]), heard), int(bounds[segment + 1])
        loops.standing(data, first, last, moment, rates, working_memory(rates), left)
        return left

    parts = in_threads(leave, range(bounds.size - 1), threads)
    by_place = np.repeat(rates, width)
    sums = np.zeros((bounds.size, by_place.size))
    for segment, part in enumerate(parts):
        sums[segment + 1] = part + np.exp(-by_place * (moments[segment + 1] - moments[segment])) * sums[segment]
    return sums[:-1], sums[-1]


def compensators(events: DenseEvents, left: np.ndarray, lives: int) -> np.ndarray:
    """How many echoes at excitation 1 events of each kind had time for, (source kinds, half-lives)."""
    return events.counts[:, None] - left.reshape(lives, -1)[:, : events.n_kinds].T
