"""What else stands in an incident that has a given kind in it: co-occurrence, without direction and without delay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.special import betaincinv, ndtri, stdtrit

from antiphon.inference.claims import adjust
from antiphon.inference.mixed import Answers, estimate_mixed
from antiphon.resonance.behind import BEHIND, Behind
from antiphon.resonance.contrasts import FEWEST_PER_PARAMETER, Contrast, Incidents, choose_contrasts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from antiphon.design.design import Kind
    from antiphon.inference.mixed import MixedEstimate
    from antiphon.resonance.happened import Happened
    from antiphon.resonance.surroundings import Surroundings

FEWEST_INCIDENTS = 5
"""With fewer incidents that hold the first kind, a pair is not looked at; with fewer answered or unanswered ones there
are no odds."""

FEWEST_CLUSTERS = 10
"""With fewer units, incidents are clustered by the person they began with, and how units differ is not told."""

FEWEST_AGAIN = 10
"""Persons differ as far as the model knows where at least so many have two incidents or more."""

MEDIAN_RATIO = float(np.sqrt(2.0) * ndtri(0.75))
"""Times the spread of a factor: the median log odds ratio of two of its groups, the higher against the lower."""

RESPONSES = {
    "first_kind": pl.String,
    "second_kind": pl.String,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "effective": pl.Float64,
    "share_recorded": pl.Float64,
    "low_recorded": pl.Float64,
    "high_recorded": pl.Float64,
    "n_recorded": pl.Int64,
    "n_source_recorded": pl.Int64,
    "n_target_recorded": pl.Int64,
    "odds": pl.Float64,
    "odds_low": pl.Float64,
    "odds_high": pl.Float64,
    "adjusted_for": pl.List(pl.String),
}
CONTRASTS = {
    "first_kind": pl.String,
    "second_kind": pl.String,
    "differs_by": pl.String,
    "level": pl.String,
    "against": pl.String,
    "odds_ratio": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p": pl.Float64,
    "q": pl.Float64,
    "n": pl.Int64,
}

RATIO = ("odds_ratio", "low", "high")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Answered:
    """Incidents with one kind, and which of them have another.

    Attributes
    ----------
    answered : (incidents,) 0.0 or 1.0.
    head : (incidents,) row of the first system with the first kind.
    unit, person : (incidents,) codes, of that row.
    source, target : pairs (incident, system): who has the first kind, and the second, in which of these incidents.
    """

    answered: np.ndarray
    head: np.ndarray
    unit: np.ndarray
    person: np.ndarray
    source: tuple[np.ndarray, np.ndarray]
    target: tuple[np.ndarray, np.ndarray]

    def systems(self, rows: np.ndarray) -> tuple[int, int]:
        """Distinct systems with the first kind, and with the second, in a set of incidents (bool)."""
        source, target = (len(np.unique(system[rows[at]])) for at, system in (self.source, self.target))
        return source, target

    def behind(self, roles: tuple[str, str], *sets: np.ndarray) -> Behind:
        """Say who stands behind what is made of several sets of incidents: the fewest on each side of any."""
        counts = [self.systems(rows) for rows in sets]
        units = [len(np.unique(self.unit[rows & (self.unit >= 0)])) for rows in sets]
        return Behind(min(source for source, _ in counts), min(target for _, target in counts), *roles, min(units))


def responses(
    joined: Happened,
    recorded: Happened,
    kinds: Sequence[Kind],
    around: Surroundings,
    thresholds: Mapping[str, int],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Share of incidents with one kind that also have another, and by what that differs.

    Parameters
    ----------
    joined : what happened, with rows joined where incident numbers are missing.
    recorded : what happened, only rows with a recorded incident number.
    kinds : the kinds of the design.
    around : what surrounded the rows of ``joined``.
    thresholds : smallest number of persons that may be shown, by role: what fewer share is taken together with others.

    Returns
    -------
    pl.DataFrame
        Responses: first_kind, second_kind, share, low, high, n (incidents with the first kind), effective (as many
        independent incidents would be as certain); share_recorded ... n_target_recorded (the same from recorded
        incident numbers alone); odds, odds_low, odds_high (in a typical unit and of a typical person, everything else
        average); adjusted_for (what entered the odds). Pairs of different kinds that occur together at least once, and
        their reverse.
    pl.DataFrame
        Contrasts: first_kind, second_kind, differs_by (time, shift, staffing, practice, directed at, unit, person), level
        and against (what is compared), odds_ratio, low, high, p, q (corrected over the table), n (incidents at the
        level). For unit and person ``odds_ratio`` is the median one of two of them, the higher against the lower.

    Notes
    -----
    Association inside an incident: neither kind is said to come first, whatever the columns are called.
    """
    by_kind, by_kind_recorded = _by_kind(joined, len(kinds)), _by_kind(recorded, len(kinds))
    rows: list[Row] = []
    contrasts: list[Row] = []
    for first, second in sorted(_together(joined, len(kinds)), key=lambda pair: [kinds[k].name for k in pair]):
        told = answered(joined, by_kind[first], by_kind[second])
        if len(told.answered) < FEWEST_INCIDENTS:
            continue
        names = {"first_kind": kinds[first].name, "second_kind": kinds[second].name}
        roles = kinds[first].role, kinds[second].role
        odds, differing = _differences(told, around, roles, thresholds)
        again = _recorded(answered(recorded, by_kind_recorded[first], by_kind_recorded[second]))
        everyone = np.ones(len(told.answered), dtype=bool)
        rows.append(names | _share(told) | again | odds | told.behind(roles, everyone).columns())
        contrasts += [names | row for row in differing]
    table = pl.DataFrame(contrasts, schema=CONTRASTS | BEHIND)
    return pl.DataFrame(rows, schema=RESPONSES | BEHIND), _corrected(table)


