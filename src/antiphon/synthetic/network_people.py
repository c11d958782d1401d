"""Who is where in a network: organisations, units, places, and the people who hold them one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antiphon.synthetic.clock import whole_minutes

SPAN = 20_000.0
EARLIEST = -5_000.0
UNITS_PER_ORGANISATION = (2, 5)
CLIENT_PLACES = (8, 17)
STAFF_PLACES = (6, 13)
MEAN_STAY = {"client": 200.0, "staff": 1000.0}
MEAN_GAP = {"client": 5.0, "staff": 20.0}


@dataclass(frozen=True, slots=True)
class Places:
    """The places of a role and the stays in them.

    Attributes
    ----------
    unit : (places,) unit of each place; places of a unit follow each other.
    first, n : (units,) first place of each unit and their number.
    place, start, end : (stays,) one stay per person, by place and start; the person's code is the index.
    """

    unit: np.ndarray
    first: np.ndarray
    n: np.ndarray
    place: np.ndarray
    start: np.ndarray
    end: np.ndarray

    @property
    def person_unit(self) -> np.ndarray:
        """(people,) unit of each person."""
        return self.unit[self.place]

    def holder(self, place: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Return who holds each place at t, -1 for nobody."""
        key = self.place * SPAN + (self.start - EARLIEST)
        i = np.searchsorted(key, place * SPAN + (t - EARLIEST), side="right") - 1
        held = (i >= 0) & (self.place[i] == place) & (t < self.end[i])
        return np.where(held, i, -1)

    def anyone(
        self,
        first: np.ndarray,
        n: np.ndarray,
        step: np.ndarray | int,
        t: np.ndarray,
        but: np.ndarray,
        random: np.random.Generator,
    ) -> np.ndarray:
        """Return one of the people in places ``first, first + step ...`` (n of them) at t, all alike, -1 if nobody.

        ``but`` is who is left out (-1: none).
        """
        chosen = np.full(len(t), -1)
        best = np.full(len(t), -1.0)
        for i in range(int(n.max(initial=0))):
            rows = np.flatnonzero(i < n)
            spacing = step if isinstance(step, int) else step[rows]
            who = self.holder(first[rows] + i * spacing, t[rows])
            lot = random.random(len(rows))
            better = (who >= 0) & (who != but[rows]) & (lot > best[rows])
            chosen[rows[better]] = who[better]
            best[rows[better]] = lot[better]
        return chosen


@dataclass(frozen=True, slots=True)
class People:
    """Organisations, units and people; ``organisation`` is (units,)."""

    n_organisations: int
    organisation: np.ndarray
    units_of: tuple[np.ndarray, np.ndarray]
    clients: Places
    staff: Places

    def of(self, role: str) -> Places:
        """Return the places of a role."""
        return self.clients if role == "client" else self.staff

    def caseload(self, worker: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the client places that a worker looks after: first, number and step (every n-th of the unit)."""
        place = self.staff.place[worker]
        unit = self.staff.unit[place]
        step = self.staff.n[unit]
        seat = place - self.staff.first[unit]
        number = np.maximum(0, -(-(self.clients.n[unit] - seat) // step))
        return self.clients.first[unit] + seat, number, step


def settle(n_organisations: int, days: float, random: np.random.Generator) -> People:
    """Draw organisations, units and stays; everyone stays once."""
    n_units = random.integers(*UNITS_PER_ORGANISATION, n_organisations)
    organisation = np.repeat(np.arange(n_organisations), n_units)
    starts = np.concatenate([[0], np.cumsum(n_units)[:-1]])
    clients = _places(random.integers(*CLIENT_PLACES, len(organisation)), "client", days, random)
    staff = _places(random.integers(*STAFF_PLACES, len(organisation)), "staff", days, random)
    return People(n_organisations, organisation, (starts, n_units), clients, staff)


def _places(n: np.ndarray, role: str, days: float, random: np.random.Generator) -> Places:
    unit = np.repeat(np.arange(len(n)), n)
    n_places, mean, gap = len(unit), MEAN_STAY[role], MEAN_GAP[role]
    start = -np.minimum(random.exponential(mean, n_places), -EARLIEST - 1.0)
    end = random.exponential(mean, n_places)
    place = np.arange(n_places)
    found = [(place, start, end)]
    while len(place):
        start = end + random.exponential(gap, len(place))
        going = start < days
        place, start = place[going], start[going]
        end = start + random.exponential(mean, len(place))
        found.append((place, start, end))
    places, starts, ends = (np.concatenate(part) for part in zip(*found, strict=True))
    starts, ends = np.asarray(whole_minutes(starts)), np.asarray(whole_minutes(ends))
    order = np.lexsort((starts, places))
    order = order[ends[order] > np.maximum(starts[order], 0.0)]
    first = np.concatenate([[0], np.cumsum(n)[:-1]])
    return Places(unit, first, n, places[order], starts[order], ends[order])
