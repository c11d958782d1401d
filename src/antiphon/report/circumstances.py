"""What goes together with the circumstances that the agency asked about, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from antiphon.report.words import Words, capital, number

if TYPE_CHECKING:
    from antiphon.release.released import Released

Row = dict[str, Any]
OWN, TIE = "own", "tie"


def circumstances(released: Released) -> list[Row]:
    """Ratios by circumstance, in the order of ``agency.toml``.

    Parameters
    ----------
    released : released tables.

    Returns
    -------
    list of dict
        One per circumstance and unit: ``label``, ``unit``, ``on_echoes`` (whether of what reaches people, not of how often
        something is recorded) and ``rows`` with ``kind``, ``ratio``, ``interval`` and ``reading`` (such as "more often" or
        "not told apart from no difference"). Ratios that may not be shown are left out; a circumstance of which none may
        be has no rows.
    """
    words = Words.of(released)
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in released.effects.to_dicts():
        rows = found.setdefault((row["covariate"], row["unit"], row["on"]), [])
        if not row["withheld"]:
            rows.append(
                {
                    "kind": capital(words.kind(row["kind"])),
                    "ratio": number(row["ratio"]),
                    "interval": f"{number(row['low'])} to {number(row['high'])}",
                    "reading": _reading(row),
                }
            )
    return [
        {"label": capital(label(name, words)), "unit": unit, "on_echoes": on == "echoes", "rows": rows}
        for (name, unit, on), rows in found.items()
    ]


def _reading(row: Row) -> str:
    more, less = ("more echoes", "fewer echoes") if row["on"] == "echoes" else ("more often", "less often")
    if row["low"] > 1.0:
        return more
    return less if row["high"] < 1.0 else "not told apart from no difference"


def label(covariate: str, words: Words) -> str:
    """Plain words for a covariate as it is written in ``agency.toml``.

    Parameters
    ----------
    covariate : such as ``"score:tie:caseload:PSS"``.
    words : plain words for names.
    """
    what, _, rest = covariate.partition(":")
    parts = rest.split(":")
    if what == "tenure":
        return "time since the stay began"
    if what in ("attribute", "practice"):
        return rest.partition("=")[0].replace("_", " ")
    if what == "staffing":
        return f"staff per client of the {parts[0]}"
    if what == "census":
        return f"how full the {parts[0]} is"
    where, parts = (f"of {words.relation(parts[1])}", parts[2:]) if parts[0] == TIE else (_place(parts[0]), parts[1:])
    if what == "dose":
        return f"recent {words.kind(parts[0])} {where} (half-life {parts[1]})"
    return f"last score {' '.join(parts)} {where}"


def _place(where: str) -> str:
    return "of one's own" if where == OWN else f"in the {where}"
