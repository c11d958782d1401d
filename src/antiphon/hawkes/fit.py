"""A fitted model with its curvature, and what may be asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from antiphon.design.design import Design
    from antiphon.hawkes.curvature import Curvature
    from antiphon.hawkes.effects import Prior
    from antiphon.hawkes.options import Options
    from antiphon.hawkes.receptivity import Received
    from antiphon.model.parameters import TargetModel


class FitStatus(Enum):
    """How a fit ended, with advice."""

    CONVERGED = "reached the optimum"
    FLAT = "the likelihood is flat in some direction: the records cannot tell some effects apart"
    SLOW = "stopped before the optimum: more steps would be needed"


@dataclass(frozen=True, slots=True, repr=False)
class TargetFit:
    """The fit of one target kind, by marginal likelihood.

    Holds what the data say about single persons, in memory only: it cannot be pickled.

    Attributes
    ----------
    model : estimates (unpenalised).
    log_likelihood : marginal log likelihood at the estimates, over all scored rows.
    status, steps : how it ended.
    names : name of each parameter of the curvature: endemic ones, then ``alpha[j]`` for each column in use, then
        ``log frailty variance`` and ``log unit variance`` where there are such.
    hessian : of the log likelihood (minus the weak ridge on endemic effects) at the estimates; in a fit of some blocks
        only, or with a penalty, it may be that of a point near by.
    parameters : (parameters,) the estimates in the order of ``names``.
    baseline : (rows,) fitted endemic part of each row at frailty 1 (rate, or expected count of the cell); NaN in this
        and the next two for rows outside the blocks used.
    excitation : (rows,) fitted epidemic part of each row.
    echo_share : (rows,) posterior probability that the row is an echo, E[e / (theta m + e) | data].
    hazard : (systems,) cumulated endemic hazard of each system at frailty 1.
    theta : (systems,) posterior mean frailty (1 where none). In memory only; never shown, never written.
    theta_excess : (systems,) E[max(theta - 1, 0) | data]; zeros in a fit of some blocks only.
    log_r : (segments of the role,) log propensity that was used, or None. In memory only, like theta.
    priors : of the random effects, as they were in the fit.
    received : what is known of its receptivity; None where none is estimated.
    """

    model: TargetModel
    log_likelihood: float
    status: FitStatus
    steps: int
    names: tuple[str, ...]
    hessian: Curvature
    parameters: np.ndarray
    baseline: np.ndarray
    excitation: np.ndarray
    echo_share: np.ndarray
    hazard: np.ndarray
    theta: np.ndarray
    theta_excess: np.ndarray
    log_r: np.ndarray | None
    priors: tuple[Prior, ...] = ()
    received: Received | None = None

    def __reduce__(self) -> str | tuple:
        """Refuse: theta and its like are about single persons."""
        message = "a TargetFit knows things about single persons and cannot be pickled; write findings instead"
        raise TypeError(message)


@dataclass(frozen=True, slots=True, repr=False)
class Fit:
    """Fits of all target kinds of a design, in the order of ``design.targets``; ``options`` are those they were made with.

    Where there is receptivity, features and compensators of the design are those at the receptivity that was found.
    """

    design: Design
    targets: tuple[TargetFit, ...]
    options: Options

    def __repr__(self) -> str:
        """Sizes only."""
        return f"Fit({len(self.targets)} target kinds, {self.design.n_systems} systems)"

    def __reduce__(self) -> str | tuple:
        """Refuse: what the model knows about single persons lives in memory only."""
        message = "a Fit knows things about single persons and cannot be pickled; write its findings instead"
        raise TypeError(message)