def _share(told: Answered) -> Row:
    has_units = len(np.unique(told.unit)) >= FEWEST_CLUSTERS
    clusterings = [told.unit, told.person] if has_units else [told.person]
    low, high, effective = clustered_interval(told.answered, clusterings)
    share = float(told.answered.mean())
    return {"share": share, "low": low, "high": high, "n": len(told.answered), "effective": effective}


def _recorded(told: Answered) -> Row:
    if not len(told.answered):
        return {"n_recorded": 0, "n_source_recorded": 0, "n_target_recorded": 0}
    n_source, n_target = told.systems(np.ones(len(told.answered), dtype=bool))
    found = {f"{name}_recorded": value for name, value in _share(told).items() if name != "effective"}
    return found | {"n_source_recorded": n_source, "n_target_recorded": n_target}


def _differences(
    told: Answered, around: Surroundings, roles: tuple[str, str], thresholds: Mapping[str, int]
) -> tuple[Row, list[Row]]:
    """Odds of a pair, and by what they differ."""

    def is_enough(rows: np.ndarray) -> bool:
        return all(n >= thresholds.get(role, 0) for n, role in zip(told.systems(rows), roles, strict=True))

    nothing: Row = {"adjusted_for": []}
    everyone = np.ones(len(told.answered), dtype=bool)
    hits = int(told.answered.sum())
    if min(hits, len(everyone) - hits) < FEWEST_INCIDENTS or not is_enough(everyone):
        return nothing, []
    fewest, factors = max(thresholds.values(), default=0), _factors(told)
    chosen = choose_contrasts(Incidents(told.answered, told.unit, told.head, is_enough, fewest), around)
    for contrasts in (chosen, []):
        found = _estimate(told, contrasts, factors)
        if found is not None:
            odds = _ratio(found, 0, ("odds", "odds_low", "odds_high"))
            entered = list(dict.fromkeys(contrast.differs_by for contrast in contrasts))
            return odds | {"adjusted_for": entered}, _contrasts(found, contrasts, list(factors), told, roles)
    return nothing, []


def _contrasts(
    found: MixedEstimate, contrasts: list[Contrast], factors: list[str], told: Answered, roles: tuple[str, str]
) -> list[Row]:
    rows = []
    for place, contrast in enumerate(contrasts, start=1):
        row: Row = {name: getattr(contrast, name) for name in ("differs_by", "level", "against")}
        row |= _ratio(found, place, RATIO) | {"p": float(found.p[place]), "n": int(contrast.side.sum())}
        rows.append(row | told.behind(roles, contrast.side, contrast.other_side).columns())
    everyone = told.behind(roles, np.ones(len(told.answered), dtype=bool)).columns()
    return rows + [row | everyone for row in _spreads(found, factors, told)]


def _ratio(found: MixedEstimate, place: int, names: tuple[str, str, str]) -> Row:
    values = (found.estimate, found.low, found.high)
    return {name: float(np.exp(x[place])) for name, x in zip(names, values, strict=True)}


