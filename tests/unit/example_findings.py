"""Made-up findings of an invented agency, as the engine would hand them over. Used by the tests of release and report."""

from __future__ import annotations

import random
from dataclasses import replace

import polars as pl

from antiphon.framework import load_vocabulary
from antiphon.records.settings import Settings
from antiphon.resonance.findings import Findings

COMPONENTS = ("average", "frailty", "own past", "peers", "other roles", "ties", "organisation", "environment")
CLIENT_KINDS = ("aggression_physical", "aggression_verbal", "restraint", "seclusion", "self_harm", "elopement")
STAFF_KINDS = ("staff_injury", "absence_unscheduled", "resignation")
GROUP_KINDS = {"over_capacity": "unit", "debrief": "unit", "policy_change": "organisation", "budget_cut": "environment"}
ROLE_OF = dict.fromkeys(CLIENT_KINDS, "client") | dict.fromkeys(STAFF_KINDS, "staff") | GROUP_KINDS
QUARTERS = tuple(f"{year}Q{quarter}" for year in (2024, 2025) for quarter in (1, 2, 3, 4))
PER_QUARTER = {
    "aggression_physical": 92, "aggression_verbal": 151, "restraint": 64, "seclusion": 27, "self_harm": 19,
    "elopement": 13, "staff_injury": 31, "absence_unscheduled": 118, "resignation": 6, "over_capacity": 9,
    "debrief": 44, "policy_change": 7, "budget_cut": 1,
}  # fmt: skip
UNITS = {"Birch": 31, "Cedar": 15, "Dogwood": 14, "Elm": 13, "Fir": 9}


def example_settings(**privacy: object) -> Settings:
    return Settings.model_validate(
        {
            "agency": {"name": "Maple House", "window": ["2024-01-01", "2026-01-01"], "timezone": "America/New_York"},
            "privacy": privacy,
        }
    )


def example_vocabulary():
    return load_vocabulary()


def example_findings(seed: int = 1, window: tuple[str, str] = ("2024-01-01", "2026-01-01")) -> Findings:
    draw = random.Random(seed)  # noqa: S311 - made-up numbers
    quarters = [quarter for quarter in QUARTERS if quarter < f"{window[1][:4]}Q{(int(window[1][5:7]) - 1) // 3 + 1}"]
    return Findings(
        records={
            "hash": "5f1d0c6a" * 8,
            "window": list(window),
            "systems": {"client": 187, "staff": 81, "clinician": 3, "leader": 2, "unit": 5, "organisation": 1},
            "events": {kind: 8 * number for kind, number in PER_QUARTER.items()},
            "precision": dict.fromkeys(PER_QUARTER, "minute") | {"absence_unscheduled": "shift", "resignation": "day"},
            "set_aside": {"event_outside_stay": 12, "end_before_start": 3},
            "client_days": 60_214,
            "have": ["incident log", "census", "time cards or roster", "staff changes"],
            "organisation": "Maple House",
            "marking": "Confidential - quality improvement",
            "purpose": "quality improvement; not for discipline, evaluation or placement of any person",
        },
        settings={
            "half_lives": ["8 hours", "3 days", "3 weeks"],
            "channels": [
                "self",
                "peers:unit:client>client",
                "peers:unit:client>staff",
                "peers:unit:staff>client",
                "peers:unit:clinician>client",
                "members:unit:staff>unit",
                "group:organisation:organisation>staff",
                "tie:caseload:staff>client",
            ],
            "period_days": 7,
            "history_days": 63.0,
            "block_days": 28,
            "seed": 1,
            "versions": {"antiphon": "0.1.0"},
            "tests_hash": "c0ffee00" * 8,
        },
        rates=_rates(quarters, draw),
        couplings=_couplings(),
        responses=_responses(),
        response_contrasts=_response_contrasts(),
        echoed=_sized([{"value": 0.362, "low": 0.291, "high": 0.447}]),
        branching_ratio=_sized([{"value": 0.412, "low": 0.331, "high": 0.497}]),
        attribution=_attribution(),
        ladder=_ladder(),
        loops=_loops(),
        diagnostics=_sized([{"kind": kind, "ks": 0.021, "p": 0.34} for kind in CLIENT_KINDS + STAFF_KINDS]),
        detectable=_detectable(),
        parallel=_parallel(),
        nodes=_sized(
            [
                {"role": ROLE_OF[kind], "kind": kind, "events": 8 * number, "source_role": ROLE_OF[kind]}
                for kind, number in PER_QUARTER.items()
            ]
        ),
        effects=_effects(),
        controls=_controls(),
        by_domain=by_domain(),
        robustness=_robustness(),
        warnings=(
            ("heaped_times", "Many times of events stand at full hours; they were used as given."),
            ("few_units", "There are fewer than 10 units; what is said about units comes from few of them."),
        ),
    )


