"""The picture of the agency: levels as rows, kinds of events as nodes, echoes as arrows as wide as they are large."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from antiphon.report.words import Words, number, per_100

if TYPE_CHECKING:
    from collections.abc import Iterable

    from antiphon.release.released import Released

Node = tuple[str, str]
Point = tuple[float, float]

MOST_NODES, MOST_ARROWS = 25, 25
WIDTH, LEFT = 1000.0, 118.0
NODE_WIDTH, NODE_HEIGHT = 138.0, 54.0
ROW_GAP, LANE_GAP = 66.0, 74.0
CLEAR = NODE_HEIGHT / 2 + 3.0
PER_ROW = 5
WIDEST, THINNEST, HOLLOW = 12.0, 1.4, 4.2
PEOPLE = ("leader", "supervisor", "clinician", "staff")
"""Roles of people from above; those of the agency's own follow, and whoever is served comes last."""


@dataclass(slots=True)
class Box:
    """A node with its place (centre) and its words."""

    role: str
    kind: str
    lines: list[str]
    events: str
    x: float = 0.0
    y: float = 0.0
    row: int = 0

    @property
    def left(self) -> float:
        """Left edge."""
        return self.x - NODE_WIDTH / 2

    @property
    def top(self) -> float:
        """Upper edge."""
        return self.y - NODE_HEIGHT / 2


