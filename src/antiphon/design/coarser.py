"""The same records with some kinds of event read as one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.build import design_of, with_periods
from antiphon.design.spells import CODE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.design import Design, Kind
    from antiphon.design.structure import Structure


def with_joined_kinds(design: Design, groups: Sequence[Sequence[int]], names: Sequence[str]) -> Design:
    """Return the design of the same rows with the kinds of each group read as one kind.

    Everything is read anew: rows of one incident, system and group of kinds are one event, and the margins count
    distinct systems.

    Parameters
    ----------
    design
        One that holds its structure and its rows.
    groups
        Kinds by their index; no kind is in two groups, and those of a group have role, precision and rule of risk in
        common. Not terminal ones.
    names
        (groups,) names of the new kinds. They follow the kinds that stay, which keep their order.

    Returns
    -------
    Design
        With the same periods.

    Raises
    ------
    ValueError
        If the design does not hold its structure and rows.
    """
    structure, recorded = design.structure, design.recorded
    if structure is None or recorded is None:
        raise ValueError("a design of arrays alone cannot be read anew; build it from records or with design_of")
    joined = {kind: number for number, group in enumerate(groups) for kind in group}
    kept = [kind for kind in range(len(structure.kinds)) if kind not in joined]
    code = np.empty(len(structure.kinds), CODE)
    code[kept] = np.arange(len(kept))
    for kind, number in joined.items():
        code[kind] = len(kept) + number
    made = [replace(structure.kinds[group[0]], name=name) for group, name in zip(groups, names, strict=True)]
    kinds = (*(structure.kinds[kind] for kind in kept), *made)
    rows = replace(recorded.rows, kind=code[recorded.rows.kind])
    return with_periods(design_of(_with_kinds(structure, kinds, code), rows, recorded.join_days), design.period_days)


def _with_kinds(structure: Structure, kinds: tuple[Kind, ...], code: np.ndarray) -> Structure:
    gaps = tuple(replace(gap, kinds=tuple(int(code[kind]) for kind in gap.kinds)) for gap in structure.gaps)
    return replace(structure, kinds=kinds, gaps=gaps)


def kinds_named(structure: Structure) -> frozenset[int]:
    """Return the kinds of which something is said by name: a gap of their own, a break, a covariate."""
    wanted = structure.choices.wanted
    names = {name for term in (*wanted.covariates, *wanted.receptivity) for name in (term.name, term.whom)}
    if wanted.agency is not None:
        names |= {one.kind for one in wanted.agency.settings.breaks}
    named = {number for number, kind in enumerate(structure.kinds) if kind.name in names}
    return frozenset(named | {kind for gap in structure.gaps for kind in gap.kinds})
