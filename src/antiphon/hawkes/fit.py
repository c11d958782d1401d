"""A fitted model with its curvature, and what may be asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from antiphon.design.design import Design
    from antiphon.model.parameters import TargetModel


class FitStatus(Enum):
    """How a fit ended, with advice."""

    CONVERGED = "reached the optimum"
    FLAT = "the likelihood is flat in some direction: the records cannot tell some effects apart"
    SLOW = "stopped before the optimum: more steps would be needed"


@dataclass(frozen=True, slots=True, repr=False)
class TargetFit:
    """The fit of one target kind, by marginal likelihood.

    Attributes
    ----------
    model : estimates (unpenalised).
    log_likelihood : marginal log likelihood at the estimates, over all scored rows.
    status, steps : how it ended.
    names : name of each parameter of the curvature: endemic ones, then ``alpha[j]``, then ``log frailty variance``.
    hessian : (parameters, parameters), of the log likelihood at the estimates.
    baseline : (rows,) fitted endemic part of each row at frailty 1 (rate, or expected count of the cell).
    excitation : (rows,) fitted epidemic part of each row.
    echo_share : (rows,) posterior probability that the row is an echo, E[e / (theta m + e) | data].
    hazard : (systems,) cumulated endemic hazard of each system at frailty 1.
    theta : (systems,) posterior mean frailty (1 where none). In memory only; never shown, never written.
    theta_excess : (systems,) E[max(theta - 1, 0) | data].
    """

    model: TargetModel
    log_likelihood: float
    status: FitStatus
    steps: int
    names: tuple[str, ...]
    hessian: np.ndarray
    baseline: np.ndarray
    excitation: np.ndarray
    echo_share: np.ndarray
    hazard: np.ndarray
    theta: np.ndarray
    theta_excess: np.ndarray


@dataclass(frozen=True, slots=True, repr=False)
class Fit:
    """Fits of all target kinds of a design, in the order of ``design.targets``."""

    design: Design
    targets: tuple[TargetFit, ...]

    def __repr__(self) -> str:
        """Sizes only."""
        return f"Fit({len(self.targets)} target kinds, {self.design.n_systems} systems)"

    def __reduce__(self) -> str | tuple:
        """What the model knows about single persons lives in memory only."""
        message = "a Fit knows things about single persons and cannot be pickled; write its findings instead"
        raise TypeError(message)
