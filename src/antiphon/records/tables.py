"""The tables of an agency folder: their columns, what each holds, and which of them a row cannot do without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

Type = Literal["text", "time", "number", "boolean"]
OnUnreadable = Literal["set aside", "warning"]

UTC_TIME = pl.Datetime("us", "UTC")
DTYPES: dict[Type, pl.DataType] = {
    "text": pl.String(),
    "time": UTC_TIME,
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name, type : as in the agency folder.
    is_required : whether a row without it is set aside, and a table without it refused.
    meaning : one line for the empty folder that ``antiphon init`` writes.
    on_unreadable : what happens to a row whose cell cannot be read: left out, or used with the cell empty.
        Where an empty cell means something (an open end), an unreadable one must not be taken for it.
    """

    name: str
    type: Type
    meaning: str
    is_required: bool = False
    on_unreadable: OnUnreadable = "set aside"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the agency folder; ``row`` says what one row is."""

    name: str
    row: str
    columns: tuple[Column, ...]
    has_attributes: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that every row needs."""
        return tuple(column.name for column in self.columns if column.is_required)

    @property
    def provenance(self) -> tuple[str, str]:
        """Columns that say which file and spreadsheet row a row came from. Ties already have a ``source``."""
        return ("source_file" if "source" in self.names else "source", "source_row")

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Columns and types of the checked table, with provenance."""
        where, row = self.provenance
        typed = {column.name: DTYPES[column.type] for column in self.columns}
        return {**typed, where: pl.String(), row: pl.Int64()}

    def empty(self) -> pl.DataFrame:
        """Return the table without rows."""
        return pl.DataFrame(schema=self.schema)


def _required(name: str, kind: Type, meaning: str) -> Column:
    return Column(name, kind, meaning, is_required=True)


_START = _required("start", "time", "first moment in it (a bare date means 00:00)")
_END = Column("end", "time", "first moment NOT in it (a bare date: the first day not in it); empty = still open")

EVENTS = Table(
    "events",
    "something that happened to or was done by a person or a group",
    (
        _required("time", "time", "when, local clock: 2024-01-31T14:30"),
        _required("system", "text", "whose event it is"),
        _required("kind", "text", "what happened: a kind of the shared framework or of agency.toml"),
        Column("incident", "text", "number of the incident report; rows with the same number belong together"),
        Column("target", "text", "at whom it was directed"),
        Column("severity", "number", "0 or more, on the scale of the kind", on_unreadable="warning"),
        Column("duration", "number", "minutes", on_unreadable="warning"),
        Column("reported", "time", "when it was written down", on_unreadable="warning"),
        Column(
            "precision", "text", "minute, shift or day, where this row differs from its kind", on_unreadable="warning"
        ),
    ),
)
SYSTEMS = Table(
    "systems",
    "a person, or a group that holds others",
    (
        _required("system", "text", "the identifier used in all tables"),
        _required("level", "text", "person, team, unit, organisation, environment (or the agency's own)"),
        _required("role", "text", "client, staff, clinician, supervisor, leader; for a group its level"),
        Column(
            "pooled", "boolean", "true: stands for many people without a number (agency staff)", on_unreadable="warning"
        ),
    ),
    has_attributes=True,
)
MEMBERSHIPS = Table(
    "memberships",
    "a stay: to whom someone belongs",
    (
        _required("member", "text", "the person, or the smaller group"),
        _required("group", "text", "the group, or the larger group"),
        _START,
        _END,
    ),
)
PRESENCE = Table(
    "presence",
    "a spell in which a person was there (a shift worked) or, with away, was not",
    (
        _required("system", "text", "the person"),
        _START,
        _required("end", "time", "first moment NOT in it"),
        Column("group", "text", "where; empty = wherever a member"),
        Column("away", "boolean", "true: a home pass, hospital, run away; still a member"),
    ),
)
TIES = Table(
    "ties",
    "a relationship between two people or groups",
    (
        _required("source", "text", "from whom"),
        _required("target", "text", "to whom"),
        _required("relation", "text", "caseload, supervision ... or a relation of agency.toml"),
        Column("start", "time", "first moment in it; empty = always"),
        _END,
        Column("weight", "number", "more than 0; empty = 1"),
    ),
)
MEASURES = Table(
    "measures",
    "an answer or score",
    (
        _required("time", "time", "when"),
        _required("system", "text", "the person, or the team or unit of an anonymous survey"),
        _required("instrument", "text", "name of the questionnaire"),
        _required("item", "text", "item, or total"),
        _required("value", "number", "the answer, as a number"),
        Column("respondent", "text", "tells the answer sheets of one wave apart; never a person's identifier"),
        Column("role", "text", "who answered"),
        Column("n", "number", "answers behind a value that is already a mean"),
    ),
)
PRACTICES = Table(
    "practices",
    "a practice in force in a group",
    (
        _required("group", "text", "where"),
        _required("practice", "text", "debriefing, community_meeting ..."),
        _START,
        _END,
        Column("dose", "number", "0 to 1"),
        Column("ramp", "boolean", "true: a straight line to the dose of the next row"),
    ),
)
TABLES: dict[str, Table] = {
    table.name: table for table in (EVENTS, SYSTEMS, MEMBERSHIPS, PRESENCE, TIES, MEASURES, PRACTICES)
}
