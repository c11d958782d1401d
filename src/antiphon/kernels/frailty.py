"""Loops over systems: the frailty is integrated out, row by row of data, without ever building a matrix of persons."""

import math

import numpy as np

from antiphon.kernels._compile import kernel


@kernel
def log_product(theta, lo, hi, count, endemic, echo):
    """Sum over rows of count x log(theta x endemic + echo).

    Rates are multiplied up and logarithms taken only when the product leaves the comfortable range.
    """
    product = 1.0
    logs = 0.0
    for n in range(lo, hi):
        rate = theta * endemic[n] + echo[n]
        if count[n] == 1.0:
            product *= rate
            if product > 1e150 or product < 1e-150:
                logs += math.log(product)
                product = 1.0
        else:
            logs += count[n] * math.log(rate)
    return logs + math.log(product)


@kernel
def log_products(theta, lo, hi, count, endemic, echo, result):
    """Add ``log_product`` at each node to ``result`` (nodes,)."""
    for j in range(theta.shape[0]):
        result[j] += log_product(theta[j], lo, hi, count, endemic, echo)


@kernel
def log_integrand(x, shape, scale, lo, hi, count, endemic, echo):
    """Log of the integrand over x = log theta, without its constant."""
    theta = math.exp(x)
    return shape * x - scale * theta + log_product(theta, lo, hi, count, endemic, echo)


@kernel
def adaptive_nodes(shape, scale, lo, hi, count, endemic, echo):
    """Nodes in theta around the mode, and the log of integrand x spacing there.

    The trapezoidal rule in t, log theta = mode + 2 width sinh(t), converges exponentially, and the substitution reaches far
    into the slow left tail that a frailty of large variance has. The mode lies between that of a system whose events are
    all echoes and that of one whose events are all endemic.
    """
    events = 0.0
    for n in range(lo, hi):
        events += count[n]
    left = math.log(shape / scale)
    right = math.log((shape + events) / scale)
    best = -math.inf
    mode = left
    for k in range(41):
        x = left + (right - left) * k / 40.0
        value = log_integrand(x, shape, scale, lo, hi, count, endemic, echo)
        if value > best:
            best = value
            mode = x
    step = 0.12
    spread = 2.0 / math.sqrt(shape + events)
    middle = 120
    theta = np.empty(2 * middle + 1)
    logs = np.empty(2 * middle + 1)
    theta[middle] = math.exp(mode)
    logs[middle] = best + math.log(spread * step)
    highest = logs[middle]
    ends = np.zeros(2, dtype=np.int64)
    for side in range(2):
        sign = 1 if side else -1
        for k in range(1, middle + 1):
            t = sign * k * step
            x = mode + spread * math.sinh(t)
            j = middle + sign * k
            ends[side] = j
            if x < -700.0 or x > 300.0:
                theta[j] = theta[middle]
                logs[j] = -math.inf
                break
            theta[j] = math.exp(x)
            value = log_integrand(x, shape, scale, lo, hi, count, endemic, echo)
            logs[j] = value + math.log(spread * math.cosh(t) * step)
            highest = max(highest, logs[j])
            if logs[j] < highest - 42.0:
                break
    return theta[ends[0] : ends[1] + 1].copy(), logs[ends[0] : ends[1] + 1].copy()


@kernel
def exact_rule(lo, hi, count, exact):
    """The first rule that is exact for the events of some rows; the number of rules where none is."""
    events = 0.0
    for n in range(lo, hi):
        events += count[n]
    rule = 0
    while rule < exact.shape[0] and exact[rule] < events:
        rule += 1
    return rule


