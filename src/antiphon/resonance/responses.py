"""What else stands in an incident that has a given kind in it: co-occurrence, without direction and without delay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import beta
from scipy.stats import t as student

FEWEST_INCIDENTS = 5
"""With fewer incidents that hold the first kind, a pair is not looked at."""
FEWEST_CLUSTERS = 10
"""With fewer units, incidents are clustered by the person they began with."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(21)

RESPONSES = {
    "first_kind": pl.String,
    "second_kind": pl.String,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "share_recorded": pl.Float64,
    "n_recorded": pl.Int64,
    "odds": pl.Float64,
    "odds_low": pl.Float64,
    "odds_high": pl.Float64,
    "n_source": pl.Int64,
    "n_target": pl.Int64,
    "n_units": pl.Int64,
}


@dataclass(frozen=True, slots=True)
class Odds:
    """Odds in a typical unit, with 95 % limits; NaN where units or answers are too few."""

    value: float
    low: float
    high: float


def responses(rows: pl.DataFrame) -> pl.DataFrame:
    """Share of incidents with one kind that also have another.

    Parameters
    ----------
    rows : one row per event that stands in an incident: ``incident``, ``recorded`` (whether the number was in the
        records; otherwise rows were joined by time, unit and person), ``kind``, ``system``, ``unit``. The rows of an
        incident stand in order of time.

    Returns
    -------
    pl.DataFrame
        first_kind, second_kind, share, low, high, n (incidents with the first kind); share_recorded, n_recorded (the
        same from recorded incident numbers alone); odds, odds_low, odds_high (in a typical unit: logistic with a
        random effect of the unit); n_source, n_target (distinct systems with the first kind, and with the second in
        the same incident), n_units. Pairs of different kinds that occur together at least once, and their reverse.

    Notes
    -----
    Association inside an incident: neither kind is said to come first, whatever the columns are called.
    """
    if rows.is_empty():
        return pl.DataFrame(schema=RESPONSES)
    first = rows.group_by("incident", "kind", maintain_order=True).agg(
        pl.col("recorded").first(), pl.col("system").first(), pl.col("unit").first()
    )
    together = (
        first.select("incident", pl.col("kind").alias("first_kind"))
        .join(first.select("incident", pl.col("kind").alias("second_kind")), on="incident")
        .filter(pl.col("first_kind") != pl.col("second_kind"))
    )
    pairs = together.select("first_kind", "second_kind").unique().sort("first_kind", "second_kind")
    found = [_pair(rows, first, together, *pair) for pair in pairs.iter_rows()]
    return pl.DataFrame([row for row in found if row is not None], schema=RESPONSES, orient="row")


def _pair(
    rows: pl.DataFrame, first: pl.DataFrame, together: pl.DataFrame, first_kind: str, second_kind: str
) -> tuple | None:
    """One row of the table of responses."""
    both = together.filter((pl.col("first_kind") == first_kind) & (pl.col("second_kind") == second_kind))
    incidents = first.filter(pl.col("kind") == first_kind).with_columns(
        answered=pl.col("incident").is_in(both.get_column("incident").implode())
    )
    if incidents.height < FEWEST_INCIDENTS:
        return None
    answered = incidents.get_column("answered").to_numpy().astype(float)
    recorded = incidents.get_column("recorded").to_numpy()
    unit = incidents.get_column("unit").rank("dense").fill_null(0).to_numpy().astype(np.int64)
    person = incidents.get_column("system").rank("dense").to_numpy().astype(np.int64)
    low, high = clustered_interval(answered, [unit, person] if len(np.unique(unit)) >= FEWEST_CLUSTERS else [person])
    odds = typical_odds(answered, unit)
    inside = rows.filter(pl.col("incident").is_in(incidents.get_column("incident").implode()))
    count = inside.group_by("kind").agg(pl.col("system").n_unique())
    systems = dict(count.iter_rows())
    return (
        first_kind,
        second_kind,
        float(answered.mean()),
        low,
        high,
        len(answered),
        float(answered[recorded].mean()) if recorded.any() else None,
        int(recorded.sum()),
        *(value if np.isfinite(value) else None for value in (odds.value, odds.low, odds.high)),
        systems[first_kind],
        systems[second_kind],
        incidents.get_column("unit").drop_nulls().n_unique(),
    )


