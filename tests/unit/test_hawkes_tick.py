"""Agreement with tick on the dense Hawkes process with one or several half-lives (values made by tests/reference/make_tick_values.py)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from antiphon.design.arrays import dense_design
from antiphon.hawkes import fit_design
from antiphon.hawkes.likelihood import evaluate
from antiphon.hawkes.options import Options
from antiphon.hawkes.problem import build_problem
from tests.reference.make_tick_values import simulate

VALUES = json.loads((Path(__file__).parents[1] / "reference" / "tick_values.json").read_text(encoding="ascii"))


@pytest.mark.parametrize("value", VALUES, ids=[value["name"] for value in VALUES])
def test_log_likelihood_and_estimates_are_those_of_tick(value):
    times, kinds = simulate(value["n_kinds"], value["half_lives"], value["window"], value["seed"])
    assert times.size == value["events"]
    design = dense_design(times, kinds, value["half_lives"], value["window"])
    total = 0.0
    for index, target in enumerate(design.targets):
        x = np.append(np.log(value["baseline"]), np.full(len(target.columns), value["alpha"]))
        total += evaluate(build_problem(design, index, Options()), x, 0.0).value
    assert total == pytest.approx(value["log_likelihood"], rel=1e-8)

    fit = fit_design(design)
    assert sum(one.log_likelihood for one in fit.targets) == pytest.approx(value["best_log_likelihood"], rel=1e-8)
    for one, target in zip(fit.targets, design.targets, strict=True):
        sources, lives = np.array([(column.source_kind, column.half_life) for column in target.columns]).T
        expected = np.array(value["best_alpha"])[one.model.kind, sources, lives]
        np.testing.assert_allclose(one.model.alpha, expected, rtol=1e-4, atol=1e-4)
        assert np.exp(one.model.endemic.intercept) == pytest.approx(value["best_baseline"][one.model.kind], rel=1e-4)
