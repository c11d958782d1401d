"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
NEW_FOLDER = click.Path(file_okay=False, path_type=Path)


def _remember(ctx: click.Context, _parameter: click.Parameter, value: bool) -> bool:  # noqa: FBT001 - Click's callback
    ctx.meta["antiphon.json"] = value
    return value


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json`: one JSON document on standard output, nothing else there."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        is_eager=True,
        callback=_remember,
        help="Print one JSON document for machines instead of words.",
    )(function)


def seed_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--seed`: the same records, settings and seed give the same report, byte for byte."""
    return click.option(
        "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Start of the random numbers."
    )(function)
