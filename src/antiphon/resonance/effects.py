"""What goes together with the circumstances: ratios of named covariates, and who stands behind each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.design.attributes import UNKNOWN
from antiphon.design.terms import OWN, TIE, parse_term
from antiphon.resonance.behind import BEHIND, Behind, units

if TYPE_CHECKING:
    from antiphon.design.design import Covariate
    from antiphon.inference.inference import Effect, Inference
    from antiphon.records.agency import Agency

EFFECTS = {
    "kind": pl.String,
    "covariate": pl.String,
    "unit": pl.String,
    "on": pl.String,
    "ratio": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


def effects_table(agency: Agency, inference: Inference) -> pl.DataFrame:
    """Lay out the ratios of the covariates that are asked for, of rates and of what reaches people.

    Parameters
    ----------
    agency, inference : the records and what was concluded.

    Returns
    -------
    pl.DataFrame
        As ``Findings.effects``, in the order of kinds and covariates, never by size. Without breaks and without what
        stands for not being known: these are adjustments, no circumstances. Behind the target side stand the people
        with such an event; behind the source side those at risk, each counted on the side of the comparison that has
        fewer, or, where the circumstance is what happened to others or what they answered, these others.
    """
    design = inference.fit.design
    rows = []
    for effect in inference.effects:
        target = design.targets[effect.target]
        role = design.roles[target.role]
        covariate = (role.covariates if effect.on == "rate" else role.receptivity)[effect.covariate]
        if not _is_circumstance(covariate):
            continue
        named = (design.kinds[target.kind].name, covariate.name, covariate.unit, effect.on)
        told = (*named, effect.ratio, effect.low, effect.high)
        behind = _behind(agency, effect, covariate, role.name, units(design, target.kind))
        rows.append(dict(zip(EFFECTS, told, strict=True)) | behind.columns())
    return pl.DataFrame(rows, schema=EFFECTS | BEHIND)


def _is_circumstance(covariate: Covariate) -> bool:
    return not covariate.name.startswith("break:") and not covariate.name.endswith(f": {UNKNOWN}")


def _behind(agency: Agency, effect: Effect, covariate: Covariate, role: str, n_units: int) -> Behind:
    n_source, source_role = _others(agency, covariate.name) or (effect.n_at_risk, role)
    return Behind(n_source, effect.n_with_event, source_role, role, n_units)


def _others(agency: Agency, name: str) -> tuple[int, str] | None:
    """Distinct systems whose events, answers or shifts the circumstance is made of, and their role; None: one's own."""
    if name.startswith("attribute:"):
        return None  # what follows may be a level with any text
    term = parse_term(name)
    if term.what == "dose":
        mine = agency.events.filter(pl.col("kind") == term.name)
        return mine["system"].n_unique(), agency.vocabulary.kinds[term.name].of
    if term.what == "score" and term.where != OWN:
        relation = agency.vocabulary.relations.get(term.relation) if term.where == TIE else None
        return _measured(agency, term.name, None if relation is None else (relation.source, relation.target))
    if term.what == "staffing":
        at_work = agency.presence.filter(~pl.col("away").fill_null(value=False))["system"]
        staff = agency.systems.filter(pl.col("system").is_in(at_work.implode()) & (pl.col("role") != "client"))
        return staff.height, "staff"
    return None


def _measured(agency: Agency, instrument: str, roles: tuple[str, ...] | None) -> tuple[int, str] | None:
    """Of the roles that answered, the one with fewest people; of groups only where no person did."""
    answered = agency.measures.filter(pl.col("instrument") == instrument)["system"]
    found = agency.systems.filter(pl.col("system").is_in(answered.implode()))
    if roles is not None:
        found = found.filter(pl.col("role").is_in(roles))
    counted = [(int(n), str(role)) for role, n in found.group_by("role").len().sort("role").iter_rows()]
    innermost = agency.vocabulary.levels[-1]
    people = [one for one in counted if agency.vocabulary.roles.get(one[1], innermost) == innermost]
    return min(people or counted, default=None)
