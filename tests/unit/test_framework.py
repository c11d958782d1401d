"""The shared language: complete, consistent, and extended by an agency's own words."""

import pytest

from antiphon.errors import SpecificationError
from antiphon.framework import load_vocabulary, nearest

VOCABULARY = load_vocabulary()


def test_restraint_is_of_a_client_and_by_staff_and_differs_from_seclusion():
    restraint = VOCABULARY.kinds["restraint"]
    assert (restraint.of, restraint.by, restraint.domains) == ("client", "staff", ("punishment",))
    assert VOCABULARY.kinds["seclusion"].definition != restraint.definition


def test_every_level_has_kinds_and_every_entry_a_definition_and_a_source():
    owners = {kind.of for kind in VOCABULARY.kinds.values()}
    assert {"client", "staff", "unit", "organisation", "environment"} <= owners
    entries = [*VOCABULARY.kinds.values(), *VOCABULARY.domains.values(), *VOCABULARY.practices.values()]
    assert all(entry.definition and entry.source and entry.label for entry in entries)
    assert all(relation.definition and relation.reference for relation in VOCABULARY.relations.values())


def test_all_nine_slots_are_used_and_every_domain_has_signs_at_five_levels():
    slots = {domain.slot.number for domain in VOCABULARY.domains.values() if domain.slot}
    assert slots == set(range(1, 10))
    for domain in VOCABULARY.domains.values():
        assert all((domain.client, domain.staff, domain.unit, domain.organisation, domain.environment))


def test_affect_cognition_and_behaviour_all_occur():
    signs = [sign for domain in VOCABULARY.domains.values() for sign in (*domain.client, *domain.staff)]
    assert {sign.coding for sign in signs} == {"affect", "cognition", "behaviour"}


def test_ends_of_stays_are_terminal_and_count_members():
    ends = {name for name, kind in VOCABULARY.kinds.items() if kind.terminal}
    assert ends == {"discharge", "resignation", "dismissal", "closure"}
    assert VOCABULARY.kinds["resignation"].while_ == "member"


def test_measures_against_staff_count_for_the_unit():
    assert {name for name, kind in VOCABULARY.kinds.items() if kind.aggregate} == {"staff_grievance", "discipline"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Restraints", "restraint"),
        ("agression_verbal", "aggression_verbal"),
        ("phys. aggression", "aggression_physical"),
        ("Physical restraint", "restraint"),
        ("injury, staff", "staff_injury"),
        ("quarterly tax return", None),
    ],
)
def test_nearest_finds_the_meant_kind_or_none(given, expected):
    assert nearest(given, VOCABULARY.kinds) == expected


def test_an_agency_adds_its_own_levels_roles_kinds_and_relations():
    own = VOCABULARY.extended(
        levels=["organisation", "precinct", "person"],
        roles={"officer": "person"},
        kinds={"complaint": {"of": "officer", "while": "member", "domains": ["relationships"], "label": "complaints"}},
        relations={"partner": {"source": "officer", "target": "officer"}},
    )
    assert own.roles["precinct"] == "precinct"
    assert own.role_labels["officer"] == "officers"
    assert own.kinds["complaint"].while_ == "member"
    assert own.kinds["complaint"].by == "officer"
    assert own.relations["partner"].target == "officer"
    assert "over_capacity" not in own.kinds  # nobody can own it: this agency has no units
    assert own.kinds["licensing_finding"].by == "organisation"  # no environment: the owner stands for it


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ({}, ("unit", "organisation", ("environment",))),
        ({"levels": ["organisation", "precinct", "person"]}, ("precinct", "organisation", ())),
        ({"levels": ["environment", "school", "class", "person"]}, ("class", "school", ("environment",))),
        ({"levels": ["network", "agency", "house", "person"]}, ("house", "network", ())),
        (
            {"levels": ["network", "agency", "house", "person"], "organisation": "agency"},
            ("house", "agency", ("network",)),
        ),
        ({"levels": ["agency", "house", "crew", "person"], "unit": "house"}, ("house", "agency", ())),
        ({"levels": ["environment", "ward", "person"]}, ("ward", "", ())),
        ({"levels": ["organisation", "person"]}, ("organisation", "organisation", ())),
        ({"levels": ["person"]}, ("", "", ())),
    ],
)
def test_units_and_organisations_are_the_levels_of_that_name_or_those_that_are_said(words, places):
    own = VOCABULARY.extended(**words).extended(roles={"cook": "person"})
    assert (own.unit, own.organisation, own.surroundings) == places


def test_a_shared_kind_can_be_changed_in_part():
    own = VOCABULARY.extended(kinds={"restraint": {"precision": "day", "severity": None}})
    assert own.kinds["restraint"].precision == "day"
    assert own.kinds["restraint"].by == "staff"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"kinds": {"fall": {"of": "cleint"}}}, 'Did you mean "client"'),
        ({"kinds": {"fall": {}}}, "say whose events these are"),
        ({"kinds": {"fall": {"of": "client", "domains": ["punishmnt"]}}}, 'Did you mean "punishment"'),
        ({"kinds": {"fall": {"of": "client", "precision": "hour"}}}, "minute, shift"),
        ({"kinds": {"fall": {"of": "client", "colour": "red"}}}, 'the setting "colour"'),
        ({"roles": {"nurse": "persn"}}, 'Did you mean "person"'),
        ({"relations": {"friend": {"source": "client"}}}, "both ends"),
        ({"relations": {"friend": {"source": "client", "target": "clint"}}}, 'Did you mean "client"'),
        ({"levels": ["unit", "unit"]}, "each level once"),
        ({"unit": "huose", "levels": ["agency", "house", "person"]}, 'Did you mean "house"'),
        ({"unit": "agency", "organisation": "house", "levels": ["agency", "house", "person"]}, "lies inside"),
    ],
)
def test_words_that_point_nowhere_are_refused_with_the_nearest_known_one(words, message):
    with pytest.raises(SpecificationError, match=message):
        VOCABULARY.extended(**words)
