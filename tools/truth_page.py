"""Write the page that sets what Maple House was made from beside what the analysis finds in its records.

`python tools/truth_page.py` runs `antiphon demo` as a user does and writes docs/reference/maple-house.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "maple-house.md"
TITLES = {
    "couplings": "What echoes: further events per event",
    "responses": "What an incident is met with: share of incidents",
    "branching_ratio": "What keeps itself going: share of events",
}
INTRODUCTION = """# Maple House: the truth beside what was found

Maple House is invented, so what it was made from is known. This page is what `antiphon demo` prints; `make truth` writes
it anew. Only released values stand under *found*: counts of persons too small to show, and shares too uncertain to print,
are withheld here as in every report. An echo that is answered inside its own incident (an assault that is met with a
restraint) brings the answer along, so the truth of such pairs includes it.

"""


def main() -> None:
    seed = sys.argv[1] if len(sys.argv) > 1 else "1"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "antiphon", "demo", "--out", f"{folder}/demo", "--seed", seed, "--json"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    PAGE.write_text(INTRODUCTION + _page(json.loads(done.stdout), seed), encoding="utf-8")


def _page(document: dict, seed: str) -> str:
    parts = [
        f"Seed {seed}. Echoes that the report claims and the agency was made without: {document['false_finds']}.\n"
    ]
    for name, title in TITLES.items():
        parts.append(f"\n## {title}\n\n| | truth | found | 95 % interval | |\n|---|---:|---:|---|---|")
        parts += [_line(row) for row in document["truth"][name]]
        parts.append("")
    return "\n".join(parts)


def _line(row: dict) -> str:
    interval = "" if row["low"] is None or row["high"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
    found = "" if row["found"] is None else f"{row['found']:.3f}"
    return f"| {row['what']} | {row['truth']:.3f} | {found} | {interval} | {row['verdict']} |"


if __name__ == "__main__":
    main()
