"""Propensity run forward: a person's record on other kinds, which multiplies the endemic rate."""

import math
from typing import NamedTuple

import numpy as np

from antiphon.kernels._compile import kernel
from antiphon.kernels.immigrants import CELLS, COUNT, EDGE, FIRST, RATE, STOP, cell_at


class Propensity(NamedTuple):
    """A person's record on other kinds; arrays without systems where no target asks for it.

    Attributes
    ----------
    grain : ``log r`` is rounded to it.
    coefficient, shape, counts : (targets,) of ``log r``; its ``a``; whether the kind counts as an other kind.
    total : (targets,) where the cumulated rates, (organisations, cells + 1), begin in ``totals``.
    is_frail : (systems,).
    known, hazard, factor : (systems, targets of a role) events known; endemic hazard lived through; ``r`` to its power.
    until, frozen, spell : (systems,) when the hazard was cumulated to; when ``r`` was last made; where to go on.
    highest : (systems,) highest factor so far.
    """

    grain: float
    coefficient: np.ndarray
    shape: np.ndarray
    counts: np.ndarray
    total: np.ndarray
    totals: np.ndarray
    is_frail: np.ndarray
    known: np.ndarray
    hazard: np.ndarray
    factor: np.ndarray
    until: np.ndarray
    frozen: np.ndarray
    spell: np.ndarray
    highest: np.ndarray


@kernel
def _endemic_until(q, group, t, propensity, targets):
    """Return the integral of a target's endemic rate in an organisation from the start of the window to t."""
    cells, edge = targets.rule[q, CELLS], targets.rule[q, EDGE]
    cell = cell_at(targets.edges, edge, cells, t)
    total = propensity.totals[propensity.total[q] + group * (cells + 1) + cell]
    return total + (t - targets.edges[edge + cell]) * targets.rates[targets.rule[q, RATE] + group * cells + cell]


@kernel
def _renew(system, now, people, propensity, targets):
    """Make a person's propensity anew: what is known, and the hazard cumulated, by now."""
    first, count, stop = people.row[system, FIRST], people.row[system, COUNT], people.row[system, STOP]
    spell, until = propensity.spell[system], propensity.until[system]
    while spell < stop and people.span[spell, 0] < now:
        begin, end = max(people.span[spell, 0], until), min(people.span[spell, 1], now)
        for column in range(count if end > begin else 0):
            effect = people.effect[spell, column]
            if effect > 0.0:
                lived = _endemic_until(first + column, people.group[spell], end, propensity, targets)
                lived -= _endemic_until(first + column, people.group[spell], begin, propensity, targets)
                propensity.hazard[system, column] += effect * lived
        if people.span[spell, 1] > now:
            break
        spell += 1
    propensity.spell[system], propensity.until[system], propensity.frozen[system] = spell, max(until, now), now
    n, hazard = 0, 0.0
    for column in range(count):
        if propensity.counts[first + column]:
            n += propensity.known[system, column]
            hazard += propensity.hazard[system, column]
    for column in range(count):
        q = first + column
        if propensity.counts[q]:
            r = propensity.shape[q] + n - propensity.known[system, column]
            r /= propensity.shape[q] + hazard - propensity.hazard[system, column]
            log_r = propensity.grain * np.rint(math.log(r) / propensity.grain)
            factor = math.exp(propensity.coefficient[q] * log_r)
            propensity.factor[system, column] = factor
            propensity.highest[system] = max(propensity.highest[system], factor)


@kernel
def learn(system, target, now, people, propensity, targets):
    """Take note of an event of a person that becomes known now.

    Between events the factor only rises or only falls, so its highest value is met just before or just after one.
    """
    if propensity.is_frail[system]:
        _renew(system, now, people, propensity, targets)
    if target >= 0:
        propensity.known[system, target - people.row[system, FIRST]] += 1
    if propensity.is_frail[system]:
        _renew(system, now, people, propensity, targets)


@kernel
def factor_of(system, column, spell_start, people, propensity, targets):
    """Return ``r`` to its power: as it was when the person's spell began, or at their last event since."""
    if not propensity.is_frail[system]:
        return 1.0
    if spell_start > propensity.frozen[system]:
        _renew(system, spell_start, people, propensity, targets)
    return propensity.factor[system, column]


@kernel
def highest_factor(until, people, propensity, targets):
    """Return the highest factor that anybody met until the end: what the points must have reached up to."""
    found = 1.0
    for system in range(propensity.is_frail.size):
        if propensity.is_frail[system]:
            _renew(system, until, people, propensity, targets)
            found = max(found, propensity.highest[system])
    return found
