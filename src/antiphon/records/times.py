"""Times: from text on the agency's clock to UTC, with what the clock itself makes doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.records.settings import Settings

ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?$"
OFFSET = r"[T ][^Z+-]*(Z|[+-]\d{2}:?(?:\d{2})?)$"
# Days since 1899-12-30, as a spreadsheet stores them: 1954 to 2119.
SPREADSHEET_NUMBER = r"^[2-7]\d{4}(\.\d+)?$"
MINUTES_PER_DAY = 1440


def parse_times(text: pl.Series, timezone: str) -> pl.DataFrame:
    """Read ISO 8601 times, local unless they carry an offset.

    Parameters
    ----------
    text : trimmed text, null where the cell is empty.
    timezone : the agency's.

    Returns
    -------
    DataFrame with one row per cell: ``utc``; ``local`` (clock time without zone); ``is_bare`` (a date only);
    ``has_offset``; ``is_missing_hour`` and ``is_double_hour`` (the local time does not exist, or exists twice);
    ``is_number`` (a spreadsheet's day number); ``is_unreadable`` (neither empty nor a time).

    Notes
    -----
    A local time that does not exist is moved on by the hour that the clock skips; of two the earlier is taken.
    """
    cell = pl.col("text")
    frame = pl.LazyFrame({"text": text.cast(pl.String)}).with_columns(
        is_iso=cell.str.contains(ISO),
        is_number=cell.str.contains(SPREADSHEET_NUMBER).fill_null(value=False),
        is_bare=(cell.str.contains(ISO) & (cell.str.len_bytes() == 10)).fill_null(value=False),
        offset=pl.when(cell.str.len_bytes() > 16).then(cell.str.extract(OFFSET)),
    )
    frame = frame.with_columns(written=pl.when("is_iso").then(_seconds(cell)))
    frame = frame.with_columns(has_offset=pl.col("offset").is_not_null() & pl.col("written").is_not_null())
    frame = frame.with_columns(_to_utc(timezone))
    return frame.select(
        "utc",
        pl.col("utc").dt.convert_time_zone(timezone).dt.replace_time_zone(None).alias("local"),
        "is_bare",
        "has_offset",
        "is_missing_hour",
        "is_double_hour",
        "is_number",
        (cell.is_not_null() & pl.col("written").is_null()).alias("is_unreadable"),
    ).collect()


def local_to_utc(local: pl.Expr, timezone: str) -> pl.Expr:
    """Turn clock times into UTC; a skipped hour is moved on, of a double hour the earlier is taken."""
    zoned = local.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    moved = local.dt.offset_by("1h").dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    return pl.coalesce(zoned, moved).dt.convert_time_zone("UTC").dt.cast_time_unit("us")


def start_of_day(local: pl.Expr) -> pl.Expr:
    """Clock time of the midnight before."""
    return local.dt.truncate("1d")


def start_of_shift(local: pl.Expr, shifts: Sequence[str]) -> pl.Expr:
    """Clock time at which the shift around a clock time starts; before the first shift it is yesterday's last."""
    starts = [_minutes(shift) for shift in shifts]
    minute = local.dt.hour().cast(pl.Int32) * 60 + local.dt.minute()
    begun = pl.lit(starts[-1] - MINUTES_PER_DAY, dtype=pl.Int32)
    for start in starts:
        begun = pl.when(minute >= start).then(pl.lit(start, dtype=pl.Int32)).otherwise(begun)
    return local.dt.truncate("1d") + pl.duration(minutes=begun)


def end_of_shift(start: pl.Expr, shifts: Sequence[str]) -> pl.Expr:
    """Clock time at which a shift that starts then is over."""
    starts = [_minutes(shift) for shift in shifts]
    lengths = [
        (later - start - 1) % MINUTES_PER_DAY + 1 for start, later in zip(starts, starts[1:] + starts[:1], strict=True)
    ]
    minute = start.dt.hour().cast(pl.Int32) * 60 + start.dt.minute()
    return start + pl.duration(minutes=minute.replace_strict(starts, lengths, default=MINUTES_PER_DAY))


def event_end(events: pl.DataFrame, settings: Settings) -> pl.Series:
    """Moment at which each checked event's minute, shift or day is over, UTC."""
    zone, shifts = settings.agency.timezone, settings.calendar.shifts
    coarse = (events["precision"] != "minute").any()
    exact = pl.col("time") + pl.duration(microseconds=1)
    if not coarse:
        return events.select(exact.alias("until")).to_series()
    local = pl.col("time").dt.convert_time_zone(zone).dt.replace_time_zone(None)
    over = pl.when(pl.col("precision") == "day").then(local.dt.offset_by("1d")).otherwise(end_of_shift(local, shifts))
    until = pl.when(pl.col("precision") == "minute").then(exact).otherwise(local_to_utc(over, zone))
    return events.select(until.alias("until")).to_series()


def is_shift_start(local: pl.Expr, shifts: Sequence[str]) -> pl.Expr:
    """Whether a clock time is exactly a change of shift."""
    minute = local.dt.hour().cast(pl.Int32) * 60 + local.dt.minute()
    return minute.is_in([_minutes(shift) for shift in shifts])


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:5])


def _seconds(cell: pl.Expr) -> pl.Expr:
    """Date and clock to the second; what follows (fractions, offset) is of no use at the grain of records."""
    length = cell.str.len_bytes()
    has_seconds = (length >= 19) & (cell.str.slice(16, 1) == ":")
    padded = (
        pl.when(length == 10)
        .then(cell + pl.lit(" 00:00:00"))
        .when(has_seconds)
        .then(cell.str.slice(0, 19))
        .otherwise(cell.str.slice(0, 16) + pl.lit(":00"))
    )
    return padded.str.replace("T", " ", literal=True).str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)


def _to_utc(timezone: str) -> list[pl.Expr]:
    written = pl.col("written")
    is_local = ~pl.col("has_offset")
    earliest = written.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    latest = written.dt.replace_time_zone(timezone, ambiguous="latest", non_existent="null")
    has_clock = is_local & ~pl.col("is_bare") & written.is_not_null()
    return [
        pl.when("has_offset")
        .then((written - _offset()).dt.replace_time_zone("UTC"))
        .otherwise(local_to_utc(written, timezone))
        .alias("utc"),
        (has_clock & earliest.is_null()).alias("is_missing_hour"),
        (has_clock & (earliest != latest)).fill_null(value=False).alias("is_double_hour"),
    ]


def _offset() -> pl.Expr:
    digits = pl.col("offset").str.replace_all(":", "", literal=True)
    minutes = digits.str.slice(1, 2).cast(pl.Int32, strict=False).fill_null(0) * 60 + digits.str.slice(3, 2).cast(
        pl.Int32, strict=False
    ).fill_null(0)
    return pl.duration(minutes=pl.when(digits.str.starts_with("-")).then(-minutes).otherwise(minutes))
