"""What happened, as the design saw it: one row per incident, kind and system, with where it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.events import SetAside, make_events, rows_of
from antiphon.design.roster import roster_of

if TYPE_CHECKING:
    from antiphon.design.design import Design
    from antiphon.records.agency import Agency

MINUTES_PER_DAY = 1440.0


@dataclass(frozen=True, slots=True, repr=False)
class Happened:
    """Rows of events; all arrays are (rows,).

    Attributes
    ----------
    incident, kind, system, unit : int64 codes; kind indexes the design's kinds; unit -1 where there is none.
    speaks : float64 days, when the row is deposited: its time, or the end of its coarse cell.
    """

    incident: np.ndarray
    kind: np.ndarray
    system: np.ndarray
    unit: np.ndarray
    speaks: np.ndarray


def happened(agency: Agency, design: Design, *, joined: bool) -> Happened:
    """Gather what happened in the window.

    Parameters
    ----------
    agency, design : the records and what was made of them.
    joined : True also takes rows without an incident number, and joins those within ``incident_window`` that share a
        person and a unit; False takes only rows whose number is in the records.

    Returns
    -------
    Happened
        In order of time.
    """
    roster, code = roster_of(agency)
    rows = rows_of(agency, list(code), [kind.name for kind in design.kinds])
    known = (rows.kind >= 0) & (rows.system >= 0) & (rows.time >= 0) & (rows.time < design.window_days)
    known[known] = roster.role[rows.system[known]] == np.array([k.role for k in design.kinds])[rows.kind[known]]
    rows = rows.where(known if joined else known & (rows.number >= 0))
    minutes = agency.settings.agency.incident_window_minutes
    events = make_events(
        rows, design.kinds, roster, design.calendars, minutes / MINUTES_PER_DAY if joined else None, SetAside()
    )
    return Happened(_in_order(events.incident), events.kind, events.system, events.unit, events.sounds_from)


def _in_order(incident: np.ndarray) -> np.ndarray:
    """Number incidents as they come, so that sums over them are the same in every run."""
    _, first, code = np.unique(incident, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[code]
