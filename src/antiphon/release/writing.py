"""Files made of released tables: findings.json, tables/*.parquet and tables.xlsx, the same bytes on every run."""

from __future__ import annotations

import datetime as dt
import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import xlsxwriter

from antiphon.release.released import TOO_FEW

if TYPE_CHECKING:
    from antiphon.release.released import Released

SCHEMA_VERSION = 1
DOCUMENT_TABLES = (
    "rates", "couplings", "responses", "response_contrasts", "attribution", "ladder", "loops", "diagnostics", "parallel",
    "effects", "controls", "by_domain", "robustness",
)  # fmt: skip
_SINGLE = ("echoed", "branching_ratio")
"""Tables of one row."""
_LEFT_OUT = {"rates": ("unit",), "couplings": ("row",)}
_DOCUMENT_RECORDS = ("hash", "window", "systems", "events", "precision", "set_aside")
_FIXED_DATE = dt.datetime(2020, 1, 1)  # noqa: DTZ001 - a workbook's creation date has no time zone


def findings_document(released: Released) -> dict[str, Any]:
    """Content of ``findings.json``, schema 1.

    Parameters
    ----------
    released : released tables.
    """
    empty = {"value": None, "low": None, "high": None, "withheld": TOO_FEW}
    return {
        "antiphon": str(released.settings.get("versions", {}).get("antiphon", "")),
        "schema": SCHEMA_VERSION,
        "marking": released.records["marking"],
        "purpose": released.records["purpose"],
        "seed": released.settings.get("seed"),
        "records": {name: released.records[name] for name in _DOCUMENT_RECORDS},
        "settings": {name: value for name, value in released.settings.items() if name != "seed"},
        "warnings": released.warnings.to_dicts(),
        **{name: next(iter(getattr(released, name).to_dicts()), empty) for name in _SINGLE},
        **{name: _rows(getattr(released, name), _LEFT_OUT.get(name, ())) for name in DOCUMENT_TABLES},
    }


def findings_schema() -> dict[str, Any]:
    """JSON Schema of ``findings.json``."""
    return json.loads((files("antiphon.release") / "findings.schema.json").read_text(encoding="utf-8"))


def write_tables(released: Released, folder: Path | str) -> None:
    """Write ``findings.json``, ``tables/*.parquet`` and ``tables.xlsx``.

    Parameters
    ----------
    released : released tables; nothing else can be written.
    folder : output folder, made if it is not there.
    """
    folder = Path(folder)
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    document = json.dumps(findings_document(released), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "findings.json").write_text(document + "\n", encoding="utf-8")
    marks = {"marking": released.records["marking"], "purpose": released.records["purpose"]}
    for name, table in released.tables().items():
        table.write_parquet(folder / "tables" / f"{name}.parquet", metadata=marks)
    _write_workbook(released, folder / "tables.xlsx")


def _rows(table: pl.DataFrame, left_out: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows of a table without the columns that say nothing in the document."""
    return table.drop(left_out).to_dicts()


def _write_workbook(released: Released, path: Path) -> None:
    """One sheet per table, each with marking and purpose on top and in the printed header."""
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": "Antiphon: released tables", "created": _FIXED_DATE})
        styles = {
            "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
            "note": book.add_format({"italic": True}),
            "few": book.add_format({"italic": True, "font_color": "#555555"}),
        }
        for name, table in released.tables().items():
            _write_sheet(book, name, table, released.records, styles)


def _write_sheet(
    book: xlsxwriter.Workbook, name: str, table: pl.DataFrame, records: dict[str, Any], styles: dict[str, Any]
) -> None:
    sheet = book.add_worksheet(name)
    sheet.set_header(f"&L{_printed(records['marking'])}&R{_printed(records['purpose'])}")
    sheet.set_landscape()
    sheet.repeat_rows(3)
    sheet.freeze_panes(4, 0)
    sheet.write_string(0, 0, records["marking"], styles["note"])
    sheet.write_string(1, 0, records["purpose"], styles["note"])
    for column, title in enumerate(table.columns):
        sheet.write_string(3, column, title, styles["head"])
        sheet.set_column(column, column, max(10, min(34, len(title) + 4)))
    for number, row in enumerate(table.to_dicts(), start=4):
        for column, (title, value) in enumerate(row.items()):
            _write_cell(sheet, (number, column), value, (title, row.get("withheld") or ""), styles["few"])


def _printed(text: str) -> str:
    """Text for a printed header, where ``&`` starts a code and 255 signs is the limit."""
    return text.replace("&", "&&")[:110]


def _write_cell(sheet: Any, place: tuple[int, int], value: Any, meaning: tuple[str, str], style: Any) -> None:
    title, reason = meaning
    if value is None:
        if reason and title != "withheld":
            sheet.write_string(*place, reason, style)
    elif isinstance(value, bool):
        sheet.write_string(*place, "yes" if value else "no")
    elif isinstance(value, list):
        sheet.write_string(*place, (", followed by " if title in {"nodes", "via"} else ", ").join(value))
    elif isinstance(value, str):
        sheet.write_string(*place, value)
    else:
        sheet.write_number(*place, value)
