"""Ties and memberships as they were at first, and for as long as they could have lasted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.spells import spells

if TYPE_CHECKING:
    from antiphon.design.roster import Roster, Ties
    from antiphon.design.spells import Spells


def as_at_admission(roster: Roster) -> Roster:
    """Return a roster in which nobody ever changes units or ties: whatever follows incidents is undone.

    Parameters
    ----------
    roster
        As recorded.

    Returns
    -------
    Roster
        A person's first unit is theirs whenever they are a member, or present, of any; a tie lasts without end if it is
        the first of that relation for the one of its two ends who came later (who came at the same time: the target),
        all other ties are left out.
    """
    first = _first_unit(roster)
    member, present = (_in_first_unit(roster, part, first) for part in (roster.member, roster.present))
    came = np.full(roster.n_systems, np.inf)
    np.minimum.at(came, roster.stays.owner, roster.stays.start)
    ties = {name: _first_ties(ties, came) for name, ties in roster.ties.items()}
    return replace(roster, member=member, present=present, ties=ties)


def _first_unit(roster: Roster) -> np.ndarray:
    """First group of each person at the level of units, by membership, else by presence; -1 for none."""
    first = np.full(roster.n_systems, -1)
    for part in (roster.present, roster.member):
        here = np.flatnonzero((roster.level[part.group] == roster.unit) & roster.is_person[part.owner])[::-1]
        first[part.owner[here]] = part.group[here]
    return first


def _in_first_unit(roster: Roster, part: Spells, first: np.ndarray) -> Spells:
    moved = (roster.level[part.group] == roster.unit) & (first[part.owner] >= 0)
    group = np.where(moved, first[part.owner], part.group)
    return spells(part.owner, group, part.start, part.end, part.n_owners)


def _first_ties(ties: Ties, came: np.ndarray) -> Ties:
    newcomer = np.where(came[ties.source] > came[ties.target], ties.source, ties.target)
    earliest = np.full(came.size, np.inf)
    np.minimum.at(earliest, newcomer, ties.start)
    kept = ties.start <= earliest[newcomer]
    return replace(
        ties, source=ties.source[kept], target=ties.target[kept], start=ties.start[kept],
        end=np.full(int(kept.sum()), np.inf), weight=ties.weight[kept],
    )  # fmt: skip
