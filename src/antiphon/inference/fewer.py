"""The inhibition check: couplings at zero after which less happens than by chance, which no echo can describe."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincc, ndtr

from antiphon.design.events import rows_from
from antiphon.design.listening import events_again, history_of, make_ear
from antiphon.inference.claims import LEVEL, adjust
from antiphon.inference.inference import Control
from antiphon.inference.jitter import row_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.events import Events
    from antiphon.hawkes.fit import Fit
    from antiphon.inference.claims import Row

FEWEST_EXPECTED = 10.0
"""Events that should have heard a source, by chance alone, from which on it is asked whether they were fewer."""

SHIFTS = 30
"""Times by which the sources are moved."""

FIRST = 10
"""Moves after which no more are made where it is clear that a coupling will not be listed."""

NEAREST = 28.0
"""Days by which they are moved at least."""

UNKNOWN = float("nan")


def fewer_after(fit: Fit, rows: Sequence[Row], *, threads: int = 2) -> tuple[Control, ...]:
    """List couplings estimated at 0 after which there is significantly less than by chance.

    Parameters
    ----------
    fit
        The fit that claims rest on.
    rows
        The table of tests; rows with a label are not asked.
    threads
        Couplings worked on at a time.

    Returns
    -------
    tuple of Control
        By coupling, of code ``fewer_after``, with p corrected for all couplings that were asked (those that are estimated
        above 0 count with p = 1). It is not a claim of inhibition: who is watched, searched or kept apart after an event has
        fewer as well. Nothing where the design does not hold its records.

    Notes
    -----
    At 0 the score of the coupling is ``K - G``: ``K`` the sum over rows of weight times what was heard, ``G`` what all readers
    heard; by chance K is G on average. It is a sum of positive jumps, so a Poisson count of G / j jumps of their mean size
    ``j = sum of squares / sum`` (by incident) has its mean and its variance, and ``p = P(Poisson(G / j) <= K / j)``. With few
    jumps their size is not known well: the larger of that of the coupling and that of its whole channel is taken. Half-lives
    count by their roots, as in the jitter.

    That sifts only. Where a kind nearly always follows another, K should come from rare events at quiet times, which may all
    be missing. So whatever passes is held against the same sources moved by whole weeks (around the ends of the window):
    ``p`` is the larger of the first and that of K / G among those of the moves, by the normal distribution; their own
    distribution leans to the right, which makes its lower tail the shorter one.
    """
    events = events_again(fit.design)
    if events is None:
        return ()
    asked, p = [], []
    for index in sorted({row.target for row in rows if not row.label}):
        mine = [place for place, row in enumerate(rows) if row.target == index and not row.label]
        found = _of_target(fit, index, [rows[place] for place in mine])
        known = [(place, value) for place, value in zip(mine, found, strict=True) if np.isfinite(value)]
        asked += [place for place, _ in known]
        p += [value for _, value in known]
    if not asked:
        return ()
    values = np.array(p)
    few = np.flatnonzero(adjust(values) <= LEVEL)
    with ThreadPoolExecutor(max(1, threads)) as pool:
        moved = list(pool.map(lambda place: among_moves(fit, events, rows[asked[place]]), few))
    values[few] = np.maximum(values[few], moved)
    return tuple(
        Control(place, "fewer_after", "differs", float(q), UNKNOWN, UNKNOWN)
        for place, q in sorted(zip(asked, adjust(values), strict=True))
        if q <= LEVEL
    )


def among_moves(fit: Fit, events: Events, row: Row) -> float:
    """Return the lower tail probability of ``K / G`` among those with the sources moved by whole weeks; 1 where none is heard.

    Parameters
    ----------
    fit, row
        As in ``fewer_after``.
    events
        Those of the design.
    """
    design = fit.design
    structure, target = design.structure, design.targets[row.target]
    window = design.window_days
    weeks = np.unique(np.linspace(NEAREST, window - NEAREST, SHIFTS) // 7.0) * 7.0
    weeks = np.random.default_rng(0).permutation(weeks)  # so that the first few are from everywhere
    if structure is None or weeks.min() < NEAREST:
        return 1.0
    mine, fast = history_of(structure, events, row.source_kind), list(row.fast)
    ear, weights = make_ear(design, row.target, fast), row_weights(fit, row.target)
    root = np.sqrt(ear.kernels.half_lives)
    own = float(weights @ target.features[:, fast] @ root / (target.compensator[:, fast].sum(axis=0) @ root))
    ratios: list[float] = []
    for first in range(0, weeks.size, FIRST):
        moved = [
            rows_from((mine.time + shift) % window, mine.system, mine.kind, mine.number, mine.target, mine.grain)
            for shift in weeks[first : first + FIRST]
        ]
        for features, heard in zip(*ear.hear(structure, moved), strict=True):
            if heard @ root > 0.0:
                ratios.append(float(weights @ features @ root / (heard @ root)))
        if first == 0 and len(ratios) > 1 and _lower_tail(own, ratios) > LEVEL:
            break
    return _lower_tail(own, ratios) if len(ratios) >= FIRST else 1.0


def _lower_tail(own: float, ratios: list[float]) -> float:
    return float(ndtr((own - np.mean(ratios)) / max(float(np.std(ratios, ddof=1)), 1e-300)))


def _of_target(fit: Fit, index: int, rows: Sequence[Row]) -> list[float]:
    """Return p of each row of the table for one target; NaN where too little should have been heard."""
    target, alpha = fit.design.targets[index], fit.targets[index].model.alpha
    weights = row_weights(fit, index)
    read = target.compensator.sum(axis=0)
    root = np.sqrt(fit.design.kernels.half_lives)[[feature.half_life for feature in target.columns]]
    incident = np.unique(target.incident, return_inverse=True)[1]
    sums: list[tuple[float, float, float]] = []
    by_channel: dict[int, np.ndarray] = {}
    for row in rows:
        fast = list(row.fast)
        jumps = np.bincount(incident, weights * (target.features[:, fast] @ root[fast]))
        sums.append((float(jumps.sum()), float(jumps @ jumps), float(read[fast] @ root[fast])))
        by_channel[row.channel] = by_channel.get(row.channel, np.zeros(2)) + sums[-1][:2]
    found = []
    for row, (heard, square, expected) in zip(rows, sums, strict=True):
        total, squares = by_channel[row.channel]
        size = max(square / heard if heard > 0.0 else 0.0, squares / total if total > 0.0 else 0.0)
        if size <= 0.0 or expected < FEWEST_EXPECTED * size:
            found.append(UNKNOWN)
        else:
            is_zero = not alpha[list(row.columns)].any()
            found.append(float(gammaincc(heard / size + 1.0, expected / size)) if is_zero else 1.0)
    return found
