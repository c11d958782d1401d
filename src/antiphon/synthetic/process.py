"""The relational Hawkes process of Maple House, run forward in time order.

Candidates of endemic events are drawn at each system's highest rate and thinned by the rate at their time; the echoes
of an event are Poisson in number, exponential in delay, and each goes to one of those who are eligible *when it
arrives*, all alike (ties: by weight). One that arrives where nobody can hear it, or where the hearer is not at risk, is
lost: rules a-g of the channels, literally, and exact. Stays end by events of the process itself, so everything goes
through one queue. Coarse time as in the records: an event of a coarse kind sounds from the end of its cell, and a
coarse kind hears over its cell only what sounded when the cell began.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count
from math import exp, inf, log
from typing import TYPE_CHECKING, Any

import numpy as np

from antiphon.synthetic.clock import whole_minutes
from antiphon.synthetic.house import Client, Worker
from antiphon.synthetic.maple_plan import (
    AGGRESSION,
    COERCION,
    COERCION_SHARE,
    ENVIRONMENT,
    INJURY_SHARE,
    ORGANISATION,
    UNITS,
)
from antiphon.synthetic.truth import Coupling, Drawn, Endemic, Truth

if TYPE_CHECKING:
    from antiphon.synthetic.clock import Clock
    from antiphon.synthetic.house import Rota

MINUTE = 1 / 1440


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A group as a system of its own: a unit (by number), the organisation or the environment (-1)."""

    name: str
    role: str
    unit: int


UNIT_GROUPS = tuple(Group(unit.name, "unit", i) for i, unit in enumerate(UNITS))
ORGANISATION_GROUP = Group(ORGANISATION, "organisation", -1)
ENVIRONMENT_GROUP = Group(ENVIRONMENT, "environment", -1)
GROUPS = (*UNIT_GROUPS, ORGANISATION_GROUP, ENVIRONMENT_GROUP)

