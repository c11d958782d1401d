"""Loops of the second derivatives, block by block, and the linear algebra of matrices with one block per organisation.

An organisation's calendar periods and units touch nobody outside it. So the Hessian has one square block per organisation,
a strip that ties each to the central parameters (rhythm, strata, covariates, couplings), and one central square.

A spell at risk covers whole periods but for its two ends. In the basis of steps, where the entry ``q`` stands for all of
the periods from ``q`` on, a person who was there for ten years has as few entries as one who stayed a week: products are
added up there, and turned into periods once for everyone.

``places`` number the pairs of organisation and period, ``organisation * periods + period``, and after them the units. Arrays
that are `wide` have the central endemic effects, one slot for effects that a row does not have, then the couplings.
"""

from typing import NamedTuple

import numpy as np

from antiphon.kernels._compile import kernel
from antiphon.kernels.likelihood import rate_until
from antiphon.kernels.linear import factor


class Sums(NamedTuple):
    """What the loops add up.

    Attributes
    ----------
    central : (wide, wide), both ways.
    singles, steps : (places, wide) by period or unit, and by the period from which on.
    diagonal : (places,) of periods and units with themselves.
    cross, cross_steps : (units, periods) of units with the periods of their organisation, likewise.
    """

    central: np.ndarray
    singles: np.ndarray
    steps: np.ndarray
    diagonal: np.ndarray
    cross: np.ndarray
    cross_steps: np.ndarray


class Local(NamedTuple):
    """The local parameters of the organisations, units first, then periods.

    Attributes
    ----------
    period, unit : (organisations, periods), (units,) parameters.
    first_unit : (organisations + 1,) first unit of each organisation.
    begins : (organisations + 1,) first parameter of each organisation.
    """

    period: np.ndarray
    unit: np.ndarray
    first_unit: np.ndarray
    begins: np.ndarray


class Rows(NamedTuple):
    """Endemic effects of rows.

    Attributes
    ----------
    columns : (rows, 5) parameters of shift, weekday, stratum, period and unit.
    covariates : (rows, covariates); the first one is parameter ``first_covariate``.
    places, unit_places : (rows,) of the period and of the unit (-1: none).
    first_covariate : parameter; ``n_central`` : number of central endemic effects.
    """

    columns: np.ndarray
    covariates: np.ndarray
    places: np.ndarray
    unit_places: np.ndarray
    first_covariate: int
    n_central: int


@kernel
def cell_curvature(mass, columns, period_of_cell, n_central, sums):
    """Second derivatives of the expected hazard in pairs of effects of cells."""
    n_periods = sums.cross.shape[1]
    for r in range(mass.shape[0]):
        for c in range(mass.shape[1]):
            value = -mass[r, c]
            if value == 0.0:
                continue
            one = min(columns[c, 0], n_central)
            other = min(columns[c, 1], n_central)
            place = r * n_periods + period_of_cell[c]
            sums.central[one, one] += value
            sums.central[other, other] += value
            sums.central[one, other] += value
            sums.central[other, one] += value
            sums.singles[place, one] += value
            sums.singles[place, other] += value
            sums.diagonal[place] += value


@kernel
def level_totals(width, columns, rates, totals, reached):
    """Integrals of the rate over the cells of one shift or weekday: of the base, and of the organisation by period.

    ``totals`` (cells + 1, levels), ``reached`` (organisations, periods + 1, levels); level ``j`` is parameter ``1 + j``.
    """
    levels = totals.shape[1]
    for c in range(width.shape[0]):
        for j in range(levels):
            totals[c + 1, j] = totals[c, j]
        for k in range(2):
            j = columns[c, k] - 1
            if 0 <= j < levels:
                totals[c + 1, j] += rates.base[c] * width[c]
    for r in range(reached.shape[0]):
        for p in range(reached.shape[1] - 1):
            first = rates.period_start[p]
            last = rates.period_start[p + 1]
            for j in range(levels):
                reached[r, p + 1, j] = reached[r, p, j] + rates.growth[r, p] * (totals[last, j] - totals[first, j])


