"""Which endemic parameters a target kind has, and which of them each row, cell and piece of time touches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.clock import period_of_cells
from antiphon.model.parameters import Endemic

if TYPE_CHECKING:
    from antiphon.design.design import Calendar, Design

PERIOD_PRECISION = 1.0 / 2.0**2
"""Weak ridge: normal on the log scale, standard deviation 2, so that empty periods stay finite."""

LEVEL_PRECISION = 1.0 / 5.0**2
"""Weaker ridge on shifts, weekdays and strata: only keeps a level without events finite."""

FEWEST_UNITS = 5
"""Units beyond the first of each organisation from which on it can be told how much units differ."""


@dataclass(frozen=True, slots=True, repr=False)
class Layout:
    """Positions of the endemic parameters in one vector.

    Their order is intercept, shifts, weekdays, strata, covariates, propensity: the central ones, which everyone may share; then the
    units and the periods of the first organisation, of the second, and so on: the local ones. Absent effects (references, levels never
    at risk) point to the extra slot ``size``.

    Attributes
    ----------
    size : number of endemic parameters; ``central`` : number of those that everyone may share.
    names : (size,) their names.
    shift, weekday, stratum : parameter of each level.
    period : (organisations, periods) parameter of each period.
    unit : (units of the role,) parameter of each unit; no entries where units are not taken to differ.
    first_unit : (organisations + 1,) first unit of each organisation.
    begins : (organisations + 1,) first local parameter of each organisation.
    places : (local parameters,) what each stands for: period ``organisation * periods + period``, then units.
    trend : (local parameters,) stretch of the trend that a period belongs to, by organisation; no entries where periods are
        free.
    first_covariate : parameter of the first covariate; the propensity, where it is used, is the last of them.
    covariate : (covariates of the role,) parameter of each.
    propensity : parameter of the propensity (``size`` where it is not used).
    period_of_cell : (cells,) period of each calendar cell (that of its middle).
    period_start : (periods + 1,) first cell of each period.
    ridge : (size,) precision of the weak priors.
    """

    size: int
    central: int
    names: tuple[str, ...]
    shift: np.ndarray
    weekday: np.ndarray
    stratum: np.ndarray
    period: np.ndarray
    unit: np.ndarray
    first_unit: np.ndarray
    begins: np.ndarray
    places: np.ndarray
    trend: np.ndarray
    first_covariate: int
    covariate: np.ndarray
    propensity: int
    period_of_cell: np.ndarray
    period_start: np.ndarray
    ridge: np.ndarray

    @property
    def unit_places(self) -> np.ndarray:
        """Parameters of the units' effects, in their order."""
        return self.unit[self.unit < self.size]


def periods_of_cells(design: Design, calendar: Calendar) -> np.ndarray:
    """Period of the middle of each cell, (cells,)."""
    return period_of_cells(calendar, design.period_days, design.n_periods)


@dataclass(frozen=True, slots=True, repr=False)
class Exposure:
    """Days at risk by level, which decide the levels that exist and the references.

    Attributes
    ----------
    shift, weekday, stratum : days by level.
    period : (organisations, periods) days.
    unit : (units of the role,) days; no entries where units are not taken to differ.
    organisation : (units of the role,) organisation of each unit.
    varies : (covariates of the role,) bool, whether a covariate applies to the kind and is not the same throughout.
    """

    shift: np.ndarray
    weekday: np.ndarray
    stratum: np.ndarray
    period: np.ndarray
    unit: np.ndarray
    organisation: np.ndarray
    varies: np.ndarray


