"""Values of Poisson regressions from statsmodels, for tests/unit/test_hawkes_statsmodels.py.

Run once in an environment of its own (requirements.txt beside this file); the values are committed beside this file. The data are drawn
from a seed by ``simulate`` below, which the test imports too, so nothing but numbers is stored.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

CASES = (
    {"name": "one organisation, no ridge", "organisations": 1, "period_days": 140.0, "is_ridged": False, "seed": 31},
    {"name": "three organisations, weak ridge", "organisations": 3, "period_days": 28.0, "is_ridged": True, "seed": 32},
)
DAYS, PERSONS, SETTLING = 140, 90, 14
EFFECTS = (-1.6, 0.5, -0.4)
RIDGE = {"levels": 1.0 / 5.0**2, "periods": 1.0 / 2.0**2}
"""Precision of the weak priors, as docs/method/estimation.md states them."""


def simulate(organisations: int, seed: int) -> dict[str, np.ndarray]:
    """Draw counts of persons on the days of their stays.

    A covariate of the person, one that every organisation takes up in two steps, weekdays, and the first two weeks of a
    stay raise or lower them.
    """
    generator = np.random.default_rng(seed)
    begin = generator.integers(0, DAYS - 30, PERSONS)
    length = np.minimum(generator.integers(20, DAYS, PERSONS), DAYS - begin)
    person = np.repeat(np.arange(PERSONS), length)
    day = np.concatenate([np.arange(b, b + n) for b, n in zip(begin, length, strict=True)])
    attribute = generator.integers(0, 2, PERSONS)[person]
    group = person % organisations
    step = 30 + 15 * group
    practice = 0.5 * (day >= step) + 0.5 * (day >= step + 30)
    stratum = (day - begin[person] >= SETTLING).astype(np.int64)
    covariates = np.column_stack([attribute, practice]).astype(float)
    level = EFFECTS[0] + covariates @ EFFECTS[1:] + 0.3 * (stratum == 0) + 0.1 * np.cos(day % 7)
    level += 0.2 * generator.normal(size=(organisations, DAYS // 28))[group, day // 28]
    return {
        "person": person, "day": day, "group": group, "stratum": stratum, "weekday": day % 7,
        "covariates": covariates, "count": generator.poisson(np.exp(level)),
    }  # fmt: skip


def matrix(cells: dict[str, np.ndarray], period_days: float) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the regression and the precision of their priors; a level with most days is the reference."""
    columns, precision = [np.ones(cells["day"].size)], [0.0]
    for code in (cells["weekday"], cells["stratum"]):
        levels = np.bincount(code)
        columns += [code == level for level in range(levels.size) if level != np.argmax(levels)]
    columns += list(cells["covariates"].T)
    precision += [RIDGE["levels"]] * (len(columns) - 1)
    n_periods = round(DAYS / period_days)
    period = cells["group"] * n_periods + (cells["day"] // period_days).astype(int)
    if np.unique(period).size > 1:
        columns += [period == level for level in np.unique(period)]
    precision += [RIDGE["periods"]] * (len(columns) - len(precision))
    return np.column_stack(columns).astype(float), np.array(precision)


def statsmodels_values(case: dict) -> dict:
    """Estimates, standard errors and log likelihood; with the ridge by Newton steps on statsmodels' derivatives."""
    import statsmodels
    import statsmodels.api as sm

    cells = simulate(case["organisations"], case["seed"])
    columns, precision = matrix(cells, case["period_days"])
    model = sm.GLM(cells["count"], columns, family=sm.families.Poisson())
    if case["is_ridged"]:
        estimates = np.append(np.log(cells["count"].mean()), np.zeros(columns.shape[1] - 1))
        for _ in range(50):
            information = np.diag(precision) - model.hessian(estimates)
            estimates = estimates + np.linalg.solve(information, model.score(estimates) - precision * estimates)
        errors = np.sqrt(np.diag(np.linalg.inv(np.diag(precision) - model.hessian(estimates))))
    else:
        found = model.fit(tol=1e-14, maxiter=200)
        estimates, errors = found.params, found.bse
    return {
        **case,
        "events": int(cells["count"].sum()),
        "estimates": estimates.tolist(),
        "standard_errors": errors.tolist(),
        "log_likelihood": float(model.loglike(estimates)),
        "statsmodels": statsmodels.__version__,
    }


if __name__ == "__main__":
    values = [statsmodels_values(case) for case in CASES]
    Path(__file__).with_name("statsmodels_values.json").write_text(
        json.dumps(values, indent=1) + "\n", encoding="ascii"
    )
