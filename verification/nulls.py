"""How often is an echo claimed where there is none? Writes ``results/nulls.md``.

``python verification/nulls.py [--runs 150] [--seed 1]``. Agencies without echoes, each with one thing that may be mistaken
for them; then all of these at once. False discovery is the share of agencies in which anything is claimed. It may be at
most 5 %, widened by two Monte Carlo standard errors. What was done is kept in ``partial/`` and not done again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
from agencies import Nature
from study import main, share

PROMISE = 0.05
ALL = Nature(
    unit_frailty=0.3, frailty_is_shared=True, frail_stay=0.8, rhythm=1.0, shock=1.0, drift=0.7, many_rows=0.3, stay=60.0,
    move_every=60.0, is_coarse=True, transfer=0.3, write_up=0.4,
)  # fmt: skip

NULLS = {
    "chance": (Nature(frailty=0.0), "people alike; the measure of the others"),
    "frailty": (Nature(), "Gamma factors of variance 1.5, for each person and kind; in all that follows too"),
    "unit frailty": (Nature(unit_frailty=0.3), "Gamma factors of variance 0.3, for each unit and kind"),
    "frailty shared across kinds": (Nature(frailty_is_shared=True), "one factor per person for all kinds"),
    "frailty that drives length of stay": (Nature(frail_stay=0.8), "80 % of the hazard of leaving is proportional to the first factor"),
    "rhythm": (Nature(rhythm=1.0), "shift, weekday, first weeks, and a wave of the hour that no cell knows"),
    "organisation-wide shocks": (Nature(shock=1.0), "all rates x 2.7, every 20 days, for 4 days on average"),
    "slow drift": (Nature(drift=0.7), "a yearly wave and a trend of the organisation, x 2 up and down"),
    "incidents with many rows": (Nature(many_rows=0.3), "30 % of events have 2 more rows on average, of others in the unit, any kind"),
    "churn": (Nature(stay=20.0, move_every=30.0), "stays of 20 days, moves between units every 30"),
    "coarse and mixed time": (Nature(is_coarse=True), "two kinds by shift, one by day, the others by the minute"),
    "transfers after incidents": (Nature(transfer=0.3), "30 % of aggressions are followed by a move to another unit"),
    "write-up contagion": (Nature(write_up=0.4), "50 % recorded, up to 90 % where much was recorded lately (half-life 3 days)"),
    "all but write-up contagion": (replace(ALL, write_up=0.0), "all of the above, stays of 60 days"),
    "all at once": (ALL, "all of the above"),
    "unit-own shocks": (Nature(unit_shock=1.0), "x 2.7 in one unit alone, every 40 days, for 4 days on average"),
    "unit-own drift": (Nature(unit_drift=0.7), "a wave of half a year in each unit by itself"),
}  # fmt: skip
PUBLISHED = {"unit-own shocks", "unit-own drift"}
"""Not promised: no method can tell them from echoes among those who share a unit. Measured all the same."""


def verdict(study: str, hits: int, n: int) -> str:
    if study in PUBLISHED:
        return "published, not promised"
    return "held" if hits / n <= limit(n) else "**not held**"


def limit(n: int) -> float:
    return PROMISE + 2.0 * np.sqrt(PROMISE * (1.0 - PROMISE) / n)


def page(found: dict[str, list[dict]]) -> str:
    lines, details = [], []
    for study, agencies in found.items():
        n = len(agencies)
        claims = [[row for row in one["rows"] if row[3]["claimed"]] for one in agencies]
        hits = sum(bool(mine) for mine in claims)
        events = np.mean([sum(one["events"]) for one in agencies])
        channels = Counter(channel for mine in claims for channel in {row[0] for row in mine})
        most = ", ".join(f"{name} {count}" for name, count in channels.most_common(4))
        lines.append(
            f"| {study} | {NULLS[study][1]} | {n} | {events:,.0f} | {share(hits, n)} | {100 * limit(n):.1f} | "
            f"{verdict(study, hits, n)} | {most} |"
        )
        by_channel: dict[str, list[float]] = defaultdict(list)
        for one in agencies:
            for row in one["rows"]:
                if not row[3]["label"]:
                    by_channel[row[0]].append(row[3]["p"])
        details.append((study, {name: (np.mean(np.asarray(p) <= 0.05), len(p)) for name, p in by_channel.items()}))
    names = list(dict.fromkeys(name for _, shares in details for name in shares))
    small = ["| " + " | ".join(["null", *names]) + " |", "|---|" + "---:|" * len(names)]
    for study, shares in details:
        cells = [f"{100 * shares[name][0]:.1f}" if name in shares else "" for name in names]
        small.append("| " + " | ".join([study, *cells]) + " |")
    return f"""# False discovery: how often is an echo claimed where there is none?

MADE

Each run invents an agency without any echo (20 units, 8 clients and 5 staff in each, mean stay 200 days unless said, one
year, six kinds, eleven channels, half-lives of 8 hours, 3 days and 3 weeks) and tests every coupling as an analysis does.
False discovery: share of agencies with any claim, in per cent, with its Monte Carlo standard error. Limit: 5 %, widened by
two Monte Carlo standard errors. At the end, where claims occurred: channels, with the number of agencies.

| null | what it is | agencies | scored events | any claim, % | limit, % | | channels that were claimed |
|---|---|---:|---:|---:|---:|---|---|
{chr(10).join(lines)}

Single tests: share of p-values up to .05, in per cent, by channel, before any correction. 5 is what is promised; less is
what a test at the boundary gives where estimates are held at zero by their neighbours.

{chr(10).join(small)}
"""


if __name__ == "__main__":
    main("nulls", {name: nature for name, (nature, _) in NULLS.items()}, 150, page, with_intervals=False)
