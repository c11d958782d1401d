"""What rival explanations make of each coupling, and what it rests on, one plain line for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from antiphon.report.words import Words, capital, number, p_value, per_100

if TYPE_CHECKING:
    from antiphon.release.released import Released

Row = dict[str, Any]

NEARLY_ALWAYS = 0.99
LEVEL = 0.05


def rivals(released: Released) -> Row:
    """Say for each coupling what rival explanations make of it.

    Parameters
    ----------
    released : released tables.

    Returns
    -------
    dict
        ``rows``: one per coupling that was asked about, with ``name``, ``lines`` and ``vetoed``; ``apart``: couplings that are found
        only if rows of one incident are read as separate events; ``fewer``: couplings after which there is less than by chance.
    """
    words = Words.of(released)
    names = ("channel", "source_kind", "target_kind")
    rows = [*released.couplings.to_dicts(), *released.by_domain.to_dicts()]
    shown = {tuple(row[name] for name in names): row for row in rows if not row["withheld"]}
    found: dict[tuple[str, ...], Row] = {}
    apart, fewer = [], []
    for row in released.controls.to_dicts():
        key = tuple(row[name] for name in names)
        coupling = shown.get(key)
        if row["withheld"] or coupling is None:
            continue
        if row["code"] == "fewer_after":
            fewer.append(f"{_name(coupling, words)} (p {p_value(row['p'])})")
            continue
        if row["code"] == "incidents" and not _is_asked(coupling):
            apart.append(f"{_name(coupling, words)} ({per_100(row['estimate'])} for every 100)")
            continue
        one = found.setdefault(key, {"name": _name(coupling, words), "lines": [], "vetoed": False})
        one["lines"].append(_line(row, coupling))
        one["vetoed"] |= row["verdict"] == "failed"
    for row in released.robustness.to_dicts():
        key = tuple(row[name] for name in names)
        if not row["withheld"] and key in found:
            found[key]["lines"] += _rests_on(row)
    return {"rows": list(found.values()), "apart": apart, "fewer": fewer}


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


def _rests_on(row: Row) -> list[str]:
    """Lines about the units and the spells of trouble that a coupling stands or falls with."""
    lines = []
    if row["low"] is not None:
        between = f"between {per_100(row['low'])} and {per_100(row['high'])} for every 100"
        if row["hangs_on_one"]:
            lines.append(
                f"It hangs on one unit: without it, it is no longer sure. With any one unit left out it is {between}."
            )
        else:
            lines.append(f"It does not hang on one unit: with any one left out it is {between}, and still there.")
    if row["p_exchanged"] is not None:
        fits = "hardly any way fits" if row["p_exchanged"] <= LEVEL else "other ways fit"
        lines.append(
            f"The units are few. With what happened before exchanged between them, {fits} as well as what did happen "
            f"(p {p_value(row['p_exchanged'])}; the smallest that so many units can give is {p_value(row['smallest_p'])})."
        )
    if row["shock_days"] is not None:
        lines.append(_shock(row))
    return lines


def _shock(row: Row) -> str:
    spells = (
        f"spells of trouble in single units, each about {number(row['shock_days'])} days long and a tenth of the time,"
    )
    if row["shock_factor"] is None:
        return f"{capital(spells)} would not look like it, however much more happens in them."
    return (
        f"{capital(spells)} would look the same without any echo if both kinds happened at least "
        f"{number(row['shock_factor'])} times as often in them; no method tells such spells from echoes."
    )


_LINES = {"jitter": _jitter, "year_apart": _year_apart, "incidents": _incidents, "ties_at_admission": _ties}
