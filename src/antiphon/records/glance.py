"""The records at a glance: exact rates per kind, unit and quarter, to be compared with the agency's own figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from antiphon.framework.vocabulary import SERVED
from antiphon.records.spans import (
    HOURS_PER_DAY,
    Quarters,
    calendar_days,
    clip,
    cut,
    elapsed_hours,
    quarter_of,
    quarters_of,
    split_by_quarter,
)
from antiphon.records.stays import FAR, merged_spells, nested_stays, unit_spells
from antiphon.records.times import event_end

if TYPE_CHECKING:
    from antiphon.framework.vocabulary import KindDefinition
    from antiphon.records.agency import Agency

ALL = "all"
DAYS_PER_YEAR = 365.25
PER = {
    "client_days": ("per_1000_client_days", 1.0, 1000.0),
    "staff_years": ("per_100_staff_years", DAYS_PER_YEAR, 100.0),
    "role_days": ("per_1000_role_days", 1.0, 1000.0),
}
"""Denominators: the column of their rate, the days in one of them, and for how many of them a rate is."""
LIMIT_SPREAD = 3.0
HOURLY_KINDS = ("restraint", "mechanical_restraint", "seclusion")
RATE_COLUMNS = (
    "unit", "kind", "quarter", "events", "client_days", "per_1000_client_days", "staff_years", "per_100_staff_years",
    "role", "role_days", "per_1000_role_days", "hours", "hours_per_1000_hours", "n_without_duration", "centre", "lower", "upper", "n_systems", "n_exposed",
)  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Glance:
    """The records at a glance. Exact, therefore private: it names units and has small numbers.

    Attributes
    ----------
    rates : one row per unit (and ``"all"``), kind and quarter, quarters without events included.
        unit, kind, quarter (``"2024Q1"``, local calendar, clipped to the window); events;
        client_days: calendar days in stays (parts of days count as parts), leave removed, of the clients, for kinds of
        clients and of groups; null where there are no stays of clients; per_1000_client_days;
        staff_years: person-years of employment of all who work here, for kinds of theirs; per_100_staff_years;
        role: of persons, of the agency's own, where the kind is of such a role, or of groups where there are no stays of
        clients; role_days: days in stays, as for clients, of that role (a group that belongs to nothing is there
        throughout); per_1000_role_days;
        hours: summed duration (restraint and seclusion kinds only), with n_without_duration events that do not say;
        hours_per_1000_hours: the same per 1,000 hours of those whose kind it is;
        centre, lower, upper: u-chart of the rate in the row over the quarters of the unit (lower >= 0);
        n_systems: distinct systems with such an event; n_exposed: distinct persons behind the denominator.
        Someone who is in two units at once counts in both, and once in ``"all"``.
    exposure : unit, quarter, client_days, n_clients, staff_years, n_staff, staff_hours (worked; null without shifts).
    own_exposure : unit, quarter, role, role_days, n_persons: of each such role.
    have : what the agency has: of ``"incident log"``, ``"census"``, ``"time cards or roster"``, ``"staff changes"``
        and ``"survey"``, those that the records show.
    """

    rates: pl.DataFrame
    exposure: pl.DataFrame
    own_exposure: pl.DataFrame
    have: tuple[str, ...]

    def __repr__(self) -> str:
        """Counts only."""
        return f"Glance({self.rates.height} rates, {', '.join(self.have)})"


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every part of the glance needs: units of systems, time there, quarters.

    ``groups`` are those that are counted like people, where no stay of a client is known; ``own_roles`` those whose kinds are
    counted per days of their own: of people who neither are clients nor work here, and of such groups.
    """

    agency: Agency
    quarters: Quarters
    stays: pl.DataFrame
    units: pl.DataFrame
    roles: pl.DataFrame
    groups: pl.DataFrame
    workers: frozenset[str]
    own_roles: tuple[str, ...]

    @property
    def days(self) -> pl.Expr:
        """Length of a spell in days of the agency's calendar."""
        return calendar_days(self.agency.settings.agency.timezone)


