"""Who stands behind a number: how many distinct systems and units, so that release can decide what may be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.design import Design
    from antiphon.inference.inference import Coupling

BEHIND = {
    "n_source": pl.Int64,
    "n_target": pl.Int64,
    "source_role": pl.String,
    "target_role": pl.String,
    "n_units": pl.Int64,
}
"""The columns that every table has; ``release`` refuses a row without them."""


@dataclass(frozen=True, slots=True)
class Behind:
    """Distinct systems on both sides of a number, the roles whose thresholds apply, and the units."""

    n_source: int
    n_target: int
    source_role: str
    target_role: str
    n_units: int

    def columns(self) -> dict[str, int | str]:
        """As columns of a table."""
        return {name: getattr(self, name) for name in BEHIND}


def behind_all(design: Design) -> Behind:
    """Everyone: for numbers about the agency as a whole.

    Parameters
    ----------
    design : the design.

    Returns
    -------
    Behind
        Distinct systems with a scored event, of the role that has most of them.
    """
    systems: dict[str, list[np.ndarray]] = {}
    for target in design.targets:
        systems.setdefault(design.kinds[target.kind].role, []).append(target.system)
    counts = {role: len(np.unique(np.concatenate(parts))) for role, parts in systems.items()}
    if not counts:
        return Behind(0, 0, "", "", 0)
    role = max(counts, key=lambda name: counts[name])
    return Behind(counts[role], counts[role], role, role, units(design, None))


def behind_kind(design: Design, kind: int) -> Behind:
    """Say who is behind a kind: both sides are those with such an event.

    Parameters
    ----------
    design : the design.
    kind : index of the kind.

    Returns
    -------
    Behind
        Zeros for a kind without scored events.
    """
    n = design.margins.n_target.get(kind, 0)
    role = design.kinds[kind].role
    return Behind(n, n, role, role, units(design, kind))


def behind_couplings(design: Design, couplings: Sequence[Coupling]) -> Behind:
    """Say who is at least behind a sum of couplings: the largest of them, for its parts overlap.

    Parameters
    ----------
    design : the design.
    couplings : at least one.

    Returns
    -------
    Behind
        Source and target side each from the coupling with most systems on that side.
    """
    source = max(couplings, key=lambda coupling: coupling.n_source)
    target = max(couplings, key=lambda coupling: coupling.n_target)
    return Behind(
        source.n_source,
        target.n_target,
        design.kinds[source.source_kind].role,
        design.kinds[design.targets[target.target].kind].role,
        max(coupling.n_units for coupling in couplings),
    )


def behind_product(parts: Sequence[Behind], thresholds: dict[str, int]) -> Behind:
    """Say who is behind a product, such as a loop: the side that comes closest to its threshold.

    Parameters
    ----------
    parts : who is behind each factor; at least one.
    thresholds : smallest number of persons that may be shown, by role (0 where none applies).

    Returns
    -------
    Behind
        A loop may be shown only where its weakest link may.
    """
    source = min(parts, key=lambda part: part.n_source - thresholds.get(part.source_role, 0))
    target = min(parts, key=lambda part: part.n_target - thresholds.get(part.target_role, 0))
    n_units = min(part.n_units for part in parts)
    return Behind(source.n_source, target.n_target, source.source_role, target.target_role, n_units)


def units(design: Design, kind: int | None) -> int:
    """Count the units with scored events.

    Parameters
    ----------
    design : the design.
    kind : only of this kind; None for all.

    Returns
    -------
    int
        Distinct groups at the innermost level.
    """
    found = [target.unit for target in design.targets if kind is None or target.kind == kind]
    codes = np.unique(np.concatenate(found)) if found else np.zeros(0)
    return int(np.sum(codes >= 0))
