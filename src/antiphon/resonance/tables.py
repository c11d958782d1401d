"""The tables of the findings, one function each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.design.ground import fewest_persons
from antiphon.inference.bootstrap import Draws, draw_totals
from antiphon.resonance.attribution import (
    COMPONENTS,
    Shares,
    component,
    direct,
    echoed,
    group_components,
    root,
    shares,
    totals,
)
from antiphon.resonance.behind import (
    BEHIND,
    Behind,
    behind_all,
    behind_couplings,
    behind_kind,
    units,
)
from antiphon.resonance.draws import corrected_interval, interval
from antiphon.resonance.graph import branching_matrix, spectral_radius
from antiphon.resonance.naming import COUPLING, TESTED, coupling_row, coupling_table, tested
from antiphon.resonance.sources import Sources, mixture, readable_share, sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from antiphon.design.design import Design
    from antiphon.hawkes.fit import Fit
    from antiphon.inference.inference import Coupling, Inference
    from antiphon.records.agency import Agency
    from antiphon.resonance.happened import Happened

COUPLINGS = (
    COUPLING | TESTED | {"same_cell_share": pl.Float64, "within_incident_share": pl.Float64, "n_within": pl.Int64}
)
RATIO = {"value": pl.Float64, "low": pl.Float64, "high": pl.Float64}
ATTRIBUTION = {
    "kind": pl.String,
    "component": pl.String,
    "direct": pl.Float64,
    "root": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
NODES = {"role": pl.String, "kind": pl.String, "events": pl.Int64}


@dataclass(frozen=True, slots=True, repr=False)
class Reading:
    """What the tables share: estimates and draws of the couplings, and what of them was read.

    Attributes
    ----------
    inference : conclusions.
    groups : component of the events of groups, by role.
    thresholds : smallest number of persons that may be shown, by role.
    shown : (couplings,) echoes per source event, penalised.
    draws : what the couplings were estimated as, and would be from other records.
    divided : where the events of every kind come from, penalised.
    parts : the same at the unpenalised estimates, at the centre of the draws, and at each draw.
    read : (couplings,) share of the sources' events that reached a reader at risk.
    events : (kinds,) source events.
    """

    inference: Inference
    groups: Mapping[str, str]
    thresholds: dict[str, int]
    shown: np.ndarray
    draws: Draws
    divided: Shares
    parts: tuple[Shares, Shares, Shares]
    read: np.ndarray
    events: np.ndarray

    @property
    def design(self) -> Design:
        """The design that was fitted."""
        return self.inference.fit.design

    @property
    def couplings(self) -> tuple[Coupling, ...]:
        """Rows of the table of tests."""
        return self.inference.couplings

    def matrix(self, echoes: np.ndarray) -> np.ndarray:
        """Branching matrix at average composition, for echoes of shape (..., couplings)."""
        kinds = [target.kind for target in self.design.targets]
        return branching_matrix(len(self.design.kinds), self.couplings, kinds, echoes * self.read)


def thresholds(agency: Agency) -> dict[str, int]:
    """Smallest number of persons that may be shown.

    Parameters
    ----------
    agency : its settings count.

    Returns
    -------
    dict
        By role of persons.
    """
    groups = group_components(agency.vocabulary)
    return {role: fewest_persons(agency, role) for role in agency.vocabulary.roles if role not in groups}


def reading(agency: Agency, inference: Inference, what: Happened, *, seed: int) -> Reading:
    """Gather what the tables share.

    Parameters
    ----------
    agency, inference : the records and what was concluded.
    what : rows of events.
    seed : of the draws.

    Returns
    -------
    Reading
        With 199 draws.
    """
    design = inference.fit.design
    spoken = sources(what, len(design.kinds))
    fit, penalised, couplings = inference.fit, inference.penalised, inference.couplings
    shown = totals(penalised, couplings)
    draws = draw_totals(fit, couplings, seed=seed)
    return Reading(
        inference=inference,
        groups=group_components(agency.vocabulary),
        thresholds=thresholds(agency),
        shown=shown,
        draws=draws,
        divided=shares(penalised, couplings, shown),
        parts=parts_of(fit, couplings, draws),
        read=np.array([_read(inference, coupling, spoken) for coupling in inference.couplings], dtype=float),
        events=spoken.events,
    )


def parts_of(fit: Fit, couplings: Sequence[Coupling], draws: Draws) -> tuple[Shares, Shares, Shares]:
    """Return where events come from at the estimates, at the centre of the draws, and at each draw."""
    divided = shares(fit, couplings, np.vstack([draws.estimate, draws.centre, draws.drawn]))

    def part(which: int | slice) -> Shares:
        return Shares(divided.average[which], divided.frailty[which], divided.echoes[which])

    return part(0), part(1), part(slice(2, None))


def _read(inference: Inference, coupling: Coupling, spoken: Sources) -> float:
    """Share read at the penalised mixture of half-lives."""
    alpha = inference.penalised.targets[coupling.target].model.alpha[list(coupling.columns)]
    return float(readable_share(inference.fit.design, coupling, spoken) @ mixture(alpha))


def couplings_table(read: Reading, inside: dict[tuple[str, str], tuple[float, int | None]]) -> pl.DataFrame:
    """Lay out the table of tests with its estimates.

    Parameters
    ----------
    read : see ``reading``.
    inside : share of incidents with the first kind that also have the second, and the distinct systems behind it, or
        behind the rest where they are fewer (None where the responses count them).

    Returns
    -------
    pl.DataFrame
        As ``Findings.couplings``; ``echoes`` lies between ``low`` and ``high`` where these are known.
    """
    design = read.design
    rows = []
    for coupling in read.couplings:
        pair = design.kinds[coupling.source_kind].name, design.kinds[design.targets[coupling.target].kind].name
        within, n_within = inside.get(pair, (None, None))
        told = {"same_cell_share": coupling.same_cell_share, "within_incident_share": within, "n_within": n_within}
        rows.append(coupling_row(design, coupling, tested(coupling) | told))
    return coupling_table(rows, COUPLINGS)


def branching_table(read: Reading) -> pl.DataFrame:
    """Lay out the branching ratio with its interval.

    Parameters
    ----------
    read : see ``reading``.

    Returns
    -------
    pl.DataFrame
        One row: value, low, high. Nothing where no coupling was looked at.
    """
    if not read.couplings:
        return pl.DataFrame(schema=RATIO | BEHIND)
    estimate, centre = (float(spectral_radius(read.matrix(e))) for e in (read.draws.estimate, read.draws.centre))
    value, low, high = corrected_interval(estimate, centre, spectral_radius(read.matrix(read.draws.drawn)))
    row = {"value": value, "low": low, "high": high} | behind_all(read.design).columns()
    return pl.DataFrame([row], schema=RATIO | BEHIND)


def echoed_table(read: Reading) -> pl.DataFrame:
    """Lay out how many of all events have a parent, as attribution counts them.

    Parameters
    ----------
    read : see ``reading``.

    Returns
    -------
    pl.DataFrame
        One row: value, low, high. Nothing where no coupling was looked at. Many couplings that are not negative are added
        up, so that noise makes estimate and draws too large, as it does with the branching ratio; the interval holds the value.
    """
    if not read.couplings:
        return pl.DataFrame(schema=RATIO | BEHIND)
    events = np.zeros(len(read.design.kinds))
    for target in read.design.targets:
        events[target.kind] = target.count.sum()
    value = float(echoed(read.divided, events))
    estimate, centre, drawn = (echoed(part, events) for part in read.parts)
    _, low, high = corrected_interval(float(estimate), float(centre), drawn)
    row = {"value": value, "low": min(low, value), "high": min(max(high, value), 1.0)} | behind_all(
        read.design
    ).columns()
    return pl.DataFrame([row], schema=RATIO | BEHIND)


def attribution_table(read: Reading) -> pl.DataFrame:
    """Lay out what goes together with the events of each kind.

    Parameters
    ----------
    read : see ``reading``.

    Returns
    -------
    pl.DataFrame
        kind, component, direct, root, low, high (of ``direct``); eight rows per kind with scored events.
    """
    design, couplings = read.design, read.couplings
    shown = direct(read.divided, couplings, design, read.groups)
    heads = root(read.divided, couplings, design, read.groups)
    estimate, centre, drawn = (direct(some, couplings, design, read.groups) for some in read.parts)
    rows = []
    for target in design.targets:
        k = target.kind
        for place, name in enumerate(COMPONENTS):
            at = k, place
            low, high = interval(shown[at], estimate[at], centre[at], drawn[:, *at], highest=1.0)
            told = (design.kinds[k].name, name, float(shown[k, place]), float(heads[k, place]), low, high)
            rows.append(dict(zip(ATTRIBUTION, told, strict=True)) | _behind_component(read, k, name).columns())
    return pl.DataFrame(rows, schema=ATTRIBUTION | BEHIND)


def _behind_component(read: Reading, kind: int, name: str) -> Behind:
    """Count the sources that could have spoken through the component; without any, the kind's own people."""
    design = read.design
    members = [
        coupling
        for coupling in read.couplings
        if design.targets[coupling.target].kind == kind
        and component(design.channels[coupling.channel], read.groups) == name
    ]
    own = behind_kind(design, kind)
    if not members:
        return own
    found = behind_couplings(design, members)
    return Behind(found.n_source, own.n_target, found.source_role, own.target_role, own.n_units)


