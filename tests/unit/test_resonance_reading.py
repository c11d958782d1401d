"""From a small agency folder to findings: every table, its columns, and what its sentences may not say."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from antiphon.design import build_design
from antiphon.hawkes import fit_design
from antiphon.inference import infer
from antiphon.records import read_agency
from antiphon.release import release_findings
from antiphon.resonance import Findings, read_off
from antiphon.resonance.attribution import COMPONENTS
from antiphon.resonance.behind import BEHIND
from antiphon.resonance.notes import in_words

SETTINGS = """
[agency]
name = "Small House"
timezone = "Europe/London"
window = ["2024-01-01", "2024-10-01"]

[model]
half_lives = ["2d"]
channels = ["self", "peers:unit:client>client", "peers:unit:client>staff"]
"""
FORBIDDEN = re.compile(r"\b(cause[sd]?|due to|because|contagion|influence[sd]?|risk of|worst)\b", re.IGNORECASE)
TABLES = (
    "rates", "couplings", "responses", "response_contrasts", "echoed", "branching_ratio", "attribution", "ladder", "loops", "diagnostics", "detectable",
    "parallel", "nodes",
)  # fmt: skip


def small_house(folder: Path) -> None:
    """Two units of twelve clients and ten staff; restraint answers half of the aggression, and both echo a little."""
    generator = np.random.default_rng(8)
    people = [(f"c{i}", "client", f"u{i % 2}") for i in range(24)] + [
        (f"s{i}", "staff", f"u{i % 2}") for i in range(20)
    ]
    systems = [(name, "person", role) for name, role, _ in people]
    systems += [("u0", "unit", "unit"), ("u1", "unit", "unit"), ("house", "organisation", "organisation")]
    stays = [(name, unit, "2023-12-01") for name, _, unit in people] + [("u0", "house", ""), ("u1", "house", "")]
    start, events = dt.datetime.fromisoformat("2024-01-01"), []
    for number, day in enumerate(np.sort(generator.uniform(0, 274, 260))):
        incident, client = f"i{number}", int(generator.integers(24) ** 2 / 24)
        events.append((day, f"c{client}", "aggression_physical", incident))
        if generator.random() < 0.5:
            events.append((day, f"c{client}", "restraint", incident))
        if generator.random() < 0.3:
            events.append((day, f"s{2 * int(generator.integers(10)) + client % 2}", "staff_injury", incident))
    rows = [
        (str((start + dt.timedelta(days=day)).replace(microsecond=0)).replace(" ", "T"), *rest) for day, *rest in events
    ]
    folder.mkdir(exist_ok=True)
    (folder / "agency.toml").write_text(SETTINGS, encoding="utf-8")
    for name, columns, table in (
        ("systems", ["system", "level", "role"], systems),
        ("memberships", ["member", "group", "start"], [(*row[:2], row[2] or "2023-01-01") for row in stays]),
        ("events", ["time", "system", "kind", "incident"], rows),
    ):
        pl.DataFrame(table, schema=columns, orient="row").write_csv(folder / f"{name}.csv")


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory):
    """The agency and its findings."""
    folder = tmp_path_factory.mktemp("agency") / "small-house"
    small_house(folder)
    agency = read_agency(folder)
    return agency, read_off(agency, infer(fit_design(build_design(agency))))


@pytest.fixture(scope="module")
def findings(read) -> Findings:
    return read[1]


@pytest.mark.parametrize("name", TABLES)
def test_every_row_says_who_stands_behind_it(findings: Findings, name: str) -> None:
    table = getattr(findings, name)
    assert set(BEHIND) <= set(table.columns)
    assert table.select(list(BEHIND)).null_count().sum_horizontal().sum() == 0


def test_shares_of_each_kind_sum_to_one(findings: Findings) -> None:
    sums = findings.attribution.group_by("kind").agg(pl.col("direct", "root").sum(), pl.col("component").n_unique())
    for kind, direct, root, components in sums.iter_rows():
        assert direct == pytest.approx(1.0), kind
        assert root == pytest.approx(1.0), kind
        assert components == len(COMPONENTS)
    assert (findings.attribution["low"] <= findings.attribution["direct"]).all()
    assert (findings.attribution["direct"] <= findings.attribution["high"]).all()


def test_half_of_the_incidents_are_answered(findings: Findings) -> None:
    row = findings.responses.filter(first_kind="aggression_physical", second_kind="restraint").row(0, named=True)
    assert row["n"] == row["n_recorded"] == 260
    assert row["share"] == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 260))
    assert row["low"] < 0.5 < row["high"]
    assert row["odds_low"] < 1.0 < row["odds_high"]
    inside = findings.couplings.filter(channel="self", source_kind="aggression_physical", target_kind="restraint")
    assert inside.item(0, "within_incident_share") == row["share"]


def test_what_shares_an_incident_is_no_echo(findings: Findings) -> None:
    # restraints and injuries stand in the same incidents as aggression and follow nothing: no coupling is claimed
    assert findings.couplings.filter("claimed").is_empty()
    assert findings.branching_ratio.item(0, "low") < 0.2


def test_records_say_what_was_read(findings: Findings) -> None:
    assert findings.records["window"] == ["2024-01-01", "2024-10-01"]
    assert findings.records["systems"]["client"] == 24
    assert findings.records["events"]["aggression_physical"] == 260
    assert findings.records["client_days"] == pytest.approx(24 * 274, rel=0.01)
    assert findings.settings["half_lives"] == ["2 days"]


def test_warnings_are_plain_and_say_nothing_forbidden(findings: Findings) -> None:
    codes = {code for code, _ in findings.warnings}
    assert {"few_units", "one_organisation", "no_presence"} <= codes
    for _, text in findings.warnings:
        assert text.endswith(".")
        assert not FORBIDDEN.search(text), text
        assert not re.search(r"\b[cs]\d+\b", text), text


def test_findings_pass_disclosure_control(read) -> None:
    agency, found = read
    released = release_findings(found, agency.settings, agency.vocabulary)
    assert released.couplings.height == found.couplings.height


def test_the_same_seed_gives_the_same_findings(read) -> None:
    agency, found = read
    again = read_off(agency, infer(fit_design(build_design(agency))))
    for name in TABLES:
        assert getattr(again, name).equals(getattr(found, name)), name


@pytest.mark.parametrize(
    ("days", "words"), [(1 / 3, "8 hours"), (3, "3 days"), (21, "3 weeks"), (1, "1 day"), (0.4321, "0.432 days")]
)
def test_half_lives_in_words(days: float, words: str) -> None:
    assert in_words(days) == words