def vocabulary_with_cooks():
    """A role of persons of the agency's own, and a kind that is theirs."""
    return example_vocabulary().extended(roles={"cook": "person"}, kinds={"restraint": {"of": "cook", "by": "cook"}})


def findings_of_cooks() -> Findings:
    """The same numbers in an agency that records cooks and nobody else: their days are no client-days."""
    findings = example_findings()
    days, none = pl.col("client_days"), pl.lit(None, dtype=pl.Float64)
    rates = findings.rates.filter(kind="restraint").with_columns(
        role=pl.lit("cook"), role_days=days, per_1000_role_days=1000 * pl.col("events") / days, client_days=none,
        per_1000_client_days=none, staff_years=none, source_role=pl.lit("cook"), target_role=pl.lit("cook"),
    )  # fmt: skip
    records = {**findings.records, "systems": {"cook": 187, "unit": 5}, "events": {"restraint": 512}}
    return replace(findings, records=records, rates=rates)


def _sized(rows: list[dict], **overrides: object) -> pl.DataFrame:
    default = {"n_source": 60, "n_target": 60, "n_units": 5, "source_role": "client", "target_role": "client"}
    return pl.DataFrame([default | overrides | row for row in rows], infer_schema_length=None)


def _rates(quarters: list[str], draw: random.Random) -> pl.DataFrame:
    places = sum(UNITS.values())
    rows = []
    for kind, expected in PER_QUARTER.items():
        role = ROLE_OF[kind]
        for quarter in quarters:
            total = 0
            for unit, size in UNITS.items():
                events = sum(draw.random() < 0.5 for _ in range(round(2 * expected * size / places)))
                total += events
                rows.append(_rate(unit, kind, quarter, events, size, role))
            rows.append(_rate("all", kind, quarter, total, places, role))
    return pl.DataFrame(rows, infer_schema_length=None)


def _rate(unit: str, kind: str, quarter: str, events: int, size: int, role: str) -> dict:
    days, years = size * 91.0, 1.1 * size * 91 / 365.25
    of_clients, of_staff = role == "client", role == "staff"
    return {
        "unit": unit,
        "kind": kind,
        "quarter": quarter,
        "events": events,
        "client_days": days,
        "per_1000_client_days": 1000 * events / days if of_clients else None,
        "centre": 9.87654,
        "lower": 1.23456,
        "upper": 18.76543,
        "staff_years": years,
        "per_100_staff_years": 100 * events / years if of_staff else None,
        "hours_per_1000_hours": events / days / 3 if kind in {"restraint", "seclusion"} else None,
        "n_source": min(size, events),
        "n_target": size + 4,
        "n_units": len(UNITS) if unit == "all" else 1,
        "source_role": role,
        "target_role": role,
    }


def _coupling(channel: str, source: str, target: str, echoes: float, low: float, high: float, q: float, **more) -> dict:
    default = {
        "channel": channel,
        "from_role": ROLE_OF[source],
        "source_kind": source,
        "to_role": ROLE_OF[target],
        "target_kind": target,
        "echoes": echoes,
        "low": low,
        "high": high,
        "p": q / 3,
        "q": q,
        "claimed": q < 0.05,
        "approximate": False,
        "label": "",
        "median_delay_hours": 31.0,
        "same_cell_share": 0.04,
        "within_incident_share": 0.11,
        "n_within": None,
        "source_role": ROLE_OF[source],
        "target_role": ROLE_OF[target],
        "n_source": 74,
        "n_target": 58,
        "n_units": 5,
    }
    return default | more