def _factors(told: Answered) -> dict[str, np.ndarray]:
    """Units and persons, as far as both can differ and can be told apart."""
    found = {}
    unit, person = (np.unique(codes, return_inverse=True)[1] for codes in (told.unit, told.person))
    n_units, n_pairs = int(unit.max()) + 1, len(np.unique(unit * (int(person.max()) + 1) + person))
    if n_units > 1:
        found["unit"] = unit
    counts = np.bincount(person)
    if np.sum(counts > 1) >= FEWEST_AGAIN and not n_pairs == n_units == len(counts):
        found["person"] = person
    return found


def _estimate(told: Answered, contrasts: list[Contrast], factors: dict[str, np.ndarray]) -> MixedEstimate | None:
    covariates = np.column_stack([np.ones(len(told.answered)), *(contrast.values for contrast in contrasts)])
    return estimate_mixed(Answers(told.answered, covariates, tuple(factors.values())))


def _spreads(found: MixedEstimate, factors: list[str], told: Answered) -> list[Row]:
    """How much groups differ; of few units, or from few answers, the records say too little."""
    rows: list[Row] = []
    hits = int(told.answered.sum())
    if min(hits, len(told.answered) - hits) < FEWEST_PER_PARAMETER:
        return rows
    for place, name in enumerate(factors):
        if name == "unit" and len(np.unique(told.unit)) < FEWEST_CLUSTERS:
            continue
        spreads = (found.spread[place], found.spread_low[place], found.spread_high[place])
        ratio = [float(np.exp(MEDIAN_RATIO * spread)) for spread in spreads]
        row: Row = {"differs_by": name, "level": "", "against": "", "n": len(told.answered)}
        rows.append(row | dict(zip(RATIO, ratio, strict=True)))
    return rows


def _corrected(table: pl.DataFrame) -> pl.DataFrame:
    """Correct all tests of the table as one family."""
    is_test = table["p"].is_not_null().to_numpy()
    q = np.full(table.height, np.nan)
    q[is_test] = adjust(table["p"].drop_nulls().to_numpy())
    return table.with_columns(pl.Series("q", q, dtype=pl.Float64).fill_nan(None))


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
    incidents, heads, at = np.unique(what.incident[first], return_index=True, return_inverse=True)
    inside = second[np.isin(what.incident[second], incidents)]
    answer_at = np.searchsorted(incidents, what.incident[inside])
    is_answered = np.zeros(len(incidents))
    is_answered[answer_at] = 1.0
    head = first[heads]
    return Answered(
        is_answered, head, what.unit[head], what.system[head],
        (at, what.system[first]), (answer_at, what.system[inside]),
    )  # fmt: skip


def shared_incidents(what: Happened, kind: int) -> tuple[float, int]:
    """Share of a kind's incidents in which more than one system has it, and who is behind it.

    Parameters
    ----------
    what : rows of events.
    kind : the kind.

    Returns
    -------
    tuple of float and int
        Share, in [0, 1], 0 without incidents; distinct systems of those incidents, or of the others where they are
        fewer (a side without any incident does not count).
    """
    mine = what.kind == kind
    _, place, counts = np.unique(what.incident[mine], return_inverse=True, return_counts=True)
    if not len(counts):
        return 0.0, 0
    is_shared = counts[place] > 1
    sides = [np.unique(what.system[mine][side]).size for side in (is_shared, ~is_shared) if side.any()]
    return float(np.mean(counts > 1)), min(sides)


def clustered_interval(answered: np.ndarray, clusterings: list[np.ndarray]) -> tuple[float, float, float]:
    """95 % interval of a share when answers come in clusters.

    Parameters
    ----------
    answered : (incidents,) 0 or 1; at least one.
    clusterings : each (incidents,) int64; the one that says least certain counts.

    Returns
    -------
    tuple of float
        Exact binomial limits (Clopper-Pearson) at the effective number of incidents, ``n`` divided by the design
        effect of the clustering; never narrower than with independent incidents. And the effective number.
    """
    share = float(answered.mean())
    effective = min(_effective(answered - share, cluster) for cluster in clusterings)
    hits = share * effective
    low = betaincinv(hits, effective - hits + 1, 0.025) if hits > 0 else 0.0
    high = betaincinv(hits + 1, effective - hits, 0.975) if hits < effective else 1.0
    return float(min(low, share)), float(max(high, share)), effective


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
