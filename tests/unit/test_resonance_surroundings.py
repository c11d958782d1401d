"""What surrounded each event, counted by hand."""

from __future__ import annotations

import datetime as dt

import numpy as np

from antiphon.design import build_design
from antiphon.design.roster import roster_of
from antiphon.resonance.happened import exposed
from antiphon.resonance.surroundings import surroundings
from tests.unit.agencies import make_agency

SYSTEMS = {
    "house": "organisation", "u1": "unit", "u2": "unit", "t1": "clinician",
    "c1": "client", "c2": "client", "c3": "client", "s1": "staff", "s2": "staff", "s3": "staff",
}  # fmt: skip
STAYS = [
    ("u1", "house", -900, None), ("u2", "house", -900, None), ("t1", "u1", -900, None),
    ("c1", "u1", -50, None), ("c2", "u1", -50, None), ("c3", "u2", -50, None),
    ("s1", "u1", -50, None), ("s2", "u1", -50, None), ("s3", "u2", -50, None),
]  # fmt: skip
DAY, EVENING = 10 + 7 / 24, 10 + 15 / 24
SHIFTS = [
    ("s1", DAY, EVENING, "u1"), ("s2", DAY, EVENING + 0.2, "u1"), ("s3", DAY, EVENING, "u2"),
    ("c2", DAY, EVENING, None, True),
]  # fmt: skip
SETTINGS = {"model": {"half_lives": ["2d"]}}


def read(agency):
    design = build_design(agency)
    return surroundings(agency, design, exposed(agency, design, roster_of(agency)[0], joined=True))


def around(events, practices=(), *, presence=SHIFTS, **more):
    return read(make_agency(SYSTEMS, events, STAYS, presence, practices=practices, settings=SETTINGS, **more))


def test_staff_per_client_in_the_unit_and_shift_of_the_event():
    at = [(day, who) for day in (10.4, 10.8, 11.1) for who in ("c1", "c3")]
    found = around([(t, who, "aggression_physical", f"i{t}{who}") for t, who in at])
    # by day s1 and s2 are in u1, where c2 is away, and s3 is in u2; in the evening s2 alone is left in u1, and c2 is back
    np.testing.assert_allclose(2.0 ** found.staffing[:3], [2.5 / 1.5, 1.5 / 1.5, 1.5 / 2.5])
    assert np.isnan(found.staffing[3:]).all()  # nobody wrote down any more who was at work


def test_without_shifts_staffing_is_not_known():
    found = around([(10.1, "c1", "aggression_physical")], presence=[])
    assert np.isnan(found.staffing).all()


def test_shift_and_time_of_the_window():
    found = around([(d + h / 24, "c1", "aggression_physical") for d, h in ((0, 6), (50, 7), (50, 14.9), (99, 23))])
    assert [found.shifts[code] for code in found.shift] == ["23:00", "07:00", "07:00", "23:00"]
    np.testing.assert_allclose(found.time, [0.0025, 0.5029, 0.5062, 0.9996], atol=1e-4)


def test_shift_is_that_of_the_local_clock():
    settings = SETTINGS | {"agency": {"timezone": "America/New_York"}}
    start = dt.datetime(2024, 3, 10, 5, tzinfo=dt.UTC)  # local midnight of the day on which clocks change
    events = [(h / 24, "c1", "aggression_physical", f"i{h}") for h in (5.9, 6.1)]  # 06:54 and 07:06 by the wall clock
    found = read(make_agency(SYSTEMS, events, STAYS, settings=settings, start=start))
    assert [found.shifts[code] for code in found.shift] == ["23:00", "07:00"]


def test_of_what_is_known_to_the_day_the_shift_is_not_known():
    found = around([(d, "c1", "aggression_physical", None, "day") for d in (10.0, 20.0)])
    assert found.shift.tolist() == [-1, -1]
    assert np.isnan(found.staffing).all()


def test_the_role_of_whom_it_was_directed_at():
    events = [(1.0 + i, "c1", "aggression_physical", None, None, who) for i, who in enumerate(("s1", None, "c2", "t1"))]
    found = around(events)
    assert [found.roles[code] if code >= 0 else None for code in found.role] == ["staff", None, "client", "clinician"]
    assert found.target[1] == -1


def test_doses_in_force():
    practices = [
        ("house", "debriefing", 10, 30, 0.0, True),  # rises to 1 at day 30 ...
        ("house", "debriefing", 30, None, 1.0, False),
        ("u2", "debriefing", 20, 25, 0.9, False),  # ... and more in one unit for a while
        ("u2", "community_meetings", None, 40, None, False),
    ]
    days = [d + 7 / 24 for d in (5, 15, 20, 29, 35, 45)]  # when a shift begins: nothing changes within one
    found = around([(d, who, "aggression_physical") for d in days for who in ("c1", "c3")], practices)
    doses = {name: np.reshape(values, (-1, 2)) for name, values in found.doses.items()}
    ramp = np.interp(days, [10, 30], [0.0, 1.0])
    np.testing.assert_allclose(doses["debriefing"][:, 0], ramp)
    np.testing.assert_allclose(doses["debriefing"][:, 1], np.where(np.arange(6) == 2, 0.9, ramp))
    np.testing.assert_allclose(doses["community_meetings"][:, 0], 0.0)
    np.testing.assert_allclose(doses["community_meetings"][:, 1], [1.0, 1.0, 1.0, 1.0, 1.0, 0.0])


def test_an_event_of_no_unit_has_no_practices_and_no_staffing():
    found = around([(10.4, "house", "policy_change")], [("house", "debriefing", None, None, 1.0, False)])
    assert np.isnan(found.doses["debriefing"]).all()
    assert np.isnan(found.staffing).all()
