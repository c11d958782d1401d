"""Maple House is what its truth says. Bounds are four standard errors, computed beforehand."""

import json
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from antiphon.errors import SpecificationError
from antiphon.synthetic import truth_path, truth_table, write_maple_house

START, MIDDLE, END = (pl.lit(f"{year}-01-01").str.to_datetime() for year in (2024, 2025, 2026))
AGGRESSION = ["aggression_verbal", "aggression_property", "aggression_physical"]
COERCION = ["restraint", "seclusion", "medication_as_needed"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_maple_house(tmp_path_factory.mktemp("synthetic") / "maple-house", seed=3)


@pytest.fixture(scope="module")
def truth(folder) -> dict:
    return json.loads(truth_path(folder).read_text())


@cache
def table(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(folder / f"{name}.csv", try_parse_dates=True, infer_schema_length=None)


@pytest.fixture(scope="module")
def events(folder) -> pl.DataFrame:
    return table(folder, "events")


@pytest.fixture(scope="module")
def stays(folder) -> pl.DataFrame:
    """Stays within the window, of clients."""
    stays = table(folder, "memberships").filter(pl.col("member").str.starts_with("c"))
    return stays.with_columns(pl.max_horizontal("start", START).alias("from"), pl.col("end").fill_null(END))


def test_the_same_seed_writes_the_same_bytes_and_another_does_not(folder, tmp_path):
    again, other = write_maple_house(tmp_path / "again", seed=3), write_maple_house(tmp_path / "other", seed=4)
    names = sorted(path.name for path in folder.iterdir())
    assert [(again / name).read_bytes() for name in names] == [(folder / name).read_bytes() for name in names]
    assert truth_path(again).read_bytes() == truth_path(folder).read_bytes()
    assert (other / "events.csv").read_bytes() != (folder / "events.csv").read_bytes()


def test_the_truth_lies_beside_the_folder_never_inside(folder):
    assert truth_path(folder).parent == folder.parent
    assert not list(folder.glob("*truth*"))


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("dear")
    with pytest.raises(SpecificationError, match="not empty"):
        write_maple_house(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_house_has_the_people_it_should(folder):
    roles = dict(table(folder, "systems").group_by("role").len().iter_rows())
    assert (roles["unit"], roles["organisation"], roles["environment"]) == (4, 1, 1)
    assert (roles["clinician"], roles["leader"]) == (3, 2)
    staff = table(folder, "memberships").filter(pl.col("member").str.starts_with("s"))
    employed = staff.filter((pl.col("start") <= START) & (pl.col("end").is_null() | (pl.col("end") > START)))
    assert 75 <= employed["member"].n_unique() <= 85


def test_every_level_has_events(folder, events):
    levels = table(folder, "systems").select("system", "level")
    found = events.join(levels, on="system")["level"].unique().to_list()
    assert set(found) == {"person", "unit", "organisation", "environment"}


def test_units_are_about_full(stays):
    days = stays.select((pl.col("end") - pl.col("from")).dt.total_seconds() / 86400).sum().item()
    assert 0.9 < days / (60 * 731) < 1.03


def test_stays_last_about_five_months(stays):
    # From the stated hazards: 0.36 x .0052 for a week, half of it for three, then .0052: half have left after 153 days.
    ordered = stays.sort("member", "start").with_columns(pl.col("end").shift(1).over("member").alias("before"))
    starts = (pl.col("before").is_null() | (pl.col("before") < pl.col("start"))).cum_sum().over("member")
    spells = ordered.with_columns(starts.alias("spell")).group_by("member", "spell")
    spells = spells.agg(pl.col("start").min(), pl.col("end").max()).filter(pl.col("start").is_between(START, MIDDLE))
    days = (spells["end"] - spells["start"]).dt.total_seconds() / 86400
    error = 1 / (2 * 0.0052 * 0.5 * np.sqrt(len(days)))
    assert abs(days.median() - 153) < 4 * error


def test_nobody_is_in_two_units_at_once(stays):
    ordered = stays.sort("member", "start").with_columns(pl.col("end").shift(1).over("member").alias("before"))
    assert (ordered["before"].is_null() | (ordered["before"] <= ordered["start"])).all()


def test_client_events_lie_within_stays(events, stays):
    own = events.filter(pl.col("system").str.starts_with("c"))
    inside = own.join(stays, left_on="system", right_on="member").filter(
        (pl.col("time") >= pl.col("start")) & (pl.col("time") <= pl.col("end"))
    )
    assert inside.select("time", "system", "kind").n_unique() == own.select("time", "system", "kind").n_unique()


def test_absences_lie_in_rostered_shifts(folder, events):
    absences = events.filter(pl.col("kind") == "absence_unscheduled")
    rota = table(folder, "presence").filter(pl.col("group").is_not_null()).select("system", "start")
    matched = absences.join(rota, left_on=["system", "time"], right_on=["system", "start"], how="semi")
    assert matched.height == absences.height


def test_nobody_works_two_shifts_at_once(folder):
    rota = table(folder, "presence").filter(pl.col("group").is_not_null()).sort("system", "start")
    before = rota.select(pl.col("end").shift(1).over("system"))["end"]
    assert (before.is_null() | (before <= rota["start"])).all()


def test_some_staff_are_sent_to_other_units(folder):
    rota = table(folder, "presence").filter(pl.col("group").is_not_null())
    home = table(folder, "memberships").select(pl.col("member").alias("system"), pl.col("group").alias("home"))
    share = (rota.join(home, on="system").select(pl.col("group") != pl.col("home")).to_series()).mean()
    assert 0.005 < share < 0.1


def test_leavers_leave(folder, events):
    left = events.filter(pl.col("kind").is_in(["resignation", "dismissal"]))
    ends = table(folder, "memberships").select(pl.col("member").alias("system"), "end")
    joined = left.join(ends, on="system")
    assert ((joined["end"] - joined["time"]).dt.total_hours().is_between(0, 25)).all()


def test_about_thirty_percent_of_the_staff_leave_in_a_year(events):
    left = events.filter(pl.col("kind").is_in(["resignation", "dismissal"])).height
    assert abs(left - 0.3 * 80 * 2) < 4 * np.sqrt(0.3 * 80 * 2)


def test_rates_are_near_published_ones(events, stays):
    days = stays.select((pl.col("end") - pl.col("from")).dt.total_seconds() / 86400).sum().item()
    acts = events.filter(pl.col("kind").is_in(AGGRESSION))
    assert 12 < acts.height / days * 1000 < 25
    assert 3.5 < acts.filter(pl.col("kind") == "aggression_physical").height / days * 1000 < 9


def test_the_stated_share_of_aggression_contains_coercion(events, truth):
    acts = events.filter(pl.col("kind").is_in(AGGRESSION))
    answered = events.filter(pl.col("kind").is_in(COERCION))["incident"].unique()
    share = acts["incident"].is_in(answered.implode()).mean()
    stated = truth["coercion_share"]
    assert abs(share - stated) < 4 * np.sqrt(stated * (1 - stated) / acts.height)


def test_few_clients_have_most_aggression(events, stays):
    counts = events.filter(pl.col("kind").is_in(AGGRESSION)).group_by("system").len()["len"].sort(descending=True)
    top = counts.head(round(0.2 * stays["member"].n_unique()))
    assert 0.55 < top.sum() / counts.sum() < 0.9


def test_echoes_are_as_many_as_stated(truth):
    for row in truth["echoes_drawn"]:
        expected = row["echoes"] * row["sources"]
        assert abs(row["children"] - expected) < 4 * np.sqrt(expected) + 1, row["channel"]
        assert row["landed"] <= row["children"]


def test_counts_of_the_truth_are_those_of_the_table(events, truth):
    told = {kind: sum(parts.values()) for kind, parts in truth["drawn"].items()}
    found = dict(events.filter(pl.col("kind") != "transfer").group_by("kind").len().iter_rows())
    assert told == found


def test_endemic_events_are_as_many_as_stated(events, stays, truth):
    # Kinds without echoes, answers or practice: exposure by time since admission times the rate, frailty as noise.
    entry = next(row for row in truth["endemic"] if row["kind"] == "elopement")
    since = stays.with_columns(pl.col("start").min().over("member").alias("admitted"))
    person_days, expected = [], 0.0
    bins = zip((0, 7, 28), (7, 28, 10_000), entry["since_admission"], strict=True)
    for low, high, factor in bins:
        days = since.select(
            (
                pl.min_horizontal("end", pl.col("admitted") + pl.duration(days=high))
                - pl.max_horizontal("from", pl.col("admitted") + pl.duration(days=low))
            )
            .dt.total_seconds()
            .clip(0)
            / 86400
        ).to_series()
        person_days.append(days * factor)
        expected += entry["per_day"] * factor * days.sum()
    weight = sum(person_days) * entry["per_day"]
    error = np.sqrt(expected + entry["frailty_variance"] * (weight**2).sum())
    assert abs(events.filter(pl.col("kind") == "elopement").height - expected) < 4 * error


def test_the_branching_ratio_is_below_one(truth):
    assert 0.25 < truth["branching_ratio"] < 0.6


def test_truth_table_lists_couplings_with_most_echoes_first(folder):
    rows = truth_table(folder)
    assert [row["echoes"] for row in rows] == sorted((row["echoes"] for row in rows), reverse=True)
    main = next(r for r in rows if (r["source_kind"], r["target_kind"]) == ("aggression_physical", "aggression_verbal"))
    assert (main["channel"], main["echoes"], main["half_life_hours"]) == ("peers:unit:client>client", 0.25, 8.0)


def test_events_are_written_down_after_they_happened(events):
    told = events.filter(pl.col("reported").is_not_null())
    assert told.height > 0.8 * events.height
    assert (told["reported"] >= told["time"]).all()


def test_invented_records_are_public(folder):
    settings = tomllib.loads((folder / "agency.toml").read_text(encoding="utf-8"))
    assert settings["privacy"]["data"] == "public"
