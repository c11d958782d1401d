"""The agency's own choices: ``agency.toml``, every section of it, with its defaults."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

DAYS_PER_LETTER = {"m": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0}
PURPOSE = "quality improvement; not for discipline, evaluation or placement of any person"
HARD_FLOOR = 5
HIGHEST_ORDER = 20

Precision = Literal["minute", "shift", "day"]


def days_of(length: object) -> float:
    """Turn a length such as ``"8h"``, ``"3d"`` or ``"3w"`` (or a number of days) into days."""
    if isinstance(length, int | float) and not isinstance(length, bool):
        days = float(length)
    else:
        parts = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([mhdw])\s*", str(length))
        if parts is None:
            raise ValueError('write a number and a letter: m (minutes), h (hours), d (days) or w (weeks), such as "8h"')
        days = float(parts[1]) * DAYS_PER_LETTER[parts[2]]
    if not 0 < days < float("inf"):
        raise ValueError("must be longer than nothing")
    return days


class Kernel(NamedTuple):
    """How echoes are spread over time.

    Attributes
    ----------
    half_life : days; of a delayed kernel ln 2 times its mean, as for an exponential one.
    order : 1: exponential; higher: an Erlang density, which rises first and is the narrower the higher its order.
    """

    half_life: float
    order: int

    @property
    def text(self) -> str | float:
        """As it may stand in ``agency.toml``."""
        return self.half_life if self.order == 1 else f"delay:{self.half_life / math.log(2.0):.12g}d:{self.order}"


def kernel_of(entry: object) -> Kernel:
    """Read a half-life such as ``"3d"`` (or a number of days), or a delay of a mean and order such as ``"delay:10d:3"``."""
    if isinstance(entry, Kernel):
        return entry
    parts = [part.strip() for part in str(entry).split(":")]
    if parts[0] != "delay":
        return Kernel(days_of(entry), 1)
    if len(parts) != 3 or not parts[2].isascii() or not parts[2].isdigit() or not 1 <= int(parts[2]) <= HIGHEST_ORDER:
        raise ValueError(
            'write a delay as "delay:MEAN:ORDER", such as "delay:10d:3" (ten days on average); the order is 1 to '
            f"{HIGHEST_ORDER}"
        )
    return Kernel(math.log(2.0) * days_of(parts[1]), int(parts[2]))


def local_moment(value: object) -> datetime:
    """Read a moment on the agency's own clock: a date (00:00) or a date and time, without an offset."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError('write a date such as "2024-01-31" or a time such as "2024-01-31T14:30"') from None
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise ValueError("write local time, without an offset from UTC")
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - local clock time, by definition
    raise ValueError('write a date such as "2024-01-31"')


def clock_time(value: object) -> str:
    """Read a time of day, ``"07:00"``."""
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value.strip()):
        return value.strip()
    raise ValueError('write a time of day such as "07:00"')


Days = Annotated[float, BeforeValidator(days_of)]
HalfLife = Annotated[Kernel, BeforeValidator(kernel_of)]
Moment = Annotated[datetime, BeforeValidator(local_moment)]
Clock = Annotated[str, BeforeValidator(clock_time)]


class Section(BaseModel):
    """A section of ``agency.toml``: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class AgencySection(Section):
    """``[agency]``: who, where, from when to when.

    ``window`` is local clock time, from (inclusive) to (exclusive); ``Agency.window`` is the same in UTC.
    Rows without an incident number belong to one incident within ``incident_window_minutes``.
    """

    name: str = ""
    timezone: str = "UTC"
    window: tuple[Moment, Moment] | None = None
    precision: Precision = "minute"
    incident_window_minutes: float = Field(default=60.0, ge=0)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError('not a known time zone; write one such as "America/New_York" or "Europe/London"') from None
        return value

    @field_validator("window")
    @classmethod
    def _forwards(cls, value: tuple[datetime, datetime] | None) -> tuple[datetime, datetime] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError("the window must end after it starts")
        return value


class LevelsSection(Section):
    """``[levels]``: outermost first; empty means the levels of the shared framework. And which of them is which."""

    order: tuple[str, ...] = ()
    unit: str | None = None
    organisation: str | None = None

    @field_validator("order")
    @classmethod
    def _ends_with_person(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value and value[-1] != "person":
            raise ValueError('the last level must be "person": levels are written outermost first')
        if len(set(value)) < len(value):
            raise ValueError("each level stands once")
        return value


class KindSection(Section):
    """``[kinds.NAME]``: an event kind of the agency's own, or what it changes in one of the shared framework."""

    of: str | None = None
    by: str | None = None
    label: str | None = None
    domains: tuple[str, ...] | None = None
    while_: Literal["present", "member"] | None = Field(default=None, alias="while")
    terminal: bool | None = None
    severity: str | None = None
    precision: Precision | None = None
    incident_response: bool | None = None
    aggregate: bool | None = None
    definition: str | None = None


