"""The map: which columns, values, dates and files of other systems become which tables, read from ``import.toml``."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from antiphon.errors import SpecificationError
from antiphon.framework.vocabulary import nearest
from antiphon.records.problems import Ledger
from antiphon.records.tables import TABLES

FILE = "import.toml"
WAYS = ("column", "columns", "value", "date")


class Part(BaseModel):
    """A part of the map: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Lookup(Part):
    """A translation that stands in two columns of a file: ``{ file = ..., from = ..., to = ... }``.

    ``where`` chooses among the rows of the file.
    """

    file: str
    from_: str = Field(alias="from")
    to: str
    where: dict[str, tuple[str, ...]] = {}


class Cell(Part):
    """Where the content of one column comes from.

    One of ``column``, ``columns`` (joined by ``join``), ``value`` (the same in every row) or ``date`` (with ``clock``)
    says where. Then, in this order: cells in ``unknown`` count as empty; ``values`` (a file or a table) or ``lookup``
    translate, and ``otherwise`` stands for whatever they do not hold; ``prefix`` is put before it; ``default`` fills
    empty cells. A date under ``end`` that is the ``last_day`` that counts, ``"inclusive"``, becomes the day after.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    join: str = " "
    value: str | None = None
    date: str | None = None
    clock: str | None = None
    formats: tuple[str, ...] = ()
    shifts: dict[str, str] = {}
    unknown: tuple[str, ...] = ()
    values: str | dict[str, str] | None = None
    lookup: Lookup | None = None
    otherwise: str | None = None
    prefix: str = ""
    default: str | None = None
    last_day: Literal["inclusive"] | None = None

    @field_validator("value", "default", "otherwise", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else _plain_text(value)

    @field_validator("formats")
    @classmethod
    def _known_format(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("%" not in text for text in value):
            raise ValueError('write formats such as "%m/%d/%Y" or "%d-%b-%y %H:%M"')
        return value

    @field_validator("shifts")
    @classmethod
    def _clock_times(cls, value: dict[str, str]) -> dict[str, str]:
        if any(not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", start) for start in value.values()):
            raise ValueError('write for each shift when it starts, such as "15:00"')
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Cell:
        given = [way for way in WAYS if getattr(self, way) not in (None, ())]
        if len(given) != 1:
            raise ValueError(f"say where it comes from by one of {', '.join(WAYS)}")
        if (self.clock or self.shifts) and self.date is None:
            raise ValueError("clock and shifts stand beside date")
        if self.values is not None and self.lookup is not None:
            raise ValueError("translate by values or by lookup, not by both")
        if self.otherwise is not None and self.values is None and self.lookup is None:
            raise ValueError("otherwise stands beside values or lookup")
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the columns that it reads."""
        return tuple(name for name in (self.column, *self.columns, self.date, self.clock) if name is not None)


def _plain_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) or hasattr(value, "isoformat") else value


class Make(Part):
    """``[[source.NAME.make]]``: rows of one table out of rows of the source; ``where`` chooses among them."""

    table: str
    where: dict[str, tuple[str, ...]] = {}
    cells: dict[str, Cell]

    @model_validator(mode="before")
    @classmethod
    def _gather_cells(cls, content: Any) -> Any:
        """Whatever is no setting is a column of the table; a bare text names the column it is copied from."""
        if not isinstance(content, dict) or "cells" in content:
            return content
        settings = {key: content[key] for key in ("table", "where") if key in content}
        cells = {key: cell for key, cell in content.items() if key not in settings}
        return settings | {"cells": {key: {"column": c} if isinstance(c, str) else c for key, c in cells.items()}}

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the columns of the source that it reads."""
        return tuple(dict.fromkeys([*self.where, *(name for cell in self.cells.values() for name in cell.reads)]))


class Source(Part):
    """``[source.NAME]``: files of one form, and what is made of their rows."""

    files: tuple[str, ...] = Field(min_length=1)
    sheet: str | None = None
    header: int | tuple[int, ...] = 1
    stop: str | None = None
    encoding: str = "utf-8"
    separator: str | None = Field(default=None, min_length=1, max_length=1)
    drop: dict[str, tuple[str, ...]] = {}
    key: str | None = None
    amends: str | None = None
    columns_never_read: tuple[str, ...] = ()
    make: tuple[Make, ...] = Field(min_length=1)

    @field_validator("header")
    @classmethod
    def _in_sheet(cls, value: int | tuple[int, ...]) -> int | tuple[int, ...]:
        rows = (value,) if isinstance(value, int) else value
        if not rows or min(rows) < 1 or list(rows) != sorted(set(rows)):
            raise ValueError("name the spreadsheet row of the column names, counted from 1")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError('not a known encoding; usual ones are "utf-8" and "cp1252"') from None
        return value

    @field_validator("amends")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error:
            raise ValueError('not a pattern; write one such as "-A$"') from None
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Source:
        if self.amends is not None and self.key is None:
            raise ValueError("amends needs key: the column whose ending it describes")
        if set(self.columns_never_read) & set(self.reads):
            raise ValueError("a column of columns_never_read is used")
        return self

    @property
    def header_rows(self) -> tuple[int, ...]:
        """Spreadsheet rows of the column names."""
        return (self.header,) if isinstance(self.header, int) else self.header

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the columns that are read."""
        named = [*self.drop, *((self.key,) if self.key else ()), *(name for make in self.make for name in make.reads)]
        return tuple(dict.fromkeys(named))


