"""Kinds too rare to be told apart: which are read as one, and what is then said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

from antiphon.design import Feature, design_of
from antiphon.design.arrays import unit_structure
from antiphon.design.coarser import with_joined_kinds
from antiphon.design.events import rows_from
from antiphon.design.risk import Gap
from antiphon.hawkes import Options, fit_design
from antiphon.inference import infer
from antiphon.inference.claims import correct, table_hash, table_of_tests
from antiphon.inference.fallback import fallback
from antiphon.inference.intervals import compare_without, make_curve, profile_interval
from antiphon.model import Endemic, Model, TargetModel
from antiphon.simulation import simulate

UNITS, IN_UNIT, DAYS, HALF_LIFE = 10, 6, 200.0, 3.0
RATES = (0.03, 0.0045, 0.0045, 0.0045, 0.0045)
DOMAINS = {0: ("punishment",), 1: ("punishment",), 2: ("punishment", "loss"), 3: ("safety",), 4: ("safety",)}
SELF, PEERS = 0, 1
PLAIN = Options(frailty=False, rhythm=False, propensity=False)


def sparse(seed: int = 1, echoes: float = 0.0):
    """One frequent kind and four rare ones; events of 1 and 2 echo in 3 and 4 among peers, in each alike."""
    structure = unit_structure(np.repeat(np.arange(UNITS), IN_UNIT), len(RATES), [HALF_LIFE], DAYS)
    targets = []
    for kind, rate in enumerate(RATES):
        columns = tuple(Feature(PEERS, source, 0) for source in (1, 2)) if kind >= 3 else ()
        endemic = Endemic(float(np.log(rate)), np.zeros(1), np.zeros(7), np.zeros(4), np.zeros((1, 1)), 0.0)
        targets.append(TargetModel(kind, endemic, columns, np.full(len(columns), echoes), 0.0))
    return design_of(structure, simulate(structure, Model(tuple(targets)), seed).rows)


def stand_in(design):
    rows = table_of_tests(design)
    return rows, fallback(design, rows, DOMAINS)


def named(design, row):
    return (
        design.channels[row.channel].how,
        design.kinds[row.source_kind].name,
        design.kinds[design.targets[row.target].kind].name,
    )


def test_only_couplings_that_are_each_too_few_are_read_together():
    design = sparse()
    rows, found = stand_in(design)
    assert found.parts == ((0,), (1, 2), (3, 4))  # the frequent kind of the domain stays by itself
    assert [kind.name for kind in found.design.kinds] == ["kind 0", "kind 1+kind 2", "kind 3+kind 4"]
    assert found.domains == {0: ("punishment",), 1: ("punishment",), 2: ("safety",)}
    labels = {(row.channel, row.source_kind, design.targets[row.target].kind): row.label for row in rows}
    for row in found.rows:
        assert row.label != "too few"
        sources, targets = found.parts[row.source_kind], found.parts[found.design.targets[row.target].kind]
        assert len(sources) * len(targets) > 1
        assert {labels[row.channel, source, target] for source in sources for target in targets} == {"too few"}
    assert ("peers", "kind 1+kind 2", "kind 3+kind 4") in {named(found.design, row) for row in found.rows}


def test_nothing_stands_in_where_kinds_are_frequent_or_all_too_rare_or_nothing_is_known_of_them():
    design = sparse()
    rows = table_of_tests(design)
    assert fallback(design, [replace(row, label="") for row in rows], DOMAINS) is None
    assert fallback(design, [replace(row, pairs=0.1) for row in rows], DOMAINS) is None
    assert fallback(design, rows, {}) is None
    assert fallback(replace(design, recorded=None), rows, DOMAINS) is None


def test_terminal_kinds_and_those_with_gaps_of_their_own_stay_by_themselves():
    design = sparse()
    rows = table_of_tests(design)
    kinds = design.kinds
    ending = replace(design, kinds=(*kinds[:4], replace(kinds[4], terminal=True)))
    assert fallback(ending, rows, DOMAINS).parts == ((0,), (3,), (4,), (1, 2))
    gaps = replace(design.structure, gaps=(Gap(-1, 10.0, 12.0, (2,)),))
    found = fallback(replace(design, structure=gaps), rows, DOMAINS)
    assert found.parts[0] == (2,)
    assert found.design.structure.gaps == (Gap(-1, 10.0, 12.0, (0,)),)


def test_joined_kinds_are_the_sum_of_their_parts():
    """The naive twin of the reading: rows put together, features and compensators of the sources added up."""
    design = sparse(echoes=0.3)
    coarse = with_joined_kinds(design, [(1, 2), (3, 4)], ["a", "b"])
    parts = [next(t for t in design.targets if t.kind == kind) for kind in (3, 4)]
    joined = next(target for target in coarse.targets if coarse.kinds[target.kind].name == "b")
    order = np.argsort(np.concatenate([part.time for part in parts]), kind="stable")
    np.testing.assert_array_equal(joined.time, np.concatenate([part.time for part in parts])[order])
    np.testing.assert_array_equal(joined.system, np.concatenate([part.system for part in parts])[order])
    features = np.concatenate([part.features for part in parts])[order]
    for column, feature in enumerate(joined.columns):
        mine = {"kind 0": (0,), "a": (1, 2), "b": (3, 4)}[coarse.kinds[feature.source_kind].name]
        summed = [
            c for c, one in enumerate(parts[0].columns) if one.channel == feature.channel and one.source_kind in mine
        ]
        np.testing.assert_allclose(joined.features[:, column], features[:, summed].sum(axis=1), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(
            joined.compensator[:, column], parts[0].compensator[:, summed].sum(axis=1), rtol=1e-9
        )
    n_source = [design.margins.n_source[PEERS, kind] for kind in (1, 2)]
    assert max(n_source) <= coarse.margins.n_source[PEERS, 1] <= sum(n_source)


def test_rows_of_one_incident_person_and_domain_are_one_event():
    structure = unit_structure(np.repeat(np.arange(2), 3), 3, [HALF_LIFE], DAYS)
    rows = rows_from(np.array([20.0, 20.01, 50.0]), np.array([0, 0, 1]), np.array([1, 2, 1]), np.array([7, 7, -1]))
    coarse = with_joined_kinds(design_of(structure, rows), [(1, 2)], ["a"])
    assert [target.time.tolist() for target in coarse.targets] == [[20.0, 50.0]]


def test_the_test_of_domains_is_that_of_a_plain_poisson_likelihood():
    """The naive twin of statistic, p and estimate, without frailty and rhythm: maximised by somebody else's optimiser."""
    design = sparse(seed=4, echoes=0.3)
    _, found = stand_in(design)
    row = next(
        row for row in found.rows if named(found.design, row) == ("peers", "kind 1+kind 2", "kind 3+kind 4")
    )  # fmt: skip
    target, coarse = found.design.targets[row.target], found.design
    fit = fit_design(coarse, PLAIN)
    curve = make_curve(fit, row.target)
    days = UNITS * IN_UNIT * DAYS
    mass = target.compensator.sum(axis=0)

    def minus(x, free):
        alpha = np.where(free, x[1:], 0.0)
        return -(np.log(np.exp(x[0]) + target.features @ alpha).sum() - np.exp(x[0]) * days - mass @ alpha)

    everything = np.ones(mass.size, bool)
    without = everything.copy()
    without[list(row.columns)] = False
    start = np.append(np.log(target.count.sum() / days), np.full(mass.size, 0.05))
    bounds = [(None, None), *[(0.0, None)] * mass.size]
    best, null = (
        minimize(minus, start, args=(free,), bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-9})
        for free in (everything, without)
    )
    statistic = 2.0 * (null.fun - best.fun)
    comparison = compare_without(curve, row.columns)
    assert statistic > 4.0
    assert comparison.statistic == pytest.approx(statistic, abs=0.02)  # what the search may leave
    assert comparison.p == pytest.approx(0.5 * chi2.sf(statistic, 1), rel=0.01)
    interval = profile_interval(curve, row.columns)
    assert interval.estimate == pytest.approx(best.x[1 + row.columns[0]], abs=2e-3)


