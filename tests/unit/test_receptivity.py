"""Receptivity: what reaches someone is scaled, an equal share of it, and nobody else hears more or less of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from antiphon.design import Feature, design_of, take_apart
from antiphon.design.receptivity import levels_of, tuned, without_receptivity
from antiphon.design.risk import PEOPLE_STRATA
from antiphon.errors import SpecificationError
from antiphon.hawkes import Options, fit_design
from antiphon.hawkes.fitting import objective_of, refit_target
from antiphon.hawkes.receptivity import PRECISION, make_profile
from antiphon.inference import infer
from antiphon.inference.intervals import make_curve, profile_interval
from antiphon.model import Endemic, Model, TargetModel
from antiphon.simulation import receptivity_of, simulate
from tests.unit.agencies import make_agency

DAYS = 250
DELTA, ALPHA = 0.7, (0.15, 0.3)
KINDS = ("aggression_physical", "refusal")


def structure(receptivity=("attribute:trauma",), *, units=12, size=8):
    """Clients who stay in one unit each; every second one has a history of trauma."""
    groups = [f"u{u:02d}" for u in range(units)]
    people = {f"c{u}{p}": u for u in groups for p in range(size)}
    systems = {"o": "organisation"} | dict.fromkeys(groups, "unit") | dict.fromkeys(people, "client")
    stays = [(u, "o", -1000, None) for u in groups] + [(who, u, -400, None) for who, u in people.items()]
    agency = make_agency(
        systems, [(1.0, "cu000", KINDS[0]), (2.0, "cu001", KINDS[1])], stays, days=DAYS,
        attributes={"trauma": {who: n % 2 == 0 for n, who in enumerate(people)}},
        settings={"model": {"period_days": float(DAYS)}},
    )  # fmt: skip
    channels = ["self", "peers:unit:client>client"]
    return take_apart(agency, channels=channels, half_lives=[3.0], receptivity=receptivity)[0]


def model_of(made, delta):
    """Each kind echoes in itself, in the same person and in the others of the unit."""
    shifts, columns = made.calendars["minute"].n_shifts, tuple(Feature(c, h, 0) for c in (0, 1) for h in (0, 1))
    endemic = Endemic(np.log(0.02), np.zeros(shifts), np.zeros(7), np.zeros(len(PEOPLE_STRATA)), np.zeros((1, 1)), 0.0)
    alpha = [np.array([ALPHA[f.channel] * (f.source_kind == kind) for f in columns]) for kind in (0, 1)]
    return Model(
        tuple(TargetModel(kind, endemic, columns, alpha[kind], 0.5, receptivity=np.asarray(delta)) for kind in (0, 1))
    )


def drawn(made, seed, delta=DELTA):
    """Events of a history in which people with trauma answer exp(delta) times as much as the others."""
    plain = design_of(made, simulate(made, model_of(made, ()), 0).rows)
    model = model_of(made, (delta,))
    return design_of(made, simulate(made, model, seed, receptivity=receptivity_of(plain, model)).rows)


@pytest.fixture(scope="module")
def made():
    return structure()


@pytest.fixture(scope="module")
def fitted(made):
    return fit_design(drawn(made, 11))


def total(target, model):
    """The couplings of a kind with itself: own past, and peers."""
    found = {(f.channel, f.source_kind): a for f, a in zip(model.columns, model.alpha, strict=True)}
    return [found[0, target.kind], found[1, target.kind]]


def test_twenty_agencies_give_the_receptivity_and_the_couplings_back(made):
    deltas, errors, alphas = [], [], []
    for seed in range(20):
        fit = fit_design(drawn(made, 100 + seed))
        for target, one in zip(fit.design.targets, fit.targets, strict=True):
            deltas.append(one.model.receptivity[0])
            errors.append(np.sqrt(one.received.covariance[0, 0]))
            alphas.append(total(target, one.model))
    deltas, alphas = np.array(deltas), np.array(alphas)
    off = (deltas - DELTA) / errors
    assert abs(off.mean()) < 4.0 / np.sqrt(off.size)
    assert 0.6 < off.std(ddof=1) < 1.5  # the errors are of the right size: chi with 39 degrees, widely
    spread = alphas.std(axis=0, ddof=1) / np.sqrt(len(alphas))
    assert (np.abs(alphas.mean(axis=0) - ALPHA) < 4.0 * spread).all()
    # a fit that takes everyone for equally ready misses it by far more
    assert abs(0.0 - DELTA) > 4.0 * np.mean(errors) / np.sqrt(off.size)


def test_the_slope_of_the_profile_is_that_of_the_likelihood(fitted):
    profile = make_profile(objective_of(fitted, 0), fitted.design.targets[0], None)
    x, delta, step = fitted.targets[0].parameters, np.array([0.4]), np.array([1e-3])
    (up, _), (here, slope), (down, _) = (profile.best(delta + way * step, x) for way in (1.0, 0.0, -1.0))
    ridge = 0.5 * PRECISION * ((delta + step) ** 2 - (delta - step) ** 2)
    difference = (up.point.value - down.point.value - ridge) / (2.0 * step)
    np.testing.assert_allclose(slope, difference, rtol=1e-4)
    assert here.point.value < objective_of(fitted, 0)(x, hessian=False).value


def test_at_zero_everything_is_as_without_it_to_the_last_bit(made):
    rows = drawn(made, 5).recorded.rows
    asked, plain = design_of(made, rows), design_of(structure(()), rows)
    bare = without_receptivity(tuned_by(tuned_by(asked, 0.9), 0.0))
    for one, other in zip(asked.targets, plain.targets, strict=True):
        np.testing.assert_array_equal(one.features, other.features)
        np.testing.assert_array_equal(one.compensator, other.compensator)
        assert other.heard is None
    for one, other in zip(bare.targets, plain.targets, strict=True):
        np.testing.assert_allclose(one.features, other.features, rtol=1e-14)
        np.testing.assert_array_equal(one.compensator, other.compensator)
    fits = [fit_design(design, Options(units=False)) for design in (without_receptivity(asked), plain)]
    for one, other in zip(*(fit.targets for fit in fits), strict=True):
        np.testing.assert_array_equal(one.parameters, other.parameters)
        assert one.log_likelihood == other.log_likelihood
    model = model_of(made, (0.0,))
    same = simulate(made, model, 7, receptivity=receptivity_of(asked, model)).rows
    np.testing.assert_array_equal(same.time, simulate(made, model_of(made, ()), 7).rows.time)


def tuned_by(design, delta):
    return replace(design, targets=tuple(tuned(target, np.array([delta])) for target in design.targets))


def test_the_compensator_is_the_sum_over_levels(fitted):
    for target in fitted.design.targets:
        heard, delta = target.heard, target.heard.delta
        np.testing.assert_allclose(heard.parts.sum(axis=0), heard.whole, rtol=1e-12)
        by_hand = sum(np.exp(z @ delta) * part for z, part in zip(heard.levels, heard.parts, strict=True))
        np.testing.assert_allclose(target.compensator, by_hand, rtol=1e-12)
        assert heard.days @ heard.levels[:, 0] == pytest.approx(0.0, abs=1e-6)
        raw = tuned(target, np.zeros(1))
        factor = np.exp(heard.levels[heard.row_level] @ delta)
        np.testing.assert_allclose(target.features, raw.features * factor[:, None], rtol=1e-12)


def test_many_values_are_rounded_to_few_levels_with_the_same_mean():
    dice = np.random.default_rng(2)
    value = np.column_stack([dice.normal(size=500), dice.integers(0, 2, 500)])
    days = dice.uniform(0.5, 2.0, 500)
    levels, level = levels_of(value, days, 24)
    assert 12 <= len(levels) <= 24
    np.testing.assert_allclose(days @ levels[level], days @ value, rtol=1e-12)
    assert set(np.round(levels[:, 1], 12)) == {0.0, 1.0}
    exact, level = levels_of(value, days, 500)
    np.testing.assert_array_equal(exact[level], value)


def test_a_later_fit_of_the_same_agency_keeps_the_receptivity(fitted):
    again = fit_design(without_receptivity(fitted.design), start=fitted)
    assert not any(one.model.receptivity.size for one in again.targets)
    raw = tuned_by(fitted.design, 0.0)
    for fit in (fit_design(raw, start=fitted), refit_target(fitted, 0, design=raw)):
        np.testing.assert_array_equal(fit.targets[0].model.receptivity, fitted.targets[0].model.receptivity)
        np.testing.assert_allclose(fit.targets[0].model.alpha, fitted.targets[0].model.alpha, atol=1e-3)


def test_where_nothing_echoes_nothing_is_known_of_it():
    made = structure(units=3)
    model = model_of(made, ())
    silent = Model(tuple(replace(target, alpha=0.0 * target.alpha) for target in model.targets))
    fit = fit_design(design_of(made, simulate(made, silent, 3).rows))
    for effect in infer(fit).effects:
        assert effect.on == "echoes"
        assert effect.high / effect.low > 4.0  # too uncertain to print


def test_inference_tells_of_it_and_tests_without_it(fitted):
    found = infer(fitted, seed=1)
    assert [(effect.on, effect.target, effect.covariate) for effect in found.effects] == [
        ("echoes", 0, 0),
        ("echoes", 1, 0),
    ]
    for effect in found.effects:
        assert effect.ratio == pytest.approx(np.exp(fitted.targets[effect.target].model.receptivity[0]))
        assert 1.0 < effect.low < effect.ratio < effect.high
        assert (effect.n_at_risk, 40 < effect.n_with_event <= 48) == (48, True)
    assert found.claim is not None
    assert not any(one.model.receptivity.size for one in found.claim.targets)
    assert all(one.model.receptivity.any() for one in found.penalised.targets)


def test_intervals_of_couplings_allow_for_it(fitted):
    fixed = replace(fitted, targets=tuple(replace(one, received=None) for one in fitted.targets))
    for columns in ((0,), (2,)):
        wide, narrow = (profile_interval(make_curve(fit, 0), columns) for fit in (fitted, fixed))
        assert wide.estimate == narrow.estimate > 0.0
        follows, covariance = fitted.targets[0].received.moves, fitted.targets[0].received.covariance
        place = objective_of(fitted, 0).problem.layout.size + columns[0]
        more = follows[:, place] @ covariance @ follows[:, place]
        assert wide.standard_error**2 == pytest.approx(narrow.standard_error**2 + more)
        assert wide.low < narrow.low < narrow.high < wide.high


def test_a_simulation_needs_its_values(made):
    with pytest.raises(SpecificationError, match="receptivity_of"):
        simulate(made, model_of(made, (0.5,)), 1)


def test_protecting_some_protects_nobody_else_less(made):
    """Those whose own receptivity stays hear as much as before; only what they themselves pass on may differ."""
    plain = design_of(made, simulate(made, model_of(made, ()), 0).rows)
    first, others = model_of(made, ()), model_of(made, (1.0,))
    alone = Model(tuple(replace(t, alpha=t.alpha * [0, 0, 1, 1] * (t.kind == 0)) for t in others.targets))
    ready = receptivity_of(plain, others)
    mean = np.zeros(2)
    for seed in range(6):
        rows = simulate(made, alone, seed, receptivity=ready).rows
        mean += [rows.time.size, simulate(made, replace_alpha(first, alone), seed).rows.time.size]
    assert mean[0] > 1.02 * mean[1]  # exp(z) is more than 1 on average: what some answer more, the others do not lose


def replace_alpha(model, other):
    pairs = zip(model.targets, other.targets, strict=True)
    return Model(tuple(replace(one, alpha=two.alpha) for one, two in pairs))
