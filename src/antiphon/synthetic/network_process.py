"""The relational Hawkes process of a network by clusters: endemic events, then generation after generation of echoes.

Nothing in the process changes who is where, so every generation is a handful of array operations, however many people
there are. The rules are those of ``process``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from antiphon.synthetic.clock import whole_minutes
from antiphon.synthetic.network_plan import DAY_ONLY_KIND, DAY_ONLY_SHARE
from antiphon.synthetic.truth import Coupling, Drawn, Endemic, Truth, frailties

if TYPE_CHECKING:
    from antiphon.synthetic.clock import Clock
    from antiphon.synthetic.network_people import People

MINUTE = 1 / 1440


@dataclass(frozen=True, slots=True)
class Events:
    """Events as arrays (events,).

    Attributes
    ----------
    stamp : recorded time; ``sounds``: from when it is heard.
    kind : index of the kind in the truth; ``system``: code within its role; ``unit``: -1 for organisations.
    organisation : where. ``incident``: -1 for none. ``is_day``: recorded by the day.
    """

    stamp: np.ndarray
    sounds: np.ndarray
    kind: np.ndarray
    system: np.ndarray
    unit: np.ndarray
    organisation: np.ndarray
    incident: np.ndarray
    is_day: np.ndarray

    def __len__(self) -> int:
        return len(self.stamp)

    def take(self, rows: np.ndarray) -> Events:
        """Return some of the events."""
        return Events(*(getattr(self, name)[rows] for name in self.__slots__))


def joined(parts: list[Events]) -> Events:
    """Return events one after the other."""
    return Events(*(np.concatenate([getattr(part, name) for part in parts]) for name in Events.__slots__))


class NetworkProcess:
    """Draws the events of a network."""

    def __init__(self, truth: Truth, clock: Clock, people: People, rate: float, random: np.random.Generator) -> None:
        self.truth, self.clock, self.people, self.rate, self.random = truth, clock, people, rate, random
        self.drawn = Drawn()
        self.index = {entry.kind: i for i, entry in enumerate(truth.endemic)}
        spread = truth.levels**0.5
        shape = (people.n_organisations, len(truth.endemic))
        self.levels = np.exp(spread * random.standard_normal(shape) - truth.levels / 2)
        self.day_only = random.random(people.n_organisations) < DAY_ONLY_SHARE
        self._n_incidents = 0
        self._told = np.zeros(0, dtype=np.int64)

    def run(self) -> Events:
        """Return all events, unsorted."""
        generation = self._complete([self._endemic(entry) for entry in self.truth.endemic], "endemic")
        generations = []
        while len(generation):
            generations.append(generation)
            echoes = [self._echo(i, coupling, generation) for i, coupling in enumerate(self.truth.couplings)]
            generation = self._complete(echoes, "echoes")
        return joined(generations)

    # -- endemic

    def _endemic(self, entry: Endemic) -> tuple[Endemic, np.ndarray, np.ndarray]:
        """Return (kind, systems, times) of endemic events."""
        start, end, frailty = self._lives(entry)
        unit = self._units(entry.role, np.arange(len(start)))
        organisation = self._organisations(entry.role, np.arange(len(start)), unit)
        first, last = np.maximum(start, 0.0), np.minimum(end, self.clock.days)
        factors = self._rhythm(entry)
        bound = factors.max() * max(entry.since_admission)
        level = entry.per_day * self.rate * self.levels[organisation, self.index[entry.kind]]
        n = self.random.poisson(np.maximum(last - first, 0.0) * level * frailty * bound)
        who = np.repeat(np.arange(len(n)), n)
        t = first[who] + (last - first)[who] * self.random.random(len(who))
        since = np.searchsorted([7.0, 28.0], t - start[who], side="right")
        factor = factors[self.clock.cell(t, "day" if entry.precision == "day" else "shift")]
        factor = factor * np.array(entry.since_admission)[since]
        kept = self.random.random(len(t)) * bound < factor
        return entry, who[kept], t[kept]

    def _lives(self, entry: Endemic) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if entry.role in {"client", "staff"}:
            places = self.people.of(entry.role)
            frailty = self._frailty(entry.role).get(entry.kind, np.ones(len(places.start)))
            return places.start, places.end, frailty
        n = len(self.people.organisation) if entry.role == "unit" else self.people.n_organisations
        return np.full(n, -1000.0), np.full(n, np.inf), np.ones(n)

    def _frailty(self, role: str) -> dict[str, np.ndarray]:
        if not hasattr(self, "_frailties"):
            self._frailties: dict[str, dict[str, np.ndarray]] = {}
        if role not in self._frailties:
            n = len(self.people.of(role).start)
            self._frailties[role] = frailties(self.truth, role, n, self.random)
        return self._frailties[role]

    def _rhythm(self, entry: Endemic) -> np.ndarray:
        weekday = np.array(entry.weekday)
        if entry.precision == "day":
            return weekday[self.clock.day_weekday]
        return np.array(entry.shift)[self.clock.shift] * weekday[self.clock.weekday]

    def _units(self, role: str, system: np.ndarray) -> np.ndarray:
        if role in {"client", "staff"}:
            return self.people.of(role).person_unit[system]
        return system if role == "unit" else np.full(len(system), -1)

    def _organisations(self, role: str, system: np.ndarray, unit: np.ndarray) -> np.ndarray:
        return system if role == "organisation" else self.people.organisation[unit]

    # -- from times to events

    def _complete(self, parts: list[tuple[Endemic, np.ndarray, np.ndarray]], origin: str) -> Events:
        """Return a generation as events, with the answers inside their incidents."""
        events = joined([self._events(entry, who, t) for entry, who, t in parts])
        events = self._once(events)
        for i, entry in enumerate(self.truth.endemic):
            self.drawn.count(entry.kind, origin, int(np.sum(events.kind == i)))
        answers = [self._answers(events, i) for i in range(len(self.truth.responses))]
        return joined([events, *answers])

    def _events(self, entry: Endemic, who: np.ndarray, t: np.ndarray) -> Events:
        unit = self._units(entry.role, who)
        organisation = self._organisations(entry.role, who, unit)
        is_day = np.full(len(t), entry.precision == "day")
        if entry.kind == DAY_ONLY_KIND:
            is_day = self.day_only[organisation]
        edges, cell = self.clock.day_edges, self.clock.cell(t, "day")
        minute = whole_minutes(t)
        stamp = np.where(is_day, edges[cell], minute)
        sounds = np.where(is_day, edges[cell + 1], minute)
        kind = np.full(len(t), self.index[entry.kind])
        incident = np.full(len(t), -1)
        if entry.role == "client":
            incident = self._n_incidents + np.arange(len(t))
            self._n_incidents += len(t)
        return Events(stamp, sounds, kind, who, unit, organisation, incident, is_day)

    def _once(self, events: Events) -> Events:
        """Leave out what the records could not tell from an event already there."""
        minute = np.round(events.stamp * 1440).astype(np.int64)
        key = (events.system * len(self.truth.endemic) + events.kind) * 2_000_000 + minute
        _, first = np.unique(key, return_index=True)
        new = first[~np.isin(key[first], self._told)]
        self._told = np.concatenate([self._told, key[new]])
        return events.take(np.sort(new))

    def _answers(self, events: Events, i: int) -> Events:
        response = self.truth.responses[i]
        rows = np.flatnonzero(events.kind == self.index[response.first_kind])
        rows = rows[self.random.random(len(rows)) < response.share]
        first = events.take(rows)
        system = first.system
        if response.by == "staff present":
            staff = self.people.staff
            nobody = np.full(len(rows), -1)
            system = staff.anyone(staff.first[first.unit], staff.n[first.unit], 1, first.stamp, nobody, self.random)
        found = system >= 0
        self.drawn.count(response.second_kind, "responses", int(found.sum()))
        delay = self.random.integers(1, 16, len(rows)) * MINUTE
        kind = np.full(len(rows), self.index[response.second_kind])
        answer = Events(
            first.stamp + delay,
            first.sounds,
            kind,
            system,
            first.unit,
            first.organisation,
            first.incident,
            first.is_day,
        )
        return answer.take(found)

    # -- echoes

    def _echo(self, i: int, coupling: Coupling, generation: Events) -> tuple[Endemic, np.ndarray, np.ndarray]:
        """Return (kind, systems, times) of the echoes of a generation through a coupling."""
        entry = self.truth.kind(coupling.target_kind)
        sources = np.flatnonzero(generation.kind == self.index[coupling.source_kind])
        n = self.random.poisson(coupling.echoes, len(sources))
        source = generation.take(np.repeat(sources, n))
        t = source.sounds + self.random.exponential(coupling.half_life_hours / 24 / log(2), len(source))
        heard = t < self.clock.days
        if entry.precision == "day":
            heard &= self.clock.day_edges[self.clock.cell(t, "day")] >= source.sounds
        source, t = source.take(heard), t[heard]
        reader = self._readers(coupling, source, t)
        landed = reader >= 0
        self.drawn.echo(i, sources=len(sources), children=int(n.sum()), landed=int(landed.sum()))
        return entry, reader[landed], t[landed]

    def _readers(self, coupling: Coupling, source: Events, t: np.ndarray) -> np.ndarray:
        """Return who hears each echo, -1 for nobody."""
        nobody = np.full(len(t), -1)
        if coupling.how == "self":
            places = self.people.of(self.truth.kind(coupling.source_kind).role)
            return np.where(t < places.end[source.system], source.system, -1)
        if coupling.to_role in {"unit", "organisation"}:
            return source.unit if coupling.to_role == "unit" else source.organisation
        places = self.people.of(coupling.to_role)
        if coupling.how == "tie":
            first, n, step = self.people.caseload(source.system)
            reader = places.anyone(first, n, step, t, nobody, self.random)
            return np.where(t < self.people.staff.end[source.system], reader, -1)
        if coupling.where == "organisation":
            starts, n_units = self.people.units_of
            first_unit, last_unit = starts[source.organisation], (starts + n_units - 1)[source.organisation]
            first = places.first[first_unit]
            n = places.first[last_unit] + places.n[last_unit] - first
        else:
            first, n = places.first[source.unit], places.n[source.unit]
        own = source.system if coupling.from_role == coupling.to_role else nobody
        return places.anyone(first, n, 1, t, own, self.random)
