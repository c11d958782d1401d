"""Writing an agency folder: CSV tables and ``agency.toml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from antiphon.errors import SpecificationError


def new_folder(folder: str | Path) -> Path:
    """Make the folder; refuse one that holds anything which is not an invented agency's."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise SpecificationError("There is a file where the agency folder should be. Choose another name.")
    if folder.exists() and any(folder.iterdir()) and not folder.with_name(folder.name + ".truth.json").exists():
        raise SpecificationError("The folder is not empty and not an invented agency. Choose a new or empty folder.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_tables(folder: Path, tables: dict[str, pl.DataFrame]) -> None:
    """Write one CSV per table; columns without any value are left out."""
    for name, table in tables.items():
        filled = [column for column in table.columns if table[column].null_count() < table.height]
        table.select(filled).write_csv(folder / f"{name}.csv")


def write_settings(folder: Path, text: str) -> None:
    """Write ``agency.toml``."""
    (folder / "agency.toml").write_text(text, encoding="utf-8")


def frame(rows: list[tuple[Any, ...]], columns: list[str]) -> pl.DataFrame:
    """Return rows as a table."""
    return pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
