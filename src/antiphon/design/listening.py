"""One coupling read anew: what the rows of a target would hear of other source events, or through other seats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.passes import Readings, read_all
from antiphon.design.pools import wire
from antiphon.design.targets import risk_spells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.delays import Kernels
    from antiphon.design.design import Channel, Design, Kind
    from antiphon.design.events import Events
    from antiphon.design.roster import Roster


@dataclass(frozen=True, slots=True, repr=False)
class Ear:
    """The rows of a target, ready to read one source kind through one channel.

    Attributes
    ----------
    number, channel : the channel and its index; ``to_role`` : role of the target.
    kinds : the design's kinds, of which only the source has a role.
    source : the source kind.
    kernels : of the columns; ``block_edges`` : of the design.
    readings : the rows.
    """

    number: int
    channel: Channel
    to_role: str
    kinds: tuple[Kind, ...]
    source: int
    kernels: Kernels
    block_edges: np.ndarray
    readings: Readings

    def hear(self, roster: Roster, events: Events) -> tuple[np.ndarray, np.ndarray]:
        """Read events through a roster: features (rows, kernels) and compensator (kernels,)."""
        wiring = wire(self.number, self.channel, self.to_role, self.kinds, roster, events)
        if wiring is None:
            return np.zeros((self.readings.system.size, self.kernels.orders.size)), np.zeros(self.kernels.orders.size)
        reading = read_all([wiring], self.readings, events, self.kernels, self.block_edges)
        return reading.features, reading.compensator.sum(axis=0)


def make_ear(design: Design, index: int, columns: Sequence[int]) -> Ear:
    """Prepare the rows of target ``index`` to read the coupling of some of its columns (one channel, one source kind)."""
    target = design.targets[index]
    features = [target.columns[column] for column in columns]
    number, source = features[0].channel, features[0].source_kind
    role = design.roles[target.role]
    kind, precision = design.kinds[target.kind], design.kinds[target.kind].precision
    is_coarse = precision != "minute"
    edges = design.calendars[precision].edges
    rows = target.time.size
    readings = Readings(
        system=target.system,
        start=target.time,
        end=edges[target.cell + 1] if is_coarse else target.time,
        is_terminal=kind.terminal,
        kinds=np.ones(rows, np.int64),
        cells=edges if is_coarse else np.empty(0),
        at_risk=risk_spells(role.segments, role.kinds.index(target.kind), design.n_systems),
    )
    return Ear(
        number=number,
        channel=design.channels[number],
        to_role=role.name,
        kinds=tuple(one if k == source else replace(one, role="") for k, one in enumerate(design.kinds)),
        source=source,
        kernels=design.kernels.chosen([feature.half_life for feature in features]),
        block_edges=design.block_edges,
        readings=readings,
    )
