"""Loops over groups of yes-or-no answers: a normal effect of the group is integrated out by adaptive quadrature."""

import math

import numpy as np

from antiphon.kernels._compile import kernel


@kernel
def group_mode(start, spread, lo, hi, answered, log_odds):
    """Mode of a group's effect in units of its spread, and the curvature there: Newton within a bracket.

    The slope falls all the way, so its sign says on which side the mode lies. The mode only places the nodes: it need not
    be exact.
    """
    hits = 0.0
    for n in range(lo, hi):
        hits += answered[n]
    low = spread * (hits - (hi - lo))
    high = spread * hits
    z = min(max(start, low), high)
    curvature = 1.0
    for _ in range(60):
        slope = spread * hits - z
        curvature = 1.0
        for n in range(lo, hi):
            p = 1.0 / (1.0 + math.exp(-(log_odds[n] + spread * z)))
            slope -= spread * p
            curvature += spread * spread * p * (1.0 - p)
        if slope > 0.0:
            low = z
        else:
            high = z
        step = slope / curvature
        if abs(step) < 1e-5:
            break
        z += step
        if z <= low or z >= high:
            z = 0.5 * (low + high)
    return z, curvature


@kernel
def log_answers(shift, lo, hi, answered, log_odds, chance):
    """Log probability of the answers of rows ``lo`` to ``hi`` at log odds raised by ``shift``; fills chance of yes.

    Factors 1 + exp(-|x|) are multiplied up and logarithms taken only when the product grows large.
    """
    total = 0.0
    grown = 1.0
    for n in range(lo, hi):
        x = log_odds[n] + shift
        e = math.exp(-abs(x))
        grown *= 1.0 + e
        if grown > 1e200:
            total -= math.log(grown)
            grown = 1.0
        if x > 0.0:
            chance[n - lo] = 1.0 / (1.0 + e)
            total -= x * (1.0 - answered[n])
        else:
            chance[n - lo] = e / (1.0 + e)
            total += x * answered[n]
    return total - math.log(grown)


@kernel
def marginal_answers(begins, answered, log_odds, spread, rule, fixed, places, modes, gradient, information):
    """Log likelihood of answers with the effects of their groups integrated out, and its derivatives.

    Parameters
    ----------
    begins
        (groups + 1,) rows of each group, which lie together.
    answered, log_odds
        (rows,) 0 or 1; and the log odds where the group's effect is zero.
    spread
        Standard deviation of the groups' effects; 0 for none.
    rule
        (2, nodes) Gauss-Hermite rule for the standard normal distribution: nodes and log weights.
    fixed, places
        What each row's log odds are made of: (rows, covariates), and (rows, factors) the place of its group in each of the
        other factors; places of a later factor are higher.
    modes
        (groups,) where the search for each mode starts; filled with the modes.
    gradient, information
        By effect: first derivatives, and (lower triangle) minus second derivatives, are added to them.
    """
    n_nodes = rule.shape[1]
    n_fixed = fixed.shape[1]
    n_factors = places.shape[1]
    size = gradient.shape[0]
    slot = np.full(size, -1)
    used = np.arange(size)
    scores = np.empty((n_nodes, size))
    mean = np.empty(size)
    weight = np.empty(n_nodes)
    longest = 0
    for i in range(begins.shape[0] - 1):
        longest = max(longest, begins[i + 1] - begins[i])
    chance = np.empty((n_nodes, longest))
    total = 0.0
    for i in range(begins.shape[0] - 1):
        lo = begins[i]
        hi = begins[i + 1]
        mode, curvature = group_mode(modes[i], spread, lo, hi, answered, log_odds)
        modes[i] = mode
        width = 1.0 / math.sqrt(curvature)
        highest = -math.inf
        for q in range(n_nodes):
            z = mode + width * rule[0, q]
            log_value = log_answers(spread * z, lo, hi, answered, log_odds, chance[q])
            weight[q] = log_value - 0.5 * z * z + rule[1, q] + 0.5 * rule[0, q] * rule[0, q]
            highest = max(highest, weight[q])
        whole = 0.0
        for q in range(n_nodes):
            weight[q] = math.exp(weight[q] - highest)
            whole += weight[q]
        total += highest + math.log(whole * width)
        n_used = n_fixed
        for n in range(lo, hi):
            for k in range(n_factors):
                if slot[places[n, k]] < 0:
                    slot[places[n, k]] = n_used
                    used[n_used] = places[n, k]
                    n_used += 1
        for q in range(n_nodes):
            weight[q] /= whole
            for j in range(n_used):
                scores[q, j] = 0.0
        for n in range(lo, hi):
            variance = 0.0
            for q in range(n_nodes):
                p = chance[q, n - lo]
                variance += weight[q] * p * (1.0 - p)
                for j in range(n_fixed):
                    scores[q, j] += (answered[n] - p) * fixed[n, j]
                for k in range(n_factors):
                    scores[q, slot[places[n, k]]] += answered[n] - p
            for j in range(n_fixed):
                for k in range(j + 1):
                    information[j, k] += variance * fixed[n, j] * fixed[n, k]
                for k in range(n_factors):
                    information[places[n, k], j] += variance * fixed[n, j]
            for k in range(n_factors):
                for m in range(k + 1):
                    information[places[n, k], places[n, m]] += variance
        for j in range(n_used):
            mean[j] = 0.0
            for q in range(n_nodes):
                mean[j] += weight[q] * scores[q, j]
            gradient[used[j]] += mean[j]
        for j in range(n_used):
            for k in range(n_used):
                if used[k] > used[j]:
                    continue
                covariance = 0.0
                for q in range(n_nodes):
                    covariance += weight[q] * (scores[q, j] - mean[j]) * (scores[q, k] - mean[k])
                information[used[j], used[k]] -= covariance
        for j in range(n_fixed, n_used):
            slot[used[j]] = -1
    return total
