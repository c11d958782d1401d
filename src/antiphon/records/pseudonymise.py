"""A copy of an agency folder without names and true dates. It lowers the risk; it does not make records anonymous."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import shutil
import stat
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

from antiphon.errors import SpecificationError
from antiphon.framework import load_vocabulary
from antiphon.records.checking import read_agency
from antiphon.records.configuration import FILE
from antiphon.records.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from antiphon.records.agency import Agency
    from antiphon.records.settings import Settings

KEY_BYTES = 32
N_CHARACTERS = 12
MIN_WEEKS, MAX_WEEKS = 26, 520
OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO
SYSTEM_COLUMNS = ("system", "target", "member", "group", "source")
KIND_FIELDS = ("of", "by", "domains", "while_", "terminal", "severity", "precision", "incident_response", "aggregate")


@dataclass(frozen=True, slots=True)
class Pseudonymised:
    """What was written.

    Attributes
    ----------
    rows : rows written per table.
    dropped : usable events left out, by reason (``"environment"``, ``"kind of the agency's own"``).
    """

    rows: dict[str, int]
    dropped: dict[str, int]


@dataclass(frozen=True, slots=True, repr=False)
class _Disguise:
    """The key at work: new names for old ones, and the date offset."""

    key: bytes
    groups: dict[str, str]

    @property
    def offset(self) -> timedelta:
        """A whole number of weeks into the past, the same for everything: weekdays stay what they were."""
        number = int.from_bytes(_digest(self.key, "offset", ""), "big")
        return timedelta(weeks=-(MIN_WEEKS + number % (MAX_WEEKS - MIN_WEEKS + 1)))

    def code(self, purpose: str, name: str) -> str:
        """Twelve characters in a name's place."""
        return _digest(self.key, purpose, name).hex()[:N_CHARACTERS]

    def system(self, name: str) -> str:
        """New name of a person (a code) or a group ("unit 1")."""
        return self.groups.get(name) or self.code("system", name)


def pseudonymise(folder: str | Path, out: str | Path, key_file: str | Path) -> Pseudonymised:
    """Copy an agency folder with identifiers replaced and all dates moved by the same number of weeks.

    Parameters
    ----------
    folder : agency folder that can be read; rows that are set aside are not copied.
    out : new folder; written whole or not at all.
    key_file : file with the secret key, made (readable by its owner only) where it does not exist. Outside both
        folders. The same key gives the same replacements again.

    Returns
    -------
    Pseudonymised
        Rows written, and events left out on purpose.

    Raises
    ------
    RecordError
        Where the records have errors.
    SpecificationError
        Where ``out`` is not new, or the key is not safe where it is.
    """
    folder, out, key_file = Path(folder), Path(out), Path(key_file)
    _check_places(folder, out, key_file)
    agency = read_agency(folder)
    disguise = _Disguise(_key(key_file), {})
    disguise = _Disguise(disguise.key, _group_names(agency, disguise))
    events, dropped = _publishable_events(agency)
    tables = {name: getattr(agency, name) for name in TABLES if name != "events"} | {"events": events}
    out.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        rows = {}
        for name, frame in tables.items():
            if frame.height:
                rows[name] = frame.height
                _disguised(name, frame, agency, disguise).write_csv(workshop / f"{name}.csv")
        (workshop / FILE).write_text(_settings_text(agency, disguise), encoding="utf-8")
        if out.exists():
            out.rmdir()
        workshop.replace(out)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return Pseudonymised(rows, dropped)


