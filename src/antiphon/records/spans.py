"""Arithmetic of spells: clipping, cutting holes, splitting by quarter. Spells are [start, end), in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

SECONDS_PER_HOUR = 3600.0
HOURS_PER_DAY = 24.0


@dataclass(frozen=True, slots=True)
class Quarters:
    """Calendar quarters, local, as far as they lie in the window.

    Attributes
    ----------
    names : such as ``"2024Q1"``.
    starts, ends : UTC, clipped to the window.
    """

    names: tuple[str, ...]
    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]

    @property
    def frame(self) -> pl.DataFrame:
        """quarter, from, to, with its number as ``_quarter``."""
        columns = {"quarter": self.names, "from": self.starts, "to": self.ends}
        schema = {"quarter": pl.String, "from": pl.Datetime("us", "UTC"), "to": pl.Datetime("us", "UTC")}
        return pl.DataFrame(columns, schema=schema).with_row_index("_quarter")


def quarters_of(window: tuple[datetime, datetime], timezone: str) -> Quarters:
    """Return the calendar quarters that the window touches."""
    zone = ZoneInfo(timezone)
    first = window[0].astimezone(zone)
    year, number = first.year, (first.month - 1) // 3 + 1
    names, edges = [], []
    while True:
        start = datetime(year, 3 * number - 2, 1, tzinfo=zone)
        if start >= window[1]:
            break
        names.append(f"{year}Q{number}")
        edges.append(max(start.astimezone(window[0].tzinfo), window[0]))
        year, number = (year, number + 1) if number < 4 else (year + 1, 1)
    return Quarters(tuple(names), tuple(edges), (*edges[1:], window[1]))


def clip(spells: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    """Keep of each spell what lies between two moments."""
    inside = spells.with_columns(
        pl.max_horizontal("start", pl.lit(start, dtype=pl.Datetime("us", "UTC"))).alias("start"),
        pl.min_horizontal("end", pl.lit(end, dtype=pl.Datetime("us", "UTC"))).alias("end"),
    )
    return inside.filter(pl.col("start") < pl.col("end"))


def cut(spells: pl.DataFrame, holes: pl.DataFrame, key: str) -> pl.DataFrame:
    """Take holes out of spells.

    Parameters
    ----------
    spells : key, start, end and other columns, which each piece keeps.
    holes : key, start, end; those of one key do not overlap.
    key : column that both share.

    Returns
    -------
    The pieces, with the columns of ``spells``.
    """
    numbered = spells.with_row_index("_spell")
    hit = numbered.join(holes.select(key, pl.col("start").alias("_from"), pl.col("end").alias("_to")), on=key).filter(
        (pl.col("_from") < pl.col("end")) & (pl.col("_to") > pl.col("start"))
    )
    if hit.is_empty():
        return spells
    whole = numbered.join(hit.select("_spell").unique(), on="_spell", how="anti", maintain_order="left")
    edges = hit.sort("_spell", "_from").group_by("_spell", maintain_order=True).agg("_from", "_to")
    broken = numbered.join(edges, on="_spell")
    pieces = broken.with_columns(
        pl.concat_list("start", "_to").alias("start"), pl.concat_list("_from", "end").alias("end")
    ).explode("start", "end")
    kept = pieces.filter(pl.col("start") < pl.col("end")).select(spells.columns)
    return pl.concat([whole.select(spells.columns), kept])


def split_by_quarter(spells: pl.DataFrame, quarters: Quarters) -> pl.DataFrame:
    """Split spells (inside the window) at the ends of quarters; adds ``quarter``."""
    edges = pl.Series(quarters.starts, dtype=pl.Datetime("us", "UTC"))
    last = pl.col("end") - pl.duration(microseconds=1)
    numbered = spells.with_columns(
        (_count_before(edges, spells["start"])).alias("_first"),
        (_count_before(edges, spells.select(last).to_series())).alias("_last"),
    )
    pieces = numbered.with_columns(pl.int_ranges("_first", pl.col("_last") + 1).alias("_quarter")).explode("_quarter")
    pieces = pieces.with_columns(pl.col("_quarter").cast(pl.UInt32)).join(quarters.frame, on="_quarter")
    return pieces.with_columns(
        pl.max_horizontal("start", "from").alias("start"), pl.min_horizontal("end", "to").alias("end")
    ).drop("_first", "_last", "_quarter", "from", "to")


def quarter_of(times: pl.Series, quarters: Quarters) -> pl.Series:
    """Name of the quarter of each time inside the window."""
    edges = pl.Series(quarters.starts, dtype=pl.Datetime("us", "UTC"))
    names = pl.Series(quarters.names, dtype=pl.String)
    return names.gather(_count_before(edges, times)).alias("quarter")


def calendar_days(timezone: str) -> pl.Expr:
    """Length of a spell in days of the calendar: the day on which clocks change is one day, as in any census."""
    start, end = (pl.col(edge).dt.convert_time_zone(timezone).dt.replace_time_zone(None) for edge in ("start", "end"))
    return (end - start).dt.total_seconds() / (SECONDS_PER_HOUR * HOURS_PER_DAY)


def elapsed_hours() -> pl.Expr:
    """Length of a spell in hours that passed."""
    return (pl.col("end") - pl.col("start")).dt.total_seconds() / SECONDS_PER_HOUR


def _count_before(edges: pl.Series, times: pl.Series) -> pl.Series:
    return edges.search_sorted(times, side="right").cast(pl.Int64) - 1
