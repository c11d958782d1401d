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
from antiphon.records.context import Context
from antiphon.records.events import aggregate_kinds, check_events
from antiphon.records.exclusion import exclude
from antiphon.records.glance import Glance, glance
from antiphon.records.init import EMPTY_NAME
from antiphon.records.parsing import parse_table
from antiphon.records.people import find_systems
from antiphon.records.problems import ASIDE, ROW, SOURCE, Ledger, usable
from antiphon.records.reading import read_folder
from antiphon.records.settings import Settings
from antiphon.records.stays import FAR, FIRST, nested_stays, unit_spells
from antiphon.records.structure import (
    check_measures,
    check_memberships,
    check_practices,
    check_presence,
    check_ties,
    warn_of_closed_groups,
)
from antiphon.records.tables import TABLES
from antiphon.records.tendencies import NOT_KNOWN, warn_of_tendencies

if TYPE_CHECKING:
    from antiphon.framework.vocabulary import Vocabulary

# What may only look wrong while agency.toml, which may declare other words, cannot be read.
SAID_BY_WORDS = (
    "group_not_outer",
    "kind_of_another_role",
    "kind_unknown",
    "level_unknown",
    "practice_unknown",
    "relation_unknown",
    "role_at_wrong_level",
    "role_does_not_fit",
    "role_unknown",
    "role_without_stays",
    "window_assumed",
)
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
    words : words that are not known: table, column, word, rows, nearest (known word, or null). Private.
    raw : the tables as they were written, as text. Private.
    """

    agency: Agency | None
    problems: tuple[Problem, ...]
    glance: Glance | None
    set_aside: pl.DataFrame = field(repr=False)
    rows: pl.DataFrame = field(repr=False)
    words: pl.DataFrame = field(repr=False)
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
        words=ledger.word_list(),
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
    if settings is not None and settings.agency.name == EMPTY_NAME and "events" in raw:
        message = f'the name is still "{EMPTY_NAME}", as antiphon init writes it'
        mend = "Write yours, and see that the time zone and the window below it are yours too"
        ledger.add("warning", FILE, "settings_untouched", message, mend, "name")
    has_file = (folder / FILE).exists()
    is_unread = settings is None and has_file
    if settings is None:
        settings = Settings() if has_file or "events" not in raw else assume_settings(folder, raw, ledger)
    zone = settings.agency.timezone
    parsed = {name: parse_table(name, frame, zone, ledger) for name, frame in raw.items()}
    agency = _assemble(raw, parsed, settings, ledger)
    if is_unread:
        ledger.forget(SAID_BY_WORDS)
    if not has_file and writes_assumptions:
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
    tables["systems"] = find_systems(tables, vocabulary, ledger)
    tables = exclude(tables, settings, ledger)
    tables, vocabulary = _check_tables(tables, settings, vocabulary, window, ledger)
    stays = nested_stays(tables["memberships"], tables["systems"])
    units = unit_spells(stays, tables["systems"], vocabulary.unit)
    judge_set_aside(raw, units, settings, ledger)
    if tables["events"].is_empty() and not ledger.has_errors:
        message = "no event can be used"
        ledger.add("error", "events", "no_events_left", message, "See what was set aside, above all the window")
    warn_of_tendencies(_with_known_kinds(tables["events"], vocabulary), settings, window, ledger)
    warn_of_absences(tables["events"], tables["presence"], tables["systems"], vocabulary, ledger)
    if ledger.has_errors:
        return None
    return _agency(tables, settings, vocabulary, window, ledger, count_set_aside(raw, units, ledger))


def _members_set_aside(memberships: pl.DataFrame, ledger: Ledger) -> pl.Series:
    """Whoever has a row of memberships that is set aside: where they were is not known."""
    noted = ledger.row_list().filter((pl.col("table") == "memberships") & (pl.col("grade") == "set aside"))
    rows = memberships.filter(ASIDE).select("member", SOURCE, ROW)
    rows = pl.concat([rows, memberships.join(noted, on=[SOURCE, ROW], how="semi").select("member", SOURCE, ROW)])
    return rows["member"].drop_nulls().unique().sort()


def _with_known_kinds(events: pl.DataFrame, vocabulary: Vocabulary) -> pl.DataFrame:
    """Put one word in the place of kinds that are not known, which may be names and are not told."""
    is_known = pl.col("kind").is_in(list(vocabulary.kinds))
    return events.with_columns(pl.when(is_known).then("kind").otherwise(pl.lit(NOT_KNOWN)).alias("kind"))


def _no_rows(name: str) -> pl.DataFrame:
    table = TABLES[name]
    where, row = table.provenance
    frame = table.empty().rename({where: SOURCE, row: ROW})
    times = [column.name for column in table.columns if column.type == "time"]
    return frame.with_columns(
        *(pl.lit(None, dtype=pl.Datetime("us")).alias(f"{time}_local") for time in times),
        *(pl.lit(value=False).alias(f"{time}_{mark}") for time in times for mark in ("bare", "doubtful")),
        pl.lit(value=False).alias(ASIDE),
    )


def _window(settings: Settings, raw: dict[str, pl.DataFrame], ledger: Ledger) -> tuple[datetime, datetime]:
    """Return the window; where no event says when it could be, and an error stops the work, all of time."""
    window = settings.agency.window or assume_window(raw)
    if window is None:
        return FIRST, FAR
    if settings.agency.window is None and not ledger.has_error_in(FILE, "window"):
        message = "[agency] has no window: from the first day with an event to the day after the last is assumed"
        mend = 'Write from when to when all events were recorded: window = ["2024-01-01", "2026-01-01"]'
        ledger.add("warning", FILE, "window_assumed", message, mend, "window")
    return settings.to_utc(window[0]), settings.to_utc(window[1])


def _check_tables(
    tables: dict[str, pl.DataFrame],
    settings: Settings,
    vocabulary: Vocabulary,
    window: tuple[datetime, datetime],
    ledger: Ledger,
) -> tuple[dict[str, pl.DataFrame], Vocabulary]:
    systems = tables["systems"]
    memberships = check_memberships(tables["memberships"], systems, vocabulary, ledger)
    doubtful = _members_set_aside(tables["memberships"], ledger)
    warn_of_closed_groups(memberships, doubtful, window, ledger)
    stays = nested_stays(memberships, systems)
    context = Context(settings, vocabulary, systems, memberships, stays, doubtful, window)
    events = check_events(tables["events"], context, ledger)
    events, own_vocabulary = aggregate_kinds(events, context, ledger)
    checked = {
        "events": events,
        "systems": usable(systems),
        "memberships": memberships,
        "presence": check_presence(tables["presence"], context, ledger),
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
