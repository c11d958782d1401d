"""Loops of the likelihood: endemic rates and their integrals, and rows without frailty.

Parameters come with one extra slot at the end that is always 0: an effect that a row does not have points there, so the
loops need no branches. Gradients have the same extra slot, to be thrown away.
"""

import math

from antiphon.kernels._compile import kernel


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
def cell_rates(parameters, width, columns, period_of_cell, period_columns, rate, total):
    """Endemic rate per calendar and cell, and its integral from the start of the window to each cell edge."""
    for r in range(rate.shape[0]):
        running = 0.0
        for c in range(rate.shape[1]):
            effect = parameters[0] + parameters[columns[c, 0]] + parameters[columns[c, 1]]
            value = math.exp(effect + parameters[period_columns[r, period_of_cell[c]]])
            rate[r, c] = value
            total[r, c] = running
            running += value * width[c]
        total[r, rate.shape[1]] = running


@kernel
def row_rates(parameters, propensity, columns, log_r, exposure, endemic):
    """Endemic part of each row at frailty 1."""
    for n in range(endemic.shape[0]):
        effect = parameters[0] + propensity * log_r[n]
        for k in range(columns.shape[1]):
            effect += parameters[columns[n, k]]
        endemic[n] = exposure[n] * math.exp(effect)


@kernel
def piece_hazards(
    parameters, propensity, system, calendar, cells, offsets, columns, log_r, rate, total, weight, mass, hazard
):
    """Endemic hazard of each piece of time at risk and of each system. ``hazard`` is added to."""
    for k in range(system.shape[0]):
        r = calendar[k]
        w = math.exp(parameters[columns[k, 0]] + parameters[columns[k, 1]] + propensity * log_r[k])
        c0 = cells[k, 0]
        c1 = cells[k, 1]
        h = total[r, c1] + offsets[k, 1] * rate[r, c1] - total[r, c0] - offsets[k, 0] * rate[r, c0]
        weight[k] = w
        mass[k] = w * h
        hazard[system[k]] += w * h


@kernel
def spread_exposure(theta, system, calendar, cells, offsets, weight, width, exposure):
    """Expected weight x days at risk of each calendar cell: exact, in one step per piece and one per cell."""
    for k in range(system.shape[0]):
        w = theta[system[k]] * weight[k]
        r = calendar[k]
        exposure[r, cells[k, 0]] += w
        exposure[r, cells[k, 1]] -= w
    for r in range(exposure.shape[0]):
        running = 0.0
        for c in range(exposure.shape[1]):
            running += exposure[r, c]
            exposure[r, c] = running * width[c]
    for k in range(system.shape[0]):
        w = theta[system[k]] * weight[k]
        r = calendar[k]
        exposure[r, cells[k, 0]] -= w * offsets[k, 0]
        exposure[r, cells[k, 1]] += w * offsets[k, 1]


@kernel
def hazard_gradient(theta, system, columns, log_r, mass, propensity_column, gradient):
    """Derivative of the expected total hazard in the effects that belong to pieces. ``gradient`` is added to."""
    for k in range(system.shape[0]):
        value = theta[system[k]] * mass[k]
        gradient[0] += value
        gradient[columns[k, 0]] += value
        gradient[columns[k, 1]] += value
        gradient[propensity_column] += value * log_r[k]


@kernel
def cell_gradient(exposure, rate, columns, period_of_cell, period_columns, gradient):
    """Derivative of the expected total hazard in the effects that belong to cells. ``gradient`` is added to."""
    for r in range(rate.shape[0]):
        for c in range(rate.shape[1]):
            value = exposure[r, c] * rate[r, c]
            gradient[columns[c, 0]] += value
            gradient[columns[c, 1]] += value
            gradient[period_columns[r, period_of_cell[c]]] += value


@kernel
def cell_hessian(exposure, rate, columns, period_of_cell, period_columns, hessian):
    """Second derivatives of the expected total hazard in pairs of effects of cells (upper part may be mirrored)."""
    for r in range(rate.shape[0]):
        for c in range(rate.shape[1]):
            value = exposure[r, c] * rate[r, c]
            j0 = columns[c, 0]
            j1 = columns[c, 1]
            j2 = period_columns[r, period_of_cell[c]]
            hessian[j0, j0] += value
            hessian[j1, j1] += value
            hessian[j2, j2] += value
            hessian[j0, j1] += value
            hessian[j1, j0] += value
            hessian[j0, j2] += value
            hessian[j2, j0] += value
            hessian[j1, j2] += value
            hessian[j2, j1] += value


