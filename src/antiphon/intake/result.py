"""What an import did, in counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from antiphon.records.agency import Problem


@dataclass(frozen=True, slots=True)
class MakeCount:
    """What one entry of the map (``[[source.NAME.make]]``) made of the rows of its source.

    Attributes
    ----------
    table : table of the agency folder.
    n_rows : rows offered: those read, without the dropped and the replaced.
    n_elsewhere : rows that its ``where`` does not choose.
    n_nothing : rows whose word for a column that the table requires means nothing, on purpose.
    n_merged : rows about a person or group of whom another row says the same.
    n_made : rows written. ``n_rows`` is the sum of these four.
    """

    table: str
    n_rows: int
    n_elsewhere: int
    n_nothing: int
    n_merged: int
    n_made: int


@dataclass(frozen=True, slots=True)
class SourceCount:
    """What became of the rows of one source.

    Attributes
    ----------
    name : name of the source in the map; ``n_files`` files it was found in.
    n_read : rows below the header, without blank lines.
    n_dropped : rows that the map says to leave out (``drop``).
    n_replaced : rows that a newer file, or an amendment, replaces (``key``, ``amends``).
    n_ignored : rows that no part of the map made anything of.
    n_made : table -> rows written into it. One row of the source may make several.
    n_set_aside : of the rows made, those that lack what their table requires or hold a time that cannot be read. They
        are written, so that ``antiphon check`` counts and lists them; the analysis leaves them out and says so.
    columns_ignored : columns of the files that the map does not read.
    makes : what became of the rows, by entry of the map.
    """

    name: str
    n_files: int
    n_read: int
    n_dropped: int
    n_replaced: int
    n_ignored: int
    n_made: Mapping[str, int]
    n_set_aside: int
    columns_ignored: tuple[str, ...]
    makes: tuple[MakeCount, ...]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import made, or with ``preview`` would make.

    Attributes
    ----------
    sources : one entry per source of the map, in its order.
    tables : table -> rows in the agency folder.
    problems : everything found; none of grade ``"error"`` unless ``preview``.
    written : the agency folder, or None where nothing was written.
    """

    sources: tuple[SourceCount, ...]
    tables: Mapping[str, int]
    problems: tuple[Problem, ...]
    written: Path | None

    @property
    def has_errors(self) -> bool:
        """Whether an import by this map would stop and write nothing."""
        return any(problem.grade == "error" for problem in self.problems)
