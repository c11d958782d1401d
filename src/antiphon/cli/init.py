"""`antiphon init`: an empty agency folder that explains itself."""

import json
from pathlib import Path

import click

from antiphon.cli.options import NEW_FOLDER, json_option


@click.command("init", short_help="Make an empty agency folder that explains itself.")
@click.argument("folder", metavar="DIR", type=NEW_FOLDER)
@json_option
def command(folder: Path, *, as_json: bool) -> None:
    """Make an empty agency folder DIR with a documented agency.toml and the headings of every table.

    Only the table of events is required. Fill it, then run `antiphon check DIR`.
    """
    from antiphon.records import init_agency

    init_agency(folder)
    files = sorted(entry.name for entry in folder.iterdir())
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "files": files}, ensure_ascii=False))
        return
    click.echo(f"{folder} now holds {', '.join(files)}.")
    click.echo("Only events is required; remove the tables that you do not have. Then: antiphon check " + str(folder))
