"""The agency folder, rule by rule, as the reference of the records states them."""

import datetime as dt

import polars as pl
import pytest
import xlsxwriter

from antiphon.errors import RecordError, SpecificationError
from antiphon.records import check_agency, init_agency, read_agency
from tests.spec.record_folders import CLIENTS, ORGANISATION, STAFF, TOML, UNITS, Tables, sound_tables, write_folder

SMALL_TOML = """\
[agency]
timezone = "America/New_York"
window = ["2024-01-01", "2025-01-01"]
[accept]
outside_stays = "a spec of the rule itself"
before_first_stay = "a spec of the rule itself"
"""


def events(*rows: tuple[str, str, str], **columns: str) -> list[dict[str, str]]:
    return [{"time": time, "system": system, "kind": kind, **columns} for time, system, kind in rows]


def small(folder, toml=SMALL_TOML, **tables):
    """Write and read a folder of the given tables, with two clients and a member of staff in two units."""
    systems = [("c1", "person", "client"), ("c2", "person", "client"), ("s1", "person", "staff")]
    systems += [("ward-1", "unit", "unit"), ("ward-2", "unit", "unit"), ("org", "organisation", "organisation")]
    named = [dict(zip(("system", "level", "role"), row, strict=True)) for row in systems]
    return read_agency(write_folder(folder, {"systems": named, **tables}, toml))


def rules_of(agency) -> set[str]:
    return {problem.rule for problem in agency.problems}


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def stays(*rows: tuple[str, str, str, str]) -> list[dict[str, str]]:
    return [dict(zip(("member", "group", "start", "end"), row, strict=True)) for row in rows]


# Files


def as_excel(folder, tables):
    for name, rows in tables.items():
        columns = list(rows[0])
        with xlsxwriter.Workbook(str(folder / f"{name}.xlsx")) as book:
            date = book.add_format({"num_format": "m/d/yy hh:mm"})
            sheet = book.add_worksheet(name)
            book.add_worksheet("notes").write_string(0, 0, "not read")
            sheet.write_row(0, 0, columns)
            for number, row in enumerate(rows, start=1):
                for place, column in enumerate(columns):
                    if column in ("time", "reported") and row[column]:
                        sheet.write_datetime(number, place, dt.datetime.fromisoformat(row[column]), date)
                    elif column in ("severity", "duration", "value") and row[column]:
                        sheet.write_number(number, place, float(row[column]))
                    else:
                        sheet.write_string(number, place, row[column])


def test_csv_excel_and_parquet_say_the_same(tmp_path):
    tables = sound_tables()
    csv = write_folder(tmp_path / "csv", tables)
    excel, parquet = (write_folder(tmp_path / name, {}) for name in ("excel", "parquet"))
    as_excel(excel, tables)
    for name, rows in tables.items():
        frame = pl.DataFrame(rows)
        if name == "events":
            frame = frame.with_columns(
                pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M"), pl.col("severity").cast(pl.Float64)
            )
        frame.write_parquet(parquet / f"{name}.parquet")

    agencies = [read_agency(folder) for folder in (csv, excel, parquet)]

    assert len({agency.content_hash for agency in agencies}) == 1
    assert agencies[1].events["source"][0] == "events.xlsx [events]"


def test_the_hash_is_of_the_content_not_of_the_order_of_rows(tmp_path):
    tables = sound_tables()
    first = read_agency(write_folder(tmp_path / "a", tables))
    again = read_agency(write_folder(tmp_path / "b", {name: rows[::-1] for name, rows in tables.items()}))
    tables["events"][0]["severity"] = "7"
    other = read_agency(write_folder(tmp_path / "c", tables))

    assert first.content_hash == again.content_hash != other.content_hash


def test_an_identifier_written_as_a_number_is_the_same_in_csv_and_parquet(tmp_path):
    folder = write_folder(tmp_path, {}, None)
    pl.DataFrame({"time": ["2024-05-05"], "system": [1001.0], "kind": ["restraint"]}).write_parquet(
        folder / "events.parquet"
    )

    assert read_agency(folder).systems["system"].to_list() == ["1001"]


