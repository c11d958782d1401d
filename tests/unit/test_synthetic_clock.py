"""The clock of an invented agency keeps local time."""

import numpy as np
import pytest

from antiphon.synthetic.clock import Clock, whole_minutes

SHIFTS = ("07:00", "15:00", "23:00")


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock(("2024-01-01", "2025-01-01"), "America/New_York", SHIFTS)


def test_days_follow_the_clock_changes(clock):
    hours = np.diff(clock.day_edges) * 24
    assert hours.sum() == pytest.approx(366 * 24)
    assert sorted(set(np.round(hours).astype(int))) == [23, 24, 25]


def test_shifts_cover_the_window_without_holes(clock):
    assert clock.shift_edges[0] == 0
    assert clock.shift_edges[-1] == clock.days
    assert (np.diff(clock.shift_edges) > 0).all()
    assert clock.shift[:4].tolist() == [2, 0, 1, 2]


def test_a_night_belongs_to_the_day_on_which_it_began(clock):
    # 2024-01-01 was a Monday: the first cell is the rest of Sunday's night.
    assert clock.weekday[:4].tolist() == [6, 0, 0, 0]


def test_local_text_shows_the_wall_clock_in_winter_and_summer(clock):
    july = clock.day_edges[182] + 12.5 / 24
    assert clock.local(np.array([0.0, july, np.inf])).to_list() == ["2024-01-01T00:00", "2024-07-01T12:30", None]


def test_a_moment_on_an_edge_belongs_to_the_cell_that_begins(clock):
    assert int(clock.cell(clock.shift_edges[5], "shift")) == 5
    assert int(clock.cell(np.nextafter(clock.shift_edges[5], 0), "shift")) == 4


def test_minutes_are_cut_not_rounded():
    assert whole_minutes(1.9 / 1440) == pytest.approx(1 / 1440)
    assert whole_minutes(2 / 1440) == pytest.approx(2 / 1440)
