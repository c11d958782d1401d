"""The parameters of the model as named arrays. No algorithm lives here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from antiphon.design.design import Feature

PROPENSITY_GRAIN = 0.05
"""``log r`` is rounded to this, so that time at risk is cut only where it really changes."""


@dataclass(frozen=True, slots=True, repr=False)
class Endemic:
    """log mu[i,k](t) = intercept + shift + weekday + stratum + period + unit + x . beta + propensity * log r + log frailty.

    Attributes
    ----------
    intercept : log events per day at risk of a system in the reference levels.
    shift : (shifts,), weekday : (7,), stratum : (strata,); the reference level is 0 (level with most exposure).
    period : (organisations, periods) log; sums to zero weighted by expected events, shrunk to zero by a weak ridge.
    propensity : coefficient of log r (0 where there is no frailty).
    covariates : (covariates of the role,) beta; 0 for those that do not apply to the kind, empty where none is used.
    unit : (units of the role,) log unit frailty, the most likely value given the data; empty where units do not differ.
    propensity_shape : ``a`` of ``r = (a + N) / (a + H)``; without meaning where the coefficient is 0.
    """

    intercept: float
    shift: np.ndarray
    weekday: np.ndarray
    stratum: np.ndarray
    period: np.ndarray
    propensity: float
    covariates: np.ndarray = field(default_factory=lambda: np.zeros(0))
    propensity_shape: float = 1.0
    unit: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def of_units(self, unit: np.ndarray) -> np.ndarray | float:
        """Log unit frailty where someone is in these units (-1: in none)."""
        return np.append(self.unit, 0.0)[unit] if self.unit.size else 0.0


@dataclass(frozen=True, slots=True, repr=False)
class TargetModel:
    """Parameters of one target kind.

    Attributes
    ----------
    kind : index in the design.
    endemic : see ``Endemic``.
    columns : the features: channel, source kind and half-life of each coupling.
    alpha : (columns,) expected direct echoes per source event. ``>= 0``.
    frailty_variance : variance of the Gamma frailty (0: none).
    unit_variance : variance of the log unit frailty, which is normal with mean 0 (0: none).
    shock_variance : variance of an organisation's log periods around its trend (0: none, or periods are free).
    receptivity : (covariates of the role's receptivity,) delta: what reaches someone is ``exp(z . delta)`` times alpha's; 0 for
        those that do not apply to the kind, empty where none is used.
    """

    kind: int
    endemic: Endemic
    columns: tuple[Feature, ...]
    alpha: np.ndarray
    frailty_variance: float
    unit_variance: float = 0.0
    shock_variance: float = 0.0
    receptivity: np.ndarray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True, repr=False)
class Model:
    """All target kinds together."""

    targets: tuple[TargetModel, ...]
