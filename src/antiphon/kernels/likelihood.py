"""Loops of the likelihood: endemic rates and their integrals, and rows without frailty.

Parameters come with one extra slot at the end that is always 0: an effect that a row does not have points there, so the
loops need no branches. Gradients have the same extra slot, to be thrown away.
"""

import math
from typing import NamedTuple

import numpy as np

from antiphon.kernels._compile import kernel


class Pieces(NamedTuple):
    """Time at risk, cut where an effect of the system itself changes.

    Attributes
    ----------
    system, group : (pieces,) local system; organisation.
    cells : (pieces, 2) calendar cells of start and end; ``offsets`` : (pieces, 2) days into them.
    stratum, unit : (pieces,) parameters of the stratum and of the unit.
    unit_place : (pieces,) see ``kernels.curvature``; -1 for none.
    covariates : (pieces, covariates) values.
    """

    system: np.ndarray
    group: np.ndarray
    cells: np.ndarray
    offsets: np.ndarray
    stratum: np.ndarray
    unit: np.ndarray
    unit_place: np.ndarray
    covariates: np.ndarray


class Rates(NamedTuple):
    """Endemic rates at one point; see ``base_rates``.

    Attributes
    ----------
    period_of_cell, period_start : (cells,), (periods + 1,).
    base, cumulated : (cells,), (cells + 1,).
    growth, reached : (organisations, periods), (organisations, periods + 1).
    """

    period_of_cell: np.ndarray
    period_start: np.ndarray
    base: np.ndarray
    cumulated: np.ndarray
    growth: np.ndarray
    reached: np.ndarray


@kernel
def dense_pass(features, alpha, endemic, gradient):
    """Log rates summed, and their gradient, in one pass over the features; the endemic rate is one number.

    Returns the sum of logs and the sum of reciprocals of the rates; ``gradient`` (columns,) is added to. Rates are
    multiplied up and their logarithm taken once in a while: logarithms would cost more than everything else. Eight
    partial sums per row replace one long chain of dependent additions.
    """
    rows, columns = features.shape
    whole = columns - columns % 8
    logs = 0.0
    reciprocals = 0.0
    product = 1.0
    for n in range(rows):
        row = features[n]
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
        for j in range(0, whole, 8):
            s0 += row[j] * alpha[j]
            s1 += row[j + 1] * alpha[j + 1]
            s2 += row[j + 2] * alpha[j + 2]
            s3 += row[j + 3] * alpha[j + 3]
            s4 += row[j + 4] * alpha[j + 4]
            s5 += row[j + 5] * alpha[j + 5]
            s6 += row[j + 6] * alpha[j + 6]
            s7 += row[j + 7] * alpha[j + 7]
        for j in range(whole, columns):
            s0 += row[j] * alpha[j]
        rate = endemic + (((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)))
        inverse = 1.0 / rate
        reciprocals += inverse
        for j in range(columns):
            gradient[j] += inverse * row[j]
        product *= rate
        if product > 1e150 or product < 1e-150:
            logs += math.log(product)
            product = 1.0
    return logs + math.log(product), reciprocals


@kernel
def base_rates(parameters, width, columns, period_columns, rates):
    """Endemic rates as a product: of the cell (shift, weekday) and of the organisation's period.

    ``base`` (cells,), its integral ``cumulated`` (cells + 1,); ``growth`` (organisations, periods), and ``reached``
    (organisations, periods + 1) the integral of the whole rate from the start of the window to the start of each period.
    """
    for c in range(width.shape[0]):
        rates.base[c] = math.exp(parameters[0] + parameters[columns[c, 0]] + parameters[columns[c, 1]])
        rates.cumulated[c + 1] = rates.cumulated[c] + rates.base[c] * width[c]
    for r in range(rates.growth.shape[0]):
        for p in range(rates.growth.shape[1]):
            rates.growth[r, p] = math.exp(parameters[period_columns[r, p]])
            within = rates.cumulated[rates.period_start[p + 1]] - rates.cumulated[rates.period_start[p]]
            rates.reached[r, p + 1] = rates.reached[r, p] + rates.growth[r, p] * within


@kernel
def rate_until(r, c, offset, rates):
    """Integral of the rate of organisation ``r`` from the start of the window until ``offset`` days into cell ``c``."""
    p = rates.period_of_cell[c]
    within = rates.cumulated[c] - rates.cumulated[rates.period_start[p]] + offset * rates.base[c]
    return rates.reached[r, p] + rates.growth[r, p] * within


@kernel
def row_rates(parameters, first_covariate, columns, covariates, exposure, endemic):
    """Endemic part of each row at frailty 1."""
    for n in range(endemic.shape[0]):
        effect = parameters[0]
        for k in range(columns.shape[1]):
            effect += parameters[columns[n, k]]
        for k in range(covariates.shape[1]):
            effect += parameters[first_covariate + k] * covariates[n, k]
        endemic[n] = exposure[n] * math.exp(effect)


