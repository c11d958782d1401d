"""Nothing that is released may point at a few persons."""

from __future__ import annotations

import json
from dataclasses import replace
from zipfile import ZipFile

import jsonschema
import polars as pl
import pytest

from antiphon.design.ground import fewest_persons
from antiphon.errors import ReleaseError
from antiphon.release import TOO_FEW, TOO_UNCERTAIN, findings_document, release_findings, write_tables
from antiphon.release.rates import complete_quarters
from antiphon.release.thresholds import thresholds
from antiphon.release.writing import findings_schema
from tests.unit.agencies import make_agency
from tests.unit.example_findings import (
    by_domain,
    example_findings,
    example_settings,
    example_vocabulary,
    findings_of_cooks,
    vocabulary_with_cooks,
)


def released(findings=None, **privacy):
    return release_findings(findings or example_findings(), example_settings(**privacy), example_vocabulary())


def only(rows_of: pl.DataFrame, /, **values: object) -> dict:
    rows = rows_of.filter(**values).to_dicts()
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize("column", ["n_source", "n_target", "n_units", "source_role", "target_role"])
def test_a_table_that_does_not_count_who_is_behind_it_is_refused(column):
    findings = example_findings()
    with pytest.raises(ReleaseError, match=f"couplings: no column {column}"):
        released(replace(findings, couplings=findings.couplings.drop(column)))
    with pytest.raises(ReleaseError, match=f"couplings: {column} is empty in 13 of 13 rows"):
        released(replace(findings, couplings=findings.couplings.with_columns(pl.lit(None).alias(column))))


@pytest.mark.parametrize(
    ("n_source", "n_target", "is_shown"), [(11, 10, True), (10, 10, False), (11, 9, False), (0, 50, False)]
)
def test_a_coupling_needs_enough_clients_and_enough_staff(n_source, n_target, is_shown):
    findings = example_findings()
    table = findings.couplings.head(1).with_columns(n_source=pl.lit(n_source), n_target=pl.lit(n_target))
    row = only(released(replace(findings, couplings=table)).couplings)
    assert (row["withheld"] == "") is is_shown
    assert (row["echoes"] is not None) is is_shown
    if not is_shown:
        assert row["withheld"] == TOO_FEW
        assert row["p"] is row["low"] is row["n_source"] is row["n_target"] is None


def test_what_a_claim_rests_on_is_shown_where_enough_stand_behind_it():
    findings = example_findings()
    (shown,) = released(findings).robustness.to_dicts()
    assert shown["hangs_on_one"] is False
    assert shown["low"] == 0.091
    few = findings.robustness.with_columns(n_target=pl.lit(4))
    (withheld,) = released(replace(findings, robustness=few)).robustness.to_dicts()
    assert withheld["withheld"] == TOO_FEW
    assert withheld["low"] is None
    assert withheld["hangs_on_one"] is None


def test_controls_are_shown_where_the_coupling_is_and_not_inside_incidents_of_a_few():
    findings = example_findings()
    shown = released(findings).controls
    assert shown.height == findings.controls.height
    assert only(shown, code="jitter", source_kind="aggression_physical")["power"] == 0.93
    few = findings.controls.with_columns(n_source=pl.when(code="incidents").then(4).otherwise(pl.col("n_source")))
    cells = released(replace(findings, controls=few)).controls.filter(code="incidents")
    assert cells["withheld"].to_list() == [TOO_FEW, TOO_FEW]
    assert cells["verdict"].to_list() == cells["estimate"].to_list() == [None, None]
    rare = findings.controls.head(1).with_columns(source_kind=pl.lit("self_harm"), target_kind=pl.lit("police_called"))
    assert released(replace(findings, controls=rare)).controls["withheld"].to_list() == [TOO_FEW]


def test_public_data_have_the_same_thresholds():
    private, public = released(), released(data="public")
    assert private.couplings.equals(public.couplings)
    assert private.rates.equals(public.rates)


