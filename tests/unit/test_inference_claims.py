"""The table of tests and the correction for its length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.design.delays import read_kernels
from antiphon.design.design import Kind
from antiphon.hawkes import fit_design
from antiphon.inference import infer
from antiphon.inference.claims import benjamini_hochberg, correct, holm, simes, table_hash, table_of_tests
from antiphon.inference.procedure import median_delay
from tests.unit.hawkes_cases import invented
from tests.unit.ladder_cases import own_echoes


def test_the_table_does_not_look_at_the_data_beyond_its_margins():
    design = invented()
    rows = table_of_tests(design)
    other = replace(design.targets[0], features=design.targets[0].features * 3.0)
    assert table_hash(design, rows) == table_hash(design, table_of_tests(replace(design, targets=(other,))))
    few = replace(design, margins=replace(design.margins, n_pairs={}))
    assert table_hash(design, rows) != table_hash(few, table_of_tests(few))
    assert [row.columns for row in rows] == [(0, 1), (2, 3)]


def test_labels():
    design = invented()
    few = replace(design, margins=replace(design.margins, n_pairs={(0, 0, 0): 9.9, (1, 0, 0): 10.0}))
    assert [row.label for row in table_of_tests(few)] == ["too few", ""]
    one_unit = replace(design, margins=replace(design.margins, n_units={(0, 0, 0): 1, (1, 0, 0): 1}))
    assert [row.label for row in table_of_tests(one_unit)] == ["", "shared circumstances not excluded"]
    slow = replace(design, kernels=read_kernels([8.0, 20.0]))
    assert [row.label for row in table_of_tests(slow)] == ["slow dependence"] * 2
    mixed = table_of_tests(replace(design, kernels=read_kernels([2.0, 20.0])))[0]
    assert (mixed.fast, mixed.columns, mixed.label) == ((0,), (0, 1), "")
    shared = replace(design, margins=replace(design.margins, shared=frozenset({(0, 0)})))
    assert [row.label for row in table_of_tests(shared)] == ["shared circumstances not excluded", ""]
    assert table_hash(shared, table_of_tests(shared)) != table_hash(design, table_of_tests(design))


def test_corrections_by_hand():
    p = np.array([0.01, 0.04, 0.03, 0.5])
    np.testing.assert_allclose(holm(p), [0.04, 0.09, 0.09, 0.5])
    np.testing.assert_allclose(benjamini_hochberg(p), [0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert simes(p) == pytest.approx(0.04)


def family(n_kinds):
    """A design in name only: as many kinds as wanted, each echoing itself."""
    design = invented()
    kinds = tuple(Kind(f"kind {k}", "client", "minute", terminal=False, while_="present") for k in range(n_kinds))
    targets = tuple(replace(design.targets[0], kind=k) for k in range(n_kinds))
    keys = {(c, 0, k): 50.0 for c in range(2) for k in range(n_kinds)}
    margins = replace(design.margins, n_pairs=keys, n_units=dict.fromkeys(keys, 4))
    return replace(design, kinds=kinds, targets=targets, margins=margins)


def test_domains_come_first():
    design = family(6)
    rows = table_of_tests(design)
    p = np.full(len(rows), 0.5)
    p[0] = 1e-6
    domains = {k: ("safety",) if k < 3 else ("loss",) for k in range(6)}
    q, tests = correct(design, rows, p, domains)
    assert q[0] < 0.05
    assert (q[1:] > 0.05).all()
    assert {(test.source_domain, test.target_domain) for test in tests} == {("safety", "safety"), ("safety", "loss")}
    first = next(test for test in tests if 0 in test.members)
    assert q[0] >= first.q


def test_no_kind_is_claimed_without_its_domain():
    generator = np.random.default_rng(1)
    design = family(12)
    rows = table_of_tests(design)
    for _ in range(20):
        p = generator.uniform(size=len(rows)) ** 2
        q, tests = correct(design, rows, p, {k: ("safety",) if k % 2 else ("loss",) for k in range(12)})
        for place, value in enumerate(q):
            if value <= 0.05:
                assert min(test.q for test in tests if place in test.members) <= 0.05


def test_under_no_coupling_any_claim_is_rare():
    generator = np.random.default_rng(2)
    design = family(12)
    rows = table_of_tests(design)
    domains = {k: ("safety",) if k % 3 else ("loss", "safety") for k in range(12)}
    uniform = generator.uniform(size=(400, len(rows)))
    p = np.where(uniform < 0.5, uniform, 1.0)  # half of the couplings are estimated at zero
    claims = [bool((correct(design, rows, one, domains)[0] <= 0.05).any()) for one in p]
    assert np.mean(claims) < 0.05 + 4.0 * np.sqrt(0.05 * 0.95 / 400)


def test_labelled_rows_stay_in_the_table_with_p_one():
    design = invented()
    few = replace(design, margins=replace(design.margins, n_pairs={(0, 0, 0): 3.0, (1, 0, 0): 50.0}))
    inference = infer(fit_design(few))
    assert len(inference.couplings) == 2
    rare = inference.couplings[0]
    assert (rare.label, rare.p, rare.q, rare.claimed) == ("too few", 1.0, 1.0, False)
    assert np.isnan(rare.low)
    assert np.isnan(rare.high)
    assert inference.table_hash == table_hash(few, table_of_tests(few))


@settings(max_examples=5, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 10_000), echoes=st.floats(0.0, 0.5), variance=st.floats(0.0, 2.0))
def test_echoes_lie_in_their_interval(seed, echoes, variance):
    inference = infer(fit_design(own_echoes(seed, echoes=echoes, frailty_variance=variance)), seed=1)
    for one in inference.couplings:
        assert one.low <= one.echoes <= one.high


def test_echoes_are_where_the_profile_is_highest_and_shrunk_only_without_interval():
    inference = infer(fit_design(invented(seed=3, n_systems=40)))
    assert (inference.penalised.targets[0].model.alpha < inference.fit.targets[0].model.alpha - 1e-3).any()
    margins = inference.fit.design.margins
    few = replace(inference.fit.design, margins=replace(margins, n_pairs=dict.fromkeys(margins.n_pairs, 3.0)))
    for design, tells in ((inference.fit.design, "fit"), (few, "penalised")):
        found = infer(fit_design(design))
        for one in found.couplings:
            alpha = getattr(found, tells).targets[one.target].model.alpha
            assert one.echoes == pytest.approx(alpha[list(one.columns)].sum())
            assert np.isnan(one.low) == (tells == "penalised")


def test_the_same_conclusions_are_drawn_again():
    inference = infer(fit_design(invented(seed=3, n_systems=80)))
    for one in inference.couplings:
        assert 0.0 <= one.p <= one.q <= 1.0
    again = infer(inference.fit)
    assert str(again.couplings) == str(inference.couplings)  # NaN is not equal to itself


def test_delay_of_one_half_life_is_the_half_life():
    assert median_delay(np.array([0.3]), read_kernels([2.0])) == pytest.approx(2.0)
    assert 0.5 < median_delay(np.array([0.1, 0.1]), read_kernels([0.5, 3.0])) < 3.0
    assert np.isnan(median_delay(np.zeros(1), read_kernels([2.0])))
