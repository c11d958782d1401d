"""`antiphon analyse`: from an agency folder to a report."""

import json
from pathlib import Path

import click

from antiphon.cli.options import FOLDER, NEW_FOLDER, json_option, seed_option


@click.command("analyse", short_help="From an agency folder to a report.")
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--out", required=True, type=NEW_FOLDER, help="Folder for the results: new, empty, or with earlier results."
)
@seed_option
@json_option
def command(folder: Path, out: Path, *, seed: int, as_json: bool) -> None:
    """Analyse the agency folder DIR and write a report.

    Writes report.html (one page, opens in any browser, needs no network), findings.json, tables/ and tables.xlsx.
    All of them hold only what may be shown: no names, no small groups.
    """
    from antiphon.cli.analysis import STEPS, analyse_folder
    from antiphon.cli.folder import check_replaceable, whole_folder
    from antiphon.cli.progress import Progress

    check_replaceable(out)
    with whole_folder(out) as fresh, Progress(len(STEPS), quiet=as_json) as progress:
        analyse_folder(folder, fresh, seed=seed, progress=progress)
    if as_json:
        findings = json.loads((out / "findings.json").read_text(encoding="utf-8"))
        click.echo(json.dumps({"report": str(out / "report.html"), "findings": findings}, ensure_ascii=False))
    else:
        click.echo(f"The report is {out / 'report.html'}. Beside it: findings.json, tables/ and tables.xlsx.")