def glance(agency: Agency) -> Glance:
    """Compute the records at a glance.

    Parameters
    ----------
    agency : checked records.

    Returns
    -------
    Glance
        Exact rates and exposures; private.
    """
    levels = agency.vocabulary.levels
    roles = agency.systems.filter((pl.col("level") == levels[-1]) & ~pl.col("pooled")).select("system", "role")
    clients = roles.filter(pl.col("role") == SERVED)["system"].implode()
    has_clients = agency.memberships["member"].is_in(clients).any()
    groups = agency.systems.filter(pl.col("level") != levels[-1]).select("system", "role")
    groups = groups.clear() if has_clients else groups
    stays = nested_stays(agency.memberships, agency.systems)
    frame = _Frame(
        agency=agency,
        quarters=quarters_of(agency.window, agency.settings.agency.timezone),  # pyright: ignore[reportArgumentType]
        stays=stays,
        units=unit_spells(stays, agency.systems, agency.vocabulary.unit),
        roles=pl.concat([roles, groups]),
        groups=groups,
        workers=agency.vocabulary.workers,
        own_roles=_own_roles(agency, with_groups=groups.height > 0),
    )
    return Glance(
        rates=_rates(frame), exposure=_exposure(frame), own_exposure=_own_exposure(frame), have=_have(agency, frame)
    )


def _own_roles(agency: Agency, *, with_groups: bool) -> tuple[str, ...]:
    """Roles of people who neither are clients nor work here by the words of the framework; and of groups with events."""
    vocabulary = agency.vocabulary
    owners = {vocabulary.kinds[name].of for name in agency.events["kind"].unique()} if with_groups else set()
    others = (role for role in vocabulary.roles if role != SERVED and role not in vocabulary.workers)
    return tuple(role for role in others if role in owners or vocabulary.roles[role] == vocabulary.levels[-1])


def _person_time(frame: _Frame, holes: pl.DataFrame) -> pl.DataFrame:
    """Time of members in units (null: in none), leave and gaps removed, in the window: system, unit, start, end."""
    agency = frame.agency
    people = frame.stays.select(pl.col("member").alias("system")).unique()
    inside = frame.units.rename({"member": "system"}).join(people, on="system", how="semi")
    inside = inside.join(frame.groups, on="system", how="anti")  # a unit is in itself even before it opens
    anywhere = pl.concat([merged_spells(frame.stays, ["member"]).rename({"member": "system"}), _standing(frame)])
    outside = cut(anywhere, merged_spells(inside, ["system"]), "system")
    nowhere = outside.with_columns(pl.lit(None, dtype=pl.String).alias("unit")).select(inside.columns)
    spells = clip(pl.concat([inside, nowhere]), *agency.window)  # pyright: ignore[reportArgumentType]
    away = agency.presence.filter("away").with_columns(pl.col("end").fill_null(FAR))
    for gone in (away.select("system", "start", "end"), holes):
        if gone.height:
            spells = cut(spells, merged_spells(gone, ["system"]), "system")
    return spells


def _standing(frame: _Frame) -> pl.DataFrame:
    """The window for every group that belongs to nothing: nobody says when it opened. Where groups are counted."""
    agency, edge = frame.agency, pl.Datetime("us", "UTC")
    alone = frame.groups.join(frame.stays, left_on="system", right_on="member", how="anti").select("system")
    start, end = (pl.lit(moment, dtype=edge) for moment in agency.window)
    return alone.with_columns(start=start, end=end)


def _holes(frame: _Frame, kind: str | None) -> pl.DataFrame:
    """Spells in which a kind was not recorded, per system (kind None: gaps of every kind only)."""
    settings, stays = frame.agency.settings, frame.stays.rename({"member": "system"})
    edge = pl.Datetime("us", "UTC")
    found = [pl.DataFrame(schema={"system": pl.String, "start": edge, "end": edge})]
    for gap in settings.gaps:
        if gap.kinds and kind not in gap.kinds:
            continue
        start, end = settings.to_utc(gap.start), FAR if gap.end is None else settings.to_utc(gap.end)
        if gap.group is None:
            everyone = frame.agency.systems.select("system")
            found.append(everyone.with_columns(start=pl.lit(start, dtype=edge), end=pl.lit(end, dtype=edge)))
        else:
            found.append(clip(stays.filter(pl.col("group") == gap.group), start, end).select("system", "start", "end"))
    return pl.concat(found)


