"""What leaves the records on purpose: pseudonymised copies and private lists; and the empty folder to begin with."""

import datetime as dt
import os
import stat
import tomllib

import polars as pl
import pytest

from antiphon.errors import RecordError, SpecificationError
from antiphon.records import (
    check_agency,
    glance,
    init_agency,
    pseudonymise,
    read_agency,
    write_problem_list,
)
from tests.spec.record_folders import CLIENTS, SECRET, STAFF, TOML, UNITS, sound_tables, write_folder

PRIVATE_TOML = (
    TOML
    + """
[kinds.escort_hold]
of = "client"
label = "QX holds on the way to the QX wing"

[privacy]
keep = ["age_band"]
marking = "QX Confidential"

[[gaps]]
group = "QX-ward-a"
start = "2024-06-01"
end = "2024-06-08"
kinds = ["restraint"]
why = "QX changed the forms"
"""
)


@pytest.fixture
def folder(tmp_path):
    tables = sound_tables()
    for number, row in enumerate(tables["systems"]):
        row |= {"age_band": "13-17" if number % 2 else "18-25", "diagnosis": f"{SECRET} something"}
    extra = [("policy_change", "QX-house"), ("legislation", "QX-state"), ("escort_hold", "QX-client-20")]
    for kind, system in extra:
        tables["events"].append({"time": "2024-08-01T10:00", "system": system, "kind": kind})
    tables["systems"].append({"system": "QX-state", "level": "environment", "role": "environment"})
    return write_folder(tmp_path / "agency", tables, PRIVATE_TOML)


def copied(folder, name="copy"):
    out = folder.parent / name
    result = pseudonymise(folder, out, folder.parent / "key.txt")
    return out, result


def test_no_identifier_name_or_free_text_survives(folder):
    out, _ = copied(folder)

    everything = "\n".join(path.read_text() for path in out.iterdir())
    assert SECRET not in everything
    assert "diagnosis" not in everything
    assert "13-17" in everything
    assert "2024-08-01" not in everything


def test_the_copy_says_the_same_about_the_agency(folder):
    key = folder.parent / "key.txt"  # a chosen one: some offsets move an event into the hour that spring skips
    key.write_text("5a" * 32 + "\n", encoding="ascii")
    key.chmod(0o600)
    out, _ = copied(folder)
    before, after = read_agency(folder), read_agency(out)

    assert after.problems == ()
    assert after.events.height == before.events.height - 2
    assert glance(after).exposure["client_days"].sum() == pytest.approx(2 * 366 * 60, rel=1e-9)
    for kind in ("restraint", "aggression_physical", "staff_injury"):
        times = [a.events.filter(kind=kind)["time"] for a in (before, after)]
        zone = before.settings.agency.timezone
        local = [t.dt.convert_time_zone(zone).dt.replace_time_zone(None) for t in times]
        assert len(set((local[0] - local[1]).to_list())) == 1


def test_dates_move_by_whole_weeks(folder):
    out, _ = copied(folder)
    before, after = (tomllib.loads((place / "agency.toml").read_text()) for place in (folder, out))

    moved = [
        dt.date.fromisoformat(old) - dt.date.fromisoformat(new)
        for old, new in zip(before["agency"]["window"], after["agency"]["window"], strict=True)
    ]
    assert moved[0] == moved[1]
    assert moved[0].days % 7 == 0
    assert moved[0].days > 0
    assert dt.date.fromisoformat(after["gaps"][0]["start"]) == dt.date(2024, 6, 1) - moved[0]
    assert after["gaps"][0]["group"].startswith("unit ")


def test_identifiers_are_codes_and_groups_are_numbered(folder):
    out, _ = copied(folder)
    systems = read_agency(out).systems

    people = systems.filter(level="person")["system"]
    assert people.str.contains("^[0-9a-f]{12}$").all()
    assert people.n_unique() == 100
    assert set(systems.filter(level="unit")["system"]) == {"unit 1", "unit 2"}


def test_the_same_key_gives_the_same_copy_and_another_key_another(folder):
    first, _ = copied(folder, "a")
    again, _ = copied(folder, "b")
    (folder.parent / "key.txt").unlink()
    other, _ = copied(folder, "c")

    texts = [(out / "memberships.csv").read_text() for out in (first, again, other)]
    assert texts[0] == texts[1] != texts[2]