@kernel
def frailty_values(
    shape, frail, pointer, count, endemic, echo, hazard, nodes, log_weights, node_pointer, exact, log_like
):  # fmt: skip
    """Marginal log likelihood by system alone; arguments as in ``frailty_rows``."""
    for i in range(hazard.shape[0]):
        lo = pointer[i]
        hi = pointer[i + 1]
        if not frail[i]:
            log_like[i] = log_product(1.0, lo, hi, count, endemic, echo) - hazard[i]
            continue
        constant = -shape * math.log1p(hazard[i] / shape)
        if lo == hi:
            log_like[i] = constant
            continue
        rule = exact_rule(lo, hi, count, exact)
        if rule < exact.shape[0]:
            first = node_pointer[rule]
            last = node_pointer[rule + 1]
            scale = shape + hazard[i]
            highest = -math.inf
            total = 0.0
            for j in range(first, last):
                value = log_weights[j] + log_product(nodes[j] / scale, lo, hi, count, endemic, echo)
                if value > highest:
                    total = total * math.exp(highest - value) + 1.0
                    highest = value
                else:
                    total += math.exp(value - highest)
            log_like[i] = constant + highest + math.log(total)
        else:
            _, logs = adaptive_nodes(shape, shape + hazard[i], lo, hi, count, endemic, echo)
            highest = logs.max()
            total = np.exp(logs - highest).sum()
            log_like[i] = shape * math.log(shape) - math.lgamma(shape) + highest + math.log(total)


@kernel
def frailty_rows(
    shape, frail, pointer, count, endemic, echo, hazard, nodes, log_weights, node_pointer, exact,
    log_like, mean, variance, first, endemic_first, second, cross, covariance, covariance_pointer, with_second,
):  # fmt: skip
    """Marginal log likelihood by system and the posterior moments that its derivatives need.

    Parameters
    ----------
    shape
        Shape and rate of the Gamma frailty, 1 / variance.
    frail
        (systems,) bool; a system without frailty has theta = 1.
    pointer
        (systems + 1,) rows of each system.
    nodes, log_weights, node_pointer, exact
        Generalised Gauss-Laguerre rules laid end to end; rule ``k`` is exact up to ``exact[k]`` events.
    log_like, mean, variance
        (systems,) filled: log likelihood (compensator of the endemic part included), E theta, Var theta.
    first, endemic_first, second
        As in ``poisson_rows``, in expectation; ``second`` holds the row's own part of the *marginal* Hessian, in which
        E[u^2] cancels for single events (it need not exist).
    cross
        (rows,) Cov(count u, theta), with u = 1 / (theta endemic + echo).
    covariance
        Cov(count u_n, count u_m) of each system's rows, packed square matrices with zero diagonal.
    """
    for i in range(hazard.shape[0]):
        lo = pointer[i]
        hi = pointer[i + 1]
        if not frail[i]:
            value = -hazard[i]
            for n in range(lo, hi):
                rate = endemic[n] + echo[n]
                d1 = count[n] / rate
                d2 = -d1 / rate
                value += count[n] * math.log(rate)
                first[n] = d1
                endemic_first[n] = d1 * endemic[n]
                second[n, 0] = d1 * endemic[n] + d2 * endemic[n] * endemic[n]
                second[n, 1] = d2 * endemic[n]
                second[n, 2] = d2
                cross[n] = 0.0
            log_like[i] = value
            mean[i] = 1.0
            variance[i] = 0.0
            continue
        scale = shape + hazard[i]
        if lo == hi:
            log_like[i] = -shape * math.log1p(hazard[i] / shape)
            mean[i] = shape / scale
            variance[i] = shape / (scale * scale)
            continue
        rule = exact_rule(lo, hi, count, exact)
        if rule < exact.shape[0]:
            theta = nodes[node_pointer[rule] : node_pointer[rule + 1]] / scale
            logs = log_weights[node_pointer[rule] : node_pointer[rule + 1]].copy()
            log_products(theta, lo, hi, count, endemic, echo, logs)
            constant = -shape * math.log1p(hazard[i] / shape)
        else:
            theta, logs = adaptive_nodes(shape, scale, lo, hi, count, endemic, echo)
            constant = shape * math.log(shape) - math.lgamma(shape)
        highest = logs.max()
        weights = np.exp(logs - highest)
        total = weights.sum()
        weights /= total
        log_like[i] = constant + highest + math.log(total)
        average = 0.0
        for j in range(theta.shape[0]):
            average += weights[j] * theta[j]
        spread = 0.0
        for j in range(theta.shape[0]):
            spread += weights[j] * (theta[j] - average) ** 2
        mean[i] = average
        variance[i] = spread
        rows = hi - lo
        centred = np.empty((rows if with_second else 0, theta.shape[0]))
        for n in range(lo, hi):
            expected = 0.0
            together = 0.0
            for j in range(theta.shape[0]):
                u = weights[j] / (theta[j] * endemic[n] + echo[n])
                expected += u
                together += u * (theta[j] - average)
            y = count[n]
            first[n] = y * expected
            endemic_first[n] = y - y * echo[n] * expected
            cross[n] = y * together
            if with_second:
                own = -y * y * expected * expected
                if y > 1.0:
                    square = 0.0
                    for j in range(theta.shape[0]):
                        rate = theta[j] * endemic[n] + echo[n]
                        square += weights[j] / (rate * rate)
                    own += y * (y - 1.0) * square
                second[n, 0] = echo[n] * y * expected + echo[n] * echo[n] * own
                second[n, 1] = -y * expected - echo[n] * own
                second[n, 2] = own
                for j in range(theta.shape[0]):
                    centred[n - lo, j] = y * (1.0 / (theta[j] * endemic[n] + echo[n]) - expected)
        if with_second and rows > 1:
            base = covariance_pointer[i]
            for n in range(rows):
                covariance[base + n * rows + n] = 0.0
                for k in range(n):
                    value = 0.0
                    for j in range(theta.shape[0]):
                        value += weights[j] * centred[n, j] * centred[k, j]
                    covariance[base + n * rows + k] = value
                    covariance[base + k * rows + n] = value


