"""What the machine allows: a hand-written loop for log likelihood and gradient over an n x D table, one thread."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=False, error_model="numpy")
def table_pass(table, mark, mu, alpha, gradient_mu, gradient_alpha):
    """Sum of log intensities and its gradient; ``table[n, j]`` is the excitation of event n from kind j."""
    total = 0.0
    for n in range(table.shape[0]):
        k = mark[n]
        intensity = mu[k]
        for j in range(table.shape[1]):
            intensity += alpha[k, j] * table[n, j]
        total += np.log(intensity)
        inverse = 1.0 / intensity
        gradient_mu[k] += inverse
        for j in range(table.shape[1]):
            gradient_alpha[k, j] += inverse * table[n, j]
    return total


@njit(cache=False, error_model="numpy")
def recursion(time, mark, n_kinds, decay):
    """The n x D table of the exponential recursion."""
    table = np.empty((time.size, n_kinds))
    state = np.zeros(n_kinds)
    last = 0.0
    for n in range(time.size):
        factor = np.exp(-decay * (time[n] - last))
        last = time[n]
        for j in range(n_kinds):
            state[j] *= factor
            table[n, j] = decay * state[j]
        state[mark[n]] += 1.0
    return table
