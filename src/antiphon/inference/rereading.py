"""The records read in another way, for controls: incidents apart, units and ties as at admission, a unit left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.admission import as_at_admission
from antiphon.design.build import design_of, with_periods
from antiphon.design.risk import Gap

if TYPE_CHECKING:
    from antiphon.design.design import Design
    from antiphon.design.roster import Roster


def rows_apart(design: Design) -> Design | None:
    """Return the design with every row an incident of its own, at its own time; None where incidents have one row each."""
    structure, recorded = design.structure, design.recorded
    if structure is None or recorded is None:
        return None
    if recorded.join_days is None and (np.bincount(np.maximum(recorded.rows.number, -1) + 1)[1:] < 2).all():
        return None
    rows = recorded.rows
    apart = replace(rows, number=np.broadcast_to(rows.number.dtype.type(-1), rows.time.size))
    return _again(design, design_of(structure, apart))


def ties_at_admission(design: Design) -> Design | None:
    """Return the design with units and ties as they were at first; None where nothing ever changed."""
    structure, recorded = design.structure, design.recorded
    if structure is None or recorded is None:
        return None
    roster = as_at_admission(structure.roster)
    if not _differ(structure.roster, roster):
        return None
    return _again(design, design_of(replace(structure, roster=roster), recorded.rows, recorded.join_days))


def without_unit(design: Design, unit: int) -> Design | None:
    """Return the design without a unit: nobody is watched there, and nothing that happened there reaches anyone.

    Parameters
    ----------
    design
        Of recorded rows.
    unit
        Code of the group.

    Returns
    -------
    Design or None
        None where the design does not hold its records, or where a kind has happened in that unit only.
    """
    structure, recorded = design.structure, design.recorded
    if structure is None or recorded is None:
        return None
    member, rows = structure.roster.member, recorded.rows
    inside = member.where(member.group == unit).without_groups()
    unwatched = replace(structure, gaps=(*structure.gaps, Gap(unit, 0.0, design.window_days, ())))
    others = rows.where(~inside.holds(rows.system, rows.time))
    return _again(design, design_of(unwatched, others, recorded.join_days))


def _differ(one: Roster, other: Roster) -> bool:
    if any(np.isfinite(ties.end).any() or ties.end.size > other.ties[name].end.size for name, ties in one.ties.items()):
        return True
    pairs = ((one.member, other.member), (one.present, other.present))
    return not all(np.array_equal(a.group, b.group) and np.array_equal(a.start, b.start) for a, b in pairs)


def _again(design: Design, other: Design) -> Design | None:
    """The other design with the same periods, if it has the same target kinds."""
    if [target.kind for target in other.targets] != [target.kind for target in design.targets]:
        return None
    return with_periods(other, design.period_days)
