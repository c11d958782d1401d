"""Rows of the target kinds: which events are scored, in which spell, cell and block, and what they read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.design import Feature, Segments, Target
from antiphon.design.passes import Reading, Readings, read_all
from antiphon.design.receptivity import Class, hear
from antiphon.design.risk import in_gap
from antiphon.design.spells import CODE, spells
from antiphon.kernels.spells import last_started

if TYPE_CHECKING:
    from antiphon.design.delays import Kernels
    from antiphon.design.design import Calendar, Kind, Role
    from antiphon.design.events import SetAside
    from antiphon.design.pools import Wiring
    from antiphon.design.risk import Exposure
    from antiphon.design.spells import Spells

CELLS_PER_HALF_LIFE = 2.0
"""A half-life shorter than this many cells of either kind is refused: most of the echo would be unobserved."""


@dataclass(frozen=True, slots=True, repr=False)
class Frame:
    """What all targets share: exposure, kernels, edges of the blocks, calendars, what is set aside, levels of receptivity."""

    exposure: Exposure
    kernels: Kernels
    block_edges: np.ndarray
    calendars: dict[str, Calendar]
    set_aside: SetAside
    most_levels: int


@dataclass(frozen=True, slots=True, repr=False)
class _Scored:
    """Scored rows of one kind."""

    system: np.ndarray
    time: np.ndarray
    end: np.ndarray
    count: np.ndarray
    incident: np.ndarray
    unit: np.ndarray
    cell: np.ndarray
    segment: np.ndarray
    exposure: np.ndarray


@dataclass(frozen=True, slots=True, repr=False)
class ClassReading:
    """Target kinds that were read together, their wirings, and what the pass found."""

    targets: tuple[Target, ...]
    wirings: tuple[Wiring, ...]
    reading: Reading
    days_at_risk: float
    bits: dict[int, int]


def read_role(frame: Frame, number: int, role: Role, wirings: list[Wiring]) -> list[ClassReading]:
    """Return the targets of a role, one pass for all kinds with the same grain of time and the same spells of risk."""
    classes: dict[tuple[str, bool, bytes], list[int]] = {}
    for column, k in enumerate(role.kinds):
        kind = frame.exposure.kinds[k]
        key = (kind.precision, kind.terminal, role.segments.at_risk[:, column].tobytes())
        classes.setdefault(key, []).append(column)
    found = []
    for columns in classes.values():
        scored = {column: _score(frame, role, column) for column in columns}
        scored = {column: rows for column, rows in scored.items() if rows.system.size}
        if scored:
            found.append(_read_class(frame, number, role, scored, wirings))
    return found


def _read_class(
    frame: Frame, number: int, role: Role, scored: dict[int, _Scored], wirings: list[Wiring]
) -> ClassReading:
    column = next(iter(scored))
    kind = frame.exposure.kinds[role.kinds[column]]
    bits = {role.kinds[c]: bit for bit, c in enumerate(scored)}
    rows = list(scored.values())
    system, start, end = (_end_to_end([getattr(s, name) for s in rows]) for name in ("system", "time", "end"))
    marks = _end_to_end([np.broadcast_to(np.int64(1) << (i % 63), s.system.size) for i, s in enumerate(rows)])
    is_coarse, position = kind.precision != "minute", None
    if is_coarse:
        # kinds of one class read the same in the same cell
        order, position = np.lexsort((start, system)), np.empty(system.size, CODE)
        new = np.ones(order.size, bool)
        new[1:] = (np.diff(system[order]) != 0) | (np.diff(start[order]) != 0)
        position[order] = np.cumsum(new) - 1
        kinds = np.zeros(int(new.sum()), np.int64)
        np.bitwise_or.at(kinds, position, marks)
        system, start, end, marks = system[order][new], start[order][new], end[order][new], kinds
    cells = frame.calendars[kind.precision].edges if is_coarse else np.empty(0)
    at_risk = risk_spells(role.segments, column, frame.exposure.roster.n_systems)
    readings = Readings(system, start, end, kind.terminal, marks, cells, at_risk)
    reading = read_all(wirings, readings, frame.exposure.events, frame.kernels, frame.block_edges)
    columns = [
        Feature(w.channel, source, b) for w in wirings for source in w.sources for b in range(frame.kernels.orders.size)
    ]
    kept = np.asarray([_is_long_enough(frame, kind.precision, feature) for feature in columns], bool)
    days = float((at_risk.end - at_risk.start).sum())
    targets, low = [], 0
    for c, part in scored.items():
        here = slice(low, low + part.system.size)
        low = here.stop
        features = reading.features[here if position is None else position[here]]
        features = features if kept.all() else np.ascontiguousarray(features[:, kept])
        chosen = tuple(feature for feature, keep in zip(columns, kept, strict=True) if keep)
        targets.append(_target(frame, number, role, c, part, chosen, features, reading.compensator[:, kept]))
    if role.receptivity:
        read = Class(
            wirings, frame.exposure.events, frame.kernels, readings, frame.block_edges, kept, frame.most_levels
        )
        targets = hear(targets, role, read)
    return ClassReading(tuple(targets), tuple(wirings), reading, days, bits)


def _end_to_end(parts: list[np.ndarray]) -> np.ndarray:
    """Return the parts as one array; one part as it is, since millions of rows are not copied for nothing."""
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def _target(
    frame: Frame, number: int, role: Role, column: int, rows: _Scored, columns: tuple[Feature, ...],
    features: np.ndarray, compensator: np.ndarray,
) -> Target:  # fmt: skip
    edges = frame.block_edges
    block = np.clip(np.searchsorted(edges, rows.time, side="right") - 1, 0, edges.size - 2).astype(CODE)
    width = np.zeros(rows.time.size) if rows.end is rows.time else rows.end - rows.time
    return Target(
        kind=role.kinds[column], role=number, time=rows.time, width=width, count=rows.count,
        system=rows.system, incident=rows.incident, unit=rows.unit, block=block, cell=rows.cell, segment=rows.segment,
        exposure=rows.exposure, columns=columns, features=features, compensator=np.ascontiguousarray(compensator),
    )  # fmt: skip


def _is_long_enough(frame: Frame, precision: str, feature: Feature) -> bool:
    """Say whether a half-life spans at least two cells of the target and of the source kind."""
    grains = {precision, frame.exposure.kinds[feature.source_kind].precision} - {"minute"}
    longest = max((usual_cell(frame.calendars[grain]) for grain in grains), default=0.0)
    return bool(frame.kernels.half_lives[feature.half_life] >= CELLS_PER_HALF_LIFE * longest - 1e-9)


def usual_cell(calendar: Calendar) -> float:
    """Return the median length of a calendar's cells, in days."""
    return float(np.median(np.diff(calendar.edges)))


