"""Whether the model describes the timing: residuals in the model's own time, and forecasts of later blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.special import kolmogorov, ndtr

from antiphon.inference.forecast import endemic_until
from antiphon.kernels.stages import underway

if TYPE_CHECKING:
    from antiphon.design.delays import Kernels
    from antiphon.design.design import Design, Target
    from antiphon.hawkes.fit import Fit, TargetFit

FEWEST_EVENTS = 20
"""With fewer incidents a residual plot says nothing."""
DIAGNOSTICS = {"kind": pl.String, "ks": pl.Float64, "p": pl.Float64, "n": pl.Int64}
CALIBRATION = {"expected": pl.Float64, "observed": pl.Int64, "p_forecast": pl.Float64}


@dataclass(frozen=True, slots=True, repr=False)
class Clock:
    """Cumulated expected events of one kind, over everyone.

    Attributes
    ----------
    times : (points,) days, increasing.
    expected : (points,) events expected from the start of the scored time until then.
    """

    times: np.ndarray
    expected: np.ndarray

    def at(self, times: np.ndarray) -> np.ndarray:
        """Interpolate."""
        return np.interp(times, self.times, self.expected)


def diagnose(fit: Fit, forecasts: pl.DataFrame | None = None, *, seed: int = 1) -> pl.DataFrame:
    """Compare the residuals of every kind with what the model says they are: independent and exponential.

    Parameters
    ----------
    fit : a fit.
    forecasts : counts of later blocks foretold by earlier ones, from ``antiphon.inference.ladder.climb``.
    seed : of the random places that events of coarse time get within their cell.

    Returns
    -------
    pl.DataFrame
        kind, ks (largest distance between the distribution of ``1 - exp(-expected events between incidents)`` and the
        uniform one), p, n (incidents); expected and observed counts of the later blocks with p_forecast, two-sided
        (null without forecasts). Kinds with under 20 incidents are left out.

    Notes
    -----
    Time rescaling (Brown and others 2002), for all systems together: an incident counts once, and expected events are
    scaled accordingly. The endemic part is integrated exactly per calendar cell, with each system's total as fitted;
    the epidemic part has the fitted total of every block, divided within the block as the kernels of the recorded
    source events say (its readable share is taken as constant within a block). Events of coarse time are put at random
    within the expected events of their cell, which is exact given the cell's start (Haslinger and others 2010). The
    test looks at the same records that were fitted, so its p is on the large side, and it does not see whether the
    right *person* had the event.
    """
    generator = np.random.default_rng(seed)
    rows = []
    for target, target_fit in zip(fit.design.targets, fit.targets, strict=True):
        intervals = residual_intervals(fit.design, target, target_fit, generator)
        if len(intervals) >= FEWEST_EVENTS:
            distance, p = uniform_test(-np.expm1(-intervals))
            rows.append((fit.design.kinds[target.kind].name, distance, p, len(intervals)))
    found = pl.DataFrame(rows, schema=DIAGNOSTICS, orient="row")
    nothing = pl.DataFrame(schema={"kind": pl.String} | CALIBRATION)
    known = nothing if forecasts is None or forecasts.is_empty() else calibration(forecasts)
    return found.join(known, on="kind", how="left", maintain_order="left")


def uniform_test(values: np.ndarray) -> tuple[float, float]:
    """Kolmogorov-Smirnov distance of values from the uniform distribution on [0, 1], and its p.

    Notes
    -----
    The p is that of the limiting distribution at Stephens' effective distance, right to a hundredth from ten
    values on. The statistics package that has it exact takes longer to load than all tests take.

    References
    ----------
    Stephens (1970), Use of the Kolmogorov-Smirnov, Cramer-von Mises and related statistics without extensive tables.
    """
    ordered, n = np.sort(values), len(values)
    above = (np.arange(1, n + 1) / n - ordered).max()
    below = (ordered - np.arange(n) / n).max()
    distance = float(max(above, below))
    return distance, float(kolmogorov(distance * (np.sqrt(n) + 0.12 + 0.11 / np.sqrt(n))))


def calibration(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Hold foretold counts against what came, all later blocks together.

    Parameters
    ----------
    forecasts : from ``antiphon.inference.forecast.forecasts``.

    Returns
    -------
    pl.DataFrame
        kind, expected, observed, p_forecast: two-sided normal, with the variance of a count of incidents and the
        error of the level that was carried forward.
    """
    sums = forecasts.group_by("kind", maintain_order=True).agg(
        pl.col("expected", "observed", "clustered").sum(),
        (pl.col("expected") * pl.col("level_error")).sum().alias("off"),
    )
    rows = []
    for kind, expected, observed, clustered, off in sums.iter_rows():
        spread = np.sqrt(max(expected * clustered / max(observed, 1), 1e-12) + off**2)
        rows.append((kind, expected, observed, float(2.0 * ndtr(-abs(observed - expected) / spread))))
    return pl.DataFrame(rows, schema={"kind": pl.String} | CALIBRATION, orient="row")


