"""Do the controls hold what they promise? Writes ``results/controls.md``.

``python verification/controls.py [--runs 12] [--seed 1]``. Agencies as of the studies of false discovery, but of 800 days,
so that sources can be moved by a year. In each, all true echoes, all claims and some other couplings are put to the controls.
Size: how often a control comes out as it should not. Of the jitter that is a small p where there is no echo (it may be at
most 5 %), of the year apart a veto (likewise). Each limit is widened by two Monte Carlo standard errors.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import time
from importlib.metadata import version

import agencies
import numpy as np
from agencies import Echo, Nature, invent
from study import PARTIAL, RESULTS, STATE, share

from antiphon.design.listening import events_again
from antiphon.hawkes import fit_design
from antiphon.hawkes.fitting import refit_target
from antiphon.inference.claims import LEVEL, correct, table_of_tests
from antiphon.inference.controls import FAR, judge
from antiphon.inference.intervals import compare_without, make_curve, standard_error
from antiphon.inference.jitter import jitter
from antiphon.inference.procedure import claim_fit, framework_domains
from antiphon.inference.rereading import rows_apart, ties_at_admission
from antiphon.inference.year_apart import year_apart

DAYS = 800
OTHERS = 6
"""Couplings without echo that are put to the controls in each agency, besides claims."""

ECHOES = (
    Echo("self", "aggression_physical", "aggression_physical", 0.2),
    Echo("peers:unit:client>client", "aggression_physical", "self_harm", 0.2),
    Echo("peers:unit:client>client", "refusal", "refusal", 0.15),
    Echo("peers:unit:client>staff", "aggression_physical", "absence_unscheduled", 0.15),
    Echo("tie:caseload:staff>client", "absence_unscheduled", "self_harm", 0.2),
)
STUDIES = {
    "chance": Nature(frailty=0.0),
    "frailty": Nature(),
    "rhythm": Nature(rhythm=1.0),
    "incidents with many rows": Nature(many_rows=0.3),
    "transfers after incidents": Nature(transfer=0.3),
    "unit-own shocks": Nature(unit_shock=1.0),
    "unit-own drift": Nature(unit_drift=0.7),
    "echoes": Nature(echoes=ECHOES),
    "echoes, moves every 60 days": Nature(echoes=ECHOES, move_every=60.0),
}


def study(nature: Nature, seed: int) -> dict:
    """Invent one agency and put its couplings to the controls."""
    begun = time.process_time()
    invented = invent(nature, seed)
    design = invented.design
    fit = fit_design(design, threads=1)
    claim = claim_fit(fit, threads=1)
    rows = table_of_tests(design)
    strict = [make_curve(claim, index) for index in range(len(design.targets))]
    p = np.array([1.0 if row.label else compare_without(strict[row.target], row.fast).p for row in rows])
    q, _ = correct(design, rows, p, framework_domains(design))
    true = {(echo.channel, echo.source, echo.target) for echo in invented.echoes}

    def names(row) -> tuple[str, str, str]:
        target = design.kinds[design.targets[row.target].kind].name
        return design.channels[row.channel].name, design.kinds[row.source_kind].name, target

    open_ = [place for place, row in enumerate(rows) if not row.label]
    asked = [place for place in open_ if names(rows[place]) in true or q[place] <= LEVEL]
    rest = [place for place in open_ if place not in asked and design.channels[rows[place].channel].how != "self"]
    dice = np.random.default_rng(seed)
    asked += dice.choice(rest, min(OTHERS, len(rest)), replace=False).tolist()
    events = events_again(design)
    readings = {"apart": rows_apart(design), "admission": ties_at_admission(design)}
    found = []
    for place in asked:
        row = rows[place]
        curve = make_curve(fit, row.target)
        places = curve.places[list(row.columns)]
        one = {"true": names(row) in true, "claimed": bool(q[place] <= LEVEL), "channel": names(row)[0]}
        one["estimate"] = float(curve.point.x[places[places >= 0]].sum())
        one["error"] = standard_error(curve, places[places >= 0])
        drawn = jitter(claim, events, row.target, row.fast, seed=seed)
        one["jitter"], one["power"] = (None, None) if drawn is None else drawn
        one["same"] = names(row)[1] == names(row)[2]
        one["verdict"] = None if drawn is None else judge(drawn, same_kind=one["same"])
        one["year"] = year_apart(claim, events, row.target, row.fast)
        for name, other in readings.items():
            if other is not None:
                model = refit_target(fit, row.target, design=other).targets[row.target].model
                wanted = {design.targets[row.target].columns[column] for column in row.columns}
                one[name] = float(sum(a for f, a in zip(model.columns, model.alpha, strict=True) if f in wanted))
        found.append(one)
    return {"seed": seed, "rows": found, "seconds": time.process_time() - begun}


def run(runs: int, seed: int) -> dict[str, list[dict]]:
    """Run every study, one agency of each in turn; what is on disk for the same sources is not run again."""
    agencies.DAYS = DAYS
    PARTIAL.mkdir(exist_ok=True)
    path = PARTIAL / f"controls-{STATE}.jsonl"
    done = {}
    if path.exists():
        done = {(one["study"], one["seed"]): one for one in map(json.loads, path.read_text("utf-8").splitlines())}
    wanted = range(seed * 100_000, seed * 100_000 + runs)
    with path.open("a", encoding="utf-8") as file:
        for number in wanted:
            for name, nature in STUDIES.items():
                if (name, number) not in done:
                    done[name, number] = {"study": name, **study(nature, number)}
                    file.write(json.dumps(done[name, number]) + "\n")
                    file.flush()
    return {name: [done[name, number] for number in wanted] for name in STUDIES}


def page(found: dict[str, list[dict]], made: str) -> str:
    """The results in words and numbers."""
    timed, read = [], []
    for name, studied in found.items():
        rows = [row for one in studied for row in one["rows"]]
        false, true = [row for row in rows if not row["true"]], [row for row in rows if row["true"]]
        # those that were drawn at random, claimed or not, would be chosen by their outcome: what is claimed stands apart
        chance = [row for row in false if not row["claimed"]]
        timed.append(
            f"| {name} | {len(studied)} | {_share(chance, _small, _has_jitter)} | {_share(true, _small, _of_kinds(same=False))} | "
            f"{_mean_power(true)} | {_share(true, _small, _of_kinds(same=True))} | "
            f"{_share(true, _vetoed_by_jitter, _has_jitter)} | {_share(chance, _year_veto, _has_year)} | "
            f"{_share(true, _year_veto, _has_year)} | {_share([r for r in false if r['claimed']], _vetoed)} |"
        )
        read.append(
            f"| {name} | {_share(chance, _far('apart'), _has('apart'))} | {_share(true, _far('apart'), _has('apart'))} | "
            f"{_share(chance, _far('admission'), _has('admission'))} | {_share(true, _far('admission'), _has('admission'))} | {_kept(true)} |"
        )
    return f"""# Controls: do they hold what they promise?

