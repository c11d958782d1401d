"""Agreement with R's surveillance, additive-multiplicative (values made by tests/reference/make_surveillance_values.py).

What reaches someone is handed to the estimator as it is in those models: the counts of the day before, and the number of
the ill nearby. An exponential kernel makes neither.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import gammaln

from tests.reference.make_surveillance_values import WEEKS, counts, epidemic, ring
from tests.unit.hand_designs import Rows, Spells, estimated, hand_design

VALUES = json.loads((Path(__file__).parents[1] / "reference" / "surveillance_values.json").read_text(encoding="ascii"))


def test_counts_with_the_day_before_are_those_of_hhh4():
    value = VALUES["hhh4"]
    count, covariate = counts(value["seed"])
    n_days, n_units = count.shape[0] - 1, count.shape[1]
    now, before = count[1:], count[:-1]
    assert now.sum() == value["events"]
    unit, day = np.repeat(np.arange(n_units), n_days), np.tile(np.arange(n_days), n_units)
    none = np.zeros(unit.size, np.int64)
    spells = Spells(unit, day.astype(float), day + 1.0, none, none, covariate[1:].T.reshape(-1, 1))
    reached = np.stack([before.T.ravel(), (before @ ring()).T.ravel()], axis=1).astype(float)
    rows = np.flatnonzero(now.T.ravel())
    design = hand_design(
        spells,
        Rows(rows, day[rows].astype(float), now.T.ravel()[rows], reached[rows], reached.sum(axis=0)),
        days=n_days,
        period_days=float(n_days),
        precision="day",
    )
    x, errors, log_likelihood = estimated(design, is_ridged=False)
    np.testing.assert_allclose(x, value["endemic"] + value["echoes"], atol=1e-5)
    np.testing.assert_allclose(errors, value["standard_errors"], rtol=1e-4)
    assert log_likelihood - gammaln(now + 1.0).sum() == pytest.approx(value["log_likelihood"], rel=1e-9)


def test_an_epidemic_with_the_number_of_the_ill_nearby_is_that_of_twinsir():
    value = VALUES["twinSIR"]
    drawn = epidemic(value["seed"])
    ill, well, near = drawn["ill"], drawn["well"], drawn["near"]
    who = np.flatnonzero(np.isfinite(ill))
    assert who.size == value["events"]
    end = np.minimum(ill, WEEKS)
    none = np.zeros(ill.size, np.int64)
    spells = Spells(np.arange(ill.size), np.zeros(ill.size), end, none, none, drawn["covariate"][:, None])
    around = near[who] & (ill < ill[who, None]) & (well >= ill[who, None])
    # days that others nearby are ill while one is at risk
    together = np.maximum(np.minimum(end[:, None], np.minimum(well, WEEKS)) - np.minimum(ill, WEEKS), 0.0)
    order = np.argsort(ill[who])
    reached = around.sum(axis=1, keepdims=True).astype(float)
    design = hand_design(
        spells,
        Rows(
            who[order],
            ill[who][order],
            np.ones(who.size, np.int64),
            reached[order],
            np.array([(near * together).sum()]),
        ),
        days=WEEKS,
        period_days=WEEKS,
        terminal=True,
    )
    x, _, log_likelihood = estimated(design, is_ridged=False)
    np.testing.assert_allclose(x, value["endemic"] + value["echoes"], atol=1e-4)
    assert log_likelihood == pytest.approx(value["log_likelihood"], rel=1e-9)
