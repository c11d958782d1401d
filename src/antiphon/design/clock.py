"""Calendars: cells of local time as days from the start of the window."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from antiphon.design.design import Calendar
from antiphon.design.roster import days_between

if TYPE_CHECKING:
    from antiphon.records.agency import Agency


def calendars_of(agency: Agency, precisions: set[str]) -> dict[str, Calendar]:
    """Return the calendar of each precision: cells of shifts for minute and shift kinds, local days for day kinds."""
    zone = ZoneInfo(agency.settings.agency.timezone)
    start, end = agency.window
    made = {}
    for precision in sorted(precisions):
        clocks = ["00:00"] if precision == "day" else sorted(agency.settings.calendar.shifts)
        made[precision] = local_calendar(start, end, zone, clocks)
    return made


def local_calendar(start: object, end: object, zone: dt.tzinfo, clocks: list[str]) -> Calendar:
    """Return cells that begin at the given clock times of each local day; a day may have 23, 24 or 25 hours.

    Parameters
    ----------
    start, end
        Window, aware datetimes. Its first and last cell are cut.
    zone
        Time zone of the clocks.
    clocks
        ``["07:00", "15:00", "23:00"]``, in order; ``["00:00"]`` for days.
    """
    first = start.astimezone(zone).date() - dt.timedelta(days=1)  # pyright: ignore[reportAttributeAccessIssue]
    n_days = int(days_between(start, end)) + 4
    starts, shifts, weekdays = [], [], []
    times = [dt.time.fromisoformat(clock) for clock in clocks]
    for number in range(n_days):
        date = first + dt.timedelta(days=number)
        for shift, time in enumerate(times):
            moment = dt.datetime.combine(date, time, tzinfo=zone).astimezone(dt.UTC)
            starts.append(days_between(start, moment))
            shifts.append(shift)
            weekdays.append(date.weekday())
    length = days_between(start, end)
    begun = np.maximum.accumulate(np.asarray(starts))
    low = int(np.searchsorted(begun, 0.0, side="right")) - 1
    high = int(np.searchsorted(begun, length))
    edges = np.concatenate([[0.0], begun[low + 1 : high], [length]])
    distinct = np.diff(edges) > 0
    return Calendar(
        np.concatenate([edges[:-1][distinct], edges[-1:]]),
        np.asarray(shifts)[low:high][distinct],
        np.asarray(weekdays)[low:high][distinct],
        len(clocks),
    )


def plain_calendar(window_days: float) -> Calendar:
    """Return a calendar without rhythm: one cell for the whole window."""
    return Calendar(np.asarray([0.0, window_days]), np.zeros(1, np.int64), np.zeros(1, np.int64), 1)


def period_of_cells(calendar: Calendar, period_days: float, n_periods: int) -> np.ndarray:
    """Return the calendar period of each cell: that of its middle."""
    middle = 0.5 * (calendar.edges[1:] + calendar.edges[:-1])
    return np.minimum((middle / period_days).astype(np.int64), n_periods - 1)