def test_a_role_with_too_few_persons_is_not_named_anywhere():
    document = json.dumps(findings_document(released()))
    assert "clinician" not in document
    assert "leader" not in document
    assert released().records["systems"] == {"client": 185, "staff": 85, "unit": 5, "organisation": 1}


def test_only_complete_calendar_quarters_are_shown():
    assert complete_quarters(["2024-02-15", "2025-01-01"]) == ["2024Q2", "2024Q3", "2024Q4"]
    assert complete_quarters(["2024-01-01", "2024-03-31"]) == []
    assert complete_quarters(["2023-12-31", "2024-04-01"]) == ["2024Q1"]
    late = replace(example_findings(), records={**example_findings().records, "window": ["2024-01-02", "2025-12-31"]})
    shown = set(released(late).rates["quarter"])
    assert "2024Q1" not in shown
    assert "2025Q4" not in shown


def test_rates_and_limits_follow_from_released_counts_alone():
    rates = released().rates.filter(pl.col("per_1000_client_days").is_not_null())
    assert rates.height > 20
    assert (rates["events"] % 5 == 0).all()
    again = (1000 * rates["events"] / rates["client_days"] / rates["per_1000_client_days"] - 1).abs().max()
    assert again < 0.006  # three significant digits
    assert 9.87654 not in rates["centre"]


def test_the_engine_and_the_release_ask_for_the_same_number_of_persons():
    settings = {"roles": {"cook": "person"}, "privacy": {"min_clients": 12, "min_staff": 9}}
    agency = make_agency({"a": "client"}, [], settings=settings)
    limits = thresholds(agency.settings, agency.vocabulary, {})
    people = [role for role, level in agency.vocabulary.roles.items() if level == "person"]
    assert [limits.of(role) for role in people] == [fewest_persons(agency, role) for role in people]
    assert limits.of("cook") == 12


def test_days_of_a_role_of_the_agencys_own_are_no_client_days():
    found = release_findings(findings_of_cooks(), example_settings(), vocabulary_with_cooks())
    rates = found.rates.filter(withheld="")
    assert rates["role"].unique().to_list() == ["cook"]
    again = 1000 * rates["events"] / rates["role_days"] / rates["per_1000_role_days"] - 1
    assert again.abs().max() < 0.006
    assert rates["centre"].is_not_null().all()
    assert rates["client_days"].is_null().all()
    assert found.records["client_days"] is None
    assert list(dict.fromkeys(found.unit_rates["unit"])) == [
        "Birch",
        "Cedar",
        "Dogwood",
        "Elm",
        "smaller units, joined",
    ]
    jsonschema.validate(json.loads(json.dumps(findings_document(found))), findings_schema())


def test_a_count_under_five_is_never_shown_and_zero_is():
    rates = released().rates
    shown = rates.filter(pl.col("withheld") == "")["events"]
    assert set(shown.unique()) & {1, 2, 3, 4} == set()
    assert (shown == 0).any()
    assert rates.filter(pl.col("withheld") == TOO_FEW)["events"].null_count() == rates.filter(withheld=TOO_FEW).height


def test_units_stand_in_their_own_order_and_small_ones_are_joined():
    units = released().unit_rates
    assert list(dict.fromkeys(units["unit"])) == ["Birch", "Cedar", "Dogwood", "Elm", "smaller units, joined"]


def test_fewer_than_three_large_units_are_not_shown_apart():
    findings = example_findings()
    two = findings.rates.filter(pl.col("unit").is_in(["all", "Birch", "Cedar", "Fir"]))
    assert released(replace(findings, rates=two)).unit_rates.is_empty()


def test_what_is_left_when_shown_units_are_taken_away_is_not_a_few_persons():
    findings = example_findings()
    persons = {"Birch": 25, "Cedar": 14, "Dogwood": 13, "Elm": 3, "Fir": 0}
    rows = findings.rates.filter(kind="restraint", quarter="2024Q1").to_dicts()
    for row in rows:
        row["n_source"] = persons.get(row["unit"], 55)
        row["events"] = 2 * row["n_source"]
    records = {**findings.records, "window": ["2024-01-01", "2024-04-01"]}
    quarter = replace(findings, records=records, rates=pl.DataFrame(rows, infer_schema_length=None))
    cells = released(quarter).unit_rates
    hidden = set(cells.filter(withheld=TOO_FEW)["unit"])
    assert hidden == {"Elm", "Dogwood"}  # Elm is small; without Dogwood it could be had by subtraction


