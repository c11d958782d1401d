"""An agency with everything in it, for simulations: churn, shifts, absences, ties that change, every precision."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np

from antiphon.design import Feature, design_of, take_apart
from antiphon.design.risk import GROUP_STRATA, PEOPLE_STRATA, organisations
from antiphon.model import Endemic, Model, TargetModel
from antiphon.simulation import simulate
from tests.unit.agencies import make_agency

START = dt.datetime(2024, 3, 4, 5, tzinfo=dt.UTC)  # midnight in New York; the clocks change on 10 March
DAYS = 40
HALF_LIVES = (2.0, 5.0)
KINDS = {
    "aggression_physical": ("client", "minute"),
    "time_out": ("client", "shift"),
    "refusal": ("client", "day"),
    "staff_injury": ("staff", "minute"),
    "absence_unscheduled": ("staff", "shift"),
    "resignation": ("staff", "day"),
    "discharge": ("client", "day"),
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
SETTINGS = {
    "agency": {"timezone": "America/New_York"},
    "calendar": {"shifts": ["00:00", "08:00", "16:00"]},
    "kinds": {name: {"precision": precision} for name, (_, precision) in KINDS.items()},
}


def systems():
    people = {f"c{n:02d}": "client" for n in range(12)} | {f"s{n:02d}": "staff" for n in range(10)}
    return {**people, "u1": "unit", "u2": "unit", "u3": "unit", "o": "organisation"}


def stays():
    """Some stay throughout, some come, move, leave, return, or are in two units at once."""
    found = [(u, "o", -1000, None) for u in ("u1", "u2", "u3")]
    for n in range(12):
        who, unit, other = f"c{n:02d}", f"u{1 + n % 3}", f"u{1 + (n + 1) % 3}"
        if n < 4:
            found.append((who, unit, -30, None))
        elif n < 7:
            found += [(who, unit, n + 0.3, 20.4 + n), (who, other, 20.4 + n, None)]
        elif n < 10:
            found += [(who, unit, -20, 11.5 + n), (who, unit, 18.2 + n, None)]
        else:
            found += [(who, unit, -5, None), (who, other, 3.0 + n / 10, 30.7)]
    for n in range(10):
        found.append((f"s{n:02d}", f"u{1 + n % 3}", -400, None if n % 2 else 33.6))
        if n == 4:
            found.append(("s04", "u3", 36.1, None))
    return found


def presence():
    """Staff work shifts, now and then on another unit; two clients go away for some days."""
    found = [("c01", 8.25, 12.5, None, True), ("c05", 15.1, 17.6, None, True)]
    for n in range(10):
        for day in range(DAYS):
            if (day + n) % 4:
                where = f"u{1 + (n + day) % 3}" if day % 5 == 0 else None
                begin = day + (8, 16, 0)[(n + day // 4) % 3] / 24
                found.append((f"s{n:02d}", begin, begin + 12 / 24, where))
    return found


def ties():
    found = [(f"s{n:02d}", f"c{n:02d}", "caseload", None, None, 2.0) for n in range(8)]
    found += [(f"s{n:02d}", f"c{n + 3:02d}", "caseload", 9.5 + n, 25.0 + n, 1.0) for n in range(6)]
    return found


def everything(channels=CHANNELS, *, half_lives=HALF_LIVES, history=0.0, kinds=tuple(KINDS), gaps=()):
    """The structure, without events; kinds are known by one event each."""
    owner = {"client": "c00", "staff": "s00", "unit": "u1", "organisation": "o"}
    events = [(5, owner[KINDS[kind][0]], kind, None, KINDS[kind][1]) for kind in kinds]
    settings = {**SETTINGS, "gaps": list(gaps)}
    agency = make_agency(
        systems(), events, stays(), presence(), ties(), days=DAYS, start=START, settings=settings
    )  # fmt: skip
    structure = take_apart(agency, channels=channels, half_lives=half_lives)[0]
    choices = replace(structure.choices, history_days=history, period_days=14.0)
    return replace(structure, choices=choices)


def columns_of(structure, kind):
    """Every coupling that the channels allow."""
    role = structure.kinds[kind].role
    found = []
    for c, channel in enumerate(structure.choices.channels):
        if channel.how != "self" and channel.to_role != role:
            continue
        wanted = role if channel.how == "self" else channel.from_role
        for source, other in enumerate(structure.kinds):
            if other.role == wanted:
                found += [Feature(c, source, b) for b in range(structure.choices.kernels.orders.size)]
    return tuple(found)


def model_of(structure, *, rate=0.02, echoes=0.05, variance=0.0, seed=1):
    """A model with every coupling, rhythm, strata and periods; parameters drawn once."""
    dice = np.random.default_rng(seed)
    targets = []
    for k, kind in enumerate(structure.kinds):
        calendar = structure.calendars[kind.precision]
        columns = columns_of(structure, k)
        is_person = kind.role in ("client", "staff", "system", "person")
        periods = int(np.ceil(structure.roster.window_days / structure.choices.period_days - 1e-9))
        frail = 0.0 if kind.terminal or not is_person else variance
        endemic = Endemic(
            intercept=float(np.log(rate * (0.2 if kind.terminal else 5.0 if not is_person else 1.0))),
            shift=dice.normal(0, 0.3, calendar.n_shifts),
            weekday=dice.normal(0, 0.3, 7),
            # coarse rows are read in the stratum of their first moment, so strata would not be exact there
            stratum=dice.normal(
                0, 0.4 * (kind.precision == "minute"), len(PEOPLE_STRATA if is_person else GROUP_STRATA)
            ),
            period=dice.normal(0, 0.3, (organisations(structure.roster)[2], periods)),
            propensity=0.0,
        )
        alpha = echoes * dice.uniform(0.3, 1.5, len(columns)) * (0.3 if kind.terminal else 1.0)
        targets.append(TargetModel(k, endemic, columns, alpha, frail))
    return Model(tuple(targets))


def drawn(structure, model, seed, **more):
    """A simulated design."""
    return design_of(structure, simulate(structure, model, seed, **more).rows)
