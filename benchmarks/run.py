"""Speed and memory of ours beside peers, in one run: writes ``benchmarks/results.md`` and ``results.json``.

``make benchmark``, or ``python benchmarks/run.py [CASE ...]`` for some of: dense, persons, simulation, network, command, chicago.
The peers live in an environment of their own (``benchmarks/peers.txt``), made on the first run.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from data import DECAY, dense, persons

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "peers"
ROUNDS = 3
N_EVENTS = 1_000_000
SLOW_PEER = 240  # seconds after which a peer is stopped


def peer_python():
    python = CACHE / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(CACHE)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "-r", str(HERE / "peers.txt")]
        subprocess.run(install, check=True)
    return str(python)


def call(command, timeout=None, **environment):
    """Last line of output as JSON, or the reason why there is none."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, check=False, cwd=HERE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"failed": f"stopped after {timeout} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"failed": (done.stderr.strip().splitlines() or ["no output"])[-1][:120]}
    return json.loads(lines[-1])


def median(results):
    good = [r for r in results if "failed" not in r]
    if not good:
        return results[0]
    return {key: float(np.median([r[key] for r in good])) for key in good[0]}


def beside_peers(ours, path, peers, threads=1):
    """Interleaved rounds, so that a slow minute of the machine falls on everyone."""
    found = {name: [] for name in ("antiphon", *peers)}
    for _ in range(ROUNDS):
        found["antiphon"].append(call([sys.executable, *ours]))
        for peer in peers:
            if found[peer] and ("failed" in found[peer][0] or found[peer][0]["seconds"] > 10):
                continue  # once is enough for a slow one
            found[peer].append(call([peer_python(), "peers.py", peer, str(path), str(threads)], SLOW_PEER))
    return {name: median(results) for name, results in found.items()}


def save_dense(path, n_kinds):
    time_, mark, horizon = dense(N_EVENTS, n_kinds)
    mu = np.full(n_kinds, 0.4 * time_.size / horizon / n_kinds)
    alpha = np.full((n_kinds, n_kinds), 0.6 / n_kinds)
    np.savez(path, time=time_, mark=mark, horizon=horizon, mu=mu, alpha=alpha, decay=DECAY)


def save_persons(path, n_persons):
    time_, mark, horizon = persons(N_EVENTS, n_persons)
    mu = np.full(n_persons, 0.4 * time_.size / horizon / n_persons)
    unit = np.arange(n_persons) // 20
    alpha = np.where(unit[:, None] == unit[None, :], 0.3 / 19, 0.0)
    np.fill_diagonal(alpha, 0.3)
    np.savez(path, time=time_, mark=mark, horizon=horizon, mu=mu, alpha=alpha, decay=DECAY)


DENSE_PEERS = {
    ("likelihood", 1): ("intensify", "tick"),
    ("likelihood", 2): ("tick",),
    ("fit", 1): ("intensify fit", "intensify fit, tolerance 1e-12", "tick fit"),
    ("fit", 2): ("intensify fit, tolerance 1e-12",),
}
"""Peers of each measure and number of threads; intensify has only one."""


def dense_cases(folder):
    found = {}
    for n_kinds in (10, 50):
        path = folder / f"dense{n_kinds}.npz"
        save_dense(path, n_kinds)
        for (measure, threads), peers in DENSE_PEERS.items():
            name = {"likelihood": "log likelihood and gradient", "fit": "whole fit"}[measure]
            case = (
                f"dense, {n_kinds} kinds, 1,000,000 events, {name}, {'one thread' if threads == 1 else 'two threads'}"
            )
            ours = ["ours_dense.py", str(path), measure, str(threads)]
            found[case] = beside_peers(ours, path, peers, threads)
    return found


def persons_cases(folder):
    path = folder / "persons.npz"
    save_persons(path, 10_000)
    ours = ["ours.py", str(path)]
    return {"10,000 persons in units of 20, 1,000,000 events": beside_peers(ours, path, ("hawkes-rs",))}


def simulation_cases(folder):
    found = {}
    for name, n, what, peers in (
        ("dense, 10 kinds", 10, "dense", ("intensify, branching", "hawkes-rs, thinning")),
        ("dense, 50 kinds", 50, "dense", ("intensify, branching", "hawkes-rs, thinning")),
        ("10,000 persons in units of 20", 10_000, "persons", ("intensify, branching",)),
    ):
        path = folder / f"simulation{n}.npz"
        (save_dense if what == "dense" else save_persons)(path, n)
        case = f"simulation of {name}, for 1,000,000 events"
        found[case] = beside_peers(["ours_simulation.py", str(path), what], path, peers)
    return found


