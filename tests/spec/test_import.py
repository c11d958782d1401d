"""What `antiphon import` promises: other systems' exports become an agency folder, by a map, or nothing is written."""

import datetime as dt
import os
import stat
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from antiphon.errors import RecordError, SpecificationError
from antiphon.intake import import_records
from antiphon.records import check_agency, init_agency, read_agency, write_problem_list

INCIDENTS = (
    "EXAMPLE HOUSE - Incident Log\n"
    "Printed 03/20/2024\n"
    "\n"
    "Incident #;Program;Date;Time;Type;Who;Status\n"
    "24-01;COTT B;3/4/24;2:05 PM;PHYS AGG;c1;Closed\n"
    "24-02;Cottage B;03/05/2024;2nd shift;Caf\u00e9 fight;c2;Closed\n"
    "24-03;Cottage B;3/6/2024;12:00 AM;PHYS AGG;c1;VOID\n"
    '24-04;Cottage B;3/7/2024;12:00 AM;"Restraint -\nStanding";c1;Closed\n'
    ";;;;;;\n"
    "24-01-A;COTT B;3/4/24;2:15 PM;PHYS AGG;c1;Amended\n"
    "24-05;Cottage B;3/8/2024;1405;Birthday;c2;Closed\n"
    "Total incidents: 6;;;;;;\n"
)
MAP = """
agency = "agency.toml"

[source.incidents]
files = ["incidents*.csv"]
header = 4
stop = "Total incidents:"
encoding = "cp1252"
separator = ";"
drop = { Status = ["VOID"] }
key = "Incident #"
amends = "-A$"

[[source.incidents.make]]
table = "events"
time = { date = "Date", clock = "Time", formats = ["%m/%d/%y", "%m/%d/%Y"], unknown = ["", "12:00 AM"], shifts = { "2nd shift" = "15:00" } }
kind = { column = "Type", values = "kinds.csv" }
system = "Who"
incident = "Incident #"

[[source.incidents.make]]
table = "memberships"
where = { Type = ["PHYS AGG", "Caf\u00e9 fight"] }
member = "Who"
group = { column = "Program", values = { "COTT B" = "3", "Cottage B" = "3" }, prefix = "unit-" }
start = { value = "2024-01-01" }
"""
KINDS = (
    "value,count,translation\n"
    "PHYS AGG,3,aggression_physical\nCaf\u00e9 fight,1,aggression_verbal\nRestraint - Standing,1,restraint\nBirthday,1,-\n"
)
AGENCY = '[agency]\nname = "Example House"\ntimezone = "America/New_York"\nwindow = ["2024-01-01", "2025-01-01"]\n'


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "incidents.csv").write_bytes(INCIDENTS.encode("cp1252"))
    (tmp_path / "import.toml").write_text(MAP, encoding="utf-8")
    (tmp_path / "kinds.csv").write_text(KINDS, encoding="utf-8")
    (tmp_path / "agency.toml").write_text(AGENCY, encoding="utf-8")
    return tmp_path


def change(house: Path, old: str, new: str, *, file: str = "import.toml") -> None:
    path = house / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def problems_of(house: Path) -> str:
    with pytest.raises(RecordError) as caught:
        import_records(house, house / "out")
    assert not (house / "out").exists()
    return caught.value.message


def test_an_export_becomes_the_events_of_an_agency_folder(house: Path) -> None:
    import_records(house, house / "out")
    events = pl.read_csv(house / "out" / "events.csv", infer_schema=False)
    assert events.rows() == [
        ("2024-03-05T15:00", "c2", "aggression_verbal", "24-02", "shift", "incidents.csv", "6"),
        ("2024-03-07", "c1", "restraint", "24-04", "day", "incidents.csv", "8"),
        ("2024-03-04T14:15", "c1", "aggression_physical", "24-01", "minute", "incidents.csv", "10"),
    ]
    assert events.columns == ["time", "system", "kind", "incident", "precision", "source", "source_row"]


def test_every_row_of_the_export_is_accounted_for(house: Path) -> None:
    source = import_records(house, house / "out").sources[0]
    assert (source.n_files, source.n_read) == (1, 6)
    assert source.n_dropped == 1  # the void one
    assert source.n_replaced == 1  # the amended one
    assert source.n_ignored == 1  # the birthday: no event, on purpose
    assert source.n_made == {"events": 3, "memberships": 2}
    assert source.columns_ignored == ()


