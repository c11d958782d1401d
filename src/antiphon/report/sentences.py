"""What we found, in at most seven sentences for a staff meeting, each linked to its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from antiphon.report.words import SHORT_COMPONENTS, Words, capital, delay, joined, number, per_100

if TYPE_CHECKING:
    from antiphon.release.released import Released

MOST = 7
RIVALS = "chance, daily rhythm and shared circumstances would give"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with the id of its evidence on the page."""

    text: str
    evidence: str


def sentences(released: Released) -> list[Sentence]:
    """Generate the sentences.

    Parameters
    ----------
    released : released tables.

    Returns
    -------
    list of Sentence
        At most seven; when nothing was found the first says so.
    """
    words = Words.of(released)
    found = [_headline(released), *_couplings(released, words, most=2)]
    found += _by_domain(released, words, most=1)
    found += [_ladder(released), _responses(released, words), _echoed(released)]
    found += [_loop(released, words), _attribution(released, words)]
    claimed = bool(released.records["pairs"]["claimed"])
    if not claimed:
        found.insert(1, _detectable(released))
    found.insert(0 if claimed else 1, _no_stays(released))
    return [sentence for sentence in found if sentence is not None][:MOST]


def _headline(released: Released) -> Sentence:
    pairs = released.records["pairs"]
    if not pairs["shown"]:
        return Sentence(
            "Nothing was found: these records hold too few people or events to look for echoes.", "detectable"
        )
    if not pairs["claimed"]:
        return Sentence(
            f"Nothing was found: of {number(pairs['shown'])} pairs of events that were looked at, none shows more echoes "
            f"than {RIVALS}.",
            "couplings",
        )
    verb = "shows" if pairs["claimed"] == 1 else "show"
    return Sentence(
        f"Of {number(pairs['shown'])} pairs of events that were looked at, {number(pairs['claimed'])} {verb} more echoes "
        f"than {RIVALS}.",
        "couplings",
    )


def _no_stays(released: Released) -> Sentence | None:
    """Say, before anything about the same person is said, that without stays it looks larger than it is."""
    if "no_stays" not in set(released.warnings["code"]):
        return None
    return Sentence(
        "These records do not say who stayed from when to when, so everything below that follows recent events of the same "
        "person looks larger than it is.",
        "warnings",
    )


def _couplings(released: Released, words: Words, most: int) -> list[Sentence]:
    """Say the strongest claimed couplings; those between roles first, then between persons, then within one person."""
    claimed = [row for row in released.couplings.to_dicts() if row["claimed"]]
    claimed.sort(key=lambda row: (_distance(row), row["row"]))
    return [Sentence(_coupling(row, words), f"coupling-{row['row']}") for row in claimed[:most]]


def _by_domain(released: Released, words: Words, most: int) -> list[Sentence]:
    """Say the strongest claimed couplings of domains."""
    claimed = [row for row in released.by_domain.to_dicts() if row["claimed"]]
    claimed.sort(key=_distance)
    last = "Each of these kinds is too rare to be looked at by itself."
    return [Sentence(f"{_coupling(row, words)} {last}", "by-domain") for row in claimed[:most]]


def _distance(row: dict[str, Any]) -> int:
    if row["channel"].startswith("self"):
        return 2
    return int(row["from_role"] == row["to_role"])


def _coupling(row: dict[str, Any], words: Words) -> str:
    text = (
        f"{capital(words.kind(row['source_kind']))} are followed by more {words.kind(row['target_kind'])} "
        f"{words.among(row['channel'], row['to_role'])}: about {per_100(row['echoes'])} for every 100"
    )
    if row["low"] is not None and row["high"] is not None:
        text += f" (between {per_100(row['low'])} and {per_100(row['high'])})"
    if row["median_delay_hours"] is not None:
        text += f", half of them within about {delay(row['median_delay_hours'])}"
    return text + "."


