"""Circumstances as step functions: time since the stay began, and practices in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.risk import ADMISSION_DAYS
from antiphon.design.roster import codes, days
from antiphon.design.spells import FOREVER
from antiphon.design.steps import Reading, counted, equal_links, make_steps, rounded

if TYPE_CHECKING:
    from antiphon.design.ground import Ground
    from antiphon.design.spells import Spells
    from antiphon.design.steps import Steps
    from antiphon.design.terms import Term

SETTLED_DAYS = ADMISSION_DAYS[-1]
"""The strata follow the time since admission until then; tenure goes on from there."""


def read_tenure(ground: Ground, _term: Term, step: float) -> Reading:
    """Return the doublings of the time since the stay began, beyond the first four weeks."""
    stays, is_person = ground.roster.stays, ground.roster.is_person
    stays = stays.where((ground.here & is_person)[stays.owner] & np.isfinite(stays.start)).without_groups()
    stay, cell = _cells_of_change(ground, stays, step)
    begun = ground.edges[cell]
    inside = (begun > stays.start[stay]) & (begun < stays.end[stay])
    stay, begun = stay[inside], begun[inside]
    value = rounded(np.log2(np.maximum(begun - stays.start[stay], SETTLED_DAYS) / SETTLED_DAYS), step)
    owner = np.concatenate([stays.owner, stays.owner, stays.owner[stay]])
    time = np.concatenate([stays.start, stays.end, begun])
    value = np.concatenate([np.zeros(stays.owner.size), np.full(stays.owner.size, np.nan), value])
    return Reading(make_steps(owner, time, value, ground.n_systems))


def _cells_of_change(ground: Ground, stays: Spells, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs (stay, cell) among which are all where the rounded tenure changes."""
    if not step:
        return np.divmod(np.arange(stays.owner.size * ground.n_cells), ground.n_cells)
    longest = ground.roster.window_days - stays.start
    n = np.floor(np.log2(np.maximum(longest, SETTLED_DAYS) / SETTLED_DAYS) / step + 0.5).astype(np.int64)
    stay, number = counted(n)
    crossing = stays.start[stay] + SETTLED_DAYS * 2.0 ** ((number + 0.5) * step)
    # what was crossed before the window began holds in its first cell; one cell more, as a crossing is rounded too
    cell = ground.first_cell(crossing)
    return np.concatenate([stay, stay]), np.minimum(np.concatenate([cell, cell + 1]), ground.n_cells - 1)


@dataclass(frozen=True, slots=True, repr=False)
class _Doses:
    """Rows of a practice by group and start: dose from ``start`` to ``end`` (or the next row), rising by ``slope`` a day."""

    group: np.ndarray
    start: np.ndarray
    end: np.ndarray
    dose: np.ndarray
    slope: np.ndarray


def read_practice(ground: Ground, term: Term, step: float) -> Reading:
    """Return the dose of a practice in the groups where a system is; the largest where it is in several."""
    return Reading(_practice_steps(ground, _doses(ground, term.name), step), equal_links(ground.where), "max")


def _doses(ground: Ground, practice: str) -> _Doses:
    rows = ground.agency.practices
    rows = rows.filter(rows["practice"] == practice)
    group, origin = codes(rows["group"], ground.names), ground.agency.window[0]
    start, end = days(rows["start"], origin, FOREVER[0]), days(rows["end"], origin, FOREVER[1])
    dose, is_ramp = rows["dose"].fill_null(1.0).to_numpy(), rows["ramp"].fill_null(value=False).to_numpy()
    order = np.lexsort((start, group))
    group, start, end, dose, is_ramp = group[order], start[order], end[order], dose[order], is_ramp[order].astype(bool)
    follows = np.flatnonzero(group[1:] == group[:-1])
    following = np.full(group.size, np.inf)
    following[follows] = start[follows + 1]
    rising = np.flatnonzero(is_ramp & np.isfinite(following) & (following > start))
    slope = np.zeros(group.size)
    slope[rising] = (dose[rising + 1] - dose[rising]) / (following[rising] - start[rising])
    return _Doses(group, start, np.minimum(end, following), dose, slope)


def _practice_steps(ground: Ground, rows: _Doses, step: float) -> Steps:
    low, high = ground.first_cell(rows.start), ground.first_cell(rows.end)
    in_force = low < high
    ends = np.flatnonzero(in_force & (high < ground.n_cells))
    row, number = counted(np.where(in_force, np.where(rows.slope != 0.0, high - low, 1), 0))
    begun = ground.edges[low[row] + number]
    value, slope = rows.dose[row], rows.slope[row]
    on_ramp = np.flatnonzero(slope)  # a row that has always been in force has no start to count from
    value[on_ramp] += slope[on_ramp] * (begun - rows.start[row])[on_ramp]
    # where one row ends as the next begins, the next counts: it is the later of the two at that time
    return make_steps(
        np.concatenate([rows.group[ends], rows.group[row]]),
        np.concatenate([ground.edges[high[ends]], begun]),
        np.concatenate([np.zeros(ends.size), rounded(value, step)]),
        ground.n_systems,
        before=0.0,
    )