def test_blank_lines_count_as_rows_of_the_spreadsheet(tmp_path):
    folder = write_folder(tmp_path, {}, SMALL_TOML)
    lines = ["time,system,kind", "2024-05-05T10:01,c1,restraint", "", ",,", "2024-05-06T10:01,c1,restraint"]
    (folder / "events.csv").write_text("\n".join(lines))

    assert read_agency(folder).events["source_row"].to_list() == [2, 5]


def test_imported_rows_keep_the_place_they_came_from(tmp_path):
    row = {"time": "yesterday", "system": "c1", "kind": "restraint", "source": "incidents.xls", "source_row": "44"}
    good = events(("2024-05-05T10:01", "c1", "restraint"), source="incidents.xls", source_row="45")
    result = check_agency(write_folder(tmp_path, {"events": [row, *good]}, SMALL_TOML))

    (problem,) = [problem for problem in result.problems if problem.rule == "time_unreadable"]
    assert (problem.source, problem.first_row) == ("incidents.xls", 44)


# What may be absent


def test_events_alone_are_enough(tmp_path):
    rows = events(
        ("2024-05-05T10:01", "c1", "restraint"),
        ("2024-05-06T10:01", "s1", "staff_injury"),
        ("2024-05-07T10:01", "org", "policy_change"),
    )
    agency = read_agency(write_folder(tmp_path, {"events": rows}, None))

    assert dict(agency.systems.select("system", "role").rows()) == {
        "c1": "client",
        "s1": "staff",
        "org": "organisation",
    }
    assert agency.memberships.is_empty()
    assert set(agency.ties.columns) >= {"source", "target", "relation", "start", "end", "weight"}
    assert {"settings_assumed", "systems_assumed"} <= rules_of(agency)
    assert list(tmp_path.iterdir()) == [tmp_path / "events.csv"]


def test_groups_without_a_table_of_systems_get_the_level_above_their_members(tmp_path):
    tables = {
        "events": events(("2024-05-05T10:01", "c1", "restraint")),
        "memberships": stays(("c1", "ward-1", "2024-01-01", ""), ("ward-1", "org", "2024-01-01", "")),
    }
    agency = read_agency(write_folder(tmp_path, tables, SMALL_TOML))

    assert dict(agency.systems.select("system", "level").rows()) == {
        "c1": "person",
        "ward-1": "unit",
        "org": "organisation",
    }


def test_check_writes_the_settings_that_it_assumed(tmp_path):
    rows = events(("2024-05-05", "c1", "restraint"), ("2024-06-30", "c1", "restraint"))
    folder = write_folder(tmp_path / "maple-house", {"events": rows}, None)

    check_agency(folder)
    agency = read_agency(folder)

    assert agency.settings.agency.name == "Maple House"
    assert agency.settings.agency.precision == "day"
    assert agency.window == (utc("2024-05-05"), utc("2024-07-01"))
    assert "settings_assumed" not in rules_of(agency)


def test_an_empty_table_is_as_good_as_none(tmp_path):
    folder = write_folder(tmp_path, {"events": events(("2024-05-05T10:01", "c1", "restraint"))}, SMALL_TOML)
    (folder / "systems.csv").write_text("system,level,role\n")

    assert read_agency(folder).systems["system"].to_list() == ["c1"]


def test_no_folder_is_wrong_use(tmp_path):
    with pytest.raises(SpecificationError):
        read_agency(tmp_path / "nowhere")


# Intervals


def test_an_event_at_the_end_of_a_stay_belongs_to_it_only_if_it_ends_it(tmp_path):
    rows = events(("2024-03-01T12:00", "c1", "discharge"), ("2024-03-01T12:00", "c2", "restraint"))
    inside = events(("2024-02-01T12:01", "c1", "restraint"))
    there = stays(
        ("c1", "ward-1", "2024-01-01", "2024-03-01T12:00"), ("c2", "ward-1", "2024-01-01", "2024-03-01T12:00")
    )
    agency = small(tmp_path, events=rows + inside, memberships=there)

    assert agency.events["system"].to_list() == ["c1", "c1"]
    assert "outside_stays" in rules_of(agency)


