"""The records at a glance: figures that anyone can check by hand."""

import math

import pytest

from antiphon.records import glance, read_agency
from tests.spec.record_folders import write_folder

TOML = """\
[agency]
timezone = "America/New_York"
window = ["2024-01-01", "2024-07-01"]
"""
SYSTEMS = [
    *({"system": name, "level": "person", "role": "client"} for name in ("c1", "c2")),
    *({"system": name, "level": "person", "role": "staff"} for name in ("s1", "s2")),
    *({"system": name, "level": "unit", "role": "unit"} for name in ("east", "west")),
    {"system": "org", "level": "organisation", "role": "organisation"},
]


def stay(member, group, start, end=""):
    return {"member": member, "group": group, "start": start, "end": end}


def event(time, system, kind, duration=""):
    return {"time": time, "system": system, "kind": kind, "duration": duration}


def seen(folder, *, memberships, events, presence=(), toml=TOML, systems=SYSTEMS):
    tables = {"systems": systems, "memberships": memberships, "events": events}
    tables |= {"presence": list(presence)} if presence else {}
    return glance(read_agency(write_folder(folder, tables, toml)))


def exposure(found, unit, quarter="2024Q1"):
    return found.exposure.filter(unit=unit, quarter=quarter).row(0, named=True)


def rate(found, kind, unit="all", quarter="2024Q1"):
    return found.rates.filter(unit=unit, kind=kind, quarter=quarter).row(0, named=True)


RESTRAINT = [event("2024-02-05T10:01", "c1", "restraint", "90")]
HOUSE = [stay("east", "org", "2023-01-01"), stay("west", "org", "2023-01-01")]


def test_client_days_are_days_of_the_calendar_without_leave(tmp_path):
    away = [{"system": "c1", "start": "2024-03-01", "end": "2024-03-11", "away": "true", "group": ""}]
    found = seen(tmp_path, memberships=[stay("c1", "east", "2023-05-01")], events=RESTRAINT, presence=away)

    assert exposure(found, "all")["client_days"] == 91 - 10  # the day with 23 hours is one day
    assert exposure(found, "all", "2024Q2")["client_days"] == 91


def test_a_transfer_splits_the_time_and_two_units_at_once_count_once_in_all(tmp_path):
    there = [
        *HOUSE,
        stay("c1", "east", "2024-01-01", "2024-02-01T12:00"),
        stay("c1", "west", "2024-02-01T12:00"),
        stay("c2", "east", "2024-01-01", "2024-01-11"),
        stay("c2", "west", "2024-01-01", "2024-01-11"),
    ]
    found = seen(tmp_path, memberships=there, events=RESTRAINT)

    assert exposure(found, "east")["client_days"] == 31.5 + 10
    assert exposure(found, "west")["client_days"] == 91 - 31.5 + 10
    assert exposure(found, "all")["client_days"] == 91 + 10
    assert exposure(found, "all")["n_clients"] == 2


def test_rates_have_the_denominator_of_their_role(tmp_path):
    there = [
        *HOUSE,
        stay("c1", "east", "2024-01-01"),
        stay("s1", "east", "2024-01-01"),
        stay("s2", "west", "2024-01-01"),
    ]
    happened = [
        *RESTRAINT,
        event("2024-02-06T10:01", "s1", "staff_injury"),
        event("2024-02-07T10:01", "org", "policy_change"),
    ]
    found = seen(tmp_path, memberships=there, events=happened)

    restraint, injury, policy = (rate(found, kind) for kind in ("restraint", "staff_injury", "policy_change"))
    assert restraint["per_1000_client_days"] == pytest.approx(1000 / 91)
    assert restraint["hours"] == 1.5
    assert restraint["hours_per_1000_hours"] == pytest.approx(1.5 / (91 * 24 / 1000))
    assert injury["staff_years"] == pytest.approx(2 * 91 / 365.25)
    assert injury["per_100_staff_years"] == pytest.approx(100 / (2 * 91 / 365.25))
    assert (injury["client_days"], injury["hours"], injury["n_exposed"]) == (None, None, 2)
    assert policy["per_1000_client_days"] == pytest.approx(1000 / 91)
    assert rate(found, "staff_injury", "east")["staff_years"] == pytest.approx(91 / 365.25)


def test_quarters_without_events_are_there(tmp_path):
    found = seen(tmp_path, memberships=[stay("c1", "east", "2024-01-01")], events=RESTRAINT)

    empty = rate(found, "restraint", quarter="2024Q2")
    assert (empty["events"], empty["per_1000_client_days"], empty["n_systems"]) == (0, 0.0, 0)


