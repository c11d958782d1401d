"""One target kind prepared for estimation: rows, time at risk, and where each parameter enters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.hawkes.layout import Exposure, Layout, build_layout, n_periods, periods_of_cells

if TYPE_CHECKING:
    from antiphon.design.design import Calendar, Design, Target
    from antiphon.hawkes.options import Options


LEAST_MASS = 0.5
"""Columns that all readers together heard less of than half an event are left out (their coupling is zero): nothing
is known of them, and a single event that follows an all but vanished one would give them a coupling without bound."""


@dataclass(frozen=True, slots=True, repr=False)
class Pieces:
    """Time at risk of one target kind, cut where an effect of the system itself changes. Sorted by system, then time.

    Attributes
    ----------
    systems : (local systems,) their codes; everything else uses the local code.
    system, calendar : (pieces,) local system; calendar of its organisation.
    cells : (pieces, 2) calendar cells of start and end; ``offsets`` : (pieces, 2) days into them.
    columns : (pieces, 2) parameters of stratum and organisation.
    segment : (pieces,) segment of the role in which the piece starts.
    """

    systems: np.ndarray
    system: np.ndarray
    calendar: np.ndarray
    cells: np.ndarray
    offsets: np.ndarray
    columns: np.ndarray
    segment: np.ndarray


@dataclass(frozen=True, slots=True, repr=False)
class Problem:
    """One target kind: what its likelihood needs, and nothing else.

    Attributes
    ----------
    layout, pieces : see there.
    width, cell_columns : (cells,) days; (cells, 2) parameters of shift and weekday.
    period_start : (periods + 1,) first cell of each period.
    order : (rows,) positions of the rows in the target (rows are sorted by system where a frailty is integrated out).
    pointer : (local systems + 1,) rows of each system.
    row_system, count, exposure : (rows,).
    row_columns : (rows, 5) parameters of shift, weekday, period, stratum, organisation.
    features : (rows, columns); ``compensator`` : (columns,).
    kept : columns of the target that are in use.
    frail : (local systems,) bool; ``any_frail`` whether there is any.
    bernoulli : a terminal kind in coarse time.
    log_r, row_log_r : propensity of each piece and row (0 where not used).
    constant : the endemic part is one number: the intercept.
    """

    layout: Layout
    pieces: Pieces
    width: np.ndarray
    cell_columns: np.ndarray
    period_start: np.ndarray
    order: np.ndarray
    pointer: np.ndarray
    row_system: np.ndarray
    count: np.ndarray
    exposure: np.ndarray
    row_columns: np.ndarray
    features: np.ndarray
    compensator: np.ndarray
    kept: np.ndarray
    frail: np.ndarray
    any_frail: bool
    bernoulli: bool
    log_r: np.ndarray
    row_log_r: np.ndarray
    constant: bool


def end_of_blocks(design: Design, blocks: int | None) -> float:
    """Day on which the first ``blocks`` blocks end (None: all)."""
    return float(design.block_edges[-1 if blocks is None else blocks])


def at_risk_segments(
    design: Design, target: Target, blocks: int | None, log_r: np.ndarray | None
) -> tuple[np.ndarray, ...]:
    """Spells at risk of the target kind before the end of the blocks: first segment, start and end of each.

    Neighbouring segments of a system that differ in nothing that matters are joined.
    """
    role = design.roles[target.role]
    segments = role.segments
    last = end_of_blocks(design, blocks)
    end = np.minimum(segments.end, last)
    keep = np.flatnonzero(segments.at_risk[:, role.kinds.index(target.kind)] & (end > segments.start))
    start, end = segments.start[keep], end[keep]
    if keep.size == 0:
        return keep, start, end
    same = np.ones(keep.size - 1, dtype=bool)
    for codes in (segments.system, segments.stratum, segments.group, log_r):
        if codes is None:
            continue
        same &= codes[keep[1:]] == codes[keep[:-1]]
    same &= start[1:] == end[:-1]
    first = np.flatnonzero(np.append(True, ~same))
    last_of = np.append(first[1:], keep.size) - 1
    return keep[first], start[first], end[last_of]


def _position(edges: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cell = np.clip(np.searchsorted(edges, time, side="right") - 1, 0, edges.size - 2)
    return cell, time - edges[cell]


def _exposure(design: Design, target: Target, calendar: Calendar, spells: tuple[np.ndarray, ...]) -> Exposure:
    """Days at risk by level of every effect."""
    first, start, end = spells
    role = design.roles[target.role]
    group, stratum = role.segments.group[first], role.segments.stratum[first]
    cells = calendar.shift.size
    organisations = design.n_organisations
    days = np.zeros((organisations, cells + 1))
    (c0, o0), (c1, o1) = _position(calendar.edges, start), _position(calendar.edges, end)
    np.add.at(days, (group, c0), 1.0)
    np.add.at(days, (group, c1), -1.0)
    days = days.cumsum(axis=1)[:, :-1] * np.diff(calendar.edges)
    np.add.at(days, (group, c0), -o0)
    np.add.at(days, (group, c1), o1)
    days[days < 1e-9] = 0.0  # rounding
    by_cell = days.sum(axis=0)
    periods = n_periods(design)
    code = np.arange(organisations)[:, None] * periods + periods_of_cells(design, calendar)[None, :]
    return Exposure(
        shift=np.bincount(calendar.shift, by_cell, calendar.n_shifts),
        weekday=np.bincount(calendar.weekday, by_cell, 7),
        stratum=np.bincount(stratum, end - start, len(role.strata)),
        organisation=days.sum(axis=1),
        period=np.bincount(code.ravel(), days.ravel(), organisations * periods).reshape(organisations, periods),
    )


def _nothing(design: Design, target: Target, calendar: Calendar) -> Exposure:
    """Levels without days, for a layout that does not ask for them."""
    organisations, strata = design.n_organisations, len(design.roles[target.role].strata)
    return Exposure(
        shift=np.zeros(calendar.n_shifts),
        weekday=np.zeros(7),
        stratum=np.zeros(strata),
        organisation=np.zeros(organisations),
        period=np.zeros((organisations, n_periods(design))),
    )


def build_problem(
    design: Design, index: int, options: Options, log_r: np.ndarray | None = None, *, complete: bool = False
) -> Problem:
    """Prepare target ``index`` of a design.

    Parameters
    ----------
    design, index, options
        What to prepare, and which time, columns and parts of the model.
    log_r
        (segments of the role,) log propensity; None where it is not used.
    complete
        Give every level its own parameter (to evaluate given effects, not to estimate).

    Returns
    -------
    Problem
        Rows and time at risk before the end of the blocks.
    """
    target = design.targets[index]
    role = design.roles[target.role]
    kind = design.kinds[target.kind]
    calendar = design.calendars[kind.precision]
    blocks = design.block_edges.size - 1 if options.blocks is None else options.blocks
    spells = at_risk_segments(design, target, options.blocks, log_r)
    exposure = _nothing(design, target, calendar) if complete else _exposure(design, target, calendar, spells)
    layout = build_layout(
        design,
        calendar,
        exposure,
        rhythm=options.rhythm,
        propensity=log_r is not None,
        complete=complete,
    )
    rows = np.flatnonzero(target.block < blocks)
    systems, codes = np.unique(
        np.concatenate([role.segments.system[spells[0]], target.system[rows]]), return_inverse=True
    )
    pieces = _pieces(design, target, calendar, layout, spells, systems, codes[: spells[0].size])
    row_system = codes[spells[0].size :]
    frail = role.frail[systems] & (options.frailty and not kind.terminal)
    order = np.argsort(row_system, kind="stable") if frail.any() else np.arange(rows.size)
    rows, row_system = rows[order], row_system[order]
    mass = target.compensator[:blocks].sum(axis=0)
    wanted = mass >= LEAST_MASS
    if options.columns is not None:
        wanted &= options.columns[index]
    columns = np.flatnonzero(wanted)
    row_columns = _row_columns(design, target, layout, calendar, rows)
    cell_columns = np.stack([layout.shift[calendar.shift], layout.weekday[calendar.weekday]], axis=1)
    return Problem(
        layout=layout,
        pieces=pieces,
        width=np.diff(calendar.edges),
        cell_columns=np.ascontiguousarray(cell_columns),
        period_start=np.searchsorted(layout.period_of_cell, np.arange(layout.period.shape[1] + 1)),
        order=rows,
        pointer=np.searchsorted(row_system, np.arange(systems.size + 1)) if frail.any() else np.zeros(1, np.int64),
        row_system=row_system,
        count=target.count[rows].astype(np.float64),
        exposure=target.exposure[rows].astype(np.float64),
        row_columns=row_columns,
        features=_features(target, rows, columns),
        compensator=mass[columns],
        kept=columns,
        frail=frail,
        any_frail=bool(frail.any()),
        bernoulli=kind.terminal and kind.precision != "minute",
        log_r=np.zeros(pieces.system.size) if log_r is None else log_r[pieces.segment],
        row_log_r=np.zeros(rows.size) if log_r is None else log_r[target.segment[rows]],
        constant=bool(layout.size == 1 and np.all(target.count == 1) and np.all(target.exposure == 1.0)),
    )


def _features(target: Target, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The features as they are where all are used in their order, otherwise a copy."""
    whole = target.features
    if columns.size < whole.shape[1]:
        whole = whole[:, columns]
    if rows.size < target.count.size or np.any(rows[1:] < rows[:-1]):
        whole = whole[rows]
    return np.ascontiguousarray(whole)


