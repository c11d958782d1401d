"""Rival explanations as vetoes: what is asked of every coupling that would be claimed, and what came out.

Controls are never subtracted from an estimate and never enter the correction for the number of tests.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.listening import events_again
from antiphon.hawkes.fitting import refit_target
from antiphon.inference.inference import VETOED, Control
from antiphon.inference.jitter import LEVEL, Jittered, jitter
from antiphon.inference.rereading import rows_apart, ties_at_admission
from antiphon.inference.year_apart import year_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from antiphon.design.design import Design
    from antiphon.design.events import Events
    from antiphon.hawkes.fit import Fit
    from antiphon.inference.claims import Row
    from antiphon.inference.inference import Code, Coupling, Verdict

ENOUGH_POWER = 0.8
"""A test that would have missed an echo of the size claimed more often than one time in five cannot veto it."""

FAR = 2.0
"""Standard errors by which an estimate must move to be said to differ."""

UNTESTED = float("nan")


@dataclass(frozen=True, slots=True, repr=False)
class Claims:
    """What is to be controlled.

    Attributes
    ----------
    fit, claim : the fit, and the one that claims rest on.
    rows, couplings : the table of tests and what came of it.
    errors : (couplings,) standard errors of the estimates.
    """

    fit: Fit
    claim: Fit
    rows: Sequence[Row]
    couplings: Sequence[Coupling]
    errors: np.ndarray

    @property
    def places(self) -> list[int]:
        """Couplings that would be claimed."""
        return [place for place, coupling in enumerate(self.couplings) if coupling.claimed]

    def how(self, place: int) -> str:
        """Kind of channel of a coupling."""
        return self.fit.design.channels[self.rows[place].channel].how


def control(claims: Claims, *, seed: int = 1, threads: int = 2) -> tuple[Control, ...]:
    """Ask the rival explanations of every coupling that would be claimed.

    Parameters
    ----------
    claims
        Couplings with their tests.
    seed
        Of the redraws.
    threads
        Couplings worked on at a time; the result does not depend on it.

    Returns
    -------
    tuple of Control
        By coupling and code. Nothing where the design does not hold its records, as of arrays made by hand.
    """
    events = events_again(claims.fit.design)
    if events is None:
        return ()
    found = list(_reread(claims, "incidents", rows_apart(claims.fit.design), threads))
    found += _reread(claims, "ties_at_admission", ties_at_admission(claims.fit.design), threads)
    if claims.places:
        with ThreadPoolExecutor(max(1, threads)) as pool:
            for some in pool.map(lambda place: _timed(claims, events, place, seed), claims.places):
                found += some
    return tuple(sorted(found, key=lambda one: (one.coupling, one.code)))


def vetoed(couplings: Sequence[Coupling], controls: Sequence[Control]) -> tuple[Coupling, ...]:
    """Return the couplings, those that failed a control no longer claimed and labelled so."""
    failed = {one.coupling for one in controls if one.verdict == "failed"}
    return tuple(
        replace(coupling, claimed=False, label=VETOED) if place in failed else coupling
        for place, coupling in enumerate(couplings)
    )


def judge(redrawn: Jittered, *, same_kind: bool) -> Verdict:
    """Say what redraws mean for a coupling.

    Events that echo in others of their own kind are sources and targets in one: redrawn before what they followed, they
    seem to be followed by it, and the power that is computed is too high. Such a coupling is not vetoed.
    """
    if redrawn.p <= LEVEL:
        return "passed"
    return "failed" if redrawn.power >= ENOUGH_POWER and not same_kind else "cannot tell"


def _timed(claims: Claims, events: Events, place: int, seed: int) -> tuple[Control, ...]:
    """The controls that give the sources other times."""
    row = claims.rows[place]
    redrawn = jitter(claims.claim, events, row.target, row.fast, seed=seed)
    found = []
    if redrawn is not None:
        is_same = claims.fit.design.targets[row.target].kind == row.source_kind
        found.append(
            Control(place, "jitter", judge(redrawn, same_kind=is_same), redrawn.p, redrawn.power, UNTESTED)
        )  # fmt: skip
    p = year_apart(claims.claim, events, row.target, row.fast)
    if p is None:
        found.append(Control(place, "year_apart", "cannot tell", UNTESTED, UNTESTED, UNTESTED))
    else:
        found.append(Control(place, "year_apart", "failed" if p <= LEVEL else "passed", p, UNTESTED, UNTESTED))
    return tuple(found)


def _reread(claims: Claims, code: Code, other: Design | None, threads: int) -> Iterator[Control]:
    """Compare estimates with those of the records read in another way.

    Of incidents apart also what is *not* claimed is said, where it would look larger than its interval allows.
    """
    asked = [place for place in claims.places if code == "incidents" or claims.how(place) not in ("self", "group")]
    if other is None:
        for place in asked:
            yield Control(place, code, "passed", UNTESTED, UNTESTED, claims.couplings[place].echoes)
        return
    if code == "incidents":
        asked += [place for place, one in enumerate(claims.couplings) if not one.label and not one.claimed]
    again = _estimates(claims, other, {claims.rows[place].target for place in asked}, threads)
    for place in sorted(asked):
        coupling, estimate = claims.couplings[place], again(place)
        if coupling.claimed:
            is_far = abs(estimate - coupling.echoes) > FAR * claims.errors[place]
            yield Control(place, code, "differs" if is_far else "passed", UNTESTED, UNTESTED, estimate)
        elif estimate > coupling.high + claims.errors[place]:
            yield Control(place, code, "differs", UNTESTED, UNTESTED, estimate)


def _estimates(claims: Claims, other: Design, targets: set[int], threads: int) -> Callable[[int], float]:
    """Fit targets anew in another design; returns what that makes of a coupling."""
    with ThreadPoolExecutor(max(1, threads)) as pool:
        made = pool.map(
            lambda index: refit_target(claims.fit, index, design=other).targets[index].model, sorted(targets)
        )
        models = dict(zip(sorted(targets), made, strict=True))

    def estimate(place: int) -> float:
        row = claims.rows[place]
        wanted = {claims.fit.design.targets[row.target].columns[column] for column in row.columns}
        model = models[row.target]
        return float(sum(alpha for feature, alpha in zip(model.columns, model.alpha, strict=True) if feature in wanted))

    return estimate
