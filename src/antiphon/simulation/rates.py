"""The endemic part as tables: rates by organisation and cell, factors by spell, frailties."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincinv

from antiphon.design.build import frail_systems, n_periods
from antiphon.design.clock import period_of_cells
from antiphon.design.events import SetAside, make_events, no_rows
from antiphon.design.risk import GROUP_STRATA, PEOPLE_STRATA, Exposure, make_segments, organisations
from antiphon.errors import SpecificationError
from antiphon.kernels.draws import stream_keys, uniforms
from antiphon.kernels.immigrants import (
    CELLS,
    COUNT,
    EDGE,
    EPOCH,
    FIRST,
    IS_COARSE,
    IS_TERMINAL,
    KIND,
    MEMBER,
    NOT_MEMBER,
    NOT_PRESENT,
    PEAK,
    PRESENT,
    RATE,
    SPELL,
    STOP,
    People,
    Targets,
    peak_rates,
)
from antiphon.kernels.propensity import Propensity
from antiphon.model.parameters import PROPENSITY_GRAIN
from antiphon.simulation.streams import stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from antiphon.design.design import Calendar, Segments
    from antiphon.design.steps import Steps
    from antiphon.design.structure import Structure
    from antiphon.model.parameters import Model, TargetModel


def ordered_targets(structure: Structure, model: Model) -> list[TargetModel]:
    """Return the target kinds, those of one role side by side."""
    roles = list(dict.fromkeys(kind.role for kind in structure.kinds))
    return sorted(model.targets, key=lambda t: (roles.index(structure.kinds[t.kind].role), t.kind))


def make_targets(structure: Structure, targets: list[TargetModel], seed: int, start: float) -> Targets:
    """Return the endemic rates of the targets, at frailty 1 and without factors of spells."""
    n_organisations = organisations(structure.roster)[2]
    n_epochs = int(np.ceil(structure.roster.window_days / EPOCH))
    names = list(structure.calendars)
    sizes = np.asarray([calendar.edges.size for calendar in structure.calendars.values()])
    first_edge = np.cumsum(sizes) - sizes
    kinds = [structure.kinds[target.kind] for target in targets]
    rates, peaks, starts = [], [], []
    for target, kind in zip(targets, kinds, strict=True):
        calendar = structure.calendars[kind.precision]
        rates.append(_cell_rates(structure, target, calendar, n_organisations))
        peaks.append(np.zeros((n_organisations, n_epochs)))
        peak_rates(calendar.edges, rates[-1], peaks[-1])
        # a cell that has begun belongs to the past
        first = calendar.edges[min(np.searchsorted(calendar.edges, start), calendar.edges.size - 1)]
        starts.append(first if kind.precision != "minute" else start)
    number = [names.index(kind.precision) for kind in kinds]
    rule = np.zeros((len(targets), 7), np.int64)
    rule[:, KIND] = [target.kind for target in targets]
    rule[:, IS_COARSE] = [kind.precision != "minute" for kind in kinds]
    rule[:, IS_TERMINAL] = [kind.terminal for kind in kinds]
    rule[:, CELLS], rule[:, EDGE] = sizes[number] - 1, first_edge[number]
    rule[:, RATE], rule[:, PEAK] = _beginnings(rates), _beginnings(peaks)
    return Targets(
        rule=rule,
        starts=np.asarray(starts, float),
        edges=np.concatenate([calendar.edges for calendar in structure.calendars.values()]),
        rates=_flat(rates),
        peaks=_flat(peaks),
        stream=np.asarray([stream(seed, "immigrants", kind.name) for kind in kinds], np.uint64),
    )


def make_propensity(structure: Structure, models: list[TargetModel], targets: Targets, people: People) -> Propensity:
    """Return what the propensity needs; without systems where no target asks for it."""
    has_propensity = any(model.endemic.propensity for model in models)
    n = structure.roster.n_systems if has_propensity else 0
    kinds = [structure.kinds[model.kind] for model in models]
    width = max((sum(kind.role == other.role for kind in kinds) for other in kinds), default=0)
    frail = np.zeros(n, bool)
    if n and structure.choices.has_frailty:
        for role in {kind.role for kind in kinds}:
            frail |= frail_systems(structure.roster, role)
    tables = _cumulated(targets, organisations(structure.roster)[2]) if has_propensity else []
    return Propensity(
        grain=PROPENSITY_GRAIN,
        coefficient=np.asarray([model.endemic.propensity for model in models], float),
        shape=np.asarray([model.endemic.propensity_shape for model in models], float),
        counts=np.asarray([not kind.terminal for kind in kinds], bool),
        total=_beginnings(tables),
        totals=_flat(tables),
        is_frail=frail,
        known=np.zeros((n, width), np.int64),
        hazard=np.zeros((n, width)),
        factor=np.ones((n, width)),
        until=np.zeros(n),
        frozen=np.full(n, -np.inf),
        spell=people.row[:n, SPELL].copy(),
        highest=np.ones(n),
    )


def _cumulated(targets: Targets, n_organisations: int) -> list[np.ndarray]:
    """Return the integral of each target's rates to the edges of the cells: (organisations, cells + 1)."""
    tables = []
    for rule in targets.rule:
        cells, edge = rule[CELLS], rule[EDGE]
        rates = targets.rates[rule[RATE] :][: n_organisations * cells].reshape(n_organisations, cells)
        tables.append(np.zeros((n_organisations, cells + 1)))
        np.cumsum(rates * np.diff(targets.edges[edge : edge + cells + 1]), axis=1, out=tables[-1][:, 1:])
    return tables


