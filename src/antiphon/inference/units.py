"""Whether a coupling hangs on one unit, and what few units can show: leaving one out, and exchanging their histories."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import permutations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.channels import meeting_level
from antiphon.design.spells import intersection
from antiphon.design.targets import risk_spells
from antiphon.hawkes.fitting import refit_target
from antiphon.inference.intervals import compare_without, make_curve
from antiphon.inference.jitter import row_weights, without
from antiphon.inference.rereading import without_unit
from antiphon.kernels.stages import underway

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from antiphon.design.delays import Kernels
    from antiphon.design.design import Design, Target
    from antiphon.design.events import Events
    from antiphon.design.spells import Spells
    from antiphon.hawkes.fit import Fit
    from antiphon.inference.claims import Row

FEWEST_UNITS = 3
"""With fewer units what is left without one of them is another one's own."""

MOST_UNITS = 12
"""Units left out at most: those that have most of what a coupling is taken to explain."""

FEW_UNITS = 10
"""From so many units on nothing is exchanged: the test by likelihood then rests on enough of them."""

LEVEL = 0.05
MOST_ORDERS = 5040
"""Orders of units up to which all are gone through (7 units); of more so many less one are drawn."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is left of a coupling without one unit, in the fit that claims rest on.

    Attributes
    ----------
    low, high : smallest and largest estimate without one of the units.
    hangs : whether without one of them p, before any correction, is above .05.
    """

    low: float
    high: float
    hangs: bool


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A test by exchanging what happened before between units.

    Attributes
    ----------
    p : share of orders of the units in which what came before fits what came after as well as it did.
    smallest : the smallest p that so many units can give.
    n_units : units exchanged.
    """

    p: float
    smallest: float
    n_units: int


def explained_by_unit(fit: Fit, index: int, columns: Sequence[int]) -> np.ndarray:
    """Events that some columns of a target explain in each unit, (systems,), at the code of the unit.

    Parameters
    ----------
    fit
        A fit.
    index, columns
        Target, and columns of one coupling.
    """
    target, one = fit.design.targets[index], fit.targets[index]
    chosen = list(columns)
    echoes = target.features[:, chosen] @ one.model.alpha[chosen]
    share = row_weights(fit, index) * echoes
    inside = target.unit >= 0
    return np.bincount(target.unit[inside], share[inside], fit.design.n_systems)


def leave_one_out(fit: Fit, rows: Mapping[int, Row], *, threads: int = 2) -> dict[int, LeftOut]:
    """Estimate couplings anew without each of the units that have most of what they explain.

    Parameters
    ----------
    fit
        The fit that claims rest on.
    rows
        Rows of the table of tests by number.
    threads
        Units worked on at a time.

    Returns
    -------
    dict
        By number of the row; nothing for couplings of fewer than 3 units, or where a kind is left without events.

    Notes
    -----
    Without a unit its people are not watched while they are in it, and what happened in it reaches nobody, through ties
    either. Frailty variances, couplings, trend and rhythm are all estimated anew, from the fit as a start.
    """
    units = {place: _weightiest(explained_by_unit(fit, row.target, row.columns)) for place, row in rows.items()}
    units = {place: found for place, found in units.items() if found.size >= FEWEST_UNITS}
    asked = sorted({int(unit) for found in units.values() for unit in found})

    def one_unit(unit: int) -> dict[int, tuple[float, float]]:
        mine = [place for place, found in units.items() if unit in found]
        other = without_unit(fit.design, unit)
        return {} if other is None else _without(fit, other, {place: rows[place] for place in mine})

    with ThreadPoolExecutor(max(1, threads)) as pool:
        found = list(pool.map(one_unit, asked))
    result = {}
    for place in units:
        told = [some[place] for some in found if place in some]
        if len(told) >= FEWEST_UNITS:
            estimates, p = zip(*told, strict=True)
            result[place] = LeftOut(min(estimates), max(estimates), max(p) > LEVEL)
    return result


def _weightiest(explained: np.ndarray) -> np.ndarray:
    """Units that explain anything, at most so many, those with most first."""
    order = np.argsort(-explained, kind="stable")[:MOST_UNITS]
    return order[explained[order] > 0.0]


def _without(fit: Fit, other: Design, rows: Mapping[int, Row]) -> dict[int, tuple[float, float]]:
    """Estimate and p of couplings in a design without a unit."""
    result = {}
    for index in sorted({row.target for row in rows.values()}):
        again = refit_target(fit, index, design=other)
        known = {feature: column for column, feature in enumerate(other.targets[index].columns)}
        curve = make_curve(again, index)
        for place, row in rows.items():
            if row.target == index:
                features = fit.design.targets[index].columns
                columns, fast = (
                    tuple(known[features[c]] for c in some if features[c] in known) for some in (row.columns, row.fast)
                )
                estimate = float(again.targets[index].model.alpha[list(columns)].sum())
                result[place] = (estimate, compare_without(curve, fast, is_quick=True).p)
    return result


def sources_within_units(design: Design, events: Events, index: int, columns: Sequence[int]) -> np.ndarray | None:
    """Events that a coupling may echo within the units where people meet; None for channels that do not act there.

    Parameters
    ----------
    design, events
        The agency and its events.
    index, columns
        Target, and its columns of one coupling.
    """
    feature, structure = design.targets[index].columns[columns[0]], design.structure
    channel = design.channels[feature.channel]
    if structure is None or channel.how not in ("peers", "members", "group"):
        return None
    if channel.where != meeting_level(structure.roster):
        return None
    sources = events.of_kind(feature.source_kind)
    if channel.how == "group":
        return sources
    return sources[structure.roster.role[events.system[sources]] == channel.from_role]


def exchange(fit: Fit, events: Events, index: int, columns: Sequence[int], *, seed: int = 1) -> Exchanged | None:
    """Test a coupling within units by what happened before in other units, where units are few.

    Parameters
    ----------
    fit
        The fit that a claim rests on.
    events
        Those of its design.
    index, columns
        Target, and its columns that a claim rests on.
    seed
        Of the orders that are drawn where units are too many to go through all.

    Returns
    -------
    Exchanged or None
        None where the channel does not act within units, or where less than 2 or more than 9 units have events of
        both kinds.

    Notes
    -----
    If it does not matter what happened before in one's own unit, another unit's history at the same time does as well. For
    each pair of units (u, v) the score of hearing v's events in u is

        M[u,v] = sum over rows of u of w h_v - integral of (systems at risk in u) h_v,

    ``h_v`` the kernels' sum over v's earlier events (times the root of the half-life) and ``w`` the rows' weights in the
    fit without the coupling. A person's own events are left out where the unit is their own. The statistic is the sum of
    ``M[u, order(u)]``; levels of units cancel, since every order has each unit once on each side. Calendar time is the
    same in all units, so what all of them share is in every order. What is one unit's own, such as a spell of trouble that
    raises both kinds, is not excluded.

    References
    ----------
    Rosenbaum (2002), Observational Studies, chapter 2 (randomisation inference).
    """
    design = fit.design
    target, sources = design.targets[index], sources_within_units(design, events, index, columns)
    if sources is None:
        return None
    units = np.intersect1d(events.unit[sources], target.unit)
    units = units[units >= 0]
    if not 2 <= units.size < FEW_UNITS:
        return None
    weights = row_weights(without(fit, index, columns), index)
    kernels = design.kernels.chosen([target.columns[column].half_life for column in columns])
    pairs = _Pairs(design, target, weights, kernels, events, sources)
    matrix = np.array([[pairs.score(u, v) for v in units] for u in units])
    n_orders = factorial(units.size)
    p = order_test(matrix, np.random.default_rng(seed))
    return Exchanged(p, 1.0 / min(n_orders, MOST_ORDERS), int(units.size))


def order_test(matrix: np.ndarray, generator: np.random.Generator) -> float:
    """Share of orders whose sum is at least that of the diagonal, which is one of them.

    Parameters
    ----------
    matrix
        (units, units).
    generator
        For the orders, where there are more than 5,040.
    """
    n = len(matrix)
    if factorial(n) <= MOST_ORDERS:
        orders = np.array(list(permutations(range(n))))
    else:
        drawn = np.tile(np.arange(n), (MOST_ORDERS - 1, 1))
        orders = np.concatenate([np.arange(n)[None], generator.permuted(drawn, axis=1)])
    sums = matrix[np.arange(n), orders].sum(axis=1)
    return float(np.mean(sums >= np.trace(matrix) - 1e-9 * np.abs(matrix).sum()))


class _Pairs:
    """What the rows of one unit would hear of another."""

    def __init__(
        self, design: Design, target: Target, weights: np.ndarray, kernels: Kernels, events: Events, sources: np.ndarray
    ) -> None:
        assert design.structure is not None  # noqa: S101 - asked before
        self.target, self.weights, self.kernels = target, weights, kernels
        self.events, self.sources = events, sources
        self.member = design.structure.roster.member
        role = design.roles[target.role]
        self.at_risk = risk_spells(role.segments, role.kinds.index(target.kind), design.n_systems)

    def score(self, reader: int, source: int) -> float:
        """Score of the rows of one unit for the events of another, or of its own."""
        heard = self.sources[self.events.unit[self.sources] == source]
        rows = np.flatnonzero(self.target.unit == reader)
        inside = intersection(self.at_risk, self.member.where(self.member.group == reader).without_groups())
        total = self._score(self.events.sounds_from[heard], rows, inside)
        if reader == source:
            for system in np.intersect1d(self.events.system[heard], inside.owner):
                own = heard[self.events.system[heard] == system]
                mine = rows[self.target.system[rows] == system]
                total -= self._score(self.events.sounds_from[own], mine, inside.where(inside.owner == system))
        return total

    def _score(self, times: np.ndarray, rows: np.ndarray, at_risk: Spells) -> float:
        start, end = self.target.time[rows], self.target.time[rows] + self.target.width[rows]
        rises = np.where(end > start, end - start, 1.0)
        order = np.argsort(start, kind="stable")
        points = np.sort(np.concatenate([at_risk.start, at_risk.end]))
        n_at_risk = np.searchsorted(np.sort(at_risk.start), points, side="right")
        n_at_risk = n_at_risk - np.searchsorted(np.sort(at_risk.end), points, side="right")
        total, times = 0.0, np.sort(times)
        for life, rate, m in zip(self.kernels.half_lives, self.kernels.rates, self.kernels.orders, strict=True):
            density = _density(times, start[order], float(rate), int(m))
            come = np.searchsorted(times, points) - underway(times, points, float(rate), int(m))
            mass = float(n_at_risk[:-1] @ np.diff(come))
            total += float(np.sqrt(life)) * (float(self.weights[rows][order] @ (density * rises[order])) - mass)
        return total


def _density(times: np.ndarray, points: np.ndarray, rate: float, order: int) -> np.ndarray:
    """Sum of a kernel over the events before each point; the last stage is what is left of all stages but the others."""
    waiting = underway(times, points, rate, order)
    return rate * (waiting if order == 1 else waiting - underway(times, points, rate, order - 1))
