"""What rival explanations make of the couplings, what the claimed ones rest on, and who stands behind each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from antiphon.resonance.naming import COUPLING, coupling_row, coupling_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.design import Design
    from antiphon.inference.inference import Control, Coupling, Inference, Robustness

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
    return coupling_table(
        [*_rows(inference.fit.design, inference.couplings, inference.controls, CONTROLS), *domains], CONTROLS
    )


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
    return coupling_table(rows, ROBUSTNESS).with_columns(hangs_on_one=pl.when(is_known).then(pl.col("hangs_on_one")))


def _rows(
    design: Design, couplings: Sequence[Coupling], about: Sequence[Control | Robustness], schema: dict[str, Any]
) -> list[dict[str, Any]]:
    further = [name for name in schema if name not in COUPLING]
    return [
        coupling_row(design, couplings[one.coupling], {name: getattr(one, name) for name in further}) for one in about
    ]