def _check_places(folder: Path, out: Path, key_file: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SpecificationError("The folder for the copy holds something already. Name a new one.")
    if not folder.is_dir():
        raise SpecificationError("There is no such agency folder. Name the folder that holds the tables.")
    place = key_file.resolve()
    for other in (folder.resolve(), out.resolve()):
        if place.is_relative_to(other):
            raise SpecificationError("The key must not lie with the records that it protects. Keep it elsewhere.")


def _key(path: Path) -> bytes:
    """Read the key, or make one that only its owner can read."""
    try:
        if not path.exists():
            key = secrets.token_bytes(KEY_BYTES)
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(key.hex() + "\n")
            return key
        if os.name == "posix" and path.stat().st_mode & OPEN_TO_OTHERS:
            raise SpecificationError("Others can read the key file. Make it readable by you alone (chmod 600).")
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        raise SpecificationError(
            "The key file cannot be read or made, or holds no key. Name one that an earlier run made, or a new one."
        ) from None
    if len(key) < KEY_BYTES:
        raise SpecificationError("The key is too short to protect anything. Name a new file, and a key will be made.")
    return key


def _digest(key: bytes, purpose: str, name: str) -> bytes:
    return hmac.new(key, f"{purpose}\x00{name}".encode(), hashlib.sha256).digest()


def _group_names(agency: Agency, disguise: _Disguise) -> dict[str, str]:
    """Number the groups of each level in the order of their codes: not by name, size or date."""
    person = agency.vocabulary.levels[-1]
    names = {}
    for level in agency.vocabulary.levels[:-1]:
        groups = agency.systems.filter((pl.col("level") == level) & (pl.col("level") != person))["system"].to_list()
        ordered = sorted(groups, key=lambda name: disguise.code("group", name))
        names |= {group: f"{level} {number}" for number, group in enumerate(ordered, start=1)}
    return names


def _publishable_events(agency: Agency) -> tuple[pl.DataFrame, dict[str, int]]:
    """Leave out what the newspapers knew, and kinds whose names the agency made up, unless they are to be kept."""
    keep = set(agency.settings.privacy.keep)
    shared, kinds = load_vocabulary().kinds, agency.vocabulary.kinds
    around = agency.vocabulary.surroundings
    outside = [name for name, kind in kinds.items() if agency.vocabulary.roles[kind.of] in around and name not in keep]
    own = [name for name in kinds if name not in shared and name not in keep and name not in outside]
    dropped = {}
    events = agency.events
    for reason, names in (("environment", outside), ("kind of the agency's own", own)):
        n_dropped = events.filter(pl.col("kind").is_in(names)).height
        dropped |= {reason: n_dropped} if n_dropped else {}
        events = events.filter(~pl.col("kind").is_in(names))
    return events, dropped


def _disguised(name: str, frame: pl.DataFrame, agency: Agency, disguise: _Disguise) -> pl.DataFrame:
    table = TABLES[name]
    keep = [column for column in frame.columns if table.has_attributes and column in agency.settings.privacy.keep]
    columns = [*table.names, *(column for column in keep if column not in table.names)]
    frame = frame.select(columns)
    for column in table.columns:
        if column.type == "time":
            frame = frame.with_columns(_moved(column.name, agency.settings, disguise))
    for column in SYSTEM_COLUMNS:
        if column in frame.columns:
            frame = _recoded(frame, column, disguise.system)
    for column in ("incident", "respondent"):
        if column in frame.columns:
            frame = _recoded(frame, column, lambda name, purpose=column: disguise.code(purpose, name))
    return frame.sort(frame.columns[:2])


def _recoded(frame: pl.DataFrame, column: str, code: Any) -> pl.DataFrame:
    names: Iterable[str] = frame[column].drop_nulls().unique().to_list()
    codes = {name: code(name) for name in names}
    recoded = pl.col(column).replace_strict(codes, default=None, return_dtype=pl.String)
    return frame.with_columns(recoded.alias(column))


def _moved(column: str, settings: Settings, disguise: _Disguise) -> pl.Expr:
    local = pl.col(column).dt.convert_time_zone(settings.agency.timezone).dt.replace_time_zone(None)
    moved = local + disguise.offset
    return moved.dt.strftime("%Y-%m-%dT%H:%M:%S").str.strip_suffix(":00").alias(column)


def _settings_text(agency: Agency, disguise: _Disguise) -> str:
    settings = agency.settings
    zone = settings.agency.timezone
    levels = {name: value for name, value in settings.levels.model_dump(mode="json").items() if value}
    window = [_date(moment, zone, disguise) for moment in agency.window]  # pyright: ignore[reportArgumentType]
    parts = [
        "# Pseudonymised: identifiers are codes, all dates are moved by the same number of weeks.",
        "# This lowers the risk; it does not make the records anonymous.",
        _section(
            "agency",
            {
                "name": "A pseudonymised agency",
                "timezone": zone,
                "window": window,
                "precision": settings.agency.precision,
                "incident_window_minutes": settings.agency.incident_window_minutes,
            },
        ),
        _section("levels", levels) if levels else "",
        _section("roles", settings.roles) if settings.roles else "",
        *_kind_sections(agency),
        *(
            _section(f"relations.{_quoted(name)}", {"source": relation.source, "target": relation.target})
            for name, relation in settings.relations.items()
        ),
        _section("model", _model_values(settings)),
        *_gap_sections(settings, disguise),
        _section("privacy", _privacy_values(settings)),
        _section("calendar", {"shifts": list(settings.calendar.shifts)}),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _kind_sections(agency: Agency) -> list[str]:
    """Kinds whose definition is not the shared one: what the agency changed, and those that count for the unit."""
    shared, keep = load_vocabulary().kinds, agency.settings.privacy.keep
    parts = []
    for name, kind in agency.vocabulary.kinds.items():
        changed = {
            field: getattr(kind, field)
            for field in KIND_FIELDS
            if name not in shared or getattr(kind, field) != getattr(shared[name], field)
        }
        changed = {field.rstrip("_"): value for field, value in changed.items() if value is not None}
        if changed and (name in shared or name in keep):
            parts.append(_section(f"kinds.{_quoted(name)}", changed))
    return parts


def _model_values(settings: Settings) -> dict[str, Any]:
    model = settings.model
    values: dict[str, Any] = {
        "half_lives": [kernel.text for kernel in model.half_lives] or "choose",
        "period_days": model.period_days,
    }
    for name, terms in (
        ("channels", model.channels),
        ("covariates", model.covariates),
        ("receptivity", model.receptivity),
    ):
        if terms:
            values[name] = [term for term in terms if _attribute_of(term) in ("", *settings.privacy.keep)]
    return values


def _attribute_of(term: str) -> str:
    """Return the attribute that a covariate needs, or ""; it can be named only where the attribute is kept."""
    words = [word.strip() for word in term.partition(">")[0].split(":")]
    return {"attribute": words[-1], "census": "capacity"}.get(words[0], "")


def _privacy_values(settings: Settings) -> dict[str, Any]:
    """Marking and purpose are free text, in which an agency's name may stand; the defaults take their place."""
    privacy = settings.privacy
    return {
        "min_clients": privacy.min_clients,
        "min_staff": privacy.min_staff,
        "keep": list(privacy.keep),
        "staff_kinds": privacy.staff_kinds,
        "data": privacy.data,
    }


def _gap_sections(settings: Settings, disguise: _Disguise) -> list[str]:
    """Reasons are free text and stay behind."""
    parts = []
    for gap in settings.gaps:
        values: dict[str, Any] = {"start": _clock(gap.start + disguise.offset)}
        values |= {"group": disguise.system(gap.group)} if gap.group is not None else {}
        values |= {"end": _clock(gap.end + disguise.offset)} if gap.end is not None else {}
        values |= {"kinds": list(gap.kinds)} if gap.kinds else {}
        parts.append(_section("gaps", values, is_entry=True))
    for change in settings.breaks:
        values = {"kind": change.kind, "time": _clock(change.time + disguise.offset)}
        parts.append(_section("breaks", values, is_entry=True))
    return parts


def _date(moment: datetime, zone: str, disguise: _Disguise) -> str:
    return _clock(moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + disguise.offset)


def _clock(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes").removesuffix("T00:00")


def _section(name: str, values: dict[str, Any], *, is_entry: bool = False) -> str:
    head = f"[[{name}]]" if is_entry else f"[{name}]"
    # A JSON string, number, boolean or list of them is the same in TOML.
    lines = [f"{_quoted(key)} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(["", head, *lines])


def _quoted(key: str) -> str:
    return (
        key
        if key.replace("_", "").replace("-", "").isalnum() and key.isascii()
        else json.dumps(key, ensure_ascii=False)
    )
