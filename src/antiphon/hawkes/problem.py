"""One target kind prepared for estimation: rows, time at risk, and where each parameter enters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.hawkes.layout import Exposure, Layout, build_layout, periods_of_cells
from antiphon.kernels.curvature import Rows, Stays
from antiphon.kernels.likelihood import Pieces

if TYPE_CHECKING:
    from antiphon.design.design import Calendar, Design, Role, Segments, Target
    from antiphon.hawkes.options import Options


LEAST_MASS = 0.5
"""Columns that all readers together heard less of than half an event are left out (their coupling is zero): nothing
is known of them, and a single event that follows an all but vanished one would give them a coupling without bound."""

FEWEST_UNIT_EVENTS = 20
"""Events from which on it can be told how much units differ."""


@dataclass(frozen=True, slots=True, repr=False)
class Problem:
    """One target kind: what its likelihood needs, and nothing else.

    Attributes
    ----------
    layout, pieces : see there; pieces are sorted by system, then time.
    systems : (local systems,) their codes; everything else uses the local code.
    segment : (pieces,) segment of the role in which the piece starts.
    stays : the pieces by organisation and system.
    width, cell_columns : (cells,) days; (cells, 2) parameters of shift and weekday.
    order : (rows,) positions of the rows in the target (rows are sorted by system where a frailty is integrated out).
    pointer : (local systems + 1,) rows of each system.
    row_system, count, exposure : (rows,).
    rows : endemic effects of the rows.
    features : (rows, columns); ``compensator`` : (columns,).
    kept : columns of the target that are in use.
    frail : (local systems,) bool; ``any_frail`` whether there is any.
    bernoulli : a terminal kind in coarse time.
    constant : the endemic part is one number: the intercept.
    """

    layout: Layout
    pieces: Pieces
    systems: np.ndarray
    segment: np.ndarray
    stays: Stays
    width: np.ndarray
    cell_columns: np.ndarray
    order: np.ndarray
    pointer: np.ndarray
    row_system: np.ndarray
    count: np.ndarray
    exposure: np.ndarray
    rows: Rows
    features: np.ndarray
    compensator: np.ndarray
    kept: np.ndarray
    frail: np.ndarray
    any_frail: bool
    bernoulli: bool
    constant: bool

    @property
    def has_units(self) -> bool:
        """Whether units are taken to differ."""
        return bool((self.layout.unit < self.layout.size).any())

    @property
    def has_effects(self) -> bool:
        """Whether there are random effects: of units, or of periods around a trend."""
        return self.has_units or self.layout.trend.size > 0


def end_of_blocks(design: Design, blocks: int | None) -> float:
    """Day on which the first ``blocks`` blocks end (None: all)."""
    return float(design.block_edges[-1 if blocks is None else blocks])


def at_risk_segments(
    design: Design, target: Target, blocks: int | None, log_r: np.ndarray | None, *, by_unit: bool
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
    codes_of = [segments.system, segments.stratum, segments.group, *([] if log_r is None else [log_r])]
    codes_of += [segments.unit] if by_unit else []
    for codes in (*codes_of, *segments.covariates[:, applying(design, target)].T):
        same &= codes[keep[1:]] == codes[keep[:-1]]
    same &= start[1:] == end[:-1]
    first = np.flatnonzero(np.append(True, ~same))
    last_of = np.append(first[1:], keep.size) - 1
    return keep[first], start[first], end[last_of]


def applying(design: Design, target: Target) -> np.ndarray:
    """Covariates of the role that apply to a target kind."""
    found = [c.kinds is None or target.kind in c.kinds for c in design.roles[target.role].covariates]
    return np.flatnonzero(np.asarray(found, bool))


def position(edges: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cell that holds each time, and days into it."""
    cell = np.clip(np.searchsorted(edges, time, side="right") - 1, 0, edges.size - 2)
    return cell, time - edges[cell]


