"""Rates per quarter, agency-wide and per unit: thresholds, complements, rounding, control limits."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from antiphon.framework.vocabulary import SERVED, WORKING
from antiphon.release.released import JOINED, TOO_FEW
from antiphon.release.rounding import DAYS_BASE, rounded_count, significant, to_base
from antiphon.release.thresholds import HARD_FLOOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from antiphon.release.thresholds import Thresholds

ALL = "all"
MIN_UNITS = 3
RATE_SCHEMA: dict[str, Any] = {
    "unit": pl.String,
    "kind": pl.String,
    "quarter": pl.String,
    "events": pl.Int64,
    "client_days": pl.Int64,
    "per_1000_client_days": pl.Float64,
    "staff_years": pl.Int64,
    "per_100_staff_years": pl.Float64,
    "role": pl.String,
    "role_days": pl.Int64,
    "per_1000_role_days": pl.Float64,
    "hours_per_1000_hours": pl.Float64,
    "centre": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "withheld": pl.String,
}

RATES = {
    "per_1000_client_days": ("client_days", 1000, DAYS_BASE),
    "per_100_staff_years": ("staff_years", 100, 1),
    "per_1000_role_days": ("role_days", 1000, DAYS_BASE),
}
"""Rates: their denominator, for how many of it they are, and to what it is rounded."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReleasedRates:
    """Released rates.

    Attributes
    ----------
    agency : one row per kind and complete quarter.
    units : one row per unit, kind and complete quarter; empty where fewer than three units are large enough.
    totals : events per kind over the complete quarters, rounded; None where a total would give a hidden cell away.
    client_days : client-days over the complete quarters, rounded; None where unknown.
    """

    agency: pl.DataFrame
    units: pl.DataFrame
    totals: dict[str, int | None]
    client_days: int | None


def complete_quarters(window: Sequence[str]) -> list[str]:
    """Calendar quarters that lie wholly inside the window, such as ``"2024Q1"``.

    The boundaries are those of the calendar, whatever the window: two successive releases then never differ by the
    few persons of a few days.
    """
    first, last = (dt.date.fromisoformat(str(day)[:10]) for day in window)
    year, quarter, found = first.year, (first.month - 1) // 3 + 1, []
    while True:
        start, end = quarter_bounds(f"{year}Q{quarter}")
        if end > last:
            return found
        if start >= first:
            found.append(f"{year}Q{quarter}")
        year, quarter = (year, quarter + 1) if quarter < 4 else (year + 1, 1)


def quarter_bounds(quarter: str) -> tuple[dt.date, dt.date]:
    """First day of a quarter and first day after it."""
    year, number = int(quarter[:4]), int(quarter[-1])
    start = dt.date(year, 3 * number - 2, 1)
    return start, (dt.date(year + 1, 1, 1) if number == 4 else dt.date(year, 3 * number + 1, 1))


def release_rates(
    rates: pl.DataFrame, persons: dict[str, int], quarters: list[str], limits: Thresholds
) -> ReleasedRates:
    """Release the rates.

    Parameters
    ----------
    rates : the rates of ``Findings``; ``n_source`` persons had the events, ``n_target`` were at risk.
    persons : distinct persons behind each kind over the whole window.
    quarters : the complete quarters.
    limits : thresholds.
    """
    if rates.is_empty():
        empty = pl.DataFrame(schema=RATE_SCHEMA)
        return ReleasedRates(empty, empty, {}, None)
    rates = rates.filter([limits.shows((role,)) for role in rates["source_role"]])
    complete = rates.filter(pl.col("quarter").is_in(quarters))
    agency = complete.filter(pl.col("unit") == ALL).to_dicts()
    whole = rates.filter(pl.col("unit") == ALL).to_dicts()
    shown = {_key(row): _is_shown(row, limits) for row in agency}
    released = [_rounded(row, ALL, is_shown=shown[_key(row)]) for row in agency]
    _add_limits(released)
    units = _unit_rows(complete.filter(pl.col("unit") != ALL).to_dicts(), agency, quarters, limits)
    return ReleasedRates(
        agency=pl.DataFrame(released, schema=RATE_SCHEMA),
        units=pl.DataFrame(units, schema=RATE_SCHEMA),
        totals=_totals(whole, shown, persons, limits),
        client_days=_client_days(agency),
    )


