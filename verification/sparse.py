"""Sparse data: 12 kinds at 5 levels and about 2,000 events. Writes ``results/sparse.md``.

``python verification/sparse.py [--runs 100] [--seed 1]``. Each run invents one organisation of 20 units over a year, simulates it
exactly, and tests couplings of kinds and, where these are too few, couplings of domains, as an analysis does.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from agencies import CHANNELS, DAYS, LIVES, PERIOD_DAYS, SHIFTS, START, UNITS, Nature, _populate
from study import PARTIAL, RESULTS, STATE, share

from antiphon.design.build import design_of, usual_history
from antiphon.design.clock import local_calendar
from antiphon.design.delays import read_kernels
from antiphon.design.design import Channel, Feature, Kind
from antiphon.design.risk import GROUP_STRATA
from antiphon.design.roster import Attendance, make_roster
from antiphon.design.spells import spells
from antiphon.design.structure import Choices, Structure, keys_of
from antiphon.hawkes import fit_design
from antiphon.hawkes.fit import FitStatus
from antiphon.inference.claims import LEVEL, correct, table_of_tests
from antiphon.inference.fallback import JOIN, fallback
from antiphon.inference.penalty import choose_penalty
from antiphon.inference.power import detectable
from antiphon.inference.procedure import Read, claim_fit, couplings_of, framework_domains, read_by_domain, test_all
from antiphon.model.parameters import Endemic, Model, TargetModel
from antiphon.simulation import simulate

if TYPE_CHECKING:
    from antiphon.design.design import Design
    from antiphon.hawkes.fit import Fit
    from antiphon.inference.claims import Row

# kind: role, events per day at risk
KINDS = {
    "aggression_verbal": ("client", 0.0115),
    "aggression_physical": ("client", 0.0016),
    "aggression_property": ("client", 0.0012),
    "self_harm": ("client", 0.0012),
    "restraint": ("client", 0.0008),
    "seclusion": ("client", 0.0006),
    "absence_unscheduled": ("staff", 0.024),
    "staff_injury": ("staff", 0.0008),
    "staff_threatened": ("staff", 0.0008),
    "lock_down": ("unit", 0.006),
    "policy_change": ("organisation", 0.04),
    "audit": ("environment", 0.03),
}
NAMES = tuple(KINDS)
MORE = (
    Channel("members", "organisation", "unit", "organisation"),
    Channel("members", "organisation", "staff", "organisation"),
    Channel("group", "organisation", "organisation", "staff"),
    Channel("group", "environment", "environment", "organisation"),
)
WAYS = tuple(channel for channel in CHANNELS if channel.how != "tie") + MORE
COERCION, HURT = ("restraint", "seclusion"), ("staff_injury", "staff_threatened")
TO_STAFF = "peers:unit:client>staff"
WHOLE = [TO_STAFF, JOIN.join(COERCION), JOIN.join(HURT)]
SHRUNK = "nothing"
"""The agencies of which the penalised fit is looked at too; it takes as long as all the rest."""


@dataclass(frozen=True)
class Truth:
    """What an agency is like; echoes of 3 days as (channel, source, target, size)."""

    words: str
    nature: Nature
    echoes: tuple[tuple[str, str, str, float], ...] = ()


def _each(size: float) -> tuple[tuple[str, str, str, float], ...]:
    return tuple((TO_STAFF, source, target, size) for source in COERCION for target in HURT)


TRUTHS = {
    "nothing": Truth("no echo", Nature()),
    "nothing, frailty shared": Truth("no echo; one frailty for all kinds of a person", Nature(frailty_is_shared=True)),
    "nothing, units differ": Truth("no echo; a frailty of units as well, variance .3", Nature(unit_frailty=0.3)),
    "even echoes": Truth(
        "restraint and seclusion each echo in injuries and in threats to staff of the unit, .15 each",
        Nature(),
        _each(0.15),
    ),
    "an uneven echo": Truth(
        "of these four restraint echoes in injuries alone, .3",
        Nature(),
        ((TO_STAFF, "restraint", "staff_injury", 0.3),),
    ),
}


def invent(truth: Truth, seed: int) -> Design:
    """Invent one agency and read it as the estimator does."""
    dice = np.random.default_rng([seed, 20261124, 12])
    people = _populate(truth.nature, dice)
    world = len(people.role)
    role = np.asarray([*people.role, "environment"])
    rows = [(u, UNITS, -np.inf, np.inf) for u in range(UNITS)] + [(UNITS, world, -np.inf, np.inf)]
    rows += [(i, unit, start, end) for i, pieces in enumerate(people.pieces) for start, end, unit in pieces]
    owner, group, start, end = (np.asarray(column) for column in zip(*rows, strict=True))
    stays = spells(owner.astype(np.int64), group.astype(np.int64), start.astype(float), end.astype(float), world + 1)
    none = np.empty(0, np.int64)
    nobody = Attendance(none, none, np.empty(0), np.empty(0), np.empty(0, bool))
    level = np.where(np.isin(role, ("client", "staff")), "person", role)
    levels = ("environment", "organisation", "unit", "person")
    roster = make_roster(role, level, levels, np.zeros(world + 1, bool), stays, nobody, {}, float(DAYS))
    kinds = tuple(Kind(name, who, "minute", terminal=False, while_="present") for name, (who, _) in KINDS.items())
    calendar = local_calendar(START, START + dt.timedelta(days=DAYS), dt.UTC, list(SHIFTS))
    kernels = read_kernels(LIVES)
    choices = Choices(WAYS, kernels, usual_history(kernels, DAYS), PERIOD_DAYS)
    structure = Structure(roster, kinds, {"minute": calendar}, (), choices, keys_of(range(world + 1)))
    return design_of(structure, simulate(structure, _model(truth), seed, frailty=_frailties(truth, people, dice)).rows)


def _frailties(truth: Truth, people: object, dice: np.random.Generator) -> dict[int, np.ndarray]:
    """Factors of persons by kind, times those of the unit that each is in."""
    variance, n = truth.nature.frailty, len(people.role) + 1
    shared = dice.gamma(1.0 / variance, variance, n)
    is_person = np.asarray([*(who in ("client", "staff") for who in people.role), False])
    unit = np.asarray([int(pieces[0][2]) if pieces else 0 for pieces in people.pieces] + [0])
    spread = truth.nature.unit_frailty
    found = {}
    for k in range(len(KINDS)):
        own = shared if truth.nature.frailty_is_shared else dice.gamma(1.0 / variance, variance, n)
        of_units = dice.gamma(1.0 / spread, spread, UNITS) if spread else np.ones(UNITS)
        found[k] = np.where(is_person, own * of_units[unit], 1.0)
    return found


def _model(truth: Truth) -> Model:
    n_periods = int(np.ceil(DAYS / PERIOD_DAYS))
    names = [channel.name for channel in WAYS]
    targets = []
    for k, (role, rate) in enumerate(KINDS.values()):
        strata = np.zeros(4 if role in ("client", "staff") else len(GROUP_STRATA))
        endemic = Endemic(float(np.log(rate)), np.zeros(3), np.zeros(7), strata, np.zeros((1, n_periods)), 0.0)
        mine = [echo for echo in truth.echoes if echo[2] == NAMES[k]]
        columns = tuple(Feature(names.index(channel), NAMES.index(source), 1) for channel, source, _, _ in mine)
        targets.append(TargetModel(k, endemic, columns, np.asarray([size for *_, size in mine]), 0.0))
    return Model(tuple(targets))


def analyse(name: str, seed: int) -> dict:
    """Invent an agency, and test it as `infer` does, without report, ladder, controls and diagnostics."""
    begun = time.process_time()
    truth = TRUTHS[name]
    design = invent(truth, seed)
    domains = framework_domains(design)
    fit = fit_design(design, threads=1)
    rows = table_of_tests(design)
    strict = claim_fit(fit, threads=1) if any(not row.label for row in rows) else None
    reading = Read(fit, fit, fit, strict, rows, test_all(fit, strict, rows, plain=fit, seed=seed, threads=1)[0])
    before = time.process_time()
    instead = fallback(design, rows, domains)
    joined = read_by_domain(instead, fit, seed=seed, threads=1) if instead is not None else None
    added = time.process_time() - before
    p = np.concatenate([one.p for one in (reading, joined) if one is not None])
    q, _ = correct(design, rows, p, domains, instead)
    true = {echo[:3] for echo in truth.echoes}
    by_kind = [_line(design, row, one, true) for row, one in zip(rows, q, strict=False)]
    found = {
        "study": name,
        "seed": seed,
        "events": int(sum(target.count.sum() for target in design.targets)),
        "too_few": sum(row.label == "too few" for row in rows),
        "slow": sum(one.status is FitStatus.SLOW for one in fit.targets),
        "echoes": [_echo_share(fit), _echo_share(_shrunk(fit))] if name == SHRUNK else [],
        "kinds": [line for line in by_kind if line["claimed"]],
        "domains": [],
        "tests": [sum(not row.label for row in rows), 0],
    }
    if instead is not None and joined is not None:
        couplings = couplings_of(joined, q[len(rows) :])
        smallest = detectable(joined.fit, couplings)["smallest"].to_list()
        for row, coupling, least in zip(instead.rows, couplings, smallest, strict=True):
            line = _line(instead.design, row, coupling.q, true)
            numbers = {name: getattr(coupling, name) for name in ("label", "p", "echoes", "low", "high")}
            found["domains"].append(line | numbers | {"least": least})
        found["tests"][1] = sum(not row.label for row in instead.rows)
    return found | {"added": round(added, 2), "seconds": round(time.process_time() - begun, 2)}


def _line(design: Design, row: Row, q: float, true: set) -> dict:
    channel = design.channels[row.channel].name
    source, target = design.kinds[row.source_kind].name, design.kinds[design.targets[row.target].kind].name
    pairs = {(channel, one, other) for one in source.split(JOIN) for other in target.split(JOIN)}
    claimed = bool(not row.label and q <= LEVEL)
    return {"key": [channel, source, target], "claimed": claimed, "true": bool(pairs & true), "label": row.label}


def _shrunk(fit: Fit) -> Fit:
    strength, _ = choose_penalty(fit, threads=1)
    return fit_design(fit.design, replace(fit.options, penalty=strength), start=fit, threads=1) if strength else fit


def _echo_share(fit: Fit) -> float:
    """Echoes that a fit expects, per event."""
    echoes = sum(
        float(target.compensator.sum(axis=0) @ one.model.alpha)
        for target, one in zip(fit.design.targets, fit.targets, strict=True)
    )
    return echoes / sum(int(target.count.sum()) for target in fit.design.targets)


def run(runs: int, first: int) -> dict[str, list[dict]]:
    """Run every study until each has its number of agencies; what is on disk is not run again."""
    PARTIAL.mkdir(exist_ok=True)
    path = PARTIAL / f"sparse-{STATE}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    done = {(one["study"], one["seed"]): one for one in map(json.loads, lines)}
    wanted = [(name, first + number) for number in range(runs) for name in TRUTHS]
    with path.open("a", encoding="utf-8") as file:
        for name, seed in wanted:
            if (name, seed) not in done:
                done[name, seed] = analyse(name, seed)
                file.write(json.dumps(done[name, seed]) + "\n")
                file.flush()
    return {name: [done[key] for key in wanted if key[0] == name] for name in TRUTHS}


def _false(agency: dict) -> tuple[int, int]:
    """False claims of kinds and of domains."""
    return tuple(sum(one["claimed"] and not one["true"] for one in agency[name]) for name in ("kinds", "domains"))


def _claims(name: str, agencies: list[dict]) -> str:
    n = len(agencies)
    wrong = np.asarray([_false(one) for one in agencies])
    tests = np.mean([one["tests"] for one in agencies], axis=0)
    p = [row["p"] for one in agencies for row in one["domains"] if not row["label"] and not row["true"]]
    cells = [
        name, TRUTHS[name].words, str(n), f"{np.mean([one['events'] for one in agencies]):,.0f}",
        f"{np.mean([one['too_few'] for one in agencies]):.0f}", f"{tests[0]:.0f} + {tests[1]:.0f}",
        share(int((wrong.sum(axis=1) > 0).sum()), n), share(int((wrong[:, 1] > 0).sum()), n),
        share(sum(value <= 0.05 for value in p), max(len(p), 1)), str(sum(one["slow"] for one in agencies)),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _found(name: str, agencies: list[dict]) -> str:
    n = len(agencies)
    total = sum(size for *_, size in TRUTHS[name].echoes)
    rows = [row for one in agencies for row in one["domains"] if row["key"] == WHOLE]
    of_kinds = sum(any(row["claimed"] and row["true"] for row in one["kinds"]) for one in agencies)
    asked = len(rows)
    least = [row["least"] for row in rows if row["least"] is not None]
    cells = [
        name, f"{asked} of {n}", share(sum(row["p"] <= 0.05 for row in rows), max(asked, 1)),
        share(sum(row["claimed"] for row in rows), n), share(of_kinds, n),
        f"{np.mean([row['echoes'] for row in rows]):.3f}" if rows else "-",
        f"{np.median(least):.3f}" if least else "-",
    ]  # fmt: skip
    if name.startswith("even"):
        cells.append(
            f"{total / 2:g}; {share(sum(row['low'] <= total / 2 <= row['high'] for row in rows), max(asked, 1))}"
        )
    else:
        cells.append("depends on how often each kind happens")
    return f"| {' | '.join(cells)} |"


def page(found: dict[str, list[dict]], made: str) -> str:
    echoes = np.asarray([one["echoes"] for one in found[SHRUNK]])
    joined = {
        row["key"][side] for agencies in found.values() for one in agencies for row in one["domains"] for side in (1, 2)
    }
    names = ", ".join(sorted(name.replace(JOIN, " + ") for name in joined if JOIN in name))
    seconds = [one["added"] for agencies in found.values() for one in agencies]
    return f"""# Sparse data: 12 kinds at 5 levels and 2,000 events