def _summed(spells: pl.DataFrame, quarters: Quarters, length: pl.Expr, name: str = "days") -> pl.DataFrame:
    """Length and distinct persons per unit (and all) and quarter; in ``all`` each moment of a person counts once."""
    once = merged_spells(spells, ["system"]).with_columns(pl.lit(ALL).alias("unit"))
    each = spells.filter(pl.col("unit").is_not_null())
    pieces = split_by_quarter(pl.concat([once.select("system", "unit", "start", "end"), each]), quarters)
    return pieces.group_by("unit", "quarter").agg(length.sum().alias(name), pl.col("system").n_unique().alias("n"))


def _of_roles(spells: pl.DataFrame, roles: pl.DataFrame, chosen: list[str]) -> pl.DataFrame:
    return spells.join(roles.filter(pl.col("role").is_in(chosen)).select("system"), on="system", how="semi")


def _denominator(frame: _Frame, kind: KindDefinition) -> tuple[str, list[str]]:
    """Return the column of a kind's denominator, and the roles whose time it is."""
    if kind.of in frame.workers:
        return "staff_years", sorted(frame.workers)
    if kind.of in frame.own_roles:
        return "role_days", [kind.of]
    return "client_days", [SERVED]


def _rates(frame: _Frame) -> pl.DataFrame:
    agency = frame.agency
    kinds = agency.events["kind"].unique().sort().to_list()
    counted = _counted(frame)
    # Kinds of one role with the same gaps share their denominator, which is most of the work.
    exposures: dict[tuple[object, ...], pl.DataFrame] = {}
    parts = []
    for name in kinds:
        column, roles = _denominator(frame, agency.vocabulary.kinds[name])
        shared = (*roles, *(not gap.kinds or name in gap.kinds for gap in agency.settings.gaps))
        if shared not in exposures:
            time = _of_roles(_person_time(frame, _holes(frame, name)), frame.roles, roles)
            exposures[shared] = _summed(time, frame.quarters, frame.days)
        rows = counted.filter(pl.col("kind") == name)
        found = _rates_of_kind(name, column, rows, exposures[shared], frame.quarters)
        role = pl.lit(roles[0] if column == "role_days" else None, dtype=pl.String).alias("role")
        parts.append(found.with_columns(role).select(RATE_COLUMNS))
    if not parts:
        return pl.DataFrame(schema=dict.fromkeys(RATE_COLUMNS, pl.String))
    return pl.concat(parts).sort(pl.col("unit") != ALL, "unit", "kind", "quarter")


def _counted(frame: _Frame) -> pl.DataFrame:
    """Events per unit (and all), kind and quarter, with their systems and hours."""
    events = frame.agency.events.with_row_index("_event")
    events = events.with_columns(quarter_of(events["time"], frame.quarters))
    placed = _units_of_events(events, frame)
    everywhere = events.with_columns(pl.lit(ALL).alias("unit"))
    rows = pl.concat([everywhere, events.join(placed, on="_event").select(everywhere.columns)])
    return rows.group_by("unit", "kind", "quarter").agg(
        pl.len().cast(pl.Int64).alias("events"),
        (pl.col("duration").sum() / 60).alias("hours"),
        pl.col("duration").is_null().sum().cast(pl.Int64).alias("n_without_duration"),
        pl.col("system").n_unique().cast(pl.Int64).alias("n_systems"),
    )


def _units_of_events(events: pl.DataFrame, frame: _Frame) -> pl.DataFrame:
    """The units in which each event's owner was at its time (of a day: at its beginning, if in any then)."""
    agency = frame.agency
    terminal = [name for name, kind in agency.vocabulary.kinds.items() if kind.terminal]
    found = (
        events.with_columns(event_end(events, agency.settings).alias("_until"))
        .select("_event", "system", "kind", "time", "_until")
        .join(frame.units, left_on="system", right_on="member")
        .filter(
            (pl.col("start") < pl.col("_until"))
            & ((pl.col("end") > pl.col("time")) | (pl.col("kind").is_in(terminal) & (pl.col("end") == pl.col("time"))))
        )
    )
    is_there = pl.col("start") <= pl.col("time")
    is_first = pl.col("start") == pl.col("start").min().over("_event")
    chosen = found.filter(is_there | (~is_there.any().over("_event") & is_first))
    return chosen.select("_event", "unit").unique()


