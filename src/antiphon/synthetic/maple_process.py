"""Maple House in motion: admissions and discharges, passes, hires and leavers, caseloads."""

from __future__ import annotations

from datetime import date, time
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from antiphon.synthetic.clock import Clock, whole_minutes
from antiphon.synthetic.house import Caseloads, Client, Position, Rota, Worker
from antiphon.synthetic.maple_plan import SHIFTS, UNITS
from antiphon.synthetic.process import GROUPS, MINUTE, Event, Process, System
from antiphon.synthetic.truth import Endemic, Truth, frailties

if TYPE_CHECKING:
    from collections.abc import Iterator

BURN_IN = -600.0
REFILL_DAYS = 9.0
HIRE_DAYS = 25.0
REASSIGN_DAYS = 3.0
READMITTED = 0.06
TRANSFERS_PER_DAY = 0.06
PASS_SHARE = 0.08
HOURS_GONE = 10.0
FRIDAY = 4
RAMP = (date(2025, 1, 1), date(2025, 10, 1))


class MapleHouse(Process):
    """The process of Maple House with its people."""

    def __init__(self, truth: Truth, seed: int) -> None:
        generator = np.random.default_rng(seed)
        clock = Clock(truth.window, truth.timezone, SHIFTS)
        super().__init__(truth, clock, Rota(clock, generator), generator)
        self.everyone: list[Client] = []
        self.workers: list[Worker] = []
        self.caseloads = Caseloads(self.rota)
        self._ramp = [clock.at(day, time()) for day in RAMP]
        self._open()

    def _open(self) -> None:
        for unit, plan in enumerate(UNITS):
            for _ in range(plan.places):
                self.plan(BURN_IN + 60.0 * self.random.random(), self._refill, unit)
        for position in self.rota.positions:
            self._employ(-2500.0 * self.random.random() ** 2, position)
        for group in GROUPS:
            self.expect(group, 0.0)
        self.plan(0.0, self._assign_all)
        for t in self._fridays():
            self.plan(t, self._passes)
        for t in self.clock.days * self.random.random(self.random.poisson(TRANSFERS_PER_DAY * self.clock.days)):
            self.plan(float(whole_minutes(t)), self._transfer)

    def _fridays(self) -> Iterator[float]:
        for day in np.flatnonzero(self.clock.day_weekday == FRIDAY):
            yield self.clock.at(self.clock.date(int(day)), time(16))

    def debriefing(self, t: float) -> float:
        """Return the dose of debriefing: a ramp."""
        return float(np.clip((t - self._ramp[0]) / (self._ramp[1] - self._ramp[0]), 0.0, 1.0))

    # -- clients

    def _refill(self, t: float, unit: int) -> None:
        if len(self.clients[unit]) < UNITS[unit].places:
            self._admit(t, unit)

    def _admit(self, t: float, unit: int) -> None:
        client = self._newcomer(t)
        client.unit, client.admitted, client.stay = unit, t, client.stay + 1
        client.stays.append([unit, t, inf])
        self.clients[unit].append(client)
        self.expect(client, t)
        if t >= 0:
            for shift in (0, 1):
                self.plan(t, self._assign, client, shift)

    def _newcomer(self, t: float) -> Client:
        former = [c for c in self.everyone if c.unit < 0 and c.stays[-1][2] < t - 7.0]
        if former and self.random.random() < READMITTED:
            return former[self.random.integers(len(former))]
        drawn = frailties(self.truth, "client", 1, self.random)
        client = Client({kind: float(values[0]) for kind, values in drawn.items()})
        self.everyone.append(client)
        return client

    def _leave(self, t: float, client: Client) -> None:
        if client.is_away(t):
            client.away[-1][1] = t
        self._vacate(t, client)
        client.unit = -1

    def _office_hour(self, t: float) -> float:
        """Return a moment between 10:00 and 17:00 of the day, later than t if need be the day after."""
        day = np.floor(t) + 1.0
        return float(whole_minutes(day + (10.0 + 7.0 * self.random.random()) / 24))

    def _passes(self, t: float) -> None:
        for client in [c for unit in self.clients for c in unit if not c.is_away(t)]:
            if self.random.random() < PASS_SHARE:
                back = t + 2.0 + float(self.random.integers(0, 240)) * MINUTE
                client.away.append([t, back])

    def _transfer(self, t: float) -> None:
        """Move someone to a free place on another unit; nothing in the model makes it happen."""
        free = [i for i, plan in enumerate(UNITS) if len(self.clients[i]) < plan.places]
        movable = [c for unit in self.clients for c in unit if not c.is_away(t) and t - c.admitted > 1.0]
        if not free or not movable:
            return
        client = movable[self.random.integers(len(movable))]
        unit = free[self.random.integers(len(free))]
        if unit != client.unit and t >= client.busy_until:
            self._move(t, client, unit)

    def _move(self, t: float, client: Client, unit: int) -> None:
        self._vacate(t, client)
        client.stays.append([unit, t, inf])
        client.unit = unit
        self.clients[unit].append(client)
        for shift in (0, 1):
            self.plan(t, self._assign, client, shift)
        self.events.append(Event(t, client, "transfer"))

    def _vacate(self, t: float, client: Client) -> None:
        client.stays[-1][2] = t
        self.clients[client.unit].remove(client)
        self.caseloads.end(t, client=client)
        self.plan(self._office_hour(t + self.random.exponential(REFILL_DAYS)), self._refill, client.unit)

    # -- staff

    def _employ(self, t: float, position: Position) -> None:
        drawn = frailties(self.truth, "staff", 1, self.random)
        worker = Worker({kind: float(values[0]) for kind, values in drawn.items()}, position.unit, t)
        position.workers.append(worker)
        self.workers.append(worker)
        self.expect(worker, max(t, 0.0))

    def _quit(self, t: float, worker: Worker) -> None:
        day = int(self.clock.cell(t, "day"))
        worker.end = float(self.clock.day_edges[day + 1])
        position = next(p for p in self.rota.positions if worker in p.workers)
        self.plan(worker.end, self._hand_over, worker)
        gap = self.random.exponential(HIRE_DAYS)
        start = np.searchsorted(self.clock.day_edges, worker.end + gap)
        if start < len(self.clock.day_edges):
            first = float(self.clock.day_edges[start])
            self.plan(first, self._employ, position)

    def _hand_over(self, t: float, worker: Worker) -> None:
        for client, shift in self.caseloads.end(t, worker=worker):
            gap = self.random.exponential(REASSIGN_DAYS)
            self.plan(float(whole_minutes(t + gap)), self._assign, client, shift)

    def _assign(self, t: float, client: Client, shift: int) -> None:
        weight = 2.0 if shift == 0 else 1.0
        taken = any(row[1] is client and row[3] == inf and row[4] == weight for row in self.caseloads.rows)
        if client.unit >= 0 and not taken:
            self.caseloads.assign(client, shift, t)

    def _assign_all(self, t: float) -> None:
        for unit in self.clients:
            for client in unit:
                for shift in (0, 1):
                    self._assign(t, client, shift)

    # -- consequences

    def at_risk(self, system: System, entry: Endemic, t: float) -> bool:
        """Clients do not leave in the middle of an incident."""
        if entry.kind == "discharge" and isinstance(system, Client) and t < system.busy_until:
            return False
        return super().at_risk(system, entry, t)

    def after(self, t: float, system: System, entry: Endemic, stamp: float) -> None:
        """Discharged clients leave, runaways are gone for a while, a crowded unit takes one more in."""
        if isinstance(system, Client):
            system.busy_until = stamp + 0.02
            if entry.kind == "discharge":
                self._leave(stamp, system)
            elif entry.kind == "elopement":
                hours = float(self.random.exponential(HOURS_GONE)) + 0.2
                system.away.append([stamp + MINUTE, float(whole_minutes(stamp + hours / 24))])
        elif isinstance(system, Worker):
            if entry.terminal:
                self._quit(t, system)
        elif entry.kind == "over_capacity" and len(self.clients[system.unit]) <= UNITS[system.unit].places:
            self._admit(float(whole_minutes(t)), system.unit)
