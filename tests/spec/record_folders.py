"""A sound agency folder to start from. Every identifier holds QX, so that a leak into a message is easy to see."""

import csv
import datetime as dt
import random
from pathlib import Path

SECRET = "QX"  # noqa: S105 - no password, a mark
CLIENTS = [f"{SECRET}-client-{i:02d}" for i in range(60)]
STAFF = [f"{SECRET}-staff-{i:02d}" for i in range(40)]
N_WITHOUT_EVENTS = 10  # the first of each, so that a broken stay of theirs takes no events with it
UNITS = [f"{SECRET}-ward-a", f"{SECRET}-ward-b"]
ORGANISATION = f"{SECRET}-house"
TOML = """\
[agency]
name = "QX House"
timezone = "America/New_York"
window = ["2024-01-01", "2025-01-01"]
"""

Rows = list[dict[str, str]]
Tables = dict[str, Rows]


def sound_tables() -> Tables:
    """Tables without any problem: two units, a year, all seven tables."""
    return {
        "systems": _systems(),
        "memberships": _memberships(),
        "events": _events(),
        "presence": _presence(),
        "ties": _ties(),
        "measures": _measures(),
        "practices": _practices(),
    }


def write_folder(folder: Path, tables: Tables, toml: str | None = TOML) -> Path:
    """Write tables as CSV files, and agency.toml unless it is None."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in ((name, rows) for name, rows in tables.items() if rows):
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
    if toml is not None:
        (folder / "agency.toml").write_text(toml, encoding="utf-8")
    return folder


def unit_of(person: str) -> str:
    """The unit that a client or staff member belongs to."""
    return UNITS[int(person[-2:]) % 2]


def _systems() -> Rows:
    groups = [(ORGANISATION, "organisation", "organisation"), *((unit, "unit", "unit") for unit in UNITS)]
    people = [(name, "person", "client") for name in CLIENTS] + [(name, "person", "staff") for name in STAFF]
    return [{"system": name, "level": level, "role": role} for name, level, role in groups + people]


def _memberships() -> Rows:
    rows = [{"member": unit, "group": ORGANISATION, "start": "2023-01-01", "end": ""} for unit in UNITS]
    rows += [{"member": name, "group": unit_of(name), "start": "2023-06-01", "end": ""} for name in CLIENTS + STAFF]
    return rows


def _events() -> Rows:
    draw, rows = random.Random(7), []  # noqa: S311
    for number in range(420):
        kind = ("restraint", "aggression_physical", "staff_injury")[number % 3]
        who = STAFF if kind == "staff_injury" else CLIENTS
        moment = dt.datetime(2024, 1, 2) + dt.timedelta(minutes=draw.randrange(360 * 1440))  # noqa: DTZ001 - local clock
        if moment.date() in (dt.date(2024, 3, 9), dt.date(2024, 3, 10), dt.date(2024, 11, 2), dt.date(2024, 11, 3)):
            moment += dt.timedelta(days=2)
        if kind == "staff_injury":  # on shift, as in the table of presence
            moment = moment.replace(day=5, hour=7 + number % 8)
        rows.append(
            {
                "time": moment.strftime("%Y-%m-%dT%H:%M"),
                "system": who[N_WITHOUT_EVENTS + draw.randrange(len(who) - N_WITHOUT_EVENTS)],
                "kind": kind,
                "incident": f"{SECRET}-{number:04d}",
                "target": "",
                "severity": str(draw.randrange(5)),
                "duration": str(draw.randrange(5, 60)) if kind == "restraint" else "",
                "reported": (moment + dt.timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M"),
            }
        )
    return rows


def _presence() -> Rows:
    return [
        {
            "system": name,
            "start": f"2024-{month:02d}-05T07:00",
            "end": f"2024-{month:02d}-05T15:00",
            "group": unit_of(name),
            "away": "",
        }
        for name in STAFF
        for month in range(1, 13)
    ]


def _ties() -> Rows:
    return [
        {
            "source": STAFF[i % len(STAFF)],
            "target": name,
            "relation": "caseload",
            "start": "2023-06-01",
            "end": "",
            "weight": "",
        }
        for i, name in enumerate(CLIENTS)
    ]


def _measures() -> Rows:
    return [
        {
            "time": "2024-03-01",
            "system": name,
            "instrument": "pss",
            "item": "total",
            "value": str(i % 40),
            "role": "staff",
            "n": "",
        }
        for i, name in enumerate(STAFF + CLIENTS)
    ]


def _practices() -> Rows:
    return [
        {
            "group": UNITS[i % 2],
            "practice": "debriefing",
            "start": f"2024-01-{1 + i // 2:02d}",
            "end": f"2024-01-{2 + i // 2:02d}",
            "dose": "0.5",
        }
        for i in range(60)
    ]