def risk_spells(segments: Segments, column: int, n_systems: int) -> Spells:
    """Return when each system is at risk of the kind in a column of the segments."""
    on = segments.at_risk[:, column]
    return spells(segments.system[on], None, segments.start[on], segments.end[on], n_systems)


def _score(frame: Frame, role: Role, column: int) -> _Scored:
    """Choose the events of a kind that happened to someone at risk, and count the others by reason."""
    events = frame.exposure.events
    chosen = events.of_kind(role.kinds[column])
    chosen = chosen[events.is_target[chosen]]
    if frame.exposure.kinds[role.kinds[column]].precision == "minute":
        return _score_moments(frame, role, column, chosen)
    return _score_cells(frame, role, column, chosen)


def _segment_at(
    segments: Segments, n_systems: int, system: np.ndarray, time: np.ndarray, is_before: np.ndarray
) -> np.ndarray:
    """Return the segment of each system that holds its moment, or -1."""
    begins = np.searchsorted(segments.system, np.arange(n_systems + 1))
    last = last_started(begins, segments.start, system, time, is_before)
    if not segments.end.size:
        return last
    end = segments.end[last]
    return np.where((last >= 0) & ((end > time) | (is_before & (end == time))), last, -1)


def move_rows(target: Target, kind: Kind, old: Role, new: Role) -> Target:
    """Return a target whose rows are in the segments of a role that was cut otherwise."""
    time, is_before = target.time, kind.terminal and kind.precision == "minute"
    if kind.precision != "minute":
        # the first moment at risk in the cell: where the segment begins, if that is later than the cell
        time = np.maximum(time, old.segments.start[target.segment])
    before = np.full(time.size, is_before)
    return replace(target, segment=_segment_at(new.segments, new.frail.size, target.system, time, before))