def _rates_of_kind(
    kind: str, column: str, counted: pl.DataFrame, exposed: pl.DataFrame, quarters: Quarters
) -> pl.DataFrame:
    """Rates of one kind; every unit that has such an event, or people who could have had one, has every quarter."""
    units = pl.concat([pl.DataFrame({"unit": [ALL]}), counted.select("unit"), exposed.select("unit")]).unique()
    rows = units.join(pl.DataFrame({"quarter": quarters.names}, schema={"quarter": pl.String}), how="cross")
    rows = rows.join(counted.drop("kind"), on=["unit", "quarter"], how="left").join(
        exposed, on=["unit", "quarter"], how="left"
    )
    has_denominator = exposed.height > 0
    no_number = pl.lit(None, dtype=pl.Float64)
    amount = pl.col("days").fill_null(0.0) if has_denominator else no_number
    per, days_in_one, so_many = PER[column]
    rows = rows.with_columns(
        pl.lit(kind).alias("kind"),
        pl.col("events", "n_systems", "n_without_duration").fill_null(0),
        pl.col("hours").fill_null(0.0),
        amount.alias("_days"),
        pl.col("n").fill_null(0).cast(pl.Int64).alias("n_exposed"),
    ).with_columns((pl.col("_days") / (days_in_one * so_many)).alias("_size"))
    rows = rows.with_columns(no_number.alias(name) for other, (rate, _, _) in PER.items() for name in (other, rate))
    rows = rows.with_columns(
        (pl.col("_days") / days_in_one).alias(column),
        pl.when(pl.col("_size") > 0).then(pl.col("events") / pl.col("_size")).alias(per),
    )
    return _with_limits(_with_hours(rows, kind))