def test_readmission_and_transfer_are_stays_like_any_other(tmp_path):
    there = stays(
        ("c1", "ward-1", "2024-01-01", "2024-02-01"),
        ("c1", "ward-2", "2024-02-01", "2024-03-01"),
        ("c1", "ward-1", "2024-05-01", ""),
    )
    days = ["2024-01-15T10:01", "2024-02-01T00:00", "2024-06-01T10:01", "2024-04-01T10:01"]
    agency = small(tmp_path, events=events(*((day, "c1", "restraint") for day in days)), memberships=there)

    assert agency.events.height == 3
    assert agency.set_aside.row(0, named=True) == {
        "table": "events",
        "rule": "outside_stays",
        "kind": "restraint",
        "unit": "ward-2",
        "month": "2024-04",
        "rows": 1,
    }


def test_a_discharge_dated_on_the_day_of_the_readmission_ends_the_stay_before(tmp_path):
    there = stays(
        ("c1", "ward-1", "2024-01-01", "2024-02-01T10:00"), ("c1", "ward-1", "2024-02-01T15:00", "2024-03-01T09:00")
    )
    rows = events(("2024-02-01", "c1", "discharge"), ("2024-03-01", "c1", "discharge"), precision="day")

    assert small(tmp_path, events=rows, memberships=there).events.height == 2


def test_a_group_with_stays_of_its_own_is_open_in_these_only(tmp_path):
    opened = stays(("ward-1", "org", "2024-03-01", "2024-06-01"), ("ward-1", "org", "2024-09-01", ""))
    days = ("2024-02-01T10:01", "2024-04-01T10:01", "2024-07-01T10:01", "2024-10-01T10:01")
    rows = events(*((day, ward, "lock_down") for day in days for ward in ("ward-1", "ward-2")))
    agency = small(tmp_path, events=rows, memberships=opened)

    kept = agency.events.group_by("system").len().sort("system")
    assert kept.rows() == [("ward-1", 2), ("ward-2", 4)]
    assert {"before_first_stay", "outside_stays"} <= rules_of(agency)


def test_whoever_belongs_to_a_closed_group_is_noted_as_far_as_the_window_reaches(tmp_path):
    rows = events(("2024-05-05T10:01", "c1", "restraint"))
    early = stays(("c1", "ward-1", "2023-01-01", ""), ("ward-1", "org", "2023-06-01", ""))
    late = stays(("c1", "ward-1", "2023-01-01", ""), ("ward-1", "org", "2024-06-01", ""))
    alone = stays(("c1", "ward-1", "2023-01-01", ""), ("ward-2", "org", "2024-06-01", ""))

    noted = [
        "group_closed" in rules_of(small(tmp_path / name, events=rows, memberships=there))
        for name, there in (("early", early), ("late", late), ("alone", alone))
    ]
    assert noted == [False, True, False]


def test_a_bare_date_is_midnight_local_time(tmp_path):
    there = stays(("c1", "ward-1", "2024-01-01", "2024-07-01"))
    agency = small(tmp_path, events=events(("2024-05-05T10:01", "c1", "restraint")), memberships=there)

    assert agency.memberships.row(0)[2:4] == (utc("2024-01-01T05:00"), utc("2024-07-01T04:00"))