def residual_intervals(design: Design, target: Target, fit: TargetFit, generator: np.random.Generator) -> np.ndarray:
    """Expected incidents between one incident of a kind and the next.

    Parameters
    ----------
    design, target, fit : the kind.
    generator : for coarse time.

    Returns
    -------
    np.ndarray
        (incidents,) exponential with mean one where the model holds.
    """
    if not len(target.time):
        return np.zeros(0)
    first = np.unique(target.incident, return_index=True)[1]
    incidents = int(target.count[first].sum())
    clock = total_clock(design, target, fit)
    scale = incidents / max(float(target.count.sum()), 1.0)
    if target.width.max() > 0:
        begin, end = clock.at(target.time[first]), clock.at(target.time[first] + target.width[first])
        places = np.repeat(begin, target.count[first]) + np.repeat(end - begin, target.count[first]) * generator.random(
            incidents
        )
    else:
        places = clock.at(target.time[first])
    return scale * np.diff(np.sort(places), prepend=0.0)


def total_clock(design: Design, target: Target, fit: TargetFit) -> Clock:
    """Cumulate what a fit expects of one kind.

    Parameters
    ----------
    design, target, fit : the kind.

    Returns
    -------
    Clock
        At calendar edges, block edges and the kind's own event times, within the scored time.
    """
    start, end = float(design.block_edges[0]), float(design.block_edges[-1])
    edges = design.calendars[design.kinds[target.kind].precision].edges
    points = np.unique(np.concatenate([edges, design.block_edges, target.time, target.time + target.width]))
    points = points[(points >= start) & (points <= end)]
    expected = endemic_until(design, target, fit, points)
    speaking = _speaking_times(design)
    for column, alpha in enumerate(fit.model.alpha):
        if alpha > 0:
            feature = target.columns[column]
            kernel = kernel_mass(
                speaking[feature.source_kind], design.kernels, feature.half_life, points, design.block_edges
            )
            expected += alpha * _to_block_totals(kernel, points, design.block_edges, target.compensator[:, column])
    return Clock(points, expected - expected[0])


def _speaking_times(design: Design) -> list[np.ndarray]:
    """When recorded events of each kind speak: once per incident, at the end of their cell."""
    times = [np.zeros(0) for _ in design.kinds]
    for target in design.targets:
        first = np.unique(target.incident, return_index=True)[1]
        times[target.kind] = np.sort(target.time[first] + target.width[first])
    return times


def kernel_mass(
    times: np.ndarray, kernels: Kernels, which: int, points: np.ndarray, block_edges: np.ndarray
) -> np.ndarray:
    """Cumulated kernel mass of source events.

    Parameters
    ----------
    times : (events,) days, sorted.
    kernels, which : the kernels, and which of them.
    points : (points,) days, sorted, holding the block edges.
    block_edges : (blocks + 1,).

    Returns
    -------
    np.ndarray
        (points,) sum over events before t of the share of their echoes that has come; time itself where a block has none.
    """
    before = np.searchsorted(times, points, side="left")
    mass = before - underway(times, points, float(kernels.rates[which]), int(kernels.orders[which]))
    at_edges = np.searchsorted(points, block_edges)
    if np.any(np.diff(mass[at_edges]) <= 0):
        mass = mass + 1e-9 * points
    return mass


def _to_block_totals(kernel: np.ndarray, points: np.ndarray, edges: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Scale a cumulated curve so that it gains a given total in every block."""
    at_edges = kernel[np.searchsorted(points, edges)]
    block = np.clip(np.searchsorted(edges, points, side="right") - 1, 0, len(edges) - 2)
    gained = np.diff(at_edges)
    done = np.concatenate([[0.0], np.cumsum(totals)])
    return done[block] + totals[block] * (kernel - at_edges[block]) / gained[block]
