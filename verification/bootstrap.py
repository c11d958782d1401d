"""Do intervals of derived quantities hold the truth? Writes ``results/bootstrap.md``.

``python verification/bootstrap.py [--runs 40] [--full 40] [--seed 1]``. Agencies of the study of coverage with their true
couplings. Derived quantities are functions of the couplings: the branching ratio (from what was read of each source kind), and
the share of each component among direct parents of each kind. Truth is the same function of the true couplings. Intervals from
the one-step bootstrap by incidents, and from the normal distribution alone. And for the first agency: the spread of the
estimates when the agency is simulated anew from its own fit and fitted anew, beside that of the draws.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import time
from collections import defaultdict
from importlib.metadata import version

import numpy as np
from agencies import invent
from coverage import TRUTHS
from study import RESULTS, STATE, share

from antiphon.design.build import design_of
from antiphon.hawkes import fit_design
from antiphon.inference.bootstrap import N_DRAWS, draw_totals
from antiphon.inference.claims import table_of_tests
from antiphon.model.parameters import Model
from antiphon.resonance.attribution import COMPONENTS, direct, masses, shares, totals
from antiphon.resonance.draws import corrected_interval, interval
from antiphon.resonance.graph import branching_matrix, spectral_radius
from antiphon.simulation import simulate

WAYS = {"by incidents": 100_000, "normal": 0}
GROUPS = {"unit": "organisation", "organisation": "organisation"}


def names(design, row) -> tuple[str, str, str]:
    target = design.kinds[design.targets[row.target].kind].name
    return design.channels[row.channel].name, design.kinds[row.source_kind].name, target


class Quantities:
    """The derived quantities of one fit, as functions of the couplings."""

    def __init__(self, fit, rows) -> None:
        self.fit, self.rows, self.design = fit, rows, fit.design
        events = np.bincount(
            [target.kind for target in self.design.targets],
            [float(target.count.sum()) for target in self.design.targets],
            len(self.design.kinds),
        )
        sources = np.array([row.source_kind for row in rows])
        self.read = masses(fit, rows) / np.maximum(events[sources], 1.0)
        self.kinds = [target.kind for target in self.design.targets]

    def ratio(self, echoes: np.ndarray) -> np.ndarray:
        matrix = branching_matrix(len(self.design.kinds), self.rows, self.kinds, echoes * self.read)
        return spectral_radius(matrix)

    def attribution(self, echoes: np.ndarray) -> np.ndarray:
        """Return (..., kinds, components); the two endemic ones taken together, since their division is not drawn."""
        found = direct(shares(self.fit, self.rows, echoes), self.rows, self.design, GROUPS)
        found[..., 0] += found[..., 1]
        found[..., 1] = 0.0
        return found


def study(nature, seed: int) -> list[tuple[str, str, bool, float]]:
    """Return (quantity, way, whether the interval holds the truth, its width) of one agency."""
    invented = invent(nature, seed)
    fit = fit_design(invented.design, threads=1)
    rows = table_of_tests(invented.design)
    truth = {(e.channel, e.source, e.target): e.alpha for e in invented.echoes}
    true = np.array([truth.get(names(invented.design, row), 0.0) for row in rows])
    of = Quantities(fit, rows)
    found = []
    for way, largest in WAYS.items():
        draws = draw_totals(fit, rows, seed=seed, largest=largest)
        ratio = (float(of.ratio(some)) for some in (draws.estimate, draws.centre))
        _, low, high = corrected_interval(*ratio, of.ratio(draws.drawn))
        found.append(("branching ratio", way, low <= of.ratio(true) <= high, high - low))
        wanted, here, middle, there = map(of.attribution, (true, draws.estimate, draws.centre, draws.drawn))
        for k in of.kinds:
            for place, name in enumerate(COMPONENTS):
                if not there[:, k, place].any() or name == "frailty":
                    continue
                at = k, place
                low, high = interval(here[at], here[at], middle[at], there[:, *at], highest=1.0)
                kind = "endemic" if name == "average" else name
                group = kind if wanted[k, place] > 0.0 else f"{kind}, truth 0"
                found.append((f"share of {group}", way, low - 1e-9 <= wanted[k, place] <= high + 1e-9, high - low))
    return found


def full(nature, seed: int, runs: int) -> list[str]:
    """Return rows that compare the spread of refitted simulations with that of the draws."""
    design = invent(nature, seed).design
    fit, rows = fit_design(design, threads=1), table_of_tests(design)
    of = Quantities(fit, rows)
    model = Model(tuple(one.model for one in fit.targets))
    frailty = {one.model.kind: one.theta for one in fit.targets}
    again = []
    for number in range(runs):
        simulated = simulate(design.structure, model, seed + 1 + number, frailty=frailty)
        other = fit_design(design_of(design.structure, simulated.rows), threads=1)
        theirs = table_of_tests(other.design)
        by_name = dict(zip((names(other.design, row) for row in theirs), totals(other, theirs), strict=True))
        again.append([by_name.get(names(design, row), 0.0) for row in rows])
    drawn = {way: draw_totals(fit, rows, seed=seed, n_draws=999, largest=most).drawn for way, most in WAYS.items()}
    refitted = np.array(again)
    lines = [_compared("branching ratio", of.ratio(refitted), {way: of.ratio(d) for way, d in drawn.items()})]
    for k in of.kinds:
        told = f"endemic share of {design.kinds[k].name}"
        lines.append(
            _compared(
                told, of.attribution(refitted)[:, k, 0], {w: of.attribution(d)[:, k, 0] for w, d in drawn.items()}
            )
        )
    return lines


def _compared(name: str, refitted: np.ndarray, drawn: dict[str, np.ndarray]) -> str:
    error = refitted.std() / np.sqrt(2.0 * refitted.size)
    return (
        f"| {name} | {refitted.std():.4f} ± {error:.4f} | "
        + " | ".join(f"{d.std():.4f}" for d in drawn.values())
        + " |"
    )


def page(found: dict[str, list], lines: list[str], made: str) -> str:
    table = []
    for nature, results in found.items():
        groups: dict[str, dict[str, list]] = defaultdict(lambda: defaultdict(list))
        for name, way, is_held, width in results:
            groups[name][way].append((is_held, width))
        for name, ways in sorted(groups.items()):
            cells = []
            for way in WAYS:
                hits = sum(bool(held) for held, _ in ways[way])
                cells.append(f"{share(hits, len(ways[way]))} | {np.median([w for _, w in ways[way]]):.3f}")
            table.append(f"| {nature} | {name} | {len(ways['normal'])} | " + " | ".join(cells) + " |")
    return f"""# Do intervals of derived quantities hold the truth?