def nodes_table(agency: Agency, design: Design) -> pl.DataFrame:
    """Lay out the nodes of the picture: every kind with an event in the window.

    Parameters
    ----------
    agency, design : the records and the design.

    Returns
    -------
    pl.DataFrame
        role, kind, events (rows of the records, with those that could not be scored).
    """
    counted = agency.events.group_by("kind").agg(
        pl.len().alias("events").cast(pl.Int64), pl.col("system").n_unique().alias("systems").cast(pl.Int64)
    )
    found = {str(kind): (events, systems) for kind, events, systems in counted.iter_rows()}
    rows = []
    for place, kind in enumerate(design.kinds):
        events, systems = found.get(kind.name, (0, 0))
        if events:
            behind = Behind(systems, systems, kind.role, kind.role, units(design, place))
            rows.append({"role": kind.role, "kind": kind.name, "events": events} | behind.columns())
    return pl.DataFrame(rows, schema=NODES | BEHIND)


def with_everyone(table: pl.DataFrame, design: Design) -> pl.DataFrame:
    """Add who is behind a table about the agency as a whole (the ladder).

    Parameters
    ----------
    table : any table.
    design : the design.

    Returns
    -------
    pl.DataFrame
        With the columns of ``BEHIND``.
    """
    everyone = behind_all(design).columns()
    return table.with_columns(pl.lit(value, dtype=BEHIND[name]).alias(name) for name, value in everyone.items())


def with_kind(table: pl.DataFrame, design: Design) -> pl.DataFrame:
    """Add who is behind each row of a table with a column ``kind`` (diagnostics).

    Parameters
    ----------
    table : with a column ``kind``.
    design : the design.

    Returns
    -------
    pl.DataFrame
        With the columns of ``BEHIND``.
    """
    place = {kind.name: number for number, kind in enumerate(design.kinds)}
    behind = [behind_kind(design, place[kind]).columns() for kind in table.get_column("kind")]
    return pl.concat([table, pl.DataFrame(behind, schema=BEHIND)], how="horizontal")


def with_coupling(table: pl.DataFrame, read: Reading) -> pl.DataFrame:
    """Add who is behind each row of a table with a column ``coupling`` (what could have been shown).

    Parameters
    ----------
    table : with ``coupling``, the number of the row in the table of tests.
    read : see ``reading``.

    Returns
    -------
    pl.DataFrame
        With the columns of ``BEHIND``, without ``coupling``.
    """
    members = [read.couplings[number] for number in table.get_column("coupling")]
    behind = [behind_couplings(read.design, [coupling]).columns() for coupling in members]
    return pl.concat([table.drop("coupling"), pl.DataFrame(behind, schema=BEHIND)], how="horizontal")
