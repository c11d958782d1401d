"""What rival explanations make of each coupling, one plain line for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from antiphon.report.words import Words, capital, p_value, per_100

if TYPE_CHECKING:
    from antiphon.release.released import Released

Row = dict[str, Any]

NEARLY_ALWAYS = 0.99


def rivals(released: Released) -> Row:
    """Say for each coupling what rival explanations make of it.

    Parameters
    ----------
    released : released tables.

    Returns
    -------
    dict
        ``rows``: one per coupling that was asked about, with ``name``, ``lines`` and ``vetoed``; ``apart``: couplings that are found
        only if rows of one incident are read as separate events.
    """
    words = Words.of(released)
    names = ("channel", "source_kind", "target_kind")
    rows = [*released.couplings.to_dicts(), *released.by_domain.to_dicts()]
    shown = {tuple(row[name] for name in names): row for row in rows if not row["withheld"]}
    found: dict[tuple[str, ...], Row] = {}
    apart = []
    for row in released.controls.to_dicts():
        key = tuple(row[name] for name in names)
        coupling = shown.get(key)
        if row["withheld"] or coupling is None:
            continue
        if row["code"] == "incidents" and not _is_asked(coupling):
            apart.append(f"{_name(coupling, words)} ({per_100(row['estimate'])} for every 100)")
            continue
        one = found.setdefault(key, {"name": _name(coupling, words), "lines": [], "vetoed": False})
        one["lines"].append(_line(row, coupling))
        one["vetoed"] |= row["verdict"] == "failed"
    return {"rows": list(found.values()), "apart": apart}


def _is_asked(coupling: Row) -> bool:
    return bool(coupling["claimed"]) or coupling["label"] == "fails a control"


def _name(coupling: Row, words: Words) -> str:
    source, target = capital(words.kind(coupling["source_kind"])), words.kind(coupling["target_kind"])
    return f"{source}, then {target} {words.among(coupling['channel'], coupling['to_role'])}"


def _line(row: Row, coupling: Row) -> str:
    return _LINES[row["code"]](row, coupling)


def _jitter(row: Row, _: Row) -> str:
    what = "With the earlier events at other times, drawn from their usual rhythm within days of when they happened,"
    often = "nearly always" if row["power"] > NEARLY_ALWAYS else f"{row['power']:.0%} of the time"
    power = f"a test that should notice an echo of this size {often}"
    if row["verdict"] == "passed":
        return f"{what} hardly any draw comes as near to the later ones (p {p_value(row['p'])}; {power})."
    if row["verdict"] == "failed":
        return f"{what} the later ones are as near as they are now (p {p_value(row['p'])}; {power}): not claimed."
    return f"{what} it cannot be told whether the very times matter (p {p_value(row['p'])}; {power})."


def _year_apart(row: Row, _: Row) -> str:
    if row["verdict"] == "failed":
        return f"The same earlier events, moved by a year, are followed by more as well (p {p_value(row['p'])}): not claimed."
    if row["verdict"] == "passed":
        return f"The same earlier events, moved by a year, are not followed by more (p {p_value(row['p'])})."
    return "The records are too short, or the events too few, to move the earlier events by a year."


def _incidents(row: Row, coupling: Row) -> str:
    if row["verdict"] == "passed":
        return (
            "It makes little difference whether the rows of an incident are read as one point in time or as separate events "
            f"({per_100(row['estimate'])} for every 100)."
        )
    if row["estimate"] > (coupling["echoes"] or 0.0):
        why = "the rest lies inside incidents, and is shown as what they are met with"
    else:
        why = "what is counted here would then be counted as rows of one incident that follow each other"
    return f"With the rows of an incident read as separate events it would be {per_100(row['estimate'])} for every 100: {why}."


def _ties(row: Row, _: Row) -> str:
    if row["verdict"] == "passed":
        return (
            "It makes little difference if everyone stays in the unit, and keeps the ties, that they had at first "
            f"({per_100(row['estimate'])} for every 100)."
        )
    return (
        f"If everyone stayed in the unit, and kept the ties, that they had at first, it would be {per_100(row['estimate'])} "
        "for every 100: moves and new ties are part of the picture."
    )


_LINES = {"jitter": _jitter, "year_apart": _year_apart, "incidents": _incidents, "ties_at_admission": _ties}
