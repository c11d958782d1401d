"""Pools and seats of each channel: what every event leaves where, and who may read it when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.spells import CODE, time_order
from antiphon.kernels.spells import running_weights

if TYPE_CHECKING:
    from antiphon.design.design import Channel, Kind
    from antiphon.design.events import Events
    from antiphon.design.roster import Roster, Ties
    from antiphon.design.spells import Spells


@dataclass(frozen=True, slots=True, repr=False)
class Masses:
    """What events leave in the pools of a channel: event, system that is the pool, mass."""

    event: np.ndarray
    pool: np.ndarray
    mass: np.ndarray


@dataclass(frozen=True, slots=True, repr=False)
class Wiring:
    """A channel as pools and seats. Pools in which nothing is ever deposited are left out.

    Attributes
    ----------
    channel : index of the channel; ``sources``: its source kinds.
    is_same_role : whether readers are sources too, and must not hear themselves.
    pool : (pools,) code of the system that is the pool (group, tied source, or oneself).
    seat_system, seat_pool : (seats,) reader, and index of the pool.
    change_seat, change_time, change_weight : the weight of a seat from a time on; 0: not eligible.
    event, event_pool, mass, event_seat : deposits; the seat that the source has in the pool, -1 for none.
    source : (deposits,) position of the event's kind in `sources`.
    """

    channel: int
    sources: tuple[int, ...]
    is_same_role: bool
    pool: np.ndarray
    seat_system: np.ndarray
    seat_pool: np.ndarray
    change_seat: np.ndarray
    change_time: np.ndarray
    change_weight: np.ndarray
    event: np.ndarray
    event_pool: np.ndarray
    mass: np.ndarray
    event_seat: np.ndarray
    source: np.ndarray


@dataclass(frozen=True, slots=True, repr=False)
class Presence:
    """When readers may read from a pool, with a weight: reader, system that is the pool, start, end, weight."""

    reader: np.ndarray
    pool: np.ndarray
    start: np.ndarray
    end: np.ndarray
    weight: np.ndarray

    def where(self, keep: np.ndarray) -> Presence:
        """Return the rows for which `keep` is true."""
        return Presence(*(getattr(self, name)[keep] for name in self.__slots__))


def wire(
    number: int, channel: Channel, to_role: str, kinds: tuple[Kind, ...], roster: Roster, events: Events
) -> Wiring | None:
    """Return the pools and seats of a channel, or None where nobody could ever read anything.

    Parameters
    ----------
    number, channel
        Index of the channel, and the channel.
    to_role
        Role of the readers (needed for ``self``, which serves every role).
    kinds, roster, events
        Event kinds, who is where, what happened.
    """
    from_role = to_role if channel.how == "self" else channel.from_role
    sources = tuple(k for k, kind in enumerate(kinds) if kind.role == from_role)
    if not sources:
        return None
    seen = _marked(len(kinds), np.asarray(sources))[events.kind]
    if channel.how == "tie" and channel.where not in roster.ties:
        return None
    ties = directed(roster, channel) if channel.how == "tie" else None
    masses = masses_of(channel, np.flatnonzero(seen).astype(CODE), roster, events, ties)
    n = roster.n_systems
    deposited = _marked(n, masses.pool)
    presence = readers_of(channel, to_role, roster, ties, deposited)
    read = deposited & _marked(n, presence.pool)
    if not read.any():
        return None
    pool = np.flatnonzero(read)
    pool_number = np.cumsum(read) - 1
    presence = presence.where(read[presence.pool])
    seats, seat = np.unique(pool_number[presence.pool] * n + presence.reader, return_inverse=True)
    kept = read[masses.pool]
    event, mass = masses.event[kept], masses.mass[kept]
    event_pool = pool_number[masses.pool[kept]].astype(CODE)
    is_same = channel.how == "peers" and channel.from_role == to_role
    event_seat = np.broadcast_to(CODE(-1), event.size)
    if is_same:
        wanted = event_pool * np.int64(n) + events.system[event]
        position = np.minimum(np.searchsorted(seats, wanted), seats.size - 1)
        event_seat = np.where(seats[position] == wanted, position, -1).astype(CODE)
    changes = seat_changes(seat, presence, roster.window_days)
    source = np.searchsorted(np.asarray(sources), np.arange(len(kinds))).astype(np.int16)[events.kind[event]]
    return Wiring(
        number, sources, is_same, pool, seats % n, seats // n, *changes, event, event_pool, mass, event_seat, source
    )


def seat_changes(seat: np.ndarray, presence: Presence, window_days: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weight of each seat from each time on; ties of one pair that overlap add up."""
    ends = presence.end < window_days
    seats = np.concatenate([seat, seat[ends]])
    time = np.concatenate([np.maximum(presence.start, 0.0), presence.end[ends]])
    weight = np.concatenate([presence.weight, presence.weight[ends]])
    step = np.concatenate([np.ones(seat.size, np.int64), np.full(int(ends.sum()), -1)])
    order = time_order(seats, time, int(seat.max()) + 1)
    kept, value = running_weights(seats[order], time[order], weight[order], step[order])
    return seats[order][kept], time[order][kept], value


