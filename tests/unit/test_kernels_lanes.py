"""Lanes do the same compiled and in plain Python, and the exponentials of the dense loops are exact."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.kernels import _lanes as lanes
from antiphon.kernels._compile import kernel
from antiphon.kernels.dense import exponentials


def inner(left, right):
    sums = lanes.spread(0.0)
    for j in range(0, left.size, lanes.LANES):
        sums = lanes.multiply_add(lanes.load(left, j), lanes.load(right, j), sums)
    return lanes.total(sums)


def add(left, number, right):
    for j in range(0, left.size, lanes.LANES):
        product = lanes.multiply_add(lanes.spread(number), lanes.load(left, j), lanes.load(right, j))
        lanes.store(right, j, product)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("shift", [0, 1], ids=["from the start", "one number further"])
def test_lanes_are_arrays_of_eight(compiled, shift):
    generator = np.random.default_rng(1)
    left, right = (generator.normal(size=33)[shift : shift + 32] for _ in range(2))
    expected = right + 2.5 * left
    run_inner, run_add = (kernel(inner), kernel(add)) if compiled else (inner, add)
    assert run_inner(left, right) == pytest.approx(left @ right, rel=1e-14)
    run_add(left, 2.5, right)
    np.testing.assert_allclose(right, expected, rtol=1e-14)


def test_lanes_take_any_row_of_a_table():
    table = np.arange(48.0).reshape(2, 24)
    row_of = kernel(lambda rows, n: lanes.total(lanes.load(rows[n], np.uint32(8))))
    assert row_of(table, 1) == table[1, 8:16].sum()


def test_total_adds_in_one_order():
    numbers = np.array([1.0, 1e100, 1.0, -1e100, 3.0, 1e100, 5.0, -1e100])
    compiled = kernel(lambda array: lanes.total(lanes.load(array, 0)))(numbers)
    assert compiled == lanes.total(numbers) == (1.0 + 3.0) + (1.0 + 5.0)


def test_exponentials_are_exact():
    x = np.concatenate([np.linspace(0.0, 700.0, 50_001), [1e-300, 1e-17, 0.5 * np.log(2.0), 699.999]])
    up, down, bits = np.empty(x.size), np.empty(x.size), np.empty(x.size, np.int64)
    exponentials(x + 2.0, 2.0, 1.0, 3.0, bits, up, down)
    exact = np.exp((x + 2.0 - 2.0).astype(np.longdouble))
    assert np.abs(up / exact - 1).max() < 2 * np.finfo(float).eps
    assert np.abs(down * exact / 3 - 1).max() < 3 * np.finfo(float).eps
    exponentials(np.array([0.0]), 1e6, -1.0, 1.0, bits, up, down)
    assert 0.0 < down[0] < 1e-300
