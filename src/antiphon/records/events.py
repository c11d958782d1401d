"""Rules of events: their kind and owner, their moment at its precision, and whether their owner was there at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.records.names import check_words, mark_unknown_systems
from antiphon.records.problems import usable
from antiphon.records.stays import FAR, last_spell_before, merged_spells
from antiphon.records.structure import fits, is_repeated
from antiphon.records.times import end_of_shift, local_to_utc, start_of_day, start_of_shift

if TYPE_CHECKING:
    from antiphon.framework.vocabulary import Vocabulary
    from antiphon.records.context import Context
    from antiphon.records.problems import Ledger
    from antiphon.records.settings import Settings

PRECISIONS = ("minute", "shift", "day")
MEND_END = (
    '"end" is the first day not in the stay: if yours is the last day that counts (the day of discharge), write the day '
    "after in every row, or the clock time of leaving"
)
END_IS_FIRST_MOMENT_OUT = '"end" of a stay is the first moment not in it: for a whole last day write the day after'


def check_events(frame: pl.DataFrame, context: Context, ledger: Ledger) -> pl.DataFrame:
    """Return the events that can be used, at their precision; ``until`` is the end of their minute, shift or day."""
    vocabulary = context.vocabulary
    check_words("events", "kind", frame, {**vocabulary.kinds, **context.settings.kinds}, ledger)
    frame = mark_unknown_systems("events", "system", frame, context.systems, ledger)
    frame = _mark_unfitting_owners(frame, context, ledger)
    frame = _blank_unusable_cells(frame, context, ledger)
    frame = at_precision(frame, context.settings, vocabulary, ledger)
    frame = usable(_mark_outside_window(frame, context, ledger))
    frame = _outside_gaps(frame, context, ledger)
    frame = _without_repetitions(frame, ledger)
    return _while_there(frame, context, ledger)


def _mark_unfitting_owners(frame: pl.DataFrame, context: Context, ledger: Ledger) -> pl.DataFrame:
    owners = {name: kind.of for name, kind in context.vocabulary.kinds.items()}
    frame = frame.join(
        context.systems.select("system", pl.col("role").alias("_role")), on="system", how="left", maintain_order="left"
    ).with_columns(pl.col("kind").replace_strict(owners, default=None).alias("_wanted"))
    return ledger.mark(
        "events",
        frame,
        ~fits("_role", "_wanted", context.vocabulary),
        "kind_of_another_role",
        "the kind belongs to another role than the one whose event it is said to be",
        "Correct the system or the kind; whose event each kind is stands in the framework or in agency.toml (of)",
        column="kind",
    ).drop("_wanted")


def _blank_unusable_cells(frame: pl.DataFrame, context: Context, ledger: Ledger) -> pl.DataFrame:
    known = usable(context.systems)["system"].implode()
    cells = (
        ("target", ~pl.col("target").is_in(known), "target_unknown", "has no usable row in the table systems"),
        ("severity", pl.col("severity") < 0, "severity_negative", "is less than 0"),
        ("duration", pl.col("duration") < 0, "duration_negative", "is less than 0 minutes"),
        ("precision", ~pl.col("precision").is_in(PRECISIONS), "precision_unknown", "is not minute, shift or day"),
        ("reported", pl.col("reported") < pl.col("time"), "reported_before", "precedes the event itself"),
    )
    for column, bad, rule, words in cells:
        message = f'"{column}" {words} (the event is used without it)'
        ledger.warn("events", frame, bad, rule, message, "Correct the cell, or leave it empty", column=column)
        frame = frame.with_columns(pl.when(~bad.fill_null(value=False)).then(pl.col(column)).alias(column))
    return frame


def at_precision(frame: pl.DataFrame, settings: Settings, vocabulary: Vocabulary, ledger: Ledger) -> pl.DataFrame:
    """Resolve each row's precision (row, then kind, then agency) and put its time at the start of its shift or day.

    A date without a clock time is known to the day whatever kind and agency say; a local time that does not exist or
    exists twice is known to the shift.
    """
    own = {name: kind.precision for name, kind in vocabulary.kinds.items() if kind.precision}
    of_kind = pl.col("kind").replace_strict(own, default=None, return_dtype=pl.String)
    said = pl.coalesce("precision", of_kind, pl.lit(settings.agency.precision))
    only_date = pl.col("time_bare") & (said != "day") & pl.col("precision").is_null()
    message = "the time is a date without a clock time (used, as known to the day)"
    mend = 'Nothing need be done; precision = "day" in agency.toml, for the agency or the kind, says so'
    ledger.warn("events", frame, only_date, "date_without_clock", message, mend, column="time")
    precision = (
        pl.when(only_date)
        .then(pl.lit("day"))
        .when(pl.col("time_doubtful") & (said == "minute"))
        .then(pl.lit("shift"))
        .otherwise(said)
    )
    local, shifts, zone = pl.col("time_local"), settings.calendar.shifts, settings.agency.timezone
    frame = frame.with_columns(precision.alias("precision"))
    frame = frame.with_columns(
        pl.when(pl.col("precision") == "day")
        .then(start_of_day(local))
        .when(pl.col("precision") == "shift")
        .then(start_of_shift(local, shifts))
        .otherwise(local)
        .alias("_start")
    ).with_columns(
        pl.when(pl.col("precision") == "day")
        .then(pl.col("_start").dt.offset_by("1d"))
        .otherwise(end_of_shift(pl.col("_start"), shifts))
        .alias("_until")
    )
    is_exact = pl.col("precision") == "minute"
    frame = frame.with_columns(
        pl.when(is_exact).then("time").otherwise(local_to_utc(pl.col("_start"), zone)).alias("time"),
        pl.when(is_exact)
        .then(pl.col("time") + pl.duration(microseconds=1))
        .otherwise(local_to_utc(pl.col("_until"), zone))
        .alias("until"),
    )
    return frame.drop("_start", "_until")


def _mark_outside_window(frame: pl.DataFrame, context: Context, ledger: Ledger) -> pl.DataFrame:
    start, end = context.window
    return ledger.mark(
        "events",
        frame,
        (pl.col("time") < start) | (pl.col("time") >= end),
        "outside_window",
        "the event lies outside the window of agency.toml",
        "Correct the time, or the window if records are complete for longer",
        column="time",
    )


def _outside_gaps(frame: pl.DataFrame, context: Context, ledger: Ledger) -> pl.DataFrame:
    """Leave out what happened while nothing was recorded, or recorded otherwise."""
    settings = context.settings
    if not settings.gaps:
        return frame
    stays = context.stays
    inside = pl.DataFrame({"_place": []}, schema={"_place": pl.UInt32})
    frame = frame.with_row_index("_place")
    for number, gap in enumerate(settings.gaps, start=1):
        start, end = settings.to_utc(gap.start), FAR if gap.end is None else settings.to_utc(gap.end)
        there = (pl.col("time") >= start) & (pl.col("time") < end)
        rows = frame.filter(there & pl.col("kind").is_in(gap.kinds)) if gap.kinds else frame.filter(there)
        if gap.group is not None:
            if gap.group not in context.systems["system"]:
                mend = "Write the group as it stands in systems and memberships"
                ledger.add("error", "agency.toml", "group_unknown", f"[[gaps]] (entry {number}): no such group", mend)
                continue
            members = stays.filter(pl.col("group") == gap.group)
            there_then = rows.join(members, left_on="system", right_on="member", suffix="_stay").filter(
                (pl.col("time") >= pl.col("start")) & (pl.col("time") < pl.col("end"))
            )
            own = rows.filter(pl.col("system") == gap.group)
            rows = pl.concat([there_then.select("_place"), own.select("_place")])
        inside = pl.concat([inside, rows.select("_place")])
    message = "the event lies in a gap of agency.toml, in which nothing counts"
    bad = pl.col("_place").is_in(inside["_place"].implode())
    mend = "Nothing need be done; the gap says so"
    return ledger.set_aside("events", frame, bad, "in_gap", message, mend, column="time").drop("_place")


def _without_repetitions(frame: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """The same event twice to the minute is an entry made twice; in one day there may well be two alike."""
    content = [name for name in ("time", "system", "kind", "incident", "target", "severity", "duration")]
    marked = frame.with_columns(pl.struct(content).hash().alias("_hash"))
    alike = marked.filter(pl.col("_hash").is_duplicated())
    if alike.is_empty():
        return frame
    repeats = alike.filter(is_repeated(alike.select(*content)))
    mend = "Delete the repetition; if there were two events, give their times or incident numbers"
    exact = repeats.filter(pl.col("precision") == "minute")
    message = "the row repeats an earlier one, to the minute"
    ledger.add_rows("set aside", "events", "row_repeated", message, mend, exact)
    message = "the row equals an earlier one but for its clock time, which is not known to the minute (used)"
    ledger.add_rows("warning", "events", "rows_alike", message, mend, repeats.filter(pl.col("precision") != "minute"))
    if exact.is_empty():
        return frame
    return frame.join(exact.select("_source", "_row"), on=["_source", "_row"], how="anti", maintain_order="left")


def _while_there(frame: pl.DataFrame, context: Context, ledger: Ledger) -> pl.DataFrame:
    """Set aside events of those who were no members then.

    Roles of people without any stays have no denominator at all; a group that belongs to nothing is there throughout.
    """
    if context.memberships.is_empty():
        return frame
    is_person = pl.col("level") == context.vocabulary.levels[-1]
    has_stays = pl.col("system").is_in(context.memberships["member"].implode())
    people = context.systems.filter(is_person)
    counted_roles = people.filter(has_stays)["role"].unique()
    _warn_of_roles_without_stays(frame, people, counted_roles, ledger)
    is_counted = (
        pl.when(is_person & pl.col("role").is_not_null())
        .then(pl.col("role").is_in(counted_roles.implode()))
        .otherwise(has_stays)
    )
    counted = context.systems.filter(is_counted)["system"].implode()
    frame = _with_stay(frame.with_columns(pl.col("system").is_in(counted).alias("_counted")), context)
    frame = _note_absences(frame, context, ledger)
    frame = _check_terminal(frame, context, ledger)
    return frame.drop("_counted", "start", "end")


def _with_stay(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Put beside each event the last stay that began before it was over; what ends a stay has the one that it ends."""
    spells = merged_spells(context.stays, ["member"]).rename({"member": "system"})
    moment = pl.duration(microseconds=1)
    frame = frame.with_columns((pl.col("until") - moment).alias("_latest"), (pl.col("time") - moment).alias("_before"))
    held = last_spell_before(frame, spells, key="system", moment="_before")
    terminal = [name for name, kind in context.vocabulary.kinds.items() if kind.terminal]
    is_held = held.select(pl.col("kind").is_in(terminal) & (pl.col("end") >= pl.col("time"))).to_series()
    frame = frame.with_columns(pl.when(is_held).then("_before").otherwise("_latest").alias("_latest"))
    return last_spell_before(frame, spells, key="system", moment="_latest").drop("_latest", "_before")


