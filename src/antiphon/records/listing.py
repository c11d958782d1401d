"""The rows behind the problems, with their values, for the person who mends them. Private."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import xlsxwriter

from antiphon.errors import SpecificationError
from antiphon.records.assumptions import write_whole
from antiphon.records.people import NAMING
from antiphon.records.problems import ROW, SOURCE
from antiphon.records.tables import TABLES

if TYPE_CHECKING:
    from antiphon.records.agency import Problem
    from antiphon.records.checking import CheckResult

NOTICE = "Private: this file holds values of records. It is for the person who mends them; delete it afterwards."
PROBLEM_HEADINGS = (
    "grade",
    "table",
    "column",
    "rule",
    "what is wrong",
    "how to mend it",
    "rows",
    "first file",
    "first row",
)
WORD_HEADINGS = ("table", "column", "as written", "rows", "nearest known word")
N_ROWS_LISTED = 100_000


def write_problem_list(result: CheckResult, path: str | Path) -> None:
    """Write the problems and every row concerned, with its values, into an Excel workbook.

    Parameters
    ----------
    result : what ``check_agency`` found.
    path : workbook to write, readable by its owner only: it holds values of records.

    Notes
    -----
    At most 100,000 rows are listed per table; the first sheet has the full counts. The sheet ``words`` counts the words
    that are not known, with the nearest that is; identifiers that stand in the place of words are counted only.
    """
    path = Path(path)
    if path.suffix.lower() != ".xlsx":
        raise SpecificationError("The list of problems is an Excel workbook: give it a name that ends in .xlsx.")
    content = io.BytesIO()
    # strings_to_formulas off: a cell that starts with "=" must not run when the list is opened.
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(content, options) as book:
        _write_problems(book, result.problems)
        if result.words.height:
            _write_words(book, result)
        for table in result.rows["table"].unique().sort().to_list():
            if table in result.raw:
                _write_rows(book, table, result)
    try:
        write_whole(path, content.getvalue(), is_private=True)
    except OSError:
        raise SpecificationError(
            "The list of problems cannot be written there. Close it if it is open, and see that you may write there."
        ) from None


def _write_problems(book: xlsxwriter.Workbook, problems: tuple[Problem, ...]) -> None:
    sheet = book.add_worksheet("problems")
    sheet.write_string(0, 0, NOTICE)
    sheet.write_row(2, 0, PROBLEM_HEADINGS, book.add_format({"bold": True}))
    for row, problem in enumerate(problems, start=3):
        words = (problem.grade, problem.table, problem.column, problem.rule, problem.message, problem.mend)
        sheet.write_row(row, 0, (*words, problem.count, problem.source, problem.first_row or ""))
    sheet.set_column(0, 3, 18)
    sheet.set_column(4, 5, 70)
    sheet.freeze_panes(3, 0)


def _write_words(book: xlsxwriter.Workbook, result: CheckResult) -> None:
    sheet = book.add_worksheet("words")
    sheet.write_row(0, 0, WORD_HEADINGS, book.add_format({"bold": True}))
    names = {table: columns for table, columns in NAMING.items() if table in result.raw}
    identifiers = pl.concat([result.raw[table][column] for table, columns in names.items() for column in columns])
    is_identifier = pl.col("word").is_in(identifiers.implode())
    mistaken = (
        result.words.filter(is_identifier)
        .group_by("table", "column", maintain_order=True)
        .agg(pl.format("(identifiers, where words should be: {})", pl.len()).alias("word"), pl.col("rows").sum())
    )
    listed = pl.concat([result.words.filter(~is_identifier), mistaken], how="diagonal")
    listed = listed.sort("table", "column", maintain_order=True)
    for row, cells in enumerate(listed.iter_rows(), start=1):
        sheet.write_row(row, 0, ["" if cell is None else cell for cell in cells])
    sheet.set_column(0, 4, 24)
    sheet.freeze_panes(1, 0)


def _write_rows(book: xlsxwriter.Workbook, table: str, result: CheckResult) -> None:
    where, number = TABLES[table].provenance
    concerned = result.rows.filter(pl.col("table") == table).head(N_ROWS_LISTED)
    listed = concerned.join(result.raw[table], on=[SOURCE, ROW], how="left", maintain_order="left").drop("table")
    listed = listed.rename({SOURCE: f"file ({where})" if where in listed.columns else where, ROW: number})
    sheet = book.add_worksheet(table)
    sheet.write_row(0, 0, [name if name != "column" else "column concerned" for name in listed.columns])
    for row, cells in enumerate(listed.iter_rows(), start=1):
        sheet.write_row(row, 0, ["" if cell is None else cell for cell in cells])
    sheet.freeze_panes(1, 0)
