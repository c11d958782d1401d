"""`antiphon demo`: an invented agency, its report, and the known truth beside what was found."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.options import NEW_FOLDER, json_option, seed_option

if TYPE_CHECKING:
    from antiphon.release import Released

NAME = "maple-house"


@click.command("demo", short_help="Analyse an example agency whose truth is known.")
@click.option("--out", default="antiphon-demo", show_default=True, type=NEW_FOLDER, help="Folder for everything.")
@seed_option
@json_option
def command(out: Path, *, seed: int, as_json: bool) -> None:
    """Make an example agency, analyse it and write its report.

    Maple House is invented, so the truth is known: the command ends with a table of what the agency was made from beside
    what was found in its records. OUT then holds the report, the agency folder maple-house/ and its truth.
    """
    from antiphon.cli.analysis import STEPS, analyse_folder
    from antiphon.cli.folder import RESULTS, whole_folder
    from antiphon.cli.progress import Progress
    from antiphon.synthetic import write_maple_house

    ours = RESULTS | {NAME, f"{NAME}.truth.json"}
    with whole_folder(out, ours=ours) as fresh, Progress(len(STEPS) + 1, quiet=as_json) as progress:
        progress.step("inventing an agency")
        write_maple_house(fresh / NAME, seed=seed)
        released = analyse_folder(fresh / NAME, fresh, seed=seed, progress=progress)
    _report(out, released, as_json=as_json)


def _report(out: Path, released: "Released", *, as_json: bool) -> None:
    from antiphon.cli.known_truth import compare_with_truth, false_finds

    truth = json.loads((out / f"{NAME}.truth.json").read_text(encoding="utf-8"))
    tables = compare_with_truth(truth, released)
    n_false = false_finds(truth, released)
    if as_json:
        click.echo(json.dumps({"report": str(out / "report.html"), "truth": tables, "false_finds": n_false}))
        return
    _print_tables(tables)
    click.echo(f"Echoes that the report claims and the agency was made without: {n_false}.")
    click.echo(f"\nThe report is {out / 'report.html'}; open it in a browser. The records are in {out / NAME}.")


def _print_tables(tables: dict[str, list[dict[str, Any]]]) -> None:
    from antiphon.cli.tables import number, print_table

    titles = {
        "couplings": ("What echoes: further events per event", 3),
        "responses": ("What an incident is met with: share of incidents", 2),
        "branching_ratio": ("What keeps itself going: branching ratio", 2),
    }
    for name, (title, places) in titles.items():
        rows = [
            [
                row["what"],
                *(number(row[key], places) for key in ("truth", "found")),
                _interval(row, places),
                row["verdict"],
            ]
            for row in tables[name]
        ]
        print_table(title, ("", "truth", "found", "95 % interval", ""), rows)


def _interval(row: dict[str, Any], places: int) -> str:
    from antiphon.cli.tables import number

    if row["low"] is None or row["high"] is None:
        return ""
    return f"{number(row['low'], places)} to {number(row['high'], places)}"
