"""Reads the shared framework from its data files, and refuses files that contradict each other."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from antiphon.errors import SpecificationError
from antiphon.framework.vocabulary import (
    LEVELS_WITH_SIGNS,
    DomainDefinition,
    KindDefinition,
    PracticeDefinition,
    RelationDefinition,
    Sign,
    Slot,
    Vocabulary,
)

CODINGS = ("affect", "cognition", "behaviour")


@cache
def load_vocabulary() -> Vocabulary:
    """Return the shared framework: the same for every agency, before its own words are added."""
    sources = _table("sources")["sources"]
    levels = _table("levels")
    order = tuple(level["name"] for level in levels["levels"])
    people = _named(levels["roles"], "levels")
    vocabulary = Vocabulary(
        version=levels["version"],
        levels=order,
        unit="unit",
        organisation="organisation",
        level_labels={level["name"]: level["label"] for level in levels["levels"]},
        roles={level: level for level in order[:-1]} | {name: role["level"] for name, role in people.items()},
        role_labels={level["name"]: level["label"] for level in levels["levels"][:-1]}
        | {name: role["label"] for name, role in people.items()},
        kinds={name: _kind(entry, sources) for name, entry in _named(_table("kinds")["kinds"], "kinds").items()},
        relations=_relations(sources),
        domains=_domains(sources),
        practices=_practices(sources),
    )
    _check(vocabulary)
    return vocabulary


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((files("antiphon.framework") / "data" / f"{name}.toml").read_text(encoding="utf-8"))


def _named(entries: list[dict[str, Any]], table: str) -> dict[str, dict[str, Any]]:
    named = {entry["name"]: entry for entry in entries}
    if len(named) != len(entries):
        raise SpecificationError(f"framework/data/{table}.toml: each name may stand once.")
    return named


def _kind(entry: dict[str, Any], sources: dict[str, str]) -> KindDefinition:
    given = {"while_" if key == "while" else key: value for key, value in entry.items()}
    given |= {"domains": tuple(entry["domains"]), "source": sources[entry["source"]]}
    return KindDefinition(**{"by": entry["of"], **given})


def _relations(sources: dict[str, str]) -> dict[str, RelationDefinition]:
    entries = _named(_table("relations")["relations"], "relations")
    return {
        name: RelationDefinition(**{**entry, "reference": sources[entry["reference"]]})
        for name, entry in entries.items()
    }


def _domains(sources: dict[str, str]) -> dict[str, DomainDefinition]:
    table = _table("domains")
    slots = {entry["number"]: Slot(**{**entry, "source": sources[entry["source"]]}) for entry in table["slots"]}
    domains = {}
    for name, entry in _named(table["domains"], "domains").items():
        signs = {level: tuple(Sign(*sign) for sign in entry[level]) for level in LEVELS_WITH_SIGNS}
        own = {"slot": slots.get(entry["slot"]), "source": sources[entry["source"]]}
        domains[name] = DomainDefinition(**{**entry, **signs, **own})
    return domains


def _practices(sources: dict[str, str]) -> dict[str, PracticeDefinition]:
    entries = _named(_table("practices")["practices"], "practices")
    return {
        name: PracticeDefinition(**{**entry, "source": sources[entry["source"]]}) for name, entry in entries.items()
    }


def _check(vocabulary: Vocabulary) -> None:
    """Refuse names that point nowhere: a typing slip in a data file must not become a silent gap in a report."""
    wrong = [
        f"kind {kind.name}"
        for kind in vocabulary.kinds.values()
        if not {kind.of, kind.by} <= set(vocabulary.roles)
        or not set(kind.domains) <= set(vocabulary.domains)
        or not kind.definition
    ]
    wrong += [
        f"relation {relation.name}"
        for relation in vocabulary.relations.values()
        if not {relation.source, relation.target} <= set(vocabulary.roles)
    ]
    wrong += [
        f"domain {domain.name}"
        for domain in vocabulary.domains.values()
        if any(sign.coding not in CODINGS for level in LEVELS_WITH_SIGNS for sign in getattr(domain, level))
    ]
    if wrong:
        raise SpecificationError(f"framework/data: names that are not defined in {', '.join(wrong)}.")
