"""Echoes on their way: an Erlang delay of order m as m stages, each of which passes mass on at the same rate.

What waits in a stage is a decaying sum, and an exponential kernel is the case of one stage. Stages of a kernel lie side by
side, kernels one after the other. With ``x`` the stage's rate times the time that has passed, mass that was ``i`` stages
back is here with probability ``e^-x x^i / i!``; the echo comes when mass leaves the last stage.
"""

import math

import numpy as np

from antiphon.kernels._compile import kernel


@kernel
def _cascade(sums, k, x, stay, n_stages):
    """Let mass pass on through the stages that begin at ``k``; the last first, since each takes from those before it."""
    for stage in range(n_stages - 1, -1, -1):
        total, passed = 0.0, stay
        for i in range(stage + 1):
            total += sums[k + stage - i] * passed
            passed *= x / (i + 1)
        sums[k + stage] = total


@kernel
def pass_on(sums, first, last, past, rate, stages, n_states):
    """Let time go by for rows of sums, of all stages together, that lie end to end from ``first`` to ``last``."""
    at = first
    for b in range(rate.size):
        stay = math.exp(-rate[b] * past)
        if stages[b] == 1:
            for k in range(at, last, n_states):
                sums[k] *= stay
        else:
            for k in range(at, last, n_states):
                _cascade(sums, k, rate[b] * past, stay, stages[b])
        at += stages[b]


@kernel
def shares_passed(days, rate, stages, passed):
    """Fill, by kernel, the share of mass in a stage that will be 0, 1, 2 ... stages on after some days."""
    at = 0
    for b in range(rate.size):
        x = rate[b] * days
        passed[at] = math.exp(-x)
        for i in range(1, stages[b]):
            passed[at + i] = passed[at + i - 1] * x / i
        at += stages[b]


@kernel
def shares_come(days, rate, stages, come):
    """Fill, by kernel and stage, the share of mass in the stage that will have come after some days."""
    at = 0
    for b in range(rate.size):
        x = rate[b] * days
        last = at + stages[b] - 1
        come[last] = -math.expm1(-x)
        if stages[b] > 1:
            passed = math.exp(-x)
            for i in range(1, stages[b]):
                # one more stage to go; no rounding below nothing
                passed *= x / i
                come[last - i] = max(come[last - i + 1] - passed, 0.0)
        at = last + 1


@kernel
def underway(times, points, rate, order):
    """Return, at each point, how many of the earlier events have an echo of this kernel still to come. Both are sorted."""
    left = np.empty(points.size)
    rates, stages, sums = np.array([rate]), np.array([order]), np.zeros(order)
    now, n = 0.0, 0
    for i in range(points.size):
        while n < times.size and times[n] < points[i]:
            pass_on(sums, 0, order, times[n] - now, rates, stages, order)
            sums[0] += 1.0
            now = times[n]
            n += 1
        pass_on(sums, 0, order, points[i] - now, rates, stages, order)
        now = points[i]
        left[i] = sums.sum()
    return left
