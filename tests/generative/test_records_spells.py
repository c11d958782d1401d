"""Arithmetic of spells against its slow twin: sets of hours."""

import datetime as dt
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.records.spans import clip, cut, elapsed_hours, quarters_of, split_by_quarter
from antiphon.records.stays import merged_spells
from antiphon.records.times import parse_times

ORIGIN = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
QUICK = settings(max_examples=40, derandomize=True, deadline=None)
KEYS = ("a", "b")

spell = st.tuples(st.sampled_from(KEYS), st.integers(0, 40), st.integers(1, 12)).map(
    lambda s: (s[0], s[1], s[1] + s[2])
)
some_spells = st.lists(spell, max_size=8)


def frame(rows):
    at = [(key, ORIGIN + dt.timedelta(hours=start), ORIGIN + dt.timedelta(hours=end)) for key, start, end in rows]
    edge = pl.Datetime("us", "UTC")
    return pl.DataFrame(at, schema={"key": pl.String, "start": edge, "end": edge}, orient="row")


def hours(spells: pl.DataFrame) -> dict[str, list[int]]:
    """Every hour of each key, as often as a spell covers it."""
    found: dict[str, list[int]] = {key: [] for key in KEYS}
    for key, start, end in spells.select("key", "start", "end").rows():
        first, last = ((edge - ORIGIN) // dt.timedelta(hours=1) for edge in (start, end))
        found[key] += range(first, last)
    return {key: sorted(covered) for key, covered in found.items()}


@QUICK
@given(some_spells)
def test_merged_spells_cover_each_hour_once(rows):
    merged = hours(merged_spells(frame(rows), ["key"]))

    assert merged == {key: sorted(set(covered)) for key, covered in hours(frame(rows)).items()}


@QUICK
@given(some_spells, some_spells)
def test_cutting_takes_the_holes_and_nothing_else(rows, holes):
    spells, gone = frame(rows), merged_spells(frame(holes), ["key"])
    left = hours(cut(spells, gone, "key"))

    away = hours(gone)
    assert left == {key: [h for h in covered if h not in away[key]] for key, covered in hours(spells).items()}


@QUICK
@given(some_spells, st.integers(0, 30), st.integers(1, 30))
def test_clipping_keeps_what_lies_inside(rows, start, length):
    window = [ORIGIN + dt.timedelta(hours=edge) for edge in (start, start + length)]
    kept = hours(clip(frame(rows), window[0], window[1]))

    assert kept == {
        key: [h for h in covered if start <= h < start + length] for key, covered in hours(frame(rows)).items()
    }


@QUICK
@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 9000)), min_size=1, max_size=5))
def test_quarters_share_time_out_without_loss(rows):
    window = (ORIGIN, ORIGIN + dt.timedelta(hours=18001))
    quarters = quarters_of(window, "Europe/London")
    spells = frame([("a", start, start + length) for start, length in rows])
    pieces = split_by_quarter(spells, quarters)

    assert pieces.select(elapsed_hours().sum()).item() == spells.select(elapsed_hours().sum()).item()
    for quarter, start, end in pieces.select("quarter", "start", "end").rows():
        local = start.astimezone(ZoneInfo("Europe/London"))
        assert quarter == f"{local.year}Q{(local.month + 2) // 3}"
        assert end <= dict(zip(quarters.names, quarters.ends, strict=True))[quarter]


@QUICK
@given(
    st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2035, 1, 1)).map(lambda t: t.replace(second=0, microsecond=0)),  # noqa: DTZ001
    st.sampled_from(["America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo"]),
)
def test_local_times_become_the_moment_that_the_standard_library_says(local, zone):
    found = parse_times(pl.Series([local.strftime("%Y-%m-%dT%H:%M")]), zone).row(0, named=True)

    expected = local.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    exists = expected.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
    assert found["is_missing_hour"] != exists
    if exists:
        assert found["utc"] == expected
