"""What each section of the page shows, made from released tables: words, rows, and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from antiphon.report.charts import control_chart, ladder_chart
from antiphon.report.words import COMPONENTS, Words, capital, delay, number, p_value, per_100

if TYPE_CHECKING:
    from collections.abc import Iterable

    from antiphon.release.released import Released

Row = dict[str, Any]

MOST_QUARTERS = 8
MOST_UNIT_KINDS = 6
MOST_COUPLINGS = 25
LEAST_SHOWN = 1 / 3
BAR_WIDTH = 698.0
RATES = {
    "per_1000_client_days": "per 1,000 client-days",
    "per_100_staff_years": "per 100 staff-years",
    "per_1000_role_days": "per 1,000 days of",
    "events": "events",
}
STEPS = (
    ("incident log", "an incident log", "counts, rhythm, what follows inside an incident, and echoes between units"),
    (
        "census",
        "a census (who was there when)",
        "rates, a person's own recent past, peers among clients, lasting differences",
    ),
    (
        "time cards or roster",
        "time cards or a roster",
        "staff as people in the picture, echoes between clients and staff",
    ),
    (
        "staff changes",
        "personnel changes and a log of decisions",
        "loss, turnover, and echoes up and down the organisation",
    ),
    ("survey", "a survey", "how people are doing, beside what happened"),
)


def quarter_words(quarter: str) -> str:
    """Write ``"2024Q1"`` as ``"Q1 2024"``."""
    return f"{quarter[4:]} {quarter[:4]}"


def _drawn_value(rows: Iterable[Row]) -> str:
    rows = list(rows)
    return next((name for name in RATES if any(row[name] is not None for row in rows)), "events")


def _measure(rows: Iterable[Row], value: str, words: Words) -> str:
    """Say what a rate is per; of a role of the agency's own with its own words."""
    role = next((row["role"] for row in rows if row["role"]), "")
    return f"{RATES[value]} {words.role(role)}" if value == "per_1000_role_days" else RATES[value]


def glance(released: Released) -> list[Row]:
    """Rates per kind: a control chart and the last quarters, most frequent kinds first within each role.

    Parameters
    ----------
    released : released tables.
    """
    words = Words.of(released)
    entries = []
    for place, kind in enumerate(dict.fromkeys(released.rates["kind"])):
        rows = released.rates.filter(pl.col("kind") == kind).sort("quarter").to_dicts()
        value = _drawn_value(rows)
        has_values = any(row[value] is not None for row in rows)
        entries.append(
            {
                "label": capital(words.kind(kind)),
                "measure": _measure(rows, value, words),
                "chart": control_chart(rows, value, f"chart-{place + 1}") if has_values else None,
                "cells": [_rate_cell(row, value) for row in rows[-MOST_QUARTERS:]],
                "is_outside": any(_is_outside(row, value) for row in rows),
                "centre": next((number(row["centre"]) for row in rows if row["centre"] is not None), ""),
            }
        )
    return entries


def last_quarters(released: Released) -> list[str]:
    """Name the quarters that the tables of rates show."""
    return [quarter_words(quarter) for quarter in released.records["quarters"][-MOST_QUARTERS:]]


def _rate_cell(row: Row, value: str) -> Row:
    if row["withheld"]:
        return {"main": "", "small": row["withheld"], "is_outside": False}
    if value == "events":
        return {"main": number(row["events"]), "small": "", "is_outside": False}
    if row[value] is None:
        return {"main": number(row["events"]), "small": "events", "is_outside": False}
    return {
        "main": number(row[value]),
        "small": f"{number(row['events'])} events",
        "is_outside": _is_outside(row, value),
    }


def _is_outside(row: Row, value: str) -> bool:
    return row["centre"] is not None and row[value] is not None and not row["lower"] <= row[value] <= row["upper"]


def couplings(released: Released) -> list[Row]:
    """Rows of the table of couplings in plain words: every claimed one, and others up to the 25th, as many as there may be arrows.

    Parameters
    ----------
    released : released tables.
    """
    words = Words.of(released)
    return [
        {
            "row": row["row"],
            "source": capital(words.kind(row["source_kind"])),
            "target": words.kind(row["target_kind"]),
            "among": words.among(row["channel"], row["to_role"]),
            "echoes": per_100(row["echoes"]) if row["echoes"] is not None else "",
            "interval": interval(row),
            "delay": delay(row["median_delay_hours"]) if row["median_delay_hours"] is not None else "-",
            "q": p_value(row["q"]) if row["q"] is not None else "-",
            "verdict": _verdict(row),
            "withheld": row["withheld"],
            "claimed": bool(row["claimed"]),
        }
        for row in released.couplings.to_dicts()
        if not row["withheld"] and (row["claimed"] or row["row"] <= MOST_COUPLINGS)
    ]


