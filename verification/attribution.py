"""Are lasting differences between people, and events with a parent, counted as they were made? Writes ``results/attribution.md``.

``python verification/attribution.py [--runs 20] [--seed 1]``. Agencies in which people differ, by kind or on all kinds alike,
and in which some couplings are true; who differs how, and what followed what, is known.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from agencies import DAYS, KINDS, LIVES, Echo, Nature, invent

from antiphon.hawkes import Options, fit_design
from antiphon.inference.claims import table_of_tests
from antiphon.inference.penalty import choose_penalty
from antiphon.resonance.attribution import shares, totals

if TYPE_CHECKING:
    from agencies import Invented

    from antiphon.design.design import Design

RESULTS = Path(__file__).parent / "results" / "attribution.md"
ECHOES = (
    Echo("self", "aggression_physical", "aggression_physical", 0.20),
    Echo("peers:unit:client>client", "aggression_physical", "self_harm", 0.20),
    Echo("peers:unit:client>staff", "aggression_physical", "staff_injury", 0.20),
)
STUDIES = {
    "differ by kind": Nature(echoes=ECHOES),
    "differ alike on all kinds": Nature(echoes=ECHOES, frailty_is_shared=True),
}
FITS = {"half-lives to 3 days": LIVES[:2], "half-lives to 21 days": LIVES}
PEOPLE = [place for place, (role, _, _) in enumerate(KINDS.values()) if role in ("client", "staff")]


def truth(invented: Invented) -> np.ndarray:
    """Share of the events of each kind of people above what equal people would have had, and with a parent, (2, kinds)."""
    roster, design, found = invented.design.structure.roster, invented.design, invented.simulated
    begin = float(design.block_edges[0])
    result = np.zeros((2, len(PEOPLE)))
    for place, k in enumerate(PEOPLE):
        role, rate, _ = list(KINDS.values())[k]
        mine = (found.rows.kind == k) & (found.rows.time >= begin)
        stays = roster.stays
        days = np.maximum(np.minimum(stays.end, DAYS) - np.maximum(stays.start, begin), 0.0)
        days = np.bincount(stays.owner, days, len(invented.theta)) * (np.asarray(roster.role) == role)
        above = np.maximum(invented.theta[:, k] - 1.0, 0.0) @ days * rate
        result[:, place] = above / mine.sum(), np.mean(found.parent[mine] >= 0)
    return result


def estimated(design: Design, lives: tuple[float, ...]) -> np.ndarray:
    """The same shares as attribution has them; the third row counts frailty alone, without the propensity."""
    columns = tuple(np.array([f.half_life < len(lives) for f in target.columns]) for target in design.targets)
    fit = fit_design(design, Options(columns=columns), threads=1)
    strength = choose_penalty(fit, threads=1)[0]
    if strength > 0.0:
        fit = fit_design(design, replace(fit.options, penalty=strength), start=fit, threads=1)
    rows = table_of_tests(design)
    found = shares(fit, rows, totals(fit, rows))
    places = {target.kind: one for target, one in zip(design.targets, fit.targets, strict=True)}
    alone = [places[k].theta_excess @ places[k].hazard / design_events(design, k) for k in PEOPLE]
    return np.stack([found.frailty[PEOPLE], found.echoes[PEOPLE].sum(axis=-1), alone])


def design_events(design: Design, kind: int) -> float:
    return float(next(target.count.sum() for target in design.targets if target.kind == kind))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun, lines = time.process_time(), []
    for study, nature in STUDIES.items():
        true, found = [], {name: [] for name in FITS}
        for number in range(arguments.runs):
            invented = invent(nature, arguments.seed * 100_000 + number)
            true.append(truth(invented))
            for name, lives in FITS.items():
                found[name].append(estimated(invented.design, lives))
        lines += [line(study, name, np.array(true), np.array(found[name])) for name in FITS]
        print(f"{study}: done after {time.process_time() - begun:.0f} s", flush=True)
    RESULTS.write_text(page(arguments, lines, time.process_time() - begun), encoding="utf-8")


def line(study: str, name: str, true: np.ndarray, found: np.ndarray) -> str:
    """Means over agencies and kinds, and the typical distance of one kind in one agency from its truth."""
    away = np.sqrt(((found[:, :2] - true) ** 2).mean(axis=(0, 2)))
    cells = [
        true[:, 0].mean(),
        found[:, 0].mean(),
        away[0],
        found[:, 2].mean(),
        true[:, 1].mean(),
        found[:, 1].mean(),
        away[1],
    ]
    return f"| {study} | {name} | {' | '.join(f'{cell:.3f}' for cell in cells)} |"


def page(arguments: argparse.Namespace, lines: list[str], seconds: float) -> str:
    command = f"python verification/attribution.py --runs {arguments.runs} --seed {arguments.seed}"
    rows = "\n".join(lines)
    return f"""# Attribution: lasting differences between people, and events with a parent

Made by `{command}` on {dt.datetime.now(dt.UTC).date()}: antiphon {version("antiphon")}, numpy {version("numpy")}, Python
{sys.version.split()[0]}, {seconds:.0f} s of one core, {arguments.runs} agencies each. True echoes have a half-life of 3 days, people a
Gamma frailty of variance {Nature().frailty}. Means over agencies and five kinds of clients and staff, as shares of a kind's events; *off*: root mean square
distance of one kind in one agency from its truth. *Frailty alone*: what is counted when the propensity is left out of it.
Couplings are penalised, as attribution has them.

| people | fitted with | lasting, true | estimated | off | frailty alone | with a parent, true | estimated | off |
|---|---|---:|---:|---:|---:|---:|---:|---:|
{rows}
"""


if __name__ == "__main__":
    main()
