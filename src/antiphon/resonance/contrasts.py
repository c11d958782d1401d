"""By what answers may differ: the covariates of a pair of kinds, as far as its incidents can tell them apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from antiphon.resonance.surroundings import Surroundings

DiffersBy = Literal["time", "shift", "staffing", "practice", "directed at"]

FEWEST_PER_PARAMETER = 10
"""Answered and unanswered incidents that each covariate needs, and that stand on both sides of each comparison."""

KNOWN_SHARE = 0.9
"""A covariate enters where it is known for this share of the incidents; the others are taken at its average."""

NEW_SHARE = 0.2
"""A covariate enters where at least this share of its variance is not told by those before it: more would widen its
interval more than twofold."""

LEAST_SPREAD = 0.05
"""Standard deviation of a covariate under which it hardly varies."""

OTHERS = "others"
NOBODY = "nobody named"


@dataclass(frozen=True, slots=True, repr=False)
class Contrast:
    """One covariate.

    Attributes
    ----------
    differs_by : what it is about.
    level, against : what is compared with what, in words of the records; ``""`` where the kind says it.
    values : (incidents,) float64, average 0; 0 also where it is not known.
    side, other_side : (incidents,) bool, the incidents that are compared; all of them twice where it is a slope.
    """

    differs_by: DiffersBy
    level: str
    against: str
    values: np.ndarray
    side: np.ndarray
    other_side: np.ndarray


@dataclass(frozen=True, slots=True, repr=False)
class Incidents:
    """What a choice of covariates looks at.

    Attributes
    ----------
    answered : (incidents,) 0.0 or 1.0.
    unit : (incidents,) codes.
    head : (incidents,) row of ``Surroundings`` with which each begins.
    enough : whether enough distinct persons stand behind a set of incidents, on both sides of the answer.
    fewest : persons that are enough whatever their role.
    """

    answered: np.ndarray
    unit: np.ndarray
    head: np.ndarray
    enough: Callable[[np.ndarray], bool]
    fewest: int

    def bears(self, rows: np.ndarray) -> bool:
        """Whether a set of incidents is large enough for one side of a comparison."""
        hits = int(self.answered[rows].sum())
        return min(hits, int(rows.sum()) - hits) >= FEWEST_PER_PARAMETER and self.enough(rows)


def choose_contrasts(incidents: Incidents, around: Surroundings) -> list[Contrast]:
    """Choose by what the answers of a pair of kinds are compared.

    Parameters
    ----------
    incidents : those with the first kind.
    around : what surrounded every event.

    Returns
    -------
    list of Contrast
        In the order time, shift, staffing, practices by name, at whom it was directed.

    Notes
    -----
    Each parameter needs ten answered and ten unanswered incidents. What comes earlier in the order may stand behind what
    comes later (there are fewer staff at night; a practice begins at some time), so the last are left out first. What the
    records do not have, what hardly varies, and what those before it tell already is passed over. Levels of shift and
    role with too few incidents or persons are taken together.

    Time is a straight line in the log odds, compared from end to end. A step per quarter would cost more parameters than
    most pairs can pay and leave nothing of a practice that began once; a curve would take most of its ramp for drift.

    Staffing and practices are compared within units: how much more staff there are than is usual in that unit, how far
    a practice is in force compared with the unit's average. A practice that some units always had and others never
    cannot be told from the units.
    """
    hits = int(incidents.answered.sum())
    budget = min(hits, incidents.answered.size - hits) // FEWEST_PER_PARAMETER
    chosen: list[Contrast] = []
    for group in _candidates(incidents, around):
        fresh = [contrast for contrast in group if _is_new(contrast.values, chosen)]
        if len(fresh) > budget - len(chosen):
            break
        chosen += fresh
    return chosen


def _candidates(incidents: Incidents, around: Surroundings) -> Iterator[list[Contrast]]:
    head = incidents.head
    yield _slope("time", around.time[head], incidents)
    yield _levels("shift", _names(around.shift[head], around.shifts, ""), incidents.bears)
    yield _slope("staffing", _within(around.staffing[head], incidents.unit), incidents)
    for name, dose in around.doses.items():
        yield _practice(name, dose[head], incidents)
    target = around.target[head]

    def bears(rows: np.ndarray) -> bool:
        """Those at whom it was directed are persons too: none, or enough of them."""
        n_targets = len(np.unique(target[rows & (target >= 0)]))
        return incidents.bears(rows) and (n_targets == 0 or n_targets >= incidents.fewest)

    yield _levels("directed at", _names(around.role[head], around.roles, NOBODY), bears)


def _names(codes: np.ndarray, names: tuple[str, ...], missing: str) -> np.ndarray:
    return np.array([*names, missing])[codes]


def _slope(differs_by: DiffersBy, values: np.ndarray, incidents: Incidents) -> list[Contrast]:
    """Return one covariate over all incidents where it is known often enough and varies."""
    known = np.isfinite(values)
    everyone = np.ones(values.size, dtype=bool)
    if known.mean() < KNOWN_SHARE or not incidents.bears(everyone):
        return []
    return [Contrast(differs_by, "", "", _centred(values), everyone, everyone)]


def _practice(name: str, dose: np.ndarray, incidents: Incidents) -> list[Contrast]:
    """Return a practice where both more and less than half of it was in force in the same units."""
    code = np.unique(incidents.unit, return_inverse=True)[1]
    n_with, n = np.bincount(code, dose >= 0.5), np.bincount(code)
    both = (n_with[code] > 0) & (n_with[code] < n[code]) & (incidents.unit >= 0)
    side, other_side = both & (dose >= 0.5), both & (dose < 0.5)
    if not (incidents.bears(side) and incidents.bears(other_side)):
        return []
    return [Contrast("practice", name, "", _centred(_within(dose, incidents.unit)), side, other_side)]


def _levels(differs_by: DiffersBy, level: np.ndarray, bears: Callable[[np.ndarray], bool]) -> list[Contrast]:
    """Return one covariate per level that is large enough; the most frequent, or all small ones, are the reference."""
    known = level != ""
    names, counts = np.unique(level[known], return_counts=True)
    if known.mean() < KNOWN_SHARE or names.size < 2:
        return []
    frequent = [str(name) for name in names[np.argsort(-counts, kind="stable")]]
    alone = [name for name in frequent if bears(level == name)]
    rest = [name for name in frequent if name not in alone]
    if not bears(np.isin(level, rest)):
        rest, alone = rest + alone[:1], alone[1:]
    against, label = np.isin(level, rest), rest[0] if len(rest) == 1 else OTHERS
    if not bears(against):
        return []
    return [
        Contrast(differs_by, name, label, _centred(np.where(known, level == name, np.nan)), level == name, against)
        for name in sorted(alone)
    ]


def _within(values: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Differences from the average of each unit."""
    code, known = np.unique(unit, return_inverse=True)[1], np.isfinite(values)
    size = int(code.max()) + 1
    sums, counts = (np.bincount(code[known], weights, size) for weights in (values[known], None))
    return values - (sums / np.maximum(counts, 1))[code]


def _centred(values: np.ndarray) -> np.ndarray:
    """Differences from the average; what is not known is taken at it."""
    known = np.isfinite(values)
    return np.where(known, values - values[known].mean(), 0.0)


def _is_new(values: np.ndarray, chosen: list[Contrast]) -> bool:
    """Whether a covariate says something that those chosen do not."""
    whole = float(values @ values)
    if whole <= LEAST_SPREAD**2 * values.size:
        return False
    if not chosen:
        return True
    before = np.column_stack([contrast.values for contrast in chosen])
    left = values - before @ np.linalg.lstsq(before, values, rcond=None)[0]
    return float(left @ left) > NEW_SHARE * whole
