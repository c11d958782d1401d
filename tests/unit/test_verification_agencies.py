"""The agencies that verification invents are what they are said to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from verification.agencies import DAYS, KINDS, PLACES, UNITS, WARM_UP, Echo, Nature, _Latent, _populate, invent


def rows_of(nature, seed=3):
    """Kind, system and time of all rows, from the first to the last day."""
    design = invent(nature, seed).design
    parts = [(np.repeat(t.kind, t.count.size), t.system, t.time, t.count, t.incident) for t in design.targets]
    return design, [np.concatenate(column) for column in zip(*parts, strict=True)]


def test_sizes_are_those_of_the_rates():
    nature = Nature(frailty=0.0)
    found = np.array([[t.count.sum() for t in invent(nature, seed).design.targets] for seed in range(3)]).sum(axis=0)
    days = 3 * (DAYS - 36.5)  # the beginning is not scored
    for (role, rate, _), n in zip(KINDS.values(), found, strict=True):
        expected = rate * days * UNITS * PLACES.get(role, 1)
        assert abs(n - expected) < 4.5 * np.sqrt(expected)


def test_places_are_always_taken():
    people = _populate(Nature(move_every=40.0), np.random.default_rng(1))
    for moment in (0.0, 100.0, 364.9):
        here = [
            who for who, pieces in zip(people.role, people.pieces, strict=True) for a, b, _ in pieces if a <= moment < b
        ]
        assert {who: here.count(who) for who in PLACES} == {who: UNITS * n for who, n in PLACES.items()}


def test_frail_people_leave_sooner():
    people = _populate(Nature(frail_stay=0.8), np.random.default_rng(1))
    clients = [i for i, who in enumerate(people.role) if who == "client" and people.pieces[i][0][0] > WARM_UP]
    length = np.array([people.pieces[i][-1][1] - people.pieces[i][0][0] for i in clients])
    frailty = people.theta[clients, 0]
    assert np.median(length[frailty > 2.0]) < 0.5 * np.median(length[frailty < 0.5])


def test_a_shared_frailty_is_one():
    theta = _populate(Nature(frailty_is_shared=True), np.random.default_rng(1)).theta
    assert np.ptp(theta, axis=1).max() == 0.0
    assert np.ptp(_populate(Nature(), np.random.default_rng(1)).theta, axis=1).max() > 1.0


def test_shocks_make_counts_of_days_vary_together():
    def spread(nature):
        time = rows_of(nature)[1][2]
        daily = np.bincount(time.astype(int), minlength=DAYS)[40:]
        return daily.var() / daily.mean()

    assert spread(Nature(frailty=0.0)) < 1.5
    assert spread(Nature(frailty=0.0, shock=1.0)) > 2.5


def test_no_candidate_is_more_likely_than_certain():
    nature = Nature(shock=1.0, unit_shock=1.0, drift=0.7, unit_drift=0.7, unit_frailty=0.5, rhythm=1.0)
    world = _Latent(nature, np.random.default_rng(2))
    chances = [world.keep(time, unit, 0) for time in np.linspace(0.0, DAYS - 0.01, 500) for unit in range(UNITS)]
    assert min(chances) >= 0.0
    assert max(chances) <= 1.0


def test_incidents_have_more_rows_of_others_in_the_unit():
    design, (_, system, _, _, incident) = rows_of(Nature(many_rows=0.3))
    sizes = np.unique(incident, return_counts=True)[1]
    share = np.mean(sizes > 1)
    assert 0.15 < share < 0.35
    several = np.isin(incident, np.unique(incident)[sizes > 1])
    assert np.unique(np.stack([incident[several], system[several]]), axis=1).shape[1] == several.sum()
    assert design.set_aside.get("same kind, system and incident", 0) == 0


def test_transfers_move_people():
    def moves(nature):
        spells = invent(nature, 3).design.structure.roster.stays
        return spells.owner.size - np.unique(spells.owner).size

    assert moves(Nature()) == 0
    assert moves(Nature(transfer=0.3)) > 100


def test_writing_up_spreads_without_adding_events():
    everything, some = (rows_of(nature)[1][2].size for nature in (Nature(), Nature(write_up=0.4)))
    assert 0.5 * everything < some < 0.9 * everything


def test_echoes_are_told_with_the_agency():
    echo = Echo("self", "refusal", "refusal", 0.5)
    quiet, loud = (invent(Nature(echoes=(replace(echo, alpha=alpha),)), 4) for alpha in (1e-6, 0.5))
    assert loud.echoes == (echo,)
    assert loud.design.targets[1].count.sum() > 1.4 * quiet.design.targets[1].count.sum()
    assert loud.design.targets[0].count.sum() == pytest.approx(quiet.design.targets[0].count.sum())