@dataclass(frozen=True, slots=True)
class Arrow:
    """A coupling as a path with a head and a number that refers to the table."""

    path: str
    head: str
    width: float
    core: float
    is_claimed: bool
    is_across: bool
    row: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Lane:
    """A level: its words and the band that it takes up."""

    lines: list[str]
    y: float
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that the template draws."""

    width: float
    height: float
    lanes: list[Lane] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    legend: list[tuple[float, str]] = field(default_factory=list)
    left_out: int = 0


def drawn_couplings(released: Released) -> list[dict[str, Any]]:
    """Couplings that are drawn: released ones with a lower limit above zero, claimed ones first.

    Parameters
    ----------
    released : released tables.
    """
    rows = [row for row in released.couplings.to_dicts() if not row["withheld"] and row["echoes"]]
    rows = [row for row in rows if row["claimed"] or (row["low"] or 0.0) > 0]
    return rows[:MOST_ARROWS]


def draw(released: Released) -> Picture:
    """Lay the picture out.

    Parameters
    ----------
    released : released tables.
    """
    words = Words.of(released)
    rows = drawn_couplings(released)
    nodes, left_out = _nodes(released, rows)
    rows = [row for row in rows if {_source(row), _target(row)} <= set(nodes)]
    boxes = {node: _box(node, events, words) for node, events in nodes.items()}
    lanes, height = _place(boxes, rows, words)
    widest = max((row["echoes"] for row in rows), default=1.0)
    arrows = _arrows(rows, boxes, widest)
    return Picture(WIDTH, height, lanes, list(boxes.values()), arrows, _legend(rows, widest), left_out)


def _source(row: dict[str, Any]) -> Node:
    return row["from_role"], row["source_kind"]


def _target(row: dict[str, Any]) -> Node:
    return row["to_role"], row["target_kind"]


def _nodes(released: Released, rows: list[dict[str, Any]]) -> tuple[dict[Node, int | None], int]:
    """Nodes that are drawn, those with arrows first, then the most frequent; and how many are left out."""
    events: dict[Node, int | None] = {(row["role"], row["kind"]): row["events"] for row in released.nodes.to_dicts()}
    linked = list(dict.fromkeys(node for row in rows for node in (_source(row), _target(row))))
    others = sorted((node for node in events if node not in linked), key=lambda node: (-(events[node] or 0), node))
    chosen = [*linked, *(node for node in others if events[node])][:MOST_NODES]
    shown = len([node for node in {**events, **dict.fromkeys(linked)} if events.get(node) or node in linked])
    return {node: events.get(node) for node in chosen}, shown - len(chosen)


def _box(node: Node, events: int | None, words: Words) -> Box:
    lines = textwrap.wrap(words.kind(node[1]), 19, break_long_words=False)
    if len(lines) > 2:
        lines = [lines[0], textwrap.shorten(" ".join(lines[1:]), 21, placeholder=" ...")]
    return Box(node[0], node[1], lines, "" if events is None else f"about {number(events)}")


def _lane_order(roles: Iterable[str], words: Words) -> list[str]:
    """Levels of groups as the agency has them, outermost first, then people."""
    level_of = words.labels["levels"]
    levels = {level: place for place, level in enumerate(dict.fromkeys(level_of.values()))}
    people = {role: place for place, role in enumerate((*PEOPLE, "", "client"))}

    def place(role: str) -> tuple[int, int, str]:
        return levels.get(level_of.get(role, ""), len(levels)), people.get(role, people[""]), role

    return sorted(set(roles), key=place)


def _place(boxes: dict[Node, Box], rows: list[dict[str, Any]], words: Words) -> tuple[list[Lane], float]:
    """Give every box its place: rows per level, in each row those close to what they are tied to."""
    lanes, top, row_number = [], 10.0, 0
    order = _lane_order((box.role for box in boxes.values()), words)
    grid: list[list[Box]] = []
    for role in order:
        mine = [box for box in boxes.values() if box.role == role]
        n_rows = -(-len(mine) // PER_ROW)
        height = n_rows * NODE_HEIGHT + (n_rows - 1) * ROW_GAP + LANE_GAP
        for place in range(n_rows):
            line = mine[place::n_rows]
            for box in line:
                box.y = top + LANE_GAP / 2 + NODE_HEIGHT / 2 + place * (NODE_HEIGHT + ROW_GAP)
                box.row = row_number
            row_number += 1
            grid.append(line)
        lines = textwrap.wrap(words.role(role), 13, break_long_words=False)
        lanes.append(Lane(lines, top + height / 2, top, height))
        top += height
    for line in grid:
        _spread(line)
    for _ in range(6):
        for line in grid:
            _untangle(line, boxes, rows)
    return lanes, top + 10.0


def _spread(line: list[Box]) -> None:
    """Spread a row evenly; every other row is shifted, so that arrows across rows are rarely straight above boxes."""
    shift = 26.0 if len(line) > 1 else 0.0
    step = (WIDTH - LEFT - 8.0 - shift) / len(line)
    for place, box in enumerate(line):
        box.x = LEFT + (place + 0.5) * step + (shift if box.row % 2 else 0.0)


def _untangle(line: list[Box], boxes: dict[Node, Box], rows: list[dict[str, Any]]) -> None:
    """Order a row by the average place of what its boxes are tied to, so that fewer arrows cross."""

    def pull(box: Box) -> float:
        ends = [(boxes[_source(row)], boxes[_target(row)]) for row in rows]
        near = [b.x if a is box else a.x for a, b in ends if (a is box) != (b is box)]
        return sum(near) / len(near) if near else box.x

    line.sort(key=lambda box: (pull(box), box.kind))
    _spread(line)


def _arrows(rows: list[dict[str, Any]], boxes: dict[Node, Box], widest: float) -> list[Arrow]:
    ports = _ports(rows, boxes)
    gaps = _Gaps(list(boxes.values()))
    taken: list[Point] = []
    arrows = []
    for row in rows:
        source, target = boxes[_source(row)], boxes[_target(row)]
        width = max(THINNEST if row["claimed"] else HOLLOW, WIDEST * row["echoes"] / widest)
        ends = ports[row["row"], "from"], ports[row["row"], "to"]
        line, tip = _curve(source, target, ends, width, gaps)
        x, y = _badge(line, taken, boxes.values())
        taken.append((x, y))
        arrows.append(
            Arrow(
                path=_path(line),
                head=_head(line[-1], tip, width),
                width=round(width, 2),
                core=round(width - 2.4, 2),
                is_claimed=bool(row["claimed"]),
                is_across=row["from_role"] != row["to_role"],
                row=row["row"],
                x=round(x, 1),
                y=round(y, 1),
            )
        )
    return arrows


def _path(line: list[Point]) -> str:
    """Write a chain of cubic curves as SVG."""
    words = [f"{x:.1f} {y:.1f}" for x, y in line]
    return f"M{words[0]}" + "".join(f"C{' '.join(words[place : place + 3])}" for place in range(1, len(words), 3))


def _sides(source: Box, target: Box) -> tuple[int, int]:
    """Side of each box where the arrow starts and ends: -1 upper, 1 lower."""
    if source.row == target.row:
        return -1, -1
    return (1, -1) if source.row < target.row else (-1, 1)


def _ports(rows: list[dict[str, Any]], boxes: dict[Node, Box]) -> dict[tuple[int, str], float]:
    """Where on the side of its box each arrow starts and ends: ordered by where it comes from or goes to."""
    sides: dict[tuple[Node, int], list[tuple[float, int, str]]] = {}
    for row in rows:
        source, target = boxes[_source(row)], boxes[_target(row)]
        out, into = _sides(source, target)
        own = 40.0 if source is target else 0.0
        sides.setdefault((_source(row), out), []).append((target.x + own, row["row"], "from"))
        sides.setdefault((_target(row), into), []).append((source.x + own - 1.0, row["row"], "to"))
    places = {}
    for (node, _), ends in sides.items():
        ends.sort()
        for place, (_, number_of_row, end) in enumerate(ends):
            share = (place + 1) / (len(ends) + 1)
            places[number_of_row, end] = boxes[node].left + 12 + share * (NODE_WIDTH - 24)
    return places


class _Gaps:
    """Where an arrow may pass through a row that it skips: between boxes, each passage used by one arrow."""

    def __init__(self, boxes: list[Box]) -> None:
        self.rows: dict[int, list[Box]] = {}
        for box in boxes:
            self.rows.setdefault(box.row, []).append(box)
        self.used: list[Point] = []

    def passage(self, row: int, wanted: float, width: float) -> Point:
        """Find the free place in a row that is nearest to ``wanted``."""
        line = self.rows[row]
        y = line[0].y
        clear = NODE_WIDTH / 2 + 7.0 + width / 2
        places = [
            wanted,
            *(box.x + side * shift for box in line for side in (-1, 1) for shift in (clear, clear + 12.0 + width)),
        ]
        free = [x for x in places if LEFT < x < WIDTH - 8 and all(abs(x - box.x) >= clear - 0.1 for box in line)]
        unused = [x for x in free if all(abs(x - used_x) > 6.0 + width for used_x, used_y in self.used if used_y == y)]
        chosen = (min(unused or free or [wanted], key=lambda x: (abs(x - wanted), x)), y)
        self.used.append(chosen)
        return chosen


def _curve(source: Box, target: Box, ends: tuple[float, float], width: float, gaps: _Gaps) -> tuple[list[Point], Point]:
    """Points of a chain of cubic curves (start, two controls, end, two controls, end ...) and the tip of the arrow."""
    out, into = _sides(source, target)
    head = 5.0 + 1.2 * width
    start = (ends[0], source.y + out * NODE_HEIGHT / 2)
    tip = (ends[1], target.y + into * NODE_HEIGHT / 2)
    end = (ends[1], tip[1] + into * head)
    if source.row == target.row:
        lift = 34.0 + min(30.0, abs(end[0] - start[0]) / 14.0)
        return [start, (start[0], start[1] - lift), (end[0], end[1] - lift + head), end], tip
    step = 1 if target.row > source.row else -1
    skipped = range(source.row + step, target.row, step)
    stops = [start]
    for number_of_row in skipped:
        share = abs(number_of_row - source.row) / abs(target.row - source.row)
        x, y = gaps.passage(number_of_row, start[0] + share * (end[0] - start[0]), width)
        stops += [(x, y - step * CLEAR), (x, y + step * CLEAR)]
    stops.append(end)
    line = [start]
    for (x0, y0), (x1, y1) in pairwise(stops):
        reach = 0.55 * (y1 - y0)
        line += [(x0, y0 + reach), (x1, y1 - reach), (x1, y1)]
    return line, tip


def _head(end: Point, tip: Point, width: float) -> str:
    half = 3.6 + 0.75 * width
    return f"{end[0] - half:.1f},{end[1]:.1f} {end[0] + half:.1f},{end[1]:.1f} {tip[0]:.1f},{tip[1]:.1f}"


def _on_curve(line: list[Point], t: float) -> Point:
    """Point at share ``t`` of a chain of cubic curves."""
    n = (len(line) - 1) // 3
    piece = min(int(t * n), n - 1)
    t = t * n - piece
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    controls = line[3 * piece : 3 * piece + 4]
    return (
        sum(weight * point[0] for weight, point in zip(weights, controls, strict=True)),
        sum(weight * point[1] for weight, point in zip(weights, controls, strict=True)),
    )


def _badge(line: list[Point], taken: list[Point], boxes: Iterable[Box]) -> Point:
    """Find a place for the number on the curve, away from other numbers and from boxes."""

    def free(point: Point) -> float:
        apart = [abs(point[0] - x) + abs(point[1] - y) for x, y in taken]
        clear = [max(abs(point[0] - box.x) - NODE_WIDTH / 2, abs(point[1] - box.y) - NODE_HEIGHT / 2) for box in boxes]
        return min([26.0, *apart, *(2.0 * distance for distance in clear)])

    tries = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82]
    return max((_on_curve(line, t) for t in tries), key=free)


def _legend(rows: list[dict[str, Any]], widest: float) -> list[tuple[float, str]]:
    """Widths of the largest, a middle and the smallest arrow that are drawn, with what they stand for."""
    values = sorted({row["echoes"] for row in rows})
    if not values:
        return []
    chosen = dict.fromkeys([values[0], values[len(values) // 2], values[-1]])
    return [(round(max(THINNEST, WIDEST * value / widest), 2), per_100(value)) for value in chosen]
