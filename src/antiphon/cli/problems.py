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
            lines += ["", f"{heading} ({len(of_grade)})"]
            lines += [line for problem in of_grade for line in _lines(problem)]
    return lines[1:]


def problem_values(problems: Sequence["Problem"]) -> list[dict[str, Any]]:
    """Return the problems as plain values for `--json`."""
    return [asdict(problem) for problem in problems]


def _lines(problem: "Problem") -> list[str]:
    where = f"{problem.table}, {problem.column}" if problem.column else problem.table
    return [f"  {where}: {problem.message}{_rows(problem)}", f"      {problem.mend}"]


def _rows(problem: "Problem") -> str:
    if not problem.first_row:
        return ""
    if problem.count == 1:
        return f" (row {problem.first_row} of {problem.source})"
    return f" ({problem.count:,} rows, the first is row {problem.first_row} of {problem.source})"
