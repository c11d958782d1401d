"""What covariates are made from: the records, who is where, what happened, and the cells in which nothing changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from antiphon.design.clock import local_calendar
from antiphon.design.roster import DAY_SECONDS, days_between
from antiphon.design.spells import difference, joined
from antiphon.framework.vocabulary import SERVED

if TYPE_CHECKING:
    from antiphon.design.risk import Exposure
    from antiphon.design.roster import Roster
    from antiphon.design.spells import Spells
    from antiphon.design.terms import Term
    from antiphon.records.agency import Agency


@dataclass(frozen=True, slots=True)
class Resolution:
    """How finely covariates are followed. The defaults are the model itself; others show that they are fine enough.

    Attributes
    ----------
    cells_per_shift : parts into which each shift is divided; nothing changes within one. For kinds recorded to the
        minute only: what is known by the shift or day cannot be followed more closely.
    rounding : factor on the steps to which values are rounded; 0: not rounded, a change in every cell.
    levels : most levels of receptivity that are told apart; each costs one pass over the events.
    """

    cells_per_shift: int = 1
    rounding: float = 1.0
    levels: int = 24


USUAL = Resolution()


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """The covariates that are asked for, and the records that they are made from (None: there are none)."""

    covariates: tuple[Term, ...] = ()
    receptivity: tuple[Term, ...] = ()
    agency: Agency | None = None
    resolution: Resolution = USUAL


NOTHING = Wanted()


@dataclass(frozen=True, slots=True, repr=False)
class Ground:
    """What all covariates of a role share.

    Attributes
    ----------
    agency, exposure : the records; who is where and what happened.
    names : names of the systems, by code.
    role : name of the role; ``here`` : (systems,) bool, who has it.
    where : where each of them is, of groups of any level: present, or else where they belong.
    shifts : edges of the shifts of the window, days.
    edges : edges of the cells in which nothing changes, for the kinds in question; ``is_by_day``: they are days.
    rounding : factor on the steps to which values are rounded.
    """

    agency: Agency
    exposure: Exposure
    names: list[str]
    role: str
    here: np.ndarray
    where: Spells
    shifts: np.ndarray
    edges: np.ndarray
    is_by_day: bool
    rounding: float

    @property
    def roster(self) -> Roster:
        """Who is where."""
        return self.exposure.roster

    @property
    def n_systems(self) -> int:
        """Number of systems."""
        return self.exposure.roster.n_systems

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.edges.size - 1

    def first_cell(self, time: np.ndarray, *, is_after: bool = False) -> np.ndarray:
        """Return the first cell that starts at or after each time (after it only, where `is_after`)."""
        return np.searchsorted(self.edges[:-1], time, side="right" if is_after else "left")


def make_ground(agency: Agency, exposure: Exposure, role: str, resolution: Resolution) -> Ground:
    """Return the ground of a role, with the cells of kinds that are recorded to the minute."""
    roster = exposure.roster
    here = roster.role == role
    shifts = shift_edges(agency)
    return Ground(
        agency, exposure, agency.systems["system"].to_list(), role, here, whereabouts(roster, here), shifts,
        divided(shifts, resolution.cells_per_shift), is_by_day=False, rounding=resolution.rounding,
    )  # fmt: skip


def whereabouts(roster: Roster, here: np.ndarray) -> Spells:
    """Return where the systems of a mask are: the groups where they are present, or else where they belong."""
    present = roster.present.where(here[roster.present.owner])
    member = roster.member.where(here[roster.member.owner])
    return joined([present, difference(member, present.without_groups())], roster.n_systems)


def shift_edges(agency: Agency) -> np.ndarray:
    """Return the edges of the shifts of the window, in days."""
    zone = ZoneInfo(agency.settings.agency.timezone)
    return local_calendar(*agency.window, zone, sorted(agency.settings.calendar.shifts)).edges


def day_edges(agency: Agency) -> np.ndarray:
    """Return the edges of the local days of the window, in days."""
    return local_calendar(*agency.window, ZoneInfo(agency.settings.agency.timezone), ["00:00"]).edges


def divided(edges: np.ndarray, parts: int) -> np.ndarray:
    """Return the edges of cells that are each divided into equal parts."""
    if parts == 1:
        return edges
    inner = edges[:-1, None] + np.diff(edges)[:, None] * (np.arange(1, parts) / parts)
    # whole seconds, rounded as `days` rounds: an event on such an edge must be on it exactly
    inner = np.round(inner * DAY_SECONDS) / DAY_SECONDS
    return np.append(np.column_stack([edges[:-1], inner]).ravel(), edges[-1])


def break_days(agency: Agency) -> list[tuple[str, str, float]]:
    """Return kind, date and day of each break in what a kind means."""
    settings, origin = agency.settings, agency.window[0]
    return [(b.kind, b.time.date().isoformat(), days_between(origin, settings.to_utc(b.time))) for b in settings.breaks]


def fewest_persons(agency: Agency, role: str) -> int:
    """Return how many persons of a role must share what a covariate tells of them; 1 for groups."""
    privacy, vocabulary = agency.settings.privacy, agency.vocabulary
    if vocabulary.roles[role] != vocabulary.levels[-1]:
        return 1
    if role == SERVED:
        return privacy.min_clients
    return privacy.min_staff if role in vocabulary.workers else max(privacy.min_clients, privacy.min_staff)
