"""The studies behind the method pages still run, and find what they found, on as little as shows it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from verification.chicago_null import Panel, panel_effect, panel_of, with_force
from verification.published_facts import BRANCHING, VARIANCE, contrast, logit

REPOSITORY = Path(__file__).parents[2]
CHICAGO = Path(os.environ.get("ANTIPHON_SHARED", REPOSITORY.parent / "shared")) / "data" / "chicago"


def test_logit_of_two_by_two_counts_is_the_log_odds_ratio():
    y = np.repeat([1.0, 0.0, 1.0, 0.0], [12, 20, 30, 90])
    x = np.column_stack([np.repeat([1.0, 0.0], [32, 120]), np.ones(152)])
    beta, error = logit(y, x)
    assert beta[0] == pytest.approx(np.log(12 * 90 / (20 * 30)))
    assert error[0] == pytest.approx(np.sqrt(1 / 12 + 1 / 20 + 1 / 30 + 1 / 90))


def test_pooling_inflates_the_branching_ratio_only_where_persons_differ():
    hierarchical, pooled = contrast(VARIANCE, 1)
    assert hierarchical == pytest.approx(BRANCHING, abs=0.1)
    assert pooled - hierarchical > 0.05
    hierarchical, pooled = contrast(0.0, 1)
    assert pooled == pytest.approx(hierarchical, abs=0.02)


def small_panel() -> Panel:
    """Thirty officers over two years in six intakes; a fifth of the force follows the treatment."""
    random = np.random.default_rng(5)
    officer, week = (one.ravel() for one in np.meshgrid(np.arange(30), np.arange(104), indexing="ij"))
    hurt = (random.random((6, 104)) < 0.3)[officer // 5, week].astype(float)
    force = random.poisson(0.5 + 0.1 * (officer % 5) + 0.3 * (week // 52) + 0.2 * hurt).astype(float)
    return Panel(officer, officer * 2 + week // 52, officer // 5, week, week, force, force, hurt, hurt)


def test_panel_effect_is_least_squares_with_dummies():
    panel = small_panel()
    there = np.random.default_rng(6).random(panel.officer.size) < 0.8  # unbalanced
    panel = panel.where(there)
    dummies = [np.eye(int(codes.max()) + 1)[codes] for codes in (panel.officer_year, panel.week)]
    slope = np.linalg.lstsq(np.column_stack([panel.hurt, *dummies]), panel.force, rcond=None)[0][0]
    found = panel_effect(panel, panel.force, panel.hurt)
    assert found.percent == pytest.approx(100.0 * slope / panel.force.mean(), rel=1e-6)
    assert abs(slope - 0.2) < 0.2
    nothing = replace(panel, force=np.where(panel.week % 2, 1.0, 2.0))
    assert panel_effect(nothing, nothing.force + panel.officer, panel.hurt).percent == pytest.approx(0.0, abs=1e-6)


@pytest.mark.shared_data
def test_what_the_panel_of_chicago_shows_is_one_incident_read_twice():
    if not CHICAGO.is_dir():
        pytest.skip(
            "the data set chicago is not beside the checkout (set ANTIPHON_SHARED to the folder that holds data/)"
        )
    panel, n_shared = panel_of(CHICAGO)
    assert n_shared == 642
    active = with_force(panel)
    together, apart = (panel_effect(active, outcome, active.hurt) for outcome in (active.force, active.apart))
    assert 5.0 < together.percent < 8.0
    assert together.t > 3.0
    assert abs(apart.t) < 1.0
