"""Every way in which records are known to be broken, and what is said about each.

A row of the table below is one kind of broken record: how to break a sound folder, and the problem that must be told -
its grade, table, rule and spreadsheet row (0: no single row). Whatever is broken, there is no traceback, no identifier
or value in any message, and nothing is written into the folder by reading it.
"""

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from antiphon.errors import RecordError
from antiphon.records import check_agency, read_agency
from antiphon.records.clusters import SET_ASIDE_RULES
from tests.spec.record_folders import (
    CLIENTS,
    ORGANISATION,
    SECRET,
    STAFF,
    TOML,
    UNITS,
    Tables,
    sound_tables,
    write_folder,
)

Change = Callable[[Tables], None]
Files = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """One kind of broken record."""

    name: str
    grade: str
    table: str
    rule: str
    row: int = 0
    change: Change | None = None
    files: Files | None = None
    toml: str | None = TOML
    says: str = ""
    tables: tuple[str, ...] = ()


def cell(table: str, row: int, column: str, value: str) -> Change:
    """Write a value into one cell; the row is the spreadsheet row (header = 1)."""

    def change(tables: Tables) -> None:
        tables[table][row - 2][column] = value

    return change


def every(table: str, column: str, value: Callable[[str], str]) -> Change:
    """Rewrite a whole column."""

    def change(tables: Tables) -> None:
        for row in tables[table]:
            row[column] = value(row[column])

    return change


def added(table: str, **cells: str) -> Change:
    """Add a row at the end."""

    def change(tables: Tables) -> None:
        tables[table].append({column: "" for column in tables[table][0]} | cells)

    return change


def away(person: str, start: str, end: str) -> Change:
    return added("presence", system=person, start=start, end=end, away="true")


def without_column(table: str, column: str) -> Change:
    def change(tables: Tables) -> None:
        for row in tables[table]:
            del row[column]

    return change


def repeated(table: str, row: int) -> Change:
    def change(tables: Tables) -> None:
        tables[table].append(dict(tables[table][row - 2]))

    return change


def emptied(table: str) -> Files:
    def files(folder: Path) -> None:
        path = folder / f"{table}.csv"
        path.write_text(path.read_text().split("\n", 1)[0] + "\n")

    return files


def recoded(encoding: str, extra: str = "") -> Files:
    def files(folder: Path) -> None:
        path = folder / "events.csv"
        path.write_bytes(
            (path.read_text(encoding="utf-8").replace("restraint", f"{extra}restraint", 1)).encode(encoding)
        )

    return files


def separated(separator: str) -> Files:
    def files(folder: Path) -> None:
        path = folder / "events.csv"
        path.write_text(path.read_text().replace(",", separator))

    return files


def instead(name: str, content: bytes) -> Files:
    """Put another file in the place of events.csv."""

    def files(folder: Path) -> None:
        (folder / "events.csv").unlink()
        (folder / name).write_bytes(content)

    return files


def beside(name: str, content: bytes = b"") -> Files:
    def files(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return files


def edited(table: str, edit: Callable[[list[str]], None]) -> Files:
    def files(folder: Path) -> None:
        path = folder / f"{table}.csv"
        lines = path.read_text().split("\n")
        edit(lines)
        path.write_text("\n".join(lines))

    return files


def workbook(write: Callable[[xlsxwriter.Workbook, list[list[str]]], None]) -> Files:
    """Put an Excel workbook in the place of events.csv; ``write`` gets the header and the rows."""

    def files(folder: Path) -> None:
        lines = (folder / "events.csv").read_text().strip().split("\n")
        (folder / "events.csv").unlink()
        with xlsxwriter.Workbook(str(folder / "events.xlsx")) as book:
            write(book, [line.rstrip("\r").split(",") for line in lines])

    return files


def day_numbers(rows_with_numbers: Callable[[int], bool]) -> Files:
    """A workbook in which times are the day numbers of a spreadsheet, without a date format."""

    def write(book: xlsxwriter.Workbook, rows: list[list[str]]) -> None:
        sheet = book.add_worksheet("events")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
            if number and rows_with_numbers(number):
                sheet.write_number(number, 0, 45300.5 + number)

    return workbook(write)


def two_sheets(book: xlsxwriter.Workbook, rows: list[list[str]]) -> None:
    for name in ("January", "February"):
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)


def header(old: str, new: str) -> Callable[[list[str]], None]:
    def edit(lines: list[str]) -> None:
        lines[0] = lines[0].replace(old, new)

    return edit


