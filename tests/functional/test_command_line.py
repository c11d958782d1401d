"""The command line as a user meets it: what it prints, what it leaves behind, with which exit code."""

import json

import polars as pl
import pytest
from click.testing import CliRunner

from antiphon.cli import main

EVENTS = "time,system,kind\n2024-01-02 10:00,c1,restraint\n2024-01-03 11:30,c2,aggression_physical\n"
SETTINGS = '[agency]\nname = "Small"\ntimezone = "Europe/London"\nwindow = ["2024-01-01", "2024-04-01"]\n'


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="antiphon")


@pytest.fixture
def small(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "events.csv").write_text(EVENTS)
    (folder / "agency.toml").write_text(SETTINGS)
    return folder


@pytest.fixture
def broken(small):
    (small / "events.csv").write_text("time,system,kind\nlast Tuesday,Jane Doe,restrant\n")
    return small


def test_help_and_version():
    assert run("--version").output.startswith("antiphon ")
    for name in ("demo", "init", "import", "check", "pseudonymise", "analyse"):
        assert run(name, "--help").exit_code == 0
        assert name in run("--help").output


@pytest.mark.parametrize("name", ["analyze", "pseudonymize"])
def test_american_spellings_work(name):
    assert run(name, "--help").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["anlyse"], 'Did you mean "analyse"'),
        (["check"], "Missing argument"),
        (["check", "no-such-folder"], "does not exist"),
        (["analyse", "."], "--out"),
        (["demo", "--seed", "-1"], "seed"),
    ],
)
def test_wrong_use_is_code_2_and_says_what_is_right(arguments, words):
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_init_makes_a_folder_that_check_understands(tmp_path):
    folder = tmp_path / "new"
    result = run("init", folder)
    assert result.exit_code == 0
    assert (folder / "agency.toml").exists()
    assert "events" in result.output
    checked = run("check", folder)
    assert checked.exit_code == 1  # no event yet
    assert "Traceback" not in checked.output


def test_init_does_not_touch_a_folder_that_is_not_empty(small):
    before = {path.name: path.read_text() for path in small.iterdir()}
    assert run("init", small).exit_code == 2
    assert {path.name: path.read_text() for path in small.iterdir()} == before


def test_check_of_sound_records_shows_them_at_a_glance(small):
    result = run("check", small)
    assert result.exit_code == 0, result.output
    assert "restraints" in result.output
    assert "2024" in result.output


def test_rates_of_a_role_of_ones_own_are_per_days_of_that_role(small):
    (small / "agency.toml").write_text(SETTINGS + '[roles]\nguest = "person"\n[kinds.restraint]\nof = "guest"\n')
    (small / "memberships.csv").write_text("member,group,start,end\nc1,east,2023-01-01,\nc2,east,2023-01-01,\n")
    result = run("check", small)
    assert result.exit_code == 0, result.output
    shown = [line.split() for line in result.output.splitlines() if line.strip()]
    assert ["days", "of", "guests,", "leave", "removed", "91"] in shown
    assert ["client-days,", "leave", "removed", "91"] in shown
    assert "per 1,000 days of guests" in result.output
    assert ["restraints", "1", "(11.0)"] in shown


def test_check_for_machines_is_one_json_document(small):
    document = json.loads(run("check", small, "--json").stdout)
    assert set(document) == {"problems", "glance"}
    assert document["glance"]


def test_check_of_broken_records_is_code_1_and_repeats_no_value(broken):
    for options in ([], ["--json"]):
        result = run("check", broken, *options)
        assert result.exit_code == 1
        assert "Jane" not in result.output
        assert "Tuesday" not in result.output
    assert "row 2" in run("check", broken).output


def test_the_list_of_problems_holds_the_rows_for_whoever_mends_them(broken, tmp_path):
    listed = tmp_path / "problems.xlsx"
    result = run("check", broken, "--list", listed)
    assert result.exit_code == 1
    frame = pl.read_excel(listed, sheet_name="events", engine="calamine")
    assert any("last Tuesday" in row for row in frame.iter_rows())
    assert {path.name for path in tmp_path.iterdir()} == {"small", "problems.xlsx"}


def test_analyse_of_broken_records_leaves_nothing_behind(broken, tmp_path):
    result = run("analyse", broken, "--out", tmp_path / "results")
    assert result.exit_code == 1
    assert "Jane" not in result.output
    assert "Traceback" not in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_errors_for_machines_are_json_too(broken, tmp_path):
    result = run("analyse", broken, "--out", tmp_path / "results", "--json")
    document = json.loads(result.stdout)
    assert document["exit_code"] == result.exit_code == 1
    assert {problem["table"] for problem in document["problems"]} >= {"events"}


def test_too_few_records_end_in_words(small, tmp_path):
    result = run("analyse", small, "--out", tmp_path / "results")
    assert result.exit_code in (0, 3)
    assert "Traceback" not in result.output
    assert (tmp_path / "results").exists() == (result.exit_code == 0)


@pytest.mark.parametrize("place", ["small", "notes"])
def test_results_never_replace_files_that_are_not_results(small, tmp_path, place):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "minutes.txt").write_text("keep me")
    result = run("analyse", small, "--out", tmp_path / place)
    assert result.exit_code == 2
    assert (tmp_path / "notes" / "minutes.txt").read_text() == "keep me"
    assert (small / "events.csv").read_text() == EVENTS


def test_pseudonymise_replaces_identifiers_and_says_what_it_cannot_do(small, tmp_path):
    result = run("pseudonymise", small, tmp_path / "coded", "--key", tmp_path / "secret.key")
    assert result.exit_code == 0, result.output
    assert "not make the records anonymous" in result.output
    texts = [path.read_text() for path in (tmp_path / "coded").glob("*.csv")]
    assert texts
    assert not any("c1" in text.split(",") for text in texts)
