"""Do the intervals of what is answered inside incidents hold what they promise? Writes ``results/responses.md``.

``python verification/responses.py [--runs 200] [--seed 1]``. Each run invents the incidents of one agency from a logistic
model with random effects of unit and person, and reads them as an analysis does: which covariates enter, share, odds and
odds ratios with their intervals, the correction for the number of tests. Pass marks: coverage of 95 % intervals between 92
and 98 %, and not more than 5 % false claims, each widened by two Monte Carlo standard errors.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.special import expit

from antiphon.design.design import Kind
from antiphon.inference import mixed
from antiphon.inference.mixed import Answers, estimate_mixed
from antiphon.resonance.happened import Happened
from antiphon.resonance.responses import MEDIAN_RATIO, responses
from antiphon.resonance.surroundings import Surroundings

RESULTS = Path(__file__).parent / "results" / "responses.md"
FIRST, SECOND = (
    Kind(name, "client", "minute", terminal=False, while_="present") for name in ("aggression", "restraint")
)
SHIFTS, ROLES = ("07:00", "15:00", "23:00"), ("client", "staff")
SHIFT_SHARES = (0.37, 0.55, 0.08)
THRESHOLDS = {"client": 11, "staff": 10}
INDEPENDENT = "odds, without units and persons"
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(61)


@dataclass(frozen=True)
class Truth:
    """What an agency is invented from; effects are log odds ratios."""

    name: str
    units: int
    persons: int
    incidents: int
    base: float
    unit_spread: float
    person_spread: float
    time: float = 0.0
    day: float = 0.0  # the shift from 07:00, against 15:00
    staffing: float = 0.0  # per doubling of staff per client
    practice: float = 0.0
    at_staff: float = 0.0


EFFECTS = {"time": 0.6, "day": -0.5, "staffing": -0.4, "practice": -0.7, "at_staff": 0.6}
TRUTHS = (
    Truth("4 units, 100 persons, 300 incidents", 4, 100, 300, -0.5, 0.4, 0.8, **EFFECTS),
    Truth("4 units much apart, 300 incidents", 4, 100, 300, -0.5, 1.2, 0.8, **EFFECTS),
    Truth("20 units, 400 persons, 1,200 incidents", 20, 400, 1200, -0.5, 0.5, 1.0, **EFFECTS),
    Truth("20 units, 1,200 incidents, few answered", 20, 400, 1200, -3.0, 0.5, 1.0, **EFFECTS),
    Truth("4 units, 300 incidents, answers alike", 4, 100, 300, -0.5, 0.4, 0.8),
    Truth("20 units, 1,200 incidents, answers alike", 20, 400, 1200, -0.5, 0.5, 1.0),
)


@dataclass(frozen=True)
class World:
    """One invented agency: rows and surroundings as an analysis has them, and what is true of it."""

    joined: Happened
    around: Surroundings
    truths: dict[str, float]


def invent(truth: Truth, random: np.random.Generator) -> World:
    n = truth.incidents
    home = random.integers(0, truth.units, truth.persons)
    person = random.choice(truth.persons, n, p=random.dirichlet(np.full(truth.persons, 0.8)))
    unit = np.where(random.random(n) < 0.1, random.integers(0, truth.units, n), home[person])
    moment = np.sort(random.random(n))
    shift = random.choice(3, n, p=SHIFT_SHARES)
    usual = random.normal(-1.6, 0.4, truth.units)
    staffing = usual[unit] - 0.6 * (shift == 2) + random.normal(0.0, 0.35, n)
    begins = np.where(np.arange(truth.units) % 2, random.uniform(0.3, 0.7, truth.units), 2.0)
    dose = (moment > begins[unit]).astype(float)
    at_staff = random.integers(0, 2, n)

    units = random.normal(0.0, truth.unit_spread, truth.units)
    persons = random.normal(0.0, truth.person_spread, truth.persons)
    fixed = (
        truth.base + truth.time * moment + truth.day * (shift == 0) + truth.practice * dose + truth.at_staff * at_staff
    )
    fixed += truth.staffing * (staffing - usual[unit])
    answered = random.random(n) < expit(fixed + units[unit] + persons[person])

    rows = np.concatenate([np.arange(n), np.flatnonzero(answered)])
    kind = np.repeat([0, 1], [n, int(answered.sum())])
    target = 10_000 * (1 + at_staff) + random.integers(0, 60, n)
    time_, yes = moment[rows] * 730.0, np.ones(rows.size, dtype=bool)
    joined = Happened(rows, kind, person[rows], unit[rows], target[rows], time_, time_, yes)
    around = Surroundings(
        moment[rows],
        shift[rows],
        SHIFTS,
        staffing[rows],
        {"debriefing": dose[rows]},
        target[rows],
        at_staff[rows],
        ROLES,
    )
    return World(joined, around, _truths(truth, fixed, units[unit], unit, dose, shift, moment, at_staff))


def _truths(truth, fixed, of_unit, unit, dose, shift, moment, at_staff) -> dict[str, float]:
    """The share is that of new persons, in these units where they are few; odds are those of a typical unit and person.

    Staffing and practices are measured from what is usual in each unit, so a typical unit has what is usual there.
    """
    few = truth.units < 10
    spread = truth.person_spread if few else np.hypot(truth.unit_spread, truth.person_spread)
    log_odds = (fixed + (of_unit if few else 0.0))[:, None] + spread * NODES
    usual_dose = np.mean([dose[unit == u].mean() for u in np.unique(unit)])
    centre = truth.base + truth.time * moment.mean() + truth.day * np.mean(shift == 0)
    centre += truth.practice * usual_dose + truth.at_staff * at_staff.mean()
    logs = {
        "odds": centre, "time": truth.time, "shift": truth.day, "staffing": truth.staffing, "practice": truth.practice,
        "directed at": truth.at_staff, "unit": MEDIAN_RATIO * truth.unit_spread,
        "person": MEDIAN_RATIO * truth.person_spread,
    }  # fmt: skip
    share = float(np.mean(expit(log_odds) @ (WEIGHTS / WEIGHTS.sum())))
    return {"share": share} | {name: float(np.exp(value)) for name, value in logs.items()}


@dataclass(frozen=True)
class Found:
    """One estimate with its interval beside the truth."""

    what: str
    truth: float
    estimate: float
    low: float
    high: float
    p: float | None = None
    q: float | None = None


def independent(world: World) -> tuple[float, float, float]:
    """Odds as if every incident were by itself: a counter-example."""
    kind, incident = world.joined.kind, world.joined.incident
    answered = np.isin(incident[kind == 0], incident[kind == 1]).astype(float)
    found = estimate_mixed(Answers(answered, np.ones((answered.size, 1)), ()))
    if found is None:
        raise RuntimeError("both answers occur, so there are odds")
    return float(np.exp(found.estimate[0])), float(np.exp(found.low[0])), float(np.exp(found.high[0]))


def analyse(world: World) -> list[Found]:
    nothing = np.empty(0, dtype=np.int64)
    nobody = Happened(*(nothing for _ in range(5)), np.empty(0), np.empty(0), np.empty(0, dtype=bool))
    table, contrasts = responses(world.joined, nobody, (FIRST, SECOND), world.around, THRESHOLDS)
    pair = {"first_kind": "aggression", "second_kind": "restraint"}
    row = table.filter(**pair).row(0, named=True)
    found = [Found("share", world.truths["share"], row["share"], row["low"], row["high"])]
    if row["odds"] is not None:
        found.append(Found("odds", world.truths["odds"], row["odds"], row["odds_low"], row["odds_high"]))
    for row in contrasts.filter(**pair).iter_rows(named=True):
        what, ratio = row["differs_by"], (row["odds_ratio"], row["low"], row["high"])
        if what == "shift" and (row["level"], row["against"]) not in {("07:00", "15:00"), ("07:00", "others")}:
            continue  # the other two shifts are alike, so that others is as good as 15:00
        if what == "directed at" and row["level"] == "client":
            ratio = (1.0 / ratio[0], 1.0 / ratio[2], 1.0 / ratio[1])
        found.append(Found(what, world.truths[what], *ratio, row["p"], row["q"]))
    found.append(Found(INDEPENDENT, world.truths["odds"], *independent(world)))
    return found


def moved_by_nodes(truth: Truth, seed: int, runs: int = 40) -> float:
    """How far limits move with nine nodes per spread instead of ours: the largest, as a part of the interval's width."""
    ours, moved = mixed.SPREAD_NODES, []
    for stream in np.random.SeedSequence([seed, 99]).spawn(runs):
        world = invent(truth, np.random.default_rng(stream))
        sets = []
        for mixed.SPREAD_NODES in (ours, 9):
            sets.append(
                [np.log([row.low, row.high]) for row in analyse(world) if row.p is not None or row.what == "odds"]
            )
        moved += [np.abs(one - other).max() / (other[1] - other[0]) for one, other in zip(*sets, strict=True)]
    mixed.SPREAD_NODES = ours
    return float(np.max(moved))