def test_environment_events_and_own_kinds_stay_behind_unless_kept(folder):
    _, result = copied(folder)
    assert result.dropped == {"environment": 1, "kind of the agency's own": 1}

    path = folder / "agency.toml"
    path.write_text(path.read_text().replace('"age_band"', '"age_band", "escort_hold", "legislation"'))
    out, result = copied(folder, "kept")
    assert result.dropped == {}
    assert {"escort_hold", "legislation"} <= set(read_agency(out).events["kind"])


def test_what_is_outside_the_organisation_stays_behind_whatever_it_is_called(folder):
    path = folder / "agency.toml"
    levels = {"order": ["world", "agency", "house", "person"], "unit": "house", "organisation": "agency"}
    kinds = '[kinds.policy_change]\nof = "agency"\n[kinds.legislation]\nof = "world"\n'
    path.write_text(
        f"{path.read_text()}{kinds}[levels]\n" + "".join(f"{key} = {value!r}\n" for key, value in levels.items())
    )
    systems = folder / "systems.csv"
    names = {"environment": "world", "organisation": "agency", "unit": "house"}
    text = systems.read_text()
    for shared, own in names.items():
        text = text.replace(f",{shared},{shared},", f",{own},{own},")
    systems.write_text(text)
    out, result = copied(folder)

    assert result.dropped == {"environment": 1, "kind of the agency's own": 1}
    assert tomllib.loads((out / "agency.toml").read_text())["levels"] == levels
    assert "policy_change" in set(read_agency(out).events["kind"])


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX")
def test_covariates_of_attributes_that_stay_behind_are_left_out_of_the_copy(folder):
    path = folder / "agency.toml"
    terms = ["attribute:age_band", "attribute:diagnosis>client", "census:unit", "staffing:unit"]
    path.write_text(f"{path.read_text()}\n[model]\ncovariates = {terms}\nreceptivity = ['attribute:diagnosis']\n")
    out, _ = copied(folder)

    model = tomllib.loads((out / "agency.toml").read_text())["model"]
    assert model["covariates"] == ["attribute:age_band", "staffing:unit"]
    assert model["receptivity"] == []


def test_half_lives_and_delays_are_those_of_the_copy(folder):
    path = folder / "agency.toml"
    path.write_text(f'{path.read_text()}\n[model]\nhalf_lives = ["8h", "delay:10d:3"]\n')
    out, _ = copied(folder)

    kept, copy = read_agency(folder).settings.model, read_agency(out).settings.model
    assert [kernel.order for kernel in copy.half_lives] == [1, 3]
    assert [kernel.half_life for kernel in copy.half_lives] == pytest.approx([k.half_life for k in kept.half_lives])


def test_only_its_owner_can_read_the_key(folder):
    copied(folder)
    key = folder.parent / "key.txt"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600

    key.chmod(0o644)
    with pytest.raises(SpecificationError):
        copied(folder, "again")


@pytest.mark.parametrize("place", ["agency/key.txt", "copy/key.txt"])
def test_the_key_does_not_lie_with_the_records(folder, place):
    with pytest.raises(SpecificationError):
        pseudonymise(folder, folder.parent / "copy", folder.parent / place)


@pytest.mark.parametrize("content", ["", "no key", "abcd"])
def test_a_file_that_holds_no_key_is_refused(folder, content):
    key = folder.parent / "key.txt"
    key.write_text(content)
    key.chmod(0o600)
    with pytest.raises(SpecificationError):
        pseudonymise(folder, folder.parent / "copy", key)


def test_nothing_is_overwritten_and_nothing_half_written(folder):
    out = folder.parent / "copy"
    out.mkdir()
    (out / "mine.txt").write_text("keep me")
    with pytest.raises(SpecificationError):
        copied(folder)

    (folder / "events.csv").write_text("time,system\n")
    with pytest.raises(RecordError):
        copied(folder, "broken")
    assert sorted(path.name for path in folder.parent.iterdir()) == ["agency", "copy"]


def test_discipline_stays_with_the_unit_in_the_copy(tmp_path):
    tables = sound_tables()
    tables["events"].append({"time": "2024-08-01T10:00", "system": STAFF[0], "kind": "discipline"})
    out = tmp_path / "copy"
    pseudonymise(write_folder(tmp_path / "agency", tables), out, tmp_path / "key.txt")

    assert read_agency(out).events.filter(kind="discipline")["system"].str.contains("^unit ").all()


