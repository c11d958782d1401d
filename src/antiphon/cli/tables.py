"""Tables of words and numbers on the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 130


def number(value: float | None, places: int) -> str:
    """Return a number with fixed decimals, or nothing where there is none."""
    return "" if value is None else f"{value:,.{places}f}"


def is_wide() -> bool:
    """Whether eight quarters fit beside their labels."""
    return _console().width >= WIDE


def print_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that fits the terminal; the first column is words, columns with a heading are numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(headings):
        is_number = bool(place and heading)
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=is_number)
    for row in rows:
        table.add_row(*row)
    _console().print(table)


def _console() -> "Console":
    """Return a console as wide as the terminal; a file or pipe gets the full width, so that nothing is cut off there."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=160)
