"""The records at a glance, in the columns of the findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.resonance.behind import BEHIND

if TYPE_CHECKING:
    from antiphon.framework.vocabulary import Vocabulary
    from antiphon.records.glance import Glance

ALL = "all"
RATES = {
    "unit": pl.String,
    "kind": pl.String,
    "quarter": pl.String,
    "events": pl.Int64,
    "client_days": pl.Float64,
    "per_1000_client_days": pl.Float64,
    "centre": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "staff_years": pl.Float64,
    "per_100_staff_years": pl.Float64,
    "role": pl.String,
    "role_days": pl.Float64,
    "per_1000_role_days": pl.Float64,
    "hours_per_1000_hours": pl.Float64,
}


def rates_table(seen: Glance, vocabulary: Vocabulary) -> pl.DataFrame:
    """Lay out counts and rates per unit, kind and quarter, exact.

    Parameters
    ----------
    seen : the records at a glance.
    vocabulary : the agency's words.

    Returns
    -------
    pl.DataFrame
        As ``Findings.rates``: ``n_source`` distinct systems had the events, ``n_target`` distinct persons stand behind
        the denominator (where there is none, those with events), whose role is ``target_role``.
    """
    rates = seen.rates
    if rates.is_empty():
        return pl.DataFrame(schema=RATES | BEHIND)
    owner = {name: kind.of for name, kind in vocabulary.kinds.items()}
    is_person = {name for name, level in vocabulary.roles.items() if level == vocabulary.levels[-1]}
    exposed = {name: of if of in is_person else "client" for name, of in owner.items()}
    units = rates.filter(pl.col("unit") != ALL).group_by("kind", "quarter").agg(pl.col("unit").n_unique().alias("_n"))
    has_exposed = pl.col("n_exposed") > 0
    kind = pl.col("kind")
    return (
        rates.join(units, on=["kind", "quarter"], how="left", maintain_order="left")
        .with_columns(
            pl.col("n_systems").alias("n_source"),
            pl.when(has_exposed).then("n_exposed").otherwise("n_systems").alias("n_target"),
            kind.replace_strict(owner, return_dtype=pl.String).alias("source_role"),
            pl.when(has_exposed)
            .then(kind.replace_strict(exposed, return_dtype=pl.String))
            .otherwise(kind.replace_strict(owner, return_dtype=pl.String))
            .alias("target_role"),
            pl.when(pl.col("unit") == ALL).then(pl.col("_n").fill_null(0)).otherwise(1).alias("n_units"),
        )
        .select(
            *(pl.col(name).cast(dtype) for name, dtype in RATES.items()),
            *(pl.col(name).cast(dtype) for name, dtype in BEHIND.items()),
        )
    )


def client_days(seen: Glance) -> float:
    """Client-days of the window, leave removed.

    Parameters
    ----------
    seen : the records at a glance.

    Returns
    -------
    float
        0 where there are no stays of clients.
    """
    days = seen.exposure.filter(pl.col("unit") == ALL).get_column("client_days")
    return float(days.sum() or 0.0)
