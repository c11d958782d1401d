"""Where kinds are too rare to be told apart: the same records read by domains, for the couplings that are too few."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from antiphon.design.coarser import kinds_named, with_joined_kinds
from antiphon.inference.claims import FEWEST_PAIRS, table_of_tests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from antiphon.design.design import Design
    from antiphon.inference.claims import Row

JOIN = "+"
"""Between the names of kinds that are read as one."""

Groups = dict[tuple[str, ...], list[int]]
"""Kinds that are read as one, by their domain and what else they have in common."""


@dataclass(frozen=True, slots=True, repr=False)
class Fallback:
    """Couplings of domains that stand in for couplings of kinds.

    Attributes
    ----------
    design : the records with the kinds of each domain read as one.
    rows : rows of its table of tests of which every part is "too few" in the table of kinds.
    parts : (kinds of the design,) the kinds read as that one, by their index in the design of kinds.
    domains : the domain of each joined kind, and the domains of the others, by kind.
    """

    design: Design
    rows: tuple[Row, ...]
    parts: tuple[tuple[int, ...], ...]
    domains: dict[int, tuple[str, ...]]


def fallback(design: Design, rows: Sequence[Row], domains: Mapping[int, tuple[str, ...]]) -> Fallback | None:
    """Read the records by domains, where that lets something be said of couplings that are "too few".

    Parameters
    ----------
    design, rows
        The agency, and its table of tests.
    domains
        Domains of each kind.

    Returns
    -------
    Fallback or None
        None where no sum of too few is enough, and where the design does not hold its records.

    Notes
    -----
    Nothing but margins is looked at. Rows of kinds that are read as one are events of one kind in every respect: one rate,
    one frailty, one coupling. The likelihood of the kinds is that of their sum times that of which kind each event is, and
    where an echo takes the form of the domain's kinds in their usual proportions the second says nothing of the coupling:
    then nothing is lost by reading them as one.
    """
    if design.structure is None or design.recorded is None:
        return None
    groups, cells = _chosen(design, rows, domains)
    if not cells:
        return None
    names = [JOIN.join(design.kinds[kind].name for kind in group) for group in groups.values()]
    coarse = with_joined_kinds(design, list(groups.values()), names)
    joined = {kind for group in groups.values() for kind in group}
    alone = [kind for kind in range(len(design.kinds)) if kind not in joined]
    parts = (*((kind,) for kind in alone), *map(tuple, groups.values()))
    of = dict(enumerate([*(domains.get(kind, ()) for kind in alone), *((key[0],) for key in groups)]))
    found = tuple(
        row
        for row in table_of_tests(coarse)
        if row.label != "too few"
        and (row.channel, parts[row.source_kind][0], parts[coarse.targets[row.target].kind][0]) in cells
    )
    return Fallback(coarse, found, parts, of) if found else None


def _chosen(
    design: Design, rows: Sequence[Row], domains: Mapping[int, tuple[str, ...]]
) -> tuple[Groups, set[tuple[int, int, int]]]:
    """Choose which kinds to read as one, and the couplings that can then be spoken of.

    Kinds are the rarer the more of their couplings are "too few". The line is drawn where most of these can be spoken
    for, and of such lines where fewest kinds are joined: a frequent kind among rare ones would take them with it.
    """
    few, all_ = Counter(), Counter()
    for row in rows:
        for kind in {row.source_kind, design.targets[row.target].kind}:
            all_[kind] += 1
            few[kind] += row.label == "too few"
    rarity = {kind: few[kind] / all_[kind] for kind in _may_be_joined(design, domains) if few[kind]}
    best: tuple[Groups, set[tuple[int, int, int]]] = {}, set()
    most = 0
    for line in sorted(set(rarity.values()), reverse=True):
        groups = _groups(design, [kind for kind in rarity if rarity[kind] >= line], domains)
        cells, covered = _too_few(design, rows, groups)
        if covered > most:
            best, most = (groups, cells), covered
    return best


def _may_be_joined(design: Design, domains: Mapping[int, tuple[str, ...]]) -> list[int]:
    """Kinds with a domain, but for terminal ones and those that a gap, a break or a covariate names."""
    named = kinds_named(design.structure) if design.structure is not None else frozenset()
    return [k for k, kind in enumerate(design.kinds) if domains.get(k) and not kind.terminal and k not in named]


def _groups(design: Design, kinds: Sequence[int], domains: Mapping[int, tuple[str, ...]]) -> Groups:
    """Join kinds of one domain that have role, grain of time and rule of risk in common.

    Of its domains a kind counts to the one that most of them are signs of, the first among equals.
    """

    def key(kind: int, domain: str) -> tuple[str, ...]:
        one = design.kinds[kind]
        return domain, one.role, one.precision, one.while_

    size = Counter(key(kind, domain) for kind in kinds for domain in domains[kind])
    groups: Groups = {}
    for kind in kinds:
        largest = max((key(kind, domain) for domain in domains[kind]), key=lambda one: size[one])
        groups.setdefault(largest, []).append(kind)
    return {one: group for one, group in groups.items() if len(group) > 1}


def _too_few(design: Design, rows: Sequence[Row], groups: Groups) -> tuple[set[tuple[int, int, int]], int]:
    """Couplings of domains of which every part is "too few" and all together may be enough; and how many parts they have.

    By channel and first kind on either side.
    """
    first = {kind: group[0] for group in groups.values() for kind in group}
    cells: dict[tuple[int, int, int], list[Row]] = {}
    for row in rows:
        source, target = row.source_kind, design.targets[row.target].kind
        if source in first or target in first:
            cells.setdefault((row.channel, first.get(source, source), first.get(target, target)), []).append(row)
    enough = {
        key: parts
        for key, parts in cells.items()
        if all(row.label == "too few" for row in parts) and sum(row.pairs for row in parts) >= FEWEST_PAIRS
    }
    return set(enough), sum(map(len, enough.values()))
