"""Covariates: what the endemic part and the receptivity know of a system beside rhythm, admission and trend."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.attributes import UNKNOWN, read_attribute
from antiphon.design.circumstances import read_practice, read_tenure
from antiphon.design.design import Covariate
from antiphon.design.ground import Wanted, break_days, day_edges, fewest_persons, make_ground
from antiphon.design.headcounts import read_census, read_staffing
from antiphon.design.memories import read_dose, read_score
from antiphon.design.steps import Column, Reading, make_steps
from antiphon.design.terms import check_terms, parse_term
from antiphon.errors import SpecificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from antiphon.design.design import Role
    from antiphon.design.ground import Ground, Resolution
    from antiphon.design.risk import Exposure
    from antiphon.design.terms import Term
    from antiphon.records.agency import Agency

MOST_MARKS = 20_000_000
"""More times at which something changes would need several gigabytes of spells."""
CELLS_PER_HALF_LIFE = 2.0
"""A dose whose half-life is shorter than this many cells would fade before it is first read."""
LEAST_UNKNOWN = 0.01
"""What is not known for less than this share of the time at risk counts as the mean, without a column that says so."""


@dataclass(frozen=True, slots=True)
class _Sort:
    """A sort of covariate that changes with time: unit in words, scale (0: by its spread), step, and what reads it."""

    unit: str
    scale: float
    step: float
    read: Callable[[Ground, Term, float], Reading]


_SORTS = {
    "tenure": _Sort("twice the time since the stay began, beyond the first four weeks", 1.0, 0.25, read_tenure),
    "practice": _Sort("in full instead of not at all", 1.0, 0.05, read_practice),
    "staffing": _Sort("twice the staff per client", 1.0, 0.1, read_staffing),
    "census": _Sort("a tenth of the places more taken", 0.1, 0.02, read_census),
    "score": _Sort("{scale} points more", 0.0, 0.0, read_score),
    "dose": _Sort("one event more just before, fading with the half-life", 1.0, 0.05, read_dose),
}


@dataclass(frozen=True, slots=True)
class _Attribute:
    """An attribute whose columns wait until it is known who is at risk; kinds that it is for (None: all)."""

    term: Term
    kinds: tuple[int, ...] | None


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """The covariates of one role before its segments are made.

    Attributes
    ----------
    ground : what they are made from; None where there are none.
    covariates, receptivity : in the order in which they are asked for.
    warnings : (code, text) of what was left out.
    """

    ground: Ground | None = None
    covariates: tuple[Column | _Attribute, ...] = ()
    receptivity: tuple[Column | _Attribute, ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()

    def marks(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return (system, time) at which a covariate may change.

        Raises
        ------
        SpecificationError
            Where there would be too many.
        """
        if self.ground is None:
            return []
        here = self.ground.here
        columns = [column for column in (*self.covariates, *self.receptivity) if isinstance(column, Column)]
        counts = [column.reading.n_marks(here) for column in columns]
        if sum(counts) > MOST_MARKS:
            n, name = max((n, column.name) for n, column in zip(counts, columns, strict=True))
            raise SpecificationError(
                f'The covariate "{name}" would change {n / 1e6:.0f} million times for those of the role '
                f'"{self.ground.role}"; {MOST_MARKS / 1e6:.0f} million changes of all covariates of a role are the most '
                'that memory is planned for. Name it for one smaller role (">ROLE"), give a dose a longer half-life, or '
                "leave it out."
            )
        return [column.reading.marks(here) for column in columns]


def wanted_of(
    agency: Agency, covariates: Sequence[str] | None, receptivity: Sequence[str] | None, resolution: Resolution
) -> Wanted:
    """Return the covariates that are asked for (None: those of ``agency.toml``), parsed and checked.

    Raises
    ------
    SpecificationError
        Where one cannot be read, names what is not in the records, or is named twice.
    """
    model = agency.settings.model
    parsed = []
    for asked, usual in ((covariates, model.covariates), (receptivity, model.receptivity)):
        terms = tuple(parse_term(text) for text in (usual if asked is None else asked))
        check_terms(terms, agency)
        parsed.append(terms)
    return Wanted(parsed[0], parsed[1], agency, resolution)


