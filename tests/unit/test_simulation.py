"""The simulator: limiting cases, luck that stays where it belongs, what is given, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from antiphon.design import Feature, dense_structure, take_apart, unit_structure
from antiphon.design.events import SetAside, make_events, no_rows, rows_again, rows_from
from antiphon.design.steps import make_steps
from antiphon.design.structure import keys_of
from antiphon.errors import SpecificationError
from antiphon.model import Endemic, Model, TargetModel
from antiphon.simulation import History, circumstances_of, simulate
from antiphon.simulation import simulate as entry
from tests.unit.agencies import make_agency
from tests.unit.simulation_cases import drawn, everything, model_of

MODULE = __import__("sys").modules[entry.__module__]
LN2 = math.log(2.0)


def plain(rate, propensity=0.0):
    return Endemic(math.log(rate), np.zeros(1), np.zeros(7), np.zeros(4), np.zeros((1, 1)), propensity)


def dense(rates, echoes, half_life=1.0, window=1000.0):
    """One system; ``echoes[k, h]`` of kind k after kind h."""
    structure = dense_structure(len(rates), [half_life], window)
    columns = tuple(Feature(0, h, 0) for h in range(len(rates)))
    targets = [TargetModel(k, plain(rate), columns, np.asarray(echoes[k]), 0.0) for k, rate in enumerate(rates)]
    return structure, Model(tuple(targets))


def persons(n, rate, own, peers=0.0, *, unit_size=10, half_life=1.0, window=100.0, variance=0.0, has_frailty=False):
    structure = unit_structure(np.arange(n) // unit_size, 1, [half_life], window, has_frailty=has_frailty)
    columns = (Feature(0, 0, 0), Feature(1, 0, 0))
    return structure, Model((TargetModel(0, plain(rate), columns, np.array([own, peers]), variance),))


def counts(simulated, n):
    return np.bincount(simulated.rows.system, minlength=n)[:n]


def within(sample, expected, *, standard_errors=4.0):
    error = sample.std(ddof=1) / math.sqrt(sample.size)
    return abs(sample.mean() - expected) < standard_errors * error


def whole(simulated):
    """Every event; what is recorded at the same time in one order."""
    rows = simulated.rows
    return sorted(zip(rows.time.tolist(), rows.system.tolist(), rows.kind.tolist(), strict=True))


# --- limiting cases ---------------------------------------------------------------------------------------------------


def test_without_couplings_events_are_poisson():
    n, mean = 4000, 3.0
    found = counts(simulate(*persons(n, mean / 100, 0.0), 1), n)
    assert within(found, mean)
    assert within((found - mean) ** 2, mean)
    times = np.sort(simulate(*persons(n, mean / 100, 0.0), 2).rows.time) / 100
    assert np.abs(times - (np.arange(times.size) + 0.5) / times.size).max() < 2.0 / math.sqrt(times.size)


def moments(rate, echo, half_life, window):
    """Mean and variance of the count of a univariate exponential Hawkes process that begins empty, from its moment
    equations: N, x = excitation, E of (N, x, xx, xN, NN)."""
    b = LN2 / half_life

    def slope(_, now):
        n, x, xx, xn, _ = now
        intensity, x_intensity, n_intensity = rate + x, rate * x + xx, rate * n + xn
        return [
            intensity,
            -b * x + echo * b * intensity,
            -2 * b * xx + 2 * echo * b * x_intensity + (echo * b) ** 2 * intensity,
            -b * xn + x_intensity + echo * b * n_intensity + echo * b * intensity,
            2 * n_intensity + intensity,
        ]

    n, _, _, _, nn = solve_ivp(slope, (0, window), np.zeros(5), rtol=1e-9, atol=1e-12).y[:, -1]
    return n, nn - n**2


def test_the_moment_equations_end_at_the_textbook_values():
    mean, variance = moments(0.1, 0.5, 1.0, 5000.0)
    assert mean == pytest.approx(0.1 * 5000 / 0.5, rel=1e-3)
    assert variance == pytest.approx(0.1 * 5000 / 0.5**3, rel=2e-3)


@pytest.mark.parametrize("half_life", [2.0, 2.4])
def test_one_person_is_the_univariate_hawkes_process_and_a_decay_that_is_20_percent_wrong_is_seen(half_life):
    n, rate, echo, window = 12_000, 1.0, 0.9, 5.0
    found = counts(simulate(*persons(n, rate, echo, half_life=half_life, window=window), 5), n)
    mean, variance = moments(rate, echo, 2.0, window)
    assert within(found, mean) == (half_life == 2.0)
    assert half_life != 2.0 or within((found - mean) ** 2, variance)


def test_totals_follow_from_the_branching_matrix():
    rates = np.array([0.3, 0.1, 0.6])
    echoes = np.array([[0.2, 0.5, 0.0], [0.1, 0.1, 0.3], [0.0, 0.4, 0.2]])
    window, repeats = 20_000.0, 8
    structure, model = dense(rates, echoes, window=window)
    found = np.asarray([np.bincount(simulate(structure, model, s).rows.kind, minlength=3) for s in range(repeats)])
    inverse = np.linalg.inv(np.eye(3) - echoes)
    expected = inverse @ rates * window
    # covariance of the counts of a stationary process over a long window (Hawkes 1971)
    error = np.sqrt(np.diag(inverse @ np.diag(inverse @ rates) @ inverse.T) * window / repeats)
    assert np.all(np.abs(found.mean(axis=0) - expected) < 4 * error)


def test_frailty_makes_counts_negative_binomial():
    n, mean, variance = 6000, 2.0, 0.7
    found = counts(simulate(*persons(n, mean / 100, 0.0, variance=variance, has_frailty=True), 4), n)
    assert within(found, mean)
    assert within((found - mean) ** 2, mean + variance * mean**2)


# --- luck -------------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_events_and_another_seed_others():
    structure, model = persons(50, 0.1, 0.3, 0.3)
    assert whole(simulate(structure, model, 7)) == whole(simulate(structure, model, 7))
    assert not set(whole(simulate(structure, model, 7))) & set(whole(simulate(structure, model, 8)))


def test_how_the_work_is_divided_changes_nothing(monkeypatch):
    structure = everything(channels=("self", "peers:unit:client>client", "tie:caseload:staff>client"))
    model = model_of(structure, echoes=0.2, rate=0.1)
    one = simulate(structure, model, 3)
    monkeypatch.setattr(MODULE, "PART", 1)
    other = simulate(structure, model, 3)
    monkeypatch.setattr(MODULE.os, "cpu_count", lambda: 1)
    alone = simulate(structure, model, 3)
    assert whole(one) == whole(other) == whole(alone)
    for found in (one, other):
        time, parent = found.rows.time, found.parent
        assert np.all(time[parent[parent >= 0]] <= time[parent >= 0])
    assert sorted(one.rows.time[one.parent[one.parent >= 0]]) == sorted(
        other.rows.time[other.parent[other.parent >= 0]]
    )


def test_whoever_comes_to_one_unit_leaves_the_events_of_the_others_as_they_were():
    def events(names):
        systems = {**dict.fromkeys(names, "client"), "u": "unit", "v": "unit"}
        stays = [(name, "v" if name.startswith("v") else "u", -9, None) for name in names]
        agency = make_agency(systems, [(1, names[0], "restraint")], stays)
        structure = take_apart(agency, channels=["self", "peers:unit:client>client"], half_lives=[1.0])[0]
        model = model_of(structure, rate=0.2, echoes=0.4)
        rows = simulate(structure, model, 11).rows
        order = list(agency.systems["system"])
        return {(t, order[i]) for t, i in zip(rows.time.tolist(), rows.system.tolist(), strict=True)}

    before = events(["v1", "v2", "x1", "x2"])
    after = events(["a new one", "v1", "v0", "v2", "x1", "x2"])
    mine = {event for event in before if event[1].startswith("v")}
    # somebody came to u, somebody to v: only an unconnected change leaves v's events alone
    alone = events(["a new one", "v1", "v2", "x1", "x2"])
    assert len(mine) > 20
    assert mine == {event for event in alone if event[1].startswith("v")}
    assert mine != {event for event in after if event[1] in ("v1", "v2")}


def test_a_higher_rate_adds_events_and_takes_none_away():
    structure, model = persons(60, 0.05, 0.3, 0.3)
    target = model.targets[0]
    higher = Model((replace(target, endemic=plain(0.08)),))
    fewer, more = set(whole(simulate(structure, model, 2))), set(whole(simulate(structure, higher, 2)))
    assert fewer < more
    assert 0.5 < (len(more) - len(fewer)) / len(fewer) < 0.7


def test_what_changes_later_leaves_what_was_before():
    structure = everything()
    model = model_of(structure, rate=0.1, echoes=0.1)
    changed = []
    for target in model.targets:
        period = target.endemic.period + np.array([[0.0, 1.0, 1.0]])
        changed.append(replace(target, endemic=replace(target.endemic, period=period)))
    one, other = whole(simulate(structure, model, 6)), whole(simulate(structure, Model(tuple(changed)), 6))
    early = [event for event in one if event[0] < 13]
    assert len(early) > 50
    assert early == [event for event in other if event[0] < 13]
    assert len(other) > len(one)


def test_how_far_propensities_are_foreseen_changes_nothing(monkeypatch):
    structure = everything()
    model = model_of(structure, rate=0.1, variance=1.0)
    endemic = [replace(t.endemic, propensity=0.8 * (t.frailty_variance > 0)) for t in model.targets]
    model = Model(tuple(replace(t, endemic=e) for t, e in zip(model.targets, endemic, strict=True)))
    found = []
    for bound in (1.01, 60.0):
        monkeypatch.setattr(MODULE, "FIRST_BOUND", bound)
        found.append(whole(simulate(structure, model, 9)))
    assert found[0] == found[1]
    assert found[0] != whole(simulate(structure, model_of(structure, rate=0.1, variance=1.0), 9))


# --- what is given ----------------------------------------------------------------------------------------------------


def past(structure, rows, numbers=None):
    """Events of kind 0 at (time, system)."""
    time, system = (np.asarray(values) for values in zip(*rows, strict=True))
    rows = rows_from(time, system, np.zeros(time.size, np.int64), -1 if numbers is None else np.asarray(numbers))
    return make_events(rows, structure.kinds, structure.roster, structure.calendars, None, SetAside())


def test_what_has_happened_is_kept_and_goes_on_sounding():
    n, start, window = 3000, 2.0, 4.0
    structure, model = persons(n, 1e-9, 0.5, 0.25, window=window)
    history = past(structure, [(1.0, i) for i in range(n)] + [(3.0, 0)])
    simulated = simulate(structure, model, 1, history=History(history, start))
    first = np.flatnonzero(simulated.rows.time < start)
    assert simulated.rows.time[first].tolist() == [1.0] * n
    assert sorted(simulated.rows.system[first]) == list(range(n))
    assert np.all(simulated.parent[first] == -1)
    assert not np.any((simulated.rows.time == 3.0) & (simulated.rows.system == 0))
    # direct echoes of the past that arrive between the start and the end of the window
    share = 2.0**-1 - 2.0**-3
    direct = simulated.channel[np.isin(simulated.parent, first)]
    for channel, echoes in ((0, 0.5), (1, 0.25)):
        expected = n * echoes * share
        assert abs(np.count_nonzero(direct == channel) - expected) < 4 * math.sqrt(expected)


def test_a_shared_incident_of_the_past_leaves_mass_one():
    n = 4000
    structure, model = persons(n, 1e-9, 0.0, 0.4, window=40.0)
    pairs = np.arange(n) // 2  # two of a unit share an incident
    history = past(structure, [(1.0, i) for i in range(n)], numbers=pairs)
    simulated = simulate(structure, model, 1, history=History(history, 1.5))
    share = 2.0**-0.5
    direct = np.isin(simulated.parent, np.flatnonzero(simulated.rows.time < 1.5)).sum()
    expected = n / 2 * 0.4 * share
    assert abs(direct - expected) < 4 * math.sqrt(expected)
    kept = simulated.rows.number[simulated.rows.time < 1.5]
    assert np.unique(kept, return_counts=True)[1].tolist() == [2] * (n // 2)
    assert np.all(simulated.rows.number[simulated.rows.time > 1.5] == -1)


def test_rows_of_events_make_the_same_events_again():
    structure, model = everything(), None
    model = model_of(structure, rate=0.1)
    rows = simulate(structure, model, 1).rows
    events = make_events(rows, structure.kinds, structure.roster, structure.calendars, None, SetAside())
    again = rows_again(events, structure.kinds, structure.calendars)
    twice = make_events(again, structure.kinds, structure.roster, structure.calendars, None, SetAside())
    for name in events.__slots__:
        np.testing.assert_array_equal(getattr(events, name), getattr(twice, name))


def test_frailties_can_be_given():
    n = 40
    structure, model = persons(n, 0.5, 0.0, variance=1.0, has_frailty=True)
    theta = np.zeros(structure.roster.n_systems)
    theta[:5] = 2.0
    found = counts(simulate(structure, model, 1, frailty={0: theta}), n)
    assert np.all(found[5:] == 0)
    assert abs(found[:5].sum() - 500) < 4 * math.sqrt(500)


@pytest.mark.parametrize("order", [1, 3])
def test_delays_are_erlang_of_the_same_mean(order):
    structure, model = dense([2.0], [[0.7]], half_life=f"delay:{0.5 / LN2}d:{order}", window=5000.0)
    simulated = simulate(structure, model, 1)
    echo = simulated.parent >= 0
    delay = simulated.rows.time[echo] - simulated.rows.time[simulated.parent[echo]]
    mean = 0.5 / LN2
    assert abs(delay.mean() - mean) < 4 * mean / math.sqrt(order * delay.size)
    assert abs(delay.var() - mean**2 / order) < 4 * math.sqrt((2 + 6 / order) / delay.size) * mean**2 / order


def test_masses_scale_the_echoes_of_an_event():
    structure, model = dense([2.0], [[0.4]], half_life=0.1, window=8000.0)
    simulated = simulate(structure, model, 1, masses={0: np.array([0.0, 2.0])})
    children = np.bincount(simulated.parent[simulated.parent >= 0], minlength=simulated.rows.time.size)
    assert within(children, 0.4)
    assert within((children - 0.4) ** 2, 0.4 + 0.4**2)  # half of the events have none, half twice as many


def test_circumstances_multiply_the_endemic_rate_from_a_time_on():
    n = 300
    structure, model = persons(n, 0.2, 0.0)
    changed = np.arange(100)
    steps = make_steps(changed, np.full(100, 40.0), np.full(100, math.log(3.0)), structure.roster.n_systems, before=0.0)
    simulated = simulate(structure, model, 1, circumstances={0: steps})
    late = simulated.rows.time >= 40
    for person, when, expected in (
        (changed, ~late, 100 * 40 * 0.2),
        (changed, late, 100 * 60 * 0.6),
        (np.arange(100, n), late, 200 * 60 * 0.2),
    ):
        found = np.count_nonzero(np.isin(simulated.rows.system, person) & when)
        assert abs(found - expected) < 4 * math.sqrt(expected)
    before = [event for event in whole(simulate(structure, model, 1)) if event[0] < 40]
    assert before == [event for event in whole(simulated) if event[0] < 40]


def test_covariates_of_a_design_are_its_circumstances_and_are_asked_for():
    structure, model = persons(20, 0.2, 0.0)
    design = drawn(structure, model, 1)
    role = design.roles[0]
    values = np.where(role.segments.system < 10, 0.5, -0.5)[:, None]
    role = replace(role, segments=replace(role.segments, covariates=values))
    endemic = replace(model.targets[0].endemic, covariates=np.array([2.0]))
    model = Model((replace(model.targets[0], endemic=endemic),))
    steps = circumstances_of(replace(design, roles=(role,)), model)
    found = steps[0].at(np.array([3, 15]), np.array([50.0, 50.0]))
    np.testing.assert_allclose(found, [1.0, -1.0])
    number = counts(simulate(structure, model, 1, circumstances=steps), 20)
    assert number[:10].sum() > 3 * number[10:].sum()
    with pytest.raises(SpecificationError, match="has covariates"):
        simulate(structure, model, 1)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_effects_that_do_not_fit_the_structure_are_refused():
    structure, model = persons(20, 0.1, 0.1)
    wrong = replace(model.targets[0], endemic=replace(model.targets[0].endemic, period=np.zeros((1, 3))))
    with pytest.raises(SpecificationError, match=r"period has the shape \(1, 3\)"):
        simulate(structure, Model((wrong,)), 1)


def test_negative_couplings_and_channels_between_other_roles_are_refused():
    structure, model = persons(20, 0.1, 0.1)
    with pytest.raises(SpecificationError, match="only echoes can be run"):
        simulate(structure, Model((replace(model.targets[0], alpha=np.array([-0.1, 0.0])),)), 1)
    structure = everything(channels=("peers:unit:staff>client",), kinds=("aggression_physical", "staff_injury"))
    model = model_of(structure)
    columns = tuple(replace(column, source_kind=0) for column in model.targets[0].columns)
    wrong = replace(model.targets[0], columns=columns)
    with pytest.raises(SpecificationError, match="their roles differ"):
        simulate(structure, Model((wrong,)), 1)


def test_a_process_that_reproduces_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(MODULE, "MOST_EVENTS", 5000)
    structure, model = dense([1.0], [[1.3]])
    with pytest.raises(SpecificationError, match="reproduce faster than they fade"):
        simulate(structure, model, 1)


def test_nothing_to_happen_is_nothing():
    structure, model = persons(20, 1e-12, 0.0)
    assert simulate(structure, model, 1).rows.time.size == 0
    assert simulate(structure, Model(()), 1).rows.time.size == 0
    assert no_rows().time.size == 0
    assert drawn(structure, model, 1).targets == ()


def test_keys_hang_on_names_alone():
    names = ["b", "a", "c"]
    assert keys_of(names)[1] == keys_of(["a"])[0]
    assert np.unique(keys_of(range(10_000))).size == 10_000