@kernel
def _add_levels(sign, r, c, offset, columns, rates, totals, reached, result):
    """Add, with a sign, the integrals over the cells of each level until ``offset`` days into cell ``c``."""
    p = rates.period_of_cell[c]
    since = rates.period_start[p]
    growth = sign * rates.growth[r, p]
    for j in range(result.shape[0]):
        result[j] += sign * reached[r, p, j] + growth * (totals[c, j] - totals[since, j])
    for k in range(2):
        j = columns[c, k] - 1
        if 0 <= j < result.shape[0]:
            result[j] += growth * offset * rates.base[c]


@kernel
def piece_curvature(
    theta, pieces, rates, columns, totals, level_reached, first_covariate, weight, mass, sums, gradients
):
    """Second derivatives of the expected hazard that involve an effect of pieces, and each system's gradient.

    ``gradients`` (systems, wide) may have no columns: then there is no frailty that would need them. Pairs of a level and
    another effect are filled one way only, at the row of the other effect.
    """
    levels = totals.shape[1]
    n_covariates = pieces.covariates.shape[1]
    n_effects = 2 + n_covariates
    n_central = first_covariate + n_covariates
    n_periods = rates.growth.shape[1]
    n_places = rates.growth.size
    wanted = gradients.shape[1] > 0
    place_of = np.empty(n_effects, np.int64)
    value_of = np.empty(n_effects)
    by_level = np.empty(levels)
    for k in range(weight.shape[0]):
        i = pieces.system[k]
        r = pieces.group[k]
        w = weight[k]
        expected = -theta[i]
        place_of[0], value_of[0] = 0, 1.0
        place_of[1], value_of[1] = min(pieces.stratum[k], n_central), 1.0
        for j in range(n_covariates):
            place_of[2 + j], value_of[2 + j] = first_covariate + j, pieces.covariates[k, j]
        by_level[:] = 0.0
        _add_levels(w, r, pieces.cells[k, 1], pieces.offsets[k, 1], columns, rates, totals, level_reached, by_level)
        _add_levels(-w, r, pieces.cells[k, 0], pieces.offsets[k, 0], columns, rates, totals, level_reached, by_level)
        if wanted:
            for j in range(levels):
                gradients[i, 1 + j] += by_level[j]
        for a in range(n_effects):
            at = place_of[a]
            value = expected * value_of[a]
            if wanted:
                gradients[i, at] += mass[k] * value_of[a]
            for b in range(n_effects):
                sums.central[at, place_of[b]] += mass[k] * value * value_of[b]
            for j in range(levels):
                sums.central[at, 1 + j] += value * by_level[j]
        u = pieces.unit_place[k]
        if u >= 0:
            for a in range(n_effects):
                sums.singles[u, place_of[a]] += mass[k] * expected * value_of[a]
            for j in range(levels):
                sums.singles[u, 1 + j] += expected * by_level[j]
            sums.diagonal[u] += mass[k] * expected
        for side in range(2):
            p, rest = _edge(r, pieces.cells[k, side], pieces.offsets[k, side], rates)
            place = r * n_periods + p
            change = expected * w if side == 0 else -expected * w
            for a in range(n_effects):
                sums.singles[place, place_of[a]] += change * rest * value_of[a]
                if p + 1 < n_periods:
                    sums.steps[place + 1, place_of[a]] += change * value_of[a]
            if u >= 0:
                sums.cross[u - n_places, p] += change * rest
                if p + 1 < n_periods:
                    sums.cross_steps[u - n_places, p + 1] += change


@kernel
def _edge(r, c, offset, rates):
    """Period that holds a moment, and the rate integrated from the moment to the end of the period."""
    p = rates.period_of_cell[c]
    until = rate_until(r, c, offset, rates)
    return p, rates.reached[r, p + 1] - until


@kernel
def row_curvature(values, rows, sums):
    """Sum over rows of value x (endemic effects of the row) x (endemic effects of the row)."""
    n_covariates = rows.covariates.shape[1]
    n_effects = 4 + n_covariates
    n_periods = sums.cross.shape[1]
    n_places = sums.singles.shape[0] - sums.cross.shape[0]
    place_of = np.empty(n_effects, np.int64)
    value_of = np.ones(n_effects)
    for n in range(values.shape[0]):
        _effects_of(n, rows, place_of, value_of)
        place = rows.places[n]
        for a in range(n_effects):
            value = values[n] * value_of[a]
            sums.singles[place, place_of[a]] += value
            for b in range(n_effects):
                sums.central[place_of[a], place_of[b]] += value * value_of[b]
        sums.diagonal[place] += values[n]
        u = rows.unit_places[n]
        if u >= 0:
            for a in range(n_effects):
                sums.singles[u, place_of[a]] += values[n] * value_of[a]
            sums.diagonal[u] += values[n]
            sums.cross[u - n_places, place % n_periods] += values[n]


