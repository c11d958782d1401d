"""What stands in the same incident, and by what that differs: words and rows from released tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from antiphon.report.sections import interval
from antiphon.report.words import Words, capital, number, per_100

if TYPE_CHECKING:
    from antiphon.release.released import Released

Row = dict[str, Any]

DIFFERENT = 0.05
"""Contrasts with a larger q are as chance may give them, and stand in the files only."""


def responses(released: Released) -> list[Row]:
    """What also happens inside an incident, withheld rows last.

    Parameters
    ----------
    released : released tables.
    """
    words = Words.of(released)
    return [
        {
            "first": capital(words.kind(row["first_kind"])),
            "second": words.kind(row["second_kind"]),
            "share": per_100(row["share"]) if row["share"] is not None else "",
            "interval": interval(row),
            "n": number(row["n"]) if row["n"] is not None else "",
            "recorded": _recorded(row),
            "withheld": row["withheld"],
        }
        for row in sorted(released.responses.to_dicts(), key=lambda row: bool(row["withheld"]))
    ]


def _recorded(row: Row) -> str:
    """Write what recorded incident numbers alone say, where rows without number were joined."""
    if row["share_recorded"] is None or row["n_recorded"] == row["n"]:
        return ""
    low, high = per_100(row["low_recorded"]), per_100(row["high_recorded"])
    return f"by recorded numbers alone {per_100(row['share_recorded'])} ({low} to {high})"


def response_contrasts(released: Released) -> Row:
    """By what answers differ, as far as it is surer than chance would give, in the order of the responses.

    Parameters
    ----------
    released : released tables.
    """
    words = Words.of(released)
    looked_at = released.response_contrasts.filter((pl.col("withheld") == "") & pl.col("p").is_not_null()).to_dicts()
    rows = [
        {
            "first": capital(words.kind(row["first_kind"])),
            "second": words.kind(row["second_kind"]),
            "when": words.contrast(row),
            "ratio": number(row["odds_ratio"]),
            "interval": f"{number(row['low'])} to {number(row['high'])}",
        }
        for row in looked_at
        if row["q"] <= DIFFERENT
    ]
    return {"rows": rows, "is_looked_at": bool(looked_at)}