def summary(truth: Truth, runs: list[list[Found]]) -> list[str]:
    by_name: dict[str, list[Found]] = {}
    for run in runs:
        for found in run:
            by_name.setdefault(found.what, []).append(found)
    lines = []
    for what, rows in by_name.items():
        covered = np.mean([row.low <= row.truth <= row.high for row in rows])
        centre, middle = (np.median([getattr(row, name) for row in rows]) for name in ("truth", "estimate"))
        width = np.median([row.high / max(row.low, 1e-12) if what != "share" else row.high - row.low for row in rows])
        claims = ""
        if rows[0].p is not None:
            claims = f"{np.mean([row.p < 0.05 for row in rows]):.3f}"
        mark = _coverage_mark(float(covered), len(rows)) if what != INDEPENDENT else "counter-example"
        lines.append(
            f"| {truth.name} | {what} | {len(rows)} | {centre:.3f} | {middle:.3f} | {width:.3g} | {covered:.3f} | {claims} | {mark} |"
        )
    return lines


def _coverage_mark(covered: float, n: int) -> str:
    low, high = (share + sign * 2 * np.sqrt(share * (1 - share) / n) for share, sign in ((0.92, -1), (0.98, 1)))
    if covered > high:
        return "wider than promised"
    return "pass" if covered >= low else "**fail**"


