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
    named = domain_of_kinds(design, domains)
    groups: dict[tuple[str, ...], list[int]] = {}
    for kind, domain in named.items():
        groups.setdefault((domain, *_class_of(design, kind)), []).append(kind)
    chosen = [group for group in groups.values() if len(group) > 1]
    cells = _too_few(design, rows, chosen)
    if not cells:
        return None
    names = [JOIN.join(design.kinds[kind].name for kind in group) for group in chosen]
    coarse = with_joined_kinds(design, chosen, names)
    joined = {kind for group in chosen for kind in group}
    parts = (*((k,) for k in range(len(design.kinds)) if k not in joined), *map(tuple, chosen))
    of = {new: (named[old[0]],) if len(old) > 1 else domains.get(old[0], ()) for new, old in enumerate(parts)}
    found = tuple(
        row
        for row in table_of_tests(coarse)
        if row.label != "too few"
        and (row.channel, parts[row.source_kind][0], parts[coarse.targets[row.target].kind][0]) in cells
    )
    return Fallback(coarse, found, parts, of) if found else None


def domain_of_kinds(design: Design, domains: Mapping[int, tuple[str, ...]]) -> dict[int, str]:
    """Choose for each kind the one of its domains that most kinds like it are signs of; the first among equals.

    Left out are kinds without domain, terminal ones, and those that a gap, a break or a covariate names.
    """
    named = kinds_named(design.structure) if design.structure is not None else frozenset()
    open_ = [k for k, kind in enumerate(design.kinds) if domains.get(k) and not kind.terminal and k not in named]
    size = Counter((domain, *_class_of(design, k)) for k in open_ for domain in domains[k])
    return {k: max(domains[k], key=lambda domain, k=k: size[domain, *_class_of(design, k)]) for k in open_}


def _class_of(design: Design, kind: int) -> tuple[str, str, str]:
    """What kinds must have in common to be read as one."""
    one = design.kinds[kind]
    return one.role, one.precision, one.while_


def _too_few(design: Design, rows: Sequence[Row], groups: Sequence[Sequence[int]]) -> set[tuple[int, int, int]]:
    """Couplings of domains of which every part is "too few" and all together may be enough.

    By channel and first kind on either side.
    """
    first = {kind: group[0] for group in groups for kind in group}
    cells: dict[tuple[int, int, int], list[Row]] = {}
    for row in rows:
        source, target = row.source_kind, design.targets[row.target].kind
        if source in first or target in first:
            cells.setdefault((row.channel, first.get(source, source), first.get(target, target)), []).append(row)
    return {
        key
        for key, parts in cells.items()
        if all(row.label == "too few" for row in parts) and sum(row.pairs for row in parts) >= FEWEST_PAIRS
    }
