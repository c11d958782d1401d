"""The resonance graph against what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.resonance.graph import branching_matrix, cycles, loops, spectral_radius, turn_gain
from tests.unit.resonance_cases import coupling


def test_spectral_radius_of_two_nodes() -> None:
    # eigenvalues of [[a, b], [c, a]] are a +- sqrt(b c)
    matrix = np.array([[0.3, 0.4], [0.1, 0.3]])
    assert spectral_radius(matrix) == pytest.approx(0.3 + np.sqrt(0.04))


def test_spectral_radius_of_every_draw() -> None:
    matrices = np.array([np.diag([0.2, 0.5]), np.zeros((2, 2))])
    np.testing.assert_allclose(spectral_radius(matrices), [0.5, 0.0])


def test_matrix_adds_channels_between_the_same_kinds() -> None:
    couplings = [coupling(0, 0, 0, (0,)), coupling(1, 0, 0, (1,)), coupling(2, 1, 0, (2,))]
    matrix = branching_matrix(2, couplings, [0], np.array([0.1, 0.2, 0.4]))
    np.testing.assert_allclose(matrix, [[0.3, 0.4], [0.0, 0.0]])


def test_every_cycle_is_found_once() -> None:
    everything = np.ones((3, 3), dtype=bool)
    # 3 of one node, 3 of two, 2 of three (either way round)
    assert len(list(cycles(everything))) == 8
    assert set(cycles(everything, longest=1)) == {(0,), (1,), (2,)}


def test_cycles_have_at_most_four_nodes() -> None:
    ring = np.roll(np.eye(5, dtype=bool), 1, axis=0)
    assert list(cycles(ring)) == []


def test_gain_of_a_loop_is_the_product_of_its_steps() -> None:
    echoes = np.array([[0.0, 0.5], [0.2, 0.0]])
    assert turn_gain((0, 1), echoes, np.zeros((2, 2))) == pytest.approx(0.1)


def test_a_loop_may_pass_through_a_response() -> None:
    # aggression (0) is answered by restraint (1) inside half of its incidents; restraint echoes .2 in aggression
    echoes, responses = np.array([[0.0, 0.2], [0.0, 0.0]]), np.array([[0.0, 0.0], [0.5, 0.0]])
    (loop,) = loops(echoes, responses)
    assert loop.nodes == (0, 1)
    assert loop.gain == pytest.approx(0.1)


def test_a_loop_may_pass_through_several_responses_and_echoes() -> None:
    # self-harm (0) is met with restraint (1), which echoes in aggression (2), met with seclusion (3), which echoes in
    # self-harm; the step from restraint to aggression also happens inside incidents
    echoes, responses = np.zeros((4, 4)), np.zeros((4, 4))
    responses[1, 0], echoes[2, 1], responses[3, 2], echoes[0, 3] = 0.4, 0.3, 0.2, 0.5
    (loop,) = loops(echoes, responses)
    assert loop.nodes == (0, 1, 2, 3)
    assert loop.gain == pytest.approx(0.4 * 0.3 * 0.2 * 0.5)
    responses[2, 1] = 0.1
    (loop,) = loops(echoes, responses)
    assert loop.gain == pytest.approx(0.4 * (0.3 + 0.1) * 0.2 * 0.5)


def test_gain_of_every_draw() -> None:
    generator = np.random.default_rng(3)
    echoes, responses = generator.random((5, 2, 2)), generator.random((5, 2, 2))
    each = [turn_gain((0, 1), one, other) for one, other in zip(echoes, responses, strict=True)]
    np.testing.assert_allclose(turn_gain((0, 1), echoes, responses), each)


def test_what_stays_inside_an_incident_is_no_loop() -> None:
    responses = np.array([[0.0, 0.6], [0.5, 0.0]])
    assert loops(np.zeros((2, 2)), responses) == []


def test_loops_are_sorted_by_gain_and_limited() -> None:
    generator = np.random.default_rng(1)
    found = loops(generator.uniform(0.1, 0.5, (6, 6)), np.zeros((6, 6)))
    gains = [loop.gain for loop in found]
    assert len(found) == 20
    assert gains == sorted(gains, reverse=True)
