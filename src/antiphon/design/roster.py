"""Who belongs where and is present where: memberships resolved through nesting, presence, and ties."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.spells import FOREVER, Spells, difference, forever, intersection, joined, spells
from antiphon.framework.vocabulary import WORKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from antiphon.records.agency import Agency

DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True, repr=False)
class Ties:
    """Ties of one relation: rows of source, target, start, end, weight; and which roles it joins in which direction."""

    source: np.ndarray
    target: np.ndarray
    start: np.ndarray
    end: np.ndarray
    weight: np.ndarray
    source_role: str
    target_role: str


@dataclass(frozen=True, slots=True, repr=False)
class Roster:
    """Systems as codes, and where they are.

    Attributes
    ----------
    role, level : (systems,) names; ``levels`` outermost first; the last level is that of persons.
    unit, organisation : names of the levels of units and organisations; "" for none.
    counted_as : recorded role -> role that its people count under here, where the two differ (see `counted_as`).
    pooled : (systems,) bool.
    member : spells of belonging to groups of any level, through nesting; groups belong to themselves, always.
    present : spells of presence in groups of any level; a group is present in itself, always.
    belongs, there : when a system is a member, or present, of anything else: what "at risk" rests on. A group that
        belongs to nothing, and people of a role of which no stay is known, are there throughout.
    stays : direct stays; ``ties`` by relation; ``window_days`` length of the window.
    """

    role: np.ndarray
    level: np.ndarray
    levels: tuple[str, ...]
    pooled: np.ndarray
    member: Spells
    present: Spells
    belongs: Spells
    there: Spells
    stays: Spells
    ties: dict[str, Ties]
    window_days: float
    unit: str = "unit"
    organisation: str = "organisation"
    counted_as: Mapping[str, str] = field(default_factory=dict)

    def counts_as(self, role: str) -> str:
        """Return the role that people of a recorded role count under here."""
        return self.counted_as.get(role, role)

    @property
    def n_systems(self) -> int:
        """Number of systems."""
        return self.role.size

    @property
    def is_person(self) -> np.ndarray:
        """(systems,) whether a system is of the innermost level."""
        return self.level == self.levels[-1]

    def in_level(self, of: Spells, level: str) -> Spells:
        """Return the spells in groups of one level."""
        return of.where(self.level[of.group] == level)


@dataclass(frozen=True, slots=True, repr=False)
class Attendance:
    """Rows of presence: system, group (-1: wherever a member), start, end, whether away."""

    system: np.ndarray
    group: np.ndarray
    start: np.ndarray
    end: np.ndarray
    away: np.ndarray


def make_roster(
    role: np.ndarray,
    level: np.ndarray,
    levels: tuple[str, ...],
    pooled: np.ndarray,
    stays: Spells,
    attendance: Attendance,
    ties: dict[str, Ties],
    window_days: float,
) -> Roster:
    """Resolve who is where; all times in days from the start of the window."""
    n = role.size
    is_person = level == levels[-1]
    groups = forever(np.flatnonzero(~is_person), np.flatnonzero(~is_person), n)
    nested = _nested(stays)
    member = joined([nested, groups], n)
    # where no stay is known for a role, its people are taken to have been members throughout, of no group
    has_stays = np.isin(np.arange(n), stays.owner)
    known = np.where(is_person, np.isin(role, role[has_stays]), has_stays)
    unknown = forever(np.flatnonzero(~known), None, n)
    belongs = joined([nested.without_groups(), unknown], n)
    present, there = _presence(role, is_person, member, belongs, attendance)
    return Roster(
        role,
        level,
        levels,
        pooled,
        member,
        present,
        belongs,
        there,
        stays,
        ties,
        window_days,
    )


def _nested(stays: Spells) -> Spells:
    """Return belonging to groups at every level: stays, and the stays of the groups that were stayed in."""
    found, step = [stays], stays
    while step.owner.size:
        a, b = stays.overlaps(step.group, step.start, step.end)
        start = np.maximum(step.start[a], stays.start[b])
        step = spells(step.owner[a], stays.group[b], start, np.minimum(step.end[a], stays.end[b]), stays.n_owners)
        found.append(step)
        if len(found) > stays.n_owners:  # groups that belong to each other in a ring add nothing after one round
            break
    return joined(found, stays.n_owners)


def _presence(
    role: np.ndarray, is_person: np.ndarray, member: Spells, belongs: Spells, rows: Attendance
) -> tuple[Spells, Spells]:
    """Return where each system is present, and when it is present at all."""
    n = role.size
    away = spells(rows.system[rows.away], None, rows.start[rows.away], rows.end[rows.away], n)
    on = ~rows.away
    with_rows = np.isin(role, np.unique(role[rows.system[on]])) & is_person
    named = on & (rows.group >= 0)
    anywhere = on & (rows.group < 0)
    placed = spells(rows.system[named], rows.group[named], rows.start[named], rows.end[named], n)
    a, b = member.overlaps(placed.group, placed.start, placed.end)
    outer = spells(
        placed.owner[a],
        member.group[b],
        np.maximum(placed.start[a], member.start[b]),
        np.minimum(placed.end[a], member.end[b]),
        n,
    )
    everywhere = spells(rows.system[anywhere], None, rows.start[anywhere], rows.end[anywhere], n)
    inherited = intersection(member.where(with_rows[member.owner]), everywhere)
    throughout = member.where(~with_rows[member.owner])
    present = difference(joined([placed, outer, inherited, throughout], n), away)
    on = is_person[present.owner]  # a group is present in itself even before it opens
    in_group = spells(present.owner[on], None, present.start[on], present.end[on], n)
    no_group = difference(belongs.where(~with_rows[belongs.owner]), away)
    return present, joined([in_group, no_group], n)


def roster_of(agency: Agency) -> tuple[Roster, dict[str, int]]:
    """Return the roster of an agency and the code of each system."""
    names = agency.systems["system"].to_list()
    code = dict(zip(names, range(len(names)), strict=True))
    origin = agency.window[0]
    level = np.asarray(agency.systems["level"].to_list(), dtype=str)
    role = np.asarray(agency.systems["role"].to_list(), dtype=str)
    pooled = agency.systems["pooled"].fill_null(value=False).to_numpy()
    stays = agency.memberships
    n = len(names)
    direct = spells(
        codes(stays["member"], names), codes(stays["group"], names), days(stays["start"], origin, FOREVER[0]),
        days(stays["end"], origin, FOREVER[1]), n,
    )  # fmt: skip
    rows = agency.presence
    attendance = Attendance(
        codes(rows["system"], names),
        codes(rows["group"], names),
        days(rows["start"], origin, FOREVER[0]),
        days(rows["end"], origin, FOREVER[1]),
        rows["away"].fill_null(value=False).to_numpy().astype(bool),
    )
    folded = counted_as(agency)
    roster = make_roster(
        role, level, tuple(agency.vocabulary.levels), pooled.astype(bool), direct, attendance,
        _ties(agency, names, folded), float(days_between(origin, agency.window[1])),
    )  # fmt: skip
    words = agency.vocabulary
    # only now: who has shifts, and who is there throughout, is a matter of the role as recorded
    role = np.asarray([folded.get(name, name) for name in role.tolist()], dtype=str)
    return replace(roster, role=role, unit=words.unit, organisation=words.organisation, counted_as=folded), code


def counted_as(agency: Agency) -> dict[str, str]:
    """Return the working roles whose people count as staff, each with ``"staff"``.

    Those are roles that have no event kinds of their own in use, or fewer people than may be shown: a lone leader is no
    node. Roles without any recorded event are left as they are: nobody has watched them.
    """
    vocabulary, kinds = agency.vocabulary, agency.vocabulary.kinds
    role = dict(zip(agency.systems["system"].to_list(), agency.systems["role"].to_list(), strict=True))
    people = Counter(role.values())
    own = {kinds[name].of for name in agency.events["kind"].unique().to_list()}
    watched = {role[name] for name in agency.events["system"].unique().to_list() if name in role}
    small = {name for name in watched if name not in own or people[name] < agency.settings.privacy.min_staff}
    return dict.fromkeys(sorted(small & vocabulary.workers - {WORKING}), WORKING) if WORKING in vocabulary.roles else {}


def codes(column: pl.Series, names: list[str]) -> np.ndarray:
    """Return the position of each value among the names; -1 where it is missing or unknown."""
    import polars as pl  # noqa: PLC0415 - arrays that come without an agency need no tables

    lookup = pl.DataFrame({"name": names, "code": np.arange(len(names))}, schema={"name": pl.String, "code": pl.Int64})
    found = pl.DataFrame({"name": column.cast(pl.String)}).join(lookup, on="name", how="left", maintain_order="left")
    return found["code"].fill_null(-1).to_numpy()


def days(column: pl.Series, origin: object, missing: float) -> np.ndarray:
    """Return times as days since the origin."""
    micros = (column - origin).dt.total_microseconds()
    # divided by NumPy: Polars may multiply by the inverse, and times would miss the edges of cells by one rounding
    found = micros.fill_null(0).to_numpy() / 1e6 / DAY_SECONDS
    return np.where(micros.is_null().to_numpy(), missing, found)


def days_between(start: object, end: object) -> float:
    """Return the days from one moment to another, rounded as `days` rounds."""
    return (end - start).total_seconds() / DAY_SECONDS  # pyright: ignore[reportOperatorIssue, reportAttributeAccessIssue]


def _ties(agency: Agency, names: list[str], folded: Mapping[str, str]) -> dict[str, Ties]:
    origin = agency.window[0]
    found = {}
    for relation in sorted(set(agency.ties["relation"].to_list())):
        rows = agency.ties.filter(agency.ties["relation"] == relation)
        definition = agency.vocabulary.relations[relation]
        source, target = (folded.get(name, name) for name in (definition.source, definition.target))
        joined_two = definition.source != definition.target and source == target
        ties = Ties(
            codes(rows["source"], names),
            codes(rows["target"], names),
            days(rows["start"], origin, FOREVER[0]),
            days(rows["end"], origin, FOREVER[1]),
            rows["weight"].fill_null(1.0).to_numpy(),
            source,
            target,
        )
        found[relation] = _both_ways(ties) if joined_two else ties
    return found


def _both_ways(ties: Ties) -> Ties:
    """Return ties between two roles that have become one: each row was written once, and both ends hear each other."""
    start, end, weight = (np.concatenate([values, values]) for values in (ties.start, ties.end, ties.weight))
    source, target = np.concatenate([ties.source, ties.target]), np.concatenate([ties.target, ties.source])
    return replace(ties, source=source, target=target, start=start, end=end, weight=weight)
