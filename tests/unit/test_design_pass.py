"""The exact pass against what can be worked out by hand: who reads what of which event."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from antiphon.design import build_design, dense_design, unit_design
from tests.unit.agencies import make_agency

LN2 = np.log(2.0)
PEERS = "peers:unit:client>client"
CLIENTS = {"a": "client", "b": "client", "c": "client", "u": "unit", "v": "unit"}
FAR = [(name, "u", -500, None) for name in "abc"]
"""Three clients who stay in one unit throughout. Half-life 1 day and 100 days give a history of 3 days."""


def kappa(days, half_life=1.0):
    return LN2 / half_life * 2.0 ** (-days / half_life)


def total(first, last, half_life=1.0):
    """Integral of the kernel between two ages."""
    return 2.0 ** (-first / half_life) - 2.0 ** (-last / half_life)


def read(agency, channel, *, kind="aggression_physical", source=None, half_lives=(1.0,)):
    """Features and compensator of one target kind for one source kind, with one half-life."""
    design = build_design(agency, channels=[channel], half_lives=half_lives)
    names = [k.name for k in design.kinds]
    target = next(t for t in design.targets if names[t.kind] == kind)
    columns = [j for j, f in enumerate(target.columns) if names[f.source_kind] == (source or kind)]
    return target, target.features[:, columns[-1]], target.compensator[:, columns[-1]].sum()


def event(time, system, kind="aggression_physical", *rest):
    return (time, system, kind, *rest)


def test_own_past_is_the_univariate_hawkes_process():
    times = np.array([1.0, 2.0, 3.5])
    design = dense_design(times, np.zeros(3, int), [2.0], 10.0)
    target = design.targets[0]
    expected = [0.0, kappa(1, 2.0), kappa(2.5, 2.0) + kappa(1.5, 2.0)]
    np.testing.assert_allclose(target.features[:, 0], expected, rtol=1e-14)
    np.testing.assert_allclose(target.compensator.sum(), sum(total(0, 10 - t, 2.0) for t in times), rtol=1e-13)
    assert design.history_days == 0.0


def test_compensator_adds_up_by_block():
    times = np.array([1.0, 2.0, 3.5])
    target = dense_design(times, np.zeros(3, int), [2.0], 16.0).targets[0]
    edges = np.arange(9) * 2.0
    expected = [sum(total(max(a - t, 0), max(b - t, 0), 2.0) for t in times) for a, b in pairwise(edges)]
    np.testing.assert_allclose(target.compensator[:, 0], expected, atol=1e-14)


def test_peers_share_one_event_equally_and_not_with_its_source():
    agency = make_agency(CLIENTS, [event(20, "a"), event(21, "a"), event(22, "b")], FAR)
    _, features, compensator = read(agency, PEERS)
    # a hears nobody; b hears both events of a, shared between b and c
    np.testing.assert_allclose(features, [0, 0, (kappa(2) + kappa(1)) / 2], rtol=1e-13)
    np.testing.assert_allclose(compensator, sum(total(0, 100 - t) for t in (20, 21, 22)), rtol=1e-12)


def test_alone_in_a_unit_there_is_nobody_to_hear():
    agency = make_agency(CLIENTS, [event(20, "a"), event(21, "b")], [("a", "u", -1, None), ("b", "v", -1, None)])
    _, features, compensator = read(agency, PEERS)
    assert not features.any()
    assert compensator == 0.0


def test_what_a_leaver_left_is_shared_among_all_who_stay_and_on_return_no_longer_with_itself():
    stays = [("a", "u", -1, 21), ("a", "u", 23, None), ("b", "u", -1, None), ("c", "u", -1, None)]
    agency = make_agency(CLIENTS, [event(20, "a"), event(22, "b"), event(24, "a"), event(25, "b")], stays)
    _, features, _ = read(agency, PEERS)
    # at 22 a is away: readers b and c, one half each; at 24 a reads b's event, shared by a and c
    # at 25 b reads a's two events, shared by b and c
    expected = [0, kappa(2) / 2, kappa(2) / 2, (kappa(5) + kappa(1)) / 2]
    np.testing.assert_allclose(features, expected, rtol=1e-13)


def test_mass_lapses_while_there_is_no_eligible_reader():
    stays = [("a", "u", -1, None), ("b", "u", 22, None)]
    agency = make_agency(CLIENTS, [event(20, "a"), event(23, "b")], stays)
    _, features, compensator = read(agency, PEERS)
    np.testing.assert_allclose(features, [0, kappa(3)], rtol=1e-13)
    np.testing.assert_allclose(compensator, total(2, 80) + total(0, 77), rtol=1e-12)


def test_new_arrivals_hear_what_is_still_sounding_in_the_group():
    systems = {**CLIENTS, "s": "staff"}
    events = [event(20, "u", "lock_down"), event(22, "b")]
    agency = make_agency(systems, events, [("b", "u", 21, None)])
    _, features, _ = read(agency, "group:unit:unit>client", source="lock_down")
    np.testing.assert_allclose(features, [kappa(2)], rtol=1e-13)


def test_a_source_in_two_units_gives_each_half_and_a_reader_in_two_sums_them():
    stays = [
        ("a", "u", -1, None),
        ("a", "v", -1, None),
        ("b", "u", -1, None),
        ("b", "v", -1, None),
        ("c", "v", -1, None),
    ]
    agency = make_agency(CLIENTS, [event(20, "a"), event(21, "b")], stays)
    _, features, _ = read(agency, PEERS)
    # half in u, where only b reads; half in v, shared by b and c
    np.testing.assert_allclose(features, [0, kappa(1) * (0.5 + 0.25)], rtol=1e-13)


def test_events_reach_the_group_itself_through_nesting():
    systems = {"a": "client", "u": "unit", "v": "unit", "o": "organisation"}
    stays = [("a", "u", -1, None), ("a", "v", -1, None), ("u", "o", -1, None), ("v", "o", -1, None)]
    events = [event(20, "a"), event(21, "o", "restructure")]
    agency = make_agency(systems, events, stays)
    channel = "members:organisation:client>organisation"
    _, features, _ = read(agency, channel, kind="restructure", source="aggression_physical")
    np.testing.assert_allclose(features, [kappa(1)], rtol=1e-13)
    events = [event(20, "a"), event(21, "u", "lock_down")]
    agency = make_agency(systems, events, stays)
    _, features, _ = read(agency, "members:unit:client>unit", kind="lock_down", source="aggression_physical")
    np.testing.assert_allclose(features, [kappa(1) / 2], rtol=1e-13)


def test_other_roles_are_heard_by_all_who_are_there():
    systems = {**CLIENTS, "s": "staff"}
    agency = make_agency(systems, [event(20, "s", "staff_injury"), event(21, "a")], [*FAR, ("s", "u", -1, None)])
    _, features, _ = read(agency, "peers:unit:staff>client", source="staff_injury")
    np.testing.assert_allclose(features, [kappa(1) / 3], rtol=1e-13)


def test_ties_divide_by_weight_and_a_new_tie_hears_what_is_still_sounding():
    systems = {"s": "staff", "a": "client", "b": "client", "u": "unit"}
    ties = [("s", "a", "caseload", None, 22, 3.0), ("s", "b", "caseload", 21, None, 1.0)]
    stays = [("a", "u", -1, None), ("b", "u", -1, None), ("s", "u", -1, None)]
    events = [event(20, "s", "staff_injury"), event(20.5, "a"), event(21.5, "a"), event(21.75, "b"), event(23, "b")]
    agency = make_agency(systems, events, stays, ties=ties)
    _, features, compensator = read(agency, "tie:caseload:staff>client", source="staff_injury")
    np.testing.assert_allclose(features, [kappa(0.5), kappa(1.5) * 0.75, kappa(1.75) * 0.25, kappa(3)], rtol=1e-13)
    np.testing.assert_allclose(compensator, total(0, 80), rtol=1e-12)


def test_ties_can_be_travelled_backwards():
    systems = {"s": "staff", "a": "client", "u": "unit"}
    stays = [("a", "u", -1, None), ("s", "u", -1, None)]
    agency = make_agency(
        systems, [event(20, "a"), event(21, "s", "staff_injury")], stays, ties=[("s", "a", "caseload")]
    )
    channel = "tie:caseload:client>staff"
    _, features, _ = read(agency, channel, kind="staff_injury", source="aggression_physical")
    np.testing.assert_allclose(features, [kappa(1)], rtol=1e-13)


def test_a_share_lapses_for_those_who_are_not_at_risk():
    agency = make_agency(
        CLIENTS, [event(20, "a"), event(30, "b")], FAR, settings={"gaps": [{"group": "v", "start": "2024-01-25"}]}
    )
    _, _, everyone = read(agency, PEERS)
    moved = [("a", "u", -1, None), ("b", "u", -1, None), ("c", "u", -1, None), ("c", "v", -1, None)]
    agency = make_agency(
        CLIENTS, [event(20, "a"), event(23, "b")], moved, settings={"gaps": [{"group": "v", "start": "2024-01-25"}]}
    )
    _, _, without = read(agency, PEERS)
    # from day 24 c is in a gap: c's half of both events lapses, and nobody else hears more
    expected = total(0, 80) + total(0, 77) - total(4, 80) / 2 - total(1, 77) / 2
    np.testing.assert_allclose(without, expected, rtol=1e-12)
    np.testing.assert_allclose(everyone, total(0, 80) + total(0, 70), rtol=1e-12)


def test_no_row_of_an_incident_hears_another_and_together_they_weigh_one():
    events = [event(20, "a", "aggression_physical", "i"), event(20.1, "b", "aggression_physical", "i"), event(21, "c")]
    _, features, _ = read(make_agency(CLIENTS, events, FAR), PEERS)
    # c hears one half of a's (shared by b and c) and one half of b's (shared by a and c), both from day 20
    np.testing.assert_allclose(features, [0, 0, kappa(1) / 2], rtol=1e-13)


def test_equal_times_are_read_before_they_are_deposited():
    _, features, _ = read(make_agency(CLIENTS, [event(20, "a"), event(20, "b"), event(21, "c")], FAR), PEERS)
    np.testing.assert_allclose(features, [0, 0, kappa(1)], rtol=1e-13)


def test_an_event_at_the_end_of_a_stay_belongs_to_the_next_but_a_terminal_one_to_the_stay_that_ends():
    systems = {"a": "client", "b": "client", "s": "staff", "t": "staff", "u": "unit", "v": "unit"}
    stays = [("a", "u", -1, 20), ("a", "v", 20, None), ("b", "v", -1, None)]
    _, features, _ = read(make_agency(systems, [event(20, "a"), event(21, "b")], stays), PEERS)
    np.testing.assert_allclose(features, [0, kappa(1)], rtol=1e-13)
    stays = [("s", "u", -1, 20), ("t", "u", -1, None), ("a", "u", -1, None)]
    events = [event(19, "a"), event(20, "s", "resignation"), event(21, "t", "staff_injury")]
    agency = make_agency(systems, events, stays)
    target, features, _ = read(agency, "peers:unit:client>staff", kind="resignation", source="aggression_physical")
    np.testing.assert_allclose(features, [kappa(1) / 2], rtol=1e-13)
    assert target.exposure.tolist() == [1.0]
    _, features, _ = read(agency, "peers:unit:staff>staff", kind="staff_injury", source="resignation")
    np.testing.assert_allclose(features, [kappa(1)], rtol=1e-13)


def test_staff_with_shifts_hear_and_are_heard_where_they_are_present():
    systems = {"a": "client", "s": "staff", "t": "staff", "u": "unit", "v": "unit"}
    stays = [("a", "u", -1, None), ("s", "v", -1, None), ("t", "u", -1, None)]
    presence = [("s", 20, 20.5, "u"), ("t", 20.25, 20.5)]
    events = [event(20.1, "a"), event(20.2, "s", "staff_injury"), event(20.4, "t", "staff_injury"), event(20.45, "a")]
    agency = make_agency(systems, events, stays, presence)
    channel = "peers:unit:client>staff"
    _, features, _ = read(agency, channel, kind="staff_injury", source="aggression_physical")
    np.testing.assert_allclose(features, [kappa(0.1), kappa(0.3) / 2], rtol=1e-12)
    _, features, _ = read(agency, "peers:unit:staff>client", source="staff_injury")
    np.testing.assert_allclose(features, [0, kappa(0.25) + kappa(0.05)], rtol=1e-12)


def test_whoever_is_away_neither_hears_nor_is_at_risk_but_still_leaves_something_at_home():
    stays = [("a", "u", -1, None), ("b", "u", -1, None), ("c", "u", -1, None)]
    presence = [("c", 19, 22, None, True)]
    events = [event(20, "a"), event(21, "b"), event(21.5, "c"), event(23, "b")]
    agency = make_agency(CLIENTS, events, stays, presence)
    design = build_design(agency, channels=[PEERS], half_lives=[1.0])
    target = design.targets[0]
    assert design.set_aside == {"not at risk": 1}
    # at 21 b alone hears a; at 23 b and c hear a, a and b hear c
    expected = [0, kappa(1), kappa(3) / 2 + kappa(1.5) / 2]
    np.testing.assert_allclose(target.features[:, 0], expected, rtol=1e-13)


def test_pooled_systems_are_heard_but_have_no_past_of_their_own():
    systems = {**CLIENTS, "c": "client*"}
    agency = make_agency(systems, [event(20, "c"), event(21, "c"), event(22, "a")], FAR)
    design = build_design(agency, channels=["self", PEERS], half_lives=[1.0])
    own, peers = design.targets[0].features.T
    assert not own.any()
    np.testing.assert_allclose(peers, [0, 0, (kappa(2) + kappa(1)) / 2], rtol=1e-13)
    assert not design.roles[0].frail.any()


def test_day_cells_hear_only_what_was_over_before_they_began():
    events = [(20.5, "a", "aggression_physical"), (21, "b", "refusal", None, "day"), (22, "b", "refusal", None, "day")]
    events.append((23.5, "b", "refusal", None, "day"))
    agency = make_agency(CLIENTS, events, FAR)
    target, features, compensator = read(agency, PEERS, kind="refusal", source="aggression_physical", half_lives=[4.0])
    assert target.time.tolist() == [21.0, 22.0, 23.0]
    assert target.width.tolist() == [1.0] * 3
    expected = [total(a - 20.5, a - 19.5, 4.0) / 2 for a in (21, 22, 23)]
    np.testing.assert_allclose(features, expected, rtol=1e-12)
    np.testing.assert_allclose(compensator, total(0.5, 79.5, 4.0), rtol=1e-12)


def test_day_events_are_deposited_at_the_end_of_their_day():
    events = [(20, "a", "refusal", None, "day"), (20.75, "b", "aggression_physical"), (21, "b", "aggression_physical")]
    agency = make_agency(CLIENTS, events, FAR)
    _, features, _ = read(agency, PEERS, source="refusal", half_lives=[4.0])
    np.testing.assert_allclose(features, [0, kappa(0, 4.0) / 2], rtol=1e-12)


def test_a_day_event_on_the_day_of_the_admission_happened_where_the_admission_led():
    stays = [("a", "u", 20.5, None), ("b", "u", -1, None)]
    agency = make_agency(CLIENTS, [event(20, "a", "aggression_physical", None, "day"), event(23, "b")], stays)
    _, features, _ = read(agency, PEERS, half_lives=(4.0,))
    np.testing.assert_allclose(features, [0, total(2, 3, 4.0)], rtol=1e-13)


def test_within_a_cell_shares_follow_who_is_there():
    stays = [("a", "u", -1, None), ("b", "u", -1, None), ("c", "u", 21.25, 21.5)]
    presence = [("b", 21.75, 25, None, True)]
    events = [(20, "a", "refusal", None, "day"), (21, "b", "refusal", None, "day")]
    agency = make_agency(CLIENTS, events, stays, presence)
    target, features, _ = read(agency, PEERS, kind="refusal", half_lives=[4.0])
    heard = total(0, 0.25, 4.0) + total(0.25, 0.5, 4.0) / 2 + total(0.5, 0.75, 4.0)
    np.testing.assert_allclose(features, [0, heard], rtol=1e-12)
    np.testing.assert_allclose(target.exposure, [1, 0.75], rtol=1e-12)


def test_results_do_not_depend_on_the_order_of_the_systems_or_on_other_units():
    rng = np.random.default_rng(3)
    n, n_people = 400, 30
    times, people, kinds = np.sort(rng.uniform(0, 60, n)), rng.integers(0, n_people, n), rng.integers(0, 3, n)
    unit = np.arange(n_people) // 6
    whole = unit_design(times, people, kinds, unit, [1.0, 6.0], 60.0)
    shuffled = rng.permutation(n_people)
    other = unit_design(times, shuffled[people], kinds, unit[np.argsort(shuffled)], [1.0, 6.0], 60.0)
    first = people < 6
    alone = unit_design(times[first], people[first], kinds[first], unit[:6], [1.0, 6.0], 60.0)
    for a, b, c in zip(whole.targets, other.targets, alone.targets, strict=True):
        np.testing.assert_allclose(a.features, b.features, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(a.compensator, b.compensator, rtol=1e-11)
        np.testing.assert_allclose(a.features[a.system < 6], c.features, rtol=1e-12, atol=1e-14)


def test_a_shift_of_all_times_changes_nothing():
    times = np.array([2.0, 3.0, 3.0, 7.5])
    people, kinds, unit = np.array([0, 1, 2, 0]), np.zeros(4, int), np.zeros(3, int)
    one = unit_design(times, people, kinds, unit, [1.0], 10.0).targets[0]
    other = unit_design(times + 5, people, kinds, unit, [1.0], 15.0).targets[0]
    np.testing.assert_allclose(one.features, other.features, rtol=1e-13)
    np.testing.assert_allclose(one.compensator.sum(), other.compensator.sum(), rtol=1e-13)


def test_a_wrong_decay_would_be_noticed():
    times = np.array([1.0, 2.0, 3.5])
    wrong = dense_design(times, np.zeros(3, int), [2.4], 10.0).targets[0]
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(
            wrong.features[:, 0], [0.0, kappa(1, 2.0), kappa(2.5, 2.0) + kappa(1.5, 2.0)], rtol=1e-3
        )