def _warn_of_roles_without_stays(frame: pl.DataFrame, people: pl.DataFrame, counted: pl.Series, ledger: Ledger) -> None:
    others = people.filter(~pl.col("role").is_in(counted.implode()))
    for role in frame.join(others, on="system", how="semi")["_role"].unique().drop_nulls().sort().to_list():
        message = f'nobody with the role "{role}" has a usable stay: their events are used without a denominator'
        mend = "Add their stays (for staff: hire and leaving dates) to memberships, or mend those that are set aside"
        ledger.add("warning", "memberships", "role_without_stays", message, mend)


def _note_absences(frame: pl.DataFrame, context: Context, ledger: Ledger) -> pl.DataFrame:
    terminal = [name for name, kind in context.vocabulary.kinds.items() if kind.terminal]
    is_last = pl.col("kind").is_in(terminal) & (pl.col("end") == pl.col("time"))
    absent = pl.col("_counted") & (pl.col("start").is_null() | ((pl.col("end") <= pl.col("time")) & ~is_last))
    frame = _set_doubtful_aside(frame, absent, context, ledger)
    has_stay = pl.col("system").is_in(context.memberships["member"].implode())
    is_early = pl.col("start").is_null()
    out = pl.col("end").dt.convert_time_zone(context.settings.agency.timezone).dt.replace_time_zone(None)
    is_day_of_end = (out == start_of_day(out)) & (start_of_day(pl.col("time_local")) == out)
    message = "the event is dated on the day on which the stay ends, and that day no longer counts"
    frame = ledger.set_aside("events", frame, absent & is_day_of_end, "on_day_of_end", message, MEND_END, column="time")
    mend = f"Correct the event or the stay ({END_IS_FIRST_MOMENT_OUT})"
    for bad, rule, message in (
        (~has_stay, "no_stay", "the one whose event it is has no stay at all"),
        (has_stay & is_early, "before_first_stay", "the event precedes the first stay of the one whose event it is"),
        (
            has_stay & ~is_early,
            "outside_stays",
            "the event lies after or between the stays of the one whose event it is",
        ),
    ):
        frame = ledger.set_aside("events", frame, absent & bad, rule, message, mend, column="time")
    return frame