@pytest.mark.parametrize(
    ("end", "moment", "kind", "kept"),
    [
        ("2024-09-30", "2024-09-29", "restraint", True),
        ("2024-09-30", "2024-09-29T23:59", "restraint", True),
        ("2024-09-30", "2024-09-30", "restraint", False),
        ("2024-09-30", "2024-09-30T00:00", "restraint", False),
        ("2024-09-30", "2024-09-30T14:00", "restraint", False),
        ("2024-09-30", "2024-09-30", "discharge", True),
        ("2024-09-30", "2024-09-29", "discharge", True),
        ("2024-09-30", "2024-09-30T14:00", "discharge", True),
        ("2024-10-01", "2024-09-30", "restraint", True),
        ("2024-10-01", "2024-09-30T14:00", "discharge", True),
        ("2024-09-30T14:00", "2024-09-30", "restraint", True),
        ("2024-09-30T14:00", "2024-09-30T13:59", "restraint", True),
        ("2024-09-30T14:00", "2024-09-30T14:00", "discharge", True),
    ],
)
def test_the_end_of_a_stay_is_the_first_day_that_no_longer_counts(end, moment, kind, kept, tmp_path):
    """The one exception: what itself ends the stay, and is known to the day as discharges are, may be dated on it."""
    there = stays(("c1", "ward-1", "2024-01-08", end))
    rows = events(("2024-05-05T10:01", "c1", "restraint"), (moment, "c1", kind))
    toml = SMALL_TOML + 'on_day_of_end = "a spec of the rule itself"\n'
    agency = small(tmp_path, toml, events=rows, memberships=there)

    assert agency.events.height == 1 + kept
    assert ("on_day_of_end" in rules_of(agency)) is not kept


def test_client_days_do_not_count_the_day_of_the_end(tmp_path):
    there = stays(("c1", "ward-1", "2024-04-01", "2024-04-11"))
    result = check_agency(
        write_folder(
            tmp_path,
            {
                "events": events(("2024-04-05T10:01", "c1", "restraint")),
                "systems": [
                    {"system": "c1", "level": "person", "role": "client"},
                    {"system": "ward-1", "level": "unit", "role": "unit"},
                ],
                "memberships": there,
            },
        )
    )

    assert result.glance is not None
    assert result.glance.exposure["client_days"].sum() == 2 * 10  # in the unit, and in all


def test_a_day_counts_if_any_of_it_was_in_a_stay(tmp_path):
    rows = events(("2024-05-05", "c1", "restraint"), ("2024-06-05", "c1", "restraint"), precision="day")
    there = stays(("c1", "ward-1", "2024-05-05T14:00", "2024-06-05T09:00"))

    assert small(tmp_path, events=rows, memberships=there).events.height == 2


# Precision


def test_precision_is_the_last_that_is_given(tmp_path):
    toml = SMALL_TOML + '[kinds.restraint]\nprecision = "shift"\n'
    rows = [
        *events(("2024-05-05T10:01", "c1", "restraint"), ("2024-05-05T10:01", "c1", "aggression_verbal")),
        *events(("2024-05-05T10:01", "c2", "restraint"), precision="day"),
    ]
    agency = small(tmp_path, toml, events=rows)

    found = {
        (system, kind): (time, p)
        for system, kind, time, p in agency.events.select("system", "kind", "time", "precision").rows()
    }
    assert found[("c1", "aggression_verbal")] == (utc("2024-05-05T14:01"), "minute")
    assert found[("c1", "restraint")] == (utc("2024-05-05T11:00"), "shift")
    assert found[("c2", "restraint")] == (utc("2024-05-05T04:00"), "day")


def with_midnights(n_rows: int) -> Tables:
    """Sound tables of which the first rows of restraints are written at 00:00."""
    tables = sound_tables()
    restraints = [row for row in tables["events"] if row["kind"] == "restraint"]
    for row in restraints[:n_rows]:
        row["time"] = row["time"][:10] + "T00:00"
    return tables


@pytest.mark.parametrize("n_rows", [5, 9, 140])
def test_midnights_that_are_no_times_are_told_with_their_number_and_the_way_to_mend_them(n_rows, tmp_path):
    tables = with_midnights(n_rows)
    told = [p for p in check_agency(write_folder(tmp_path, tables)).problems if p.rule == "heap_at_midnight"]

    assert [(p.grade, p.table, p.column, p.count) for p in told] == [("warning", "events", "time", n_rows)]
    assert f'"restraint" ({n_rows} of 140)' in told[0].message
    assert 'precision = "day"' in told[0].mend
    assert "[kinds.restraint]" in told[0].mend


def test_a_small_kind_may_have_its_midnights_too(tmp_path):
    tables = with_midnights(0)
    tables["events"] = tables["events"][:12]
    for row in tables["events"][:9]:
        row["time"] = row["time"][:10] + "T00:00"
    rules = [p.rule for p in check_agency(write_folder(tmp_path, tables)).problems]

    assert "heap_at_midnight" in rules


