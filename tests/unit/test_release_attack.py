"""An attacker who holds two successive releases subtracts whatever can be subtracted, and isolates no person."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linprog

from antiphon.release import release_findings
from antiphon.release.released import JOINED
from tests.unit.example_findings import QUARTERS, example_findings, example_settings, example_vocabulary

KINDS = ("aggression_physical", "restraint")
SIZES = {"Ash": 44, "Birch": 30, "Cedar": 22, "Dogwood": 15, "Elm": 7, "Fir": 4}
THRESHOLD = 11
RANGE = 4  # an attacker who is left with at least five possible counts has learnt none


@dataclass(frozen=True)
class Event:
    person: str
    unit: str
    kind: str
    quarter: str


def invented_events(seed: int, quarters: tuple[str, ...]) -> list[Event]:
    draw = random.Random(seed)  # noqa: S311 - invented records
    events = []
    for unit, size in SIZES.items():
        for number in range(size):
            rate = draw.expovariate(1.6)
            for kind in KINDS:
                for quarter in quarters:
                    n = int(draw.expovariate(1.0) * rate)
                    events += [Event(f"{unit}-{number}", unit, kind, quarter)] * n
    return events


def findings_of(events: list[Event], quarters: tuple[str, ...]):
    rows = []
    for kind in KINDS:
        for quarter in quarters:
            for unit in ("all", *SIZES):
                mine = [e for e in events if (e.kind, e.quarter) == (kind, quarter) and unit in ("all", e.unit)]
                size = sum(SIZES.values()) if unit == "all" else SIZES[unit]
                rows.append(
                    {
                        "unit": unit, "kind": kind, "quarter": quarter, "events": len(mine), "client_days": 91.0 * size,
                        "per_1000_client_days": 1000 * len(mine) / (91.0 * size), "staff_years": None,
                        "per_100_staff_years": None, "hours_per_1000_hours": None,
                        "n_source": len({e.person for e in mine}), "n_target": size, "n_units": 6,
                        "source_role": "client", "target_role": "client",
                    }
                )  # fmt: skip
    nodes = [
        {
            "role": "client", "kind": kind, "events": 0, "n_source": len({e.person for e in events if e.kind == kind}),
            "n_target": 122, "n_units": 6, "source_role": "client", "target_role": "client",
        }
        for kind in KINDS
    ]  # fmt: skip
    base = example_findings()
    end = {"2024Q4": "2025-01-01", "2025Q1": "2025-04-01"}[quarters[-1]]
    return replace(
        base,
        records={
            **base.records,
            "window": ["2024-01-01", end],
            "events": dict.fromkeys(KINDS, 0),
            "systems": {"client": 122},
        },
        rates=pl.DataFrame(rows, infer_schema_length=None),
        nodes=pl.DataFrame(nodes),
    )


def released(events: list[Event], quarters: tuple[str, ...]):
    return release_findings(findings_of(events, quarters), example_settings(), example_vocabulary())


Cell = tuple[str, str, str]


def sums_shown(result) -> list[tuple[set[Cell], int]]:
    """Every number of events in a release, as the set of cells that it is the rounded sum of."""
    large = [unit for unit in dict.fromkeys(result.unit_rates["unit"]) if unit != JOINED]
    small = [unit for unit in SIZES if unit not in large]
    sums = []
    for row in [*result.rates.to_dicts(), *result.unit_rates.to_dicts()]:
        if row["events"] is not None:
            units = {"all": list(SIZES), JOINED: small}.get(row["unit"], [row["unit"]])
            sums.append(({(row["kind"], unit, row["quarter"]) for unit in units}, row["events"]))
    for kind, total in result.records["events"].items():
        rows = result.rates.filter(kind=kind)
        if total is not None and rows["events"].null_count():  # else it is the sum of rounded counts
            sums.append(({(kind, unit, quarter) for unit in SIZES for quarter in rows["quarter"]}, total))
    return sums


class Attacker:
    """Knows the rules of rounding and all shown sums; asks how small and how large a sum of cells can be."""

    def __init__(self, variables: list, sums: list[tuple[set, int]], slack: int = 2) -> None:
        self.place = {name: number for number, name in enumerate(variables)}
        self.rows, self.limits = [], []
        for cells, shown in sums:
            row = self._row(cells)
            self.rows += [row, -row]
            self.limits += [shown + slack, slack - shown] if shown else [0, 0]

    def _row(self, cells) -> np.ndarray:
        row = np.zeros(len(self.place))
        row[[self.place[cell] for cell in cells]] = 1.0
        return row

    def interval(self, cells) -> tuple[float, float]:
        row = self._row(cells)
        low, high = (
            linprog(sign * row, A_ub=np.array(self.rows), b_ub=self.limits, bounds=(0, 400), method="highs")
            for sign in (1, -1)
        )
        assert low.success
        assert high.success
        return low.fun, -high.fun


def small_cells(events: list[Event]) -> set[Cell]:
    persons = {(e.kind, e.unit, e.quarter, e.person) for e in events}
    count = Counter((kind, unit, quarter) for kind, unit, quarter, _ in persons)
    return {cell for cell, n in count.items() if n < THRESHOLD}


@pytest.mark.parametrize("seed", range(3))
def test_a_release_and_the_one_a_quarter_later_isolate_no_small_cell(seed):
    longer = QUARTERS[:5]
    events = invented_events(seed, longer)
    earlier = released([e for e in events if e.quarter in longer[:4]], longer[:4])
    later = released(events, longer)
    variables = [(kind, unit, quarter) for kind in KINDS for unit in SIZES for quarter in longer]
    attacker = Attacker(variables, sums_shown(earlier) + sums_shown(later))
    targets = small_cells(events)
    assert len(targets) > 10
    for cell in sorted(targets):
        low, high = attacker.interval([cell])
        assert high - low >= RANGE, cell
    again = later.rates.join(earlier.rates.select("kind", "quarter"), on=["kind", "quarter"], how="semi")
    assert again["events"].to_list() == earlier.rates["events"].to_list()


@pytest.mark.parametrize("seed", range(3))
def test_a_person_who_is_added_between_two_releases_is_not_isolated(seed):
    quarters = QUARTERS[:4]
    events = invented_events(seed, quarters)
    added = [Event("new", "Elm", kind, quarter) for kind in KINDS for quarter in quarters for _ in range(seed + 1)]
    before, after = released(events, quarters), released(events + added, quarters)
    cells = [(kind, unit, quarter) for kind in KINDS for unit in SIZES for quarter in quarters]
    changes = [("change", *cell) for cell in cells]
    sums = sums_shown(before)
    sums += [(set(shown) | {("change", *cell) for cell in shown}, number) for shown, number in sums_shown(after)]
    attacker = Attacker(cells + changes, sums)
    for kind in KINDS:
        for quarter in quarters:
            one_quarter = [("change", kind, unit, quarter) for unit in SIZES]
            low, high = attacker.interval(one_quarter)
            assert high - low >= RANGE
            for change in one_quarter:
                low, high = attacker.interval([change])
                assert high - low >= RANGE or high == 0  # zero may be known


@pytest.mark.parametrize("seed", range(6))
def test_nothing_that_is_left_after_subtraction_is_a_few_persons(seed):
    quarters = QUARTERS[:4]
    events = invented_events(seed, quarters)
    result = released(events, quarters)
    assert not result.unit_rates.is_empty()
    large = [unit for unit in dict.fromkeys(result.unit_rates["unit"]) if unit != JOINED]
    for row in result.rates.filter(pl.col("events").is_not_null()).to_dicts():
        cells = result.unit_rates.filter(kind=row["kind"], quarter=row["quarter"])
        hidden = cells.filter(pl.col("events").is_null())["unit"].to_list()
        units = set(hidden) - {JOINED} | ({unit for unit in SIZES if unit not in large} if JOINED in hidden else set())
        left = {e.person for e in events if (e.kind, e.quarter) == (row["kind"], row["quarter"]) and e.unit in units}
        assert not left or len(left) >= THRESHOLD
    for kind, total in result.records["events"].items():
        hidden = set(result.rates.filter(kind=kind).filter(pl.col("events").is_null())["quarter"])
        left = {e.person for e in events if e.kind == kind and e.quarter in hidden}
        assert total is None or not left or len(left) >= THRESHOLD


def test_the_attacker_succeeds_where_exact_numbers_are_shown():
    """Without rounding the same subtraction finds a cell of two persons: the attack has teeth."""
    units = [("restraint", unit, "2024Q1") for unit in ("Ash", "Birch", "Elm")]
    shown = [(set(units), 47), ({units[0]}, 25), ({units[1]}, 19)]
    assert Attacker(units, shown, slack=0).interval([units[2]]) == pytest.approx((3, 3))
    low, high = Attacker(units, [(cells, 5 * round(number / 5)) for cells, number in shown]).interval([units[2]])
    assert high - low >= RANGE
