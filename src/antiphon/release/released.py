"""What may be shown: tables in which every cell has passed disclosure control."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

TOO_FEW = "too few to show"
TOO_UNCERTAIN = "too uncertain to print"
JOINED = "smaller units, joined"


@dataclass(frozen=True, slots=True, repr=False)
class Released:
    """Everything that a report or a file may show. Made by ``release`` and by nothing else.

    In every table the column ``withheld`` is empty, ``"too few to show"`` or ``"too uncertain to print"``; where it is
    not empty the values of the row are null. Numbers of persons and events are rounded to 5.

    Attributes
    ----------
    records : organisation, hash, window (two ISO dates), quarters (complete ones), systems {role: n},
        events {kind: n in the complete quarters, or None}, precision {kind: word}, set_aside {rule: n}, client_days,
        have (which files the agency has), pairs {shown, claimed: n}, marking, purpose.
    settings : half_lives, channels, period_days, history_days, block_days, seed, versions, privacy thresholds.
    labels : {"kinds": ..., "roles": ..., "relations": ..., "domains": ..., "practices": ...}: plain words for names.
    rates : agency-wide, one row per kind and complete quarter.
    unit_rates : the same per unit, where units are large enough; in the agency's own order.
    couplings, responses, response_contrasts, echoed, branching_ratio, attribution, ladder, loops, diagnostics,
    detectable, parallel, nodes, effects, controls, by_domain, robustness : as in ``Findings``, released.
    withheld : table, reason, rows.
    warnings : code, text.
    """

    records: dict[str, Any]
    settings: dict[str, Any]
    labels: dict[str, dict[str, str]]
    rates: pl.DataFrame
    unit_rates: pl.DataFrame
    couplings: pl.DataFrame
    responses: pl.DataFrame
    response_contrasts: pl.DataFrame
    echoed: pl.DataFrame
    branching_ratio: pl.DataFrame
    attribution: pl.DataFrame
    ladder: pl.DataFrame
    loops: pl.DataFrame
    diagnostics: pl.DataFrame
    detectable: pl.DataFrame
    parallel: pl.DataFrame
    nodes: pl.DataFrame
    effects: pl.DataFrame
    controls: pl.DataFrame
    by_domain: pl.DataFrame
    robustness: pl.DataFrame
    withheld: pl.DataFrame
    warnings: pl.DataFrame

    def tables(self) -> dict[str, pl.DataFrame]:
        """Every table by its name, in a fixed order."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if not isinstance(value, dict)}

    def __repr__(self) -> str:
        """Sizes only."""
        return f"Released({', '.join(f'{name}: {table.height}' for name, table in self.tables().items())})"
