"""The front door: an agency folder in, an ``Agency`` or every problem out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from antiphon.errors import RecordError, SpecificationError
from antiphon.records.agency import Agency, Problem
from antiphon.records.assumptions import assume_settings, assume_window, write_assumptions
from antiphon.records.attendance import warn_of_absences
from antiphon.records.clusters import check_accept, count_set_aside, judge_set_aside
from antiphon.records.configuration import FILE, build_vocabulary, read_settings
from antiphon.records.events import Context, aggregate_kinds, check_events
from antiphon.records.exclusion import exclude
from antiphon.records.glance import Glance, glance
from antiphon.records.parsing import parse_table
from antiphon.records.people import assume_systems, check_systems
from antiphon.records.problems import ROW, SOURCE, Ledger
from antiphon.records.reading import read_folder
from antiphon.records.settings import Settings
from antiphon.records.stays import nested_stays, unit_spells
from antiphon.records.structure import (
    check_measures,
    check_memberships,
    check_practices,
    check_presence,
    check_ties,
    warn_of_closed_groups,
)
from antiphon.records.tables import TABLES
from antiphon.records.tendencies import warn_of_tendencies

if TYPE_CHECKING:
    from antiphon.framework.vocabulary import Vocabulary

HASHED_SETTINGS = ("agency", "levels", "roles", "kinds", "relations", "gaps", "breaks", "calendar")


@dataclass(frozen=True, slots=True, repr=False)
class CheckResult:
    """What ``antiphon check`` found.

    Attributes
    ----------
    agency : the checked records; None where an error stops the work.
    problems : everything found: errors, then rows set aside, then warnings.
    glance : the records at a glance; None where there is no agency.
    set_aside : table, rule, kind, unit, month, rows. Holds names of units: private.
    rows : every concerned row: grade, table, rule, column, ``_source``, ``_row``. Private.
    raw : the tables as they were written, as text. Private.
    """

    agency: Agency | None
    problems: tuple[Problem, ...]
    glance: Glance | None
    set_aside: pl.DataFrame = field(repr=False)
    rows: pl.DataFrame = field(repr=False)
    raw: dict[str, pl.DataFrame] = field(repr=False)

    def __repr__(self) -> str:
        """Counts only."""
        return f"CheckResult({self.agency!r}, {len(self.problems)} problems)"


def read_agency(folder: str | Path) -> Agency:
    """Read and check an agency folder.

    Parameters
    ----------
    folder : the agency folder (see the reference of the records). Nothing is written into it.

    Returns
    -------
    Agency
        The records, checked; what was set aside and warned of stands in ``problems``.

    Raises
    ------
    RecordError
        Where something in the records stops the work; ``problems`` lists everything that was found.
    """
    ledger = Ledger()
    agency, _ = _check(_existing(folder), ledger, writes_assumptions=False)
    if agency is None:
        raise RecordError(_ordered(ledger))
    return agency


def check_agency(folder: str | Path) -> CheckResult:
    """Find every problem in an agency folder, and show the records at a glance.

    Where ``agency.toml`` is absent it is written, with what was assumed.

    Parameters
    ----------
    folder : the agency folder.

    Returns
    -------
    CheckResult
        With ``agency`` and ``glance`` None where an error stops the work.
    """
    ledger = Ledger()
    agency, raw = _check(_existing(folder), ledger, writes_assumptions=True)
    return CheckResult(
        agency=agency,
        problems=_ordered(ledger),
        glance=glance(agency) if agency is not None else None,
        set_aside=agency.set_aside if agency is not None else count_set_aside({}, pl.DataFrame(), ledger),
        rows=ledger.row_list(),
        raw=raw,
    )


def _existing(folder: str | Path) -> Path:
    path = Path(folder)
    if not path.is_dir():
        raise SpecificationError("There is no such agency folder. Name the folder that holds the tables.")
    return path


def _check(folder: Path, ledger: Ledger, *, writes_assumptions: bool) -> tuple[Agency | None, dict[str, pl.DataFrame]]:
    settings = read_settings(folder, ledger)
    raw = read_folder(folder, ledger)
    _check_there_are_events(raw, ledger)
    is_assumed = settings is None and not (folder / FILE).exists()
    if is_assumed and "events" in raw:
        settings = assume_settings(folder, raw, ledger)
    zone = settings.agency.timezone if settings is not None else "UTC"
    parsed = {name: parse_table(name, frame, zone, ledger) for name, frame in raw.items()}
    if settings is None:
        return None, raw
    agency = _assemble(raw, parsed, settings, ledger)
    if is_assumed and writes_assumptions:
        write_assumptions(folder, settings, ledger)
    return agency, raw


def _check_there_are_events(raw: dict[str, pl.DataFrame], ledger: Ledger) -> None:
    if "events" not in raw and not any(problem.table == "events" for problem in ledger.problems):
        message = "the table of events is not there; it is the one table that nothing goes without"
        mend = "Put events.csv, events.parquet or events.xlsx into the folder (columns time, system, kind)"
        ledger.add("error", "events", "table_missing", message, mend)


def _ordered(ledger: Ledger) -> tuple[Problem, ...]:
    rank = {"error": 0, "set aside": 1, "warning": 2}
    return tuple(sorted(ledger.problems, key=lambda problem: rank[problem.grade]))


def _assemble(
    raw: dict[str, pl.DataFrame], parsed: dict[str, pl.DataFrame], settings: Settings, ledger: Ledger
) -> Agency | None:
    vocabulary = build_vocabulary(settings, ledger)
    check_accept(settings, ledger)
    window = _window(settings, raw, ledger)
    tables = {name: parsed.get(name, _no_rows(name)) for name in TABLES}
    if "systems" in parsed:
        tables["systems"] = check_systems(tables["systems"], vocabulary, ledger)
    elif "events" in parsed:
        tables["systems"] = assume_systems(tables, vocabulary, ledger)
    tables = exclude(tables, settings, ledger)
    if window is None:
        return None
    tables, vocabulary = _check_tables(tables, settings, vocabulary, window, ledger)
    stays = nested_stays(tables["memberships"], tables["systems"])
    units = unit_spells(stays, tables["systems"], vocabulary.unit)
    judge_set_aside(raw, units, settings, ledger)
    if tables["events"].is_empty() and not ledger.has_errors:
        message = "no event can be used"
        ledger.add("error", "events", "no_events_left", message, "See what was set aside, above all the window")
    if ledger.has_errors:
        return None
    warn_of_tendencies(tables["events"], settings, ledger)
    warn_of_absences(tables["events"], tables["presence"], tables["systems"], vocabulary, ledger)
    return _agency(tables, settings, vocabulary, window, ledger, count_set_aside(raw, units, ledger))


def _no_rows(name: str) -> pl.DataFrame:
    table = TABLES[name]
    where, row = table.provenance
    frame = table.empty().rename({where: SOURCE, row: ROW})
    times = [column.name for column in table.columns if column.type == "time"]
    return frame.with_columns(
        *(pl.lit(None, dtype=pl.Datetime("us")).alias(f"{time}_local") for time in times),
        *(pl.lit(value=False).alias(f"{time}_{mark}") for time in times for mark in ("bare", "doubtful")),
    )


def _window(settings: Settings, raw: dict[str, pl.DataFrame], ledger: Ledger) -> tuple[datetime, datetime] | None:
    window = settings.agency.window
    if window is None and "events" in raw:
        window = assume_window(raw)
        message = "[agency] has no window: from the first day with an event to the day after the last is assumed"
        mend = 'Write from when to when all events were recorded: window = ["2024-01-01", "2026-01-01"]'
        ledger.add("warning", FILE, "window_assumed", message, mend, "window")
    return None if window is None else (settings.to_utc(window[0]), settings.to_utc(window[1]))


def _check_tables(
    tables: dict[str, pl.DataFrame],
    settings: Settings,
    vocabulary: Vocabulary,
    window: tuple[datetime, datetime],
    ledger: Ledger,
) -> tuple[dict[str, pl.DataFrame], Vocabulary]:
    systems = tables["systems"]
    memberships = check_memberships(tables["memberships"], systems, vocabulary, ledger)
    warn_of_closed_groups(memberships, window, ledger)
    context = Context(settings, vocabulary, systems, memberships, nested_stays(memberships, systems), window)
    events = check_events(tables["events"], context, ledger)
    events, own_vocabulary = aggregate_kinds(events, context, ledger)
    checked = {
        "events": events,
        "systems": systems,
        "memberships": memberships,
        "presence": check_presence(tables["presence"], systems, memberships, vocabulary, ledger),
        "ties": check_ties(tables["ties"], systems, vocabulary, ledger),
        "measures": check_measures(tables["measures"], systems, vocabulary, ledger),
        "practices": check_practices(tables["practices"], systems, vocabulary, ledger),
    }
    return checked, own_vocabulary


def _agency(
    tables: dict[str, pl.DataFrame],
    settings: Settings,
    vocabulary: Vocabulary,
    window: tuple[datetime, datetime],
    ledger: Ledger,
    aside: pl.DataFrame,
) -> Agency:
    final = {name: _final(name, frame) for name, frame in tables.items()}
    return Agency(
        settings=settings,
        vocabulary=vocabulary,
        **final,
        window=window,
        problems=_ordered(ledger),
        content_hash=_content_hash(final, settings, window),
        set_aside=aside,
    )


def _final(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of the contract, and the order of rows that does not depend on the order in the file by chance."""
    table = TABLES[name]
    where, row = table.provenance
    attributes = []
    if table.has_attributes:
        attributes = [column for column in frame.columns if column not in (*table.names, SOURCE, ROW)]
    frame = frame.select(*table.names, *attributes, pl.col(SOURCE).alias(where), pl.col(ROW).alias(row))
    return frame.sort("time", where, row) if "time" in table.names else frame


def _content_hash(tables: dict[str, pl.DataFrame], settings: Settings, window: tuple[datetime, datetime]) -> str:
    """SHA-256 of what the records say: the same for CSV and Excel, and for rows in another order."""
    digest = hashlib.sha256()
    for name in sorted(tables):
        where, row = TABLES[name].provenance
        frame = tables[name].drop(where, row)
        frame = frame.select(sorted(frame.columns))
        digest.update(f"{name}\n".encode())
        digest.update(frame.sort(frame.columns).write_csv().encode())
    chosen = settings.model_dump(mode="json", include=set(HASHED_SETTINGS))
    digest.update(json.dumps(chosen, sort_keys=True).encode())
    digest.update(" ".join(moment.astimezone(UTC).isoformat() for moment in window).encode())
    return digest.hexdigest()