def test_a_wide_share_is_withheld_and_never_the_only_one():
    attribution = released().attribution.filter(kind="resignation")
    assert attribution.filter(withheld=TOO_UNCERTAIN)["component"].to_list() == ["average", "peers"]
    shares = released().attribution.filter(kind="restraint")
    assert set(shares["withheld"]) == {""}


def test_a_share_of_too_few_persons_takes_a_second_one_with_it():
    findings = example_findings()
    few = pl.when(pl.col("component") == "ties").then(3).otherwise(pl.col("n_source"))
    table = findings.attribution.filter(kind="restraint").with_columns(n_source=few)
    shown = released(replace(findings, attribution=table)).attribution
    assert sorted(shown.filter(withheld=TOO_FEW)["component"]) == ["environment", "ties"]


def test_responses_of_a_few_incidents_are_withheld():
    responses = released().responses
    assert only(responses, first_kind="self_harm")["withheld"] == TOO_FEW
    assert only(responses, first_kind="elopement")["withheld"] == TOO_UNCERTAIN
    findings = example_findings()
    rare = findings.responses.head(1).with_columns(share=0.01, low=0.0, high=0.02, n=pl.lit(200))
    assert only(released(replace(findings, responses=rare)).responses)["withheld"] == TOO_FEW


def test_a_pair_of_kinds_is_withheld_both_ways_round():
    findings = example_findings()
    one = findings.responses.head(1).with_columns(n_target=pl.lit(3, dtype=pl.Int64))
    other = findings.responses.head(1).with_columns(
        first_kind=pl.col("second_kind"),
        second_kind=pl.col("first_kind"),
        share=pl.lit(0.4),
        low=pl.lit(0.3),
        high=pl.lit(0.5),
    )
    assert only(released(replace(findings, responses=other)).responses)["share"] == 0.4
    rows = released(replace(findings, responses=pl.concat([one, other]))).responses
    assert rows["withheld"].to_list() == [TOO_FEW, TOO_FEW]
    assert rows.drop("first_kind", "second_kind", "withheld").null_count().sum_horizontal().item() == 2 * (
        rows.width - 3
    )


def test_odds_and_what_recorded_numbers_say_are_shown_with_their_share():
    row = only(released().responses, first_kind="aggression_physical", second_kind="restraint")
    assert (row["odds"], row["odds_low"], row["odds_high"]) == (1.2, 0.91, 1.7)
    assert (row["share_recorded"], row["n_recorded"]) == (0.52, 660)
    assert row["adjusted_for"] == ["time", "shift", "staffing", "practice", "directed at"]
    hidden = only(released().responses, first_kind="self_harm")
    assert {hidden[name] for name in hidden if name not in {"first_kind", "second_kind", "withheld"}} == {None}


@pytest.mark.parametrize(
    "few",
    [
        {"n_source_recorded": 10},
        {"n_target_recorded": 10},
        {"share_recorded": 0.995},
        {"high_recorded": 0.77},
        {"n_recorded": 4},
    ],
)
def test_what_recorded_numbers_say_of_too_few_is_withheld(few):
    findings = example_findings()
    table = findings.responses.head(1).with_columns(**{name: pl.lit(value) for name, value in few.items()})
    row = only(released(replace(findings, responses=table)).responses)
    assert row["share"] == 0.53
    assert {row[f"{name}_recorded"] for name in ("share", "low", "high", "n")} == {None}


