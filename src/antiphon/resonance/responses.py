"""What else stands in an incident that has a given kind in it: co-occurrence, without direction and without delay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.optimize import minimize
from scipy.sparse import coo_array
from scipy.special import betaincinv, expit, stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.resonance.happened import Happened

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


@dataclass(frozen=True, slots=True, repr=False)
class Answered:
    """Incidents with one kind, and which of them have another.

    Attributes
    ----------
    answered : (incidents,) 0.0 or 1.0.
    unit, person : (incidents,) codes, of the first row with the first kind.
    n_source, n_target : distinct systems with the first kind, and with the second in one of these incidents.
    """

    answered: np.ndarray
    unit: np.ndarray
    person: np.ndarray
    n_source: int
    n_target: int


def responses(joined: Happened, recorded: Happened, kinds: Sequence[str]) -> pl.DataFrame:
    """Share of incidents with one kind that also have another.

    Parameters
    ----------
    joined : what happened, with rows joined where incident numbers are missing.
    recorded : what happened, only rows with a recorded incident number.
    kinds : names of the kinds.

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
    by_kind, by_kind_recorded = _by_kind(joined, len(kinds)), _by_kind(recorded, len(kinds))
    rows = []
    for first, second in sorted(_together(joined, len(kinds)), key=lambda pair: (kinds[pair[0]], kinds[pair[1]])):
        told = answered(joined, by_kind[first], by_kind[second])
        if len(told.answered) < FEWEST_INCIDENTS:
            continue
        numbered = answered(recorded, by_kind_recorded[first], by_kind_recorded[second]).answered
        units = len(np.unique(told.unit[told.unit >= 0]))
        again = (float(numbered.mean()) if len(numbered) else None, len(numbered))
        behind = (told.n_source, told.n_target, units)
        rows.append((kinds[first], kinds[second], *_estimates(told), *again, *_odds(told), *behind))
    return pl.DataFrame(rows, schema=RESPONSES, orient="row")


def _estimates(told: Answered) -> tuple[float, float, float, int]:
    has_units = len(np.unique(told.unit)) >= FEWEST_CLUSTERS
    low, high = clustered_interval(told.answered, [told.unit, told.person] if has_units else [told.person])
    return float(told.answered.mean()), low, high, len(told.answered)


def _odds(told: Answered) -> list[float | None]:
    odds = typical_odds(told.answered, told.unit)
    return [value if np.isfinite(value) else None for value in (odds.value, odds.low, odds.high)]


def _by_kind(what: Happened, n_kinds: int) -> list[np.ndarray]:
    """Rows of each kind, those of one incident together."""
    order = np.argsort(what.incident, kind="stable")
    return [order[what.kind[order] == kind] for kind in range(n_kinds)]


def _together(what: Happened, n_kinds: int) -> list[tuple[int, int]]:
    """Pairs of different kinds that share at least one incident."""
    n_incidents = int(what.incident.max(initial=-1)) + 1
    held = coo_array(
        (np.ones(len(what.kind), dtype=np.int64), (what.incident, what.kind)), shape=(n_incidents, n_kinds)
    )
    counts = (held.T @ held).toarray()
    np.fill_diagonal(counts, 0)
    return [(int(first), int(second)) for first, second in np.argwhere(counts > 0)]


def answered(what: Happened, first: np.ndarray, second: np.ndarray) -> Answered:
    """Find which incidents with a first kind also have a second.

    Parameters
    ----------
    what : rows of events.
    first, second : rows of the two kinds, those of one incident together.

    Returns
    -------
    Answered
        In order of incident.
    """
    incidents, heads = np.unique(what.incident[first], return_index=True)
    others = what.incident[second]
    inside = second[np.isin(others, incidents)]
    return Answered(
        answered=np.isin(incidents, others).astype(float),
        unit=what.unit[first[heads]],
        person=what.system[first[heads]],
        n_source=len(np.unique(what.system[first])),
        n_target=len(np.unique(what.system[inside])),
    )


def shared_incidents(what: Happened, kind: int) -> float:
    """Share of a kind's incidents in which more than one system has it.

    Parameters
    ----------
    what : rows of events.
    kind : the kind.

    Returns
    -------
    float
        In [0, 1]; 0 without incidents.
    """
    counts = np.unique(what.incident[what.kind == kind], return_counts=True)[1]
    return float(np.mean(counts > 1)) if len(counts) else 0.0


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
    low = betaincinv(hits, effective - hits + 1, 0.025) if hits > 0 else 0.0
    high = betaincinv(hits + 1, effective - hits, 0.975) if hits < effective else 1.0
    return float(min(low, share)), float(max(high, share)) if n else 1.0


def _effective(residual: np.ndarray, cluster: np.ndarray) -> float:
    """Count the independent incidents that would be as certain, allowing for few clusters."""
    n = len(residual)
    n_clusters = len(np.unique(cluster))
    if n_clusters < 2:
        return 1.0
    sums = np.bincount(np.unique(cluster, return_inverse=True)[1], residual)
    spread = float(np.sum(residual**2))
    effect = float(np.sum(sums**2)) / spread if spread > 0 else n / n_clusters
    widening = n_clusters / (n_clusters - 1) * float(stdtrit(n_clusters - 1, 0.975) / 1.959964) ** 2
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
    reach = float(stdtrit(len(all_) - 1, 0.975)) * error
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
