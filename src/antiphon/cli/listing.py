"""The rows behind the problems, with their values, for the person who mends them. Private."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from antiphon.records import CheckResult

PRIVATE = "Private: holds values of the records. For mending only; delete it afterwards."
WHERE = ("_source", "_row")
SHEET_ROWS = 1_000_000  # a sheet of Excel ends at 1,048,576


def write_list(result: "CheckResult", path: Path) -> int:
    """Write every row concerned to an Excel file, one sheet per table.

    Parameters
    ----------
    result
        What `check` found.
    path
        The Excel file; it takes its place only when it is whole.

    Returns
    -------
    int
        Number of rows written.
    """
    import xlsxwriter

    unfinished = path.with_name(f".{path.name}.unfinished")
    n_rows = 0
    try:
        with xlsxwriter.Workbook(str(unfinished), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
            book.add_worksheet("read me").write_string(0, 0, PRIVATE)
            for table, frame in _rows_by_table(result).items():
                sheet = book.add_worksheet(table[:31])
                for place, row in enumerate([frame.columns, *frame.head(SHEET_ROWS).rows()]):
                    sheet.write_row(place, 0, ["" if value is None else value for value in row])
                n_rows += frame.height
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return n_rows


def _rows_by_table(result: "CheckResult") -> "dict[str, pl.DataFrame]":
    """Problem, file and spreadsheet row first, then the row as it was written."""
    listed = {}
    for table in result.rows["table"].unique(maintain_order=True):
        concerned = result.rows.filter(result.rows["table"] == table).drop("table")
        raw = result.raw.get(table)
        if raw is not None:
            raw = raw.with_columns(raw["_row"].cast(concerned["_row"].dtype))
            concerned = concerned.join(raw, on=WHERE, how="left", suffix=" as written", maintain_order="left")
        listed[table] = concerned.rename({"_source": "file", "_row": "spreadsheet row"}, strict=False)
    return listed
