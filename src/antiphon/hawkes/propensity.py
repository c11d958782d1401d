"""Propensity: what a person's earlier events of other kinds say about them, before each moment.

``log r`` with ``r = (a + N) / (a + H)``: ``N`` the person's earlier events of the role's other kinds, ``H`` their cumulated
endemic hazard at frailty 1, ``1 / a`` the frailty variance of the role (mean over its kinds, weighted by events). Without it a
frailty shared by several kinds would look like an echo between them. Terminal kinds do not count: whoever is still there
has had none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.hawkes.layout import periods_of_cells
from antiphon.hawkes.problem import end_of_blocks
from antiphon.model.parameters import PROPENSITY_GRAIN

if TYPE_CHECKING:
    from antiphon.design.design import Calendar, Design, Target
    from antiphon.model.parameters import Endemic, TargetModel

VARIANCE_RANGE = (0.05, 10.0)
"""The role's frailty variance is kept in this range: beyond it ``log r`` says nothing, or anything."""


def carry_forward(design: Design, endemic: Endemic, blocks: int | None) -> Endemic:
    """Give periods after the blocks used the effect of the last period that was seen."""
    if blocks is None or blocks >= design.block_edges.size - 1:
        return endemic
    calendar = next(iter(design.calendars.values()))
    last_cell = np.searchsorted(calendar.edges, end_of_blocks(design, blocks), side="left") - 1
    last = int(periods_of_cells(design, calendar)[max(int(last_cell), 0)])
    period = endemic.period.copy()
    period[:, last + 1 :] = period[:, last : last + 1]
    return replace(endemic, period=period)


def hazard_rates(design: Design, calendar: Calendar, endemic: Endemic) -> tuple[np.ndarray, np.ndarray]:
    """Endemic rate per organisation and cell at stratum 0, and its integral to each cell edge."""
    by_cell = endemic.intercept + endemic.shift[calendar.shift] + endemic.weekday[calendar.weekday]
    rate = np.exp(by_cell[None, :] + endemic.period[:, periods_of_cells(design, calendar)])
    total = np.concatenate([np.zeros((rate.shape[0], 1)), np.cumsum(rate * np.diff(calendar.edges), axis=1)], axis=1)
    return rate, total


def segment_effects(design: Design, target: Target, endemic: Endemic, log_r: np.ndarray | None) -> np.ndarray:
    """Log of what multiplies the endemic rate of each segment of the role: stratum, unit, covariates, propensity."""
    segments = design.roles[target.role].segments
    effect = endemic.stratum[segments.stratum] + endemic.of_units(segments.unit)
    if endemic.covariates.size:
        effect = effect + segments.covariates @ endemic.covariates
    return effect if log_r is None else effect + endemic.propensity * log_r


def _cumulated_hazard(design: Design, target: Target, endemic: Endemic) -> np.ndarray:
    """Endemic hazard of the kind that each system has lived through before each segment, (segments,)."""
    role = design.roles[target.role]
    segments = role.segments
    calendar = design.calendars[design.kinds[target.kind].precision]
    rate, total = hazard_rates(design, calendar, endemic)

    def integral(time: np.ndarray) -> np.ndarray:
        cell = np.clip(np.searchsorted(calendar.edges, time, side="right") - 1, 0, rate.shape[1] - 1)
        return total[segments.group, cell] + (time - calendar.edges[cell]) * rate[segments.group, cell]

    hazard = np.exp(segment_effects(design, target, endemic, None)) * (
        integral(segments.end) - integral(segments.start)
    )
    hazard[~segments.alive[:, role.kinds.index(target.kind)]] = 0.0
    before = np.cumsum(hazard) - hazard
    new = np.append(True, segments.system[1:] != segments.system[:-1])
    return before - before[np.flatnonzero(new)][np.cumsum(new) - 1]


def propensity_shapes(design: Design, models: tuple[TargetModel, ...]) -> tuple[float, ...]:
    """``a`` per target: the inverse frailty variance of its role; 1 where propensity has no meaning."""
    result = [1.0] * len(models)
    for used in _with_propensity(design, models):
        variances = np.array([models[i].frailty_variance for i in used])
        events = np.array([design.targets[i].count.sum() for i in used], dtype=np.float64)
        a = 1.0 / np.clip(np.average(variances, weights=np.maximum(events, 1.0)), *VARIANCE_RANGE)
        for i in used:
            result[i] = float(a)
    return tuple(result)


def propensities(
    design: Design, models: tuple[TargetModel, ...], shapes: tuple[float, ...], blocks: int | None
) -> tuple[np.ndarray | None, ...]:
    """Log propensity per target, (segments of its role,), or None where it has no meaning."""
    result: list[np.ndarray | None] = [None] * len(models)
    for used in _with_propensity(design, models):
        role_index = design.targets[used[0]].role
        role = design.roles[role_index]
        hazards = [
            _cumulated_hazard(design, design.targets[i], carry_forward(design, models[i].endemic, blocks)) for i in used
        ]
        counts = [role.segments.n_earlier[:, role.kinds.index(models[i].kind)].astype(np.float64) for i in used]
        hazard, count = np.sum(hazards, axis=0), np.sum(counts, axis=0)
        frail = role.frail[role.segments.system]
        for place, i in enumerate(used):
            log_r = np.log((shapes[i] + count - counts[place]) / (shapes[i] + hazard - hazards[place]))
            result[i] = np.where(frail, PROPENSITY_GRAIN * np.round(log_r / PROPENSITY_GRAIN), 0.0)
    return tuple(result)


def _with_propensity(design: Design, models: tuple[TargetModel, ...]) -> list[list[int]]:
    """Targets that say something about each other: of one role that has frailty, and not terminal."""
    found = []
    for role_index, role in enumerate(design.roles):
        used = [
            i
            for i, target in enumerate(design.targets)
            if target.role == role_index and not design.kinds[target.kind].terminal
        ]
        if len(used) > 1 and role.frail.any() and any(models[i].frailty_variance for i in used):
            found.append(used)
    return found
