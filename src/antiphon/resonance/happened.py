"""What happened, as the design saw it: one row per incident, kind and system, with where it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.events import SetAside, make_events, rows_of
from antiphon.design.risk import Exposure, organisations

if TYPE_CHECKING:
    from antiphon.design.design import Design
    from antiphon.design.roster import Roster
    from antiphon.records.agency import Agency

MINUTES_PER_DAY = 1440.0


@dataclass(frozen=True, slots=True, repr=False)
class Happened:
    """Rows of events; all arrays are (rows,).

    Attributes
    ----------
    incident, kind, system, unit : int64 codes; kind indexes the design's kinds; unit -1 where there is none.
    target : int64 code of the system at which it was directed; -1 where none is named.
    time : float64 days, when the incident began.
    speaks : float64 days, when the row is deposited: its time, or the end of its coarse cell.
    is_timed : bool, whether the shift is known.
    """

    incident: np.ndarray
    kind: np.ndarray
    system: np.ndarray
    unit: np.ndarray
    target: np.ndarray
    time: np.ndarray
    speaks: np.ndarray
    is_timed: np.ndarray


def exposed(agency: Agency, design: Design, roster: Roster, *, joined: bool) -> Exposure:
    """Gather what happened in the window, and to whom it could.

    Parameters
    ----------
    agency, design, roster : the records and what was made of them.
    joined : True also takes rows without an incident number, and joins those within ``incident_window`` that share a
        person and a unit; False takes only rows whose number is in the records.

    Returns
    -------
    Exposure
        Without gaps and history: everything in the window counts.
    """
    rows = rows_of(agency, agency.systems["system"].to_list(), [kind.name for kind in design.kinds])
    known = (rows.kind >= 0) & (rows.system >= 0) & (rows.time >= 0) & (rows.time < design.window_days)
    known[known] = roster.role[rows.system[known]] == np.array([k.role for k in design.kinds])[rows.kind[known]]
    rows = rows.where(known if joined else known & (rows.number >= 0))
    minutes = agency.settings.agency.incident_window_minutes
    events = make_events(
        rows, design.kinds, roster, design.calendars, minutes / MINUTES_PER_DAY if joined else None, SetAside()
    )
    organisation, no_organisation, _ = organisations(roster)
    return Exposure(roster, events, design.kinds, (), 0.0, organisation, no_organisation)


def happened(exposure: Exposure) -> Happened:
    """Lay out what happened, one row per incident, kind and system.

    Parameters
    ----------
    exposure : see ``exposed``.

    Returns
    -------
    Happened
        In order of time.
    """
    events = exposure.events
    by_day = np.array([kind.precision == "day" for kind in exposure.kinds], dtype=bool)
    return Happened(
        _in_order(events.incident), events.kind, events.system, events.unit, events.target, events.time,
        events.sounds_from, events.is_target & ~by_day[events.kind],
    )  # fmt: skip


def _in_order(incident: np.ndarray) -> np.ndarray:
    """Number incidents as they come, so that sums over them are the same in every run."""
    _, first, code = np.unique(incident, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[code]
