"""A network is what its truth says, at any size."""

import json
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from antiphon.errors import SpecificationError
from antiphon.synthetic import truth_path, write_network
from antiphon.synthetic.network_people import Places


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_network(tmp_path_factory.mktemp("synthetic") / "network", n_organisations=40, seed=2)


@pytest.fixture(scope="module")
def truth(folder) -> dict:
    return json.loads(truth_path(folder).read_text())


@cache
def table(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(folder / f"{name}.csv", try_parse_dates=True, infer_schema_length=None)


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    first, second = (write_network(tmp_path / name, n_organisations=2, seed=5, days=60) for name in "ab")
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


@pytest.mark.parametrize("sizes", [{"n_organisations": 0}, {"days": 0}, {"rate": 0.0}])
def test_sizes_that_make_no_sense_are_refused(tmp_path, sizes):
    with pytest.raises(SpecificationError, match="at least"):
        write_network(tmp_path / "none", **sizes)


def test_organisations_have_two_to_four_units(folder):
    units = table(folder, "memberships").filter(pl.col("member").str.starts_with("u")).group_by("group").len()
    assert units.height == 40
    assert units["len"].is_between(2, 4).all()


def test_echoes_are_as_many_as_stated(truth):
    for row in truth["echoes_drawn"]:
        expected = row["echoes"] * row["sources"]
        assert abs(row["children"] - expected) < 4 * np.sqrt(expected) + 1, row["channel"]


def test_responses_are_as_many_as_stated(truth, folder):
    events = table(folder, "events")
    acts = events.filter(pl.col("kind") == "aggression_physical")
    for response in truth["responses"]:
        answered = events.filter(pl.col("kind") == response["second_kind"])["incident"].unique()
        share = acts["incident"].is_in(answered.implode()).mean()
        error = np.sqrt(response["share"] * (1 - response["share"]) / acts.height)
        # A handful of injuries find nobody on a unit without staff.
        assert abs(share - response["share"]) < 4 * error + 0.002


def test_counts_of_the_truth_are_those_of_the_table(truth, folder):
    told = {kind: sum(parts.values()) for kind, parts in truth["drawn"].items()}
    assert told == dict(table(folder, "events").group_by("kind").len().iter_rows())


def test_precision_is_mixed_by_row(folder):
    pairs = table(folder, "events").select("kind", "precision").unique().rows()
    assert {("elopement", "day"), ("elopement", "minute"), ("policy_change", "day")} <= set(pairs)


def test_lock_downs_follow_aggression_as_often_as_stated(folder, truth):
    """A small likelihood of its own, from the tables alone: one coupling into a kind that nothing else reaches."""
    events, members = (
        table(folder, "events"),
        table(folder, "memberships").filter(pl.col("member").str.starts_with("c")),
    )
    start = pl.lit("2025-01-01").str.to_datetime()
    acts = (
        events.filter(pl.col("kind") == "aggression_physical")
        .join(members, left_on="system", right_on="member")
        .filter((pl.col("time") >= pl.col("start")) & (pl.col("end").is_null() | (pl.col("time") < pl.col("end"))))
        .select(pl.col("group").alias("unit"), ((pl.col("time") - start).dt.total_seconds() / 86400).alias("t"))
    )
    downs = events.filter(pl.col("kind") == "lock_down").select(
        pl.col("system").alias("unit"),
        pl.col("time").dt.hour().alias("hour"),
        ((pl.col("time") - start).dt.total_seconds() / 86400).alias("t"),
    )
    sources = {unit: np.sort(part["t"].to_numpy()) for (unit,), part in acts.partition_by("unit", as_dict=True).items()}
    rate = np.log(2) * 3
    heard = np.array(
        [
            (rate * 2.0 ** (-3 * (t - past[past < t]))).sum()
            for unit, t in downs.select("unit", "t").iter_rows()
            for past in [sources.get(unit, np.zeros(0))]
        ]
    )
    shift = np.array(truth["endemic"][0]["shift"])[((downs["hour"].to_numpy() - 7) % 24) // 8]
    levels = downs["unit"].to_numpy().astype(str)
    _, unit = np.unique(levels, return_inverse=True)
    alpha, mu = 0.5, np.full(unit.max() + 1, 0.02)
    for _ in range(300):  # expectation-maximisation, one level per unit
        echo = alpha * heard / (alpha * heard + mu[unit] * shift)
        alpha = echo.sum() / acts.height
        mu = np.bincount(unit, 1 - echo) / 365
    stated = next(row["echoes"] for row in truth["couplings"] if row["target_kind"] == "lock_down")
    assert abs(alpha - stated) < 4 * np.sqrt(stated / acts.height) * 1.5


def test_anyone_is_chosen_alike_among_those_who_are_there():
    places = Places(
        unit=np.zeros(4, dtype=int),
        first=np.array([0]),
        n=np.array([4]),
        place=np.array([0, 1, 2]),
        start=np.array([0.0, 0.0, 5.0]),
        end=np.array([10.0, 10.0, 10.0]),
    )
    n = 30_000
    ones = np.ones(n, dtype=int)
    choose = lambda t, but: places.anyone(0 * ones, 4 * ones, 1, np.full(n, t), but * ones, np.random.default_rng(1))  # noqa: E731
    early, late = np.bincount(choose(1.0, -1), minlength=4) / n, np.bincount(choose(6.0, 1), minlength=4) / n
    assert np.abs(early - [0.5, 0.5, 0, 0]).max() < 4 * 0.5 / np.sqrt(n)
    assert np.abs(late - [0.5, 0, 0.5, 0]).max() < 4 * 0.5 / np.sqrt(n)
    assert (choose(11.0, -1) == -1).all()


def test_invented_records_are_public(folder):
    settings = tomllib.loads((folder / "agency.toml").read_text(encoding="utf-8"))
    assert settings["privacy"]["data"] == "public"
