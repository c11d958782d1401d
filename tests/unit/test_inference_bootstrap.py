"""The one-step bootstrap: its scores against differences, its spread against the information, and what incidents add."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import nnls

from antiphon.hawkes import Options, fit_design
from antiphon.hawkes.likelihood import compute_state
from antiphon.inference.bootstrap import draw_totals, project, resample_scores
from antiphon.inference.intervals import make_curve
from antiphon.inference.power import alpha_positions, columns_in_use, covariance, schur_information
from tests.unit.hawkes_cases import invented
from tests.unit.resonance_cases import coupling, two_kinds


def in_incidents(design, size):
    """The design with so many rows to an incident."""
    target = design.targets[0]
    return replace(design, targets=(replace(target, incident=np.arange(target.time.size) // size),))


def fitted(seed=3, *, size=1, variance=0.0):
    design = in_incidents(invented(seed, variance=variance, n_systems=60), size)
    return fit_design(design, Options(frailty=variance > 0.0, units=False, propensity=False), threads=1)


def row_jumps(curve):
    """Derivatives of each row's log rate by every parameter, by differences; (rows, parameters)."""
    problem, x = curve.problem, curve.point.x

    def log_rates(x):
        state = compute_state(problem, x, 0.0, second=False)
        return problem.count * np.log(state.endemic + state.echo)

    columns = []
    for place in range(x.size):
        step = np.zeros(x.size)
        step[place] = 1e-6
        columns.append((log_rates(x + step) - log_rates(x - step)) / 2e-6)
    return np.column_stack(columns)


def test_scores_move_as_differences_of_the_log_likelihood_say():
    fit = fitted()
    curve, one = make_curve(fit, 0), fit.targets[0]
    in_use = columns_in_use(one)
    places = alpha_positions(one)
    others = np.setdiff1d(np.arange(curve.point.x.size), places)
    hessian = curve.point.hessian.dense()
    jumps = row_jumps(curve)
    follow = np.linalg.solve(hessian[np.ix_(others, others)], hessian[np.ix_(others, places)])
    efficient = jumps[:, places] - jumps[:, others] @ follow
    times = np.random.default_rng(1).poisson(1.0, (5, fit.design.targets[0].time.size))
    moved, squares = resample_scores(curve, in_use, times)
    incident = fit.design.targets[0].incident[curve.problem.order]
    np.testing.assert_allclose(moved, (times[:, incident] - 1.0) @ efficient, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(squares, (efficient**2).sum(axis=0), rtol=2e-5)


def test_all_rows_of_an_incident_count_alike():
    fit = fitted(size=3)
    curve, in_use = make_curve(fit, 0), columns_in_use(fit.targets[0])
    incident = fit.design.targets[0].incident
    times = np.random.default_rng(1).poisson(1.0, (4, incident.max() + 1))
    by_rows = replace(curve, fit=replace(fit, design=in_incidents(fit.design, 1)))
    moved = resample_scores(curve, in_use, times)[0]
    np.testing.assert_allclose(moved, resample_scores(by_rows, in_use, times[:, incident])[0], atol=1e-9)


@pytest.mark.parametrize("variance", [0.0, 1.0])
def test_where_rows_come_alone_draws_spread_as_the_information_says(variance):
    fit = fitted(variance=variance)
    one, target = fit.targets[0], fit.design.targets[0]
    free = np.flatnonzero(one.model.alpha > 0.0)
    found = tuple(coupling(0, 0, 0, (int(j),)) for j in free)
    information = schur_information(one, target)
    sure = one.model.alpha[free] > 3.0 * np.sqrt(np.diag(covariance(information[np.ix_(free, free)])))
    assert sure.any()
    draws = draw_totals(fit, found, seed=1, n_draws=3000)
    normal = draw_totals(fit, found, seed=1, n_draws=3000, largest=0)
    np.testing.assert_allclose(draws.drawn.std(axis=0)[sure], normal.drawn.std(axis=0)[sure], rtol=0.12)
    np.testing.assert_allclose(draws.estimate, one.model.alpha[free])
    assert np.all(draws.centre <= draws.estimate + 1e-9)


def test_twins_in_one_incident_widen_the_draws_by_the_root_of_two():
    """Every row stands twice in its incident: half as much is known as rows that come alone would tell."""
    design = invented(3, variance=0.0, n_systems=60)
    target = design.targets[0]
    twice = {
        name: np.repeat(getattr(target, name), 2, axis=0)
        for name in ("time", "width", "count", "system", "incident", "unit", "block", "cell", "segment", "exposure", "features")
    }  # fmt: skip
    together = replace(design, targets=(replace(target, **twice),))
    fit = fit_design(together, Options(frailty=False, units=False, propensity=False), threads=1)
    apart = replace(fit, design=in_incidents(together, 1))
    best = int(np.argmax(fit.targets[0].model.alpha))
    found = (coupling(0, 0, 0, (best,)),)
    wide, narrow = (draw_totals(one, found, seed=2, n_draws=3000).drawn.std() for one in (fit, apart))
    assert wide / narrow == pytest.approx(np.sqrt(2.0), rel=0.08)


def test_draws_are_about_shrunk_estimates_and_spread_as_the_curvature_says() -> None:
    # information 401 with the bound of one echo per event: half a standard deviation of the score is .025 echoes
    fit, couplings = two_kinds()
    draws = draw_totals(fit, couplings, n_draws=4000, seed=1, largest=0)
    np.testing.assert_allclose(draws.estimate, [0.25, 0.25, 0.125])
    np.testing.assert_allclose(draws.centre, draws.estimate - 0.025, atol=5e-4)
    np.testing.assert_allclose(draws.drawn.mean(axis=0), draws.centre, atol=4 * 0.05 / np.sqrt(4000))
    assert draws.drawn[:, 0].std() == pytest.approx(0.05, rel=0.06)


def test_draws_are_the_same_for_the_same_seed() -> None:
    fit = fitted()
    found = (coupling(0, 0, 0, (0, 1)),)
    first = draw_totals(fit, found, seed=5).drawn
    np.testing.assert_array_equal(first, draw_totals(fit, found, seed=5).drawn)
    assert not np.array_equal(first, draw_totals(fit, found, seed=6).drawn)


def test_the_projection_is_the_maximum_under_the_bounds() -> None:
    generator = np.random.default_rng(2)
    root = generator.standard_normal((6, 4))
    information = root.T @ root
    pull = generator.standard_normal((20, 4)) * 3.0
    upper = np.linalg.cholesky(information).T
    expected = [nnls(upper, np.linalg.solve(upper.T, one))[0] for one in pull]
    np.testing.assert_allclose(project(pull, information, np.zeros(4)), expected, atol=1e-4)


def test_a_coupling_held_at_zero_stays_near_it() -> None:
    # The likelihood falls steeply from zero (80 read, felt at no event): what the draws are about is zero.
    fit, couplings = two_kinds()
    one = fit.targets[0]
    held = replace(one, model=replace(one.model, alpha=np.array([0.0, 0.25])))
    unfelt = replace(fit.design.targets[0], features=np.zeros((80, 2)))
    design = replace(fit.design, targets=(unfelt, fit.design.targets[1]))
    draws = draw_totals(
        replace(fit, design=design, targets=(held, fit.targets[1])), couplings, n_draws=500, seed=1, largest=0
    )
    assert draws.centre[0] == 0.0
    assert 0.4 < np.mean(draws.drawn[:, 0] > 0) < 0.6
    assert np.mean(draws.drawn[:, 1] > 0) > 0.99
