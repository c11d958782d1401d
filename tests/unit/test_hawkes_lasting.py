"""Lasting differences between people are counted whole, whichever part of the model carries them."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.hawkes import Options, fit_design
from antiphon.hawkes.fitting import lasting_share
from antiphon.inference.claims import table_of_tests
from antiphon.resonance.attribution import echoed, masses, shares, totals
from verification.agencies import KINDS, Echo, Nature, invent

ECHOES = (Echo("self", "aggression_physical", "aggression_physical", 0.2),)
FAST = 2
"""Half-lives in use: to 3 days. Slower ones of the own past take lasting differences for echoes, as docs/method says."""


def fit_of(design, **options):
    columns = tuple(np.array([f.half_life < FAST for f in target.columns]) for target in design.targets)
    return fit_design(design, Options(columns=columns, **options), threads=1)


def is_of_people(design, target):
    return design.kinds[target.kind].role in ("client", "staff")


@pytest.fixture(scope="module")
def alike():
    """An agency whose people differ on all kinds alike."""
    invented = invent(Nature(echoes=ECHOES, frailty_is_shared=True), 2)
    return invented, fit_of(invented.design)


def test_what_the_propensity_carries_is_counted(alike):
    invented, fit = alike
    stays = invented.design.structure.roster.stays
    begin, end = invented.design.block_edges[[0, -1]]
    days = np.maximum(np.minimum(stays.end, end) - np.maximum(stays.start, begin), 0.0)
    days = np.bincount(stays.owner, days, len(invented.theta))
    role = np.asarray(invented.design.structure.roster.role)
    true, found, frailty_alone = [], [], []
    for index, (target, one) in enumerate(zip(invented.design.targets, fit.targets, strict=True)):
        if is_of_people(invented.design, target):
            here = days * (role == invented.design.kinds[target.kind].role)
            theta = invented.theta[:, target.kind]
            true.append(np.maximum(theta - 1.0, 0.0) @ here / (theta @ here))
            found.append(lasting_share(fit, index))
            frailty_alone.append(one.theta_excess @ one.hazard / (one.theta @ one.hazard))
    assert len(true) == sum(role in ("client", "staff") for role, *_ in KINDS.values())
    assert np.mean(found) == pytest.approx(np.mean(true), abs=0.06)
    assert np.mean(frailty_alone) < np.mean(true) - 0.12


def test_without_propensity_it_is_what_frailty_carries(alike):
    fit = fit_of(alike[0].design, propensity=False)
    for index, one in enumerate(fit.targets):
        assert lasting_share(fit, index) == pytest.approx(one.theta_excess @ one.hazard / (one.theta @ one.hazard))


def test_an_estimate_anew_with_the_same_couplings_finds_the_same_frailty(alike):
    # the propensity is there and says nothing: putting it away must change nothing
    fit = fit_of(invent(Nature(echoes=ECHOES), 2).design)
    for index, one in enumerate(fit.targets):
        if abs(one.model.endemic.propensity) < 0.03 and one.model.frailty_variance > 0.0:
            expected = one.theta_excess @ one.hazard / (one.theta @ one.hazard)
            assert lasting_share(fit, index) == pytest.approx(expected, abs=0.01)


def test_a_fit_that_found_no_frailty_can_be_asked_what_its_slow_past_carries():
    fit = fit_design(invent(Nature(echoes=ECHOES, frailty=0.0), 1).design, Options(propensity=False), threads=1)
    found = [
        lasting_share(fit, index, [c for c, f in enumerate(target.columns) if f.half_life >= FAST])
        for index, target in enumerate(fit.design.targets)
    ]
    assert any(one.model.frailty_variance == 0.0 for one in fit.targets)
    assert all(0.0 <= share < 0.5 for share in found)


def test_parts_add_up(alike):
    design, fit = alike[0].design, alike[1]
    rows = table_of_tests(design)
    found = shares(fit, rows, totals(fit, rows))
    assert (found.average >= 0.0).all()
    assert (found.frailty >= 0.0).all()
    np.testing.assert_allclose(found.average + found.frailty + found.echoes.sum(axis=-1), 1.0)


def test_equal_people_show_no_lasting_differences():
    fit = fit_of(invent(Nature(echoes=ECHOES, frailty=0.0), 1).design)
    found = [lasting_share(fit, i) for i, t in enumerate(fit.design.targets) if is_of_people(fit.design, t)]
    assert np.mean(found) < 0.06


def test_events_with_a_parent_and_their_children_are_as_many_as_were_made():
    # one kind that echoes itself and another: shares of parents and the branching ratio are different numbers
    echoes = (
        Echo("self", *["aggression_physical"] * 2, 0.3),
        Echo("peers:unit:client>client", "aggression_physical", "refusal", 0.4),
    )
    invented = invent(Nature(echoes=echoes), 5)
    design, found = invented.design, invented.simulated
    rows = [row for row in table_of_tests(design) if _is_true(design, row, echoes)]
    columns = [np.zeros(len(target.columns), bool) for target in design.targets]
    for row in rows:
        columns[row.target][row.columns[1]] = True  # the true half-life
    fit = fit_design(design, Options(columns=tuple(columns)), threads=1)
    events = np.array([float(t.count.sum()) for t in design.targets])
    assert [t.kind for t in design.targets] == list(range(len(events)))
    begin = float(design.block_edges[0])
    counted = np.mean(found.parent[found.rows.time >= begin] >= 0)
    value = float(echoed(shares(fit, rows, totals(fit, rows)), events))
    assert value == pytest.approx(counted, abs=0.02)
    kind = found.rows.kind
    parents = found.parent[(kind == 0) & (found.parent >= 0)]
    ratio = np.sum(kind[parents] == 0) / np.sum(kind == 0)
    place = next(place for place, row in enumerate(rows) if row.source_kind == 0 and row.target == 0)
    read = masses(fit, rows)[place] / events[0]
    assert totals(fit, rows)[place] * read == pytest.approx(ratio, abs=0.05)
    assert value < ratio - 0.05


def _is_true(design, row, echoes):
    names = design.channels[row.channel].name, design.kinds[row.source_kind].name
    return (*names, design.kinds[design.targets[row.target].kind].name) in {
        (e.channel, e.source, e.target) for e in echoes
    }


def test_a_slow_memory_of_the_own_past_counts_as_lasting_differences(alike):
    # people differ alike on all kinds: with a half-life of three weeks the own past foretells who they are
    design = alike[0].design
    rows, slow = table_of_tests(design), fit_design(design, threads=1)
    begin = float(design.block_edges[0])
    rows_of_all = alike[0].simulated
    true = np.mean(rows_of_all.parent[rows_of_all.rows.time >= begin] >= 0)
    events = np.array([float(t.count.sum()) for t in design.targets])
    carried = totals(slow, rows) * masses(slow, rows)
    found = shares(slow, rows, totals(slow, rows))
    assert carried.sum() / events.sum() > true + 0.15
    assert float(echoed(found, events)) == pytest.approx(true, abs=0.12)
    np.testing.assert_allclose(found.average + found.frailty + found.echoes.sum(axis=-1), 1.0)
