"""Which part of what the sources sent out found a reader: the average composition of the branching matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.delays import share_come

if TYPE_CHECKING:
    from antiphon.design.design import Design
    from antiphon.inference.inference import Coupling
    from antiphon.resonance.happened import Happened


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


def sources(what: Happened, n_kinds: int) -> Sources:
    """Sort what happened by who hears it.

    Parameters
    ----------
    what : rows of events.
    n_kinds : number of kinds of the design.

    Returns
    -------
    Sources
        Times in days from the start of the window.
    """
    order = np.lexsort((what.incident, what.kind))
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (np.diff(what.incident[order]) != 0) | (np.diff(what.kind[order]) != 0)
    heads = order[is_first]
    return Sources(
        by_incident=tuple(np.sort(what.speaks[heads[what.kind[heads] == kind]]) for kind in range(n_kinds)),
        by_system=tuple(np.sort(what.speaks[what.kind == kind]) for kind in range(n_kinds)),
    )


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
    ``sum_n F(T - t_n) - F(max(h - t_n, 0))``, with the share ``F`` that has come, history ``h`` and end ``T``.
    """
    how = design.channels[coupling.channel].how
    times = (spoken.by_system if how in {"self", "tie"} else spoken.by_incident)[coupling.source_kind]
    target = design.targets[coupling.target]
    start, end = float(design.block_edges[0]), float(design.block_edges[-1])
    shares = np.zeros(len(coupling.columns))
    for place, column in enumerate(coupling.columns):
        which = target.columns[column].half_life
        kernel = float(design.kernels.half_lives[which]), int(design.kernels.orders[which])
        before = share_come(np.maximum(start - times, 0.0), *kernel)
        sent = float(np.sum(share_come(np.maximum(end - times, 0.0), *kernel) - before))
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