def _set_doubtful_aside(frame: pl.DataFrame, absent: pl.Expr, context: Context, ledger: Ledger) -> pl.DataFrame:
    is_doubtful = pl.col("system").is_in(context.doubtful.implode())
    message = "the one whose event it is had no stay then, but one of their rows in memberships is set aside"
    mend = "Mend that row of memberships first; this one then counts again"
    return ledger.set_aside("events", frame, absent & is_doubtful, "stay_set_aside", message, mend, column="time")


def _check_terminal(frame: pl.DataFrame, context: Context, ledger: Ledger) -> pl.DataFrame:
    """Within one stay a terminal kind happens once, and nothing follows it."""
    terminal = [name for name, kind in context.vocabulary.kinds.items() if kind.terminal]
    ends = frame.filter(pl.col("kind").is_in(terminal))
    if ends.is_empty():
        return frame
    first = ends.group_by("system", "start").agg(pl.col("until").min().alias("_over"))
    frame = frame.join(first, on=["system", "start"], how="left", nulls_equal=True, maintain_order="left")
    is_end = pl.col("kind").is_in(terminal)
    again = is_end & (pl.col("time").rank("ordinal").over("system", "start", "kind") > 1)
    message = "someone's stay was ended a second time by the same kind of event"
    mend = "Delete the repetition, or add the stay between the two to memberships"
    frame = ledger.set_aside("events", frame, again, "ended_twice", message, mend, column="kind")
    message = "an event follows one that ends the stay, in the same stay (used)"
    mend = "Correct the time of the one that ends it, or add the new stay to memberships"
    later = ~is_end & (pl.col("time") >= pl.col("_over"))
    ledger.warn("events", frame, later, "event_after_the_end", message, mend, column="time")
    return frame.drop("_over")


