"""Problems in the records as lines for people and as values for machines."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from antiphon.records.agency import Problem

HEADINGS = {
    "error": "Errors: these stop the work until they are mended",
    "set aside": "Set aside: these rows are left out and counted",
    "warning": "Warnings: used all the same, worth a look",
}


def problem_lines(problems: Sequence["Problem"]) -> list[str]:
    """Return lines for people, worst first; no line holds a value of a record."""
    lines: list[str] = []
    for grade, heading in HEADINGS.items():
        of_grade = [problem for problem in problems if problem.grade == grade]
        if of_grade:
            lines += ["", f"{heading} ({len(of_grade)})", *(_line(problem) for problem in of_grade)]
    return lines[1:]


def problem_values(problems: Sequence["Problem"]) -> list[dict[str, Any]]:
    """Return the problems as plain values for `--json`."""
    return [asdict(problem) for problem in problems]


def _line(problem: "Problem") -> str:
    """One problem; the grade stands in the heading already."""
    return "  " + str(problem).removeprefix(f"{problem.grade}: ")
