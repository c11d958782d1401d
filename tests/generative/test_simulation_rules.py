"""Every simulated event keeps the rules, asked one by one of the naive twin, on agencies with everything awkward."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.design import take_apart
from antiphon.design.events import rows_again
from antiphon.simulation import History, simulate
from tests.generative.agencies import CHANNELS, HALF_LIVES, random_agency
from tests.naive.pools import Deposit, NaiveAgency
from tests.unit.simulation_cases import model_of


def moments_in(twin, kind, start, end):
    """Moments that stand for the pieces of a cell within which nothing changes; the moment itself for minutes."""
    if end == start:
        return [start - 1e-9 if twin.is_terminal(kind) else start]
    cuts = [start, *[m for m in twin.moments(twin.precision_of[kind]) if start < m < end], end]
    return [0.5 * (left + right) for left, right in itertools.pairwise(cuts) if right - left > 1e-9]


def check(agency, channels, seed):
    structure, events, _ = take_apart(agency, channels=channels, half_lives=HALF_LIVES, join_incidents=False)
    structure = replace(structure, choices=replace(structure.choices, history_days=0.0))
    simulated = simulate(structure, model_of(structure, rate=0.05, echoes=0.15), seed, history=History(events, 2.0))
    names, systems = [kind.name for kind in structure.kinds], list(agency.systems["system"])
    twin = NaiveAgency(agency, HALF_LIVES, structure.choices.channels, {k.name: k.precision for k in structure.kinds})
    twin.history = 0.0
    rows = simulated.rows
    past = rows_again(events, structure.kinds, structure.calendars).where(events.time < 2.0)
    assert sorted(rows.time[: past.time.size]) == sorted(past.time)
    what = [(t, systems[i], names[k]) for t, i, k in zip(rows.time, rows.system, rows.kind, strict=True)]
    numbers = [("past", n) if n >= 0 else ("simulated", e) for e, n in enumerate(rows.number)]
    twin.rows = [(*one, number, twin.precision_of[one[2]]) for one, number in zip(what, numbers, strict=True)]
    everyone = twin.deposits()
    ends = [twin.cell(t + 1e-7, twin.precision_of[k])[1] if twin.precision_of[k] != "minute" else t for t, _, k in what]
    for event in np.flatnonzero(rows.number < 0):
        (time, system, kind), end = what[event], min(ends[event], twin.length)
        pieces = [t for t in moments_in(twin, kind, time, end) if at_risk(twin, system, kind, t, event)]
        assert pieces, (kind, time)
        parent, channel = simulated.parent[event], simulated.channel[event]
        assert (parent < 0) == (channel < 0)
        if parent < 0:
            continue
        deposit: Deposit = everyone[parent]
        grain = twin.precision_of[kind]
        assert twin.visible(deposit, grain) <= time + 1e-9
        way = twin.channels[channel]
        masses = twin.weight(deposit, way, everyone)
        assert any(twin.share(system, deposit, way, masses, t) > 0 for t in pieces), (way.name, kind, time)
    return int(np.count_nonzero(simulated.parent >= 0))


def at_risk(twin, system, kind, t, event):
    """Risk before the event itself: a terminal event ends nothing for itself."""
    if not twin.is_terminal(kind):
        return twin.at_risk(system, kind, t)
    rows = twin.rows
    twin.rows = [row for number, row in enumerate(rows) if number != event]
    found = twin.at_risk(system, kind, t)
    twin.rows = rows
    return found


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**9), st.lists(st.sampled_from(CHANNELS), min_size=2, max_size=5, unique=True))
def test_every_event_keeps_the_rules(seed, channels):
    check(random_agency(seed), channels, seed)


def test_there_are_echoes_of_every_channel_to_be_checked():
    assert sum(check(random_agency(seed), CHANNELS[seed % 3 :: 3], seed) for seed in range(9)) > 80
