"""The parameters of the model as named arrays. No algorithm lives here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True, repr=False)
class Endemic:
    """log mu[i,k](t) = intercept + shift + weekday + stratum + period + propensity * log r, times the frailty.

    Attributes
    ----------
    intercept : log events per day at risk of a system in the reference levels.
    shift : (shifts,), weekday : (7,), stratum : (strata,); the reference level is 0 (level with most exposure).
    period : (organisations, periods) log; sums to zero weighted by expected events, shrunk to zero by a weak ridge.
    propensity : coefficient of log r (0 where there is no frailty).
    """

    intercept: float
    shift: np.ndarray
    weekday: np.ndarray
    stratum: np.ndarray
    period: np.ndarray
    propensity: float


@dataclass(frozen=True, slots=True, repr=False)
class TargetModel:
    """Parameters of one target kind.

    Attributes
    ----------
    kind : index in the design.
    endemic : see ``Endemic``.
    alpha : (columns,) expected direct echoes per source event, one per feature of the target. ``>= 0``.
    frailty_variance : variance of the Gamma frailty (0: none).
    """

    kind: int
    endemic: Endemic
    alpha: np.ndarray
    frailty_variance: float


@dataclass(frozen=True, slots=True, repr=False)
class Model:
    """All target kinds together."""

    targets: tuple[TargetModel, ...]
