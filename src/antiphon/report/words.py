"""Plain words: numbers as people say them, names as the field says them, and the words that are never said."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from antiphon.release.released import Released

FORBIDDEN = (
    r"caus(?:e|es|ed|al|ation|ing)",
    r"due to",
    r"because",
    r"contagio(?:n|us)",
    r"influenc(?:e|es|ed|ing)",
    r"risk of",
    r"worst",
    r"blame[sd]?",
    r"leads? to",
    r"fault",
)
_FORBIDDEN = re.compile(rf"\b(?:{'|'.join(FORBIDDEN)})\b", re.IGNORECASE)

PEOPLE = "person"
"""The innermost level, in every agency."""

COMPONENTS = {
    "average": "what happens here anyway",
    "frailty": "lasting differences between people, whatever their reason (history, diagnosis, placement, who looks after "
    "them, who gets written up)",
    "own past": "follows the same person's recent events",
    "peers": "follows recent events of others in the same role",
    "other roles": "follows recent events of people in another role",
    "ties": "follows recent events of someone they are tied to",
    "organisation": "follows recent events of the unit or the organisation",
    "environment": "follows recent events in the world around the agency",
}
SHORT_COMPONENTS = {
    "average": "what happens here anyway",
    "frailty": "lasting differences between people",
    "own past": "the same person's recent events",
    "peers": "others in the same role",
    "other roles": "people in another role",
    "ties": "someone they are tied to",
    "organisation": "the unit or the organisation",
    "environment": "the world around the agency",
}


def forbidden_words(text: str) -> list[str]:
    """Words in a text that the report never says.

    Parameters
    ----------
    text : any text.
    """
    return _FORBIDDEN.findall(text)


def number(value: float) -> str:
    """Write a number with three digits, all of those before the point, and at most four decimals; commas for thousands."""
    places = 4 if value == 0 else min(max(2 - math.floor(math.log10(abs(value))), 0), 4)
    text = f"{value:,.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"", "-0"} else text


def per_100(share: float) -> str:
    """Write a share or a number of echoes per event as a number per 100."""
    value = 100 * share
    return number(round(value) if value >= 10 else round(value, 1))


def p_value(value: float | None) -> str:
    """Write a p-value."""
    if value is None:
        return "-"
    return "under 0.001" if value < 0.001 else number(value)


def delay(hours: float) -> str:
    """Write a delay in hours or days, whichever is easier to picture."""
    if hours < 1.5:
        return "an hour"
    if hours < 48:
        return f"{number(round(hours))} hours"
    return f"{number(round(hours / 24))} days"


def capital(text: str) -> str:
    """Start with a capital letter."""
    return text[:1].upper() + text[1:]


def joined(parts: list[str]) -> str:
    """Join parts with commas and a last "and"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


@dataclass(frozen=True, slots=True)
class Words:
    """Plain words for the names in released tables.

    Attributes
    ----------
    labels : ``Released.labels``.
    """

    labels: dict[str, dict[str, str]]

    @classmethod
    def of(cls, released: Released) -> Words:
        """Make the words of released tables."""
        return cls(released.labels)

    def kind(self, name: str) -> str:
        """Plain plural words for an event kind."""
        return self.labels["kinds"].get(name, name.replace("_", " "))

    def role(self, name: str) -> str:
        """Plain words for a role or a level."""
        return self.labels["roles"].get(name, name.replace("_", " "))

    def domain(self, name: str) -> str:
        """Plain words for a domain."""
        return self.labels["domains"].get(name, name.replace("_", " "))

    def practice(self, name: str) -> str:
        """Plain words for a practice."""
        return self.labels["practices"].get(name, name.replace("_", " "))

    def contrast(self, row: dict[str, Any]) -> str:
        """Words for what answers are compared by: "directed at staff, against clients"."""
        level, against = row["level"], row["against"]
        match row["differs_by"]:
            case "time":
                return "at the end of the time observed, against its beginning"
            case "shift":
                others = "the other shifts" if against == "others" else f"the shift from {against}"
                return f"in the shift from {level}, against {others}"
            case "staffing":
                return "with twice the staff per client, in the same unit"
            case "practice":
                return f"with {self.practice(level)} in force, in the same unit"
            case _:
                return f"directed at {self.role(level)}, against {self.role(against)}"

    def relation(self, name: str) -> str:
        """Plain words for a relation between two persons."""
        return self.labels["relations"].get(name, name.replace("_", " "))

    def bare_role(self, name: str) -> str:
        """Plain words for a role without an article, for a number that follows."""
        return self.role(name).removeprefix("the ")

    def is_group(self, role: str) -> bool:
        """Whether a role stands for groups, not persons."""
        return self.labels["levels"].get(role, PEOPLE) != PEOPLE

    def node(self, name: str) -> str:
        """Plain words for ``"role: kind"``."""
        return self.kind(name.partition(":")[2].strip())

    def among(self, channel: str, to_role: str) -> str:
        """Words for where a coupling is heard: "among staff of the same unit"."""
        how, _, where = channel.partition(":")
        place, _, roles = where.partition(":")
        source, _, target = roles.partition(">")
        if how == "self":
            return f"of the same {to_role}" if self.is_group(to_role) else "of the same person"
        if how == "peers":
            return f"among {'other ' if source == target else ''}{self.role(target)} of the same {place}"
        if how == "members":
            return f"of their {target}"
        if how == "group":
            return f"among {self.role(target)} there"
        return f"along the tie between {self.relation(place)}"

    def travels(self, channel: str) -> str:
        """Words for the relationship that a channel travels."""
        how, _, where = channel.partition(":")
        place, _, roles = where.partition(":")
        source, _, target = roles.partition(">")
        if how == "self":
            return "from one's own past to oneself"
        if how == "peers":
            return f"from {self.role(source)} to {'other ' if source == target else ''}{self.role(target)} of the same {place}"
        if how == "members":
            return f"up: from {self.role(source)} to their {target}"
        if how == "group":
            return f"down: from {self.role(source)} to {self.role(target)} there"
        return f"along a tie: {self.relation(place)}, from {self.role(source)} to {self.role(target)}"
