"""Residuals: small where the model holds, large where it does not; and the sums behind them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gamma, kstest

from antiphon.design.design import Design
from antiphon.hawkes.curvature import dense_curvature
from antiphon.hawkes.fit import Fit, FitStatus, TargetFit
from antiphon.hawkes.options import Options
from antiphon.inference.diagnostics import diagnose, residual_intervals, total_clock, uniform_test
from antiphon.kernels.stages import underway
from antiphon.model.parameters import Endemic, TargetModel
from tests.unit.ladder_cases import HISTORY, WINDOW, own_echoes


def told(design: Design, *, rate: float, echoes: float) -> TargetFit:
    """A fit that was told the truth."""
    target = design.targets[0]
    hazard = np.full(design.n_systems, rate * (WINDOW - HISTORY))
    endemic = Endemic(np.log(rate), np.zeros(3), np.zeros(7), np.zeros(1), np.zeros((4, 4)), 0.0)
    return TargetFit(
        model=TargetModel(0, endemic, target.columns, np.array([echoes]), 0.0),
        log_likelihood=0.0,
        status=FitStatus.CONVERGED,
        steps=1,
        names=("intercept", "alpha[0]"),
        hessian=dense_curvature(-np.eye(2)),
        parameters=np.array([np.log(rate), echoes]),
        baseline=np.full(target.time.size, rate),
        excitation=echoes * target.features[:, 0],
        echo_share=np.zeros(target.time.size),
        hazard=hazard,
        theta=np.ones(design.n_systems),
        theta_excess=np.zeros(design.n_systems),
        log_r=None,
    )


def test_echoes_underway_are_the_plain_sum() -> None:
    generator = np.random.default_rng(4)
    times, points = np.sort(generator.uniform(0, 3000, 300)), np.sort(generator.uniform(0, 3000, 50))
    points[10] = times[100]
    points = np.sort(points)
    gaps = points[:, None] - times[None, :]
    for rate, order in ((2.0, 1), (0.01, 1), (0.3, 4)):
        plain = np.where(gaps > 0, gamma.sf(np.maximum(gaps, 0), order, scale=1.0 / rate), 0.0).sum(axis=1)
        np.testing.assert_allclose(underway(times, points, rate, order), plain, atol=1e-9)


def test_expected_events_add_up_to_endemic_and_echoes() -> None:
    design = own_echoes(1)
    clock = total_clock(design, design.targets[0], told(design, rate=0.04, echoes=0.4))
    endemic = 0.04 * (WINDOW - HISTORY) * design.n_systems
    assert clock.expected[-1] == pytest.approx(endemic + 0.4 * design.targets[0].compensator.sum())
    assert (np.diff(clock.expected) >= 0).all()


def test_expected_events_are_the_integrated_intensity_at_every_event() -> None:
    # everyone reads all of their own, so within a block nothing is approximated
    design = own_echoes(2, n_systems=3)
    target = design.targets[0]
    clock = total_clock(design, target, told(design, rate=0.04, echoes=0.4))
    at = target.time[target.block == 4][-1]
    edges = design.block_edges
    decay = np.log(2) / 2.0
    early = target.time[target.time < at]
    start = edges[4]
    echoed = np.exp(-decay * np.maximum(start - early, 0.0)) - np.exp(-decay * (at - early))
    before = 0.04 * 3 * (start - HISTORY) + 0.4 * target.compensator[:4].sum()
    expected = before + 0.04 * 3 * (at - start) + 0.4 * echoed.sum()
    assert clock.at(np.array([at]))[0] == pytest.approx(expected, abs=1e-6)


def test_residuals_of_the_truth_are_exponential() -> None:
    design = own_echoes(3)
    intervals = residual_intervals(
        design, design.targets[0], told(design, rate=0.04, echoes=0.4), np.random.default_rng(1)
    )
    assert intervals.mean() == pytest.approx(1.0, abs=4 / np.sqrt(len(intervals)) * 1.5)
    assert kstest(-np.expm1(-intervals), "uniform").pvalue > 0.01


def test_a_model_without_echoes_is_found_out() -> None:
    design = own_echoes(3, n_systems=3, rate=0.1, echoes=0.7, half_life=0.2)
    table = diagnose(Fit(design, (told(design, rate=0.33, echoes=0.0),), Options()))
    assert table.item(0, "kind") == "aggression"
    assert table.item(0, "p") < 1e-3


def test_coarse_events_are_placed_within_their_cell() -> None:
    from dataclasses import replace

    fine = own_echoes(5, echoes=0.0)
    target = fine.targets[0]
    coarse = replace(target, time=np.floor(target.time), width=np.ones(target.time.size))
    design = replace(fine, targets=(coarse,))
    intervals = residual_intervals(design, coarse, told(design, rate=0.04, echoes=0.0), np.random.default_rng(1))
    assert kstest(-np.expm1(-intervals), "uniform").pvalue > 0.01


def test_the_uniform_test_agrees_with_the_exact_one():
    generator = np.random.default_rng(3)
    for n in (10, 40, 300):
        values = generator.uniform(size=n) ** 1.2
        exact = kstest(values, "uniform")
        distance, p = uniform_test(values)
        assert distance == pytest.approx(exact.statistic, abs=1e-12)
        assert p == pytest.approx(exact.pvalue, abs=0.02)
