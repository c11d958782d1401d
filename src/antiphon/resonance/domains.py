"""Couplings of domains, which stand in for couplings of kinds that are too rare to be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.resonance.behind import BEHIND, behind_couplings

if TYPE_CHECKING:
    from antiphon.inference.inference import Inference

BY_DOMAIN = {
    "channel": pl.String,
    "from_role": pl.String,
    "source_kind": pl.String,
    "source_domain": pl.String,
    "to_role": pl.String,
    "target_kind": pl.String,
    "target_domain": pl.String,
    "echoes": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p": pl.Float64,
    "q": pl.Float64,
    "claimed": pl.Boolean,
    "approximate": pl.Boolean,
    "label": pl.String,
    "median_delay_hours": pl.Float64,
    "smallest": pl.Float64,
}


def domains_table(inference: Inference) -> pl.DataFrame:
    """Lay out the couplings of domains.

    Parameters
    ----------
    inference : what was concluded.

    Returns
    -------
    pl.DataFrame
        As ``Findings.by_domain``; no rows where no coupling of domains stands in.
    """
    found = inference.by_domain
    if found is None:
        return pl.DataFrame(schema=BY_DOMAIN | BEHIND)
    design = found.fit.design
    rows = []
    for coupling, smallest in zip(found.couplings, found.detectable["smallest"], strict=True):
        place = design.targets[coupling.target].kind
        source, target = design.kinds[coupling.source_kind], design.kinds[place]
        channel = design.channels[coupling.channel]
        told = (
            channel.name, channel.from_role or source.role, source.name, found.domains[coupling.source_kind],
            channel.to_role or target.role, target.name, found.domains[place], coupling.echoes, coupling.low,
            coupling.high, coupling.p, coupling.q, coupling.claimed, coupling.approximate, coupling.label,
            coupling.median_delay_days * 24.0, smallest,
        )  # fmt: skip
        rows.append(dict(zip(BY_DOMAIN, told, strict=True)) | behind_couplings(design, [coupling]).columns())
    numbers = [name for name, kind in BY_DOMAIN.items() if kind == pl.Float64]
    return pl.DataFrame(rows, schema=BY_DOMAIN | BEHIND).with_columns(pl.col(numbers).fill_nan(None))
