"""Whatever the numbers are, the sentences keep to their words."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.release import release_findings
from antiphon.report.sentences import sentences
from antiphon.report.words import Words, forbidden_words
from tests.unit.example_findings import COMPONENTS, example_findings, example_settings, example_vocabulary

VOCABULARY = example_vocabulary()
KINDS = sorted(VOCABULARY.kinds)
EXAMPLE = example_findings()
ROLES = ("client", "staff", "unit", "organisation", "environment")
shares = st.floats(0, 1, allow_nan=False)
numbers = st.floats(0, 3, allow_nan=False)


def channels():
    pair = st.tuples(st.sampled_from(ROLES), st.sampled_from(ROLES))
    how = st.sampled_from(["self", "peers:unit:{}>{}", "members:unit:{}>unit", "group:organisation:organisation>{}"])
    ties = st.sampled_from([f"tie:{name}:{{}}>{{}}" for name in VOCABULARY.relations])
    return st.tuples(st.one_of(how, ties), pair).map(lambda drawn: (drawn[0].format(*drawn[1]), *drawn[1]))


@st.composite
def random_findings(draw):
    rows = []
    for _ in range(draw(st.integers(0, 4))):
        channel, source, target = draw(channels())
        low, high = sorted((draw(numbers), draw(numbers)))
        rows.append(
            EXAMPLE.couplings.row(0, named=True)
            | {
                "channel": channel, "from_role": source, "to_role": target, "source_role": source, "target_role": target,
                "source_kind": draw(st.sampled_from(KINDS)), "target_kind": draw(st.sampled_from(KINDS)),
                "echoes": draw(numbers), "low": low, "high": high, "claimed": draw(st.booleans()),
                "median_delay_hours": draw(st.one_of(st.none(), st.floats(0.1, 900))),
                "n_source": draw(st.integers(0, 60)), "n_target": draw(st.integers(0, 60)),
            }
        )  # fmt: skip
    parts = EXAMPLE.attribution.filter(kind="restraint").to_dicts()
    kind = draw(st.sampled_from(KINDS))
    attribution = [row | {"kind": kind, "direct": draw(shares), "high": draw(shares)} for row in parts]
    ladder = EXAMPLE.ladder.with_columns(gain=pl.lit(draw(st.floats(-0.1, 0.1))), se=pl.lit(draw(st.floats(0, 0.1))))
    response = EXAMPLE.responses.head(1).with_columns(
        first_kind=pl.lit(draw(st.sampled_from(KINDS))), second_kind=pl.lit(draw(st.sampled_from(KINDS)))
    )
    nodes = [f"client: {draw(st.sampled_from(KINDS))}" for _ in range(draw(st.integers(1, 4)))]
    loop = EXAMPLE.loops.head(1).with_columns(nodes=pl.lit(nodes, dtype=pl.List(pl.String)), gain=pl.lit(draw(numbers)))
    return replace(
        EXAMPLE,
        couplings=pl.DataFrame(rows, schema=EXAMPLE.couplings.schema),
        attribution=pl.DataFrame(attribution, schema=EXAMPLE.attribution.schema),
        ladder=ladder,
        responses=response,
        loops=loop,
    )


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(random_findings())
def test_no_sentence_ever_says_a_forbidden_word(findings):
    found = sentences(release_findings(findings, example_settings(), VOCABULARY))
    assert 1 <= len(found) <= 7
    for sentence in found:
        assert forbidden_words(sentence.text) == []
        assert sentence.text[0].isupper()
        assert sentence.text.endswith(".")
        assert "None" not in sentence.text
        assert "nan" not in sentence.text.split()
        assert "_" not in sentence.text


def test_no_label_of_the_framework_is_a_forbidden_word():
    labels = [
        definition.label
        for table in (VOCABULARY.kinds, VOCABULARY.domains, VOCABULARY.relations)
        for definition in table.values()
    ]
    labels += list(VOCABULARY.role_labels.values())
    assert [label for label in labels if forbidden_words(label)] == []


def test_every_component_has_its_words():
    result = release_findings(EXAMPLE, example_settings(), VOCABULARY)
    assert set(result.attribution["component"]) == set(COMPONENTS)
    assert Words.of(result).kind("restraint") == "restraints"