def by_domain(released: Released) -> list[Row]:
    """Rows of the table of couplings of domains in plain words.

    Parameters
    ----------
    released : released tables.
    """
    words = Words.of(released)
    return [
        {
            "source": capital(words.kind(row["source_kind"])),
            "target": words.kind(row["target_kind"]),
            "among": words.among(row["channel"], row["to_role"]),
            "echoes": per_100(row["echoes"]),
            "interval": interval(row),
            "smallest": per_100(row["smallest"]) if row["smallest"] is not None else "-",
            "q": p_value(row["q"]),
            "verdict": _verdict(row),
            "claimed": bool(row["claimed"]),
        }
        for row in released.by_domain.to_dicts()
        if not row["withheld"]
    ]


def interval(row: Row) -> str:
    """Write the ends of an interval of a share, or a dash.

    Parameters
    ----------
    row : with ``low`` and ``high``.
    """
    if row["low"] is None or row["high"] is None:
        return "-"
    return f"{per_100(row['low'])} to {per_100(row['high'])}"


def _verdict(row: Row) -> str:
    if row["claimed"]:
        return "more than its rivals explain" + (", interval approximate" if row["approximate"] else "")
    return row["label"] or "not told apart from its rivals"


def parallel(released: Released) -> Row:
    """The parallel-process table: domains by pairs of levels.

    Parameters
    ----------
    released : released tables.
    """
    words = Words.of(released)
    rows = released.parallel.to_dicts()
    pairs = list(dict.fromkeys((row["from_level"], row["to_level"]) for row in rows))
    cells = {(row["domain"], row["from_level"], row["to_level"]): row for row in rows}
    lines = []
    for domain in dict.fromkeys(row["domain"] for row in rows):
        line = [_parallel_cell(cells.get((domain, *pair))) for pair in pairs]
        lines.append({"domain": capital(words.domain(domain)), "cells": line})
    heads = [(words.role(source), words.role(target)) for source, target in pairs]
    return {"pairs": heads, "lines": lines}


def _parallel_cell(row: Row | None) -> Row:
    if row is None:
        return {"main": "", "small": "not looked at", "is_clear": False}
    if row["withheld"]:
        return {"main": "", "small": row["withheld"], "is_clear": False}
    is_clear = row["direction"] in {"one way", "both ways"}
    strength = f"about {per_100(row['strength'])} for every 100" if row["strength"] is not None else ""
    return {"main": strength, "small": row["direction"] or "", "is_clear": is_clear}


def attribution(released: Released) -> list[Row]:
    """One stacked bar per kind, most frequent kinds first, with what could not be told apart left open.

    Parameters
    ----------
    released : released tables.
    """
    words = Words.of(released)
    kinds = []
    counts = {kind: count or 0 for kind, count in released.records["events"].items()}
    for kind in sorted(dict.fromkeys(released.attribution["kind"]), key=lambda kind: -counts.get(kind, 0)):
        rows = released.attribution.filter(pl.col("kind") == kind).to_dicts()
        shown = {row["component"]: row for row in rows if not row["withheld"]}
        if shown:
            kinds.append(
                {
                    "label": capital(words.kind(kind)),
                    "segments": _segments(shown),
                    "cells": [_share_cell(row) for row in _in_order(rows)],
                }
            )
    return kinds


def _in_order(rows: list[Row]) -> list[Row | None]:
    by_component = {row["component"]: row for row in rows}
    return [by_component.get(component) for component in COMPONENTS]


def _share_cell(row: Row | None) -> Row:
    if row is None or row["withheld"]:
        return {"main": "", "small": row["withheld"] if row else "not in these records"}
    return {"main": per_100(row["direct"]), "small": f"{per_100(row['low'])} to {per_100(row['high'])}"}


def _segments(shown: dict[str, Row]) -> list[Row]:
    total = max(1.0, sum(row["direct"] for row in shown.values()))
    segments, x = [], 1.0
    for component in COMPONENTS:
        share = shown[component]["direct"] / total if component in shown else 0.0
        if share:
            segments.append(
                {"component": component, "x": x, "width": BAR_WIDTH * share, "label": per_100(share * total)}
            )
            x += BAR_WIDTH * share
    left = 1.0 + BAR_WIDTH - x
    if left > 0.01 * BAR_WIDTH:
        segments.append({"component": "withheld", "x": x, "width": left, "label": ""})
    return segments