def test_contrasts_are_shown_where_their_pair_of_kinds_is():
    table = released().response_contrasts
    assert only(table, differs_by="directed at")["against"] == "client"  # and none of the clinicians
    assert only(table, level="23:00")["n"] == 120
    rare = only(table, first_kind="self_harm")
    assert rare["withheld"] == TOO_FEW
    assert rare["odds_ratio"] is rare["n"] is rare["p"] is None
    findings = example_findings()
    few = findings.response_contrasts.with_columns(n_target=pl.lit(10))
    assert set(released(replace(findings, response_contrasts=few)).response_contrasts["withheld"]) == {TOO_FEW}


def test_how_often_a_kind_comes_to_several_at_once_is_not_told_of_a_few():
    findings = example_findings()
    one = findings.couplings.head(1)
    found = [
        only(released(replace(findings, couplings=one.with_columns(n_within=pl.lit(n)))).couplings) for n in (40, 3)
    ]
    assert [row["within_incident_share"] for row in found] == [0.11, None]
    assert found[0]["echoes"] == found[1]["echoes"]


def test_what_lies_inside_incidents_of_too_few_is_not_told_otherwise():
    findings = example_findings()
    pair = {"source_kind": "aggression_physical", "target_kind": "restraint"}
    coupling = findings.couplings.head(1).with_columns(**{name: pl.lit(kind) for name, kind in pair.items()})
    loop = findings.loops.head(1).with_columns(
        nodes=pl.lit(["client: aggression_physical", "client: restraint"], dtype=pl.List(pl.String)),
        via=pl.lit(["same incident", "echo"], dtype=pl.List(pl.String)),
    )
    few = findings.responses.head(1).with_columns(n_target=pl.lit(3))
    shown = released(replace(findings, couplings=coupling, loops=loop))
    hidden = released(replace(findings, couplings=coupling, loops=loop, responses=few))
    assert only(shown.couplings)["within_incident_share"] == 0.11
    assert only(hidden.couplings)["within_incident_share"] is None
    assert only(hidden.couplings)["echoes"] == only(shown.couplings)["echoes"]
    assert shown.loops.height == 1
    assert hidden.loops.is_empty()
    by_echo = loop.with_columns(via=pl.lit(["echo", "echo"], dtype=pl.List(pl.String)))
    assert released(replace(findings, loops=by_echo, responses=few)).loops.height == 1


def test_loops_through_unnamed_roles_are_dropped_and_counted():
    result = released()
    assert result.loops.height == 2
    assert only(result.withheld, table="loops")["rows"] == 1


def test_counts_in_warnings_are_rounded_and_small_ones_become_words():
    text = "In 2024 only 3 clients and 12 senior staff were on 4 units; 1,234 rows were left out, 2 events moved by 30 days."
    result = released(replace(example_findings(), warnings=(("x", text),)))
    assert result.warnings["text"].to_list() == [
        "In 2024 only a few clients and 10 senior staff were on 4 units; 1,235 rows were left out, a few events moved by 30 days."
    ]


def test_roles_of_the_agencys_own_are_counted_as_coarsely():
    findings = replace(findings_of_cooks(), warnings=(("x", "In 2024 only 3 head cooks and 12 cooks were there."),))
    result = release_findings(findings, example_settings(), vocabulary_with_cooks())
    assert result.warnings["text"].to_list() == ["In 2024 only a few head cooks and 10 cooks were there."]


def test_unknown_settings_and_records_do_not_pass():
    findings = example_findings()
    leaky = replace(
        findings,
        records={**findings.records, "by_person": {"c-17": 9}},
        settings={**findings.settings, "posterior": [0.1]},
    )
    assert json.dumps(findings_document(released(leaky))) == json.dumps(findings_document(released()))


def test_findings_json_keeps_its_schema():
    jsonschema.Draft202012Validator.check_schema(findings_schema())
    jsonschema.validate(findings_document(released()), findings_schema())
    findings = example_findings()
    empty = {
        name: getattr(findings, name).clear()
        for name in ("rates", "couplings", "responses", "response_contrasts", "attribution", "loops")
    }
    jsonschema.validate(findings_document(released(replace(findings, **empty))), findings_schema())


