"""The cluster simulator and its naive twin agree in distribution: Ogata's thinning on the literal intensity."""

from __future__ import annotations

import random
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from antiphon.design import take_apart
from antiphon.design.events import SetAside, make_events, rows_from
from antiphon.simulation import History, simulate
from tests.naive.simulation import NaiveSimulation
from tests.unit.agencies import make_agency
from tests.unit.simulation_cases import CHANNELS, KINDS, SETTINGS, START, model_of

SYSTEMS = {
    **dict.fromkeys(("c1", "c2", "c3"), "client"), **dict.fromkeys(("s1", "s2"), "staff"),
    "u1": "unit", "u2": "unit", "o": "organisation",
}  # fmt: skip
STAYS = [
    ("u1", "o", -100, None), ("u2", "o", -100, None), ("c1", "u1", -20, None), ("c2", "u1", -20, 5.3),
    ("c2", "u2", 5.3, None), ("c3", "u2", 2.25, 8.5), ("c3", "u1", 3, 7.5), ("s1", "u1", -50, None),
    ("s2", "u1", -50, None), ("s2", "u2", -50, None),
]  # fmt: skip
TIES = [
    ("s1", "c1", "caseload", None, None, 2.0),
    ("s1", "c2", "caseload", 3.5, None, 1.0),
    ("s2", "c3", "caseload", None, 6.4, 1.0),
]
AWAY = [("c1", 4.5, 6.0, None, True)]


def pair(kinds, channels, half_lives, *, rate, echoes, days=10):
    """A structure with its model, and their twin; systems in the order of their codes."""
    owner = {"client": "c1", "staff": "s1", "unit": "u1", "organisation": "o"}
    events = [(5, owner[KINDS[kind][0]], kind, None, KINDS[kind][1]) for kind in kinds]
    agency = make_agency(SYSTEMS, events, STAYS, AWAY, TIES, days=days, start=START, settings=SETTINGS)
    structure = take_apart(agency, channels=channels, half_lives=half_lives)[0]
    structure = replace(structure, choices=replace(structure.choices, history_days=0.0, period_days=5.0))
    model = model_of(structure, rate=rate, echoes=echoes)
    return structure, model, twin_of(agency, structure, model), list(agency.systems["system"])


def twin_of(agency, structure, model):
    names = [kind.name for kind in structure.kinds]
    models = {names[target.kind]: target for target in model.targets}
    columns = {kind: [(f.channel, names[f.source_kind], f.half_life) for f in t.columns] for kind, t in models.items()}
    calendar = SimpleNamespace(period_days=5.0, n_periods=2)
    return NaiveSimulation(agency, structure, models, columns, calendar)


def mine(structure, model, repeats):
    """Counts (repeats, systems, kinds)."""
    found = np.zeros((repeats, structure.roster.n_systems, len(structure.kinds)))
    for seed in range(repeats):
        rows = simulate(structure, model, seed).rows
        np.add.at(found[seed], (rows.system, rows.kind), 1)
    return found


def theirs(twin, structure, systems, repeats):
    names = [kind.name for kind in structure.kinds]
    found = np.zeros((repeats, len(systems), len(names)))
    for seed in range(repeats):
        for _, system, kind in twin.run(random.Random(seed)):  # noqa: S311 - no secret
            found[seed, systems.index(system), names.index(kind)] += 1
    return found


def z(one, other):
    return (one.mean(0) - other.mean(0)) / np.sqrt(one.var(0) / len(one) + other.var(0) / len(other))


def test_counts_by_system_and_kind_agree_with_churn_ties_and_every_precision():
    structure, model, twin, systems = pair(tuple(KINDS), CHANNELS, (2.0, 4.0), rate=0.06, echoes=0.12)
    expected, found = theirs(twin, structure, systems, 60), mine(structure, model, 600)
    assert 40 < expected.sum(axis=(1, 2)).mean() < 120
    for axis in (1, 2, (1, 2)):
        assert np.all(np.abs(z(expected.sum(axis=axis), found.sum(axis=axis))) < 4)
    often = expected.sum(axis=0) > 10
    assert np.count_nonzero(often) > 10
    assert np.all(np.abs(z(expected[:, often], found[:, often])) < 4)
    squared = [(c.sum(axis=(1, 2)) - c.sum(axis=(1, 2)).mean()) ** 2 for c in (expected, found)]
    assert abs(z(*squared)) < 4.5  # squares are skewed


def test_a_twin_whose_decay_is_20_percent_wrong_is_seen():
    """Sixty events at the start, hardly any others: how many echoes come in time is a matter of the decay."""
    kinds, channels = ("aggression_physical",), ("self", "peers:unit:client>client")
    structure, model, twin, systems = pair(kinds, channels, (20.0,), rate=1e-3, echoes=0.5)
    given = [(0.0, name, kinds[0]) for name in ("c1", "c2") for _ in range(30)]
    time = np.zeros(len(given))
    system = np.asarray([systems.index(name) for _, name, _ in given])
    rows = rows_from(time, system, np.zeros(len(given), np.int64))
    events = make_events(rows, structure.kinds, structure.roster, structure.calendars, None, SetAside())
    found = [
        simulate(structure, model, s, history=History(events, 1e-9)).rows.time.size - len(given) for s in range(1000)
    ]

    def expected():
        return np.asarray([len(twin.run(random.Random(s), history=given)) for s in range(120)])  # noqa: S311 - no secret

    assert abs(z(expected(), np.asarray(found))) < 4
    twin.world.kernels = [(1.2 * life, order) for life, order in twin.world.kernels]
    assert abs(z(expected(), np.asarray(found))) > 4
