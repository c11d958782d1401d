"""What else the couplings might have been: a one-step bootstrap of the unpenalised fit by incidents."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.hawkes.curvature import NotPositiveError, cholesky, solve
from antiphon.inference.intervals import make_curve
from antiphon.inference.power import columns_in_use, schur_information

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.design import Target
    from antiphon.hawkes.fit import Fit, TargetFit
    from antiphon.inference.inference import Coupling
    from antiphon.inference.intervals import Curve

N_DRAWS = 199
"""Draws where nothing else is asked for."""

LARGEST = 100_000
"""Events up to which incidents are resampled; above, scores are drawn from their normal distribution."""

CHUNK_ROWS = 4096
"""Rows handled at a time."""

SHRINK = 0.5
"""Standard deviations of its score by which each coupling is shrunk before it is taken for the truth; .25 to 1 do alike."""

FLAT = 1e-2
"""Smallest information of a direction, relative to that of single couplings."""

SMALLEST = 1e-9
"""Smallest information of a coupling, relative to the largest."""

MOST_SWEEPS, SETTLED = 500, 1e-6
"""Rounds of coordinate descent at most, and the move relative to the largest pull under which it has arrived."""


@dataclass(frozen=True, slots=True, repr=False)
class Draws:
    """What the couplings were estimated as, and what they would be estimated as from other records.

    Attributes
    ----------
    estimate : (couplings,) unpenalised estimates, half-lives of a coupling taken together.
    centre : (couplings,) what is taken for the truth behind the draws: the estimates shrunk.
    drawn : (draws, couplings) estimates from other records of such an agency.
    """

    estimate: np.ndarray
    centre: np.ndarray
    drawn: np.ndarray


def draw_totals(
    fit: Fit, couplings: Sequence[Coupling], *, seed: int, n_draws: int = N_DRAWS, largest: int = LARGEST
) -> Draws:
    """Draw the couplings, each taken together over its half-lives, as another set of records might have shown them.

    Parameters
    ----------
    fit : unpenalised fit.
    couplings : rows of the table of tests; half-lives of one coupling are drawn as one, since their sum is well
        determined where they are not.
    seed : of the random numbers.
    n_draws : number of draws.
    largest : events up to which incidents are resampled.

    Returns
    -------
    Draws
        Never negative; 0 for couplings that nobody read.

    Notes
    -----
    In each draw every incident counts a Poisson number of times, one on average, with all its rows of all kinds. That moves
    the score of the couplings (all else estimated) by ``sum over incidents of (number - 1) x jump``, and the estimates by one
    Newton step with the information of the fit. Compensated Poisson multiples of the jumps have the cumulants of the score
    itself, which is a sum of compensated jumps: the wild bootstrap of counting processes (Bluhmki, Dobler, Beyersmann and
    Pauly 2019, Lifetime Data Analysis 25). Persons cannot be resampled so: they hear each other.

    Jumps are those of the frailties given all records, more than was known at the time, so their squares add up to more than
    the information; each coupling's are scaled such that rows that come alone give the information, as in the intervals of
    couplings. Where they add up to less (an echo that never came makes no jump) the rest is drawn as normal.

    The step is the maximum of the quadratic model under ``alpha >= 0``, with every column in it: what one coupling gains
    others lose. Most couplings that are not there are estimated above zero by noise. Draws about the estimates would take
    that for true and add noise once more, so they are about estimates that are shrunk (as for parameters at a boundary in
    Cavaliere, Nielsen and Rahbek 2017, Journal of Time Series Analysis 38); what other records would add is ``drawn`` less ``centre``.
    """
    generator = np.random.default_rng(seed)
    draws, centre, estimate = np.zeros((n_draws, len(couplings))), np.zeros(len(couplings)), np.zeros(len(couplings))
    targets = fit.design.targets
    times = None
    if sum(int(target.count.sum()) for target in targets) <= largest:
        times = _times(targets, n_draws, generator)
    for number, one in enumerate(fit.targets):
        in_use = columns_in_use(one)
        if not in_use.size:
            continue
        information = _convex(schur_information(one, targets[number]))
        noise = generator.standard_normal((n_draws, in_use.size))
        if times is None:
            scores = _normal_scores(information, noise)
        else:
            scores = _scaled(*resample_scores(make_curve(fit, number), in_use, times), np.diag(information), noise)
        alpha = one.model.alpha[in_use]
        slope = np.where(alpha > 0.0, 0.0, np.minimum(_slope(one, targets[number]), 0.0))
        shrunk = alpha @ information + slope - SHRINK * np.sqrt(np.diag(information))
        about = project(shrunk[None], information, alpha)[0]
        drawn = project(about @ information + scores, information, about)
        sums = np.array([np.isin(in_use, c.columns) & (c.target == number) for c in couplings], dtype=float)
        draws += drawn @ sums.T
        centre += sums @ about
        estimate += sums @ alpha
    return Draws(estimate, centre, draws)


def _times(targets: Sequence[Target], n_draws: int, generator: np.random.Generator) -> np.ndarray:
    """Draw how often each incident counts, (draws, incidents)."""
    n_incidents = 1 + max((int(target.incident.max(initial=-1)) for target in targets), default=-1)
    return generator.poisson(1.0, (n_draws, n_incidents)).astype(np.int8)


def _convex(information: np.ndarray) -> np.ndarray:
    """Return the information, with directions in which it says little, or bends the wrong way, held to a hundredth of others."""
    diagonal = np.diag(information)
    scale = np.sqrt(np.maximum(diagonal, SMALLEST * float(np.abs(diagonal).max())))
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    return ((vectors * np.maximum(values, FLAT)) @ vectors.T) * np.outer(scale, scale)


def _normal_scores(information: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return scores with the information as their covariance."""
    scale = np.sqrt(np.diag(information))
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    return (noise * np.sqrt(np.maximum(values, 0.0))) @ vectors.T * scale


