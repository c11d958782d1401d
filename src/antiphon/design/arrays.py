"""Designs from plain arrays, for benchmarks and for comparison with other programs. The same code as for an agency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.build import Choices, assemble
from antiphon.design.channels import parse_channel
from antiphon.design.clock import plain_calendar
from antiphon.design.design import Design, Kind
from antiphon.design.events import Rows, SetAside, make_events
from antiphon.design.roster import Attendance, Ties, make_roster
from antiphon.design.spells import Spells, spells

if TYPE_CHECKING:
    from collections.abc import Sequence


def dense_design(times: np.ndarray, kinds: np.ndarray, half_lives: Sequence[float], window: float) -> Design:
    """Return the design of the plain multivariate Hawkes process: one system, its own past, no rhythm, no history.

    Parameters
    ----------
    times
        (events,) increasing, in days.
    kinds
        (events,) codes 0 ... n - 1.
    half_lives
        Days.
    window
        Length of the window in days.
    """
    n_kinds = int(np.max(kinds, initial=0)) + 1
    width = len(str(n_kinds - 1))
    named = tuple(
        Kind(f"kind {k:0{width}d}", "system", "minute", terminal=False, while_="member") for k in range(n_kinds)
    )
    zeros = np.zeros(len(times), np.int64)
    rows = _rows(times, zeros, kinds)
    return _design(
        rows,
        named,
        np.asarray(["system"]),
        spells(zeros[:0], None, np.empty(0), np.empty(0), 1),
        ["self"],
        half_lives,
        window,
    )


def unit_design(
    times: np.ndarray,
    persons: np.ndarray,
    kinds: np.ndarray,
    unit_of: np.ndarray,
    half_lives: Sequence[float],
    window: float,
    *,
    has_frailty: bool = False,
) -> Design:
    """Return the design of persons of one role who each stay in one unit throughout: own past and peers.

    Parameters
    ----------
    times, persons, kinds
        (events,) days, code of the person, code of the kind.
    unit_of
        (persons,) code of the unit of each person.
    half_lives
        Days.
    window
        Length of the window in days.
    has_frailty
        Whether persons may differ; spells then end at each of their events.
    """
    n_persons, n_units = unit_of.size, int(np.max(unit_of, initial=0)) + 1
    n_kinds = int(np.max(kinds, initial=0)) + 1
    width = len(str(n_kinds - 1))
    named = tuple(
        Kind(f"kind {k:0{width}d}", "person", "minute", terminal=False, while_="present") for k in range(n_kinds)
    )
    role = np.repeat(["person", "unit"], [n_persons, n_units])
    ever = np.full(n_persons, np.inf)
    stays = spells(np.arange(n_persons), n_persons + unit_of, -ever, ever, role.size)
    channels = ["self", "peers:unit:person>person"]
    return _design(
        _rows(times, persons, kinds), named, role, stays, channels, half_lives, window, has_frailty=has_frailty
    )


def _rows(times: np.ndarray, systems: np.ndarray, kinds: np.ndarray) -> Rows:
    none = np.full(len(times), -1, np.int64)
    grain = np.zeros(len(times), np.int64)
    return Rows(np.asarray(times, float), np.asarray(systems, np.int64), np.asarray(kinds, np.int64), none, none, grain)


def _design(
    rows: Rows, kinds: tuple[Kind, ...], role: np.ndarray, stays: Spells, channels: list[str],
    half_lives: Sequence[float], window: float, *, has_frailty: bool = False,
) -> Design:  # fmt: skip
    level = np.where(role == "unit", "unit", "person")
    nobody = np.empty(0, np.int64)
    attendance = Attendance(nobody, nobody, np.empty(0), np.empty(0), np.empty(0, bool))
    ties: dict[str, Ties] = {}
    roster = make_roster(
        role,
        level,
        ("unit", "person"),
        np.zeros(role.size, bool),
        stays,
        attendance,
        ties,
        float(window),
    )
    set_aside = SetAside()
    calendars = {"minute": plain_calendar(float(window))}
    events = make_events(rows, kinds, roster, calendars, None, set_aside)
    del rows  # a million of them would be in the way of what follows
    parsed = tuple(parse_channel(text) for text in channels)
    choices = Choices(parsed, np.unique(np.asarray(half_lives, float)), 0.0, float(window), has_frailty)
    return assemble(roster, events, kinds, calendars, (), choices, set_aside)