class Map(Part):
    """A whole map; ``agency`` is the name of an ``agency.toml`` beside it, or the content of its section [agency]."""

    agency: str | dict[str, Any] | None = None
    source: dict[str, Source] = Field(min_length=1)


def find_map(path: Path) -> Path:
    """Return the map's file: the path itself, or ``import.toml`` in it.

    Raises
    ------
    SpecificationError
        Where there is none.
    """
    found = path / FILE if path.is_dir() else path
    if not found.is_file():
        raise SpecificationError(f"There is no map there. Name a TOML file, or a folder that holds {FILE}.")
    return found


def read_map(path: Path, ledger: Ledger) -> Map | None:
    """Read a map; None where it cannot be used (the ledger then says why, everything at once)."""
    content = _read_toml(path, ledger)
    if content is None:
        return None
    try:
        found = Map.model_validate(content)
    except ValidationError as mistakes:
        mistaken = mistakes.errors(include_url=False, include_context=False, include_input=False)
        inside = {other["loc"][:length] for other in mistaken for length in range(len(other["loc"]))}
        for mistake in mistaken:
            if mistake["loc"] not in inside:  # a part is empty where all that is in it is mistaken
                _note(mistake["loc"], str(mistake["type"]), str(mistake["msg"]), ledger)
        return None
    for name, source in found.source.items():
        for number, make in enumerate(source.make, start=1):
            _check_make(f"[[source.{name}.make]] (entry {number})", make, ledger)
    return None if ledger.has_errors else found


def _read_toml(path: Path, ledger: Ledger) -> dict[str, Any] | None:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError:
        ledger.add("error", FILE, "file_unreadable", "the map cannot be opened", "See that you may read it")
    except UnicodeDecodeError:
        ledger.add("error", FILE, "encoding_not_utf8", "the map is not UTF-8", 'Save it with the encoding "UTF-8"')
    except tomllib.TOMLDecodeError as trouble:
        place = re.search(r"line \d+, column \d+", str(trouble))
        where = f" ({place[0]})" if place else ""
        mend = 'Look for a missing quotation mark, bracket or "=" there; a pattern stands in single quotes'
        ledger.add("error", FILE, "not_toml", f"the map cannot be read as TOML{where}", mend)
    return None


def _note(location: tuple[int | str, ...], kind: str, text: str, ledger: Ledger) -> None:
    place, model = _place(location)
    if kind == "extra_forbidden":
        known = [field.alias or name for name, field in model.model_fields.items()]
        guess = nearest(str(location[-1]), known)
        hint = f'Did you mean "{guess}"?' if guess else f"Known here: {', '.join(known)}"
        ledger.add("error", FILE, "key_unknown", f'{place} has no setting "{location[-1]}"', hint)
        return
    words = text.removeprefix("Value error, ")
    ledger.add("error", FILE, "setting_invalid", f"{place}: {words[:1].lower()}{words[1:]}", "Correct the map")


def _place(location: tuple[int | str, ...]) -> tuple[str, type[BaseModel]]:
    """Return the place as it is written in the map, and the part that it belongs to."""
    steps = list(location)
    if len(steps) < 2 or steps[0] != "source":
        return (f'"{steps[0]}"' if steps else "the map"), Map
    if len(steps) >= 4 and steps[2] == "make" and isinstance(steps[3], int):
        entry = f"[[source.{steps[1]}.make]] (entry {steps[3] + 1})"
        inner = [str(step) for step in steps[4:] if step != "cells"]
        model = Lookup if "lookup" in inner[1:-1] else Cell if len(inner) > 1 else Make
        return f"{entry}: {'.'.join(inner)}" if inner else entry, model
    inner = [str(step) for step in steps[2:]]
    return f"[source.{steps[1]}]{': ' + '.'.join(inner) if inner else ''}", Source


def _check_make(place: str, make: Make, ledger: Ledger) -> None:
    if make.table not in TABLES:
        guess = nearest(make.table, TABLES)
        hint = f'Did you mean "{guess}"?' if guess else f"There are: {', '.join(TABLES)}"
        ledger.add("error", FILE, "table_unknown", f'{place}: there is no table "{make.table}"', hint)
        return
    table = TABLES[make.table]
    for name in make.cells:
        if name not in table.names and not table.has_attributes:
            guess = nearest(name, table.names)
            hint = f'Did you mean "{guess}"?' if guess else f"It has: {', '.join(table.names)}"
            message = f'{place}: the table {table.name} has no column "{name}"'
            ledger.add("error", FILE, "column_unknown", message, hint, name)
    times = {column.name for column in table.columns if column.type == "time"}
    for name, cell in make.cells.items():
        if cell.date is not None and name not in times:
            message = f'{place}: "{name}" is no time, so it has no date and clock'
            ledger.add("error", FILE, "setting_invalid", message, "Say column instead of date", name)
        if cell.last_day is not None and name != "end":
            message = f"{place}: {name}: last_day stands under end"
            ledger.add("error", FILE, "setting_invalid", message, "Take it away here", name)
    for name in table.required:
        if name not in make.cells:
            message = f'{place}: the table {table.name} needs the column "{name}"'
            mend = f'Say where it comes from, such as {name} = "..." or {name} = {{ value = "..." }}'
            ledger.add("error", FILE, "column_missing", message, mend, name)
    for name in set(make.cells) & set(table.provenance):
        message = f'{place}: the column "{name}" is filled by the import itself'
        ledger.add("error", FILE, "column_reserved", message, "Take it out of the map", name)