def _scaled(moved: np.ndarray, squares: np.ndarray, information: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return scores with the spread that the information asks of rows that come alone."""
    shrink = np.ones_like(squares)
    np.divide(information, squares, out=shrink, where=squares > information)
    return moved * np.sqrt(shrink) + noise * np.sqrt(np.maximum(information - squares, 0.0))


def resample_scores(curve: Curve, in_use: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how the score of couplings moves when incidents count several times or not at all.

    Parameters
    ----------
    curve : of the unpenalised fit.
    in_use : columns of the target.
    times : (draws, incidents) how often each counts.

    Returns
    -------
    numpy.ndarray
        (draws, columns in use) of the efficient score: what other parameters do not explain.
    numpy.ndarray
        (columns in use,) squares of the jumps of single rows, added up.
    """
    problem, rows = curve.problem, curve.problem.rows
    size = problem.layout.size
    weights = _efficient_directions(curve, curve.places[in_use])
    effects = np.vstack([weights[:size], np.zeros(in_use.size)])
    echoes = weights[size : size + problem.kept.size]
    covariates = effects[rows.first_covariate : rows.first_covariate + rows.covariates.shape[1]]
    incident = curve.fit.design.targets[curve.index].incident[problem.order]
    endemic, echo = curve.jumps
    moved, squares = np.zeros((times.shape[0], in_use.size)), np.zeros(in_use.size)
    for start in range(0, incident.size, CHUNK_ROWS):
        here = slice(start, start + CHUNK_ROWS)
        own = effects[0] + rows.covariates[here] @ covariates
        for column in rows.columns[here].T:
            own += effects[column]
        jumps = endemic[here, None] * own + echo[here, None] * (problem.features[here] @ echoes)
        moved += (times[:, incident[here]] - 1.0) @ jumps
        squares += (jumps**2).sum(axis=0)
    return moved, squares


def _efficient_directions(curve: Curve, places: np.ndarray) -> np.ndarray:
    """Weights that turn the score of all parameters into that of each coupling with all but couplings estimated."""
    curvature, schur = curve.reduced.curvature, curve.reduced.schur
    centre = curvature.centre(places)
    others = np.setdiff1d(np.flatnonzero(np.diag(curvature.central) < 0.0), centre)
    central = np.zeros((schur.shape[0], places.size))
    central[centre, np.arange(places.size)] = 1.0
    with suppress(NotPositiveError):
        central[others] = -solve(cholesky(schur[np.ix_(others, others)]), schur[np.ix_(others, centre)])
    none = np.zeros(curvature.n_local)
    return np.column_stack([curve.reduced.outward(line, none) for line in central.T])


def _slope(fit: TargetFit, target: Target) -> np.ndarray:
    """Return the slope of the log likelihood in each column in use."""
    in_use = columns_in_use(fit)
    endemic = np.maximum(fit.theta[target.system] * fit.baseline, 1e-300)
    echoed = fit.excitation > 0
    rate = np.where(
        echoed, np.divide(fit.echo_share, fit.excitation, out=np.zeros_like(endemic), where=echoed), 1 / endemic
    )
    return (target.count * rate) @ target.features[:, in_use] - target.compensator[:, in_use].sum(axis=0)


def project(pull: np.ndarray, information: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Maximise ``pull . x - x . information . x / 2`` under ``x >= 0`` by coordinate descent, all draws at once.

    Parameters
    ----------
    pull : (draws, n).
    information : (n, n) positive definite.
    start : (n,) where to begin.

    Returns
    -------
    numpy.ndarray
        (draws, n).
    """
    x = np.tile(start, (pull.shape[0], 1))
    slope = pull - x @ information
    scale = np.maximum(float(np.abs(pull).max(initial=0.0)), 1e-300)
    for _ in range(MOST_SWEEPS):
        before = x.copy()
        for j in range(information.shape[0]):
            moved = np.maximum(x[:, j] + slope[:, j] / information[j, j], 0.0)
            slope -= np.outer(moved - x[:, j], information[j])
            x[:, j] = moved
        if float((np.abs(x - before) * np.diag(information)).max(initial=0.0)) < SETTLED * scale:
            break
    return x
