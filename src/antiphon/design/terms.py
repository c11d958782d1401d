"""The grammar of covariates, ``WHAT:...>WHOM``, and the check that what they name is in the records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from antiphon.errors import SpecificationError
from antiphon.framework.vocabulary import nearest, unknown
from antiphon.records.settings import days_of
from antiphon.records.tables import SYSTEMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from antiphon.design.design import Channel
    from antiphon.records.agency import Agency

What = Literal["attribute", "tenure", "practice", "staffing", "census", "score", "dose"]
FORMS: dict[str, str] = {
    "attribute": "attribute:NAME",
    "tenure": "tenure",
    "practice": "practice:NAME",
    "staffing": "staffing:LEVEL",
    "census": "census:LEVEL",
    "score": "score:WHERE:INSTRUMENT or score:WHERE:INSTRUMENT:ITEM",
    "dose": "dose:WHERE:KIND:HALF-LIFE",
}
WHERE = 'WHERE is "own", a level such as "unit", or "tie:RELATION"'
OWN, TIE = "own", "tie"
TOTAL = "total"
CAPACITY = "capacity"


@dataclass(frozen=True, slots=True)
class Term:
    """A covariate as it is written in ``agency.toml``.

    Attributes
    ----------
    text : as written, without spaces and without ``>WHOM``.
    what : the first word.
    where : ``"own"``, ``"tie"`` or a level; ``""`` where nothing is looked up elsewhere.
    relation : relation of the ties, where `where` is ``"tie"``.
    name : attribute, practice, instrument or kind; ``item`` of an instrument.
    half_life : days (doses).
    whom : role or kind that it is for; ``""`` for all for whom it can be known.
    """

    text: str
    what: What
    where: str = ""
    relation: str = ""
    name: str = ""
    item: str = ""
    half_life: float = 0.0
    whom: str = ""


def parse_term(text: str) -> Term:
    """Read a covariate as it stands in ``agency.toml``.

    Raises
    ------
    SpecificationError
        Where the text does not follow the grammar.
    """
    left, arrow, whom = text.partition(">")
    words = [word.strip() for word in left.split(":")]
    what, rest = words[0], words[1:]
    whom = whom.strip()
    if what not in get_args(What):
        guess = nearest(what, FORMS)
        hint = f'Did you mean "{FORMS[guess]}"?' if guess else f"Write one of {', '.join(FORMS.values())}."
        raise SpecificationError(f'The covariate "{text}" cannot be read. {hint}')
    if not all(words) or (arrow and not whom) or ">" in whom:
        raise _unreadable(text, what)
    return Term(":".join(words), what, whom=whom, **_fields(text, what, rest))  # pyright: ignore[reportArgumentType]


def _fields(text: str, what: str, rest: list[str]) -> dict[str, str | float]:
    """Return the fields of a term from the words after its first."""
    found: dict[str, str | float] = {}
    if what in ("score", "dose") and rest[:1] == [TIE]:
        found, rest = {"relation": rest[1] if len(rest) > 1 else ""}, [TIE, *rest[2:]]
    names = {
        "tenure": [()],
        "attribute": [("name",)],
        "practice": [("name",)],
        "staffing": [("where",)],
        "census": [("where",)],
        "score": [("where", "name"), ("where", "name", "item")],
        "dose": [("where", "name", "half_life")],
    }[what]
    fitting = [fields for fields in names if len(fields) == len(rest)]
    if not fitting:
        raise _unreadable(text, what)
    found |= dict(zip(fitting[0], rest, strict=True))
    if what == "dose":
        try:
            found["half_life"] = days_of(found["half_life"])
        except ValueError as mistake:
            raise SpecificationError(f'The covariate "{text}", half-life: {mistake}.') from None
    return found


def _unreadable(text: str, what: str) -> SpecificationError:
    where = f", where {WHERE}" if what in ("score", "dose") else ""
    return SpecificationError(
        f'The covariate "{text}" cannot be read. Write {FORMS[what]}{where}, and ">ROLE" or ">KIND" after it to have it '
        "for one role or one kind only."
    )


def dose_through(channel: Channel, source_kind: str, half_life: float, target_kind: str) -> str:
    """Return, as a covariate, what reaches a kind through a channel: of either sign, where an echo is never negative.

    Parameters
    ----------
    channel
        Any channel that leads to the role of the target kind.
    source_kind, target_kind
        Names of the kinds.
    half_life
        Days.
    """
    where = {"self": OWN, "tie": f"{TIE}:{channel.where}"}.get(channel.how, channel.where)
    return f"dose:{where}:{source_kind}:{half_life}d>{target_kind}"


def check_terms(terms: Sequence[Term], agency: Agency) -> None:
    """Refuse covariates that name what is not in the records, and those that are named twice.

    Raises
    ------
    SpecificationError
        With the nearest known name.
    """
    if len(set(terms)) < len(terms):
        raise SpecificationError("Each covariate can be named once.")
    for term in terms:
        if term.whom:
            _known(term, "role or kind", term.whom, [*agency.vocabulary.roles, *agency.vocabulary.kinds])
        if term.where == TIE:
            _known(term, "relation", term.relation, agency.vocabulary.relations)
        elif term.where not in ("", OWN):
            _known(term, "level", term.where, agency.vocabulary.levels[:-1])
        _CHECKS.get(term.what, _nothing)(term, agency)


def _known(term: Term, what: str, name: str, names: Iterable[str]) -> None:
    if name not in set(names):
        raise unknown(what, name, names, f'The covariate "{term.text}"')


def _nothing(term: Term, agency: Agency) -> None:
    """Nothing more to check."""


def attributes_of(agency: Agency) -> list[str]:
    """Return the names of the further columns of the table of systems."""
    return [name for name in agency.systems.columns if name not in (*SYSTEMS.names, *SYSTEMS.provenance)]


def _check_attribute(term: Term, agency: Agency) -> None:
    names = attributes_of(agency)
    if term.name not in names:
        guess = nearest(term.name, names)
        hint = f' Did you mean "{guess}"?' if guess else ""
        # the headings of a table may be names of persons, so they are not listed
        raise SpecificationError(
            f'The covariate "{term.text}": the table systems has no column "{term.name}".{hint} An attribute is a '
            "further column of that table."
        )


def _check_practice(term: Term, agency: Agency) -> None:
    _refuse_empty(term, "practices", is_empty=agency.practices.is_empty())
    _known(term, "practice", term.name, agency.practices["practice"].unique().to_list())


def _check_staffing(term: Term, agency: Agency) -> None:
    if agency.presence.is_empty() or agency.presence["away"].all():
        raise SpecificationError(
            f'The covariate "{term.text}" counts who is at work: it needs shifts in the table presence (rows without '
            '"away").'
        )


def _check_census(term: Term, agency: Agency) -> None:
    if CAPACITY not in attributes_of(agency):
        raise SpecificationError(
            f'The covariate "{term.text}" compares the census with the places: add the column "{CAPACITY}" to the table '
            f'systems, and fill it for every group of the level "{term.where}".'
        )


def _check_score(term: Term, agency: Agency) -> None:
    _refuse_empty(term, "measures", is_empty=agency.measures.is_empty())
    _known(term, "instrument", term.name, agency.measures["instrument"].unique().to_list())
    items = items_of(term.name, agency)
    if term.item:
        _known(term, "item", term.item, items)
    elif chosen_item(term, agency) is None:
        raise SpecificationError(
            f'The covariate "{term.text}": the instrument has several items and no "{TOTAL}". Name one: '
            f"{', '.join(f'{term.text}:{item}' for item in items[:5])}."
        )


def _check_dose(term: Term, agency: Agency) -> None:
    _known(term, "kind", term.name, agency.vocabulary.kinds)


_CHECKS = {
    "attribute": _check_attribute,
    "practice": _check_practice,
    "staffing": _check_staffing,
    "census": _check_census,
    "score": _check_score,
    "dose": _check_dose,
}


def _refuse_empty(term: Term, table: str, *, is_empty: bool) -> None:
    if is_empty:
        raise SpecificationError(f'The covariate "{term.text}" needs the table {table}, which has no rows.')


def items_of(instrument: str, agency: Agency) -> list[str]:
    """Return the items of an instrument, in order."""
    measures = agency.measures
    return measures.filter(measures["instrument"] == instrument)["item"].unique().sort().to_list()


def chosen_item(term: Term, agency: Agency) -> str | None:
    """Return the item that a score is read from: the one that is named, the total, or the only one there is."""
    items = items_of(term.name, agency)
    totals = [item for item in items if item.lower() == TOTAL]
    if term.item or totals or len(items) == 1:
        return term.item or (totals or items)[0]
    return None
