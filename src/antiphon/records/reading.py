"""Files to text: every cell as written, with the file and spreadsheet row it stands in. Nothing is interpreted here."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from antiphon.framework.vocabulary import nearest
from antiphon.records.headers import known_columns
from antiphon.records.problems import ROW, SOURCE
from antiphon.records.tables import TABLES, Table

if TYPE_CHECKING:
    from antiphon.records.problems import Ledger

FORMATS = (".csv", ".parquet", ".xlsx")
OTHER_FORMATS = (".xls", ".xlsm", ".xlsb", ".ods", ".tsv", ".txt", ".json", ".htm", ".html")
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "upright strokes"}
WORKBOOK_TIME = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}"
WORKBOOK_MIDNIGHT = r"^\d{4}-\d{2}-\d{2} 00:00:00$"
SAVE_AS_CSV = 'Save it again as "CSV UTF-8 (comma delimited)"'
SAVE_AS_XLSX = 'Open it in Excel or LibreOffice and save it as "Excel workbook (.xlsx)"'


class UnreadableError(Exception):
    """A file that is no table, with the rule, the message and the mend; ``rows`` are those concerned, if any."""

    def __init__(self, rule: str, message: str, mend: str, *, row: int = 0, rows: tuple[int, ...] = ()) -> None:
        super().__init__(rule)
        self.rule, self.message, self.mend, self.row, self.rows = rule, message, mend, row, rows or (row,) * (row > 0)


@dataclass(frozen=True, slots=True)
class Cells:
    """A file as cells: the header and the rows below it, all text, with ``_row``; ``source`` is the file and sheet.

    ``troubles`` must be mended, but what they leave can be read, so that all else that is wrong is found too.
    """

    header: tuple[str, ...]
    rows: pl.DataFrame
    source: str
    troubles: tuple[UnreadableError, ...] = ()


def read_folder(folder: Path, ledger: Ledger) -> dict[str, pl.DataFrame]:
    """Read every table that the folder has, as text.

    Parameters
    ----------
    folder : the agency folder.
    ledger : takes the problems of files and columns.

    Returns
    -------
    Table name -> its known columns (and attributes) as trimmed text, null where empty, with ``_source`` and ``_row``.
    Tables that are absent or unusable are left out.
    """
    found = {}
    for table in TABLES.values():
        path = _file_of(folder, table, ledger)
        if path is None:
            continue
        try:
            cells = _read_cells(path, table.name)
        except UnreadableError as trouble:
            _note(trouble, table, path, ledger)
            continue
        for trouble in cells.troubles:
            _note(trouble, table, path, ledger)
        frame = known_columns(cells, table, ledger)
        if frame is not None:
            found[table.name] = frame
    _warn_of_strangers(folder, ledger)
    return found


def _note(trouble: UnreadableError, table: Table, path: Path, ledger: Ledger) -> None:
    if trouble.rows:
        rows = pl.DataFrame({SOURCE: path.name, ROW: trouble.rows})
        ledger.add_rows("error", table.name, trouble.rule, trouble.message, trouble.mend, rows)
    else:
        ledger.add("error", table.name, trouble.rule, trouble.message, trouble.mend)


def _file_of(folder: Path, table: Table, ledger: Ledger) -> Path | None:
    named = [path for path in _files(folder) if path.stem.lower() == table.name]
    usable = [path for path in named if path.suffix.lower() in FORMATS]
    others = [path for path in named if path.suffix.lower() in OTHER_FORMATS]
    if not usable and others:
        _note(_wrong_format(others[0]), table, others[0], ledger)
        return None
    if len(usable) > 1:
        words = " and ".join(path.suffix.lower() for path in usable)
        message = f"the table stands in the folder more than once, as {words}"
        ledger.add("error", table.name, "table_twice", message, "Keep the one that is right and move the others away")
        return None
    if usable and any((folder / f"{mark}{usable[0].name}").exists() for mark in ("~$", ".~lock.")):
        message = "the file is open in another program, so what is read may not be what you see there"
        mend = (
            "Save and close it. If nobody has it open, delete the hidden lock file beside it (its name starts with ~$)"
        )
        ledger.add("error", table.name, "file_is_open", message, mend)
        return None
    return usable[0] if usable else None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith((".", "~$")))


def _wrong_format(path: Path) -> UnreadableError:
    try:
        start = path.read_bytes()[:2000]
    except OSError:
        return _cannot_open()
    if _is_html(start):
        return _html_page()
    message = f"a {path.suffix.lower()} file cannot be read here"
    return UnreadableError("file_format", message, f"{SAVE_AS_XLSX}, or as {SAVE_AS_CSV[14:]}")


def _cannot_open() -> UnreadableError:
    mend = "Close the file in every other program, and see that you may read it"
    return UnreadableError("file_unreadable", "the file cannot be opened", mend)


def _html_page() -> UnreadableError:
    message = "the file is a web page, whatever its name says (many systems export one under an Excel name)"
    return UnreadableError("file_is_html", message, SAVE_AS_XLSX)


def _is_html(start: bytes) -> bool:
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return text.startswith((b"<html", b"<!doctype", b"<table", b"<?xml", b"<head", b"<meta", b"<style"))


def _warn_of_strangers(folder: Path, ledger: Ledger) -> None:
    """A table under a slightly wrong name would otherwise be left out in silence."""
    for path in _files(folder):
        stem = path.stem.lower()
        if path.suffix.lower() not in FORMATS + OTHER_FORMATS or stem in TABLES:
            continue
        guess = nearest(stem, TABLES)
        if guess is not None:
            message = f'a file with a name like "{guess}" was not read: it is none of the tables of an agency folder'
            ledger.add("warning", guess, "file_not_read", message, f'If it is the table, call it "{guess}"')


def _read_cells(path: Path, table: str) -> Cells:
    try:
        data = path.read_bytes()
    except OSError:
        raise _cannot_open() from None
    if not data.strip():
        raise UnreadableError("file_is_empty", "the file is empty", "Export it again, with its header row")
    readers = {".csv": _read_csv, ".parquet": _read_parquet, ".xlsx": _read_excel}
    return readers[path.suffix.lower()](data, path, table)


def _read_csv(data: bytes, path: Path, _table: str) -> Cells:
    _refuse_disguises(data)
    data, encoding = _utf8(data)
    separator, wrong_separator = _separator(data)
    try:
        frame = pl.read_csv(io.BytesIO(data), has_header=False, infer_schema=False, separator=separator)
        too_long = None
    except (pl.exceptions.PolarsError, ValueError):
        frame, too_long = _shortened(data, separator)
    cells = _with_header(frame, path.name)
    if too_long is not None:
        cells = replace(cells, rows=cells.rows.filter(~pl.col(ROW).is_in(too_long.rows)))
    troubles = (encoding or wrong_separator, too_long)  # one saving mends both
    return replace(cells, troubles=tuple(trouble for trouble in troubles if trouble is not None))


def _refuse_disguises(data: bytes) -> None:
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        mend = "Give it the ending .xlsx, or open it in Excel and save it as CSV UTF-8"
        raise UnreadableError("file_is_workbook", "the file is an Excel workbook under the name of a CSV file", mend)
    if data.startswith(b"PAR1"):
        raise UnreadableError("file_is_parquet", "the file is a Parquet file", "Give it the ending .parquet")
    if _is_html(data[:2000]):
        raise _html_page()


def _utf8(data: bytes) -> tuple[bytes, UnreadableError | None]:
    """Return the text as UTF-8, and what must be said of its encoding."""
    is_little = data.startswith(b"\xff\xfe") or data[1:2] == b"\x00"
    if is_little or data.startswith(b"\xfe\xff") or b"\x00" in data[:4000]:
        message = 'the file is UTF-16 ("Unicode text"), not UTF-8'
        text = data.decode("utf-16-le" if is_little else "utf-16-be", errors="replace").removeprefix("\ufeff")
        return text.encode(), UnreadableError("encoding_utf16", message, SAVE_AS_CSV)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as where:
        row = data.count(b"\n", 0, where.start) + 1
        message = "the file is not UTF-8 (probably cp1252, the usual Windows encoding)"
        text = data.decode("cp1252", errors="replace")
        return text.encode(), UnreadableError("encoding_not_utf8", message, SAVE_AS_CSV, row=row)
    return data.removeprefix(b"\xef\xbb\xbf").replace(b"\x00", b""), None


def _separator(data: bytes) -> tuple[str, UnreadableError | None]:
    first = data.split(b"\n", 1)[0].decode("utf-8")
    for separator, name in SEPARATORS.items():
        if first.count(separator) > first.count(","):
            message = f"the columns are separated by {name}, not by commas"
            mend = f"{SAVE_AS_CSV}, or as an Excel workbook (.xlsx)"
            return separator, UnreadableError("separator_not_comma", message, mend, row=1)
    return ",", None


def _shortened(data: bytes, separator: str) -> tuple[pl.DataFrame, UnreadableError]:
    """Find the rows that are too long, only after the fast reader has given up, and cut them at the header's width."""
    if data.count(b'"') % 2:
        words = "a quotation mark is opened and never closed"
        mend = "Look for a cell that starts with a quotation mark and never ends, and export again"
        raise UnreadableError("quote_not_closed", words, mend)
    mend = "Put cells that hold a comma between quotation marks, or save the table as an Excel workbook (.xlsx)"
    try:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), delimiter=separator))
    except csv.Error:
        lines = []
    width = len(lines[0]) if lines else 0
    too_long = tuple(number for number, line in enumerate(lines, start=1) if len(line) > width)
    if not too_long:
        raise UnreadableError("not_a_table", "the file cannot be read as comma-separated text", mend)
    cells = [(line + [""] * width)[:width] for line in lines]
    frame = pl.DataFrame(cells, schema=[f"column_{i}" for i in range(width)], orient="row")
    return frame, UnreadableError("row_longer_than_header", "a row has more cells than the header", mend, rows=too_long)


