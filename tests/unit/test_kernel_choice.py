"""Kernels chosen from a grid, and profiled: known truth is found, and values are those of separate fits."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import antiphon as ap
from antiphon.design import build_design
from antiphon.design.delays import read_kernels
from antiphon.errors import SpecificationError
from antiphon.hawkes import Options, fit_design
from antiphon.inference import build_chosen
from antiphon.inference.intervals import DROP
from antiphon.inference.kernel_choice import CHOICE_BLOCKS, _peak_and_ends, log_likelihood
from antiphon.records.settings import Settings
from tests.unit.agencies import make_agency

LN2 = math.log(2.0)
CANDIDATES = (["8h"], ["1d"], ["3d"], ["10d"], ["3d", "10d"], ["delay:4d:6"])


def house(delay, *, seed=1, days=300, n=40, rate=0.03, echoes=0.5, settings=None):
    """Clients whose events echo in their own, each echo after a drawn delay; nobody comes or goes."""
    generator = np.random.default_rng(seed)
    waiting = [(t, i) for i in range(n) for t in generator.uniform(0.0, days, generator.poisson(rate * days))]
    events = []
    while waiting:
        time, who = waiting.pop()
        events.append((round(time, 5), f"c{who}", "self_harm"))
        later = time + delay(generator, generator.poisson(echoes))
        waiting += [(t, who) for t in later if t < days]
    systems = {"u": "unit"} | {f"c{i}": "client" for i in range(n)}
    stays = [(f"c{i}", "u", 0, None) for i in range(n)]
    return make_agency(systems, sorted(events), stays, days=days, settings=settings)


def exponential(half_life):
    return lambda generator, n: generator.exponential(half_life / LN2, n)


def erlang(mean, order):
    return lambda generator, n: generator.gamma(order, mean / order, n)


def best(choice):
    return choice.table.row(by_predicate=pl.col("difference") == 0.0, named=True)


@pytest.mark.parametrize(
    ("delay", "expected"), [(exponential(3.0), ["3d"]), (erlang(4.0, 6), ["delay:4d:6"]), (exponential(1 / 3), ["8h"])]
)
def test_the_kernel_that_made_the_echoes_is_chosen(delay, expected):
    choice = ap.choose_kernels(house(delay), CANDIDATES, channels=["self"])
    assert best(choice)["candidate"] == expected
    assert choice.kernels.written == read_kernels(expected).written
    assert choice.table["difference"].max() == 0.0


def test_values_are_those_of_separate_fits():
    """All of these have the longest history that the window allows, so that each scores the same events when alone."""
    agency, candidates = house(exponential(5.0), days=120), (["4d"], ["8d"], ["4d", "8d"], ["delay:9d:3"])
    options = Options(propensity=False)
    choice = ap.choose_kernels(agency, candidates, options=options, channels=["self"])
    for row, candidate in zip(choice.table.to_dicts(), candidates, strict=True):
        alone = fit_design(build_design(agency, half_lives=candidate, channels=["self"]), options)
        assert row["log_likelihood"] == pytest.approx(log_likelihood(alone), abs=1e-5)
        above = sum(int((one.model.alpha > 0).sum()) for one in alone.targets)
        assert row["parameters"] == above + len(candidate)
        assert row["criterion"] == pytest.approx(row["log_likelihood"] - row["parameters"])


def test_leading_blocks_alone_decide_where_that_is_asked():
    agency = house(exponential(3.0))
    design = build_design(agency, half_lives=["8h", "1d", "3d", "10d", "delay:4d:6"], channels=["self"])
    cut = float(design.block_edges[CHOICE_BLOCKS])
    start = agency.window[0]
    early = agency.events.filter((pl.col("time") - start).dt.total_seconds() / 86_400 < cut)
    of_half = ap.choose_kernels(agency, CANDIDATES, blocks=CHOICE_BLOCKS, channels=["self"])
    of_early = ap.choose_kernels(replace(agency, events=early), CANDIDATES, blocks=CHOICE_BLOCKS, channels=["self"])
    np.testing.assert_allclose(of_half.table["log_likelihood"], of_early.table["log_likelihood"], atol=0.02)


def test_a_choice_at_the_edge_of_the_grid_is_said():
    inside = ap.choose_kernels(house(exponential(3.0)), (["8h"], ["3d"], ["3w"]), channels=["self"])
    assert [code for code, _ in inside.warnings] == ["half_lives_chosen"]
    edge = ap.choose_kernels(house(exponential(3.0)), (["8h"], ["1d"], ["3d"]), channels=["self"])
    assert [code for code, _ in edge.warnings] == ["half_lives_chosen", "half_life_at_edge"]
    assert "longest" in edge.warnings[1][1]
    assert edge.table["at_edge"].to_list() == [True, False, True]


def test_one_candidate_is_no_choice():
    with pytest.raises(SpecificationError, match="at least two"):
        ap.choose_kernels(house(exponential(3.0), days=60), [["3d"]])


def test_a_folder_may_leave_the_choice_open():
    settings = {"model": {"half_lives": "choose", "channels": ["self"]}}
    agency = house(exponential(3.0), settings=settings)
    assert agency.settings.model.half_lives == ()
    with pytest.raises(SpecificationError, match="choose"):
        build_design(agency)
    design = build_chosen(agency)
    assert 3.0 in design.kernels.half_lives.tolist()
    assert "half_lives_chosen" in dict(design.warnings)
    given = build_chosen(agency, half_lives=["1d"])
    assert given.kernels.half_lives.tolist() == [1.0]
    assert "half_lives_chosen" not in dict(given.warnings)


@pytest.mark.parametrize("wrong", [[], "open", ["choose"]])
def test_what_is_neither_a_kernel_nor_left_open_is_refused(wrong):
    with pytest.raises(ValueError, match="half_lives"):
        Settings.model_validate({"model": {"half_lives": wrong}})


def test_the_profile_holds_the_truth_and_its_values_are_those_of_the_choice():
    agency, grid = house(exponential(3.0)), ("1d", "2d", "3d", "4d", "6d", "10d")
    found = ap.profile_half_life(agency, "self", half_lives=grid, others=["10d"], channels=["self"])
    assert found.low < 3.0 < found.high
    assert found.low < found.estimate < found.high
    assert found.high < 3.0 * found.low
    choice = ap.choose_kernels(agency, [[entry] for entry in grid], channels=["self"])
    np.testing.assert_allclose(found.log_likelihood, choice.table["log_likelihood"], atol=2e-3)


def test_a_profile_is_of_one_coupling_and_leaves_the_others_their_kernels():
    agency = house(exponential(3.0), days=150)
    found = ap.profile_half_life(
        agency, "self", source_kind="self_harm", target_kind="self_harm", half_lives=("1d", "3d", "9d"), others=["3d"],
        channels=["self", "peers:unit:client>client"],
    )  # fmt: skip
    design = build_design(agency, half_lives=["3d", "9d"], channels=["self", "peers:unit:client>client"])
    fit = fit_design(design, Options(columns=tuple(_three_days(target) for target in design.targets)))
    assert found.log_likelihood[1] == pytest.approx(log_likelihood(fit), abs=2e-3)
    with pytest.raises(SpecificationError, match="channel"):
        ap.profile_half_life(agency, "self", source_kind="refusal", others=["3d"], channels=["self"])


def _three_days(target):
    return np.array([column.half_life == 0 for column in target.columns], bool)


def test_a_parabola_is_interpolated_exactly():
    x = np.log([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    values = -0.5 * ((x - np.log(5.0)) / 0.6) ** 2
    estimate, low, high = _peak_and_ends(np.exp(x), values)
    wide = 0.6 * math.sqrt(2.0 * DROP)
    np.testing.assert_allclose([estimate, low, high], np.exp(np.log(5.0) + np.array([0.0, -wide, wide])))


def test_a_profile_that_does_not_fall_has_open_ends():
    lives = np.array([1.0, 2.0, 4.0])
    assert _peak_and_ends(lives, np.array([0.0, -0.1, -0.3])) == (1.0, 0.0, np.inf)
    assert _peak_and_ends(lives, np.array([-9.0, -5.0, 0.0]))[2] == np.inf
