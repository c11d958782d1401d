"""Dates and clock times as other systems write them, to ISO 8601 text and the precision that they allow."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from antiphon.intake.mapping import Cell

ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?$"
CLOCK = r"^(\d{1,2}):?(\d{2})(?::\d{2})?\s*(?:([aApP])\.?(?:[mM]\.?)?)?$"
WITH_CLOCK = ("%H", "%I", "%k", "%l", "%T", "%R", "%r", "%X")
YEARS = (1900, 2199)  # "%Y" would read 3/4/24 as the year 24


@dataclass(frozen=True, slots=True, repr=False)
class Moments:
    """One row per cell: ``text`` ISO 8601, ``precision`` (null where the date alone decides), and what is unreadable.

    A date that cannot be read stays as it is written, so that ``antiphon check`` counts and lists its row.
    """

    text: pl.Series
    precision: pl.Series
    is_bad_date: pl.Series
    is_bad_clock: pl.Series


def read_moments(written: pl.Series, clock: pl.Series | None, cell: Cell) -> Moments:
    """Read the moments that a map describes: one column, or a date and a clock time.

    Parameters
    ----------
    written : dates, or dates with clock times, as text.
    clock : the clock times where they stand apart.
    cell : the entry of the map. A date as year-month-day can always be read, whatever its formats.

    Notes
    -----
    A clock time in ``unknown``, empty, or unreadable leaves the day; one in ``shifts`` the start of the shift.
    """
    frame = pl.DataFrame({"written": written}).with_columns(_iso(cell).alias("text"))
    is_bad_date = frame["written"].is_not_null() & frame["text"].is_null()
    text = frame.select(pl.coalesce("text", "written"))["text"]
    if clock is not None:
        return _with_clock(text, is_bad_date, clock, cell)
    none = pl.repeat(None, written.len(), dtype=pl.String, eager=True)
    return Moments(text, none, is_bad_date, pl.repeat(value=False, n=written.len(), eager=True))


def day_after(text: pl.Series) -> pl.Series:
    """Turn a date without a clock time, the last day that counts, into the first that no longer does."""
    later = (
        text.str.replace(r"[T ]00:00(:00)?$", "")
        .str.to_date("%Y-%m-%d", strict=False)
        .dt.offset_by("1d")
        .dt.strftime("%Y-%m-%d")
    )
    return pl.select(pl.coalesce(later, text)).to_series()


def _iso(cell: Cell) -> pl.Expr:
    written = pl.col("written")
    readings = [pl.when(written.str.contains(ISO)).then(written)]
    for text in cell.formats:
        has_clock = any(mark in text for mark in WITH_CLOCK)
        read = (
            written.str.to_datetime(text, strict=False, time_unit="us")
            if has_clock
            else written.str.to_date(text, strict=False)
        )
        shown = read.dt.strftime("%Y-%m-%dT%H:%M:%S" if has_clock else "%Y-%m-%d")
        readings.append(pl.when(read.dt.year().is_between(*YEARS)).then(shown))
    return pl.coalesce(readings)


def _with_clock(date: pl.Series, is_bad_date: pl.Series, clock: pl.Series, cell: Cell) -> Moments:
    shifts = {" ".join(name.split()): start for name, start in cell.shifts.items()}
    unknown = [" ".join(word.split()) for word in cell.unknown]
    written = pl.col("clock")
    is_known = written.is_not_null() & ~written.is_in(unknown)
    frame = pl.DataFrame({"date": date, "clock": clock, "bad": is_bad_date}).with_columns(
        pl.when(is_known).then(written.replace_strict(shifts, default=None, return_dtype=pl.String)).alias("shift"),
        pl.when(is_known).then(_minute(written)).alias("minute"),
        (pl.col("date").is_not_null() & ~pl.col("bad")).alias("usable"),
    )
    start = pl.coalesce("shift", "minute")
    moment = pl.col("date").str.slice(0, 10) + pl.lit("T") + start
    grain = pl.when(pl.col("shift").is_not_null()).then(pl.lit("shift"))
    grain = grain.when(pl.col("minute").is_not_null()).then(pl.lit("minute")).otherwise(pl.lit("day"))
    day = pl.when("usable").then(pl.col("date").str.slice(0, 10)).otherwise("date")
    result = frame.select(
        pl.when(pl.col("usable") & start.is_not_null()).then(moment).otherwise(day).alias("text"),
        pl.when("usable").then(grain).alias("precision"),
        (pl.col("usable") & is_known & start.is_null()).alias("bad_clock"),
    )
    return Moments(result["text"], result["precision"], is_bad_date, result["bad_clock"])


def _minute(clock: pl.Expr) -> pl.Expr:
    """Read 14:05, 1405, 2:05 PM, 2:05p to "14:05"; null where it is none of these."""
    hour = clock.str.extract(CLOCK, 1).cast(pl.Int32, strict=False)
    minute = clock.str.extract(CLOCK, 2).cast(pl.Int32, strict=False)
    half = clock.str.extract(CLOCK, 3).str.to_lowercase()
    of_day = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + 12 * (half == "p").cast(pl.Int32))
    possible = (minute < 60) & pl.when(half.is_null()).then(hour < 24).otherwise(hour.is_between(1, 12))
    text = of_day.cast(pl.String).str.zfill(2) + pl.lit(":") + minute.cast(pl.String).str.zfill(2)
    return pl.when(possible).then(text)
