"""The parallel-process table from events: domains by pairs of levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.inference.claims import adjust, simes
from antiphon.inference.inference import VETOED
from antiphon.resonance.behind import BEHIND, behind_couplings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from antiphon.design.design import Design
    from antiphon.framework.vocabulary import KindDefinition
    from antiphon.inference.inference import Coupling

CLAIM = 0.05
CLAIMABLE = frozenset({"", "in step with the whole organisation"})
"""Labels of a coupling that do not forbid a claim."""

PARALLEL = {
    "domain": pl.String,
    "from_level": pl.String,
    "to_level": pl.String,
    "strength": pl.Float64,
    "direction": pl.String,
    "p": pl.Float64,
    "q": pl.Float64,
    "evidence": pl.String,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One way between two levels in one domain: which couplings make it up, their joint p, and what forbids a claim."""

    domain: str
    from_level: str
    to_level: str
    members: tuple[int, ...]
    strength: float
    p: float
    label: str


def cells(
    design: Design,
    couplings: Sequence[Coupling],
    definitions: Mapping[str, KindDefinition],
    strengths: np.ndarray,
    events: np.ndarray,
) -> list[Cell]:
    """Gather the couplings of each domain and pair of levels.

    Parameters
    ----------
    design, couplings : the table of tests and what its numbers mean.
    definitions : kinds of the vocabulary. A kind stands at the level of its *actor*: restraint is staff behaviour.
    strengths : (couplings,) echoes that are read per source event.
    events : (kinds,) source events.

    Returns
    -------
    list of Cell
        Only between different levels.
    """
    members: dict[tuple[str, str, str], list[int]] = {}
    for place, coupling in enumerate(couplings):
        source = definitions[design.kinds[coupling.source_kind].name]
        target = definitions[design.kinds[design.targets[coupling.target].kind].name]
        if source.by == target.by:
            continue
        for domain in source.domains:
            if domain in target.domains:
                members.setdefault((domain, source.by, target.by), []).append(place)
    found = []
    for key, places in sorted(members.items()):
        speaking = sorted({couplings[place].source_kind for place in places})
        heard = sum(strengths[place] * events[couplings[place].source_kind] for place in places)
        said = float(events[speaking].sum())
        tested = np.array([couplings[place].p for place in places if couplings[place].label in CLAIMABLE])
        p = simes(tested) if len(tested) else 1.0
        label = "" if len(tested) else _label({couplings[place].label for place in places})
        found.append(Cell(*key, tuple(places), float(heard / said) if said > 0 else 0.0, p, label))
    return found


def _label(labels: set[str]) -> str:
    """What stands in the way where no coupling of a cell may be claimed."""
    for label in (VETOED, "shared circumstances not excluded", "slow dependence"):
        if label in labels:
            return label
    return "too few"


def corrected(found: Sequence[Cell]) -> np.ndarray:
    """Correct the p-values of the cells that could be claimed for their number.

    Parameters
    ----------
    found : cells.

    Returns
    -------
    np.ndarray
        (cells,) Holm for fewer than 20 cells, else Benjamini-Hochberg; 1 for cells that could not be claimed.
    """
    q = np.ones(len(found))
    open_ = [place for place, cell in enumerate(found) if not cell.label]
    if open_:
        q[open_] = adjust(np.array([found[place].p for place in open_]))
    return q


def directions(found: Sequence[Cell], q: np.ndarray) -> list[str]:
    """Say for each cell whether this way, both ways, or neither is shown.

    Parameters
    ----------
    found : cells.
    q : (cells,) corrected p-values.

    Returns
    -------
    list of str
        ``"one way"``, ``"both ways"``, ``"not claimed"``, or what forbids a claim: ``"shared circumstances not
        excluded"``, ``"slow dependence"``, ``"fails a control"``, ``"too few"``.
    """
    shown = {
        (cell.domain, cell.from_level, cell.to_level)
        for cell, one in zip(found, q, strict=True)
        if not cell.label and one <= CLAIM
    }
    words = []
    for cell in found:
        back = (cell.domain, cell.to_level, cell.from_level) in shown
        is_shown = (cell.domain, cell.from_level, cell.to_level) in shown
        words.append(cell.label or (("both ways" if back else "one way") if is_shown else "not claimed"))
    return words


def parallel_table(
    design: Design,
    couplings: Sequence[Coupling],
    definitions: Mapping[str, KindDefinition],
    strengths: np.ndarray,
    events: np.ndarray,
) -> pl.DataFrame:
    """Lay out which domains run in parallel between which levels, from events.

    Parameters
    ----------
    design, couplings, definitions, strengths, events : see ``cells``.

    Returns
    -------
    pl.DataFrame
        domain, from_level, to_level, strength (expected echoes in the target level's events of the domain per source
        event of the domain), direction, p (Simes over the couplings concerned that may be claimed), q (over this table), evidence,
        n_source, n_target (largest of a coupling concerned: at least so many are behind the cell), source_role,
        target_role, n_units.
    """
    found = cells(design, couplings, definitions, strengths, events)
    q = corrected(found)
    rows = []
    for cell, corrected_p, word in zip(found, q, directions(found, q), strict=True):
        told = (cell.domain, cell.from_level, cell.to_level, cell.strength, word, cell.p, float(corrected_p), "events")
        behind = behind_couplings(design, [couplings[place] for place in cell.members])
        rows.append(dict(zip(PARALLEL, told, strict=True)) | behind.columns())
    return pl.DataFrame(rows, schema=PARALLEL | BEHIND)
