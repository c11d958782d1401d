"""Responses inside incidents, counted by hand, and the domains that run in parallel."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import beta

from antiphon.design.design import Kind
from antiphon.framework.vocabulary import KindDefinition
from antiphon.inference.claims import adjust
from antiphon.resonance.parallel import parallel_table
from antiphon.resonance.responses import clustered_interval, responses, shared_incidents
from tests.unit.resonance_cases import CLIENT, coupling, happened, surrounded, two_kinds

KINDS = (CLIENT, Kind("restraint", "client", "minute", terminal=False, while_="present"))
NOTHING = happened([])


def incidents(answers: list[tuple[int, int, bool]]):
    """Incidents that all have aggression: of whom, in which unit, and whether the same person was restrained."""
    rows = []
    for number, (person, unit, is_answered) in enumerate(answers):
        rows += [(number, 0, person, unit)] + [(number, 1, person, unit)] * is_answered
    return happened(rows)


def tables(joined, recorded=NOTHING, thresholds=(), **known):
    return responses(joined, recorded, KINDS, surrounded(joined, **known), dict(thresholds))


def only(table: pl.DataFrame, **values: object) -> dict:
    return table.filter(first_kind="aggression", second_kind="restraint", **values).row(0, named=True)


def test_share_of_a_tiny_table() -> None:
    everything = incidents([(i, i % 2, i < 6) for i in range(10)])
    recorded = incidents([(i, i % 2, i < 6) for i in range(8)])
    table, _ = tables(everything, recorded)
    row = only(table)
    assert (row["share"], row["n"], row["effective"]) == (0.6, 10, pytest.approx(6.76, abs=0.01))
    assert (row["share_recorded"], row["n_recorded"], row["n_source_recorded"]) == (0.75, 8, 8)
    assert (row["n_source"], row["n_target"], row["n_units"]) == (10, 6, 2)
    assert row["low"] < 0.6 < row["high"]
    assert row["low_recorded"] < 0.75 < row["high_recorded"]
    assert table.filter(first_kind="restraint").item(0, "share") == 1.0


def test_rare_kinds_are_left_out() -> None:
    # one incident with a restraint is too few to start from; aggression -> restraint is one in eight
    table, _ = tables(incidents([(i, 0, i == 0) for i in range(8)]))
    assert table.select("first_kind", "second_kind", "n_recorded").rows() == [("aggression", "restraint", 0)]


def test_no_incidents_no_rows() -> None:
    table, contrasts = tables(NOTHING)
    assert table.is_empty()
    assert contrasts.is_empty()


def test_incidents_that_several_people_share() -> None:
    table = happened([(0, 0, 1, 0), (0, 0, 2, 0), (1, 0, 1, 0), (2, 0, 3, 0), (3, 1, 1, 0)])
    assert shared_incidents(table, 0) == (pytest.approx(1 / 3), 2)  # persons 1 and 2 together; 1 and 3 alone
    assert shared_incidents(NOTHING, 0) == (0.0, 0)


def test_systems_are_counted_once_on_each_side() -> None:
    # of three people with aggression two are restrained, one of them twice; who else is restrained there counts too
    rows = [(0, 0, 1, 0), (0, 1, 1, 0), (1, 0, 1, 0), (1, 1, 1, 0), (2, 0, 2, 0), (2, 1, 9, 0)]
    rows += [(i, 0, 3, 0) for i in range(3, 8)]
    row = only(tables(happened(rows))[0])
    assert (row["n"], row["n_source"], row["n_target"]) == (8, 3, 2)


def test_interval_of_independent_incidents_is_the_exact_binomial_one() -> None:
    answered = np.repeat([1.0, 0.0], [300, 700])
    low, high, effective = clustered_interval(answered, [np.arange(1000)])
    assert effective == pytest.approx(1000, rel=0.01)
    assert low == pytest.approx(beta.ppf(0.025, 300, 701), abs=0.002)
    assert high == pytest.approx(beta.ppf(0.975, 301, 700), abs=0.002)


def test_interval_widens_when_few_people_make_up_the_incidents() -> None:
    answered = np.repeat([1.0, 0.0], [50, 50])
    alone = clustered_interval(answered, [np.arange(100)])
    clustered = clustered_interval(answered, [np.repeat(np.arange(10), 10)])
    assert clustered[1] - clustered[0] > 2 * (alone[1] - alone[0])


def test_odds_of_units_that_are_alike() -> None:
    table, _ = tables(incidents([(i, i // 100, i % 2 == 0) for i in range(1200)]))
    row = only(table)
    assert row["odds"] == pytest.approx(1.0, abs=0.01)
    assert row["odds_low"] < 1.0 < row["odds_high"]


def test_odds_are_those_of_a_typical_person_where_few_people_have_most_incidents() -> None:
    # one person with 60 incidents is always answered, thirty others with three each once in three
    answers = [(0, 0, True)] * 60 + [(1 + i // 3, i % 4, i % 3 == 0) for i in range(90)]
    row = only(tables(incidents(answers))[0])
    assert row["share"] == pytest.approx(0.6)
    assert row["odds"] < 1.0
    assert row["odds_low"] < 0.5 < row["odds_high"]


def test_how_units_and_persons_differ_is_told_only_of_enough_of_them() -> None:
    generator = np.random.default_rng(2)

    def told(n_units: int, n_persons: int, n: int = 600) -> set[str]:
        answers = [(int(p), int(p) % n_units, bool(y)) for p, y in zip(
            generator.integers(0, n_persons, n), generator.integers(0, 2, n), strict=True)]  # fmt: skip
        _, contrasts = tables(incidents(answers))
        return set(contrasts.filter(first_kind="aggression")["differs_by"])

    assert told(12, 60) == {"unit", "person"}
    assert told(4, 60) == {"person"}
    assert told(12, 12) == {"unit"}  # each unit is one system: there is nothing else to differ
    assert told(1, 100_000) == set()  # hardly anyone has two incidents


def test_nothing_is_estimated_that_may_not_be_shown() -> None:
    everything = incidents([(i % 20, i % 4, i % 3 == 0) for i in range(300)])
    assert only(tables(everything, thresholds={"client": 20})[0])["odds"] is not None
    table, contrasts = tables(everything, thresholds={"client": 21})
    assert only(table)["odds"] is None
    assert only(table)["adjusted_for"] == []
    assert contrasts.is_empty()


def test_a_planted_difference_is_found_and_the_table_is_one_family() -> None:
    generator = np.random.default_rng(6)
    n = 900
    shift = generator.choice(3, n, p=[0.4, 0.35, 0.25])
    chance = np.where(shift == 2, 0.55, 0.25)
    is_answered = generator.random(n) < chance
    person = generator.integers(0, 150, n)
    joined = incidents([(int(p), int(p) % 4, bool(y)) for p, y in zip(person, is_answered, strict=True)])
    table, contrasts = tables(joined, shift=shift[joined.incident], time=joined.incident / n)
    assert only(table)["adjusted_for"] == ["time", "shift"]
    night = only(contrasts, differs_by="shift", level="23:00")
    assert night["low"] < (0.55 / 0.45) / (0.25 / 0.75) < night["high"]
    assert night["q"] < 0.001
    assert night["n"] == np.sum(shift == 2)
    assert only(contrasts, differs_by="time")["low"] < 1.0 < only(contrasts, differs_by="time")["high"]
    tests = contrasts.filter(pl.col("p").is_not_null())
    np.testing.assert_allclose(tests["q"], adjust(tests["p"].to_numpy()))


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
