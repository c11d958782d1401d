"""Agreement with statsmodels where nothing echoes (values made by tests/reference/make_statsmodels_values.py)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import gammaln

from tests.reference.make_statsmodels_values import DAYS, simulate
from tests.unit.hand_designs import Rows, Spells, estimated, hand_design

VALUES = json.loads((Path(__file__).parents[1] / "reference" / "statsmodels_values.json").read_text(encoding="ascii"))


def design_of(cells, precision, period_days):
    """Spells of whole days; events on their day, or spread over it."""
    day = cells["day"].astype(float)
    spells = Spells(cells["person"], day, day + 1.0, cells["group"], cells["stratum"], cells["covariates"])
    spell, count = np.flatnonzero(cells["count"]), cells["count"][cells["count"] > 0]
    time = day[spell]
    if precision == "minute":
        spell = np.repeat(spell, count)
        time = day[spell] + np.random.default_rng(1).uniform(0.0, 1.0, spell.size)
        count = np.ones(spell.size, np.int64)
    rows = Rows(spell, time, count, np.empty((spell.size, 0)))
    weekday = np.arange(DAYS) % 7
    return hand_design(spells, rows, days=DAYS, period_days=period_days, precision=precision, weekday=weekday)


@pytest.mark.parametrize("precision", ["day", "minute"])
@pytest.mark.parametrize("value", VALUES, ids=[value["name"] for value in VALUES])
def test_estimates_and_standard_errors_are_those_of_statsmodels(value, precision):
    cells = simulate(value["organisations"], value["seed"])
    assert cells["count"].sum() == value["events"]
    design = design_of(cells, precision, value["period_days"])
    x, errors, log_likelihood = estimated(design, is_ridged=value["is_ridged"])
    np.testing.assert_allclose(x, value["estimates"], atol=1e-5)
    np.testing.assert_allclose(errors, value["standard_errors"][: errors.size], rtol=1e-4)
    # statsmodels gives probabilities of counts; those of points in time, and ours of counts, lack the factorials
    ours = log_likelihood - gammaln(cells["count"] + 1.0).sum()
    assert ours == pytest.approx(value["log_likelihood"], rel=1e-9)
