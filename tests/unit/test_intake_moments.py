"""Dates and clock times as people and systems write them."""

import polars as pl
import pytest

from antiphon.intake.mapping import Cell
from antiphon.intake.moments import read_moments


def read(date: str | None, at: str | None = None, **settings: object) -> tuple[str | None, str | None, bool, bool]:
    way = {"column": "d"} if "clock" not in settings else {"date": "d"}
    cell = Cell.model_validate({**way, **settings})
    clocks = pl.Series([at], dtype=pl.String) if "clock" in settings else None
    moments = read_moments(pl.Series([date], dtype=pl.String), clocks, cell)
    return moments.text[0], moments.precision[0], moments.is_bad_date[0], moments.is_bad_clock[0]


@pytest.mark.parametrize(
    ("written", "formats", "text"),
    [
        ("2024-03-04", [], "2024-03-04"),
        ("2024-03-04T10:05:00-05:00", [], "2024-03-04T10:05:00-05:00"),
        ("2024-03-04 10:05", ["%m/%d/%Y"], "2024-03-04 10:05"),
        ("3/4/24", ["%m/%d/%Y", "%m/%d/%y"], "2024-03-04"),
        ("03/04/2024", ["%m/%d/%y", "%m/%d/%Y"], "2024-03-04"),
        ("4-Mar-24", ["%d-%b-%y"], "2024-03-04"),
        ("3/4/2024 2:15 PM", ["%m/%d/%Y %I:%M %p"], "2024-03-04T14:15:00"),
        ("04.03.2024 14:15", ["%d.%m.%Y %H:%M"], "2024-03-04T14:15:00"),
        (None, ["%m/%d/%Y"], None),
    ],
)
def test_dates(written: str | None, formats: list[str], text: str | None) -> None:
    assert read(written, formats=formats) == (text, None, False, False)


@pytest.mark.parametrize("written", ["13/13/2024", "soon", "12/31/9999", "3/4/24"])
def test_dates_that_cannot_be_read_stay_as_they_are(written: str) -> None:
    assert read(written, formats=["%m/%d/%Y"]) == (written, None, True, False)


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("14:05", "2024-03-04T14:05"),
        ("9:05", "2024-03-04T09:05"),
        ("1405", "2024-03-04T14:05"),
        ("2:05 PM", "2024-03-04T14:05"),
        ("02:05pm", "2024-03-04T14:05"),
        ("2:05 p", "2024-03-04T14:05"),
        ("12:30 a.m.", "2024-03-04T00:30"),
        ("12:30 PM", "2024-03-04T12:30"),
        ("14:05:59", "2024-03-04T14:05"),
    ],
)
def test_clock_times(clock: str, expected: str) -> None:
    assert read("2024-03-04", clock, clock="c") == (expected, "minute", False, False)


@pytest.mark.parametrize("clock", ["25:00", "14:60", "13:00 PM", "0:30 AM", "noon", "14"])
def test_clock_times_that_cannot_be_read_leave_the_day(clock: str) -> None:
    assert read("2024-03-04", clock, clock="c") == ("2024-03-04", "day", False, True)


def test_words_for_clock_times() -> None:
    settings = {"clock": "c", "unknown": ["", "12:00 AM"], "shifts": {"2nd shift": "15:00"}}
    assert read("2024-03-04", "12:00 AM", **settings) == ("2024-03-04", "day", False, False)
    assert read("2024-03-04", None, **settings) == ("2024-03-04", "day", False, False)
    assert read("2024-03-04", "2nd shift", **settings) == ("2024-03-04T15:00", "shift", False, False)
    assert read("soon", "14:05", **settings) == ("soon", None, True, False)
    assert read(None, "14:05", **settings) == (None, None, False, False)