def _exposure(design: Design, target: Target, calendar: Calendar, spells: tuple[np.ndarray, ...]) -> Exposure:
    """Days at risk by level of every effect."""
    first, start, end = spells
    role = design.roles[target.role]
    group, stratum = role.segments.group[first], role.segments.stratum[first]
    organisations, periods = design.n_organisations, design.n_periods
    days = np.zeros((organisations, calendar.shift.size + 1))
    (c0, o0), (c1, o1) = position(calendar.edges, start), position(calendar.edges, end)
    np.add.at(days, (group, c0), 1.0)
    np.add.at(days, (group, c1), -1.0)
    days = days.cumsum(axis=1)[:, :-1] * np.diff(calendar.edges)
    np.add.at(days, (group, c0), -o0)
    np.add.at(days, (group, c1), o1)
    days[days < 1e-9] = 0.0  # rounding
    by_cell = days.sum(axis=0)
    code = np.arange(organisations)[:, None] * periods + periods_of_cells(design, calendar)[None, :]
    return Exposure(
        shift=np.bincount(calendar.shift, by_cell, calendar.n_shifts),
        weekday=np.bincount(calendar.weekday, by_cell, 7),
        stratum=np.bincount(stratum, end - start, len(role.strata)),
        period=np.bincount(code.ravel(), days.ravel(), organisations * periods).reshape(organisations, periods),
        unit=np.zeros(0),
        organisation=np.zeros(0, np.int64),
        varies=_varying(design, target, role.segments.covariates[first]),
    )


def _unit_days(role: Role, spells: tuple[np.ndarray, ...]) -> np.ndarray:
    """Days at risk in each unit of the role."""
    first, start, end = spells
    unit = role.segments.unit[first]
    return np.bincount(unit[unit >= 0], (end - start)[unit >= 0], role.units.size)


def _varying(design: Design, target: Target, values: np.ndarray) -> np.ndarray:
    """Whether each covariate applies to the kind and takes more than one value, (covariates of the role,)."""
    found = np.zeros(values.shape[1], bool)
    mine = applying(design, target)
    if values.shape[0]:
        found[mine] = np.ptp(values[:, mine], axis=0) > 0.0
    return found


