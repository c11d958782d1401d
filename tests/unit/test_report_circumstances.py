"""What the page says of the circumstances: plain words, association only, and nothing where nobody asked."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from antiphon.release import release_findings
from antiphon.report.circumstances import circumstances, label
from antiphon.report.page import report_html
from antiphon.report.words import Words, forbidden_words
from tests.unit.example_findings import example_findings, example_settings, example_vocabulary


def released(effects=None):
    findings = example_findings()
    findings = findings if effects is None else replace(findings, effects=effects)
    return release_findings(findings, example_settings(), example_vocabulary())


def test_rate_ratios_stand_under_their_circumstance_in_the_agencys_own_order():
    found = [entry for entry in circumstances(released()) if entry["rows"]]
    assert [(entry["label"], entry["unit"]) for entry in found] == [
        ("Debriefing", "in full instead of not at all"),
        ("Recent staff injuries in the unit (half-life 7d)", "one event more just before, fading with the half-life"),
        ("Trauma history", "yes instead of no"),
        ("Debriefing", "in full instead of not at all"),
    ]
    assert [entry["on_echoes"] for entry in found] == [False, False, False, True]
    rows = [(row["kind"], row["ratio"], row["interval"], row["reading"]) for entry in found for row in entry["rows"]]
    assert rows == [
        ("Restraints", "0.71", "0.55 to 0.92", "less often"),
        ("Restraints", "1.1", "0.95 to 1.2", "not told apart from no difference"),
        ("Unscheduled absences", "1.4", "1.1 to 1.7", "more often"),
        ("Restraints", "0.63", "0.42 to 0.95", "fewer echoes"),
    ]


def test_what_reaches_people_stands_apart_from_how_often_something_is_recorded():
    page = report_html(released())
    assert "Debriefing, and what reaches people<span>" in page
    assert page.count("times as many echoes</th>") == 1
    rates = example_findings().effects.filter(pl.col("on") == "rate")
    assert "what reaches people" not in report_html(released(rates))


def test_nothing_stands_there_where_no_covariate_is_named():
    page = report_html(released(example_findings().effects.clear()))
    assert "circumstances-title" not in page
    assert 'href="#circumstances"' not in page
    assert 'href="#circumstances"' in report_html(released())


def test_the_page_says_so_where_nothing_may_be_shown():
    few = example_findings().effects.with_columns(n_target=pl.lit(4))
    page = report_html(released(few))
    assert page.count("too few people on one side, or too uncertain to print") == 5
    assert "<p>Debriefing (in full instead of not at all): for every kind of event too few people" in page


@pytest.mark.parametrize(
    ("covariate", "words"),
    [
        ("tenure", "time since the stay began"),
        ("attribute:trauma_history", "trauma history"),
        ("attribute:programme=night: care", "programme"),
        ("practice:debriefing", "debriefing"),
        ("staffing:unit", "staff per client of the unit"),
        ("census:unit", "how full the unit is"),
        ("score:own:PSS", "last score PSS of one's own"),
        ("score:unit:ProQOL:burnout", "last score ProQOL burnout in the unit"),
        ("dose:own:restraint:16h", "recent restraints of one's own (half-life 16h)"),
        ("dose:tie:caseload:resignation:2w", "recent resignations of {relation} (half-life 2w)"),
        ("score:tie:caseload:PSS", "last score PSS of {relation}"),
    ],
)
def test_every_covariate_has_plain_words(covariate, words):
    names = Words(released().labels)
    text = label(covariate, names)
    assert text == words.format(relation=names.relation("caseload"))
    assert forbidden_words(text) == []
