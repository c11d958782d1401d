"""``[privacy] exclude``: programmes and people that are left out of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.framework.vocabulary import nearest
from antiphon.records.people import NAMING
from antiphon.records.problems import ASIDE
from antiphon.records.stays import nested_stays

if TYPE_CHECKING:
    from antiphon.records.problems import Ledger
    from antiphon.records.settings import Settings

RULE, MESSAGE = "excluded", "[privacy] exclude of agency.toml leaves the row out"
MEND = "Nothing need be done; the setting says so"


def exclude(tables: dict[str, pl.DataFrame], settings: Settings, ledger: Ledger) -> dict[str, pl.DataFrame]:
    """Leave out what ``[privacy] exclude`` names.

    Left out are the systems whose attribute has one of the values, everyone whose stays were all in such groups, and
    what happened to others while they were there: that someone was in such a programme is itself protected.
    """
    if not settings.privacy.exclude:
        return tables
    named = _named_systems(tables["systems"], settings, ledger)
    members = _members(tables, named)
    left_out = named | members
    kept = {}
    for table, frame in tables.items():
        bad = pl.any_horizontal(pl.col(column).is_in(list(left_out)) for column in NAMING[table])
        if table == "events":
            bad = bad | _during(tables, named, frame)
        kept[table] = ledger.set_aside(table, frame, bad, RULE, MESSAGE, MEND)
    return kept


def _named_systems(systems: pl.DataFrame, settings: Settings, ledger: Ledger) -> set[str]:
    named: set[str] = set()
    for attribute, values in settings.privacy.exclude.items():
        if attribute not in systems.columns:
            guess = nearest(attribute, systems.columns)
            hint = f'Did you mean "{guess}"?' if guess else "Add the attribute as a column of systems"
            message = f'[privacy] exclude names the attribute "{attribute}", which systems does not have'
            ledger.add("error", "agency.toml", "attribute_unknown", message, hint)
            continue
        named |= set(systems.filter(pl.col(attribute).is_in(list(values)))["system"].to_list())
    return named


def _members(tables: dict[str, pl.DataFrame], named: set[str]) -> set[str]:
    """Whoever belonged to excluded groups only."""
    direct = tables["memberships"].filter(~pl.col(ASIDE)).select("member", "group")
    inside = direct.filter(pl.col("group").is_in(list(named)))["member"]
    outside = direct.filter(~pl.col("group").is_in(list(named)))["member"]
    return set(inside.to_list()) - set(outside.to_list())


def _during(tables: dict[str, pl.DataFrame], named: set[str], events: pl.DataFrame) -> pl.Expr:
    """Whether the event's owner was in an excluded group at the time."""
    sound = tables["memberships"].filter(~pl.col(ASIDE) & (pl.col("member") != pl.col("group")))
    stays = nested_stays(sound, tables["systems"]).filter(pl.col("group").is_in(list(named)))
    there = (
        events.select("_source", "_row", "system", "time")
        .join(stays, left_on="system", right_on="member")
        .filter((pl.col("time") >= pl.col("start")) & (pl.col("time") < pl.col("end")))
    )
    place = pl.struct("_source", "_row")
    return place.is_in(there.select(place.alias("place"))["place"].implode())
