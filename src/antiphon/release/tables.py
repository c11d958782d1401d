"""One function per table: which rows may be named, which values may be shown, how they are rounded."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from antiphon.release.cells import checked, has_enough, named, passed, sizes, uncertain, withheld
from antiphon.release.released import TOO_FEW, TOO_UNCERTAIN
from antiphon.release.rounding import decimals, rounded_count, significant
from antiphon.release.thresholds import HARD_FLOOR

if TYPE_CHECKING:
    from antiphon.release.thresholds import Thresholds

Row = dict[str, Any]
TEXT, WHOLE, NUMBER, YES = pl.String, pl.Int64, pl.Float64, pl.Boolean

_percent = partial(decimals, places=2)
_echoes = partial(decimals, places=3)
Pairs = frozenset[tuple[str, str]]
WIDEST_RATIO = 4.0
"""An interval of a rate ratio that is wider, such as from half to twice, says next to nothing; and where it is narrower
more than eight events stand on either side of a comparison of two groups, for 1/m + 1/n is then under 0.125."""
_SIZES = {"n_source": WHOLE, "n_target": WHOLE, "n_units": WHOLE}
_INTERVAL = {"low": NUMBER, "high": NUMBER}


def as_is(value: Any) -> Any:
    """No rounding: words, and yes or no."""
    return value


_TESTED = {
    "echoes": _echoes,
    "low": _echoes,
    "high": _echoes,
    "p": significant,
    "q": significant,
    "claimed": as_is,
    "approximate": as_is,
    "label": as_is,
    "median_delay_hours": significant,
}


def _coupling_schema(names: tuple[str, ...], values: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = dict.fromkeys(names, TEXT) | dict.fromkeys(values, NUMBER)
    return schema | {"claimed": YES, "approximate": YES, "label": TEXT} | _SIZES | {"withheld": TEXT}


def couplings(table: pl.DataFrame, few: Pairs, limits: Thresholds) -> pl.DataFrame:
    """Release couplings: claimed ones first, then those surely above zero, each by how much echoes; ``row`` numbers them.

    So the arrows of the picture, which are these, have the first numbers.

    ``few`` are pairs of kinds that share the incidents of too few persons: what lies inside them stays there.
    """
    values = _TESTED | {"same_cell_share": _percent, "within_incident_share": _percent}
    names = ("channel", "from_role", "source_kind", "to_role", "target_kind")
    rows = []
    for row in named(checked("couplings", table), limits):
        if limits.shows((row["from_role"], row["to_role"])):
            cell = passed(row, values, limits)
            within = row["n_within"]
            is_few = within is not None and not limits.passes(row["to_role"], within)
            if is_few or (row["source_kind"], row["target_kind"]) in few:
                cell["within_incident_share"] = None
            rows.append({name: row[name] for name in names} | cell | sizes(row, limits, is_shown=not cell["withheld"]))
    rows.sort(
        key=lambda row: (
            bool(row["withheld"]), not row["claimed"], not (row["low"] or 0.0) > 0.0, -(row["echoes"] or 0.0),
            *map(row.get, names),
        )
    )  # fmt: skip
    released = pl.DataFrame(rows, schema=_coupling_schema(names, values))
    return released.with_row_index("row", offset=1).with_columns(pl.col("row").cast(WHOLE))


def by_domain(table: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Release couplings of domains: claimed ones first, then by how much echoes. Persons are counted once per domain."""
    values = _TESTED | {"smallest": significant}
    names = ("channel", "from_role", "source_kind", "source_domain", "to_role", "target_kind", "target_domain")
    rows = []
    for row in named(checked("by_domain", table), limits):
        if limits.shows((row["from_role"], row["to_role"])):
            cell = passed(row, values, limits)
            rows.append({name: row[name] for name in names} | cell | sizes(row, limits, is_shown=not cell["withheld"]))
    rows.sort(
        key=lambda row: (bool(row["withheld"]), not row["claimed"], -(row["echoes"] or 0.0), *map(row.get, names))
    )
    return pl.DataFrame(rows, schema=_coupling_schema(names, values))


