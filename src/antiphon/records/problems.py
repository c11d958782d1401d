"""Collects everything that is wrong with the records, so that all of it is told at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import polars as pl

from antiphon.records.agency import Grade, Problem

SOURCE = "_source"
ROW = "_row"
ASIDE = "_aside"
"""Whether a row is set aside already; it stays until all that is wrong with it by itself has been found."""
ROW_SCHEMA: dict[str, pl.DataType] = {
    "grade": pl.String(),
    "table": pl.String(),
    "rule": pl.String(),
    "column": pl.String(),
    SOURCE: pl.String(),
    ROW: pl.Int64(),
}
WORD_SCHEMA: dict[str, pl.DataType] = {
    "table": pl.String(),
    "column": pl.String(),
    "word": pl.String(),
    "rows": pl.Int64(),
    "nearest": pl.String(),
}
N_ROWS_KEPT = 100_000
LISTING = "`antiphon check FOLDER --list problems.xlsx` shows"
"""Beginning of a mend that sends the reader to the rows themselves, which no message may hold."""


@dataclass(slots=True, repr=False)
class Ledger:
    """The problems found so far, and which rows they concern.

    Attributes
    ----------
    problems : in the order found.
    rows : one frame per problem with rows: grade, table, rule, column, file, spreadsheet row. Never printed.
    words : one frame per column with words that are not known: table, column, word, rows, nearest. Never printed.
    """

    problems: list[Problem] = field(default_factory=list)
    rows: list[pl.DataFrame] = field(default_factory=list)
    words: list[pl.DataFrame] = field(default_factory=list)

    def add(self, grade: Grade, table: str, rule: str, message: str, mend: str, column: str = "") -> None:
        """Note a problem that concerns no single row."""
        self.problems.append(Problem(grade, table, rule, message, mend, column))

    def add_rows(
        self, grade: Grade, table: str, rule: str, message: str, mend: str, rows: pl.DataFrame, *, column: str = ""
    ) -> None:
        """Note a problem of some rows (with their ``_source`` and ``_row``); nothing is noted where there are none."""
        if rows.is_empty():
            return
        where = rows.select(SOURCE, pl.col(ROW).cast(pl.Int64)).unique().sort(SOURCE, ROW)
        numbers = tuple(where[ROW].head(N_ROWS_KEPT).to_list())
        self.problems.append(
            Problem(
                grade,
                table,
                rule,
                message,
                mend,
                column,
                count=where.height,
                source=where[SOURCE][0],
                first_row=numbers[0],
                rows=numbers,
            )
        )
        words = {"grade": grade, "table": table, "rule": rule, "column": column}
        self.rows.append(where.with_columns(pl.lit(value).alias(name) for name, value in words.items()))

    def mark(
        self, table: str, frame: pl.DataFrame, bad: pl.Expr, rule: str, message: str, mend: str, *, column: str = ""
    ) -> pl.DataFrame:
        """Note the rows for which ``bad`` holds and mark them as set aside; all rows stay, for the rules to come."""
        bad = bad.fill_null(value=False)
        self.add_rows("set aside", table, rule, message, mend, frame.filter(bad), column=column)
        return frame.with_columns((pl.col(ASIDE) | bad).alias(ASIDE))

    def set_aside(
        self, table: str, frame: pl.DataFrame, bad: pl.Expr, rule: str, message: str, mend: str, *, column: str = ""
    ) -> pl.DataFrame:
        """Note the rows for which ``bad`` holds and return the others."""
        marks = frame.select(bad.fill_null(value=False).alias("bad"))["bad"]
        if frame.is_empty() or not marks.any():
            return frame
        self.add_rows("set aside", table, rule, message, mend, frame.filter(marks), column=column)
        return frame.filter(~marks)

    def warn(
        self, table: str, frame: pl.DataFrame, bad: pl.Expr, rule: str, message: str, mend: str, *, column: str = ""
    ) -> None:
        """Note the rows for which ``bad`` holds; they are used all the same."""
        self.add_rows("warning", table, rule, message, mend, frame.filter(bad), column=column)

    @property
    def has_errors(self) -> bool:
        """Whether anything found stops the work."""
        return any(problem.grade == "error" for problem in self.problems)

    def has_error_in(self, table: str, column: str | None = None, rules: Collection[str] | None = None) -> bool:
        """Whether anything found in a table (in one of its columns, by one of some rules) stops the work."""
        return any(
            problem.grade == "error"
            and problem.table == table
            and column in (None, problem.column)
            and (rules is None or problem.rule in rules)
            for problem in self.problems
        )

    def forget(self, rules: Collection[str]) -> None:
        """Take back what was found by some rules."""
        self.problems = [problem for problem in self.problems if problem.rule not in rules]
        self.rows = [frame for frame in self.rows if frame["rule"][0] not in rules]
        self.words = [frame for frame in self.words if f"{frame['column'][0]}_unknown" not in rules]

    def row_list(self) -> pl.DataFrame:
        """Every concerned row: grade, table, rule, column, file, spreadsheet row."""
        parts = [frame.select(list(ROW_SCHEMA)) for frame in self.rows]
        return pl.concat([pl.DataFrame(schema=ROW_SCHEMA), *parts])

    def word_list(self) -> pl.DataFrame:
        """Every word that is not known: table, column, word, rows, nearest known word (or null)."""
        return pl.concat([pl.DataFrame(schema=WORD_SCHEMA), *self.words])


def usable(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that nothing sets aside, without their marks."""
    return frame.filter(~pl.col(ASIDE)).drop(ASIDE)
