"""Couplings of domains, which stand in for couplings of kinds that are too rare to be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.resonance.behind import BEHIND
from antiphon.resonance.naming import TESTED, coupling_row, coupling_table, tested

if TYPE_CHECKING:
    from antiphon.inference.inference import Inference

NAMES = ("channel", "from_role", "source_kind", "source_domain", "to_role", "target_kind", "target_domain")
BY_DOMAIN = dict.fromkeys(NAMES, pl.String) | TESTED | {"smallest": pl.Float64}


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
        told = {
            "source_domain": found.domains[coupling.source_kind],
            "target_domain": found.domains[design.targets[coupling.target].kind],
            "smallest": smallest,
        }
        rows.append(coupling_row(design, coupling, tested(coupling) | told))
    return coupling_table(rows, BY_DOMAIN)
