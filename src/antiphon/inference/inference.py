"""What is concluded from a fit: couplings with intervals and tests, and whether the model can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from antiphon.hawkes.fit import Fit

Label = Literal[
    "",
    "too few",
    "shared circumstances not excluded",
    "slow dependence",
    "in step with the whole organisation",
    "fails a control",
]
"""Why a coupling is not (or not simply) claimed; see ``Coupling.label``."""

VETOED: Label = "fails a control"

Verdict = Literal["passed", "failed", "differs", "cannot tell"]
"""What a control says of a coupling; only "failed" is a veto."""

Code = Literal["jitter", "year_apart", "incidents", "ties_at_admission", "fewer_after"]
"""Which control; see ``Control.code``."""


On = Literal["rate", "echoes"]
"""What a circumstance goes together with; see ``Effect.on``."""


@dataclass(frozen=True, slots=True)
class Coupling:
    """One source kind reaching one target kind through one channel, its half-lives taken together.

    Attributes
    ----------
    channel, source_kind : indices into ``Design.channels`` and ``Design.kinds``.
    target : index into ``Design.targets``.
    columns : columns of the target's features that belong to it, one per half-life.
    echoes : expected direct echoes per source event, unpenalised, so within the interval; penalised where there is none.
    low, high : 95 % interval of the total over half-lives, profile likelihood, unpenalised. NaN: no interval.
    p : probability of data as telling or more without the coupling. From the claim fit where the channel acts within
        units. 1 for a coupling estimated at zero and for one whose table row was not tested.
    q : ``p`` after correction for the number of tests (1 where not in the family of tests).
    claimed : whether the coupling may be called found: ``q <= 0.05``, no label that forbids it, and no control failed.
    approximate : the interval or the test rests on a quadratic approximation, or fewer than 20 echoes are expected.
    label : "" or what stands in the way of a claim; "in step with the whole organisation" says that free
        organisation-week effects change the estimate by more than two standard errors; "fails a control" that a rival
        explanation could not be excluded (see ``Control``).
    median_delay_days : half of the echoes come within this time (NaN for no echoes).
    same_cell_share : expected share of echoes inside the source's own time cell, which coarse records cannot show.
    n_source, n_target, n_units : distinct source systems, target systems, and units in which both occurred.
    """

    channel: int
    source_kind: int
    target: int
    columns: tuple[int, ...]
    echoes: float
    low: float
    high: float
    p: float
    q: float
    claimed: bool
    approximate: bool
    label: Label
    median_delay_days: float
    same_cell_share: float
    n_source: int
    n_target: int
    n_units: int


@dataclass(frozen=True, slots=True)
class Control:
    """What a rival explanation makes of a coupling.

    Attributes
    ----------
    coupling : index into ``Inference.couplings``.
    code : which control.

        - ``jitter``: the sources' times were redrawn from their own rhythm;
        - ``year_apart``: the sources were moved by a year;
        - ``incidents``: rows of one incident were read as separate events;
        - ``ties_at_admission``: nobody changes units or ties;
        - ``fewer_after``: not asked of a claim: of a coupling estimated at 0, whether less follows than by chance.
    verdict : "passed", "failed" (a veto), "differs" (the estimate moves by more than two standard errors; no veto) or
        "cannot tell".
    p : of the test, where there is one, else NaN. For ``jitter`` a small one speaks for the coupling, for ``year_apart``
        against it; for ``fewer_after`` it is corrected for the number of tests.
    power : probability that the jitter test notices an echo of the size estimated; NaN for the others.
    estimate : echoes per event when the records are read that way; NaN for the others.
    """

    coupling: int
    code: Code
    verdict: Verdict
    p: float
    power: float
    estimate: float


@dataclass(frozen=True, slots=True)
class Robustness:
    """What a claimed coupling rests on: no veto, and nothing is taken off it.

    Attributes
    ----------
    coupling : index into ``Inference.couplings``.
    low, high : smallest and largest estimate without one of the units, in the fit that claims rest on; NaN where there are
        fewer than 3.
    hangs_on_one : whether without one of the units p, uncorrected, is above .05.
    p_exchanged : p from exchanging what happened before between units, for channels within units where these are fewer than
        10, else NaN; ``smallest_p`` : the smallest that so many units can give.
    shock_factor, shock_days : spells of single units alone that would look like it, see ``antiphon.inference.shocks``; NaN
        for channels that do not act within units, an infinite factor where no such spells would do.
    """

    coupling: int
    low: float
    high: float
    hangs_on_one: bool
    p_exchanged: float
    smallest_p: float
    shock_factor: float
    shock_days: float


@dataclass(frozen=True, slots=True)
class Effect:
    """How much more often a kind happens, or is answered with, at one more unit of a covariate; an association.

    Attributes
    ----------
    target : index into ``Design.targets``.
    covariate : index into the covariates of the target's role, or into its receptivity.
    ratio : exp(beta) or exp(delta), unpenalised; ``low``, ``high`` 95 % interval (Wald on the log, rows of one incident
        counted as one).
    n_at_risk, n_with_event : distinct systems at risk, and with such a scored event, on that side of the covariate's
        mean that has fewer of each: those on whom the comparison rests. Of receptivity only events count that something
        had reached before.
    on : what is that many times as much: the endemic "rate", at equal echoes and rhythm; or the "echoes", all that reaches
        a system and is answered with this kind, whatever it came from.
    """

    target: int
    covariate: int
    ratio: float
    low: float
    high: float
    n_at_risk: int
    n_with_event: int
    on: On = "rate"


@dataclass(frozen=True, slots=True)
class DomainTest:
    """A family of couplings between two domains through one channel: the upper stage of the multiplicity correction.

    Attributes
    ----------
    channel : index into ``Design.channels``.
    source_domain, target_domain : domain names (a kind without domain stands for itself).
    members : indices into ``Inference.couplings``, followed by those of ``Inference.by_domain``.
    p : combined over the members (Simes); ``q`` after correction over all domain tests.
    """

    channel: int
    source_domain: str
    target_domain: str
    members: tuple[int, ...]
    p: float
    q: float


@dataclass(frozen=True, slots=True, repr=False)
class ByDomain:
    """Couplings of domains, where kinds are too rare to be told apart (``antiphon.inference.fallback``).

    Attributes
    ----------
    fit : the unpenalised fit of the records with the kinds of each domain read as one.
    parts : (kinds of that design,) names of the kinds that were read as that one.
    domains : (kinds of that design,) the domain of joined kinds, "" for the others.
    couplings : those that stand in for couplings that are "too few".
    controls : of those that would be claimed; ``Control.coupling`` is an index into these ``couplings``.
    detectable : as in ``Inference``, for these couplings.
    """

    fit: Fit
    parts: tuple[tuple[str, ...], ...]
    domains: tuple[str, ...]
    couplings: tuple[Coupling, ...]
    controls: tuple[Control, ...]
    detectable: pl.DataFrame

    def __repr__(self) -> str:
        """Sizes only."""
        return f"ByDomain({len(self.couplings)} couplings)"


@dataclass(frozen=True, slots=True, repr=False)
class Inference:
    """Everything concluded from a fit.

    Attributes
    ----------
    fit : the unpenalised fit (estimate).
    penalised : the fit with couplings shrunk by time-blocked validation; for attribution, circles and forecasts.
    claim : the fit with free organisation-period cells, or None where no coupling could be claimed anyway.
    couplings : one per row of the table of tests, in its order; including those without interval or test.
    domain_tests : upper stage of the multiplicity correction.
    table_hash : SHA-256 of the table of tests, which was fixed before fitting.
    ladder, diagnostics, detectable : see ``antiphon.inference.ladder``, ``diagnostics`` and ``power``.
    warnings : (code, plain sentence).
    effects : rate ratios of the covariates, by target and covariate; empty where the design has none.
    controls : rival explanations of the couplings that would be claimed, by coupling and code; then the couplings after which
        there is less than by chance (``fewer_after``).
    by_domain : couplings of domains that stand in for those with too few events; None where there is none.
    robustness : what the claimed ones rest on, by coupling.
    """

    fit: Fit
    penalised: Fit
    claim: Fit | None
    couplings: tuple[Coupling, ...]
    domain_tests: tuple[DomainTest, ...]
    table_hash: str
    ladder: pl.DataFrame
    diagnostics: pl.DataFrame
    detectable: pl.DataFrame
    warnings: tuple[tuple[str, str], ...]
    effects: tuple[Effect, ...] = ()
    controls: tuple[Control, ...] = ()
    by_domain: ByDomain | None = None
    robustness: tuple[Robustness, ...] = ()

    def __repr__(self) -> str:
        """Sizes only."""
        claimed = sum(coupling.claimed for coupling in self.couplings)
        return f"Inference({len(self.couplings)} couplings, {claimed} claimed)"

    def __reduce__(self) -> str | tuple:
        """Refuse: it holds fits, which know single persons."""
        message = "an Inference knows things about single persons and cannot be pickled; write its findings instead"
        raise TypeError(message)


@dataclass(frozen=True, slots=True, repr=False)
class Interval:
    """A profile likelihood interval of a sum of coefficients.

    Attributes
    ----------
    estimate, low, high : of the sum.
    standard_error : from the curvature at the optimum; NaN where flat.
    approximate : whether the search had to rest on a quadratic approximation.
    weights : (components,) how the sum at ``high`` is divided over its columns.
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    approximate: bool
    weights: np.ndarray
