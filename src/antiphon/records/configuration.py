"""Reads ``agency.toml``: every mistake in it is told, by section and key, and none ends in a traceback."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from antiphon.errors import SpecificationError
from antiphon.framework import load_vocabulary
from antiphon.framework.vocabulary import Vocabulary, nearest
from antiphon.records.settings import Settings, known_keys

if TYPE_CHECKING:
    from antiphon.records.problems import Ledger

FILE = "agency.toml"


def read_settings(folder: Path, ledger: Ledger) -> Settings | None:
    """Read ``agency.toml`` of an agency folder.

    Parameters
    ----------
    folder : the agency folder.
    ledger : takes the mistakes.

    Returns
    -------
    The settings, where some are mistaken without these; None where the file is absent or cannot be read (then the
    ledger has errors).
    """
    path = folder / FILE
    if not path.is_file():
        return None
    content = _read_toml(path, ledger)
    if content is None:
        return None
    try:
        return Settings.model_validate(content)
    except ValidationError as mistakes:
        for mistake in mistakes.errors(include_url=False, include_context=False, include_input=False):
            _note(mistake["loc"], str(mistake["type"]), str(mistake["msg"]), ledger)
        return _without_mistakes(content, mistakes)


def _without_mistakes(content: dict[str, Any], mistakes: ValidationError) -> Settings:
    """Leave out what is mistaken, so that the records can be checked by the rest."""
    content = copy.deepcopy(content)
    while True:
        for mistake in mistakes.errors():
            _leave_out(content, mistake["loc"])
        try:
            return Settings.model_validate(content)
        except ValidationError as more:
            mistakes = more


def _leave_out(content: dict[str, Any], location: tuple[int | str, ...]) -> None:
    """Delete the innermost key on the way to a place that is there; a list goes as a whole."""
    holder, key, inside = content, str(location[0]), content
    for step in map(str, location):
        if not isinstance(inside, dict) or step not in inside:
            break
        holder, key, inside = inside, step, inside[step]
    holder.pop(key, None)


def _read_toml(path: Path, ledger: Ledger) -> dict[str, Any] | None:
    try:
        return tomllib.loads(_text(path, ledger))
    except OSError:
        ledger.add("error", FILE, "file_unreadable", "the file cannot be opened", "See that you may read it")
    except tomllib.TOMLDecodeError as trouble:
        place = re.search(r"line \d+, column \d+", str(trouble))
        where = f" ({place[0]})" if place else ""
        mend = 'Look for a missing quotation mark, bracket or "=" there'
        ledger.add("error", FILE, "not_toml", f"the file cannot be read as TOML{where}", mend)
    return None


def _text(path: Path, ledger: Ledger) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        mend = 'Save it again with the encoding "UTF-8"'
        ledger.add("error", FILE, "encoding_not_utf8", "the file is not UTF-8", mend)
        return content.decode("cp1252", errors="replace")


def _note(location: tuple[int | str, ...], kind: str, text: str, ledger: Ledger) -> None:
    section, key = _place(location)
    if kind == "extra_forbidden":
        guess = nearest(str(location[-1]), known_keys(location))
        known = ", ".join(known_keys(location))
        hint = f'Did you mean "{guess}"?' if guess else f"Known here: {known}"
        ledger.add("error", FILE, "key_unknown", f'{section} has no key "{location[-1]}"', hint, key)
        return
    words = text.removeprefix("Value error, ")
    words = words[:1].lower() + words[1:]
    mend = "Correct the value; an example stands in the file that antiphon init writes"
    ledger.add("error", FILE, "setting_invalid", f"{section}: {key}: {words}", mend, key)


def _place(location: tuple[int | str, ...]) -> tuple[str, str]:
    """Return the section as it is written, and the key below it."""
    names = [str(step) for step in location if not isinstance(step, int)]
    numbers = [step for step in location if isinstance(step, int)]
    if not names:
        return "the file", ""
    if names[0] in ("gaps", "breaks"):
        entry = f" (entry {numbers[0] + 1})" if numbers else ""
        return f"[[{names[0]}]]{entry}", ".".join(names[1:])
    if names[0] in ("kinds", "relations") and len(names) > 1:
        return f"[{names[0]}.{names[1]}]", ".".join(names[2:])
    return f"[{names[0]}]" if len(names) > 1 else "the file", ".".join(names[1:]) or names[0]


def build_vocabulary(settings: Settings, ledger: Ledger) -> Vocabulary:
    """Extend the shared framework by the agency's own levels, roles, kinds and relations.

    Each entry is tried by itself, so that every mistake is told; entries that are mistaken are left out.
    """
    vocabulary = load_vocabulary()
    levels = settings.levels
    places = {"unit": levels.unit, "organisation": levels.organisation}
    if levels.order or any(places.values()):
        vocabulary = _try(vocabulary, {"levels": levels.order or None, **places}, ledger)
    for name, level in settings.roles.items():
        vocabulary = _try(vocabulary, {"roles": {name: level}}, ledger)
    for name, kind in settings.kinds.items():
        given = {key: value for key, value in kind.model_dump().items() if value is not None}
        vocabulary = _try(vocabulary, {"kinds": {name: given}}, ledger)
    for name, relation in settings.relations.items():
        given = {key: value for key, value in relation.model_dump().items() if value is not None}
        vocabulary = _try(vocabulary, {"relations": {name: given}}, ledger)
    _check_names(settings, vocabulary, ledger)
    return vocabulary


def _try(vocabulary: Vocabulary, words: Mapping[str, Any], ledger: Ledger) -> Vocabulary:
    try:
        return vocabulary.extended(**words)
    except SpecificationError as mistake:
        text, _, mend = mistake.message.partition(". ")
        ledger.add("error", FILE, "word_unknown", text.replace(" in agency.toml", ""), mend or "Correct the entry")
        return vocabulary


def _check_names(settings: Settings, vocabulary: Vocabulary, ledger: Ledger) -> None:
    kinds = [kind for gap in settings.gaps for kind in gap.kinds] + [entry.kind for entry in settings.breaks]
    for kind in sorted(set(kinds) - set(vocabulary.kinds)):
        guess = nearest(kind, vocabulary.kinds)
        hint = f'Did you mean "{guess}"?' if guess else "Declare it under [kinds]"
        ledger.add(
            "error", FILE, "kind_unknown", f'[[gaps]] or [[breaks]] name the kind "{kind}", which is not known', hint
        )
