"""Rate ratios of covariates: what they are, how sure they are, and on how many people they rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from antiphon.hawkes import fit_design
from antiphon.inference import infer
from antiphon.inference.effects import effects_of
from antiphon.inference.intervals import make_curve
from tests.unit.hand_designs import Rows, Spells, hand_design
from tests.unit.hawkes_cases import invented, with_covariates

DAYS = 100
EVENTS = np.array([9] * 10 + [3] * 20 + [5] * 8)
VALUE = np.array([0.5] * 10 + [-0.5] * 20 + [0.0] * 8)
"""Ten persons with, twenty without, eight of whom it is not known; events of each."""


def two_groups(events=EVENTS, value=VALUE):
    """Everyone is there throughout; nothing else happens to anyone."""
    persons = np.arange(events.size)
    none = np.zeros(persons.size, np.int64)
    ones = np.ones(persons.size)
    spells = Spells(persons, 0.0 * ones, DAYS * ones, none, none, value[:, None])
    spell = np.repeat(persons, events)
    time = np.sort(np.random.default_rng(3).uniform(0.0, DAYS, spell.size))
    rows = Rows(spell, time, np.ones(spell.size, np.int64), np.empty((spell.size, 0)))
    return hand_design(spells, rows, days=DAYS, period_days=float(DAYS))


def only_effect(design):
    (effect,) = effects_of(make_curve(fit_design(design), 0), 0)
    return effect


def test_two_groups_by_hand():
    known = VALUE != 0.0
    effect = only_effect(two_groups(EVENTS[known], VALUE[known]))
    yes, no = EVENTS[VALUE > 0.0].sum(), EVENTS[VALUE < 0.0].sum()
    error = np.sqrt(1.0 / yes + 1.0 / no)
    expected = (yes / 10) / (no / 20) * np.exp(np.array([0.0, -1.0, 1.0]) * 1.959964 * error)
    # the weak ridge, of standard deviation 5, draws the logarithm towards 0 by this much
    np.testing.assert_allclose(
        np.log([effect.ratio, effect.low, effect.high]), np.log(expected), atol=2.0 * error**2 / 25
    )


def test_rows_of_one_incident_count_as_one():
    design = two_groups(2 * EVENTS)
    (target,) = design.targets
    order = np.lexsort((target.time, target.system))
    incident = np.empty(order.size, np.int64)
    incident[order] = np.arange(order.size) // 2  # pairs of rows of one person
    apart = only_effect(design)
    together = only_effect(replace(design, targets=(replace(target, incident=incident),)))
    assert together.ratio == pytest.approx(apart.ratio)
    width = np.log([together.high / together.low, apart.high / apart.low])
    assert width[0] == pytest.approx(np.sqrt(2.0) * width[1], rel=1e-9)


def test_it_rests_on_the_side_with_fewer_people_and_not_on_those_who_are_not_known():
    events = EVENTS.copy()
    events[12:30] = 0  # two of the twenty without have any
    effect = only_effect(two_groups(events))
    assert (effect.n_at_risk, effect.n_with_event) == (10, 2)


def test_inference_tells_of_the_covariates_that_apply():
    design = with_covariates(invented(seed=4))
    found = infer(fit_design(design), seed=1)
    assert [(one.target, one.covariate) for one in found.effects] == [(0, 0), (0, 2)]
    betas = found.fit.targets[0].model.endemic.covariates
    np.testing.assert_allclose([one.ratio for one in found.effects], np.exp(betas[[0, 2]]))
    assert all(one.low < one.ratio < one.high for one in found.effects)
    assert infer(fit_design(invented(seed=4)), seed=1).effects == ()