def _couplings() -> pl.DataFrame:
    shared = "shared circumstances not excluded"
    rows = [
        _coupling("peers:unit:client>staff", "aggression_physical", "absence_unscheduled", 0.142, 0.081, 0.203, 0.0004),
        _coupling("peers:unit:client>staff", "restraint", "staff_injury", 0.061, 0.024, 0.101, 0.011),
        _coupling("self", "restraint", "aggression_physical", 0.183, 0.121, 0.247, 0.00001, median_delay_hours=52.0),
        _coupling("self", "aggression_verbal", "aggression_verbal", 0.224, 0.171, 0.281, 0.00001),
        _coupling("peers:unit:client>client", "aggression_physical", "aggression_physical", 0.118, 0.06, 0.171, 0.002),
        _coupling("peers:unit:staff>client", "absence_unscheduled", "restraint", 0.047, 0.018, 0.079, 0.021),
        _coupling("peers:unit:staff>staff", "staff_injury", "absence_unscheduled", 0.091, 0.022, 0.163, 0.033),
        _coupling("peers:unit:staff>staff", "resignation", "absence_unscheduled", 0.31, 0.02, 0.66, 0.21),
        _coupling("members:unit:staff>unit", "absence_unscheduled", "over_capacity", 0.02, 0.001, 0.05, 0.09, label=shared),
        _coupling("tie:caseload:staff>client", "resignation", "self_harm", 0.21, 0.04, 0.42, 0.041, n_source=14, label="fails a control", claimed=False),
        _coupling(
            "group:organisation:organisation>staff", "policy_change", "resignation", 0.4, 0.05, 0.9, 0.03,
            label=shared, claimed=False, n_source=1,
        ),
        _coupling("peers:unit:client>client", "elopement", "elopement", 0.08, 0.01, 0.2, 0.3, n_source=8, n_target=9),
        _coupling(
            "peers:unit:clinician>client", "resignation", "self_harm", 0.77, 0.5, 0.9, 0.001,
            from_role="clinician", source_role="clinician", n_source=3,
        ),
    ]  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def _responses() -> pl.DataFrame:
    rows = [
        ("aggression_physical", "restraint", 0.534, 0.48, 0.59, 736, 80),
        ("aggression_physical", "seclusion", 0.12, 0.08, 0.17, 736, 33),
        ("restraint", "staff_injury", 0.09, 0.06, 0.13, 510, 25),
        ("self_harm", "police_called", 0.02, 0.005, 0.05, 152, 3),
        ("elopement", "police_called", 0.41, 0.2, 0.62, 104, 15),
    ]
    names = ("first_kind", "second_kind", "share", "low", "high", "n", "n_target")
    recorded = {"share_recorded": 0.52, "low_recorded": 0.46, "high_recorded": 0.58}
    more = recorded | {"n_source_recorded": 55, "odds": 1.234, "odds_low": 0.91, "odds_high": 1.68}
    more["adjusted_for"] = ["time", "shift", "staffing", "practice", "directed at"]
    again = [{"n_recorded": 9 * row[5] // 10, "n_target_recorded": row[6]} for row in rows]
    return _sized([more | parts | dict(zip(names, row, strict=True)) for parts, row in zip(again, rows, strict=True)])


def _response_contrasts() -> pl.DataFrame:
    answer, injury, rare = (
        ("aggression_physical", "restraint"),
        ("restraint", "staff_injury"),
        ("self_harm", "police_called"),
    )
    rows = [
        (*answer, "time", "", "", 0.61, 0.42, 0.88, 0.008, 0.03, 736),
        (*answer, "shift", "23:00", "others", 1.93, 1.31, 2.84, 0.0009, 0.005, 118),
        (*answer, "staffing", "", "", 0.74, 0.51, 1.08, 0.12, 0.31, 736),
        (*answer, "practice", "community_meetings", "", 0.48, 0.29, 0.8, 0.005, 0.02, 214),
        (*answer, "directed at", "staff", "client", 2.31, 1.62, 3.3, 0.0001, 0.001, 402),
        (*answer, "directed at", "clinician", "client", 4.321, 2.2, 8.1, 0.0001, 0.001, 31),
        (*answer, "person", "", "", 1.71, 1.24, 2.6, None, None, 736),
        (*injury, "time", "", "", 1.1, 0.6, 2.0, 0.76, 0.9, 510),
        (*rare, "time", "", "", 7.654, 1.5, 39.0, 0.012, 0.04, 152),
    ]
    names = ("first_kind", "second_kind", "differs_by", "level", "against", "odds_ratio", "low", "high", "p", "q", "n")
    return _sized([dict(zip(names, row, strict=True)) for row in rows])


def _attribution() -> pl.DataFrame:
    shares = {
        "aggression_physical": (0.31, 0.22, 0.17, 0.14, 0.09, 0.03, 0.02, 0.02),
        "restraint": (0.36, 0.18, 0.13, 0.08, 0.17, 0.03, 0.04, 0.01),
        "aggression_verbal": (0.38, 0.21, 0.24, 0.08, 0.05, 0.02, 0.01, 0.01),
        "absence_unscheduled": (0.44, 0.19, 0.08, 0.07, 0.16, 0.01, 0.04, 0.01),
        "self_harm": (0.27, 0.41, 0.14, 0.05, 0.06, 0.05, 0.01, 0.01),
        "resignation": (0.5, 0.0, 0.0, 0.22, 0.18, 0.02, 0.06, 0.02),
    }
    rows = []
    for kind, values in shares.items():
        width = 0.4 if kind == "resignation" else 0.12
        for component, share in zip(COMPONENTS, values, strict=True):
            wide = width if share > 0.2 else 0.06
            rows.append(
                {
                    "kind": kind,
                    "component": component,
                    "direct": share,
                    "root": share,
                    "low": max(0.0, share - wide / 2),
                    "high": share + wide / 2,
                    "source_role": ROLE_OF[kind],
                    "target_role": ROLE_OF[kind],
                }
            )
    return _sized(rows)


def _ladder() -> pl.DataFrame:
    names = (
        "chance",
        "rhythm and shared circumstances",
        "the person and the unit",
        "the person's own past",
        "people like them",
        "parallel process",
    )
    gains = (0.0, 0.0912, 0.1433, 0.0421, 0.0187, 0.0126)
    score, rows = -3.21, []
    for rung, (name, gain) in enumerate(zip(names, gains, strict=True)):
        score += gain
        rows.append({"rung": rung, "name": name, "log_score": score, "gain": gain, "se": 0.0031})
    return _sized(rows)


def _loops() -> pl.DataFrame:
    return _sized(
        [
            {"nodes": ["client: restraint", "client: aggression_physical"], "gain": 0.098, "low": 0.06, "high": 0.14},
            {
                "nodes": ["client: aggression_physical", "staff: absence_unscheduled", "client: restraint"],
                "gain": 0.0012,
                "low": 0.0004,
                "high": 0.0021,
            },
            {
                "nodes": ["leader: discipline", "staff: resignation"],
                "gain": 0.2,
                "low": 0.1,
                "high": 0.3,
                "n_source": 2,
            },
        ]
    )


def _detectable() -> pl.DataFrame:
    rows = [
        ("peers:unit:client>staff", "aggression_physical", "absence_unscheduled", 0.068),
        ("peers:unit:client>staff", "restraint", "staff_injury", 0.041),
        ("tie:caseload:staff>client", "resignation", "self_harm", 0.29),
        ("peers:unit:client>client", "elopement", "elopement", 0.33),
    ]
    names = ("channel", "source_kind", "target_kind", "smallest")
    return _sized([dict(zip(names, row, strict=True)) for row in rows])


def _parallel() -> pl.DataFrame:
    rows = [
        ("aggression", "client", "staff", 0.142, "more", 0.001, "physical aggression followed by absences"),
        ("safety", "client", "staff", 0.061, "more", 0.011, "restraints followed by staff injuries"),
        ("safety", "staff", "client", 0.047, "more", 0.021, "absences followed by restraints"),
        ("loss", "staff", "client", 0.21, "more", 0.041, "resignations followed by self-harm"),
        ("loss", "organisation", "staff", 0.4, "more", 0.2, "policy changes followed by resignations"),
        ("punishment", "staff", "client", 0.03, "more", 0.4, ""),
    ]
    names = ("domain", "from_level", "to_level", "strength", "direction", "q", "evidence")
    return _sized(
        [
            {**dict(zip(names, row, strict=True)), "p": row[5] / 2, "source_role": row[1], "target_role": row[2]}
            for row in rows
        ]
    )


def _effects() -> pl.DataFrame:
    rows = [
        ("restraint", "practice:debriefing", "in full instead of not at all", 0.712, 0.551, 0.921, "client", "client", 41, 22),
        ("restraint", "dose:unit:staff_injury:7d", "one event more just before, fading with the half-life", 1.084, 0.951,
         1.235, "staff", "client", 31, 38),
        ("restraint", "attribute:programme=night", '"night" instead of "day"', 1.62, 0.63, 4.166, "client", "client", 14, 12),
        ("absence_unscheduled", "attribute:trauma_history", "yes instead of no", 1.384, 1.124, 1.704, "staff", "staff", 27, 19),
        ("resignation", "attribute:trauma_history", "yes instead of no", 2.31, 1.92, 2.78, "staff", "staff", 27, 4),
        ("discipline", "attribute:age", "10 more", 1.9, 1.2, 3.0, "leader", "leader", 2, 2),
    ]  # fmt: skip
    names = ("kind", "covariate", "unit", "ratio", "low", "high", "source_role", "target_role", "n_source", "n_target")
    received = (
        "restraint",
        "practice:debriefing",
        "in full instead of not at all",
        0.63,
        0.42,
        0.95,
        "client",
        "client",
        41,
        22,
    )
    table = [dict(zip(names, row, strict=True)) | {"on": "rate"} for row in rows]
    return _sized([*table, dict(zip(names, received, strict=True)) | {"on": "echoes"}])


def by_domain(*, claimed: bool = False) -> pl.DataFrame:
    """Two couplings of domains, the second of too few persons."""
    pair = {
        "channel": "peers:unit:client>staff", "from_role": "client", "source_kind": "restraint+seclusion",
        "source_domain": "punishment", "to_role": "staff", "target_kind": "staff_injury", "target_domain": "",
        "target_role": "staff", "echoes": 0.21234, "low": 0.04, "high": 0.412, "p": 0.0123, "q": 0.031 if claimed else 0.31,
        "claimed": claimed, "approximate": True, "label": "", "median_delay_hours": 51.3, "smallest": 0.2345,
    }  # fmt: skip
    few = pair | {"source_kind": "elopement", "source_domain": "", "n_source": 4, "claimed": False}
    return _sized([pair, few])


def _controls() -> pl.DataFrame:
    pair = {
        "channel": "peers:unit:client>staff", "from_role": "client", "source_kind": "aggression_physical",
        "to_role": "staff", "target_kind": "absence_unscheduled", "target_role": "staff",
    }  # fmt: skip
    none = {"p": None, "power": None, "estimate": None}
    rows = [
        {"code": "incidents", "verdict": "passed", "estimate": 0.139},
        {"code": "jitter", "verdict": "passed", "p": 0.01, "power": 0.9312},
        {"code": "ties_at_admission", "verdict": "differs", "estimate": 0.0784},
        {"code": "year_apart", "verdict": "cannot tell"},
        {"code": "jitter", "verdict": "failed", "p": 0.21, "power": 0.84} | VETOED,
        {"code": "incidents", "verdict": "differs", "estimate": 0.412} | NOT_CLAIMED,
        {"code": "fewer_after", "verdict": "differs", "p": 0.0042} | NOT_CLAIMED,
    ]
    return _sized([pair | none | row for row in rows])


def _robustness() -> pl.DataFrame:
    pair = {
        "channel": "peers:unit:client>staff", "from_role": "client", "source_kind": "aggression_physical",
        "to_role": "staff", "target_kind": "absence_unscheduled", "target_role": "staff",
    }  # fmt: skip
    told = {
        "low": 0.0912, "high": 0.1873, "hangs_on_one": False, "p_exchanged": 0.0417, "smallest_p": 0.0417,
        "shock_factor": 3.263, "shock_days": 4.328,
    }  # fmt: skip
    return _sized([pair | told])


VETOED = {
    "channel": "tie:caseload:staff>client", "from_role": "staff", "source_kind": "resignation", "source_role": "staff",
    "to_role": "client", "target_kind": "self_harm", "target_role": "client",
}  # fmt: skip
NOT_CLAIMED = {
    "channel": "peers:unit:staff>staff", "from_role": "staff", "source_kind": "resignation", "source_role": "staff",
    "to_role": "staff", "target_kind": "absence_unscheduled", "target_role": "staff",
}  # fmt: skip


def without_findings(findings: Findings) -> Findings:
    """The same records with nothing found."""
    couplings = findings.couplings.with_columns(claimed=pl.lit(value=False), q=pl.lit(0.6), low=pl.lit(0.0))
    return replace(
        findings,
        couplings=couplings.with_columns(pl.col("label").replace("fails a control", "")),
        controls=findings.controls.clear(),
        robustness=findings.robustness.clear(),
        loops=findings.loops.clear(),
        parallel=findings.parallel.with_columns(q=pl.lit(0.7)),
        ladder=findings.ladder.with_columns(
            gain=pl.when(pl.col("rung") >= 4).then(-0.0004).otherwise(pl.col("gain")),
        ),
    )
