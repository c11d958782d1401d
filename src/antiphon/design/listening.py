"""One coupling read anew: what the rows of a target would hear of other source events, or through other seats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.events import SetAside, make_events, rows_again, rows_from
from antiphon.design.passes import Readings, read_all
from antiphon.design.pools import wire
from antiphon.design.targets import risk_spells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.delays import Kernels
    from antiphon.design.design import Channel, Design, Kind
    from antiphon.design.events import Events, Rows
    from antiphon.design.structure import Structure


@dataclass(frozen=True, slots=True, repr=False)
class Ear:
    """The rows of a target, ready to read one source kind through one channel.

    Attributes
    ----------
    number, channel : the channel and its index; ``to_role`` : role of the target.
    source : the source kind, and ``kind`` that itself.
    kernels : of the columns; ``block_edges`` : of the design.
    readings : the rows.
    """

    number: int
    channel: Channel
    to_role: str
    source: int
    kind: Kind
    kernels: Kernels
    block_edges: np.ndarray
    readings: Readings

    def hear(self, structure: Structure, histories: Sequence[Rows]) -> tuple[np.ndarray, np.ndarray]:
        """Read histories of the source kind, numbered by incident, in one pass: what readers do is worked out once.

        Features (histories, rows, kernels) and compensator (histories, kernels).
        """
        n, size, heard = len(histories), self.readings.system.size, self.kernels.orders.size
        kinds = (self.kind,) * n  # every history is a kind of its own
        events = make_events(
            _side_by_side(histories), kinds, structure.roster, structure.calendars, None, SetAside()
        )  # fmt: skip
        wiring = wire(self.number, self.channel, self.to_role, kinds, structure.roster, events)
        if wiring is None:
            return np.zeros((n, size, heard)), np.zeros((n, heard))
        reading = read_all([wiring], self.readings, events, self.kernels, self.block_edges)
        compensator = reading.compensator.sum(axis=0).reshape(n, heard)
        return reading.features.reshape(size, n, heard).swapaxes(0, 1), compensator


def _side_by_side(histories: Sequence[Rows]) -> Rows:
    """All rows, the kind of each the number of its history, and no incident in two of them."""
    most = 1 + max(int(rows.number.max(initial=-1)) for rows in histories)
    number = [np.where(rows.number < 0, -1, rows.number + k * most) for k, rows in enumerate(histories)]
    parts = zip(*((rows.time, rows.system, rows.target, rows.grain) for rows in histories), strict=True)
    time, system, target, grain = (np.concatenate(part) for part in parts)
    kind = np.repeat(np.arange(len(histories)), [rows.time.size for rows in histories])
    return rows_from(time, system, kind, np.concatenate(number), target, grain)


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
        source=source,
        kind=design.kinds[source],
        kernels=design.kernels.chosen([feature.half_life for feature in features]),
        block_edges=design.block_edges,
        readings=readings,
    )


def events_again(design: Design) -> Events | None:
    """Make the events of a design once more from what it was made of; None where it does not hold that."""
    structure, recorded = design.structure, design.recorded
    if structure is None or recorded is None:
        return None
    return make_events(
        recorded.rows, structure.kinds, structure.roster, structure.calendars, recorded.join_days, SetAside()
    )  # fmt: skip


def history_of(structure: Structure, events: Events, source: int) -> Rows:
    """Return the rows of a source kind, numbered by incident, as an ear reads them."""
    rows = rows_again(events, structure.kinds, structure.calendars)
    return rows.where(rows.kind == source)
