"""The shared language as values: levels, roles, event kinds, relations, domains and practices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any, Literal

from antiphon.errors import SpecificationError

Coding = Literal["affect", "cognition", "behaviour"]
While = Literal["present", "member"]
Precision = Literal["minute", "shift", "day"]

SERVED, WORKING = "client", "staff"
"""Roles of those whom an agency serves, and of everyone who works there and has no role large enough to stand by itself."""

LEVELS_WITH_SIGNS = (SERVED, WORKING, "unit", "organisation", "environment")


@dataclass(frozen=True, slots=True)
class KindDefinition:
    """An event kind: whose it is, whose behaviour it is, and how it is counted.

    Attributes
    ----------
    name : the word in the records; ``label`` plain plural words for sentences ("restraints").
    of : role or level that owns the event; ``by`` whose behaviour it is.
    domains : names of the domains that it is a sign of; empty for helpful kinds.
    while_ : whether someone is at risk while ``"present"`` or while a ``"member"``.
    terminal : whether it ends the owner's stay.
    severity : name of the scale of ``severity``, or None.
    precision : grain of time where records of this kind are dates everywhere, or None (the agency's applies).
    incident_response : whether it is an answer inside an incident, such as a restraint after an assault.
    aggregate : whether it counts for the unit and never for the person (discipline, grievances of staff).
    definition, source : what it means, and after whom.
    """

    name: str
    label: str
    of: str
    by: str
    domains: tuple[str, ...] = ()
    while_: While = "present"
    terminal: bool = False
    severity: str | None = None
    precision: Precision | None = None
    incident_response: bool = False
    aggregate: bool = False
    definition: str = ""
    source: str = "the agency's own"


@dataclass(frozen=True, slots=True)
class RelationDefinition:
    """A relationship between two people, with its direction.

    Attributes
    ----------
    name, label : the word in the records, and plain words ("staff and the clients they are responsible for").
    source, target : roles at its two ends.
    definition, reference : what it means, and after whom.
    """

    name: str
    label: str
    source: str
    target: str
    definition: str = ""
    reference: str = "the agency's own"


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that can be felt, thought or seen: its coding and its words."""

    coding: Coding
    text: str


@dataclass(frozen=True, slots=True)
class Slot:
    """One of Bloom's nine slots: the same state in clients, staff and the organisation."""

    number: int
    client: str
    staff: str
    organisation: str
    source: str


@dataclass(frozen=True, slots=True)
class DomainDefinition:
    """A domain of trauma-organised systems and what it looks like at each level.

    Attributes
    ----------
    name, label : the word in the data, and plain words.
    slot : Bloom's slot that it belongs to, by our reading, or None.
    client, staff, unit, organisation, environment : signs at that level.
    definition, source : what it means, and after whom.
    """

    name: str
    label: str
    slot: Slot | None
    client: tuple[Sign, ...]
    staff: tuple[Sign, ...]
    unit: tuple[Sign, ...]
    organisation: tuple[Sign, ...]
    environment: tuple[Sign, ...]
    definition: str
    source: str


@dataclass(frozen=True, slots=True)
class PracticeDefinition:
    """A practice that may be in force in a group; an option to compare, never presented as proven."""

    name: str
    label: str
    definition: str
    source: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that records, model and report share.

    Attributes
    ----------
    version : version of the shared framework.
    levels : names, outermost first; ``level_labels`` the words for readers.
    unit, organisation : the level of places that people share, and the level whose groups share their circumstances
        and calendar; "" where there is none.
    roles : role -> level. A level that holds others is a role of its own name ("unit").
    role_labels : role -> plain plural words.
    kinds, relations, domains, practices : by name.
    """

    version: str
    levels: tuple[str, ...]
    unit: str
    organisation: str
    level_labels: Mapping[str, str]
    roles: Mapping[str, str]
    role_labels: Mapping[str, str]
    kinds: Mapping[str, KindDefinition]
    relations: Mapping[str, RelationDefinition]
    domains: Mapping[str, DomainDefinition]
    practices: Mapping[str, PracticeDefinition]

    @property
    def surroundings(self) -> tuple[str, ...]:
        """Levels outside the organisation: the world around it."""
        return self.levels[: self.levels.index(self.organisation)] if self.organisation else ()

    @property
    def workers(self) -> frozenset[str]:
        """Roles of people who work for the agency; kinds and relations of "staff" are theirs too."""
        return frozenset({WORKING, "clinician", "supervisor", "leader"} & set(self.roles))

    def extended(
        self,
        *,
        levels: Iterable[str] | None = None,
        unit: str | None = None,
        organisation: str | None = None,
        roles: Mapping[str, str] | None = None,
        kinds: Mapping[str, Mapping[str, Any]] | None = None,
        relations: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> "Vocabulary":
        """Return the vocabulary with an agency's own words added.

        Parameters
        ----------
        levels
            The agency's levels, outermost first; the last is the level of persons. None keeps the shared ones.
        unit, organisation
            Which of the levels these are. Where it is not said they are the levels of that name, or else the innermost
            level of groups and the outermost one around it but for the environment.
        roles
            Role -> level, added to the shared roles.
        kinds
            Kind -> its fields as in ``agency.toml``. A shared kind may be named to change some of its fields; a new
            one needs ``of``.
        relations
            Relation -> its fields; a new one needs ``source`` and ``target``.

        Returns
        -------
        Vocabulary
            Kinds and relations of roles that the agency's levels do not have are left out.

        Raises
        ------
        SpecificationError
            Where an entry names a level, role, domain or field that does not exist.
        """
        order = self.levels if levels is None else tuple(levels)
        if levels is None:
            unit, organisation = unit or self.unit or None, organisation or self.organisation or None
        unit, organisation = _places(order, unit, organisation)
        all_roles = _roles(self, order, roles or {})
        all_kinds = {name: _with_known_actor(kind, all_roles) for name, kind in self.kinds.items()}
        for name, entry in (kinds or {}).items():
            all_kinds[name] = _kind(name, entry, all_kinds.get(name), all_roles, self.domains)
        all_relations = dict(self.relations)
        for name, entry in (relations or {}).items():
            all_relations[name] = _relation(name, entry, all_relations.get(name), all_roles)
        return replace(
            self,
            levels=order,
            unit=unit,
            organisation=organisation,
            level_labels={level: self.level_labels.get(level, f"the {_plural(level)}") for level in order},
            roles=all_roles,
            role_labels={role: self.role_labels.get(role, _plural(role)) for role in all_roles},
            kinds={name: kind for name, kind in all_kinds.items() if kind.of in all_roles},
            relations={n: r for n, r in all_relations.items() if r.source in all_roles and r.target in all_roles},
        )


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the known name that most resembles a given one, or None where none comes close.

    Parameters
    ----------
    name
        A word as someone wrote it ("Restraints", "phys. aggression").
    names
        Known names.
    """
    plain = {_plain(known): known for known in sorted(names)}
    wanted = _plain(name)
    if wanted in plain:
        return plain[wanted]
    given = wanted.split()
    spelled_otherwise = [key for key in plain if _same_words(key.split(), given)]
    if spelled_otherwise:
        return plain[min(spelled_otherwise, key=len)]
    close = get_close_matches(wanted, list(plain), n=1, cutoff=0.7)
    return plain[close[0]] if close else None


def _same_words(known: list[str], given: list[str]) -> bool:
    """Whether every word of the known name was given, perhaps abbreviated or in the plural, in any order."""
    return all(any(_same_word(word, other) for other in given) for word in known)


def _same_word(word: str, other: str) -> bool:
    return min(len(word), len(other)) >= 4 and (word.startswith(other) or other.startswith(word))


def spoken(name: str) -> str:
    """Return a name of the data as words: ``aggression_verbal`` becomes "aggression verbal"."""
    return name.replace("_", " ")


def _plural(name: str) -> str:
    word = spoken(name)
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word if word.endswith("s") else word + "s"


def unknown(what: str, name: str, names: Iterable[str], where: str) -> SpecificationError:
    """Return the error for a word that is not known: what was given, the nearest known one, and all allowed."""
    allowed = sorted(names)
    guess = nearest(name, allowed)
    hint = f' Did you mean "{guess}"?' if guess else ""
    return SpecificationError(f'{where}: the {what} "{name}" is not known.{hint} Known: {", ".join(allowed)}.')


def _plain(name: str) -> str:
    return " ".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())


