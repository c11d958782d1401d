"""Rows of a source to rows of a table of the agency folder."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from antiphon.intake.mapping import Cell, Make
from antiphon.intake.moments import Moments, day_after, read_moments
from antiphon.intake.translation import chosen, dictionary_of, plain, translated
from antiphon.records.agency import Grade
from antiphon.records.problems import ROW, SOURCE, Ledger
from antiphon.records.tables import TABLES, Column, Table

PLACE = "_place"  # of a row in its source
# Columns whose words are vocabulary, not identifiers: an untranslated one may be told.
VOCABULARY = frozenset({"kind", "level", "role", "relation", "instrument", "item", "practice", "precision", "severity"})
IDENTIFIERS = frozenset({"system", "target", "member", "group", "source", "respondent", "incident"})
N_TOLD = 20
LONGEST_TOLD = 60


@dataclass(frozen=True, slots=True, repr=False)
class Made:
    """What one entry of the map made of its source.

    Attributes
    ----------
    table : table of the agency folder; ``rows`` its rows, as text, with provenance.
    places : places in the source of the rows that were used.
    chosen : places in the source of the rows that ``where`` chooses.
    n_set_aside : rows that lack what the table requires, or hold a time that cannot be read.
    """

    table: str
    rows: pl.DataFrame
    places: pl.Series
    chosen: pl.Series
    n_set_aside: int


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the map is, and where the exports are."""

    beside: Path
    files: Path


class _Bench:
    """Rows of a table being made, column by column."""

    def __init__(self, rows: pl.DataFrame, make: Make, place: str, ledger: Ledger) -> None:
        self.rows, self.make, self.place, self.ledger = rows, make, place, ledger
        self.table: Table = TABLES[make.table]
        self.columns: dict[str, pl.Series] = {}
        self.is_unwanted = pl.repeat(value=False, n=rows.height, eager=True)
        self.is_unusable = pl.repeat(value=False, n=rows.height, eager=True)
        self.is_untranslated = {name: pl.repeat(value=False, n=rows.height, eager=True) for name in make.cells}

    def note(self, grade: Grade, rule: str, message: str, mend: str, bad: pl.Series, column: str) -> None:
        """Note a problem of some rows."""
        rows = self.rows.filter(bad)
        self.ledger.add_rows(grade, self.table.name, rule, message, mend, rows, column=column)


def make_rows(rows: pl.DataFrame, make: Make, place: str, folders: Folders, ledger: Ledger) -> Made:
    """Make rows of a table.

    Parameters
    ----------
    rows : rows of the source, as text, with ``_place``, ``_source`` and ``_row``.
    make : entry of the map; ``place`` where it stands there, for messages.
    folders : where the map and the exports are.
    ledger : takes untranslated words (errors) and what cannot be read.

    Returns
    -------
    The rows made. Rows whose word for a required column means nothing, on purpose, are not made.
    """
    bench = _Bench(chosen(rows, make.where), make, place, ledger)
    table = bench.table
    for name, cell in make.cells.items():
        words = _translated(
            bench, name, cell, dictionary_of(cell, f"{place}: {name}", folders.beside, folders.files, ledger)
        )
        kind = {column.name: column for column in table.columns}.get(name)
        if kind is not None and kind.type == "time":
            moments = _moments(bench, kind, words, cell)
            words = moments.text
            if (
                name == "time"
                and cell.clock is not None
                and "precision" in table.names
                and "precision" not in make.cells
            ):
                bench.columns["precision"] = moments.precision
        bench.columns[name] = pl.DataFrame({name: words}).select(_completed(pl.col(name), cell).alias(name))[name]
    return _finished(bench)


def _translated(bench: _Bench, name: str, cell: Cell, dictionary: Mapping[str, str] | None) -> pl.Series:
    words = bench.rows.with_columns(_words(cell).alias("_words"))["_words"]
    if dictionary is None:
        return words
    frame = pl.DataFrame({"old": words}).with_columns(
        translated(pl.col("old"), dictionary, cell.otherwise).alias("new")
    )
    is_missing = frame["old"].is_not_null() & frame["new"].is_null()
    bench.is_untranslated[name] = is_missing
    _note_untranslated(bench, name, frame.filter(is_missing)["old"], is_missing)
    if name in bench.table.required:
        bench.is_unwanted = bench.is_unwanted | (frame["new"] == "").fill_null(value=False)
    return frame.select(pl.when(pl.col("new") != "").then("new").alias("new"))["new"]


