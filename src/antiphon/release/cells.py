"""The gate that every result row passes: enough persons on both sides, or its values are withheld."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from antiphon.errors import ReleaseError
from antiphon.release.released import TOO_FEW, TOO_UNCERTAIN
from antiphon.release.rounding import rounded_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import polars as pl

    from antiphon.release.thresholds import Thresholds

Row = dict[str, Any]
REQUIRED = ("n_source", "n_target", "n_units", "source_role", "target_role")
WIDEST_SHARE = 0.30


def checked(name: str, table: pl.DataFrame) -> list[Row]:
    """Rows of a table of findings, refused if they do not say how many persons and units stand behind them."""
    if table.is_empty():
        return []
    missing = [column for column in REQUIRED if column not in table.columns]
    if missing:
        raise ReleaseError(
            f"{name}: no column {', '.join(missing)}. Nothing is released without the number of persons and units behind it; "
            f"add the column where the table is made (antiphon.resonance)."
        )
    gaps = [column for column in REQUIRED if table[column].null_count()]
    if gaps:
        raise ReleaseError(
            f"{name}: {', '.join(gaps)} is empty in {table[gaps[0]].null_count()} of {table.height} rows. Nothing is released "
            f"without the number of persons and units behind it; fill it where the table is made (antiphon.resonance)."
        )
    return table.to_dicts()


def has_enough(row: Row, limits: Thresholds) -> bool:
    """Whether both sides of a row hold enough distinct persons for their roles."""
    return limits.passes(row["source_role"], row["n_source"]) and limits.passes(row["target_role"], row["n_target"])


def named(rows: Iterable[Row], limits: Thresholds) -> list[Row]:
    """Rows whose roles are large enough to be named at all."""
    return [row for row in rows if limits.shows((row["source_role"], row["target_role"]))]


def passed(row: Row, values: Mapping[str, Callable[[Any], Any]], limits: Thresholds) -> Row:
    """Values of a row rounded if enough persons stand behind it, else null with the reason."""
    if not has_enough(row, limits):
        return withheld(values, TOO_FEW)
    return {name: round_value(_finite(row.get(name))) for name, round_value in values.items()} | {"withheld": ""}


def withheld(names: Iterable[str], reason: str) -> Row:
    """Null values with the reason."""
    return dict.fromkeys(names) | {"withheld": reason}


def sizes(row: Row, limits: Thresholds, *, is_shown: bool) -> Row:
    """Give the rounded numbers of persons behind a row that is shown; null for groups and where withheld."""
    cells: Row = {"n_source": None, "n_target": None, "n_units": None}
    if is_shown:
        cells["n_units"] = row["n_units"]
        for side in ("source", "target"):
            is_group = limits.of(row[f"{side}_role"]) == 0
            cells[f"n_{side}"] = row[f"n_{side}"] if is_group else rounded_count(row[f"n_{side}"])
    return cells


def is_certain(low: float | None, high: float | None) -> bool:
    """Whether a share may be printed: its interval is known and narrower than 30 points."""
    return _finite(low) is not None and _finite(high) is not None and (high or 0.0) - (low or 0.0) < WIDEST_SHARE


def uncertain(row: Row, values: Sequence[str], low: str = "low", high: str = "high") -> Row:
    """Withhold ``values`` of a row if the interval of the share is too wide."""
    if row["withheld"] or is_certain(row[low], row[high]):
        return row
    return row | withheld(values, TOO_UNCERTAIN)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
