"""The smallest coupling that would have been shown, against the formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from antiphon.inference.power import detectable, schur_information, smallest_detectable
from tests.unit.resonance_cases import coupling, two_kinds


def test_schur_complement_by_hand() -> None:
    fit, _ = two_kinds()
    information = np.array([[4.0, 2.0, 0.0], [2.0, 9.0, 1.0], [0.0, 1.0, 5.0]])
    target = replace(fit.targets[0], hessian=-information)
    np.testing.assert_allclose(schur_information(target), [[8.0, 1.0], [1.0, 5.0]])


def test_smallest_coupling_is_two_and_a_half_standard_errors() -> None:
    fit, _ = two_kinds()
    rows = len(fit.design.targets[0].time)
    target = replace(
        fit.targets[0],
        model=replace(fit.targets[0].model, alpha=np.zeros(2)),
        hessian=-np.diag([80.0, 100.0, 400.0]),
        baseline=np.ones(rows),
        excitation=np.zeros(rows),
    )
    found = smallest_detectable(target, fit.design.targets[0], (0,), schur_information(target))
    assert found == pytest.approx((1.6449 + 0.8416) * 0.1, rel=1e-3)


def test_a_coupling_hides_itself_less_at_zero() -> None:
    fit, _ = two_kinds()
    rows = len(fit.design.targets[0].time)
    at_fit = replace(fit.targets[0], baseline=np.ones(rows), excitation=np.full(rows, 0.5))
    information = schur_information(at_fit)
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
    rows = [len(target.time) for target in fit.design.targets]
    targets = tuple(
        replace(target, baseline=np.ones(n), excitation=np.full(n, 0.5))
        for target, n in zip(fit.targets, rows, strict=True)
    )
    table = detectable(replace(fit, targets=targets), [*couplings, coupling(0, 0, 0, ())])
    assert table.get_column("coupling").to_list() == [0, 1, 2, 3]
    assert table.get_column("smallest").null_count() == 1