def _words(cell: Cell) -> pl.Expr:
    if cell.value is not None:
        return pl.lit(cell.value if cell.value else None, dtype=pl.String)
    if cell.columns:
        return pl.concat_str([pl.col(name) for name in cell.columns], separator=cell.join, ignore_nulls=False)
    # beside a clock, unknown describes the clock: forms put their default there
    unknown = [] if cell.clock is not None else [plain(word) for word in cell.unknown]
    written = pl.col(cell.date or cell.column or "")
    return pl.when(~written.is_in(unknown)).then(written)


def _completed(words: pl.Expr, cell: Cell) -> pl.Expr:
    whole = pl.lit(cell.prefix) + words if cell.prefix else words
    return whole if cell.default is None else whole.fill_null(pl.lit(cell.default))


def _note_untranslated(bench: _Bench, name: str, unknown: pl.Series, is_missing: pl.Series) -> None:
    if unknown.is_empty():
        return
    message = f"{bench.place}: {unknown.n_unique()} untranslated under {name}"
    if name in VOCABULARY:
        told = counted_words(unknown, identifiers_of(bench.rows, (bench.make,)))
        message += f": {told}" if told else ""
    mend = f"{_where_translated(bench, name)}; see their rows"
    bench.note("error", "untranslated", message, mend, is_missing, name)


def _where_translated(bench: _Bench, name: str) -> str:
    cell = bench.make.cells[name]
    if isinstance(cell.values, str):
        return f'Add them to the file "{cell.values}" beside the map, each with its translation (or - for nothing)'
    if cell.lookup is not None:
        columns = f'columns "{cell.lookup.from_}" and "{cell.lookup.to}"'
        return f'Add them to the file "{cell.lookup.file}" ({columns}), or say otherwise beside lookup in the map'
    return f'Add them to the map, {bench.place}, under {name}: values, each with its translation (or "" for nothing)'


def identifiers_of(rows: pl.DataFrame, makes: Iterable[Make]) -> set[str]:
    """Words in the columns that name people and groups: where columns are mixed up, they must not be told."""
    cells = [cell for make in makes for name, cell in make.cells.items() if name in IDENTIFIERS]
    columns = {name for cell in cells for name in cell.reads}
    return {word for name in columns for word in rows[name].drop_nulls().unique().to_list()}


def counted_words(words: pl.Series, hidden: Collection[str]) -> str:
    """Return the words that may be told, most frequent first, with their numbers; "" where none may."""
    counts = words.value_counts(sort=True).sort("count", words.name, descending=[True, False])
    may_be_told = [(word, n) for word, n in counts.rows() if len(word) <= LONGEST_TOLD and word not in hidden]
    told = [f'"{word}" ({n:,})' for word, n in may_be_told[:N_TOLD]]
    rest = counts.height - len(told)
    return ", ".join(told) + (f" and {rest} more" if told and rest else "")


def _moments(bench: _Bench, column: Column, words: pl.Series, cell: Cell) -> Moments:
    """Read times, and note what cannot be read."""
    name = column.name
    moments = read_moments(words, None if cell.clock is None else bench.rows[cell.clock], cell)
    if cell.last_day == "inclusive":
        moments = replace(moments, text=day_after(moments.text))
    n_bad, n_given = int(moments.is_bad_date.sum()), words.len() - words.null_count()
    # where no date can be read at all, the map is wrong, not the rows
    grade = "error" if n_bad and n_bad == n_given else column.on_unreadable
    message = f'{bench.place}: the date for "{name}" fits none of the formats'
    mend = 'Add its form to formats, such as "%m/%d/%Y" or "%d-%b-%y", or its word to unknown'
    bench.note(grade, "time_unreadable", message, mend, moments.is_bad_date, name)
    if column.on_unreadable == "set aside":
        bench.is_unusable = bench.is_unusable | moments.is_bad_date
    message = f'{bench.place}: the clock time for "{name}" cannot be read; the day is kept'
    mend = "Add its word to shifts or to unknown"
    bench.note("warning", "clock_unreadable", message, mend, moments.is_bad_clock, name)
    return moments


def _finished(bench: _Bench) -> Made:
    table = bench.table
    where, row = table.provenance
    frame = pl.DataFrame(bench.columns).with_columns(bench.rows[SOURCE].alias(where), bench.rows[ROW].alias(row))
    for name in table.required:
        is_empty = frame[name].is_null() & ~bench.is_unwanted & ~bench.is_untranslated[name]
        message, mend = f'{bench.place}: no "{name}"', "Fill the cell in the source, or say default in the map"
        bench.note("set aside", "value_missing", message, mend, is_empty, name)
        bench.is_unusable = bench.is_unusable | is_empty
    wanted = ~bench.is_unwanted
    return Made(
        table.name,
        frame.filter(wanted),
        bench.rows[PLACE].filter(wanted),
        bench.rows[PLACE],
        int((bench.is_unusable & wanted).sum()),
    )
