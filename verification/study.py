"""Runs agencies through what an analysis does before it claims, and keeps each result on disk, so that nothing is lost.

A result counts again only if engine, these scripts and seed are the same: the name of the file says so.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from agencies import invent

import antiphon
from antiphon.hawkes import fit_design
from antiphon.inference.claims import LEVEL, correct, table_of_tests
from antiphon.inference.intervals import compare_without, make_curve
from antiphon.inference.procedure import claim_fit, framework_domains, test_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agencies import Nature

    from antiphon.hawkes.fit import Fit
    from antiphon.inference.claims import Row
    from antiphon.inference.procedure import Tested

HERE = Path(__file__).parent
RESULTS, PARTIAL = HERE / "results", HERE / "partial"


def state_of_the_code() -> str:
    """Return a short name of the engine's sources and of how agencies are invented and tested."""
    sources = [*sorted(Path(antiphon.__file__).parent.rglob("*.py")), HERE / "agencies.py", HERE / "study.py"]
    digest = hashlib.blake2b(digest_size=6)
    for path in sources:
        digest.update(path.read_bytes())
    return digest.hexdigest()


STATE = state_of_the_code()


def analyse(nature: Nature, seed: int, *, with_intervals: bool) -> dict:
    """Invent an agency and test it as `infer` does, without report, ladder, penalty and diagnostics."""
    begun = time.process_time()
    invented = invent(nature, seed)
    design = invented.design
    fit = fit_design(design, threads=1)
    rows = table_of_tests(design)
    claim = claim_fit(fit, threads=1) if any(not row.label for row in rows) else None
    tested: list[Tested | None] = [None] * len(rows)
    if with_intervals:
        tested = test_all(fit, claim, rows, plain=fit, seed=seed, threads=1)[0]
        p = np.array([one.comparison.p if one is not None else 1.0 for one in tested])
    else:
        p = quick_p(claim, rows, seed)
    q, _ = correct(design, rows, p, framework_domains(design))
    truth = {(e.channel, e.source, e.target): e.alpha for e in invented.echoes}
    table = []
    for row, one, p_value, q_value in zip(rows, tested, p, q, strict=True):
        target = design.targets[row.target]
        key = (design.channels[row.channel].name, design.kinds[row.source_kind].name, design.kinds[target.kind].name)
        heard = float(target.compensator[:, list(row.columns)].sum(axis=0).mean())
        numbers = {"p": p_value, "claimed": int(not row.label and q_value <= LEVEL), "label": row.label}
        if one is not None:
            numbers |= {"estimate": one.interval.estimate, "low": one.interval.low, "high": one.interval.high}
        if key in truth:
            numbers |= {"true": truth[key], "expected": truth[key] * heard}
        table.append([*key, {name: _short(value) for name, value in numbers.items()}])
    events = [int(target.count.sum()) for target in design.targets]
    return {"seed": seed, "events": events, "rows": table, "seconds": round(time.process_time() - begun, 2)}


def quick_p(claim: Fit | None, rows: Sequence[Row], seed: int) -> np.ndarray:
    """The p-values that `test_all` finds for rows that may be claimed, without its intervals, which take half of its time."""
    p = np.ones(len(rows))
    if claim is not None:
        for index in range(len(claim.targets)):
            mine = [place for place, row in enumerate(rows) if row.target == index and not row.label]
            curve = make_curve(claim, index) if mine else None
            for place in mine:
                p[place] = compare_without(curve, rows[place].fast, seed=seed).p
    return p


def _short(value: float | str) -> float | str:
    return value if isinstance(value, str) else float(f"{float(value):.5g}")


def run(
    name: str, natures: Mapping[str, Nature], arguments: argparse.Namespace, *, with_intervals: bool
) -> dict[str, list[dict]]:
    """Run every study until each has its number of agencies, one of each in turn; what is on disk is not run again."""
    PARTIAL.mkdir(exist_ok=True)
    path = PARTIAL / f"{name}-{STATE}.jsonl"
    done: dict[tuple[str, int], dict] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            done[one["study"], one["seed"]] = one
    with path.open("a", encoding="utf-8") as file:
        for number in range(arguments.runs):
            for study, nature in natures.items():
                seed = arguments.seed * 100_000 + number
                if (study, seed) not in done:
                    done[study, seed] = {"study": study, **analyse(nature, seed, with_intervals=with_intervals)}
                    file.write(json.dumps(done[study, seed]) + "\n")
                    file.flush()
            if (number + 1) % 10 == 0:
                print(f"{number + 1} of {arguments.runs} agencies of each", flush=True)
    first = arguments.seed * 100_000
    wanted = range(first, first + arguments.runs)
    return {study: [done[study, seed] for seed in wanted] for study in natures}


def main(
    name: str,
    natures: Mapping[str, Nature],
    runs: int,
    page: Callable[[dict[str, list[dict]]], str],
    *,
    with_intervals: bool,
) -> None:
    """The command: run, and write the page with what made it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    found = run(name, natures, arguments, with_intervals=with_intervals)
    seconds = sum(one["seconds"] for agencies in found.values() for one in agencies)
    command = f"python verification/{name}.py --runs {arguments.runs} --seed {arguments.seed}"
    made = (
        f"Made by `{command}` on {dt.datetime.now(dt.UTC).date()}: antiphon {version('antiphon')} (sources "
        f"{STATE}), numpy {version('numpy')}, Python {sys.version.split()[0]}; {seconds / 60.0:.0f} minutes of one core."
    )
    (RESULTS / f"{name}.md").write_text(page(found).replace("MADE", made), encoding="utf-8")


def share(hits: int, n: int) -> str:
    """A share with its Monte Carlo standard error."""
    value = hits / n
    return f"{100 * value:.1f} ± {100 * np.sqrt(value * (1 - value) / n):.1f}"
