"""The covariates agree with their naive twin on random agencies, wherever and whenever one looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.design import Resolution, build_design
from tests.generative.agencies import HALF_LIVES, random_agency, with_circumstances
from tests.naive.covariates import NaiveCovariates
from tests.naive.pools import NaiveAgency

TERMS = (
    "attribute:age",
    "tenure",
    "practice:debriefing",
    "staffing:unit",
    "census:unit",
    "score:own:PSS",
    "score:unit:PSS",
    "score:tie:caseload:PSS",
    "dose:own:time_out:2d",
    "dose:own:absence_unscheduled:3d",
    "dose:unit:aggression_physical:2d",
    "dose:unit:staff_injury:4d",
    "dose:unit:lock_down:3d",
    "dose:organisation:refusal:2d",
    "dose:tie:caseload:staff_injury:2d",
    "dose:tie:caseload:time_out:5d",
)
# how many rounded quantities may stand in one value: persons tied to, groups, and one's own part taken out
MOST_ROUNDINGS = 8


def read(text):
    return float("nan") if text is None else float(text)


def check_rows_and_means(design):
    """Every scored row lies in its segment, and every column has mean 0 over the person-time at risk of its kinds."""
    for target in design.targets:
        segments = design.roles[target.role].segments
        assert (segments.system[target.segment] == target.system).all()
        assert (segments.start[target.segment] < target.time + np.maximum(target.width, 1e-9)).all()
        assert (segments.end[target.segment] >= target.time).all()
    for role in design.roles:
        for number, covariate in enumerate(role.covariates):
            kinds = role.kinds if covariate.kinds is None else covariate.kinds
            on = role.segments.at_risk[:, [role.kinds.index(k) for k in kinds]].any(axis=1)
            days = (role.segments.end - role.segments.start)[on]
            assert days @ role.segments.covariates[on, number] == pytest.approx(0.0, abs=1e-7 * days.sum())


def compare(agency, terms, resolution, seed):
    """Every column at random moments of every system equals what the twin looks up there, up to its rounding."""
    design = build_design(
        agency, channels=["self"], half_lives=HALF_LIVES, join_incidents=False, covariates=terms, resolution=resolution
    )
    grains = {kind.name: kind.precision for kind in design.kinds}
    twin = NaiveCovariates(agency, NaiveAgency(agency, HALF_LIVES, (), grains), resolution.cells_per_shift)
    names, dice = list(agency.systems["system"]), np.random.default_rng(seed)
    for role in design.roles:
        segments = role.segments
        rows = np.flatnonzero(segments.end - segments.start > 1e-9)  # not what rounding leaves between two edges
        rows = dice.choice(rows, min(25, rows.size), replace=False)
        times = dice.uniform(segments.start[rows], segments.end[rows])
        for number, covariate in enumerate(role.covariates):
            if covariate.name.endswith(": not known"):
                continue
            kinds = role.kinds if covariate.kinds is None else covariate.kinds
            unknown = [
                i
                for i, other in enumerate(role.covariates)
                if other.name == f"{covariate.name}: not known" and other.kinds == covariate.kinds
            ]
            for row, time in zip(rows, times, strict=True):
                found = segments.covariates[row, number] * covariate.scale + covariate.centre
                wanted = twin.value(covariate.name, names[segments.system[row]], design.kinds[kinds[0]].precision, time)
                wanted = read(wanted) if covariate.name.startswith("attribute") else wanted
                told = [segments.covariates[row, i] + role.covariates[i].centre for i in unknown]
                assert told in ([], [pytest.approx(float(math.isnan(wanted)), abs=1e-9)]), covariate.name
                expected = covariate.centre if math.isnan(wanted) else wanted
                off = 0.5 * covariate.step * (MOST_ROUNDINGS if covariate.name.startswith("dose") else 1)
                assert found == pytest.approx(expected, abs=off + 1e-8), (covariate.name, time)
    return design


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 10**9),
    st.lists(st.sampled_from(TERMS), min_size=3, max_size=6, unique=True),
    st.sampled_from([Resolution(), Resolution(rounding=0.0), Resolution(cells_per_shift=2, rounding=0.0)]),
)
def test_covariates_agree_with_the_naive_twin(seed, terms, resolution):
    agency = with_circumstances(random_agency(seed), seed)
    if agency.presence.is_empty() or agency.presence["away"].all():
        terms = [term for term in terms if not term.startswith("staffing")]
    check_rows_and_means(compare(agency, terms, resolution, seed))