def _score_moments(frame: Frame, role: Role, column: int, chosen: np.ndarray) -> _Scored:
    events, segments = frame.exposure.events, role.segments
    system, time = events.system[chosen], events.time[chosen]
    segment = _segment_at(segments, frame.exposure.roster.n_systems, system, time, events.is_terminal[chosen])
    found = segment >= 0
    kept = found.copy()
    kept[found] = segments.at_risk[segment[found], column]
    early = found & ~kept
    early[found] &= segments.alive[segment[found], column]
    _count_reasons(frame, role.kinds[column], system[~kept], time[~kept], early[~kept])
    system, time, segment = system[kept], time[kept], segment[kept]
    edges = frame.calendars["minute"].edges
    cell = np.clip(np.searchsorted(edges, time, side="right") - 1, 0, edges.size - 2).astype(CODE)
    ones = np.ones(system.size, CODE)
    incident, unit = events.incident[chosen[kept]], events.unit[chosen[kept]]
    return _Scored(system, time, time, ones, incident, unit, cell, segment, np.ones(system.size))


def _score_cells(frame: Frame, role: Role, column: int, chosen: np.ndarray) -> _Scored:
    events, segments, n = frame.exposure.events, role.segments, frame.exposure.roster.n_systems
    kind = frame.exposure.kinds[role.kinds[column]]
    edges = frame.calendars[kind.precision].edges
    system, time = events.system[chosen], events.time[chosen]
    cell = np.maximum(np.searchsorted(edges, events.sounds_from[chosen], side="left") - 1, 0)
    risk = risk_spells(segments, column, n)
    exposure = _days_in(risk, system, edges[cell], edges[cell + 1])
    kept = exposure > 0
    history = frame.exposure.history_days
    _count_reasons(frame, role.kinds[column], system[~kept], time[~kept], edges[cell[~kept] + 1] <= history)
    order = np.lexsort((events.incident[chosen][kept], system[kept], cell[kept]))
    system, cell, exposure = system[kept][order], cell[kept][order], exposure[kept][order]
    incident, unit = events.incident[chosen][kept][order], events.unit[chosen][kept][order]
    new = np.ones(system.size, bool)
    new[1:] = (np.diff(system) != 0) | (np.diff(cell) != 0)
    count = np.bincount(np.cumsum(new) - 1, minlength=int(new.sum())).astype(CODE)
    system, cell = system[new], cell[new].astype(CODE)
    pairs = risk.overlaps(system, edges[cell], edges[cell + 1])
    first = np.full(system.size, np.inf)
    np.minimum.at(first, pairs[0], np.maximum(risk.start[pairs[1]], edges[cell][pairs[0]]))
    segment = _segment_at(segments, n, system, first, np.zeros(system.size, bool))
    return _Scored(system, edges[cell], edges[cell + 1], count, incident[new], unit[new], cell, segment, exposure[new])


def _days_in(risk: Spells, system: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the days at risk of each system between two times."""
    query, spell = risk.overlaps(system, start, end)
    shared = np.minimum(risk.end[spell], end[query]) - np.maximum(risk.start[spell], start[query])
    return np.bincount(query, weights=shared, minlength=system.size)


def _count_reasons(frame: Frame, kind: int, system: np.ndarray, time: np.ndarray, is_history: np.ndarray) -> None:
    silent = in_gap(frame.exposure, system, time, kind)
    frame.set_aside.add("in a gap of recording", int(silent.sum()))
    frame.set_aside.add("in the unscored history", int((is_history & ~silent).sum()))
    frame.set_aside.add("not at risk", int((~is_history & ~silent).sum()))