def test_the_folder_can_be_read_and_knows_the_spreadsheet_rows(house: Path) -> None:
    import_records(house, house / "out")
    agency = read_agency(house / "out")
    assert agency.settings.agency.name == "Example House"
    assert agency.events["source_row"].to_list() == [10, 6, 8]
    assert agency.memberships["group"].to_list() == ["unit-3", "unit-3"]


def test_a_preview_counts_and_writes_nothing(house: Path) -> None:
    result = import_records(house, house / "out", preview=True)
    assert result.tables == {"events": 3, "memberships": 2}
    assert result.written is None
    assert not (house / "out").exists()


def test_untranslated_words_are_listed_with_counts_and_nothing_is_written(house: Path) -> None:
    change(house, "PHYS AGG,3,aggression_physical\n", "", file="kinds.csv")
    change(house, "Birthday,1,-", "Birthday,1,", file="kinds.csv")
    message = problems_of(house)
    assert '2 untranslated under kind: "Birthday" (1), "PHYS AGG" (1)' in message
    preview = import_records(house, house / "out", preview=True)
    assert preview.has_errors


def test_untranslated_identifiers_are_counted_and_never_told(house: Path) -> None:
    change(house, 'system = "Who"', 'system = { column = "Who", values = { c1 = "one" } }')
    message = problems_of(house)
    assert "1 untranslated under system" in message
    assert "c2" not in message


def test_people_in_the_wrong_column_are_not_told_as_words(house: Path) -> None:
    change(house, 'column = "Type", values', 'column = "Who", values')
    message = problems_of(house)
    assert "2 untranslated under kind" in message
    assert "c1" not in message


def test_a_column_that_is_not_there_is_told_with_the_nearest(house: Path) -> None:
    change(house, 'system = "Who"', 'system = "Whom"')
    change(house, 'column = "Type", values', 'column = "Typ", values')
    message = problems_of(house)
    assert 'the column "Whom", which the file does not have' in message
    assert 'Did you mean "Who"?' in message
    assert 'Did you mean "Type"?' in message


def test_one_date_that_cannot_be_read_is_told_by_row_and_left_to_check(house: Path) -> None:
    log = house / "incidents.csv"
    log.write_bytes(log.read_bytes().replace(b"3/7/2024", b"7.III.24"))
    result = import_records(house, house / "out")
    told = [str(problem) for problem in result.problems]
    assert len(told) == 1
    assert "set aside: events.time" in told[0]
    assert "incidents.csv, row 8" in told[0]
    assert "III" not in told[0]
    assert result.sources[0].n_set_aside == 1
    with pytest.raises(RecordError, match="time_unreadable"):
        read_agency(house / "out")


def test_dates_that_all_cannot_be_read_mean_that_the_map_is_wrong(house: Path) -> None:
    change(house, '"%m/%d/%y", "%m/%d/%Y"', '"%d-%b-%y"')
    assert "fits none of the formats" in problems_of(house)


def test_an_unknown_clock_keeps_the_day_and_warns(house: Path) -> None:
    log = house / "incidents.csv"
    log.write_bytes(log.read_bytes().replace(b"2nd shift", b"after tea"))
    result = import_records(house, house / "out")
    assert [problem.rule for problem in result.problems] == ["clock_unreadable"]
    assert pl.read_csv(house / "out" / "events.csv")["precision"].to_list() == ["day", "day", "minute"]


def test_a_newer_file_replaces_the_rows_with_the_same_key(house: Path) -> None:
    newer = INCIDENTS.replace("2:05 PM", "9:05 PM").replace("24-01-A", "24-09")
    (house / "incidents_newer.csv").write_bytes(newer.encode("cp1252"))
    import_records(house, house / "out")
    events = pl.read_csv(house / "out" / "events.csv", infer_schema=False).select("incident", "time", "source")
    assert ("24-01", "2024-03-04T14:15", "incidents.csv") in events.rows()  # the amendment still wins
    assert ("24-02", "2024-03-05T15:00", "incidents_newer.csv") in events.rows()
    assert events.height == 4


def test_exports_may_lie_elsewhere(house: Path) -> None:
    other = house / "exports"
    other.mkdir()
    (house / "incidents.csv").rename(other / "incidents.csv")
    assert "no file fits" in problems_of(house)
    assert import_records(house, house / "out", files=other).tables["events"] == 3


