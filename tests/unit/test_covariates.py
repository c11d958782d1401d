"""Covariates by hand: what each is worth, from when on, for whom, and around which mean."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.design import Resolution, build_design, parse_channel, with_covariates
from antiphon.design import covariates as module
from antiphon.design.terms import dose_through
from antiphon.errors import SpecificationError
from tests.unit.agencies import make_agency

EXACT = Resolution(rounding=0.0)
SEVEN, THREE, ELEVEN = 7 / 24, 15 / 24, 23 / 24  # when shifts start
CROWD = 12  # more than any threshold
CLIENTS = [f"c{i:02d}" for i in range(CROWD)]
SYSTEMS = {**dict.fromkeys(CLIENTS, "client"), "s": "staff", "t": "staff", "u": "unit", "v": "unit"}
STAYS = [(name, "u", -1, None) for name in CLIENTS]
EVENTS = [(50, name, "restraint") for name in CLIENTS]


def design_of(terms, events=EVENTS, memberships=STAYS, *, systems=SYSTEMS, resolution=EXACT, receptivity=(), **more):
    return build_design(
        make_agency(systems, events, memberships, **more), channels=["self"], half_lives=[2.0],
        covariates=terms, receptivity=receptivity, resolution=resolution,
    )  # fmt: skip


def role_of(design, name):
    return next(role for role in design.roles if role.name == name)


def raw(design, system, times, name, *, role="client", systems=SYSTEMS):
    """What was recorded of a system at some times, centre and scale undone."""
    found = role_of(design, role)
    segments, number = found.segments, [c.name for c in found.covariates].index(name)
    mine = np.flatnonzero(segments.system == list(systems).index(system))
    rows = mine[np.searchsorted(segments.start[mine], times, side="right") - 1]
    assert (segments.end[rows] > times).all()
    return segments.covariates[rows, number] * found.covariates[number].scale + found.covariates[number].centre


def names(design, role="client"):
    return [covariate.name for covariate in role_of(design, role).covariates]


# --- attributes ---------------------------------------------------------------------------------------------------


def half(yes, no):
    return {name: yes if i % 2 else no for i, name in enumerate([*CLIENTS, *(f"d{i:02d}" for i in range(CROWD))])}


MANY = {**dict.fromkeys(half("", ""), "client"), "u": "unit"}
ALL_STAY = [(name, "u", -1, None) for name in half("", "")]


def test_yes_and_no_are_one_column_centred_over_days():
    stays = [(name, "u", -1, None if trauma == "Yes" else 53) for name, trauma in half("Yes", "no").items()]
    design = design_of(["attribute:trauma"], memberships=stays, systems=MANY, attributes={"trauma": half("Yes", "no")})
    (covariate,) = role_of(design, "client").covariates
    # 94 scored days (after 6 of history) for those with, 47 for those without
    assert covariate.centre == pytest.approx(94 / (94 + 47))
    assert (covariate.scale, covariate.unit, covariate.kinds) == (1.0, "yes instead of no", None)
    segments = role_of(design, "client").segments
    days = (segments.end - segments.start) * segments.at_risk[:, 0]
    assert days @ segments.covariates[:, 0] == pytest.approx(0.0, abs=1e-9)
    assert sorted(set(segments.covariates[:, 0].round(6))) == [round(-2 / 3, 6), round(1 / 3, 6)]


def test_numbers_are_scaled_to_a_round_number_and_the_unknown_count_as_the_mean():
    age = {name: None if i < CROWD else 20.0 + 30 * (i % 2) for i, name in enumerate(half("", ""))}
    design = design_of(["attribute:age"], memberships=ALL_STAY, systems=MANY, attributes={"age": age})
    known, unknown = role_of(design, "client").covariates
    assert (known.centre, known.scale, known.unit) == (pytest.approx(35.0), 20.0, "20 more")
    assert (unknown.name, unknown.unit) == ("attribute:age: not known", "not known instead of known")
    assert unknown.centre == pytest.approx(0.5)
    values = role_of(design, "client").segments.covariates
    assert {tuple(row) for row in values.round(6).tolist()} == {(0.0, 0.5), (0.75, -0.5), (-0.75, -0.5)}


def test_the_most_frequent_level_is_the_reference_and_rare_levels_are_joined():
    # 24 clients: 12 in day care, 6 + 5 in two small programmes, 1 not known
    programmes = ["day"] * 12 + ["night"] * 6 + ["bridge"] * 5 + [None]
    attributes = {"programme": dict(zip(half("", ""), programmes, strict=True))}
    design = design_of(["attribute:programme"], memberships=ALL_STAY, systems=MANY, attributes=attributes)
    (covariate,) = role_of(design, "client").covariates
    assert (covariate.name, covariate.unit) == ("attribute:programme=other", '"other" instead of "day"')
    assert covariate.centre == pytest.approx(0.5)


def test_too_few_others_are_joined_with_the_reference():
    programmes = ["day"] * 15 + ["night"] * 6 + ["bridge"] * 3
    attributes = {"programme": dict(zip(half("", ""), programmes, strict=True))}
    design = design_of(["attribute:programme"], memberships=ALL_STAY, systems=MANY, attributes=attributes)
    assert names(design) == []
    assert [code for code, _ in design.warnings] == ["covariate_unused"]


def test_nobody_is_compared_with_a_most_frequent_level_of_few():
    programmes = ["day"] * 3 + [f"of {i}" for i in range(21)]
    attributes = {"programme": dict(zip(half("", ""), programmes, strict=True))}
    assert names(design_of(["attribute:programme"], memberships=ALL_STAY, systems=MANY, attributes=attributes)) == []


def test_levels_of_enough_people_keep_their_names():
    attributes = {"programme": half("night", "day")}
    settings = {"privacy": {"min_clients": 5}}
    design = design_of(
        ["attribute:programme"], memberships=ALL_STAY, systems=MANY, attributes=attributes, settings=settings
    )
    assert names(design) == ["attribute:programme=night"]


# --- circumstances ------------------------------------------------------------------------------------------------


def test_a_practice_holds_from_the_first_shift_after_its_start_with_its_dose():
    practices = [("u", "debriefing", 10, 20, 0.5), ("u", "debriefing", 30, None)]
    design = design_of(["practice:debriefing"], practices=practices)
    times = [10.1, 10 + SEVEN, 19.99, 20.2, 20 + SEVEN, 29.9, 30 + SEVEN, 99]
    np.testing.assert_allclose(raw(design, "c00", times, "practice:debriefing"), [0, 0.5, 0.5, 0.5, 0, 0, 1, 1])


def test_a_ramp_is_a_straight_line_to_the_next_row_in_steps_of_a_twentieth():
    practices = [("u", "debriefing", 10, 30, 0.0, True), ("u", "debriefing", 30, None, 1.0)]
    exact = design_of(["practice:debriefing"], practices=practices)
    starts = np.concatenate([np.arange(11, 30)[:, None] + [SEVEN, THREE, ELEVEN]]).ravel()
    line = raw(exact, "c00", starts, "practice:debriefing")
    np.testing.assert_allclose(line, (starts - 10) / 20, atol=1e-12)
    held = raw(exact, "c00", starts + 7 / 24, "practice:debriefing")
    np.testing.assert_allclose(held, line, atol=1e-12)  # nothing changes within a shift
    coarse = design_of(["practice:debriefing"], practices=practices, resolution=Resolution())
    assert np.abs(raw(coarse, "c00", starts, "practice:debriefing") - line).max() <= 0.025 + 1e-12
    mine = role_of(coarse, "client").segments.system == 0
    assert mine.sum() < role_of(exact, "client").segments.system.tolist().count(0) / 2


def test_the_largest_dose_counts_where_someone_is_in_several_groups():
    practices = [
        ("o", "debriefing", 10, None, 0.4),
        ("u", "debriefing", 20, None, 1.0),
        ("v", "debriefing", 0, None, 0.2),
    ]
    stays = [*STAYS, ("u", "o", -1, None), ("v", "o", -1, None), ("c00", "v", 40, None)]
    design = design_of(
        ["practice:debriefing"], memberships=stays, practices=practices, systems={**SYSTEMS, "o": "organisation"}
    )
    found = raw(design, "c00", [5, 15, 25, 45], "practice:debriefing", systems={**SYSTEMS, "o": "organisation"})
    np.testing.assert_allclose(found, [0.0, 0.4, 1.0, 1.0])


def shifts(name, days, start, end, group="u"):
    return [(name, day + start, day + end, group) for day in days]


def test_staffing_is_asked_half_an_hour_into_the_shift_so_that_handover_counts_nobody_twice():
    early = 10 / 1440
    presence = [*shifts("s", range(100), SEVEN - early, THREE + early), *shifts("t", range(100), THREE - early, ELEVEN)]
    presence += shifts("t", range(0, 100, 2), SEVEN, THREE)  # a second one in every other day shift
    design = design_of(["staffing:unit"], presence=presence)
    times = np.asarray([10 + SEVEN, 11 + SEVEN + 0.1, 10 + THREE, 10 + ELEVEN])
    expected = np.log2(np.asarray([2.5, 1.5, 1.5, 0.5]) / (CROWD + 0.5))
    np.testing.assert_allclose(raw(design, "c00", times, "staffing:unit"), expected)
    rounded = design_of(["staffing:unit"], presence=presence, resolution=Resolution())
    assert np.abs(raw(rounded, "c00", times, "staffing:unit") - expected).max() <= 0.05 + 1e-12


def test_staffing_is_not_known_before_the_first_and_after_the_last_shift_of_a_roster():
    presence = shifts("s", range(20, 60, 2), SEVEN, THREE)
    design = design_of(["staffing:unit"], presence=presence)
    times = [10, 20.2, 20 + SEVEN, 41, 58 + SEVEN, 58 + THREE, 90]
    unknown = raw(design, "c00", times, "staffing:unit: not known")
    np.testing.assert_allclose(unknown, [1, 1, 0, 0, 0, 1, 1], atol=1e-12)


def test_who_is_in_two_units_at_once_counts_half_in_each():
    stays = [*STAYS, ("s", "u", -1, None), ("s", "v", -1, None), ("c11", "v", 30, None)]
    presence = [("s", day + SEVEN, day + THREE) for day in range(100)]
    presence += [("t", day + THREE, day + ELEVEN, "v") for day in range(100)]
    presence += [("c00", 50, 90, None, True)]
    design = design_of(["staffing:unit"], memberships=stays, presence=presence)
    found = raw(design, "c01", [20.5, 40.5, 60.5], "staffing:unit")
    np.testing.assert_allclose(found, np.log2([1.0 / 12.5, 1.0 / 12.0, 1.0 / 11.0]))
    both = np.log2([1.0 / 12.0, 1.0 / 1.0])
    np.testing.assert_allclose(raw(design, "c11", [40.5], "staffing:unit"), both.mean())


def test_the_census_is_that_of_the_start_of_the_shift_over_the_places():
    stays = [*STAYS[:6], ("c06", "u", 10.5, 40), *((name, "v", -1, None) for name in CLIENTS[7:])]
    attributes = {"capacity": {"u": "8", "v": "5"}}
    design = design_of(["census:unit"], memberships=stays, attributes=attributes)
    times = [10.5, 10 + THREE, 39.9, 40.2, 40 + SEVEN]
    np.testing.assert_allclose(raw(design, "c00", times, "census:unit"), np.asarray([6, 7, 7, 7, 6]) / 8)
    assert role_of(design, "client").covariates[0].unit == "a tenth of the places more taken"


def test_tenure_doubles_from_four_weeks_on_and_a_transfer_is_no_new_stay():
    stays = [("c00", "u", -400, 50), ("c00", "v", 50, None), *((n, "u", 10, None) for n in CLIENTS[1:])]
    design = design_of(["tenure"], memberships=stays)
    np.testing.assert_allclose(raw(design, "c00", [0.1, 60.2], "tenure"), np.log2([400 / 28, (459 + ELEVEN) / 28]))
    np.testing.assert_allclose(raw(design, "c01", [20, 37.9, 66 + SEVEN], "tenure"), [0, 0, np.log2((56 + SEVEN) / 28)])
    coarse = design_of(["tenure"], memberships=stays, resolution=Resolution())
    starts = np.arange(11, 100) + SEVEN
    off = raw(coarse, "c01", starts, "tenure") - raw(design, "c01", starts, "tenure")
    assert 0.0 < np.abs(off).max() <= 0.125 + 1e-12


# --- what is carried forward --------------------------------------------------------------------------------------


def test_a_score_is_known_from_its_time_on_and_a_bare_date_when_its_day_is_over():
    measures = [(10.45, name, "PSS", "total", 4.0) for name in CLIENTS]
    measures += [(30, name, "PSS", "total", 9.0) for name in CLIENTS]
    measures += [(-3, "c00", "PSS", "total", 1.0)]
    design = design_of(["score:own:PSS"], measures=measures)
    times = [0.1, 10.5, 10 + THREE, 30.9, 31 + SEVEN - 0.01, 31 + SEVEN]
    np.testing.assert_allclose(raw(design, "c00", times, "score:own:PSS"), [1, 1, 4, 4, 4, 9])
    np.testing.assert_allclose(raw(design, "c01", times, "score:own:PSS: not known"), [1, 1, 0, 0, 0, 0], atol=1e-12)


def test_the_score_of_the_tied_other_follows_the_tie():
    measures = [(1.5, "s", "PSS", "total", 10.0), (1.5, "t", "PSS", "total", 20.0), (50.5, "s", "PSS", "total", 13.0)]
    ties = [("s", name, "caseload", 10, 60) for name in CLIENTS]
    ties += [("t", "c00", "caseload", 20.25, None, 3.0), ("t", "c01", "caseload", 70, None)]
    design = design_of(["score:tie:caseload:PSS"], measures=measures, ties=ties)
    times = [15, 20.3, 51, 65]
    expected = [10, (10 + 3 * 20) / 4, (13 + 3 * 20) / 4, 20]
    np.testing.assert_allclose(raw(design, "c00", times, "score:tie:caseload:PSS"), expected)
    unknown = raw(design, "c01", [5, 15, 65, 75], "score:tie:caseload:PSS: not known")
    np.testing.assert_allclose(unknown, [1, 0, 1, 0], atol=1e-12)


def test_answers_of_a_group_are_weighed_by_how_many_stand_behind_them():
    measures = [
        (5.5, "u", "pulse", "strain", 40.0, 10),
        (5.5, "u", "pulse", "strain", 70.0, 5),
        (50.5, "u", "pulse", "strain", 0),
    ]
    design = design_of(["score:unit:pulse"], measures=measures)
    np.testing.assert_allclose(raw(design, "c00", [10, 60], "score:unit:pulse"), [50, 0], atol=1e-12)


def test_a_dose_is_heard_from_the_next_shift_and_fades():
    events = [*EVENTS, (10 + 10 / 24, "c00", "self_harm"), (20 + THREE, "c00", "self_harm"), (21, "c01", "self_harm")]
    design = design_of(["dose:own:self_harm:3d"], events)
    times = [10.5, 10 + THREE, 15 + SEVEN, 20 + THREE + 0.1, 20 + ELEVEN]
    since = np.asarray([THREE - 10 / 24, 5 + SEVEN - 10 / 24])
    expected = [0, *2.0 ** (-since / 3), *(2.0 ** (-(np.asarray([20 + THREE, 20 + ELEVEN]) - 10 - 10 / 24) / 3))]
    expected[-1] += 2.0 ** (-(8 / 24) / 3)  # what happens as a shift begins is heard in the next
    np.testing.assert_allclose(raw(design, "c00", times, "dose:own:self_harm:3d"), expected)


def test_the_dose_of_a_unit_leaves_out_ones_own_and_counts_an_incident_once():
    events = [*EVENTS, (10.4, "c00", "self_harm", "i"), (10.4, "c01", "self_harm", "i"), (30.4, "c02", "self_harm")]
    design = design_of(["dose:unit:self_harm:100w"], events)
    times = [10 + THREE, 30 + THREE]
    name = "dose:unit:self_harm:100w"
    for system, expected in (("c00", [0.5, 1.5]), ("c02", [1.0, 1.0]), ("c05", [1.0, 2.0])):
        np.testing.assert_allclose(raw(design, system, times, name), expected, rtol=0.03)


def test_a_group_reaches_those_who_are_in_it():
    events = [*EVENTS, (10.4, "u", "debrief"), (30.4, "v", "debrief")]
    stays = [*STAYS[1:], ("c00", "u", -1, 20.5), ("c00", "v", 20.5, None)]
    design = design_of(["dose:unit:debrief:100w"], events, stays)
    found = raw(design, "c00", [10 + THREE, 20.4, 20.55, 30 + THREE], "dose:unit:debrief:100w")
    np.testing.assert_allclose(found, [1, 1, 0, 1], rtol=0.03)
    np.testing.assert_allclose(raw(design, "c01", [40], "dose:unit:debrief:100w"), [1], rtol=0.05)


def test_a_dose_in_steps_is_off_by_at_most_half_a_step():
    events = [*EVENTS, *((t, "u", "debrief") for t in (10.4, 12.4, 13.1, 60.4))]
    terms = ["dose:unit:debrief:3d"]
    starts = (np.arange(8, 100)[:, None] + [SEVEN, THREE, ELEVEN]).ravel()[:-1]
    exact, coarse = (design_of(terms, events, resolution=r) for r in (EXACT, Resolution()))
    off = raw(coarse, "c00", starts, terms[0]) - raw(exact, "c00", starts, terms[0])
    assert 0.0 < np.abs(off).max() <= 0.025 + 1e-12


@pytest.mark.parametrize(
    ("channel", "source", "reader", "n_readers"),
    [
        ("self", "self_harm", "c00", 1),
        ("peers:unit:client>client", "self_harm", "c00", CROWD - 1),
        ("peers:unit:staff>client", "staff_injury", "c00", CROWD),
        ("group:unit:unit>client", "lock_down", "c00", CROWD),
        ("members:unit:client>unit", "self_harm", "u", 1),
        ("tie:caseload:staff>client", "staff_injury", "c00", 2),
    ],
)
def test_the_dose_through_a_channel_is_what_reaches_everyone_who_reads_it(channel, source, reader, n_readers):
    # read one second into a shift, when the dose has just been counted
    kind, role, second = ("lock_down", "unit", 1 / 86_400) if reader == "u" else ("restraint", "client", 1 / 86_400)
    events = [(30 + SEVEN + second, reader, kind), (25.4, "c01", "self_harm"), (26.2, "c00", "self_harm")]
    events += [(25.6, "s", "staff_injury"), (27.9, "u", "lock_down")]
    stays = [*STAYS, ("s", "u", -1, None)]
    agency = make_agency(SYSTEMS, events, stays, ties=[("s", "c00", "caseload"), ("s", "c01", "caseload")])
    text = dose_through(parse_channel(channel), source, 2.0, kind)
    design = build_design(agency, channels=[channel], half_lives=[2.0], covariates=[text], resolution=EXACT)
    target = next(t for t in design.targets if design.kinds[t.kind].name == kind)
    (number,) = [i for i, f in enumerate(target.columns) if design.kinds[f.source_kind].name == source]
    row = int(np.argmax(target.time))
    per_event = np.log(2.0) / 2.0 / n_readers
    dose = raw(design, reader, [30 + SEVEN], text.partition(">")[0], role=role)
    np.testing.assert_allclose(dose * per_event, target.features[row, number], rtol=1e-5)


def test_a_half_life_under_two_cells_is_left_out_and_halving_the_cells_lets_it_in():
    events = [*EVENTS, (10.4, "u", "debrief")]
    design = design_of(["dose:unit:debrief:8h"], events)
    assert names(design) == []
    assert "covariate_short_half_life" in [code for code, _ in design.warnings]
    finer = Resolution(cells_per_shift=2)
    assert names(design_of(["dose:unit:debrief:8h"], events, resolution=finer)) == ["dose:unit:debrief:8h"]


# --- for whom and for which kinds -----------------------------------------------------------------------------------


def test_a_break_is_a_step_of_its_kind_alone_and_needs_no_asking():
    events = [*EVENTS, *((60, name, "seclusion") for name in CLIENTS)]
    settings = {"breaks": [{"kind": "restraint", "time": "2024-02-10T12:00"}]}
    design = design_of([], events, settings=settings)
    (covariate,) = role_of(design, "client").covariates
    kinds = [kind.name for kind in design.kinds]
    assert (covariate.name, covariate.kinds) == ("break:restraint:2024-02-10", (kinds.index("restraint"),))
    np.testing.assert_allclose(raw(design, "c00", [40.49, 40.51], covariate.name), [0, 1], atol=1e-12)
    assert covariate.centre == pytest.approx((100 - 40.5) / (100 - design.history_days))
    assert role_of(design, "client").receptivity == ()


def test_what_is_known_to_the_day_has_a_column_that_holds_for_whole_days():
    events = [*EVENTS, (60, "c00", "refusal", None, "day")]
    presence = [*shifts("s", range(100), SEVEN, THREE), *shifts("t", range(50), SEVEN, ELEVEN)]
    design = design_of(["staffing:unit"], events, presence=presence)
    by_shift, by_day = role_of(design, "client").covariates
    kinds = [kind.name for kind in design.kinds]
    assert (by_shift.kinds, by_day.kinds) == ((kinds.index("restraint"),), (kinds.index("refusal"),))
    segments = role_of(design, "client").segments
    mine = (segments.system == 0) & (segments.start > 6)
    found = segments.covariates[mine, 1] * by_day.scale + by_day.centre
    # two by day, one in the evening, nobody at night: one on average; later one by day only
    is_later = segments.start[mine] >= 50
    np.testing.assert_allclose(found, np.log2((np.where(is_later, 1 / 3, 1.0) + 0.5) / (CROWD + 0.5)))
    refused = next(t for t in design.targets if design.kinds[t.kind].name == "refusal")
    assert segments.start[refused.segment[0]] <= 60.0 < segments.end[refused.segment[0]]


def test_a_covariate_can_be_for_one_role_or_one_kind():
    events = [*EVENTS, (20, "s", "staff_injury"), (30, "u", "lock_down"), (60, "c00", "seclusion")]
    practices = [("u", "debriefing", 10, None)]
    stays = [*STAYS, ("s", "u", -1, None)]
    everyone = design_of(["practice:debriefing"], events, stays, practices=practices)
    assert [len(role.covariates) for role in everyone.roles] == [1, 1, 1]
    clients = design_of(["practice:debriefing>client"], events, stays, practices=practices)
    assert [len(role_of(clients, name).covariates) for name in ("client", "staff", "unit")] == [1, 0, 0]
    one = design_of(["practice:debriefing>seclusion"], events, stays, practices=practices)
    (covariate,) = role_of(one, "client").covariates
    assert [one.kinds[k].name for k in covariate.kinds] == ["seclusion"]
    assert role_of(one, "unit").covariates == ()


def test_what_is_the_same_for_everyone_is_left_out_and_said():
    design = design_of(["practice:debriefing"], practices=[("v", "debriefing", 10, None)])
    assert names(design) == []
    (warning,) = design.warnings
    assert warning[0] == "covariate_unused"
    assert '"practice:debriefing" was left out' in warning[1]


def test_receptivity_is_made_as_covariates_are():
    practices = [("u", "debriefing", 10, None)]
    design = design_of(["practice:debriefing"], receptivity=["practice:debriefing"], practices=practices)
    role = role_of(design, "client")
    assert role.covariates == role.receptivity
    np.testing.assert_array_equal(role.segments.covariates, role.segments.receptivity)


def test_settings_name_them_too():
    settings = {"model": {"covariates": ["practice:debriefing"], "receptivity": ["tenure"]}}
    agency = make_agency(SYSTEMS, EVENTS, STAYS, practices=[("u", "debriefing", 10, None)], settings=settings)
    role = role_of(build_design(agency, channels=["self"], half_lives=[2.0]), "client")
    assert [c.name for c in role.covariates] == ["practice:debriefing"]
    assert [c.name for c in role.receptivity] == ["tenure"]
    none = role_of(build_design(agency, channels=["self"], half_lives=[2.0], covariates=[]), "client")
    assert none.covariates == ()


def test_too_many_changes_are_refused_before_they_are_made(monkeypatch):
    monkeypatch.setattr(module, "MOST_MARKS", 1000)
    with pytest.raises(SpecificationError, match='"staffing:unit" would change'):
        design_of(["staffing:unit"], presence=shifts("s", range(100), SEVEN, THREE))


def test_a_design_can_be_given_other_covariates_without_being_read_again():
    events = [*EVENTS, (60, "c00", "refusal", None, "day"), (70, "c01", "discharge"), (10.4, "u", "debrief")]
    stays = [*STAYS[:1], ("c01", "u", -1, 70), *STAYS[2:]]
    agency = make_agency(SYSTEMS, events, stays, practices=[("u", "debriefing", 10.3, None)])
    terms = ["practice:debriefing", "dose:unit:debrief:3d"]
    plain = build_design(agency, half_lives=[2.0])
    expected = build_design(agency, half_lives=[2.0], covariates=terms)
    found = with_covariates(plain, agency, covariates=terms)
    for one, other in zip(found.roles, expected.roles, strict=True):
        assert one.covariates == other.covariates
        for field in one.segments.__slots__:
            np.testing.assert_array_equal(getattr(one.segments, field), getattr(other.segments, field))
    for one, other in zip(found.targets, expected.targets, strict=True):
        np.testing.assert_array_equal(one.segment, other.segment)
        np.testing.assert_array_equal(one.features, other.features)
    assert found.warnings == expected.warnings
    back = with_covariates(found, agency, covariates=[])
    for one, other in zip(back.targets, plain.targets, strict=True):
        np.testing.assert_array_equal(one.segment, other.segment)
