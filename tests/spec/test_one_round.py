"""One run of the check is enough: what is wrong in one place hides nothing that is wrong in another.

Each blocker below is one broken thing that used to hide others. Beside it stands the same set of small mistakes, all over
the folder; all of them must be told with it. And alone it must not be followed by a flood of what would mend itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from antiphon.records import check_agency
from antiphon.records.agency import Problem
from tests.spec.record_folders import CLIENTS, SECRET, STAFF, TOML, UNITS, Tables, sound_tables, write_folder

ALL = ("events", "systems", "memberships", "presence", "ties", "measures", "practices")
HTML = b"<html><body><table><tr><td>QX-client-01</td></tr></table></body></html>"


def american(text: str) -> str:
    return f"{text[5:7]}/{text[8:10]}/{text[:4]}{text[10:]}" if text else ""


def every(table: str, column: str, change: Callable[[str], str]) -> Callable[[Tables], None]:
    def apply(tables: Tables) -> None:
        for row in tables[table]:
            row[column] = change(row[column])

    return apply


def some(table: str, column: str, value: str, rows: range) -> Callable[[Tables], None]:
    def apply(tables: Tables) -> None:
        for number in rows:
            tables[table][number][column] = value

    return apply


def without(table: str, column: str) -> Callable[[Tables], None]:
    def apply(tables: Tables) -> None:
        for row in tables[table]:
            del row[column]

    return apply


def rewritten(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return apply


# Small mistakes: (table, rule) -> how to make it. None concerns a row that a blocker breaks, or is the follow-up of one.
SMALL: dict[tuple[str, str], Callable[[Tables], None]] = {
    ("events", "kind_unknown"): some("events", "kind", "restraintss", range(30, 31)),
    ("events", "system_unknown"): some("events", "system", "QX-nobody", range(33, 34)),
    ("events", "kind_of_another_role"): some("events", "system", STAFF[20], range(36, 37)),
    ("events", "outside_window"): some("events", "time", "2031-05-05T10:07", range(39, 40)),
    ("events", "severity_negative"): some("events", "severity", "-3", range(42, 43)),
    ("events", "entry_lags_behind"): every("events", "reported", lambda _: "2026-03-01T10:00"),
    ("events", "outside_stays"): lambda tables: tables["memberships"][4].update(end="2024-02-01")
    or tables["events"].append(dict(tables["events"][0], time="2024-06-02T02:02", system=CLIENTS[2], kind="restraint")),
    ("systems", "role_unknown"): some("systems", "role", "clientt", range(3, 4)),
    ("memberships", "end_before_start"): some("memberships", "end", "2020-01-01", range(7, 8)),
    ("memberships", "system_unknown"): some("memberships", "member", "QX-nobody", range(3, 4)),
    ("presence", "shift_over_24_hours"): some("presence", "end", "2024-01-08", range(1)),
    ("presence", "system_unknown"): some("presence", "system", "QX-nobody", range(20, 21)),
    ("ties", "relation_unknown"): some("ties", "relation", "case_load", range(3, 4)),
    ("ties", "weight_not_positive"): some("ties", "weight", "0", range(6, 7)),
    ("measures", "n_not_positive"): some("measures", "n", "0", range(3, 4)),
    ("practices", "dose_outside_0_1"): some("practices", "dose", "50", range(3, 4)),
    ("practices", "practice_unknown"): some("practices", "practice", "debriefings", range(5, 6)),
}  # fmt: skip


@dataclass(frozen=True)
class Blocker:
    """One broken thing: how to make it, all that is told of it alone, and the small mistakes that it makes unseeable."""

    name: str
    alone: set[tuple[str, str]]
    change: Callable[[Tables], None] = lambda _: None
    files: Callable[[Path], None] = lambda _: None
    toml: str = TOML
    unseen: set[tuple[str, str]] = field(default_factory=set)


def of(table: str, *rules: str) -> set[tuple[str, str]]:
    return {(table, rule) for rule in rules}


OF_TIME = of("events", "outside_window", "entry_lags_behind", "outside_stays")
OF_STAYS = of("memberships", "end_before_start") | of("events", "outside_stays")
BLOCKERS = [
    Blocker("no event has a date that can be read", of("events", "time_unreadable", "too_many_set_aside_of_kind", "too_many_set_aside_of_unit"),
            every("events", "time", american), unseen=OF_TIME),
    Blocker("nor is there a window", of("events", "time_unreadable", "too_many_set_aside_of_kind", "too_many_set_aside_of_unit"),
            every("events", "time", american), toml='[agency]\ntimezone = "America/New_York"\n', unseen=OF_TIME),
    Blocker("no stay has a date that can be read", of("memberships", "time_unreadable", "too_many_set_aside_of_kind", "too_many_set_aside_of_unit"),
            every("memberships", "start", american), unseen=OF_STAYS),
    Blocker("the stays of some have no date that can be read", of("memberships", "time_unreadable", "too_many_set_aside_of_kind", "too_many_set_aside_of_unit") | of("events", "stay_set_aside"),
            some("memberships", "start", "06/01/2023", range(20, 32))),
    Blocker("unknown roles", of("systems", "role_unknown"), some("systems", "role", "youthh", range(13, 43))),
    Blocker("levels left empty", of("systems", "value_missing", "too_many_set_aside_of_kind") | {(table, "system_set_aside") for table in ("events", "memberships", "ties", "measures")},
            some("systems", "level", "", range(13, 23))),
    Blocker("unknown kinds", of("events", "kind_unknown"), every("events", "kind", lambda kind: f"QX {kind} xyz"),
            unseen=of("events", "kind_of_another_role")),
    Blocker("systems is a web page", of("systems", "file_is_html"), files=rewritten("systems.csv", lambda _: HTML),
            unseen={key for key in SMALL if key[1] in ("system_unknown", "role_unknown", "kind_of_another_role")}),
    Blocker("systems has no roles", of("systems", "column_missing"), without("systems", "role"),
            unseen=of("systems", "role_unknown") | of("events", "kind_of_another_role")),
    Blocker("memberships has no starts", of("memberships", "column_missing"), without("memberships", "start"), unseen=OF_STAYS),
    Blocker("memberships is a web page", of("memberships", "file_is_html"), files=rewritten("memberships.csv", lambda _: HTML),
            unseen=OF_STAYS | of("memberships", "system_unknown")),
    Blocker("events has no kinds", of("events", "column_missing"), without("events", "kind"),
            unseen=of("events", "kind_unknown", "kind_of_another_role", "entry_lags_behind", "outside_stays")),
    Blocker("a column of events twice", of("events", "column_in_two_spellings"),
            files=rewritten("events.csv", lambda data: data.replace(b"target", b"Duration", 1))),
    Blocker("semicolons", of("events", "separator_not_comma"), files=rewritten("events.csv", lambda data: data.replace(b",", b";"))),
    Blocker("cp1252", of("events", "encoding_not_utf8"), files=rewritten("events.csv", lambda data: data.replace(b"QX-0001", b"QX-\xe9")) ),
    Blocker("UTF-16 with tabs", of("events", "encoding_utf16"), files=rewritten("events.csv", lambda data: data.decode().replace(",", "\t").encode("utf-16"))),
    Blocker("a row longer than the header", of("events", "row_longer_than_header"),
            files=rewritten("events.csv", lambda data: data.replace(b"QX-0001", b"QX,QX,QX,QX,QX"))),
    Blocker("a setting that is none", of("agency.toml", "key_unknown"), toml=TOML + "[privacy]\nmin_client = 11\n"),
    Blocker("a time zone that is none", of("agency.toml", "setting_invalid"), toml=TOML.replace("New_York", "QX")),
    Blocker("a window backwards", of("agency.toml", "setting_invalid"), toml=TOML.replace("2025", "2020"), unseen=of("events", "outside_window")),
    Blocker("a gap without a start", of("agency.toml", "setting_invalid"), toml=TOML + '[[gaps]]\nend = "2024-06-01"\n'),
    Blocker("an own kind of nobody", of("agency.toml", "word_unknown"), some("events", "kind", "hold", range(60, 90)),
            toml=TOML + '[kinds.hold]\nof = "clint"\n'),
    Blocker("settings that are no TOML", of("agency.toml", "not_toml"), some("events", "kind", "hold", range(60, 90)),
            toml=TOML + '[kinds.hold]\nof = "client\n',
            unseen={key for key in SMALL if key[1] in ("kind_unknown", "role_unknown", "relation_unknown", "kind_of_another_role", "outside_window", "practice_unknown")}),
]  # fmt: skip


def found(folder: Path, blocker: Blocker | None, small: set[tuple[str, str]]) -> tuple[Problem, ...]:
    """What is told of a folder with a blocker and small mistakes."""
    tables = sound_tables()
    for change in (SMALL[key] for key in SMALL if key in small):
        change(tables)
    if blocker is not None:
        blocker.change(tables)
    write_folder(folder, tables, TOML if blocker is None else blocker.toml)
    if blocker is not None:
        blocker.files(folder)
    return check_agency(folder).problems


def pairs(problems: tuple[Problem, ...]) -> set[tuple[str, str]]:
    return {(problem.table, problem.rule) for problem in problems}


def test_the_small_mistakes_are_all_told_together(tmp_path):
    problems = found(tmp_path, None, set(SMALL))

    assert set(SMALL) <= pairs(problems)
    assert SECRET not in str([str(problem) for problem in problems])


@pytest.mark.parametrize("blocker", BLOCKERS, ids=lambda blocker: blocker.name)
def test_nothing_hides_the_small_mistakes(blocker, tmp_path):
    wanted = set(SMALL) - blocker.unseen

    problems = found(tmp_path, blocker, set(SMALL))

    assert wanted <= pairs(problems), wanted - pairs(problems)
    assert SECRET not in str([str(problem) for problem in problems])


@pytest.mark.parametrize("blocker", BLOCKERS, ids=lambda blocker: blocker.name)
def test_one_broken_thing_is_not_followed_by_a_flood(blocker, tmp_path):
    problems = found(tmp_path, blocker, set())

    assert pairs(problems) == blocker.alone
    assert len(problems) <= len(blocker.alone) + 3  # the same rule in several columns


def test_everything_that_is_wrong_with_one_row_is_told(tmp_path):
    tables = sound_tables()
    tables["events"][5] |= {"time": "01/17/2024", "system": "QX-nobody", "kind": "restraintss", "severity": "many"}
    tables["memberships"][9] |= {"member": "QX-nobody", "group": "QX-nowhere", "start": "01/17/2024"}
    tables["memberships"][10] |= {"group": "QX-nowhere", "end": "2020-01-01"}
    tables["presence"][4] |= {"system": "QX-nobody", "start": "", "group": "QX-nowhere"}
    tables["ties"][7] |= {"source": "QX-nobody", "weight": "-1", "start": "long ago", "end": "2024-01-01"}
    write_folder(tmp_path, tables)

    told = {
        (p.table, p.rule, p.column)
        for p in check_agency(tmp_path).problems
        if not p.rule.startswith("too_many_set_aside")
    }

    assert told >= {
        ("events", "time_unreadable", "time"),
        ("events", "system_unknown", "system"),
        ("events", "kind_unknown", "kind"),
        ("events", "number_unreadable", "severity"),
        ("memberships", "time_unreadable", "start"),
        ("memberships", "system_unknown", "member"),
        ("memberships", "system_unknown", "group"),
        ("memberships", "end_before_start", "end"),
        ("presence", "value_missing", "start"),
        ("presence", "system_unknown", "system"),
        ("presence", "system_unknown", "group"),
        ("ties", "system_unknown", "source"),
        ("ties", "weight_not_positive", "weight"),
        ("ties", "time_unreadable", "start"),
    }
    assert ("ties", "end_without_start", "start") not in told  # it has one, which cannot be read
    assert ("events", "date_without_clock", "time") not in told


def test_columns_under_their_usual_names_are_told_and_checked(tmp_path):
    tables = sound_tables()
    SMALL[("events", "kind_unknown")](tables)
    SMALL[("events", "outside_window")](tables)
    SMALL[("memberships", "end_before_start")](tables)
    write_folder(tmp_path, tables)
    for name, old, new in (
        ("events.csv", "time,system,kind", "Date/Time,Client #,Incident Type"),
        ("memberships.csv", "member,group,start,end", "Client ID,House,Admitted,Discharged"),
    ):
        text = (tmp_path / name).read_text()
        assert text.startswith(old)
        (tmp_path / name).write_text(text.replace(old, new, 1))

    problems = check_agency(tmp_path).problems

    missing = {(p.table, p.column): p.mend for p in problems if p.rule == "column_missing"}
    assert set(missing) == {
        *(("events", name) for name in ("time", "system", "kind")),
        *(("memberships", name) for name in ("member", "group", "start")),
    }
    assert 'Call column 1 "time"' in missing[("events", "time")]
    assert {("events", "kind_unknown"), ("events", "outside_window")} <= pairs(problems)
    (unread,) = [p for p in problems if p.rule == "column_not_read"]
    assert (unread.table, unread.column) == ("memberships", "end")  # an optional column is not guessed
    assert 'If it is "end", call it so' in unread.mend


def test_rows_set_aside_take_nothing_else_with_them(tmp_path):
    """Few enough of them: the work goes on, and what named them is set aside with a word that says where to mend."""
    tables = sound_tables()
    tables["systems"][3 + 12] |= {"level": ""}
    tables["memberships"][2 + 13] |= {"start": "01/17/2024"}
    tables["memberships"].append({"member": CLIENTS[15], "group": UNITS[0], "start": "2022-01-01", "end": "2022-02-01"})
    result = check_agency(write_folder(tmp_path, tables, TOML + ACCEPTED))

    assert result.agency is not None
    named = {*result.agency.events["system"], *result.agency.memberships["member"], *result.agency.ties["target"]}
    assert CLIENTS[12] not in {*named, *result.agency.systems["system"]}
    assert CLIENTS[13] not in {*result.agency.events["system"], *result.agency.memberships["member"]}
    lost = {(p.table, p.rule): p.count for p in result.problems if p.grade == "set aside"}
    n_events = {name: sum(row["system"] == name for row in tables["events"]) for name in CLIENTS}
    assert lost[("events", "system_set_aside")] == n_events[CLIENTS[12]]
    assert lost[("events", "stay_set_aside")] == n_events[CLIENTS[13]]
    assert result.agency.events.height == len(tables["events"]) - n_events[CLIENTS[12]] - n_events[CLIENTS[13]]


ACCEPTED = """
[accept]
system_set_aside = "x"
stay_set_aside = "x"
value_missing = "x"
time_unreadable = "x"
"""
