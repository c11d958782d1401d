"""The report is one page that anyone can open, print, hear and check, and that shows released values only."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import fields, replace
from html.parser import HTMLParser

import polars as pl
import pytest

from antiphon.release import Released, release_findings
from antiphon.report import write_report
from antiphon.report.page import MOST_ROWS, report_html
from antiphon.report.picture import draw, drawn_couplings
from antiphon.report.rivals import rivals
from antiphon.report.sentences import sentences
from antiphon.report.words import delay, forbidden_words, number, per_100
from tests.unit.example_findings import (
    by_domain,
    example_findings,
    example_settings,
    example_vocabulary,
    findings_of_cooks,
    vocabulary_with_cooks,
    without_findings,
)

VOID = {"meta", "link", "img", "br", "input", "hr"}
SILENT = {"style", "script"}


class Page(HTMLParser):
    """What a browser and a screen reader make of the page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and not SILENT & set(self.open):
            self.texts.append((tuple(self.open), " ".join(data.split())))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        spoken = [
            value for _, attributes in self.elements for name, value in attributes.items() if name == "aria-label"
        ]
        return " ".join([text for _, text in self.texts] + spoken)


def released(findings=None, **privacy) -> Released:
    return release_findings(findings or example_findings(), example_settings(**privacy), example_vocabulary())


def nothing_at_all():
    findings = example_findings()
    tables = {
        field.name: getattr(findings, field.name).clear()
        for field in fields(findings)
        if isinstance(getattr(findings, field.name), pl.DataFrame)
    }
    return replace(findings, **tables, warnings=())


CASES = {
    "found": example_findings,
    "nothing found": lambda: without_findings(example_findings()),
    "empty": nothing_at_all,
}


@pytest.fixture(scope="module", params=CASES)
def case(request) -> tuple[Released, str]:
    result = released(CASES[request.param]())
    return result, report_html(result)


