"""Text to types, strictly: a cell is what its column says, or its row (or the cell) is left out and told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.records.headers import UNUSABLE_COLUMN
from antiphon.records.problems import ASIDE, ROW, SOURCE
from antiphon.records.tables import TABLES, Column, Table
from antiphon.records.times import parse_times

if TYPE_CHECKING:
    from antiphon.records.problems import Ledger

TRUE, FALSE = ("true", "1", "yes", "y"), ("false", "0", "no", "n")
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
MEND_TIME = (
    'Write times as 2024-01-31T14:30 and dates as 2024-01-31 (in Excel: number format "yyyy-mm-dd hh:mm"), or let '
    "`antiphon import` read them as they are written (formats)"
)
MEND_NUMBER = 'Write a number with a decimal point ("3.5"), or leave the cell empty'
PLAIN_WORDS = {"number": "a number", "boolean": "true or false"}


def parse_table(name: str, frame: pl.DataFrame, timezone: str, ledger: Ledger) -> pl.DataFrame:
    """Give the columns of a table their types.

    Parameters
    ----------
    name, frame : the table, as text, with ``_source`` and ``_row``.
    timezone : the agency's.
    ledger : takes what cannot be read.

    Returns
    -------
    All rows; those that cannot be read are marked (``ASIDE``). Each time column ``t`` has beside it ``t_local`` (clock time), ``t_bare`` (a date
    only) and ``t_doubtful`` (its local time does not exist, or exists twice).
    """
    table = TABLES[name]
    unusable = pl.lit(value=False)
    for column in table.columns:
        if column.type == "time":
            frame, bad = _parse_time_column(table, column, frame, timezone, ledger)
        elif column.type != "text":
            frame, bad = _parse_value_column(table, column, frame, ledger)
        else:
            bad = pl.lit(value=False)
        unusable = unusable | bad
        if column.is_required:
            unusable = unusable | _note_missing(table, column, frame, ledger)
    helpers = [column for column in frame.columns if column.endswith("_unreadable")]
    return frame.with_columns(unusable.alias(ASIDE)).drop(helpers)


def _note_missing(table: Table, column: Column, frame: pl.DataFrame, ledger: Ledger) -> pl.Expr:
    empty = pl.col(column.name).is_null()
    if f"{column.name}_unreadable" in frame.columns:
        empty = empty & ~pl.col(f"{column.name}_unreadable")
    if ledger.has_error_in(table.name, column.name, UNUSABLE_COLUMN):
        return empty
    message = f'the cell under "{column.name}" is empty'
    mend = "Fill the cell, or delete the row"
    ledger.add_rows("set aside", table.name, "value_missing", message, mend, frame.filter(empty), column=column.name)
    return empty


def _parse_time_column(
    table: Table, column: Column, frame: pl.DataFrame, timezone: str, ledger: Ledger
) -> tuple[pl.DataFrame, pl.Expr]:
    name = column.name
    if frame[name].null_count() == frame.height:
        return frame.with_columns(_no_times(name)), pl.lit(value=False)
    times = parse_times(frame[name], timezone)
    where = frame.select(SOURCE, ROW).with_columns(times)
    _note_unreadable_times(table, column, where, ledger)
    _note_doubtful_times(table, name, where, ledger)
    frame = frame.with_columns(
        times["utc"].alias(name),
        times["local"].alias(f"{name}_local"),
        times["is_bare"].alias(f"{name}_bare"),
        (times["is_missing_hour"] | times["is_double_hour"]).alias(f"{name}_doubtful"),
        times["is_unreadable"].alias(f"{name}_unreadable"),
    )
    is_fatal = column.on_unreadable == "set aside"
    return frame, pl.col(f"{name}_unreadable") if is_fatal else pl.lit(value=False)


def _no_times(name: str) -> list[pl.Expr]:
    return [
        pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias(name),
        pl.lit(None, dtype=pl.Datetime("us")).alias(f"{name}_local"),
        pl.lit(value=False).alias(f"{name}_bare"),
        pl.lit(value=False).alias(f"{name}_doubtful"),
        pl.lit(value=False).alias(f"{name}_unreadable"),
    ]


def _note_unreadable_times(table: Table, column: Column, where: pl.DataFrame, ledger: Ledger) -> None:
    if not where["is_unreadable"].any():
        return
    bad = pl.col("is_unreadable")
    kinds = (
        ("time_is_number", pl.col("is_number"), "holds a spreadsheet's day number where a time should be"),
        ("time_unreadable", ~pl.col("is_number"), "does not hold a time as year-month-day"),
    )
    for rule, chosen, words in kinds:
        message = f'the cell under "{column.name}" {words}'
        rows = where.filter(bad & chosen)
        ledger.add_rows(column.on_unreadable, table.name, rule, message, MEND_TIME, rows, column=column.name)


def _note_doubtful_times(table: Table, name: str, where: pl.DataFrame, ledger: Ledger) -> None:
    if (
        where["has_offset"].any()
        and where.select((pl.col("utc").is_not_null() & ~pl.col("is_bare") & ~pl.col("has_offset")).any()).item()
    ):
        mixed = where.filter(pl.col("has_offset"))
        message = f'some times under "{name}" carry an offset from UTC and others do not, so their clocks may differ'
        mend = "Write all of them in local time without offset, or all with it"
        ledger.add_rows("error", table.name, "time_zones_mixed", message, mend, mixed, column=name)
    kept = " (kept, as known to the shift)" if (table.name, name) == ("events", "time") else " (kept)"
    mend = "Nothing need be done; if the clock was read from a device in UTC, write the offset"
    for flag, rule, words in (
        ("is_missing_hour", "time_does_not_exist", "the clock skipped this hour in spring"),
        ("is_double_hour", "time_exists_twice", "the clock showed this hour twice in autumn"),
    ):
        if not where[flag].any():
            continue
        message = f'local time under "{name}": {words}{kept}'
        ledger.add_rows("warning", table.name, rule, message, mend, where.filter(flag), column=name)


def _parse_value_column(
    table: Table, column: Column, frame: pl.DataFrame, ledger: Ledger
) -> tuple[pl.DataFrame, pl.Expr]:
    name, text = column.name, pl.col(column.name)
    if column.type == "number":
        value = pl.when(text.str.contains(NUMBER)).then(text).cast(pl.Float64, strict=False)
        value = pl.when(value.is_finite()).then(value)
    else:
        low = text.str.to_lowercase()
        value = pl.when(low.is_in(TRUE)).then(True).when(low.is_in(FALSE)).then(False)  # noqa: FBT003 - a value
    frame = frame.with_columns(value.alias("_value")).with_columns(
        (text.is_not_null() & pl.col("_value").is_null()).alias(f"{name}_unreadable"),
        pl.col("_value").alias(name),
    )
    bad = pl.col(f"{name}_unreadable")
    message = f'the cell under "{name}" is not {PLAIN_WORDS[column.type]}'
    mend = MEND_NUMBER if column.type == "number" else 'Write "true" or "false", or leave the cell empty'
    rule = f"{column.type}_unreadable"
    ledger.add_rows(column.on_unreadable, table.name, rule, message, mend, frame.filter(bad), column=name)
    return frame.drop("_value"), bad if column.on_unreadable == "set aside" else pl.lit(value=False)
