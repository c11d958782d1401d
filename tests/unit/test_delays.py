"""Kernels: their grammar, the shares that have come, and delayed kernels beside exponential ones in a design."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm

from antiphon.design import build_design
from antiphon.design.delays import read_kernels, share_come
from antiphon.errors import SpecificationError
from antiphon.inference.procedure import median_delay, same_cell_share
from antiphon.records.settings import Kernel, ModelSection, kernel_of
from antiphon.resonance.notes import kernels_in_words
from tests.naive.pools import density, underway
from tests.unit.agencies import make_agency

LN2 = math.log(2.0)
PEERS = "peers:unit:client>client"


def house(precision="minute"):
    systems = {"u": "unit", "a": "client", "b": "client", "c": "client"}
    generator = np.random.default_rng(3)
    events = [
        (float(t), "abc"[int(generator.integers(3))], "restraint", None, precision)
        for t in np.sort(generator.uniform(0.0, 90.0, 60)).round(3)
    ]
    stays = [("a", "u", 0, None), ("b", "u", 0, 70), ("c", "u", 20, None)]
    return make_agency(systems, events, stays)


@pytest.mark.parametrize("precision", ["minute", "day"])
def test_a_delay_of_order_one_is_the_exponential_kernel_of_its_mean(precision):
    plain = build_design(house(precision), channels=["self", PEERS], half_lives=[4.0]).targets[0]
    delay = build_design(house(precision), channels=["self", PEERS], half_lives=[f"delay:{4.0 / LN2!r}d:1"]).targets[0]
    np.testing.assert_allclose(delay.features, plain.features, rtol=1e-12)
    np.testing.assert_allclose(delay.compensator, plain.compensator, rtol=1e-12)


@pytest.mark.parametrize("precision", ["minute", "day"])
def test_a_mixture_of_kernels_reads_as_each_does_alone(precision):
    entries = ["3d", "delay:6d:2", "delay:6d:5", "9d"]
    mixed = build_design(house(precision), channels=["self", PEERS], half_lives=entries).targets[0]
    # those of the same mean by order; 6 days on average is a half-life of 4.2
    for b, entry in enumerate(entries):
        alone = build_design(house(precision), channels=["self", PEERS], half_lives=[entry, "9d"]).targets[0]
        here = [j for j, column in enumerate(mixed.columns) if column.half_life == b]
        there = [j for j, column in enumerate(alone.columns) if column.half_life == 0]
        np.testing.assert_allclose(mixed.features[:, here], alone.features[:, there], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(mixed.compensator[:, here], alone.compensator[:, there], rtol=1e-12)


def test_compensators_of_all_blocks_add_up_to_the_echoes_that_had_time_to_come():
    """One person who is always there hears all of its own past: the share of each event's echoes by the end of the window."""
    events = [(12.0, "a", "restraint"), (55.5, "a", "restraint"), (90.0, "a", "restraint")]
    agency = make_agency({"u": "unit", "a": "client"}, events, [("a", "u", 0, None)])
    design = build_design(agency, channels=["self"], half_lives=["delay:7d:3"])
    target, kernel = design.targets[0], (7 * LN2, 3)
    expected = 0.0
    for time, *_ in events:
        begun = max(design.history_days - time, 0.0)
        expected += underway(begun, *kernel) - underway(design.window_days - time, *kernel)
    assert target.compensator.sum() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("half_life", "order"), [(2.0, 1), (3.5, 2), (0.4, 7)])
def test_the_share_that_has_come_is_the_integral_of_the_density(half_life, order):
    for days in (0.0, 0.3, 2.0, 11.0):
        assert share_come(days, half_life, order) == pytest.approx(
            quad(density, 0.0, days, (half_life, order), epsabs=1e-13)[0], abs=1e-11
        )


def test_what_waits_moves_on_as_the_chain_of_stages_says():
    kernels = read_kernels(["2d", "delay:5d:3"])
    chain = np.zeros((5, 5))  # the last two places: what has come, by kernel
    for state, after in ((0, 4), (1, 2), (2, 3)):
        rate = LN2 / 2.0 if state == 0 else 3.0 / 5.0
        chain[state, state] -= rate
        chain[state, after if state == 0 else state + 1] += rate
    chain[3, 3] -= 3.0 / 5.0
    moved = expm(1.7 * chain)
    passed, come = kernels.after(1.7)
    np.testing.assert_allclose(passed, moved[:4, :4], atol=1e-12)
    np.testing.assert_allclose(come[0], [moved[0, 4], 0.0], atol=1e-12)
    np.testing.assert_allclose(come[1:, 1], 1.0 - moved[1:4, 1:4].sum(axis=1), atol=1e-12)


def test_the_share_in_the_same_cell_is_the_mean_over_where_the_event_may_be():
    design = build_design(house("day"), channels=["self"], half_lives=["4d", "delay:8d:3"])
    row = SimpleNamespace(source_kind=0, target=0)
    for b, (life, order) in enumerate(zip(design.kernels.half_lives, design.kernels.orders, strict=True)):
        expected = quad(lambda s, life=life, order=order: share_come(s, life, order), 0.0, 1.0)[0]
        assert same_cell_share(design, row, np.eye(2)[b], design.kernels) == pytest.approx(expected, abs=1e-9)


def test_half_of_the_echoes_of_a_delay_come_by_its_median():
    kernels = read_kernels(["delay:6d:4", "2d"])
    median = median_delay(np.array([0.2, 0.3]), kernels)
    assert np.array([0.2, 0.3]) @ share_come(median, kernels.half_lives, kernels.orders) == pytest.approx(0.25)


def test_kernels_stand_in_order_and_once():
    kernels = read_kernels(["3d", "delay:2d:4", 3.0, "8h", Kernel(3.0, 2)])
    np.testing.assert_allclose(kernels.half_lives, [1 / 3, 2 * LN2, 3.0, 3.0])
    assert kernels.orders.tolist() == [1, 4, 1, 2]
    again = read_kernels([kernel_of(text) for text in kernels.written])
    np.testing.assert_allclose(again.half_lives, kernels.half_lives, rtol=1e-11)
    assert again.orders.tolist() == kernels.orders.tolist()
    assert kernels_in_words(kernels)[:2] == ["half-life of 8 hours", "delay of 2 days on average (order 4)"]


@pytest.mark.parametrize(
    "entry", ["delay:3d", "delay:3d:0", "delay:3d:2.5", "delay:3d:99", "delay:x:2", "delay:-1d:2", "soon", 0.0]
)
def test_what_is_no_kernel_is_refused_with_an_example(entry):
    with pytest.raises(SpecificationError, match="half-life"):
        read_kernels([entry])


def test_half_lives_of_a_folder_may_be_delays_each_once():
    section = ModelSection(half_lives=["delay:10d:3", "8h"])
    assert section.half_lives == (Kernel(1 / 3, 1), Kernel(10 * LN2, 3))
    with pytest.raises(ValueError, match="each half-life stands once"):
        ModelSection(half_lives=["delay:10d:3", "delay:10d:3"])
