"""From a fit to what may be said: the whole of inference in its order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammainc

from antiphon.design.build import with_periods
from antiphon.design.delays import Kernels, share_come
from antiphon.framework.loader import load_vocabulary
from antiphon.hawkes.fit import FitStatus
from antiphon.hawkes.fitting import fit_design
from antiphon.inference.claims import CLAIM_PERIOD_DAYS, LEVEL, Row, correct, table_hash, table_of_tests
from antiphon.inference.controls import Claims, control, vetoed
from antiphon.inference.diagnostics import diagnose
from antiphon.inference.doubts import doubts
from antiphon.inference.effects import effects_of
from antiphon.inference.fewer import fewer_after
from antiphon.inference.inference import VETOED, Coupling, Inference
from antiphon.inference.intervals import Comparison, Curve, compare_without, make_curve, profile_interval
from antiphon.inference.ladder import climb
from antiphon.inference.penalty import choose_penalty
from antiphon.inference.power import detectable
from antiphon.inference.robustness import robustness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from antiphon.design.design import Design
    from antiphon.hawkes.fit import Fit
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
    claim_estimate : the estimate of the claim fit; claim_error : standard error of that of the fit. NaN where the claim
        fit was not asked.
    """

    interval: Interval
    comparison: Comparison
    claim_estimate: float
    claim_error: float


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
    digest = table_hash(design, rows)
    chosen = framework_domains(design) if domains is None else domains
    claim = claim_fit(fit, threads=threads) if any(not row.label for row in rows) else None
    strength, wholes = choose_penalty(fit, threads=threads)
    penalised = fit
    if strength > 0.0:
        penalised = fit_design(design, replace(fit.options, penalty=strength), start=fit, threads=threads)
    tested, effects = test_all(fit, claim, rows, seed=seed, threads=threads)
    p = np.array([one.comparison.p if one is not None else 1.0 for one in tested])
    q, domain_tests = correct(design, rows, p, chosen)
    couplings = tuple(
        _coupling(penalised if one is None else fit, row, one, float(corrected))
        for row, one, corrected in zip(rows, tested, q, strict=True)
    )
    errors = np.array([one.interval.standard_error if one is not None else np.nan for one in tested])
    claims = Claims(fit, claim or fit, rows, couplings, errors)
    controls = control(claims, seed=seed, threads=threads)
    couplings = vetoed(couplings, controls)
    climbed = climb(design, penalty=max(strength, 0.5), wholes=wholes, seed=seed, threads=threads)
    return Inference(
        fit=fit,
        penalised=penalised,
        claim=claim,
        couplings=couplings,
        domain_tests=domain_tests,
        table_hash=digest,
        ladder=climbed.ladder,
        diagnostics=diagnose(fit, climbed.forecasts, seed=seed),
        detectable=detectable(fit, couplings),
        warnings=(*_warnings(fit, claim, couplings), *doubts(fit, couplings)),
        effects=effects,
        controls=(*controls, *fewer_after(claim or fit, rows, threads=threads)),
        robustness=robustness(replace(claims, couplings=couplings), seed=seed, threads=threads),
    )


def framework_domains(design: Design) -> dict[int, tuple[str, ...]]:
    """Domains of each kind of a design in the shared framework; kinds that it does not know are left out."""
    kinds = load_vocabulary().kinds
    return {i: kinds[kind.name].domains for i, kind in enumerate(design.kinds) if kind.name in kinds}


def claim_fit(fit: Fit, *, threads: int = 2) -> Fit:
    """Fit with free organisation-period cells: only contrasts within an organisation and week are left to couplings."""
    design = fit.design
    if design.period_days > CLAIM_PERIOD_DAYS:
        design = with_periods(design, CLAIM_PERIOD_DAYS)
    elif fit.options.trend_days is None:
        return fit
    return fit_design(design, replace(fit.options, trend_days=None), start=fit, threads=threads)


def test_all(
    fit: Fit, claim: Fit | None, rows: Sequence[Row], *, seed: int, threads: int
) -> tuple[list[Tested | None], tuple[Effect, ...]]:
    """Return intervals and tests of all rows of the table, None for "too few"; and the rate ratios of covariates."""

    def one_target(index: int) -> tuple[dict[int, Tested], tuple[Effect, ...]]:
        mine = {place: row for place, row in enumerate(rows) if row.target == index and row.label != "too few"}
        if not mine and not fit.targets[index].model.endemic.covariates.any():
            return {}, ()
        curve = make_curve(fit, index)
        strict = make_curve(claim, index) if claim is not None and any(not row.label for row in mine.values()) else None
        return {place: _test(curve, strict, row, seed) for place, row in mine.items()}, effects_of(curve, index)

    found: dict[int, Tested] = {}
    effects: list[Effect] = []
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for some, ratios in pool.map(one_target, range(len(fit.targets))):
            found.update(some)
            effects += ratios
    return [found.get(place) for place in range(len(rows))], tuple(effects)


def _test(curve: Curve, strict: Curve | None, row: Row, seed: int) -> Tested:
    interval = profile_interval(curve, row.columns)
    if row.label or strict is None:
        return Tested(interval, compare_without(curve, row.columns, seed=seed), float("nan"), float("nan"))
    comparison = compare_without(strict, row.fast, seed=seed)
    places = strict.places[list(row.columns)]
    return Tested(interval, comparison, float(strict.point.x[places].sum()), interval.standard_error)


def _coupling(fit: Fit, row: Row, tested: Tested | None, q: float) -> Coupling:
    """Put together what is told of a row; ``fit`` gives its echoes and their delay."""
    design = fit.design
    target = design.targets[row.target]
    columns = list(row.columns)
    alpha = fit.targets[row.target].model.alpha[columns]
    echoes = float(alpha.sum())
    lives = [target.columns[c].half_life for c in columns]
    kernels = Kernels(design.kernels.half_lives[lives], design.kernels.orders[lives])
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
    difference = abs(tested.interval.estimate - tested.claim_estimate)
    return bool(difference > 2.0 * tested.claim_error)


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


def _warnings(fit: Fit, claim: Fit | None, couplings: Sequence[Coupling]) -> tuple[tuple[str, str], ...]:
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
    if all(one.label for one in couplings if one.label not in ("in step with the whole organisation", VETOED)):
        result.append(
            ("nothing_testable", "No coupling could be tested: every one is too rare, too slow or shared by all.")
        )
    few = sum(one.label == "too few" for one in couplings)
    if few:
        result.append(("too_few", f"{few} of {len(couplings)} couplings have too few events to say anything."))
    return tuple(result)
