"""What has happened already: it is kept as it is, and what it leaves goes on sounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.events import SetAside, make_events
from antiphon.design.pools import directed, masses_of
from antiphon.kernels.draws import keys_of_events
from antiphon.kernels.simulation import Past
from antiphon.simulation.streams import stream

if TYPE_CHECKING:
    from antiphon.design.events import Events, Rows
    from antiphon.design.structure import Structure
    from antiphon.simulation.wiring import Links


def make_past(
    structure: Structure, links: Links, rows: Rows, kinds: np.ndarray, part: np.ndarray, seed: int
) -> tuple[Past, np.ndarray]:
    """Return past events by part and time, and the row of each.

    Parameters
    ----------
    structure, links
        Where they happened, and which couplings there are.
    rows
        The past; rows of one number are one incident.
    kinds
        (targets,) kind of each target.
    part
        (systems,) part of the agency of each system.
    seed
        Of the simulation.
    """
    events = make_events(rows, structure.kinds, structure.roster, structure.calendars, None, SetAside())
    target_of = np.full(len(structure.kinds), -1, np.int64)
    target_of[kinds] = np.arange(kinds.size)
    order = np.lexsort((np.arange(events.time.size), events.time, part[events.system]))
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    event, channel, pool, share = _shares(structure, links, events)
    by_event = np.argsort(rank[event], kind="stable")
    n_parts = int(part.max(initial=-1)) + 1
    past = Past(
        begins=np.searchsorted(part[events.system][order], np.arange(n_parts + 1)),
        time=events.time[order],
        system=events.system[order],
        kind=events.kind[order],
        target=target_of[events.kind[order]],
        key=_keys(structure, events, seed)[order],
        sounds=events.sounds_from[order],
        is_coarse=events.is_coarse[order],
        share_begins=np.searchsorted(rank[event][by_event], np.arange(order.size + 1)),
        share_channel=channel[by_event],
        share_pool=pool[by_event],
        share=share[by_event],
    )
    return past, order


def _shares(structure: Structure, links: Links, events: Events) -> tuple[np.ndarray, ...]:
    """Return what each event leaves where, in all channels: event, channel, pool (a system), mass."""
    roster, kind_roles = structure.roster, np.asarray([kind.role for kind in structure.kinds], dtype=str)
    parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for c in np.unique(links.channel):
        channel = structure.choices.channels[c]
        if channel.how == "tie" and channel.where not in roster.ties:
            continue
        ties = directed(roster, channel) if channel.how == "tie" else None
        sent = np.ones(events.time.size, bool)
        if channel.how != "self":
            sent = kind_roles[events.kind] == channel.from_role
        masses = masses_of(channel, np.flatnonzero(sent), roster, events, ties)
        parts.append((masses.event, np.full(masses.event.size, c), masses.pool, masses.mass))
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))


def _keys(structure: Structure, events: Events, seed: int) -> np.ndarray:
    """Return a key for each event that hangs on its system, kind and time; and on its number where these are equal."""
    base = np.asarray([stream(seed, "past", kind.name) for kind in structure.kinds], np.uint64)[events.kind]
    order = np.lexsort((events.time, events.system, events.kind))
    new = np.ones(order.size, bool)
    new[1:] = False
    for values in (events.time, events.system, events.kind):
        new[1:] |= np.diff(values[order]) != 0
    first = np.flatnonzero(new)
    number = np.empty(order.size, np.uint64)
    number[order] = np.arange(order.size) - first[np.cumsum(new) - 1]
    return keys_of_events(base, structure.keys[events.system], events.time.view(np.uint64), number)
