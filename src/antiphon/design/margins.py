"""Counts that fix the table of tests before anything is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.design import Channel, Margins

if TYPE_CHECKING:
    from antiphon.design.design import Target
    from antiphon.design.events import Events
    from antiphon.design.targets import ClassReading


def make_margins(
    channels: tuple[Channel, ...], events: Events, classes: list[ClassReading], half_lives: np.ndarray
) -> Margins:
    """Return the margins of all channels and kinds.

    Notes
    -----
    The expected pairs of a coupling are the readers at risk at each source event (by mass), times how many target
    events one reader has within the longest half-life if nothing echoes.
    """
    n_source: dict[tuple[int, int], int] = {}
    systems: dict[tuple[int, int], set[int]] = {}
    n_pairs: dict[tuple[int, int, int], float] = {}
    n_units: dict[tuple[int, int, int], int] = {}
    for found in classes:
        for i, wiring in enumerate(found.wirings):
            for position, source in enumerate(wiring.sources):
                key = (wiring.channel, source)
                mine = np.unique(events.system[wiring.event[events.kind[wiring.event] == source]])
                systems.setdefault(key, set()).update(mine.tolist())
                for target in found.targets:
                    n_pairs[(*key, target.kind)] = _expected_pairs(found, i, position, target, half_lives)
                    n_units[(*key, target.kind)] = _units(channels[wiring.channel], found, i, position, target)
    n_source = {key: len(value) for key, value in systems.items()}
    n_target = {t.kind: int(np.unique(t.system).size) for found in classes for t in found.targets}
    return Margins(n_source, n_target, n_pairs, n_units)


def _group_column(found: ClassReading, i: int, position: int) -> int:
    return sum(len(w.sources) for w in found.wirings[:i]) + position


def _expected_pairs(found: ClassReading, i: int, position: int, target: Target, half_lives: np.ndarray) -> float:
    rate = float(target.count.sum()) / max(found.days_at_risk, 1e-12)
    return float(found.reading.pairs[_group_column(found, i, position)]) * rate * float(half_lives[-1])


def _units(channel: Channel, found: ClassReading, i: int, position: int, target: Target) -> int:
    """Count groups in which both happened; for own past and ties the units of targets that heard a source."""
    if channel.how not in ("self", "tie"):
        return found.reading.meetings.get((i, position, found.bits[target.kind]), 0)
    source = found.wirings[i].sources[position]
    columns = [
        j for j, f in enumerate(target.columns) if f.channel == found.wirings[i].channel and f.source_kind == source
    ]
    if not columns:
        return 0
    heard = target.unit[target.features[:, columns[-1]] > 0]
    return int(np.unique(heard[heard >= 0]).size)
