"""`antiphon import`: other systems' exports onto the tables of an agency folder, by a map."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.cli.options import FOLDER, NEW_FOLDER, json_option

if TYPE_CHECKING:
    from antiphon.intake import ImportResult

ENTRY_HEADINGS = ("entry > table", "rows", "not in where", "nothing on purpose", "said already", "written")


@click.command("import", short_help="Bring other systems' exports into an agency folder.")
@click.argument("map_file", metavar="MAP", type=click.Path(exists=True, path_type=Path))
@click.option("--out", required=True, type=NEW_FOLDER, help="The agency folder to write.")
@click.option("--files", type=FOLDER, help="Folder with the exports, where it is not the map's own.")
@click.option("--preview", is_flag=True, help="Say what would be made; write nothing.")
@json_option
def command(map_file: Path, out: Path, files: Path | None, *, preview: bool, as_json: bool) -> None:
    """Import exports of other systems into an agency folder, as MAP says.

    MAP is a TOML file, or a folder that holds import.toml.
    """
    from antiphon.cli.progress import Progress
    from antiphon.intake import import_records

    with Progress(1, quiet=as_json) as progress:
        progress.step("importing")
        result = import_records(map_file, out, files=files, preview=preview)
    if as_json:
        _print_json(result)
    else:
        _print_words(result)
    if any(problem.grade == "error" for problem in result.problems):
        click.get_current_context().exit(1)


def _print_json(result: "ImportResult") -> None:
    from antiphon.cli.problems import problem_values

    document = {
        "sources": [asdict(source) for source in result.sources],
        "tables": dict(result.tables),
        "problems": problem_values(result.problems),
        "written": str(result.written) if result.written else None,
    }
    click.echo(json.dumps(document, ensure_ascii=False, default=dict))


def _print_words(result: "ImportResult") -> None:
    from antiphon.cli.problems import problem_lines
    from antiphon.cli.tables import print_table

    counts = ("n_read", "n_dropped", "n_replaced", "n_ignored", "n_set_aside")
    rows = [
        [source.name, str(source.n_files), *(f"{getattr(source, count):,}" for count in counts), _made(source.n_made)]
        for source in result.sources
    ]
    headings = ("source", "files", "read", "dropped", "replaced", "ignored", "set aside", "made")
    print_table("Rows", headings, rows)
    print_table(
        "Entries of the map, over the rows that are neither dropped nor replaced", ENTRY_HEADINGS, _entries(result)
    )
    for source in result.sources:
        if source.columns_ignored:
            click.echo(f"{source.name}: columns not read: {', '.join(source.columns_ignored)}")
    for line in problem_lines(result.problems):
        click.echo(line)
    if result.written is None:
        click.echo("Nothing was written.")
    else:
        click.echo(f"{result.written} now holds {_made(result.tables)}. Next: antiphon check {result.written}")


def _entries(result: "ImportResult") -> list[list[str]]:
    counts = ("n_rows", "n_elsewhere", "n_nothing", "n_merged", "n_made")
    return [
        [f"{source.name} {number} > {make.table}", *(f"{getattr(make, count):,}" for count in counts)]
        for source in result.sources
        for number, make in enumerate(source.makes, start=1)
    ]


def _made(tables: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {table}" for table, n in tables.items())
