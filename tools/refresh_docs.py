"""Insert what the program itself says into the reference pages: help texts, and the words of the shared framework.

`python tools/refresh_docs.py` rewrites the pages; with `--check` it only says whether they are current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from click.testing import CliRunner
from cogapp import Cog

from antiphon.cli.program import COMMANDS, main
from antiphon.framework import load_vocabulary
from antiphon.records.tables import TABLES

HERE = Path(__file__).parent
PAGES = ("docs/reference/command-line.md", "docs/reference/kinds.md", "docs/reference/records.md")


def help_texts() -> str:
    """The program's help, and that of each command."""
    texts = []
    for name in (None, *COMMANDS):
        arguments = [name, "--help"] if name else ["--help"]
        shown = CliRunner().invoke(main, arguments, prog_name="antiphon", terminal_width=100).output
        texts.append(f"## {'antiphon ' + name if name else 'antiphon'}\n\n```text\n{shown.rstrip()}\n```\n")
    return "\n".join(texts)


def kind_tables() -> str:
    """One table of kinds per owner."""
    vocabulary = load_vocabulary()
    parts = []
    for owner in dict.fromkeys(kind.of for kind in vocabulary.kinds.values()):
        parts.append(f"## Events of: {owner}\n\n| kind | by | domains | definition | after |\n|---|---|---|---|---|")
        for kind in vocabulary.kinds.values():
            if kind.of == owner:
                domains = ", ".join(kind.domains) or "-"
                parts.append(f"| `{kind.name}` | {kind.by} | {domains} | {kind.definition} | {kind.source} |")
        parts.append("")
    return "\n".join(parts)


def relation_table() -> str:
    """The relations with their directions."""
    rows = [
        f"| `{relation.name}` | {relation.source} | {relation.target} | {relation.definition} |"
        for relation in load_vocabulary().relations.values()
    ]
    return "\n".join(["| relation | from | to | definition |", "|---|---|---|---|", *rows, ""])


def domain_table() -> str:
    """The domains with their signs at the level of clients, staff and the organisation."""
    rows = [
        f"| `{domain.name}` | {domain.definition} | {_signs(domain.client)} | {_signs(domain.staff)} | "
        f"{_signs(domain.organisation)} |"
        for domain in load_vocabulary().domains.values()
    ]
    heading = ["| domain | definition | clients | staff | organisation |", "|---|---|---|---|---|"]
    return "\n".join([*heading, *rows, ""])


def _signs(signs: tuple) -> str:
    return "; ".join(f"{sign.text} ({sign.coding[0].upper()})" for sign in signs)


def record_tables() -> str:
    """The columns of every table of an agency folder."""
    parts = []
    for table in TABLES.values():
        parts.append(
            f"## {table.name}\n\nOne row is {table.row}.\n\n| column | type | needed | meaning |\n|---|---|---|---|"
        )
        for column in table.columns:
            needed = "yes" if column.is_required else ""
            parts.append(f"| `{column.name}` | {column.type} | {needed} | {column.meaning} |")
        parts.append("| any other | text | | an attribute that does not change |\n" if table.has_attributes else "")
    return "\n".join(parts)


def refresh(*options: str) -> int:
    """Run the generators inside the pages."""
    pages = [str(HERE.parent / page) for page in PAGES]
    return Cog().main(["cog", "-r", "-I", str(HERE), *options, *pages])


if __name__ == "__main__":
    sys.exit(refresh("--check") if "--check" in sys.argv else refresh())
