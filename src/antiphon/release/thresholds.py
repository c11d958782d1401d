"""Who counts as how many: the thresholds of roles, and which roles are too small to be shown at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from antiphon.framework.vocabulary import SERVED, WORKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from antiphon.framework.vocabulary import Vocabulary
    from antiphon.records.settings import Settings

HARD_FLOOR = 5


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How many distinct persons a cell must hold, by the role behind it.

    Attributes
    ----------
    min_clients, min_staff : the agency's thresholds, never under the hard floor of 5.
    groups : names that stand for groups, not persons (units, the organisation ...): no number of persons applies.
    working : roles of people who work here.
    unshown : roles with too few persons to be a node of their own.
    """

    min_clients: int
    min_staff: int
    groups: frozenset[str]
    working: frozenset[str]
    unshown: frozenset[str]

    def of(self, role: str) -> int:
        """Smallest number of distinct persons of ``role`` that may be shown; 0 for groups."""
        if role in self.groups:
            return 0
        if role in self.working:
            return self.min_staff
        if role == SERVED:
            return self.min_clients
        return max(self.min_clients, self.min_staff)  # a role of the agency's own: the stricter of the two

    def passes(self, role: str, persons: int) -> bool:
        """Whether ``persons`` distinct persons of ``role`` may be shown."""
        return persons >= self.of(role)

    def shows(self, roles: Iterable[str]) -> bool:
        """Whether all of ``roles`` may be named as nodes."""
        return not self.unshown.intersection(roles)

    def shown_role(self, role: str) -> str:
        """Name under which a role is counted: small working roles are counted as staff."""
        return WORKING if role in self.unshown and role in self.working else role


def thresholds(settings: Settings, vocabulary: Vocabulary, systems: dict[str, int]) -> Thresholds:
    """Thresholds of an agency.

    Parameters
    ----------
    settings : the agency's settings; ``privacy.min_clients`` and ``privacy.min_staff`` count, floored at 5.
        Data declared public have the same thresholds.
    vocabulary : says which roles are persons.
    systems : number of systems per role in the records.
    """
    min_clients = max(HARD_FLOOR, settings.privacy.min_clients)
    min_staff = max(HARD_FLOOR, settings.privacy.min_staff)
    innermost = vocabulary.levels[-1]
    groups = frozenset(vocabulary.levels[:-1]) | {
        role for role, level in vocabulary.roles.items() if level != innermost
    }
    persons = {role for role in (*vocabulary.roles, *systems) if role not in groups}
    working = frozenset(persons & vocabulary.workers)
    bare = Thresholds(min_clients, min_staff, groups, working, frozenset())
    small = frozenset(role for role in persons if 0 < systems.get(role, 0) < bare.of(role))
    # "staff" and "client" stay as names even when small (their cells are withheld one by one): there is nothing
    # that they could be merged into.
    return Thresholds(min_clients, min_staff, groups, working, small - {WORKING, SERVED})


def shown_systems(systems: dict[str, int], limits: Thresholds) -> dict[str, int | None]:
    """Count systems per role with small roles merged; None where too few to show. Groups are exact."""
    merged: dict[str, int] = {}
    for role, count in systems.items():
        name = limits.shown_role(role)
        if name not in limits.unshown:
            merged[name] = merged.get(name, 0) + count
    return {role: _shown_count(role, count, limits) for role, count in merged.items()}


def _shown_count(role: str, count: int, limits: Thresholds) -> int | None:
    if role in limits.groups:
        return count
    return 5 * round(count / 5) if limits.passes(role, count) else None


def shown_channels(channels: list[Any], limits: Thresholds) -> list[str]:
    """Names of channels between roles that may be named."""
    names = [str(channel) for channel in channels]
    return [name for name in names if limits.shows(name.rpartition(":")[2].split(">"))]
