"""Small agencies from lists, for tests: times in days from the start of the window, names as they come."""

from __future__ import annotations

import datetime as dt

import polars as pl

from antiphon.framework import load_vocabulary
from antiphon.records.agency import Agency
from antiphon.records.settings import Settings

TIME = pl.Datetime("us", "UTC")
START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def moment(days, start=START):
    """Days from the start of the window as a moment; None stays None."""
    return None if days is None else start + dt.timedelta(seconds=round(days * 86_400))


def make_agency(
    systems, events, memberships=(), presence=(), ties=(), *, days=100, start=START, settings=None,
    attributes=None, measures=(), practices=(),
):  # fmt: skip
    """An agency from rows.

    systems: {name: role}, where a role that is a level is a group; a trailing "*" makes the system pooled.
    events: (time, system, kind[, incident[, precision[, target]]]).
    memberships: (member, group, start, end); presence: (system, start, end[, group[, away]]).
    ties: (source, target, relation[, start, end[, weight]]). Times in days.
    attributes: {column: {system: value}}; measures: (time, system, instrument, item, value[, n]).
    practices: (group, practice, start, end[, dose[, ramp]]).
    """
    made = Settings.model_validate(settings or {})
    vocabulary = load_vocabulary().extended(
        levels=made.levels.order or None,
        unit=made.levels.unit,
        organisation=made.levels.organisation,
        roles=made.roles,
        kinds={name: kind.model_dump(exclude_none=True) for name, kind in made.kinds.items()},
        relations={name: relation.model_dump(exclude_none=True) for name, relation in made.relations.items()},
    )
    roles = {name: role.rstrip("*") for name, role in systems.items()}
    people = [(name, vocabulary.roles[roles[name]], roles[name], role.endswith("*")) for name, role in systems.items()]
    default = made.agency.precision
    rows = [(*event, *(None,) * (6 - len(event))) for event in events]
    spells = [(*row, *(None,) * (5 - len(row))) for row in presence]
    bonds = [(*row, *(None,) * (6 - len(row))) for row in ties]
    return Agency(
        settings=made,
        vocabulary=vocabulary,
        events=_frame(
            [
                (moment(t, start), system, kind, incident, target, None, None, None, precision or default)
                for t, system, kind, incident, precision, target in sorted(rows, key=lambda row: row[0])
            ],
            {
                "time": TIME, "system": pl.String, "kind": pl.String, "incident": pl.String, "target": pl.String,
                "severity": pl.Float64, "duration": pl.Float64, "reported": TIME, "precision": pl.String,
            },
        ),
        systems=_frame(
            people, {"system": pl.String, "level": pl.String, "role": pl.String, "pooled": pl.Boolean}
        ).with_columns(
            pl.Series(name, [value.get(system) for system in systems]) for name, value in (attributes or {}).items()
        ),
        memberships=_frame(
            [(member, group, moment(a, start), moment(b, start)) for member, group, a, b in memberships],
            {"member": pl.String, "group": pl.String, "start": TIME, "end": TIME},
        ),
        presence=_frame(
            [(who, moment(a, start), moment(b, start), group, bool(away)) for who, a, b, group, away in spells],
            {"system": pl.String, "start": TIME, "end": TIME, "group": pl.String, "away": pl.Boolean},
        ),
        ties=_frame(
            [(*row[:3], moment(row[3], start), moment(row[4], start), 1.0 if row[5] is None else row[5]) for row in bonds],
            {
                "source": pl.String, "target": pl.String, "relation": pl.String, "start": TIME, "end": TIME,
                "weight": pl.Float64,
            },
        ),
        measures=_frame(
            [(moment(row[0], start), *row[1:5], row[5] if len(row) > 5 else None) for row in measures],
            {
                "time": TIME, "system": pl.String, "instrument": pl.String, "item": pl.String, "value": pl.Float64,
                "n": pl.Float64,
            },
        ),
        practices=_frame(
            [(*row[:2], moment(row[2], start), moment(row[3], start), *row[4:], *(None,) * (6 - len(row))) for row in practices],
            {
                "group": pl.String, "practice": pl.String, "start": TIME, "end": TIME, "dose": pl.Float64,
                "ramp": pl.Boolean,
            },
        ),
        window=(start, moment(days, start)),
        problems=(),
        set_aside=pl.DataFrame(),
        content_hash="",
    )  # fmt: skip


def _frame(rows, schema):
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(source_row=pl.int_range(2, frame.height + 2, dtype=pl.Int64))
