"""The agency folder: made whole beside its place, and put there by one renaming."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from antiphon.errors import SpecificationError
from antiphon.records.configuration import FILE as SETTINGS
from antiphon.records.tables import TABLES

N_ROWS_CSV = 50_000  # larger tables are written as Parquet: no spreadsheet opens them with ease
ENDINGS = (".csv", ".parquet", ".xlsx")
MARK = "# Written by antiphon import from the settings of its map: change them there, not here.\n"


def check_place(out: Path, tables: Iterable[str], *, has_settings: bool) -> None:
    """Refuse a place where the import would destroy what it did not make.

    Parameters
    ----------
    out : the agency folder to write: new, or one with tables. What the import does not make stays in it.
    tables : names of the tables that the import makes.
    has_settings : whether it brings an ``agency.toml``.

    Raises
    ------
    SpecificationError
        Where `out` is a file, or holds such a table or an ``agency.toml`` that no import has written.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise SpecificationError("--out names a file. Name a folder: a new one, or one that an import has written.")
    for name in tables:
        if not all(_was_imported(path, name) for path in _files_of(out, name)):
            raise SpecificationError(
                f'The folder given with --out holds a table "{name}" that was not imported, and the import would '
                "replace it. Move it away, or take the table out of the map."
            )
    settings = out / SETTINGS
    if has_settings and settings.is_file() and not settings.read_bytes().startswith(MARK.encode()):
        raise SpecificationError(
            f"The folder given with --out holds an {SETTINGS} that was not imported, and the map brings another. Move "
            'one of them away, or take "agency" out of the map.'
        )


def write_folder(out: Path, tables: Mapping[str, pl.DataFrame], settings: str | None) -> None:
    """Write the tables (and ``agency.toml``) of an agency folder: all of them, or on failure none.

    Notes
    -----
    Tables of more than 50,000 rows are written as Parquet, others as CSV; every cell is text in both.
    """
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        fresh = workshop / "fresh"
        if out.exists():
            shutil.copytree(out, fresh)
        else:
            fresh.mkdir()
        _fill(fresh, tables, settings)
        if out.exists():
            out.rename(workshop / "earlier")
        fresh.rename(out)
    finally:
        _clean_up(workshop, out)


def settings_text(agency: str | dict[str, Any] | None, beside: Path) -> str | None:
    """Return the content of the ``agency.toml`` to write, or None where the map has none.

    Raises
    ------
    SpecificationError
        Where the map names a file that is not there, or holds a value that has no place in the section.
    """
    if agency is None:
        return None
    if isinstance(agency, str):
        try:
            return MARK + (beside / agency).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            message = 'The map names under "agency" a file that cannot be read. It must stand beside the map, in UTF-8.'
            raise SpecificationError(message) from None
    return MARK + "".join(["[agency]\n", *(f"{key} = {_toml(value)}\n" for key, value in agency.items())])


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, bool | int | float | str):
        return json.dumps(value, ensure_ascii=False)
    if hasattr(value, "isoformat"):
        return f'"{value.isoformat()}"'
    raise SpecificationError(
        'The section [agency] of the map holds plain values only. Name a file: agency = "agency.toml".'
    )


def _files_of(folder: Path, table: str) -> list[Path]:
    return [path for path in (folder / f"{table}{ending}" for ending in ENDINGS) if path.exists()]


def _was_imported(path: Path, table: str) -> bool:
    """Only an import writes the spreadsheet row of another file beside every row."""
    try:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8") as lines:
                header = set(lines.readline().rstrip().split(","))
        elif path.suffix == ".parquet":
            header = set(pl.read_parquet_schema(path))
        else:
            return False
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError):
        return False
    return set(TABLES[table].provenance) <= header


def _fill(folder: Path, tables: Mapping[str, pl.DataFrame], settings: str | None) -> None:
    for name, frame in tables.items():
        for earlier in _files_of(folder, name):
            earlier.unlink()
        if frame.height > N_ROWS_CSV:
            frame.write_parquet(folder / f"{name}.parquet")
        else:
            frame.write_csv(folder / f"{name}.csv")
    if settings is not None:
        (folder / SETTINGS).write_text(settings, encoding="utf-8")


def _clean_up(workshop: Path, out: Path) -> None:
    earlier = workshop / "earlier"
    if earlier.exists() and not out.exists():
        earlier.rename(out)
    shutil.rmtree(workshop, ignore_errors=True)