{made}

Each run invents one organisation of 20 units (8 clients and 5 staff in each, mean stay 200 days, frailty variance 1.5) over one
year: 12 kinds of clients, staff, units, the organisation and the world around it, half-lives of 8 hours, 3 days and 3 weeks.
Couplings of kinds with fewer than 10 expected pairs are "too few"; where all couplings of two domains are, and together are
enough, one coupling of the domains is tested instead. All tests are corrected together. Controls (which can only take claims
away), ladder and report are left out.

## What is claimed that is not there

Shares of agencies in per cent, with Monte Carlo standard errors. Tests: of kinds + of domains, on average. Single tests: p-values
up to .05 among couplings of domains without echo, before correction. Slow: fits of a kind that stopped before their optimum.

| agencies | what they are like | n | scored events | too few | tests | any false claim | of domains | single tests | slow |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|
{chr(10).join(_claims(name, agencies) for name, agencies in found.items())}

## What is found

The coupling of domains from {" + ".join(COERCION)} to {" + ".join(HURT)}: in how many agencies it was asked about, how often its p was up to
.05 where it was, how often it was claimed after correction (of all agencies) and how often any of the four couplings of kinds
was, its mean estimate, the median of the smallest coupling that the records were said to show with 80 % probability (alone, at
5 %), and the coverage of its interval.

