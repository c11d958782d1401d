"""The entry: structure, parameters and seed in, rows of events out."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from antiphon.design.events import GRAINS, Rows, no_rows, rows_again, rows_from
from antiphon.design.spells import CODE
from antiphon.errors import SpecificationError
from antiphon.kernels import immigrants, ordering, readers
from antiphon.kernels import simulation as loops
from antiphon.kernels.propensity import highest_factor
from antiphon.simulation.past import make_past
from antiphon.simulation.rates import make_people, make_propensity, make_targets, ordered_targets
from antiphon.simulation.wiring import links_of, make_couplings, make_endings, make_places, make_pools, parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from antiphon.design.events import Events
    from antiphon.design.steps import Steps
    from antiphon.design.structure import Structure
    from antiphon.model.parameters import Model, TargetModel
    from antiphon.simulation.wiring import Links

PART = 4096
"""Systems in one part of the work, about: so many that their state stays in cache. Threads share the parts."""

MOST_EVENTS = 50_000_000
"""More than this in one part of an agency is taken for a process that reproduces faster than it fades."""

FIRST_BOUND = 4.0
"""Propensities up to this are foreseen; where one turns out higher, the run is repeated with more room above."""


@dataclass(frozen=True, slots=True, repr=False)
class Simulated:
    """Simulated events, sorted by time; ``antiphon.design.design_of`` puts them into their structure.

    Attributes
    ----------
    rows : (events,) as they would be recorded; those of the history come first among equals, with their incidents.
    parent : (events,) event that each follows; -1 for endemic events and for the history.
    channel : (events,) channel by which it follows it; -1 likewise.
    """

    rows: Rows
    parent: np.ndarray
    channel: np.ndarray


@dataclass(frozen=True, slots=True, repr=False)
class History:
    """What has happened before a simulation begins.

    Attributes
    ----------
    events : those before ``until`` are kept and go on sounding; later ones are not looked at.
    until : day on which the simulation begins. A cell of coarse time that has begun by then belongs to the history.
    """

    events: Events
    until: float


class _World(NamedTuple):
    """All that the loops read."""

    couplings: loops.Couplings
    seats: readers.Seats
    places: readers.Places
    targets: immigrants.Targets
    people: immigrants.People


def simulate(
    structure: Structure,
    model: Model,
    seed: int,
    *,
    history: History | None = None,
    frailty: Mapping[int, np.ndarray] | None = None,
    circumstances: Mapping[int, Steps] | None = None,
    receptivity: Mapping[int, Steps] | None = None,
    masses: Mapping[int, np.ndarray] | None = None,
) -> Simulated:
    """Run the model forward, exactly.

    Parameters
    ----------
    structure
        Who is where, what can happen, how it is recorded: ``Design.structure``, or from ``take_apart``.
    model
        Parameters of the target kinds. Other kinds do not happen.
    seed
        Of the luck. Each system, kind and event has luck of its own, so that whoever is added, and whatever is changed
        elsewhere, leaves the events of those who never hear of it as they are.
    history
        What has happened already, and until when; None: nothing, and the simulation begins with the window.
    frailty
        {kind: (systems,)}: frailties that are given, such as draws given the past; the others are drawn.
    circumstances
        {kind: log factor on its endemic rate}, a step function per system: what covariates make of it. Needed for kinds
        whose model has covariates; those of a design come from `circumstances_of`.
    receptivity
        {kind: log factor on all that reaches someone}, likewise; those of a design come from `receptivity_of`.
    masses
        {kind: equally likely masses of its events}; 1 where none are given.

    Returns
    -------
    Simulated
        Events within the window. Each simulated event is an incident of its own.

    Raises
    ------
    SpecificationError
        Where the parameters do not fit the structure, or events reproduce without end.

    Notes
    -----
    Endemic events are the points of a Poisson process in time and height that lie below the endemic rate. An event has
    Poisson many echoes, ``alpha`` for each coupling; each arrives after a delay from the kernel, is heard by one of
    those who are eligible then, and happens if whoever hears it is at risk. So the intensity is that of the model, by
    the superposition and thinning of Poisson processes (Hawkes and Oakes 1974).
    """
    models = ordered_targets(structure, model)
    people, highest = make_people(structure, models, seed, frailty or {}, circumstances or {}, receptivity or {})
    links = links_of(structure, models)
    links = replace(links, alpha=links.alpha * highest[links.target])
    pool, seats = make_pools(structure, links)
    world = _World(
        make_couplings(structure, links, pool, masses or {}),
        seats,
        make_places(structure.roster),
        make_targets(structure, models, seed, 0.0 if history is None else history.until),
        people,
    )
    rows = no_rows()
    if history is not None:
        rows = rows_again(history.events, structure.kinds, structure.calendars)
        rows = rows.where(rows.time < history.until)
    systems, begins = parts_of(structure, links, PART)
    part = np.empty(systems.size, np.int64)
    part[systems] = np.repeat(np.arange(begins.size - 1), np.diff(begins))
    past, row = make_past(structure, links, rows, world.targets.rule[:, immigrants.KIND], part, seed)
    bound = FIRST_BOUND if any(one.endemic.propensity for one in models) else 1.0
    while True:
        found, highest = _run(structure, models, world, past, (systems, begins), bound)
        if highest <= bound:
            return _collect(structure, links, found, rows, row)
        bound = 2.0 * highest


def _run(
    structure: Structure,
    models: list[TargetModel],
    world: _World,
    past: loops.Past,
    parts: tuple[np.ndarray, np.ndarray],
    bound: float,
) -> tuple[list[tuple[np.ndarray, np.ndarray]], float]:
    """Run all parts, in threads; return what was found, and the highest propensity that was met."""
    systems, begins = parts
    world = _fresh(world)
    propensity = make_propensity(structure, models, world.targets, world.people)
    endings = make_endings(structure.roster, world.targets, world.people)
    until = structure.roster.window_days

    def run(part: int) -> tuple[np.ndarray, np.ndarray, bool]:
        mine = systems[begins[part] : begins[part + 1]]
        return loops.run_part(part, mine, past, *world, propensity, endings, bound, until, MOST_EVENTS)

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        results = list(threads.map(run, range(begins.size - 1)))
    if not all(has_room for *_, has_room in results):
        raise SpecificationError(
            f"More than {MOST_EVENTS:,} events in one part of the agency: these couplings reproduce faster than they "
            "fade. Check that the largest eigenvalue of the matrix of echoes is below 1, or shorten the window."
        )
    highest = highest_factor(until, world.people, propensity, world.targets)
    return [(time, table) for time, table, _ in results], highest


def _fresh(world: _World) -> _World:
    """Return the world with working memory of its own: the loops move on from spell to spell and from seat to seat."""
    seats = {name: getattr(world.seats, name).copy() for name in ("pools", "in_use", "place", "weight")}
    people = world.people._replace(row=world.people.row.copy())
    return world._replace(seats=world.seats._replace(**seats), people=people)


def _collect(
    structure: Structure,
    links: Links,
    found: list[tuple[np.ndarray, np.ndarray]],
    history: Rows,
    row: np.ndarray,
) -> Simulated:
    """Put the parts together, sort them by time, and give the history its incidents back."""
    time = np.concatenate([part for part, _ in found]) if len(found) > 1 else found[0][0]
    table = np.concatenate([part for _, part in found], axis=1) if len(found) > 1 else found[0][1]
    if len(found) > 1 or history.time.size or np.any(time[1:] < time[:-1]):
        order = ordering.long_order_by_time(time)
        order = order[np.searchsorted(time[order], 0.0) :]
        time, table = ordering.in_order(order, time, table, loops.BACK)
    else:
        back = table[loops.BACK]
        table[loops.BACK] = np.where(back > 0, np.arange(time.size) - back, -1)
    kind, coupling = table[loops.WHAT], table[loops.BY]
    grains = np.asarray([GRAINS.index(one.precision) for one in structure.kinds], np.int8)
    grain = grains[kind] if grains.any() or history.time.size else np.broadcast_to(np.int8(0), time.size)
    number = np.broadcast_to(CODE(-1), time.size)
    if history.time.size:
        number, kept = number.copy(), np.flatnonzero(coupling <= loops.FIRST_PAST)
        source = row[loops.FIRST_PAST - coupling[kept]]
        number[kept], grain[kept], coupling[kept] = history.number[source], history.grain[source], loops.ENDEMIC
    channel = np.append(links.channel, -1)[coupling]
    rows = rows_from(time, table[loops.WHO], kind, number, grain=grain)
    return Simulated(rows, table[loops.BACK], channel)
