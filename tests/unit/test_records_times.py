"""Reading times and settings, cell by cell."""

import datetime as dt

import polars as pl
import pytest

from antiphon.records.configuration import build_vocabulary, read_settings
from antiphon.records.problems import Ledger
from antiphon.records.settings import Settings, days_of, known_keys
from antiphon.records.times import end_of_shift, parse_times, start_of_shift

ZONE = "America/New_York"


def parsed(text: str | None, zone: str = ZONE) -> dict:
    return parse_times(pl.Series([text], dtype=pl.String), zone).row(0, named=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-05", "2024-01-05T05:00+00:00"),
        ("2024-07-05", "2024-07-05T04:00+00:00"),
        ("2024-01-05T07:30", "2024-01-05T12:30+00:00"),
        ("2024-01-05 07:30:15", "2024-01-05T12:30:15+00:00"),
        ("2024-01-05T07:30:15.25", "2024-01-05T12:30:15+00:00"),
        ("2024-01-05T07:30Z", "2024-01-05T07:30+00:00"),
        ("2024-01-05T07:30:00+0530", "2024-01-05T02:00+00:00"),
        ("2024-01-05T07:30-03:00", "2024-01-05T10:30+00:00"),
        ("2024-01-05T07:30-03", "2024-01-05T10:30+00:00"),
    ],
)
def test_times_that_are_read(text, expected):
    assert parsed(text)["utc"] == dt.datetime.fromisoformat(expected)
    assert not parsed(text)["is_unreadable"]


@pytest.mark.parametrize(
    "text",
    ["05/01/2024", "2024-1-5", "2024-02-30", "2024-13-01", "2024-01-05T24:00", "2024-01-05T7:30", "2024-01-05T07:61", "today", "20240105", "2024-01-05T07:30 EST"],
)  # fmt: skip
def test_times_that_are_refused(text):
    found = parsed(text)
    assert found["is_unreadable"]
    assert found["utc"] is None


def test_an_empty_cell_is_neither_a_time_nor_a_mistake():
    assert parsed(None)["utc"] is None
    assert not parsed(None)["is_unreadable"]


def test_a_spreadsheets_day_number_is_recognised():
    assert parsed("45296.3125")["is_number"]
    assert not parsed("1234")["is_number"]


def test_hours_that_a_change_of_clocks_makes_doubtful():
    assert parsed("2024-03-10T02:30")["is_missing_hour"]
    assert parsed("2024-11-03T01:30")["is_double_hour"]
    assert not parsed("2024-11-03T01:30-05:00")["is_double_hour"]
    assert not parsed("2024-03-10T03:00")["is_missing_hour"]


def test_a_day_that_starts_an_hour_late_is_still_a_day():
    found = parsed("2018-11-04", "America/Sao_Paulo")  # clocks went from 00:00 to 01:00
    assert found["local"] == dt.datetime.fromisoformat("2018-11-04T01:00")
    assert not found["is_missing_hour"]


@pytest.mark.parametrize(
    ("clock", "start", "end"),
    [
        ("2024-05-05T06:59", "2024-05-04T23:00", "2024-05-05T07:00"),
        ("2024-05-05T07:00", "2024-05-05T07:00", "2024-05-05T15:00"),
        ("2024-05-05T22:59", "2024-05-05T15:00", "2024-05-05T23:00"),
        ("2024-05-05T23:00", "2024-05-05T23:00", "2024-05-06T07:00"),
    ],
)
def test_shifts_cross_midnight(clock, start, end):
    shifts = ("07:00", "15:00", "23:00")
    frame = pl.DataFrame({"local": [dt.datetime.fromisoformat(clock)]})
    begun = frame.select(start=start_of_shift(pl.col("local"), shifts))
    over = begun.select(end=end_of_shift(pl.col("start"), shifts))

    assert begun.item() == dt.datetime.fromisoformat(start)
    assert over.item() == dt.datetime.fromisoformat(end)


def test_one_shift_lasts_a_day():
    frame = pl.DataFrame({"start": [dt.datetime.fromisoformat("2024-05-05T08:00")]})
    assert frame.select(end_of_shift(pl.col("start"), ("08:00",))).item().day == 6


@pytest.mark.parametrize(
    ("text", "days"), [("8h", 1 / 3), ("3d", 3), ("3w", 21), ("90m", 1 / 16), (2, 2.0), ("1.5 d", 1.5)]
)
def test_lengths_of_time(text, days):
    assert days_of(text) == pytest.approx(days)


@pytest.mark.parametrize("text", ["8", "8 hours", "-1d", "0h", "h", "", None, True])
def test_lengths_that_are_none(text):
    with pytest.raises(ValueError, match=r"number|longer"):
        days_of(text)


def test_defaults_are_those_of_the_reference():
    settings = Settings()
    assert [kernel.half_life for kernel in settings.model.half_lives] == pytest.approx([1 / 3, 3, 21])
    assert (settings.privacy.min_clients, settings.privacy.min_staff) == (11, 10)
    assert settings.privacy.staff_kinds == "aggregate"
    assert settings.calendar.shifts == ("07:00", "15:00", "23:00")
    assert settings.agency.incident_window_minutes == 60


def test_the_example_of_the_reference_works_as_it_stands(tmp_path):
    (tmp_path / "agency.toml").write_text(EXAMPLE)
    ledger = Ledger()
    settings = read_settings(tmp_path, ledger)

    assert settings is not None
    vocabulary = build_vocabulary(settings, ledger)
    assert ledger.problems == []
    assert vocabulary.kinds["restraint"].precision == "day"
    assert settings.gaps[0].start == dt.datetime.fromisoformat("2024-06-01")
    assert settings.privacy.exclude == {"programme": ("part2-sud",)}


def test_suggestions_come_from_the_section_of_the_mistake():
    assert "min_clients" in known_keys(("privacy", "min_client"))
    assert "while" in known_keys(("kinds", "restraint", "whilst"))
    assert "group" in known_keys(("gaps", 0, "unit"))


EXAMPLE = """
[agency]
name = "Maple House"
timezone = "America/New_York"
window = ["2024-01-01", "2026-01-01"]
precision = "minute"
[levels]
order = ["environment", "organisation", "unit", "team", "person"]
[roles]
client = "person"
staff = "person"
[kinds.restraint]
of = "client"
by = "staff"
domains = ["punishment"]
while = "present"
severity = "MOAS"
precision = "day"
[relations.caseload]
source = "staff"
target = "client"
[model]
half_lives = ["8h", "3d", "3w"]
channels = ["self", "peers:unit:client>staff", "members:unit:staff>unit", "group:organisation:organisation>staff", "tie:caseload:staff>client"]
[[gaps]]
group = "unit-4"
start = "2024-06-01"
end = "2024-07-15"
kinds = ["restraint"]
why = "new incident system"
[[breaks]]
kind = "restraint"
time = "2024-10-01"
why = "escort holds now counted"
[privacy]
min_clients = 11
min_staff = 10
marking = "Confidential - quality improvement"
purpose = "quality improvement; not for discipline, evaluation or placement of any person"
exclude = { programme = ["part2-sud"] }
staff_kinds = "aggregate"
[calendar]
shifts = ["07:00", "15:00", "23:00"]
"""