def test_midnights_of_kinds_that_are_not_known_are_told_without_their_words(tmp_path):
    tables = with_midnights(9)
    for row in tables["events"]:
        row["kind"] = "odd words" if row["kind"] == "restraint" else row["kind"]
    (told,) = [p for p in check_agency(write_folder(tmp_path, tables)).problems if p.rule == "heap_at_midnight"]

    assert '"kinds not known" (9 of 140)' in told.message
    assert "[kinds.NAME]" in told.mend
    assert "odd words" not in str(told)


@pytest.mark.parametrize("toml", ['precision = "day"\n', '[kinds.restraint]\nprecision = "day"\n'])
def test_what_the_warning_of_midnights_says_mends_it(toml, tmp_path):
    problems = check_agency(write_folder(tmp_path, with_midnights(140), TOML + toml)).problems

    assert "heap_at_midnight" not in {problem.rule for problem in problems}


def test_a_few_true_midnights_are_no_heap(tmp_path):
    assert check_agency(write_folder(tmp_path, with_midnights(2))).problems == ()


@pytest.mark.parametrize(
    ("window", "says"),
    [
        ('["2024-01-01", "2025-01-01"]', ()),
        ('["2023-01-01", "2025-01-01"]', ("the first 366 days",)),
        ('["2024-01-01", "2026-06-01"]', ("the last 521 days",)),
        ('["2023-01-01", "2026-06-01"]', ("the first 366 days", "the last 521 days")),
    ],
)
def test_a_window_that_reaches_beyond_the_records_is_noted(window, says, tmp_path):
    toml = TOML.replace('["2024-01-01", "2025-01-01"]', window)
    problems = [
        p for p in check_agency(write_folder(tmp_path, sound_tables(), toml)).problems if p.rule == "window_silent"
    ]

    assert [(p.grade, p.table, p.column) for p in problems] == [("warning", "agency.toml", "window")] * len(says)
    assert all(any(words in p.message for p in problems) for words in says)


def test_a_silence_that_a_gap_explains_is_not_noted(tmp_path):
    toml = TOML.replace("2025-01-01", "2026-06-01") + '[[gaps]]\nstart = "2025-01-01"\n'
    assert check_agency(write_folder(tmp_path, sound_tables(), toml)).problems == ()


def test_settings_left_as_init_wrote_them_are_noted(tmp_path):
    init_agency(tmp_path / "new")
    toml = (tmp_path / "new" / "agency.toml").read_text()
    rules = [
        {problem.rule for problem in check_agency(write_folder(tmp_path / name, sound_tables(), text)).problems}
        for name, text in (("left", toml), ("named", toml.replace("Our agency", "Oak")))
    ]

    assert ["settings_untouched" in found for found in rules] == [True, False]


@pytest.mark.parametrize(("clock", "precision"), [(0, ["day"] * 3), (1, ["minute"] * 3)])
def test_dates_of_a_workbook_are_days_unless_a_cell_has_a_clock_time(clock, precision, tmp_path):
    """A spreadsheet stores a date as midnight; where a whole column is midnights, it holds dates."""
    with xlsxwriter.Workbook(tmp_path / "events.xlsx") as book:
        sheet, form = book.add_worksheet(), book.add_format({"num_format": "m/d/yyyy"})
        sheet.write_row(0, 0, ("time", "system", "kind"))
        for row in range(1, 4):
            sheet.write_datetime(row, 0, dt.datetime(2024, 3, row, clock * (row == 3)), form)  # noqa: DTZ001 - local clock
            sheet.write_row(row, 1, ("c1", "restraint"))

    assert read_agency(tmp_path).events["precision"].to_list() == precision


def test_before_the_first_shift_it_is_still_yesterdays_last(tmp_path):
    agency = small(tmp_path, events=events(("2024-05-05T02:00", "c1", "restraint"), precision="shift"))

    assert agency.events["time"].to_list() == [utc("2024-05-05T03:00")]


