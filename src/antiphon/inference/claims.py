"""The table of tests, fixed before anything is fitted, and what may be claimed after correcting for its length."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.hawkes.problem import LEAST_MASS
from antiphon.inference.inference import DomainTest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from antiphon.design.design import Design
    from antiphon.inference.fallback import Fallback
    from antiphon.inference.inference import Label

CLAIM_PERIOD_DAYS = 7.0
"""Length of the free organisation-period cells of the claim fit."""

FEWEST_PAIRS = 10.0
"""Expected informative source-target pairs under which a coupling gets neither interval nor test."""

LEVEL = 0.05
"""False discovery rate of the claims."""

FEW_TESTS = 20
"""Families smaller than this are corrected by Holm's method, larger ones by Benjamini and Hochberg's."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table of tests.

    Attributes
    ----------
    channel, source_kind, target : as in ``Coupling``.
    columns : columns of the target's features, one per half-life; ``fast`` : those that a claim rests on.
    pairs : expected informative source-target pairs.
    n_source, n_target, n_units : from the margins.
    label : what forbids a claim whatever the data say, or "".
    """

    channel: int
    source_kind: int
    target: int
    columns: tuple[int, ...]
    fast: tuple[int, ...]
    pairs: float
    n_source: int
    n_target: int
    n_units: int
    label: Label


def table_of_tests(design: Design) -> tuple[Row, ...]:
    """List every coupling that the design can express, from margins only: nothing fitted is looked at.

    Parameters
    ----------
    design
        The agency as arrays.

    Returns
    -------
    tuple of Row
        Sorted by channel, source kind and target.

    Notes
    -----
    Half-lives longer than a claim period, or than a tenth of the window, cannot be told from slow drift by contrasts within
    a period: they are estimated and never claimed ("slow dependence"), and where a coupling has faster ones too its
    test asks for these alone, jointly, with the slow ones left in the model. "Too few" is also what nobody was there to
    hear, such as a person's own past after discharge.
    """
    slowest = slowest_claimed(design)
    rows = []
    for index, target in enumerate(design.targets):
        groups: dict[tuple[int, int], list[int]] = {}
        for column, feature in enumerate(target.columns):
            groups.setdefault((feature.channel, feature.source_kind), []).append(column)
        for (channel, source), columns in groups.items():
            key = (channel, source, target.kind)
            fast = tuple(c for c in columns if design.kernels.half_lives[target.columns[c].half_life] <= slowest + 1e-9)
            pairs = float(design.margins.n_pairs.get(key, 0.0))
            units = int(design.margins.n_units.get(key, 0))
            label: Label = ""
            if pairs < FEWEST_PAIRS or target.compensator[:, columns].sum(axis=0).max() < LEAST_MASS:
                label = "too few"
            elif is_shared(design, index, channel, units):
                label = "shared circumstances not excluded"
            elif not fast:
                label = "slow dependence"
            n_source = int(design.margins.n_source.get((channel, source), 0))
            n_target = int(design.margins.n_target.get(target.kind, 0))
            rows.append(Row(channel, source, index, tuple(columns), fast, pairs, n_source, n_target, units, label))
    return tuple(sorted(rows, key=lambda row: (row.channel, row.source_kind, row.target)))


def slowest_claimed(design: Design) -> float:
    """Longest half-life in days on which a claim may rest."""
    return min(CLAIM_PERIOD_DAYS, design.window_days / 10.0)


def is_shared(design: Design, target: int, channel: int, n_units: int) -> bool:
    """Whether all who hear a channel in an organisation hear the same, or one unit alone does: no contrast in a period."""
    if (channel, design.targets[target].kind) in design.margins.shared:
        return True
    return design.channels[channel].how not in {"self", "tie"} and n_units < 2


def table_hash(design: Design, rows: Sequence[Row], by_domain: Fallback | None = None) -> str:
    """SHA-256 of the table in words, so that anyone can see that it was not changed after a look at the results."""
    words = [_in_words(design, row) for row in rows]
    if by_domain is not None:
        words += [_in_words(by_domain.design, row) for row in by_domain.rows]
    return hashlib.sha256(json.dumps(words, separators=(",", ":")).encode()).hexdigest()


def _in_words(design: Design, row: Row) -> list:
    target = design.targets[row.target]
    return [
        design.channels[row.channel].name,
        design.kinds[row.source_kind].name,
        design.kinds[target.kind].name,
        [design.kernels.written[target.columns[c].half_life] for c in row.columns],
        round(row.pairs, 6),
        row.n_source,
        row.n_target,
        row.n_units,
        row.label,
    ]


def holm(p: np.ndarray) -> np.ndarray:
    """Adjusted probabilities that keep the chance of any false claim, by Holm's method."""
    order = np.argsort(p, kind="stable")
    adjusted = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    result = np.empty(p.size)
    result[order] = np.minimum(adjusted, 1.0)
    return result


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Adjusted probabilities that keep the false discovery rate, by Benjamini and Hochberg's method."""
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    result = np.empty(p.size)
    result[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return result


def adjust(p: np.ndarray) -> np.ndarray:
    """Correct one family: Holm for few tests, Benjamini-Hochberg for many."""
    return holm(p) if p.size < FEW_TESTS else benjamini_hochberg(p)


def simes(p: np.ndarray) -> float:
    """One probability for "none of these", by Simes' method."""
    return float(np.min(np.sort(p) * p.size / np.arange(1, p.size + 1)))


def correct(
    design: Design,
    rows: Sequence[Row],
    p: np.ndarray,
    domains: Mapping[int, tuple[str, ...]],
    by_domain: Fallback | None = None,
) -> tuple[np.ndarray, tuple[DomainTest, ...]]:
    """Correct all tests as one hierarchical family: pairs of domains first, then the kinds within those that stand out.

    Parameters
    ----------
    design, rows
        The table of tests.
    p
        (rows,) their probabilities, then those of the rows of ``by_domain``; rows with a label are not in the family.
    domains
        Domains of each kind, by its index in the design; a kind without domains stands for itself.
    by_domain
        Couplings of domains that stand in for couplings of kinds: members of the same family.

    Returns
    -------
    tuple
        (rows,) corrected probabilities, 1 outside the family; and the tests of the pairs of domains.

    Notes
    -----
    Pairs of domains are tested by Simes' method and corrected together. Kinds within a pair are corrected within it, and
    for the share of pairs selected; a kind is claimed through any of its pairs, never without one of them standing out.

    References
    ----------
    Benjamini and Bogomolov (2014), Selective inference on multiple families of hypotheses, JRSS B 76.
    """
    pairs = [_pairs_of_domains(design, row, domains) for row in rows]
    if by_domain is not None:
        pairs += [_pairs_of_domains(by_domain.design, row, by_domain.domains) for row in by_domain.rows]
    families: dict[tuple[int, str, str], list[int]] = {}
    for place, keys in enumerate(pairs):
        for key in keys:
            families.setdefault(key, []).append(place)
    result = np.ones(len(pairs))
    if not families:
        return result, ()
    keys = sorted(families)
    first = np.array([simes(p[families[key]]) for key in keys])
    upper = adjust(first)
    selected = max(int((upper <= LEVEL).sum()), 1)
    for key, whole in zip(keys, upper, strict=True):
        members = families[key]
        within = np.minimum(adjust(p[members]) * len(keys) / selected, 1.0)
        result[members] = np.minimum(result[members], np.maximum(within, whole))
    tests = tuple(
        DomainTest(*key, members=tuple(families[key]), p=float(one), q=float(q))
        for key, one, q in zip(keys, first, upper, strict=True)
    )
    return result, tests


def _pairs_of_domains(design: Design, row: Row, domains: Mapping[int, tuple[str, ...]]) -> list[tuple[int, str, str]]:
    """Families that a row belongs to: none where it has a label."""
    target = design.targets[row.target].kind
    sources, ends = (domains.get(k) or (design.kinds[k].name,) for k in (row.source_kind, target))
    return [] if row.label else [(row.channel, source, end) for source in sources for end in ends]
