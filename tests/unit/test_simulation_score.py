"""Simulator and likelihood are of one model: at the true parameters the score is zero on average, for every parameter.

This holds for every channel, precision, terminal kind, tie and stay at once, and for frailty and propensity; a decay
that is 20 % wrong, or an event that is heard by a reader who should not hear it, would show.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from antiphon.design import design_of
from antiphon.design.delays import read_kernels
from antiphon.hawkes import Options
from antiphon.hawkes.layout import from_endemic
from antiphon.hawkes.likelihood import evaluate
from antiphon.hawkes.problem import build_problem
from antiphon.hawkes.propensity import propensities
from antiphon.model import Model
from antiphon.simulation import simulate
from tests.unit.simulation_cases import everything, model_of


def scores(structure, model, rows):
    """{kind: (names, score)} at the parameters of the model."""
    design = design_of(structure, rows)
    models = {target.kind: target for target in model.targets}
    used = tuple(models[target.kind] for target in design.targets)
    log_r = (None,) * len(used)
    if any(one.endemic.propensity for one in used):
        log_r = propensities(design, used, tuple(one.endemic.propensity_shape for one in used), None)
    found = {}
    for index, (target, one) in enumerate(zip(design.targets, used, strict=True)):
        complete = build_problem(design, index, Options(), log_r[index], complete=True)
        features, mass = target.features[complete.order], target.compensator.sum(axis=0)
        complete = replace(complete, features=features, compensator=mass, kept=np.arange(mass.size))
        places = [one.columns.index(column) for column in target.columns]
        x = np.concatenate([from_endemic(complete.layout, one.endemic), one.alpha[places]])
        gradient = evaluate(complete, x, one.frailty_variance, hessian=False).gradient
        size = complete.layout.size
        gradient[:size] += complete.layout.ridge * x[:size]  # the weak prior is no part of the model
        score = np.zeros(size + one.alpha.size)
        score[:size], score[size + np.asarray(places, int)] = gradient[:size], gradient[size:]
        names = (*complete.layout.names, *(f"alpha[{j}]" for j in range(one.alpha.size)))
        found[target.kind] = names, score
    return found


def z_values(structure, model, repeats, simulated_in=None):
    """Standard normal, one for each parameter that there is anything to be learnt about."""
    total = {}
    for seed in range(repeats):
        rows = simulate(structure if simulated_in is None else simulated_in, model, seed).rows
        found = scores(structure, model, rows)
        assert len(found) == len(model.targets)
        for kind, (names, score) in found.items():
            coarse = structure.kinds[kind].precision != "minute"
            for name, value in zip(names, score, strict=True):
                # rows of a cell are read in the stratum of their first moment: near, but not exact
                if not (coarse and (name.startswith("stratum") or name == "propensity")):
                    total.setdefault((kind, name), []).append(value)
    values = {key: np.asarray(value) for key, value in total.items()}
    return {key: v.sum() / np.sqrt((v**2).sum()) for key, v in values.items() if np.any(v)}


def test_without_frailty_after_a_beginning_that_is_not_scored():
    structure = everything(history=6.0, gaps=[{"group": "u2", "start": "2024-03-25", "end": "2024-03-27"}])
    values = z_values(structure, model_of(structure, rate=0.1, echoes=0.06), 40)
    assert len(values) > 200
    assert max(map(abs, values.values())) < 4.5


def test_with_frailty_and_propensity():
    structure = everything()
    model = model_of(structure, rate=0.1, echoes=0.04, variance=0.8)
    endemic = [
        replace(t.endemic, propensity=0.6 * (t.frailty_variance > 0), propensity_shape=0.8) for t in model.targets
    ]
    model = Model(tuple(replace(t, endemic=e) for t, e in zip(model.targets, endemic, strict=True)))
    values = z_values(structure, model, 40)
    assert sum(name == "propensity" for _, name in values) == 2
    assert max(map(abs, values.values())) < 4.5


def test_delayed_kernels_beside_exponential_ones_and_a_delay_taken_for_a_decay():
    structure = everything(history=6.0, half_lives=["delay:5d:3", "6d"])
    values = z_values(structure, model_of(structure, rate=0.1, echoes=0.05), 30)
    assert len(values) > 200
    assert max(map(abs, values.values())) < 4.5
    structure = everything(channels=("self",), kinds=("aggression_physical", "refusal"), half_lives=["delay:5d:1"])
    model = model_of(structure, rate=0.5, echoes=0.3)
    late = replace(structure, choices=replace(structure.choices, kernels=read_kernels(["delay:5d:3"])))
    assert max(map(abs, z_values(structure, model, 30, simulated_in=late).values())) > 4.0


def test_a_decay_that_is_20_percent_wrong_is_seen():
    structure = everything(channels=("self",), kinds=("aggression_physical", "refusal"))
    model = model_of(structure, rate=0.5, echoes=0.25)
    slow = read_kernels((1.2 * structure.choices.kernels.half_lives).tolist())
    wrong = replace(structure, choices=replace(structure.choices, kernels=slow))
    assert max(map(abs, z_values(structure, model, 60).values())) < 4.0
    assert max(map(abs, z_values(structure, model, 60, simulated_in=wrong).values())) > 4.0