@pytest.mark.parametrize(
    ("written", "start", "rule"),
    [
        ("2024-03-10T02:30", "2024-03-10T04:00", "time_does_not_exist"),
        ("2024-11-03T01:30", "2024-11-03T03:00", "time_exists_twice"),
    ],
)
def test_doubtful_clock_times_are_kept_as_known_to_the_shift(tmp_path, written, start, rule):
    agency = small(tmp_path, events=events((written, "c1", "restraint")))

    assert agency.events.select("time", "precision").row(0) == (utc(start), "shift")
    assert rule in rules_of(agency)


def test_an_offset_makes_the_double_hour_certain(tmp_path):
    rows = events(("2024-11-03T01:30-05:00", "c1", "restraint"), ("2024-11-03T01:30-04:00", "c2", "restraint"))
    agency = small(tmp_path, events=rows)

    assert agency.events["time"].to_list() == [utc("2024-11-03T05:30"), utc("2024-11-03T06:30")]
    assert agency.events["precision"].to_list() == ["minute", "minute"]


def test_events_are_in_the_order_of_time_then_of_rows(tmp_path):
    rows = events(
        ("2024-05-06T10:01", "c1", "restraint"),
        ("2024-05-05T10:01", "c2", "restraint"),
        ("2024-05-05T10:01", "c1", "restraint"),
    )

    assert small(tmp_path, events=rows).events["source_row"].to_list() == [3, 4, 2]


# Roles, kinds, gaps, privacy


def test_clinicians_may_stand_where_staff_is_asked_for(tmp_path):
    named = [
        {"system": "c1", "level": "person", "role": "client"},
        {"system": "d1", "level": "person", "role": "clinician"},
    ]
    tables = {
        "systems": named,
        "events": events(("2024-05-05T10:01", "d1", "staff_injury")),
        "ties": [{"source": "d1", "target": "c1", "relation": "caseload"}],
    }
    agency = read_agency(write_folder(tmp_path, tables, SMALL_TOML))

    assert agency.events.height == agency.ties.height == 1
    assert agency.ties["weight"].to_list() == [1.0]


def test_an_agencys_own_words_extend_the_shared_ones(tmp_path):
    toml = SMALL_TOML + (
        '[levels]\norder = ["environment", "organisation", "unit", "room", "person"]\n'
        '[roles]\nteacher = "person"\n[kinds.lesson_cancelled]\nof = "teacher"\nlabel = "cancelled lessons"\n'
    )
    tables = {
        "systems": [{"system": "t1", "level": "person", "role": "teacher"}],
        "events": events(("2024-05-05T10:01", "t1", "lesson_cancelled")),
    }
    agency = read_agency(write_folder(tmp_path, tables, toml))

    assert agency.vocabulary.kinds["lesson_cancelled"].label == "cancelled lessons"
    assert agency.vocabulary.levels[3] == "room"


def test_discipline_and_grievances_count_for_the_unit_and_never_for_a_person(tmp_path):
    rows = events(("2024-05-05T10:01", "s1", "discipline"), ("2024-05-06T10:01", "s1", "staff_injury"))
    there = stays(("s1", "ward-2", "2024-01-01", ""))
    unit = small(tmp_path / "a", events=rows, memberships=there)
    person = small(tmp_path / "b", SMALL_TOML + '[privacy]\nstaff_kinds = "person"\n', events=rows, memberships=there)

    assert unit.events["system"].to_list() == ["ward-2", "s1"]
    assert unit.vocabulary.kinds["discipline"].of == "unit"
    assert person.events["system"].to_list() == ["s1", "s1"]


def test_nothing_counts_in_a_gap(tmp_path):
    toml = (
        SMALL_TOML
        + '[[gaps]]\ngroup = "ward-1"\nstart = "2024-05-01"\nend = "2024-06-01"\nkinds = ["restraint"]\nwhy = "new forms"\n'
    )
    rows = events(
        ("2024-05-05T10:01", "c1", "restraint"),
        ("2024-05-05T10:01", "c1", "aggression_verbal"),
        ("2024-05-05T10:01", "c2", "restraint"),
        ("2024-06-01T00:00", "c1", "restraint"),
    )
    there = stays(("c1", "ward-1", "2024-01-01", ""), ("c2", "ward-2", "2024-01-01", ""))
    agency = small(tmp_path, toml, events=rows, memberships=there)

    assert agency.events["source_row"].to_list() == [3, 4, 5]
    assert "in_gap" in rules_of(agency)


