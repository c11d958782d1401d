"""What do three treatments of the trend make of a coupling when a whole organisation is shaken? Writes ``results/trend.md``.

``python verification/trend.py [--runs 200] [--seed 1]``. Each run simulates one organisation of 20 units of 10 persons over a year,
whose endemic rate moves by a factor of its own every five days, and fits it with free stretches of 28 days, with random weeks
around such stretches (the estimate), and with free weeks (the claim). Not pass marks but numbers to choose by.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from antiphon.design import Feature, design_of
from antiphon.design.arrays import unit_structure
from antiphon.design.build import n_periods, with_periods
from antiphon.design.design import Calendar
from antiphon.hawkes import Options, fit_design
from antiphon.inference.intervals import compare_without, make_curve, profile_interval
from antiphon.model import Endemic, Model, TargetModel
from antiphon.simulation import simulate

RESULTS = Path(__file__).parent / "results" / "trend.md"
UNITS, PERSONS, DAYS, HALF_LIFE = 20, 10, 365.0, 3.0
HISTORY_DAYS, SHOCK_DAYS, TREND_DAYS, WEEK = 9.0, 5.0, 28.0, 7.0
RATE, FRAILTY_VARIANCE, OWN = 0.02, 1.0, 0.1
SELF, PEERS = 0, 1
HOWS = ("28 days", "random weeks", "free weeks")


@dataclass(frozen=True)
class Truth:
    """What an agency is simulated from; ``spread`` is the standard deviation of the log shocks."""

    name: str
    spread: float
    peers: float


TRUTHS = (
    Truth("no shocks, no peers", 0.0, 0.0),
    Truth("no shocks, peers .2", 0.0, 0.2),
    Truth("shocks .3, no peers", 0.3, 0.0),
    Truth("shocks .3, peers .2", 0.3, 0.2),
    Truth("shocks .6, no peers", 0.6, 0.0),
    Truth("shocks .6, peers .2", 0.6, 0.2),
)


@dataclass(frozen=True)
class Found:
    """What a fit says of peers; ``in_step`` whether its estimate is two of its standard errors from that of free weeks."""

    estimate: float
    low: float
    high: float
    p: float
    error: float
    shocks: float


def invent(truth: Truth, seed: int):
    structure = unit_structure(np.repeat(np.arange(UNITS), PERSONS), 1, [HALF_LIFE], DAYS, has_frailty=True)
    daily = Calendar(np.arange(DAYS + 1.0), np.zeros(int(DAYS), np.int64), np.zeros(int(DAYS), np.int64), 1)
    choices = replace(structure.choices, history_days=HISTORY_DAYS, period_days=SHOCK_DAYS)
    structure = replace(structure, choices=choices, calendars={"minute": daily})
    shocks = np.random.default_rng(seed).normal(0.0, truth.spread, (1, n_periods(DAYS, SHOCK_DAYS)))
    endemic = Endemic(float(np.log(RATE)), np.zeros(1), np.zeros(7), np.zeros(4), shocks, 0.0)
    columns = (Feature(SELF, 0, 0), Feature(PEERS, 0, 0))
    model = Model((TargetModel(0, endemic, columns, np.array([OWN, truth.peers]), FRAILTY_VARIANCE),))
    return with_periods(design_of(structure, simulate(structure, model, seed).rows), WEEK)


def analyse(design, how: str) -> Found:
    options = Options(trend_days=TREND_DAYS) if how == "random weeks" else Options()
    fit = fit_design(with_periods(design, TREND_DAYS) if how == "28 days" else design, options, threads=1)
    curve = make_curve(fit, 0)
    peers = tuple(j for j, f in enumerate(design.targets[0].columns) if f.channel == PEERS)
    interval = profile_interval(curve, peers)
    p = compare_without(curve, peers).p
    shocks = fit.targets[0].model.shock_variance
    return Found(interval.estimate, interval.low, interval.high, p, interval.standard_error, shocks)


def line(truth: Truth, how: str, runs: dict[str, list[Found]]) -> str:
    mine, strict = runs[how], runs["free weeks"]
    covered = np.mean([run.low <= truth.peers <= run.high for run in mine])
    estimates = np.array([run.estimate for run in mine])
    apart = [abs(a.estimate - b.estimate) > 2.0 * a.error for a, b in zip(mine, strict, strict=True)]
    cells = [
        f"{estimates.mean():.4f}", f"{estimates.std(ddof=1):.4f}", f"{covered:.3f}",
        f"{np.mean([run.p <= 0.05 for run in mine]):.3f}", "" if how == "free weeks" else f"{np.mean(apart):.3f}",
        f"{np.median([run.shocks for run in mine]):.3f}" if how == "random weeks" else "",
    ]  # fmt: skip
    return f"| {truth.name} | {how} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun, lines = time.process_time(), []
    for place, truth in enumerate(TRUTHS):
        runs: dict[str, list[Found]] = {how: [] for how in HOWS}
        for seed in np.random.SeedSequence([arguments.seed, place]).generate_state(arguments.runs):
            design = invent(truth, int(seed))
            for how, found in runs.items():
                found.append(analyse(design, how))
        lines += [line(truth, how, runs) for how in HOWS]
        print(f"{truth.name}: done after {time.process_time() - begun:.0f} s", flush=True)
    RESULTS.write_text(page(arguments, lines, time.process_time() - begun), encoding="utf-8")


def page(arguments: argparse.Namespace, lines: list[str], seconds: float) -> str:
    command = f"python verification/trend.py --runs {arguments.runs} --seed {arguments.seed}"
    rows = "\n".join(lines)
    return f"""# Shocks of a whole organisation: what three treatments of the trend make of a coupling

Made by `{command}` on {dt.datetime.now(dt.UTC).date()}: antiphon {version("antiphon")}, numpy {version("numpy")}, Python
{sys.version.split()[0]}, {seconds:.0f} s of one core, {arguments.runs} runs each. A run simulates {UNITS} units of {PERSONS} persons
of one organisation over {DAYS:.0f} days: own past {OWN} echoes, half-life {HALF_LIFE:.0f} days, frailty variance {FRAILTY_VARIANCE}, {RATE}
endemic events a day, times a log-normal factor that everyone shares and that changes every {SHOCK_DAYS:.0f} days (*shocks*: its standard
deviation on the log).

*28 days*: free stretches of the trend. *Random weeks*: the same stretches with random weeks around them, whose variance is
estimated. *Free weeks*: what claims rest on. Claimed: p of peers at most .05 in that fit. In step: the estimate is more than two of its
standard errors from that of free weeks, so a finding would read "in step with the whole organisation".

| agency | trend | mean echoes | spread | covered | claimed | in step | shock variance |
|---|---|---:|---:|---:|---:|---:|---:|
{rows}
"""


if __name__ == "__main__":
    main()
