"""The smallest coupling that would have been shown, against the formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from antiphon.hawkes.curvature import dense_curvature
from antiphon.inference.power import detectable, schur_information, smallest_detectable
from tests.unit.resonance_cases import coupling, two_kinds


def test_schur_complement_by_hand() -> None:
    fit, _ = two_kinds()
    information = np.array([[4.0, 2.0, 0.0], [2.0, 9.0, 1.0], [0.0, 1.0, 5.0]])
    target = replace(fit.targets[0], hessian=dense_curvature(-information))
    unread = replace(fit.design.targets[0], compensator=np.zeros((1, 2)))
    np.testing.assert_allclose(schur_information(target, unread), [[8.0, 1.0], [1.0, 5.0]])


def test_a_column_that_was_read_and_never_felt_is_not_unknown() -> None:
    # 80 events in all, 40 source events read: at least 40^2 / 80, and at most all events (2 echoes each)
    fit, _ = two_kinds()
    target = replace(fit.targets[0], hessian=dense_curvature(-np.diag([80.0, 400.0, 0.0])))
    assert schur_information(target, fit.design.targets[0])[1, 1] == pytest.approx(20.0 + 0.25)


def test_nothing_is_said_where_it_would_take_more_echoes_than_events() -> None:
    fit, _ = two_kinds()
    few = replace(fit.design.targets[0], count=np.zeros(80, dtype=np.int64))
    assert np.isnan(smallest_detectable(fit.targets[0], few, (0,), np.eye(2)))


def test_smallest_coupling_is_two_and_a_half_standard_errors() -> None:
    fit, _ = two_kinds()
    rows = len(fit.design.targets[0].time)
    target = replace(
        fit.targets[0],
        model=replace(fit.targets[0].model, alpha=np.zeros(2)),
        hessian=dense_curvature(-np.diag([80.0, 100.0, 400.0])),
        baseline=np.ones(rows),
        excitation=np.zeros(rows),
    )
    found = smallest_detectable(target, fit.design.targets[0], (0,), schur_information(target, fit.design.targets[0]))
    assert found == pytest.approx((1.6449 + 0.8416) / np.sqrt(101.0), rel=1e-3)


def test_a_coupling_hides_itself_less_at_zero() -> None:
    fit, _ = two_kinds()
    rows = len(fit.design.targets[0].time)
    at_fit = replace(fit.targets[0], baseline=np.ones(rows), excitation=np.full(rows, 0.5))
    information = schur_information(at_fit, fit.design.targets[0])
    # rate 1.5, of which .25 its own: each row counts 1/(1.5 x 1.25) in place of 1/1.5^2
    more = rows * (1 / (1.5 * 1.25) - 1 / 1.5**2)
    expected = (1.6449 + 0.8416) / np.sqrt(information[0, 0] + more)
    found = smallest_detectable(at_fit, fit.design.targets[0], (0,), information)
    assert found == pytest.approx(expected, rel=1e-3)


def test_nothing_is_said_where_nothing_could_be_read() -> None:
    fit, _ = two_kinds()
    unread = replace(fit.design.targets[0], compensator=np.zeros((1, 2)))
    assert np.isnan(smallest_detectable(fit.targets[0], unread, (0,), np.eye(2)))


def test_table_has_a_row_for_every_test() -> None:
    fit, couplings = two_kinds()
    table = detectable(fit, [*couplings, coupling(0, 0, 0, ())])
    assert table.get_column("coupling").to_list() == [0, 1, 2, 3]
    assert table.get_column("smallest").null_count() == 1
