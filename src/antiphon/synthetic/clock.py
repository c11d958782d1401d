"""Clock and calendar of an invented agency: days since the start of its window, local cells, local text."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

MINUTES = 1440.0


class Clock:
    """Turns days since the start of the window (a local midnight) into cells and local clock times.

    Attributes
    ----------
    days : length of the window in days (clock changes included).
    day_edges, shift_edges : starts of the local days and shifts, and the end of the last; the first shift began
        before the window and is cut at its start.
    shift, weekday : shift of the day and local weekday (Monday 0) in which each cell of ``shift_edges`` begins.
    day_weekday : weekday of each day.
    """

    def __init__(self, window: tuple[str, str], timezone: str, shifts: tuple[str, ...]) -> None:
        first, last = (date.fromisoformat(edge) for edge in window)
        self.timezone = timezone
        self._zone = ZoneInfo(timezone)
        self._start = datetime.combine(first, time(), self._zone).astimezone(UTC)
        self._first = first
        dates = [first + timedelta(days=i) for i in range((last - first).days + 1)]
        self.day_edges = np.array([self.at(day, time()) for day in dates])
        self.days = float(self.day_edges[-1])
        self.day_weekday = np.array([day.weekday() for day in dates[:-1]])
        self._cut_shifts([first - timedelta(days=1), *dates[:-1]], [time.fromisoformat(text) for text in shifts])

    def _cut_shifts(self, dates: list[date], starts: list[time]) -> None:
        cells = [(self.at(day, start), i, day.weekday()) for day in dates for i, start in enumerate(starts)]
        last_before = max(i for i, cell in enumerate(cells) if cell[0] <= 0)
        cells = cells[last_before:]
        edges = [max(cell[0], 0.0) for cell in cells]
        self.shift_edges = np.array([*edges, self.days])
        self.shift = np.array([cell[1] for cell in cells])
        self.weekday = np.array([cell[2] for cell in cells])

    def at(self, day: date, clock: time) -> float:
        """Return a local moment in days since the start of the window."""
        moment = datetime.combine(day, clock, self._zone).astimezone(UTC)
        return (moment - self._start) / timedelta(days=1)

    def date(self, day: int) -> date:
        """Return the date of a day of the window."""
        return self._first + timedelta(days=day)

    def edges(self, precision: str) -> np.ndarray:
        """Return the edges of the cells of a precision (``shift`` or ``day``)."""
        return self.day_edges if precision == "day" else self.shift_edges

    def cell(self, t: np.ndarray | float, precision: str) -> np.ndarray:
        """Return the cells in which moments lie."""
        edges = self.edges(precision)
        return np.clip(np.searchsorted(edges, t, side="right") - 1, 0, len(edges) - 2)

    def local(self, t: np.ndarray) -> pl.Series:
        """Return local clock times without offset, ``2024-01-31T14:30``; null where t is not finite."""
        t = np.asarray(t, dtype=float)
        minutes = np.where(np.isfinite(t), np.round(t * MINUTES), 0).astype(np.int64)
        start = int(self._start.timestamp())
        moments = pl.Series((start + minutes * 60) * 1_000_000).cast(pl.Datetime("us", "UTC"))
        text = moments.dt.convert_time_zone(self.timezone).dt.strftime("%Y-%m-%dT%H:%M")
        return pl.select(pl.when(pl.Series(np.isfinite(t))).then(text)).to_series()


def whole_minutes(t: np.ndarray | float) -> np.ndarray | float:
    """Return the minute in which a moment lies."""
    return np.floor(np.asarray(t) * MINUTES + 1e-6) / MINUTES
