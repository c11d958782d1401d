"""Small designs made by hand: persons with stays, rhythm, strata and drawn features, without any records."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from antiphon.design.delays import read_kernels
from antiphon.design.design import Calendar, Channel, Covariate, Design, Feature, Kind, Margins, Role, Segments, Target

CHANNELS = (Channel("self", "", "", ""), Channel("peers", "unit", "client", "client"))


def stays(generator, n_systems, days, n_organisations):
    """Segments of one role: a stay per person, cut a week after its start."""
    rows = []
    for i in range(n_systems):
        start = generator.uniform(0.0, 0.6 * days)
        end = min(days, start + generator.exponential(0.3 * days) + 5.0)
        cut = min(end, start + 7.0)
        rows.append((i, start, cut, 0, i % n_organisations))
        if cut < end:
            rows.append((i, cut, end, 1, i % n_organisations))
    system, start, end, stratum, group = (np.array(column) for column in zip(*rows, strict=True))
    always, none = np.ones((len(rows), 1), bool), np.empty((len(rows), 0))
    return Segments(system, start, end, stratum, group, always, always, np.zeros((len(rows), 1), np.int64), none, none)


def _drawn_units(generator, segments, units):
    """Unit of each segment: now and then a person changes it, or is in none."""
    if not units.size:
        return np.zeros(0, np.int64)
    own = [np.flatnonzero(units == group) for group in segments.group]
    lot = segments.system + (generator.random(segments.system.size) < 0.3)
    found = np.array([mine[n % mine.size] for mine, n in zip(own, lot, strict=True)])
    return np.where(generator.random(found.size) < 0.05, -1, found)


def draw_rows(generator, segments, n_systems, variance, rate):
    """Times, systems and segments of endemic events with a Gamma frailty."""
    theta = generator.gamma(1.0 / variance, variance, n_systems) if variance else np.ones(n_systems)
    expected = (
        rate * theta[segments.system] * np.where(segments.stratum == 0, 2.0, 1.0) * (segments.end - segments.start)
    )
    segment = np.repeat(np.arange(segments.system.size), generator.poisson(expected))
    time = generator.uniform(segments.start[segment], segments.end[segment])
    order = np.argsort(time)
    return time[order], segments.system[segment][order], segment[order]


def invented(
    seed=1,
    *,
    n_systems=40,
    n_columns=4,
    days=200.0,
    variance=1.0,
    precision="minute",
    n_organisations=2,
    terminal=False,
    rate=0.15,
    units=(),
):
    """A design with one target kind; features are drawn at random, so only arithmetic can be tested with it.

    ``units`` (units,) is the organisation of each; people are in one of their organisation's, some move to the next.
    """
    generator = np.random.default_rng(seed)
    n_shifts = 1 if precision == "day" else 3
    edges = np.arange(int(days) * n_shifts + 1) / n_shifts
    cells = np.arange(edges.size - 1)
    calendar = Calendar(edges, cells % n_shifts, (cells // n_shifts) % 7, n_shifts)
    segments = stays(generator, n_systems, days, n_organisations)
    units = np.array(units, np.int64)
    segments = replace(segments, unit=_drawn_units(np.random.default_rng(seed), segments, units))
    role = Role("client", (0,), ("first week", "later"), segments, np.ones(n_systems, bool), units=units)
    time, system, segment = draw_rows(generator, segments, n_systems, variance, rate)
    rows = time.size
    cell = np.clip(np.searchsorted(edges, time, side="right") - 1, 0, cells.size - 1)
    blocks = np.linspace(0.0, days, 9)
    coarse = precision != "minute"
    target = Target(
        kind=0,
        role=0,
        time=time,
        width=np.full(rows, 1.0 / n_shifts if coarse else 0.0),
        count=generator.integers(1, 4, rows) if coarse and not terminal else np.ones(rows, np.int64),
        system=system,
        incident=np.arange(rows),
        unit=np.zeros(rows, np.int64),
        block=np.clip(np.searchsorted(blocks, time, side="right") - 1, 0, 7),
        cell=cell,
        segment=segment,
        exposure=generator.uniform(0.5, 1.0, rows) / n_shifts if coarse else np.ones(rows),
        columns=tuple(Feature(j // 2, 0, j % 2) for j in range(n_columns)),
        features=generator.exponential(0.3, (rows, n_columns)) * (generator.random((rows, n_columns)) < 0.5),
        compensator=np.tile(0.1 * rows * generator.uniform(0.3, 1.0, n_columns), (8, 1)),
    )
    keys = [(c, 0, 0) for c in range(max(1, n_columns // 2))]
    margins = Margins({key[:2]: 30 for key in keys}, {0: 30}, dict.fromkeys(keys, 50.0), dict.fromkeys(keys, 4))
    return Design(
        (Kind("restraint", "client", precision, terminal, "present"),),
        (role,),
        CHANNELS,
        read_kernels([0.5, 3.0]),
        days,
        0.0,
        {precision: calendar},
        blocks,
        28.0,
        n_systems,
        n_organisations,
        int(np.ceil(days / 28.0)),
        (target,),
        margins,
        {},
    )


def with_covariates(design, *, kinds=(None, (5,), (0,)), seed=5, values=None):
    """The design with covariates of its segments: for all kinds, for another kind, for this one."""
    role, generator = design.roles[0], np.random.default_rng(seed)
    values = generator.normal(0.0, 1.0, (role.segments.system.size, len(kinds))) if values is None else values
    covariates = tuple(Covariate(f"attribute:{i}", some, "one more", 0.0, 1.0, 0.0) for i, some in enumerate(kinds))
    segments = replace(role.segments, covariates=values)
    return replace(design, roles=(replace(role, segments=segments, covariates=covariates),))
