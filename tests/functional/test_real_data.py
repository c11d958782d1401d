"""Real exports, read from where they lie: the maps of examples/ bring over what their publishers counted."""

import os
from pathlib import Path

import polars as pl
import pytest

from antiphon.design import build_design
from antiphon.intake import ImportResult, import_records
from antiphon.records import Agency, glance, read_agency

REPOSITORY = Path(__file__).parents[2]
SHARED = Path(os.environ.get("ANTIPHON_SHARED", REPOSITORY.parent / "shared"))
pytestmark = pytest.mark.shared_data


def imported(name: str, out: Path) -> tuple[ImportResult, Agency]:
    data = SHARED / "data" / name
    if not data.is_dir():
        pytest.skip(
            f"the data set {name} is not beside the checkout (set ANTIPHON_SHARED to the folder that holds data/)"
        )
    result = import_records(REPOSITORY / "examples" / name, out, files=data)
    return result, read_agency(out)


@pytest.fixture(scope="module")
def oregon(tmp_path_factory: pytest.TempPathFactory) -> tuple[ImportResult, Agency]:
    return imported("oregon_care", tmp_path_factory.mktemp("real") / "oregon")


@pytest.fixture(scope="module")
def chicago(tmp_path_factory: pytest.TempPathFactory) -> tuple[ImportResult, Agency]:
    return imported("chicago", tmp_path_factory.mktemp("real") / "chicago")


def rows_set_aside(agency: Agency) -> dict[str, int]:
    return dict(agency.set_aside.group_by("rule").agg(pl.col("rows").sum()).iter_rows())


def test_oregon_care_comes_over_whole(oregon: tuple[ImportResult, Agency]) -> None:
    result, agency = oregon
    assert result.tables["events"] == 34_140
    assert result.problems == ()
    assert agency.events.height == 33_970
    assert rows_set_aside(agency) == {"outside_window": 170}
    levels = dict(agency.systems.group_by("level").len().iter_rows())
    assert levels == {"unit": 642, "operator": 277, "area": 10, "organisation": 1}
    assert set(agency.events["precision"]) == {"day"}
    assert agency.events["system"].is_in(agency.systems.filter(level="unit")["system"].implode()).all()
    places = agency.memberships.join(agency.systems.select("level", group="system"), on="group")
    stays = places.filter(pl.col("member").str.starts_with("f")).group_by("level").len()
    assert dict(stays.iter_rows()) == {"operator": 642, "area": 642}
    capacity = agency.systems["capacity"].drop_nulls().cast(pl.Float64)
    assert (capacity.min(), capacity.median(), capacity.max()) == (5, 53, 214)


def test_complaints_about_restraint_are_not_the_acts_of_the_framework(oregon: tuple[ImportResult, Agency]) -> None:
    _, agency = oregon
    kinds = set(agency.events["kind"])
    assert {"complaint_restraint", "complaint_seclusion"} <= kinds
    assert not {"restraint", "seclusion"} & kinds


def test_oregon_facilities_are_at_risk_since_their_first_licence(oregon: tuple[ImportResult, Agency]) -> None:
    _, agency = oregon
    since = (
        agency.memberships.filter(pl.col("member").str.starts_with("f")).group_by("member").agg(pl.col("start").min())
    )
    start, end = agency.window
    assert since.filter(pl.col("start") > start).height == 127
    design = build_design(agency)
    segments = design.roles[0].segments
    days = (segments.end - segments.start)[segments.alive.any(axis=1)].sum()
    opened = (end - since["start"].clip(start, end)).dt.total_seconds() / 86_400
    assert days == pytest.approx(opened.sum(), rel=1e-12)
    assert "not at risk" not in design.set_aside


def test_oregon_incidents_are_the_days_of_a_facility(oregon: tuple[ImportResult, Agency]) -> None:
    _, agency = oregon
    per_incident = agency.events.group_by("incident").agg(pl.col("time").n_unique(), pl.col("system").n_unique())
    assert per_incident["time"].max() == per_incident["system"].max() == 1


def test_chicago_comes_over_whole_within_its_window(chicago: tuple[ImportResult, Agency]) -> None:
    result, agency = chicago
    by_name = {source.name: source for source in result.sources}
    assert by_name["events"].n_read == 203_008
    assert by_name["events"].n_dropped == 27_689  # awards, which do not overlap the complaints
    assert sum(source.n_ignored for source in result.sources) == 0
    assert result.tables == {"events": 175_319, "systems": 20_430, "memberships": 84_335, "ties": 214_066}
    aside = rows_set_aside(agency)
    assert 175_319 - aside["outside_window"] == 160_328
    assert aside["outside_stays"] < 269
    assert aside["row_repeated"] < 1_677
    assert set(agency.settings.accept) == set(aside) - {"on_day_of_end", "stay_set_aside"}  # cases of outside_stays
    assert dict(agency.systems.group_by("level").len().iter_rows()) == {
        "person": 19_878, "unit": 209, "cohort": 342, "organisation": 1,
    }  # fmt: skip
    assert set(agency.events["precision"]) == {"minute", "shift", "day"}
    assert {problem.grade for problem in agency.problems} == {"set aside", "warning"}


def test_chicago_lets_nobody_be_at_risk_after_their_employment(chicago: tuple[ImportResult, Agency]) -> None:
    _, agency = chicago
    stays = agency.memberships.join(agency.systems.select("level", group="system"), on="group")
    far = pl.datetime(9999, 1, 1, time_unit="us", time_zone="UTC")
    end = pl.col("end").fill_null(far).max()
    people = stays.filter(pl.col("member").str.starts_with("p"))
    last = people.group_by("member").agg(
        end.alias("any"), pl.col("end").fill_null(far).filter(pl.col("level") == "organisation").max().alias("employed")
    )
    assert last.drop_nulls("employed").filter(pl.col("any") > pl.col("employed")).height == 0


def test_chicago_has_days_of_officers_and_no_clients(chicago: tuple[ImportResult, Agency]) -> None:
    _, agency = chicago
    seen = glance(agency)
    assert set(seen.rates["role"]) == {"officer"}
    assert seen.rates["client_days"].is_null().all()
    first = seen.own_exposure.filter(unit="all", quarter="2015Q1")["role_days"].item()
    stays = agency.memberships.join(
        agency.systems.filter(role="officer").select("system"), left_on="member", right_on="system"
    )
    start, end = (
        pl.datetime(2015, month, 1, time_zone="America/Chicago").dt.convert_time_zone("UTC") for month in (1, 4)
    )
    there = stays.filter((pl.col("start") <= start) & (pl.col("end").fill_null(end) >= end))["member"].n_unique()
    assert 90 * there <= first <= 1.05 * 90 * there


def test_what_was_learnt_later_is_not_brought_over(chicago: tuple[ImportResult, Agency]) -> None:
    _, agency = chicago
    assert set(agency.ties["weight"]) == {1.0}
    complaints = agency.events.filter(pl.col("kind").str.starts_with("complaint"))
    assert complaints["severity"].null_count() == complaints.height
