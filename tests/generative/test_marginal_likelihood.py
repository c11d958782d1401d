"""The marginal likelihood of whole agencies agrees with dense quadrature over features of the naive twin."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.design import Resolution, build_design
from antiphon.design.receptivity import tuned, without_receptivity
from antiphon.hawkes import Options, fit_design, likelihood_by_system
from antiphon.hawkes.fit import Fit
from antiphon.model.parameters import Endemic, TargetModel
from tests.generative.agencies import CHANNELS, HALF_LIVES, random_agency, with_circumstances
from tests.naive.covariates import NaiveCovariates
from tests.naive.likelihood import marginal_log_likelihood
from tests.naive.pools import NaiveAgency


def random_model(fit, design, index, rng):
    model, target = fit.targets[index].model, design.targets[index]
    calendar = design.calendars[design.kinds[target.kind].precision]
    strata = len(design.roles[target.role].strata)
    endemic = Endemic(
        intercept=float(rng.normal(-3.0, 0.5)),
        shift=rng.normal(0.0, 0.4, calendar.n_shifts) * (calendar.n_shifts > 1),
        weekday=rng.normal(0.0, 0.3, 7),
        stratum=rng.normal(0.0, 0.4, strata) * (strata > 1),
        period=rng.normal(0.0, 0.3, (design.n_organisations, design.n_periods)),
        propensity=0.0,
        unit=rng.normal(0.0, 0.4, design.roles[target.role].units.size),
    )
    frail = design.roles[target.role].frail.any() and not design.kinds[target.kind].terminal
    heard = target.compensator.sum(axis=0) >= 0.5  # other columns are left out
    alpha = rng.uniform(0.0, 0.5, len(target.columns)) * heard
    return TargetModel(model.kind, endemic, model.columns, alpha, float(rng.uniform(0.3, 2.0)) if frail else 0.0)


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**9), st.lists(st.sampled_from(CHANNELS), min_size=2, max_size=4, unique=True))
def test_marginal_likelihood_agrees_with_the_naive_twin(seed, channels):
    agency = random_agency(seed)
    design = build_design(agency, channels=channels, half_lives=HALF_LIVES, join_incidents=False)
    everyone = tuple(replace(role, frail=np.ones(design.n_systems, bool)) for role in design.roles)
    design = replace(design, roles=everyone, period_days=7.0, n_periods=3)
    twin = NaiveAgency(agency, HALF_LIVES, design.channels, {k.name: k.precision for k in design.kinds})
    fit = fit_design(design, Options(propensity=False, rhythm=False, frailty=False), threads=1)
    rng = np.random.default_rng(seed)
    for index, target in enumerate(design.targets):
        model = random_model(fit, design, index, rng)
        drawn = tuple(replace(one, model=model) if i == index else one for i, one in enumerate(fit.targets))
        mine = Fit(design, drawn, Options(propensity=False))
        found = likelihood_by_system(mine, index, (design.block_edges.size - 1,)).sum()
        expected = marginal_log_likelihood(twin, design.kinds[target.kind].name, model, target, design)
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6), (design.kinds[target.kind].name, found, expected)


EXACT = Resolution(rounding=0.0, levels=10_000)
RECEPTIVITY = ("attribute:age", "practice:debriefing", "tenure")


def log_phi(twin, covariates, design, target, delta):
    """z . delta of a system at a time, every covariate looked up in the records; what is not known counts as the mean."""
    role, kind = design.roles[target.role], design.kinds[target.kind]

    def value(system, t):
        total = 0.0
        for covariate, effect in zip(role.receptivity, delta, strict=True):
            if covariate.kinds is not None and target.kind not in covariate.kinds:
                continue
            name = covariate.name.removesuffix(": not known")
            found = covariates.value(name, system, kind.precision, t)
            found = math.nan if found is None else float(found)
            if name != covariate.name:
                total += effect * (float(math.isnan(found)) - covariate.centre)
            elif not math.isnan(found):
                total += effect * (found - covariate.centre) / covariate.scale
        return total

    return value


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**9), st.lists(st.sampled_from(CHANNELS), min_size=2, max_size=4, unique=True))
def test_receptivity_agrees_with_the_naive_twin(seed, channels):
    agency = with_circumstances(random_agency(seed), seed)
    design = build_design(
        agency,
        channels=channels,
        half_lives=HALF_LIVES,
        join_incidents=False,
        resolution=EXACT,
        receptivity=RECEPTIVITY,
    )
    everyone = tuple(replace(role, frail=np.ones(design.n_systems, bool)) for role in design.roles)
    rng = np.random.default_rng(seed)
    delta = [rng.normal(0.0, 0.7, len(role.receptivity)) for role in design.roles]
    targets = tuple(tuned(target, delta[target.role]) for target in design.targets)
    design = replace(design, roles=everyone, period_days=7.0, n_periods=3, targets=targets)
    twin = NaiveAgency(agency, HALF_LIVES, design.channels, {k.name: k.precision for k in design.kinds})
    covariates = NaiveCovariates(agency, twin)
    fit = fit_design(without_receptivity(design), Options(propensity=False, rhythm=False, frailty=False), threads=1)
    for index, target in enumerate(design.targets):
        model = random_model(fit, design, index, rng)
        drawn = tuple(replace(one, model=model) if i == index else one for i, one in enumerate(fit.targets))
        mine = Fit(design, drawn, Options(propensity=False))
        found = likelihood_by_system(mine, index, (design.block_edges.size - 1,)).sum()
        value = log_phi(twin, covariates, design, target, delta[target.role])
        expected = marginal_log_likelihood(
            twin, design.kinds[target.kind].name, model, target, design,
            lambda system, t, value=value: math.exp(value(system, t)),
        )  # fmt: skip
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-8), design.kinds[target.kind].name
