"""Maple House: one organisation, two years, every level, with its truth beside it."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.synthetic.folder import frame, new_folder, write_settings, write_tables
from antiphon.synthetic.maple_measures import measures
from antiphon.synthetic.maple_plan import ENVIRONMENT, MAPLE_HOUSE, ORGANISATION, UNITS
from antiphon.synthetic.maple_process import MapleHouse
from antiphon.synthetic.process import GROUPS
from antiphon.synthetic.truth import write_truth

if TYPE_CHECKING:
    from antiphon.synthetic.process import Event

SETTINGS = """\
[agency]
name = "Maple House"
timezone = "America/New_York"
window = ["2024-01-01", "2026-01-01"]
precision = "minute"

# An absence is a rostered shift that someone did not come to.
[kinds.absence_unscheduled]
while = "present"
precision = "shift"

[kinds.discharge]
precision = "minute"

[kinds.transfer]
precision = "minute"

[relations.supervision]
source = "clinician"
target = "staff"

[model]
half_lives = ["8h", "3d"]

[privacy]
marking = "Invented records - Maple House does not exist"
data = "public"

[calendar]
shifts = ["07:00", "15:00", "23:00"]
"""
CLINICIANS = {"t001": (0, 1), "t002": (2,), "t003": (3,)}
LEADERS = ("l001", "l002")
REPORTING_DAYS = 1.5 / 24
AGE_BANDS = ("12-14", "15-17", "18-21")
TRAUMA_SHARE = {"client": 0.7, "staff": 0.4}


def write_maple_house(folder: str | Path, *, seed: int = 1) -> Path:
    """Write Maple House as an agency folder, and its truth as ``FOLDER.truth.json``.

    Four units of 8, 9, 12 and 31 places, about 80 staff on rotas, three clinicians, two leaders; 2024 and 2025. The
    records are one run of the relational Hawkes process with the couplings that ``truth_table`` returns.

    Parameters
    ----------
    folder : made if it does not exist; an invented agency that is there already is replaced.
    seed : the same seed writes the same bytes.

    Returns
    -------
    folder : where the tables are.
    """
    folder = new_folder(folder)
    house = MapleHouse(MAPLE_HOUSE, seed)
    house.run()
    write_settings(folder, SETTINGS)
    write_tables(folder, _Tables(house).all())
    write_truth(MAPLE_HOUSE, house.drawn, folder, seed)
    return folder


class _Tables:
    """The tables of the folder, from the house after its two years."""

    def __init__(self, house: MapleHouse) -> None:
        self.house, self.clock = house, house.clock
        self.clients = [client for client in house.everyone if client.stays[-1][2] > 0]
        self.names: dict[int, str] = {id(group): group.name for group in GROUPS}
        self.names |= {id(client): f"c{i:03d}" for i, client in enumerate(self.clients, 1)}
        self.names |= {id(worker): f"s{i:03d}" for i, worker in enumerate(house.workers, 1)}

    def all(self) -> dict[str, pl.DataFrame]:
        """Return every table."""
        return {
            "events": self._events(),
            "systems": self._systems(),
            "memberships": self._memberships(),
            "presence": self._presence(),
            "ties": self._ties(),
            "measures": measures(self.house),
            "practices": _practices(),
        }

    def _events(self) -> pl.DataFrame:
        events = sorted(self.house.events, key=lambda event: event.t)
        times = np.array([event.t for event in events])
        rows = [self._event(event) for event in events]
        return frame(rows, ["system", "kind", "incident", "target", "severity", "duration"]).select(
            self.clock.local(times).alias("time"),
            pl.all(),
            self.clock.local(self._reported(events)).alias("reported"),
        )

    def _event(self, event: Event) -> tuple:
        random = self.house.random
        severity = duration = None
        if event.kind.startswith("aggression"):
            severity = int(random.choice([1, 2, 3, 4], p=[0.35, 0.35, 0.2, 0.1]))
        if event.kind in {"restraint", "seclusion"}:
            duration = int(np.ceil(random.lognormal(2.3 if event.kind == "restraint" else 3.4, 0.8)))
        incident = f"i{event.incident:05d}" if event.incident else None
        target = self.names[id(event.target)] if event.target is not None else None
        return self.names[id(event.system)], event.kind, incident, target, severity, duration

    def _reported(self, events: list[Event]) -> np.ndarray:
        """Return when events were written down: soon, and never for those that come from lists of dates."""
        precision = {entry.kind: entry.precision for entry in MAPLE_HOUSE.endemic}
        dated = np.array([precision.get(event.kind) == "day" for event in events])
        lag = self.house.random.exponential(REPORTING_DAYS, len(events))
        return np.where(dated, np.inf, np.array([event.t for event in events]) + lag)

    def _systems(self) -> pl.DataFrame:
        random = self.house.random
        rows: list[tuple[str | int | None, ...]] = []
        rows += [(group.name, group.role, group.role, None, None) for group in reversed(GROUPS)]
        for client in self.clients:
            band = AGE_BANDS[random.integers(len(AGE_BANDS))]
            rows.append(
                (self.names[id(client)], "person", "client", int(random.random() < TRAUMA_SHARE["client"]), band)
            )
        for worker in self.house.workers:
            rows.append((self.names[id(worker)], "person", "staff", int(random.random() < TRAUMA_SHARE["staff"]), None))
        rows += [(name, "person", "clinician", None, None) for name in CLINICIANS]
        rows += [(name, "person", "leader", None, None) for name in LEADERS]
        return frame(rows, ["system", "level", "role", "trauma_history", "age_band"])

    def _memberships(self) -> pl.DataFrame:
        rows = [(ORGANISATION, ENVIRONMENT, -3650.0, inf)]
        rows += [(unit.name, ORGANISATION, -3650.0, inf) for unit in UNITS]
        for client in self.clients:
            name = self.names[id(client)]
            rows += [(name, UNITS[int(unit)].name, start, end) for unit, start, end in client.stays if end > 0]
        for worker in self.house.workers:
            start = float(np.floor(worker.start)) if worker.start < 0 else worker.start
            rows.append((self.names[id(worker)], UNITS[worker.home].name, start, worker.end))
        rows += [(name, UNITS[unit].name, -1000.0, inf) for name, units in CLINICIANS.items() for unit in units]
        rows += [(name, ORGANISATION, -1000.0, inf) for name in LEADERS]
        return self._spells(rows, ["member", "group"])

    def _presence(self) -> pl.DataFrame:
        edges = self.clock.shift_edges
        rows = []
        for cell in range(len(self.clock.shift)):
            start, end = float(edges[cell]), float(edges[cell + 1])
            for unit, team in enumerate(self.house.rota.roster(cell)):
                for worker in team:
                    rows.append((self.names[id(worker)], UNITS[unit].name, None, start, min(end, worker.end)))
        for client in self.clients:
            name = self.names[id(client)]
            rows += [
                (name, None, "true", start, min(end, self.clock.days)) for start, end in client.away if end > start
            ]
        return self._spells(rows, ["system", "group", "away"])

    def _ties(self) -> pl.DataFrame:
        rows = [
            (self.names[id(worker)], self.names[id(client)], "caseload", weight, start, end)
            for worker, client, start, end, weight in self.house.caseloads.rows
        ]
        supervisors = {unit: name for name, units in CLINICIANS.items() for unit in units}
        for worker in self.house.workers:
            rows.append(
                (
                    supervisors[worker.home],
                    self.names[id(worker)],
                    "supervision",
                    1.0,
                    max(worker.start, 0.0),
                    worker.end,
                )
            )
        return self._spells(rows, ["source", "target", "relation", "weight"])

    def _spells(self, rows: list[tuple], columns: list[str]) -> pl.DataFrame:
        """Return rows that end with (start, end) in days as a table with local times; endless is open."""
        table = frame([row[:-2] for row in rows], columns)
        start, end = np.array([row[-2:] for row in rows], dtype=float).T
        end = np.where(end >= self.clock.days, np.inf, end) if "away" not in columns else end
        return table.with_columns(self.clock.local(start).alias("start"), self.clock.local(end).alias("end"))


def _practices() -> pl.DataFrame:
    rows = [
        (ORGANISATION, "debriefing", "2025-01-01", "2025-10-01", 0.0, "true"),
        (ORGANISATION, "debriefing", "2025-10-01", None, 1.0, "false"),
        ("unit-3", "community_meetings", "2024-01-01", None, 1.0, "false"),
        ("unit-4", "community_meetings", "2024-09-02", None, 1.0, "false"),
    ]
    return frame(rows, ["group", "practice", "start", "end", "dose", "ramp"])
