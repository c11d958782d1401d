"""Rules between systems: who may belong to whom, be tied to whom, and be where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.records.names import check_words, mark_unknown_systems
from antiphon.records.problems import ROW, SOURCE, usable
from antiphon.records.rules import mark_unsound_rows
from antiphon.records.spans import clip
from antiphon.records.stays import FAR, last_spell_before, merged_spells, with_far_end

if TYPE_CHECKING:
    from datetime import datetime

    from antiphon.framework.vocabulary import Vocabulary
    from antiphon.records.context import Context
    from antiphon.records.problems import Ledger

MEMBER_OF_NOTHING = "Correct the identifiers, or the levels in systems"
LONG_SHIFT_HOURS = 24


def check_memberships(
    frame: pl.DataFrame, systems: pl.DataFrame, vocabulary: Vocabulary, ledger: Ledger
) -> pl.DataFrame:
    """Return the stays that can be used; stays of one member in one group no longer overlap."""
    frame = mark_unsound_rows("memberships", frame, ledger)
    for column in ("member", "group"):
        frame = mark_unknown_systems("memberships", column, frame, systems, ledger)
    frame = _with_level(_with_level(frame, "member", systems, vocabulary), "group", systems, vocabulary)
    _check_cycles(frame, ledger)
    person = len(vocabulary.levels) - 1
    is_another = pl.col("member") != pl.col("group")
    is_person = is_another & (pl.col("group_level") == person)
    is_inner = is_another & (pl.col("group_level") >= pl.col("member_level")) & (pl.col("group_level") < person)
    for bad, rule, message in (
        (is_person, "group_is_person", "the group is a person"),
        (is_inner, "group_not_outer", "the group is not of a level further out than its member"),
    ):
        frame = ledger.mark("memberships", frame, bad, rule, message, MEMBER_OF_NOTHING, column="group")
    return _without_overlaps(
        usable(frame).drop("member_level", "group_level"), ["member", "group"], "memberships", ledger
    )


def warn_of_closed_groups(
    memberships: pl.DataFrame, doubtful: pl.Series, window: tuple[datetime, datetime], ledger: Ledger
) -> None:
    """Note stays, as far as they lie in the window, in a group that has stays of its own and is in none of them.

    Nothing is said of ``doubtful`` groups, of which a stay is set aside.
    """
    is_asked = pl.col("member").is_in(memberships["group"].implode()) & ~pl.col("member").is_in(doubtful.implode())
    own = with_far_end(memberships).filter(is_asked)
    open_ = merged_spells(own, ["member"]).rename({"member": "group"})
    stays = clip(with_far_end(memberships), *window).filter(pl.col("group").is_in(open_["group"].implode()))
    found = last_spell_before(stays.rename({"start": "_from", "end": "_to"}), open_, key="group", moment="_from")
    closed = found.filter((pl.col("end") < pl.col("_to")).fill_null(value=True))
    message = "someone belongs to a group while it is closed, by the stays of the group itself (used)"
    mend = "Correct the stay, or those of the group; a group without any stay of its own is open throughout"
    ledger.add_rows("warning", "memberships", "group_closed", message, mend, closed, column="group")


def check_presence(frame: pl.DataFrame, context: Context, ledger: Ledger) -> pl.DataFrame:
    """Return the spells of presence and absence that can be used."""
    systems, memberships, vocabulary = context.systems, context.memberships, context.vocabulary
    frame = mark_unsound_rows("presence", frame, ledger).with_columns(pl.col("away").fill_null(value=False))
    for column in ("system", "group"):
        frame = mark_unknown_systems("presence", column, frame, systems, ledger)
    frame = _with_level(_with_level(frame, "system", systems, vocabulary), "group", systems, vocabulary)
    person = len(vocabulary.levels) - 1
    mend = "Presence is of people; correct the identifier or its level in systems"
    message = "the one who was there is a group"
    frame = ledger.mark("presence", frame, pl.col("system_level") < person, "group_present", message, mend)
    message = "the group is a person"
    bad = pl.col("group_level") == person
    frame = ledger.mark("presence", frame, bad, "group_is_person", message, MEMBER_OF_NOTHING, column="group")
    frame = usable(frame)
    is_long = ~pl.col("away") & (pl.col("end") - pl.col("start") > pl.duration(hours=LONG_SHIFT_HOURS))
    message, mend = "a spell of work lasts more than 24 hours", "A punch out is probably missing; correct the end"
    ledger.warn("presence", frame, is_long, "shift_over_24_hours", message, mend, column="end")
    strangers = ~pl.col("system").is_in([*memberships["member"], *context.doubtful])
    if memberships.height:
        message = "someone was there, or away, who has no stay anywhere"
        ledger.warn("presence", frame, strangers, "presence_without_stay", message, "Add the stay to memberships")
    return _without_overlaps(frame.drop("system_level", "group_level"), ["system", "group", "away"], "presence", ledger)


def check_ties(frame: pl.DataFrame, systems: pl.DataFrame, vocabulary: Vocabulary, ledger: Ledger) -> pl.DataFrame:
    """Return the ties that can be used, with their weight."""
    check_words("ties", "relation", frame, vocabulary.relations, ledger)
    frame = mark_unsound_rows("ties", frame, ledger)
    for column in ("source", "target"):
        frame = mark_unknown_systems("ties", column, frame, systems, ledger)
    roles = systems.select("system", "role")
    for end in ("source", "target"):
        wanted = {name: getattr(relation, end) for name, relation in vocabulary.relations.items()}
        frame = frame.join(
            roles.rename({"system": end, "role": "_role"}), on=end, how="left", maintain_order="left"
        ).with_columns(pl.col("relation").replace_strict(wanted, default=None).alias("_wanted"))
        frame = ledger.mark(
            "ties",
            frame,
            ~fits("_role", "_wanted", vocabulary),
            "role_does_not_fit",
            f'the "{end}" of the tie does not have the role that the relation asks for',
            "Perhaps source and target are exchanged; the relation's roles stand in the framework or in agency.toml",
            column=end,
        ).drop("_role", "_wanted")
    return set_repeated_aside("ties", usable(frame).with_columns(pl.col("weight").fill_null(1.0)), ledger)


def check_measures(frame: pl.DataFrame, systems: pl.DataFrame, vocabulary: Vocabulary, ledger: Ledger) -> pl.DataFrame:
    """Return the answers that can be used."""
    check_words("measures", "role", frame, vocabulary.roles, ledger)
    frame = mark_unsound_rows("measures", frame, ledger)
    return usable(mark_unknown_systems("measures", "system", frame, systems, ledger))


def check_practices(frame: pl.DataFrame, systems: pl.DataFrame, vocabulary: Vocabulary, ledger: Ledger) -> pl.DataFrame:
    """Return the practices that can be used; the agency may have practices of its own."""
    check_words("practices", "practice", frame, vocabulary.practices, ledger, grade="warning")
    frame = mark_unknown_systems("practices", "group", mark_unsound_rows("practices", frame, ledger), systems, ledger)
    frame = _with_level(frame, "group", systems, vocabulary)
    message, bad = "the group is a person", pl.col("group_level") == len(vocabulary.levels) - 1
    frame = ledger.mark("practices", frame, bad, "group_is_person", message, MEMBER_OF_NOTHING, column="group")
    return set_repeated_aside("practices", usable(frame).drop("group_level"), ledger)


def fits(role: str, wanted: str, vocabulary: Vocabulary) -> pl.Expr:
    """Whether a role is the wanted one; whoever works for the agency may stand where "staff" is asked for."""
    workers = pl.col(role).is_in(list(vocabulary.workers))
    return (pl.col(role) == pl.col(wanted)) | (workers & (pl.col(wanted) == "staff"))


def set_repeated_aside(table: str, frame: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Set aside rows that say again, cell by cell, what an earlier row said."""
    return ledger.set_aside(
        table, frame, is_repeated(frame), "row_repeated", "the row repeats an earlier one", "Delete the repetition"
    )


