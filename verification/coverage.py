"""Do intervals hold the true couplings, and how many claims are false where some couplings are true? Writes ``results/coverage.md``.

``python verification/coverage.py [--runs 150] [--seed 1]``. Agencies with seven true couplings among 61, strong ones in one
study, weak ones in another, with rhythm, frailty and churn; and strong ones in coarse and mixed time. Pass: intervals of
couplings with at least 20 expected echoes hold the truth in 92 to 98 %, widened by two Monte Carlo standard errors; the
mean false proportion is at most 5 %, likewise.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
from agencies import Echo, Nature
from study import main, share

ENOUGH = 20.0
STRONG = (
    Echo("self", "aggression_physical", "aggression_physical", 0.10),
    Echo("peers:unit:client>client", "aggression_physical", "self_harm", 0.20),
    Echo("peers:unit:client>staff", "aggression_physical", "staff_injury", 0.15),
    Echo("peers:unit:staff>client", "absence_unscheduled", "refusal", 0.20),
    Echo("tie:caseload:staff>client", "staff_injury", "aggression_physical", 0.20),
    Echo("tie:caseload:client>staff", "self_harm", "absence_unscheduled", 0.10, 0),
    Echo("group:unit:unit>client", "lock_down", "aggression_physical", 0.40),
)
WEAK = tuple(replace(echo, alpha=echo.alpha * 0.15) for echo in STRONG)
LIFE = Nature(rhythm=1.0, echoes=STRONG)
TRUTHS = {
    "strong couplings": LIFE,
    "weak couplings": replace(LIFE, echoes=WEAK),
    "strong, coarse and mixed time": replace(LIFE, is_coarse=True, echoes=tuple(replace(e, life=1) for e in STRONG)),
    "strong, churn": replace(LIFE, stay=30.0, move_every=60.0),
}


def covered(row: list) -> bool:
    return row[3]["low"] <= row[3]["true"] <= row[3]["high"]


def mark(hits: int, n: int, *, is_promised: bool) -> str:
    if not is_promised:
        return "not promised"
    low, high = (value + sign * 2.0 * np.sqrt(value * (1.0 - value) / n) for value, sign in ((0.92, -1.0), (0.98, 1.0)))
    value = hits / n
    return "wider than promised" if value > high else "held" if value >= low else "**not held**"


def page(found: dict[str, list[dict]]) -> str:
    lines, totals, proportions = [], [], []
    for study, agencies in found.items():
        groups: dict[tuple[str, bool], list[list]] = defaultdict(list)
        for one in agencies:
            for row in one["rows"]:
                if "true" in row[3] and "low" in row[3]:
                    groups[f"{row[0]}: {row[1]} > {row[2]}", row[3]["expected"] >= ENOUGH].append(row)
        for (name, is_enough), rows in sorted(groups.items()):
            hits, n = sum(map(covered, rows)), len(rows)
            estimate, true, expected = (
                np.mean([row[3][key] for row in rows]) for key in ("estimate", "true", "expected")
            )
            width = np.median([row[3]["high"] - row[3]["low"] for row in rows])
            claimed = np.mean([row[3]["claimed"] for row in rows])
            lines.append(
                f"| {study} | {name} | {expected:.0f} | {n} | {true:.3f} | {estimate:.3f} | {width:.3f} | {share(hits, n)} | "
                f"{100 * claimed:.0f} | {mark(hits, n, is_promised=is_enough)} |"
            )
        for is_enough, words in ((True, "at least 20"), (False, "fewer")):
            rows = [row for (_, enough), mine in groups.items() if enough == is_enough for row in mine]
            if rows:
                hits, n = sum(map(covered, rows)), len(rows)
                low = sum(row[3]["true"] < row[3]["low"] for row in rows)
                totals.append(
                    f"| {study} | {words} | {n} | {share(hits, n)} | {100 * low / n:.1f} | {100 * (n - hits - low) / n:.1f} | "
                    f"{mark(hits, n, is_promised=is_enough)} |"
                )
        proportions.append(_proportion(study, agencies))
    return f"""# Coverage: do intervals hold the true couplings?

MADE

Agencies as in `nulls.md` (frailty of variance 1.5, mean stay 200 days), with rhythm, and seven true couplings among the 61
that are tested. Expected echoes: the true coupling times what all readers together heard. Pass, where at least 20 echoes
are expected: 92 to 98 %, widened by two Monte Carlo standard errors. Truth and estimate are means, width is a median.

| agencies | coupling | expected echoes | intervals | truth | estimate | width | coverage, % | claimed, % | |
|---|---|---:|---:|---:|---:|---:|---:|---:|---|
{chr(10).join(lines)}

All couplings together, and on which side the truth was missed:

| agencies | expected echoes | intervals | coverage, % | truth below, % | truth above, % | |
|---|---|---:|---:|---:|---:|---|
{chr(10).join(totals)}

False proportion: claims of couplings that are not there, as a share of all claims of an agency (0 where none is claimed),
mean over agencies. Limit: 5 %, widened by two of its standard errors. Intervals of what is not there should begin at 0.

| agencies | runs | false proportion, % | true claims per agency | any false claim, % | false intervals above 0, % | |
|---|---:|---:|---:|---:|---:|---|
{chr(10).join(proportions)}
"""


def _proportion(study: str, agencies: list[dict]) -> str:
    values, true_claims, any_false, above, n_false = [], 0, 0, 0, 0
    for one in agencies:
        claims = [row for row in one["rows"] if row[3]["claimed"]]
        false = sum("true" not in row[3] for row in claims)
        values.append(false / max(len(claims), 1))
        true_claims += len(claims) - false
        any_false += false > 0
        without = [row for row in one["rows"] if "true" not in row[3] and "low" in row[3]]
        above += sum(row[3]["low"] > 0.0 for row in without)
        n_false += len(without)
    n = len(agencies)
    mean, error = np.mean(values), np.std(values) / np.sqrt(n)
    result = "held" if mean <= 0.05 + 2.0 * error else "**not held**"
    return (
        f"| {study} | {n} | {100 * mean:.1f} ± {100 * error:.1f} | {true_claims / n:.1f} | {share(any_false, n)} | "
        f"{100 * above / n_false:.1f} | {result} |"
    )


if __name__ == "__main__":
    main("coverage", TRUTHS, 150, page, with_intervals=True)
