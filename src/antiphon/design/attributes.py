"""Attributes of systems as columns: numbers, yes or no, and categories with levels too rare to tell joined."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.design.steps import Column, Reading, make_steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from antiphon.design.ground import Ground
    from antiphon.design.terms import Term

YES, NO = frozenset({"yes", "y", "true", "1"}), frozenset({"no", "n", "false", "0"})
OTHER, UNKNOWN = "other", "not known"


def read_attribute(
    ground: Ground, term: Term, kinds: tuple[int, ...] | None, at_risk: np.ndarray, fewest: int
) -> list[Column]:
    """Return the columns of an attribute.

    Parameters
    ----------
    ground, term, kinds
        What covariates are made from; which attribute, and for which kinds.
    at_risk
        Systems of the role that are ever at risk.
    fewest
        Levels of fewer systems are joined as "other"; where these are still too few, with the most frequent one.

    Returns
    -------
    list of Column
        One for numbers and for yes or no, one for each level but the most frequent of categories; none where
        everyone is alike or too few differ.
    """
    texts = ground.agency.systems[term.name].cast(pl.String).str.strip_chars().to_list()
    found = {i: text for i in np.flatnonzero(ground.here).tolist() if (text := texts[i])}
    counts = Counter(found.get(i, UNKNOWN) for i in at_risk.tolist())
    words = {text: text.lower() for text in set(found.values())}
    if set(words.values()) <= YES | NO:
        told = {i: float(words[text] in YES) for i, text in found.items()}
        n_yes, n_no = (sum(counts[text] for text in words if words[text] in answer) for answer in (YES, NO))
        levels = [] if min(n_yes, n_no) < fewest else [("", "yes instead of no", 1.0, told)]
    else:
        numbers = _numbers(words)
        if len(numbers) == len(words):
            levels = [("", "{scale} more", 0.0, {i: numbers[text] for i, text in found.items()})]
        else:
            level_of = {i: found.get(i, UNKNOWN) for i in np.flatnonzero(ground.here).tolist()}
            levels = _levels(level_of, counts, fewest)
    return [
        Column(term.text + level, unit, scale, 0.0, kinds, _constant(ground, value))
        for level, unit, scale, value in levels
    ]


def _numbers(texts: Iterable[str]) -> dict[str, float]:
    """Return the value of each text that is a number."""
    column = pl.DataFrame({"text": list(texts)}, schema={"text": pl.String})
    column = column.with_columns(pl.col("text").cast(pl.Float64, strict=False).alias("number"))
    column = column.filter(pl.col("number").is_finite())
    return dict(column.iter_rows())


def _levels(
    level_of: dict[int, str], counts: Counter[str], fewest: int
) -> list[tuple[str, str, float, dict[int, float]]]:
    """Return (addition to the name, unit, scale, value by system) of every level but the most frequent one."""
    known = set(level_of.values()) - {UNKNOWN}
    reference = min(known, key=lambda level: (-counts[level], level))
    rare = {level for level in {*known, UNKNOWN} if counts[level] < fewest and level != reference}
    n_rare = sum(counts[level] for level in rare)
    rest = reference if n_rare < fewest else OTHER
    if counts[reference] + (n_rare if rest == reference else 0) < fewest:
        return []  # everyone else would be compared with too few
    level_of = {i: rest if level in rare else level for i, level in level_of.items()}
    levels = sorted(set(level_of.values()) - {reference}, key=lambda level: (level in (OTHER, UNKNOWN), level))
    return [
        (
            f"={level}",
            f'"{level}" instead of "{reference}"',
            1.0,
            {i: float(own == level) for i, own in level_of.items()},
        )
        for level in levels
    ]


def _constant(ground: Ground, value: dict[int, float]) -> Reading:
    owner = np.fromiter(value.keys(), np.int64, len(value))
    ever = np.full(owner.size, -np.inf)
    return Reading(make_steps(owner, ever, np.fromiter(value.values(), float, len(value)), ground.n_systems))
