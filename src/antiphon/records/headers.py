"""The header of a file: which of its columns are those of a table, and what is wrong with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from antiphon.framework.vocabulary import nearest
from antiphon.records.problems import ROW, SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from antiphon.records.problems import Ledger
    from antiphon.records.reading import Cells
    from antiphon.records.tables import Table

UNUSABLE_COLUMN = ("column_missing", "column_twice", "column_in_two_spellings")
"""Rules of columns that count as empty, or are guessed, from then on."""
PERSON = ("client", "client_id", "client_no", "id", "patient", "patient_id", "person", "person_id", "resident")
PERSON += ("resident_id", "who", "youth", "youth_id", "employee", "employee_id", "employee_no", "staff_id")
USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "time": ("date", "date_time", "datetime", "event_date", "incident_date", "occurred", "timestamp", "when"),
    "system": PERSON,
    "member": PERSON,
    "kind": ("category", "event", "event_type", "incident_type", "type"),
    "role": ("job_title", "position"),
    "group": ("cottage", "house", "location", "program", "programme", "unit", "ward"),
    "start": ("admission", "admission_date", "admitted", "from", "hire_date", "hired", "start_date"),
    "end": ("discharge", "discharge_date", "discharged", "end_date", "left", "to", "until"),
}
"""How other systems call what the columns hold; lower case, with underscores."""


def known_columns(cells: Cells, table: Table, ledger: Ledger) -> pl.DataFrame | None:
    """Find the columns of a table among those of a file.

    Parameters
    ----------
    cells : the file.
    table : the table that it should be.
    ledger : takes what is wrong with the columns.

    Returns
    -------
    The columns of the table (and attributes) as trimmed text, null where empty, with ``_source`` and ``_row``. A
    required one that is missing is empty, or the one that seems to be meant, so that all else can be checked. None
    where there is nothing to check.
    """
    names = [_plain(name) for name in cells.header]
    wanted = {*table.names, *table.provenance}
    meant = {name: _meant(name, names) for name in table.required if name not in names}
    has_header = any(name in names or meant[name] is not None for name in table.required)
    if not has_header and cells.troubles:
        return None
    unusable = _unusable_columns(cells, names, meant, table, ledger)
    if not has_header:
        return None
    for name, place in meant.items():
        if place is not None:
            names[place] = name
    rows = _clean(cells.rows)
    columns = {name: f"column_{i}" for i, name in enumerate(names) if name in wanted and name not in unusable}
    if table.has_attributes:
        columns |= {cells.header[i]: f"column_{i}" for i, name in enumerate(names) if name and name not in wanted}
    else:
        _warn_of_columns(rows, names, table, ledger, cells.source)
    where, number = table.provenance
    here = pl.col(columns.pop(where)) if where in columns else pl.lit(None, dtype=pl.String)
    line = pl.col(columns.pop(number)) if number in columns else pl.lit(None, dtype=pl.String)
    absent = [pl.lit(None, dtype=pl.String).alias(name) for name in table.names if name not in columns]
    frame = rows.select(
        *(pl.col(column).alias(name) for name, column in columns.items()),
        *absent,
        here.fill_null(cells.source).alias(SOURCE),
        pl.coalesce(line.cast(pl.Int64, strict=False), pl.col(ROW)).alias(ROW),
    )
    if frame.is_empty():
        _note_emptiness(table, ledger)
        return None
    return frame.select(*table.names, pl.exclude(*table.names))


def _plain(name: str) -> str:
    return re.sub(r"[\s/-]+", "_", name.strip().lower()).rstrip("#_")


def _clean(rows: pl.DataFrame) -> pl.DataFrame:
    """Trim every cell, empty cells to null, rows without any cell left out (a spreadsheet's blank lines)."""
    cells = pl.exclude(ROW)
    trimmed = rows.with_columns(cells.str.strip_chars()).with_columns(pl.when(cells.str.len_bytes() > 0).then(cells))
    return trimmed.filter(pl.any_horizontal(cells.is_not_null()))


def _meant(name: str, names: list[str]) -> int | None:
    """Return the place of the one column that has a usual name for what a missing one holds."""
    usual = USUAL_NAMES.get(name, ())
    places = [place for place, other in enumerate(names) if other in usual]
    return places[0] if len(places) == 1 else None


def _unusable_columns(
    cells: Cells, names: list[str], meant: Mapping[str, int | None], table: Table, ledger: Ledger
) -> set[str]:
    """Note the columns that are missing or there more than once; return the latter, which count as empty."""
    first = pl.DataFrame({SOURCE: [cells.source], ROW: [1]}, schema_overrides={ROW: pl.Int64})
    repeated = {name for name in names if name and names.count(name) > 1}
    for name in sorted(repeated):
        spellings = {written for written, plain in zip(cells.header, names, strict=True) if plain == name}
        known = name if name in {*table.names, *table.provenance} else ""
        words = (f'the column "{known}"' if known else "a column") + " stands in the header more than once"
        rule = "column_in_two_spellings" if len(spellings) > 1 else "column_twice"
        mend = "Keep the column that is right, once, and delete the other"
        ledger.add_rows("error", table.name, rule, words, mend, first, column=known)
    for name, place in meant.items():
        message = f'the column "{name}" is missing: row 1 must hold the names of the columns'
        mend = f'Add the column, or call it "{name}" if it has another name (there may be rows above the header)'
        if place is not None:
            mend = f'Call column {place + 1} "{name}", if it is that; it was checked as such'
        ledger.add_rows("error", table.name, "column_missing", message, mend, first, column=name)
    return repeated


def _warn_of_columns(rows: pl.DataFrame, names: list[str], table: Table, ledger: Ledger, source: str) -> None:
    """A column's own name is not told: a roster may have persons for headers."""
    wanted = {*table.names, *table.provenance}
    unknown = [
        i for i, name in enumerate(names) if name not in wanted and rows[f"column_{i}"].null_count() < rows.height
    ]
    missing = [name for name in table.names if name not in names]
    for i in unknown:
        usual = (name for name in missing if names[i] in USUAL_NAMES.get(name, ()))
        guess = next(usual, None) or (nearest(names[i], missing) if names[i] else None)
        hint = f'If it is "{guess}", call it so' if guess else "Delete it if it is free text or names people"
        message = f"column {i + 1} is none of the table's and was not read"
        row = pl.DataFrame({SOURCE: [source], ROW: [1]}, schema_overrides={ROW: pl.Int64})
        ledger.add_rows("warning", table.name, "column_not_read", message, hint, row, column=guess or "")


def _note_emptiness(table: Table, ledger: Ledger) -> None:
    message = "the table has a header and no rows"
    if table.name == "events":
        ledger.add(
            "error", table.name, "table_empty", message, "Fill it; it is the one table that nothing goes without"
        )
    else:
        ledger.add("warning", table.name, "table_empty", f"{message} (as if it were absent)", "Fill it, or delete it")
