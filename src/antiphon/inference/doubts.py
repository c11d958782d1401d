"""What makes a fit doubtful: kernels that run away, couplings that look alike, a trend that competes, stays that are no chance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from antiphon.design.delays import Kernels
from antiphon.design.listening import events_again, history_of, make_ear
from antiphon.hawkes.curvature import reduce
from antiphon.inference.claims import LEVEL, adjust, holm
from antiphon.inference.jitter import row_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from antiphon.design.events import Events
    from antiphon.hawkes.fit import Fit
    from antiphon.inference.inference import Coupling

Doubt = tuple[str, str]

NEARLY_ALL = 0.9
"""Share of a coupling in its longest half-life from which on a longer one is tried."""

LONGER = 3.0
"""How many times as long it is."""

ALIKE = 0.95
"""Correlation in the information from which on two columns cannot be told apart."""

TAKEN = 0.75
"""Share of the information on a column that the trend may take; then the standard error has doubled."""

FEWEST_EXITS = 20
"""People who must have left before it is asked who they were."""


def doubts(fit: Fit, couplings: Sequence[Coupling]) -> tuple[Doubt, ...]:
    """Say what makes a fit doubtful.

    Parameters
    ----------
    fit
        Unpenalised.
    couplings
        One per row of the table of tests.

    Returns
    -------
    tuple of (str, str)
        Code and plain sentence; with numbers of couplings and kinds only.
    """
    found = [*_run_away(fit, couplings), *_at_edge(fit, couplings)]
    return (*found, *_alike(fit, couplings), *_in_trend(fit, couplings), *_exits(fit))


# ---------------------------------------------------------------------------------------------- kernels that run away


def _run_away(fit: Fit, couplings: Sequence[Coupling]) -> Iterator[Doubt]:
    design = fit.design
    count = sum(np.isinf(one.high) or (one.low > 0.0 and one.echoes >= 1.0 and _is_own(fit, one)) for one in couplings)
    if count:
        yield (
            "kernel_ran_away",
            (
                f"For {_some(count, 'coupling')} the number of echoes has no bound: one event would be followed by at least one more of "
                f"its kind, without end. Something that rises over the {design.window_days:.0f} days was taken for echoes."
            ),
        )


def _is_own(fit: Fit, coupling: Coupling) -> bool:
    return fit.design.targets[coupling.target].kind == coupling.source_kind


def _at_edge(fit: Fit, couplings: Sequence[Coupling]) -> Iterator[Doubt]:
    asked = [one for one in couplings if one.low > 0.0 and longest_share(fit, one) >= NEARLY_ALL]
    if not asked:
        return
    events = events_again(fit.design)
    if events is None:
        return
    p = np.array([longer_fits(fit, events, one) for one in asked])
    count = int((adjust(p) <= LEVEL).sum())
    if count:
        yield (
            "kernel_at_edge",
            (
                f"For {_some(count, 'coupling')} nearly all echoes have the longest half-life that was tried, and one "
                f"{LONGER:.0f} times as long would describe them better: they come later still, or are slow differences "
                "between times or units."
            ),
        )


def longest_share(fit: Fit, coupling: Coupling) -> float:
    """Share of a coupling that has the longest half-life of all.

    Parameters
    ----------
    fit, coupling
        The fit, and one of its couplings.
    """
    target = fit.design.targets[coupling.target]
    alpha = fit.targets[coupling.target].model.alpha[list(coupling.columns)]
    lives = fit.design.kernels.half_lives[[target.columns[c].half_life for c in coupling.columns]]
    return float(alpha[lives >= fit.design.kernels.half_lives.max()].sum() / alpha.sum()) if alpha.any() else 0.0


def longer_fits(fit: Fit, events: Events, coupling: Coupling) -> float:
    """Return the p-value of one more half-life, three times the longest, for a coupling.

    Parameters
    ----------
    fit, coupling
        The fit, and one of its couplings.
    events
        Those of the design.

    Notes
    -----
    One-sided score test. The score's variance is the sum of squared jumps by incident, of the part that the jumps of the
    couplings above 0 and of the endemic level do not explain.
    """
    design, one = fit.design, fit.targets[coupling.target]
    target, structure = design.targets[coupling.target], design.structure
    longest = max(coupling.columns, key=lambda c: design.kernels.half_lives[target.columns[c].half_life])
    ear = make_ear(design, coupling.target, [longest])
    ear = replace(ear, kernels=Kernels(LONGER * ear.kernels.half_lives, ear.kernels.orders))
    if structure is None:
        return 1.0
    (features,), (heard,) = ear.hear(structure, [history_of(structure, events, coupling.source_kind)])
    weights = row_weights(fit, coupling.target)
    known = np.column_stack([target.features[:, one.model.alpha > 0.0] * weights[:, None], 1.0 - one.echo_share])
    incident = np.unique(target.incident, return_inverse=True)[1]
    jumps, others = _summed(weights * features[:, 0], incident), _summed(known, incident)
    left = jumps - others @ np.linalg.lstsq(others, jumps, rcond=None)[0]
    spread = float(np.sqrt(left @ left))
    return float(ndtr(-(jumps.sum() - heard[0]) / spread)) if spread > 0.0 else 1.0


def _summed(values: np.ndarray, incident: np.ndarray) -> np.ndarray:
    total = np.zeros((int(incident.max(initial=-1)) + 1, *values.shape[1:]))
    np.add.at(total, incident, values)
    return total


# ---------------------------------------------------------------------------------- what cannot be told from each other


def _alike(fit: Fit, couplings: Sequence[Coupling]) -> Iterator[Doubt]:
    pairs = sorted({pair for index in range(len(fit.targets)) for pair in look_alike(fit, index, couplings)})
    if pairs:
        claimed = sum(couplings[a].claimed or couplings[b].claimed for a, b in pairs)
        those = f"; {claimed} of them with one that is found" if claimed else ""
        yield (
            "collinear",
            (
                f"{_some(len(pairs), 'pair')} of couplings cannot be told apart, since what reaches people through one rises and "
                f"falls with what reaches them through the other{those}: only their sum is known."
            ),
        )


def look_alike(fit: Fit, index: int, couplings: Sequence[Coupling]) -> set[tuple[int, int]]:
    """Pairs of couplings of a target with columns whose information is correlated by more than .95, one of them above 0.

    Parameters
    ----------
    fit, index
        Target of which fit.
    couplings
        One per row of the table of tests; those with too few events are not asked.
    """
    owner, schur, _ = _information(fit, index, couplings)
    places = np.flatnonzero(owner >= 0)
    alpha = fit.targets[index].model.alpha[_columns(fit, index)]
    scale = np.sqrt(np.maximum(np.diag(schur), 1e-300))
    correlation = schur / np.outer(scale, scale)
    return {
        (min(owner[a], owner[b]), max(owner[a], owner[b]))
        for a in places
        for b in places
        if owner[a] != owner[b] and correlation[a, b] > ALIKE and alpha[a] > 0.0
    }


def _in_trend(fit: Fit, couplings: Sequence[Coupling]) -> Iterator[Doubt]:
    found = sorted({place for index in range(len(fit.targets)) for place in taken_by_trend(fit, index, couplings)})
    if found:
        yield (
            "trend_competes",
            (
                f"For {_some(len(found), 'coupling')} with a long half-life three quarters or more of what the records could say is "
                "taken by the trend: slow echoes and a slow rise or fall of everything cannot be told apart here."
            ),
        )


def taken_by_trend(fit: Fit, index: int, couplings: Sequence[Coupling]) -> set[int]:
    """Couplings with a column above 0 of whose information the trend (and the level of units) takes three quarters or more.

    Parameters
    ----------
    fit, index, couplings
        As in ``look_alike``.
    """
    owner, schur, alone = _information(fit, index, couplings)
    alpha = fit.targets[index].model.alpha[_columns(fit, index)]
    is_taken = (np.diag(schur) <= (1.0 - TAKEN) * alone) & (alone > 0.0) & (alpha > 0.0) & (owner >= 0)
    return set(owner[is_taken].tolist())


def _columns(fit: Fit, index: int) -> np.ndarray:
    names = set(fit.targets[index].names)
    return np.array([j for j in range(fit.targets[index].model.alpha.size) if f"alpha[{j}]" in names], dtype=np.int64)


def _information(fit: Fit, index: int, couplings: Sequence[Coupling]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coupling of each column in use (-1: none that is asked), their information with the trend estimated, and without it.

    The level, the first parameter, is estimated in both.
    """
    one, columns = fit.targets[index], _columns(fit, index)
    owner = np.full(one.model.alpha.size, -1)
    for place, coupling in enumerate(couplings):
        if coupling.target == index and coupling.label != "too few":
            owner[list(coupling.columns)] = place
    names = {name: place for place, name in enumerate(one.names)}
    where = one.hessian.centre(np.array([names[f"alpha[{j}]"] for j in columns], dtype=np.int64))
    with_trend, without = reduce(one.hessian).schur, -one.hessian.central
    return owner[columns], _beside_level(with_trend, where), np.diag(_beside_level(without, where))