def plan_of(wanted: Wanted, exposure: Exposure, role: str, kinds: tuple[int, ...]) -> Plan:
    """Return the covariates of one role.

    Parameters
    ----------
    wanted
        What is asked for.
    exposure
        Who is where and what happened.
    role, kinds
        Name of the role, and its kinds.
    """
    agency = wanted.agency
    if agency is None or not (wanted.covariates or wanted.receptivity or agency.settings.breaks):
        return Plan()
    ground = make_ground(agency, exposure, role, wanted.resolution)
    covariates, short = _columns(ground, wanted, wanted.covariates, kinds)
    receptivity, more = _columns(ground, wanted, wanted.receptivity, kinds)
    return Plan(ground, (*covariates, *_breaks(ground, kinds)), tuple(receptivity), tuple(dict.fromkeys(short + more)))


def _columns(
    ground: Ground, wanted: Wanted, terms: tuple[Term, ...], kinds: tuple[int, ...]
) -> tuple[list[Column | _Attribute], list[tuple[str, str]]]:
    found: list[Column | _Attribute] = []
    warnings = []
    for term in terms:
        mine = tuple(k for k in kinds if term.whom in ("", ground.role, ground.exposure.kinds[k].name))
        if term.what == "attribute":
            found += [_Attribute(term, None if mine == kinds else mine)] if mine else []
            continue
        sort = _SORTS[term.what]
        step = sort.step * ground.rounding
        for cells, some in _by_cells(ground, wanted.resolution, mine):
            if term.what == "dose" and term.half_life < CELLS_PER_HALF_LIFE * np.median(np.diff(cells.edges)) - 1e-9:
                warnings.append(_short_half_life(term, [ground.exposure.kinds[k].name for k in some]))
                continue
            reading = sort.read(cells, term, step)
            found.append(Column(term.text, sort.unit, sort.scale, step, None if some == kinds else some, reading))
    return found, warnings


def _by_cells(ground: Ground, resolution: Resolution, kinds: tuple[int, ...]) -> list[tuple[Ground, tuple[int, ...]]]:
    """Return the kinds by the cells in which nothing changes for them: never finer than they are recorded.

    A row that is known to the day takes what held when its day began, so for it all must hold for whole days.
    """
    groups: dict[str, list[int]] = {}
    for k in kinds:
        precision = ground.exposure.kinds[k].precision
        is_same = precision == "shift" and resolution.cells_per_shift == 1
        groups.setdefault("minute" if is_same else precision, []).append(k)
    cells = {
        "minute": lambda: ground,
        "shift": lambda: replace(ground, edges=ground.shifts),
        "day": lambda: replace(ground, edges=day_edges(ground.agency), is_by_day=True),
    }
    return [(cells[name](), tuple(groups[name])) for name in cells if name in groups]


def _short_half_life(term: Term, kinds: list[str]) -> tuple[str, str]:
    text = (
        f'The half-life of "{term.text}" is shorter than two of the cells in which nothing changes, so it was left out '
        f"for {', '.join(kinds)}: it would fade before it is first counted."
    )
    return "covariate_short_half_life", text


def _breaks(ground: Ground, kinds: tuple[int, ...]) -> list[Column]:
    """Return a step for each break in what a kind of the role means, from its time on."""
    number = {ground.exposure.kinds[k].name: k for k in kinds}
    everyone = np.flatnonzero(ground.here)
    found = []
    for kind, date, day in break_days(ground.agency):
        if kind in number:
            time, value = np.full(everyone.size, day), np.ones(everyone.size)
            steps = make_steps(everyone, time, value, ground.n_systems, before=0.0)
            name, unit = f"break:{kind}:{date}", "after instead of before"
            found.append(Column(name, unit, 1.0, 0.0, (number[kind],), Reading(steps)))
    return found


def with_values(role: Role, plan: Plan) -> Role:
    """Return the role with the covariates of its plan, centred over person-time at risk.

    Notes
    -----
    What is not known counts as the mean, with a column of its own that says so where that concerns enough persons and
    time. Columns without any difference over the time at risk are left out.
    """
    if plan.ground is None:
        return role
    covariates, x = _values(role, plan.ground, plan.covariates)
    receptivity, z = _values(role, plan.ground, plan.receptivity)
    segments = replace(role.segments, covariates=x, receptivity=z)
    return replace(role, segments=segments, covariates=covariates, receptivity=receptivity)