| agencies | asked | p up to .05 | claimed | kinds claimed | estimate | smallest shown | true; covered |
|---|---:|---:|---:|---:|---:|---:|---|
{chr(10).join(_found(name, agencies) for name, agencies in found.items() if TRUTHS[name].echoes)}

## Shrunk

Where there is no echo the unpenalised fit has {echoes[:, 0].mean():.2f} echoes per event on average (at most {echoes[:, 0].max():.2f}): with so many couplings and none below zero
this is what noise gives. The penalised fit, which is what pictures, attribution and forecasts rest on, has {echoes[:, 1].mean():.3f} (at most {echoes[:, 1].max():.3f}).

Kinds read as one in some agency: {names}. Reading by domains took {np.mean(seconds):.1f} s of CPU on average.
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    found = run(arguments.runs, arguments.seed * 100_000)
    minutes = sum(one["seconds"] for agencies in found.values() for one in agencies) / 60.0
    made = (
        f"Made by `python verification/sparse.py --runs {arguments.runs} --seed {arguments.seed}` on {dt.datetime.now(dt.UTC).date()}: "
        f"antiphon {version('antiphon')} (sources {STATE}), numpy {version('numpy')}, Python {sys.version.split()[0]}; "
        f"{minutes:.0f} minutes of one core."
    )
    (RESULTS / "sparse.md").write_text(page(found, made), encoding="utf-8")


if __name__ == "__main__":
    main()
