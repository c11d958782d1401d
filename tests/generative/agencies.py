"""Random small agencies with everything awkward in them, for comparing the exact pass with its naive twin."""

from __future__ import annotations

import datetime as dt

import polars as pl
from hypothesis import strategies as st

from antiphon.framework import load_vocabulary
from antiphon.records.agency import Agency
from antiphon.records.settings import Settings

START = dt.datetime(2024, 3, 4, 5, tzinfo=dt.UTC)  # midnight in New York; the clocks change on 10 March
DAYS = 20
KINDS = {
    "aggression_physical": ("client", "minute"),
    "time_out": ("client", "shift"),
    "refusal": ("client", "day"),
    "staff_injury": ("staff", "minute"),
    "absence_unscheduled": ("staff", "shift"),
    "resignation": ("staff", "minute"),
    "lock_down": ("unit", "minute"),
    "policy_change": ("organisation", "day"),
}
CHANNELS = (
    "self",
    "peers:unit:client>client",
    "peers:unit:client>staff",
    "peers:unit:staff>client",
    "peers:organisation:staff>staff",
    "members:unit:client>unit",
    "members:organisation:staff>organisation",
    "group:unit:unit>client",
    "group:organisation:organisation>staff",
    "tie:caseload:staff>client",
    "tie:caseload:client>staff",
)
HALF_LIVES = (0.8, 3.0)
CLIENTS, STAFF, UNITS = ("c1", "c2", "c3", "c4"), ("s1", "s2", "s3"), ("u1", "u2", "u3")


def moment(hours: float) -> dt.datetime:
    return START + dt.timedelta(hours=hours)


hours = st.integers(0, DAYS * 24 - 1)
lengths = st.integers(5, 300)


@st.composite
def spells(draw, most):
    """Up to ``most`` spells of one system that do not overlap, as (start, end or None) in hours."""
    found, at = [], draw(st.integers(-50, 100))
    for _ in range(draw(st.integers(1, most))):
        end = at + draw(lengths)
        found.append((at, None if draw(st.integers(0, 5)) == 0 else end))
        if found[-1][1] is None:
            break
        at = end + draw(st.sampled_from([0, 0, 7, 30]))
    return found


def _frame(rows, schema):
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(source=pl.lit("drawn"), source_row=pl.int_range(2, frame.height + 2, dtype=pl.Int64))


TIME = pl.Datetime("us", "UTC")


@st.composite
def agencies(draw):
    memberships = [(u, "o1", moment(-2000), None) for u in UNITS]
    for person in (*CLIENTS, *STAFF):
        for start, end in draw(spells(3)):
            unit = draw(st.sampled_from(UNITS))
            memberships.append((person, unit, moment(start), None if end is None else moment(end)))
            if draw(st.integers(0, 3)) == 0:
                other = UNITS[(UNITS.index(unit) + 1) % len(UNITS)]
                memberships.append((person, other, moment(start + 2), None if end is None else moment(end)))
    presence = []
    if draw(st.booleans()):
        for person in STAFF:
            at = draw(st.integers(0, 40))
            for _ in range(draw(st.integers(1, 8))):
                group = draw(st.sampled_from([None, *UNITS]))
                presence.append((person, moment(at), moment(at + 8), group, False))
                at += 8 + draw(st.integers(0, 50))
    for person in CLIENTS[:2]:
        if draw(st.booleans()):
            at = draw(hours)
            presence.append((person, moment(at), moment(at + draw(st.integers(3, 60))), None, True))
    ties = []
    for person in STAFF:
        for client in draw(st.lists(st.sampled_from(CLIENTS), max_size=3, unique=True)):
            at = draw(hours)
            start = None if draw(st.booleans()) else moment(at)
            end = None if draw(st.booleans()) else moment(at + draw(lengths))
            ties.append((person, client, "caseload", start, end, draw(st.sampled_from([1.0, 2.0, 0.5]))))
    events = draw(_events())
    return _agency(memberships, presence, ties, events)


@st.composite
def _events(draw):
    owners = {"client": CLIENTS, "staff": STAFF, "unit": UNITS, "organisation": ("o1",)}
    found, resigned = [], set()
    for _ in range(draw(st.integers(8, 26))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        role, precision = KINDS[kind]
        system = draw(st.sampled_from(owners[role]))
        at = draw(hours) + draw(st.sampled_from([0.0, 0.0, 0.25]))
        if kind == "resignation":
            if system in resigned:
                continue
            resigned.add(system)
        incident = draw(st.sampled_from([None, None, "i1", "i2"])) if at < 60 else None
        found.append((moment(at), system, kind, incident, precision))
    return found


def _agency(memberships, presence, ties, events):
    systems = [(s, "person", "client") for s in CLIENTS] + [(s, "person", "staff") for s in STAFF]
    systems += [(u, "unit", "unit") for u in UNITS] + [("o1", "organisation", "organisation")]
    kinds = {name: {"precision": precision} for name, (_, precision) in KINDS.items()}
    settings = Settings.model_validate(
        {
            "agency": {
                "timezone": "America/New_York",
                "window": (dt.datetime(2024, 3, 4), dt.datetime(2024, 3, 24)),  # noqa: DTZ001 - local clock time
            },
            "kinds": kinds,
        }
    )
    end = dt.datetime(2024, 3, 24, 4, tzinfo=dt.UTC)
    table = pl.DataFrame(
        [(*e[:4], None, None, None, None, e[4]) for e in events],
        schema={
            "time": TIME,
            "system": pl.String,
            "kind": pl.String,
            "incident": pl.String,
            "target": pl.String,
            "severity": pl.Float64,
            "duration": pl.Float64,
            "reported": TIME,
            "precision": pl.String,
        },
        orient="row",
    ).with_columns(source=pl.lit("drawn"), source_row=pl.int_range(2, len(events) + 2, dtype=pl.Int64))
    return Agency(
        settings=settings,
        vocabulary=load_vocabulary().extended(kinds=kinds),
        events=table.filter(pl.col("time") < end).sort("time", "source_row"),
        systems=_frame(systems, {"system": pl.String, "level": pl.String, "role": pl.String}).with_columns(
            pooled=pl.lit(value=False)
        ),
        memberships=_frame(memberships, {"member": pl.String, "group": pl.String, "start": TIME, "end": TIME}),
        presence=_frame(
            presence, {"system": pl.String, "start": TIME, "end": TIME, "group": pl.String, "away": pl.Boolean}
        ),
        ties=_frame(
            ties,
            {
                "source": pl.String,
                "target": pl.String,
                "relation": pl.String,
                "start": TIME,
                "end": TIME,
                "weight": pl.Float64,
            },
        ),
        measures=pl.DataFrame(),
        practices=pl.DataFrame(),
        window=(START, end),
        problems=(),
        content_hash="",
    )