@kernel
def column_totals(width, columns, rate, first_column, totals):
    """Integral of the rate over the cells of one shift or weekday, from the window's start to each cell edge.

    ``totals`` (calendars, cells + 1, effects of shift and weekday); effect ``j`` is parameter ``first_column + j``.
    """
    effects = totals.shape[2]
    for r in range(rate.shape[0]):
        for c in range(rate.shape[1]):
            for j in range(effects):
                totals[r, c + 1, j] = totals[r, c, j]
            value = rate[r, c] * width[c]
            for k in range(2):
                j = columns[c, k] - first_column
                if 0 <= j < effects:
                    totals[r, c + 1, j] += value


@kernel
def piece_hessian(
    theta, system, calendar, cells, offsets, columns, log_r, weight, mass,
    rate, total, totals, cell_columns, period_of_cell, period_start, period_columns,
    propensity_column, hessian, gradients,
):  # fmt: skip
    """Second derivatives of the expected total hazard that involve an effect of pieces, and each system's gradient.

    ``gradients`` (systems, parameters + 1) may have no columns: then only ``hessian`` (parameters + 1, parameters + 1)
    is filled. Every pair is filled one way only; the caller mirrors it.
    """
    effects = totals.shape[2]
    wanted = gradients.shape[1] > 0
    for k in range(system.shape[0]):
        i = system[k]
        r = calendar[k]
        c0 = cells[k, 0]
        c1 = cells[k, 1]
        w = weight[k]
        expected = theta[i]
        j0 = columns[k, 0]
        j1 = columns[k, 1]
        x = log_r[k]
        # pairs of piece effects
        value = expected * mass[k]
        hessian[0, 0] += value
        hessian[0, j0] += value
        hessian[0, j1] += value
        hessian[0, propensity_column] += value * x
        hessian[j0, j0] += value
        hessian[j0, j1] += value
        hessian[j1, j1] += value
        hessian[j0, propensity_column] += value * x
        hessian[j1, propensity_column] += value * x
        hessian[propensity_column, propensity_column] += value * x * x
        if wanted:
            gradients[i, 0] += mass[k]
            gradients[i, j0] += mass[k]
            gradients[i, j1] += mass[k]
            gradients[i, propensity_column] += mass[k] * x
        # piece effects with shifts and weekdays
        for j in range(effects):
            h = totals[r, c1, j] - totals[r, c0, j]
            column = 1 + j
            if cell_columns[c1, 0] == column or cell_columns[c1, 1] == column:
                h += offsets[k, 1] * rate[r, c1]
            if cell_columns[c0, 0] == column or cell_columns[c0, 1] == column:
                h -= offsets[k, 0] * rate[r, c0]
            h *= w
            value = expected * h
            hessian[0, column] += value
            hessian[j0, column] += value
            hessian[j1, column] += value
            hessian[propensity_column, column] += value * x
            if wanted:
                gradients[i, column] += h
        # piece effects with periods
        begin = total[r, c0] + offsets[k, 0] * rate[r, c0]
        end = total[r, c1] + offsets[k, 1] * rate[r, c1]
        for q in range(period_of_cell[c0], period_of_cell[c1] + 1):
            h = w * (min(end, total[r, period_start[q + 1]]) - max(begin, total[r, period_start[q]]))
            column = period_columns[r, q]
            value = expected * h
            hessian[0, column] += value
            hessian[j0, column] += value
            hessian[j1, column] += value
            hessian[propensity_column, column] += value * x
            if wanted:
                gradients[i, column] += h


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
def scatter_rows(values, columns, log_r, propensity_column, gradient):
    """Sum over rows of value x (which endemic effects the row has). ``gradient`` is added to."""
    for n in range(values.shape[0]):
        value = values[n]
        gradient[0] += value
        for k in range(columns.shape[1]):
            gradient[columns[n, k]] += value
        gradient[propensity_column] += value * log_r[n]


@kernel
def scatter_matrix(values, columns, log_r, propensity_column, result):
    """The same for rows of vectors: ``result`` (parameters + 1, columns of values) is added to."""
    for n in range(values.shape[0]):
        x = log_r[n]
        for j in range(values.shape[1]):
            result[0, j] += values[n, j]
        for k in range(columns.shape[1]):
            c = columns[n, k]
            for j in range(values.shape[1]):
                result[c, j] += values[n, j]
        if x != 0.0:
            for j in range(values.shape[1]):
                result[propensity_column, j] += x * values[n, j]


@kernel
def scatter_pairs(values, columns, log_r, propensity_column, result):
    """Sum over rows of value x (effects of the row) x (effects of the row). ``result`` is added to."""
    effects = columns.shape[1]
    for n in range(values.shape[0]):
        value = values[n]
        x = log_r[n]
        result[0, 0] += value
        result[0, propensity_column] += value * x
        result[propensity_column, 0] += value * x
        result[propensity_column, propensity_column] += value * x * x
        for k in range(effects):
            c = columns[n, k]
            result[0, c] += value
            result[c, 0] += value
            result[propensity_column, c] += value * x
            result[c, propensity_column] += value * x
            for j in range(effects):
                result[c, columns[n, j]] += value
