"""What is assumed where ``agency.toml`` is absent, and the file that says so."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from antiphon.records.configuration import FILE
from antiphon.records.settings import AgencySection, Settings

if TYPE_CHECKING:
    from antiphon.records.problems import Ledger
    from antiphon.records.settings import Precision

ASSUMED_ZONE = "UTC"


def assume_settings(folder: Path, tables: dict[str, pl.DataFrame], ledger: Ledger) -> Settings:
    """Return the settings that are assumed where there is no ``agency.toml``, and say so."""
    window = assume_window(tables)
    message = 'there is no agency.toml: name, time zone ("UTC"), window and precision are assumed'
    mend = "Read the file that antiphon check writes, and correct it: the window and the time zone matter most"
    ledger.add("warning", FILE, "settings_assumed", message, mend)
    name = " ".join(folder.resolve().name.replace("_", " ").replace("-", " ").split()).title() or "The agency"
    section = AgencySection(name=name, timezone=ASSUMED_ZONE, window=window, precision=_assume_precision(tables))
    return Settings(agency=section)


def assume_window(tables: dict[str, pl.DataFrame]) -> tuple[datetime, datetime] | None:
    """Return the first day with an event and the day after the last, or None where no event has a time."""
    if "events" not in tables or tables["events"].is_empty():
        return None
    days = _days(tables["events"])
    if days.is_empty():
        return None
    first, last = days.min(), days.max()
    midnight = datetime.min.time()
    return datetime.combine(first, midnight), datetime.combine(last, midnight) + timedelta(days=1)  # pyright: ignore[reportArgumentType]


def _days(events: pl.DataFrame) -> pl.Series:
    """Days of the events; a typing slip in the year must not make the window centuries long."""
    days = events["time"].str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).drop_nulls()
    return days.filter((days.dt.year() > 1900) & (days.dt.year() < 2200))


def _assume_precision(tables: dict[str, pl.DataFrame]) -> Precision:
    if "events" not in tables:
        return "minute"
    lengths = tables["events"]["time"].drop_nulls().str.len_bytes()
    return "day" if len(lengths) and bool((lengths == 10).all()) else "minute"


def write_assumptions(folder: Path, settings: Settings, ledger: Ledger) -> None:
    """Write ``agency.toml`` with what was assumed; whole, or not at all, and never over one that is there."""
    window = settings.agency.window
    if window is None or (folder / FILE).exists():
        return
    name = settings.agency.name.replace("\\", "").replace('"', "")
    text = f"""# Written by antiphon check, which found no agency.toml. All of this is ASSUMED: please correct it.

[agency]
name = "{name}"
timezone = "{settings.agency.timezone}"        # write yours, such as "America/New_York": clocks are changed in spring and autumn
window = ["{window[0]:%Y-%m-%d}", "{window[1]:%Y-%m-%d}"]      # first day with an event, and the day after the last; better: from
                                            # when to when ALL incidents were recorded (the last day is not in it)
precision = "{settings.agency.precision}"      # how exactly the times of events are known: minute, shift or day
"""
    try:
        write_whole(folder / FILE, text.encode())
    except OSError:
        message = "the assumed settings could not be written into the folder"
        ledger.add("warning", FILE, "settings_not_written", message, "See that the folder may be written to")


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, stat.S_IRUSR | stat.S_IWUSR)


def write_whole(path: Path, content: bytes, *, is_private: bool = False) -> None:
    """Write a file so that it is there whole or not at all; as open as any other, or to its owner only."""
    name = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with open(name, "xb", opener=_for_owner if is_private else None) as part:
            part.write(content)
        os.replace(name, path)  # noqa: PTH105 - the one call that replaces at once
    except BaseException:
        with contextlib.suppress(OSError):
            name.unlink()
        raise