def responses(table: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Release responses inside incidents. Neither the incidents with the second kind nor those without may be a few."""
    shares = ("share", "low", "high", "n")
    odds = ("odds", "odds_low", "odds_high")
    values = dict(zip(shares, (_percent, _percent, _percent, rounded_count), strict=True))
    values |= dict.fromkeys(odds, significant) | {"adjusted_for": as_is}
    again = {f"{name}_recorded": values[name] for name in shares}
    rows = []
    for row in named(checked("responses", table), limits):
        cell = uncertain(passed(row, values, limits), tuple(name for name in values if name != "n"))
        if not cell["withheld"] and _has_few(row["share"] * row["n"], row["n"]):
            cell = withheld(values, TOO_FEW)
        rows.append(
            {"first_kind": row["first_kind"], "second_kind": row["second_kind"]}
            | cell
            | (dict.fromkeys(again) if cell["withheld"] else _recorded(row, again, limits))
            | sizes(row, limits, is_shown=not cell["withheld"])
        )
    _withhold_reverse(rows)
    columns = {name: WHOLE if name.startswith("n") else NUMBER for name in (*shares, *again, *odds)}
    schema = {"first_kind": TEXT, "second_kind": TEXT} | columns | {"adjusted_for": pl.List(TEXT)}
    return pl.DataFrame(rows, schema=schema | _SIZES | {"withheld": TEXT})


def _withhold_reverse(rows: list[Row]) -> None:
    """Withhold a pair of kinds both ways round: the incidents that have both are the same."""
    few = {(row["second_kind"], row["first_kind"]) for row in rows if row["withheld"] == TOO_FEW}
    for row in rows:
        if (row["first_kind"], row["second_kind"]) in few:
            row.update(withheld(set(row) - {"first_kind", "second_kind"}, TOO_FEW))


def _recorded(row: Row, values: dict[str, Any], limits: Thresholds) -> Row:
    """Give what recorded incident numbers alone say, by the same rules."""
    behind = row | {side: row.get(f"{side}_recorded") or 0 for side in ("n_source", "n_target")}
    cell = uncertain(passed(behind, values, limits), tuple(values), "low_recorded", "high_recorded")
    if cell["withheld"] or _has_few(row["share_recorded"] * row["n_recorded"], row["n_recorded"]):
        return dict.fromkeys(values)
    return {name: cell[name] for name in values}


def too_few(responses: pl.DataFrame) -> Pairs:
    """Name the pairs of kinds of which released responses say nothing, as too few persons share the incidents."""
    rows = responses.filter(pl.col("withheld") == TOO_FEW)
    return frozenset(rows.select("first_kind", "second_kind").iter_rows())


def response_contrasts(table: pl.DataFrame, few: Pairs, limits: Thresholds) -> pl.DataFrame:
    """Release by what answers differ; nothing of a pair of kinds that shares the incidents of too few persons."""
    names = ("first_kind", "second_kind", "differs_by", "level", "against")
    values = dict.fromkeys(("odds_ratio", "low", "high", "p", "q"), significant) | {"n": rounded_count}
    rows = []
    for row in named(checked("response_contrasts", table), limits):
        if row["differs_by"] == "directed at" and not limits.shows((row["level"], row["against"])):
            continue
        is_few = (row["first_kind"], row["second_kind"]) in few
        cell = withheld(values, TOO_FEW) if is_few else passed(row, values, limits)
        rows.append({name: row[name] for name in names} | cell | sizes(row, limits, is_shown=not cell["withheld"]))
    schema = dict.fromkeys(names, TEXT) | dict.fromkeys(values, NUMBER) | {"n": WHOLE} | _SIZES
    return pl.DataFrame(rows, schema=schema | {"withheld": TEXT})


def _has_few(part: float, whole: float) -> bool:
    return any(0.5 <= count < HARD_FLOOR for count in (part, whole - part))


def of_all_events(name: str, table: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Release a number of 100 events of all kinds: how many are echoed, or the branching ratio."""
    values = {"value": _percent, "low": _percent, "high": _percent}
    rows = [uncertain(passed(row, values, limits), tuple(values)) for row in named(checked(name, table), limits)]
    return pl.DataFrame(rows, schema={"value": NUMBER, **_INTERVAL, "withheld": TEXT})


def attribution(table: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Release attribution: shares add up to one, so a withheld one never stands alone."""
    values = {"direct": _percent, "root": _percent, "low": _percent, "high": _percent}
    rows = checked("attribution", table)
    kept: list[Row] = []
    for kind in dict.fromkeys(row["kind"] for row in rows):
        mine = [row for row in rows if row["kind"] == kind]
        if not limits.shows(row["target_role"] for row in mine):
            continue
        cells = [passed(row, values, limits) for row in mine]
        _withhold_shares(cells, tuple(values))
        kept += [
            {"kind": kind, "component": row["component"]} | cell | sizes(row, limits, is_shown=not cell["withheld"])
            for row, cell in zip(mine, cells, strict=True)
        ]
    schema = {"kind": TEXT, "component": TEXT, "direct": NUMBER, "root": NUMBER}
    return pl.DataFrame(kept, schema=schema | _INTERVAL | _SIZES | {"withheld": TEXT})


def _withhold_shares(cells: list[Row], values: tuple[str, ...]) -> None:
    """Withhold uncertain shares, and a second share where one alone would be what is left of 100."""
    for cell in cells:
        cell.update(uncertain(cell, values))
    hidden = [cell for cell in cells if cell["withheld"]]
    shown = [cell for cell in cells if not cell["withheld"]]
    if len(hidden) != 1 or not shown:
        return
    if hidden[0]["withheld"] == TOO_FEW:
        partner = min(shown, key=lambda cell: cell["direct"])
    else:
        partner = max(shown, key=lambda cell: cell["high"] - cell["low"])
    partner.update(withheld(values, hidden[0]["withheld"]))


def ladder(table: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Release the ladder of rival explanations."""
    values = {"log_score": _echoes, "gain": partial(decimals, places=4), "se": partial(decimals, places=4)}
    rows = [
        {"rung": row["rung"], "name": row["name"]} | passed(row, values, limits)
        for row in named(checked("ladder", table), limits)
    ]
    schema = {"rung": WHOLE, "name": TEXT, "log_score": NUMBER, "gain": NUMBER, "se": NUMBER, "withheld": TEXT}
    return pl.DataFrame(rows, schema=schema)


def loops(table: pl.DataFrame, few: Pairs, limits: Thresholds) -> pl.DataFrame:
    """Release loops, whole ones only: a loop through a node or an answer that is not shown is not shown."""
    values = {"gain": _echoes, "low": _echoes, "high": _echoes}
    rows = []
    for row in named(checked("loops", table), limits):
        roles, kinds = zip(*(map(str.strip, node.split(":", 1)) for node in row["nodes"]), strict=True)
        via = list(row.get("via") or ["echo"] * len(kinds))
        inside = {
            pair for pair, way in zip(zip(kinds, kinds[1:] + kinds[:1], strict=True), via, strict=True) if way != "echo"
        }
        if limits.shows(roles) and has_enough(row, limits) and not inside & few:
            rows.append({"nodes": list(row["nodes"]), "via": via} | passed(row, values, limits))
    return pl.DataFrame(
        rows, schema={"nodes": pl.List(TEXT), "via": pl.List(TEXT), "gain": NUMBER, **_INTERVAL, "withheld": TEXT}
    )


def diagnostics(table: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Release how well the model fits, per kind."""
    rows = [
        {"kind": row["kind"]} | passed(row, {"ks": _echoes, "p": significant}, limits)
        for row in named(checked("diagnostics", table), limits)
    ]
    return pl.DataFrame(rows, schema={"kind": TEXT, "ks": NUMBER, "p": NUMBER, "withheld": TEXT})


def detectable(table: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Release the smallest couplings that the records would have shown."""
    names = ("channel", "source_kind", "target_kind")
    rows = [
        {name: row[name] for name in names} | passed(row, {"smallest": significant}, limits)
        for row in named(checked("detectable", table), limits)
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, TEXT) | {"smallest": NUMBER, "withheld": TEXT})


def parallel(table: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Release the parallel-process table: domains by pairs of levels."""
    names = ("domain", "from_level", "to_level")
    values = {"strength": _echoes, "direction": as_is, "p": significant, "q": significant, "evidence": as_is}
    rows = []
    for row in named(checked("parallel", table), limits):
        if limits.shows((row["from_level"], row["to_level"])):
            cell = passed(row, values, limits)
            rows.append({name: row[name] for name in names} | cell | sizes(row, limits, is_shown=not cell["withheld"]))
    schema: dict[str, Any] = dict.fromkeys(names, TEXT) | {
        "strength": NUMBER,
        "direction": TEXT,
        "p": NUMBER,
        "q": NUMBER,
    }
    return pl.DataFrame(rows, schema=schema | {"evidence": TEXT} | _SIZES | {"withheld": TEXT})


def nodes(table: pl.DataFrame, totals: dict[str, int | None], limits: Thresholds) -> pl.DataFrame:
    """Release the nodes of the picture; their events are those of the complete quarters."""
    rows = []
    for row in named(checked("nodes", table), limits):
        if not limits.shows((row["role"],)):
            continue
        is_shown = limits.passes(row["source_role"], row["n_source"])
        events = totals.get(row["kind"]) if is_shown else None
        rows.append(
            {
                "role": row["role"],
                "kind": row["kind"],
                "events": events,
                "withheld": "" if events is not None else TOO_FEW,
            }
        )
    return pl.DataFrame(rows, schema={"role": TEXT, "kind": TEXT, "events": WHOLE, "withheld": TEXT})


def effects(table: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Release ratios of circumstances, in the agency's own order; never sorted by value."""
    names = ("kind", "covariate", "unit", "on")
    values: dict[str, Any] = {"ratio": significant, "low": significant, "high": significant}
    rows = []
    for row in named(checked("effects", table), limits):
        cell = passed(row, values, limits)
        if not cell["withheld"] and not _is_ratio_certain(row["low"], row["high"]):
            cell = withheld(values, TOO_UNCERTAIN)
        rows.append({name: row[name] for name in names} | cell | sizes(row, limits, is_shown=not cell["withheld"]))
    schema: dict[str, Any] = dict.fromkeys(names, TEXT) | {"ratio": NUMBER} | _INTERVAL | _SIZES | {"withheld": TEXT}
    return pl.DataFrame(rows, schema=schema)


def controls(table: pl.DataFrame, few: Pairs, limits: Thresholds) -> pl.DataFrame:
    """Release what rival explanations make of couplings, where the coupling itself is shown.

    Nothing is said of incidents read apart for ``few``: pairs of kinds that share the incidents of too few persons.
    """
    names = ("channel", "from_role", "source_kind", "to_role", "target_kind", "code")
    values: dict[str, Any] = {"verdict": as_is, "p": significant, "power": _percent, "estimate": _echoes}
    rows = []
    for row in named(checked("controls", table), limits):
        if not limits.shows((row["from_role"], row["to_role"])):
            continue
        is_few = row["code"] == "incidents" and (row["source_kind"], row["target_kind"]) in few
        cell = withheld(values, TOO_FEW) if is_few else passed(row, values, limits)
        rows.append({name: row[name] for name in names} | cell)
    schema: dict[str, Any] = dict.fromkeys(names, TEXT) | dict.fromkeys(values, NUMBER) | {"verdict": TEXT}
    return pl.DataFrame(rows, schema=schema | {"withheld": TEXT})


def robustness(table: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Release what claimed couplings rest on; never which unit it is that one of them hangs on."""
    names = ("channel", "from_role", "source_kind", "to_role", "target_kind")
    values: dict[str, Any] = {"low": _echoes, "high": _echoes, "hangs_on_one": as_is}
    values |= dict.fromkeys(("p_exchanged", "smallest_p", "shock_factor", "shock_days"), significant)
    rows = [
        {name: row[name] for name in names} | passed(row, values, limits)
        for row in named(checked("robustness", table), limits)
        if limits.shows((row["from_role"], row["to_role"]))
    ]
    schema: dict[str, Any] = dict.fromkeys(names, TEXT) | dict.fromkeys(values, NUMBER) | {"hangs_on_one": YES}
    return pl.DataFrame(rows, schema=schema | {"withheld": TEXT})


def _is_ratio_certain(low: float, high: float) -> bool:
    return math.isfinite(high) and 0.0 < high < WIDEST_RATIO * low
