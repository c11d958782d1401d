"""Disclosure control: from findings to what may be shown. There is no switch that turns it off."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import polars as pl

from antiphon.release import tables
from antiphon.release.cells import checked
from antiphon.release.rates import complete_quarters, release_rates
from antiphon.release.released import Released
from antiphon.release.rounding import rounded_count
from antiphon.release.thresholds import shown_channels, shown_systems, thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from antiphon.framework.vocabulary import Vocabulary
    from antiphon.records.settings import Settings
    from antiphon.release.rates import ReleasedRates
    from antiphon.release.thresholds import Thresholds
    from antiphon.resonance.findings import Findings

_PERSON_WORDS = "people|persons?|clients?|residents?|patients?|staff|workers?|leaders?|clinicians?|supervisors?"
_THINGS = "events?|rows?|incidents?|stays?|shifts?|spells?|answers?"
_FEW = 10
_PACKAGES = ("antiphon", "numba", "numpy", "polars", "scipy")
_SETTINGS = ("half_lives", "period_days", "history_days", "block_days", "seed", "versions", "tests_hash", "model")


def release_findings(findings: Findings, settings: Settings, vocabulary: Vocabulary) -> Released:
    """Release findings: the only maker of ``Released``.

    Every cell is a set of distinct persons. A cell is shown where both its sides reach the threshold of their role
    (never under 5), roles with too few persons are not named, what could be had by subtraction is withheld too,
    counts are rounded to 5 and rates are made from rounded counts, only complete calendar quarters are shown, and a
    share is shown only where its interval is narrower than 30 points, a rate ratio where it is less than fourfold.

    Parameters
    ----------
    findings : what was read off a fit; every row with ``n_source``, ``n_target``, ``n_units`` and both roles.
    settings : the agency's settings; ``privacy.data = "public"`` loosens nothing here.
    vocabulary : roles with their levels, and plain words for names.

    Returns
    -------
    Released
        The tables that files and reports are made from.

    Raises
    ------
    ReleaseError
        If a table does not say how many persons and units stand behind its rows.
    """
    limits = thresholds(settings, vocabulary, findings.records.get("systems", {}))
    quarters = complete_quarters(findings.records["window"])
    checked("rates", findings.rates)
    rates = release_rates(findings.rates, _persons(findings), quarters, limits)
    responses = tables.responses(findings.responses, limits)
    few = tables.too_few(responses)
    shown = {
        "couplings": tables.couplings(findings.couplings, few, limits),
        "responses": responses,
        "response_contrasts": tables.response_contrasts(findings.response_contrasts, few, limits),
        "echoed": tables.of_all_events("echoed", findings.echoed, limits),
        "branching_ratio": tables.of_all_events("branching_ratio", findings.branching_ratio, limits),
        "attribution": tables.attribution(findings.attribution, limits),
        "ladder": tables.ladder(findings.ladder, limits),
        "loops": tables.loops(findings.loops, few, limits),
        "diagnostics": tables.diagnostics(findings.diagnostics, limits),
        "detectable": tables.detectable(findings.detectable, limits),
        "parallel": tables.parallel(findings.parallel, limits),
        "nodes": tables.nodes(findings.nodes, rates.totals, limits),
        "effects": tables.effects(findings.effects, limits),
        "controls": tables.controls(findings.controls, few, limits),
        "by_domain": tables.by_domain(findings.by_domain, limits),
        "robustness": tables.robustness(findings.robustness, limits),
    }
    everything = {"rates": rates.agency, "unit_rates": rates.units, **shown}
    return Released(
        records=_records(findings.records, settings, rates, quarters, limits)
        | {"pairs": _pairs(shown["couplings"], shown["by_domain"])},
        settings=_settings(findings.settings, limits),
        labels=_labels(vocabulary, everything, limits),
        withheld=_withheld(everything, findings),
        warnings=_warnings(findings.warnings, vocabulary),
        **everything,
    )


def _persons(findings: Findings) -> dict[str, int]:
    """Distinct persons behind each kind over the whole window."""
    rows = checked("nodes", findings.nodes)
    return {row["kind"]: row["n_source"] for row in rows}


def _records(
    records: dict[str, Any], settings: Settings, rates: ReleasedRates, quarters: list[str], limits: Thresholds
) -> dict[str, Any]:
    systems = shown_systems(records.get("systems", {}), limits)
    events = {kind: rates.totals[kind] for kind in records.get("events", {}) if kind in rates.totals}
    return {
        "organisation": records.get("organisation") or settings.agency.name,
        "hash": records.get("hash", ""),
        "window": [str(day)[:10] for day in records["window"]],
        "quarters": quarters,
        "systems": systems,
        "events": events,
        "precision": {kind: word for kind, word in records.get("precision", {}).items() if kind in events},
        "set_aside": {rule: rounded_count(count) for rule, count in records.get("set_aside", {}).items()},
        "client_days": rates.client_days,
        "have": list(records["have"]),
        "marking": settings.privacy.marking,
        "purpose": settings.privacy.purpose,
    }


def _pairs(*tables: pl.DataFrame) -> dict[str, int]:
    """How many couplings are shown, of kinds and of domains, and how many of them are claimed."""
    shown = sum(table.filter(pl.col("withheld") == "").height for table in tables)
    return {"shown": shown, "claimed": sum(int(table["claimed"].sum()) for table in tables)}


def _settings(settings: dict[str, Any], limits: Thresholds) -> dict[str, Any]:
    """Pick settings by an allow list: what a later step adds is not shown before someone has thought about it."""
    kept = {name: settings[name] for name in _SETTINGS if name in settings}
    kept.setdefault("versions", {name: version(name) for name in _PACKAGES})
    kept["channels"] = shown_channels(settings.get("channels", []), limits)
    kept["min_clients"], kept["min_staff"] = limits.min_clients, limits.min_staff
    return kept


def _labels(vocabulary: Vocabulary, shown: dict[str, pl.DataFrame], limits: Thresholds) -> dict[str, dict[str, str]]:
    """Plain words for the names that occur in released tables."""
    columns = ("kind", "source_kind", "target_kind", "first_kind", "second_kind")
    kinds = {
        name for table in shown.values() for column in columns if column in table.columns for name in table[column]
    }
    if shown["loops"].height:
        kinds |= {node.partition(":")[2].strip() for nodes in shown["loops"]["nodes"] for node in nodes}
    practices = set(shown["response_contrasts"].filter(differs_by="practice")["level"])
    return {
        "kinds": {name: _label(vocabulary.kinds, name) for name in sorted(kinds)} | _joined(shown, vocabulary),
        "relations": {name: _label(vocabulary.relations, name) for name in sorted(vocabulary.relations)},
        "domains": {name: _label(vocabulary.domains, name) for name in sorted(set(shown["parallel"]["domain"]))},
        "practices": {name: _label(vocabulary.practices, name) for name in sorted(practices)},
        "roles": {role: words for role, words in vocabulary.role_labels.items() if limits.shows((role,))},
        "levels": {role: level for role, level in vocabulary.roles.items() if limits.shows((role,))},
    }


def _joined(shown: dict[str, pl.DataFrame], vocabulary: Vocabulary) -> dict[str, str]:
    """Plain words for kinds that are read as one: the domain, and which kinds they are."""
    found = {}
    for row in shown["by_domain"].to_dicts():
        for name, domain in ((row[f"{side}_kind"], row[f"{side}_domain"]) for side in ("source", "target")):
            if domain:
                kinds = [_label(vocabulary.kinds, kind) for kind in name.split("+")]
                parts = f"{', '.join(kinds[:-1])} or {kinds[-1]}"
                found[name] = f"events of {_label(vocabulary.domains, domain)} ({parts})"
    return found


def _label(definitions: Mapping[str, Any], name: str) -> str:
    label = getattr(definitions.get(name), "label", "")
    return label or name.replace("_", " ")


def _withheld(shown: dict[str, pl.DataFrame], findings: Findings) -> pl.DataFrame:
    """How many rows of each table are withheld, and why."""
    rows = []
    for name, table in shown.items():
        for reason in sorted(set(table["withheld"]) - {""}):
            rows.append({"table": name, "reason": reason, "rows": table.filter(pl.col("withheld") == reason).height})
        if name != "unit_rates" and name != "rates":
            dropped = getattr(findings, name).height - table.height
            if dropped > 0:
                rows.append({"table": name, "reason": "a role with too few persons to be named", "rows": dropped})
    return pl.DataFrame(rows, schema={"table": pl.String, "reason": pl.String, "rows": pl.Int64})


def _warnings(warnings: tuple[tuple[str, str], ...], vocabulary: Vocabulary) -> pl.DataFrame:
    """Warnings with their counts rounded as everywhere, and small ones put into words."""
    roles = [role for role, level in vocabulary.roles.items() if level == vocabulary.levels[-1]]
    own = "|".join(re.escape(word) for role in roles for word in (vocabulary.role_labels[role], role))
    counts = re.compile(rf"\b\d[\d,]*(?= (?:[a-z-]+ ){{0,2}}(?:{_PERSON_WORDS}|{_THINGS}|{own})\b)")
    rows = [{"code": code, "text": counts.sub(_coarse, text)} for code, text in warnings]
    return pl.DataFrame(rows, schema={"code": pl.String, "text": pl.String})


def _coarse(match: re.Match[str]) -> str:
    count = int(match.group().replace(",", ""))
    return "a few" if 0 < count <= _FEW else f"{rounded_count(count):,}"
