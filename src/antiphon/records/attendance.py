"""Whether people were there: events of kinds that happen to those present, against leave and shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.records.stays import last_spell_before, merged_spells

# People come before their shift and stay after it.
GRACE_MINUTES = 30

if TYPE_CHECKING:
    from antiphon.framework.vocabulary import Vocabulary
    from antiphon.records.problems import Ledger


def warn_of_absences(
    events: pl.DataFrame, presence: pl.DataFrame, systems: pl.DataFrame, vocabulary: Vocabulary, ledger: Ledger
) -> None:
    """Note events of people who, by the presence table, were on leave or off shift.

    Parameters
    ----------
    events : checked, with ``until``, the end of their minute, shift or day.
    presence, systems : checked.
    vocabulary : says which kinds happen to those present only.
    ledger : takes the warnings; the events stay, and whoever estimates decides whether they can count.
    """
    if presence.is_empty():
        return
    kinds = [name for name, kind in vocabulary.kinds.items() if kind.while_ == "present"]
    people = systems.filter((pl.col("level") == vocabulary.levels[-1]) & ~pl.col("pooled")).select("system", "role")
    at_risk = events.filter(pl.col("kind").is_in(kinds)).join(people, on="system", maintain_order="left")
    away = at_risk.filter(_is_covered(at_risk, presence.filter("away"), grace_minutes=None))
    message = "someone was on leave, by the presence table, when it happened (such an event cannot be estimated from)"
    mend = 'Correct the leave or the event; a kind that also happens to those away has while = "member"'
    ledger.add_rows("warning", "events", "event_on_leave", message, mend, away, column="time")

    shifts = presence.filter(~pl.col("away"))
    with_shifts = people.join(shifts.select("system").unique(), on="system", how="semi")["role"].unique()
    on_roster = at_risk.filter(pl.col("role").is_in(with_shifts.implode()))
    off = on_roster.filter(~_is_covered(on_roster, shifts, grace_minutes=GRACE_MINUTES))
    message = "someone was not on shift, by the presence table, when it happened (it cannot be estimated from)"
    mend = "Add the shift, or correct the time of the event"
    ledger.add_rows("warning", "events", "event_off_shift", message, mend, off, column="time")


def _is_covered(events: pl.DataFrame, spells: pl.DataFrame, *, grace_minutes: int | None) -> pl.Series:
    """Whether a spell covers the whole moment, shift or day of each event, or (with grace) comes near any of it."""
    grace = pl.duration(minutes=grace_minutes or 0)
    moment = pl.col("time") if grace_minutes is None else pl.col("until") + grace
    reach = pl.col("until") if grace_minutes is None else pl.col("time") - grace
    found = last_spell_before(
        events.select("system", "time", "until", moment.alias("_moment")),
        merged_spells(spells, ["system"]),
        key="system",
        moment="_moment",
    )
    return found.select((pl.col("end") >= reach).fill_null(value=False)).to_series()
