"""Parentage: held to quadrature and to attribution, and told of single events only where anyone may read them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import antiphon as ap
from antiphon.errors import ReleaseError, SpecificationError
from antiphon.resonance.attribution import masses, totals
from tests.unit.agencies import make_agency
from tests.unit.resonance_cases import coupling

DAYS = 120.0
CHANNELS = ["self", "peers:unit:client>client"]


def bursts(*, data: str = "public", seed: int = 3, prefix: str = "c"):
    """Two units of eight clients; a fifth of the events are answered within a day by somebody in the unit."""
    random = np.random.default_rng(seed)
    names = [f"{prefix}{number}" for number in range(16)]
    events = []
    for place, name in enumerate(names):
        kind = "aggression_physical" if place % 3 else "self_harm"
        for day in random.uniform(0.0, DAYS - 2.0, random.poisson(2 + 3 * (place % 4))):
            events.append((day, name, kind))
            if random.random() < 0.4:
                other = names[8 * (place // 8) + int(random.integers(8))]
                events.append((day + random.exponential(0.7), other, "aggression_physical"))
    systems = dict.fromkeys(names, "client") | {"u1": "unit", "u2": "unit"}
    stays = [(name, "u1" if place < 8 else "u2", 0, None) for place, name in enumerate(names)]
    settings = {"privacy": {"data": data}}
    return make_agency(systems, [e for e in events if e[0] < DAYS], stays, days=DAYS, settings=settings)


@pytest.fixture(scope="module")
def fitted():
    agency = bursts()
    return agency, ap.fit(agency, channels=CHANNELS, half_lives=[1.0, 4.0], units=False)


def test_events_of_each_way_are_those_that_attribution_counts(fitted):
    _, fit = fitted
    table = ap.parentage(fit)
    found = 0
    for index, target in enumerate(fit.design.targets):
        ways = {(one.channel, one.source_kind) for one in target.columns}
        for channel, source in ways:
            columns = tuple(
                j for j, one in enumerate(target.columns) if (one.channel, one.source_kind) == (channel, source)
            )
            row = coupling(channel, source, index, columns)
            expected = (totals(fit, [row]) * masses(fit, [row]))[0]
            names = {"channel": fit.design.channels[channel].name, "parent_kind": fit.design.kinds[source].name}
            rows = table.filter(kind=fit.design.kinds[target.kind].name, **names)
            assert rows["events"].sum() == pytest.approx(expected, abs=1e-3)
            found += rows.height
    assert found >= 2
    np.testing.assert_allclose(table.group_by("kind").agg(pl.col("share").sum())["share"], 1.0)


def test_single_events_add_up_to_the_whole(fitted):
    agency, fit = fitted
    single, whole = ap.parentage(fit, single_events=agency), ap.parentage(fit)
    np.testing.assert_allclose(
        single.group_by("kind", "time", "system").agg(pl.col("probability").sum())["probability"], 1.0
    )
    keys = ["kind", "channel", "parent_kind"]
    sums = single.group_by(keys).agg(pl.col("probability").sum())
    both = whole.join(sums, on=keys, how="left", nulls_equal=True)
    np.testing.assert_allclose(both["events"], both["probability"], rtol=1e-10)


def test_single_probabilities_by_quadrature_over_frailty(fitted):
    agency, fit = fitted
    index = next(i for i, one in enumerate(fit.targets) if one.model.frailty_variance > 0.1 and one.model.alpha.any())
    one, target = fit.targets[index], fit.design.targets[index]
    single = ap.parentage(fit, single_events=agency).filter(kind=fit.design.kinds[target.kind].name)
    shape = 1.0 / one.model.frailty_variance
    theta = np.exp(np.linspace(-25.0, 6.0, 40_001))  # even in log theta
    systems = np.unique(target.system)
    assert systems.size > 5
    for system in systems:
        rows = np.flatnonzero(target.system == system)
        rate = theta[:, None] * one.baseline[rows] + one.excitation[rows]
        log_weight = shape * np.log(theta) - theta * (shape + one.hazard[system]) + np.log(rate).sum(axis=1)
        weight = np.exp(log_weight - log_weight.max())
        echo = weight @ (one.excitation[rows] / rate) / weight.sum()
        mine = single.filter(pl.col("channel").is_null(), system=agency.systems["system"][int(system)]).sort("time")
        assert mine.height == rows.size
        np.testing.assert_allclose(mine["probability"], 1.0 - echo[np.argsort(target.time[rows])], atol=1e-6)


def test_single_events_of_private_records_are_refused(fitted):
    _, fit = fitted
    private = bursts(data="private")
    with pytest.raises(ReleaseError, match="declared public"):
        ap.parentage(fit, single_events=private)
    assert "system" not in ap.parentage(fit).columns


def test_another_agency_is_refused(fitted):
    _, fit = fitted
    with pytest.raises(SpecificationError, match="not the one that was fitted"):
        ap.parentage(fit, single_events=bursts(prefix="x"))


def test_a_fit_of_some_blocks_is_refused(fitted):
    agency, _ = fitted
    part = ap.fit(agency, channels=CHANNELS, half_lives=[1.0], units=False, blocks=4)
    with pytest.raises(SpecificationError, match="all blocks"):
        ap.parentage(part)
