"""Parentage: which kinds, through which channels, events have most likely followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.design.roster import roster_of
from antiphon.design.structure import keys_of
from antiphon.errors import ReleaseError, SpecificationError

if TYPE_CHECKING:
    from antiphon.design.design import Design
    from antiphon.hawkes.fit import Fit
    from antiphon.records.agency import Agency

PARENTAGE = {
    "kind": pl.String,
    "channel": pl.String,
    "parent_kind": pl.String,
    "events": pl.Float64,
    "share": pl.Float64,
    "n_source": pl.Int64,
    "n_target": pl.Int64,
    "n_units": pl.Int64,
}
SINGLE = {
    "kind": pl.String,
    "time": pl.Datetime("us", "UTC"),
    "system": pl.String,
    "channel": pl.String,
    "parent_kind": pl.String,
    "probability": pl.Float64,
}

_Way = tuple[int, int]


def parentage(fit: Fit, *, single_events: Agency | None = None) -> pl.DataFrame:
    """Return which kinds, through which channels, the events of each kind have most likely followed.

    Parameters
    ----------
    fit
        Of all blocks.
    single_events
        The agency that was fitted, to ask for every event by itself. Only where it is invented or declares
        ``[privacy] data = "public"``; None for the kinds as a whole.

    Returns
    -------
    polars.DataFrame
        One row per kind and way that has echoes, and one with neither channel nor parent kind for the endemic part.
        ``events``: expected number of them; ``share`` of the kind's scored events, summing to one; ``n_source``,
        ``n_target``, ``n_units``: distinct systems and units behind the row (null for the endemic part's sources and
        units). It is no ``Released`` table. With ``single_events`` one row per event and way: ``probability`` in
        place of counts, summing to one per event; of coarse events ``time`` is the start of the cell.

    Raises
    ------
    ReleaseError
        If single events are asked for of records that are not declared public.
    SpecificationError
        If the fit is of some blocks only, or the agency is not the one that was fitted.

    Notes
    -----
    ``P(parent through c of kind h | data) = E[e / (theta m + e)] e_ch / e`` with ``e_ch`` the part of the epidemic rate
    ``e`` that came that way. At an optimum without penalty its sum over events is ``alpha G``, the events that
    attribution counts. A parent is an association in time, not a cause; single parents are never named.
    """
    if fit.options.blocks is not None:
        raise SpecificationError(
            "Parentage needs a fit of all blocks, and this one is of some only. Fit without blocks."
        )
    if single_events is None:
        rows = [row for index in range(len(fit.targets)) for row in _whole(fit, index)]
        return pl.DataFrame(rows, schema=PARENTAGE, orient="row")
    _check(fit.design, single_events)
    parts = [_single(fit, index, single_events) for index in range(len(fit.targets))]
    return pl.concat([pl.DataFrame(schema=SINGLE), *parts])


def _check(design: Design, agency: Agency) -> None:
    if agency.settings.privacy.data != "public":
        raise ReleaseError(
            "Parents of single events are told only of invented records and of records declared public, and these are "
            "neither. Ask for the kinds as a whole, or, if anyone may read these records, say so in agency.toml: "
            '[privacy] data = "public".'
        )
    keys = keys_of(roster_of(agency)[1])
    if design.structure is None or not np.array_equal(design.structure.keys, keys):
        raise SpecificationError("The agency is not the one that was fitted: its systems are others. Give that one.")


def _probabilities(fit: Fit, index: int) -> dict[_Way, np.ndarray]:
    """Probability, per event of a row, that its parent came each way that has echoes."""
    one, target = fit.targets[index], fit.design.targets[index]
    per_rate = np.divide(one.echo_share, one.excitation, out=np.zeros(target.count.size), where=one.excitation > 0.0)
    found: dict[_Way, np.ndarray] = {}
    for column in np.flatnonzero(one.model.alpha > 0.0):
        feature = target.columns[column]
        way = (feature.channel, feature.source_kind)
        found[way] = found.get(way, 0.0) + one.model.alpha[column] * target.features[:, column] * per_rate
    return found


def _whole(fit: Fit, index: int) -> list[tuple]:
    design, target = fit.design, fit.design.targets[index]
    kind, margins = design.kinds[target.kind].name, design.margins
    n_target = margins.n_target.get(target.kind, 0)
    total = float(target.count.sum())
    echoes = {way: float(target.count @ one) for way, one in _probabilities(fit, index).items()}
    left = total - sum(echoes.values())
    rows: list[tuple] = [(kind, None, None, left, left / total, None, n_target, None)] if total else []
    for (channel, source), events in sorted(echoes.items()):
        behind = margins.n_source.get((channel, source), 0), n_target
        n_units = margins.n_units.get((channel, source, target.kind), 0)
        names = design.channels[channel].name, design.kinds[source].name
        rows.append((kind, *names, events, events / total, *behind, n_units))
    return rows


def _single(fit: Fit, index: int, agency: Agency) -> pl.DataFrame:
    design, target = fit.design, fit.design.targets[index]
    names = agency.systems["system"].to_numpy()[target.system]
    ways = _probabilities(fit, index)
    left = 1.0 - sum(ways.values(), np.zeros(target.count.size))
    labels = {way: (design.channels[way[0]].name, design.kinds[way[1]].name) for way in ways}
    after = np.rint(target.time * 86_400e6).astype(np.int64)
    events = pl.DataFrame({"system": names, "after": after}, schema={"system": pl.String, "after": pl.Int64}).select(
        kind=pl.lit(design.kinds[target.kind].name),
        time=pl.lit(agency.window[0], SINGLE["time"]) + pl.duration(microseconds="after"),
        system="system",
    )
    tables = [
        events.with_columns(
            channel=pl.lit(channel, pl.String), parent_kind=pl.lit(parent, pl.String), probability=pl.Series(values)
        )
        for (channel, parent), values in [((None, None), left), *((labels[way], ways[way]) for way in sorted(ways))]
    ]
    return pl.concat(tables).filter(pl.col("probability") > 0.0)
