"""A whole fit with intervals on an invented network: prints one line of JSON. ``python whole_fit.py ORGANISATIONS RATE``."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from memory import peak_mb

from antiphon.design import build_design
from antiphon.hawkes import fit_design
from antiphon.inference.claims import table_of_tests
from antiphon.inference.intervals import compare_without, make_curve, profile_interval
from antiphon.records import read_agency
from antiphon.synthetic import write_network

CHANNELS = (
    "self", "peers:unit:client>client", "peers:unit:client>staff", "peers:unit:staff>client", "members:unit:client>unit",
    "members:organisation:staff>organisation", "group:organisation:organisation>staff", "tie:caseload:staff>client",
)  # fmt: skip


def intervals(fit):
    rows = [row for row in table_of_tests(fit.design) if row.label != "too few"]

    def one_target(index):
        mine = [row for row in rows if row.target == index]
        if not mine:
            return 0
        curve = make_curve(fit, index)
        for row in mine:
            profile_interval(curve, row.columns)
            compare_without(curve, row.columns, seed=1)
        return len(mine)

    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(one_target, range(len(fit.targets))))


def run(organisations, rate):
    times = {}
    with tempfile.TemporaryDirectory() as folder:
        write_network(Path(folder) / "network", n_organisations=organisations, seed=1, rate=rate)
        start = time.perf_counter()
        agency = read_agency(Path(folder) / "network")
        times["read"] = time.perf_counter() - start
    records_mb = peak_mb()
    start = time.perf_counter()
    design = build_design(agency, channels=CHANNELS)
    times["design"] = time.perf_counter() - start
    start = time.perf_counter()
    fit = fit_design(design)
    times["fit"] = time.perf_counter() - start
    start = time.perf_counter()
    n_intervals = intervals(fit)
    times["intervals"] = time.perf_counter() - start
    return {
        "systems": design.n_systems,
        "events": int(agency.events.height),
        "channels": len(design.channels),
        "kinds": len(design.kinds),
        "half_lives": int(design.kernels.orders.size),
        "columns": [len(t.columns) for t in design.targets],
        "intervals": n_intervals,
        "status": [t.status.name for t in fit.targets],
        **{f"{name}_seconds": seconds for name, seconds in times.items()},
        "peak_mb_after_reading": records_mb,
        "peak_mb": peak_mb(),
    }


def main():
    organisations, rate = int(sys.argv[1]), float(sys.argv[2])
    if organisations > 20:
        run(2, 1.0)  # compiled once, outside the clock
    print(json.dumps(run(organisations, rate)))


if __name__ == "__main__":
    main()
