"""Attribution against a world whose shares are known, and its draws."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.design.design import Channel
from antiphon.framework import load_vocabulary
from antiphon.inference.bootstrap import draw_totals
from antiphon.resonance.attribution import COMPONENTS, Shares, component, direct, group_components, root, shares, totals
from antiphon.resonance.draws import corrected_interval, interval
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
    drawn = draw_totals(fit, couplings, n_draws=50, seed=3, largest=0).drawn
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


def test_interval_holds_what_is_shown() -> None:
    drawn = np.linspace(0.0, 1.0, 1001)
    assert interval(0.5, 0.5, 0.5, drawn) == pytest.approx((0.025, 0.975))
    assert interval(0.01, 0.5, 0.5, drawn, highest=0.9) == pytest.approx((0.01, 0.9))


def test_interval_reaches_as_far_as_the_estimate_may_be_off_either_way() -> None:
    # percentiles are .1 +- .095; around the estimate the draws' differences from their centre reach from .005 to .195
    drawn = np.linspace(0.0, 0.2, 1001)
    assert interval(0.2, 0.2, 0.0, drawn) == pytest.approx((0.005, 0.2))
    assert interval(0.2, 0.2, 0.1, drawn) == pytest.approx((0.005, 0.295))


def test_what_noise_adds_is_taken_off_where_it_always_adds() -> None:
    # the draws lie .2 above their centre on average: value and interval lie as much lower than the estimate
    drawn = np.linspace(0.4, 0.6, 1001)
    assert corrected_interval(0.3, 0.3, drawn) == pytest.approx((0.1, 0.005, 0.195))
    assert corrected_interval(0.35, 0.3, drawn) == pytest.approx((0.15, 0.055, 0.245))
    assert corrected_interval(0.1, 0.1, drawn) == pytest.approx((0.0, 0.0, 0.0))