def loops(released: Released) -> list[Row]:
    """Circles in plain words, each step with how it is made.

    Parameters
    ----------
    released : released tables.
    """
    words = Words.of(released)
    return [
        {
            "steps": [words.node(node) for node in row["nodes"]],
            "via": row["via"],
            "gain": per_100(row["gain"]),
            "interval": interval(row),
        }
        for row in released.loops.to_dicts()
    ]


def units(released: Released) -> list[Row]:
    """Time per unit: for the most frequent kinds a table of units by quarters.

    Parameters
    ----------
    released : released tables.
    """
    words, table = Words.of(released), released.unit_rates
    kinds = (
        table.group_by("kind")
        .agg(pl.col("events").sum(), (pl.col("withheld") == "").mean().alias("shown"))
        .filter((pl.col("events") > 0) & (pl.col("shown") >= LEAST_SHOWN))
        .sort(["events", "kind"], descending=[True, False])["kind"]
    )
    entries = []
    for kind in kinds.head(MOST_UNIT_KINDS):
        rows = table.filter(pl.col("kind") == kind)
        value = _drawn_value(rows.to_dicts())
        measure = _measure(rows.to_dicts(), value, words)
        lines = []
        for unit in dict.fromkeys(rows["unit"]):
            cells = rows.filter(pl.col("unit") == unit).sort("quarter").to_dicts()[-MOST_QUARTERS:]
            lines.append({"unit": unit, "cells": [_rate_cell(row, value) for row in cells]})
        entries.append({"label": capital(words.kind(kind)), "measure": measure, "lines": lines})
    return entries


def ladder(released: Released) -> Row:
    """The ladder as rows and as a chart.

    Parameters
    ----------
    released : released tables.
    """
    rows = [
        {
            "rung": row["rung"],
            "label": capital(row["name"]),
            "gain": row["gain"],
            "se": row["se"],
            "shown": f"{number(row['gain'])} (give or take {number(row['se'])})",
            "withheld": row["withheld"],
        }
        for row in released.ladder.to_dicts()
        if row["rung"] > 0 and row["gain"] is not None and row["se"] is not None
    ]
    return {"rows": rows, "chart": ladder_chart(rows, "ladder-chart") if rows else None}


def fit(released: Released) -> list[Row]:
    """How well the model fits each kind, those that it fits least first.

    Parameters
    ----------
    released : released tables.
    """
    words = Words.of(released)
    return [
        {
            "label": capital(words.kind(row["kind"])),
            "ks": number(row["ks"]) if row["ks"] is not None else "",
            "p": p_value(row["p"]),
            "verdict": row["withheld"] or _fit_words(row["p"]),
        }
        for row in released.diagnostics.sort("p", nulls_last=True, maintain_order=True).to_dicts()
    ]


def _fit_words(p: float | None) -> str:
    if p is None:
        return "not known"
    return "no misfit seen" if p >= 0.05 else "fits loosely: read with care"


def detectable(released: Released, most: int = 12) -> Row:
    """The smallest echoes that would have been seen, for those pairs where least is needed first.

    Parameters
    ----------
    released : released tables.
    most : rows that are printed; the files beside the report have all.
    """
    words = Words.of(released)
    rows = released.detectable.filter(pl.col("smallest").is_not_null()).sort("smallest").to_dicts()
    shown = [
        {
            "source": capital(words.kind(row["source_kind"])),
            "target": words.kind(row["target_kind"]),
            "travels": words.travels(row["channel"]),
            "smallest": per_100(row["smallest"]),
        }
        for row in rows[:most]
    ]
    return {"rows": shown, "has_more": len(rows) > most}


def method(released: Released) -> Row:
    """How it was done: channels, half-lives, versions, and what the next file would add.

    Parameters
    ----------
    released : released tables.
    """
    words, settings = Words.of(released), released.settings
    have = set(released.records["have"])
    missing = [step for step in STEPS if step[0] not in have]
    return {
        "channels": [(name, capital(words.travels(name))) for name in settings["channels"]],
        "half_lives": [
            value if isinstance(value, str) else f"{number(value)} days" for value in settings.get("half_lives", [])
        ],
        "steps": [{"what": capital(what), "gives": gives, "has": name in have} for name, what, gives in STEPS],
        "next": missing[0] if missing else None,
        "versions": sorted(settings.get("versions", {}).items()),
    }