def aggregate_kinds(frame: pl.DataFrame, context: Context, ledger: Ledger) -> tuple[pl.DataFrame, Vocabulary]:
    """Make kinds that must not be a person's (discipline, grievances of staff) events of the person's unit.

    Returns
    -------
    The events, and the vocabulary in which the unit owns these kinds.
    """
    level = context.vocabulary.unit
    person = context.vocabulary.levels[-1]
    chosen = [
        name
        for name, kind in context.vocabulary.kinds.items()
        if kind.aggregate and context.vocabulary.roles.get(kind.of) == person
    ]
    if not level or context.settings.privacy.staff_kinds != "aggregate" or not chosen:
        return frame, context.vocabulary
    vocabulary = context.vocabulary.extended(kinds={name: {"of": level, "by": level} for name in chosen})
    of_people = pl.col("kind").is_in(chosen)
    if frame.filter(of_people).is_empty():
        return frame, vocabulary
    stays = context.stays.filter(pl.col("level") == level)
    units = stays.rename({"member": "system", "group": "_unit"}).select("system", "_unit", "start", "end")
    found = last_spell_before(frame, units, key="system", moment="time")
    homeless = of_people & (pl.col("_unit").is_null() | (pl.col("end") < pl.col("time")))
    found = _set_doubtful_aside(found, homeless, context, ledger)
    message = "a kind that counts for the unit, never for a person, has no unit: the person was in none then"
    mend = 'Add the stay to memberships; [privacy] staff_kinds = "person" would count it for the person'
    found = ledger.set_aside("events", found, homeless, "no_unit_to_count_for", message, mend, column="system")
    system = pl.when(of_people).then("_unit").otherwise("system")
    target = pl.when(~of_people).then("target")
    return found.with_columns(system.alias("system"), target.alias("target")).drop("_unit", "start", "end"), vocabulary
