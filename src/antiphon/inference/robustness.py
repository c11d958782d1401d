"""What the couplings that are claimed rest on: how many units, and how little would imitate them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from antiphon.design.listening import events_again
from antiphon.inference.inference import Robustness
from antiphon.inference.shocks import imitating_shock
from antiphon.inference.units import exchange, leave_one_out

if TYPE_CHECKING:
    from antiphon.design.events import Events
    from antiphon.inference.controls import Claims

UNKNOWN = float("nan")


def robustness(claims: Claims, *, seed: int = 1, threads: int = 2) -> tuple[Robustness, ...]:
    """Say of every claimed coupling what it rests on.

    Parameters
    ----------
    claims
        Couplings, those that failed a control no longer claimed.
    seed
        Of the orders of units that are drawn.
    threads
        Units, or couplings, worked on at a time.

    Returns
    -------
    tuple of Robustness
        By coupling. Nothing where the design does not hold its records.
    """
    events = events_again(claims.fit.design)
    if events is None or not claims.places:
        return ()
    left_out = leave_one_out(claims.claim, {place: claims.rows[place] for place in claims.places}, threads=threads)

    def one(place: int) -> Robustness:
        left = left_out.get(place)
        low, high, hangs = (left.low, left.high, left.hangs) if left else (UNKNOWN, UNKNOWN, False)
        return Robustness(place, low, high, hangs, *_within_units(claims, events, place, seed))

    with ThreadPoolExecutor(max(1, threads)) as pool:
        return tuple(pool.map(one, claims.places))


def _within_units(claims: Claims, events: Events, place: int, seed: int) -> tuple[float, float, float, float]:
    """Return p by exchange and the smallest there can be; factor and days of the shock."""
    row = claims.rows[place]
    exchanged = exchange(claims.claim, events, row.target, row.fast, seed=seed)
    p, smallest = (exchanged.p, exchanged.smallest) if exchanged else (UNKNOWN, UNKNOWN)
    shock = imitating_shock(claims.fit, events, row.target, row.columns)
    factor, days = shock or (UNKNOWN, UNKNOWN)
    return p, smallest, factor, days
