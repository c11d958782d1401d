"""Which covariates enter for a pair of kinds: the order, the rule of ten, who must stand behind both sides."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.resonance.contrasts import Incidents, choose_contrasts
from tests.unit.resonance_cases import happened, surrounded

N = 600


def choose(answered=None, *, n: int = N, unit=None, enough=np.any, fewest: int = 0, target=None, **known):
    """Contrasts of ``n`` incidents, every second answered unless said."""
    what = happened([(i, 0, i % 50, i % 4) for i in range(n)])
    if target is not None:
        known["target"] = target
    answered = np.arange(n) % 2 == 0 if answered is None else answered
    unit = np.arange(n) // 2 % 4 if unit is None else unit
    incidents = Incidents(np.asarray(answered, dtype=float), unit, np.arange(n), enough, fewest)
    return choose_contrasts(incidents, surrounded(what, **known))


def named(contrasts) -> list[tuple[str, str, str]]:
    return [(c.differs_by, c.level, c.against) for c in contrasts]


def everything(n: int = N) -> dict:
    generator = np.random.default_rng(1)
    return {
        "time": np.linspace(0.0, 1.0, n),
        "shift": generator.integers(0, 3, n),
        "staffing": generator.normal(size=n),
        "doses": {"debriefing": generator.integers(0, 2, n).astype(float), "safety_plans": generator.random(n)},
        "target": generator.integers(0, 40, n),
        "role": generator.integers(0, 2, n),
    }


def test_all_enter_in_their_order_where_incidents_suffice():
    found = named(choose(**everything()))
    assert [name for name, _, _ in found] == [
        "time",
        "shift",
        "shift",
        "staffing",
        "practice",
        "practice",
        "directed at",
    ]
    assert [level for name, level, _ in found if name == "practice"] == ["debriefing", "safety_plans"]
    reference = {against for name, _, against in found if name == "shift"}
    assert len(reference) == 1  # the most frequent shift
    assert {level for name, level, _ in found if name == "shift"} | reference == {"07:00", "15:00", "23:00"}


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        (9, []),
        (19, ["time"]),
        (39, ["time", "shift", "shift"]),
        (40, ["time", "shift", "shift", "staffing"]),
        (69, ["time", "shift", "shift", "staffing", "practice", "practice"]),
        (70, ["time", "shift", "shift", "staffing", "practice", "practice", "directed at"]),
    ],
)
def test_each_parameter_needs_ten_answered_and_ten_not(answered, expected):
    known = everything(2000)
    known["doses"] = {name: np.resize([0.0, 0.9, 0.1, 1.0], 2000)[::step] for name, step in (("a", 1), ("b", -1))}
    known["doses"]["b"] = np.resize([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0], 2000)
    known["shift"] = np.resize([0, 1, 2], 2000)
    known["role"] = np.resize([0, 0, 1, 1, 1], 2000)
    is_answered = np.zeros(2000, dtype=bool)
    is_answered[np.linspace(0, 1999, answered).astype(int)] = True
    for values in (is_answered, ~is_answered):
        assert [c.differs_by for c in choose(values, n=2000, **known)] == expected


def test_what_is_not_recorded_is_passed_over():
    assert choose() == []
    assert named(choose(staffing=everything()["staffing"])) == [("staffing", "", "")]


def test_what_is_known_for_some_only_does_not_enter_and_the_rest_is_average():
    staffing = everything()["staffing"]
    staffing[: N // 20] = np.nan
    (found,) = choose(staffing=staffing)
    assert np.all(found.values[: N // 20] == 0.0)
    assert found.values.mean() == pytest.approx(0.0, abs=1e-12)
    staffing[: N // 5] = np.nan
    assert choose(staffing=staffing) == []


def test_staffing_is_compared_with_what_is_usual_in_the_unit():
    unit = np.arange(N) // 2 % 4
    staffing = np.where(np.arange(N) % 2, 1.0, 2.0) + unit
    (found,) = choose(staffing=staffing, unit=unit)
    np.testing.assert_allclose(np.abs(found.values), 0.5)
    assert choose(staffing=unit.astype(float), unit=unit) == []


def test_a_practice_that_only_tells_units_apart_does_not_enter():
    unit = np.arange(N) // 2 % 4
    assert choose(doses={"debriefing": (unit < 2).astype(float)}, unit=unit) == []
    began = (unit < 2) & (np.arange(N) > N // 2)
    (found,) = choose(doses={"debriefing": began.astype(float)}, unit=unit)
    assert found.level == "debriefing"
    assert np.all(found.side == began)
    assert np.all(found.other_side == (unit < 2) & ~began)
    np.testing.assert_allclose(found.values[unit >= 2], 0.0, atol=1e-12)


def test_a_practice_that_only_tells_time_does_not_enter_beside_it():
    time = np.linspace(0.0, 1.0, N)
    ramp = {"debriefing": np.clip(1.2 * time - 0.1, 0.0, 1.0)}
    assert [c.differs_by for c in choose(time=time, doses=ramp)] == ["time"]
    assert [c.differs_by for c in choose(doses=ramp)] == ["practice"]


def test_small_levels_are_taken_together():
    shift = np.repeat([0, 1, 2], [300, 290, 10])
    assert named(choose(shift=shift)) == [("shift", "15:00", "others")]
    (found,) = choose(shift=shift)
    assert np.all(found.other_side == (shift != 1))
    # two small ones are a level together
    shift = np.repeat([0, 1, 2], [564, 18, 18])
    assert named(choose(shift=shift, answered=np.arange(N) % 2)) == [("shift", "07:00", "others")]


def test_a_level_that_is_always_answered_does_not_stand_alone():
    shift = np.repeat([0, 1, 2], 200)
    answered = (np.arange(N) % 2 == 0) | (shift == 2)
    assert "23:00" not in {level for _, level, _ in named(choose(answered, shift=shift))}


def test_both_sides_need_enough_persons():
    shift = np.repeat([0, 1, 2], 200)

    def enough(rows):
        return len(np.unique(np.flatnonzero(rows) // 200)) > 1 or not rows[500]

    assert named(choose(shift=shift, enough=enough)) == [("shift", "15:00", "others")]
    assert choose(shift=shift, enough=np.all) == []


def test_those_at_whom_it_was_directed_are_persons_too():
    role = np.arange(N) // 2 % 2
    many, few = np.arange(N) % 50, np.where(role == 1, 3 + np.arange(N) % 4, np.arange(N) % 50)
    assert named(choose(role=role, target=many, fewest=10)) == [("directed at", "staff", "client")]
    assert choose(role=role, target=few, fewest=10) == []
    nobody = np.where(role == 1, -1, role)
    found = named(choose(role=nobody, target=np.where(role == 1, -1, np.arange(N) % 50), fewest=10))
    assert found == [("directed at", "nobody named", "client")]
