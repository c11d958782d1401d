"""Hessians in blocks do what whole matrices do."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.hawkes.curvature import Convex, Curvature, dense_curvature, reduce
from antiphon.hawkes.newton import newton_step, solve_step

SIZES = (3, 0, 2)


def concave(seed=1, n_central=4, first=2):
    """A negative definite Hessian with one block per organisation, one of them empty."""
    generator = np.random.default_rng(seed)
    begins = np.concatenate([[0], np.cumsum(SIZES)])
    squares = [np.cov(generator.normal(size=(size, 40))).reshape(size, size) for size in SIZES if size]
    blocks = np.concatenate([-square.ravel() - np.eye(len(square)).ravel() for square in squares])
    mixed = generator.normal(0.0, 0.2, (begins[-1], n_central))
    return Curvature(-3.0 * np.eye(n_central), mixed, blocks, begins, first)


def test_parts_make_the_whole():
    curvature, vector = concave(), np.random.default_rng(2).normal(size=9)
    whole = curvature.dense()
    np.testing.assert_allclose(whole, whole.T)
    np.testing.assert_allclose(curvature.times(vector), whole @ vector)
    np.testing.assert_allclose(curvature.diagonal(), np.diag(whole))
    np.testing.assert_array_equal(curvature.join(*curvature.split(vector)), vector)


def test_eliminating_periods_leaves_the_information_on_the_rest():
    curvature = concave()
    central = np.array([0, 1, 7, 8])
    inverse = np.linalg.inv(-curvature.dense())
    np.testing.assert_allclose(np.linalg.inv(reduce(curvature).schur), inverse[np.ix_(central, central)])


def test_a_step_through_the_blocks_is_the_step_of_the_whole():
    curvature, gradient = concave(), np.random.default_rng(3).normal(size=9)
    bounded = np.zeros(9, bool)
    bounded[7:] = True
    place = np.where(bounded, 0.05, 0.0)
    step = newton_step(gradient, reduce(curvature), place, bounded)
    np.testing.assert_allclose(step, solve_step(gradient, curvature.dense(), place, bounded), atol=1e-10)
    assert (place + step)[bounded].min() >= 0.0


def test_one_more_parameter_stands_at_the_end():
    line = np.arange(9.0)
    whole = concave().bordered(line, -5.0).dense()
    np.testing.assert_allclose(whole[:-1, :-1], concave().dense())
    np.testing.assert_allclose(whole[-1], np.append(line, -5.0))


def test_where_the_whole_bends_upwards_a_step_leaves_out_the_part_that_does():
    curvature = concave()
    lift = Convex(5.0 * np.eye(2), np.zeros((5, 2)), np.array([9.0, 0, 0, 0, 9, 0, 0, 0, 9, 9, 0, 0, 9]))
    blocks = curvature.blocks.copy()
    blocks[[0, 4, 8, 9, 12]] += 9.0
    central = curvature.central.copy()
    central[:2, :2] += lift.central
    bent = Curvature(central, curvature.mixed, blocks, curvature.begins, curvature.first, lift)
    assert np.linalg.eigvalsh(bent.dense())[-1] > 0.0
    gradient, nothing = np.ones(9), np.zeros(9)
    step = newton_step(gradient, reduce(bent), nothing, np.zeros(9, bool))
    np.testing.assert_allclose(step, np.linalg.solve(-curvature.dense(), gradient))


@pytest.mark.parametrize("n", [1, 4])
def test_without_periods_it_is_the_matrix(n):
    matrix = -np.eye(n) * np.arange(1, n + 1)
    np.testing.assert_allclose(reduce(dense_curvature(matrix)).schur, -matrix)
