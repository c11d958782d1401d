"""Invents agencies of about 4,300 events in 20 units, with what may be mistaken for echoes and, if wanted, with echoes.

Rates, frailties, stays and echoes go through the exact simulator. What it cannot express (transfers after incidents,
write-up contagion, shocks, drift) is drawn here: the simulator gives candidates at the highest rate that there may be, and
`walk` goes through them in order of time and keeps each with its probability. Without echoes that is as exact.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from antiphon.design.build import design_of, usual_history
from antiphon.design.clock import local_calendar
from antiphon.design.delays import read_kernels
from antiphon.design.design import Channel, Design, Feature, Kind
from antiphon.design.events import GRAINS, rows_from
from antiphon.design.risk import GROUP_STRATA
from antiphon.design.roster import Attendance, Ties, make_roster
from antiphon.design.spells import spells
from antiphon.design.structure import Choices, Structure, keys_of
from antiphon.model.parameters import Endemic, Model, TargetModel
from antiphon.simulation import Simulated, simulate

START = dt.datetime(2025, 1, 6, tzinfo=dt.UTC)
DAYS = 365
UNITS = 20
LIVES = (1.0 / 3.0, 3.0, 21.0)  # as the records' settings have them by default, and so are shifts and periods
SHIFTS = ("07:00", "15:00", "23:00")
PERIOD_DAYS = 28.0
WARM_UP = -1000.0  # beds are filled from here on, so that those present at the start have stayed as such people have

# kind: role, events per day at risk, precision where time is coarse
KINDS = {
    "aggression_physical": ("client", 0.018, "minute"),
    "refusal": ("client", 0.018, "day"),
    "self_harm": ("client", 0.018, "shift"),
    "absence_unscheduled": ("staff", 0.015, "shift"),
    "staff_injury": ("staff", 0.015, "minute"),
    "lock_down": ("unit", 0.03, "minute"),
}
NAMES = tuple(KINDS)
CHANNELS = (
    Channel("self", "", "", ""),
    Channel("peers", "unit", "client", "client"),
    Channel("peers", "unit", "client", "staff"),
    Channel("peers", "unit", "staff", "client"),
    Channel("peers", "unit", "staff", "staff"),
    Channel("members", "unit", "client", "unit"),
    Channel("members", "unit", "staff", "unit"),
    Channel("group", "unit", "unit", "client"),
    Channel("group", "unit", "unit", "staff"),
    Channel("tie", "caseload", "staff", "client"),
    Channel("tie", "caseload", "client", "staff"),
)
PLACES = {"client": 8, "staff": 5}  # in each unit


@dataclass(frozen=True)
class Echo:
    """A true coupling; ``life`` is an index into the half-lives."""

    channel: str
    source: str
    target: str
    alpha: float
    life: int = 1


@dataclass(frozen=True)
class Nature:
    """What an agency is like. Lengths in days, variances of Gamma factors of mean 1, shocks and drift as log factors."""

    stay: float = 200.0
    staff_stay: float = 600.0
    frailty: float = 1.5
    frailty_is_shared: bool = False  # one factor for all kinds of a person
    frail_stay: float = 0.0  # share of the hazard of leaving that is proportional to the frailty
    unit_frailty: float = 0.0
    rhythm: float = 0.0
    shock: float = 0.0  # of the organisation: every 20 days, 4 days long on average
    unit_shock: float = 0.0  # of each unit by itself: every 40 days, 4 days long on average
    drift: float = 0.0  # of the organisation: amplitude of a yearly wave, and as much again of a trend
    unit_drift: float = 0.0  # of each unit by itself: amplitude of a wave of half a year
    many_rows: float = 0.0  # share of events that are incidents with more rows, two on average
    move_every: float = 0.0  # moves between units
    is_coarse: bool = False
    transfer: float = 0.0  # chance that an aggression is followed by a move to another unit, after a day on average
    write_up: float = 0.0  # how much more of what happens is recorded in a unit where much was recorded lately
    echoes: tuple[Echo, ...] = ()


@dataclass(frozen=True)
class Invented:
    """An agency as the estimator sees it, and its true echoes; with echoes also who differs how, and what followed what."""

    design: Design
    echoes: tuple[Echo, ...]
    theta: np.ndarray | None = None
    simulated: Simulated | None = None


@dataclass
class _People:
    """Systems in order: units, the organisation, then persons; pieces of stays are [start, end, unit]."""

    role: list[str]
    pieces: list[list[list[float]]]
    theta: np.ndarray


def invent(nature: Nature, seed: int) -> Invented:
    """Invent one agency."""
    dice = np.random.default_rng([seed, 20261124])
    people = _populate(nature, dice)
    coarse = nature.is_coarse
    if nature.echoes:
        structure = _structure(people, dice, coarse=coarse)
        found = simulate(structure, _model(nature, 0.0), seed, frailty=_frailties(people))
        return Invented(design_of(structure, found.rows), nature.echoes, people.theta, found)
    world = _Latent(nature, dice)
    plain = _structure(people, dice, coarse=False)
    found = simulate(plain, _model(nature, world.log_bound), seed, frailty=_frailties(people)).rows
    events = walk(nature, people, world, (found.time, found.system, found.kind), dice)
    structure = _structure(people, dice, coarse=coarse)
    time, system, kind, number = _with_company(nature, people, events, dice)
    grain = np.asarray([GRAINS.index(one.precision) for one in structure.kinds], np.int8)[kind]
    for code, name in enumerate(GRAINS):
        here = grain == code
        if code and here.any():
            edges = structure.calendars[name].edges
            time[here] = edges[np.searchsorted(edges, time[here], side="right") - 1]
    rows = rows_from(time, system, kind, number, grain=grain)
    return Invented(design_of(structure, rows), ())


# ---------------------------------------------------------------------------------------------- who is where


def _populate(nature: Nature, dice: np.random.Generator) -> _People:
    """Fill every place, one person after the other; each with frailties, a stay, and moves within it."""
    role, pieces, theta = (
        ["unit"] * UNITS + ["organisation"],
        [[] for _ in range(UNITS + 1)],
        [np.ones(len(KINDS))] * (UNITS + 1),
    )
    for unit in range(UNITS):
        for who, places in PLACES.items():
            mean = nature.stay if who == "client" else nature.staff_stay
            for _ in range(places):
                time = WARM_UP
                while time < DAYS:
                    luck = _factors(dice, nature.frailty, len(KINDS), shared=nature.frailty_is_shared)
                    pull = nature.frail_stay if who == "client" else 0.0
                    length = dice.exponential(mean) / (1.0 - pull + pull * luck[0])
                    if time + length > 0.0:
                        role.append(who)
                        moves = nature.move_every if who == "client" else 0.0
                        pieces.append(_moves(time, time + length, unit, moves, dice))
                        theta.append(luck)
                    time += length
    return _People(role, pieces, np.asarray(theta))


def _factors(dice: np.random.Generator, variance: float, n: int, *, shared: bool = False) -> np.ndarray:
    if variance <= 0.0:
        return np.ones(n)
    drawn = dice.gamma(1.0 / variance, variance, 1 if shared else n)
    return np.broadcast_to(drawn, n).copy()


def _moves(start: float, end: float, unit: int, every: float, dice: np.random.Generator) -> list[list[float]]:
    cuts = [start]
    while every and cuts[-1] < end:
        cuts.append(cuts[-1] + dice.exponential(every))
    cuts = [cut for cut in cuts if cut < end] + [end]
    units = [unit, *dice.integers(0, UNITS, len(cuts)).tolist()]
    return [[low, high, units[i]] for i, (low, high) in enumerate(pairwise(cuts))]


def _structure(people: _People, dice: np.random.Generator, *, coarse: bool) -> Structure:
    n = len(people.role)
    role = np.asarray(people.role)
    level = np.where(np.isin(role, ("client", "staff")), "person", role)
    rows = [(u, UNITS, -np.inf, np.inf) for u in range(UNITS)]
    rows += [(i, unit, start, end) for i, pieces in enumerate(people.pieces) for start, end, unit in pieces]
    owner, group, start, end = (np.asarray(column) for column in zip(*rows, strict=True))
    stays = spells(owner.astype(np.int64), group.astype(np.int64), start.astype(float), end.astype(float), n)
    none = np.empty(0, np.int64)
    nobody = Attendance(none, none, np.empty(0), np.empty(0), np.empty(0, bool))
    roster = make_roster(
        role,
        level,
        ("organisation", "unit", "person"),
        np.zeros(n, bool),
        stays,
        nobody,
        {"caseload": _ties(people, dice)},
        float(DAYS),
    )
    kinds = tuple(
        Kind(name, who, grain if coarse else "minute", terminal=False, while_="present")
        for name, (who, _, grain) in KINDS.items()
    )
    zone, until = dt.UTC, START + dt.timedelta(days=DAYS)
    calendars = {
        name: local_calendar(START, until, zone, ["00:00"] if name == "day" else list(SHIFTS)) for name in GRAINS
    }
    kernels = read_kernels(LIVES)
    choices = Choices(CHANNELS, kernels, usual_history(kernels, DAYS), PERIOD_DAYS)
    return Structure(roster, kinds, calendars, (), choices, keys_of(range(n)))


def _ties(people: _People, dice: np.random.Generator) -> Ties:
    """Tie every client to one staff member of the unit, and to another when either has gone."""
    here = _by_unit(people, ("staff",))
    found = []
    for i, who in enumerate(people.role):
        for start, end, unit in people.pieces[i] if who == "client" else []:
            time = max(start, 0.0)
            while time < min(end, DAYS):
                there = [(until, j) for since, until, j in here[int(unit)] if since <= time < until]
                until, j = there[dice.integers(len(there))]
                found.append((j, i, time, min(until, end)))
                time = min(until, end)
    source, target, start, end = (np.asarray(column) for column in zip(*found, strict=True))
    return Ties(source, target, start, end, np.ones(source.size), "staff", "client")


def _by_unit(people: _People, roles: tuple[str, ...]) -> list[list[tuple[float, float, int]]]:
    """Return start, end and person of all pieces of stays in each unit."""
    found: list[list[tuple[float, float, int]]] = [[] for _ in range(UNITS)]
    for i, who in enumerate(people.role):
        for start, end, unit in people.pieces[i] if who in roles else []:
            found[int(unit)].append((start, end, i))
    return found


# ---------------------------------------------------------------------------------------------- what happens


def _frailties(people: _People) -> dict[int, np.ndarray]:
    return {k: people.theta[:, k].copy() for k in range(len(KINDS))}


def _model(nature: Nature, log_bound: float) -> Model:
    """The endemic rates, times the highest factor that there may be; with rhythm and echoes."""
    n_periods = int(np.ceil(DAYS / PERIOD_DAYS))
    rhythm = nature.rhythm
    targets = []
    for k, (role, rate, coarse) in enumerate(KINDS.values()):
        turn = 0.4 * k  # kinds have different days of the week
        is_daily = nature.is_coarse and bool(nature.echoes) and coarse == "day"
        endemic = Endemic(
            intercept=float(np.log(rate)) + log_bound,
            shift=np.zeros(1) if is_daily else rhythm * np.asarray([0.4, 0.6, -1.2]),
            weekday=0.5 * rhythm * np.cos(2.0 * np.pi * np.arange(7) / 7.0 + turn),
            stratum=rhythm * np.asarray([0.7, 0.3, 0.0, 0.0]) if role in PLACES else np.zeros(len(GROUP_STRATA)),
            period=np.zeros((1, n_periods)),
            propensity=0.0,
        )
        mine = [echo for echo in nature.echoes if echo.target == NAMES[k]]
        names = [channel.name for channel in CHANNELS]
        columns = tuple(Feature(names.index(e.channel), NAMES.index(e.source), e.life) for e in mine)
        targets.append(TargetModel(k, endemic, columns, np.asarray([e.alpha for e in mine]), 0.0))
    return Model(tuple(targets))


class _Latent:
    """Log factors that nobody records: of units, of shocks, of drift, of the hour within a shift."""

    def __init__(self, nature: Nature, dice: np.random.Generator) -> None:
        self.nature = nature
        self.hours = 24 * DAYS
        self.unit = np.log([_factors(dice, nature.unit_frailty, len(KINDS)) + 1e-12 for _ in range(UNITS)])
        day = np.arange(self.hours) / 24.0
        self.common = nature.shock * _shocks(dice, 20.0)
        self.common += nature.drift * (np.sin(2.0 * np.pi * (day / DAYS + dice.random())) + day / DAYS - 0.5)
        self.common += 0.5 * nature.rhythm * np.cos(2.0 * np.pi * (day - dice.random()))
        phase = dice.random(UNITS)[:, None]
        self.own = nature.unit_drift * np.sin(2.0 * np.pi * (2.0 * day / DAYS + phase))
        self.own += nature.unit_shock * np.asarray([_shocks(dice, 40.0) for _ in range(UNITS)])
        highest = self.common.max() + self.own.max() + self.unit.max()
        self.log_bound = float(max(highest, 0.0))

    def keep(self, time: float, unit: int, kind: int) -> float:
        """Chance that a candidate happens."""
        hour = int(time * 24.0)
        return float(np.exp(self.common[hour] + self.own[unit, hour] + self.unit[unit, kind] - self.log_bound))


def _shocks(dice: np.random.Generator, every: float) -> np.ndarray:
    """Return by hour how many shocks are on; they come as a Poisson process and last 4 days on average."""
    on = np.zeros(24 * DAYS)
    for start in dice.uniform(0.0, DAYS, dice.poisson(DAYS / every)):
        on[int(24 * start) : int(24 * (start + dice.exponential(4.0)))] = 1.0
    return on


Events = list[tuple[float, int, int, int]]


def walk(
    nature: Nature, people: _People, world: _Latent, found: tuple[np.ndarray, ...], dice: np.random.Generator
) -> Events:
    """Go through the candidates in order of time; transfers change where people are from then on."""
    decay, memory, last = np.log(2.0) / 3.0, np.zeros(UNITS), np.zeros(UNITS)
    luck = dice.random((found[0].size, 3))
    kept = []
    for (time, system, kind), (one, two, three) in zip(
        zip(*(c.tolist() for c in found), strict=True), luck, strict=True
    ):
        unit = system if system < UNITS else _unit_at(people.pieces[system], time)
        if one >= world.keep(time, unit, kind):
            continue
        if nature.transfer and kind == 0 and two < nature.transfer:
            _transfer(people.pieces[system], time + dice.exponential(1.0), dice)
        if nature.write_up:
            memory[unit] *= np.exp(-decay * (time - last[unit]))
            last[unit] = time
            if three >= 0.5 + nature.write_up * -np.expm1(-0.25 * memory[unit]):
                continue
            memory[unit] += 1.0
        kept.append((time, system, kind, unit))
    return kept


def _unit_at(pieces: list[list[float]], time: float) -> int:
    for start, end, unit in pieces:
        if start <= time < end:
            return int(unit)
    raise ValueError("an event of somebody who is not there")


def _transfer(pieces: list[list[float]], time: float, dice: np.random.Generator) -> None:
    for place, (start, end, unit) in enumerate(pieces):
        if start < time < end:
            other = (int(unit) + 1 + int(dice.integers(UNITS - 1))) % UNITS
            pieces[place : place + 1] = [[start, time, unit], [time, end, other]]
            return


def _with_company(nature: Nature, people: _People, events: Events, dice: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return rows; some events become incidents with more rows, of others in the unit and of any of their kinds."""
    rows = [(time, system, kind, -1) for time, system, kind, _ in events]
    of_role = {role: [k for k, name in enumerate(NAMES) if KINDS[name][0] == role] for role in PLACES}
    here = _by_unit(people, tuple(PLACES))
    for number, (time, system, kind, unit) in enumerate(events):
        if not nature.many_rows or system < UNITS or dice.random() >= nature.many_rows:
            continue
        rows[number] = (time, system, kind, number)
        there = [i for start, end, i in here[unit] if start <= time < end and i != system]
        for i in dice.permutation(there)[: 1 + dice.poisson(1.0)]:
            kinds = of_role[people.role[i]]
            rows.append(
                (min(time + dice.random() / 48.0, DAYS - 1e-6), int(i), kinds[dice.integers(len(kinds))], number)
            )
    time, system, kind, number = zip(*rows, strict=True)
    return np.asarray(time), np.asarray(system), np.asarray(kind), np.asarray(number)