def test_a_workbook_is_read_like_a_text_file(house: Path) -> None:
    with xlsxwriter.Workbook(house / "staff.xlsx") as book:
        sheet = book.add_worksheet("Staff list")
        for row, cells in enumerate([["No", "Name"], ["s1", "never read"], ["s2", "never read"]]):
            sheet.write_row(row, 0, cells)
    more = '[source.staff]\nfiles = ["staff.xlsx"]\ncolumns_never_read = ["Name"]\n[[source.staff.make]]\ntable = "systems"\n'
    cells = 'system = "No"\nlevel = { value = "person" }\nrole = { value = "staff" }\n'
    (house / "import.toml").write_text(more + cells, encoding="utf-8")
    result = import_records(house, house / "out")
    assert result.sources[0].columns_ignored == ()
    written = (house / "out" / "systems.csv").read_text(encoding="utf-8")
    assert "s2,person,staff,staff.xlsx,3" in written
    assert "never read" not in written


def test_large_tables_are_written_as_parquet(house: Path) -> None:
    lines = "".join(f"p{i},2024-03-04T10:00\n" for i in range(50_001))
    (house / "big.csv").write_text("who,when\n" + lines, encoding="utf-8")
    big = '[source.big]\nfiles = ["big.csv"]\n[[source.big.make]]\ntable = "events"\ntime = "when"\nsystem = "who"\n'
    (house / "import.toml").write_text(big + 'kind = { value = "elopement" }\n', encoding="utf-8")
    import_records(house, house / "out")
    assert pl.read_parquet(house / "out" / "events.parquet").height == 50_001


def test_an_import_replaces_its_own_tables_and_leaves_the_others(house: Path) -> None:
    out = house / "out"
    import_records(house, out)
    (out / "practices.csv").write_text("group,practice,start\n", encoding="utf-8")
    change(house, "Birthday,1,-", "Birthday,1,community_meeting", file="kinds.csv")
    assert import_records(house, out).tables["events"] == 4
    assert (out / "practices.csv").exists()
    assert pl.read_csv(out / "events.csv").height == 4


@pytest.mark.parametrize("name", ["events.csv", "agency.toml", "events.xlsx"])
def test_an_import_never_replaces_what_people_wrote(house: Path, name: str) -> None:
    out = house / "out"
    out.mkdir()
    (out / name).write_text("mine\n", encoding="utf-8")
    with pytest.raises(SpecificationError, match="was not imported"):
        import_records(house, out)
    assert [path.name for path in out.iterdir()] == [name]
    assert (out / name).read_text(encoding="utf-8") == "mine\n"


def test_a_lookup_brings_in_what_another_file_says(house: Path) -> None:
    (house / "beds.csv").write_text("house,beds,year\n3,8,2023\n3,9,2024\n4,12,2024\n", encoding="utf-8")
    (house / "houses.csv").write_text("no\n3\n4\n5\n", encoding="utf-8")
    text = """
[source.houses]
files = ["houses.csv"]
[[source.houses.make]]
table = "systems"
system = { column = "no", prefix = "unit-" }
level = { value = "unit" }
role = { value = "unit" }
[source.houses.make.beds]
column = "no"
lookup = { file = "beds.csv", from = "house", to = "beds", where = { year = ["2024"] } }
otherwise = ""
"""
    (house / "import.toml").write_text(text, encoding="utf-8")
    import_records(house, house / "out")
    rows = pl.read_csv(house / "out" / "systems.csv", infer_schema=False).select("system", "beds").rows()
    assert rows == [("unit-3", "9"), ("unit-4", "12"), ("unit-5", None)]
    change(house, ', where = { year = ["2024"] }', "")
    assert "more than one translation" in problems_of_existing(house)


def problems_of_existing(house: Path) -> str:
    with pytest.raises(RecordError) as caught:
        import_records(house, house / "out")
    return caught.value.message


def test_the_section_agency_may_stand_in_the_map(house: Path) -> None:
    section = 'agency = { name = "Say \\"A\\"", timezone = "Europe/London", window = ["2024-01-01", 2025-01-01] }'
    change(house, 'agency = "agency.toml"', section)
    import_records(house, house / "out")
    settings = read_agency(house / "out").settings.agency
    assert (settings.name, settings.timezone) == ('Say "A"', "Europe/London")
    assert settings.window is not None
    assert settings.window[1].year == 2025


