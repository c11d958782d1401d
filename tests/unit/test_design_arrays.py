"""What the endemic part knows: calendars, segments, strata, gaps, periods; the grammar of channels; margins."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from antiphon.design import build_design, default_channels, dense_design, parse_channel, unit_design, with_periods
from antiphon.design.clock import local_calendar
from antiphon.design.incidents import find_incidents, link_rows
from antiphon.design.roster import roster_of
from antiphon.errors import SpecificationError
from tests.unit.agencies import make_agency

NEW_YORK = ZoneInfo("America/New_York")
SYSTEMS = {"a": "client", "b": "client", "u": "unit"}
STAYS = [("a", "u", -1, None), ("b", "u", 20, 60)]
RESTRAINT = "restraint"


def design_of(events, memberships=STAYS, *, systems=SYSTEMS, channels=("self",), half_lives=(1.0,), **more):
    return build_design(make_agency(systems, events, memberships, **more), channels=channels, half_lives=half_lives)


def test_a_day_in_spring_has_23_hours_and_one_in_autumn_25():
    start = dt.datetime(2024, 3, 9, tzinfo=NEW_YORK).astimezone(dt.UTC)
    end = dt.datetime(2024, 11, 5, tzinfo=NEW_YORK).astimezone(dt.UTC)
    days = local_calendar(start, end, NEW_YORK, ["00:00"])
    hours = np.diff(days.edges) * 24
    np.testing.assert_allclose(hours[:3], [24, 23, 24], atol=1e-9)
    np.testing.assert_allclose(sorted(set(hours.round(6))), [23, 24, 25])
    assert days.weekday[:3].tolist() == [5, 6, 0]
    assert days.n_shifts == 1


def test_shifts_follow_the_local_clock_and_the_window_cuts_the_first_and_last():
    start = dt.datetime(2024, 3, 9, 10, tzinfo=NEW_YORK).astimezone(dt.UTC)
    end = dt.datetime(2024, 3, 10, 20, tzinfo=NEW_YORK).astimezone(dt.UTC)
    shifts = local_calendar(start, end, NEW_YORK, ["07:00", "15:00", "23:00"])
    # Saturday day (cut), evening, night with the lost hour, Sunday day, evening (cut)
    np.testing.assert_allclose(np.diff(shifts.edges) * 24, [5, 8, 7, 8, 5], atol=1e-9)
    assert shifts.shift.tolist() == [0, 1, 2, 0, 1]
    assert shifts.weekday.tolist() == [5, 5, 5, 6, 6]
    assert shifts.edges[0] == 0.0


def test_an_hour_that_the_clock_shows_twice_belongs_to_a_longer_night():
    start = dt.datetime(2024, 11, 2, 23, tzinfo=NEW_YORK).astimezone(dt.UTC)
    end = dt.datetime(2024, 11, 3, 15, tzinfo=NEW_YORK).astimezone(dt.UTC)
    shifts = local_calendar(start, end, NEW_YORK, ["07:00", "15:00", "23:00"])
    np.testing.assert_allclose(np.diff(shifts.edges) * 24, [9, 8], atol=1e-9)


def test_rows_of_days_have_the_length_of_the_local_day():
    start = dt.datetime(2024, 3, 1, 5, tzinfo=dt.UTC)
    settings = {"agency": {"timezone": "America/New_York", "precision": "day"}}
    agency = make_agency(SYSTEMS, [(9.0, "a", RESTRAINT), (9.0, "b", RESTRAINT)], [("a", "u", -1, None), ("b", "u", 9.25, None)],
                         start=start, days=60, settings=settings)  # fmt: skip
    target = build_design(agency, channels=["peers:unit:client>client"], half_lives=[4.0]).targets[0]
    np.testing.assert_allclose(target.width * 24, [23, 23], atol=1e-9)
    np.testing.assert_allclose(target.exposure * 24, [23, 17], atol=1e-9)
    assert target.count.tolist() == [1, 1]


def test_strata_follow_the_days_since_admission():
    design = design_of([(30, "a", RESTRAINT), (30, "b", RESTRAINT)])
    role = design.roles[0]
    mine = role.segments.system == 1
    assert role.strata == ("first week", "weeks 2-4", "later", "present at the start")
    np.testing.assert_allclose(role.segments.start[mine], [20, 27, 48])
    np.testing.assert_allclose(role.segments.end[mine], [27, 48, 60])
    assert role.segments.stratum[mine].tolist() == [0, 1, 2]
    assert set(role.segments.stratum[~mine]) == {3}


def test_a_transfer_is_no_new_admission():
    stays = [("a", "u", 20, 25), ("a", "v", 25, None), ("b", "u", 20, 25), ("b", "u", 26, None)]
    design = design_of([(30, "a", RESTRAINT), (30, "b", RESTRAINT)], stays, systems={**SYSTEMS, "v": "unit"})
    target = design.targets[0]
    assert design.roles[0].segments.stratum[target.segment].tolist() == [1, 0]


def test_history_is_read_but_not_scored():
    design = design_of([(1, "a", RESTRAINT), (4, "a", RESTRAINT)])
    assert design.history_days == 3.0
    assert design.targets[0].time.tolist() == [4.0]
    np.testing.assert_allclose(design.targets[0].features[0, 0], np.log(2) * 2.0**-3)
    assert design.set_aside == {"in the unscored history": 1}
    segments = design.roles[0].segments
    early = segments.start < 3
    assert segments.alive[early].all()
    assert not segments.at_risk[early].any()


def test_history_is_at_most_a_tenth_of_the_window():
    assert design_of([(40, "a", RESTRAINT)], half_lives=[50.0]).history_days == 10.0


def test_a_gap_has_no_exposure_and_history_begins_again_after_it():
    gap = {"group": "u", "start": "2024-02-10", "end": "2024-02-15", "kinds": [RESTRAINT]}
    events = [(41, "a", RESTRAINT), (46, "a", RESTRAINT), (50, "a", RESTRAINT), (41, "a", "seclusion")]
    design = design_of(events, settings={"gaps": [gap]})
    by_name = {design.kinds[t.kind].name: t for t in design.targets}
    assert by_name[RESTRAINT].time.tolist() == [50.0]
    assert by_name["seclusion"].time.tolist() == [41.0]
    assert design.set_aside == {"in a gap of recording": 1, "in the unscored history": 1}
    segments = design.roles[0].segments
    days = (segments.end - segments.start) @ segments.at_risk
    # a: 97 days, b: 40; without 5 days of gap and 3 of history for each
    np.testing.assert_allclose(days, [137 - 16, 137])


def test_a_terminal_kind_happens_once_per_stay():
    stays = [("a", "u", -1, 30), ("a", "u", 50, None), ("b", "u", -1, None)]
    events = [(30, "a", "discharge"), (70, "a", "discharge"), (80, "a", "discharge")]
    design = design_of(events, stays)
    assert design.targets[0].time.tolist() == [30.0, 70.0]
    assert design.set_aside == {"not at risk": 1}
    segments = design.roles[0].segments
    np.testing.assert_allclose(((segments.end - segments.start) @ segments.at_risk)[0], 27 + 20 + 97)


def test_a_discharge_dated_on_the_day_on_which_the_stay_ends_belongs_to_the_day_before():
    target = design_of([(60, "b", "discharge", None, "day")], half_lives=[4.0]).targets[0]
    assert target.time.tolist() == [59.0]
    assert target.exposure.tolist() == [1.0]


def test_a_discharge_dated_on_the_day_on_which_one_stay_ends_and_another_begins_belongs_to_the_one_that_ends():
    stays = [("a", "u", -1, 40), ("a", "u", 40.5, 60.25), ("a", "u", 60.5, None), ("b", "u", -1, None)]
    dated = [(day, "a", "discharge", None, "day") for day in (40, 60)]
    target = design_of(dated, stays, half_lives=[4.0]).targets[0]
    # the 40th day holds none of the first stay; of the 60th a is there before the discharge and after the admission
    assert target.time.tolist() == [39.0, 60.0]
    np.testing.assert_allclose(target.exposure, [1.0, 0.75])


def test_a_discharge_on_the_day_of_the_admission_ends_the_stay_that_began_on_it():
    stays = [("a", "u", 40.25, None), ("b", "u", -1, None)]
    dated = [(40, "a", "discharge", None, "day"), (70, "a", "discharge", None, "day")]
    design = design_of(dated, stays, half_lives=[4.0])
    assert design.targets[0].time.tolist() == [40.0]
    assert design.set_aside == {"not at risk": 1}


def test_a_discharge_dated_after_the_day_on_which_the_stay_ended_is_of_no_stay():
    design = design_of([(61, "b", "discharge", None, "day"), (40, "a", "discharge", None, "day")], half_lives=[4.0])
    assert design.targets[0].time.tolist() == [40.0]
    assert design.set_aside == {"not at risk": 1}


def test_a_row_belongs_to_the_segment_before_its_own_event_counts():
    systems = {f"c{i}": "client" for i in range(10)} | {"u": "unit"}
    stays = [(f"c{i}", "u", -1, None) for i in range(10)]
    design = design_of([(20, "c0", RESTRAINT), (30, "c0", RESTRAINT), (30, "c0", "seclusion")], stays, systems=systems)
    role = design.roles[0]
    assert role.frail.sum() == 10
    earlier = [role.segments.n_earlier[t.segment].tolist() for t in design.targets]
    assert earlier == [[[0, 0], [1, 0]], [[1, 0]]]


def test_a_role_of_few_has_no_frailty_and_its_segments_do_not_end_at_events():
    role = design_of([(40, "a", RESTRAINT), (41, "a", RESTRAINT)]).roles[0]
    assert not role.frail.any()
    assert (role.segments.system == 0).sum() == 2


def test_without_any_stay_people_count_as_there_throughout():
    design = design_of([(40, "a", RESTRAINT), (41, "b", RESTRAINT)], [])
    assert design.targets[0].time.tolist() == [40.0, 41.0]
    np.testing.assert_allclose((design.roles[0].segments.end - design.roles[0].segments.start).sum(), 200)


def test_a_group_that_belongs_to_another_is_at_risk_while_it_does():
    systems = {"u": "unit", "v": "unit", "w": "unit", "o": "organisation", "p": "organisation"}
    stays = [("u", "o", 20, 30), ("u", "p", 25, 40), ("u", "o", 70, None), ("v", "o", -1, None)]
    events = [(day, unit, "lock_down") for day in (10, 35, 50, 80) for unit in "uvw"]
    design = design_of(events, stays, systems=systems)
    target, segments = design.targets[0], design.roles[0].segments
    by_unit = {unit: target.time[target.system == code].tolist() for code, unit in enumerate("uvw")}
    # v belongs to o throughout, w to nothing at all
    assert by_unit == {"u": [35.0, 80.0], "v": [10.0, 35.0, 50.0, 80.0], "w": [10.0, 35.0, 50.0, 80.0]}
    days = np.bincount(segments.system, (segments.end - segments.start) * segments.at_risk[:, 0])
    np.testing.assert_allclose(days, [20 + 30, 97, 97])
    assert design.set_aside == {"not at risk": 2}


def test_a_group_that_opens_late_is_no_new_admission():
    stays = [("u", "o", 20, None)]
    design = design_of([(22, "u", "lock_down")], stays, systems={"u": "unit", "o": "organisation"})
    assert design.roles[0].strata == ("all",)
    assert design.roles[0].segments.start.tolist() == [20.0]


def test_events_of_other_roles_and_outside_the_window_are_set_aside():
    design = design_of([(40, "a", RESTRAINT), (41, "u", RESTRAINT), (-2, "a", RESTRAINT), (100, "a", RESTRAINT)])
    assert design.set_aside == {"outside the window": 2, "of a system that is not of the kind's role": 1}


def staff_with(clinicians, events, **more):
    """One member of staff and some clinicians of one unit."""
    systems = {"s": "staff", "u": "unit", **{f"d{i}": "clinician" for i in range(clinicians)}}
    stays = [(name, "u", -1, None) for name in systems if name != "u"]
    return design_of(events, stays, systems=systems, **more)


def test_lone_clinicians_with_events_count_as_staff_and_their_events_are_scored():
    design = staff_with(1, [(40, "d0", "staff_injury"), (50, "s", "staff_injury")])
    assert design.set_aside == {}
    assert design.targets[0].system.size == 2
    assert [role.name for role in design.roles] == ["staff"]
    assert design.structure.roster.counted_as == {"clinician": "staff"}


def test_clinicians_of_whom_nothing_is_recorded_are_not_taken_for_staff_to_whom_nothing_happens():
    design = staff_with(1, [(50, "s", "staff_injury")])
    assert design.structure.roster.counted_as == {}
    assert np.unique(design.roles[0].segments.system).size == 1


@pytest.mark.parametrize(("clinicians", "role"), [(9, "staff"), (10, "clinician")])
def test_a_working_role_with_kinds_of_its_own_stands_by_itself_where_it_is_large_enough(clinicians, role):
    settings = {"kinds": {"complaint": {"of": "clinician", "label": "complaints"}}}
    design = staff_with(clinicians, [(40, "d0", "complaint")], settings=settings)
    assert [kind.role for kind in design.kinds] == [role]


def test_those_who_count_as_staff_keep_their_own_way_of_being_there():
    """Staff have shifts; a clinician without any is there throughout, and hears what happens between them."""
    systems = {"s": "staff", "d": "clinician", "u": "unit"}
    stays = [("s", "u", -1, None), ("d", "u", -1, None)]
    design = design_of(
        [(40.5, "s", "staff_injury"), (50, "d", "staff_injury")], stays, systems=systems, presence=[("s", 40, 41, "u", False)],
        channels=("peers:unit:staff>staff",), half_lives=(5.0,),
    )  # fmt: skip
    found = dict(zip(design.targets[0].system.tolist(), design.targets[0].features[:, 0].tolist(), strict=True))
    assert sorted(value > 0 for value in found.values()) == [False, True]


def test_channels_that_name_a_role_counted_as_staff_are_those_of_staff():
    """A tie that joined two roles is heard from both ends."""
    systems = {"s": "staff", "d": "supervisor", "u": "unit"}
    stays = [("s", "u", -1, None), ("d", "u", -1, None)]
    design = design_of(
        [(40, "s", "staff_injury"), (41, "d", "staff_injury"), (42, "s", "staff_injury")], stays, systems=systems,
        ties=[("d", "s", "supervision")], channels=("tie:supervision:supervisor>staff", "tie:supervision:staff>supervisor"),
    )  # fmt: skip
    assert [channel.name for channel in design.channels] == ["tie:supervision:staff>staff"]
    assert (design.targets[0].features[:, 0] > 0).tolist() == [False, True, True]


def test_a_kind_is_as_coarse_as_a_twentieth_of_its_rows():
    stays = [("a", "u", -1, None)]
    fine = [(40 + i / 2 + 0.2, "a", RESTRAINT) for i in range(40)]
    target = design_of([*fine, (80, "a", RESTRAINT, None, "day")], stays, half_lives=[5.0])
    assert target.kinds[0].precision == "minute"
    assert target.set_aside == {"recorded more coarsely than the rest of their kind": 1}
    target = design_of([*fine, *[(80 + i, "a", RESTRAINT, None, "day") for i in range(3)]], stays, half_lives=[5.0])
    assert target.kinds[0].precision == "day"
    assert target.targets[0].count.tolist() == [2] * 20 + [1] * 3


def test_half_lives_under_two_cells_are_left_out_with_a_warning():
    events = [(40, "a", RESTRAINT, None, "day"), (42.5, "a", "seclusion")]
    design = design_of(events, half_lives=[1.0, 4.0])
    assert [f.half_life for t in design.targets for f in t.columns] == [1, 1, 1, 0, 1]
    assert [code for code, _ in design.warnings] == ["short_half_life"]
    assert "24 hours" in design.warnings[0][1]
    with pytest.raises(SpecificationError, match="shorter than two days"):
        design_of(events[:1], half_lives=[1.0])


def test_rows_without_number_are_joined_when_they_share_a_person_a_unit_and_an_hour():
    events = [
        (40.0, "a", RESTRAINT),
        (40.02, "b", RESTRAINT, None, None, "a"),
        (40.03, "b", "seclusion"),
        (40.2, "b", "seclusion"),
    ]
    agency = make_agency(SYSTEMS, events, STAYS)
    joined = build_design(agency, channels=["self"], half_lives=[1.0])
    assert [t.incident.tolist() for t in joined.targets] == [[0, 0], [0, 1]]
    assert joined.targets[1].time.tolist() == [40.0, pytest.approx(40.2)]
    separate = build_design(agency, channels=["self"], half_lives=[1.0], join_incidents=False)
    assert [t.incident.tolist() for t in separate.targets] == [[0, 1], [2, 3]]


def test_an_incident_is_when_its_finest_row_says():
    # a day record begins at midnight: with it, the night's event would be heard by the morning's
    number, time, grain = (
        np.array([0, 0, 0, 1, 1]),
        np.array([1.0, 1.95, 1.9, 3.0, 3.3]),
        np.array([2, 0, 0, 2, 1], np.int8),
    )
    found = find_incidents(number, time, grain, None)
    assert found.start.tolist() == [1.9, 3.3]
    assert found.code.tolist() == [0, 0, 0, 1, 1]


def test_a_number_that_spans_more_than_a_day_is_no_incident():
    found = find_incidents(np.array([0, 0, 1, 1]), np.array([1.0, 1.5, 3.0, 4.5]), np.zeros(4, np.int8), None)
    assert found.n_spanning == 2
    assert found.code[0] == found.code[1]
    assert len(set(found.code.tolist())) == 3
    none = np.empty(0, np.int64)
    rows = link_rows(np.arange(3), np.array([7, 7, 7]), np.array([1, 1, 2]), np.array([0.0, 0.01, 0.02]), 0.04)
    assert [r.tolist() for r in rows] == [[0], [1]]
    assert find_incidents(none, np.empty(0), np.empty(0, np.int8), None).code.size == 0


def test_channels_have_one_grammar():
    channel = parse_channel(" peers:unit:client>staff ")
    assert (channel.how, channel.where, channel.from_role, channel.to_role) == ("peers", "unit", "client", "staff")
    assert channel.name == "peers:unit:client>staff"
    assert parse_channel("self").name == "self"
    for text in ("peers", "peers:unit:client", "friends:unit:client>staff", "peers:unit:client>", "a>b>c:d"):
        with pytest.raises(SpecificationError, match="cannot be read"):
            parse_channel(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("peers:ward:client>staff", 'level "ward"'),
        ("peers:unit:clients>client", 'Did you mean "client"'),
        ("tie:casload:staff>client", 'Did you mean "caseload"'),
        ("members:unit:client>organisation", "ends at the group itself"),
        ("group:unit:organisation>client", "starts at the group itself"),
    ],
)
def test_channels_that_cannot_be_are_refused_with_a_hint(text, message):
    with pytest.raises(SpecificationError, match=message):
        design_of([(40, "a", RESTRAINT)], channels=[text])
    with pytest.raises(SpecificationError, match="once"):
        design_of([(40, "a", RESTRAINT)], channels=["self", "self"])


def test_default_channels_follow_from_who_meets_whom():
    systems = {**SYSTEMS, "s": "staff", "o": "organisation", "t": "clinician"}
    stays = [*STAYS, ("s", "u", -1, None), ("u", "o", -1, None), ("t", "o", -1, None)]
    agency = make_agency(systems, [], stays, ties=[("s", "a", "caseload")])
    names = {c.name for c in default_channels(roster_of(agency)[0], ["client", "staff", "unit", "organisation"])}
    assert names == {
        "self",
        *(f"peers:unit:{one}>{other}" for one in ("client", "staff") for other in ("client", "staff")),
        *(f"members:unit:{role}>unit" for role in ("client", "staff")),
        *(f"group:unit:unit>{role}" for role in ("client", "staff")),
        *(f"members:organisation:{role}>organisation" for role in ("client", "staff", "unit")),
        *(f"group:organisation:organisation>{role}" for role in ("client", "staff", "unit")),
        "tie:caseload:staff>client",
        "tie:caseload:client>staff",
    }


def test_a_group_may_have_a_role_of_its_own():
    systems = {"a": "client", "b": "client", "u": "cottage", "v": "unit"}
    stays = [("a", "u", -1, None), ("b", "v", -1, None)]
    settings = {"roles": {"cottage": "unit"}, "kinds": {"lights_out": {"of": "cottage"}}}
    events = [(20, "u", "lights_out"), (21, "a", RESTRAINT), (22, "u", "lights_out"), (21.5, "b", RESTRAINT)]
    agency = make_agency(systems, events, stays, settings=settings)
    up, down = "members:unit:client>cottage", "group:unit:cottage>client"
    names = {c.name for c in default_channels(roster_of(agency)[0], ["client", "cottage"])}
    assert names == {"self", "peers:unit:client>client", up, down}
    design = build_design(agency, channels=[up, down], half_lives=[1.0])
    heard = {design.kinds[t.kind].name: t.features[:, 0].tolist() for t in design.targets}
    half = np.log(2) / 2
    assert heard == {"lights_out": [0.0, pytest.approx(half)], RESTRAINT: [pytest.approx(half), 0.0]}


def test_periods_can_be_changed_without_another_pass():
    design = design_of([(40, "a", RESTRAINT)] * 30)
    weekly = with_periods(design, 7.0)
    assert (weekly.n_periods, weekly.period_days) == (15, 7.0)
    assert weekly.targets[0].features is design.targets[0].features


def test_periods_are_longer_where_events_are_few():
    assert design_of([(40, "a", RESTRAINT)]).n_periods == 1


def test_organisations_have_periods_of_their_own():
    systems = {"a": "client", "b": "client", "u": "unit", "v": "unit", "o": "organisation", "p": "organisation"}
    stays = [("a", "u", -1, 50), ("a", "v", 50, None), ("b", "v", -1, None), ("u", "o", -1, None), ("v", "p", -1, None)]
    design = design_of([(40, "a", RESTRAINT), (60, "a", RESTRAINT), (60, "b", RESTRAINT)], stays, systems=systems)
    assert design.n_organisations == 2
    assert design.roles[0].segments.group[design.targets[0].segment].tolist() == [0, 1, 1]


def test_organisations_may_have_another_name():
    levels = {"order": ["network", "agency", "house", "crew", "person"], "unit": "house", "organisation": "agency"}
    systems = {"a": "client", "b": "client", "u": "house", "v": "house", "o": "agency", "p": "agency", "n": "network"}
    stays = [("a", "u", -1, 50), ("a", "v", 50, None), ("b", "v", -1, None), ("u", "o", -1, None), ("v", "p", -1, None)]
    stays += [("o", "n", -1, None), ("p", "n", -1, None)]
    settings = {"levels": levels}
    design = design_of([(40, "a", RESTRAINT), (60, "a", RESTRAINT)], stays, systems=systems, settings=settings)
    assert design.roles[0].segments.group[design.targets[0].segment].tolist() == [0, 1]
    agency = make_agency(systems, [(40, "a", RESTRAINT)], stays, settings=settings)
    assert [c.name for c in default_channels(roster_of(agency)[0], ["client"])] == ["self", "peers:house:client>client"]


def test_margins_count_sources_targets_pairs_and_units():
    n = 60
    times = np.linspace(1, 99, n)
    people = np.arange(n) % 4
    design = unit_design(times, people, np.zeros(n, int), np.array([0, 0, 1, 1]), [1.0], 100.0)
    margins = design.margins
    assert margins.n_source == {(0, 0): 4, (1, 0): 4}
    assert margins.n_target == {0: 4}
    assert margins.n_units == {(0, 0, 0): 2, (1, 0, 0): 2}
    # one reader of each event, 60 events in 400 days at risk, over one day
    assert margins.n_pairs[1, 0, 0] == pytest.approx(60 * 60 / 400)


OWN_LEVELS = {"levels": {"order": ["network", "agency", "house", "person"]}, "kinds": {
    "new_rule": {"of": "agency"}, "lock_up": {"of": "house"}, "resignation": {"precision": "minute"},
}}  # fmt: skip
AGENCY = {
    "n": "network",
    "g": "agency",
    "u": "house",
    "v": "house",
    "a": "client",
    "b": "client",
    "s": "staff",
    "t": "staff",
}
IN_HOUSES = [
    ("g", "n", -9, None),
    ("u", "g", -9, None),
    ("v", "g", -9, None),
    ("s", "u", -9, None),
    ("t", "v", -9, None),
]


def shared(systems, stays, kinds, channels, ties=()):
    """Which channels are shared by all who can hear them, as (channel, target kind), by name."""
    events = [(20 + day, who, kind) for day, (who, kind) in enumerate(kinds)]
    design = design_of(events, stays, systems=systems, channels=channels, ties=ties, settings=OWN_LEVELS)
    return {(design.channels[c].name, design.kinds[k].name) for c, k in design.margins.shared}


def test_a_channel_is_shared_where_all_readers_hear_one_pool_whatever_its_level_is_called():
    stays = [*IN_HOUSES, ("a", "u", -9, None), ("b", "v", -9, None)]
    kinds = [(who, RESTRAINT) for who in "ab"] + [(who, "lock_up") for who in "uv"] + [("g", "new_rule")]
    kinds += [(who, "staff_injury") for who in "st"]
    down, across = "group:agency:agency>client", "peers:agency:staff>client"
    near, up = "peers:house:client>client", "members:agency:client>agency"
    found = shared(AGENCY, stays, kinds, ["self", down, across, near, up, "members:house:client>house"])
    assert found == {("self", "new_rule"), (up, "new_rule"), (down, RESTRAINT), (across, RESTRAINT)}


def test_houses_that_are_never_there_at_the_same_time_are_no_contrast():
    kinds = [(who, RESTRAINT) for who in "aaabbb"]
    near = "peers:house:client>client"
    in_turn = [*IN_HOUSES, ("a", "u", -9, 22.5), ("b", "v", 22.5, None)]
    at_once = [*IN_HOUSES, ("a", "u", -9, 22.5), ("b", "v", 22, None)]
    assert shared(AGENCY, in_turn, kinds, ["self", near]) == {("self", RESTRAINT), (near, RESTRAINT)}
    assert shared(AGENCY, at_once, kinds, ["self", near]) == set()


def test_ties_to_one_and_the_same_person_are_shared_and_ties_of_one_reader_too():
    stays = [*IN_HOUSES, ("a", "u", -9, None), ("b", "v", -9, None)]
    kinds = [("s", "staff_injury"), ("a", RESTRAINT), ("b", RESTRAINT)]
    of_one = [("s", "a", "caseload"), ("s", "b", "caseload")]
    of_two = [("s", "a", "caseload"), ("t", "b", "caseload")]
    tie, back = "tie:caseload:staff>client", "tie:caseload:client>staff"
    assert shared(AGENCY, stays, kinds, [tie, back], of_one) == {(tie, RESTRAINT), (back, "staff_injury")}
    assert shared(AGENCY, stays, [*kinds, ("t", "staff_injury")], [tie, back], of_two) == set()


def test_nothing_happened_is_a_design_too():
    design = design_of([])
    assert design.targets == ()
    assert design.kinds == ()
    assert dense_design(np.empty(0), np.empty(0, int), [1.0], 10.0).targets == ()
