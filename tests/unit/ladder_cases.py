"""An invented agency as a design, made without the design package: people whose events echo in their own."""

from __future__ import annotations

import numpy as np

from antiphon.design.delays import read_kernels
from antiphon.design.design import Calendar, Channel, Design, Feature, Kind, Margins, Role, Segments, Target

WINDOW = 400.0
HISTORY = 8.0
N_BLOCKS = 8


def own_echoes(
    seed: int,
    *,
    n_systems: int = 40,
    rate: float = 0.04,
    echoes: float = 0.4,
    half_life: float = 2.0,
    frailty_variance: float = 0.0,
    read_half_life: float | None = None,
    n_organisations: int = 4,
) -> Design:
    """People present throughout; ``read_half_life`` is what the features are computed with (None: the true one)."""
    generator = np.random.default_rng(seed)
    shape = 1.0 / frailty_variance if frailty_variance > 0 else None
    theta = generator.gamma(shape, frailty_variance, n_systems) if shape else np.ones(n_systems)
    times = [_history(generator, rate * theta[i], echoes, half_life) for i in range(n_systems)]
    system = np.concatenate([np.full(len(t), i) for i, t in enumerate(times)])
    time = np.concatenate(times)
    decay = np.log(2) / (read_half_life or half_life)
    felt = np.concatenate([_felt(t, decay) for t in times])
    edges = np.linspace(HISTORY, WINDOW, N_BLOCKS + 1)
    read = np.array([_between(times, decay, edges[b], edges[b + 1]) for b in range(N_BLOCKS)])
    scored = np.flatnonzero(time >= HISTORY)
    scored = scored[np.argsort(time[scored], kind="stable")]
    calendar = _calendar()
    target = Target(
        kind=0,
        role=0,
        time=time[scored],
        width=np.zeros(scored.size),
        count=np.ones(scored.size, dtype=np.int64),
        system=system[scored],
        incident=np.arange(scored.size),
        unit=system[scored] % n_organisations,
        block=np.clip(np.searchsorted(edges, time[scored], side="right") - 1, 0, N_BLOCKS - 1),
        cell=np.clip(np.searchsorted(calendar.edges, time[scored], side="right") - 1, 0, len(calendar.shift) - 1),
        segment=2 * system[scored] + 1,
        exposure=np.ones(scored.size),
        columns=(Feature(0, 0, 0),),
        features=felt[scored, None],
        compensator=read[:, None],
    )
    return Design(
        kinds=(Kind("aggression", "client", "minute", terminal=False, while_="present"),),
        roles=(_role(n_systems, n_organisations),),
        channels=(Channel("self", "", "", ""),),
        kernels=read_kernels([read_half_life or half_life]),
        window_days=WINDOW,
        history_days=HISTORY,
        calendars={"minute": calendar},
        block_edges=edges,
        period_days=100.0,
        n_systems=n_systems,
        n_organisations=n_organisations,
        n_periods=4,
        targets=(target,),
        margins=Margins({(0, 0): n_systems}, {0: n_systems}, {(0, 0, 0): 1000.0}, {(0, 0, 0): n_organisations}),
        set_aside={},
    )


def _history(generator: np.random.Generator, rate: float, echoes: float, half_life: float) -> np.ndarray:
    """Immigrants, then offspring generation by generation."""
    parents = generator.uniform(0, WINDOW, generator.poisson(rate * WINDOW))
    found = [parents]
    while parents.size:
        children = np.repeat(parents, generator.poisson(echoes, parents.size))
        parents = children + generator.exponential(half_life / np.log(2), children.size)
        parents = parents[parents < WINDOW]
        found.append(parents)
    return np.sort(np.concatenate(found))


def _felt(times: np.ndarray, decay: float) -> np.ndarray:
    """What is still felt of earlier events at each event, per day."""
    gaps = times[:, None] - times[None, :]
    return (decay * np.exp(-decay * np.where(gaps > 0, gaps, np.inf))).sum(axis=1)


def _between(times: list[np.ndarray], decay: float, start: float, end: float) -> float:
    """Mass felt by everyone between two moments."""
    total = 0.0
    for everything in times:
        own = everything[everything < end]
        total += float(np.sum(np.exp(-decay * np.maximum(start - own, 0.0)) - np.exp(-decay * (end - own))))
    return total


def _calendar() -> Calendar:
    edges = np.linspace(0.0, WINDOW, 3 * int(WINDOW) + 1)
    cells = np.arange(len(edges) - 1)
    return Calendar(edges, cells % 3, (cells // 3) % 7, n_shifts=3)


def _role(n_systems: int, n_organisations: int) -> Role:
    """Two segments each: history, and the rest."""
    systems = np.repeat(np.arange(n_systems), 2)
    is_scored = np.tile([False, True], n_systems)
    segments = Segments(
        system=systems,
        start=np.where(is_scored, HISTORY, 0.0),
        end=np.where(is_scored, WINDOW, HISTORY),
        stratum=np.zeros(2 * n_systems, dtype=np.int64),
        group=systems % n_organisations,
        at_risk=is_scored[:, None],
        alive=np.ones((2 * n_systems, 1), dtype=bool),
        n_earlier=np.zeros((2 * n_systems, 1), dtype=np.int64),
        covariates=np.empty((2 * n_systems, 0)),
        receptivity=np.empty((2 * n_systems, 0)),
    )
    return Role("client", (0,), ("later",), segments, np.ones(n_systems, dtype=bool))