@kernel
def piece_hazards(parameters, first_covariate, pieces, rates, weight, mass, hazard):
    """Endemic hazard of each piece of time at risk and of each system. ``hazard`` is added to."""
    for k in range(weight.shape[0]):
        r = pieces.group[k]
        effect = parameters[pieces.stratum[k]] + parameters[pieces.unit[k]]
        for j in range(pieces.covariates.shape[1]):
            effect += parameters[first_covariate + j] * pieces.covariates[k, j]
        w = math.exp(effect)
        begin = rate_until(r, pieces.cells[k, 0], pieces.offsets[k, 0], rates)
        end = rate_until(r, pieces.cells[k, 1], pieces.offsets[k, 1], rates)
        weight[k] = w
        mass[k] = w * (end - begin)
        hazard[pieces.system[k]] += mass[k]


@kernel
def hazards_until(cell, offset, edges, pieces, rates, weight, hazard, days):
    """Endemic hazard and days at risk of each system until ``offset`` days into a cell; both are added to."""
    for k in range(weight.shape[0]):
        first = pieces.cells[k, 0]
        if first > cell or (first == cell and pieces.offsets[k, 0] >= offset):
            continue
        last = pieces.cells[k, 1]
        rest = pieces.offsets[k, 1]
        if last > cell or (last == cell and rest > offset):
            last = cell
            rest = offset
        r = pieces.group[k]
        i = pieces.system[k]
        begin = rate_until(r, first, pieces.offsets[k, 0], rates)
        hazard[i] += weight[k] * (rate_until(r, last, rest, rates) - begin)
        days[i] += edges[last] + rest - edges[first] - pieces.offsets[k, 0]


@kernel
def spread_mass(theta, pieces, rates, weight, width, mass):
    """Expected endemic events of each organisation and cell: exact, in one step per piece and one per cell."""
    for k in range(weight.shape[0]):
        w = theta[pieces.system[k]] * weight[k]
        r = pieces.group[k]
        mass[r, pieces.cells[k, 0]] += w
        mass[r, pieces.cells[k, 1]] -= w
    for r in range(mass.shape[0]):
        running = 0.0
        for c in range(mass.shape[1]):
            running += mass[r, c]
            mass[r, c] = running * width[c]
    for k in range(weight.shape[0]):
        w = theta[pieces.system[k]] * weight[k]
        r = pieces.group[k]
        mass[r, pieces.cells[k, 0]] -= w * pieces.offsets[k, 0]
        mass[r, pieces.cells[k, 1]] += w * pieces.offsets[k, 1]
    for r in range(mass.shape[0]):
        for c in range(mass.shape[1]):
            mass[r, c] *= rates.base[c] * rates.growth[r, rates.period_of_cell[c]]


@kernel
def hazard_gradient(theta, pieces, mass, first_covariate, gradient):
    """Derivative of the expected total hazard in the effects that belong to pieces. ``gradient`` is added to."""
    for k in range(mass.shape[0]):
        value = theta[pieces.system[k]] * mass[k]
        gradient[0] += value
        gradient[pieces.stratum[k]] += value
        gradient[pieces.unit[k]] += value
        for j in range(pieces.covariates.shape[1]):
            gradient[first_covariate + j] += value * pieces.covariates[k, j]


@kernel
def cell_gradient(mass, columns, period_of_cell, period_columns, gradient):
    """Derivative of the expected total hazard in the effects that belong to cells. ``gradient`` is added to."""
    for r in range(mass.shape[0]):
        for c in range(mass.shape[1]):
            value = mass[r, c]
            gradient[columns[c, 0]] += value
            gradient[columns[c, 1]] += value
            gradient[period_columns[r, period_of_cell[c]]] += value


@kernel
def poisson_rows(count, endemic, echo, system, bernoulli, log_like, first, endemic_first, second):
    """Rows at frailty 1: log likelihood by system (added to) and its derivatives in the two parts of the rate.

    ``first`` (rows,) d/d echo, ``endemic_first`` d/d log endemic; ``second`` (rows, 3): log endemic twice, log endemic
    and echo, echo twice. A terminal kind in coarse time happens with probability ``1 - exp(-rate)``; the compensator
    has already taken ``rate`` away, so its row is ``log(exp(rate) - 1)``.
    """
    total = 0.0
    for n in range(count.shape[0]):
        m = endemic[n]
        rate = m + echo[n]
        if bernoulli:
            d1 = -1.0 / math.expm1(-rate)
            d2 = -math.exp(-rate) * d1 * d1
            value = rate - math.log(d1)
        else:
            d1 = count[n] / rate
            d2 = -d1 / rate
            value = count[n] * math.log(rate)
        log_like[system[n]] += value
        total += value
        first[n] = d1
        endemic_first[n] = d1 * m
        second[n, 0] = d1 * m + d2 * m * m
        second[n, 1] = d2 * m
        second[n, 2] = d2
    return total


@kernel
def scatter_rows(values, columns, covariates, first_covariate, gradient):
    """Sum over rows of value x (which endemic effects the row has). ``gradient`` is added to."""
    for n in range(values.shape[0]):
        value = values[n]
        gradient[0] += value
        for k in range(columns.shape[1]):
            gradient[columns[n, k]] += value
        for k in range(covariates.shape[1]):
            gradient[first_covariate + k] += value * covariates[n, k]
