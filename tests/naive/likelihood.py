"""The naive twin of the marginal likelihood: dense quadrature over the frailty, sums over every small interval."""

from __future__ import annotations

import datetime as dt
import itertools
import math

import numpy as np

from tests.naive.pools import average

FIRST_BINS = (7.0, 28.0)


def stratum(twin, system, t):
    """Number of the stratum of a system at t: days since admission, or present when the window began."""
    if twin.level[system] != "person":
        return 0
    if twin._at(system, 0.0):
        return 3
    since = t - _start_of_stay(twin, system, t)
    return sum(since >= edge - 1e-10 for edge in FIRST_BINS)


def _start_of_stay(twin, system, t):
    """First moment of the last unbroken belonging that has begun at t; nobody knows when it is before all stays."""
    mine = sorted((m for m in twin.memberships if m[0] == system), key=lambda m: -m[2])
    found = max((begin for _, _, begin, _ in mine if begin <= t), default=-math.inf)
    for _, _, begin, end in mine:
        if begin < found <= end:
            found = begin
    return found


def shift_and_weekday(twin, t, precision):
    """Shift of the day (0 for day kinds) and local weekday of the cell that holds t."""
    start, _ = twin.cell(t, "day" if precision == "day" else "shift")
    local = (twin.origin + dt.timedelta(days=start)).astimezone(twin.zone)
    if precision == "day":
        return 0, local.weekday()
    clocks = sorted(twin.shifts)
    return clocks.index(local.strftime("%H:%M")), local.weekday()


def endemic_rate(twin, system, t, kind, model, design):
    """mu[i,k](t) at frailty 1, per day."""
    endemic = model.endemic
    shift, weekday = shift_and_weekday(twin, t, twin.precision_of[kind])
    start, end = twin.cell(t, "day" if twin.precision_of[kind] == "day" else "shift")
    middle = 0.5 * (max(start, 0.0) + min(end, twin.length))  # a cell belongs to the period of its middle
    period = min(int(middle // design.period_days), design.n_periods - 1)
    return math.exp(
        endemic.intercept
        + endemic.shift[shift]
        + endemic.weekday[weekday]
        + endemic.stratum[stratum(twin, system, t)]
        + endemic.period[twin.organisation(system, t), period]
        + unit_effect(twin, system, t, endemic.unit)
    )


def unit_pairs(twin):
    """Every unit with every organisation that it ever belongs to, in the order of organisations, then of systems."""
    order = list(twin.role)
    organisations = [s for s in order if twin.level[s] == "organisation"]
    found = set()
    for unit in (s for s in order if twin.level[s] == "unit"):
        groups = {group for member, group, *_ in twin.memberships if member == unit and group in organisations}
        found |= {(organisations.index(group), unit) for group in groups} or {(len(organisations), unit)}
    return sorted(found, key=lambda pair: (pair[0], order.index(pair[1])))


def unit_effect(twin, system, t, effects):
    """That of the first unit of the organisation whose calendar applies; none for groups, and without a unit."""
    if twin.level[system] != "person" or not len(effects):
        return 0.0
    here, inside = twin.organisation(system, t), twin._at(system, t)
    mine = [
        value
        for (place, unit), value in zip(unit_pairs(twin), effects, strict=True)
        if place == here and unit in inside
    ]
    return mine[0] if mine else 0.0


def cuts(twin, kind, design):
    """Every moment at which the endemic rate or the set at risk may change."""
    marks = set(twin.moments(twin.precision_of[kind]))
    grain = "day" if twin.precision_of[kind] == "day" else "shift"
    t = 0.0
    while t < twin.length:
        start, end = twin.cell(t, grain)
        marks |= {max(start, 0.0), min(end, twin.length)}
        t = end + 1e-7
    marks |= {p * design.period_days for p in range(design.n_periods)}
    for _, _, start, _ in twin.memberships:
        marks |= {start + edge for edge in FIRST_BINS}
    return sorted(m for m in marks if 0.0 <= m <= twin.length)


def marginal_log_likelihood(twin, kind, model, target, design, phi=average):
    """Sum over systems of log integral of the complete-data likelihood against the Gamma frailty.

    phi(system, t): what everything that reaches the system is multiplied by.
    """
    hazard = dict.fromkeys(twin.role, 0.0)
    edges = cuts(twin, kind, design)
    rates = []
    for left, right in itertools.pairwise(edges):
        middle = 0.5 * (left + right)
        for system in twin.role:
            if twin.at_risk(system, kind, middle):
                mass = endemic_rate(twin, system, middle, kind, model, design) * (right - left)
                hazard[system] += mass
                rates.append((left, right, system, mass))
    compensator, _ = twin.compensator(kind, phi, edges)
    columns = [(f.channel, design.kinds[f.source_kind].name, f.half_life) for f in target.columns]
    total = -sum(a * compensator[c] for a, c in zip(model.alpha, columns, strict=True))
    features = twin.features(kind)
    rows = twin.target_rows(kind)
    for system in twin.role:
        mine = []
        for start, end, who, count in rows:
            if who != system:
                continue
            excitation = sum(a * features[(start, who)][c] for a, c in zip(model.alpha, columns, strict=True))
            if end > start:
                # a coarse row has the stratum of its first moment at risk
                inside = [
                    (left, right)
                    for left, right, s, _ in rates
                    if s == who and left >= start - 1e-9 and right <= end + 1e-9 and right - left > 1e-9
                ]
                days = sum(right - left for left, right in inside)
                first = 0.5 * (inside[0][0] + inside[0][1])
                baseline = endemic_rate(twin, who, first, kind, model, design) * days
            else:
                first = start - 1e-9 if twin.is_terminal(kind) else start
                baseline = endemic_rate(twin, who, first, kind, model, design)
            mine.append((baseline, excitation * phi(who, first), count))
        total += _integral(mine, hazard[system], model.frailty_variance, once=twin.happens_once(kind))
    return total


def _integral(rows, hazard, variance, *, once):
    def complete(theta):
        value = -theta * hazard
        for baseline, excitation, count in rows:
            rate = theta * baseline + excitation
            # with the compensator, which holds the cell too: log rate, or log(1 - exp(-rate)) + rate
            value = value + count * np.log(np.expm1(rate) if once else rate)
        return value

    if variance == 0.0:
        return float(complete(np.float64(1.0)))
    shape = 1.0 / variance
    z = np.linspace(-60.0, 12.0, 40_001)
    theta = np.exp(z)
    log_prior = shape * math.log(shape) - math.lgamma(shape) + shape * z - shape * theta
    values = complete(theta) + log_prior
    top = values.max()
    return float(top + np.log(np.trapezoid(np.exp(values - top), z)))
