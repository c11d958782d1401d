"""The monthly pulse of Maple House: anonymous scores of clients and staff per unit, already means."""

from __future__ import annotations

from datetime import date, time
from typing import TYPE_CHECKING

import polars as pl

from antiphon.synthetic.folder import frame
from antiphon.synthetic.house import Client
from antiphon.synthetic.maple_plan import AGGRESSION, UNITS

if TYPE_CHECKING:
    from antiphon.synthetic.maple_process import MapleHouse

ITEMS = {"safety": -1.0, "strain": 1.0}
MIDDLE = {"safety": 66.0, "strain": 45.0}
PER_INCIDENT = 60.0
SPREAD = 14.0
ANSWERING = 0.7


def measures(house: MapleHouse) -> pl.DataFrame:
    """Return safety and strain (0-100) per unit, role and month, with the number of answers ``n``."""
    rows = []
    months = [date(year, month, 1) for year in (2024, 2025) for month in range(1, 13)][1:]
    edges = [0.0, *(house.clock.at(day, time()) for day in months)]
    times = [(e.t, e.system.unit) for e in house.events if e.kind in AGGRESSION and isinstance(e.system, Client)]
    for day, start, end in zip(months, edges, edges[1:], strict=False):
        for unit, plan in enumerate(UNITS):
            acts = sum(1 for t, where in times if where == unit and start <= t < end)
            burden = acts / (plan.places * (end - start))
            for role, asked in (("client", plan.places), ("staff", 2 * sum(plan.needed))):
                n = max(int(house.random.binomial(asked, ANSWERING)), 1)
                rows += [
                    (f"{day.isoformat()}T12:00", plan.name, "pulse", *answer, role, n)
                    for answer in _answers(house, burden, n)
                ]
    return frame(rows, ["time", "system", "instrument", "item", "value", "role", "n"])


def _answers(house: MapleHouse, burden: float, n: int) -> list[tuple[str, float]]:
    answers = []
    for item, sign in ITEMS.items():
        noise = SPREAD / n**0.5 * house.random.standard_normal()
        value = MIDDLE[item] + sign * PER_INCIDENT * burden * 5 + noise
        answers.append((item, round(float(min(max(value, 0.0), 100.0)), 1)))
    return answers
