"""What rival explanations make of the couplings, and who stands behind each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.resonance.behind import BEHIND, behind_couplings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.design import Design
    from antiphon.inference.inference import Control, Coupling, Inference

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
        As ``Findings.controls``, by coupling and code, those of couplings of domains at the end; null where a number has no meaning.
    """
    rows = _rows(inference.fit.design, inference.couplings, inference.controls)
    joined = inference.by_domain
    if joined is not None:
        rows += _rows(joined.fit.design, joined.couplings, joined.controls)
    numbers = [name for name, kind in CONTROLS.items() if kind == pl.Float64]
    return pl.DataFrame(rows, schema=CONTROLS | BEHIND).with_columns(pl.col(numbers).fill_nan(None))


def _rows(design: Design, couplings: Sequence[Coupling], controls: Sequence[Control]) -> list[dict]:
    rows = []
    for one in controls:
        coupling = couplings[one.coupling]
        source, target = design.kinds[coupling.source_kind], design.kinds[design.targets[coupling.target].kind]
        channel = design.channels[coupling.channel]
        told = (
            channel.name, channel.from_role or source.role, source.name, channel.to_role or target.role, target.name,
            one.code, one.verdict, one.p, one.power, one.estimate,
        )  # fmt: skip
        rows.append(dict(zip(CONTROLS, told, strict=True)) | behind_couplings(design, [coupling]).columns())
    return rows