def test_a_role_of_the_agencys_own_has_days_of_its_own(tmp_path):
    toml = TOML + '[roles]\nguest = "person"\n[kinds.complaint]\nof = "guest"\n[kinds.restraint]\nof = "guest"\n'
    people = [{"system": f"g{n}", "level": "person", "role": "guest"} for n in (1, 2)]
    there = [stay("c1", "east", "2024-01-01"), stay("g1", "east", "2024-02-01"), stay("g2", "west", "2024-03-31")]
    happened = [event("2024-03-31T10:01", name, "complaint") for name in ("g1", "g2")]
    happened += [event("2024-02-05T10:01", "g1", "restraint", "90"), event("2024-02-05T10:01", "c1", "self_harm")]
    found = seen(tmp_path, memberships=there, events=happened, toml=toml, systems=[*SYSTEMS, *people])

    complaint, restraint = rate(found, "complaint"), rate(found, "restraint", "east")
    assert (complaint["role"], complaint["role_days"], complaint["n_exposed"]) == ("guest", 60 + 1, 2)
    assert complaint["per_1000_role_days"] == pytest.approx(2000 / 61)
    assert (complaint["client_days"], complaint["per_1000_client_days"], complaint["staff_years"]) == (None, None, None)
    assert complaint["centre"] == pytest.approx(2000 / (61 + 2 * 91))
    assert restraint["hours_per_1000_hours"] == pytest.approx(1.5 / (60 * 24 / 1000))
    of_client = rate(found, "self_harm")
    assert (of_client["role"], of_client["role_days"], of_client["client_days"]) == (None, None, 91)
    assert exposure(found, "all")["client_days"] == 91
    own = found.own_exposure.filter(unit="all", quarter="2024Q1").rows()
    assert own == [("all", "2024Q1", "guest", 61.0, 2)]


def test_where_no_client_is_known_groups_have_days_of_their_own_from_their_opening(tmp_path):
    """East opens after a month of 31 days; west belongs to nothing, so it is there throughout."""
    toml = TOML + '[kinds.complaint]\nof = "unit"\n'
    groups = [row for row in SYSTEMS if row["level"] != "person"]
    found = seen(
        tmp_path / "groups", memberships=[stay("east", "org", "2024-02-01")],
        events=[event("2024-02-11", "east", "complaint"), event("2024-01-05", "west", "complaint")], toml=toml,
        systems=groups,
    )  # fmt: skip
    complaint = rate(found, "complaint")
    assert (complaint["role"], complaint["role_days"], complaint["n_exposed"]) == ("unit", 60 + 91, 2)
    assert complaint["per_1000_role_days"] == pytest.approx(2000 / 151)


def test_the_chart_has_three_standard_errors_about_the_mean(tmp_path):
    happened = [event(f"2024-02-{day:02d}T10:01", "c1", "restraint") for day in range(1, 21)]
    happened += [event(f"2024-05-{day:02d}T10:01", "c1", "restraint") for day in range(1, 6)]
    found = seen(tmp_path, memberships=[stay("c1", "east", "2024-01-01")], events=happened)

    first = rate(found, "restraint")
    centre = 25 / 0.182
    assert first["centre"] == pytest.approx(centre)
    assert first["upper"] == pytest.approx(centre + 3 * math.sqrt(centre / 0.091))
    assert first["lower"] == pytest.approx(centre - 3 * math.sqrt(centre / 0.091))
    assert first["n_without_duration"] == 20


def test_hours_worked_stand_where_they_were_worked(tmp_path):
    there = [*HOUSE, stay("s1", "east", "2024-01-01")]
    shifts = [
        {"system": "s1", "start": "2024-02-05T07:00", "end": "2024-02-05T15:00", "group": "west", "away": ""},
        {"system": "s1", "start": "2024-02-06T07:00", "end": "2024-02-06T15:00", "group": "", "away": ""},
        {"system": "s1", "start": "2024-03-09T23:00", "end": "2024-03-10T07:00", "group": "east", "away": ""},
    ]
    found = seen(tmp_path, memberships=[*there, stay("c1", "east", "2024-01-01")], events=RESTRAINT, presence=shifts)

    assert exposure(found, "west")["staff_hours"] == 8
    assert exposure(found, "east")["staff_hours"] == 8 + 7  # the clock skips an hour that night
    assert exposure(found, "all")["staff_hours"] == 23


def test_a_gap_takes_time_from_its_kinds_only(tmp_path):
    toml = TOML + '[[gaps]]\ngroup = "east"\nstart = "2024-03-01"\nend = "2024-03-11"\nkinds = ["restraint"]\n'
    there = [stay("c1", "east", "2024-01-01"), stay("c2", "west", "2024-01-01")]
    happened = [*RESTRAINT, event("2024-02-06T10:01", "c1", "aggression_verbal")]
    found = seen(tmp_path, memberships=there, events=happened, toml=toml)

    assert rate(found, "restraint")["client_days"] == 2 * 91 - 10
    assert rate(found, "restraint", "east")["client_days"] == 91 - 10
    assert rate(found, "aggression_verbal")["client_days"] == 2 * 91


def test_without_a_census_there_are_counts_and_no_rates(tmp_path):
    found = seen(tmp_path, memberships=[], events=RESTRAINT)

    assert rate(found, "restraint")["events"] == 1
    assert rate(found, "restraint")["per_1000_client_days"] is None
    assert found.have == ("incident log",)


def test_what_the_agency_has_is_read_off_its_records(tmp_path):
    there = [stay("c1", "east", "2024-01-01"), stay("s1", "east", "2024-01-01", "2024-03-01")]
    shifts = [{"system": "s1", "start": "2024-02-05T07:00", "end": "2024-02-05T15:00", "group": "", "away": ""}]
    happened = [*RESTRAINT, event("2024-03-01", "s1", "resignation")]
    found = seen(tmp_path, memberships=there, events=happened, presence=shifts)

    assert found.have == ("incident log", "census", "time cards or roster", "staff changes")
