"""What rival explanations make of the couplings, what the claimed ones rest on, and who stands behind each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from antiphon.resonance.behind import BEHIND, behind_couplings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.design import Design
    from antiphon.inference.inference import Control, Coupling, Inference, Robustness

COUPLING = dict.fromkeys(("channel", "from_role", "source_kind", "to_role", "target_kind"), pl.String)
CONTROLS = COUPLING | {
    "code": pl.String,
    "verdict": pl.String,
    "p": pl.Float64,
    "power": pl.Float64,
    "estimate": pl.Float64,
}
ROBUSTNESS = COUPLING | {
    "low": pl.Float64,
    "high": pl.Float64,
    "hangs_on_one": pl.Boolean,
    "p_exchanged": pl.Float64,
    "smallest_p": pl.Float64,
    "shock_factor": pl.Float64,
    "shock_days": pl.Float64,
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
    joined = inference.by_domain
    domains = [] if joined is None else _rows(joined.fit.design, joined.couplings, joined.controls, CONTROLS)
    return _table([*_rows(inference.fit.design, inference.couplings, inference.controls, CONTROLS), *domains], CONTROLS)


def robustness_table(inference: Inference) -> pl.DataFrame:
    """Lay out what claimed couplings rest on.

    Parameters
    ----------
    inference : what was concluded.

    Returns
    -------
    pl.DataFrame
        As ``Findings.robustness``, by coupling; null where a number has no meaning.
    """
    rows = _rows(inference.fit.design, inference.couplings, inference.robustness, ROBUSTNESS)
    is_known = pl.col("low").is_not_null()
    return _table(rows, ROBUSTNESS).with_columns(hangs_on_one=pl.when(is_known).then(pl.col("hangs_on_one")))


def _rows(
    design: Design, couplings: Sequence[Coupling], about: Sequence[Control | Robustness], schema: dict[str, Any]
) -> list[dict[str, Any]]:
    rows = []
    for one in about:
        coupling = couplings[one.coupling]
        source, target = design.kinds[coupling.source_kind], design.kinds[design.targets[coupling.target].kind]
        channel = design.channels[coupling.channel]
        names = (
            channel.name,
            channel.from_role or source.role,
            source.name,
            channel.to_role or target.role,
            target.name,
        )
        told = {name: getattr(one, name) for name in schema if name not in COUPLING}
        rows.append(dict(zip(COUPLING, names, strict=True)) | told | behind_couplings(design, [coupling]).columns())
    return rows


def _table(rows: list[dict[str, Any]], schema: dict[str, Any]) -> pl.DataFrame:
    numbers = [name for name, kind in schema.items() if kind == pl.Float64]
    return pl.DataFrame(rows, schema=schema | BEHIND).with_columns(pl.col(numbers).fill_nan(None))