@kernel
def _effects_of(n, rows, place_of, value_of):
    """Central endemic effects of a row and their values: intercept, shift, weekday, stratum, covariates."""
    place_of[0] = 0
    for k in range(3):
        place_of[1 + k] = min(rows.columns[n, k], rows.n_central)
    for j in range(rows.covariates.shape[1]):
        place_of[4 + j] = rows.first_covariate + j
        value_of[4 + j] = rows.covariates[n, j]


@kernel
def row_features(first, values, rows, sums):
    """Sum over rows, from row ``first`` on, of (endemic effects of the row) x (values of the row by coupling)."""
    n_covariates = rows.covariates.shape[1]
    n_effects = 4 + n_covariates
    place_of = np.empty(n_effects, np.int64)
    value_of = np.ones(n_effects)
    after = rows.n_central + 1
    for n in range(values.shape[0]):
        _effects_of(first + n, rows, place_of, value_of)
        place = rows.places[first + n]
        u = rows.unit_places[first + n]
        for j in range(values.shape[1]):
            value = values[n, j]
            if value == 0.0:
                continue
            sums.singles[place, after + j] += value
            if u >= 0:
                sums.singles[u, after + j] += value
            for a in range(n_effects):
                sums.central[place_of[a], after + j] += value * value_of[a]


@kernel
def covariance_rows(pointer, covariance, covariance_pointer, echo, rows, sums):
    """Sum over pairs of rows of one system of covariance x echo x echo x (effects of one) x (effects of the other).

    Pairs of periods and units are left to ``frailty_blocks``.
    """
    n_effects = 4 + rows.covariates.shape[1]
    place_of = np.empty(n_effects, np.int64)
    value_of = np.ones(n_effects)
    line = np.zeros(rows.n_central + 1)
    for i in range(pointer.shape[0] - 1):
        lo = pointer[i]
        count = pointer[i + 1] - lo
        if count < 2 or covariance_pointer[i + 1] == covariance_pointer[i]:
            continue
        base = covariance_pointer[i]
        for n in range(count):
            line[:] = 0.0
            for m in range(count):
                value = covariance[base + n * count + m] * echo[lo + m]
                if value != 0.0:
                    _effects_of(lo + m, rows, place_of, value_of)
                    for a in range(n_effects):
                        line[place_of[a]] += value * value_of[a]
            if echo[lo + n] == 0.0:
                continue
            _effects_of(lo + n, rows, place_of, value_of)
            for j in range(line.shape[0]):
                value = echo[lo + n] * line[j]
                sums.singles[rows.places[lo + n], j] += value
                if rows.unit_places[lo + n] >= 0:
                    sums.singles[rows.unit_places[lo + n], j] += value
                for a in range(n_effects):
                    sums.central[place_of[a], j] += value * value_of[a]


@kernel
def crossed_rows(pointer, cross, echo, rows, features, crossed):
    """Sums over a system's rows of what goes together with its frailty; ``crossed`` (systems, wide) is added to.

    By endemic effect -Cov(u, theta) x echo, by coupling Cov(u, theta) x feature.
    """
    n_effects = 4 + rows.covariates.shape[1]
    place_of = np.empty(n_effects, np.int64)
    value_of = np.ones(n_effects)
    after = rows.n_central + 1
    for i in range(pointer.shape[0] - 1):
        for n in range(pointer[i], pointer[i + 1]):
            _effects_of(n, rows, place_of, value_of)
            value = -cross[n] * echo[n]
            for a in range(n_effects):
                crossed[i, place_of[a]] += value * value_of[a]
            for j in range(features.shape[1]):
                crossed[i, after + j] += cross[n] * features[n, j]


