"""What is carried forward, as step functions: the last measured score, and the decaying dose of events."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.design.design import Channel
from antiphon.design.ground import day_edges
from antiphon.design.pools import Masses, directed, masses_of
from antiphon.design.roster import Ties, codes, days
from antiphon.design.spells import Spells, time_order
from antiphon.design.steps import Links, Pairs, Reading, Steps, equal_links, make_steps
from antiphon.design.terms import OWN, TIE, chosen_item
from antiphon.kernels.steps import decaying_steps

if TYPE_CHECKING:
    from antiphon.design.ground import Ground
    from antiphon.design.terms import Term


def read_score(ground: Ground, term: Term, _step: float) -> Reading:
    """Return the last measured score: of oneself, the group, or the tied others (mean by weight of those who have one)."""
    steps = _score_steps(ground, term)
    if term.where == OWN:
        return Reading(steps)
    if term.where == TIE:
        return Reading(steps, _tied(ground, term.relation, _other_ends(ground, term.relation)))
    where = ground.roster.in_level(ground.where, term.where)
    return Reading(steps, equal_links(where))


def _score_steps(ground: Ground, term: Term) -> Steps:
    """Return the scores by system, each from the first cell on that starts when it was known."""
    rows = ground.agency.measures
    item = chosen_item(term, ground.agency)
    rows = rows.filter((pl.col("instrument") == term.name) & (pl.col("item") == item)).sort("time", maintain_order=True)
    system, time = codes(rows["system"], ground.names), _known_from(ground, rows)
    weight, value = rows["n"].cast(pl.Float64).fill_null(1.0).to_numpy(), rows["value"].to_numpy()
    order = np.lexsort((time, system))
    system, time, weight, value = system[order], time[order], weight[order], value[order]
    new = np.ones(system.size, bool)
    new[1:] = (system[1:] != system[:-1]) | (time[1:] != time[:-1])
    which = np.cumsum(new) - 1
    # what becomes known of someone at one time is one measurement
    mean = np.bincount(which, weight * value) / np.bincount(which, weight)
    system, time = system[new], time[new]
    cell = ground.first_cell(time)
    inside = cell < ground.n_cells
    return make_steps(system[inside], ground.edges[cell[inside]], mean[inside], ground.n_systems)


def _known_from(ground: Ground, rows: pl.DataFrame) -> np.ndarray:
    """Return from when each answer is known: one with a bare date (midnight) only when its day is over."""
    zone = ground.agency.settings.agency.timezone
    is_bare = rows.select(pl.col("time").dt.convert_time_zone(zone).dt.time() == dt.time()).to_series().to_numpy()
    time = days(rows["time"], ground.agency.window[0], -np.inf)
    midnights = np.append(day_edges(ground.agency), np.inf)
    return np.where(is_bare & (time >= 0.0), midnights[np.searchsorted(midnights, time, side="right")], time)


def read_dose(ground: Ground, term: Term, step: float) -> Reading:
    """Return the decaying number of earlier events of a kind: own, of the group without one's own, or of tied others."""
    number = {kind.name: k for k, kind in enumerate(ground.exposure.kinds)}.get(term.name)
    owner = ground.roster.counts_as(ground.agency.vocabulary.kinds[term.name].of)
    ties = None
    if term.where == OWN:
        channel = Channel("self", "", "", "")
    elif term.where == TIE:
        channel = Channel("tie", term.relation, owner, ground.role)
        ties = _ties_from(ground, term.relation, owner)
    else:
        channel = Channel("group" if owner == term.where else "peers", term.where, owner, ground.role)
    events = ground.exposure.events
    mine = np.empty(0, np.int64) if number is None else events.of_kind(number)
    left = masses_of(channel, mine, ground.roster, events, ties)
    steps = _dose_steps(ground, left, ground.n_systems, term.half_life, step)
    if channel.how == "self":
        return Reading(steps)
    if ties is not None:
        return Reading(steps, _tied(ground, term.relation, [owner]), "sum")
    where = ground.roster.in_level(ground.where, term.where)
    where = where.where(where.owner != where.group) if channel.how == "group" else where
    own = _own(ground, left, term.half_life, step) if channel.how == "peers" and owner == ground.role else None
    return Reading(steps, equal_links(where), "sum", own)


def _own(ground: Ground, left: Masses, half_life: float, step: float) -> Pairs:
    """Return what each system has left itself in each pool."""
    key, pair = np.unique(ground.exposure.events.system[left.event] * ground.n_systems + left.pool, return_inverse=True)
    return Pairs(key, _dose_steps(ground, Masses(left.event, pair, left.mass), key.size, half_life, step))


def _dose_steps(ground: Ground, left: Masses, n_pools: int, half_life: float, step: float) -> Steps:
    """Return the decaying sum of each pool at the start of each cell, of the events that were known before it."""
    events = ground.exposure.events
    time = events.sounds_from[left.event]
    is_known = events.is_coarse[left.event]  # at the end of its own cell; a moment is known after it only
    cell = np.where(is_known, ground.first_cell(time), ground.first_cell(time, is_after=True))
    order = time_order(left.pool, cell, n_pools)
    begins = np.searchsorted(left.pool[order], np.arange(n_pools + 1))
    rate = np.log(2.0) / half_life
    owner, begun, value = decaying_steps(
        begins, cell[order], time[order], left.mass[order], ground.edges, rate, float(step)
    )
    return make_steps(owner, ground.edges[begun], value, n_pools, before=0.0)


def _tied(ground: Ground, relation: str, roles: list[str]) -> Links:
    """Return whom each system is tied to, of some roles, with the weight of the tie."""
    found = [_ties_from(ground, relation, role) for role in roles]
    reader, read, start, end, weight = (
        np.concatenate([np.empty(0, kind), *(getattr(ties, name) for ties in found)])
        for name, kind in (
            ("target", np.int64),
            ("source", np.int64),
            ("start", float),
            ("end", float),
            ("weight", float),
        )
    )
    n = ground.n_systems
    order = time_order(reader, start, n)
    begins = np.searchsorted(reader[order], np.arange(n + 1))
    # not merged: ties of one pair that overlap add up
    return Links(Spells(reader[order], read[order], start[order], end[order], begins), weight[order])


def _ties_from(ground: Ground, relation: str, role: str) -> Ties:
    """Return the ties of a relation, from systems of one role to those of the role in question."""
    if relation not in ground.roster.ties:
        nobody, never = np.empty(0, np.int64), np.empty(0)
        return Ties(nobody, nobody, never, never, never, role, ground.role)
    return directed(ground.roster, Channel("tie", relation, role, ground.role))


def _other_ends(ground: Ground, relation: str) -> list[str]:
    """Return the roles that stand at either end of a relation."""
    if relation not in ground.roster.ties:
        return []
    ties = ground.roster.ties[relation]
    return np.unique(ground.roster.role[np.concatenate([ties.source, ties.target])]).tolist()
