"""Controls: what is an echo passes, what only looks like one does not, and nothing else is taken back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from antiphon.design.admission import as_at_admission
from antiphon.design.arrays import unit_structure
from antiphon.design.build import design_of
from antiphon.design.design import Feature
from antiphon.design.events import SetAside, make_events, rows_again, rows_from
from antiphon.design.listening import make_ear
from antiphon.hawkes import fit_design
from antiphon.inference import infer
from antiphon.inference.controls import judge
from antiphon.inference.jitter import Jittered, jitter, make_redraw
from antiphon.inference.rereading import rows_apart, ties_at_admission
from antiphon.inference.year_apart import year_apart
from antiphon.model import Endemic, Model, TargetModel
from antiphon.simulation import simulate
from tests.unit.simulation_cases import drawn, everything, model_of

UNITS, IN_UNIT, WINDOW, HALF_LIFE = 12, 6, 300.0, 1.0
PEERS = 1
RATE = 0.04


def structure(window=WINDOW):
    return unit_structure(np.repeat(np.arange(UNITS), IN_UNIT), 2, [HALF_LIFE], window)


def echoing(alpha, seed, window=WINDOW):
    """Kind 1 follows kind 0 of others in the unit."""
    endemic = Endemic(float(np.log(RATE)), np.zeros(1), np.zeros(7), np.zeros(4), np.zeros((1, 1)), 0.0)
    columns = (Feature(PEERS, 0, 0),)
    targets = (
        TargetModel(0, endemic, (), np.zeros(0), 0.0),
        TargetModel(1, endemic, columns, np.array([alpha]), 0.0),
    )
    place = structure(window)
    return design_of(place, simulate(place, Model(targets), seed).rows)


def waving(period, seed, window=WINDOW, strength=0.9):
    """No echoes, but each unit by itself has times of more and of less, for both kinds."""
    dice = np.random.default_rng(seed)
    n = dice.poisson(2.0 * RATE * window, (UNITS * IN_UNIT, 2))
    system, kind = (
        np.repeat(np.arange(UNITS * IN_UNIT), n.sum(axis=1)),
        np.repeat(np.tile([0, 1], n.shape[0]), n.ravel()),
    )
    time = dice.uniform(0.0, window, system.size)
    phase = (np.arange(UNITS) / UNITS)[system // IN_UNIT]
    kept = 2.0 * dice.random(time.size) < 1.0 + strength * np.sin(2.0 * np.pi * (time / period + phase))
    return design_of(structure(window), rows_from(time[kept], system[kept], kind[kept]))


def events_of(design):
    place, recorded = design.structure, design.recorded
    return make_events(recorded.rows, place.kinds, place.roster, place.calendars, recorded.join_days, SetAside())


def column_of(design, target, source=0, channel=PEERS):
    return design.targets[target].columns.index(Feature(channel, source, 0))


def coupling_of(inference, source, kind, channel=PEERS):
    return next(
        (place, one) for place, one in enumerate(inference.couplings)
        if (one.channel, one.source_kind, inference.fit.design.targets[one.target].kind) == (channel, source, kind)
    )  # fmt: skip


# ------------------------------------------------------------------------------------------ reading one coupling anew


def test_an_ear_hears_what_the_design_did():
    place = everything()
    design = drawn(place, model_of(place), 3)
    rows = rows_again(events_of(design), place.kinds, place.calendars)
    for index, target in enumerate(design.targets):
        pairs = {(f.channel, f.source_kind) for f in target.columns}
        for pair in pairs:
            columns = [j for j, f in enumerate(target.columns) if (f.channel, f.source_kind) == pair]
            ear = make_ear(design, index, columns)
            mine = rows.where(rows.kind == ear.source)
            features, compensator = ear.hear(place, [mine, mine.where(np.zeros(mine.time.size, bool)), mine])
            for k in (0, 2):
                np.testing.assert_allclose(features[k], target.features[:, columns], atol=1e-12)
                np.testing.assert_allclose(compensator[k], target.compensator[:, columns].sum(axis=0), atol=1e-9)
            assert not features[1].any()
            assert not compensator[1].any()


def test_an_ear_hears_nothing_where_nothing_happens():
    design = echoing(0.0, 1)
    none = design.recorded.rows.where(np.zeros(design.recorded.rows.time.size, bool))
    features, compensator = make_ear(design, 1, [column_of(design, 1)]).hear(design.structure, [none])
    assert not features.any()
    assert not compensator.any()


# ------------------------------------------------------------------------------------------------------------- jitter


def test_redraws_stay_within_window_and_stay_and_follow_the_rhythm():
    place = everything()
    model = model_of(place, rate=0.3, echoes=0.0)
    kind = next(k for k, one in enumerate(place.kinds) if one.name == "aggression_physical")
    steep = replace(model.targets[kind].endemic, shift=np.array([-2.0, 0.0, 1.0]))
    targets = tuple(replace(t, endemic=steep) if t.kind == kind else t for t in model.targets)
    design = drawn(place, Model(targets), 5)
    fit = fit_design(design)
    redraw = make_redraw(fit, events_of(design), kind, kind, 4.0)
    assert redraw is not None
    dice = np.random.default_rng(1)
    draws = [redraw.draw(dice) for _ in range(40)]
    role = design.roles[design.targets[kind].role]
    alive = role.segments.alive[:, role.kinds.index(kind)]
    for rows in draws[:5]:
        assert np.array_equal(np.floor(rows.time / 4.0), np.floor(redraw.rows.time / 4.0))
        for system, time in zip(rows.system, rows.time, strict=True):
            mine = alive & (role.segments.system == system)
            assert np.any(mine & (role.segments.start <= time) & (time <= role.segments.end))
    calendar = design.calendars["minute"]

    def by_shift(times):
        return np.bincount(calendar.shift[np.searchsorted(calendar.edges, times, side="right") - 1], minlength=3)

    recorded, redrawn = by_shift(redraw.rows.time), sum(by_shift(rows.time) for rows in draws) / len(draws)
    assert np.all(np.abs(recorded - redrawn) < 4.0 * np.sqrt(recorded + 1.0))
    assert redrawn[0] < 0.25 * redrawn[2]


def test_a_true_echo_passes_the_jitter_and_a_wave_of_the_unit_does_not():
    echo = echoing(0.3, 7)
    passed = jitter(fit_design(echo), events_of(echo), 1, [column_of(echo, 1)])
    assert passed.p <= 0.05
    assert passed.power > 0.8
    wave = waving(60.0, 7)
    fit = fit_design(wave)
    assert fit.targets[1].model.alpha[column_of(wave, 1)] > 0.1
    failed = jitter(fit, events_of(wave), 1, [column_of(wave, 1)])
    assert failed.p > 0.05
    assert failed.power > 0.8


def test_the_jitter_says_when_it_has_no_power():
    weak = echoing(0.02, 2)
    assert jitter(fit_design(weak), events_of(weak), 1, [column_of(weak, 1)]).power < 0.5


def test_an_echo_in_its_own_kind_is_not_vetoed_by_redraws():
    assert judge(Jittered(0.3, 0.9), same_kind=False) == "failed"
    assert judge(Jittered(0.3, 0.9), same_kind=True) == "cannot tell"
    assert judge(Jittered(0.3, 0.5), same_kind=False) == "cannot tell"
    assert judge(Jittered(0.04, 0.5), same_kind=True) == "passed"


def test_the_own_past_is_not_redrawn():
    design = echoing(0.3, 7)
    assert jitter(fit_design(design), events_of(design), 1, [column_of(design, 1, channel=0)]) is None


def test_incidents_with_a_row_of_the_target_kind_stay_where_they_are():
    design = echoing(0.3, 7)
    rows = design.recorded.rows
    both = np.flatnonzero(rows.kind == 0)[:20]
    joined = rows_from(
        np.append(rows.time, rows.time[both]), np.append(rows.system, rows.system[both]),
        np.append(rows.kind, np.ones(20, int)),
        np.concatenate([np.where(np.isin(np.arange(rows.time.size), both), np.arange(rows.time.size), -1), both]),
    )  # fmt: skip
    together = design_of(design.structure, joined)
    redraw = make_redraw(fit_design(together), events_of(together), 0, 1, 4.0)
    moved = redraw.draw(np.random.default_rng(1)).time != redraw.rows.time
    assert np.count_nonzero(~moved) == 20


# ------------------------------------------------------------------------------------------------------- a year apart


def test_a_season_of_units_is_seen_a_year_apart():
    season = waving(364.0, 3, window=800.0)
    assert year_apart(fit_design(season), events_of(season), 1, [column_of(season, 1)]) < 0.001


def test_a_true_echo_is_not_there_a_year_apart():
    echo = echoing(0.3, 3, window=800.0)
    assert year_apart(fit_design(echo), events_of(echo), 1, [column_of(echo, 1)]) > 0.05


def test_a_year_apart_needs_more_than_a_year():
    echo = echoing(0.3, 3)
    assert year_apart(fit_design(echo), events_of(echo), 1, [column_of(echo, 1)]) is None


# ----------------------------------------------------------------------------------------------------- read otherwise


def test_rows_apart_are_events_of_their_own():
    design = echoing(0.0, 4)
    assert rows_apart(design) is None  # no incident has more than one row
    rows = design.recorded.rows
    first = np.flatnonzero(rows.kind == 0)[::2]
    number = np.full(rows.time.size, -1)
    number[first] = np.arange(first.size)
    someone = rows.system[first] // IN_UNIT * IN_UNIT + (rows.system[first] + 1) % IN_UNIT
    late = np.minimum(rows.time[first] + 0.02, WINDOW - 1e-6)
    joined = rows_from(
        np.append(rows.time, late), np.append(rows.system, someone), np.append(rows.kind, np.ones(first.size, int)),
        np.append(number, np.arange(first.size)),
    )  # fmt: skip
    together = design_of(design.structure, joined)
    found = infer(fit_design(together))
    place, coupling = coupling_of(found, 0, 1)
    assert not coupling.claimed
    apart = [one for one in found.controls if one.coupling == place and one.code == "incidents"]
    assert [one.verdict for one in apart] == ["differs"]
    assert apart[0].estimate > 0.3


def test_at_admission_nobody_moves_and_first_ties_last():
    place = everything()
    fixed = as_at_admission(place.roster)
    units = np.flatnonzero(place.roster.level == "unit")
    moved, c04 = 4, fixed.member  # stays in one unit until day 24, then in another
    mine = (c04.owner == moved) & np.isin(c04.group, units)
    assert np.unique(c04.group[mine]).size == 1
    before = (place.roster.member.owner == moved) & np.isin(place.roster.member.group, units)
    assert np.unique(place.roster.member.group[before]).size == 2
    ties = fixed.ties["caseload"]
    assert 0 < ties.source.size < place.roster.ties["caseload"].source.size
    assert np.all(np.isinf(ties.end))
    # when anyone is there at all stays as it was
    assert np.array_equal(fixed.there.start, place.roster.there.start)


def test_ties_at_admission_is_nothing_where_nobody_moves():
    assert ties_at_admission(echoing(0.0, 1)) is None


# ------------------------------------------------------------------------------------------------------ what is claimed


@pytest.fixture(scope="module")
def of_a_wave():
    return infer(fit_design(waving(60.0, 7)))


def test_a_wave_of_the_unit_is_not_claimed_and_the_reason_is_given(of_a_wave):
    place, coupling = coupling_of(of_a_wave, 0, 1)
    assert coupling.q < 0.05  # the tests alone would have claimed it
    assert not coupling.claimed
    assert coupling.label == "fails a control"
    assert [one.code for one in of_a_wave.controls if one.coupling == place and one.verdict == "failed"] == ["jitter"]


def test_a_true_echo_is_claimed_with_its_controls():
    found = infer(fit_design(echoing(0.3, 7)))
    place, coupling = coupling_of(found, 0, 1)
    assert coupling.claimed
    assert coupling.label == ""
    verdicts = {one.code: one.verdict for one in found.controls if one.coupling == place}
    assert verdicts == {
        "incidents": "passed", "jitter": "passed", "ties_at_admission": "passed", "year_apart": "cannot tell",
    }  # fmt: skip


def test_controls_leave_every_number_as_it_was(of_a_wave):
    design = replace(of_a_wave.fit.design, recorded=None)
    plain = infer(replace(of_a_wave.fit, design=design))
    assert plain.controls == ()
    for one, other in zip(plain.couplings, of_a_wave.couplings, strict=True):
        for name in ("echoes", "p", "q"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-9)