class RelationSection(Section):
    """``[relations.NAME]``: which roles a relationship joins, and in which direction."""

    source: str
    target: str
    label: str | None = None
    definition: str | None = None


class ModelSection(Section):
    """``[model]``: where the defaults will not do.

    ``half_lives``, and delays, in the grammar of the reference of the records; none where they are written ``"choose"``:
    left to the records. ``channels`` None means the defaults; ``covariates`` and ``receptivity`` in the grammar of the
    reference of the records, none by default.
    """

    half_lives: tuple[HalfLife, ...] = Field(default=("8h", "3d", "3w"), validate_default=True)
    channels: tuple[str, ...] | None = None
    covariates: tuple[str, ...] = ()
    receptivity: tuple[str, ...] = ()
    period_days: float = Field(default=28.0, gt=0)

    @field_validator("half_lives", mode="before")
    @classmethod
    def _left_open(cls, value: object) -> object:
        if value == "choose":
            return ()
        if value in ((), []):
            raise ValueError('write at least one, or "choose"')
        return value

    @field_validator("half_lives")
    @classmethod
    def _increasing(cls, value: tuple[Kernel, ...]) -> tuple[Kernel, ...]:
        if len(set(value)) < len(value):
            raise ValueError("each half-life stands once")
        return tuple(sorted(value))


class Gap(Section):
    """``[[gaps]]``: a spell in which nothing was recorded, or recorded otherwise: no exposure in it.

    Without ``group`` the whole agency, without ``kinds`` every kind, without ``end`` still open. Local clock time.
    """

    group: str | None = None
    start: Moment
    end: Moment | None = None
    kinds: tuple[str, ...] = ()
    why: str = ""

    @model_validator(mode="after")
    def _forwards(self) -> Gap:
        if self.end is not None and self.end <= self.start:
            raise ValueError("the gap must end after it starts")
        return self


class Break(Section):
    """``[[breaks]]``: from ``time`` (local) on, the kind means something else; its level may jump."""

    kind: str
    time: Moment
    why: str = ""


class PrivacySection(Section):
    """``[privacy]``: thresholds, marking, and what is left out."""

    min_clients: int = Field(default=11, ge=HARD_FLOOR)
    min_staff: int = Field(default=10, ge=HARD_FLOOR)
    marking: str = "Confidential - quality improvement"
    purpose: str = PURPOSE
    exclude: dict[str, tuple[str, ...]] = {}
    keep: tuple[str, ...] = ()
    staff_kinds: Literal["aggregate", "person"] = "aggregate"
    data: Literal["private", "public"] = "private"


class CalendarSection(Section):
    """``[calendar]``: when shifts start, on the local clock."""

    shifts: tuple[Clock, ...] = Field(default=("07:00", "15:00", "23:00"), min_length=1)

    @field_validator("shifts")
    @classmethod
    def _in_order(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("each shift starts at its own time")
        return tuple(sorted(value))


class Settings(Section):
    """``agency.toml``, checked. ``accept`` maps the name of a rule to the reason why its set-aside rows are accepted."""

    agency: AgencySection = AgencySection()
    levels: LevelsSection = LevelsSection()
    roles: dict[str, str] = {}
    kinds: dict[str, KindSection] = {}
    relations: dict[str, RelationSection] = {}
    model: ModelSection = ModelSection()
    gaps: tuple[Gap, ...] = ()
    breaks: tuple[Break, ...] = ()
    privacy: PrivacySection = PrivacySection()
    calendar: CalendarSection = CalendarSection()
    accept: dict[str, str] = {}

    def to_utc(self, moment: datetime) -> datetime:
        """Turn a moment on the agency's clock into UTC (the earlier one where the clock shows it twice)."""
        return moment.replace(tzinfo=ZoneInfo(self.agency.timezone)).astimezone(UTC)


def known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Names that may stand where an unknown key was found, for suggesting the nearest."""
    section: Any = Settings
    for step in location[:-1]:
        if isinstance(step, int):
            continue
        if isinstance(section, type) and issubclass(section, BaseModel) and step in section.model_fields:
            section = _inner_section(section.model_fields[step].annotation)
    if not (isinstance(section, type) and issubclass(section, BaseModel)):
        return []
    return [field.alias or name for name, field in section.model_fields.items()]


def _inner_section(annotation: Any) -> Any:
    for part in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None
