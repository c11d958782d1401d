"""Words of other systems to the words of an agency folder, by tables that people fill in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from antiphon.intake.mapping import Cell, Lookup
from antiphon.intake.reading import read_columns
from antiphon.records.problems import Ledger

NOTHING = "-"  # in a file of translations: this word stands for nothing, on purpose
VALUE, TRANSLATION = "value", "translation"


def plain(text: str) -> str:
    """Write a word as cells are compared: trimmed, white space inside as one blank."""
    return " ".join(text.split())


def dictionary_of(cell: Cell, place: str, beside: Path, files: Path, ledger: Ledger) -> Mapping[str, str] | None:
    """Return word -> translation for a cell of the map; None where it translates nothing.

    Parameters
    ----------
    cell, place : the entry of the map, and where it stands there, for messages.
    beside : folder of the map, where files of ``values`` are.
    files : folder of the exports, where files of ``lookup`` are.
    ledger : takes what is wrong with these files.

    Notes
    -----
    A translation ``""`` (in a file ``-``) means nothing, on purpose. A word without entry, or in a file with an empty
    one, is untranslated.
    """
    if isinstance(cell.values, str):
        by_file = Lookup.model_validate({"file": cell.values, "from": VALUE, "to": TRANSLATION})
        words = _read(by_file, place, beside, ledger)
        return {word: "" if meant == NOTHING else meant for word, meant in words.items()}
    if cell.values is not None:
        return {plain(word): meant.strip() for word, meant in cell.values.items()}
    if cell.lookup is not None:
        return _read(cell.lookup, place, files, ledger)
    return None


def _read(lookup: Lookup, place: str, folder: Path, ledger: Ledger) -> dict[str, str]:
    columns = tuple(dict.fromkeys((lookup.from_, lookup.to, *lookup.where)))
    rows = read_columns(place, folder / lookup.file, columns, ledger)
    if rows is None:
        return {}
    rows = chosen(rows, lookup.where).drop_nulls([lookup.from_, lookup.to])
    several = rows.group_by(lookup.from_).agg(pl.col(lookup.to).n_unique()).filter(pl.col(lookup.to) > 1)
    if several.height:
        message = f"{place}: {several.height} words stand in the file of translations with more than one translation"
        ledger.add("error", lookup.file, "translation_twice", message, "Keep one row for each word")
    return dict(zip(rows[lookup.from_].to_list(), rows[lookup.to].to_list(), strict=True))


def chosen(rows: pl.DataFrame, where: Mapping[str, tuple[str, ...]]) -> pl.DataFrame:
    """Return the rows that hold in each column one of its words (``""``: an empty cell)."""
    for column, words in where.items():
        rows = rows.filter(pl.col(column).fill_null("").is_in([plain(word) for word in words]))
    return rows


def translated(words: pl.Expr, dictionary: Mapping[str, str], otherwise: str | None) -> pl.Expr:
    """Return the translations of words: null for the untranslated, ``""`` for nothing on purpose."""
    given = dict(dictionary)
    if not given:
        return pl.when(words.is_not_null() & (otherwise is not None)).then(pl.lit(otherwise or ""))
    new = words.replace_strict(list(given), list(given.values()), default=None, return_dtype=pl.String)
    return new if otherwise is None else new.fill_null(pl.when(words.is_not_null()).then(pl.lit(otherwise)))
