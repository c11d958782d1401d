"""What becomes of claims where half-lives were chosen on the records that are tested? Writes ``results/kernel_choice.md``.

``python verification/kernel_choice.py [--runs 60] [--seed 1]``. Agencies as of the studies of false discovery, with frailty and
rhythm. Without echoes: how often is p below .05, and how often is anything claimed, where kernels are given, chosen on all
records, and chosen on their first half and tested on all. One channel alone is the harder case: the more couplings share a
kernel, the less one of them can bend the choice. With echoes of three days: is that what is chosen, and what is claimed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from importlib.metadata import version

import numpy as np
from agencies import LIVES, Echo, Nature, invent
from study import PARTIAL, RESULTS, STATE, quick_p, share

from antiphon.design.build import design_of, usual_history
from antiphon.design.delays import read_kernels
from antiphon.hawkes import fit_design
from antiphon.inference.claims import LEVEL, correct, table_of_tests
from antiphon.inference.kernel_choice import CHOICE_BLOCKS, GRID, compare_kernels
from antiphon.inference.procedure import claim_fit, framework_domains

ECHOES = (
    Echo("peers:unit:client>client", "aggression_physical", "self_harm", 0.15),
    Echo("peers:unit:client>client", "refusal", "refusal", 0.15),
)
STUDIES = {
    "no echoes, one channel": (Nature(rhythm=1.0), True, 1),
    "echoes of 3 days, one channel": (Nature(rhythm=1.0, echoes=ECHOES), True, 2),
    "no echoes, all channels": (Nature(rhythm=1.0), False, 3),
    "echoes of 3 days, all channels": (Nature(rhythm=1.0, echoes=ECHOES), False, 4),
}
"""What agencies are like, whether one channel is looked at, and of how many runs one is made."""

ONE = "peers:unit:client>client"
WAYS = ("given: 8h, 3d, 3w", "given: 3d", "chosen on all", "chosen on the first half")


def with_kernels(design, entries, *, one_channel: bool):
    """Return the design with other kernels; where one channel is wanted, with the kinds that it reaches alone."""
    structure, recorded = design.structure, design.recorded
    kernels = read_kernels(entries)
    choices = replace(
        structure.choices, kernels=kernels, history_days=usual_history(kernels, structure.roster.window_days)
    )
    if one_channel:
        choices = replace(choices, channels=tuple(c for c in choices.channels if c.name == ONE))
    made = design_of(replace(structure, choices=choices), recorded.rows, recorded.join_days)
    return replace(made, targets=tuple(target for target in made.targets if target.columns))


def study(nature: Nature, seed: int, *, one_channel: bool) -> dict:
    """Invent one agency, choose, and test with each way's kernels."""
    begun = time.process_time()
    invented = invent(nature, seed)
    design = invented.design
    every = with_kernels(design, [entry for one in GRID for entry in one], one_channel=one_channel)
    whole = compare_kernels(every, GRID, threads=1).kernels.written
    half = compare_kernels(every, GRID, blocks=CHOICE_BLOCKS, threads=1).kernels.written
    done, found = {}, {}
    for way, entries in zip(WAYS, (LIVES, (3.0,), whole, half), strict=True):
        if entries not in done:
            done[entries] = test(with_kernels(design, entries, one_channel=one_channel), invented.echoes, seed)
        found[way] = {"kernels": [str(entry) for entry in entries], **done[entries]}
    return {"seed": seed, "ways": found, "seconds": round(time.process_time() - begun, 2)}


def test(design, echoes: tuple[Echo, ...], seed: int) -> dict:
    """Return the p-values of couplings that may be claimed, and which of them are claimed: true ones, and others."""
    rows = table_of_tests(design)
    claim = claim_fit(fit_design(design, threads=1), threads=1) if any(not row.label for row in rows) else None
    p = quick_p(claim, rows, seed)
    q, _ = correct(design, rows, p, framework_domains(design))
    true = {(echo.channel, echo.source, echo.target) for echo in echoes}

    def is_true(row) -> bool:
        target = design.kinds[design.targets[row.target].kind].name
        return (design.channels[row.channel].name, design.kinds[row.source_kind].name, target) in true

    open_ = [place for place, row in enumerate(rows) if not row.label]
    claimed = [place for place in open_ if q[place] <= LEVEL]
    right = sum(is_true(rows[place]) for place in claimed)
    return {
        "p": [float(f"{p[place]:.4g}") for place in open_ if not is_true(rows[place])],
        "claimed": len(claimed),
        "right": right,
    }


