"""Which part of what the sources sent out found a reader: the average composition of the branching matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from antiphon.design.design import Design
    from antiphon.inference.inference import Coupling
    from antiphon.records.agency import Agency

CELL_DAYS = {"minute": 0.0, "shift": 1.0 / 3.0, "day": 1.0}
"""How long after its stamp a coarse event is known to have happened, in days."""


@dataclass(frozen=True, slots=True, repr=False)
class Sources:
    """When events of each kind spoke into their pools.

    Attributes
    ----------
    by_incident : per kind of the design, (incidents,) days; an incident speaks once per kind.
    by_system : per kind, (incident and system pairs,) days; what ``self`` and ties hear.
    """

    by_incident: tuple[np.ndarray, ...]
    by_system: tuple[np.ndarray, ...]

    @property
    def events(self) -> np.ndarray:
        """(kinds,) number of incidents with each kind."""
        return np.array([len(times) for times in self.by_incident], dtype=float)


def sources(agency: Agency, design: Design) -> Sources:
    """Find when the events of every kind of the design spoke.

    Parameters
    ----------
    agency, design : the records and what was made of them.

    Returns
    -------
    Sources
        Times in days from the start of the window.
    """
    start = agency.window[0]
    cell = pl.col("precision").cast(pl.String).replace_strict(CELL_DAYS, default=0.0, return_dtype=pl.Float64)
    events = agency.events.with_row_index("row").select(
        "kind",
        "system",
        pl.coalesce(pl.col("incident").cast(pl.String), pl.format("row {}", "row")).alias("incident"),
        ((pl.col("time") - pl.lit(start)).dt.total_microseconds() / 86_400e6 + cell).alias("day"),
    )
    return Sources(
        by_incident=_times(events, design, ["kind", "incident"]),
        by_system=_times(events, design, ["kind", "incident", "system"]),
    )


def _times(events: pl.DataFrame, design: Design, key: list[str]) -> tuple[np.ndarray, ...]:
    """First time of each key, per kind of the design."""
    first = events.group_by(key).agg(pl.col("day").min()).sort("kind", "day")
    found = {str(part.get_column("kind")[0]): part.get_column("day").to_numpy() for part in first.partition_by("kind")}
    return tuple(found.get(kind.name, np.zeros(0)) for kind in design.kinds)


def readable_share(design: Design, coupling: Coupling, spoken: Sources) -> np.ndarray:
    """Share of what the sources sent through a channel that someone at risk was there to read.

    Parameters
    ----------
    design : the design.
    coupling : the channel, source kind and target concerned.
    spoken : times of the sources.

    Returns
    -------
    np.ndarray
        (columns of the coupling,) in [0, 1]; 0 where nothing was sent.

    Notes
    -----
    The compensator sum ``G`` is the mass read by everyone at risk. The mass sent within the scored time is
    ``sum_n 2^(-max(h - t_n, 0)/b) - 2^(-(T - t_n)/b)``, with history ``h`` and end ``T``.
    """
    how = design.channels[coupling.channel].how
    times = (spoken.by_system if how in {"self", "tie"} else spoken.by_incident)[coupling.source_kind]
    target = design.targets[coupling.target]
    start, end = float(design.block_edges[0]), float(design.block_edges[-1])
    shares = np.zeros(len(coupling.columns))
    for place, column in enumerate(coupling.columns):
        half_life = float(design.half_lives[target.columns[column].half_life])
        left = 2.0 ** (-np.maximum(start - times, 0.0) / half_life)
        sent = float(np.sum(left - np.minimum(left, 2.0 ** (-np.maximum(end - times, 0.0) / half_life))))
        read = float(target.compensator[:, column].sum())
        shares[place] = min(read / sent, 1.0) if sent > 0 else 0.0
    return shares


def mixture(weights: np.ndarray) -> np.ndarray:
    """Division of a total over its half-lives; even where there is nothing to divide.

    Parameters
    ----------
    weights : (half-lives,) non-negative.

    Returns
    -------
    np.ndarray
        (half-lives,) summing to one.
    """
    total = float(weights.sum())
    return weights / total if total > 0 else np.full(len(weights), 1.0 / max(len(weights), 1))
