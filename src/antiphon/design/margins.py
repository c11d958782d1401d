"""Counts that fix the table of tests before anything is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.design import Margins

if TYPE_CHECKING:
    from antiphon.design.design import Channel, Role, Target
    from antiphon.design.events import Events
    from antiphon.design.pools import Wiring
    from antiphon.design.targets import ClassReading


def make_margins(
    channels: tuple[Channel, ...],
    roles: tuple[Role, ...],
    events: Events,
    classes: list[ClassReading],
    half_lives: np.ndarray,
) -> Margins:
    """Return the margins of all channels and kinds.

    Notes
    -----
    The expected pairs of a coupling are the readers at risk at each source event (by mass), times how many target
    events one reader has within the longest half-life if nothing echoes. For the own past it is each system's own
    counts and days that say so: people differ, and the pairs are made by those who have many of both.
    """
    n_systems = int(roles[0].frail.size) if roles else 0
    n_source: dict[tuple[int, int], int] = {}
    n_pairs: dict[tuple[int, int, int], float] = {}
    n_units: dict[tuple[int, int, int], int] = {}
    for found in classes:
        for wiring in found.wirings:
            if (wiring.channel, wiring.sources[0]) not in n_source:
                n_source |= _sources(wiring, events)
        for target in found.targets:
            heard = _units_that_heard(target, channels)
            column = 0
            for i, wiring in enumerate(found.wirings):
                for position, source in enumerate(wiring.sources):
                    key = (wiring.channel, source, target.kind)
                    if channels[wiring.channel].how == "self":
                        mine = np.bincount(events.system[events.of_kind(source)], minlength=n_systems)
                        n_pairs[key] = _own_pairs(roles[target.role], target, mine, same=source == target.kind)
                        n_pairs[key] *= float(half_lives[-1])
                    else:
                        n_pairs[key] = _expected_pairs(found, column, target, half_lives)
                    column += 1
                    if channels[wiring.channel].how in ("self", "tie"):
                        n_units[key] = heard.get((wiring.channel, source), 0)
                    else:
                        n_units[key] = found.reading.meetings.get((i, position, found.bits[target.kind]), 0)
    n_target = {t.kind: int(np.unique(t.system).size) for found in classes for t in found.targets}
    return Margins(n_source, n_target, n_pairs, n_units)


def _sources(wiring: Wiring, events: Events) -> dict[tuple[int, int], int]:
    """Count the systems that left something, per source kind."""
    found = {}
    for position, source in enumerate(wiring.sources):
        seen = np.zeros(int(events.system.max(initial=0)) + 1, bool)
        seen[events.system[wiring.event[wiring.source == position]]] = True
        found[wiring.channel, source] = int(np.count_nonzero(seen))
    return found


def _expected_pairs(found: ClassReading, column: int, target: Target, half_lives: np.ndarray) -> float:
    rate = float(target.count.sum()) / max(found.days_at_risk, 1e-12)
    return float(found.reading.pairs[column]) * rate * float(half_lives[-1])


def _own_pairs(role: Role, target: Target, n_source: np.ndarray, *, same: bool) -> float:
    """Return the expected pairs per day of delay of a system's own events, given how many each system has."""
    at_risk = role.segments.at_risk[:, role.kinds.index(target.kind)]
    length = (role.segments.end - role.segments.start)[at_risk]
    days = np.bincount(role.segments.system[at_risk], length, minlength=n_source.size)
    n_target = np.bincount(target.system, target.count, minlength=n_source.size)
    pairs = n_target * np.maximum(n_source - float(same), 0.0)
    seen = days > 0
    return float((pairs[seen] / days[seen]).sum())


def _units_that_heard(target: Target, channels: tuple[Channel, ...]) -> dict[tuple[int, int], int]:
    """Count the units of rows that heard anything, per channel and source kind: for own past and ties."""
    wanted = [(j, f) for j, f in enumerate(target.columns) if channels[f.channel].how in ("self", "tie")]
    last = {(feature.channel, feature.source_kind): j for j, feature in wanted}
    rows = np.flatnonzero(target.unit >= 0)
    if not rows.size or not last:
        return {}
    rows = rows[np.argsort(target.unit[rows], kind="stable")]
    begins = np.flatnonzero(np.diff(target.unit[rows], prepend=-1))
    found = {}
    for key, j in last.items():
        found[key] = int(np.count_nonzero(np.logical_or.reduceat(target.features[rows, j] > 0, begins)))
    return found