def build_layout(
    design: Design,
    calendar: Calendar,
    exposure: Exposure,
    *,
    rhythm: bool,
    propensity: bool,
    trend_days: float | None = None,
    complete: bool = False,
) -> Layout:
    """Lay out the parameters that the time at risk can tell about.

    Without ``rhythm`` the endemic part is one rate. ``complete`` gives every level its own parameter, references and levels never at risk included: it cannot be
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
    first_covariate = len(names)
    covariate = np.where(exposure.varies & rhythm, first_covariate + np.cumsum(exposure.varies) - 1, -1)
    names += [f"covariate[{j}]" for j in np.flatnonzero(covariate >= 0)]
    precision += [LEVEL_PRECISION] * (len(names) - first_covariate)
    if propensity:
        names.append("propensity")
        precision.append(0.0)
    central = len(names)
    days = exposure.period
    places = _local_places(exposure, complete=complete) if rhythm else np.zeros(0, np.int64)
    size = central + places.size
    place_of = np.full(days.size + exposure.unit.size, -1, np.int64)
    place_of[places] = np.arange(central, size)
    names += [f"period[{p}]" if p < days.size else f"unit[{p - days.size}]" for p in places]
    precision += np.where(places < days.size, PERIOD_PRECISION, 0.0).tolist()
    owner = _owners(exposure)
    period, unit = place_of[: days.size].reshape(days.shape), place_of[days.size :]
    tables = [np.where(table < 0, size, table) for table in (shift, weekday, stratum, period, unit, covariate)]
    period_of_cell = periods_of_cells(design, calendar)
    return Layout(
        size,
        central,
        tuple(names),
        *tables[:5],
        first_unit=np.searchsorted(exposure.organisation[: exposure.unit.size], np.arange(days.shape[0] + 1)),
        begins=central + np.searchsorted(owner[places], np.arange(days.shape[0] + 1)),
        places=places,
        trend=np.zeros(0, np.int64) if trend_days is None else _trend(design, places, trend_days),
        first_covariate=first_covariate,
        covariate=tables[5],
        propensity=central - 1 if propensity else size,
        period_of_cell=period_of_cell,
        period_start=np.searchsorted(period_of_cell, np.arange(days.shape[1] + 1)),
        ridge=np.array(precision),
    )


def _owners(exposure: Exposure) -> np.ndarray:
    """Organisation of each place, (places,)."""
    organisations, periods = exposure.period.shape
    by_period = np.repeat(np.arange(organisations), periods)
    return np.concatenate([by_period, exposure.organisation[: exposure.unit.size]])


def _local_places(exposure: Exposure, *, complete: bool) -> np.ndarray:
    """Places of periods and units that have a parameter, organisation by organisation, units first."""
    periods = exposure.period.ravel() > 0.0
    if periods.sum() < 2:
        periods[:] = False
    units = exposure.unit > 0.0
    spare = units.sum() - np.unique(exposure.organisation[: units.size][units]).size
    if spare < FEWEST_UNITS:
        units[:] = False
    wanted = np.concatenate([periods | complete, units | complete])
    is_period = np.arange(wanted.size) < periods.size
    order = np.lexsort((np.arange(wanted.size), is_period, _owners(exposure)))
    return order[wanted[order]]


def _trend(design: Design, places: np.ndarray, trend_days: float) -> np.ndarray:
    """Stretch of the trend in which the middle of each period lies, counted through the organisations; none of one each."""
    organisation, period = np.divmod(places, design.n_periods)
    stretches = int(design.n_periods * design.period_days // trend_days) + 1
    found = organisation * stretches + ((period + 0.5) * design.period_days // trend_days).astype(np.int64)
    is_period = organisation < design.n_organisations
    return found if np.unique(found[is_period]).size < is_period.sum() else found[:0]


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
    period = extended[layout.period]
    total = expected.sum()
    centre = float((period * expected).sum() / total) if total > 0.0 else 0.0
    return Endemic(
        intercept=float(parameters[0]) + centre,
        shift=extended[layout.shift],
        weekday=extended[layout.weekday],
        stratum=extended[layout.stratum],
        period=period - centre,
        propensity=float(extended[layout.propensity]),
        covariates=extended[layout.covariate],
        unit=extended[layout.unit],
    )


def from_endemic(layout: Layout, endemic: Endemic) -> np.ndarray:
    """Parameter vector of this layout nearest to ``endemic``: exact for its own layout, else a place to start from.

    Where the periods have another length each takes the level of the one that holds its middle. Their mean goes to the
    intercept, where the weak ridge would have it.
    """
    extended = np.zeros(layout.size + 1)
    extended[layout.shift] = endemic.shift
    extended[layout.weekday] = endemic.weekday
    extended[layout.stratum] = endemic.stratum
    extended[layout.propensity] = endemic.propensity
    if endemic.covariates.size:
        extended[layout.covariate] = endemic.covariates
    if endemic.unit.size and layout.unit.size:
        extended[layout.unit] = endemic.unit
    there, here = endemic.period.shape[1], layout.period.shape[1]
    middle = np.minimum(((np.arange(here) + 0.5) * there / here).astype(np.int64), there - 1)
    present = layout.period < layout.size
    level = endemic.period[:, middle][present]
    centre = level.mean() if level.size else 0.0
    extended[layout.period[present]] = level - centre
    extended[0] = endemic.intercept + centre
    return extended[:-1]
