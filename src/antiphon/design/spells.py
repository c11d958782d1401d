"""Spells as arrays: who was where from when to when, and the few operations that everything else is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from antiphon.kernels import spells as loops

FOREVER = (-np.inf, np.inf)
CODE = np.int32
"""Of systems, kinds, incidents and events: millions of them are kept side by side, so their width is most of the memory."""


@dataclass(frozen=True, slots=True, repr=False)
class Spells:
    """Half-open spells ``[start, end)`` in days, sorted by owner and start; those of one owner and group are disjoint.

    Attributes
    ----------
    owner, group : (spells,) int64 codes of systems; group -1 where it does not matter.
    start, end : (spells,) float64.
    begins : (owners + 1,) int64, where the spells of each owner begin.
    reach : (spells,) float64, latest end among a spell and the owner's earlier ones.
    """

    owner: np.ndarray
    group: np.ndarray
    start: np.ndarray
    end: np.ndarray
    begins: np.ndarray
    reach: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reach", loops.running_end(self.begins, self.end))

    @property
    def n_owners(self) -> int:
        """Number of systems that could own a spell."""
        return self.begins.size - 1

    def where(self, keep: np.ndarray) -> Spells:
        """Return the spells for which `keep` is true."""
        return _sorted(self.owner[keep], self.group[keep], self.start[keep], self.end[keep], self.n_owners)

    def without_groups(self) -> Spells:
        """Return when each owner was anywhere at all."""
        return spells(self.owner, np.full(self.owner.size, -1), self.start, self.end, self.n_owners)

    def at(self, owner: np.ndarray, time: np.ndarray, is_before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pairs (query, spell that holds its moment); the moment just before `time` where `is_before`."""
        return loops.spells_at(self.begins, self.start, self.end, self.reach, owner, time, is_before)

    def holds(self, owner: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Return whether each owner is in a spell at that time. For spells without groups only."""
        last = self.last(owner, time)
        return (last >= 0) & (self.end[last] > time) if self.owner.size else np.zeros(owner.size, bool)

    def end_before(self, owner: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Return when the last spell of each owner that started before `time` ends; -inf for none."""
        last = loops.last_started(self.begins, self.start, owner, time, np.ones(owner.size, bool))
        return np.append(self.end, -np.inf)[last]

    def start_from(self, owner: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Return when the first spell of each owner that starts at `time` or later starts; inf for none."""
        last = loops.last_started(self.begins, self.start, owner, time, np.ones(owner.size, bool))
        following = np.where(last >= 0, last + 1, self.begins[owner])
        return np.where(following < self.begins[owner + 1], np.append(self.start, np.inf)[following], np.inf)

    def last(self, owner: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Return the last spell of each owner that has started at `time`, or -1."""
        return loops.last_started(self.begins, self.start, owner, time, np.zeros(owner.size, bool))

    def overlaps(self, owner: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pairs (query spell, spell of this set) of the same owner that overlap."""
        return loops.overlapping_pairs(owner, start, end, self.begins, self.start, self.end)


def spells(owner: np.ndarray, group: np.ndarray | None, start: np.ndarray, end: np.ndarray, n_owners: int) -> Spells:
    """Make spells from rows in any order; rows of one owner and group that overlap or touch become one.

    Parameters
    ----------
    owner, group
        (rows,) codes; `group` None where it does not matter.
    start, end
        (rows,) days; rows that end before they start are left out.
    n_owners
        Number of systems.
    """
    owner = np.asarray(owner, np.int64)
    group = np.full(owner.size, -1) if group is None else np.asarray(group, np.int64)
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    order = np.argsort(start, kind="stable")
    order = order[loops.counting_order(group[order] + 1, n_owners + 1)[0]]
    order = order[loops.counting_order(owner[order], n_owners)[0]]
    first, last = loops.merge_spells(owner[order], group[order], start[order], end[order])
    kept = order[first]
    return _sorted(owner[kept], group[kept], start[kept], last, n_owners)


def joined(parts: list[Spells], n_owners: int) -> Spells:
    """Return the union of several sets of spells."""
    return spells(
        np.concatenate([np.empty(0, np.int64), *(p.owner for p in parts)]),
        np.concatenate([np.empty(0, np.int64), *(p.group for p in parts)]),
        np.concatenate([np.empty(0), *(p.start for p in parts)]),
        np.concatenate([np.empty(0), *(p.end for p in parts)]),
        n_owners,
    )


def forever(owner: np.ndarray, group: np.ndarray | None, n_owners: int) -> Spells:
    """Return spells without beginning or end."""
    return spells(owner, group, np.full(owner.size, FOREVER[0]), np.full(owner.size, FOREVER[1]), n_owners)


def intersection(one: Spells, other: Spells) -> Spells:
    """Return the parts of `one` in which the same owner is also in a spell of `other`, with the groups of `one`."""
    a, b = other.overlaps(one.owner, one.start, one.end)
    start = np.maximum(one.start[a], other.start[b])
    return spells(one.owner[a], one.group[a], start, np.minimum(one.end[a], other.end[b]), one.n_owners)


def difference(one: Spells, other: Spells) -> Spells:
    """Return the parts of `one` in which the same owner is in no spell of `other`."""
    return one if other.owner.size == 0 else intersection(one, _complement(other.without_groups()))


def _complement(taken: Spells) -> Spells:
    owners = np.arange(taken.n_owners)
    owner = np.concatenate([owners, taken.owner])
    start = np.concatenate([np.full(owners.size, FOREVER[0]), taken.end])
    order = np.lexsort((start, owner))
    ends = np.concatenate([taken.start, np.full(owners.size, FOREVER[1])])
    end = ends[np.lexsort((ends, np.concatenate([taken.owner, owners])))]
    return spells(owner[order], None, start[order], end, taken.n_owners)


def time_order(key: np.ndarray, time: np.ndarray, n_keys: int) -> np.ndarray:
    """Return the order by code, then time; faster than a general sort because codes are small whole numbers."""
    order = np.argsort(time, kind="stable")
    return order[loops.counting_order(key[order], n_keys)[0]]


def _sorted(owner: np.ndarray, group: np.ndarray, start: np.ndarray, end: np.ndarray, n_owners: int) -> Spells:
    order = time_order(owner, start, n_owners)
    begins = np.searchsorted(owner[order], np.arange(n_owners + 1))
    return Spells(owner[order], group[order], start[order], end[order], begins)
