"""Designs from plain arrays, for benchmarks and for comparison with other programs. The same code as for an agency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from antiphon.design.build import design_of
from antiphon.design.channels import parse_channel
from antiphon.design.clock import plain_calendar
from antiphon.design.delays import read_kernels
from antiphon.design.design import Design, Kind
from antiphon.design.events import rows_from
from antiphon.design.roster import Attendance, make_roster
from antiphon.design.spells import Spells, spells
from antiphon.design.structure import Choices, Structure, keys_of

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
    structure = dense_structure(int(np.max(kinds, initial=0)) + 1, half_lives, window)
    return design_of(structure, rows_from(times, np.zeros(len(times), np.int64), kinds))


def dense_structure(n_kinds: int, half_lives: Sequence[float], window: float) -> Structure:
    """Return the structure of `dense_design`."""
    nobody = np.empty(0, np.int64)
    stays = spells(nobody, None, np.empty(0), np.empty(0), 1)
    return _structure(_kinds(n_kinds, "system", "member"), np.asarray(["system"]), stays, ["self"], half_lives, window)


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
    n_kinds = int(np.max(kinds, initial=0)) + 1
    structure = unit_structure(unit_of, n_kinds, half_lives, window, has_frailty=has_frailty)
    return design_of(structure, rows_from(times, persons, kinds))


def unit_structure(
    unit_of: np.ndarray, n_kinds: int, half_lives: Sequence[float], window: float, *, has_frailty: bool = False
) -> Structure:
    """Return the structure of `unit_design`."""
    n_persons, n_units = unit_of.size, int(np.max(unit_of, initial=0)) + 1
    role = np.repeat(["person", "unit"], [n_persons, n_units])
    ever = np.full(n_persons, np.inf)
    stays = spells(np.arange(n_persons), n_persons + unit_of, -ever, ever, role.size)
    channels = ["self", "peers:unit:person>person"]
    named = _kinds(n_kinds, "person", "present")
    return _structure(named, role, stays, channels, half_lives, window, has_frailty=has_frailty)


def _kinds(n_kinds: int, role: str, while_: Literal["present", "member"]) -> tuple[Kind, ...]:
    width = len(str(n_kinds - 1))
    return tuple(Kind(f"kind {k:0{width}d}", role, "minute", terminal=False, while_=while_) for k in range(n_kinds))


def _structure(
    kinds: tuple[Kind, ...], role: np.ndarray, stays: Spells, channels: list[str], half_lives: Sequence[float],
    window: float, *, has_frailty: bool = False,
) -> Structure:  # fmt: skip
    level = np.where(role == "unit", "unit", "person")
    nobody = np.empty(0, np.int64)
    attendance = Attendance(nobody, nobody, np.empty(0), np.empty(0), np.empty(0, bool))
    levels, pooled = ("unit", "person"), np.zeros(role.size, bool)
    roster = make_roster(role, level, levels, pooled, stays, attendance, {}, float(window))
    parsed = tuple(parse_channel(text) for text in channels)
    choices = Choices(parsed, read_kernels(half_lives), 0.0, float(window), has_frailty)
    calendars = {"minute": plain_calendar(float(window))}
    return Structure(roster, kinds, calendars, (), choices, keys_of(range(role.size)))