def false_claims(truth: Truth, runs: list[list[Found]]) -> str:
    any_ = np.mean([any(row.q is not None and row.q <= 0.05 for row in run) for run in runs])
    limit = 0.05 + 2 * np.sqrt(0.05 * 0.95 / len(runs))
    return f"| {truth.name} | {any_:.3f} | {'pass' if any_ <= limit else '**fail**'} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun, lines, claims = time.process_time(), [], []
    for place, truth in enumerate(TRUTHS):
        streams = np.random.SeedSequence([arguments.seed, place]).spawn(arguments.runs)
        runs = [analyse(invent(truth, np.random.default_rng(stream))) for stream in streams]
        lines += summary(truth, runs)
        if not any(getattr(truth, name) for name in EFFECTS):
            claims.append(false_claims(truth, runs))
        print(f"{truth.name}: done after {time.process_time() - begun:.0f} s", flush=True)
    moved = [f"| {truth.name} | {moved_by_nodes(truth, arguments.seed):.4f} |" for truth in TRUTHS[:4]]
    RESULTS.write_text(page(arguments, (lines, claims, moved), time.process_time() - begun), encoding="utf-8")


def page(arguments: argparse.Namespace, tables: tuple[list[str], ...], seconds: float) -> str:
    lines, claims, moved = ("\n".join(table) for table in tables)
    command = f"python verification/responses.py --runs {arguments.runs} --seed {arguments.seed}"
    return f"""# What is answered inside incidents: do the intervals hold?

Made by `{command}` on {dt.datetime.now(dt.UTC).date()}: antiphon {version("antiphon")}, numpy {version("numpy")}, Python
{sys.version.split()[0]}, {seconds:.0f} s of one core. Each run invents one agency's incidents and reads them as an analysis does.

Truth and estimate are medians over the runs in which the covariate entered (it needs ten answered and ten unanswered
incidents, and enough persons). Width: of the share the length of the interval, otherwise its upper end over its lower.
Pass: coverage of the 95 % intervals between 92 and 98 %, widened by two Monte Carlo standard errors. *Unit* and *person* are
median odds ratios; their interval leans on a prior where the records say little. The counter-example takes incidents as
independent of each other.

| agency | what | runs | truth | estimate | width | coverage | p under .05 | |
|---|---|---:|---:|---:|---:|---:|---:|---|
{lines}

Agencies in which answers are alike whatever surrounds them: share with any difference claimed (q at most .05). Pass: at
most 5 %, widened by two Monte Carlo standard errors.

| agency | any false claim | |
|---|---:|---|
{claims}

Nodes over which each spread is integrated: the largest move of a limit of odds or an odds ratio, in widths of the interval,
if nine are taken instead of {mixed.SPREAD_NODES} (40 agencies each).

| agency | largest move |
|---|---:|
{moved}
"""


if __name__ == "__main__":
    main()
