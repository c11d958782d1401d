"""Random small agencies with everything awkward in them, for comparing the exact pass with its naive twin."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import polars as pl

from antiphon.framework import load_vocabulary
from antiphon.records.agency import Agency
from antiphon.records.settings import Settings

START = dt.datetime(2024, 3, 4, 5, tzinfo=dt.UTC)  # midnight in New York; the clocks change on 10 March
DAYS = 20
LAST_HOUR = DAYS * 24 - 1
KINDS = {
    "aggression_physical": ("client", "minute"),
    "time_out": ("client", "shift"),
    "refusal": ("client", "day"),
    "staff_injury": ("staff", "minute"),
    "absence_unscheduled": ("staff", "shift"),
    "resignation": ("staff", "minute"),
    "discharge": ("client", "day"),
    "lock_down": ("unit", "minute"),
    "closure": ("unit", "day"),
    "policy_change": ("organisation", "day"),
}
TERMINAL = ("resignation", "discharge", "closure")
CHANNELS = (
    "self",
    "peers:unit:client>client",
    "peers:unit:client>staff",
    "peers:unit:staff>client",
    "peers:organisation:staff>staff",
    "peers:organisation:unit>unit",
    "members:unit:client>unit",
    "members:organisation:staff>organisation",
    "group:unit:unit>client",
    "group:organisation:organisation>staff",
    "tie:caseload:staff>client",
    "tie:caseload:client>staff",
    "tie:supervision:staff>staff",
)
HALF_LIVES = (0.8, 3.0)
WITH_DELAYS = ("0.8d", "delay:2d:2", "3d", "delay:6d:4")
CLIENTS, STAFF, UNITS = ("c1", "c2", "c3", "c4"), ("s1", "s2", "s3"), ("u1", "u2", "u3")
ORGANISATIONS = ("o1", "o2")


def moment(hours: float) -> dt.datetime:
    return START + dt.timedelta(hours=hours)


def midnight(hours: float) -> int:
    """The local midnight before a time in hours; the day of the change has 23."""
    day = int(hours // 24)
    return 24 * day - (day > 6)


def spells(dice, most):
    """Up to ``most`` spells of one system that do not overlap, as (start, end or None) in hours."""
    found, at = [], dice.randint(-50, 100)
    for _ in range(dice.randint(1, most)):
        end = at + dice.randint(5, 300)
        if dice.random() < 0.4 and midnight(end) > at:
            end = midnight(end)
        found.append((at, None if dice.random() < 0.2 else end))
        if found[-1][1] is None:
            break
        at = end + dice.choice([0, 0, 7, 30])
    return found


def with_circumstances(agency: Agency, seed: int) -> Agency:
    """The agency with attributes, scores, practices and longer stays, drawn by themselves; nobody is too few to tell."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    privacy = agency.settings.privacy.model_copy(update={"min_clients": 1, "min_staff": 1})
    systems = agency.systems.with_columns(
        capacity=pl.Series([dice.choice([None, "3", "7"]) if s in UNITS else None for s in agency.systems["system"]]),
        age=pl.Series([dice.choice([None, "20", "31.5", "64"]) for _ in agency.systems["system"]]),
    )
    earlier = [dt.timedelta(days=dice.choice([0, 40, 300])) for _ in range(agency.memberships.height)]
    return replace(
        agency,
        settings=agency.settings.model_copy(update={"privacy": privacy}),
        systems=systems,
        memberships=agency.memberships.with_columns(
            start=pl.col("start") - pl.Series(earlier, dtype=pl.Duration("us"))
        ),
        measures=_measures(dice),
        practices=_practices(dice),
    )


def _measures(dice):
    rows = []
    for system in (*CLIENTS, *STAFF, *UNITS):
        for _ in range(dice.randint(0, 4)):
            at = dice.choice([dice.randint(-60, LAST_HOUR), 24 * dice.randint(0, 5)])
            rows += [
                (moment(at), system, "PSS", "total", float(dice.randint(0, 9)), dice.choice([None, 3.0]))
                for _ in range(dice.randint(1, 2))
            ]
    return _frame(
        rows,
        {
            "time": TIME,
            "system": pl.String,
            "instrument": pl.String,
            "item": pl.String,
            "value": pl.Float64,
            "n": pl.Float64,
        },
    )


def _practices(dice):
    rows = []
    for group in (*UNITS, "o1"):
        # rows may overlap: the one that began last counts
        for start, end in {at: (at, end) for at, end in (*spells(dice, 3), *spells(dice, 1))}.values():
            rows.append(
                (
                    group,
                    "debriefing",
                    moment(start),
                    None if end is None else moment(end),
                    dice.choice([None, 0.4, 1.0]),
                    dice.random() < 0.5,
                )
            )
    return _frame(
        rows,
        {"group": pl.String, "practice": pl.String, "start": TIME, "end": TIME, "dose": pl.Float64, "ramp": pl.Boolean},
    )