{made}

Agencies of 20 units and {DAYS} days, half-lives of 8 hours, 3 days and 3 weeks; "echoes" have five true ones of .15 to .2 with a
half-life of 3 days. In per cent, with Monte Carlo standard errors and the number of couplings.

A small p of the jitter where there is no echo should come in at most 5 %; where there is one in another kind, as often as its
power says. An echo in the same kind is never vetoed by it. A true echo should be vetoed in at most 5 %. The last column is what vetoes are for: false claims that they take back.

| agencies | n | jitter p <= .05, no echo | jitter p <= .05, echo in another kind | power said there, mean | jitter p <= .05, echo in the same kind | echo vetoed by jitter | no echo vetoed by a year apart | echo vetoed by a year apart | false claims vetoed by either |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|
{chr(10).join(timed)}

Readings that are not vetoes: how often an estimate moves by more than {FAR:.0f} standard errors with the rows of incidents apart,
and with units and ties as at admission; and what is left, on average, of true echoes when nobody moves.

| agencies | apart, no echo | apart, echo | at admission, no echo | at admission, echo | left of echoes at admission |
|---|---:|---:|---:|---:|---:|
{chr(10).join(read)}
"""


def _share(rows: list[dict], hit, asked=lambda _: True) -> str:
    rows = [row for row in rows if asked(row)]
    return f"{share(sum(map(hit, rows)), len(rows))} ({len(rows)})" if rows else "-"


def _has(name: str):
    return lambda row: row.get(name) is not None


def _far(name: str):
    return lambda row: abs(row[name] - row["estimate"]) > FAR * row["error"]


_has_jitter, _has_year = _has("jitter"), _has("year")


def _small(row: dict) -> bool:
    return row["jitter"] <= LEVEL


def _vetoed_by_jitter(row: dict) -> bool:
    return row["verdict"] == "failed"


def _year_veto(row: dict) -> bool:
    return row["year"] <= LEVEL


def _vetoed(row: dict) -> bool:
    return (_has_jitter(row) and _vetoed_by_jitter(row)) or (_has_year(row) and _year_veto(row))


def _of_kinds(*, same: bool):
    return lambda row: _has_jitter(row) and row["same"] == same


def _mean_power(rows: list[dict]) -> str:
    powers = [row["power"] for row in rows if _of_kinds(same=False)(row)]
    return f"{100 * np.mean(powers):.0f}" if powers else "-"


def _kept(rows: list[dict]) -> str:
    rows = [row for row in rows if _has("admission")(row)]
    return f"{sum(row['admission'] for row in rows) / sum(row['estimate'] for row in rows):.2f}" if rows else "-"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    found = run(arguments.runs, arguments.seed)
    seconds = sum(one["seconds"] for studied in found.values() for one in studied)
    made = (
        f"Made by `python verification/controls.py --runs {arguments.runs} --seed {arguments.seed}` on "
        f"{dt.datetime.now(dt.UTC).date()}: antiphon {version('antiphon')} (sources {STATE}), numpy {version('numpy')}, "
        f"Python {sys.version.split()[0]}; {seconds / 60.0:.0f} minutes of one core."
    )
    (RESULTS / "controls.md").write_text(page(found, made), encoding="utf-8")


if __name__ == "__main__":
    main()
