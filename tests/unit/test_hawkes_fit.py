"""The fit: recovers what was simulated, says when it cannot, and keeps its promises at the edges."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from antiphon.design.arrays import dense_design
from antiphon.hawkes import FitStatus, Options, fit_design, likelihood_by_system
from antiphon.hawkes.likelihood import evaluate
from antiphon.hawkes.problem import build_problem
from tests.reference.make_tick_values import simulate
from tests.unit.hawkes_cases import draw_rows, invented, with_covariates
from verification.agencies import Nature, invent


def changed(design, **fields):
    return replace(design, targets=(replace(design.targets[0], **fields),))


@pytest.fixture(scope="module")
def simulated():
    """One kind, true echoes 0.6, half-life 1 day."""
    times, kinds = simulate(1, 1.0, 4000.0, 21)
    return times, kinds


def estimate_and_error(times, kinds, half_life):
    one = fit_design(dense_design(times, kinds, [half_life], 4000.0)).targets[0]
    return one.model.alpha[0], np.sqrt(np.linalg.inv(-one.hessian.dense())[-1, -1])


def test_recovers_a_simulated_process(simulated):
    estimate, error = estimate_and_error(*simulated, 1.0)
    assert abs(estimate - 0.6) < 4.0 * error


def test_a_tenfold_half_life_is_not_recovered(simulated):
    estimate, error = estimate_and_error(*simulated, 10.0)
    assert abs(estimate - 0.6) > 4.0 * error


def test_recovers_the_frailty_variance():
    design = invented(seed=8, n_systems=300, n_columns=0, variance=1.5, rate=0.1)
    one = fit_design(design).targets[0]
    error = np.sqrt(np.linalg.inv(-one.hessian.dense())[-1, -1])
    assert abs(np.log(one.model.frailty_variance) - np.log(1.5)) < 4.0 * error
    present = np.unique(design.roles[0].segments.system)
    assert one.theta[present].mean() == pytest.approx(1.0, abs=1e-4)


def test_no_frailty_where_persons_are_alike():
    one = fit_design(invented(seed=4, n_columns=0, variance=0.0, n_systems=100)).targets[0]
    assert one.model.frailty_variance < 0.05


def test_frailty_is_not_left_for_a_lower_maximum():
    """Lasting differences look like slow echoes of the own past: what may echo must not fit worse than what may not."""
    design = invent(Nature(), 1).design
    none = tuple(np.zeros(len(target.columns), bool) for target in design.targets)
    # without unit effects, given which likelihoods are stated, so that the two can be compared
    with_echoes, without = (fit_design(design, Options(units=False, columns=columns)) for columns in (None, none))
    for target, one, other in zip(design.targets, with_echoes.targets, without.targets, strict=True):
        assert one.log_likelihood > other.log_likelihood - 0.1
        if design.kinds[target.kind].role != "unit":
            assert 0.5 < one.model.frailty_variance < 4.5


def test_the_optimum_is_one():
    design = invented()
    one = fit_design(design).targets[0]
    problem = build_problem(design, 0, Options())
    found = evaluate(problem, one.parameters[:-1], one.model.frailty_variance)
    free = np.append(np.ones(problem.layout.size, bool), one.model.alpha > 0.0)
    assert one.status is FitStatus.CONVERGED
    assert np.abs(found.gradient[free]).max() < 1e-3
    assert (found.gradient[~free] < 1e-6).all()


def test_twins_among_the_columns_are_flat():
    design = invented()
    features, compensator = design.targets[0].features.copy(), design.targets[0].compensator.copy()
    features[:, 1], compensator[:, 1] = features[:, 0], compensator[:, 0]
    compensator[:, 2:] *= 10.0
    compensator[:, :2] *= 0.3
    one = fit_design(changed(design, features=features, compensator=compensator)).targets[0]
    assert one.status is FitStatus.FLAT
    assert np.isfinite(one.model.alpha).all()


def test_features_of_zeros_echo_nothing():
    design = invented()
    nothing = np.zeros_like(design.targets[0].features)
    one = fit_design(changed(design, features=nothing)).targets[0]
    assert (one.model.alpha == 0.0).all()
    assert one.echo_share.max() == 0.0


def test_no_events_in_the_training_time():
    design = invented(seed=2)
    late = changed(design, block=np.full(design.targets[0].block.size, 7))
    one = fit_design(late, Options(blocks=4)).targets[0]
    assert one.status is FitStatus.FLAT
    assert np.isfinite(one.parameters).all()
    assert np.isnan(one.baseline).all()


def test_empty_periods_stay_finite():
    design = invented(days=400.0)
    target = design.targets[0]
    some = (target.time < 60.0) | (target.time > 250.0)
    fields = {name: getattr(target, name)[some] for name in
              ("time", "width", "count", "system", "incident", "unit", "block", "cell", "segment", "exposure", "features")}  # fmt: skip
    one = fit_design(changed(design, **fields)).targets[0]
    assert np.isfinite(one.model.endemic.period).all()
    assert one.model.endemic.period[:, 4].max() < -1.0


def test_one_system():
    one = fit_design(invented(n_systems=1, n_organisations=1, days=400.0, rate=0.5)).targets[0]
    assert np.isfinite(one.log_likelihood)


def test_pooled_systems_have_no_frailty():
    design = invented()
    pooled = replace(design, roles=(replace(design.roles[0], frail=np.zeros(design.n_systems, bool)),))
    assert fit_design(pooled).targets[0].model.frailty_variance == 0.0


def test_masks_and_switches():
    design = invented()
    only = Options(columns=(np.array([False, True, False, False]),), frailty=False, rhythm=False)
    one = fit_design(design, only).targets[0]
    assert (one.model.alpha[[0, 2, 3]] == 0.0).all()
    assert one.names == ("intercept", "alpha[1]")


def test_a_penalty_shrinks():
    fit = fit_design(invented())
    shrunk = fit_design(fit.design, Options(penalty=1.0), start=fit)
    assert shrunk.targets[0].model.alpha.sum() < fit.targets[0].model.alpha.sum()
    gone = fit_design(fit.design, Options(penalty=100.0), start=fit)
    assert gone.targets[0].model.alpha.max() == 0.0


def test_threads_change_nothing():
    design = invented()
    several = replace(design, targets=design.targets * 3)
    one, two = fit_design(several, threads=1), fit_design(several, threads=2)
    for a, b in zip(one.targets, two.targets, strict=True):
        np.testing.assert_array_equal(a.parameters, b.parameters)


def test_later_blocks_are_foretold_with_the_last_period_known():
    design = invented(days=224.0)
    fit = fit_design(design, Options(blocks=4))
    trained = likelihood_by_system(fit, 0, (4,)).sum()
    assert trained == pytest.approx(fit.targets[0].log_likelihood, abs=1e-8)
    assert likelihood_by_system(fit, 0, (5,)).sum() < trained
    shifted = replace(fit.targets[0].model.endemic, period=fit.targets[0].model.endemic.period + 0.0)
    shifted.period[:, 4:] = 9.0  # never trained, must not matter
    model = replace(fit.targets[0].model, endemic=shifted)
    other = replace(fit, targets=(replace(fit.targets[0], model=model),))
    assert likelihood_by_system(other, 0, (6,)).sum() == pytest.approx(
        likelihood_by_system(fit, 0, (6,)).sum(), rel=1e-12
    )


def test_propensity_takes_up_a_shared_frailty():
    """Two kinds with one frailty: who had many of the other kind has a higher endemic rate."""
    design = invented(seed=5, n_columns=0, n_systems=150, variance=1.5)
    generator = np.random.default_rng(9)
    role, target = design.roles[0], design.targets[0]
    events = np.bincount(target.system, minlength=design.n_systems)
    theta = (events + 0.7) / (events.mean() + 0.7)
    segments = role.segments
    rates = 0.1 * theta[segments.system] * (segments.end - segments.start)
    segment = np.repeat(np.arange(rates.size), generator.poisson(rates))
    time = generator.uniform(segments.start[segment], segments.end[segment])
    second = replace(
        target, kind=1, time=time, width=np.zeros(time.size), count=np.ones(time.size, np.int64),
        system=segments.system[segment], incident=np.arange(time.size), unit=np.zeros(time.size, np.int64),
        block=np.minimum((time / 25.0).astype(int), 7),
        cell=np.searchsorted(design.calendars["minute"].edges, time, side="right") - 1,
        segment=segment, exposure=np.ones(time.size), features=np.zeros((time.size, 0)),
    )  # fmt: skip
    earlier = np.array(
        [
            [(t.time[t.system == s] < b).sum() for t in (target, second)]
            for s, b in zip(segments.system, segments.start, strict=True)
        ]
    )
    both = np.ones((rates.size, 2), bool)
    role = replace(role, kinds=(0, 1), segments=replace(segments, at_risk=both, alive=both, n_earlier=earlier))
    kinds = (design.kinds[0], replace(design.kinds[0], name="seclusion"))
    fit = fit_design(replace(design, kinds=kinds, roles=(role,), targets=(target, second)))
    assert fit.targets[1].log_r is not None
    assert fit.targets[1].model.endemic.propensity > 0.2


def exposed(beta, generator, n_systems=1000):
    """Half of all persons have twice (exp beta) the events of the others; nothing echoes."""
    design = invented(n_systems=n_systems, n_columns=0, variance=0.0)
    segments = design.roles[0].segments
    exposure = np.where(segments.system % 4 < 2, 0.5, -0.5)[:, None]
    parts = []
    for half in (0.5, -0.5):
        time, system, segment = draw_rows(generator, segments, n_systems, 0.0, 0.15 * np.exp(beta * half))
        mine = exposure[segment, 0] == half
        parts.append((time[mine], system[mine], segment[mine]))
    time, system, segment = (np.concatenate(part) for part in zip(*parts, strict=True))
    rows = time.size
    events = {
        "time": time, "system": system, "segment": segment, "width": np.zeros(rows), "exposure": np.ones(rows),
        "count": np.ones(rows, np.int64), "incident": np.arange(rows), "unit": np.zeros(rows, np.int64),
        "block": np.clip((time / 25.0).astype(int), 0, 7), "features": np.zeros((rows, 0)),
        "cell": np.searchsorted(design.calendars["minute"].edges, time, side="right") - 1,
    }  # fmt: skip
    return with_covariates(changed(design, **events), kinds=(None,), values=exposure)


def test_recovers_what_a_covariate_multiplies():
    design = exposed(np.log(2.0), np.random.default_rng(11))
    one = fit_design(design, Options(frailty=False)).targets[0]
    place = one.names.index("covariate[0]")
    found, error = one.parameters[place], np.sqrt(np.linalg.inv(-one.hessian.dense())[place, place])
    assert abs(found - np.log(2.0)) < 4 * error
    assert abs(found - 0.8 * np.log(2.0)) > 4 * error  # a truth off by a fifth would be seen
    assert one.model.endemic.covariates[0] == found


def test_a_covariate_that_never_varies_is_left_out():
    design = with_covariates(
        invented(), kinds=(None,), values=np.full((invented().roles[0].segments.system.size, 1), 0.3)
    )
    one = fit_design(design).targets[0]
    assert "covariate[0]" not in one.names
    assert one.model.endemic.covariates[0] == 0.0


def test_what_is_known_of_persons_is_never_written():
    fit = fit_design(invented())
    with pytest.raises(TypeError, match="single persons"):
        pickle.dumps(fit)
    with pytest.raises(TypeError, match="single persons"):
        pickle.dumps(fit.targets[0])
    assert repr(fit) == "Fit(1 target kinds, 40 systems)"