def _pieces(
    design: Design,
    target: Target,
    calendar: Calendar,
    layout: Layout,
    spells: tuple[np.ndarray, ...],
    systems: np.ndarray,
    system: np.ndarray,
) -> Pieces:
    first, start, end = spells
    segments = design.roles[target.role].segments
    (c0, o0), (c1, o1) = _position(calendar.edges, start), _position(calendar.edges, end)
    group = segments.group[first]
    return Pieces(
        systems=systems,
        system=system.astype(np.int32),
        calendar=layout.calendar[group].astype(np.int32),
        cells=np.stack([c0, c1], axis=1).astype(np.int32),
        offsets=np.stack([o0, o1], axis=1),
        columns=np.stack([layout.stratum[segments.stratum[first]], layout.organisation[group]], axis=1).astype(
            np.int32
        ),
        segment=first,
    )


def _row_columns(design: Design, target: Target, layout: Layout, calendar: Calendar, rows: np.ndarray) -> np.ndarray:
    segments = design.roles[target.role].segments
    cell, segment = target.cell[rows], target.segment[rows]
    group = segments.group[segment]
    columns = [
        layout.shift[calendar.shift[cell]],
        layout.weekday[calendar.weekday[cell]],
        layout.period[layout.calendar[group], layout.period_of_cell[cell]],
        layout.stratum[segments.stratum[segment]],
        layout.organisation[group],
    ]
    return np.ascontiguousarray(np.stack(columns, axis=1))
