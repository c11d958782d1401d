"""An empty agency folder that explains itself."""

from __future__ import annotations

from pathlib import Path

from antiphon.errors import SpecificationError
from antiphon.framework import load_vocabulary
from antiphon.framework.vocabulary import Vocabulary
from antiphon.records.assumptions import write_whole
from antiphon.records.configuration import FILE
from antiphon.records.tables import TABLES, Table

EMPTY_NAME = "Our agency"
TOML = """\
# The agency: who it is and what in it differs from the defaults. Lines that start with # are explanations or examples;
# take the # away to use one. Words in quotation marks are yours. Then: antiphon check, and correct what it says.

[agency]
name = "Our agency"
timezone = "America/New_York"              # where the clocks of the records hang, such as "Europe/London"
window = ["2024-01-01", "2026-01-01"]      # ALL events recorded from (inclusive) to (exclusive): both years, 2024 and 2025
precision = "minute"                       # how exactly event times are known: minute, shift or day
# incident_window_minutes = 60             # events without an incident number belong together within this time

# [levels]
# order = ["environment", "organisation", "unit", "team", "person"]   # outermost first; the last is "person"
# unit = "unit"                            # which of your levels are the places that people share, if called otherwise
# organisation = "organisation"            # which of them share their weeks: units are compared within one of these

# [roles]                                  # a role of your own = the level that it belongs to
# teacher = "person"
# cottage = "unit"

# [kinds.escort_hold]                      # an event kind of your own; those listed at the end need no entry
# of = "client"                            # whose event it is: a role, or a level ("unit", "organisation" ...)
# by = "staff"                             # whose behaviour it is, where that is someone else
# domains = ["punishment"]
# while = "present"                        # can happen while "present" (not on leave, on shift) or while a "member"
# severity = "MOAS"                        # name of the scale of the column severity
# precision = "day"                        # where this kind is known less (or more) exactly
# terminal = false                         # true: it ends the stay (discharge, resignation)

# [relations.key_worker]                   # a relationship of your own: from whom to whom
# source = "staff"
# target = "client"

# [model]                                  # where the defaults will not do
# half_lives = ["8h", "3d", "3w"]           # "delay:10d:3": echoes that take ten days on average; or "choose"
# channels = ["self", "peers:unit:client>staff", "members:unit:staff>unit", "group:organisation:organisation>staff", "tie:caseload:staff>client"]
# covariates = ["attribute:trauma_history>staff", "staffing:unit", "practice:debriefing"]     # what else may matter
# receptivity = ["practice:debriefing"]    # what may make people more, or less, ready to answer
# period_days = 28

# [[gaps]]                                 # nothing was recorded, or recorded otherwise: such time does not count
# group = "unit-4"                         # without it: the whole agency
# start = "2024-06-01"
# end = "2024-07-15"
# kinds = ["restraint"]                    # without it: every kind
# why = "new incident system"

# [[breaks]]                               # the meaning of a kind changed; its level may jump
# kind = "restraint"
# time = "2024-10-01"
# why = "escort holds now counted"

# [privacy]
# min_clients = 11                         # fewer people than this are never shown
# min_staff = 10
# marking = "Confidential - quality improvement"            # printed on every page
# purpose = "quality improvement; not for discipline, evaluation or placement of any person"
# exclude = { programme = ["part2-sud"] }                   # an attribute in systems: left out of everything
# keep = ["age_band"]                                       # attributes that antiphon pseudonymise copies
# staff_kinds = "aggregate"                                 # discipline and grievances count for the unit, never for a person

# [calendar]
# shifts = ["07:00", "15:00", "23:00"]     # when shifts start

# [accept]                                 # rows set aside by a rule that are more than 2 % of a kind or 5 % in a unit
# system_unknown = "agency staff have no number in the staff list"
"""


def init_agency(folder: str | Path) -> None:
    """Make an empty agency folder: an explained ``agency.toml``, the heading of every table, and a README.

    Parameters
    ----------
    folder : new or empty; nothing is ever overwritten.

    Raises
    ------
    SpecificationError
        Where the folder holds something already, or cannot be made.
    """
    path = Path(folder)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise SpecificationError("The folder is not empty. Name a new one: antiphon init never overwrites anything.")
    try:
        path.mkdir(parents=True, exist_ok=True)
        for table in TABLES.values():
            write_whole(path / f"{table.name}.csv", (",".join(table.names) + "\n").encode())
        write_whole(path / FILE, (TOML + _kinds_in_words(load_vocabulary())).encode())
        write_whole(path / "README.md", _readme().encode())
    except OSError:
        raise SpecificationError("The folder cannot be made there. See that you may write there.") from None


def _kinds_in_words(vocabulary: Vocabulary) -> str:
    """List the event kinds of the shared framework by owner, as comments."""
    lines = ["", "# Event kinds of the shared framework, by whose they are (they need no entry):"]
    for owner in dict.fromkeys(kind.of for kind in vocabulary.kinds.values()):
        names = [name for name, kind in vocabulary.kinds.items() if kind.of == owner]
        lines.append(f"#   {owner}: {', '.join(names)}")
    lines.append(f"# Relations: {', '.join(vocabulary.relations)}")
    lines.append(f"# Practices: {', '.join(vocabulary.practices)}")
    return "\n".join(lines) + "\n"


def _readme() -> str:
    parts = [
        "# An agency folder",
        "",
        "Fill `events.csv`; the other tables add what they say. **Delete the tables that you do not have.** Each may also",
        "be an Excel workbook (`.xlsx`, column names in row 1) or Parquet; CSV is UTF-8 with commas.",
        "",
        "Times are local clock times, `2024-01-31T14:30`; a date alone means 00:00. `end` is the first moment, or the first",
        "day, that is no longer in it: if someone left on 30 September and that day still counts, write the day after, or the",
        "clock time. Empty means still open. Every identifier stands in `systems`, written the same way everywhere.",
        "",
        "Then: `antiphon check` on this folder.",
        "",
    ]
    return "\n".join(parts + [line for table in TABLES.values() for line in _described(table)])


def _described(table: Table) -> list[str]:
    lines = [f"## {table.name}: one row is {table.row}", "", "| column | needed | meaning |", "|---|---|---|"]
    lines += [f"| {c.name} | {'yes' if c.is_required else ''} | {c.meaning} |" for c in table.columns]
    if table.has_attributes:
        lines.append("| any other | | an attribute that does not change; what changes is a measure |")
    return [*lines, ""]