def test_the_command_says_what_it_made_and_fails_when_a_word_is_missing(house: Path) -> None:
    from click.testing import CliRunner

    from antiphon.cli import main

    arguments = ["import", str(house), "--files", str(house), "--out", str(house / "out")]
    preview = CliRunner().invoke(main, [*arguments, "--preview"])
    assert (preview.exit_code, (house / "out").exists()) == (0, False)
    change(house, "Birthday,1,-", "Birthday,1,", file="kinds.csv")
    stopped = CliRunner().invoke(main, arguments)
    assert (stopped.exit_code, (house / "out").exists()) == (1, False)
    assert '"Birthday" (1)' in stopped.output
    change(house, "Birthday,1,", "Birthday,1,-", file="kinds.csv")
    assert CliRunner().invoke(main, arguments).exit_code == 0


def two_censuses(house: Path, *, second_role: str = "client") -> None:
    """Two yearly exports with the same people, and a map that makes people, houses and stays of each."""
    (house / "census_2023.csv").write_text(
        "No,House,In,Role,Age\nc1,Oak,1/2/2023,client,\nc2,Oak,2/2/2023,client,9\n", encoding="utf-8"
    )
    (house / "census_2024.csv").write_text(
        f"No,House,In,Role,Age\nc1,Elm,1/2/2024,{second_role},12\nc3,Oak,2/2/2024,client,\n", encoding="utf-8"
    )
    text = """
[source.census]
files = ["census_*.csv"]

[[source.census.make]]
table = "systems"
system = "No"
level = { value = "person" }
role = "Role"
age = "Age"

[[source.census.make]]
table = "systems"
system = "House"
level = { value = "unit" }
role = { value = "unit" }

[[source.census.make]]
table = "memberships"
where = { House = ["Oak"] }
member = "No"
group = "House"
start = { date = "In", formats = ["%m/%d/%Y"] }
"""  # fmt: skip
    (house / "import.toml").write_text(text, encoding="utf-8")


def test_two_files_with_the_same_people_make_them_once(house: Path) -> None:
    two_censuses(house)
    result = import_records(house, house / "out")
    systems = pl.read_csv(house / "out" / "systems.csv", infer_schema=False)

    assert systems.select("system", "role", "age").rows() == [
        ("c1", "client", "12"),  # what one file leaves empty the other says
        ("c2", "client", "9"),
        ("c3", "client", None),
        ("Oak", "unit", None),
        ("Elm", "unit", None),
    ]
    assert systems["source"][0] == "census_2023.csv"
    assert result.tables == {"systems": 5, "memberships": 3}


def test_people_of_whom_two_files_say_different_things_stay_twice_for_the_check_to_tell(house: Path) -> None:
    two_censuses(house, second_role="staff")
    again = (house / "census_2024.csv").read_text(encoding="utf-8").replace("1/2/2024", "3/2/2024")
    (house / "census_2025.csv").write_text(again, encoding="utf-8")
    import_records(house, house / "out")

    systems = pl.read_csv(house / "out" / "systems.csv", infer_schema=False)
    assert systems.filter(system="c1").select("role", "age").rows() == [("client", None), ("staff", "12")]


def test_every_entry_of_the_map_says_what_became_of_every_row(house: Path) -> None:
    two_censuses(house)
    source = import_records(house, house / "out").sources[0]

    assert [(make.table, make.n_rows, make.n_elsewhere, make.n_nothing, make.n_merged, make.n_made) for make in source.makes] == [
        ("systems", 4, 0, 0, 1, 3),
        ("systems", 4, 0, 0, 2, 2),
        ("memberships", 4, 1, 0, 0, 3),
    ]  # fmt: skip


@pytest.mark.parametrize("where", ["", 'where = { Type = ["PHYS AGG"] }\n'])
def test_the_counts_of_an_import_add_up(house: Path, where: str) -> None:
    change(house, 'table = "events"\n', f'table = "events"\n{where}')
    for source in import_records(house, house / "out").sources:
        kept = source.n_read - source.n_dropped - source.n_replaced
        assert [make.n_rows for make in source.makes] == [kept] * 2
        for make in source.makes:
            assert make.n_rows == make.n_elsewhere + make.n_nothing + make.n_merged + make.n_made
        assert sum(make.n_made for make in source.makes) == sum(source.n_made.values())


def test_rows_that_no_where_of_their_table_chooses_are_told_with_their_words(house: Path) -> None:
    change(house, 'table = "events"\n', 'table = "events"\nwhere = { Type = ["PHYS AGG"] }\n')
    result = import_records(house, house / "out")

    (told,) = [problem for problem in result.problems if problem.rule == "rows_nowhere"]
    assert (told.grade, told.count) == ("warning", 2)
    assert 'under "Type": "Birthday" (1), "Restraint - Standing" (1)' in told.message
    assert "[source.incidents]" in told.message


