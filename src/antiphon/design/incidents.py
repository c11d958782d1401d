"""Incidents: which rows are one point in time, given by number or joined because they share a person, a unit and an hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from antiphon.design.spells import CODE

LONGEST_DAYS = 1.0
"""A number that spans more than this is taken for a mistake: its rows stay separate."""


@dataclass(frozen=True, slots=True, repr=False)
class Incidents:
    """Which incident each row belongs to.

    Attributes
    ----------
    code : (rows,) `CODE`, 0 ... n - 1.
    start : (incidents,) float64 days, time of the first of its finest rows: a day record begins at midnight and says nothing of
        the hour, and one row by the minute says when it was.
    n_spanning : rows whose incident number spans over 24 hours.
    """

    code: np.ndarray
    start: np.ndarray
    n_spanning: int


def find_incidents(
    number: np.ndarray, time: np.ndarray, grain: np.ndarray, links: tuple[np.ndarray, np.ndarray] | None
) -> Incidents:
    """Return the incidents of rows.

    Parameters
    ----------
    number
        (rows,) incident numbers; -1 where the records give none.
    time
        (rows,) days.
    grain
        (rows,) how coarse each time is, 0 the finest.
    links
        Pairs of rows that belong together although they have no number; None where rows without number are incidents
        of their own.
    """
    n = time.size
    if (links is None or not links[0].size) and not np.any(number >= 0):
        return Incidents(np.arange(n, dtype=CODE), time, 0)
    key = number.astype(np.int64)
    alone = number < 0
    base = int(number.max(initial=-1)) + 1
    if links is not None and links[0].size:
        together = _components(n, links)
        key[alone] = base + together[alone]
    else:
        key[alone] = base + np.flatnonzero(alone)
    _, code = np.unique(key, return_inverse=True)
    first, last = _extremes(code, time)
    spans = ((last - first) > LONGEST_DAYS)[code] & ~alone
    if spans.any():
        key[spans] = base + n + np.flatnonzero(spans)
        _, code = np.unique(key, return_inverse=True)
    finest = np.full(int(code.max(initial=-1)) + 1, np.iinfo(grain.dtype).max, grain.dtype)
    np.minimum.at(finest, code, grain)
    known = grain == finest[code]
    return Incidents(code.astype(CODE), _extremes(code[known], time[known])[0], int(spans.sum()))


def _extremes(code: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = int(code.max(initial=-1)) + 1
    first, last = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(first, code, time)
    np.maximum.at(last, code, time)
    return first, last


def _components(n: int, links: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    graph = coo_array((np.ones(links[0].size, np.int8), links), shape=(n, n))
    return connected_components(graph, directed=False)[1]


def link_rows(
    row: np.ndarray, person: np.ndarray, unit: np.ndarray, time: np.ndarray, window_days: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of rows that share a person and a unit and follow each other within the window.

    Parameters
    ----------
    row, person, unit, time
        One entry for every person named in a row (whose event it is, at whom it was directed).
    window_days
        Longest time between one row and the next.
    """
    order = np.lexsort((time, unit, person))
    row, person, unit, time = row[order], person[order], unit[order], time[order]
    near = (person[1:] == person[:-1]) & (unit[1:] == unit[:-1]) & (time[1:] - time[:-1] <= window_days)
    return row[:-1][near], row[1:][near]