def _read_parquet(data: bytes, path: Path, _table: str) -> Cells:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
        texts = frame.select(_as_text(pl.col(name), dtype) for name, dtype in frame.schema.items())
    except (pl.exceptions.PolarsError, OSError, ValueError):
        mend = "Write it again, with columns of text, numbers, booleans, dates or times"
        raise UnreadableError("not_parquet", "the file cannot be read as a Parquet table", mend) from None
    rows = texts.with_row_index(ROW, offset=2).with_columns(pl.col(ROW).cast(pl.Int64))
    names = tuple(texts.columns)
    return Cells(names, rows.rename({name: f"column_{i}" for i, name in enumerate(names)}), path.name)


def _as_text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S" if dtype.time_zone is None else "%Y-%m-%dT%H:%M:%S%:z")
    if dtype.is_float():
        # 1001.0 and 1001 are one identifier; a column of numbers without fractions is written without them.
        whole = (column.fill_nan(None) == column.fill_nan(None).round()).all()
        return (
            pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(column.cast(pl.String))
        )
    return column.cast(pl.String)


def _read_excel(data: bytes, path: Path, table: str) -> Cells:
    import fastexcel  # noqa: PLC0415 - loaded only where a workbook is read

    if _is_html(data[:2000]):
        raise _html_page()
    try:
        book = fastexcel.read_excel(data)
        name = _sheet_of(book.sheet_names, table)
        sheet = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
        frame = sheet.to_polars()
    except fastexcel.FastExcelError:
        message = "the file is not an Excel workbook, whatever its name says, or it is damaged or locked by a password"
        raise UnreadableError("not_a_workbook", message, SAVE_AS_XLSX) from None
    frame = dates_alone(frame)
    return _with_header(frame, f"{path.name} [{name}]" if len(book.sheet_names) > 1 else path.name)


