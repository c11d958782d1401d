"""What the rest of the house knows of an agency: typed tables, settings, vocabulary, and what was wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

    from antiphon.framework.vocabulary import Vocabulary
    from antiphon.records.settings import Settings

Grade = Literal["error", "set aside", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem in the records, without any value or identifier.

    Attributes
    ----------
    grade : ``"error"`` stops, ``"set aside"`` leaves the rows out, ``"warning"`` uses them.
    table : table of the agency folder, or ``"agency.toml"``.
    rule : short stable name of the rule, such as ``"end_before_start"``.
    column : column concerned, or ``""``.
    message : what is wrong, in words that are safe to paste into an e-mail.
    mend : how to mend it.
    count : number of rows.
    source : file (and sheet) of the first row.
    first_row : spreadsheet row (header = row 1) of the first row, or 0 where no row is concerned.
    rows : every spreadsheet row, in order (for ``check --list``).
    """

    grade: Grade
    table: str
    rule: str
    message: str
    mend: str
    column: str = ""
    count: int = 1
    source: str = ""
    first_row: int = 0
    rows: tuple[int, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        """Return one line: where, what, how many, how to mend it."""
        counted = f" ({self.count:,} rows, first: {self._place()})" if self.count > 1 else f" ({self._place()})"
        where = f"{self.table}.{self.column}" if self.column else self.table
        return f"{self.grade}: {where}: {self.message}{counted if self.first_row else ''}. {self.mend} [{self.rule}]"

    def _place(self) -> str:
        return f"{self.source}, row {self.first_row}" if self.source else f"row {self.first_row}"


@dataclass(frozen=True, slots=True, repr=False)
class Agency:
    """An agency's records, checked.

    All times are UTC, ``Datetime("us", "UTC")``; ``settings.agency.timezone`` turns them back into local clock time.
    Every table carries ``source`` (file, sheet) and ``source_row`` (spreadsheet row); ``ties`` has a ``source`` of its
    own and carries ``source_file``. Absent tables are empty frames with all their columns.

    Attributes
    ----------
    events : time, system, kind, incident (null: none), target, severity, duration (minutes), reported,
        precision (``"minute"``, ``"shift"`` or ``"day"``, resolved: row, then kind, then agency).
        Sorted by time, then source order. Times of day-precision rows are local midnight of their day and of shift
        rows the start of their shift, in UTC.
    systems : system, level, role, pooled (bool), then attributes. Has a row for every system that occurs anywhere.
    memberships : member, group, start, end (null: open). Direct memberships only; nesting follows from the groups' own.
    presence : system, start, end, group (null: wherever a member), away (bool).
    ties : source, target, relation, start (null: always), end (null: open), weight (1.0 where not given).
    measures : time, system, instrument, item, value, respondent, role, n.
    practices : group, practice, start, end, dose, ramp.
    window : first moment observed and first moment no longer observed, UTC.
    problems : every set-aside and warning (an error never gets here).
    content_hash : SHA-256 of the canonical content, hexadecimal.
    set_aside : table, rule, kind (events; otherwise null), unit, month (``"2024-05"``), rows: what was left out.
    """

    settings: Settings
    vocabulary: Vocabulary
    events: pl.DataFrame
    systems: pl.DataFrame
    memberships: pl.DataFrame
    presence: pl.DataFrame
    ties: pl.DataFrame
    measures: pl.DataFrame
    practices: pl.DataFrame
    window: tuple[object, object]
    problems: tuple[Problem, ...]
    content_hash: str
    set_aside: pl.DataFrame

    def __repr__(self) -> str:
        """Counts only: no identifier leaves the records by accident."""
        return f"Agency({self.systems.height} systems, {self.events.height} events)"