def _beside_level(information: np.ndarray, where: np.ndarray) -> np.ndarray:
    level = information[where, 0]
    return information[np.ix_(where, where)] - np.outer(level, level) / max(float(information[0, 0]), 1e-300)


# ----------------------------------------------------------------------------------------------- stays that are no chance


def _exits(fit: Fit) -> Iterator[Doubt]:
    p = [value for index in range(len(fit.targets)) if (value := exit_test(fit, index)) is not None]
    count = int((holm(np.array(p)) <= LEVEL).sum()) if p else 0
    if count:
        yield (
            "exit_by_frailty",
            (
                f"Who leaves is no chance: for {_some(count, 'kind')} of event those who leave have them more, or less, often than "
                "those who are there at the time. What is said of lasting differences between people and of a person's own past "
                "may be off."
            ),
        )


def exit_test(fit: Fit, index: int) -> float | None:
    """Test whether people leave independently of how often they have a kind of event; the p-value, two-sided.

    Parameters
    ----------
    fit, index
        Target of which fit.

    Returns
    -------
    float or None
        None where there is no frailty or fewer than 20 have left.

    Notes
    -----
    Log rank score of the hazard of leaving on the posterior mean of frailty: over all exits the frailty of whoever leaves
    minus the mean of those who are there. Posterior means are 1 on average whatever the length of a stay, if stays are
    independent of frailty.
    """
    one, structure = fit.targets[index], fit.design.structure
    if structure is None or one.model.frailty_variance <= 0.0:
        return None
    belongs = structure.roster.belongs
    role = fit.design.roles[fit.design.targets[index].role]
    here = np.flatnonzero(role.frail & (np.diff(belongs.begins) > 0) & structure.roster.is_person)
    start, end = belongs.start[belongs.begins[here]], belongs.reach[belongs.begins[here + 1] - 1]
    theta = one.theta[here]
    seen = (end > fit.design.history_days) & (start < fit.design.window_days)
    start, end, theta = start[seen], end[seen], theta[seen]
    exits = np.flatnonzero(end < fit.design.window_days)
    if exits.size < FEWEST_EXITS:
        return None
    sums = [_among(start, end, theta**power, end[exits]) for power in range(3)]
    mean = sums[1] / sums[0]
    variance = float(np.maximum(sums[2] / sums[0] - mean**2, 0.0).sum())
    score = float((theta[exits] - mean).sum())
    return float(2.0 * ndtr(-abs(score) / np.sqrt(variance))) if variance > 0.0 else 1.0


def _among(start: np.ndarray, end: np.ndarray, values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Sum of values over those who are there at each time, whoever leaves just then among them."""
    total = np.zeros(times.size)
    for edges, sign in ((start, 1.0), (end, -1.0)):
        order = np.argsort(edges, kind="stable")
        reached = np.append(0.0, np.cumsum(values[order]))
        total += sign * reached[np.searchsorted(edges[order], times)]
    return total


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
