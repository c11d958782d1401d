"""Standard charts: control charts per kind and the ladder, as inline SVG without scripts.

The charts are Vega-Lite specifications, written as such: building them through Altair's classes validates and copies
each one many times, which took longer than the rest of the report.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import vl_convert

if TYPE_CHECKING:
    from collections.abc import Sequence

Spec = dict[str, Any]

INK, QUIET, PALE, ACCENT = "#1c2833", "#5b6770", "#e4e8e5", "#0f5c63"
FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
CONFIG = {
    "aria": False,
    "font": FONT,
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {"labelColor": QUIET, "labelFontSize": 11.5, "domainColor": "#b8c0c2", "ticks": False, "title": None},
}
_ID = re.compile(r'\b(id="|url\(#|href="#)([A-Za-z][\w-]*)')
_SIZE = re.compile(r'(<svg[^>]*?) width="([\d.]+)" height="([\d.]+)"')


def control_chart(rows: Sequence[dict[str, Any]], value: str, name: str) -> str:
    """Draw one kind by quarter with its usual level and control limits.

    Parameters
    ----------
    rows : released rates of one kind, in the order of time; at least one is not withheld.
    value : column that is drawn: a rate, or the count where there is no rate.
    name : prefix for ids, unique on the page.

    Returns
    -------
    str
        An ``<svg>`` that is hidden from screen readers: its numbers stand in the table beside it.
    """
    data = [
        {name: row[name] for name in ("quarter", "lower", "upper", "centre")} | {"value": row[value]} for row in rows
    ]
    known = [point for point in data if point["value"] is not None]
    limits = [point for point in data if point["upper"] is not None]
    highest = max([point["value"] for point in known] + [point["upper"] for point in limits])
    ticks = [0, *([limits[0]["centre"]] if limits else []), highest]
    y_scale = {"domain": [0, 1.04 * highest or 1], "nice": False}
    y_axis = {"values": ticks, "format": ",.4~f", "grid": False, "labelOverlap": True}

    def layer(points: list[Spec], mark: Spec, field: str = "value", **encoding: Any) -> Spec:
        y = {"field": field, "type": "quantitative", "scale": y_scale, "axis": y_axis}
        return {"data": {"values": points}, "mark": mark, "encoding": {"x": _quarters(data), "y": y, **encoding}}

    layers = []
    if limits:
        band = {"type": "area", "color": PALE, "interpolate": "step"}
        usual = {"type": "line", "color": QUIET, "strokeWidth": 1, "strokeDash": [4, 3]}
        layers += [layer(limits, band, "lower", y2={"field": "upper"}), layer(limits, usual, "centre")]
    layers.append(layer(data, {"type": "line", "color": INK, "strokeWidth": 1.6}))
    layers.append(layer(known, {"type": "point", "color": INK, "fill": INK, "opacity": 1, "size": 22}))
    outside = [point for point in known if point["centre"] is not None and not _is_usual(point)]
    diamond = {"type": "point", "shape": "diamond", "size": 150, "color": INK, "fill": "white", "opacity": 1}
    layers.append(layer(outside, diamond | {"strokeWidth": 1.8}))
    hidden = [point | {"value": 0} for point in data if point["value"] is None]
    cross = {"type": "point", "shape": "M-1,-1L1,1M-1,1L1,-1", "size": 60, "color": QUIET, "strokeWidth": 1.4}
    layers.append(layer(hidden, cross))
    return _svg({"layer": layers, "width": 216, "height": 92}, name)


def _is_usual(point: Spec) -> bool:
    return point["lower"] <= point["value"] <= point["upper"]


def _quarters(data: list[Spec]) -> Spec:
    """Time axis: every quarter has its place, every first quarter its year."""
    years = "substring(datum.value, 4) == 'Q1' ? substring(datum.value, 0, 4) : ''"
    return {
        "field": "quarter",
        "type": "ordinal",
        "scale": {"padding": 0.3, "domain": [point["quarter"] for point in data]},
        "axis": {"labelExpr": years, "labelAngle": 0, "labelAlign": "center", "labelOverlap": True},
    }


def ladder_chart(rows: Sequence[dict[str, Any]], name: str) -> str:
    """Draw what each rung of the ladder adds, with two standard errors either side.

    Parameters
    ----------
    rows : released rungs with ``label``, ``gain``, ``se`` and ``shown``, the words beside the bar.
    name : prefix for ids, unique on the page.
    """
    data = [row | {"low": row["gain"] - 2 * row["se"], "high": row["gain"] + 2 * row["se"]} for row in rows]
    axis = {"domain": False, "labelLimit": 320, "labelPadding": 12, "labelFontSize": 13, "labelColor": INK}
    y = {"field": "label", "type": "nominal", "sort": [row["label"] for row in rows], "axis": axis}

    def x(field: str) -> Spec:
        return {"field": field, "type": "quantitative", "axis": None}

    layers = [
        {
            "data": {"values": [{"zero": 0}]},
            "mark": {"type": "rule", "color": QUIET, "strokeDash": [2, 3]},
            "encoding": {"x": x("zero")},
        },
        {"mark": {"type": "bar", "color": ACCENT, "height": 11}, "encoding": {"y": y, "x": x("gain")}},
        {
            "mark": {"type": "rule", "color": INK, "strokeWidth": 1.6},
            "encoding": {"y": y, "x": x("low"), "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "text", "align": "left", "dx": 8, "color": INK, "fontSize": 12.5},
            "encoding": {"y": y, "x": x("high"), "text": {"field": "shown", "type": "nominal"}},
        },
    ]
    # Room on both sides: the reader's font may be wider than the one that was measured with.
    room = {"left": 40, "right": 70, "top": 4, "bottom": 4}
    size = {"width": 360, "height": 32 * len(data), "padding": room}
    return _svg({"data": {"values": data}, "layer": layers, **size}, name)


def _svg(spec: Spec, name: str) -> str:
    """SVG of a chart: ids made unique and the same on every run, size left to the page."""
    return inline(vl_convert.vegalite_to_svg(spec | {"config": CONFIG}), name)


def inline(svg: str, name: str) -> str:
    """Make an SVG document a part of the page.

    Parameters
    ----------
    svg : SVG source.
    name : prefix for its ids; they are numbered in order of appearance, whatever they were.
    """
    svg = svg[svg.index("<svg") :]
    numbers: dict[str, int] = {}

    def renamed(match: re.Match[str]) -> str:
        place = numbers.setdefault(match.group(2), len(numbers) + 1)
        return f"{match.group(1)}{name}-{place}"

    svg = _ID.sub(renamed, svg)
    return _SIZE.sub(r'\1 aria-hidden="true" focusable="false" style="max-width:\2px"', svg, count=1)
