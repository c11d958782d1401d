"""Names in the records: words of the vocabulary, and identifiers that must exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.framework.vocabulary import nearest
from antiphon.records.problems import ROW, SOURCE

if TYPE_CHECKING:
    from collections.abc import Collection

    from antiphon.records.agency import Grade
    from antiphon.records.problems import Ledger

SECTIONS = {"kind": "[kinds.NAME]", "role": "[roles]", "level": "[levels]", "relation": "[relations.NAME]"}
N_NAMED = 20


def check_words(
    table: str, column: str, frame: pl.DataFrame, known: Collection[str], ledger: Ledger, *, grade: Grade = "error"
) -> None:
    """Note words that the vocabulary does not have, with the nearest that it has.

    A word that resembles no known one is counted and not told: where columns have been mixed up it may be a name.
    """
    rows = frame.filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(list(known)))
    if rows.is_empty():
        return
    guesses = {word: nearest(word, known) for word in rows[column].unique().sort().to_list()}
    resembling = [word for word, guess in guesses.items() if guess is not None][:N_NAMED]
    declare = f"declare it in agency.toml under {SECTIONS[column]}" if column in SECTIONS else "correct it"
    for word in resembling:
        message = f'the {column} "{word}" is not known'
        mend = f'Did you mean "{guesses[word]}"? If not, {declare}'
        chosen = rows.filter(pl.col(column) == word)
        ledger.add_rows(grade, table, f"{column}_unknown", message, mend, chosen, column=column)
    rest = rows.filter(~pl.col(column).is_in(resembling))
    n_words = rest[column].n_unique()
    message = f'{n_words} words under "{column}" are not known and resemble none that is'
    if n_words == 1:
        message = f'a word under "{column}" is not known and resembles none that is'
    mend = f"antiphon check --list shows the words; {declare}, or import with a table of translations"
    ledger.add_rows(grade, table, f"{column}_unknown", message, mend, rest, column=column)


def keep_known_systems(
    table: str, column: str, frame: pl.DataFrame, systems: pl.DataFrame, ledger: Ledger
) -> pl.DataFrame:
    """Set aside the rows that name a system which no row of ``systems`` describes."""
    known = systems["system"].implode()
    return ledger.set_aside(
        table,
        frame,
        pl.col(column).is_not_null() & ~pl.col(column).is_in(known),
        "system_unknown",
        f'the one named under "{column}" has no row in the table systems',
        "Add a row to systems, or correct the identifier (spaces, leading zeros and capitals count)",
        column=column,
    )


def warn_of_spellings(table: str, column: str, frame: pl.DataFrame, ledger: Ledger) -> None:
    """Two identifiers that differ by capitals or spaces only are most likely one."""
    ids = frame.group_by(column).agg(pl.col(SOURCE).first(), pl.col(ROW).first()).drop_nulls(column)
    plain = pl.col(column).str.to_lowercase().str.replace_all(r"[\s_.-]+", "").str.strip_chars_start("0")
    twins = ids.with_columns(plain.alias("_plain")).filter(pl.col("_plain").is_duplicated() & (pl.col("_plain") != ""))
    message = "identifiers differ only by capitals, spaces, hyphens or leading zeros"
    mend = "If they are the same one, write them the same way everywhere"
    ledger.add_rows("warning", table, "spellings_differ", message, mend, twins, column=column)
