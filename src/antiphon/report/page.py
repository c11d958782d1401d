"""The report: one self-contained page, the same bytes on every run."""

from __future__ import annotations

import datetime as dt
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from antiphon.report import answers, sections
from antiphon.report.circumstances import circumstances
from antiphon.report.picture import draw
from antiphon.report.rivals import rivals
from antiphon.report.sentences import branching_words, echoed_words, sentences
from antiphon.report.words import COMPONENTS, SHORT_COMPONENTS, Words, capital, number

if TYPE_CHECKING:
    from antiphon.release.released import Released

MOST_ROWS = 15
"""Rows of a table on the page, and bars; the files beside it have all."""
MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905 - one line
)


def write_report(released: Released, path: Path | str) -> None:
    """Write the report.

    Parameters
    ----------
    released : released tables; nothing else can be drawn.
    path : the file; its folder must exist.
    """
    Path(path).write_text(report_html(released), encoding="utf-8", newline="\n")


def report_html(released: Released) -> str:
    """Make the page.

    Parameters
    ----------
    released : released tables.

    Returns
    -------
    str
        HTML with its styles and figures inside; it needs no network and no script.
    """
    environment = Environment(
        loader=PackageLoader("antiphon.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(number=number, capital=capital)
    return environment.get_template("report.html.j2").render(**_context(released))


def _context(released: Released) -> dict[str, Any]:
    echoed = next(iter(released.echoed.to_dicts()), None)
    ratio = next(iter(released.branching_ratio.to_dicts()), None)
    return {
        "records": released.records,
        "settings": released.settings,
        "style": (files("antiphon.report") / "templates" / "style.css").read_text(encoding="utf-8"),
        "period": [_day(released.records["window"][0], 0), _day(released.records["window"][1], -1)],
        "words": Words.of(released),
        "sentences": sentences(released),
        "glance": sections.glance(released),
        "quarters": sections.last_quarters(released),
        "picture": draw(released),
        "couplings": sections.couplings(released),
        "by_domain": sections.by_domain(released),
        "parallel": sections.parallel(released),
        "attribution": sections.attribution(released),
        "most_rows": MOST_ROWS,
        "components": COMPONENTS,
        "short_components": SHORT_COMPONENTS,
        "responses": answers.responses(released),
        "contrasts": answers.response_contrasts(released),
        "asks_circumstances": not released.effects.is_empty(),
        "circumstances": circumstances(released),
        "echoed": echoed,
        "echoed_words": echoed_words(echoed) if echoed and not echoed["withheld"] else None,
        "branching": ratio,
        "branching_words": branching_words(ratio) if ratio and not ratio["withheld"] else None,
        "loops": sections.loops(released),
        "units": sections.units(released),
        "ladder": sections.ladder(released),
        "rivals": rivals(released),
        "fit": sections.fit(released),
        "detectable": sections.detectable(released),
        "withheld": released.withheld.to_dicts(),
        "warnings": released.warnings.to_dicts(),
        "method": sections.method(released),
    }


def _day(text: str, shift: int) -> str:
    """Write a date in words; the end of the window is the first day that was not observed."""
    day = dt.date.fromisoformat(text) + dt.timedelta(days=shift)
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
