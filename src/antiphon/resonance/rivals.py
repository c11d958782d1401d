"""What rival explanations make of the couplings, and who stands behind each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.resonance.behind import BEHIND, behind_couplings

if TYPE_CHECKING:
    from antiphon.inference.inference import Inference

CONTROLS = {
    "channel": pl.String,
    "from_role": pl.String,
    "source_kind": pl.String,
    "to_role": pl.String,
    "target_kind": pl.String,
    "code": pl.String,
    "verdict": pl.String,
    "p": pl.Float64,
    "power": pl.Float64,
    "estimate": pl.Float64,
}


def controls_table(inference: Inference) -> pl.DataFrame:
    """Lay out the controls.

    Parameters
    ----------
    inference : what was concluded.

    Returns
    -------
    pl.DataFrame
        As ``Findings.controls``, by coupling and code; null where a number has no meaning.
    """
    design = inference.fit.design
    rows = []
    for one in inference.controls:
        coupling = inference.couplings[one.coupling]
        source, target = design.kinds[coupling.source_kind], design.kinds[design.targets[coupling.target].kind]
        channel = design.channels[coupling.channel]
        told = (
            channel.name, channel.from_role or source.role, source.name, channel.to_role or target.role, target.name,
            one.code, one.verdict, one.p, one.power, one.estimate,
        )  # fmt: skip
        rows.append(dict(zip(CONTROLS, told, strict=True)) | behind_couplings(design, [coupling]).columns())
    numbers = [name for name, kind in CONTROLS.items() if kind == pl.Float64]
    return pl.DataFrame(rows, schema=CONTROLS | BEHIND).with_columns(pl.col(numbers).fill_nan(None))