def clustered_interval(answered: np.ndarray, clusterings: list[np.ndarray]) -> tuple[float, float]:
    """95 % interval of a share when answers come in clusters.

    Parameters
    ----------
    answered : (incidents,) 0 or 1.
    clusterings : each (incidents,) int64; the one that says least certain counts.

    Returns
    -------
    tuple of float
        Exact binomial limits (Clopper-Pearson) at the effective number of incidents, ``n`` divided by the design
        effect of the clustering; never narrower than with independent incidents.
    """
    n, share = len(answered), float(answered.mean())
    effective = min(_effective(answered - share, cluster) for cluster in clusterings)
    hits = share * effective
    low = beta.ppf(0.025, hits, effective - hits + 1) if hits > 0 else 0.0
    high = beta.ppf(0.975, hits + 1, effective - hits) if hits < effective else 1.0
    return float(min(low, share)), float(max(high, share)) if n else 1.0


def _effective(residual: np.ndarray, cluster: np.ndarray) -> float:
    """Count the independent incidents that would be as certain, allowing for few clusters."""
    n = len(residual)
    n_clusters = len(np.unique(cluster))
    if n_clusters < 2:
        return 1.0
    sums = np.bincount(cluster, residual)
    spread = float(np.sum(residual**2))
    effect = float(np.sum(sums**2)) / spread if spread > 0 else n / n_clusters
    widening = n_clusters / (n_clusters - 1) * float(student.ppf(0.975, n_clusters - 1) / 1.959964) ** 2
    return n / max(effect * widening, 1.0)


def typical_odds(answered: np.ndarray, unit: np.ndarray) -> Odds:
    """Odds that an incident is answered in a typical unit, by logistic regression with a random effect of the unit.

    Parameters
    ----------
    answered : (incidents,) 0 or 1.
    unit : (incidents,) int64.

    Returns
    -------
    Odds
        By marginal likelihood (21-point Gauss-Hermite). NaN with under two units or no contrast.
    """
    codes = np.unique(unit, return_inverse=True)[1]
    hits, all_ = np.bincount(codes, answered), np.bincount(codes).astype(float)
    nothing = Odds(float("nan"), float("nan"), float("nan"))
    if len(all_) < 2 or answered.min() == answered.max():
        return nothing
    start = np.array([np.log(answered.mean() / (1 - answered.mean())), np.log(0.5)])
    found = minimize(_minus_log_marginal, start, args=(hits, all_), method="L-BFGS-B", bounds=[(-12, 12), (-4, 2)])
    error = _standard_error(found.x, hits, all_)
    if not np.isfinite(error):
        return nothing
    centre = float(found.x[0])
    reach = float(student.ppf(0.975, len(all_) - 1)) * error
    return Odds(*(float(np.exp(np.clip(value, -12, 12))) for value in (centre, centre - reach, centre + reach)))


def _minus_log_marginal(parameters: np.ndarray, hits: np.ndarray, all_: np.ndarray) -> float:
    """Minus the log marginal likelihood, with a vague prior on the log spread so that few units cannot run away."""
    spread = np.exp(parameters[1])
    chance = np.clip(expit(parameters[0] + spread * NODES), 1e-12, 1 - 1e-12)
    log_terms = hits[:, None] * np.log(chance) + (all_ - hits)[:, None] * np.log1p(-chance)
    top = log_terms.max(axis=1, keepdims=True)
    inner = np.log(np.exp(log_terms - top) @ (WEIGHTS / WEIGHTS.sum())) + top[:, 0]
    return -float(inner.sum()) + float(0.5 * ((parameters[1] - np.log(0.5)) / 1.5) ** 2)


def _standard_error(at: np.ndarray, hits: np.ndarray, all_: np.ndarray, step: float = 1e-3) -> float:
    """Take the standard error of the intercept from central differences."""
    curvature = np.zeros((2, 2))
    shifts = step * np.eye(2)
    for i in range(2):
        for j in range(2):
            corners = [
                sign * other * _minus_log_marginal(at + sign * shifts[i] + other * shifts[j], hits, all_)
                for sign in (1, -1)
                for other in (1, -1)
            ]
            curvature[i, j] = sum(corners) / (4 * step**2)
    if np.linalg.det(curvature) <= 0 or curvature[1, 1] <= 0:
        return float("nan")
    return float(np.sqrt(np.linalg.inv(curvature)[0, 0]))