class Frailties(NamedTuple):
    """What frailties add to the second derivatives.

    Attributes
    ----------
    variance : (systems,) of the frailty given the data.
    gradients, crossed : (systems, wide) of the hazard, and see ``crossed_rows``.
    cross, echo : (rows,); ``pointer`` : (systems + 1,) rows of each system.
    covariance, covariance_pointer : see ``kernels.frailty.frailty_rows``.
    """

    variance: np.ndarray
    gradients: np.ndarray
    crossed: np.ndarray
    cross: np.ndarray
    echo: np.ndarray
    pointer: np.ndarray
    covariance: np.ndarray
    covariance_pointer: np.ndarray


class Stays(NamedTuple):
    """Pieces ordered by organisation and system.

    Attributes
    ----------
    order : (pieces,) positions of the pieces.
    begins : (stays + 1,) where each stay, all pieces of a system in an organisation, begins in ``order``.
    system : (stays,) local system; ``first`` : (organisations + 1,) first stay of each organisation.
    """

    order: np.ndarray
    begins: np.ndarray
    system: np.ndarray
    first: np.ndarray


@kernel
def frailty_blocks(stays, pieces, rates, weight, mass, rows, frailties, local, sums, blocks):
    """Blocks of the organisations with what frailties add, and the strips between them and the centre.

    ``blocks`` is filled with packed squares. What ties the local parameters of two organisations through a person who was
    in both is left out. The slots of an organisation are its periods, then its units.
    """
    n_periods = rates.growth.shape[1]
    n_slots = n_periods + np.diff(local.first_unit).max()
    n_effects = rows.n_central + 1
    n_wide = sums.singles.shape[1]
    by_step = np.zeros((n_slots, n_slots))
    by_both = np.zeros((n_slots, n_slots))
    by_single = np.zeros((n_slots, n_slots))
    step, single, own = np.zeros(n_slots), np.zeros(n_slots), np.zeros(n_slots)
    is_used = np.zeros(n_slots, np.bool_)
    used = np.empty(n_slots, np.int64)
    at = 0
    for r in range(local.begins.shape[0] - 1):
        by_step[:], by_both[:], by_single[:] = 0.0, 0.0, 0.0
        # place of a slot: of a period, or of a unit
        of_period = r * n_periods
        of_unit = rates.growth.size + local.first_unit[r] - n_periods
        for stay in range(stays.first[r], stays.first[r + 1]):
            i = stays.system[stay]
            v = frailties.variance[i]
            count = 0
            for o in range(stays.begins[stay], stays.begins[stay + 1]):
                k = stays.order[o]
                for side in range(2):
                    w = weight[k] if side == 0 else -weight[k]
                    p, rest = _edge(r, pieces.cells[k, side], pieces.offsets[k, side], rates)
                    single[p] += w * rest
                    count = _use(p, is_used, used, count)
                    if p + 1 < n_periods:
                        step[p + 1] += w
                        count = _use(p + 1, is_used, used, count)
            lo, hi = frailties.pointer[i], frailties.pointer[i + 1]
            for n in range(lo, hi):
                p = rows.places[n] - of_period
                if 0 <= p < n_periods:
                    own[p] -= frailties.cross[n] * frailties.echo[n]
                    count = _use(p, is_used, used, count)
            if 2 * count > n_periods:
                # as many steps as periods: then periods are simpler
                running = 0.0
                count = 0
                for p in range(n_periods):
                    running += step[p]
                    step[p] = 0.0
                    single[p] += running * (rates.reached[r, p + 1] - rates.reached[r, p])
                    used[p] = p
                    is_used[p] = True
                count = n_periods
            for o in range(stays.begins[stay], stays.begins[stay + 1]):
                k = stays.order[o]
                if pieces.unit_place[k] >= 0:
                    q = pieces.unit_place[k] - of_unit
                    single[q] += mass[k]
                    count = _use(q, is_used, used, count)
            for n in range(lo, hi):
                q = rows.unit_places[n] - of_unit
                if 0 <= rows.places[n] - of_period < n_periods <= q:
                    own[q] -= frailties.cross[n] * frailties.echo[n]
                    count = _use(q, is_used, used, count)
            with_rows = hi > lo
            for x in range(count):
                a = used[x]
                s, e, c = step[a], single[a], own[a]
                place = a + (of_period if a < n_periods else of_unit)
                for j in range(n_effects):
                    tied = v * frailties.gradients[i, j] - frailties.crossed[i, j]
                    sums.singles[place, j] += e * tied - c * frailties.gradients[i, j]
                    if s != 0.0:
                        sums.steps[place, j] += s * tied
                if with_rows:
                    for j in range(n_effects, n_wide):
                        sums.singles[place, j] -= e * frailties.crossed[i, j]
                    if s != 0.0:
                        for j in range(n_effects, n_wide):
                            sums.steps[place, j] -= s * frailties.crossed[i, j]
                # pairs once: both ways are made when the block is filled
                for y in range(x + 1):
                    b = used[y]
                    by_single[a, b] += (v * e - c) * single[b] - e * own[b]
                if s != 0.0:
                    for y in range(x + 1):
                        by_step[a, used[y]] += v * s * step[used[y]]
                    for y in range(count):
                        b = used[y]
                        by_both[a, b] += s * (v * single[b] - own[b])
            _covary(i, of_period, of_unit, n_periods, lo, hi, rows, frailties, by_single)
            for x in range(count):
                p = used[x]
                step[p], single[p], own[p], is_used[p] = 0.0, 0.0, 0.0, False
        _both_ways(by_single)
        _both_ways(by_step)
        for a in range(1, n_periods):
            for b in range(n_slots):
                by_step[a, b] += by_step[a - 1, b]
                by_both[a, b] += by_both[a - 1, b]
        for a in range(n_periods):
            for b in range(1, n_periods):
                by_step[a, b] += by_step[a, b - 1]
        at = _fill_block(r, rates.reached, local, by_step, by_both, by_single, blocks, at)


