"""Receptivity: what reaches the readers of a target, level by level of what makes them more or less ready to answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.passes import Readings, read_all
from antiphon.design.spells import spells

if TYPE_CHECKING:
    from antiphon.design.delays import Kernels
    from antiphon.design.design import Design, Role, Target
    from antiphon.design.events import Events
    from antiphon.design.pools import Wiring

FIRST_WIDTH = 1.0 / 16.0
"""Standard deviations to which values are rounded first; then twice as many, and so on."""


@dataclass(frozen=True, slots=True, repr=False)
class Heard:
    """What reached the readers of a target, by level of their receptivity ``phi = exp(z . delta)``.

    Attributes
    ----------
    covariates : (covariates in use,) positions in ``Role.receptivity``; only these are columns of ``levels``.
    levels : (levels, covariates in use) values of z. Mean 0 over person-time at risk.
    days : (levels,) days at risk.
    row_level, segment_level : (rows,), (segments of the role,) level of each; -1 for segments that are not at risk.
    parts : (levels, blocks, columns) compensator of each level at phi = 1.
    whole : (blocks, columns) their sum, as a single pass makes it.
    delta : (covariates in use,) at which the target's own features and compensator stand; 0 as they come from the records.
    """

    covariates: np.ndarray
    levels: np.ndarray
    days: np.ndarray
    row_level: np.ndarray
    segment_level: np.ndarray
    parts: np.ndarray
    whole: np.ndarray
    delta: np.ndarray

    def compensator(self, delta: np.ndarray) -> np.ndarray:
        """Return what reached everyone, ``sum over levels exp(z . delta)`` times its part, (blocks, columns)."""
        return self.whole + np.tensordot(np.expm1(self.levels @ delta), self.parts, axes=1)

    def slope(self, delta: np.ndarray, blocks: int) -> np.ndarray:
        """Return its derivative in delta over the leading blocks, (covariates in use, columns)."""
        weights = self.levels * np.exp(self.levels @ delta)[:, None]
        return np.tensordot(weights.T, self.parts[:, :blocks].sum(axis=1), axes=1)

    def factor(self, delta: np.ndarray) -> np.ndarray:
        """Return phi of each row, (rows,)."""
        return np.exp(self.levels @ delta)[self.row_level]


def levels_of(value: np.ndarray, days: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return levels of some values, (levels, columns), and that of each, (values,).

    Parameters
    ----------
    value, days
        (values, columns), and the days for which each holds.
    most
        Levels at most. Values are taken as they are where they are no more than that; else those within a step of each
        other are taken as their mean over the days, so that means stay what they are.
    """
    mean = days @ value / days.sum()
    spread = np.sqrt(days @ (value - mean) ** 2 / days.sum())
    width, code = 0.0, value
    while True:
        kept, level = np.unique(code, axis=0, return_inverse=True)
        if kept.shape[0] <= most:
            break
        width = 2.0 * width or FIRST_WIDTH
        code = np.floor((value - value.min(axis=0)) / (width * np.maximum(spread, 1e-300)))
    level = level.ravel()
    if width == 0.0:
        return kept, level
    total = np.bincount(level, days)
    sums = [np.bincount(level, days * column) for column in value.T]
    return np.stack(sums, axis=1) / total[:, None], level


@dataclass(frozen=True, slots=True, repr=False)
class Class:
    """Target kinds that are read in one pass: wirings, events and kernels, what is read, blocks, columns kept, most levels."""

    wirings: list[Wiring]
    events: Events
    kernels: Kernels
    readings: Readings
    block_edges: np.ndarray
    kept: np.ndarray
    most_levels: int


def hear(targets: list[Target], role: Role, read: Class) -> list[Target]:
    """Return targets of one class with what reached their readers by level of receptivity; as they are where there is none."""
    made: dict[tuple[int, ...], Heard | None] = {}
    found = []
    for target in targets:
        mine = tuple(i for i, c in enumerate(role.receptivity) if c.kinds is None or target.kind in c.kinds)
        if mine not in made:
            made[mine] = _by_level(target, role, np.asarray(mine, np.int64), read)
        heard = made[mine]
        if heard is not None:
            heard = replace(heard, row_level=heard.segment_level[target.segment])
        found.append(replace(target, heard=heard))
    return found


def _by_level(target: Target, role: Role, mine: np.ndarray, read: Class) -> Heard | None:
    """Read the events once for each level, with those at risk who have it."""
    segments = role.segments
    on = np.flatnonzero(segments.at_risk[:, role.kinds.index(target.kind)])
    days = segments.end[on] - segments.start[on]
    if not mine.size or not read.wirings or not days.sum() > 0.0:
        return None
    levels, level = levels_of(segments.receptivity[on][:, mine], days, read.most_levels)
    if len(levels) < 2:
        return None
    segment_level = np.full(segments.system.size, -1)
    segment_level[on] = level
    nobody, moments = np.zeros(0, np.int64), np.zeros(0)
    parts = np.empty((len(levels), *target.compensator.shape))
    for number in range(len(levels)):
        here = on[level == number]
        at_risk = spells(segments.system[here], None, segments.start[here], segments.end[here], role.frail.size)
        silent = replace(read.readings, system=nobody, start=moments, end=moments, kinds=nobody, at_risk=at_risk)
        reading = read_all(read.wirings, silent, read.events, read.kernels, read.block_edges)
        parts[number] = reading.compensator[:, read.kept]
    return Heard(
        mine, levels, np.bincount(level, days), nobody, segment_level, parts, target.compensator, np.zeros(mine.size)
    )  # fmt: skip


def tuned(target: Target, delta: np.ndarray) -> Target:
    """Return a target whose features and compensator are those at another delta, (covariates of the role's receptivity,)."""
    heard = target.heard
    if heard is None or np.array_equal(delta[heard.covariates], heard.delta):
        return target
    delta = delta[heard.covariates]
    features = target.features * heard.factor(delta - heard.delta)[:, None]
    return replace(
        target, features=features, compensator=heard.compensator(delta), heard=replace(heard, delta=delta)
    )  # fmt: skip


def without_receptivity(design: Design) -> Design:
    """Return the design in which everyone is as ready to answer as the average."""
    targets = []
    for target in design.targets:
        plain = target if target.heard is None else tuned(target, np.zeros(int(target.heard.covariates.max()) + 1))
        targets.append(replace(plain, heard=None))
    return replace(design, targets=tuple(targets))
