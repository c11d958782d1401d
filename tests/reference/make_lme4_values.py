"""Values of logistic regressions with random effects from R's lme4, for tests/unit/test_inference_mixed.py.

Run once where R and lme4 are installed (Debian: r-base-core r-cran-lme4); the values are committed beside this file. The
data are drawn from a seed by ``simulate`` below, which the test imports too, so nothing but numbers is stored.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

CASES = (
    {"name": "one factor, small groups", "rows": 400, "groups": [150], "spreads": [1.2], "seed": 21},
    {"name": "one factor, few large groups", "rows": 600, "groups": [6], "spreads": [0.6], "seed": 22},
    {"name": "two crossed factors", "rows": 6000, "groups": [12, 60], "spreads": [0.7, 0.9], "seed": 23},
)
COEFFICIENTS = (-0.8, 0.6, -0.4)
SCRIPT = """
library(lme4)
d <- read.csv("data.csv")
effects <- paste0("(1 | g", seq_len({n}), ")", collapse = " + ")
control <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.01, rhoend = 1e-9, maxfun = 1e5), tolPwrss = 1e-12)
m <- glmer(as.formula(paste("y ~ x1 + x2 +", effects)), d, binomial, control, nAGQ = {nodes})
spreads <- sapply(seq_len({n}), function(k) attr(VarCorr(m)[[paste0("g", k)]], "stddev"))
curvature <- m@optinfo$derivs$Hessian / 2
errors <- sqrt(diag(solve(curvature[-seq_len({n}), -seq_len({n})])))
cat(format(c(fixef(m), errors, spreads, as.numeric(logLik(m))), digits = 15), sep = "\\n", file = "values.txt")
cat(as.character(packageVersion("lme4")), R.version.string, sep = "\\n", file = "versions.txt")
"""


def simulate(rows: int, groups: list[int], spreads: list[float], seed: int) -> tuple[np.ndarray, np.ndarray, list]:
    """Draw answers, covariates (with a first column of ones) and the group of each row in each factor."""
    generator = np.random.default_rng(seed)
    covariates = np.column_stack([np.ones(rows), generator.normal(size=rows), generator.integers(0, 2, rows)])
    factors = [np.concatenate([np.arange(n), generator.integers(0, n, rows - n)]) for n in groups]
    log_odds = covariates @ np.array(COEFFICIENTS)
    for n, spread, factor in zip(groups, spreads, factors, strict=True):
        log_odds += spread * generator.normal(size=n)[factor]
    answered = (generator.random(rows) < 1.0 / (1.0 + np.exp(-log_odds))).astype(float)
    return answered, covariates, factors


def lme4_values(case: dict) -> dict:
    """Maximum likelihood estimates: 25-point quadrature for one factor, Laplace's method for two.

    Standard errors are those at given spreads.
    """
    drawn = {name: case[name] for name in ("rows", "groups", "spreads", "seed")}
    answered, covariates, factors = simulate(**drawn)
    n = len(factors)
    with tempfile.TemporaryDirectory() as folder:
        header = ",".join(["y", "x1", "x2", *(f"g{k + 1}" for k in range(n))])
        table = np.column_stack([answered, covariates[:, 1:], *factors])
        np.savetxt(Path(folder) / "data.csv", table, fmt="%.17g", delimiter=",", header=header, comments="")
        script = SCRIPT.replace("{n}", str(n)).replace("{nodes}", "25" if n == 1 else "1")
        subprocess.run(["Rscript", "-e", script], cwd=folder, check=True)
        values = [float(line) for line in (Path(folder) / "values.txt").read_text().split()]
        lme4, r = (Path(folder) / "versions.txt").read_text().splitlines()
    return {
        **case,
        "answered": int(answered.sum()),
        "coefficients": values[:3],
        "standard_errors": values[3:6],
        "found_spreads": values[6 : 6 + n],
        "log_likelihood": values[6 + n],
        "lme4": lme4,
        "r": r,
    }


if __name__ == "__main__":
    found = [lme4_values(case) for case in CASES]
    Path(__file__).with_name("lme4_values.json").write_text(json.dumps(found, indent=1) + "\n", encoding="ascii")
