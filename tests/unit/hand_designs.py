"""Designs that are made by hand from spells, rows and features, to compare the estimator alone with other programs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from antiphon.design.delays import read_kernels
from antiphon.design.design import Calendar, Channel, Covariate, Design, Feature, Kind, Margins, Role, Segments, Target
from antiphon.hawkes.curvature import reduce
from antiphon.hawkes.estimate import estimate
from antiphon.hawkes.likelihood import compute_state
from antiphon.hawkes.options import Options
from antiphon.hawkes.problem import build_problem

N_BLOCKS = 8


@dataclass(frozen=True)
class Spells:
    """Spells at risk, (spells,) each: whose, from when to when, organisation, stratum; covariates (spells, covariates)."""

    system: np.ndarray
    start: np.ndarray
    end: np.ndarray
    group: np.ndarray
    stratum: np.ndarray
    covariates: np.ndarray


@dataclass(frozen=True)
class Rows:
    """Scored events, (rows,) each: the spell they fall into, time, count; what reached them, (rows, columns).

    ``compensator`` (columns,) is the features integrated over everyone at risk.
    """

    spell: np.ndarray
    time: np.ndarray
    count: np.ndarray
    features: np.ndarray
    compensator: np.ndarray = field(default_factory=lambda: np.zeros(0))


def hand_design(spells, rows, *, days, period_days, precision="minute", weekday=None, terminal=False):
    """The design of one kind; ``weekday`` (days,) is a code of every day, none by default."""
    edges = np.arange(int(days) + 1.0)
    n_days, n_columns, n_rows = int(days), rows.features.shape[1], rows.time.size
    weekday = np.zeros(n_days, np.int64) if weekday is None else weekday
    calendar = Calendar(edges, np.zeros(n_days, np.int64), weekday, 1)
    n_spells, n_covariates = spells.covariates.shape
    always, none = np.ones((n_spells, 1), bool), np.zeros((n_spells, 1), np.int64)
    segments = Segments(
        spells.system, spells.start, spells.end, spells.stratum, spells.group, always, always, none,
        spells.covariates, np.empty((n_spells, 0)),
    )  # fmt: skip
    n_systems = int(spells.system.max()) + 1
    covariates = tuple(Covariate(f"attribute:{j}", None, "one more", 0.0, 1.0, 0.0) for j in range(n_covariates))
    strata = tuple(f"stratum {level}" for level in range(int(spells.stratum.max()) + 1))
    role = Role("person", (0,), strata, segments, np.zeros(n_systems, bool), covariates)
    blocks = np.linspace(0.0, days, N_BLOCKS + 1)
    target = Target(
        kind=0,
        role=0,
        time=rows.time,
        width=np.full(n_rows, 0.0 if precision == "minute" else 1.0),
        count=rows.count,
        system=spells.system[rows.spell],
        incident=np.arange(n_rows),
        unit=np.full(n_rows, -1),
        block=np.clip(np.searchsorted(blocks, rows.time, side="right") - 1, 0, N_BLOCKS - 1),
        cell=np.floor(rows.time).astype(np.int64),
        segment=rows.spell,
        exposure=np.ones(n_rows),
        columns=tuple(Feature(j, 0, 0) for j in range(n_columns)),
        features=rows.features,
        compensator=np.tile(rows.compensator / N_BLOCKS, (N_BLOCKS, 1)),
    )
    return Design(
        kinds=(Kind("kind", "person", precision, terminal, "member"),),
        roles=(role,),
        channels=tuple(Channel("self", "", "", "") for _ in range(n_columns)),
        kernels=read_kernels([1.0]),
        window_days=float(days),
        history_days=0.0,
        calendars={precision: calendar},
        block_edges=blocks,
        period_days=period_days,
        n_systems=n_systems,
        n_organisations=int(spells.group.max()) + 1,
        n_periods=int(np.ceil(days / period_days)),
        targets=(target,),
        margins=Margins({}, {0: n_systems}, {}, {}),
        set_aside={},
    )


def estimated(design, *, is_ridged):
    """Parameters, standard errors of the central ones, and log likelihood, with the weak ridge or without."""
    problem = build_problem(design, 0, Options())
    if not is_ridged:
        problem = replace(problem, layout=replace(problem.layout, ridge=np.zeros(problem.layout.size)))
    optimum, objective = estimate(problem, None)
    assert not objective.frail
    errors = np.sqrt(np.diag(np.linalg.inv(reduce(optimum.hessian).schur)))
    x = optimum.point.x
    fitted = compute_state(problem, x, 0.0, second=False).log_like.sum()
    return x, errors, float(fitted - problem.compensator @ x[problem.layout.size :])