def test_the_same_bytes_on_every_run(tmp_path):
    for name in ("one.html", "two.html"):
        write_report(released(), tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_one_file_without_network_or_script(case):
    page = Page(case[1])
    assert not page.all("script")
    assert not page.all("link")
    assert not page.all("img")
    for _, attributes in page.elements:
        for name in ("href", "src", "xlink:href"):
            assert attributes.get(name, "#").startswith("#")
        assert not [name for name in attributes if name.startswith("on")]
    outside = re.sub(r'xmlns(:xlink)?="http://www\.w3\.org/[^"]+"', "", case[1])
    assert "http" not in outside
    assert "@import" not in outside
    assert not re.search(r"url\((?!#)", outside)


def test_sections_come_in_the_order_that_was_asked_for(case):
    ids = [attributes["id"] for attributes in Page(case[1]).all("section")]
    assert ids == [
        "found",
        "glance",
        "picture",
        "parallel",
        "attribution",
        "going",
        "units",
        *([] if case[0].effects.is_empty() else ["circumstances"]),
        "trust",
        "silent",
        "method",
    ]


def test_screen_readers_find_their_way(case):
    page = Page(case[1])
    assert page.all("html")[0]["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("main", "header", "footer", "nav", "h1")] == [1] * 5
    assert page.all("a")[0] == {"class": "skip", "href": "#found"}
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(attributes.get("scope") in {"row", "col"} for attributes in page.all("th"))
    for attributes in page.all("svg"):
        assert attributes.get("role") == "img" or attributes.get("aria-hidden") == "true"
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids
        for label in attributes.get("aria-labelledby", "").split():
            assert label in ids


def test_at_most_seven_sentences_each_with_its_evidence(case):
    result, html = case
    found = sentences(result)
    assert 1 <= len(found) <= 7
    page = Page(html)
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert {sentence.evidence for sentence in found} <= ids


def test_when_nothing_is_found_the_first_sentence_says_so():
    for findings in (CASES["nothing found"](), nothing_at_all()):
        first, *others = sentences(released(findings))
        assert first.text.startswith("Nothing was found")
        assert not any("are followed by" in sentence.text for sentence in others)
    assert sentences(released())[0].text.startswith("Of 12 pairs of events that were looked at, 7 show more echoes")


def test_looking_beyond_the_person_helped_only_beyond_two_standard_errors():
    findings = example_findings()
    said = []
    for error in (0.0015, 0.0008):
        ladder = findings.ladder.with_columns(gain=pl.lit(0.002), se=pl.lit(error))
        texts = [one.text for one in sentences(released(replace(findings, ladder=ladder)))]
        said.append(next(text for text in texts if "beyond the person" in text))
    assert said[0].startswith("These records do not show that looking beyond the person helps")
    assert said[1].startswith("Looking beyond the person helped")


def test_without_stays_a_warning_comes_before_what_follows_the_same_person():
    found = example_findings()
    none = replace(found, warnings=(*found.warnings, ("no_stays", "There is no record of who stayed.")))
    texts = [one.text for one in sentences(released(none))]
    assert "looks larger" in texts[0]
    assert "the same person" in texts[0]
    assert texts[1].startswith("Of 12 pairs")
    assert len(texts) <= 7
    nothing = [one.text for one in sentences(released(replace(CASES["nothing found"](), warnings=none.warnings)))]
    assert nothing[0].startswith("Nothing was found")
    assert "looks larger" in nothing[1]
    assert not any("looks larger" in one.text for one in sentences(released()))


def test_arrows_have_the_first_numbers():
    drawn = [row["row"] for row in drawn_couplings(released())]
    assert len(drawn) > 3
    assert drawn == list(range(1, len(drawn) + 1))


def test_long_tables_end_and_say_where_the_rest_is():
    findings = example_findings()
    many = pl.concat([findings.responses] * 12)
    page = report_html(released(replace(findings, responses=many)))
    table = page[page.index('<caption id="responses-caption"') :]
    table = table[: table.index("</table>")]
    assert table.count("<tr>") == 1 + MOST_ROWS
    assert "All of them are in tables.xlsx" in table
    short = report_html(released())
    short = short[short.index('<caption id="responses-caption"') :]
    assert "tables.xlsx" not in short[: short.index("</table>")]


def test_q_is_explained_where_it_stands():
    page = report_html(released())
    caption = page[page.index('<caption id="couplings-caption"') :]
    assert "corrected for the number of pairs" in caption[: caption.index("</caption>")]


def test_the_words_that_were_agreed_are_used():
    words = Page(report_html(released())).words
    for label in (
        "what happens here anyway",
        (
            "lasting differences between people, whatever their reason (history, diagnosis, placement, who looks after them, "
            "who gets written up)"
        ),
        "follows the same person's recent events",
        "Of 100 events, about 36 have another recorded event before them that they may echo",
        "Where echoes are echoed again, 100 of them are followed by about 41 more",
        (
            "Acts of physical aggression are followed by more unscheduled absences among staff of the same unit: about 14 for "
            "every 100 (between 8.1 and 20), half of them within about 31 hours."
        ),
    ):
        assert label in words


def test_each_coupling_has_a_line_for_each_rival_and_a_veto_is_said():
    found = rivals(released())
    lines = {row["name"]: row["lines"] for row in found["rows"]}
    assert [row["vetoed"] for row in found["rows"]] == [False, True]
    asked, vetoed = lines.values()
    assert len(asked) == 4 + 3  # rivals, and what it rests on
    assert any("93%" in line and "hardly any draw" in line for line in asked)
    assert any("too short" in line for line in asked)
    assert len(vetoed) == 1
    assert vetoed[0].endswith("not claimed.")
    assert len(found["apart"]) == 1
    page = report_html(released())
    assert "Do other explanations do as well?" in page
    assert "No echo was found that would have to be held" in report_html(released(CASES["nothing found"]()))


def test_a_claim_says_what_it_rests_on():
    found = rivals(released())
    lines = found["rows"][0]["lines"]
    assert any("does not hang on one unit" in line and "between 9.1 and 19 for every 100" in line for line in lines)
    assert any("exchanged between them, hardly any way fits" in line and "0.042" in line for line in lines)
    assert any("4.3 days long" in line and "at least 3.3 times" in line for line in lines)
    assert len(found["fewer"]) == 1
    findings = example_findings()
    table = findings.robustness
    other = table.with_columns(
        hangs_on_one=pl.lit(value=True), p_exchanged=pl.lit(0.3), shock_factor=pl.lit(float("inf"))
    )
    lines = rivals(released(replace(findings, robustness=other)))["rows"][0]["lines"]
    assert any("hangs on one unit: without it" in line for line in lines)
    assert any("other ways fit as well" in line for line in lines)
    assert any("would not look like it" in line for line in lines)
    nothing = table.with_columns(low=None, high=None, hangs_on_one=None, p_exchanged=None, shock_days=None)
    assert len(rivals(released(replace(findings, robustness=nothing)))["rows"][0]["lines"]) == 4  # its controls


def test_answers_differ_in_plain_words_and_only_where_chance_would_not_do():
    words = Page(report_html(released())).words
    for part in (
        "at the end of the time observed, against its beginning 0.61 0.42 to 0.88",
        "in the shift from 23:00, against the other shifts 1.9 1.3 to 2.8",
        "with community meetings in force, in the same unit 0.48 0.29 to 0.8",
        "directed at staff, against clients 2.3 1.6 to 3.3",
        "by recorded numbers alone 52 (46 to 58)",
    ):
        assert part in words
    assert "twice the staff" not in words
    assert "2.2 to 8.1" not in words
    findings = example_findings()
    alike = findings.response_contrasts.with_columns(q=pl.lit(0.2))
    assert (
        "no difference is surer than chance"
        in Page(report_html(released(replace(findings, response_contrasts=alike)))).words
    )
    nothing = Page(report_html(released(replace(findings, response_contrasts=alike.clear())))).words
    assert "differ by" not in nothing


def test_words_that_are_never_said_are_not_said(case):
    assert forbidden_words(Page(case[1]).words) == []
    assert forbidden_words("This was due to them, because of the worst influence") == [
        "due to",
        "because",
        "worst",
        "influence",
    ]


def test_marking_and_purpose_stand_on_page_one_and_in_the_running_head():
    html = report_html(released(marking="Only for <staff> & counsel", purpose="learning; not for discipline"))
    assert html.count("Only for &lt;staff&gt; &amp; counsel") == 3
    assert html.count("Learning; not for discipline") == 2
    assert "<staff>" not in html
    style = html[html.index("@media print") : html.index("</style>")]
    assert ".runner{display:table-header-group;break-inside:avoid" in style


def said_numbers(value: float) -> set[str]:
    """Every way in which the report writes a released number."""
    ways = {number(value), per_100(value), number(abs(value))}
    if value >= 0:
        ways |= set(re.findall(r"[\d.,]*\d", delay(value)))
    return ways


def numbers_and_words(value: object) -> tuple[set[str], set[str]]:
    """Numbers and words that occur in released values, however deep."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, pl.DataFrame):
        value = value.to_dicts()
    if isinstance(value, list | tuple):
        parts = [numbers_and_words(part) for part in value]
        return set().union(*(part[0] for part in parts)), set().union(*(part[1] for part in parts))
    if isinstance(value, bool) or value is None:
        return set(), set()
    if isinstance(value, int | float):
        return said_numbers(float(value)), set()
    return set(re.findall(r"\d[\d.,]*\d|\d", str(value))), {str(value)}


def test_every_number_on_the_page_is_a_released_one(case):
    result, html = case
    known, _ = numbers_and_words([getattr(result, field.name) for field in fields(result)])
    known |= {str(int(day[8:]) + shift) for day in result.records["window"] for shift in (0, -1)} | {"31"}
    known |= {str(int(result.records["window"][1][:4]) - 1)}
    rules = {"0", "5", "30", "80", "100", "0.001", "1,000"}  # what the page says about itself: units and limits
    labels = {str(place) for place in range(1, 8)}  # "Evidence for sentence 3"
    texts = [text for _, text in Page(html).texts]
    said = {found for text in texts for found in re.findall(r"(?<![\w.,])\d[\d.,]*\d|(?<![\w.,])\d(?!\w)", text)}
    counted = {str(len(draw(result).arrows))}
    assert said - known - rules - labels - counted == set()


def test_every_label_in_figures_and_row_heads_is_a_released_one(case):
    result, html = case
    _, words = numbers_and_words([getattr(result, field.name) for field in fields(result)])
    parts = {part for word in words for part in re.findall(r"\w+", word.lower())}
    picture = re.search(r'<svg class="picture".*?</svg>', html, re.DOTALL)
    labels = re.findall(r'<text class="(?:node|lane)-label".*?</text>', picture.group(0)) if picture else []
    for label in labels:
        assert set(re.findall(r"[a-z]+", re.sub(r"<[^>]+>", " ", label))) <= parts


def test_what_is_withheld_is_nowhere_in_the_source():
    findings = example_findings()
    few = pl.col("n_source") < 10
    persons = pl.col("source_role").is_in(["client", "clinician"])
    table = findings.couplings.with_columns(
        pl.when(few & persons).then(0.7654).otherwise(pl.col("echoes")).alias("echoes")
    )
    rates = findings.rates.with_columns(
        pl.when(pl.col("n_source") < 10).then(7919).otherwise(pl.col("events")).alias("events"),
        pl.when(pl.col("n_source") < 10)
        .then(3.14159)
        .otherwise(pl.col("hours_per_1000_hours"))
        .alias("hours_per_1000_hours"),
    )
    groups = pl.col("source_role").is_in(["unit", "organisation", "environment"])
    html = report_html(released(replace(findings, couplings=table, rates=rates.filter(~groups))))
    for secret in ("0.765", "76.5", "77", "7,919", "7919", "7,920", "3.14"):
        assert not re.search(rf"(?<![\d.,#]){re.escape(secret)}(?![\d])", Page(html).words), secret


def test_the_picture_has_between_no_and_twenty_five_nodes_and_only_released_arrows(case):
    result, _ = case
    picture = draw(result)
    assert len(picture.boxes) <= 25
    shown = set(result.couplings.filter(pl.col("withheld") == "")["row"])
    assert {arrow.row for arrow in picture.arrows} <= shown
    for box in picture.boxes:
        assert box.left > 100
        assert box.left + 138 <= picture.width
    for one in picture.boxes:
        for other in picture.boxes:
            assert one is other or abs(one.x - other.x) >= 138 or abs(one.y - other.y) >= 54


def test_the_picture_has_the_levels_of_the_agency_from_outside_inwards_and_then_its_people():
    result = released()
    levels = {
        "region": "region",
        "home": "home",
        "client": "person",
        "staff": "person",
        "cottage": "home",
        "cook": "person",
    }
    kinds = ["restraint", "staff_injury", "debrief", "policy_change", "lock_down", "seclusion"]
    nodes = pl.DataFrame(
        {"role": ["client", "cook", "home", "cottage", "region", "staff"], "kind": kinds, "events": 40}
    )
    labels = {**result.labels, "levels": levels, "roles": {}}
    picture = draw(replace(result, nodes=nodes, labels=labels, couplings=result.couplings.clear()))
    assert [lane.lines for lane in picture.lanes] == [
        ["region"],
        ["cottage"],
        ["home"],
        ["staff"],
        ["cook"],
        ["client"],
    ]


def test_the_picture_stays_readable_with_many_kinds():
    findings = example_findings()
    kinds = [kind for kind, definition in example_vocabulary().kinds.items() if definition.of == "client"]
    one = findings.couplings.row(0, named=True)
    rows = [
        one
        | {"channel": "self", "source_kind": first, "target_kind": second, "from_role": "client", "to_role": "client"}
        for first, second in zip(kinds, kinds[1:] + kinds[:1], strict=True)
    ]
    many = replace(findings, couplings=pl.DataFrame(rows, schema=findings.couplings.schema))
    picture = draw(released(many))
    assert 12 <= len(picture.boxes) <= 25
    badges = [(arrow.x, arrow.y) for arrow in picture.arrows]
    assert len(set(badges)) == len(badges)


def test_rates_of_a_role_of_the_agencys_own_are_named_after_it():
    page = Page(report_html(release_findings(findings_of_cooks(), example_settings(), vocabulary_with_cooks())))
    assert "per 1,000 days of cooks" in page.words
    assert "client-days" not in page.words


def test_patterns_tell_parts_apart_without_colour():
    html = report_html(released())
    patterns = re.findall(r'<pattern id="fill-[\w-]+"', html)
    assert len(patterns) == len(set(patterns)) == 9


def test_what_the_next_file_would_add_is_said():
    words = Page(report_html(released())).words
    assert "Next: a survey. It would add how people are doing, beside what happened." in words
    findings = example_findings()
    bare = replace(findings, records={**findings.records, "have": ["incident log"]})
    assert "Next: a census (who was there when)." in Page(report_html(released(bare))).words


def test_numbers_are_written_as_people_write_them():
    assert [number(value) for value in (1215, 55.0042, 476.19, 5.542, 0.5, 12.0, 0.0126, 0.00214, -0.0)] == [
        "1,215", "55", "476", "5.54", "0.5", "12", "0.0126", "0.0021", "0",
    ]  # fmt: skip
    assert [per_100(value) for value in (0.142, 0.0814, 0.0)] == ["14", "8.1", "0"]
    assert [delay(hours) for hours in (1.0, 31.0, 52.0)] == ["an hour", "31 hours", "2 days"]
    assert json.dumps(per_100(1.0)) == '"100"'


def test_couplings_of_domains_name_the_kinds_that_are_read_as_one():
    findings = example_findings()
    page = report_html(released(findings))
    assert "Where kinds are too rare: domains" in page
    assert "Events of punishment and coercion (restraints or seclusions)" in page
    assert "Elopements, then" not in page
    none = report_html(released(replace(findings, by_domain=findings.by_domain.clear())))
    assert "Where kinds are too rare" not in none


def test_a_claim_of_domains_is_among_the_sentences_and_says_what_cannot_be_told():
    nothing = CASES["nothing found"]()
    found = [one.text for one in sentences(released(replace(nothing, by_domain=by_domain(claimed=True))))]
    assert not found[0].startswith("Nothing was found")
    (text,) = [
        text for text in found if text.startswith("Events of punishment and coercion (restraints or seclusions)")
    ]
    assert "about 21 for every 100 (between 4 and 41)" in text
    assert text.endswith("Each of these kinds is too rare to be looked at by itself.")