# The private list


def test_the_list_of_problems_holds_the_rows_with_their_values(tmp_path):
    tables = sound_tables()
    tables["ties"][7]["weight"] = "-1"
    tables["ties"][8]["source"] = '=HYPERLINK("x")'
    folder = write_folder(tmp_path / "agency", tables)
    path = tmp_path / "problems.xlsx"

    write_problem_list(check_agency(folder), path)

    rows = pl.read_excel(path, sheet_name="ties", infer_schema_length=0)
    assert rows["rule"].to_list() == ["weight_not_positive", "system_unknown"]
    assert rows["source_row"].cast(pl.Int64).to_list() == [9, 10]
    assert rows["weight"][0] == "-1"
    assert rows["source"].to_list() == [STAFF[7], '=HYPERLINK("x")']
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_the_list_sums_up_unknown_words_so_that_one_sees_what_to_translate(tmp_path):
    tables = sound_tables()
    kinds = {"Restraints (held)": 30, "PHYS AGG": 12, CLIENTS[3]: 4, f"{UNITS[0]} ": 2}
    rows = iter(tables["events"])
    for kind, n in kinds.items():
        for _ in range(n):
            next(rows)["kind"] = kind
    tables["systems"][5]["role"] = "youth"
    path = tmp_path / "problems.xlsx"

    write_problem_list(check_agency(write_folder(tmp_path / "agency", tables)), path)

    words = pl.read_excel(path, sheet_name="words", infer_schema_length=0)
    assert words.columns == ["table", "column", "as written", "rows", "nearest known word"]
    assert words.rows() == [
        ("events", "kind", "Restraints (held)", "30", "restraint"),
        ("events", "kind", "PHYS AGG", "12", None),
        ("events", "kind", "(identifiers, where words should be: 2)", "6", None),
        ("systems", "role", "youth", "1", None),
    ]


def test_the_list_has_no_words_where_all_are_known(tmp_path):
    tables = sound_tables()
    tables["ties"][7]["weight"] = "-1"
    path = tmp_path / "problems.xlsx"
    write_problem_list(check_agency(write_folder(tmp_path / "agency", tables)), path)

    assert set(pl.read_excel(path, sheet_id=0)) == {"problems", "ties"}


def test_the_list_of_problems_is_a_workbook(tmp_path):
    result = check_agency(write_folder(tmp_path, sound_tables()))
    with pytest.raises(SpecificationError):
        write_problem_list(result, tmp_path / "problems.csv")


# The empty folder


def test_the_empty_folder_explains_itself_and_wants_events(tmp_path):
    init_agency(tmp_path / "new")

    readme = (tmp_path / "new" / "README.md").read_text()
    assert all(word in readme for word in ("events", "memberships", "first moment NOT in it"))
    with pytest.raises(RecordError) as refusal:
        read_agency(tmp_path / "new")
    assert {problem.rule for problem in refusal.value.problems} == {"table_empty"}


def test_every_example_in_the_explained_settings_is_valid(tmp_path):
    init_agency(tmp_path / "new")
    lines = (tmp_path / "new" / "agency.toml").read_text().splitlines()
    examples = [
        line[2:] if line.startswith("# ") else line
        for line in lines[
            3 : lines.index("# Event kinds of the shared framework, by whose they are (they need no entry):")
        ]
    ]
    folder = write_folder(tmp_path / "filled", sound_tables(), "\n".join(examples).replace('"unit-4"', f'"{UNITS[0]}"'))

    rules = {problem.rule for problem in check_agency(folder).problems if problem.grade == "error"}
    assert rules <= {"attribute_unknown"}  # the example of an attribute to exclude by, which these records do not have


def test_one_line_of_events_is_all_it_takes(tmp_path):
    init_agency(tmp_path / "new")
    with (tmp_path / "new" / "events.csv").open("a") as file:
        file.write("2024-05-05T10:01,c1,restraint,,,,,,\n")

    assert read_agency(tmp_path / "new").events.height == 1


def test_an_existing_folder_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(SpecificationError):
        init_agency(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]
