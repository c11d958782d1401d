"""Doubts about a fit: each is raised where there is reason to, and not where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from antiphon.design.arrays import unit_structure
from antiphon.design.build import design_of, with_periods
from antiphon.design.design import Calendar, Feature
from antiphon.design.events import rows_from
from antiphon.hawkes import fit_design
from antiphon.hawkes.options import Options
from antiphon.inference.claims import table_of_tests
from antiphon.inference.doubts import doubts, exit_test
from antiphon.inference.inference import Coupling
from antiphon.inference.intervals import make_curve, profile_interval
from antiphon.model import Endemic, Model, TargetModel
from antiphon.simulation import simulate
from verification.agencies import Nature, invent

IN_UNIT, WINDOW, RATE, PEERS = 6, 400.0, 0.04, 1


def structure(units, lives, n_kinds=2, people=IN_UNIT):
    return unit_structure(np.repeat(np.arange(units), people), n_kinds, lives, WINDOW)


def echoing(alpha, seed, *, units=12, life=3.0, read=(1.0, 3.0), people=IN_UNIT):
    """Kind 1 follows kind 0 of others in the unit with one half-life; read with others."""
    endemic = Endemic(float(np.log(RATE)), np.zeros(1), np.zeros(7), np.zeros(4), np.zeros((1, 1)), 0.0)
    targets = (
        TargetModel(0, endemic, (), np.zeros(0), 0.0),
        TargetModel(1, endemic, (Feature(PEERS, 0, 0),), np.array([alpha]), 0.0),
    )
    rows = simulate(structure(units, [life], 2, people), Model(targets), seed).rows
    return design_of(structure(units, list(read), 2, people), rows)


def scattered(seed, time_of, units=6, n=900, kinds=2, read=(3.0,)):
    """Events of anybody at times of one's own making."""
    dice = np.random.default_rng(seed)
    time = np.sort(time_of(dice, n))
    system, kind = dice.integers(0, units * IN_UNIT, n), dice.integers(0, kinds, n)
    return design_of(structure(units, list(read), kinds), rows_from(time, system, kind))


def uniform(dice, n):
    return dice.uniform(0.0, WINDOW, n)


def concluded(design, options=None):
    """The codes of the doubts, with couplings as far as they are asked for."""
    fit = fit_design(design, options)
    curves = [make_curve(fit, index) for index in range(len(fit.targets))]
    couplings = []
    for row in table_of_tests(design):
        interval = profile_interval(curves[row.target], row.columns)
        couplings.append(
            Coupling(row.channel, row.source_kind, row.target, row.columns, interval.estimate, interval.low,
                     interval.high, 1.0, 1.0, claimed=False, approximate=False, label=row.label, median_delay_days=0.0,
                     same_cell_share=0.0, n_source=row.n_source, n_target=row.n_target, n_units=row.n_units)
        )  # fmt: skip
    return [code for code, _ in doubts(fit, couplings)]


def test_a_half_life_longer_than_all_that_were_tried_is_noticed():
    assert "kernel_at_edge" in concluded(echoing(0.5, 4, life=20.0))
    assert "kernel_at_edge" not in concluded(echoing(0.5, 4, life=3.0))
    assert "kernel_at_edge" not in concluded(echoing(0.5, 4, life=3.0, read=(3.0,)))


def test_what_grows_without_end_is_not_taken_for_echoes_unseen():
    plain = Options(frailty=False, rhythm=False)

    def growing(dice, n):
        return WINDOW + 40.0 * np.log(dice.uniform(np.exp(-WINDOW / 40.0), 1.0, n))

    assert "kernel_ran_away" in concluded(scattered(1, growing, kinds=1, read=(10.0,)), plain)
    assert "kernel_ran_away" not in concluded(scattered(1, uniform, kinds=1, read=(10.0,)), plain)


def test_sources_that_always_come_together_cannot_be_told_apart():
    def with_twin(is_twin):
        design = echoing(0.5, 4, read=(3.0,))
        rows = design.recorded.rows
        first, second = rows.where(rows.kind == 0), rows.where(rows.kind == 1)
        other = np.random.default_rng(2).uniform(0.0, WINDOW, first.time.size)
        time = np.concatenate([first.time, first.time if is_twin else other, second.time])
        system = np.concatenate([first.system, first.system, second.system])
        kind = np.repeat([0, 2, 1], [first.time.size, first.time.size, second.time.size])
        order = np.argsort(time, kind="stable")
        return design_of(structure(12, [3.0], 3), rows_from(time[order], system[order], kind[order]))

    assert "collinear" in concluded(with_twin(is_twin=True))
    assert "collinear" not in concluded(with_twin(is_twin=False))


def test_a_trend_that_takes_what_slow_echoes_could_say_is_noticed():
    def by_month(design):
        days = Calendar(np.arange(WINDOW + 1.0), np.zeros(int(WINDOW), int), np.arange(int(WINDOW)) % 7, 1)
        place = replace(design.structure, calendars={"minute": days})
        return with_periods(design_of(place, design.recorded.rows), 28.0)

    assert "trend_competes" in concluded(by_month(echoing(0.6, 5, units=1, life=60.0, read=(60.0,), people=72)))
    assert "trend_competes" not in concluded(by_month(echoing(0.6, 5, units=12, life=3.0, read=(3.0,))))


@pytest.mark.parametrize(("pull", "is_noticed"), [(0.9, True), (0.0, False)])
def test_who_leaves_by_frailty_is_noticed(pull, is_noticed):
    design = invent(Nature(frail_stay=pull, stay=100.0), 1).design
    fit = fit_design(design, Options(units=False, propensity=False))
    index = next(i for i, t in enumerate(design.targets) if design.kinds[t.kind].name == "aggression_physical")
    p = exit_test(fit, index)
    assert (p < 0.01) == is_noticed
    assert is_noticed or p > 0.05
