"""From a fit to what may be said: the whole of inference in its order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammainc

from antiphon.design.build import with_periods
from antiphon.design.delays import share_come
from antiphon.design.receptivity import without_receptivity
from antiphon.framework.loader import load_vocabulary
from antiphon.hawkes.fit import FitStatus
from antiphon.hawkes.fitting import fit_design
from antiphon.inference.claims import CLAIM_PERIOD_DAYS, LEVEL, Row, correct, table_hash, table_of_tests
from antiphon.inference.controls import Claims, control, vetoed
from antiphon.inference.diagnostics import diagnose
from antiphon.inference.doubts import doubts
from antiphon.inference.effects import effects_of
from antiphon.inference.fallback import fallback
from antiphon.inference.fewer import fewer_after
from antiphon.inference.inference import VETOED, ByDomain, Coupling, Inference
from antiphon.inference.intervals import Comparison, Curve, compare_without, make_curve, profile_interval
from antiphon.inference.ladder import climb
from antiphon.inference.penalty import choose_penalty
from antiphon.inference.power import detectable
from antiphon.inference.robustness import robustness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from antiphon.design.delays import Kernels
    from antiphon.design.design import Design
    from antiphon.hawkes.fit import Fit
    from antiphon.inference.fallback import Fallback
    from antiphon.inference.inference import Effect, Interval, Label

ENOUGH_ECHOES = 20.0
"""Expected echoes under which an interval is called approximate."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What the likelihood says about one row of the table.

    Attributes
    ----------
    interval : of the coupling, from the fit.
    comparison : the test against its absence, from the claim fit where the row may be claimed.
    claim_moved : by how much the claim fit estimates more than the fit, both without receptivity; claim_error : standard
        error of the fit's estimate. NaN where the claim fit was not asked.
    """

    interval: Interval
    comparison: Comparison
    claim_moved: float
    claim_error: float


@dataclass(frozen=True, slots=True, repr=False)
class Read:
    """A reading of the records with all that was asked of it.

    Attributes
    ----------
    fit, penalised, plain, claim : the fit, the one with couplings shrunk, the one without receptivity (the fit itself where it
        has none), and the one that claims rest on (None: no claims).
    rows, tested : the table of tests, and what the likelihood says of each row (None: "too few").
    """

    fit: Fit
    penalised: Fit
    plain: Fit
    claim: Fit | None
    rows: Sequence[Row]
    tested: Sequence[Tested | None]

    @property
    def p(self) -> np.ndarray:
        """(rows,) probabilities, 1 where not tested."""
        return np.array([one.comparison.p if one is not None else 1.0 for one in self.tested])

    def claims(self, couplings: Sequence[Coupling]) -> Claims:
        """What controls need."""
        errors = np.array([one.interval.standard_error if one is not None else np.nan for one in self.tested])
        return Claims(self.fit, self.claim or self.plain, self.rows, couplings, errors)


def infer(
    fit: Fit, *, seed: int = 1, domains: Mapping[int, tuple[str, ...]] | None = None, threads: int = 2
) -> Inference:
    """Conclude from a fit.

    Parameters
    ----------
    fit
        Unpenalised fit of all blocks.
    seed
        For everything drawn at random.
    domains
        Domains of each kind by its index in the design, for the upper stage of the multiplicity correction; those of the
        shared framework by default.
    threads
        Target kinds worked on at a time.

    Returns
    -------
    Inference
        Couplings with ``echoes`` inside ``low`` to ``high`` (the maximum of the profile likelihood and its ends, without
        penalty) and ``p`` (likelihood ratio, from the fit with free organisation-period cells). Where there is no interval
        ``echoes`` is penalised.
    """
    design = fit.design
    rows = table_of_tests(design)
    chosen = framework_domains(design) if domains is None else domains
    instead = fallback(design, rows, chosen)
    digest = table_hash(design, rows, instead)
    plain = plain_fit(fit, threads=threads)
    strict = _strict(plain, rows, threads)
    strength, wholes = choose_penalty(plain, threads=threads)
    penalised = fit
    if strength > 0.0:
        penalised = fit_design(design, replace(fit.options, penalty=strength), start=fit, threads=threads)
    tested, effects = test_all(fit, strict, rows, plain=plain, seed=seed, threads=threads)
    reading = Read(fit, penalised, plain, strict, rows, tested)
    joined = None if instead is None else read_by_domain(instead, fit, seed=seed, threads=threads)
    p = np.concatenate([one.p for one in (reading, joined) if one is not None])
    q, domain_tests = correct(design, rows, p, chosen, instead)
    couplings = couplings_of(reading, q[: len(rows)])
    claims = reading.claims(couplings)
    controls = control(claims, seed=seed, threads=threads)
    couplings = vetoed(couplings, controls)
    by_domain = None
    if instead is not None and joined is not None:
        by_domain = _by_domain(instead, joined, q[len(rows) :], design, seed=seed, threads=threads)
    climbed = climb(plain.design, penalty=max(strength, 0.5), wholes=wholes, seed=seed, threads=threads)
    return Inference(
        fit=fit,
        penalised=penalised,
        claim=strict,
        couplings=couplings,
        domain_tests=domain_tests,
        table_hash=digest,
        ladder=climbed.ladder,
        diagnostics=diagnose(fit, climbed.forecasts, seed=seed),
        detectable=detectable(fit, couplings),
        warnings=(*_warnings(fit, strict, couplings, by_domain), *doubts(fit, couplings)),
        effects=effects,
        controls=(*controls, *fewer_after(strict or fit, rows, threads=threads)),
        robustness=robustness(replace(claims, couplings=couplings), seed=seed, threads=threads),
        by_domain=by_domain,
    )


def read_by_domain(instead: Fallback, fit: Fit, *, seed: int, threads: int) -> Read:
    """Fit and test the couplings of domains as those of kinds are, but for penalty and receptivity."""
    coarse = fit_design(without_receptivity(instead.design), replace(fit.options, columns=None), threads=threads)
    strict = _strict(coarse, instead.rows, threads)
    tested, _ = test_all(coarse, strict, instead.rows, plain=coarse, seed=seed, threads=threads)
    return Read(coarse, coarse, coarse, strict, instead.rows, tested)


def _by_domain(instead: Fallback, joined: Read, q: np.ndarray, design: Design, *, seed: int, threads: int) -> ByDomain:
    """Conclude from the records read by domains; rival explanations are asked of what would be claimed alone."""
    couplings, controls = couplings_of(joined, q), ()
    if any(coupling.claimed for coupling in couplings):
        controls = control(joined.claims(couplings), seed=seed, threads=threads)
    return ByDomain(
        fit=joined.fit,
        parts=tuple(tuple(design.kinds[kind].name for kind in group) for group in instead.parts),
        domains=tuple(instead.domains[k][0] if len(group) > 1 else "" for k, group in enumerate(instead.parts)),
        couplings=vetoed(couplings, controls),
        controls=controls,
        detectable=detectable(joined.fit, couplings),
    )


def _strict(fit: Fit, rows: Sequence[Row], threads: int) -> Fit | None:
    """The claim fit; None where no row may be claimed anyway."""
    return claim_fit(fit, threads=threads) if any(not row.label for row in rows) else None


def framework_domains(design: Design) -> dict[int, tuple[str, ...]]:
    """Domains of each kind of a design in the shared framework; kinds that it does not know are left out."""
    kinds = load_vocabulary().kinds
    return {i: kinds[kind.name].domains for i, kind in enumerate(design.kinds) if kind.name in kinds}


def plain_fit(fit: Fit, *, threads: int = 2) -> Fit:
    """Fit with everyone as ready to answer as the average; the fit itself where it has no receptivity.

    Tests rest on it: without a coupling its receptivity means nothing, and the best of all values of something that means
    nothing would make chance look like an echo. Forecasts of later blocks rest on it: a receptivity knows all blocks.
    """
    if all(target.heard is None for target in fit.design.targets):
        return fit
    return fit_design(without_receptivity(fit.design), fit.options, start=fit, threads=threads)


def claim_fit(fit: Fit, *, threads: int = 2) -> Fit:
    """Fit with free organisation-period cells: only contrasts within an organisation and week are left to couplings."""
    design = fit.design
    if design.period_days > CLAIM_PERIOD_DAYS:
        design = with_periods(design, CLAIM_PERIOD_DAYS)
    elif fit.options.trend_days is None:
        return fit
    return fit_design(design, replace(fit.options, trend_days=None), start=fit, threads=threads)


def test_all(
    fit: Fit, claim: Fit | None, rows: Sequence[Row], *, plain: Fit, seed: int, threads: int
) -> tuple[list[Tested | None], tuple[Effect, ...]]:
    """Return intervals and tests of all rows of the table, None for "too few"; and the ratios of covariates.

    ``plain`` is the fit without receptivity; the fit itself where it has none.
    """

    def one_target(index: int) -> tuple[dict[int, Tested], tuple[Effect, ...]]:
        mine = {place: row for place, row in enumerate(rows) if row.target == index and row.label != "too few"}
        one = fit.targets[index]
        if not mine and not one.model.endemic.covariates.any() and one.received is None:
            return {}, ()
        curve = make_curve(fit, index)
        even = curve if plain is fit else make_curve(plain, index)
        strict = make_curve(claim, index) if claim is not None and any(not row.label for row in mine.values()) else None
        return {place: _test(curve, even, strict, row, seed) for place, row in mine.items()}, effects_of(curve, index)

    found: dict[int, Tested] = {}
    effects: list[Effect] = []
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for some, ratios in pool.map(one_target, range(len(fit.targets))):
            found.update(some)
            effects += ratios
    return [found.get(place) for place in range(len(rows))], tuple(effects)


def _test(curve: Curve, even: Curve, strict: Curve | None, row: Row, seed: int) -> Tested:
    interval = profile_interval(curve, row.columns)
    if row.label or strict is None:
        return Tested(interval, compare_without(even, row.columns, seed=seed), float("nan"), float("nan"))
    comparison = compare_without(strict, row.fast, seed=seed)
    moved = _total(strict, row.columns) - _total(even, row.columns)
    return Tested(interval, comparison, moved, interval.standard_error)


def _total(curve: Curve, columns: tuple[int, ...]) -> float:
    places = curve.places[list(columns)]
    return float(curve.point.x[places[places >= 0]].sum())


def couplings_of(read: Read, q: np.ndarray) -> tuple[Coupling, ...]:
    """Couplings of a table of tests, before controls."""
    return tuple(
        _coupling(read.penalised if one is None else read.fit, row, one, float(corrected))
        for row, one, corrected in zip(read.rows, read.tested, q, strict=True)
    )


def _coupling(fit: Fit, row: Row, tested: Tested | None, q: float) -> Coupling:
    """Put together what is told of a row; ``fit`` gives its echoes and their delay."""
    design = fit.design
    target = design.targets[row.target]
    columns = list(row.columns)
    alpha = fit.targets[row.target].model.alpha[columns]
    echoes = float(alpha.sum())
    kernels = design.kernels.chosen([target.columns[c].half_life for c in columns])
    missing = float("nan")
    interval = tested.interval if tested is not None else None
    mass = target.compensator[:, columns].sum(axis=0)
    label: Label = row.label
    if not label and tested is not None and _in_step(tested):
        label = "in step with the whole organisation"
    if not label and q > LEVEL and interval is not None and interval.low > 0.0 and len(row.fast) < len(row.columns):
        label = "slow dependence"  # it is there, but not within the week that a claim asks for
    return Coupling(
        channel=row.channel,
        source_kind=row.source_kind,
        target=row.target,
        columns=row.columns,
        echoes=echoes,
        low=interval.low if interval is not None else missing,
        high=interval.high if interval is not None else missing,
        p=tested.comparison.p if tested is not None else 1.0,
        q=q,
        claimed=not row.label and q <= LEVEL,
        approximate=tested is not None
        and (tested.interval.approximate or tested.comparison.approximate or echoes * mass.max() < ENOUGH_ECHOES),
        label=label,
        median_delay_days=median_delay(alpha, kernels),
        same_cell_share=same_cell_share(design, row, alpha, kernels),
        n_source=row.n_source,
        n_target=row.n_target,
        n_units=row.n_units,
    )


def _in_step(tested: Tested) -> bool:
    return bool(abs(tested.claim_moved) > 2.0 * tested.claim_error)


def median_delay(alpha: np.ndarray, kernels: Kernels) -> float:
    """Days within which half of the echoes come; NaN for no echoes."""
    if not (alpha > 0.0).any():
        return float("nan")
    low, high = 0.0, float(kernels.half_lives.max()) / np.log(2.0)  # no median is later than its mean
    for _ in range(60):
        middle = 0.5 * (low + high)
        arrived = float(alpha @ share_come(middle, kernels.half_lives, kernels.orders))
        low, high = (middle, high) if arrived < 0.5 * alpha.sum() else (low, middle)
    return 0.5 * (low + high)


def same_cell_share(design: Design, row: Row, alpha: np.ndarray, kernels: Kernels) -> float:
    """Expected share of echoes in the source's own time cell, which coarse records cannot show; 0 for minute records.

    The cell is the longer one of source and target; kernels count by their echoes, equally where there are none. An
    event is anywhere in its cell of length ``d``: ``1/d`` times the integral of the share ``F`` that has come, from 0 to
    ``d``, is ``F_m(d) - mean / d F_(m + 1)(d)`` for an Erlang kernel of order ``m`` (the second of the same rate).
    """
    kinds = (design.kinds[row.source_kind], design.kinds[design.targets[row.target].kind])
    cells = [
        design.window_days / design.calendars[kind.precision].shift.size
        for kind in kinds
        if kind.precision != "minute" and kind.precision in design.calendars
    ]
    if not cells:
        return 0.0
    longest = max(cells)
    x = kernels.rates * longest
    weights = alpha if (alpha > 0.0).any() else np.ones_like(x)
    shares = gammainc(kernels.orders, x) - kernels.orders / x * gammainc(kernels.orders + 1, x)
    return float(np.average(shares, weights=weights))


def _warnings(
    fit: Fit, claim: Fit | None, couplings: Sequence[Coupling], by_domain: ByDomain | None
) -> tuple[tuple[str, str], ...]:
    """What the reader must know, as (code, plain sentence)."""
    result = []
    slow = sum(one.status is FitStatus.SLOW for one in fit.targets)
    flat = sum(one.status is FitStatus.FLAT for one in fit.targets)
    if slow:
        result.append(("fit_slow", f"For {slow} kinds of event the estimation stopped before its optimum."))
    if flat:
        result.append(
            (
                "fit_flat",
                f"For {flat} kinds of event the records cannot tell some effects apart; their numbers share out.",
            )
        )
    if claim is not None and any(one.status is FitStatus.SLOW for one in claim.targets):
        result.append(("claim_slow", "For some kinds of event the strict fit stopped before its optimum."))
    asked = couplings if by_domain is None else (*couplings, *by_domain.couplings)
    if all(one.label for one in asked if one.label not in ("in step with the whole organisation", VETOED)):
        result.append(
            ("nothing_testable", "No coupling could be tested: every one is too rare, too slow or shared by all.")
        )
    few = sum(one.label == "too few" for one in couplings)
    if few:
        result.append(("too_few", f"{few} of {len(couplings)} couplings have too few events to say anything."))
    if by_domain is not None:
        result.append(
            (
                "by_domain",
                (
                    f"Some of them were looked at together instead, in {len(by_domain.couplings)} couplings of domains: their "
                    "kinds of event are too rare to be told apart, and are read as one."
                ),
            )
        )
    return tuple(result)