{made}

Agencies of `coverage.md`, {N_DRAWS} draws. Shares are of direct parents; of what has no echo in truth the interval should begin at 0. Standard
errors take intervals as independent.

| agencies | quantity | intervals | by incidents: coverage, % | width | normal: coverage, % | width |
|---|---|---:|---:|---:|---:|---:|
{chr(10).join(table)}

One agency ("strong couplings", the first seed), simulated anew from its own fit (its persons with the frailties that were estimated) and
fitted anew: the standard deviation of the estimates, beside that of 999 draws.

| quantity | full bootstrap | draws by incidents | draws from the normal |
|---|---:|---:|---:|
{chr(10).join(lines)}
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--full", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun, first = time.process_time(), arguments.seed * 100_000
    results = {name: [] for name in ("strong couplings", "weak couplings")}
    for number in range(arguments.runs):
        for name, some in results.items():
            some.extend(study(TRUTHS[name], first + number))
    spreads = full(TRUTHS["strong couplings"], first, arguments.full)
    seconds = time.process_time() - begun
    command = (
        f"python verification/bootstrap.py --runs {arguments.runs} --full {arguments.full} --seed {arguments.seed}"
    )
    told = (
        f"Made by `{command}` on {dt.datetime.now(dt.UTC).date()}: antiphon {version('antiphon')} (sources {STATE}), numpy "
        f"{version('numpy')}, Python {sys.version.split()[0]}; {seconds / 60.0:.0f} minutes of one core."
    )
    (RESULTS / "bootstrap.md").write_text(page(results, spreads, told), encoding="utf-8")