def make_people(
    structure: Structure,
    targets: list[TargetModel],
    seed: int,
    frailty: Mapping[int, np.ndarray],
    circumstances: Mapping[int, Steps],
    receptivity: Mapping[int, Steps],
) -> tuple[People, np.ndarray]:
    """Return the systems with their spells at risk, factors on the endemic rate, and frailties.

    Also the highest receptivity for each target, (targets,): as many times the echoes set out, and who is less ready
    to answer answers that much less of them.
    """
    roster, n = structure.roster, structure.roster.n_systems
    roles = np.asarray([structure.kinds[target.kind].role for target in targets], dtype=str)
    names, counts = np.unique(roles, return_counts=True) if targets else (roles, np.zeros(0, np.int64))
    width = int(counts.max(initial=0))
    row = np.zeros((n, 8), np.int64)
    theta = np.ones((n, width))
    spells: list[Segments] = []
    effects, answers, highest = [], [], np.ones(len(targets))
    for role, n_targets in zip(names, counts, strict=True):
        mine = np.flatnonzero(roles == role)
        members = np.flatnonzero(roster.role == role)
        row[members, FIRST], row[members, COUNT] = mine[0], n_targets
        steps = [
            given[targets[q].kind] for given in (circumstances, receptivity) for q in mine if targets[q].kind in given
        ]
        spells.append(_spells(structure, members, steps))
        effects.append(np.zeros((spells[-1].system.size, width)))
        answers.append(np.ones((spells[-1].system.size, width)))
        kinds = [k for k, kind in enumerate(structure.kinds) if kind.role == role]
        for column, q in enumerate(mine):
            alive = spells[-1].alive[:, kinds.index(targets[q].kind)]
            effects[-1][:, column] = np.where(alive, _factors(structure, targets[q], spells[-1], circumstances), 0.0)
            theta[members, column] = _frailties(structure, targets[q], seed, frailty)[members]
            ready = np.where(alive, _receptivities(structure, targets[q], spells[-1], receptivity), 0.0)
            highest[q] = ready.max(initial=0.0) or 1.0
            answers[-1][:, column] = ready / highest[q]
    joined = {
        name: np.concatenate([getattr(s, name) for s in spells] or [np.zeros(0, dtype)])
        for name, dtype in (("system", np.int64), ("start", float), ("end", float), ("group", np.int64))
    }
    order = np.argsort(joined["system"], kind="stable")
    bounds = np.searchsorted(joined["system"][order], np.arange(n + 1))
    row[:, SPELL], row[:, STOP] = bounds[:-1], bounds[1:]
    present, member = roster.present, roster.member
    row[:, PRESENT], row[:, NOT_PRESENT] = present.begins[:-1], present.begins[1:]
    row[:, MEMBER], row[:, NOT_MEMBER] = member.begins[:-1] + present.owner.size, member.begins[1:] + present.owner.size
    heard = np.concatenate([*answers, np.zeros((0, width))])[order]
    people = People(
        keys=structure.keys,
        row=row,
        theta=theta,
        span=np.stack([joined["start"][order], joined["end"][order]], axis=1),
        group=joined["group"][order],
        effect=np.concatenate([*effects, np.zeros((0, width))])[order],
        answers=heard if receptivity else heard[:0],
    )
    return people, highest


