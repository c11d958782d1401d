"""The ladder of rival explanations: how much better each one foretells later events that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.special import ndtr

from antiphon.hawkes.fitting import fit_design
from antiphon.hawkes.options import Options
from antiphon.hawkes.predict import likelihood_by_system
from antiphon.inference.forecast import FORECASTS, forecasts, look_ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from antiphon.design.design import Channel, Design, Target
    from antiphon.hawkes.fit import Fit

RUNGS = (
    "chance",
    "rhythm and shared circumstances",
    "the person",
    "the person's own past",
    "people like them",
    "parallel process",
)
OWN_PAST, PEOPLE_LIKE_THEM, PARALLEL_PROCESS = 3, 4, 5
FEWEST_EVENTS = 50
"""With fewer events in the later blocks nothing is compared."""
FEW_CLUSTERS = 20
"""With fewer clusters of unit and block, signs are flipped instead of trusting a normal distribution."""
N_FLIPS = 1999
LADDER = {
    "rung": pl.Int64,
    "name": pl.String,
    "log_score": pl.Float64,
    "gain": pl.Float64,
    "se": pl.Float64,
    "p": pl.Float64,
}


@dataclass(frozen=True, slots=True, repr=False)
class Climbed:
    """What the later blocks said.

    Attributes
    ----------
    ladder : rung, name, log_score (per event of the later blocks), gain (to the rung before), se (by unit and block),
        p (one-sided, that the gain is chance; null for rung 0).
    forecasts : of the highest rung; see ``antiphon.inference.forecast.forecasts``.
    """

    ladder: pl.DataFrame
    forecasts: pl.DataFrame


@dataclass(frozen=True, slots=True, repr=False)
class _Window:
    """Training on the blocks before ``first``, testing on the blocks from there to ``last`` (not included)."""

    first: int
    last: int


def rung_of(channel: Channel) -> int:
    """Rung at which a channel comes in.

    Parameters
    ----------
    channel : the channel.

    Returns
    -------
    int
        3 for ``self``, 4 for peers of the same role, 5 for everything else (other roles, ties, up and down).
    """
    if channel.how == "self":
        return OWN_PAST
    is_same = channel.how == "peers" and channel.from_role == channel.to_role
    return PEOPLE_LIKE_THEM if is_same else PARALLEL_PROCESS


def climb(
    design: Design,
    *,
    penalty: float = 1.0,
    n_windows: int = 2,
    wholes: Mapping[int, Fit] | None = None,
    seed: int = 1,
    threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Climbed:
    """Score every rung on later blocks that it was not fitted to.

    Parameters
    ----------
    design : the agency as arrays.
    penalty : lasso on the couplings of rungs 3 to 5 (``hawkes.Options.penalty``), so that channels without use do
        little harm where events are few.
    n_windows : the later half of the blocks is divided into so many tests; before each, everything is fitted anew to
        all blocks before it (expanding window).
    wholes : unpenalised fits of the whole model by number of leading blocks, where they are known already.
    seed : of the sign flips.
    threads : target kinds fitted at a time.
    progress : called with (rungs done, to do).

    Returns
    -------
    Climbed
        Empty tables where the later blocks hold under 50 events.

    Notes
    -----
    The score of a block is the marginal predictive ``l(all before and it) - l(all before)`` at the training
    estimates: frailties are integrated over their posterior given all earlier events, those of new persons over the
    prior, and a calendar period not yet seen has the level that the earlier ones foretell (``forecast.look_ahead``).
    """
    n_blocks = len(design.block_edges) - 1
    windows = _windows(n_blocks, n_windows)
    events = sum(int(target.count[target.block >= windows[0].first].sum()) for target in design.targets)
    if n_blocks < 2 or events < FEWEST_EVENTS:
        return Climbed(pl.DataFrame(schema=LADDER), pl.DataFrame(schema=FORECASTS))
    scores = np.zeros((len(RUNGS), n_blocks, design.n_systems))
    foretold = []
    steps = (0, len(RUNGS) * len(windows))
    for window in windows:
        climber = _Climber(design, window.first, penalty, threads, whole=(wholes or {}).get(window.first))
        fit = None
        for rung in range(len(RUNGS)):
            if rung < OWN_PAST or _adds(design, rung):
                fit = look_ahead(climber.fit(rung), window.first)
                scores[rung] += _block_scores(fit, window)
            else:
                scores[rung, window.first : window.last] = scores[rung - 1, window.first : window.last]
            steps = (steps[0] + 1, steps[1])
            if progress is not None:
                progress(*steps)
        if fit is not None:
            foretold.append(forecasts(fit, window.first, window.last))
    table = _ladder(scores, _counts(design, windows[0].first), units_of_systems(design), np.random.default_rng(seed))
    return Climbed(table, pl.concat(foretold))


def _windows(n_blocks: int, n_windows: int) -> list[_Window]:
    first = max(n_blocks // 2, 1)
    edges = np.unique(np.linspace(first, n_blocks, min(n_windows, max(n_blocks - first, 1)) + 1).astype(int))
    return [_Window(int(start), int(end)) for start, end in pairwise(edges)] or [_Window(first, n_blocks)]


def _adds(design: Design, rung: int) -> bool:
    """Whether any target has a column that comes in at this rung."""
    return any(_mask(design, target, rung).sum() > _mask(design, target, rung - 1).sum() for target in design.targets)


def _mask(design: Design, target: Target, rung: int) -> np.ndarray:
    return np.array([rung_of(design.channels[column.channel]) <= rung for column in target.columns], dtype=bool)


@dataclass(slots=True, repr=False)
class _Climber:
    """Fits the rungs to the same leading blocks, each from what is known already.

    The whole model without penalty is fitted once: it gives the scale of the penalty, the propensity and the start of
    every penalised rung.
    """

    design: Design
    blocks: int
    penalty: float
    threads: int
    below: Fit | None = None
    whole: Fit | None = None

    def fit(self, rung: int) -> Fit:
        """Fit one rung; call in order."""
        if rung < OWN_PAST:
            self.below = fit_design(self.design, self.options(rung), threads=self.threads)
            return self.below
        if self.penalty <= 0:
            self.below = fit_design(self.design, self.options(rung), start=self.below, threads=self.threads)
            return self.below
        if self.whole is None:
            options = self.options(PARALLEL_PROCESS)
            self.whole = fit_design(self.design, options, start=self.below, threads=self.threads)
        options = replace(self.options(rung), penalty=self.penalty)
        return fit_design(self.design, options, start=self.whole, threads=self.threads)

    def options(self, rung: int) -> Options:
        """What a rung may use."""
        is_personal = rung >= RUNGS.index("the person")
        return Options(
            columns=tuple(_mask(self.design, target, rung) for target in self.design.targets),
            frailty=is_personal,
            propensity=is_personal,
            rhythm=rung >= 1,
            blocks=self.blocks,
        )


def _block_scores(fit: Fit, window: _Window) -> np.ndarray:
    """Predictive log score, (blocks, systems), zero outside the window."""
    result = np.zeros((len(fit.design.block_edges) - 1, fit.design.n_systems))
    blocks = range(window.first, window.last + 1)
    for index in range(len(fit.design.targets)):
        result[window.first : window.last] += np.diff(likelihood_by_system(fit, index, blocks), axis=0)
    return result


def _counts(design: Design, first: int) -> np.ndarray:
    """Scored events of the later blocks, (blocks, systems)."""
    counts = np.zeros((len(design.block_edges) - 1, design.n_systems))
    for target in design.targets:
        late = target.block >= first
        np.add.at(counts, (target.block[late], target.system[late]), target.count[late])
    return counts


def units_of_systems(design: Design) -> np.ndarray:
    """Unit in which a system has most of its events; its organisation where it has none.

    Parameters
    ----------
    design : the design.

    Returns
    -------
    np.ndarray
        (systems,) cluster codes.
    """
    codes = np.full(design.n_systems, -1, dtype=np.int64)
    for role in design.roles:
        codes[role.segments.system] = -1 - role.segments.group
    parts = [np.stack([target.system, target.unit]) for target in design.targets]
    pairs = np.concatenate(parts, axis=1) if parts else np.zeros((2, 0), dtype=np.int64)
    pairs = pairs[:, pairs[1] >= 0]
    if pairs.shape[1]:
        unique, counts = np.unique(pairs, axis=1, return_counts=True)
        order = np.argsort(counts, kind="stable")
        codes[unique[0, order]] = unique[1, order]
    return np.unique(codes, return_inverse=True)[1]


def _ladder(scores: np.ndarray, counts: np.ndarray, unit: np.ndarray, generator: np.random.Generator) -> pl.DataFrame:
    """One row per rung."""
    n_events = float(counts.sum())
    rows = []
    for rung, name in enumerate(RUNGS):
        score = float(scores[rung].sum()) / n_events
        if rung == 0:
            rows.append((rung, name, score, 0.0, 0.0, None))
            continue
        gain, error, p = gain_by_clusters(
            _clustered(scores[rung] - scores[rung - 1], unit), _clustered(counts, unit), generator
        )
        rows.append((rung, name, score, gain, error, p))
    return pl.DataFrame(rows, schema=LADDER, orient="row")


def _clustered(values: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Sum over the systems of a unit within each block, (clusters,)."""
    n_units = int(unit.max(initial=0)) + 1
    return np.array([np.bincount(unit, line, minlength=n_units) for line in values]).ravel()