@kernel
def _use(p, is_used, used, count):
    """Note a slot in use; returns how many there are."""
    if is_used[p]:
        return count
    is_used[p] = True
    used[count] = p
    return count + 1


@kernel
def _both_ways(square):
    """Fill both triangles with what was added to either."""
    for a in range(square.shape[0]):
        for b in range(a):
            value = square[a, b] + square[b, a]
            square[a, b] = value
            square[b, a] = value


@kernel
def _covary(i, of_period, of_unit, n_periods, lo, hi, rows, frailties, by_single):
    """Pairs of a system's rows: periods and units with periods and units."""
    base = frailties.covariance_pointer[i]
    count = hi - lo
    if count < 2 or frailties.covariance_pointer[i + 1] == base:
        return
    for n in range(count):
        p = rows.places[lo + n] - of_period
        if p < 0 or p >= n_periods or frailties.echo[lo + n] == 0.0:
            continue
        u = rows.unit_places[lo + n] - of_unit
        for m in range(count):
            q = rows.places[lo + m] - of_period
            if 0 <= q < n_periods:
                value = frailties.covariance[base + n * count + m] * frailties.echo[lo + n] * frailties.echo[lo + m]
                w = rows.unit_places[lo + m] - of_unit
                # pairs of different slots are met both ways here, and once more when both ways are made
                by_single[p, q] += value if p == q else 0.5 * value
                if w >= n_periods:
                    by_single[p, w] += 0.5 * value
                if u >= n_periods:
                    by_single[u, q] += 0.5 * value
                    if w >= n_periods:
                        by_single[u, w] += value if u == w else 0.5 * value


@kernel
def _column(r, slot, local):
    """Position of a slot's parameter in the block of its organisation; outside of it where there is none."""
    n_periods = local.period.shape[1]
    if slot < n_periods:
        return local.period[r, slot] - local.begins[r]
    return local.unit[local.first_unit[r] + slot - n_periods] - local.begins[r]


@kernel
def _fill_block(r, reached, local, by_step, by_both, by_single, blocks, at):
    """Write the block of an organisation from position ``at`` on; returns the position after it."""
    n_periods = local.period.shape[1]
    n_slots = n_periods + local.first_unit[r + 1] - local.first_unit[r]
    size = local.begins[r + 1] - local.begins[r]
    for a in range(n_slots):
        i = _column(r, a, local)
        if i < 0 or i >= size:
            continue
        mass = reached[r, a + 1] - reached[r, a] if a < n_periods else 0.0
        for b in range(n_slots):
            j = _column(r, b, local)
            if j < 0 or j >= size:
                continue
            other = reached[r, b + 1] - reached[r, b] if b < n_periods else 0.0
            value = by_single[a, b] + mass * other * by_step[a, b] + mass * by_both[a, b] + other * by_both[b, a]
            blocks[at + i * size + j] = value
    return at + size * size


