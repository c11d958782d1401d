"""Values of hhh4 and twinSIR from R's surveillance, for tests/unit/test_hawkes_surveillance.py.

Run once where R and the package are installed (Debian: r-base-core r-cran-surveillance); the values are committed beside
this file. The data are drawn from a seed by ``counts`` and ``epidemic`` below, which the test imports too, so nothing but
numbers is stored.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

UNITS, DAYS = 6, 400
PERSONS, WEEKS = 120, 60.0
HHH4 = """
library(surveillance)
y <- as.matrix(read.csv("count.csv", header = FALSE)); x <- as.matrix(read.csv("covariate.csv", header = FALSE))
ring <- abs(outer(1:ncol(y), 1:ncol(y), "-")); ring <- (ring == 1 | ring == ncol(y) - 1) * 1
colnames(y) <- colnames(x) <- colnames(ring) <- rownames(ring) <- paste0("u", seq_len(ncol(y)))
fit <- hhh4(sts(y, neighbourhood = ring), list(
  end = list(f = ~ 1 + x), ar = list(f = ~ 1), ne = list(f = ~ 1, weights = ring), family = "Poisson", data = list(x = x),
  optimizer = list(stop = list(tol = 1e-10, niter = 500), regression = list(method = "nlminb", rel.tol = 1e-12))))
stopifnot(fit$convergence)
places <- c("end.1", "end.x", "ar.1", "ne.1")
values <- c(coef(fit)[places], sqrt(diag(vcov(fit)))[places], as.numeric(logLik(fit)))
"""
TWINSIR = """
library(surveillance)
d <- read.csv("persons.csv"); d$tI[d$tI < 0] <- NA; d$tR[d$tR < 0] <- NA
history <- as.epidata(d, t0 = 0, tE.col = "tI", tI.col = "tI", tR.col = "tR", id.col = "id", coords.cols = c("u", "v"),
  f = list(near = function(u) (u > 0) & (u <= 1)), max.time = {end}, keep.cols = TRUE)
fit <- twinSIR(~ near + cox(z), data = history, optim.args = list(par = c(0.1, -3, 0), control = list(factr = 10, pgtol = 0, maxit = 1000)))
stopifnot(fit$converged)
values <- c(coef(fit)[c("cox(logbaseline)", "cox(z)", "near")], as.numeric(logLik(fit)))
"""
WRITE = """
cat(sprintf("%.16g", values), sep = "\\n", file = "values.txt")
cat(as.character(packageVersion("surveillance")), R.version.string, sep = "\\n", file = "versions.txt")
"""


def ring() -> np.ndarray:
    """Which units are next to each other, (units, units)."""
    apart = np.abs(np.subtract.outer(np.arange(UNITS), np.arange(UNITS)))
    return ((apart == 1) | (apart == UNITS - 1)).astype(float)


def counts(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw daily counts of units in a ring, and a covariate: both (days, units)."""
    generator = np.random.default_rng(seed)
    covariate = generator.normal(size=(DAYS // 10, UNITS)).repeat(10, axis=0)
    count = np.zeros((DAYS, UNITS), np.int64)
    for day in range(1, DAYS):
        echo = 0.35 * count[day - 1] + 0.1 * ring() @ count[day - 1]
        count[day] = generator.poisson(np.exp(-0.5 + 0.4 * covariate[day]) + echo)
    return count, covariate


def epidemic(seed: int) -> dict[str, np.ndarray]:
    """Draw an epidemic in the plane, exactly: every rate is constant until someone falls ill or gets well.

    Returns places (persons, 2), a covariate, and times of falling ill and of getting well (infinite: not until the end).
    """
    generator = np.random.default_rng(seed)
    place, covariate = generator.uniform(0.0, 6.0, (PERSONS, 2)), generator.normal(size=PERSONS)
    apart = np.linalg.norm(place[:, None] - place, axis=2)
    near = (apart > 0.0) & (apart <= 1.0)
    ill, well = np.full(PERSONS, np.inf), np.full(PERSONS, np.inf)
    now = 0.0
    while now < WEEKS:
        is_ill = (ill <= now) & (now < well)
        rate = np.where(ill > now, np.exp(-5.0 + 0.6 * covariate) + 0.06 * near @ is_ill, 0.0)
        wait = generator.exponential(1.0 / max(rate.sum(), 1e-12))
        next_well = well[is_ill].min(initial=np.inf)
        if min(now + wait, next_well) >= WEEKS:
            break
        if next_well <= now + wait:
            now = next_well
            continue
        now += wait
        person = generator.choice(PERSONS, p=rate / rate.sum())
        ill[person], well[person] = now, now + generator.uniform(3.0, 9.0)
    return {"place": place, "covariate": covariate, "ill": ill, "well": well, "near": near}


def run(script: str, tables: dict[str, tuple[str, np.ndarray]]) -> tuple[list[float], dict]:
    """Write the tables, run the script, and read its values and versions."""
    with tempfile.TemporaryDirectory() as folder:
        for name, (header, table) in tables.items():
            np.savetxt(Path(folder) / name, table, fmt="%.17g", delimiter=",", header=header, comments="")
        subprocess.run(["Rscript", "-e", script + WRITE], cwd=folder, check=True)
        surveillance, r = (Path(folder) / "versions.txt").read_text().splitlines()
        values = [float(line) for line in (Path(folder) / "values.txt").read_text().split()]
    return values, {"surveillance": surveillance, "r": r}


def hhh4_values(seed: int) -> dict:
    """Endemic log-linear part, autoregression and neighbours, Poisson."""
    count, covariate = counts(seed)
    values, versions = run(HHH4, {"count.csv": ("", count), "covariate.csv": ("", covariate)})
    return {
        "seed": seed, "events": int(count[1:].sum()), "endemic": values[:2], "echoes": np.exp(values[2:4]).tolist(),
        "standard_errors": [*values[4:6], *(np.exp(values[2:4]) * values[6:8])], "log_likelihood": values[8], **versions,
    }  # fmt: skip


def twinsir_values(seed: int) -> dict:
    """Endemic Cox part and number of the ill nearby."""
    drawn = epidemic(seed)
    times = [np.where(np.isfinite(drawn[name]), drawn[name], -1.0) for name in ("ill", "well")]
    table = np.column_stack([np.arange(PERSONS), *times, drawn["place"], drawn["covariate"]])
    values, versions = run(TWINSIR.replace("{end}", str(WEEKS)), {"persons.csv": ("id,tI,tR,u,v,z", table)})
    return {
        "seed": seed, "events": int(np.isfinite(drawn["ill"]).sum()), "endemic": values[:2], "echoes": values[2:3],
        "log_likelihood": values[3], **versions,
    }  # fmt: skip


if __name__ == "__main__":
    found = {"hhh4": hhh4_values(41), "twinSIR": twinsir_values(42)}
    Path(__file__).with_name("surveillance_values.json").write_text(
        json.dumps(found, indent=1) + "\n", encoding="ascii"
    )