def gain_by_clusters(
    difference: np.ndarray, events: np.ndarray, generator: np.random.Generator
) -> tuple[float, float, float]:
    """Gain per event with its standard error, by clusters.

    Parameters
    ----------
    difference : (clusters,) log score of this rung minus that of the rung before.
    events : (clusters,) events scored.
    generator : for sign flips where there are few clusters.

    Returns
    -------
    tuple of float
        Gain, standard error (as of a ratio of sums) and one-sided p.
    """
    used = (difference != 0) | (events > 0)
    difference, events = difference[used], events[used]
    gain = float(difference.sum() / events.sum())
    n = len(difference)
    if n < 2 or not np.any(difference):
        return gain, 0.0, 1.0
    error = float(np.sqrt(n / (n - 1) * np.sum((difference - gain * events) ** 2)) / events.sum())
    if n < FEW_CLUSTERS:
        return gain, error, sign_flip(difference, generator)
    return gain, error, float(ndtr(-gain / error)) if error > 0 else float(gain <= 0)


def sign_flip(difference: Sequence[float] | np.ndarray, generator: np.random.Generator) -> float:
    """Probability of so large a sum had every cluster's difference been as likely to point the other way.

    Parameters
    ----------
    difference : (clusters,).
    generator : random numbers.

    Returns
    -------
    float
        One-sided, from 1,999 flips; never below 1 / 2,000.
    """
    difference = np.asarray(difference, dtype=float)
    signs = generator.choice([-1.0, 1.0], (N_FLIPS, len(difference)))
    at_least = int(np.sum(signs @ difference >= difference.sum() - 1e-12 * np.abs(difference).sum()))
    return (1 + at_least) / (1 + N_FLIPS)
