"""The grammar of covariates, and what is said when it names what is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from antiphon.design.terms import Term, check_terms, parse_term
from antiphon.errors import SpecificationError
from antiphon.records import init
from tests.unit.agencies import make_agency

SYSTEMS = {"a": "client", "s": "staff", "u": "unit"}


REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "records.md"


def agency(**more):
    return make_agency(SYSTEMS, [(3, "a", "restraint")], [("a", "u", -1, None)], **more)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("tenure", Term("tenure", "tenure")),
        (" attribute : trauma_history > staff", Term("attribute:trauma_history", "attribute", name="trauma_history", whom="staff")),
        ("practice:debriefing>restraint", Term("practice:debriefing", "practice", name="debriefing", whom="restraint")),
        ("staffing:unit", Term("staffing:unit", "staffing", where="unit")),
        ("census:unit", Term("census:unit", "census", where="unit")),
        ("score:own:PSS", Term("score:own:PSS", "score", where="own", name="PSS")),
        ("score:unit:pulse:strain", Term("score:unit:pulse:strain", "score", where="unit", name="pulse", item="strain")),
        ("score:tie:caseload:PSS", Term("score:tie:caseload:PSS", "score", where="tie", relation="caseload", name="PSS")),
        ("dose:unit:debrief:7d", Term("dose:unit:debrief:7d", "dose", where="unit", name="debrief", half_life=7.0)),
        (
            "dose:tie:supervision:supervision_held:2w>staff",
            Term(
                "dose:tie:supervision:supervision_held:2w", "dose", "tie", "supervision", "supervision_held",
                half_life=14.0, whom="staff",
            ),
        ),
    ],
)  # fmt: skip
def test_every_form_is_read(text, term):
    assert parse_term(text) == term


@pytest.mark.parametrize("text", [REFERENCE.read_text(encoding="utf-8"), init.TOML], ids=["reference", "init"])
def test_the_examples_that_people_copy_can_be_read(text):
    lists = re.findall(r"^(?:# )?(?:covariates|receptivity) = \[(.*?)\]", text, re.MULTILINE)
    terms = [parse_term(example) for found in lists for example in re.findall(r'"(.*?)"', found)]
    assert len(lists) == 2
    assert {"attribute", "practice", "staffing"} <= {term.what for term in terms}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("staffing", "Write staffing:LEVEL"),
        ("staffing:unit:client", "Write staffing:LEVEL"),
        ("tenure:unit", "Write tenure,"),
        ("attribute:", "Write attribute:NAME"),
        ("score:PSS", 'WHERE is "own", a level such as "unit", or "tie:RELATION"'),
        ("score:tie:caseload", "Write score:WHERE:INSTRUMENT"),
        ("dose:own:restraint", "Write dose:WHERE:KIND:HALF-LIFE"),
        ("dose:own:restraint:soon", "half-life: write a number and a letter"),
        ("tenure>", '">ROLE" or ">KIND"'),
        ("tenure>staff>client", '">ROLE" or ">KIND"'),
        ("stafing:unit", 'Did you mean "staffing:LEVEL"?'),
        ("weather", "Write one of attribute:NAME, tenure, practice:NAME"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_form(text, says):
    with pytest.raises(SpecificationError) as told:
        parse_term(text)
    assert f'"{text}"' in told.value.message
    assert says in told.value.message


MEASURES = [(1, "a", "PSS", "total", 4.0), (1, "a", "pulse", "strain", 4.0), (1, "a", "pulse", "safety", 2.0)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tenure>clients", 'role or kind "clients" is not known. Did you mean "client"?'),
        ("staffing:units", 'level "units" is not known. Did you mean "unit"?'),
        ("score:person:PSS", 'level "person" is not known'),
        ("score:tie:case_load:PSS", 'Did you mean "caseload"?'),
        ("dose:own:restraints:3d", 'Did you mean "restraint"?'),
        ("attribute:trauma_histroy", 'Did you mean "trauma_history"?'),
        ("attribute:shoe_size", "An attribute is a further column of that table."),
        ("practice:debrief", 'practice "debrief" is not known. Did you mean "debriefing"?'),
        ("score:own:PS", 'instrument "PS" is not known. Did you mean "PSS"? Known: PSS, pulse.'),
        ("score:own:pulse", 'has several items and no "total". Name one: score:own:pulse:safety, score:own:pulse:strain.'),
        ("score:own:pulse:strane", 'Did you mean "strain"?'),
        ("staffing:unit", "it needs shifts in the table presence"),
        ("census:unit", 'add the column "capacity" to the table systems'),
    ],
)  # fmt: skip
def test_unknown_names_are_told_with_the_nearest(text, says):
    records = agency(
        attributes={"trauma_history": {"a": "yes"}}, measures=MEASURES, practices=[("u", "debriefing", 0, None)]
    )
    with pytest.raises(SpecificationError) as told:
        check_terms([parse_term(text)], records)
    assert says in told.value.message


@pytest.mark.parametrize(("text", "table"), [("practice:debriefing", "practices"), ("score:own:PSS", "measures")])
def test_an_empty_table_is_told(text, table):
    with pytest.raises(SpecificationError, match=f"needs the table {table}, which has no rows"):
        check_terms([parse_term(text)], agency())


def test_each_covariate_is_named_once():
    with pytest.raises(SpecificationError, match="named once"):
        check_terms([parse_term("tenure"), parse_term(" tenure ")], agency())
