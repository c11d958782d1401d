"""The import: reads the map and the exports, makes the tables, and writes them only where everything is translated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from antiphon.errors import RecordError
from antiphon.intake.making import PLACE, VOCABULARY, Folders, Made, counted_words, identifiers_of, make_rows
from antiphon.intake.mapping import Map, Source, find_map, read_map
from antiphon.intake.reading import FILE_PLACE, Export, read_export
from antiphon.intake.result import ImportResult, MakeCount, SourceCount
from antiphon.intake.translation import plain
from antiphon.intake.writing import check_place, settings_text, write_folder
from antiphon.records.problems import Ledger
from antiphon.records.tables import TABLES

PART = "_part"  # entry of the map that a row of a table comes from


@dataclass(frozen=True, slots=True, repr=False)
class _Work:
    """A source on its way: what was read, what was kept of it (``rows``), and what each entry made of that."""

    name: str
    export: Export
    rows: pl.DataFrame
    made: list[Made]
    n_dropped: int
    n_replaced: int


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
    works: list[_Work] = []
    for name, source in whole.source.items():
        export = read_export(name, source, folders.files, ledger)
        if export is None:
            continue
        rows, n_dropped, n_replaced = _reduced(export.rows, source)
        made = [
            make_rows(rows, make, f"[[source.{name}.make]] (entry {number})", folders, ledger)
            for number, make in enumerate(source.make, start=1)
        ]
        _warn_of_rows_nowhere(name, source, rows, made, ledger)
        works.append(_Work(name, export, rows, made, n_dropped, n_replaced))
    parts = list(enumerate(made for work in works for made in work.made))
    tables, heights = {}, {}
    for name in TABLES:
        mine = {number: made.rows for number, made in parts if made.table == name}
        if mine:
            tables[name], heights_of_parts = _joined(name, mine)
            heights |= heights_of_parts
    written = iter(heights[number] for number, _ in parts)
    return [_counted(work, [next(written) for _ in work.made]) for work in works], tables


def _warn_of_rows_nowhere(name: str, source: Source, rows: pl.DataFrame, made: list[Made], ledger: Ledger) -> None:
    """Tell of rows that no entry's ``where`` chooses, with the words that none of them names."""
    nowhere = rows.filter(~pl.col(PLACE).is_in(pl.concat([part.chosen for part in made]).implode()))
    if nowhere.is_empty():
        return
    cells = [(key, cell) for make in source.make for key, cell in make.cells.items()]
    vocabulary = {column for key, cell in cells if key in VOCABULARY for column in cell.reads}
    hidden = identifiers_of(rows, source.make)
    parts = []
    for column in dict.fromkeys(column for make in source.make for column in make.where):
        named = {plain(word) for make in source.make for word in make.where.get(column, ())}
        words = nowhere[column].fill_null("").filter(~nowhere[column].fill_null("").is_in(list(named)))
        told = counted_words(words, hidden) if column in vocabulary else ""
        if words.len():
            parts.append(f'"{column}": {told or f"{words.n_unique()} words"}')
    message = f"[source.{name}]: rows that no where chooses were left out"
    message += f" (none names, under {'; under '.join(parts)})" if parts else ""
    mend = "Add the words to a where, or to drop if they are to be left out"
    ledger.add_rows("warning", name, "rows_nowhere", message, mend, nowhere)


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


def _counted(work: _Work, n_written: list[int]) -> SourceCount:
    makes = tuple(
        MakeCount(
            part.table,
            n_rows=work.rows.height,
            n_elsewhere=work.rows.height - part.chosen.len(),
            n_nothing=part.chosen.len() - part.rows.height,
            n_merged=part.rows.height - n,
            n_made=n,
        )
        for part, n in zip(work.made, n_written, strict=True)
    )
    n_made: dict[str, int] = {}
    for make in makes:
        n_made[make.table] = n_made.get(make.table, 0) + make.n_made
    return SourceCount(
        work.name,
        work.export.n_files,
        n_read=work.export.rows.height,
        n_dropped=work.n_dropped,
        n_replaced=work.n_replaced,
        n_ignored=work.rows.height - pl.concat([part.places for part in work.made]).n_unique(),
        n_made=n_made,
        n_set_aside=sum(part.n_set_aside for part in work.made),
        columns_ignored=work.export.columns_ignored,
        makes=makes,
    )


def _joined(name: str, parts: dict[int, pl.DataFrame]) -> tuple[pl.DataFrame, dict[int, int]]:
    """Put the parts of a table together; return it and how many rows of each part it holds."""
    table = TABLES[name]
    frame = pl.concat([part.with_columns(pl.lit(number).alias(PART)) for number, part in parts.items()], how="diagonal")
    if name == "systems":
        frame = _each_once(frame)
    heights = dict(frame[PART].value_counts().rows())
    named = [column for column in table.names if column in frame.columns]
    attributes = [column for column in frame.columns if column not in (*table.names, *table.provenance, PART)]
    whole = frame.select(*named, *attributes, *table.provenance)
    return whole, {number: heights.get(number, 0) for number in parts}


def _each_once(systems: pl.DataFrame) -> pl.DataFrame:
    """Make one of rows that say the same; where none contradicts the others, each also says what others leave empty."""
    content = [name for name in systems.columns if name not in ("system", PART, *TABLES["systems"].provenance)]
    said = {name: pl.col(name).drop_nulls() for name in content}
    agree = pl.all_horizontal(said[name].n_unique().over("system") <= 1 for name in content)
    whole = (
        pl.when(agree & pl.col("system").is_not_null())
        .then(said[name].first().over("system"))
        .otherwise(pl.col(name))
        .alias(name)
        for name in content
    )
    is_new = pl.struct("system", *content).is_first_distinct()
    return systems.with_columns(*whole).filter(is_new | pl.col("system").is_null())