def test_people_whom_no_where_chooses_are_counted_and_not_told(house: Path) -> None:
    change(house, 'table = "events"\n', 'table = "events"\nwhere = { Who = ["c1"] }\n')
    (told,) = [p for p in import_records(house, house / "out").problems if p.rule == "rows_nowhere"]

    assert told.count == 1
    assert 'under "Who": 1 words' in told.message
    assert "c2" not in str(told)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('values = "kinds.csv"', 'values = "kinds.csv"', 'the file "kinds.csv" beside the map'),
        ('values = "kinds.csv"', 'values = { "PHYS AGG" = "restraint" }', "[[source.incidents.make]] (entry 1), under kind: values"),
        ('values = "kinds.csv"', 'lookup = { file = "kinds.csv", from = "value", to = "translation" }', 'the file "kinds.csv" (columns "value" and "translation")'),
    ],
)  # fmt: skip
def test_the_message_about_untranslated_words_names_where_they_belong(
    house: Path, old: str, new: str, says: str
) -> None:
    change(house, old, new)
    change(house, "Birthday,1,-", "Birthday,1,", file="kinds.csv")
    assert says in problems_of(house)


def test_a_last_day_that_still_counts_becomes_the_day_after(house: Path) -> None:
    (house / "stays.csv").write_text(
        "No,Out\nc1,2/28/2024\nc2,\nc3,2/28/2024 2:30 PM\nc4,12/31/2024\n", encoding="utf-8"
    )
    text = '[source.stays]\nfiles = ["stays.csv"]\n[[source.stays.make]]\ntable = "memberships"\nmember = "No"\n'
    text += 'group = { value = "Oak" }\nstart = { value = "2024-01-01" }\n'
    text += 'end = { date = "Out", formats = ["%m/%d/%Y", "%m/%d/%Y %I:%M %p"], last_day = "inclusive" }\n'
    (house / "import.toml").write_text(text, encoding="utf-8")
    import_records(house, house / "out")

    ends = pl.read_csv(house / "out" / "memberships.csv", infer_schema=False)["end"].to_list()
    assert ends == ["2024-02-29", None, "2024-02-28T14:30:00", "2025-01-01"]
    change(house, 'start = { value = "2024-01-01" }', 'start = { value = "2024-01-01", last_day = "inclusive" }')
    assert "last_day stands under end" in problems_of_existing(house)


def test_dates_of_a_workbook_are_days(house: Path) -> None:
    with xlsxwriter.Workbook(house / "stays.xlsx") as book:
        sheet, form = book.add_worksheet(), book.add_format({"num_format": "m/d/yyyy"})
        sheet.write_row(0, 0, ("No", "In", "Out"))
        sheet.write_row(1, 0, ("c1",))
        sheet.write_datetime(1, 1, dt.datetime(2024, 1, 2), form)  # noqa: DTZ001 - local clock
        sheet.write_datetime(1, 2, dt.datetime(2024, 2, 28), form)  # noqa: DTZ001
    text = '[source.stays]\nfiles = ["stays.xlsx"]\n[[source.stays.make]]\ntable = "memberships"\nmember = "No"\n'
    text += 'group = { value = "Oak" }\nstart = { date = "In" }\nend = { date = "Out", last_day = "inclusive" }\n'
    (house / "import.toml").write_text(text, encoding="utf-8")
    import_records(house, house / "out")

    rows = pl.read_csv(house / "out" / "memberships.csv", infer_schema=False).select("start", "end").rows()
    assert rows == [("2024-01-02", "2024-02-29")]


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of posix")
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_written_files_are_as_open_as_any_other(house: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        import_records(house, house / "out")
        init_agency(house / "new")
        (house / "mine").touch()
        (house / "bare").mkdir()
        (house / "bare" / "events.csv").write_text(
            "time,system,kind\n2024-05-05T10:01,c1,restraint\n", encoding="utf-8"
        )
        result = check_agency(house / "bare")  # writes agency.toml
        write_problem_list(result, house / "problems.xlsx")
    finally:
        os.umask(before)
    written = [*(house / "out").iterdir(), *(house / "new").iterdir(), *(house / "bare").iterdir()]
    assert {path.name for path in written} >= {"agency.toml", "events.csv", "memberships.csv", "README.md"}
    assert {path.stat().st_mode for path in written} == {(house / "mine").stat().st_mode}
    assert stat.S_IMODE((house / "problems.xlsx").stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR  # holds values
