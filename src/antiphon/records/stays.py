"""Who belonged where and when: stays through all levels, and spells without overlaps."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

FAR = datetime(9999, 1, 1, tzinfo=UTC)
FIRST = datetime(1, 1, 2, tzinfo=UTC)
MAX_DEPTH = 20


def with_far_end(frame: pl.DataFrame) -> pl.DataFrame:
    """Let a stay that is still open end in the far future, so that it can be compared."""
    return frame.with_columns(pl.col("end").fill_null(FAR))


def nested_stays(memberships: pl.DataFrame, systems: pl.DataFrame) -> pl.DataFrame:
    """Stays in groups of every level, direct and through groups in groups.

    Parameters
    ----------
    memberships : member, group, start, end (null: open), checked.
    systems : system, level.

    Returns
    -------
    member, group, level (of the group), start, end (far future where open); spells of one member in one group do not
    overlap.
    """
    direct = with_far_end(memberships.select("member", "group", "start", "end"))
    found, current = [direct], direct
    for _ in range(MAX_DEPTH):
        current = (
            current.join(direct, left_on="group", right_on="member", suffix="_outer")
            .select(
                "member",
                pl.col("group_outer").alias("group"),
                pl.max_horizontal("start", "start_outer").alias("start"),
                pl.min_horizontal("end", "end_outer").alias("end"),
            )
            .filter(pl.col("start") < pl.col("end"))
        )
        if current.is_empty():
            break
        found.append(current)
    spells = merged_spells(pl.concat(found), ["member", "group"])
    return spells.join(systems.select(pl.col("system").alias("group"), "level"), on="group", how="left")


def merged_spells(frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Join spells of one key that touch or overlap; ``keys``, start, end, sorted. No end may be null."""
    earlier_end = pl.col("end").cum_max().shift(1).over(keys)
    return (
        frame.select(*keys, "start", "end")
        .sort(*keys, "start")
        .with_columns((pl.col("start") > earlier_end).fill_null(value=True).cum_sum().alias("_spell"))
        .group_by(*keys, "_spell", maintain_order=True)
        .agg(pl.col("start").min(), pl.col("end").max())
        .drop("_spell")
    )


def unit_spells(nested: pl.DataFrame, systems: pl.DataFrame, level: str) -> pl.DataFrame:
    """Stays in the groups of one level, of the nested stays: member, unit, start, end. A unit is in itself, always."""
    stays = nested.filter(pl.col("level") == level)
    units = systems.filter(pl.col("level") == level).select(
        pl.col("system").alias("member"),
        pl.col("system").alias("unit"),
        pl.lit(FIRST).cast(pl.Datetime("us", "UTC")).alias("start"),
        pl.lit(FAR).cast(pl.Datetime("us", "UTC")).alias("end"),
    )
    return pl.concat([stays.select("member", pl.col("group").alias("unit"), "start", "end"), units])


def last_spell_before(points: pl.DataFrame, spells: pl.DataFrame, *, key: str, moment: str) -> pl.DataFrame:
    """Beside each point, the latest spell of its key that starts at or before the moment (null where there is none).

    ``spells`` has the key, start, end and perhaps more; ``points`` come back in their order.
    """
    numbered = points.with_row_index("_order")
    found = numbered.sort(moment).join_asof(
        spells.sort("start"),
        left_on=moment,
        right_on="start",
        by=key,
        strategy="backward",
        coalesce=False,
        check_sortedness=False,
    )
    return found.sort("_order").drop("_order")
