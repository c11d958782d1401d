"""Names in the records: words of the vocabulary, and identifiers that must exist."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import polars as pl

from antiphon.framework.vocabulary import nearest
from antiphon.records.problems import ASIDE, LISTING, ROW, SOURCE, WORD_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Collection

    from antiphon.records.agency import Grade
    from antiphon.records.problems import Ledger

SECTIONS = {"kind": "[kinds.NAME]", "role": "[roles]", "level": "[levels]", "relation": "[relations.NAME]"}
N_NAMED = 20
MISSPELT, N_LETTERS = 0.85, 2
FEW_WORDS = 12
"""As many known words are told in the message itself."""


def check_words(
    table: str, column: str, frame: pl.DataFrame, known: Collection[str], ledger: Ledger, *, grade: Grade = "error"
) -> None:
    """Note words that the vocabulary does not have, with the nearest that it has.

    Only a misspelling of a known word is told. Whatever else stands there may be a name, where columns have been mixed
    up ("client-0012" under role), and is counted only.
    """
    rows = frame.filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(list(known)))
    if rows.is_empty():
        return
    ledger.words.append(_counted(table, column, rows, known))
    rule, declare = f"{column}_unknown", "correct it"
    if column in SECTIONS:
        declare = f"declare it in agency.toml under {SECTIONS[column]}"
    some = sorted(known)
    list_of = f"Known: {', '.join(some)}" if len(some) <= FEW_WORDS else "The words are listed in agency.toml"
    told = _told(rows[column].unique().sort().to_list(), known, column)
    for message, (guess, words) in told.items():
        hint = f'Did you mean "{guess}"? If not, {declare}'
        mend = (
            hint
            if guess
            else f"{list_of}; {LISTING} what is there (sheet words): write one of the known words in its place, or {declare}"
        )
        ledger.add_rows(grade, table, rule, message, mend, rows.filter(pl.col(column).is_in(words)), column=column)


def _counted(table: str, column: str, rows: pl.DataFrame, known: Collection[str]) -> pl.DataFrame:
    """Count the unknown words, most frequent first, each with the nearest known one."""
    counts = rows.group_by(pl.col(column).alias("word")).agg(pl.len().cast(pl.Int64).alias("rows"))
    guesses = pl.Series("nearest", [nearest(word, known) for word in counts["word"]], dtype=pl.String)
    described = counts.with_columns(pl.lit(table).alias("table"), pl.lit(column).alias("column"), guesses)
    return described.sort("rows", "word", descending=[True, False]).select(*WORD_SCHEMA)


def _told(words: list[str], known: Collection[str], column: str) -> dict[str, tuple[str | None, list[str]]]:
    """Group unknown words by what is said about them: message -> (nearest known word, words)."""
    told: dict[str, tuple[str | None, list[str]]] = {}
    for word in words:
        guess = nearest(word, known)
        if guess is None or len(told) >= N_NAMED:
            guess, message = None, f'what stands under "{column}" is not known and resembles nothing that is'
        elif _is_misspelt(word, guess):
            message = f'the {column} "{word}" is not known'
        else:
            message = f'what stands under "{column}" is not known, but reminds of "{guess}"'
        told.setdefault(message, (guess, []))[1].append(word)
    return told


def _is_misspelt(word: str, known: str) -> bool:
    """Whether a word is a known one but for capitals, separators and a letter or two."""
    given, meant = (re.sub(r"[\s_-]+", " ", text.lower()) for text in (word, known))
    close = SequenceMatcher(None, given, meant).ratio() >= MISSPELT and abs(len(given) - len(meant)) <= N_LETTERS
    return close and not any(letter.isdigit() for letter in word)


def mark_unknown_systems(
    table: str, column: str, frame: pl.DataFrame, systems: pl.DataFrame, ledger: Ledger
) -> pl.DataFrame:
    """Mark the rows that name a system which no row of ``systems`` describes, or one that is set aside itself."""
    named, known = pl.col(column), systems["system"].implode()
    frame = ledger.mark(
        table,
        frame,
        named.is_not_null() & ~named.is_in(known),
        "system_unknown",
        f'the one named under "{column}" has no row in the table systems',
        "Add a row to systems, or correct the identifier (spaces, leading zeros and capitals count)",
        column=column,
    )
    return ledger.mark(
        table,
        frame,
        named.is_in(systems.filter(ASIDE)["system"].implode()),
        "system_set_aside",
        f'the one named under "{column}" has a row in systems that is itself set aside',
        "Mend that row of systems first; this one then counts again",
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