def test_files_are_the_same_on_every_run_and_marked(tmp_path):
    result = released(marking="Draft & secret")
    for folder in ("one", "two"):
        write_tables(result, tmp_path / folder)
    first = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert {"findings.json", "tables.xlsx"} < {str(path) for path in first}
    for path in first:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path
    assert json.loads((tmp_path / "one" / "findings.json").read_text())["marking"] == "Draft & secret"
    assert pl.read_parquet_metadata(tmp_path / "one" / "tables" / "rates.parquet")["marking"] == "Draft & secret"
    with ZipFile(tmp_path / "one" / "tables.xlsx") as book:
        assert "Draft &amp; secret" in book.read("xl/sharedStrings.xml").decode()


def test_withheld_values_are_in_no_file(tmp_path):
    secret = 0.777123
    findings = example_findings()
    small = (pl.col("n_source") < 10) & pl.col("source_role").is_in(["client", "clinician"])
    table = findings.couplings.with_columns(
        pl.when(small).then(secret).otherwise(pl.col(name)).alias(name) for name in ("echoes", "low", "high", "p", "q")
    )
    write_tables(released(replace(findings, couplings=table)), tmp_path)
    assert "0.77" not in (tmp_path / "findings.json").read_text()
    for path in (tmp_path / "tables").iterdir():
        for name, dtype in pl.read_parquet_schema(path).items():
            if dtype.is_numeric():
                values = pl.read_parquet(path)[name].drop_nulls()
                assert not ((values - secret).abs() < 0.01).any()


def test_repr_shows_sizes_only():
    assert repr(released()).startswith("Released(rates: ")


def test_a_rate_ratio_needs_enough_people_on_both_sides_and_an_interval_under_fourfold():
    table = released().effects
    assert table.columns == [
        "kind", "covariate", "unit", "on", "ratio", "low", "high", "n_source", "n_target", "n_units", "withheld",
    ]  # fmt: skip
    assert table["withheld"].to_list() == [
        "",
        "",
        TOO_UNCERTAIN,
        "",
        TOO_FEW,
        "",
    ]  # those of leaders are not named at all
    shown = only(table, covariate="practice:debriefing", on="rate")
    assert (shown["ratio"], shown["low"], shown["high"], shown["n_source"], shown["n_target"]) == (
        0.71,
        0.55,
        0.92,
        40,
        20,
    )
    hidden = table.filter(pl.col("withheld") != "")
    assert hidden.select("ratio", "low", "high", "n_source", "n_target", "n_units").null_count().row(0) == (2,) * 6


@pytest.mark.parametrize(
    ("low", "high", "is_shown"),
    [
        (0.5, 1.9, True),
        (0.5, 2.0, False),
        (0.0, 1.0, False),
        (0.5, float("inf"), False),
        (float("nan"),) * 2 + (False,),
    ],
)
def test_an_uncertain_rate_ratio_is_not_printed(low, high, is_shown):
    table = example_findings().effects.head(1).with_columns(low=pl.lit(low), high=pl.lit(high))
    row = only(released(replace(example_findings(), effects=table)).effects)
    assert row["withheld"] == ("" if is_shown else TOO_UNCERTAIN)


def test_couplings_of_domains_are_shown_where_enough_persons_stand_behind_them():
    table = released().by_domain
    assert table["withheld"].to_list() == ["", "too few to show"]
    shown, few = table.to_dicts()
    assert (shown["echoes"], shown["source_kind"], shown["source_domain"]) == (
        0.212,
        "restraint+seclusion",
        "punishment",
    )
    values = ("echoes", "low", "high", "p", "q", "claimed", "label", "smallest", "n_source")
    assert all(few[name] is None for name in values)
    words = released().labels["kinds"]
    assert words["restraint+seclusion"] == "events of punishment and coercion (restraints or seclusions)"
    assert released(min_clients=61).by_domain["withheld"].to_list() == ["too few to show"] * 2


def test_claims_count_whether_of_kinds_or_of_domains():
    plain = released().records["pairs"]
    more = released(replace(example_findings(), by_domain=by_domain(claimed=True))).records["pairs"]
    assert more == {"shown": plain["shown"], "claimed": plain["claimed"] + 1}
