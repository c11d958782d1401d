"""The parallel-process table from events: domains by pairs of levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.resonance.behind import BEHIND, behind_couplings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from antiphon.design.design import Design
    from antiphon.framework.vocabulary import KindDefinition
    from antiphon.inference.inference import Coupling

CLAIM = 0.05
SMALL_FAMILY = 20
"""Below this many tests, Holm's correction (no false claim at all) in place of Benjamini-Hochberg's."""

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
    """One way between two levels in one domain: which couplings make it up, and their joint p."""

    domain: str
    from_level: str
    to_level: str
    members: tuple[int, ...]
    strength: float
    p: float


def simes(p: np.ndarray) -> float:
    """Joint p of several tests, valid under positive dependence (Simes 1986).

    Parameters
    ----------
    p : (tests,) single p-values.

    Returns
    -------
    float
        ``min_i n p_(i) / i``; 1 without tests.
    """
    if not len(p):
        return 1.0
    return float(min(1.0, np.min(len(p) * np.sort(p) / np.arange(1, len(p) + 1))))


def corrected(p: np.ndarray) -> np.ndarray:
    """Correct p-values for their number: Holm for fewer than 20, else Benjamini-Hochberg.

    Parameters
    ----------
    p : (tests,).

    Returns
    -------
    np.ndarray
        (tests,) in the order given.
    """
    n = len(p)
    if n == 0:
        return p
    order = np.argsort(p, kind="stable")
    ranks = np.arange(1, n + 1)
    if n < SMALL_FAMILY:
        adjusted = np.maximum.accumulate((n - ranks + 1) * p[order])
    else:
        adjusted = np.minimum.accumulate((n * p[order] / ranks)[::-1])[::-1]
    result = np.empty(n)
    result[order] = np.minimum(adjusted, 1.0)
    return result


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
        tested = np.array([couplings[place].p for place in places if couplings[place].label != "too few"])
        found.append(Cell(*key, tuple(places), heard / said if said > 0 else 0.0, simes(tested)))
    return found


def directions(found: Sequence[Cell], q: np.ndarray, couplings: Sequence[Coupling]) -> list[str]:
    """Say for each cell whether this way, both ways, or neither is shown.

    Parameters
    ----------
    found : cells.
    q : (cells,) corrected p-values.
    couplings : rows of the table of tests.

    Returns
    -------
    list of str
        ``"one way"``, ``"both ways"``, ``"not shown"``, ``"too few"``, or ``"shared circumstances not excluded"`` where the
        only couplings behind a small p are ones that may not be claimed.
    """
    shown = {
        (cell.domain, cell.from_level, cell.to_level)
        for cell, corrected_p in zip(found, q, strict=True)
        if corrected_p <= CLAIM and any(couplings[m].label == "" and couplings[m].p <= CLAIM for m in cell.members)
    }
    words = []
    for cell, corrected_p in zip(found, q, strict=True):
        if (cell.domain, cell.from_level, cell.to_level) in shown:
            back = (cell.domain, cell.to_level, cell.from_level) in shown
            words.append("both ways" if back else "one way")
        elif all(couplings[m].label == "too few" for m in cell.members):
            words.append("too few")
        else:
            words.append("shared circumstances not excluded" if corrected_p <= CLAIM else "not shown")
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
        event of the domain), direction, p (Simes over the couplings concerned), q (over this table), evidence,
        n_source, n_target (largest of a coupling concerned: at least so many are behind the cell), source_role,
        target_role, n_units.
    """
    found = cells(design, couplings, definitions, strengths, events)
    q = corrected(np.array([cell.p for cell in found]))
    rows = []
    for cell, corrected_p, word in zip(found, q, directions(found, q, couplings), strict=True):
        told = (cell.domain, cell.from_level, cell.to_level, cell.strength, word, cell.p, float(corrected_p), "events")
        behind = behind_couplings(design, [couplings[place] for place in cell.members])
        rows.append(dict(zip(PARALLEL, told, strict=True)) | behind.columns())
    return pl.DataFrame(rows, schema=PARALLEL | BEHIND)
