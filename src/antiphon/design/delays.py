"""How long echoes take: exponential kernels, and Erlang kernels (delayed ones) beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammainc

from antiphon.errors import SpecificationError
from antiphon.records.settings import Kernel, kernel_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Kernels:
    """The kernels that all channels share.

    Attributes
    ----------
    half_lives : (kernels,) days, increasing; of a delayed kernel ln 2 times its mean, so that kernels of one mean have one
        half-life whatever their order.
    orders : (kernels,) int64, 1 for an exponential kernel; increasing where half-lives are equal.

    Notes
    -----
    With order ``m`` and rate ``r = m ln 2 / half-life`` the density is ``r^m s^(m - 1) e^(-r s) / (m - 1)!``.
    """

    half_lives: np.ndarray
    orders: np.ndarray

    @property
    def written(self) -> tuple[str | float, ...]:
        """(kernels,) as they may stand in ``agency.toml``."""
        return tuple(Kernel(*pair).text for pair in zip(self.half_lives.tolist(), self.orders.tolist(), strict=True))

    @property
    def rates(self) -> np.ndarray:
        """(kernels,) per day, at which each stage of a kernel passes on what waits in it."""
        return self.orders * np.log(2.0) / self.half_lives

    def chosen(self, places: Sequence[int]) -> Kernels:
        """Return some of them."""
        return Kernels(self.half_lives[places], self.orders[places])

    def after(self, days: float) -> tuple[np.ndarray, np.ndarray]:
        """Return what becomes of mass that waits, by stage: the share in each stage some days on, and the share that has come.

        (stages, stages) from row to column, and (stages, kernels).
        """
        n = int(self.orders.sum())
        passed, come = np.zeros((n, n)), np.zeros((n, self.orders.size))
        at = 0
        for b, (x, order) in enumerate(zip(self.rates * days, self.orders.tolist(), strict=True)):
            share = math.exp(-x) * np.cumprod(np.concatenate([[1.0], x / np.arange(1, order)]))
            for stage in range(order):
                passed[at + stage, at + stage : at + order] = share[: order - stage]
                come[at + stage, b] = gammainc(order - stage, x)
            at += order
        return passed, come


def read_kernels(entries: Sequence[float | str | Kernel]) -> Kernels:
    """Return kernels in order, each once.

    Parameters
    ----------
    entries
        Half-lives (days, or as in ``agency.toml``: ``"8h"``), and delays of a mean and order: ``"delay:10d:3"``.

    Raises
    ------
    SpecificationError
        Where there are none, or one cannot be read.
    """
    try:
        found = sorted({kernel_of(entry) for entry in entries})
    except ValueError as problem:
        raise SpecificationError(f"A half-life cannot be read: {problem}.") from None
    if not found:
        raise SpecificationError("At least one half-life is needed.")
    lives, orders = zip(*found, strict=True)
    return Kernels(np.asarray(lives, float), np.asarray(orders, np.int64))


def share_come(days: np.ndarray | float, half_life: np.ndarray | float, order: np.ndarray | int) -> np.ndarray:
    """Return the share of echoes that have come some days after their event; all broadcast together.

    ``1 - e^(-x) (1 + x + ... + x^(m - 1) / (m - 1)!)`` with ``x = m ln 2 days / half-life`` for order ``m``.
    """
    return np.asarray(gammainc(order, np.asarray(order) * np.log(2.0) * np.asarray(days) / half_life))
