"""Loops over echoes and answers: both are steps, both are uncertain, and people stand behind both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from antiphon.design.design import Kind
from antiphon.framework import load_vocabulary
from antiphon.inference.bootstrap import N_DRAWS, Draws
from antiphon.inference.inference import Inference
from antiphon.resonance.attribution import shares
from antiphon.resonance.behind import BEHIND
from antiphon.resonance.circles import inside, loops_table
from antiphon.resonance.responses import RESPONSES
from antiphon.resonance.tables import Reading, parts_of
from tests.unit.resonance_cases import CLIENT, coupling, two_kinds

ANSWER = {
    "first_kind": "aggression_physical", "second_kind": "restraint", "share": 0.5, "low": 0.4, "high": 0.6, "n": 100,
    "effective": 90.0, "adjusted_for": [], "n_source": 40, "n_target": 25, "source_role": "client",
    "target_role": "client", "n_units": 3,
}  # fmt: skip


def reading(*, low: float = 0.1) -> Reading:
    """Restraints (1) echo .2 in aggression (0); aggression echoes in nothing."""
    fit, _ = two_kinds()
    kinds = (
        replace(CLIENT, name="aggression_physical"),
        Kind("restraint", "client", "minute", terminal=False, while_="present"),
    )
    fit = replace(fit, design=replace(fit.design, kinds=kinds))
    couplings = (coupling(2, 1, 0, (1,), low=low, n_source=30, n_target=35),)
    nothing = pl.DataFrame()
    inference = Inference(fit, fit, None, couplings, (), "", nothing, nothing, nothing, ())
    drawn = np.random.default_rng(1).normal(0.2, 0.02, (N_DRAWS, 1))
    shown, draws = np.array([0.2]), Draws(np.array([0.2]), np.array([0.2]), drawn)
    divided = shares(fit, couplings, shown), parts_of(fit, couplings, draws)
    return Reading(inference, (), {"client": 11}, shown, draws, *divided, np.ones(1), np.array([100.0, 60.0]))


def answers(*rows: dict):
    table = pl.DataFrame(list(rows), schema=RESPONSES | BEHIND)
    return inside(table, reading().design, load_vocabulary(), seed=1)


def test_a_loop_passes_through_an_answer_and_an_echo():
    row = loops_table(reading(), answers(ANSWER)).row(0, named=True)
    assert row["nodes"] == ["client: aggression_physical", "client: restraint"]
    assert row["via"] == ["same incident", "echo"]
    assert row["gain"] == pytest.approx(0.5 * 0.2)
    # both steps are uncertain: their relative errors add up in squares
    error = 0.1 * np.sqrt((0.02 / 0.2) ** 2 + 0.25 / 90 / 0.5**2)
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_the_weakest_link_stands_behind_a_loop():
    row = loops_table(reading(), answers(ANSWER)).row(0, named=True)
    assert (row["n_source"], row["n_target"], row["n_units"]) == (30, 25, 3)
    row = loops_table(reading(), answers(ANSWER | {"n_target": 2})).row(0, named=True)
    assert row["n_target"] == 2


def test_without_the_answer_or_without_a_sure_echo_there_is_no_loop():
    assert loops_table(reading(), answers()).is_empty()
    assert loops_table(reading(low=0.0), answers(ANSWER)).is_empty()


def test_only_what_is_done_about_something_is_an_answer():
    other_way = ANSWER | {"first_kind": "restraint", "second_kind": "aggression_physical"}
    found = answers(other_way)
    assert not found.share.any()
    assert found.behind == {}


def test_the_same_seed_draws_the_same():
    np.testing.assert_array_equal(answers(ANSWER).drawn, answers(ANSWER).drawn)
