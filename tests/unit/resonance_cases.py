"""Small worlds written down by hand, for the tests of what is read off."""

from __future__ import annotations

import numpy as np

from antiphon.design.delays import read_kernels
from antiphon.design.design import Channel, Design, Feature, Kind, Margins, Target
from antiphon.hawkes.curvature import dense_curvature
from antiphon.hawkes.fit import Fit, FitStatus, TargetFit
from antiphon.hawkes.options import Options
from antiphon.inference.inference import Coupling
from antiphon.model.parameters import Endemic, TargetModel
from antiphon.resonance.happened import Happened
from antiphon.resonance.surroundings import Surroundings

CLIENT = Kind("aggression", "client", "minute", terminal=False, while_="present")
STAFF = Kind("staff_injury", "staff", "minute", terminal=False, while_="present")
CHANNELS = (
    Channel("self", "", "", ""),
    Channel("peers", "unit", "client", "staff"),
    Channel("peers", "unit", "staff", "client"),
)


def target(kind: int, role: int, rows: int, columns: tuple[Feature, ...], read: list[float]) -> Target:
    """Rows one day apart, one system each; ``read`` is the mass read per column, all in one block."""
    numbers = np.arange(rows)
    return Target(
        kind=kind,
        role=role,
        time=numbers + 1.0,
        width=np.zeros(rows),
        count=np.ones(rows, dtype=np.int64),
        system=numbers + 100 * role,
        incident=numbers,
        unit=numbers % 2,
        block=np.zeros(rows, dtype=np.int64),
        cell=numbers,
        segment=numbers,
        exposure=np.ones(rows),
        columns=columns,
        features=np.ones((rows, len(columns))),
        compensator=np.array([read]),
    )


def design(targets: tuple[Target, ...], half_lives: tuple[float, ...] = (1.0,)) -> Design:
    """Two kinds, clients' aggression and staff injuries, over 100 scored days."""
    return Design(
        kinds=(CLIENT, STAFF),
        roles=(),
        channels=CHANNELS,
        kernels=read_kernels(half_lives),
        window_days=100.0,
        history_days=0.0,
        calendars={},
        block_edges=np.array([0.0, 100.0]),
        period_days=28.0,
        n_systems=200,
        n_organisations=1,
        n_periods=4,
        targets=targets,
        margins=Margins({}, {0: 40, 1: 30}, {}, {}),
        set_aside={},
    )


def target_fit(
    kind: int, alpha: list[float], endemic: float, excess: float, information: np.ndarray, rows: int
) -> TargetFit:
    """A fit whose endemic part expects ``endemic`` events, ``excess`` of them above those of equal persons."""
    n_systems = 200
    hazard = np.zeros(n_systems)
    hazard[0] = endemic
    theta_excess = np.zeros(n_systems)
    theta_excess[0] = excess / endemic
    empty = np.zeros(0)
    return TargetFit(
        model=TargetModel(
            kind,
            Endemic(0.0, empty, empty, empty, np.zeros((1, 1)), 0.0),
            tuple(Feature(0, 0, j) for j in range(len(alpha))),
            np.array(alpha),
            frailty_variance=0.5,
        ),
        log_likelihood=0.0,
        status=FitStatus.CONVERGED,
        steps=1,
        names=("intercept", *(f"alpha[{j}]" for j in range(len(alpha)))),
        hessian=dense_curvature(-information),
        parameters=np.zeros(1 + len(alpha)),
        baseline=np.ones(rows),
        excitation=np.full(rows, 0.5),
        echo_share=np.full(rows, 1 / 3),
        hazard=hazard,
        theta=np.ones(n_systems),
        theta_excess=theta_excess,
        log_r=None,
    )


def coupling(channel: int, source: int, to: int, columns: tuple[int, ...], **changes: object) -> Coupling:
    """A coupling of 0.2 echoes that is found, unless told otherwise."""
    values = {
        "channel": channel,
        "source_kind": source,
        "target": to,
        "columns": columns,
        "echoes": 0.2,
        "low": 0.1,
        "high": 0.3,
        "p": 0.001,
        "q": 0.01,
        "claimed": True,
        "approximate": False,
        "label": "",
        "median_delay_days": 1.0,
        "same_cell_share": 0.0,
        "n_source": 40,
        "n_target": 30,
        "n_units": 4,
    }
    return Coupling(**(values | changes))  # type: ignore[arg-type]


def two_kinds() -> tuple[Fit, tuple[Coupling, ...]]:
    """Clients' aggression: 80 events, 50 endemic (10 of them frailty), 20 own past, 10 after staff injuries.

    Staff injuries: 40 events, 30 endemic (0 frailty), 10 after clients' aggression.
    """
    aggression = target(0, 0, 80, (Feature(0, 0, 0), Feature(2, 1, 0)), [80.0, 40.0])
    injury = target(1, 1, 40, (Feature(1, 0, 0),), [80.0])
    fit = Fit(
        design((aggression, injury)),
        (
            target_fit(0, [0.25, 0.25], 50.0, 10.0, np.diag([80.0, 400.0, 400.0]), 80),
            target_fit(1, [0.125], 30.0, 0.0, np.diag([40.0, 400.0]), 40),
        ),
        Options(),
    )
    return fit, (coupling(0, 0, 0, (0,)), coupling(2, 1, 0, (1,)), coupling(1, 0, 1, (0,)))


def happened(rows: list[tuple[int, int, int, int]]) -> Happened:
    """Rows of incident, kind, system, unit, one day apart; at whom is not said."""
    incident, kind, system, unit = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    days = np.arange(len(rows), dtype=float)
    nobody = np.full(len(rows), -1)
    return Happened(incident, kind, system, unit, nobody, days, days, np.ones(len(rows), dtype=bool))


def surrounded(what: Happened, **known: object) -> Surroundings:
    """Surroundings of which nothing is known but what is given."""
    n = len(what.time)
    values = {
        "time": np.zeros(n), "shift": np.full(n, -1), "shifts": ("07:00", "15:00", "23:00"),
        "staffing": np.full(n, np.nan), "doses": {}, "target": what.target, "role": np.full(n, -1),
        "roles": ("client", "staff"),
    }  # fmt: skip
    return Surroundings(**(values | known))  # type: ignore[arg-type]