def is_repeated(frame: pl.DataFrame) -> pl.Expr:
    """Whether every cell (but where the row stands) equals that of an earlier row."""
    content = [name for name in frame.columns if name not in (SOURCE, ROW)]
    return ~pl.struct(content).is_first_distinct()


def _with_level(frame: pl.DataFrame, column: str, systems: pl.DataFrame, vocabulary: Vocabulary) -> pl.DataFrame:
    """Put beside a system the place of its level, 0 = outermost."""
    order = {level: i for i, level in enumerate(vocabulary.levels)}
    place = pl.col("level").replace_strict(order, default=None, return_dtype=pl.Int64)
    levels = systems.select(pl.col("system").alias(column), place.alias(f"{column}_level"))
    return frame.join(levels, on=column, how="left", maintain_order="left")


def _check_cycles(frame: pl.DataFrame, ledger: Ledger) -> None:
    """Take away groups that belong to nothing else, again and again; what remains runs in circles."""
    left = frame.filter(pl.col("member") != pl.col("group")).join(
        frame.select(pl.col("group").alias("member")).unique(), on="member", how="semi"
    )
    while left.height:
        fewer = left.filter(pl.col("group").is_in(left["member"].implode()))
        fewer = fewer.filter(pl.col("member").is_in(fewer["group"].implode()))
        if fewer.height == left.height:
            break
        left = fewer
    message = "groups belong to each other in a circle"
    mend = "A group belongs to one of a level further out; delete the rows that turn back"
    ledger.add_rows("error", "memberships", "memberships_in_a_circle", message, mend, left, column="group")


def _without_overlaps(frame: pl.DataFrame, keys: list[str], table: str, ledger: Ledger) -> pl.DataFrame:
    """Let the later of two overlapping spells of the same start where the earlier ends; what is inside it goes."""
    order = frame.with_row_index("_order").sort(*keys, "start", "_order")
    earlier_end = pl.col("end").fill_null(FAR).cum_max().shift(1).over(keys)
    order = order.with_columns(earlier_end.alias("_earlier"))
    overlaps = pl.col("_earlier") > pl.col("start")
    message = "the spell overlaps an earlier one of the same in the same group (time counted once)"
    ledger.warn(table, order, overlaps, "spells_overlap", message, "Correct the start or the end", column="start")
    later = pl.max_horizontal("start", "_earlier")
    order = order.with_columns(later.alias("start")).filter(pl.col("start") < pl.col("end").fill_null(FAR))
    return order.sort("_order").drop("_order", "_earlier")
