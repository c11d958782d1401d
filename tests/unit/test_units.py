"""What claims rest on: one unit or all of them, units exchanged where they are few, and shocks that would imitate them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from antiphon.design.arrays import unit_structure
from antiphon.design.build import design_of
from antiphon.design.design import Feature
from antiphon.design.events import SetAside, make_events, rows_from
from antiphon.hawkes import fit_design
from antiphon.hawkes.options import Options
from antiphon.inference import infer
from antiphon.inference.claims import table_of_tests
from antiphon.inference.fewer import fewer_after
from antiphon.inference.rereading import without_unit
from antiphon.inference.shocks import imitating_shock, shock_factor
from antiphon.inference.units import exchange, explained_by_unit, leave_one_out, order_test
from antiphon.model import Endemic, Model, TargetModel
from antiphon.simulation import simulate

IN_UNIT, WINDOW, HALF_LIFE, RATE, PEERS = 6, 300.0, 1.0, 0.04, 1


def structure(units, half_life=HALF_LIFE, window=WINDOW):
    return unit_structure(np.repeat(np.arange(units), IN_UNIT), 2, [half_life], window)


def echoing(alpha, seed, units):
    """Kind 1 follows kind 0 of others in the unit."""
    endemic = Endemic(float(np.log(RATE)), np.zeros(1), np.zeros(7), np.zeros(4), np.zeros((1, 1)), 0.0)
    targets = (
        TargetModel(0, endemic, (), np.zeros(0), 0.0),
        TargetModel(1, endemic, (Feature(PEERS, 0, 0),), np.array([alpha]), 0.0),
    )
    place = structure(units)
    return design_of(place, simulate(place, Model(targets), seed).rows)


def one_echoing(seed, units=6):
    """Echoes in the first unit only."""
    loud, still = echoing(1.5, seed, units).recorded.rows, echoing(0.0, seed + 100, units).recorded.rows
    one, rest = loud.where(loud.system < IN_UNIT), still.where(still.system >= IN_UNIT)
    order = np.argsort(np.append(one.time, rest.time))
    both = [np.append(getattr(one, name), getattr(rest, name))[order] for name in ("time", "system", "kind")]
    return design_of(structure(units), rows_from(*both))


def moody(factor, seed, half_life, units=20, window=600.0):
    """No echoes; each unit by itself has spells, a tenth of the time, in which both kinds happen so much more often."""
    dice = np.random.default_rng(seed)
    days = half_life / np.log(2.0)
    parts = []
    for unit in range(units):
        lengths = dice.exponential([9.0 * days, days], (int(window / days), 2))
        edges = np.cumsum(lengths.ravel()) - 30.0 * days
        for kind in (0, 1):
            fastest = factor * RATE * IN_UNIT / (1.0 + 0.1 * (factor - 1.0))
            time = dice.uniform(0.0, window, dice.poisson(fastest * window))
            is_on = np.searchsorted(edges, time) % 2 == 1
            time = time[dice.random(time.size) < np.where(is_on, 1.0, 1.0 / factor)]
            system = unit * IN_UNIT + dice.integers(0, IN_UNIT, time.size)
            parts.append((time, system, np.full(time.size, kind)))
    time, system, kind = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(time)
    return design_of(structure(units, half_life, window), rows_from(time[order], system[order], kind[order]))


def calmed(seed, left, units=12, days=2.0):
    """For two days after an event of kind 0 only a share is left of kind 1 among others in the unit."""
    dice = np.random.default_rng(seed)
    rows = echoing(0.0, seed, units).recorded.rows
    kept = np.ones(rows.time.size, bool)
    for i in np.flatnonzero(rows.kind == 1):
        near = (rows.kind == 0) & (rows.system // IN_UNIT == rows.system[i] // IN_UNIT)
        near &= (rows.system != rows.system[i]) & (rows.time < rows.time[i]) & (rows.time > rows.time[i] - days)
        kept[i] = not near.any() or dice.random() < left
    return design_of(structure(units), rows.where(kept))


def events_of(design):
    place, recorded = design.structure, design.recorded
    return make_events(recorded.rows, place.kinds, place.roster, place.calendars, recorded.join_days, SetAside())


def column_of(design, target=1, source=0, channel=PEERS):
    return design.targets[target].columns.index(Feature(channel, source, 0))


def row_of(design):
    rows = table_of_tests(design)
    return next((place, row) for place, row in enumerate(rows)
                if (row.channel, row.source_kind, row.target) == (PEERS, 0, 1))  # fmt: skip


# ---------------------------------------------------------------------------------------------------- one unit left out


def test_without_a_unit_is_the_agency_that_never_had_it():
    design = echoing(0.3, 3, 4)
    last = 4 * IN_UNIT + 3  # code of the last unit
    other = without_unit(design, last)
    rows = design.recorded.rows
    alone = design_of(structure(3), rows.where(rows.system < 3 * IN_UNIT))
    for one, two in zip(other.targets, alone.targets, strict=True):
        np.testing.assert_array_equal(one.time, two.time)
        np.testing.assert_allclose(one.features, two.features, atol=1e-12)
        np.testing.assert_allclose(one.compensator, two.compensator, atol=1e-9)
    first, second = fit_design(other), fit_design(alone)
    np.testing.assert_allclose(first.targets[1].model.alpha, second.targets[1].model.alpha, atol=1e-6)
    assert first.targets[1].log_likelihood == pytest.approx(second.targets[1].log_likelihood, abs=1e-6)


def test_left_out_one_by_one_is_as_fitted_anew():
    design = echoing(0.3, 3, 4)
    fit = fit_design(design)
    place, row = row_of(design)
    found = leave_one_out(fit, {place: row})[place]
    estimates = []
    for unit in range(4 * IN_UNIT, 4 * IN_UNIT + 4):
        again = fit_design(without_unit(design, unit))
        estimates.append(again.targets[1].model.alpha[column_of(design)])
    assert found.low == pytest.approx(min(estimates), abs=0.01)
    assert found.high == pytest.approx(max(estimates), abs=0.01)
    assert found.low < fit.targets[1].model.alpha[column_of(design)] < found.high
    assert not found.hangs


def test_a_coupling_of_one_unit_hangs_on_it():
    design = one_echoing(5)
    fit = fit_design(design)
    place, row = row_of(design)
    explained = explained_by_unit(fit, 1, row.columns)
    assert np.argmax(explained) == 6 * IN_UNIT  # the first unit
    found = leave_one_out(fit, {place: row})[place]
    assert found.hangs
    assert found.low < 0.3 * fit.targets[1].model.alpha[column_of(design)]


def test_nothing_is_left_out_of_two_units():
    design = echoing(0.3, 3, 2)
    place, row = row_of(design)
    assert leave_one_out(fit_design(design), {place: row}) == {}


# ------------------------------------------------------------------------------------------------------ units exchanged


def test_orders_are_counted_by_hand():
    matrix = np.array([[5.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 5.0]])
    assert order_test(matrix, np.random.default_rng(1)) == pytest.approx(1 / 6)
    levels = np.add.outer([1.0, -3.0, 2.0], [0.5, 4.0, -1.0])  # units that differ in level alone
    assert order_test(levels, np.random.default_rng(1)) == 1.0
    assert order_test(np.diag(np.ones(9)), np.random.default_rng(1)) == pytest.approx(1 / 5040)


def test_the_scores_that_are_exchanged_are_those_of_the_design():
    design = echoing(0.3, 3, 4)
    fit = fit_design(design)
    found = exchange(fit, events_of(design), 1, [column_of(design)])
    assert found.p == found.smallest == pytest.approx(1 / 24)
    assert found.n_units == 4


def test_exchanged_units_hold_the_level_without_echoes():
    p = []
    for seed in range(60):
        design = echoing(0.0, 2000 + seed, 5)
        p.append(exchange(fit_design(design), events_of(design), 1, [column_of(design)]).p)
    share = np.mean(np.array(p) <= 0.1)
    assert share <= 0.1 + 4.0 * np.sqrt(0.1 * 0.9 / 60)
    assert 0.5 - 4.0 * np.sqrt(1.0 / 12.0 / 60) < np.mean(p) < 0.5 + 4.0 * np.sqrt(1.0 / 12.0 / 60)


def test_many_units_and_channels_that_act_elsewhere_are_not_exchanged():
    many = echoing(0.3, 3, 10)
    assert exchange(fit_design(many), events_of(many), 1, [column_of(many)]) is None
    few = echoing(0.3, 3, 4)
    assert exchange(fit_design(few), events_of(few), 1, [column_of(few, channel=0)]) is None


# ------------------------------------------------------------------------------------------------------- imitating shocks


@pytest.mark.parametrize(("half_life", "echoes"), [(1.0, 0.2), (3.0, 0.2), (3.0, 0.4)])
def test_the_shock_that_is_named_looks_like_the_coupling(half_life, echoes):
    others = RATE * (IN_UNIT - 1)
    factor = shock_factor(echoes, half_life, others, others)
    found = []
    for seed in range(4):
        design = moody(factor, seed, half_life)
        only = tuple(np.array([f == Feature(PEERS, 0, 0) for f in target.columns]) for target in design.targets)
        fit = fit_design(design, Options(columns=only, frailty=False))
        found.append(fit.targets[1].model.alpha[column_of(design)])
    # linear forecasts have a somewhat larger slope than a likelihood that gives quiet times more weight
    assert 0.7 * echoes < np.mean(found) < 1.1 * echoes


def test_the_shock_of_an_estimate_is_that_of_its_rates():
    design = echoing(0.3, 3, 12)
    fit = fit_design(design)
    shock = imitating_shock(fit, events_of(design), 1, [column_of(design)])
    rates = [float(target.count.sum()) / (12 * WINDOW) * (IN_UNIT - 1) / IN_UNIT for target in design.targets]
    alpha = float(fit.targets[1].model.alpha[column_of(design)])
    assert shock.factor == pytest.approx(shock_factor(alpha, HALF_LIFE, *rates), rel=0.02)
    assert shock.days == pytest.approx(HALF_LIFE / np.log(2.0))
    assert imitating_shock(fit, events_of(design), 1, [column_of(design, channel=0)]) is None


def test_more_echoes_take_more_and_some_cannot_be_imitated():
    assert shock_factor(0.0, 1.0, 0.2, 0.2) == 1.0
    assert 1.0 < shock_factor(0.1, 1.0, 0.2, 0.2) < shock_factor(0.2, 1.0, 0.2, 0.2)
    assert np.isinf(shock_factor(1.1, 1.0, 0.2, 0.2))


# ------------------------------------------------------------------------------------------------------- fewer afterwards


def test_less_than_expected_is_listed_and_chance_is_not():
    quiet = calmed(3, left=0.1)
    rows = table_of_tests(quiet)
    found = fewer_after(fit_design(quiet), rows)
    assert [
        (rows[one.coupling].channel, rows[one.coupling].source_kind, rows[one.coupling].target) for one in found
    ] == [(PEERS, 0, 1)]
    assert found[0].p < 0.05
    by_chance = sum(
        bool(fewer_after(fit_design(d), table_of_tests(d))) for d in (echoing(0.0, s, 12) for s in range(30))
    )
    assert by_chance <= 30 * 0.05 + 4.0 * np.sqrt(30 * 0.05 * 0.95)


# ---------------------------------------------------------------------------------------------------- in every analysis


def test_claims_say_what_they_rest_on():
    design = echoing(0.4, 7, 6)
    found = infer(fit_design(design))
    (one,) = [r for r in found.robustness if r.coupling == row_of(design)[0]]
    coupling = found.couplings[one.coupling]
    assert coupling.claimed
    assert one.low < coupling.echoes < one.high
    assert not one.hangs_on_one
    assert one.p_exchanged == one.smallest_p == pytest.approx(1 / 720)
    assert one.shock_factor > 1.0
    plain = infer(replace(found.fit, design=replace(found.fit.design, recorded=None)))
    assert plain.robustness == ()
