"""Warnings about events as a whole: times that pile up, entries that come late, incidents that last too long."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from antiphon.records.configuration import FILE
from antiphon.records.problems import ROW, SOURCE
from antiphon.records.times import is_shift_start

if TYPE_CHECKING:
    from datetime import datetime

    from antiphon.records.problems import Ledger
    from antiphon.records.settings import Settings

# A clock that is read, not remembered, shows 00:00 once in 1,440 events, a full hour once in 60, a given change of
# shift three times in 1,440. The shares below are several times that, and leave rounding to five minutes alone.
N_EVENTS_AT_LEAST = 20
N_AT_MIDNIGHT = 3
MAX_AT_MIDNIGHT = 0.03
MAX_AT_FULL_HOURS = 0.20
MAX_AT_SHIFT_ENDS = 0.05
MAX_INCIDENT_HOURS = 24
SILENT_DAYS, N_DUE_AT_LEAST = 28, 20
DAY = timedelta(days=1)
NOT_KNOWN = "kinds not known"
"""Stands for kinds that are not known, which may be names."""
MEND_MIDNIGHT = (
    'If the time of day is not known, write the date alone in these rows, or "day" under precision; where that holds '
    'for a whole kind, write [kinds.{kind}] and below it precision = "day" into agency.toml (for all kinds: '
    'precision = "day" under [agency])'
)
MEND_HEAP = 'If the minute is not known, say precision = "shift" or "day" under [kinds.{kind}] in agency.toml'


def warn_of_tendencies(
    events: pl.DataFrame, settings: Settings, window: tuple[datetime, datetime], ledger: Ledger
) -> None:
    """Note heaps and late entries, per kind, long incidents, and a window that reaches beyond the records."""
    _warn_of_silent_ends(events, settings, window, ledger)
    _warn_of_heaps(events, settings, ledger)
    _warn_of_late_entries(events, settings, ledger)
    _warn_of_long_incidents(events, ledger)


def _warn_of_silent_ends(
    events: pl.DataFrame, settings: Settings, window: tuple[datetime, datetime], ledger: Ledger
) -> None:
    """By the pace between the first and the last event, some twenty would have been due in each silence told."""
    if events.height < N_EVENTS_AT_LEAST:
        return
    first, last = events["time"].min(), events["time"].max()
    due_in_a_day = events.height / max((last - first) / DAY, 1.0)  # pyright: ignore[reportOperatorIssue]
    for end, silence in (("first", (window[0], first)), ("last", (last, window[1]))):
        days = int((silence[1] - silence[0]) / DAY)  # pyright: ignore[reportOperatorIssue]
        explained = any(
            gap.group is None and settings.to_utc(gap.start) < silence[1] and (gap.end is None or settings.to_utc(gap.end) > silence[0])  # pyright: ignore[reportOperatorIssue]
            for gap in settings.gaps
        )  # fmt: skip
        if days >= SILENT_DAYS and days * due_in_a_day >= N_DUE_AT_LEAST and not explained:
            message = (
                f"no event at all stands in the {end} {days:,} days of the window, which count as time without any"
            )
            mend = "Write into window from when to when all events were recorded; or take the time out with [[gaps]]"
            ledger.add("warning", FILE, "window_silent", message, mend, "window")


def _warn_of_heaps(events: pl.DataFrame, settings: Settings, ledger: Ledger) -> None:
    local = pl.col("time_local")
    is_midnight = (local.dt.hour() == 0) & (local.dt.minute() == 0)
    is_hour = (local.dt.minute() == 0) & ~is_midnight
    is_change = is_shift_start(local, settings.calendar.shifts) & ~is_midnight
    timed = events.filter(pl.col("precision") == "minute").select(
        SOURCE, ROW, "kind", is_midnight.alias("midnight"), is_hour.alias("hour"), is_change.alias("change")
    )
    counts = timed.group_by("kind").agg(pl.len(), pl.col("midnight", "hour", "change").sum()).sort("kind")
    is_large = pl.col("len") >= N_EVENTS_AT_LEAST
    heaps = (
        (
            "midnight",
            pl.col("midnight") >= N_AT_MIDNIGHT,
            MAX_AT_MIDNIGHT,
            "heap_at_midnight",
            "at exactly 00:00, which often means that nobody knew the time, while they are to be known to the minute",
        ),
        ("hour", is_large, MAX_AT_FULL_HOURS, "heap_at_full_hours", "on full hours, so the times are rounded"),
        (
            "change",
            is_large,
            MAX_AT_SHIFT_ENDS,
            "heap_at_shift_ends",
            "exactly at a change of shift, so they may be times of writing",
        ),
    )
    for column, are_enough, limit, rule, words in heaps:
        heaped = counts.filter(are_enough & (pl.col(column) > limit * pl.col("len")))
        if heaped.is_empty():
            continue
        named = ", ".join(f'"{kind}" ({n:,} of {of:,})' for kind, n, of in heaped.select("kind", column, "len").rows())
        rows = timed.filter(pl.col("kind").is_in(heaped["kind"].implode()) & pl.col(column))
        mend = MEND_MIDNIGHT if column == "midnight" else MEND_HEAP
        mend = mend.format(kind=next((kind for kind in heaped["kind"] if kind != NOT_KNOWN), "NAME"))
        ledger.add_rows("warning", "events", rule, f"many events are {words}: {named}", mend, rows, column="time")


def _warn_of_late_entries(events: pl.DataFrame, settings: Settings, ledger: Ledger) -> None:
    if not settings.model.half_lives:
        return  # left to the records
    shortest = min(settings.model.half_lives).half_life
    lag = (pl.col("reported") - pl.col("time")).dt.total_seconds() / 86400
    lags = events.filter(pl.col("reported").is_not_null()).select(SOURCE, ROW, "kind", lag.alias("lag"))
    typical = lags.group_by("kind").agg(pl.col("lag").median()).filter(pl.col("lag") > shortest).sort("kind")
    named = ", ".join(f'"{kind}" (typically after {_words(median)})' for kind, median in typical.rows())
    message = (
        f"events are written down later than the shortest half-life ({_words(shortest)}), so others may learn of them "
        f"too late for the echo looked for: {named}"
    )
    mend = "Check the clock times of late entries; a longer shortest half-life under [model] may fit better"
    rows = lags.filter(pl.col("kind").is_in(typical["kind"].implode()) & (pl.col("lag") > shortest))
    ledger.add_rows("warning", "events", "entry_lags_behind", message, mend, rows, column="reported")


def _words(length_days: float) -> str:
    return f"{length_days:.0f} days" if length_days >= 2 else f"{24 * length_days:.0f} hours"


def _warn_of_long_incidents(events: pl.DataFrame, ledger: Ledger) -> None:
    span = pl.col("time").max().over("incident") - pl.col("time").min().over("incident")
    rows = events.filter(pl.col("incident").is_not_null()).filter(span > pl.duration(hours=MAX_INCIDENT_HOURS))
    message = "an incident number spans more than 24 hours (its rows are treated as separate)"
    mend = "Look whether the number was used twice"
    ledger.add_rows("warning", "events", "incident_over_24_hours", message, mend, rows, column="incident")
