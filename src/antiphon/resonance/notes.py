"""Warnings: what a reader must know before believing a number, in plain sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.framework.vocabulary import WORKING
from antiphon.resonance.behind import units

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from antiphon.design.delays import Kernels
    from antiphon.design.design import Design
    from antiphon.inference.inference import Inference
    from antiphon.records.agency import Agency
    from antiphon.resonance.findings import Findings

Note = tuple[str, str]
FEW_UNITS = 10
POOR_FIT = 0.01
LONG_FOR_STAYS = 1.0 / 3.0
"""A half-life above this share of the median stay cannot be told from lasting differences between people."""


def notes(agency: Agency, inference: Inference, tables: Findings) -> tuple[Note, ...]:
    """Gather every warning, each code and sentence once.

    Parameters
    ----------
    agency, inference : the records and what was concluded.
    tables : findings so far (their tables are read).

    Returns
    -------
    tuple of (str, str)
        Code and plain sentence: first those about the records, then about the model, then those of the inference.
    """
    design = inference.fit.design
    found = [
        *_about_units(design),
        *_about_records(agency),
        *_about_events(agency, design),
        *_about_time(design),
        *design.warnings,
        *_about_memory(agency, design),
        *_about_fit(inference, tables),
        *inference.warnings,
    ]
    return tuple(dict.fromkeys(found))


def _about_units(design: Design) -> Iterator[Note]:
    count = units(design, None)
    if count < 2:
        yield (
            "one_unit",
            (
                "All events are of one unit, so nothing can be compared between units; shared circumstances are not "
                "excluded for anything that acts within it."
            ),
        )
    elif count < FEW_UNITS:
        yield (
            "few_units",
            (
                f"There are {count} units with events, fewer than 10; what is said about differences between units comes "
                "from few of them."
            ),
        )
    if design.n_organisations < 2:
        yield (
            "one_organisation",
            (
                "These are the records of one organisation; what acts on all of it at the same time cannot be told from "
                "what the organisation does, and nothing is claimed at that level."
            ),
        )


def _about_records(agency: Agency) -> Iterator[Note]:
    """Warnings of the check, whose messages are safe to share; heaps are reporting and are named as such."""
    for problem in agency.problems:
        if problem.grade == "warning":
            text = problem.message.rstrip(".")
            yield problem.rule, f"{problem.table}: {text}." if problem.table else f"{text}."
    aside = [problem for problem in agency.problems if problem.grade == "set aside"]
    if aside:
        rows = sum(problem.count for problem in aside)
        yield "rows_set_aside", f"{rows:,} rows of the records could not be used and were left out by the check."


def _about_events(agency: Agency, design: Design) -> Iterator[Note]:
    for reason, count in sorted(design.set_aside.items()):
        yield "events_set_aside", f"{count:,} events are not scored: {reason}."
    folded = design.structure.roster.counted_as if design.structure is not None else {}
    if folded:
        labels = [agency.vocabulary.role_labels[role] for role in folded]
        yield "counted_as_staff", f"Counted as {agency.vocabulary.role_labels[WORKING]} here: {', '.join(labels)}."
    if agency.events.is_empty():
        return
    missing = agency.events.get_column("incident").null_count() / agency.events.height
    if missing > 0:
        minutes = agency.settings.agency.incident_window_minutes
        yield (
            "incidents_joined",
            (
                f"{missing:.0%} of the rows have no incident number; those within {minutes:g} minutes of each other that "
                "share a person and a unit were taken as one incident."
            ),
        )
    if agency.memberships.is_empty():
        yield (
            "no_stays",
            (
                "There is no record of who stayed from when to when, so everyone counts as there for the whole window. Someone who "
                "was there for a few months then seems to have all their events close together: what follows the same "
                "person's recent events looks larger than it is. A census (memberships) mends this."
            ),
        )
    elif agency.presence.is_empty():
        yield (
            "no_presence",
            "There is no record of who was there when, so everyone counts as there throughout their stays.",
        )


def _about_time(design: Design) -> Iterator[Note]:
    counts = {"minute": 0, "shift": 0, "day": 0}
    for target in design.targets:
        counts[design.kinds[target.kind].precision] += int(target.count.sum())
    coarse, everything = counts["shift"] + counts["day"], sum(counts.values())
    if coarse:
        yield (
            "coarse_time",
            (
                f"{coarse / everything:.0%} of the events are known to the shift or the day only; what follows within the "
                "same shift or day cannot be seen for them."
            ),
        )
    for half_life, words in zip(design.kernels.half_lives, kernels_in_words(design.kernels), strict=True):
        if half_life > design.window_days / 10:
            yield (
                "slow_dependence",
                (
                    f"The {words} is above a tenth of the time observed: couplings that act so "
                    "slowly are estimated, never claimed."
                ),
            )


def _about_memory(agency: Agency, design: Design) -> Iterator[Note]:
    median = median_stay_days(agency)
    for half_life, words in zip(design.kernels.half_lives, kernels_in_words(design.kernels), strict=True):
        if median is not None and half_life > LONG_FOR_STAYS * median:
            yield (
                "half_life_long_for_stays",
                (
                    f"The {words} is above a third of the median stay of {median:.0f} days: "
                    "so slow a memory cannot be told from lasting differences between people."
                ),
            )


def median_stay_days(agency: Agency) -> float | None:
    """Median length of the stays of people whose end is known.

    Parameters
    ----------
    agency : the records.

    Returns
    -------
    float or None
        Days; None where no stay has an end.
    """
    level = agency.vocabulary.levels[-1]
    people = agency.systems.filter(pl.col("level") == level).get_column("system")
    stays = agency.memberships.filter(pl.col("member").is_in(people.implode())).drop_nulls(["start", "end"])
    if stays.is_empty():
        return None
    return float(np.median((stays.get_column("end") - stays.get_column("start")).dt.total_seconds() / 86_400))


def _about_fit(inference: Inference, tables: Findings) -> Iterator[Note]:
    design = inference.fit.design
    ratio = tables.branching_ratio
    if ratio.height and ratio.item(0, "high") >= 1.0:
        yield (
            "self_sustaining_not_excluded",
            "That events keep themselves going without end is not excluded by these records.",
        )
    poor = tables.diagnostics.filter(pl.col("p") < POOR_FIT).get_column("kind") if tables.diagnostics.height else ()
    if len(poor):
        yield (
            "poor_fit",
            (
                f"The model does not describe the timing well for {_listed(poor)}; read what is said about "
                f"{'it' if len(poor) == 1 else 'them'} with caution."
            ),
        )
    if any(c.claimed and design.channels[c.channel].how == "peers" for c in inference.couplings):
        yield (
            "unit_shocks",
            (
                "A spell of trouble in one unit alone, about as long as the echoes last, cannot be told from echoes "
                "between its people by any method."
            ),
        )


def _listed(kinds: Iterable[str]) -> str:
    return ", ".join(kind.replace("_", " ") for kind in kinds)


def kernels_in_words(kernels: Kernels) -> list[str]:
    """How echoes are spread over time, such as ``"half-life of 3 days"`` or ``"delay of 10 days on average (order 3)"``."""
    return [
        f"half-life of {in_words(half_life)}"
        if order == 1
        else f"delay of {in_words(half_life / math.log(2.0))} on average (order {order})"
        for half_life, order in zip(kernels.half_lives.tolist(), kernels.orders.tolist(), strict=True)
    ]


def in_words(days: float) -> str:
    """Length of time in the largest unit that gives a whole number, else in days.

    Parameters
    ----------
    days : length.

    Returns
    -------
    str
        Such as ``"8 hours"``, ``"3 days"`` or ``"3 weeks"``.
    """
    for length, unit in ((7.0, "week"), (1.0, "day"), (1.0 / 24.0, "hour"), (1.0 / 1440.0, "minute")):
        count = days / length
        if count >= 0.999 and abs(count - round(count)) < 1e-6 * max(count, 1.0):
            return f"{round(count)} {unit}{'' if round(count) == 1 else 's'}"
    return f"{days:.3g} days"
