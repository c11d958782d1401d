"""The ladder on invented agencies in which it is known which rung helps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from antiphon.design.design import Channel, Feature
from antiphon.inference.diagnostics import calibration
from antiphon.inference.forecast import level_ahead
from antiphon.inference.ladder import climb, gain_by_clusters, rung_of, sign_flip, units_of_systems
from tests.unit.ladder_cases import own_echoes


@pytest.mark.parametrize(
    ("channel", "rung"),
    [
        (Channel("self", "", "", ""), 3),
        (Channel("peers", "unit", "client", "client"), 4),
        (Channel("peers", "unit", "staff", "client"), 5),
        (Channel("tie", "friends", "client", "client"), 5),
        (Channel("members", "unit", "staff", "unit"), 5),
        (Channel("group", "unit", "unit", "client"), 5),
    ],
)
def test_rung_of_a_channel(channel: Channel, rung: int) -> None:
    assert rung_of(channel) == rung


def gains(table: pl.DataFrame) -> dict[str, float]:
    return dict(table.select("name", "gain").iter_rows())


def test_own_past_helps_where_events_echo_in_it() -> None:
    table = climb(own_echoes(11, echoes=0.5)).ladder
    row = table.row(3, named=True)
    assert row["name"] == "the person's own past"
    assert row["gain"] > 2 * row["se"] > 0
    assert row["p"] < 0.05
    # no channel beyond the person's own: nothing is added, exactly
    assert table.row(5, named=True)["gain"] == 0.0
    assert table.get_column("log_score").diff().drop_nulls().to_list() == pytest.approx(
        table.get_column("gain").to_list()[1:]
    )


def test_lasting_differences_help_and_own_past_does_not_where_only_people_differ() -> None:
    found = gains(climb(own_echoes(12, n_systems=80, echoes=0.0, frailty_variance=2.0)).ladder)
    assert found["the person"] > 0.1
    assert abs(found["the person's own past"]) < 0.02


def test_a_useless_channel_does_little_harm() -> None:
    design = own_echoes(13)
    target = design.targets[0]
    noise = np.random.default_rng(1).exponential(target.features.mean(), (target.time.size, 6))
    read = np.repeat(target.compensator * 0 + noise.mean() * 392 * design.n_systems / 8, 6, axis=1)
    wide = replace(
        target,
        columns=(*target.columns, *(Feature(1, 0, 0) for _ in range(6))),
        features=np.hstack([target.features, noise]),
        compensator=np.hstack([target.compensator, read]),
    )
    other = Channel("peers", "unit", "staff", "client")
    table = climb(replace(design, channels=(*design.channels, other), targets=(wide,))).ladder
    assert gains(table)["parallel process"] > -0.01


def test_forecast_counts_are_near_what_came() -> None:
    found = calibration(climb(own_echoes(14)).forecasts)
    row = found.row(0, named=True)
    assert row["observed"] == int(own_echoes(14).targets[0].count[own_echoes(14).targets[0].block >= 4].sum())
    assert row["p_forecast"] > 0.001
    assert row["expected"] == pytest.approx(row["observed"], rel=0.3)


def test_too_few_events_make_no_ladder() -> None:
    found = climb(own_echoes(15, n_systems=2, rate=0.01))
    assert found.ladder.is_empty()
    assert found.forecasts.is_empty()


def test_a_steady_trend_is_carried_on_and_noise_is_not() -> None:
    steady = level_ahead(np.log(np.linspace(1.0, 3.0, 12))[None, :])
    assert np.exp(steady.ahead[0]) > 2.5
    noise = level_ahead(np.log(np.tile([0.5, 1.5], 8))[None, :])
    assert noise.ahead[0] == pytest.approx(noise.mean[0]) == pytest.approx(0.0)
    assert noise.error == pytest.approx(0.5)


def test_gain_and_error_by_hand() -> None:
    difference, events = np.tile([1.0, 3.0], 15), np.full(30, 2.0)
    gain, error, p = gain_by_clusters(difference, events, np.random.default_rng(1))
    assert gain == pytest.approx(1.0)
    assert error == pytest.approx(np.sqrt(30 / 29 * 30) / 60)
    assert p < 1e-6


def test_signs_are_flipped_where_clusters_are_few() -> None:
    assert sign_flip(np.array([1.0, 1.0, 1.0]), np.random.default_rng(1)) == pytest.approx(1 / 8, abs=0.03)
    assert sign_flip(np.array([-1.0, -1.0, -1.0]), np.random.default_rng(1)) == 1.0


def test_systems_belong_to_the_unit_of_most_of_their_events() -> None:
    design = own_echoes(16, n_organisations=4)
    unit = units_of_systems(design)
    assert len(np.unique(unit)) == 4
    assert unit[0] == unit[4] != unit[1]