def test_what_privacy_excludes_is_left_out_of_everything(tmp_path):
    tables = sound_tables()
    tables["systems"] = [
        row | {"programme": "part2-sud" if row["system"] == UNITS[0] else ""} for row in tables["systems"]
    ]
    agency = read_agency(write_folder(tmp_path, tables, TOML + "[privacy]\nexclude = { programme = ['part2-sud'] }\n"))

    gone = {UNITS[0], *CLIENTS[0::2], *STAFF[0::2]}
    assert not gone & set(agency.systems["system"])
    assert not gone & set(agency.events["system"])
    assert not gone & set(agency.ties["source"]) | gone & set(agency.memberships["group"])
    assert ORGANISATION in agency.systems["system"]


def test_too_much_set_aside_is_an_error_until_its_rule_is_accepted(tmp_path):
    tables = sound_tables()
    for row in tables["events"][:30]:
        row["time"] = "2023-01-01T10:00"
    with pytest.raises(RecordError) as refusal:
        read_agency(write_folder(tmp_path / "a", tables))
    agency = read_agency(write_folder(tmp_path / "b", tables, TOML + "[accept]\noutside_window = 'an older log'\n"))

    assert "too_many_set_aside_of_kind" in {problem.rule for problem in refusal.value.problems}
    assert agency.set_aside["rows"].sum() == 30
    assert agency.set_aside["month"].unique().to_list() == ["2023-01"]


@pytest.mark.parametrize(
    ("accepted", "stops"), [("outside_stays", False), ("on_day_of_end", False), ("before_first_stay", True)]
)
def test_who_accepts_a_rule_accepts_what_it_includes(accepted, stops, tmp_path):
    there = stays(("c1", "ward-1", "2024-01-08", "2024-09-30"))
    rows = events(("2024-05-05T10:01", "c1", "restraint"), ("2024-09-30T10:01", "c1", "restraint"))
    toml = SMALL_TOML.split("[accept]")[0] + f'[accept]\n{accepted} = "x"\n'
    if not stops:
        assert small(tmp_path, toml, events=rows, memberships=there).events.height == 1
        return
    with pytest.raises(RecordError, match="too_many_set_aside"):
        small(tmp_path, toml, events=rows, memberships=there)


def test_anonymous_answers_belong_to_the_team(tmp_path):
    rows = [
        {
            "time": "2024-03-01",
            "system": "ward-1",
            "instrument": "pss",
            "item": "1",
            "value": "3",
            "respondent": "7",
            "role": "staff",
            "n": "",
        },
        {
            "time": "2024-09-01",
            "system": "ward-1",
            "instrument": "pss",
            "item": "1",
            "value": "2.5",
            "respondent": "",
            "role": "staff",
            "n": "12",
        },
    ]
    agency = small(tmp_path, events=events(("2024-05-05T10:01", "c1", "restraint")), measures=rows)

    assert agency.measures.select("system", "value", "respondent", "n").rows() == [
        ("ward-1", 3.0, "7", None),
        ("ward-1", 2.5, None, 12.0),
    ]


def test_attributes_of_systems_are_kept_as_they_are_written(tmp_path):
    tables = {
        "systems": [{"system": "c1", "level": "person", "role": "client", "Trauma history": "3", "pooled": "no"}],
        "events": events(("2024-05-05T10:01", "c1", "restraint")),
    }
    agency = read_agency(write_folder(tmp_path, tables, SMALL_TOML))

    assert agency.systems.select("Trauma history", "pooled").row(0) == ("3", False)


def test_the_records_do_not_show_themselves_by_accident(tmp_path):
    result = check_agency(write_folder(tmp_path, sound_tables()))

    assert "QX" not in repr(result) + repr(result.agency) + repr(result.glance)