def _nothing(design: Design, target: Target, calendar: Calendar) -> Exposure:
    """Levels without days, for a layout that does not ask for them."""
    return Exposure(
        shift=np.zeros(calendar.n_shifts),
        weekday=np.zeros(7),
        stratum=np.zeros(len(design.roles[target.role].strata)),
        period=np.zeros((design.n_organisations, design.n_periods)),
        unit=np.zeros(0),
        organisation=np.zeros(0, np.int64),
        varies=_varying(design, target, design.roles[target.role].segments.covariates),
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
        Give every level its own parameter and leave the couplings out (to evaluate given effects, not to estimate).

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
    has_units = options.units and options.frailty and options.rhythm and bool(role.segments.unit.size)
    has_units &= complete or target.count[target.block < blocks].sum() >= FEWEST_UNIT_EVENTS
    spells = at_risk_segments(design, target, options.blocks, log_r, by_unit=has_units)
    exposure = _nothing(design, target, calendar) if complete else _exposure(design, target, calendar, spells)
    if has_units:
        exposure = replace(exposure, unit=_unit_days(role, spells), organisation=role.units)
    layout = build_layout(
        design,
        calendar,
        exposure,
        rhythm=options.rhythm,
        propensity=log_r is not None,
        trend_days=options.trend_days,
        complete=complete,
    )
    rows = np.flatnonzero(target.block < blocks)
    systems, codes = np.unique(
        np.concatenate([role.segments.system[spells[0]], target.system[rows]]), return_inverse=True
    )
    piece_system, row_system = codes[: spells[0].size], codes[spells[0].size :]
    covariates = _covariates(design, target, layout, log_r)
    pieces = _pieces(design, target, calendar, layout, spells, piece_system, covariates)
    frail = role.frail[systems] & (options.frailty and not kind.terminal)
    order = np.argsort(row_system, kind="stable") if frail.any() else np.arange(rows.size)
    rows, row_system = rows[order], row_system[order]
    mass = target.compensator[:blocks].sum(axis=0)
    wanted = mass >= LEAST_MASS
    if options.columns is not None:
        wanted &= options.columns[index]
    columns = np.flatnonzero(wanted & (not complete))
    cell_columns = np.stack([layout.shift[calendar.shift], layout.weekday[calendar.weekday]], axis=1)
    return Problem(
        layout=layout,
        pieces=pieces,
        systems=systems,
        segment=spells[0],
        stays=_stays(pieces, systems.size, design.n_organisations),
        width=np.diff(calendar.edges),
        cell_columns=np.ascontiguousarray(cell_columns),
        order=rows,
        pointer=np.searchsorted(row_system, np.arange(systems.size + 1)) if frail.any() else np.zeros(1, np.int64),
        row_system=row_system,
        count=target.count[rows].astype(np.float64),
        exposure=target.exposure[rows].astype(np.float64),
        rows=_rows(design, target, layout, calendar, rows, covariates),
        features=_features(target, rows, columns),
        compensator=mass[columns],
        kept=columns,
        frail=frail,
        any_frail=bool(frail.any()),
        bernoulli=kind.terminal and kind.precision != "minute",
        constant=bool(layout.size == 1 and np.all(target.count == 1) and np.all(target.exposure == 1.0)),
    )


def _features(target: Target, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The features as they are where all are used in their order, otherwise a copy."""
    whole = target.features
    if not columns.size:
        return np.zeros((rows.size, 0))
    if columns.size < whole.shape[1]:
        whole = whole[:, columns]
    if rows.size < target.count.size or np.any(rows[1:] < rows[:-1]):
        whole = whole[rows]
    return np.ascontiguousarray(whole)


def _covariates(design: Design, target: Target, layout: Layout, log_r: np.ndarray | None) -> np.ndarray:
    """Covariates of the endemic part by segment of the role, in the order of their parameters; the propensity is last."""
    segments = design.roles[target.role].segments
    columns = segments.covariates[:, layout.covariate < layout.size]
    return columns if log_r is None else np.column_stack([columns, log_r])


def _pieces(
    design: Design,
    target: Target,
    calendar: Calendar,
    layout: Layout,
    spells: tuple[np.ndarray, ...],
    system: np.ndarray,
    covariates: np.ndarray,
) -> Pieces:
    first, start, end = spells
    segments = design.roles[target.role].segments
    (c0, o0), (c1, o1) = position(calendar.edges, start), position(calendar.edges, end)
    unit, unit_place = _units(segments, layout, first)
    return Pieces(
        system=system.astype(np.int32),
        group=segments.group[first].astype(np.int32),
        cells=np.stack([c0, c1], axis=1).astype(np.int32),
        offsets=np.stack([o0, o1], axis=1),
        stratum=layout.stratum[segments.stratum[first]].astype(np.int32),
        unit=unit,
        unit_place=unit_place,
        covariates=np.ascontiguousarray(covariates[first]),
    )


def _units(segments: Segments, layout: Layout, segment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parameter of the unit of each segment, and its place among the local parameters; -1 where it has none."""
    if not layout.unit.size:
        return np.full(segment.size, layout.size, np.int32), np.full(segment.size, -1, np.int32)
    unit = segments.unit[segment]
    column = np.append(layout.unit, layout.size)[unit].astype(np.int32)
    return column, np.where(column < layout.size, layout.period.size + unit, -1).astype(np.int32)


def _stays(pieces: Pieces, n_systems: int, n_organisations: int) -> Stays:
    key = pieces.group.astype(np.int64) * n_systems + pieces.system
    order = np.argsort(key, kind="stable")
    stays, begins = np.unique(key[order], return_index=True)
    return Stays(
        order=order,
        begins=np.append(begins, order.size),
        system=stays % max(n_systems, 1),
        first=np.searchsorted(stays, np.arange(n_organisations + 1) * n_systems),
    )


def _rows(
    design: Design, target: Target, layout: Layout, calendar: Calendar, rows: np.ndarray, covariates: np.ndarray
) -> Rows:
    segments = design.roles[target.role].segments
    cell, segment = target.cell[rows], target.segment[rows]
    group, period = segments.group[segment], layout.period_of_cell[cell]
    columns = np.empty((rows.size, 5), np.int32)  # filled one by one: side by side they were the most memory of all
    columns[:, 0] = layout.shift[calendar.shift[cell]]
    columns[:, 1] = layout.weekday[calendar.weekday[cell]]
    columns[:, 2] = layout.stratum[segments.stratum[segment]]
    columns[:, 3] = layout.period[group, period]
    columns[:, 4], unit_places = _units(segments, layout, segment)
    return Rows(
        columns=columns,
        covariates=np.ascontiguousarray(covariates[segment]),
        places=group * design.n_periods + period,
        unit_places=unit_places,
        first_covariate=layout.first_covariate,
        n_central=layout.central,
    )
