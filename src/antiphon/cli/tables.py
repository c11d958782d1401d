"""Tables of words and numbers on the terminal."""

from collections.abc import Sequence


def number(value: float | None, places: int) -> str:
    """Return a number with fixed decimals, or nothing where there is none."""
    return "" if value is None else f"{value:,.{places}f}"


def print_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that fits the terminal; the first column is words, the others align to the right.

    A file or pipe gets the full width, so that nothing is cut off there.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place and heading else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
