"""Rate ratios of circumstances as findings: which are told of, and who stands behind each."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import antiphon as ap
from antiphon.resonance.effects import EFFECTS, effects_table
from tests.unit.agencies import make_agency

CLIENTS, STAFF = [f"c{i:02d}" for i in range(24)], [f"s{i:02d}" for i in range(16)]
MEASURED = STAFF[:10]
"""Ten of the sixteen staff answered."""
COVARIATES = [
    "practice:debriefing>client", "attribute:trauma>staff", "dose:unit:staff_injury:7d>restraint",
    "score:tie:caseload:PSS>client", "score:own:PSS>staff", "staffing:unit>client",
]  # fmt: skip


def house():
    """Two units; restraints of clients, injuries of staff, and a break in what a restraint means."""
    generator = np.random.default_rng(6)
    units = ["u", "v"]
    systems = dict.fromkeys(CLIENTS, "client") | dict.fromkeys(STAFF, "staff") | dict.fromkeys(units, "unit")
    stays = [(name, units[i % 2], -1, None) for i, name in enumerate([*CLIENTS, *STAFF])]
    events = [(t, CLIENTS[generator.integers(24)], "restraint") for t in generator.uniform(0.0, 100.0, 300)]
    events += [(t, STAFF[generator.integers(14)], "staff_injury") for t in generator.uniform(0.0, 100.0, 150)]
    shifts = [
        (name, day + 7 / 24, day + 15 / 24, units[i % 2])
        for day in range(100)
        for i, name in enumerate(STAFF)
        if generator.random() < 0.5
    ]
    return make_agency(
        systems, events, stays, presence=shifts,
        ties=[(STAFF[i % 16], name, "caseload", -1, None) for i, name in enumerate(CLIENTS)],
        measures=[(5, name, "PSS", "total", float(generator.integers(40))) for name in MEASURED],
        practices=[("u", "debriefing", 40, None)],
        attributes={"trauma": {name: "yes" if i < 6 else "no" for i, name in enumerate(STAFF)}},
        settings={
            "breaks": [{"kind": "restraint", "time": "2024-02-20"}], "model": {"covariates": COVARIATES},
            "privacy": {"min_clients": 5, "min_staff": 5},
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def told():
    agency = house()
    inference = ap.infer(ap.fit(agency, channels=["self"], half_lives=[3.0], frailty=False))
    return agency, inference, effects_table(agency, inference)


def table_kind(inference, name):
    return [kind.name for kind in inference.fit.design.kinds].index(name)


def test_what_is_asked_for_is_told_of_in_its_order_and_adjustments_are_not(told):
    _, inference, table = told
    names = {c.name for role in inference.fit.design.roles for c in role.covariates}
    assert any(name.startswith("break:") for name in names)
    assert any(name.endswith(": not known") for name in names)
    assert table.columns[: len(EFFECTS)] == list(EFFECTS)
    assert table.select("kind", "covariate").rows() == [
        ("restraint", "practice:debriefing"),
        ("restraint", "dose:unit:staff_injury:7d"),
        ("restraint", "score:tie:caseload:PSS"),
        ("restraint", "staffing:unit"),
        ("staff_injury", "attribute:trauma"),
        ("staff_injury", "score:own:PSS"),
    ]


def test_the_people_behind_are_those_who_were_read_and_those_with_the_event(told):
    agency, inference, table = told
    behind = {
        row["covariate"]: (row["source_role"], row["n_source"], row["target_role"], row["n_units"])
        for row in table.to_dicts()
    }
    injured = agency.events.filter(kind="staff_injury")["system"].n_unique()
    assert behind["attribute:trauma"] == ("staff", 6, "staff", 2)
    assert behind["dose:unit:staff_injury:7d"] == ("staff", injured, "client", 2)
    assert behind["score:tie:caseload:PSS"] == ("staff", len(MEASURED), "client", 2)
    assert behind["staffing:unit"] == ("staff", len(STAFF), "client", 2)
    # in the one unit that took it up everyone has it for a while, and before that nobody had
    assert behind["practice:debriefing"] == ("client", 12, "client", 2)
    (injuries,) = (
        target for target in inference.fit.design.targets if target.kind == table_kind(inference, "staff_injury")
    )
    first = agency.systems["system"].to_list().index(STAFF[0])
    with_trauma = np.unique(injuries.system[injuries.system < first + 6])
    assert table.filter(covariate="attribute:trauma")["n_target"].item() == with_trauma.size > 0


def test_a_hidden_few_stay_hidden(told):
    agency, inference, _ = told
    findings = ap.read_off(agency, inference)
    assert findings.effects.height == 6
    strict = agency.settings.model_copy(update={"privacy": agency.settings.privacy.model_copy(update={"min_staff": 7})})
    released = ap.release_findings(findings, strict, agency.vocabulary)
    row = released.effects.filter(pl.col("covariate") == "attribute:trauma").to_dicts()[0]
    assert (row["withheld"], row["ratio"]) == ("too few to show", None)


def test_covariates_may_be_named_where_a_model_is_fitted():
    fit = ap.fit(
        house(), channels=["self"], half_lives=[3.0], frailty=False, covariates=["tenure"], receptivity=["tenure"]
    )
    asked = {c.name for role in fit.design.roles for c in role.covariates if not c.name.startswith("break:")}
    assert asked == {c.name for role in fit.design.roles for c in role.receptivity} == {"tenure"}
