"""What surrounded each event: how late in the window, in which shift, how staffed, with which practices, at whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.channels import meeting_level
from antiphon.design.circumstances import read_practice
from antiphon.design.ground import Resolution, make_ground
from antiphon.design.headcounts import read_staffing
from antiphon.design.terms import parse_term
from antiphon.resonance.happened import happened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from antiphon.design.design import Design
    from antiphon.design.ground import Ground
    from antiphon.design.risk import Exposure
    from antiphon.design.steps import Reading
    from antiphon.design.terms import Term
    from antiphon.records.agency import Agency
    from antiphon.resonance.happened import Happened

EXACT = Resolution(rounding=0.0)


@dataclass(frozen=True, slots=True, repr=False)
class Surroundings:
    """What surrounded the rows of ``Happened``; all arrays are (rows,).

    Attributes
    ----------
    time : float64, 0 at the beginning of the window and 1 at its end.
    shift : int64, index of ``shifts``; -1 where it is not known.
    shifts : when shifts begin, such as ``"07:00"``.
    staffing : float64, doublings of staff present per client present in the unit; NaN where it is not known.
    doses : per practice, float64 in [0, 1], the dose in force in the unit; NaN where there is no unit.
    target : int64, code of the system at which it was directed; -1 where none is named.
    role : int64, index of ``roles``: that system's role; -1 where none is named.
    roles : names.
    """

    time: np.ndarray
    shift: np.ndarray
    shifts: tuple[str, ...]
    staffing: np.ndarray
    doses: Mapping[str, np.ndarray]
    target: np.ndarray
    role: np.ndarray
    roles: tuple[str, ...]


def surroundings(agency: Agency, design: Design, exposure: Exposure) -> Surroundings:
    """Look up what surrounded each event.

    Parameters
    ----------
    agency, design, exposure : the records and what was made of them.

    Returns
    -------
    Surroundings
        Of the rows that ``happened`` makes of the exposure.

    Notes
    -----
    Staffing and practices are the covariates of the same names, as the unit in which it happened has them.
    """
    what, roster = happened(exposure), exposure.roster
    roles, role = np.unique(roster.role, return_inverse=True)
    named = what.target >= 0
    practices = sorted(set(agency.practices["practice"].to_list()))
    return Surroundings(
        time=what.time / design.window_days,
        shift=_shift(design, what),
        shifts=tuple(agency.settings.calendar.shifts),
        staffing=_staffing(agency, exposure, what),
        doses={name: _covariate(agency, exposure, what, f"practice:{name}", read_practice) for name in practices},
        target=what.target,
        role=np.where(named, role[what.target], -1),
        roles=tuple(roles.tolist()),
    )


def _shift(design: Design, what: Happened) -> np.ndarray:
    calendar = next((design.calendars[grain] for grain in ("minute", "shift") if grain in design.calendars), None)
    if calendar is None:
        return np.full(what.time.size, -1)
    cell = np.clip(np.searchsorted(calendar.edges, what.time, side="right") - 1, 0, calendar.shift.size - 1)
    return np.where(what.is_timed, calendar.shift[cell], -1)


def _staffing(agency: Agency, exposure: Exposure, what: Happened) -> np.ndarray:
    level = meeting_level(exposure.roster)
    if not level or agency.presence.is_empty():
        return np.full(what.time.size, np.nan)
    found = _covariate(agency, exposure, what, f"staffing:{level}", read_staffing)
    return np.where(what.is_timed, found, np.nan)


def _covariate(
    agency: Agency, exposure: Exposure, what: Happened, term: str, read: Callable[[Ground, Term, float], Reading]
) -> np.ndarray:
    """Look up a covariate of the unit of each event; NaN where there is no unit."""
    found = np.full(what.time.size, np.nan)
    roles = exposure.roster.role
    for role in np.unique(roles[what.unit[what.unit >= 0]]):
        rows = (what.unit >= 0) & (roles[what.unit] == role)
        ground = make_ground(agency, exposure, str(role), EXACT)
        found[rows] = read(ground, parse_term(term), 0.0).at(what.unit[rows], what.time[rows])
    return found
