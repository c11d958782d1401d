"""From records to a report with one command: the demonstration finds its truth, and a second run the same bytes."""

import json

import pytest
from click.testing import CliRunner

from antiphon.cli import main
from antiphon.synthetic import write_network


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="antiphon")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "out"
    result = run("demo", "--out", out, "--json")
    assert result.exit_code == 0, result.output
    return out, json.loads(result.stdout)


def test_the_demonstration_leaves_a_report_an_agency_and_its_truth(demo):
    out, document = demo
    assert {path.name for path in out.iterdir()} == {
        "report.html",
        "findings.json",
        "tables",
        "tables.xlsx",
        "maple-house",
        "maple-house.truth.json",
    }
    assert document["report"] == str(out / "report.html")


def test_the_demonstration_finds_its_truth(demo):
    _, document = demo
    # Under 1,000 couplings are tested with a false discovery rate of 5 %: of some 15 claims, four false ones would be
    # more than four standard errors from the one that may be expected.
    assert document["false_finds"] <= 4
    judged = [row for row in document["truth"]["couplings"] if row["verdict"].startswith("interval")]
    assert len(judged) >= 6
    # 95 % intervals, of those chosen by being claimed: half is far below what chance would leave.
    assert sum(row["verdict"] == "interval covers the truth" for row in judged) > len(judged) / 2
    answers = [row for row in document["truth"]["responses"] if row["found"] is not None]
    assert answers
    assert all(abs(row["found"] - row["truth"]) < 0.15 for row in answers)


def test_every_echo_lies_in_its_interval(demo):
    out, _ = demo
    couplings = json.loads((out / "findings.json").read_text(encoding="utf-8"))["couplings"]
    known = [row for row in couplings if row["low"] is not None and row["high"] is not None]
    assert len(known) > 100
    assert all(row["low"] <= row["echoes"] <= row["high"] for row in known)


def test_the_results_hold_no_identifier_of_a_person(demo):
    out, _ = demo
    rows = (out / "maple-house" / "systems.csv").read_text(encoding="utf-8").splitlines()
    people = [row.split(",")[0] for row in rows[1:] if row.split(",")[1] == "person"]
    assert len(people) > 100
    text = (out / "findings.json").read_text(encoding="utf-8") + (out / "report.html").read_text(encoding="utf-8")
    assert [person for person in people if f'"{person}"' in text or f">{person}<" in text] == []


def test_a_second_run_gives_the_same_bytes_and_replaces_the_first(tmp_path):
    write_network(tmp_path / "small", n_organisations=1, seed=3)
    assert run("analyse", tmp_path / "small", "--out", tmp_path / "first").exit_code == 0
    assert run("analyse", tmp_path / "small", "--out", tmp_path / "second").exit_code == 0
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert {path.name for path in tmp_path.iterdir()} == {"small", "small.truth.json", "first", "second"}
