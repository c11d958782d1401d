"""Who is in Maple House at any moment: clients in their places, staff on their rotas, who looks after whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from antiphon.synthetic.maple_plan import UNITS

if TYPE_CHECKING:
    from antiphon.synthetic.clock import Clock

N_SHIFTS = 3
# Positions per needed place of a shift: everyone works about five days a week.
POSITIONS_PER_NEED = 1.55
RELIEF_PER_SHIFT = 3
FLOAT_SHARE = 0.3


@dataclass(slots=True, eq=False)
class Client:
    """A client; ``stays`` are (unit, start, end) and ``away`` (start, end); ``stay`` counts admissions."""

    frailty: dict[str, float]
    unit: int = -1
    admitted: float = 0.0
    stay: int = 0
    busy_until: float = -inf
    stays: list[list[float]] = field(default_factory=list)
    away: list[list[float]] = field(default_factory=list)

    def is_away(self, t: float) -> bool:
        """Whether the client is on a pass or has run away."""
        return bool(self.away) and self.away[-1][0] <= t < self.away[-1][1]


@dataclass(slots=True, eq=False)
class Worker:
    """A member of staff, employed in [start, end) at a home unit; relief staff go where they are needed."""

    frailty: dict[str, float]
    home: int
    start: float
    end: float = inf
    caseload: list[tuple[Client, float]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Position:
    """A place on the rota and the workers who held it, in order."""

    unit: int
    shift: int
    is_relief: bool
    workers: list[Worker] = field(default_factory=list)

    def holder(self, t: float) -> Worker | None:
        """Return who is employed in the position at t."""
        return next((worker for worker in reversed(self.workers) if worker.start <= t < worker.end), None)


class Rota:
    """Which workers are where, shift by shift. A shift's roster is settled when it begins."""

    def __init__(self, clock: Clock, generator: np.random.Generator) -> None:
        self.clock = clock
        self.positions: list[Position] = []
        self._teams = {}
        for unit, plan in enumerate(UNITS):
            for shift, needed in enumerate(plan.needed):
                team = [Position(unit, shift, is_relief=False) for _ in range(round(needed * POSITIONS_PER_NEED))]
                self._teams[unit, shift] = team
                self.positions += team
        self._relief = [
            [Position((shift + i + 1) % len(UNITS), shift, is_relief=True) for i in range(RELIEF_PER_SHIFT)]
            for shift in range(N_SHIFTS)
        ]
        self.positions += [position for team in self._relief for position in team]
        self._floats = generator.random((len(clock.shift), 3))
        self._rosters: dict[int, list[list[Worker]]] = {}

    def roster(self, cell: int) -> list[list[Worker]]:
        """Return, per unit, who works in a shift. Ask for no shift that has not begun."""
        if cell not in self._rosters:
            self._rosters[cell] = self._draw_up(cell)
        return self._rosters[cell]

    def at(self, t: float, unit: int) -> list[Worker]:
        """Return who is at work on a unit."""
        cell = int(self.clock.cell(t, "shift"))
        return [worker for worker in self.roster(cell)[unit] if t < worker.end]

    def unit_of(self, worker: Worker, t: float) -> int:
        """Return the unit where a worker is at work, -1 if nowhere."""
        cell = int(self.clock.cell(t, "shift"))
        if t >= worker.end:
            return -1
        return next((unit for unit, team in enumerate(self.roster(cell)) if worker in team), -1)

    def _draw_up(self, cell: int) -> list[list[Worker]]:
        start, shift = self.clock.shift_edges[cell], int(self.clock.shift[cell])
        turn = cell // N_SHIFTS
        roster: list[list[Worker]] = []
        missing: list[int] = []
        for unit, plan in enumerate(UNITS):
            team = self._teams[unit, shift]
            needed = plan.needed[shift]
            due = [team[(turn * needed + i) % len(team)].holder(start) for i in range(needed)]
            roster.append([worker for worker in due if worker is not None])
            missing += [unit] * due.count(None)
        self._send_relief(roster, missing, cell)
        self._send_float(roster, cell)
        return roster

    def _send_relief(self, roster: list[list[Worker]], missing: list[int], cell: int) -> None:
        start, shift, turn = self.clock.shift_edges[cell], int(self.clock.shift[cell]), cell // N_SHIFTS
        for i, position in enumerate(self._relief[shift]):
            worker = position.holder(start)
            if worker is None or (turn + i) % 7 >= 5:
                continue
            roster[missing.pop(0) if missing else worker.home].append(worker)

    def _send_float(self, roster: list[list[Worker]], cell: int) -> None:
        happens, whence, whither = self._floats[cell]
        source, target = int(whence * len(roster)), int(whither * len(roster))
        if happens < FLOAT_SHARE and source != target and len(roster[source]) > 2:
            roster[target].append(roster[source].pop())


@dataclass(slots=True)
class Caseloads:
    """Key workers of clients. ``rows`` are (worker, client, start, end, weight)."""

    rotas: Rota
    rows: list[list] = field(default_factory=list)

    def assign(self, client: Client, shift: int, t: float) -> None:
        """Give a client the worker of the unit's team with the smallest caseload (weight 2 by day, 1 in the evening)."""
        team = [p for p in self.rotas.positions if p.unit == client.unit and p.shift == shift and not p.is_relief]
        holders = [worker for position in team if (worker := position.holder(t)) is not None]
        if not holders:
            return
        weight = 2.0 if shift == 0 else 1.0
        worker = min(holders, key=lambda holder: sum(share for _, share in holder.caseload))
        worker.caseload.append((client, weight))
        self.rows.append([worker, client, t, inf, weight])

    def end(self, t: float, *, client: Client | None = None, worker: Worker | None = None) -> list[tuple[Client, int]]:
        """End the ties of a client or a worker; return (client, shift) of the ties ended."""
        ended = []
        for row in self.rows:
            if row[3] == inf and (row[0] is worker or row[1] is client):
                row[3] = t
                row[0].caseload.remove((row[1], row[4]))
                ended.append((row[1], 0 if row[4] > 1 else 1))
        self.rows[:] = [row for row in self.rows if row[2] < row[3]]
        return ended
