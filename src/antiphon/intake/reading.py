"""Export files to text: every cell as written, with the file and spreadsheet row it stands in."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import polars as pl

from antiphon.framework.vocabulary import nearest
from antiphon.intake.mapping import Source
from antiphon.records.problems import ROW, SOURCE, Ledger
from antiphon.records.reading import SAVE_AS_XLSX, UnreadableError, dates_alone

WORKBOOKS = (".xlsx", ".xls", ".ods")
TEXTS = (".csv", ".tsv", ".txt")
WEB_PAGE = (b"<html", b"<!doctype", b"<table", b"<?xml", b"<head", b"<meta", b"<style")
SEPARATORS = (",", ";", "\t", "|")
FILE_PLACE = "_file"


@dataclass(frozen=True, slots=True, repr=False)
class Export:
    """The rows of a source: ``rows`` holds the columns that the map reads, as text, with file and spreadsheet row."""

    rows: pl.DataFrame
    columns_ignored: tuple[str, ...]
    n_files: int


@dataclass(frozen=True, slots=True)
class Form:
    """How to read a file: where its header is, how it ends, how it is written, and the columns wanted."""

    reads: tuple[str, ...]
    header_rows: tuple[int, ...] = (1,)
    stop: str | None = None
    encoding: str = "utf-8"
    separator: str | None = None
    sheet: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class _Sheet:
    """A file as columns of text: ``column(name)`` gives one, ``label`` is the file and sheet."""

    header: tuple[str, ...]
    frame: pl.DataFrame
    label: str


def read_export(name: str, source: Source, folder: Path, ledger: Ledger) -> Export | None:
    """Read all files of a source.

    Parameters
    ----------
    name, source : the source and what the map says of it.
    folder : where the patterns of files start.
    ledger : takes what is wrong with files and columns.

    Returns
    -------
    The rows, or None where a file or a column is missing. Blank lines are no rows.
    """
    paths = find_files(name, source, folder, ledger)
    form = Form(source.reads, source.header_rows, source.stop, source.encoding, source.separator, source.sheet)
    frames, ignored = [], {}
    for place, path in enumerate(paths):
        try:
            sheet = _read_file(path, form)
        except UnreadableError as trouble:
            _note(name, path, trouble, ledger)
            continue
        if not _has_columns(name, sheet, form, ledger):
            continue
        frames.append(_chosen(sheet, form).with_columns(pl.lit(place, dtype=pl.Int64).alias(FILE_PLACE)))
        unread = {*source.reads, *source.columns_never_read, ""}
        ignored |= dict.fromkeys(column for column in sheet.header if column not in unread)
    if not frames or len(frames) < len(paths):
        return None
    return Export(pl.concat(frames), tuple(ignored), len(paths))


def read_columns(place: str, path: Path, columns: tuple[str, ...], ledger: Ledger) -> pl.DataFrame | None:
    """Read some columns of one file whose first row is its header; None (and noted) where that cannot be done."""
    if not path.is_file():
        message = f'{place}: the file "{path.name}" is not there'
        mend = "Files of values stand beside the map, files of lookup among the exports (--files)"
        ledger.add("error", path.name, "file_missing", message, mend)
        return None
    form = Form(columns)
    try:
        sheet = _read_file(path, form)
    except UnreadableError as trouble:
        _note(path.name, path, trouble, ledger)
        return None
    return _chosen(sheet, form) if _has_columns(path.name, sheet, form, ledger) else None


def find_files(name: str, source: Source, folder: Path, ledger: Ledger) -> list[Path]:
    """Return the files of a source, by name; a pattern that finds none is an error."""
    found: dict[Path, None] = {}
    for pattern in source.files:
        try:
            hits = sorted(path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith("~$"))
        except (ValueError, NotImplementedError):
            hits = []
        if not hits:
            message = f'[source.{name}]: no file fits "{pattern}"'
            mend = "Name the folder of the exports with --files, or correct the pattern (it starts at that folder)"
            ledger.add("error", name, "file_missing", message, mend)
        found |= dict.fromkeys(hits)
    return list(found)


def _note(name: str, path: Path, trouble: UnreadableError, ledger: Ledger) -> None:
    if trouble.row:
        row = pl.DataFrame({SOURCE: [path.name], ROW: [trouble.row]})
        ledger.add_rows("error", name, trouble.rule, trouble.message, trouble.mend, row)
    else:
        ledger.add("error", name, trouble.rule, f"{path.name}: {trouble.message}", trouble.mend)


def _read_file(path: Path, form: Form) -> _Sheet:
    readers: dict[str, Callable[[bytes, Path, Form], _Sheet]] = {
        ".parquet": _read_parquet,
        **dict.fromkeys(TEXTS, _read_text),
        **dict.fromkeys(WORKBOOKS, _read_workbook),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        mend = f"Export it as one of {', '.join(readers)}"
        raise UnreadableError("file_format", "files of this kind cannot be read", mend)
    try:
        data = path.read_bytes()
    except OSError:
        mend = "Close the file in every other program, and see that you may read it"
        raise UnreadableError("file_unreadable", "the file cannot be opened", mend) from None
    if not data.strip():
        raise UnreadableError("file_is_empty", "the file is empty", "Export it again, with its header row")
    if data[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(WEB_PAGE):
        message = "the file is a web page, whatever its name says (many systems export one under an Excel name)"
        raise UnreadableError("file_is_html", message, SAVE_AS_XLSX)
    return reader(data, path, form)


def _read_parquet(data: bytes, path: Path, form: Form) -> _Sheet:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
        wanted = [name for name in frame.columns if name in form.reads]
        texts = frame.select(_as_text(pl.col(name), frame.schema[name]) for name in wanted)
    except (pl.exceptions.PolarsError, OSError, ValueError):
        mend = "Write it again, with columns of text, numbers, booleans, dates or times"
        raise UnreadableError("not_parquet", "the file cannot be read as a Parquet table", mend) from None
    numbered = texts.with_columns(pl.int_range(2, frame.height + 2, dtype=pl.Int64).alias(ROW))
    return _Sheet(tuple(frame.columns), numbered, path.name)


def _as_text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S" if dtype.time_zone is None else "%Y-%m-%dT%H:%M:%S%:z")
    if dtype.is_float():
        # 1001.0 and 1001 are one identifier; a column of numbers without fractions is written without them.
        number = column.fill_nan(None)
        whole = (number == number.round()).all()
        return (
            pl.when(whole).then(number.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(number.cast(pl.String))
        )
    return column.cast(pl.String)


def _read_text(data: bytes, path: Path, form: Form) -> _Sheet:
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        mend = "Give it the ending .xlsx (or .xls), or save it as CSV"
        raise UnreadableError("file_is_workbook", "the file is an Excel workbook under the name of a text file", mend)
    text = _decoded(data, form.encoding)
    separator = form.separator or _guessed_separator(text, form.header_rows[-1])
    return _with_header(list(csv.reader(io.StringIO(text, newline=""), delimiter=separator)), form, path.name)


def _decoded(data: bytes, encoding: str) -> str:
    utf8 = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    try:
        return data.decode("utf-8-sig" if utf8 else encoding)
    except UnicodeDecodeError as where:
        row = data.count(b"\n", 0, where.start) + 1
        mend = 'Say encoding = "cp1252" in the map (the usual Windows encoding), or "utf-16"'
        raise UnreadableError("encoding_wrong", f"the file is not {encoding}", mend, row=row) from None


def _guessed_separator(text: str, header_row: int) -> str:
    """Take the mark that the header has most of; the line is the spreadsheet row but for line breaks above it."""
    lines = text.split("\n", header_row)[:header_row]
    return max(SEPARATORS, key=lines[-1].count) if lines else ","


def _read_workbook(data: bytes, path: Path, form: Form) -> _Sheet:
    import fastexcel  # noqa: PLC0415 - loaded only where a workbook is read

    try:
        book = fastexcel.read_excel(data)
        chosen = _sheet_of(book.sheet_names, form)
        frame = book.load_sheet(chosen, header_row=None, skip_rows=0, dtypes="string").to_polars()
        frame = dates_alone(frame)
    except fastexcel.FastExcelError:
        message = "the file is not an Excel workbook, whatever its name says, or it is damaged or locked by a password"
        raise UnreadableError("not_a_workbook", message, SAVE_AS_XLSX) from None
    lines = [[cell or "" for cell in row] for row in frame.rows()]
    label = f"{path.name} [{chosen}]" if len(book.sheet_names) > 1 else path.name
    return _with_header(lines, form, label)


def _sheet_of(names: list[str], form: Form) -> str:
    if form.sheet is not None and form.sheet in names:
        return form.sheet
    if form.sheet is None and len(names) == 1:
        return names[0]
    message = "the workbook has no sheet of the name in the map" if form.sheet else "the workbook has several sheets"
    raise UnreadableError("which_sheet", message, 'Say sheet = "..." in the map, as it stands on the tab')


def _with_header(lines: list[list[str]], form: Form, label: str) -> _Sheet:
    """Split lines into header and rows; the first line below that starts with ``stop`` ends them."""
    last = form.header_rows[-1]
    if len(lines) < last:
        raise UnreadableError("header_missing", "the file ends above the row of the column names", "Correct header")
    header = _header([lines[number - 1] for number in form.header_rows])
    body = lines[last:]
    if form.stop is not None:
        ends = (i for i, line in enumerate(body) if line and line[0].strip().startswith(form.stop))
        body = body[: next(ends, len(body))]
    too_long = (i for i, line in enumerate(body) if any(cell.strip() for cell in line[len(header) :]))
    row = next(too_long, None)
    if row is not None:
        mend = "Put cells that hold the separator between quotation marks, or say in the map in which row the header is"
        raise UnreadableError(
            "row_longer_than_header", "a row has more cells than the header", mend, row=last + row + 1
        )
    columns = list(zip_longest(*(line[: len(header)] for line in body), fillvalue=""))
    columns += [("",) * len(body)] * (len(header) - len(columns))
    content = {_unnamed(i): pl.Series(column, dtype=pl.String) for i, column in enumerate(columns)}
    frame = pl.DataFrame(content).with_columns(pl.int_range(last + 1, last + 1 + len(body), dtype=pl.Int64).alias(ROW))
    chosen = {_unnamed(i): name for i, name in enumerate(header) if name in form.reads and header.index(name) == i}
    return _Sheet(header, frame.rename(chosen), label)


def _header(rows: Sequence[list[str]]) -> tuple[str, ...]:
    """Join the rows of a header; a cell of an upper row stands for the empty ones to its right (merged cells)."""
    width = max(len(row) for row in rows)
    levels = []
    for number, row in enumerate(rows):
        cells = [" ".join(cell.split()) for cell in row] + [""] * (width - len(row))
        if number < len(rows) - 1:
            for place in range(1, width):
                cells[place] = cells[place] or cells[place - 1]
        levels.append(cells)
    names = [" ".join(filter(None, parts)) for parts in zip(*levels, strict=True)]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _unnamed(place: int) -> str:
    return f"_column_{place}"


def _has_columns(name: str, sheet: _Sheet, form: Form, ledger: Ledger) -> bool:
    first = pl.DataFrame({SOURCE: [sheet.label], ROW: [form.header_rows[-1]]})
    is_sound = True
    for column in form.reads:
        if sheet.header.count(column) == 1:
            continue
        is_sound = False
        if column in sheet.header:
            message, mend = f'the column "{column}" stands in the header more than once', "Rename one of them"
            ledger.add_rows("error", name, "column_twice", message, mend, first, column=column)
            continue
        guess = nearest(column, [known for known in sheet.header if known])
        mend = f'Did you mean "{guess}"?' if guess else "Correct the name in the map, or header: the row of the names"
        message = f'the map names the column "{column}", which the file does not have'
        ledger.add_rows("error", name, "column_unknown", message, mend, first, column=column)
    return is_sound


def _chosen(sheet: _Sheet, form: Form) -> pl.DataFrame:
    """Keep the columns that are read: trimmed, white space inside as one blank, empty as null; no blank lines."""
    everything = pl.exclude(ROW)
    trimmed = everything.str.replace_all(r"\s+", " ").str.strip_chars()
    frame = sheet.frame.with_columns(trimmed).with_columns(pl.when(everything.str.len_bytes() > 0).then(everything))
    is_blank = pl.all_horizontal(everything.is_null())
    label = pl.lit(sheet.label).alias(SOURCE)
    return frame.filter(~is_blank).select(*form.reads, label, ROW)
