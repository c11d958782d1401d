"""Step functions: what holds for a person or group from a time on, and how it reaches the systems that it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from antiphon.design.spells import time_order
from antiphon.kernels.spells import last_started

if TYPE_CHECKING:
    from antiphon.design.spells import Spells


@dataclass(frozen=True, slots=True, repr=False)
class Steps:
    """A step function per owner, continuous from the right. Sorted by owner and time.

    Attributes
    ----------
    owner, time, value : (changes,) owner, days, and what holds from then on; NaN: not known.
    begins : (owners + 1,) where the changes of each owner begin.
    before : what holds before the first change.
    """

    owner: np.ndarray
    time: np.ndarray
    value: np.ndarray
    begins: np.ndarray
    before: float

    def at(self, owner: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Return what holds for each owner at each time."""
        if not self.value.size:
            return np.full(owner.size, self.before)
        last = last_started(self.begins, self.time, owner, time, np.zeros(owner.size, bool))
        return np.where(last >= 0, self.value[last], self.before)

    def n_between(self, owner: np.ndarray, start: np.ndarray, end: np.ndarray) -> int:
        """Return how many changes lie inside spells of the owners, all together."""
        low, high = self._range(owner, start, end)
        return int((high - low).sum())

    def between(self, owner: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pairs (spell, time) of all changes inside spells of the owners, edges excluded."""
        low, high = self._range(owner, start, end)
        spell, number = counted(high - low)
        return spell, self.time[low[spell] + number]

    def _range(self, owner: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first change after each start, and the first at or after each end."""
        bounds = []
        for time, is_before in ((start, False), (end, True)):
            last = last_started(self.begins, self.time, owner, time, np.full(owner.size, is_before))
            bounds.append(np.where(last >= 0, last + 1, self.begins[owner]))
        return bounds[0], np.maximum(bounds[1], bounds[0])


def make_steps(owner: np.ndarray, time: np.ndarray, value: np.ndarray, n_owners: int, before: float = np.nan) -> Steps:
    """Make step functions from rows in any order; of rows at the same time the last counts.

    Parameters
    ----------
    owner, time, value
        (rows,) owner, days, and what holds from then on.
    n_owners
        Number of owners.
    before
        What holds before the first row of an owner.
    """
    order = time_order(owner, time, n_owners)
    owner, time, value = owner[order], time[order], value[order]
    is_last = np.ones(owner.size, bool)
    is_last[:-1] = (owner[1:] != owner[:-1]) | (time[1:] != time[:-1])
    owner, time, value = owner[is_last], time[is_last], value[is_last]
    earlier = np.full(owner.size, before)
    follows = np.flatnonzero(owner[1:] == owner[:-1]) + 1
    earlier[follows] = value[follows - 1]
    is_new = ~((value == earlier) | (np.isnan(value) & np.isnan(earlier)))
    owner = owner[is_new]
    return Steps(owner, time[is_new], value[is_new], np.searchsorted(owner, np.arange(n_owners + 1)), before)


def counted(n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (row, number) of n[row] things in each row, numbered from 0."""
    row = np.repeat(np.arange(n.size), n)
    return row, np.arange(row.size) - np.repeat(np.cumsum(n) - n, n)


def rounded(value: np.ndarray, step: float) -> np.ndarray:
    """Return values as multiples of a step; as they are where the step is 0."""
    return np.floor(value / step + 0.5) * step if step else value


@dataclass(frozen=True, slots=True, repr=False)
class Links:
    """Whose step functions a system reads: spells (owner: the reader, group: whose), and the weight of each."""

    spells: Spells
    weight: np.ndarray


def equal_links(spells: Spells) -> Links:
    """Return links of equal weight."""
    return Links(spells, np.ones(spells.owner.size))


@dataclass(frozen=True, slots=True, repr=False)
class Pairs:
    """Step functions of pairs of systems: the sorted keys ``one * n_systems + other``, and the steps by position."""

    key: np.ndarray
    steps: Steps

    def at(self, key: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Return what holds for each pair at each time; 0 for pairs that have no steps."""
        found = np.zeros(key.size)
        if self.key.size:
            position = np.minimum(np.searchsorted(self.key, key), self.key.size - 1)
            here = self.key[position] == key
            found[here] = self.steps.at(position[here], time[here])
        return found


@dataclass(frozen=True, slots=True, repr=False)
class Reading:
    """What each system reads of step functions: its own, or the largest, mean or sum of those that it is linked to.

    Attributes
    ----------
    steps : what is read, by system.
    links : whose; None: each system its own.
    rule : how several are taken together. Without any link: 0, or for the mean not known.
    own : a system's own part in each sum, taken out of it; None where it has none.
    """

    steps: Steps
    links: Links | None = None
    rule: Literal["max", "mean", "sum"] = "mean"
    own: Pairs | None = None

    def n_marks(self, here: np.ndarray) -> int:
        """Return the number of times at which it may change for the systems of a mask."""
        if self.links is None:
            return int(here[self.steps.owner].sum())
        spells = self.links.spells
        own = 0 if self.own is None else self.own.steps.time.size
        return self.steps.n_between(spells.group, spells.start, spells.end) + 2 * spells.owner.size + own

    def marks(self, here: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (system, time) at which it may change for the systems of a mask."""
        if self.links is None:
            mine = here[self.steps.owner]
            return self.steps.owner[mine], self.steps.time[mine]
        spells = self.links.spells
        link, changes = self.steps.between(spells.group, spells.start, spells.end)
        system = [spells.owner, spells.owner, spells.owner[link]]
        time = [spells.start, spells.end, changes]
        if self.own is not None:
            system.append(self.own.key[self.own.steps.owner] // here.size)
            time.append(self.own.steps.time)
        return np.concatenate(system), np.concatenate(time)

    def at(self, system: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Return what each system reads at each time; NaN: not known."""
        if self.links is None:
            return self.steps.at(system, time)
        spells, n = self.links.spells, system.size
        query, link = spells.at(system, time, np.zeros(n, bool))
        value = self.steps.at(spells.group[link], time[query])
        if self.own is not None:
            value -= self.own.at(system[query] * spells.n_owners + spells.group[link], time[query])
        if self.rule == "max":
            found = np.zeros(n)
            np.maximum.at(found, query, value)
            return found
        weight = self.links.weight[link]
        if self.rule == "sum":
            return np.bincount(query, value * weight, n)
        known = ~np.isnan(value)
        query, value, weight = query[known], value[known], weight[known]
        with np.errstate(invalid="ignore"):
            return np.bincount(query, value * weight, n) / np.bincount(query, weight, n)


@dataclass(frozen=True, slots=True, repr=False)
class Column:
    """One covariate before it is centred.

    Attributes
    ----------
    name : as it is written in ``agency.toml``, with the level of a category.
    unit : what a difference of 1 means, in words; ``{scale}`` stands for the scale.
    scale : what it is divided by; 0: a round number near its standard deviation.
    step : what it is rounded to; 0: not rounded.
    kinds : kinds that it is for; None: all of the role.
    reading : its values.
    """

    name: str
    unit: str
    scale: float
    step: float
    kinds: tuple[int, ...] | None
    reading: Reading
