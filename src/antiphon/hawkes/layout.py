"""Which endemic parameters a target kind has, and which of them each row, cell and piece of time touches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.model.parameters import Endemic

if TYPE_CHECKING:
    from antiphon.design.design import Calendar, Design

LARGEST_PERIOD_TABLE = 1500
"""Organisations x periods above which organisations share the periods."""

PERIOD_PRECISION = 1.0 / 2.0**2
"""Weak ridge: normal on the log scale, standard deviation 2, so that empty periods stay finite."""

LEVEL_PRECISION = 1.0 / 5.0**2
"""Weaker ridge on shifts, weekdays and strata: only keeps a level without events finite."""


@dataclass(frozen=True, slots=True, repr=False)
class Layout:
    """Positions of the endemic parameters in one vector.

    Their order is intercept, shifts, weekdays, strata, organisations, periods, propensity. Absent effects (references,
    levels never at risk) point to the extra slot ``size``.

    Attributes
    ----------
    size : number of endemic parameters.
    names : (size,) their names.
    shift, weekday, stratum, organisation : parameter of each level.
    period : (calendars, periods) parameter of each period; one calendar per organisation, or one for all.
    calendar : (organisations,) calendar of each organisation.
    propensity : parameter of the propensity (``size`` where it is not used).
    period_of_cell : (cells,) period of each calendar cell (that of its middle).
    ridge : (size,) precision of the weak priors.
    """

    size: int
    names: tuple[str, ...]
    shift: np.ndarray
    weekday: np.ndarray
    stratum: np.ndarray
    organisation: np.ndarray
    period: np.ndarray
    calendar: np.ndarray
    propensity: int
    period_of_cell: np.ndarray
    ridge: np.ndarray


def n_periods(design: Design) -> int:
    """Periods of ``period_days`` that cover the window (the claim fit changes the length, not the design)."""
    return max(1, int(np.ceil(design.window_days / design.period_days - 1e-9)))


def periods_of_cells(design: Design, calendar: Calendar) -> np.ndarray:
    """Period of the middle of each cell, (cells,)."""
    middle = 0.5 * (calendar.edges[1:] + calendar.edges[:-1])
    return np.minimum((middle / design.period_days).astype(np.int64), n_periods(design) - 1)


@dataclass(frozen=True, slots=True, repr=False)
class Exposure:
    """Days at risk by level, which decide the levels that exist and the references.

    Attributes
    ----------
    shift, weekday, stratum, organisation : days by level.
    period : (organisations, periods) days.
    """

    shift: np.ndarray
    weekday: np.ndarray
    stratum: np.ndarray
    organisation: np.ndarray
    period: np.ndarray


def build_layout(
    design: Design, calendar: Calendar, exposure: Exposure, *, rhythm: bool, propensity: bool, complete: bool = False
) -> Layout:
    """Lay out the parameters that the time at risk can tell about.

    ``complete`` gives every level its own parameter, references and levels never at risk included: it cannot be
    estimated, but it can hold any given effects exactly.
    """
    names = ["intercept"]
    precision = [0.0]

    def effects(days: np.ndarray, label: str, *, reference: bool, ridge: float) -> np.ndarray:
        result = np.full(days.shape, -1, dtype=np.int64)
        wanted = np.arange(days.size) if complete else np.flatnonzero(days > 0.0)
        if complete:
            pass
        elif reference and wanted.size:
            wanted = wanted[wanted != int(np.argmax(days))]
        elif wanted.size < 2:
            wanted = wanted[:0]
        for level in wanted if rhythm else ():
            result[level] = len(names)
            names.append(f"{label}[{level}]")
            precision.append(ridge)
        return result

    shift = effects(exposure.shift, "shift", reference=True, ridge=LEVEL_PRECISION)
    weekday = effects(exposure.weekday, "weekday", reference=True, ridge=LEVEL_PRECISION)
    stratum = effects(exposure.stratum, "stratum", reference=True, ridge=LEVEL_PRECISION)
    shared = not complete and exposure.period.size > LARGEST_PERIOD_TABLE and design.n_organisations > 1
    by_calendar = exposure.period.sum(axis=0, keepdims=True) if shared else exposure.period
    alone = exposure.organisation if shared else np.zeros(design.n_organisations)
    organisation = effects(alone, "organisation", reference=False, ridge=PERIOD_PRECISION)
    period = effects(by_calendar.ravel(), "period", reference=False, ridge=PERIOD_PRECISION).reshape(by_calendar.shape)
    where = -1
    if propensity:
        where = len(names)
        names.append("propensity")
        precision.append(0.0)
    size = len(names)
    tables = [np.where(table < 0, size, table) for table in (shift, weekday, stratum, organisation, period)]
    return Layout(
        size,
        tuple(names),
        *tables,
        calendar=np.zeros(design.n_organisations, np.int64) if shared else np.arange(design.n_organisations),
        propensity=size if where < 0 else where,
        period_of_cell=periods_of_cells(design, calendar),
        ridge=np.array(precision),
    )


def to_endemic(layout: Layout, parameters: np.ndarray, expected: np.ndarray) -> Endemic:
    """Name the parameters; periods are centred by expected events, the constant goes to the intercept.

    Parameters
    ----------
    layout
        The layout of ``parameters`` (size,).
    expected
        (organisations, periods) endemic events expected in each, the weights of the centring.
    """
    extended = np.append(parameters, 0.0)
    period = extended[layout.period[layout.calendar]] + extended[layout.organisation][:, None]
    total = expected.sum()
    centre = float((period * expected).sum() / total) if total > 0.0 else 0.0
    return Endemic(
        intercept=float(parameters[0]) + centre,
        shift=extended[layout.shift],
        weekday=extended[layout.weekday],
        stratum=extended[layout.stratum],
        period=period - centre,
        propensity=float(extended[layout.propensity]),
    )


def from_endemic(layout: Layout, endemic: Endemic) -> np.ndarray:
    """Parameter vector of this layout nearest to ``endemic`` (a warm start; also exact for its own layout)."""
    extended = np.zeros(layout.size + 1)
    extended[layout.shift] = endemic.shift
    extended[layout.weekday] = endemic.weekday
    extended[layout.stratum] = endemic.stratum
    extended[layout.propensity] = endemic.propensity
    shared = layout.period.shape[0] < layout.calendar.shape[0]
    level = endemic.period.mean(axis=1) if shared else np.zeros(layout.calendar.shape[0])
    extended[layout.organisation] = level
    if endemic.period.shape[1] == layout.period.shape[1]:
        rest = endemic.period - level[:, None]
        extended[layout.period] = rest.mean(axis=0, keepdims=True) if shared else rest
    extended[0] = endemic.intercept
    return extended[:-1]
