"""Rules that a row must keep by itself, as typed schemas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dataframely as dy
import polars as pl

from antiphon.records.problems import ASIDE

if TYPE_CHECKING:
    from antiphon.records.problems import Ledger

PLACE = "place"


def _time() -> dy.Datetime:
    return dy.Datetime(nullable=True, time_unit="us", time_zone="UTC")


class Row(dy.Schema):
    """A row of any table; ``place`` finds it again."""

    place = dy.UInt32()


class Spell(Row):
    """A row with a beginning and an end."""

    start = _time()
    end = _time()

    @dy.rule()
    def end_without_start(cls) -> pl.Expr:
        """An end needs a beginning."""
        return pl.col("end").is_null() | pl.col("start").is_not_null()

    @dy.rule()
    def end_before_start(cls) -> pl.Expr:
        """Time runs forwards."""
        return pl.col("end").is_null() | pl.col("start").is_null() | (pl.col("end") >= pl.col("start"))

    @dy.rule()
    def spell_is_empty(cls) -> pl.Expr:
        """[start, end) holds at least a moment."""
        return pl.col("end").is_null() | pl.col("start").is_null() | (pl.col("end") != pl.col("start"))


class MembershipRow(Spell):
    """A stay."""

    member = dy.String(nullable=True)
    group = dy.String(nullable=True)

    @dy.rule()
    def member_of_itself(cls) -> pl.Expr:
        """Nobody belongs to themselves."""
        return pl.col("member") != pl.col("group")


class PresenceRow(Spell):
    """A spell in which someone was there, or away."""


class TieRow(Spell):
    """A relationship."""

    source = dy.String(nullable=True)
    target = dy.String(nullable=True)
    weight = dy.Float64(nullable=True)

    @dy.rule()
    def tie_to_itself(cls) -> pl.Expr:
        """A tie joins two."""
        return pl.col("source") != pl.col("target")

    @dy.rule()
    def weight_not_positive(cls) -> pl.Expr:
        """A tie without weight is no tie."""
        return pl.col("weight").is_null() | (pl.col("weight") > 0)


class MeasureRow(Row):
    """An answer or score."""

    n = dy.Float64(nullable=True)

    @dy.rule()
    def n_not_positive(cls) -> pl.Expr:
        """A mean is of one answer at least."""
        return pl.col("n").is_null() | (pl.col("n") >= 1)


class PracticeRow(Spell):
    """A practice in force."""

    dose = dy.Float64(nullable=True)

    @dy.rule()
    def dose_outside_0_1(cls) -> pl.Expr:
        """A dose is a share."""
        return pl.col("dose").is_null() | pl.col("dose").is_between(0, 1)


@dataclass(frozen=True, slots=True)
class Words:
    """What a rule says when it is broken."""

    column: str
    message: str
    mend: str


SCHEMAS: dict[str, type[dy.Schema]] = {
    "memberships": MembershipRow,
    "presence": PresenceRow,
    "ties": TieRow,
    "measures": MeasureRow,
    "practices": PracticeRow,
}
WORDS: dict[str, Words] = {
    "end_without_start": Words("start", 'there is an "end" without a "start"', "Fill in the start"),
    "end_before_start": Words("end", '"end" precedes "start"', "Correct the one that is wrong"),
    "spell_is_empty": Words(
        "end",
        '"end" equals "start", so nothing lies between them',
        '"end" is the first moment not in it: for a whole last day write the day after',
    ),
    "member_of_itself": Words("group", "someone is a member of themselves", "Write the group they belong to"),
    "tie_to_itself": Words("target", "a tie joins someone to themselves", "Correct the one that is wrong"),
    "weight_not_positive": Words("weight", "the weight of a tie is not more than 0", "Delete the row or its weight"),
    "n_not_positive": Words("n", '"n" is less than 1', "Write how many answers are behind the mean"),
    "dose_outside_0_1": Words("dose", "the dose is not between 0 and 1", "Write a share: 0.5 for half"),
}


def mark_unsound_rows(table: str, frame: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Mark the rows that break a rule of their table; note each rule that is broken."""
    schema = SCHEMAS.get(table)
    if schema is None or frame.is_empty():
        return frame
    marked = frame.with_row_index(PLACE)
    _, failures = schema.filter(marked.select(schema.column_names()))
    if not len(failures):
        return frame
    details = failures.details()
    broken = [rule for rule in WORDS if rule in details.columns]
    flags = details.select(PLACE, *((pl.col(rule) == "invalid").alias(rule) for rule in broken))
    marked = marked.join(flags, on=PLACE, how="left", maintain_order="left")
    was_unreadable = marked[ASIDE]  # a start that cannot be read is there all the same
    for rule in broken:
        words = WORDS[rule]
        bad = pl.col(rule) & ~was_unreadable if rule == "end_without_start" else pl.col(rule)
        marked = ledger.mark(table, marked, bad, rule, words.message, words.mend, column=words.column)
    return marked.drop(PLACE, *broken)
