"""The records at a glance, as tables for people and as values for machines. Exact, therefore private."""

from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.tables import is_wide, number, print_table

if TYPE_CHECKING:
    import polars as pl

    from antiphon.framework import Vocabulary
    from antiphon.records import Glance

ALL = "all"
TITLES = {
    "per_1000_client_days": "Events, and in brackets per 1,000 client-days",
    "per_100_staff_years": "Events, and in brackets per 100 staff-years",
    "per_1000_role_days": "Events, and in brackets per 1,000 days of",
    "": "Events",
}
NEXT_FILES = {
    "census": "A census (memberships) would add rates, and what follows a person's own recent events.",
    "time cards or roster": "Time cards or a roster (presence) would add staff, and echoes between clients and staff.",
    "staff changes": "Changes in personnel would add loss and turnover.",
    "survey": "A survey (measures) would add how people are doing.",
}


def glance_values(glance: "Glance") -> dict[str, Any]:
    """Return the glance as plain values for `--json`: every unit, kind and quarter."""
    return {
        "rates": glance.rates.to_dicts(),
        "exposure": glance.exposure.to_dicts(),
        "own_exposure": glance.own_exposure.to_dicts(),
        "have": list(glance.have),
    }


def print_glance(glance: "Glance", vocabulary: "Vocabulary") -> None:
    """Print exposure, and events with their rates, of the whole agency by quarter: as many as fit, the last ones."""
    rates = glance.rates.filter(glance.rates["unit"] == ALL)
    quarters = rates["quarter"].unique().sort().to_list()[-(8 if is_wide() else 4) :]
    click.echo("\nThe records at a glance (exact, therefore private). Compare them with your own figures.\n")
    _print_exposure(glance, vocabulary, quarters)
    tables: dict[tuple[str, str], list[list[str]]] = {}
    for (kind,), of_kind in rates.sort("kind").group_by("kind", maintain_order=True):
        definition = vocabulary.kinds[str(kind)]
        is_personal = vocabulary.roles[definition.of] == vocabulary.levels[-1]
        per = _per(of_kind)
        per = per if is_personal or per == "per_1000_role_days" else ""
        cells = {row["quarter"]: row for row in of_kind.to_dicts()}
        shown = [cells[quarter] for quarter in quarters]
        role = vocabulary.role_labels[definition.of] if per == "per_1000_role_days" else ""
        rows = tables.setdefault((per, role), [])
        rows.append([definition.label, *(_cell(row, per) for row in shown)])
        if any(row["hours"] for row in shown):
            hours = (number(row["hours_per_1000_hours"], 2) for row in shown)
            rows.append([f"  hours of {definition.label} per 1,000 hours", *hours])
    for per, role in sorted(tables, key=lambda title: (list(TITLES).index(title[0]), title[1])):
        print_table(f"{TITLES[per]} {role}".rstrip(), ("", *quarters), tables[per, role])
    click.echo("* outside three standard errors of its own average: a quarter to look at, not yet a finding")
    _print_next_file(glance)


def _print_exposure(glance: "Glance", vocabulary: "Vocabulary", quarters: list[str]) -> None:
    exposure = glance.exposure.filter(glance.exposure["unit"] == ALL)
    own = glance.own_exposure.filter(glance.own_exposure["unit"] == ALL)
    lines = [
        ("client-days, leave removed", exposure, "client_days", 0),
        ("staff hours worked", exposure, "staff_hours", 0),
        ("staff-years employed", exposure, "staff_years", 1),
    ]
    for role in own["role"].unique(maintain_order=True):
        words = f"days of {vocabulary.role_labels[role]}, leave removed"
        lines.append((words, own.filter(own["role"] == role), "role_days", 0))
    rows = []
    for words, table, column, digits in lines:
        by_quarter = dict(table.select("quarter", column).iter_rows())
        values = [by_quarter.get(quarter) for quarter in quarters]
        if any(values):
            rows.append([words, *(number(value, digits) for value in values)])
    if rows:
        print_table("Time", ("", *quarters), rows)


def _cell(row: dict[str, Any], per: str) -> str:
    rate = row[per] if per else None
    if rate is None:
        return f"{row['events']:,}"
    outside = row["lower"] is not None and not row["lower"] <= rate <= row["upper"]
    return f"{row['events']:,} ({rate:.{1 if rate >= 1 else 2}f}){'*' if outside else ' '}"


def _per(rows: "pl.DataFrame") -> str:
    """Return the column that holds the rate of a kind, or nothing where there is no time to divide by."""
    return next((column for column in TITLES if column and rows[column].is_not_null().any()), "")


def _print_next_file(glance: "Glance") -> None:
    click.echo(f"\nThese records have: {', '.join(glance.have)}.")
    for name, words in NEXT_FILES.items():
        if name not in glance.have:
            click.echo(words)
            return
