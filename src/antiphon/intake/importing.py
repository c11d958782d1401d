"""The import: reads the map and the exports, makes the tables, and writes them only where everything is translated."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from antiphon.errors import RecordError
from antiphon.intake.making import PLACE, Folders, Made, make_rows
from antiphon.intake.mapping import Map, Source, find_map, read_map
from antiphon.intake.reading import FILE_PLACE, Export, read_export
from antiphon.intake.result import ImportResult, SourceCount
from antiphon.intake.translation import plain
from antiphon.intake.writing import check_place, settings_text, write_folder
from antiphon.records.problems import Ledger
from antiphon.records.tables import TABLES


def import_records(
    map_path: str | Path, out: str | Path, *, files: str | Path | None = None, preview: bool = False
) -> ImportResult:
    """Make an agency folder out of other systems' exports.

    Parameters
    ----------
    map_path
        The map: a TOML file, or a folder that holds ``import.toml``.
    out
        The agency folder to write. Of an earlier one the tables that the map makes are replaced, all else stays.
    files
        Folder at which the patterns of files in the map start; by default the map's own.
    preview
        Count what would be made, and write nothing.

    Returns
    -------
    ImportResult
        Per source the rows read, made, dropped, replaced and ignored; rows per table; what was noted.

    Raises
    ------
    RecordError
        Where the map or the files have errors, such as words without a translation: all of them at once, and nothing
        is written. A preview tells those of the files in its result.
    SpecificationError
        Where there is no map, or the folder to write would lose what was not imported.
    """
    path, ledger = find_map(Path(map_path)), Ledger()
    whole = read_map(path, ledger)
    if whole is None:
        raise RecordError(ledger.problems)
    folders = Folders(path.parent, path.parent if files is None else Path(files))
    settings = settings_text(whole.agency, folders.beside)
    names = [make.table for source in whole.source.values() for make in source.make]
    if not preview:
        check_place(Path(out), names, has_settings=settings is not None)
    counts, tables = _make_all(whole, folders, ledger)
    if ledger.has_errors and not preview:
        raise RecordError(ledger.problems)
    if not preview:
        write_folder(Path(out), tables, settings)
    heights = {name: frame.height for name, frame in tables.items()}
    return ImportResult(tuple(counts), heights, tuple(ledger.problems), None if preview else Path(out))


def _make_all(whole: Map, folders: Folders, ledger: Ledger) -> tuple[list[SourceCount], dict[str, pl.DataFrame]]:
    counts: list[SourceCount] = []
    parts: dict[str, list[pl.DataFrame]] = {}
    for name, source in whole.source.items():
        export = read_export(name, source, folders.files, ledger)
        if export is None:
            continue
        rows, n_dropped, n_replaced = _reduced(export.rows, source)
        made = [
            make_rows(rows, make, f"[[source.{name}.make]] (entry {number})", folders, ledger)
            for number, make in enumerate(source.make, start=1)
        ]
        for part in made:
            parts.setdefault(part.table, []).append(part.rows)
        counts.append(_counted(name, export, rows, made, (n_dropped, n_replaced)))
    return counts, {name: _joined(name, parts[name]) for name in TABLES if name in parts}


def _reduced(rows: pl.DataFrame, source: Source) -> tuple[pl.DataFrame, int, int]:
    """Leave out what the map drops and what newer rows replace; return the rest and the two counts."""
    n_read = rows.height
    for column, words in source.drop.items():
        rows = rows.filter(~pl.col(column).fill_null("").is_in([plain(word) for word in words]))
    n_kept = rows.height
    if source.key is not None:
        rows = _newest(rows, source.key, source.amends)
    return rows.with_row_index(PLACE), n_read - n_kept, n_kept - rows.height


def _newest(rows: pl.DataFrame, key: str, amends: str | None) -> pl.DataFrame:
    """Keep for each key the rows of the last file that has it, amendments before what they amend."""
    base = pl.col(key)
    is_amendment = pl.lit(value=False)
    if amends is not None:
        base = base.str.replace(amends, "")
        is_amendment = base != pl.col(key)
    rank = is_amendment.cast(pl.Int64) * (pl.col(FILE_PLACE).max() + 1) + pl.col(FILE_PLACE)
    ranked = rows.with_columns(base.alias("_base"), rank.alias("_rank"))
    newest = pl.col("_base").is_null() | (pl.col("_rank") == pl.col("_rank").max().over("_base"))
    return ranked.filter(newest).with_columns(pl.col("_base").alias(key)).drop("_base", "_rank")


def _counted(name: str, export: Export, rows: pl.DataFrame, made: list[Made], left_out: tuple[int, int]) -> SourceCount:
    used = pl.concat([part.places for part in made]).n_unique()
    n_made: dict[str, int] = {}
    for part in made:
        n_made[part.table] = n_made.get(part.table, 0) + part.rows.height
    return SourceCount(
        name,
        export.n_files,
        n_read=export.rows.height,
        n_dropped=left_out[0],
        n_replaced=left_out[1],
        n_ignored=rows.height - used,
        n_made=n_made,
        n_set_aside=sum(part.n_set_aside for part in made),
        columns_ignored=export.columns_ignored,
    )


def _joined(name: str, parts: list[pl.DataFrame]) -> pl.DataFrame:
    table = TABLES[name]
    frame = pl.concat(parts, how="diagonal")
    named = [column for column in table.names if column in frame.columns]
    attributes = [column for column in frame.columns if column not in (*table.names, *table.provenance)]
    return frame.select(*named, *attributes, *table.provenance)