def test_domains_are_in_the_hash_and_in_the_family_of_tests():
    design = sparse()
    rows, found = stand_in(design)
    assert table_hash(design, rows, found) != table_hash(design, rows)
    n = len(found.rows)
    p = np.full(len(rows) + n, 0.5)
    p[-1] = 1e-3
    q, tests = correct(design, rows, p, DOMAINS, found)
    assert q.size == len(rows) + n
    assert q[-1] >= p[-1] * len({(t.channel, t.source_domain, t.target_domain) for t in tests}) * 0.999
    assert any(len(rows) + n - 1 in test.members for test in tests)
    none = replace(found, rows=tuple(replace(row, label="slow dependence") for row in found.rows))
    assert correct(design, rows, p, DOMAINS, none)[0][-1] == 1.0


def test_what_no_kind_shows_by_itself_is_found_in_its_domain():
    design = sparse(seed=2, echoes=0.35)
    found = infer(fit_design(design), domains=DOMAINS)
    by_kind = [one for one in found.couplings if one.source_kind in (1, 2) and one.target in (3, 4)]
    assert {one.label for one in by_kind if one.channel == PEERS} == {"too few"}
    (claimed,) = [one for one in found.by_domain.couplings if one.claimed]
    assert found.by_domain.parts[claimed.source_kind] == ("kind 1", "kind 2")
    assert found.by_domain.domains == ("", "punishment", "safety")
    assert claimed.low <= 0.7 <= claimed.high
    assert claimed.low <= claimed.echoes <= claimed.high
    assert {one.code for one in found.by_domain.controls} >= {"jitter", "year_apart"}
    assert found.by_domain.detectable.height == len(found.by_domain.couplings)
    assert "by_domain" in dict(found.warnings)
    assert found.table_hash == table_hash(design, *stand_in(design))


def test_where_there_is_nothing_domains_claim_nothing():
    found = infer(fit_design(sparse(seed=3)), domains=DOMAINS)
    assert found.by_domain.couplings
    assert not any(one.claimed for one in found.by_domain.couplings)
    assert found.by_domain.controls == ()