def _spells(structure: Structure, members: np.ndarray, steps: list[Steps]) -> Segments:
    """Return the segments of a role as they are before anything has happened, cut where circumstances change."""
    role = structure.roster.role[members[0]] if members.size else ""
    mine = tuple(k for k, kind in enumerate(structure.kinds) if kind.role == role)
    inside, none, _ = organisations(structure.roster)
    events = make_events(no_rows(), structure.kinds, structure.roster, structure.calendars, None, SetAside())
    exposure = Exposure(
        structure.roster, events, structure.kinds, structure.gaps, structure.choices.history_days, inside, none
    )
    here = np.isin(np.arange(structure.roster.n_systems), members)
    more = [(step.owner[here[step.owner]], step.time[here[step.owner]]) for step in steps]
    return make_segments(exposure, members, mine, is_frail=False, more=more)


def _factors(
    structure: Structure, target: TargetModel, spells: Segments, circumstances: Mapping[int, Steps]
) -> np.ndarray:
    """Return what each spell multiplies the endemic rate by: (spells,), never 0."""
    effect = target.endemic.stratum[spells.stratum] + target.endemic.of_units(spells.unit)
    if target.kind in circumstances:
        effect = effect + circumstances[target.kind].at(spells.system, spells.start)
    elif target.endemic.covariates.any():
        raise SpecificationError(
            f'The model of "{structure.kinds[target.kind].name}" has covariates, so the simulation needs their values: '
            "give the circumstances, such as those of the design by `circumstances_of`."
        )
    return np.maximum(np.exp(effect), np.finfo(float).tiny)


def _receptivities(
    structure: Structure, target: TargetModel, spells: Segments, receptivity: Mapping[int, Steps]
) -> np.ndarray:
    """Return what everything that reaches someone is multiplied by in each spell: (spells,)."""
    if target.kind in receptivity:
        return np.exp(receptivity[target.kind].at(spells.system, spells.start))
    if target.receptivity.any():
        raise SpecificationError(
            f'The model of "{structure.kinds[target.kind].name}" has receptivity, so the simulation needs its values: '
            "give the receptivity, such as that of the design by `receptivity_of`."
        )
    return np.ones(spells.system.size)


def _cell_rates(structure: Structure, target: TargetModel, calendar: Calendar, n_organisations: int) -> np.ndarray:
    endemic, choices = target.endemic, structure.choices
    periods = n_periods(structure.roster.window_days, choices.period_days)
    is_person = structure.roster.is_person[structure.roster.role == structure.kinds[target.kind].role].any()
    strata = PEOPLE_STRATA if is_person else GROUP_STRATA
    wanted = {
        "shift": (calendar.n_shifts,), "weekday": (7,), "stratum": (len(strata),), "period": (n_organisations, periods),
    }  # fmt: skip
    for name, shape in wanted.items():
        found = getattr(endemic, name).shape
        if found != shape:
            kind = structure.kinds[target.kind].name
            raise SpecificationError(
                f'The endemic effects of "{kind}" do not fit the structure: {name} has the shape {found}, where '
                f"{shape} is needed. Use the structure of the design that the model was fitted to."
            )
    period = endemic.period[:, period_of_cells(calendar, choices.period_days, periods)]
    return np.exp(endemic.intercept + endemic.shift[calendar.shift] + endemic.weekday[calendar.weekday] + period)


def _frailties(structure: Structure, target: TargetModel, seed: int, frailty: Mapping[int, np.ndarray]) -> np.ndarray:
    """Return the frailty of every system: given, or drawn as the Gamma quantile of the system's own luck."""
    kind, variance = structure.kinds[target.kind], target.frailty_variance
    if target.kind in frailty:
        return frailty[target.kind]
    theta = np.ones(structure.roster.n_systems)
    if variance > 0.0 and structure.choices.has_frailty:
        frail = np.flatnonzero(frail_systems(structure.roster, kind.role))
        luck = uniforms(stream_keys(stream(seed, "frailty", kind.name), structure.keys[frail]), 0)
        theta[frail] = gammaincinv(1.0 / variance, luck) * variance
    return theta


def _beginnings(tables: list[np.ndarray]) -> np.ndarray:
    sizes = np.asarray([table.size for table in tables], np.int64)
    return np.cumsum(sizes) - sizes


def _flat(tables: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0), *(table.ravel() for table in tables)])