def dates_alone(frame: pl.DataFrame) -> pl.DataFrame:
    """Take 00:00:00 from the times of a workbook's column where all have it: a spreadsheet stores a date as midnight."""
    cell = pl.all()
    is_time, is_midnight = cell.str.contains(WORKBOOK_TIME), cell.str.contains(WORKBOOK_MIDNIGHT)
    is_date = is_midnight & (is_midnight | ~is_time).fill_null(value=True).all()
    return frame.with_columns(pl.when(is_date).then(cell.str.slice(0, 10)).otherwise(cell).name.keep())


def _sheet_of(names: list[str], table: str) -> str:
    for name in names:
        if name.strip().lower() == table:
            return name
    if len(names) != 1:
        message = "the workbook has several sheets and none has the name of the table"
        raise UnreadableError("which_sheet", message, f'Call the sheet with the rows "{table}"')
    return names[0]


def _with_header(frame: pl.DataFrame, source: str) -> Cells:
    if frame.is_empty():
        raise UnreadableError("file_is_empty", "the file is empty", "Export it again, with its header row")
    header = tuple((cell or "").strip() for cell in frame.row(0))
    frame = frame.rename({name: f"column_{i}" for i, name in enumerate(frame.columns)})
    rows = frame.with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64)).slice(1)
    return Cells(header, rows, source)
