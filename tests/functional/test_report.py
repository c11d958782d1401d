"""From the records of an invented agency to files on disk: whoever holds the files finds nobody in them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import polars as pl
import pytest

from antiphon.records import glance, read_agency
from antiphon.release import release_findings, write_tables
from antiphon.report import write_report
from antiphon.resonance.rates import rates_table
from antiphon.synthetic import write_maple_house
from tests.unit.example_findings import example_findings


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, list[str]]:
    """Released files, and every identifier of a person in the records."""
    folder = tmp_path_factory.mktemp("maple-house")
    write_maple_house(folder / "records", seed=1)
    agency = read_agency(folder / "records")
    roles = dict(agency.systems.group_by("role").len().iter_rows())
    events = dict(agency.events.group_by("kind").len().sort("kind").iter_rows())
    example = example_findings()
    findings = replace(
        example,
        records={**example.records, "systems": roles, "events": events, "hash": agency.content_hash},
        rates=rates_table(glance(agency), agency.vocabulary),
    )
    released = release_findings(findings, agency.settings, agency.vocabulary)
    write_tables(released, folder / "out")
    write_report(released, folder / "out" / "report.html")
    persons = agency.systems.filter(pl.col("level") == "person")["system"].to_list()
    return folder / "out", [name for name in persons if len(name) > 3]


def everything_written(out: Path) -> str:
    """All text of all files, workbook and columnar files included."""
    texts = [path.read_text(encoding="utf-8") for path in (out / "report.html", out / "findings.json")]
    with ZipFile(out / "tables.xlsx") as book:
        texts += [book.read(name).decode() for name in book.namelist()]
    texts += [str(pl.read_parquet(path).to_dicts()) for path in sorted((out / "tables").iterdir())]
    return "\n".join(texts)


def test_no_identifier_of_a_person_is_in_any_file(files):
    out, persons = files
    words = set(re.findall(r"\w+", everything_written(out)))
    assert len(persons) > 300
    assert words.isdisjoint(persons)


def test_an_agency_with_two_large_units_shows_no_unit_apart(files):
    out, _ = files
    assert pl.read_parquet(out / "tables" / "unit_rates.parquet").is_empty()
    assert "Not shown. A unit is shown by itself only where" in (out / "report.html").read_text(encoding="utf-8")


def test_no_count_of_one_to_four_is_in_the_rates(files):
    out, _ = files
    rates = pl.read_parquet(out / "tables" / "rates.parquet")
    assert rates.height > 100
    assert set(rates["events"].drop_nulls().unique()) & {1, 2, 3, 4} == set()