def network_case(_folder):
    return {
        "network, whole fit with intervals": {"antiphon": call([sys.executable, "whole_fit.py", "750", "1.55"], 900)}
    }


def timed(command):
    start = time.perf_counter()
    done = subprocess.run(["/usr/bin/env", "time", "-f", "%M", *command], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    lines = done.stderr.strip().splitlines()
    peak = float(lines[-1]) / 1024 if lines and lines[-1].isdigit() else float("nan")
    return {"seconds": seconds, "peak_mb": peak, "exit": done.returncode}


def command_cases(folder):
    antiphon = str(Path(sys.executable).with_name("antiphon"))
    help_ = [timed([antiphon, "--help"]) for _ in range(7)]
    subprocess.run([antiphon, "demo", "--out", str(folder / "demo")], check=True, capture_output=True)
    analyse = [antiphon, "analyse", str(folder / "demo" / "maple-house"), "--out", str(folder / "out")]
    runs = [timed(analyse) for _ in range(2)]
    return {"antiphon --help": {"antiphon": median(help_)}, "analyse maple-house, second run": {"antiphon": runs[-1]}}


def chicago_case(folder):
    shared = Path(os.environ.get("ANTIPHON_SHARED", HERE.parent.parent / "shared")) / "data" / "chicago"
    if not shared.exists():
        return {"chicago, whole analyse": {"antiphon": {"failed": "the data are not beside the checkout"}}}
    antiphon = str(Path(sys.executable).with_name("antiphon"))
    example = HERE.parent / "examples" / "chicago" / "import.toml"
    out = str(folder / "chicago")
    subprocess.run(
        [antiphon, "import", str(example), "--files", str(shared), "--out", out], check=True, capture_output=True
    )
    return {"chicago, whole analyse": {"antiphon": timed([antiphon, "analyse", out, "--out", out + "-report"])}}


CASES = {
    "dense": dense_cases, "persons": persons_cases, "simulation": simulation_cases, "network": network_case, "command": command_cases,
    "chicago": chicago_case,
}  # fmt: skip


def table(found):
    lines = ["| work | who | seconds | preparation, s | peak MB | ours is faster by |", "|---|---|---|---|---|---|"]
    for case, results in found.items():
        ours = results["antiphon"].get("seconds")
        best = max((r["value"] for r in results.values() if "value" in r), default=None)
        for who, result in results.items():
            if "failed" in result:
                lines.append(f"| {case} | {who} | {result['failed']} | | | |")
                continue
            seconds = result.get("seconds")
            if seconds is None:
                parts = ", ".join(f"{k[:-8]} {v:.1f}" for k, v in result.items() if k.endswith("_seconds"))
                lines.append(
                    f"| {case}: {result['systems']:,} systems, {result['events']:,} events, {result['channels']} channels, "
                    f"{result['kinds']} kinds, {result['half_lives']} half-lives | {who} | {parts} | | {result['peak_mb']:.0f} | |"
                )
                continue
            ratio = f"{seconds / ours:.3g}" if who != "antiphon" and ours else ""
            short = (
                f" ({(best - result['value']) / abs(best):.1g} short of the best)"
                if "whole fit" in case and best
                else ""
            )
            lines.append(
                f"| {case} | {who}{short} | {seconds:.3g} | {result.get('prepare', float('nan')):.2f} | {result['peak_mb']:.0f} | {ratio} |"
            )
            floor = result.get("floor_seconds", float("nan"))
            if np.isfinite(floor):
                lines.append(
                    f"| {case} | the machine: a loop in C, written by hand | {floor:.3g} | | | {floor / ours:.3g} |"
                )
    return "\n".join(lines).replace("| nan |", "| |")


def main():
    chosen = sys.argv[1:] or list(CASES)
    store = HERE / "results.json"
    kept = json.loads(store.read_text()) if store.exists() else {}
    found = kept.get("cases", {})
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            print(f"{name} ...", file=sys.stderr)
            found.update(CASES[name](Path(folder)))
    today = dt.datetime.now(dt.UTC).date().isoformat()
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {today}"
    store.write_text(json.dumps({"machine": machine, "cases": found}, indent=1) + "\n")
    head = (
        "# Speed and memory\n\nMade by `make benchmark`. Medians of interleaved rounds, each in a process of its own; one evaluation "
        f"is log likelihood with gradient. In dense and simulation rows one thread is median processor time, two threads are the shortest time on the clock. {machine}.\n\n"
    )
    (HERE / "results.md").write_text(head + table(found) + "\n")
    print(table(found))


if __name__ == "__main__":
    main()