def _with_hours(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    if kind not in HOURLY_KINDS:
        nothing = pl.lit(None, dtype=pl.Float64)
        none = pl.lit(None, dtype=pl.Int64)
        return rows.with_columns(
            nothing.alias("hours"), nothing.alias("hours_per_1000_hours"), none.alias("n_without_duration")
        )
    per_hour = pl.col("hours") / (pl.col("_days") * HOURS_PER_DAY / 1000)
    return rows.with_columns(pl.when(pl.col("_days") > 0).then(per_hour).alias("hours_per_1000_hours"))


def _with_limits(rows: pl.DataFrame) -> pl.DataFrame:
    """u-chart: the mean rate over the quarters, and three standard errors of a Poisson count about it."""
    size = pl.when(pl.col("_size") > 0).then(pl.col("_size"))
    counted = pl.when(size.is_not_null()).then(pl.col("events"))
    rows = rows.with_columns((counted.sum().over("unit") / size.sum().over("unit")).alias("centre"))
    spread = LIMIT_SPREAD * (pl.col("centre") / size).sqrt()
    rows = rows.with_columns(pl.when(pl.col("centre").is_finite()).then("centre").alias("centre"))
    return rows.with_columns(
        pl.when(size.is_not_null()).then(pl.max_horizontal(pl.col("centre") - spread, pl.lit(0.0))).alias("lower"),
        pl.when(size.is_not_null()).then(pl.col("centre") + spread).alias("upper"),
    )


def _exposure(frame: _Frame) -> pl.DataFrame:
    time = _person_time(frame, _holes(frame, None))
    workers = sorted(frame.workers)
    clients = _summed(_of_roles(time, frame.roles, [SERVED]), frame.quarters, frame.days)
    staff = _summed(_of_roles(time, frame.roles, workers), frame.quarters, frame.days)
    worked = _worked(frame, workers)
    keys = ["unit", "quarter"]
    cells = pl.concat([clients.select(keys), staff.select(keys), worked.select(keys)]).unique()
    joined = (
        cells.join(clients.rename({"days": "client_days", "n": "n_clients"}), on=keys, how="left")
        .join(staff.rename({"days": "staff_years", "n": "n_staff"}), on=keys, how="left")
        .join(worked.select(*keys, "staff_hours"), on=keys, how="left")
    )
    return joined.select(
        *keys,
        pl.col("client_days").fill_null(0.0) if clients.height else pl.lit(None, dtype=pl.Float64).alias("client_days"),
        pl.col("n_clients").fill_null(0).cast(pl.Int64),
        (pl.col("staff_years").fill_null(0.0) if staff.height else pl.lit(None, dtype=pl.Float64).alias("staff_years"))
        / DAYS_PER_YEAR,
        pl.col("n_staff").fill_null(0).cast(pl.Int64),
        pl.col("staff_hours").fill_null(0.0) if worked.height else pl.lit(None, dtype=pl.Float64).alias("staff_hours"),
    ).sort(pl.col("unit") != ALL, "unit", "quarter")


def _own_exposure(frame: _Frame) -> pl.DataFrame:
    time = _person_time(frame, _holes(frame, None))
    role = pl.lit(None, dtype=pl.String).alias("role")
    parts = [_summed(time.clear(), frame.quarters, frame.days, "role_days").with_columns(role)]
    for name in frame.own_roles:
        found = _summed(_of_roles(time, frame.roles, [name]), frame.quarters, frame.days, "role_days")
        parts.append(found.with_columns(pl.lit(name).alias("role")))
    columns = ("unit", "quarter", "role", "role_days", pl.col("n").cast(pl.Int64).alias("n_persons"))
    return pl.concat(parts).select(columns).sort(pl.col("unit") != ALL, "unit", "role", "quarter")


def _worked(frame: _Frame, workers: list[str]) -> pl.DataFrame:
    """Hours worked: in the unit that the spell names, or wherever the person was a member then."""
    agency = frame.agency
    there = agency.presence.filter(~pl.col("away")).join(
        agency.systems.filter(pl.col("role").is_in(workers)).select("system"), on="system", how="semi"
    )
    spells = clip(there.select("system", "group", "start", "end"), *agency.window)  # pyright: ignore[reportArgumentType]
    named = spells.filter(pl.col("group").is_not_null())
    units = frame.units
    in_group = _overlap(named, units, "group")
    at_home = _overlap(spells.filter(pl.col("group").is_null()), units, "system")
    placed = pl.concat([in_group, at_home])
    rest = spells.select("system", pl.lit(None, dtype=pl.String).alias("unit"), "start", "end")
    return _summed(pl.concat([placed, rest]), frame.quarters, elapsed_hours(), "staff_hours")


def _overlap(spells: pl.DataFrame, units: pl.DataFrame, by: str) -> pl.DataFrame:
    """The part of each spell in which its group (or its person) was in a unit."""
    found = spells.join(units, left_on=by, right_on="member", suffix="_unit").select(
        "system",
        "unit",
        pl.max_horizontal("start", "start_unit").alias("start"),
        pl.min_horizontal("end", "end_unit").alias("end"),
    )
    found = found.filter(pl.col("start") < pl.col("end"))
    return merged_spells(found, ["system", "unit"])


def _have(agency: Agency, frame: _Frame) -> tuple[str, ...]:
    members = frame.roles.join(agency.memberships.select("member"), left_on="system", right_on="member", how="semi")[
        "role"
    ]
    worked = agency.presence.filter(~pl.col("away")).height > 0
    endings = [name for name, kind in agency.vocabulary.kinds.items() if kind.terminal and kind.of in frame.workers]
    changes = agency.events.filter(pl.col("kind").is_in(endings)).height > 0
    facts = {
        "incident log": True,
        "census": any(role not in frame.workers for role in members.unique().to_list()),
        "time cards or roster": worked,
        "staff changes": changes,
        "survey": agency.measures.height > 0,
    }
    return tuple(name for name, is_there in facts.items() if is_there)
