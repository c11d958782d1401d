"""The naive twin of the dense multivariate Hawkes process: every pair of events, one after the other."""

from __future__ import annotations

import math

import numpy as np


def intensity(times, kinds, half_lives, n, baseline, excitation):
    """lambda of the kind of event n at its time, from all events of strictly earlier time stamps."""
    total = baseline[kinds[n]]
    for m in range(n):
        if times[m] < times[n]:
            for b, life in enumerate(half_lives):
                kappa = math.log(2.0) / life * 2.0 ** (-(times[n] - times[m]) / life)
                total += excitation[kinds[n], kinds[m], b] * kappa
    return total


def log_likelihood(times, kinds, half_lives, end, baseline, excitation):
    """Sum of log intensities minus the integral of all intensities over the time observed."""
    total = -end * sum(baseline)
    for m, kind in enumerate(kinds):
        for b, life in enumerate(half_lives):
            heard = 1.0 - 2.0 ** (-(end - times[m]) / life)
            total -= sum(excitation[:, kind, b]) * heard
    return total + sum(
        math.log(intensity(times, kinds, half_lives, n, baseline, excitation)) for n in range(len(times))
    )


def gradient(times, kinds, half_lives, end, baseline, excitation):
    """Derivatives of the log likelihood, term by term."""
    by_baseline = np.full(len(baseline), -end)
    by_excitation = np.zeros(excitation.shape)
    for n, kind in enumerate(kinds):
        inverse = 1.0 / intensity(times, kinds, half_lives, n, baseline, excitation)
        by_baseline[kind] += inverse
        for b, life in enumerate(half_lives):
            by_excitation[:, kind, b] -= 1.0 - 2.0 ** (-(end - times[n]) / life)
            for m in range(n):
                if times[m] < times[n]:
                    kappa = math.log(2.0) / life * 2.0 ** (-(times[n] - times[m]) / life)
                    by_excitation[kind, kinds[m], b] += inverse * kappa
    return by_baseline, by_excitation