def _ladder(released: Released) -> Sentence | None:
    """Say whether looking at others foretells events better than looking at each person alone: beyond two standard errors.

    The better of two rungs counts, so that chance alone gets so far in one of twenty.
    """
    rungs = [row for row in released.ladder.to_dicts() if row["rung"] >= 4 and row["gain"] is not None and row["se"]]
    if not rungs:
        return None
    top = max(rungs, key=lambda row: row["gain"] / row["se"])
    measure = f"gain per event {number(top['gain'])}, give or take {number(top['se'])}"
    if top["gain"] > 2 * top["se"]:
        text = "Looking beyond the person helped: on later weeks that the model had not seen, what had happened to others foretold events better than each person's own record alone"
    else:
        text = "These records do not show that looking beyond the person helps: on later weeks that the model had not seen, what had happened to others did not foretell events surely better than each person's own record alone"
    return Sentence(f"{text} ({measure}).", "ladder")


def _responses(released: Released, words: Words) -> Sentence | None:
    rows = released.responses.filter(pl.col("withheld") == "").to_dicts()
    if not rows:
        return None
    top = max(rows, key=lambda row: row["share"] * row["n"])
    return Sentence(
        f"Of 100 incidents with {words.kind(top['first_kind'])}, about {per_100(top['share'])} also have "
        f"{words.kind(top['second_kind'])} (between {per_100(top['low'])} and {per_100(top['high'])}).",
        "responses",
    )


def _echoed(released: Released) -> Sentence | None:
    rows = released.echoed.filter(pl.col("withheld") == "").to_dicts()
    if not rows or not rows[0]["low"]:
        return None
    return Sentence(f"{echoed_words(rows[0])}.", "echoed")


def echoed_words(row: dict[str, Any]) -> str:
    """Say how many events echo another, in the words that are agreed for it.

    Parameters
    ----------
    row : the released row: value, low, high.
    """
    return (
        f"Of 100 events, about {per_100(row['value'])} have another recorded event before them that they may echo "
        f"(between {per_100(row['low'])} and {per_100(row['high'])})"
    )


def branching_words(row: dict[str, Any]) -> str:
    """Say the branching ratio: what is left of a chain of echoes from one step to the next.

    Parameters
    ----------
    row : the released row: value, low, high.
    """
    return (
        f"Where echoes are echoed again, 100 of them are followed by about {per_100(row['value'])} more "
        f"(between {per_100(row['low'])} and {per_100(row['high'])})"
    )


def _loop(released: Released, words: Words) -> Sentence | None:
    rows = released.loops.to_dicts()
    if not rows:
        return None
    top = max(rows, key=lambda row: row["gain"])
    steps = [words.node(node) for node in (*top["nodes"], top["nodes"][0])]
    return Sentence(
        f"The strongest circle: {', followed by '.join(steps)}; of 100 events, about {per_100(top['gain'])} come round again.",
        "loops",
    )


def _attribution(released: Released, words: Words) -> Sentence | None:
    """Say what goes together with the most frequent kind whose largest parts can be told."""
    totals = {kind: count or 0 for kind, count in released.records["events"].items()}
    table = released.attribution.filter(pl.col("withheld") == "")
    kinds = sorted(table["kind"].unique(), key=lambda kind: (-totals.get(kind, 0), kind))
    for kind in kinds:
        rows = table.filter((pl.col("kind") == kind) & (pl.col("direct") >= 0.05)).to_dicts()
        if len(rows) >= 2:
            return Sentence(_parts(kind, rows, words), "attribution")
    return None


def _parts(kind: str, rows: list[dict[str, Any]], words: Words) -> str:
    largest = sorted(rows, key=lambda row: -row["direct"])[:4]
    parts = [f"{per_100(row['direct'])} {_part(row['component'])}" for row in rows if row in largest]
    return f"Of 100 {words.kind(kind)}, about {joined(parts)}."


def _part(component: str) -> str:
    if component == "average":
        return "are what happens here anyway"
    if component == "frailty":
        return "go with lasting differences between people, whatever their reason"
    if component == "own past":
        return "follow the same person's recent events"
    return f"follow recent events of {SHORT_COMPONENTS[component]}"


def _detectable(released: Released) -> Sentence | None:
    known = released.detectable["smallest"].drop_nulls()
    if not known.len():
        return None
    low, high = float(known.min()), float(known.max())  # type: ignore[arg-type]
    reach = (
        f"about {per_100(low)}"
        if low == high
        else f"between about {per_100(low)} and {per_100(high)}, depending on the pair,"
    )
    return Sentence(
        f"These records would most likely have shown an echo of {reach} for every 100 events; smaller ones may be there unseen.",
        "detectable",
    )
