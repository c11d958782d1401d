"""Responses inside incidents, counted by hand, and the domains that run in parallel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from antiphon.framework.vocabulary import KindDefinition
from antiphon.resonance.happened import Happened
from antiphon.resonance.parallel import parallel_table
from antiphon.resonance.responses import clustered_interval, responses, shared_incidents, typical_odds
from tests.unit.resonance_cases import coupling, two_kinds

KINDS = ("aggression", "restraint")


def happened(rows: list[tuple[int, int, int, int]]) -> Happened:
    """Rows of incident, kind, system, unit."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return Happened(*table.T, np.arange(len(table), dtype=float))


def incidents(answers: list[tuple[int, int, bool]]) -> Happened:
    """Incidents that all have aggression: of whom, in which unit, and whether the same person was restrained."""
    rows = []
    for number, (person, unit, is_answered) in enumerate(answers):
        rows += [(number, 0, person, unit)] + [(number, 1, person, unit)] * is_answered
    return happened(rows)


def test_share_of_a_tiny_table() -> None:
    everything = incidents([(i, i % 2, i < 6) for i in range(10)])
    recorded = incidents([(i, i % 2, i < 6) for i in range(8)])
    found = {(row["first_kind"], row["second_kind"]): row for row in responses(everything, recorded, KINDS).to_dicts()}
    row = found["aggression", "restraint"]
    assert (row["share"], row["n"]) == (0.6, 10)
    assert (row["share_recorded"], row["n_recorded"]) == (0.75, 8)
    assert (row["n_source"], row["n_target"], row["n_units"]) == (10, 6, 2)
    assert row["low"] < 0.6 < row["high"]
    assert found["restraint", "aggression"]["share"] == 1.0


def test_rare_kinds_are_left_out() -> None:
    table = incidents([(i, 0, i == 0) for i in range(8)])
    # one incident with a restraint is too few to start from; aggression -> restraint is one in eight
    found = responses(table, happened([]), KINDS)
    assert found.select("first_kind", "second_kind", "n_recorded").rows() == [("aggression", "restraint", 0)]


def test_no_incidents_no_rows() -> None:
    assert responses(happened([]), happened([]), KINDS).is_empty()


def test_incidents_that_several_people_share() -> None:
    table = happened([(0, 0, 1, 0), (0, 0, 2, 0), (1, 0, 1, 0), (2, 0, 3, 0), (3, 1, 1, 0)])
    assert shared_incidents(table, 0) == pytest.approx(1 / 3)
    assert shared_incidents(happened([]), 0) == 0.0


def test_interval_of_independent_incidents_is_the_exact_binomial_one() -> None:
    answered = np.repeat([1.0, 0.0], [300, 700])
    low, high = clustered_interval(answered, [np.arange(1000)])
    assert low == pytest.approx(beta.ppf(0.025, 300, 701), abs=0.002)
    assert high == pytest.approx(beta.ppf(0.975, 301, 700), abs=0.002)


def test_interval_widens_when_few_people_make_up_the_incidents() -> None:
    answered = np.repeat([1.0, 0.0], [50, 50])
    alone = clustered_interval(answered, [np.arange(100)])
    clustered = clustered_interval(answered, [np.repeat(np.arange(10), 10)])
    assert clustered[1] - clustered[0] > 2 * (alone[1] - alone[0])


def test_odds_of_units_that_are_alike() -> None:
    unit = np.repeat(np.arange(12), 100)
    answered = np.tile(np.repeat([1.0, 0.0], [50, 50]), 12)
    odds = typical_odds(answered, unit)
    assert odds.value == pytest.approx(1.0, abs=0.01)
    assert odds.low < 1.0 < odds.high


def test_parallel_table_adds_couplings_of_a_domain_between_levels() -> None:
    fit, couplings = two_kinds()
    kinds = {
        "aggression": KindDefinition("aggression", "acts of aggression", "client", "client", ("safety", "aggression")),
        "staff_injury": KindDefinition("staff_injury", "staff injuries", "staff", "staff", ("safety",)),
    }
    table = parallel_table(fit.design, couplings, kinds, np.array([0.3, 0.25, 0.125]), np.array([80.0, 40.0]))
    rows = {(row["from_level"], row["to_level"]): row for row in table.to_dicts()}
    assert table.get_column("domain").unique().to_list() == ["safety"]
    assert rows["client", "staff"]["strength"] == pytest.approx(0.125)
    assert rows["client", "staff"]["direction"] == "both ways"


def test_a_coupling_that_may_not_be_claimed_makes_no_direction() -> None:
    fit, couplings = two_kinds()
    found = [*couplings[:2], coupling(1, 0, 1, (0,), label="shared circumstances not excluded", claimed=False)]
    kinds = {
        name: KindDefinition(name, name, role, role, ("safety",))
        for name, role in (("aggression", "client"), ("staff_injury", "staff"))
    }
    table = parallel_table(fit.design, found, kinds, np.array([0.3, 0.25, 0.125]), np.array([80.0, 40.0]))
    words = {row["from_level"]: row["direction"] for row in table.to_dicts()}
    assert words == {"client": "shared circumstances not excluded", "staff": "one way"}
