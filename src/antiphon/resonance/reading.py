"""Read everything off that the page shows: from conclusions to findings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from antiphon.records.glance import glance
from antiphon.resonance.behind import BEHIND
from antiphon.resonance.findings import Findings
from antiphon.resonance.happened import happened
from antiphon.resonance.notes import in_words, notes
from antiphon.resonance.parallel import parallel_table
from antiphon.resonance.rates import client_days, rates_table
from antiphon.resonance.responses import responses, shared_incidents
from antiphon.resonance.tables import (
    attribution_table,
    branching_table,
    couplings_table,
    loops_table,
    nodes_table,
    reading,
    with_coupling,
    with_everyone,
    with_kind,
)

if TYPE_CHECKING:
    from antiphon.design.design import Design
    from antiphon.framework.vocabulary import Vocabulary
    from antiphon.inference.inference import Inference
    from antiphon.records.agency import Agency
    from antiphon.records.glance import Glance
    from antiphon.resonance.happened import Happened


def read_off(agency: Agency, inference: Inference, *, seed: int = 1) -> Findings:
    """Read off a fit what echoes, what goes together, what keeps itself going, and how sure that is.

    Parameters
    ----------
    agency : the records that were fitted.
    inference : what was concluded from them.
    seed : of the draws behind intervals of attribution, loops and the branching ratio.

    Returns
    -------
    Findings
        Before disclosure control: nothing here may be shown until ``release`` has passed it.
    """
    design = inference.fit.design
    joined = happened(agency, design, joined=True)
    answers = responses(joined, happened(agency, design, joined=False), [kind.name for kind in design.kinds])
    inside = _inside(answers, joined, design)
    read = reading(agency, inference, joined, seed=seed)
    seen = glance(agency)
    findings = Findings(
        records=_records(agency, design, seen),
        settings=_settings(design, inference, seed),
        rates=rates_table(seen, agency.vocabulary),
        couplings=couplings_table(read, inside),
        responses=_with_roles(answers, design),
        branching_ratio=branching_table(read),
        attribution=attribution_table(read),
        ladder=with_everyone(inference.ladder, design),
        loops=loops_table(read, _answer_matrix(answers, design, agency.vocabulary)),
        diagnostics=with_kind(inference.diagnostics, design),
        detectable=with_coupling(inference.detectable, read),
        parallel=parallel_table(
            design, inference.couplings, agency.vocabulary.kinds, read.shown * read.read, read.events
        ),
        nodes=nodes_table(agency, design),
    )
    return replace(findings, warnings=notes(agency, inference, findings))


def _inside(answers: pl.DataFrame, joined: Happened, design: Design) -> dict[tuple[str, str], float]:
    """Share of incidents with the first kind that also have the second, or the first in more than one system."""
    found = {(row["first_kind"], row["second_kind"]): row["share"] for row in answers.to_dicts()}
    for number, kind in enumerate(design.kinds):
        found[kind.name, kind.name] = shared_incidents(joined, number)
    return found


def _answer_matrix(answers: pl.DataFrame, design: Design, vocabulary: Vocabulary) -> np.ndarray:
    """Responses that may carry a loop: from something that happened to something done about it, as the kinds say."""
    place = {kind.name: number for number, kind in enumerate(design.kinds)}
    matrix = np.zeros((len(place), len(place)))
    for row in answers.to_dicts():
        is_answer = vocabulary.kinds[row["second_kind"]].incident_response
        if is_answer and not vocabulary.kinds[row["first_kind"]].incident_response:
            matrix[place[row["second_kind"]], place[row["first_kind"]]] = row["share"]
    return matrix


def _with_roles(answers: pl.DataFrame, design: Design) -> pl.DataFrame:
    roles = {kind.name: kind.role for kind in design.kinds}
    return answers.with_columns(
        pl.col("first_kind").replace_strict(roles, return_dtype=pl.String).alias("source_role"),
        pl.col("second_kind").replace_strict(roles, return_dtype=pl.String).alias("target_role"),
    ).select(*[name for name in answers.columns if name not in BEHIND], *BEHIND)


def _records(agency: Agency, design: Design, seen: Glance) -> dict[str, Any]:
    """What was read, so that a reader knows which records these are."""
    settings = agency.settings
    window = settings.agency.window or agency.window
    roles = agency.systems.group_by("role").len().sort("role")
    events = agency.events.group_by("kind").len().sort("kind")
    aside = dict(design.set_aside)
    for problem in agency.problems:
        if problem.grade == "set aside":
            aside[problem.rule] = aside.get(problem.rule, 0) + problem.count
    return {
        "hash": agency.content_hash,
        "window": [str(moment)[:10] for moment in window],
        "systems": dict(roles.iter_rows()),
        "events": dict(events.iter_rows()),
        "precision": {kind.name: kind.precision for kind in design.kinds},
        "set_aside": aside,
        "client_days": client_days(seen),
        "have": list(seen.have),
        "organisation": settings.agency.name,
        "marking": settings.privacy.marking,
        "purpose": settings.privacy.purpose,
    }


def _settings(design: Design, inference: Inference, seed: int) -> dict[str, Any]:
    """How it was done."""
    edges = design.block_edges
    return {
        "half_lives": [in_words(float(days)) for days in design.half_lives],
        "channels": [channel.name for channel in design.channels],
        "period_days": design.period_days,
        "history_days": design.history_days,
        "block_days": float(edges[1] - edges[0]) if len(edges) > 1 else 0.0,
        "seed": seed,
        "tests_hash": inference.table_hash,
    }
