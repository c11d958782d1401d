"""Attribution against a world whose shares are known, and its draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from antiphon.design.design import Channel
from antiphon.framework import load_vocabulary
from antiphon.resonance.attribution import COMPONENTS, Shares, component, direct, group_components, root, shares, totals
from antiphon.resonance.draws import corrected_interval, draw_totals, interval, project
from tests.unit.resonance_cases import CHANNELS, two_kinds

GROUPS = {"unit": "organisation", "organisation": "organisation", "environment": "environment"}


def test_direct_shares_are_parents() -> None:
    fit, couplings = two_kinds()
    found = direct(shares(fit, couplings, totals(fit, couplings)), couplings, fit.design, GROUPS)
    aggression = dict(zip(COMPONENTS, found[0], strict=True))
    assert aggression["average"] == pytest.approx(40 / 80)
    assert aggression["frailty"] == pytest.approx(10 / 80)
    assert aggression["own past"] == pytest.approx(20 / 80)
    assert aggression["other roles"] == pytest.approx(10 / 80)
    injury = dict(zip(COMPONENTS, found[1], strict=True))
    assert injury["average"] == pytest.approx(0.75)
    assert injury["other roles"] == pytest.approx(0.25)


def test_shares_sum_to_one_for_the_estimates_and_every_draw() -> None:
    fit, couplings = two_kinds()
    drawn = draw_totals(fit, couplings, n_draws=50, seed=3)
    for echoes in (totals(fit, couplings), drawn):
        divided = shares(fit, couplings, echoes)
        for table in (direct(divided, couplings, fit.design, GROUPS), root(divided, couplings, fit.design, GROUPS)):
            np.testing.assert_allclose(table.sum(axis=-1), 1.0)
            assert (table >= 0).all()


def test_root_follows_the_cascade_to_its_head() -> None:
    # Shares of parents: aggression 1/4 aggression, 1/8 injury; injury 1/4 aggression. Heads: (I - D)^-1 diag(e).
    fit, couplings = two_kinds()
    found = root(shares(fit, couplings, totals(fit, couplings)), couplings, fit.design, GROUPS)
    heads = np.linalg.inv(np.array([[0.75, -0.125], [-0.25, 1.0]])) @ np.diag([0.625, 0.75])
    aggression = dict(zip(COMPONENTS, found[0], strict=True))
    assert aggression["other roles"] == pytest.approx(heads[0, 1])
    assert aggression["frailty"] == pytest.approx(heads[0, 0] * 0.2)
    assert aggression["average"] == pytest.approx(heads[0, 0] * 0.8)
    assert aggression["own past"] == 0.0


def test_root_of_a_chain_without_immigrants_of_its_own() -> None:
    # Every injury echoes aggression, every aggression is endemic: all heads of injuries are clients' events.
    fit, couplings = two_kinds()
    echoes = np.zeros((2, 3))
    echoes[1, 2] = 1.0
    chain = Shares(np.array([1.0, 0.0]), np.zeros(2), echoes)
    found = root(chain, couplings, fit.design, GROUPS)
    assert found[1, COMPONENTS.index("other roles")] == pytest.approx(1.0)
    assert found[0, COMPONENTS.index("average")] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        (CHANNELS[0], "own past"),
        (Channel("peers", "unit", "client", "client"), "peers"),
        (Channel("peers", "unit", "staff", "client"), "other roles"),
        (Channel("tie", "caseload", "staff", "client"), "ties"),
        (Channel("group", "unit", "unit", "client"), "organisation"),
        (Channel("group", "organisation", "organisation", "staff"), "organisation"),
        (Channel("group", "environment", "environment", "staff"), "environment"),
        (Channel("members", "unit", "staff", "unit"), "other roles"),
        (Channel("members", "organisation", "unit", "organisation"), "organisation"),
    ],
)
def test_component_of_a_channel(channel: Channel, expected: str) -> None:
    assert component(channel, GROUPS) == expected


def test_what_lies_outside_the_organisation_is_its_environment_whatever_it_is_called() -> None:
    words = load_vocabulary()
    assert group_components(words) == GROUPS | {"team": "organisation"}
    levels = ["world", "agency", "house", "person"]
    own = words.extended(levels=levels, organisation="agency", roles={"cottage": "house", "cook": "person"})
    inside = dict.fromkeys(("agency", "house", "cottage"), "organisation")
    assert group_components(own) == inside | {"world": "environment"}


def test_draws_spread_as_the_curvature_says() -> None:
    fit, couplings = two_kinds()
    drawn = draw_totals(fit, couplings, n_draws=4000, seed=1)
    np.testing.assert_allclose(drawn.mean(axis=0), [0.25, 0.25, 0.125], atol=4 * 0.05 / np.sqrt(4000))
    assert drawn[:, 0].std() == pytest.approx(0.05, rel=0.06)  # the bound of one echo per event narrows 1/400 to 1/401


def test_draws_are_the_same_for_the_same_seed() -> None:
    fit, couplings = two_kinds()
    first = draw_totals(fit, couplings, n_draws=10, seed=5)
    np.testing.assert_array_equal(first, draw_totals(fit, couplings, n_draws=10, seed=5))
    assert not np.array_equal(first, draw_totals(fit, couplings, n_draws=10, seed=6))


def test_projection_minimises_the_distance_in_the_metric_of_the_precision() -> None:
    from scipy.optimize import nnls

    spread = np.array([[1.0, -0.8, 0.1], [-0.8, 1.0, 0.0], [0.1, 0.0, 0.5]])
    noise = np.random.default_rng(2).standard_normal((20, 3))
    found = project(np.array([0.3, 0.0, 0.2]), spread, noise)
    values, vectors = np.linalg.eigh(spread)
    free = np.array([0.3, 0.0, 0.2]) + (noise * np.sqrt(values)) @ vectors.T
    root_precision = (vectors / np.sqrt(values)).T
    expected = [nnls(root_precision, root_precision @ draw)[0] for draw in free]
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_interval_holds_what_is_shown() -> None:
    drawn = np.linspace(0.0, 1.0, 1001)
    assert interval(0.5, drawn) == pytest.approx((0.025, 0.975))
    assert interval(0.01, drawn, highest=0.9) == pytest.approx((0.01, 0.9))


def test_what_noise_adds_is_taken_off_where_it_always_adds() -> None:
    # the draws lie .2 too high on average: value and interval lie as much lower than the estimate
    drawn = np.linspace(0.4, 0.6, 1001)
    assert corrected_interval(0.3, drawn) == pytest.approx((0.1, 0.005, 0.195))
    assert corrected_interval(0.1, drawn) == pytest.approx((0.0, 0.0, 0.0))


def test_a_coupling_held_at_zero_stays_near_it() -> None:
    # The likelihood falls steeply from zero (80 read, felt at no event): hardly any draw leaves it.
    fit, couplings = two_kinds()
    one = fit.targets[0]
    held = replace(one, model=replace(one.model, alpha=np.array([0.0, 0.25])))
    unfelt = replace(fit.design.targets[0], features=np.zeros((80, 2)))
    design = replace(fit.design, targets=(unfelt, fit.design.targets[1]))
    drawn = draw_totals(replace(fit, design=design, targets=(held, fit.targets[1])), couplings, n_draws=500, seed=1)
    assert np.mean(drawn[:, 0] > 0) < 0.01
    assert np.mean(drawn[:, 1] > 0) > 0.99