def _key(row: Row) -> tuple[str, str]:
    return row["kind"], row["quarter"]


def _is_shown(row: Row, limits: Thresholds) -> bool:
    """Whether a cell may be shown: none at all among enough, or enough persons with enough events."""
    role, events = row["source_role"], row["events"]
    if not limits.passes(row["target_role"], row["n_target"]):
        return False
    return events == 0 or (events >= HARD_FLOOR and limits.passes(role, row["n_source"]))


def _rounded(row: Row, unit: str, *, is_shown: bool) -> Row:
    """One released cell. Rates are made from the rounded numbers, so that they give nothing more away."""
    cell: Row = dict.fromkeys(RATE_SCHEMA) | {"unit": unit, "kind": row["kind"], "quarter": row["quarter"]}
    if not is_shown:
        return cell | {"withheld": TOO_FEW}
    events = rounded_count(row["events"]) or 0
    cell |= {"withheld": "", "events": events, "hours_per_1000_hours": significant(row.get("hours_per_1000_hours"))}
    for rate, (exposure, so_many, base) in RATES.items():
        size = to_base(row.get(exposure), base)
        cell[exposure] = size or None
        if size and row.get(rate) is not None:  # a kind of clients has no rate per staff-year
            cell[rate] = significant(so_many * events / size, 3)
    cell["role"] = row.get("role") if cell["role_days"] else None
    return cell


def _add_limits(rows: list[Row]) -> None:
    """u-chart limits from released numbers only; the exact ones would give exact counts away."""
    by_kind: dict[str, list[Row]] = {}
    for row in rows:
        if not row["withheld"]:
            by_kind.setdefault(row["kind"], []).append(row)
    for cells in by_kind.values():
        exposure, scale = _exposure(cells)
        total = sum(cell[exposure] for cell in cells) if exposure else 0
        if not total:
            continue
        centre = sum(cell["events"] for cell in cells) / total
        for cell in cells:
            spread = 3 * math.sqrt(centre / cell[exposure])
            cell["centre"] = significant(scale * centre, 3)
            cell["lower"] = significant(scale * max(0.0, centre - spread), 3)
            cell["upper"] = significant(scale * (centre + spread), 3)


def _exposure(cells: list[Row]) -> tuple[str, int]:
    """Denominator of a kind and the scale of its rate; an empty name where it has no rate."""
    for rate, (exposure, so_many, _) in RATES.items():
        if all(cell[rate] is not None for cell in cells):
            return exposure, so_many
    return "", 0


def _totals(
    rows: list[Row], shown: dict[tuple[str, str], bool], persons: dict[str, int], limits: Thresholds
) -> dict[str, int | None]:
    """Events per kind over the complete quarters, unless they give hidden quarters away."""
    totals: dict[str, int | None] = {}
    for kind in dict.fromkeys(row["kind"] for row in rows):
        mine = [row for row in rows if row["kind"] == kind]
        hidden = [row for row in mine if shown.get(_key(row)) is False and row["events"]]
        others = [row for row in mine if shown.get(_key(row)) is not False]
        threshold = limits.of(mine[0]["source_role"])
        behind = _at_least(hidden, persons.get(kind, 0), others)
        inside = [row for row in mine if _key(row) in shown]
        events = sum(row["events"] for row in inside)
        if any(not shown[_key(row)] for row in inside):
            has_hole = bool(hidden) and (behind < threshold or sum(row["events"] for row in hidden) < HARD_FLOOR)
            totals[kind] = None if has_hole or 0 < events < HARD_FLOOR else rounded_count(events)
        else:
            # The sum of what is shown says nothing new; the rounded sum of exact counts would.
            totals[kind] = sum(rounded_count(row["events"]) or 0 for row in inside)
    return totals


def _at_least(hidden: list[Row], everyone: int, others: Iterable[Row]) -> int:
    """Distinct persons that are surely behind the union of hidden cells."""
    numbers = [row["n_source"] for row in hidden]
    surely = max(0, *numbers, everyone - sum(row["n_source"] for row in others))
    return min(surely, sum(numbers))


def _client_days(rows: list[Row]) -> int | None:
    """Client-days over the complete quarters."""
    by_quarter: dict[str, float] = {}
    for row in rows:
        by_quarter[row["quarter"]] = max(by_quarter.get(row["quarter"], 0.0), row.get("client_days") or 0.0)
    return to_base(sum(by_quarter.values()), DAYS_BASE) or None


