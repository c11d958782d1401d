"""Couplings, pools and seats as tables: what may follow an event, and who hears it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from antiphon.design.pools import directed, readers_of, seat_changes
from antiphon.errors import SpecificationError
from antiphon.kernels.immigrants import IS_TERMINAL
from antiphon.kernels.readers import NEXT, NO_MORE, SEATS, Places, Seats
from antiphon.kernels.simulation import (
    ALIKE,
    CHANNEL,
    LEVEL,
    ONE,
    ORDER,
    OWN,
    READERS,
    TARGET,
    WEIGHTED,
    Couplings,
    Endings,
)
from antiphon.kernels.spells import counting_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from antiphon.design.design import Channel
    from antiphon.design.roster import Roster
    from antiphon.design.structure import Structure
    from antiphon.kernels.immigrants import People, Targets
    from antiphon.model.parameters import TargetModel

WHO_READS = {"self": ONE, "members": ONE, "peers": ALIKE, "group": ALIKE, "tie": WEIGHTED}


@dataclass(frozen=True, slots=True, repr=False)
class Links:
    """Which couplings there are: position of the target, channel, source kind, kernel and strength of each.

    Sorted by source kind; those of strength 0 are left out.
    """

    target: np.ndarray
    channel: np.ndarray
    source: np.ndarray
    half_life: np.ndarray
    alpha: np.ndarray


def links_of(structure: Structure, targets: list[TargetModel]) -> Links:
    """Return the couplings of a model, checked against the structure."""
    rows = [
        (q, column.channel, column.source_kind, column.half_life, alpha)
        for q, target in enumerate(targets)
        for column, alpha in zip(target.columns, target.alpha, strict=True)
        if alpha != 0.0
    ]
    for q, c, source, _, alpha in rows:
        channel, kind, origin = structure.choices.channels[c], structure.kinds[targets[q].kind], structure.kinds[source]
        if not (0.0 < alpha < np.inf):
            raise SpecificationError(
                f'A coupling to "{kind.name}" is negative or not a number: only echoes can be run.'
            )
        roles = (kind.role, kind.role) if channel.how == "self" else (channel.from_role, channel.to_role)
        if roles != (origin.role, kind.role):
            raise SpecificationError(
                f'The channel "{channel.name}" cannot lead from "{origin.name}" to "{kind.name}": their roles differ.'
            )
    table = np.asarray(rows, float).reshape(-1, 5)
    table = table[np.argsort(table[:, 2], kind="stable")]
    target, channel, source, half_life = (table[:, j].astype(np.int64) for j in range(4))
    return Links(target, channel, source, half_life, table[:, 4])


def make_couplings(
    structure: Structure,
    links: Links,
    pool: np.ndarray,
    masses: Mapping[int, np.ndarray],
) -> Couplings:
    """Return what may follow an event of each kind."""
    n_kinds = len(structure.kinds)
    begins = np.searchsorted(links.source, np.arange(n_kinds + 1))
    total = np.bincount(links.source, links.alpha, n_kinds)
    up_to, guide = np.empty(links.alpha.size), np.zeros(links.alpha.size, np.int64)
    for k in np.flatnonzero(np.diff(begins)):
        low, high = begins[k], begins[k + 1]
        share = np.cumsum(links.alpha[low:high]) / links.alpha[low:high].sum()
        share[-1] = 1.0
        up_to[low:high] = share
        guide[low:high] = low + np.searchsorted(share, np.arange(high - low) / (high - low), side="right")
    values = [np.asarray(masses.get(k, ()), float) for k in range(n_kinds)]
    sizes = np.asarray([value.size for value in values], np.int64)
    return Couplings(
        begins, total, np.exp(-total), up_to, guide, _routes(structure, links),
        structure.choices.kernels.half_lives[links.half_life] / np.log(2.0), pool,
        np.concatenate([[0], np.cumsum(sizes)]), np.concatenate([np.zeros(0), *values]),
    )  # fmt: skip


def _routes(structure: Structure, links: Links) -> np.ndarray:
    channels = [structure.choices.channels[c] for c in links.channel]
    levels = list(structure.roster.levels)
    orders = structure.choices.kernels.orders
    route = np.zeros((links.alpha.size, 5), np.int64)
    route[:, TARGET], route[:, CHANNEL], route[:, ORDER] = links.target, links.channel, orders[links.half_life]
    route[:, READERS] = [WHO_READS[channel.how] for channel in channels]
    route[:, LEVEL] = [levels.index(c.where) if c.how in ("members", "peers") else OWN for c in channels]
    return route


def make_pools(structure: Structure, links: Links) -> tuple[np.ndarray, Seats]:
    """Return the pool of each system in each channel (-1: none), and who may read from which pool when."""
    roster, channels = structure.roster, structure.choices.channels
    everyone = np.arange(roster.n_systems)
    pool = np.full((len(channels), roster.n_systems), -1, np.int64)
    parts, n_pools = [], 0
    for c in np.unique(links.channel):
        channel = channels[c]
        if channel.how == "self":
            pool[c] = np.where(roster.pooled, -1, everyone)
        elif channel.how == "members":
            pool[c] = everyone
        elif channel.how != "tie" or channel.where in roster.ties:
            part = _seats(roster, channel)
            pool[c, part[0]] = n_pools + np.arange(part[0].size)
            parts.append(part)
            n_pools += part[0].size
    return pool, _join(parts)


Part = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _seats(roster: Roster, channel: Channel) -> Part:
    """Return pools (systems), begin of each pool's seats, reader of each seat, and changes (seat, time, weight)."""
    ties = directed(roster, channel) if channel.how == "tie" else None
    presence = readers_of(channel, channel.to_role, roster, ties, np.ones(roster.n_systems, bool))
    pools, pool = np.unique(presence.pool, return_inverse=True)
    seats, seat = np.unique(pool * roster.n_systems + presence.reader, return_inverse=True)
    begins = np.searchsorted(seats // roster.n_systems, np.arange(pools.size + 1))
    if not seats.size:
        return pools, begins, seats, seats, np.empty(0), np.empty(0)
    return pools, begins, seats % roster.n_systems, *seat_changes(seat, presence, roster.window_days)


def _join(parts: list[Part]) -> Seats:
    """Put the pools of all channels side by side; changes by pool and time."""
    empty = np.zeros(0, np.int64)
    sizes = np.asarray([part[2].size for part in parts], np.int64)
    first = np.cumsum(sizes) - sizes
    begins = np.concatenate([*(part[1][:-1] + low for part, low in zip(parts, first, strict=True)), [sizes.sum()]])
    system = np.concatenate([empty, *(part[2] for part in parts)])
    seat = np.concatenate([empty, *(part[3] + low for part, low in zip(parts, first, strict=True))])
    time = np.concatenate([np.zeros(0), *(part[4] for part in parts)])
    weight = np.concatenate([np.zeros(0), *(part[5] for part in parts)])
    n_pools = begins.size - 1
    pool_of_seat = np.repeat(np.arange(n_pools), np.diff(begins))
    order = np.argsort(time, kind="stable")
    by_pool, change_begins = counting_order(pool_of_seat[seat[order]], n_pools)
    order = order[by_pool]
    pools = np.zeros((n_pools, 4), np.int64)
    pools[:, SEATS], pools[:, NEXT], pools[:, NO_MORE] = begins[:-1], change_begins[:-1], change_begins[1:]
    n = system.size
    return Seats(
        pools, system, seat[order], time[order], weight[order], np.zeros((n, 2), np.int64), np.full(n, -1), np.zeros(n)
    )


def make_endings(roster: Roster, targets: Targets, people: People) -> Endings:
    """Return the starts of stays from nowhere, and that nothing terminal has happened."""
    stays = roster.stays.without_groups()
    n_systems = roster.n_systems if targets.rule[:, IS_TERMINAL].any() else 0
    shape = (n_systems, people.theta.shape[1])
    spans = np.stack([stays.start, stays.end], axis=1)
    return Endings(stays.begins, spans, np.full(shape, np.inf), np.full(shape, -np.inf), np.full(shape, -np.inf))


def make_places(roster: Roster) -> Places:
    """Return where sources are."""
    parts = (roster.present, roster.member)
    return Places(
        span=np.concatenate([np.stack([part.start, part.end, part.reach], axis=1) for part in parts]),
        group=np.concatenate([part.group for part in parts]),
        level=np.asarray([roster.levels.index(name) for name in roster.level.tolist()], np.int64),
        begins=roster.belongs.begins,
        belongs=np.stack([roster.belongs.start, roster.belongs.end], axis=1),
    )


def parts_of(structure: Structure, links: Links, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the systems by part of the agency, and where each part begins.

    Parts never hear of each other: they are connected components, joined until they have about ``size`` systems.
    """
    roster, n = structure.roster, structure.roster.n_systems
    one, other = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for c in np.unique(links.channel):
        channel = structure.choices.channels[c]
        if channel.how == "self":
            continue
        if channel.how == "tie":
            if channel.where in roster.ties:
                ties = directed(roster, channel)
                one.append(ties.source)
                other.append(ties.target)
            continue
        for spells in (roster.present, roster.member):
            roles = (channel.from_role, channel.to_role)
            here = (roster.level[spells.group] == channel.where) & np.isin(roster.role[spells.owner], roles)
            here &= spells.group >= 0
            one.append(spells.owner[here])
            other.append(spells.group[here])
    pairs = (np.concatenate(one), np.concatenate(other))
    graph = coo_array((np.ones(pairs[0].size, np.int8), pairs), shape=(n, n))
    n_components, label = connected_components(graph, directed=False)
    systems, begins = counting_order(label.astype(np.int64), n_components)
    bounds = np.searchsorted(begins, np.arange(0, n, size))
    return systems, begins[np.unique(np.append(bounds, n_components))]