System = Client | Worker | Group


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One row of the records; ``incident`` 0 means none."""

    t: float
    system: System
    kind: str
    incident: int = 0
    target: System | None = None


def role_of(system: System) -> str:
    """Return the role (or level) of a system."""
    if isinstance(system, Group):
        return system.role
    return "client" if isinstance(system, Client) else "staff"


class Process:
    """Queue, state and record of the simulation; ``House`` changes who is where."""

    def __init__(self, truth: Truth, clock: Clock, rota: Rota, generator: np.random.Generator) -> None:
        self.truth, self.clock, self.rota, self.random = truth, clock, rota, generator
        self.kinds = {entry.kind: entry for entry in truth.endemic}
        self.events: list[Event] = []
        self.drawn = Drawn()
        self.clients: list[list[Client]] = [[] for _ in UNITS]
        self._queue: list[tuple] = []
        self._order = count()
        self._incidents = count(1)
        self._told: set[tuple[int, str, float]] = set()
        self._sources: dict[str, list[int]] = {}
        for i, coupling in enumerate(truth.couplings):
            self._sources.setdefault(coupling.source_kind, []).append(i)
        self._rhythm = {entry.kind: self._rhythm_of(entry) for entry in truth.endemic}

    # -- the queue

    def plan(self, t: float, action: Any, *arguments: Any) -> None:
        """Put an action into the queue; after the window nothing happens."""
        if t < self.clock.days:
            heapq.heappush(self._queue, (t, next(self._order), action, arguments))

    def run(self) -> None:
        """Work the queue off."""
        while self._queue:
            t, _, action, arguments = heapq.heappop(self._queue)
            action(t, *arguments)

    # -- endemic events

    def _rhythm_of(self, entry: Endemic) -> np.ndarray:
        """Return the factor of a kind per cell; day kinds know weekdays only."""
        weekday = np.array(entry.weekday)
        if entry.precision == "day":
            return weekday[self.clock.day_weekday]
        return np.array(entry.shift)[self.clock.shift] * weekday[self.clock.weekday]

    def expect(self, system: System, start: float) -> None:
        """Draw the candidates of a system's endemic events from ``start`` to the end of the window."""
        for entry in self.truth.endemic:
            if entry.role != role_of(system):
                continue
            bound = self._rhythm[entry.kind].max() * max(entry.since_admission)
            frailty = 1.0 if isinstance(system, Group) else system.frailty.get(entry.kind, 1.0)
            first = start if entry.terminal and isinstance(system, Client) else max(start, 0.0)
            length = self.clock.days - first
            times = first + length * self.random.random(self.random.poisson(entry.per_day * frailty * bound * length))
            stay = system.stay if isinstance(system, Client) else 0
            for t in times:
                self.plan(float(t), self._candidate, system, stay, entry, bound)

    def _candidate(self, t: float, system: System, stay: int, entry: Endemic, bound: float) -> None:
        if isinstance(system, Client) and system.stay != stay:
            return
        if self.at_risk(system, entry, t) and self.random.random() * bound < self._factor(system, entry, t):
            self.happen(t, system, entry, "endemic")

    def _factor(self, system: System, entry: Endemic, t: float) -> float:
        factor = 1.0
        if t >= 0:
            cell = int(self.clock.cell(t, "day" if entry.precision == "day" else "shift"))
            factor = float(self._rhythm[entry.kind][cell])
        if isinstance(system, Client):
            days = t - system.admitted
            factor *= entry.since_admission[0 if days < 7 else 1 if days < 28 else 2]
        return factor * exp(entry.practice_effect * self.debriefing(t))

    def debriefing(self, t: float) -> float:
        """Return the dose of debriefing; the house sets it."""
        return 0.0 * t

    def at_risk(self, system: System, entry: Endemic, t: float) -> bool:
        """Whether an event of the kind can happen to the system at t."""
        if isinstance(system, Group):
            return True
        if isinstance(system, Client):
            return system.unit >= 0 and (entry.while_ == "member" or not system.is_away(t))
        if entry.while_ == "member":
            return system.start <= t and system.end == inf
        return self.rota.unit_of(system, t) >= 0

    # -- what happens

    def happen(self, t: float, system: System, entry: Endemic, origin: str) -> bool:
        """Let an event happen, with the answers inside its incident; return whether it could."""
        stamp, sounds = self._stamp(t, entry)
        if (id(system), entry.kind, stamp) in self._told:
            return False
        self._told.add((id(system), entry.kind, stamp))
        unit = self.unit_of(system, t)
        if t >= 0:
            self.drawn.count(entry.kind, origin)
        answers = self._answers(entry.kind, system, unit, t)
        number = next(self._incidents) if entry.kind in INCIDENTS else 0
        target = next((who for kind, who in answers if kind == "staff_injury"), None) or self._target(entry, system, t)
        self._record(Event(stamp, system, entry.kind, number, target), unit, sounds)
        for kind, who in answers:
            delay = float(self.random.integers(1, 16)) * MINUTE
            self.drawn.count(kind, "responses")
            self._record(Event(stamp + delay, who, kind, number), unit, sounds)
        self.after(t, system, entry, stamp)
        return True

    def _stamp(self, t: float, entry: Endemic) -> tuple[float, float]:
        """Return the recorded time of an event, and from when it sounds."""
        if entry.precision == "minute":
            minute = float(whole_minutes(t))
            return minute, minute
        edges = self.clock.edges(entry.precision)
        cell = int(self.clock.cell(t, entry.precision))
        return float(edges[cell]), float(edges[cell + 1])

    def unit_of(self, system: System, t: float) -> int:
        """Return the unit in which a system's event sounds."""
        if isinstance(system, Worker):
            unit = self.rota.unit_of(system, t)
            return unit if unit >= 0 else system.home
        return system.unit

    def after(self, t: float, system: System, entry: Endemic, stamp: float) -> None:
        """Let the house draw the consequences of an event."""

    def _answers(self, kind: str, system: System, unit: int, t: float) -> list[tuple[str, System]]:
        answers: list[tuple[str, System]] = []
        if kind in AGGRESSION and self.random.random() < COERCION_SHARE:
            choice = self.random.choice(len(COERCION), p=[share for share, _ in COERCION])
            answers += [(answer, system) for answer in COERCION[choice][1]]
        if kind == "aggression_physical" and self.random.random() < INJURY_SHARE:
            team = self.rota.at(t, unit)
            if team:
                answers.append(("staff_injury", team[self.random.integers(len(team))]))
        return answers

    def _target(self, entry: Endemic, system: System, t: float) -> System | None:
        if entry.kind != "aggression_physical" or isinstance(system, Worker):
            return None
        others = [*self.rota.at(t, system.unit), *(c for c in self.present(system.unit, t) if c is not system)]
        return others[self.random.integers(len(others))] if others else None

    def present(self, unit: int, t: float) -> list[Client]:
        """Return the clients who are on a unit."""
        return [client for client in self.clients[unit] if not client.is_away(t)]

    # -- echoes

    def _record(self, event: Event, unit: int, sounds: float) -> None:
        if event.t < 0:
            return
        self.events.append(event)
        for i in self._sources.get(event.kind, ()):
            coupling = self.truth.couplings[i]
            n = int(self.random.poisson(coupling.echoes))
            self.drawn.echo(i, sources=1, children=n)
            for delay in self.random.exponential(coupling.half_life_hours / 24 / log(2), n):
                self.plan(sounds + float(delay), self._echo, i, event.system, unit, sounds)

    def _echo(self, t: float, i: int, source: System, unit: int, sounds: float) -> None:
        coupling = self.truth.couplings[i]
        entry = self.kinds[coupling.target_kind]
        if entry.precision != "minute":
            edges = self.clock.edges(entry.precision)
            if edges[int(self.clock.cell(t, entry.precision))] < sounds:
                return
        reader = self._reader(t, coupling, source, unit)
        if reader is not None and self.at_risk(reader, entry, t) and self.happen(t, reader, entry, "echoes"):
            self.drawn.echo(i, landed=1)

    def _reader(self, t: float, coupling: Coupling, source: System, unit: int) -> System | None:
        """Return who hears the echo: one of the eligible, all alike or by the weight of their ties."""
        if coupling.how == "self":
            return source
        if coupling.how == "tie":
            ties = source.caseload if isinstance(source, Worker) else []
            if not ties:
                return None
            weights = np.array([weight for _, weight in ties])
            return ties[self.random.choice(len(ties), p=weights / weights.sum())][0]
        if coupling.to_role in {"unit", "organisation"}:
            return UNIT_GROUPS[unit] if coupling.to_role == "unit" else ORGANISATION_GROUP
        eligible = self._eligible(t, coupling, unit)
        eligible = [system for system in eligible if system is not source]
        return eligible[self.random.integers(len(eligible))] if eligible else None

    def _eligible(self, t: float, coupling: Coupling, unit: int) -> list:
        units = range(len(UNITS)) if coupling.where == "organisation" else [unit]
        if coupling.to_role == "staff":
            return [worker for place in units for worker in self.rota.at(t, place)]
        return [client for place in units for client in self.present(place, t)]


INCIDENTS = {
    *AGGRESSION,
    "self_harm",
    "elopement",
    "refusal",
    "restraint",
    "seclusion",
    "medication_as_needed",
    "staff_injury",
}