def line(row: int, text: str) -> Callable[[list[str]], None]:
    def edit(lines: list[str]) -> None:
        lines[row - 1] = text

    return edit


def all_of(*changes: Change) -> Change:
    def change(tables: Tables) -> None:
        for one in changes:
            one(tables)

    return change


GAP = TOML + '[[gaps]]\ngroup = "QX-nowhere"\nstart = "2024-06-01"\n'
HTML = b"<html><body><table><tr><td>QX-client-01</td></tr></table></body></html>"
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
PERSON = CLIENTS[0]

CASES = [
    # Files
    Case("there are no events", "error", "events", "table_missing", files=lambda f: (f / "events.csv").unlink()),
    Case("the file is empty", "error", "events", "file_is_empty", files=instead("events.csv", b"")),
    Case("a header and no rows", "error", "events", "table_empty", files=emptied("events")),
    Case("another table without rows", "warning", "ties", "table_empty", files=emptied("ties")),
    Case("cp1252", "error", "events", "encoding_not_utf8", 2, files=recoded("cp1252", "é")),
    Case("UTF-16", "error", "events", "encoding_utf16", files=recoded("utf-16")),
    Case("UTF-16 without a mark", "error", "events", "encoding_utf16", files=recoded("utf-16-le")),
    Case("semicolons", "error", "events", "separator_not_comma", 1, files=separated(";")),
    Case("tabs", "error", "events", "separator_not_comma", 1, files=separated("\t")),
    Case("an HTML page named .xls", "error", "events", "file_is_html", files=instead("events.xls", HTML)),
    Case("an HTML page named .xlsx", "error", "events", "file_is_html", files=instead("events.xlsx", HTML)),
    Case("an HTML page named .csv", "error", "events", "file_is_html", files=instead("events.csv", HTML)),
    Case("an old Excel file", "error", "events", "file_format", files=instead("events.xls", OLD_EXCEL)),
    Case("an empty zip named .xlsx", "error", "events", "not_a_workbook", files=instead("events.xlsx", EMPTY_ZIP)),
    Case("an empty file named .xlsx", "error", "events", "file_is_empty", files=instead("events.xlsx", b"")),
    Case("a workbook named .csv", "error", "events", "file_is_workbook", files=instead("events.csv", b"PK\x03\x04QX")),
    Case("text named .parquet", "error", "events", "not_parquet", files=instead("events.parquet", b"QX,QX\n")),
    Case("sheets without the table's name", "error", "events", "which_sheet", files=workbook(two_sheets)),
    Case("the workbook is open in Excel", "error", "ties", "file_is_open", files=beside("~$ties.csv", b"QX")),
    Case("the table twice", "error", "ties", "table_twice", files=beside("ties.xlsx", HTML)),
    Case("a misspelt file name", "warning", "events", "file_not_read", files=beside("event.csv", b"QX\n")),
    Case("a picture named .csv", "error", "events", "encoding_not_utf8", 1, files=instead("events.csv", b"\x89PNG\r\n\x1a\n")),
    # Headers and shape
    Case("a required column is missing", "error", "events", "column_missing", 1, without_column("events", "kind")),
    Case("no header row", "error", "events", "column_missing", 1, files=edited("events", lambda lines: lines.pop(0))),
    Case("rows above the header", "error", "ties", "column_missing", 1, files=edited("ties", lambda x: x.insert(0, "QX,,,,,"))),
    Case("a column twice", "error", "events", "column_twice", 1, files=edited("events", header("target", "time"))),
    Case("a column in two spellings", "error", "events", "column_in_two_spellings", 1, files=edited("events", header("target", "Time"))),
    Case("an unknown column", "warning", "events", "column_not_read", 1, every("events", "QX narrative", lambda _: "") and added("events", **{"time": "2024-05-05T05:05", "system": PERSON, "kind": "restraint", "QX narrative": "QX hit"})),
    Case("a row longer than the header", "error", "events", "row_longer_than_header", 9, files=edited("events", line(9, ",".join(["QX"] * 12)))),
    Case("a quotation mark never closed", "error", "events", "quote_not_closed", files=edited("events", line(9, '2024-03-03T10:00,QX-client-01,restraint,"QX'))),
    # Cells
    Case("no system", "set aside", "events", "value_missing", 5, cell("events", 5, "system", "")),
    Case("blanks for a kind", "set aside", "events", "value_missing", 5, cell("events", 5, "kind", "   ")),
    Case("an American date", "set aside", "events", "time_unreadable", 6, cell("events", 6, "time", "01/17/2024 14:30")),
    Case("a day that is none", "set aside", "events", "time_unreadable", 6, cell("events", 6, "time", "2024-02-30T10:00")),
    Case("words for a time", "set aside", "events", "time_unreadable", 6, cell("events", 6, "time", "QX 2nd shift")),
    Case("Excel dates as numbers", "error", "events", "too_many_set_aside_of_kind", files=day_numbers(lambda _: True)),
    Case("an Excel date as number among text", "set aside", "events", "time_is_number", 8, files=day_numbers(lambda n: n == 7)),
    Case("mixed time zones", "error", "events", "time_zones_mixed", 4, cell("events", 4, "time", "2024-05-05T10:00Z")),
    Case("a time that does not exist", "warning", "events", "time_does_not_exist", 4, cell("events", 4, "time", "2024-03-10T02:30")),
    Case("a time that exists twice", "warning", "events", "time_exists_twice", 4, cell("events", 4, "time", "2024-11-03T01:30")),
    Case("a date where minutes are kept", "warning", "events", "date_without_clock", 4, cell("events", 4, "time", "2024-05-05")),
    Case("words for a number", "warning", "events", "number_unreadable", 4, cell("events", 4, "severity", "QX see narrative")),
    Case("a decimal comma", "warning", "events", "number_unreadable", 4, cell("events", 4, "duration", "3;5")),
    Case("severity is negative", "warning", "events", "severity_negative", 4, cell("events", 4, "severity", "-3")),
    Case("duration is negative", "warning", "events", "duration_negative", 5, cell("events", 5, "duration", "-77")),
    Case("reported before it happened", "warning", "events", "reported_before", 4, cell("events", 4, "reported", "2024-01-01")),
    Case("an unknown precision", "warning", "events", "precision_unknown", 4, cell("events", 4, "precision", "QX about noon")),
    Case("an unreadable yes or no", "set aside", "presence", "boolean_unreadable", 4, cell("presence", 4, "away", "QX maybe")),
    Case("an unreadable end", "set aside", "memberships", "time_unreadable", 9, cell("memberships", 9, "end", "QX still here")),
    Case("a value that is no number", "set aside", "measures", "number_unreadable", 9, cell("measures", 9, "value", "QX often")),
    # Words
    Case("an unknown kind", "error", "events", "kind_unknown", 4, cell("events", 4, "kind", "restraints"), says='"restraint"'),
    Case("a kind like no other", "error", "events", "kind_unknown", 4, cell("events", 4, "kind", "QX-client-07")),
    Case("an unknown role", "error", "systems", "role_unknown", 9, cell("systems", 9, "role", "clients"), says='"client"'),
    Case("an unknown level", "error", "systems", "level_unknown", 9, cell("systems", 9, "level", "persons"), says='"person"'),
    Case("an unknown relation", "error", "ties", "relation_unknown", 9, cell("ties", 9, "relation", "case_load"), says='"caseload"'),
    Case("an unknown practice", "warning", "practices", "practice_unknown", 9, cell("practices", 9, "practice", "debriefings"), says='"debriefing"'),
    # Systems
    Case("a role at the wrong level", "set aside", "systems", "role_at_wrong_level", 9, cell("systems", 9, "role", "unit")),
    Case("the same system, otherwise", "set aside", "systems", "system_twice", 105, added("systems", system=PERSON, level="person", role="staff")),
    Case("the same system again", "warning", "systems", "row_repeated", 105, repeated("systems", 9)),
    Case("an identifier in two spellings", "warning", "systems", "spellings_differ", 5, added("systems", system="qx-CLIENT-00", level="person", role="client")),
    Case("an unknown identifier", "set aside", "events", "system_unknown", 4, cell("events", 4, "system", "QX-nobody")),
    Case("an unknown target", "warning", "events", "target_unknown", 4, cell("events", 4, "target", "QX-nobody")),
    # Stays
    Case("a negative stay", "set aside", "memberships", "end_before_start", 9, cell("memberships", 9, "end", "2023-01-01")),
    Case("a stay of no length", "set aside", "memberships", "spell_is_empty", 9, cell("memberships", 9, "end", "2023-06-01")),
    Case("a stay without a start", "set aside", "memberships", "value_missing", 9, cell("memberships", 9, "start", "")),
    Case("overlapping stays", "warning", "memberships", "spells_overlap", 104, added("memberships", member=PERSON, group=UNITS[0], start="2024-02-01")),
    Case("a stay of a stranger", "set aside", "memberships", "system_unknown", 9, cell("memberships", 9, "member", "QX-nobody")),
    Case("a stay in no group", "set aside", "memberships", "system_unknown", 9, cell("memberships", 9, "group", "QX-nowhere")),
    Case("a person as a group", "set aside", "memberships", "group_is_person", 9, cell("memberships", 9, "group", PERSON)),
    Case("a member of itself", "set aside", "memberships", "member_of_itself", 104, added("memberships", member=PERSON, group=PERSON, start="2024-01-01")),
    Case("a unit in a unit", "set aside", "memberships", "group_not_outer", 104, added("memberships", member=UNITS[0], group=UNITS[1], start="2024-01-01")),
    Case("memberships in a circle", "error", "memberships", "memberships_in_a_circle", 2, added("memberships", member=ORGANISATION, group=UNITS[0], start="2023-01-01")),
    # Events and their owners
    Case("an event before admission", "set aside", "events", "before_first_stay", 422, all_of(cell("memberships", 4, "start", "2024-04-01"), added("events", time="2024-02-02T02:02", system=PERSON, kind="restraint"))),
    Case("an event after discharge", "set aside", "events", "outside_stays", 422, all_of(cell("memberships", 4, "end", "2024-04-01"), added("events", time="2024-06-02T02:02", system=PERSON, kind="restraint"))),
    Case("an event of someone without a stay", "set aside", "events", "no_stay", 422, all_of(added("systems", system="QX-new", level="person", role="client"), added("events", time="2024-06-02T02:02", system="QX-new", kind="restraint"))),
    Case("a staff injury of a client", "set aside", "events", "kind_of_another_role", 4, cell("events", 4, "system", PERSON)),
    Case("before the window", "set aside", "events", "outside_window", 4, cell("events", 4, "time", "2023-12-31T23:59")),
    Case("after the window", "set aside", "events", "outside_window", 4, cell("events", 4, "time", "2204-05-05T10:00")),
    Case("the same row again", "set aside", "events", "row_repeated", 422, repeated("events", 9)),
    Case("discharged twice", "set aside", "events", "ended_twice", 75, all_of(*(added("events", time=f"2024-12-30T{8 + i // 60:02d}:{i % 60:02d}", system=name, kind="discharge") for i, name in enumerate(CLIENTS)), added("events", time="2024-12-31T10:00", system=PERSON, kind="discharge"), lambda tables: tables["events"].insert(73, tables["events"].pop()))),
    Case("an event after resignation", "warning", "events", "event_after_the_end", 423, all_of(added("events", time="2024-06-01T10:00", system=STAFF[0], kind="resignation"), added("events", time="2024-12-31T10:00", system=STAFF[0], kind="staff_injury"))),
    Case("an incident of two days", "warning", "events", "incident_over_24_hours", 422, all_of(added("events", time="2024-06-01T10:01", system=PERSON, kind="restraint", incident="QX-long"), added("events", time="2024-06-03T10:02", system=PERSON, kind="restraint", incident="QX-long"))),
    Case("times on full hours", "warning", "events", "heap_at_full_hours", 2, every("events", "time", lambda time: time[:14] + "00")),
    Case("times at midnight", "warning", "events", "heap_at_midnight", 2, every("events", "time", lambda time: time[:11] + "00:00")),
    Case("times at a change of shift", "warning", "events", "heap_at_shift_ends", 2, every("events", "time", lambda time: time[:11] + "15:00")),
    Case("entries that come late", "warning", "events", "entry_lags_behind", 2, every("events", "reported", lambda time: f"{int(time[:4]) + 1}{time[4:]}".replace("-02-29", "-03-01"))),
    # Presence, ties, measures, practices
    Case("a shift that ends before it starts", "set aside", "presence", "end_before_start", 9, cell("presence", 9, "end", "2024-01-01")),
    Case("a punch out is missing", "set aside", "presence", "value_missing", 9, cell("presence", 9, "end", "")),
    Case("a shift of three days", "warning", "presence", "shift_over_24_hours", 2, cell("presence", 2, "end", "2024-01-08")),
    Case("shifts that overlap", "warning", "presence", "spells_overlap", 482, added("presence", system=STAFF[0], start="2024-01-05T08:00", end="2024-01-05T16:00", group=UNITS[0])),
    Case("an event on leave", "warning", "events", "event_on_leave", 422, all_of(away(PERSON, "2024-08-01", "2024-09-01"), added("events", time="2024-08-05T05:05", system=PERSON, kind="restraint")), tables=("presence",)),
    Case("an event off shift", "warning", "events", "event_off_shift", 422, added("events", time="2024-08-06T05:05", system=STAFF[0], kind="staff_injury"), tables=("presence",)),
    Case("a group on shift", "set aside", "presence", "group_present", 482, added("presence", system=UNITS[0], start="2024-01-05T08:00", end="2024-01-05T16:00")),
    Case("on shift in a person", "set aside", "presence", "group_is_person", 9, cell("presence", 9, "group", PERSON)),
    Case("a tie to oneself", "set aside", "ties", "tie_to_itself", 9, cell("ties", 9, "target", STAFF[7])),
    Case("a tie without weight", "set aside", "ties", "weight_not_positive", 9, cell("ties", 9, "weight", "0")),
    Case("a tie with an end only", "set aside", "ties", "end_without_start", 9, all_of(cell("ties", 9, "start", ""), cell("ties", 9, "end", "2024-01-01"))),
    Case("a tie the wrong way round", "set aside", "ties", "role_does_not_fit", 9, all_of(cell("ties", 9, "source", CLIENTS[7]), cell("ties", 9, "target", STAFF[7]))),
    Case("the same tie again", "set aside", "ties", "row_repeated", 62, repeated("ties", 9)),
    Case("a mean of no answers", "set aside", "measures", "n_not_positive", 9, cell("measures", 9, "n", "0")),
    Case("a dose of 50", "set aside", "practices", "dose_outside_0_1", 9, cell("practices", 9, "dose", "50")),
    Case("a practice of a person", "set aside", "practices", "group_is_person", 9, cell("practices", 9, "group", PERSON)),
    # agency.toml
    Case("no agency.toml", "warning", "agency.toml", "settings_assumed", toml=None),
    Case("a misspelt setting", "error", "agency.toml", "key_unknown", toml=TOML + "[privacy]\nmin_client = 11\n", says='"min_clients"'),
    Case("a misspelt section", "error", "agency.toml", "key_unknown", toml=TOML + "[privat]\nmin_clients = 11\n", says='"privacy"'),
    Case("TOML with a slip", "error", "agency.toml", "not_toml", toml=TOML + "[privacy\nQX = 1", says="line 5"),
    Case("settings in cp1252", "error", "agency.toml", "encoding_not_utf8", files=beside("agency.toml", "name = 'é'".encode("cp1252"))),
    Case("an unknown time zone", "error", "agency.toml", "setting_invalid", toml='[agency]\ntimezone = "Eastern QX"\n'),
    Case("a window that ends before it starts", "error", "agency.toml", "setting_invalid", toml='[agency]\nwindow = ["2025-01-01", "2024-01-01"]\n'),
    Case("a threshold below the floor", "error", "agency.toml", "setting_invalid", toml=TOML + "[privacy]\nmin_clients = 2\n"),
    Case("a kind of nobody", "error", "agency.toml", "word_unknown", toml=TOML + "[kinds.hold]\nby = 'staff'\n"),
    Case("a domain that is none", "error", "agency.toml", "word_unknown", toml=TOML + "[kinds.hold]\nof = 'client'\ndomains = ['punishments']\n", says='"punishment"'),
    Case("a gap of an unknown group", "error", "agency.toml", "group_unknown", toml=GAP),
    Case("a gap of an unknown kind", "error", "agency.toml", "kind_unknown", toml=TOML + "[[gaps]]\nstart = 2024-06-01\nkinds = ['restrain']\n", says='"restraint"'),
    Case("an acceptance of no rule", "error", "agency.toml", "accept_unknown", toml=TOML + "[accept]\nsystems_unknown = 'x'\n", says='"system_unknown"'),
    Case("an exclusion by no attribute", "error", "agency.toml", "attribute_unknown", toml=TOML + "[privacy]\nexclude = { programme = ['sud'] }\n"),
    # Too much of it
    Case("too many rows of a kind", "error", "events", "too_many_set_aside_of_kind", change=all_of(*(cell("events", 2 + 3 * i, "system", "QX-nobody") for i in range(4)))),
    Case("too many rows of a unit", "error", "memberships", "too_many_set_aside_of_unit", change=all_of(*(cell("memberships", 4 + 2 * i, "end", "2020-01-01") for i in range(4)))),
]  # fmt: skip