@kernel
def covariance_features(start, stop, pointer, covariance, covariance_pointer, features, result):
    """Add sum over the other rows m of the same system of Cov(n, m) x features[m] to ``result`` (rows, columns)."""
    offset = pointer[start]
    for i in range(start, stop):
        lo = pointer[i]
        rows = pointer[i + 1] - lo
        if rows < 2 or covariance_pointer[i + 1] == covariance_pointer[i]:
            continue
        base = covariance_pointer[i]
        for n in range(rows):
            for m in range(rows):
                value = covariance[base + n * rows + m]
                for j in range(features.shape[1]):
                    result[lo - offset + n, j] += value * features[lo + m, j]


@kernel
def polynomial_coefficients(lo, hi, count, endemic, echo, centre):
    """Coefficients of prod (theta endemic + echo)^count in powers of theta / centre, and the log of their common scale.

    All terms are positive, so nothing cancels. The posterior of theta is a mixture of Gamma distributions with weights
    proportional to these coefficients.
    """
    events = 0
    for n in range(lo, hi):
        events += int(count[n])
    result = np.zeros(events + 1)
    result[0] = 1.0
    degree = 0
    logs = 0.0
    for n in range(lo, hi):
        rise = endemic[n] * centre
        for _ in range(int(count[n])):
            degree += 1
            highest = 0.0
            for k in range(degree, -1, -1):
                value = result[k] * echo[n]
                if k > 0:
                    value += result[k - 1] * rise
                result[k] = value
                highest = max(highest, value)
            for k in range(degree + 1):
                result[k] /= highest
            logs += math.log(highest)
    return result, logs


@kernel
def mixture_weights(pointer, count, endemic, echo, mean, scale, shape, begins, weights):
    """Posterior of each frailty as a mixture of Gamma(shape + k, scale), k = 0 ... events: its weights from ``begins`` on.

    Systems with no place between ``begins[i]`` and ``begins[i + 1]`` are left out.
    """
    for i in range(pointer.shape[0] - 1):
        base = begins[i]
        if begins[i + 1] == base:
            continue
        centre = max(mean[i], 1e-300)
        coefficients, _ = polynomial_coefficients(pointer[i], pointer[i + 1], count, endemic, echo, centre)
        step = math.log(scale[i] * centre)
        highest = -np.inf
        for k in range(coefficients.shape[0]):
            value = -np.inf
            if coefficients[k] > 0.0:
                value = math.log(coefficients[k]) + math.lgamma(shape + k) - k * step
            weights[base + k] = value
            highest = max(highest, value)
        total = 0.0
        for k in range(coefficients.shape[0]):
            weights[base + k] = math.exp(weights[base + k] - highest)
            total += weights[base + k]
        for k in range(coefficients.shape[0]):
            weights[base + k] /= total
