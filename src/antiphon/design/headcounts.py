"""Heads counted as step functions: staff per client at work, and clients per place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.design.roster import codes
from antiphon.design.spells import time_order
from antiphon.design.steps import Reading, equal_links, make_steps, rounded
from antiphon.design.terms import CAPACITY
from antiphon.framework.vocabulary import SERVED

if TYPE_CHECKING:
    from antiphon.design.ground import Ground
    from antiphon.design.spells import Spells
    from antiphon.design.terms import Term

HANDOVER_DAYS = 30 / 1440
"""Who is at work is asked half an hour into a shift: people come before their shift and stay after it."""


def read_staffing(ground: Ground, term: Term, step: float) -> Reading:
    """Return the doublings of staff present per client present; half a person more on both sides."""
    roster, moments, cell = ground.roster, *_moments_of_work(ground)
    present = roster.in_level(roster.present, term.where)
    works = np.isin(roster.role, _roles_with_shifts(ground)) & (roster.role != SERVED)
    staff = _heads(present.where(works[present.owner]), moments, cell)
    clients = _heads(present.where((roster.role == SERVED)[present.owner]), moments, cell)
    group, cell, (n_staff, n_clients) = _counts(ground, [staff, clients])
    value = rounded(np.log2((n_staff + 0.5) / (n_clients + 0.5)), step)
    value[~_has_roster(ground, group, cell, n_staff > 0)] = np.nan
    steps = make_steps(group, ground.edges[cell], value, ground.n_systems)
    return Reading(steps, equal_links(roster.in_level(ground.where, term.where)))


def _has_roster(ground: Ground, group: np.ndarray, cell: np.ndarray, is_manned: np.ndarray) -> np.ndarray:
    """Return which changes lie between the first shift of their group and its last: outside nobody wrote shifts down."""
    first, last = np.full(ground.n_systems, ground.n_cells), np.full(ground.n_systems, -1)
    np.minimum.at(first, group[is_manned], cell[is_manned])
    # the last change to somebody holds until the next change
    np.maximum.at(last, group[is_manned], cell[is_manned])
    return (cell >= first[group]) & (cell <= last[group])


def _moments_of_work(ground: Ground) -> tuple[np.ndarray, np.ndarray]:
    """Return when it is asked who is at work, and the cell that each answer is for: of days, the mean of their shifts."""
    edges = ground.shifts if ground.is_by_day else ground.edges
    moments = edges[:-1] + np.minimum(HANDOVER_DAYS, 0.5 * np.diff(edges))
    return moments, np.clip(np.searchsorted(ground.edges, moments, side="right") - 1, 0, ground.n_cells - 1)


def _roles_with_shifts(ground: Ground) -> list[str]:
    rows = ground.agency.presence.filter(~pl.col("away").fill_null(value=False))
    return np.unique(ground.roster.role[codes(rows["system"], ground.names)]).tolist()


def read_census(ground: Ground, term: Term, step: float) -> Reading:
    """Return clients (as members) per place of the group."""
    roster = ground.roster
    member = roster.in_level(roster.member, term.where)
    clients = member.where((roster.role == SERVED)[member.owner])
    places = ground.agency.systems[CAPACITY].cast(pl.String).cast(pl.Float64, strict=False).fill_null(0.0).to_numpy()
    counted = np.flatnonzero((roster.level == term.where) & (places > 0) & np.isfinite(places))
    empty = (counted, np.zeros(counted.size, np.int64), np.zeros(counted.size))
    heads = _heads(clients, ground.edges[:-1], np.arange(ground.n_cells))
    group, cell, (n_clients,) = _counts(ground, [tuple(map(np.concatenate, zip(empty, heads, strict=True)))])
    known = np.isin(group, counted)
    group, cell, n_clients = group[known], cell[known], n_clients[known]
    steps = make_steps(group, ground.edges[cell], rounded(n_clients / places[group], step), ground.n_systems)
    return Reading(steps, equal_links(roster.in_level(ground.where, term.where)))


def _heads(spells: Spells, moments: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return changes (group, cell, number) of how many are in each group: the mean over the moments of each cell.

    Someone in several groups at once counts in equal parts in each.
    """
    group, start, end, weight = _shares(spells)
    low, high = np.searchsorted(moments, start), np.searchsorted(moments, end)
    group = np.concatenate([group, group])
    moment, change = np.concatenate([low, high]), np.concatenate([weight, -weight])
    seen = np.tile(low < high, 2) & (moment < moments.size)
    group, moment, change = group[seen], moment[seen], change[seen]
    here = cell[moment]
    n_moments = np.bincount(cell, minlength=cell.max() + 1)
    past = moment - np.searchsorted(cell, here)
    left = past / n_moments[here]
    cells = np.concatenate([here, here + 1])
    return np.tile(group, 2), cells, np.concatenate([change * (1.0 - left), change * left])


def _shares(spells: Spells) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the spells in pieces (group, start, end, share): 1 over the number of groups that someone is in at once."""
    owner, change = np.tile(spells.owner, 2), np.repeat([1.0, -1.0], spells.owner.size)
    edge = np.concatenate([spells.start, spells.end])
    order = time_order(owner, edge, spells.n_owners)
    number = make_steps(owner[order], edge[order], np.cumsum(change[order]), spells.n_owners, before=0.0)
    spell, cut = number.between(spells.owner, spells.start, spells.end)
    spell = np.concatenate([np.arange(spells.owner.size), spell])
    start = np.concatenate([spells.start, cut])
    order = np.lexsort((start, spell))
    spell, start = spell[order], start[order]
    end = spells.end[spell]
    follows = np.flatnonzero(spell[1:] == spell[:-1])
    end[follows] = start[follows + 1]
    return spells.group[spell], start, end, 1.0 / number.at(spells.owner[spell], start)


def _counts(ground: Ground, parts: list[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return (group, cell) at which any of several counts changes, sorted, and what each is from then on."""
    group, cell = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    kept = cell < ground.n_cells
    key, position = np.unique(group[kept] * ground.n_cells + cell[kept], return_inverse=True)
    group, cell = np.divmod(key, ground.n_cells)
    begins = np.searchsorted(group, group)
    counts, low = [], 0
    for part in parts:
        number = np.zeros(kept.size)
        number[low : low + part[2].size] = part[2]
        low += part[2].size
        total = np.cumsum(np.bincount(position, number[kept], key.size))
        before = np.where(begins > 0, total[begins - 1], 0.0)
        counts.append(np.round(total - before, 9))  # thirds add up to whole persons
    return group, cell, counts