def _frame(rows, schema):
    return pl.DataFrame(rows, schema=schema, orient="row")


TIME = pl.Datetime("us", "UTC")


def random_agency(seed: int) -> Agency:
    """Draw an agency: the same for the same seed."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    presence = _shifts(dice) if dice.random() < 0.5 else []
    for person in CLIENTS[:2]:
        if dice.random() < 0.5:
            at = dice.randint(0, LAST_HOUR)
            presence.append((person, moment(at), moment(at + dice.randint(3, 60)), None, True))
    stays = _stays(dice)
    ties, events = _ties(dice), _events(dice, stays)
    return _agency(stays, presence, ties, events, dice.choice(["staff", "clinician"]))


def _openings(dice):
    """Units that are there throughout, belong to nothing, or open, close, open again and change hands."""
    found = []
    for unit in UNITS:
        fate = dice.choice(["throughout", "throughout", "alone", "opens", "opens"])
        if fate == "throughout":
            found.append((unit, "o1", moment(-2000), None))
        for start, end in spells(dice, 3) if fate == "opens" else []:
            found.append((unit, dice.choice(ORGANISATIONS), moment(start), None if end is None else moment(end)))
            if dice.random() < 0.3:
                found.append((unit, dice.choice(ORGANISATIONS), moment(start + 4), moment(start + 60)))
    return found


def _stays(dice):
    found = _openings(dice)
    for person in (*CLIENTS, *STAFF):
        for start, end in spells(dice, 3):
            unit = dice.choice(UNITS)
            until = None if end is None else moment(end)
            found.append((person, unit, moment(start), until))
            if dice.random() < 0.25:
                other = UNITS[(UNITS.index(unit) + 1) % len(UNITS)]
                found.append((person, other, moment(start + 2), until))
    return found


def _shifts(dice):
    found = []
    for person in STAFF:
        at = dice.randint(0, 40)
        for _ in range(dice.randint(1, 8)):
            found.append((person, moment(at), moment(at + 8), dice.choice([None, *UNITS]), False))
            at += 8 + dice.randint(0, 50)
    return found


def _ties(dice):
    found = [("s3", "s1", "supervision", None, None, 1.0)] if dice.random() < 0.5 else []
    for person in STAFF:
        for client in dice.sample(CLIENTS, dice.randint(0, 3)):
            at = dice.randint(0, LAST_HOUR)
            start = None if dice.random() < 0.5 else moment(at)
            end = None if dice.random() < 0.5 else moment(at + dice.randint(5, 300))
            found.append((person, client, "caseload", start, end, dice.choice([1.0, 2.0, 0.5])))
    return found


def _events(dice, stays):
    owners = {"client": CLIENTS, "staff": STAFF, "unit": UNITS, "organisation": ORGANISATIONS}
    found, ended = [], set()
    for _ in range(dice.randint(8, 26)):
        kind = dice.choice(sorted(KINDS))
        role, precision = KINDS[kind]
        system = dice.choice(owners[role])
        at = dice.randint(0, LAST_HOUR) + dice.choice([0.0, 0.0, 0.25])
        incident = dice.choice([None, None, "i1", "i2"]) if at < 60 else None
        if kind in TERMINAL:
            if (kind, system) in ended:
                continue
            ended.add((kind, system))
            at, incident = _end(dice, system, stays, at), None
        found.append((moment(at), system, kind, incident, precision))
    return found


def _end(dice, system, stays, otherwise):
    """The end of one of the system's stays, or the day on which it ends, more often than not."""
    ends = [(end - START).total_seconds() / 3600 for member, _, _, end in stays if member == system and end]
    at = dice.choice([end for end in ends if 0 <= end <= LAST_HOUR] or [otherwise])
    return dice.choice([at, midnight(at), otherwise])


def _agency(memberships, presence, ties, events, role_of_last):
    systems = [(s, "person", "client") for s in CLIENTS] + [(s, "person", "staff") for s in STAFF[:-1]]
    systems.append((STAFF[-1], "person", role_of_last))
    systems += [(u, "unit", "unit") for u in UNITS] + [(o, "organisation", "organisation") for o in ORGANISATIONS]
    kinds = {name: {"of": role, "precision": precision} for name, (role, precision) in KINDS.items()}
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
        set_aside=pl.DataFrame(),
        content_hash="",
    )
