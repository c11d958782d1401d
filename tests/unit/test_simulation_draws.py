"""Keyed random numbers: a published generator, and quantiles that move one way only."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import pdtr

from antiphon.kernels.draws import key_at, poisson, uniforms, waiting
from antiphon.kernels.ordering import in_order, long_order_by_time, order_by_time


def keys(n, seed=1):
    return np.random.default_rng(seed).integers(0, 2**63, n).astype(np.uint64)


def test_the_stream_of_a_key_is_splitmix64():
    # the first numbers of SplitMix64 from the seed 1234567, as published with the reference implementation
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [int(key_at(np.uint64(1234567), place)) for place in range(1, 5)] == published


def test_numbers_are_uniform_and_those_of_neighbouring_places_and_keys_independent():
    n = 200_000
    for some in (keys(n), np.arange(n, dtype=np.uint64)):
        one, other = uniforms(some, 0), uniforms(some, 1)
        assert one.min() > 0.0
        assert one.max() < 1.0
        counts = np.bincount((one * 16).astype(int) * 16 + (other * 16).astype(int), minlength=256)
        assert abs(((counts - n / 256) ** 2 / (n / 256)).sum() - 255) < 4 * math.sqrt(2 * 255)
        for left, right in ((one, other), (one[1:], one[:-1])):
            assert abs(np.corrcoef(left, right)[0, 1]) < 4 / math.sqrt(n)


def test_counts_are_poisson_quantiles():
    for mean in (0.01, 0.6, 3.0, 40.0):
        for u in (1e-9, 0.2, 0.5, 0.9, 0.999999):
            n = poisson(u, mean, math.exp(-mean))
            assert pdtr(n, mean) >= u * (1 - 1e-12)
            assert n == 0 or pdtr(n - 1, mean) < u * (1 + 1e-12)


def test_waiting_times_have_the_moments_of_their_order():
    n, mean = 40_000, 3.0
    for order in (1, 4):
        drawn = np.asarray([waiting(key, 8, order, mean) for key in keys(n)])
        assert abs(drawn.mean() - mean) < 4 * mean / math.sqrt(order * n)
        fourth = (3 + 6 / order) * (mean**2 / order) ** 2
        assert abs(drawn.var() - mean**2 / order) < 4 * math.sqrt(fourth / n)


def test_events_are_put_in_order_and_equal_times_stay_as_they_were():
    dice = np.random.default_rng(3)
    for n in (0, 1, 50, 40_000):
        for time in (dice.uniform(0, 9, n), np.round(dice.uniform(0, 9, n), 1), dice.uniform(0, 9, n) ** 8):
            expected = np.argsort(time, kind="stable")
            np.testing.assert_array_equal(long_order_by_time(time), expected)
            if n < 1000:
                np.testing.assert_array_equal(order_by_time(time), expected)


def test_parents_are_found_again_in_the_new_order():
    time = np.array([1.0, 4.0, 5.0, 2.0, 3.0])  # two runs; the second follows the first, the third the second ...
    table = np.array([[10, 11, 12, 13, 14], [0, 1, 2, 0, 1]])
    new_time, new_table = in_order(long_order_by_time(time), time, table, 1)
    assert new_time.tolist() == [1, 2, 3, 4, 5]
    assert new_table[0].tolist() == [10, 13, 14, 11, 12]
    assert new_table[1].tolist() == [-1, -1, 1, 0, 0]
