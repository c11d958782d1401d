"""How tables tell of a coupling: its channel, role and kind on either side, and what was estimated and tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from antiphon.resonance.behind import BEHIND, behind_couplings

if TYPE_CHECKING:
    from antiphon.design.design import Design
    from antiphon.inference.inference import Coupling

COUPLING = dict.fromkeys(("channel", "from_role", "source_kind", "to_role", "target_kind"), pl.String)
"""Columns that name a coupling."""

TESTED = {
    "echoes": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p": pl.Float64,
    "q": pl.Float64,
    "claimed": pl.Boolean,
    "approximate": pl.Boolean,
    "label": pl.String,
    "median_delay_hours": pl.Float64,
}
"""Columns that tell what was estimated and tested."""


def tested(coupling: Coupling) -> dict[str, Any]:
    """Return what was estimated and tested of a coupling, the columns of ``TESTED``; no upper limit where it has no bound."""
    told = {name: getattr(coupling, name) for name in TESTED if name != "median_delay_hours"}
    if not np.isfinite(coupling.high):
        told["high"] = None
    return told | {"median_delay_hours": coupling.median_delay_days * 24.0}


def coupling_row(design: Design, coupling: Coupling, told: dict[str, Any]) -> dict[str, Any]:
    """Return a row of a table about a coupling: its names, what is told of it, and who stands behind it.

    Parameters
    ----------
    design, coupling : the coupling of which design.
    told : further columns.
    """
    source, target = design.kinds[coupling.source_kind], design.kinds[design.targets[coupling.target].kind]
    channel = design.channels[coupling.channel]
    names = (
        channel.name, channel.from_role or source.role, source.name, channel.to_role or target.role, target.name,
    )  # fmt: skip
    return dict(zip(COUPLING, names, strict=True)) | told | behind_couplings(design, [coupling]).columns()


def coupling_table(rows: list[dict[str, Any]], schema: dict[str, Any]) -> pl.DataFrame:
    """Return rows about couplings as a table, null where a number has no meaning.

    Parameters
    ----------
    rows : from `coupling_row`.
    schema : of its columns, without who stands behind them.
    """
    numbers = [name for name, kind in schema.items() if kind == pl.Float64]
    return pl.DataFrame(rows, schema=schema | BEHIND).with_columns(pl.col(numbers).fill_nan(None))
