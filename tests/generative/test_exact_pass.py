"""The exact pass agrees with its naive twin on random agencies with everything awkward in them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.design import build_design
from tests.generative.agencies import CHANNELS, HALF_LIVES, KINDS, WITH_DELAYS, random_agency
from tests.naive.pools import NaiveAgency

KERNELS = ((0.8, 1), (2 * math.log(2), 2), (3.0, 1), (6 * math.log(2), 4))


def compare(agency, channels, entries=HALF_LIVES, kernels=HALF_LIVES):
    design = build_design(agency, channels=channels, half_lives=entries, join_incidents=False)
    names = [kind.name for kind in design.kinds]
    grains = {kind.name: kind.precision for kind in design.kinds}
    twin = NaiveAgency(agency, kernels, design.channels, grains)
    assert design.history_days == pytest.approx(twin.history)
    codes = list(agency.systems["system"])
    for target in design.targets:
        kind = names[target.kind]
        columns = [(f.channel, names[f.source_kind], f.half_life) for f in target.columns]
        expected_rows = sorted((start, system, count) for start, _, system, count in twin.target_rows(kind))
        found_rows = sorted((t, codes[s], n) for t, s, n in zip(target.time, target.system, target.count, strict=True))
        assert [r[1:] for r in found_rows] == [r[1:] for r in expected_rows], kind
        np.testing.assert_allclose([r[0] for r in found_rows], [r[0] for r in expected_rows], atol=1e-9)
        values = twin.features(kind)
        for row in range(target.time.size):
            key = min(
                (k for k in values if k[1] == codes[target.system[row]]), key=lambda k: abs(k[0] - target.time[row])
            )
            expected = [values[key].get(c, 0.0) for c in columns]
            np.testing.assert_allclose(target.features[row], expected, rtol=1e-8, atol=1e-11, err_msg=f"{kind} {key}")
        total, exposure = twin.compensator(kind)
        np.testing.assert_allclose(
            target.compensator.sum(axis=0), [total[c] for c in columns], rtol=1e-8, atol=1e-10, err_msg=kind
        )
        role = design.roles[target.role]
        at_risk = role.segments.at_risk[:, role.kinds.index(target.kind)]
        np.testing.assert_allclose((role.segments.end - role.segments.start)[at_risk].sum(), exposure, atol=1e-8)
        for channel in {feature.channel for feature in target.columns}:
            is_shared = (channel, target.kind) in design.margins.shared
            assert is_shared == twin.is_shared(kind, design.channels[channel]), (kind, design.channels[channel].name)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**9), st.lists(st.sampled_from(CHANNELS), min_size=2, max_size=5, unique=True))
def test_features_and_compensators_agree_with_the_naive_twin(seed, channels):
    compare(random_agency(seed), channels)


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**9), st.lists(st.sampled_from(CHANNELS), min_size=2, max_size=5, unique=True))
def test_delayed_kernels_agree_with_the_naive_twin(seed, channels):
    compare(random_agency(seed), channels, WITH_DELAYS, KERNELS)


def test_the_drawn_kinds_are_of_every_precision():
    assert {precision for _, precision in KINDS.values()} == {"minute", "shift", "day"}