def _unit_rows(rows: list[Row], agency: list[Row], quarters: list[str], limits: Thresholds) -> list[Row]:
    """Released cells per unit, in the agency's own order; units that are too small are joined."""
    order = list(dict.fromkeys(row["unit"] for row in rows))
    large = [unit for unit in order if _is_large([row for row in rows if row["unit"] == unit], quarters, limits)]
    if len(large) < MIN_UNITS:
        return []
    released: list[Row] = []
    for whole in agency:
        cells = [row for row in rows if _key(row) == _key(whole)]
        released += _unit_cells(cells, whole, large, limits)
    place = {unit: number for number, unit in enumerate([*large, JOINED])}
    kinds = list(dict.fromkeys(row["kind"] for row in agency))
    released.sort(key=lambda row: (place[row["unit"]], kinds.index(row["kind"]), row["quarter"]))
    return released


def _is_large(rows: list[Row], quarters: list[str], limits: Thresholds) -> bool:
    """Whether on average enough of all who are recorded are there at any time; staff alone are no unit."""
    there = {SERVED: _average(rows, "client_days", 1.0, quarters)}
    # groups are no persons: however many there are, they do not hide anybody
    for role in sorted({row["role"] for row in rows if row.get("role") and limits.of(row["role"])}):
        mine = [row for row in rows if row["role"] == role]
        there[role] = _average(mine, "role_days", 1.0, quarters)
    staff = {WORKING: _average(rows, "staff_years", 365.25, quarters)}
    return any(there.values()) and all(n >= limits.of(role) for role, n in (there | staff).items() if n)


def _average(rows: list[Row], column: str, days: float, quarters: list[str]) -> float:
    """Average number of persons present, from their exposure."""
    by_quarter: dict[str, float] = {}
    for row in rows:
        by_quarter[row["quarter"]] = max(by_quarter.get(row["quarter"], 0.0), row.get(column) or 0.0)
    length = sum((end - start).days for start, end in map(quarter_bounds, quarters))
    return days * sum(by_quarter.values()) / length if length else 0.0


def _unit_cells(cells: list[Row], whole: Row, large: list[str], limits: Thresholds) -> list[Row]:
    """Cells of one kind and quarter, with complements: the whole less what is shown must not be a few persons."""
    own = [row for row in cells if row["unit"] in large]
    small = [row for row in cells if row["unit"] not in large]
    shown = {row["unit"]: _is_shown(row, limits) for row in own}
    if small:
        joined = _joined(small, whole, own)
        own, shown = [*own, joined], {**shown, JOINED: _is_shown(joined, limits)}
    if not _is_shown(whole, limits):
        shown = dict.fromkeys(shown, False)
    _hide_complements(own, whole, shown, limits)
    return [_rounded(row, row["unit"], is_shown=shown[row["unit"]]) for row in own]


def _joined(small: list[Row], whole: Row, large: list[Row]) -> Row:
    """Several small units as one; distinct persons counted from below, since someone may be on two units."""
    joined: Row = {**small[0], "unit": JOINED, "hours_per_1000_hours": None}
    for column in ("events", *(exposure for exposure, _, _ in RATES.values())):
        known = [row[column] for row in small if row.get(column) is not None]
        joined[column] = sum(known) if known else None
    joined["n_source"] = _at_least(small, whole["n_source"], large)
    others = whole["n_target"] - sum(row["n_target"] for row in large)
    numbers = [row["n_target"] for row in small]
    joined["n_target"] = min(max(others, *numbers), sum(numbers))
    return joined


def _hide_complements(rows: list[Row], whole: Row, shown: dict[str, bool], limits: Thresholds) -> None:
    """Hide further cells, fewest persons first, until the hidden ones together hold enough persons."""
    threshold = limits.of(whole["source_role"])
    for row in sorted(rows, key=lambda row: (row["n_source"], row["unit"])):
        hidden = [other for other in rows if not shown[other["unit"]] and other["events"]]
        if not hidden or not threshold:
            return
        visible = [other for other in rows if shown[other["unit"]]]
        if _at_least(hidden, whole["n_source"], visible) >= threshold:
            return
        if row["events"]:
            shown[row["unit"]] = False
