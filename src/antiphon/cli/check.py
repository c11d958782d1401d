"""`antiphon check`: every problem of the records, and the records at a glance."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.cli.options import FOLDER, json_option

if TYPE_CHECKING:
    from antiphon.records import CheckResult


@click.command("check", short_help="Find every problem in the records; show them at a glance.")
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--list",
    "list_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write every row concerned to this Excel file, for the person who mends them. It holds values: keep it private.",
)
@json_option
def command(folder: Path, list_file: Path | None, *, as_json: bool) -> None:
    """Check the agency folder DIR: every problem at once, with the spreadsheet row and how to mend it.

    Then prints the records at a glance, to be compared with your own figures. Leaves with exit code 1 if anything stops
    the work. The messages hold no names and no values; they are safe to paste into an e-mail.
    """
    from antiphon.cli.progress import Progress
    from antiphon.records import check_agency, write_problem_list

    with Progress(1, quiet=as_json) as progress:
        progress.step("reading the records")
        result = check_agency(folder)
    if list_file is not None:
        write_problem_list(result, list_file)
        click.echo(f"{list_file} lists the rows with their values. Keep it private.\n", err=as_json)
    if as_json:
        _print_json(result)
    else:
        _print_words(result)
    if any(problem.grade == "error" for problem in result.problems):
        click.get_current_context().exit(1)


def _print_json(result: "CheckResult") -> None:
    from antiphon.cli.glance import glance_values
    from antiphon.cli.problems import problem_values

    document = {"problems": problem_values(result.problems), "glance": None}
    if result.glance is not None:
        document["glance"] = glance_values(result.glance)
    click.echo(json.dumps(document, ensure_ascii=False, default=str))


def _print_words(result: "CheckResult") -> None:
    from antiphon.cli.glance import print_glance
    from antiphon.cli.problems import problem_lines

    for line in problem_lines(result.problems):
        click.echo(line)
    if not result.problems:
        click.echo("No problems found.")
    if result.glance is not None and result.agency is not None:
        print_glance(result.glance, result.agency.vocabulary)