def broken(case: Case, folder: Path) -> Path:
    tables = sound_tables()
    if case.change is not None:
        case.change(tables)
    needed = {"systems", "memberships", "events", case.table, *case.tables}
    write_folder(folder, {name: rows for name, rows in tables.items() if name in needed}, case.toml)
    if case.files is not None:
        case.files(folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_rule_that_sets_rows_aside_can_be_accepted_by_its_name():
    assert {case.rule for case in CASES if case.grade == "set aside"} <= set(SET_ASIDE_RULES)


@pytest.mark.parametrize("column", ["kind", "role"])
def test_an_identifier_in_the_wrong_column_is_not_told(column, tmp_path):
    """Not even where it reminds of a known word, as these do."""
    table = "events" if column == "kind" else "systems"
    tables = sound_tables()
    for row, name in zip(tables[table], ("client-0012", "Clienta Smith", "restraint Jones", "staffer Q"), strict=False):
        row[column] = name
    told = str([str(problem) for problem in check_agency(write_folder(tmp_path, tables)).problems])

    assert f"{column}_unknown" in told
    assert not [name for name in ("0012", "Smith", "Jones", "staffer") if name in told]


def test_the_sound_folder_has_no_problem(tmp_path):
    assert check_agency(write_folder(tmp_path, sound_tables())).problems == ()


def test_there_are_enough_kinds_of_broken_records():
    assert len({case.name for case in CASES}) == len(CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_broken_records(case, tmp_path):
    folder = broken(case, tmp_path / "agency")
    before = contents(folder)

    result = check_agency(folder)

    found = [problem for problem in result.problems if problem.rule == case.rule and problem.table == case.table]
    told = "\n".join(str(problem) for problem in result.problems)
    assert found, told
    assert {problem.grade for problem in found} == {case.grade}
    assert case.row in {problem.first_row for problem in found}, told
    assert case.says in told
    assert all(problem.message and problem.mend for problem in result.problems)
    assert SECRET not in told.replace("QX House", "")
    stops = any(problem.grade == "error" for problem in result.problems)
    assert stops == (case.grade == "error"), told
    assert (result.agency is None) == stops
    after = contents(folder)
    if case.toml is None:
        after.pop("agency.toml")
    assert after == before


@pytest.mark.parametrize("case", [case for case in CASES if case.grade == "error"][::7], ids=lambda case: case.name)
def test_errors_stop_reading_with_all_problems_and_their_exit_code(case, tmp_path):
    folder = broken(case, tmp_path / "agency")

    with pytest.raises(RecordError) as refusal:
        read_agency(folder)

    assert refusal.value.exit_code == 1
    assert case.rule in {problem.rule for problem in refusal.value.problems}
    assert SECRET not in str(refusal.value).replace("QX House", "")


def test_a_large_file_with_one_bad_row(tmp_path):
    draw = random.Random(3)  # noqa: S311
    n_rows, bad_row = 100_000, 77_777
    first = dt.datetime(2024, 1, 2)  # noqa: DTZ001 - local clock
    times = [(first + dt.timedelta(minutes=draw.randrange(60, 500_000))).isoformat() for _ in range(n_rows)]
    times[bad_row - 2] = "QX yesterday"
    who = [CLIENTS[draw.randrange(len(CLIENTS))] for _ in range(n_rows)]
    tables = sound_tables()
    del tables["events"]
    folder = write_folder(tmp_path, tables, TOML + "[accept]\nrow_repeated = 'drawn at random'\n")
    pl.DataFrame({"time": times, "system": who, "kind": "restraint"}).write_csv(folder / "events.csv")

    result = check_agency(folder)

    (problem,) = [problem for problem in result.problems if problem.rule == "time_unreadable"]
    assert (problem.grade, problem.count, problem.first_row) == ("set aside", 1, bad_row)
    assert result.agency is not None
    assert SECRET not in str(result.problems)


def test_every_problem_is_told_at_once(tmp_path):
    tables = sound_tables()
    for change in (
        cell("events", 4, "time", "QX"),
        cell("ties", 9, "weight", "-1"),
        cell("systems", 9, "role", "clients"),
        cell("measures", 9, "value", "QX"),
    ):
        change(tables)
    folder = write_folder(
        tmp_path, tables, TOML + "[accept]\nsystems_unknown = 'x'\n[privacy]\nstaff_kinds = 'person'\n"
    )

    rules = {problem.rule for problem in check_agency(folder).problems}

    assert {"time_unreadable", "weight_not_positive", "role_unknown", "number_unreadable", "accept_unknown"} <= rules