def masses_of(channel: Channel, event: np.ndarray, roster: Roster, events: Events, ties: Ties | None) -> Masses:
    """Return what each event leaves where: per incident, pool and kind mass 1, over the systems that leave it there."""
    system = events.system[event]
    if channel.how == "self":
        event = event[~roster.pooled[system]]
        return Masses(event, events.system[event], np.ones(event.size))
    if channel.how == "group":
        event = event[roster.level[system] == channel.where]
        return Masses(event, events.system[event], np.ones(event.size))
    if ties is not None:
        # a tie may begin after the event, so the division is over the incident's systems that ever have one
        event = event[_marked(roster.n_systems, ties.source)[system]]
        return Masses(event, events.system[event], 1.0 / _sharing(events, event, np.zeros(event.size, np.int64)))
    chosen = np.zeros(events.time.size, bool)
    chosen[event] = True
    here = chosen[events.place_event] & (roster.level[events.place_group] == channel.where)
    event, group = events.place_event[here], events.place_group[here]
    n_groups = np.bincount(event, minlength=events.time.size)[event]
    return Masses(event, group, 1.0 / n_groups / _sharing(events, event, group))


def _sharing(events: Events, event: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Return how many systems of the same incident and kind leave something in the same pool."""
    found = np.ones(event.size)
    several = np.flatnonzero(events.is_shared[event])
    event, pool = event[several], pool[several]
    order = np.lexsort((pool, events.kind[event], events.incident[event]))
    new = np.zeros(order.size, bool)
    for key in (events.incident[event], events.kind[event], pool):
        new[1:] |= key[order][1:] != key[order][:-1]
    number = np.cumsum(new)
    found[several[order]] = np.bincount(number)[number]
    return found


def _marked(n: int, codes: np.ndarray) -> np.ndarray:
    """Return a mask that is true at the codes."""
    mask = np.zeros(n, bool)
    mask[codes] = True
    return mask


def readers_of(channel: Channel, to_role: str, roster: Roster, ties: Ties | None, is_pool: np.ndarray) -> Presence:
    """Return who may read from which of the pools when, within the window."""
    found = _all_readers(channel, to_role, roster, ties, is_pool)
    return found.where((found.end > 0.0) & (found.start < roster.window_days))


def _all_readers(channel: Channel, to_role: str, roster: Roster, ties: Ties | None, is_pool: np.ndarray) -> Presence:
    if ties is not None:
        found = Presence(ties.target, ties.source, ties.start, ties.end, ties.weight)
        return found.where(is_pool[found.pool])
    if channel.how in ("self", "members"):
        pools = np.flatnonzero(is_pool & (roster.role == to_role))
        return Presence(pools, pools, np.full(pools.size, -np.inf), np.full(pools.size, np.inf), np.ones(pools.size))
    present: Spells = roster.present
    here = (
        is_pool[present.group]
        & (roster.role[present.owner] == to_role)
        & (roster.level[present.group] == channel.where)
    )
    here &= present.owner != present.group
    return Presence(
        present.owner[here], present.group[here], present.start[here], present.end[here], np.ones(int(here.sum()))
    )


def directed(roster: Roster, channel: Channel) -> Ties:
    """Return the ties of a channel as travelled: from systems of its first role to systems of its second."""
    ties = roster.ties[channel.where]
    first, second = roster.role[ties.source], roster.role[ties.target]
    onwards = (first == channel.from_role) & (second == channel.to_role)
    back = (second == channel.from_role) & (first == channel.to_role) & (channel.from_role != channel.to_role)
    # where the relation says which end is which, a row written the wrong way round does not count
    if channel.from_role == ties.source_role:
        back &= False
    elif channel.from_role == ties.target_role:
        onwards &= False
    onwards &= ties.source != ties.target
    source = np.concatenate([ties.source[onwards], ties.target[back]])
    target = np.concatenate([ties.target[onwards], ties.source[back]])
    start, end, weight = (
        np.concatenate([values[onwards], values[back]]) for values in (ties.start, ties.end, ties.weight)
    )
    return replace(ties, source=source, target=target, start=start, end=end, weight=weight)