def run(runs: int, seed: int) -> dict[str, list[dict]]:
    """Run every study, one agency of each in turn; what is on disk for the same sources is not run again."""
    PARTIAL.mkdir(exist_ok=True)
    path = PARTIAL / f"kernel_choice-{STATE}.jsonl"
    done: dict[tuple[str, int], dict] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            done[one["study"], one["seed"]] = one
    first = seed * 100_000
    wanted = {name: range(first, first + runs // part) for name, (_, _, part) in STUDIES.items()}
    with path.open("a", encoding="utf-8") as file:
        for this in range(first, first + runs):
            for name, (nature, one_channel, _) in STUDIES.items():
                if this in wanted[name] and (name, this) not in done:
                    done[name, this] = {"study": name, **study(nature, this, one_channel=one_channel)}
                    file.write(json.dumps(done[name, this]) + "\n")
                    file.flush()
    return {name: [done[name, this] for this in mine] for name, mine in wanted.items()}


def size(ways: list[dict]) -> str:
    """Share of small p, with the standard error of a ratio over agencies, and that of very small ones."""
    hits = np.array([np.sum(np.asarray(one["p"]) <= LEVEL) for one in ways], float)
    tests = np.array([len(one["p"]) for one in ways], float)
    if not tests.any():
        return "none | none"
    rate = hits.sum() / tests.sum()
    error = np.sqrt(np.sum((hits - rate * tests) ** 2)) / tests.sum()
    very = sum(int(np.sum(np.asarray(one["p"]) <= 0.01)) for one in ways)
    return f"{100 * rate:.1f} ± {100 * error:.1f} | {100 * very / tests.sum():.1f}"


def page(found: dict[str, list[dict]], made: str) -> str:
    lines, chosen = [], []
    for name, agencies in found.items():
        n = len(agencies)
        for way in WAYS:
            ways = [one["ways"][way] for one in agencies]
            p = np.concatenate([np.asarray(one["p"]) for one in ways])
            wrong = sum(one["claimed"] > one["right"] for one in ways)
            right = np.mean([one["right"] for one in ways])
            lines.append(f"| {name} | {n} | {way} | {p.size} | {size(ways)} | {share(wrong, n)} | {right:.2f} |")
        for way in WAYS[2:]:
            counted = Counter(" and ".join(map(words, one["ways"][way]["kernels"])) for one in agencies)
            told = "; ".join(f"{kernels}: {count}" for kernels, count in counted.most_common())
            chosen.append(f"| {name} | {way} | {told} |")
    return f"""# What becomes of claims where half-lives were chosen?

{made}

Agencies as in `nulls.md` with frailty and rhythm. Candidates: {"; ".join(" and ".join(one) for one in GRID)}.
Size: share of couplings that are not there with p at most .05 (and .01), of those that may be claimed; its standard error
counts agencies. Claims after correction as in an analysis.

| agencies | runs | kernels | tests | p <= .05, % | p <= .01, % | any false claim, % | true claims per agency |
|---|---:|---|---:|---:|---:|---:|---:|
{chr(10).join(lines)}

What was chosen, and how often:

| agencies | | chosen |
|---|---|---|
{chr(10).join(chosen)}
"""


def words(entry: str) -> str:
    """Return a kernel as it would be written by hand."""
    if entry.startswith("delay"):
        mean, order = entry.split(":")[1:]
        return f"delay of {float(mean[:-1]):.3g} days (order {order})"
    return f"{float(entry) * 24:.0f}h" if float(entry) < 1.0 else f"{float(entry):.3g}d"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    results = run(arguments.runs, arguments.seed)
    seconds = sum(one["seconds"] for agencies in results.values() for one in agencies)
    command = f"python verification/kernel_choice.py --runs {arguments.runs} --seed {arguments.seed}"
    made = (
        f"Made by `{command}` on {dt.datetime.now(dt.UTC).date()}: antiphon {version('antiphon')} (sources {STATE}), "
        f"numpy {version('numpy')}, Python {sys.version.split()[0]}; {seconds / 60.0:.0f} minutes of one core."
    )
    (RESULTS / "kernel_choice.md").write_text(page(results, made), encoding="utf-8")