def _places(levels: tuple[str, ...], unit: str | None, organisation: str | None) -> tuple[str, str]:
    """Return which levels are those of units and of organisations, as said or by the names of the shared framework."""
    groups = levels[:-1]
    for what, name in (("unit", unit), ("organisation", organisation)):
        if name is not None and name not in groups:
            raise unknown("level", name, groups, f'[levels] in agency.toml, "{what}"')
    if not groups:
        return "", ""
    unit = unit or ("unit" if "unit" in groups else groups[-1])
    around = [level for level in groups[: groups.index(unit)] if level != "environment"]
    organisation = organisation or ("organisation" if "organisation" in groups else next(iter(around), ""))
    if organisation and groups.index(organisation) > groups.index(unit):
        raise SpecificationError(
            f'[levels] in agency.toml: the level of organisations ("{organisation}") lies inside that of units ("{unit}"). '
            "Levels are written outermost first."
        )
    return unit, organisation


def _roles(shared: Vocabulary, levels: tuple[str, ...], own: Mapping[str, str]) -> dict[str, str]:
    if len(set(levels)) != len(levels) or not levels:
        raise SpecificationError('[levels] in agency.toml: "order" must name each level once, outermost first.')
    for role, level in own.items():
        if level not in levels:
            raise unknown("level", level, levels, f'[roles] in agency.toml, role "{role}"')
    groups = {level: level for level in levels[:-1]}
    return groups | {role: level for role, level in shared.roles.items() if level in levels} | dict(own)