def _values(
    role: Role, ground: Ground, columns: tuple[Column | _Attribute, ...]
) -> tuple[tuple[Covariate, ...], np.ndarray]:
    fewest = fewest_persons(ground.agency, role.name)
    at_risk = np.unique(role.segments.system[role.segments.at_risk.any(axis=1)])
    covariates: list[Covariate] = []
    values: list[np.ndarray] = []
    for entry in columns:
        expanded = (
            read_attribute(ground, entry.term, entry.kinds, at_risk, fewest)
            if isinstance(entry, _Attribute)
            else [entry]
        )
        for column in expanded:
            for covariate, value in _centred(role, column, fewest):
                covariates.append(covariate)
                values.append(value)
    return tuple(covariates), np.stack(values, axis=1) if values else role.segments.covariates[:, :0]


def _centred(role: Role, column: Column, fewest: int) -> list[tuple[Covariate, np.ndarray]]:
    """Return a column as it is handed on, and one that tells who is not known."""
    segments = role.segments
    weight = _days_at_risk(role, column.kinds)
    raw = column.reading.at(segments.system, segments.start)
    known, on = ~np.isnan(raw), weight > 0.0
    n_known, n_unknown, n_all = (_n_systems(segments.system[on & some]) for some in (known, ~known, on))
    if n_known < min(fewest, n_all):
        return []
    centre, spread = _moments(np.where(known, raw, 0.0), np.where(known, weight, 0.0))
    if spread <= 1e-9 * max(abs(centre), 1e-3):
        return []
    scale = column.scale or _round_number(spread)
    unit = column.unit.replace("{scale}", f"{scale:g}")
    value = np.where(known, (raw - centre) / scale, 0.0)
    found = [(Covariate(column.name, column.kinds, unit, centre, scale, column.step), value)]
    share, _ = _moments(np.where(known, 0.0, 1.0), weight)
    if n_unknown >= fewest and share >= LEAST_UNKNOWN:
        name = f"{column.name}: {UNKNOWN}"
        told = Covariate(name, column.kinds, "not known instead of known", share, 1.0, 0.0)
        found.append((told, np.where(known, 0.0, 1.0) - share))
    return found


def _days_at_risk(role: Role, kinds: tuple[int, ...] | None) -> np.ndarray:
    """Return the days of each segment that count: at risk of any of the kinds."""
    segments = role.segments
    columns = [role.kinds.index(k) for k in (role.kinds if kinds is None else kinds)]
    return np.where(segments.at_risk[:, columns].any(axis=1), segments.end - segments.start, 0.0)


def _n_systems(system: np.ndarray) -> int:
    return int(np.count_nonzero(np.bincount(system)))


def _moments(value: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return the weighted mean and standard deviation; 0 where there is no weight."""
    total = weight.sum()
    if total <= 0.0:
        return 0.0, 0.0
    mean = float(value @ weight / total)
    return mean, float(np.sqrt((value - mean) ** 2 @ weight / total))


def _round_number(spread: float) -> float:
    """Return the one of 1, 2, 5, 10 times a power of ten that is nearest in proportion."""
    power = 10.0 ** np.floor(np.log10(spread))
    return float(power * min((1.0, 2.0, 5.0, 10.0), key=lambda lead: abs(np.log(spread / power / lead))))


def unused(wanted: Wanted, roles: Sequence[Role]) -> list[tuple[str, str]]:
    """Return a warning for each covariate that is asked for and tells nothing of anyone."""
    found = []
    for terms, names in (
        (wanted.covariates, {c.name for role in roles for c in role.covariates}),
        (wanted.receptivity, {c.name for role in roles for c in role.receptivity}),
    ):
        for term in terms:
            if not any(name == term.text or name.startswith((f"{term.text}=", f"{term.text}: ")) for name in names):
                text = (
                    f'The covariate "{term.text}" was left out: over the time at risk it is the same for everyone, is '
                    "known of nobody, or sets too few people apart."
                )
                found.append(("covariate_unused", text))
    return list(dict.fromkeys(found))
