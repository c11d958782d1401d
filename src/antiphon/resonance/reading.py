"""Read everything off that the page shows: from conclusions to findings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from antiphon.design.roster import roster_of
from antiphon.records.glance import glance
from antiphon.resonance.circles import inside, loops_table
from antiphon.resonance.domains import domains_table
from antiphon.resonance.effects import effects_table
from antiphon.resonance.findings import Findings
from antiphon.resonance.happened import exposed, happened
from antiphon.resonance.notes import kernels_in_words, notes
from antiphon.resonance.parallel import parallel_table
from antiphon.resonance.rates import client_days, rates_table
from antiphon.resonance.responses import responses, shared_incidents
from antiphon.resonance.rivals import controls_table, robustness_table
from antiphon.resonance.surroundings import surroundings
from antiphon.resonance.tables import (
    attribution_table,
    branching_table,
    couplings_table,
    echoed_table,
    nodes_table,
    reading,
    thresholds,
    with_coupling,
    with_everyone,
    with_kind,
)

if TYPE_CHECKING:
    import polars as pl

    from antiphon.design.design import Design
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
    roster, _ = roster_of(agency)
    exposure = exposed(agency, design, roster, joined=True)
    joined, recorded = happened(exposure), happened(exposed(agency, design, roster, joined=False))
    around = surroundings(agency, design, exposure)
    answers, contrasts = responses(joined, recorded, design.kinds, around, thresholds(agency))
    read = reading(agency, inference, joined, seed=seed)
    seen = glance(agency)
    findings = Findings(
        records=_records(agency, design, seen),
        settings=_settings(design, inference, seed),
        rates=rates_table(seen, agency.vocabulary),
        couplings=couplings_table(read, _within_incidents(answers, joined, design)),
        responses=answers,
        response_contrasts=contrasts,
        echoed=echoed_table(read),
        branching_ratio=branching_table(read),
        attribution=attribution_table(read),
        ladder=with_everyone(inference.ladder, design),
        loops=loops_table(read, inside(answers, design, agency.vocabulary, seed=seed)),
        diagnostics=with_kind(inference.diagnostics, design),
        detectable=with_coupling(inference.detectable, read),
        parallel=parallel_table(
            design, inference.couplings, agency.vocabulary.kinds, read.shown * read.read, read.events
        ),
        nodes=nodes_table(agency, design),
        effects=effects_table(agency, inference),
        controls=controls_table(inference),
        by_domain=domains_table(inference),
        robustness=robustness_table(inference),
    )
    return replace(findings, warnings=notes(agency, inference, findings))


def _within_incidents(
    answers: pl.DataFrame, joined: Happened, design: Design
) -> dict[tuple[str, str], tuple[float, int | None]]:
    """Share of incidents with the first kind that also have the second, or the first in more than one system."""
    found: dict[tuple[str, str], tuple[float, int | None]] = {
        (row["first_kind"], row["second_kind"]): (row["share"], None) for row in answers.to_dicts()
    }
    for number, kind in enumerate(design.kinds):
        found[kind.name, kind.name] = shared_incidents(joined, number)
    return found


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
        "half_lives": [words.removeprefix("half-life of ") for words in kernels_in_words(design.kernels)],
        "channels": [channel.name for channel in design.channels],
        "period_days": design.period_days,
        "history_days": design.history_days,
        "block_days": float(edges[1] - edges[0]) if len(edges) > 1 else 0.0,
        "seed": seed,
        "tests_hash": inference.table_hash,
    }