def _with_known_actor(kind: KindDefinition, roles: Mapping[str, str]) -> KindDefinition:
    """Let the owner stand for an actor whose level this agency does not have."""
    return kind if kind.by in roles else replace(kind, by=kind.of)


def _kind(
    name: str,
    entry: Mapping[str, Any],
    shared: KindDefinition | None,
    roles: Mapping[str, str],
    domains: Mapping[str, DomainDefinition],
) -> KindDefinition:
    where = f"[kinds.{name}] in agency.toml"
    given = _given(entry, KindDefinition, where)
    owner = given.get("of", shared.of if shared else None)
    if owner is None:
        raise SpecificationError(f'{where}: say whose events these are, such as of = "client".')
    given["of"] = owner
    given.setdefault("by", shared.by if shared and "of" not in entry else owner)
    for field in ("of", "by"):
        if given[field] not in roles:
            raise unknown("role", given[field], roles, f"{where}, {field}")
    given["domains"] = tuple(given.get("domains", shared.domains if shared else ()))
    for domain in given["domains"]:
        if domain not in domains:
            raise unknown("domain", domain, domains, where)
    _check_choice(given, "while_", ("present", "member"), where)
    _check_choice(given, "precision", ("minute", "shift", "day"), where)
    if shared:
        return replace(shared, **given)
    return KindDefinition(**{"name": name, "label": spoken(name), **given})


def _relation(
    name: str, entry: Mapping[str, Any], shared: RelationDefinition | None, roles: Mapping[str, str]
) -> RelationDefinition:
    where = f"[relations.{name}] in agency.toml"
    given = _given(entry, RelationDefinition, where)
    for field in ("source", "target"):
        role = given.get(field, getattr(shared, field, None))
        if role is None:
            raise SpecificationError(
                f'{where}: say the role at both ends, such as source = "staff", target = "client".'
            )
        if role not in roles:
            raise unknown("role", role, roles, f"{where}, {field}")
        given[field] = role
    if shared:
        return replace(shared, **given)
    return RelationDefinition(**{"name": name, "label": spoken(name), **given})


def _given(entry: Mapping[str, Any], kind: type, where: str) -> dict[str, Any]:
    """Return the fields that were given, under their names in code; refuse any other."""
    known = {field.name.rstrip("_"): field.name for field in fields(kind) if field.name != "name"}
    given = {}
    for key, value in entry.items():
        if key.rstrip("_") not in known:
            raise unknown("setting", key, known, where)
        if value is not None:
            given[known[key.rstrip("_")]] = value
    return given


def _check_choice(given: Mapping[str, Any], field: str, allowed: tuple[str, ...], where: str) -> None:
    if field in given and given[field] not in allowed:
        raise unknown(f"choice for {field.rstrip('_')}", str(given[field]), allowed, where)
