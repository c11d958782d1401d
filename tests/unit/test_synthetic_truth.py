"""What an estimate should find follows from what was generated."""

import numpy as np
import pytest

from antiphon.synthetic.truth import Coupling, Endemic, Response, Truth, branching_ratio, frailties, seen_couplings


def house(*couplings: Coupling, responses: tuple[Response, ...] = ()) -> Truth:
    kinds = (
        Endemic("aggression_physical", "client", 0.01, frailty_variance=2.0),
        Endemic("self_harm", "client", 0.01, frailty_variance=1.5),
        Endemic("restraint", "client", 0.0),
        Endemic("staff_injury", "staff", 0.0),
        Endemic("over_capacity", "unit", 0.1, while_="member"),
    )
    return Truth("A", "UTC", ("2024-01-01", "2025-01-01"), kinds, couplings, responses, shared_shape={"client": 0.3})


def seen(truth: Truth) -> dict[tuple[str, str, str], float]:
    return {(row["channel"], row["source_kind"], row["target_kind"]): row["echoes"] for row in seen_couplings(truth)}


def test_without_responses_what_is_seen_is_what_was_generated():
    truth = house(Coupling("self", "self_harm", "self_harm", 0.2, 72))
    assert seen(truth) == {("self", "self_harm", "self_harm"): 0.2}


def test_an_answer_inside_the_echo_follows_the_source_too():
    truth = house(
        Coupling("self", "self_harm", "aggression_physical", 0.2, 8),
        responses=(Response("aggression_physical", "restraint", 0.5),),
    )
    assert seen(truth)["self", "self_harm", "restraint"] == pytest.approx(0.1)


def test_a_direct_echo_and_one_through_an_answer_add():
    truth = house(
        Coupling("self", "self_harm", "aggression_physical", 0.2, 8),
        Coupling("self", "self_harm", "restraint", 0.05, 8),
        responses=(Response("aggression_physical", "restraint", 0.5),),
    )
    assert seen(truth)["self", "self_harm", "restraint"] == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("channel", "source", "expected"),
    [
        ("self", "self_harm", "peers:unit:client>staff"),
        ("peers:unit:client>client", "self_harm", "peers:unit:client>staff"),
        ("group:unit:unit>client", "over_capacity", "group:unit:unit>staff"),
    ],
)
def test_an_injury_inside_the_echo_reaches_the_staff_of_the_unit(channel, source, expected):
    truth = house(
        Coupling(channel, source, "aggression_physical", 0.2, 8),
        responses=(Response("aggression_physical", "staff_injury", 0.1, "staff present"),),
    )
    assert seen(truth)[expected, source, "staff_injury"] == pytest.approx(0.02)


def test_branching_ratio_of_one_kind_is_its_echoes():
    truth = house(
        Coupling("self", "self_harm", "self_harm", 0.2, 72),
        Coupling("peers:unit:client>client", "self_harm", "self_harm", 0.1, 72),
    )
    assert branching_ratio(truth) == pytest.approx(0.3)


def test_branching_ratio_of_a_loop_is_its_geometric_mean():
    truth = house(
        Coupling("self", "self_harm", "aggression_physical", 0.4, 8),
        Coupling("self", "aggression_physical", "self_harm", 0.1, 8),
    )
    assert branching_ratio(truth) == pytest.approx(0.2)


def test_frailties_have_mean_one_their_variance_and_the_stated_correlation():
    n = 200_000
    drawn = frailties(house(), "client", n, np.random.default_rng(1))
    first, second = drawn["aggression_physical"], drawn["self_harm"]
    assert first.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / n))
    # The variance of a sample variance of a Gamma with shape a is (2 + 6 / a) v^2 / n.
    assert first.var() == pytest.approx(2, abs=4 * 2 * np.sqrt((2 + 6 * 2) / n))
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(0.3 * np.sqrt(2 * 1.5), abs=0.03)
