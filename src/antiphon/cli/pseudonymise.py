"""`antiphon pseudonymise`: a copy of an agency folder without names and true dates."""

import json
from pathlib import Path

import click

from antiphon.cli.options import FOLDER, NEW_FOLDER, json_option

WARNING = (
    "This lowers the risk; it does not make the records anonymous. Someone who knows the agency may still recognise "
    "people by what happened when. Keep the key apart from the records, or destroy it."
)


@click.command("pseudonymise", short_help="Copy an agency folder without names and true dates.")
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("out", metavar="OUT", type=NEW_FOLDER)
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the secret key; made where it does not exist. Keep it outside both folders.",
)
@json_option
def command(folder: Path, out: Path, key_file: Path, *, as_json: bool) -> None:
    """Copy the agency folder DIR to OUT with identifiers replaced and all dates moved by the same number of weeks.

    The same key gives the same replacements again, so that later copies fit earlier ones.
    """
    from antiphon.records import pseudonymise

    made = pseudonymise(folder, out, key_file)
    if as_json:
        document = {
            "folder": str(out),
            "key": str(key_file),
            "rows": made.rows,
            "dropped": made.dropped,
            "warning": WARNING,
        }
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    click.echo(f"{out} holds the pseudonymised records; {key_file} holds the key.")
    for reason, n in made.dropped.items():
        click.echo(f"Left out: {n:,} events ({reason}).")
    click.echo(WARNING)