@kernel
def add_blocks(local, sums, blocks):
    """Add what the periods and units of an organisation have with themselves, and units with periods, to its block."""
    at = 0
    n_periods = local.period.shape[1]
    n_places = local.period.size
    for r in range(local.begins.shape[0] - 1):
        size = local.begins[r + 1] - local.begins[r]
        for a in range(n_periods + local.first_unit[r + 1] - local.first_unit[r]):
            i = _column(r, a, local)
            if i < 0 or i >= size:
                continue
            if a < n_periods:
                blocks[at + i * size + i] += sums.diagonal[r * n_periods + a]
                continue
            u = local.first_unit[r] + a - n_periods
            blocks[at + i * size + i] += sums.diagonal[n_places + u]
            for p in range(n_periods):
                j = _column(r, p, local)
                if 0 <= j < size:
                    blocks[at + i * size + j] += sums.cross[u, p]
                    blocks[at + j * size + i] += sums.cross[u, p]
        at += size * size


@kernel
def settle_cross(reached, first_unit, sums):
    """Turn the steps of units with periods into periods."""
    for r in range(reached.shape[0]):
        for u in range(first_unit[r], first_unit[r + 1]):
            running = 0.0
            for p in range(reached.shape[1] - 1):
                running += sums.cross_steps[u, p]
                sums.cross[u, p] += (reached[r, p + 1] - reached[r, p]) * running


@kernel
def settle_steps(reached, sums):
    """Turn steps into periods and add them to the periods."""
    n_periods = reached.shape[1] - 1
    running = np.empty(sums.singles.shape[1])
    for r in range(reached.shape[0]):
        running[:] = 0.0
        for p in range(n_periods):
            place = r * n_periods + p
            mass = reached[r, p + 1] - reached[r, p]
            for j in range(running.shape[0]):
                running[j] += sums.steps[place, j]
                sums.singles[place, j] += mass * running[j]


@kernel
def times_blocks(blocks, begins, vector, result):
    """Add the product of the blocks with a vector to ``result``."""
    at = 0
    for r in range(begins.shape[0] - 1):
        first = begins[r]
        size = begins[r + 1] - first
        for i in range(size):
            value = 0.0
            for j in range(size):
                value += blocks[at + i * size + j] * vector[first + j]
            result[first + i] += value
        at += size * size


@kernel
def factor_blocks(blocks, begins, ridges, factors):
    """Factor minus each block, U.T @ U, into ``factors`` (packed).

    Each block gets the first of the ``ridges``, relative to its own diagonal, that makes it positive definite. Returns the
    largest one that was needed; -1 where none was enough.
    """
    at = 0
    largest = 0.0
    for r in range(begins.shape[0] - 1):
        size = begins[r + 1] - begins[r]
        square = factors[at : at + size * size].reshape(size, size)
        done = size == 0
        for ridge in ridges:
            if done:
                break
            for i in range(size):
                for j in range(size):
                    square[i, j] = -blocks[at + i * size + j]
                square[i, i] += ridge * abs(square[i, i])
            done = factor(square)
            if done:
                largest = max(largest, ridge)
        if not done:
            return -1.0
        at += size * size
    return largest


@kernel
def solve_blocks_lower(factors, begins, values):
    """Solve U.T @ x = values in place, block by block; ``values`` (local parameters, columns)."""
    at = 0
    columns = values.shape[1]
    for r in range(begins.shape[0] - 1):
        first = begins[r]
        size = begins[r + 1] - first
        for i in range(size):
            for k in range(i):
                a = factors[at + k * size + i]
                if a != 0.0:
                    for j in range(columns):
                        values[first + i, j] -= a * values[first + k, j]
            inverse = 1.0 / factors[at + i * size + i]
            for j in range(columns):
                values[first + i, j] *= inverse
        at += size * size


@kernel
def solve_blocks_upper(factors, begins, values):
    """Solve U @ x = values in place, block by block; ``values`` (local parameters,)."""
    at = 0
    for r in range(begins.shape[0] - 1):
        first = begins[r]
        size = begins[r + 1] - first
        for i in range(size - 1, -1, -1):
            value = values[first + i]
            for k in range(i + 1, size):
                value -= factors[at + i * size + k] * values[first + k]
            values[first + i] = value / factors[at + i * size + i]
        at += size * size
