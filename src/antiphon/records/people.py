"""The table of systems: checked where it is given, put together from the other tables where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.records.names import check_words, warn_of_spellings
from antiphon.records.problems import ASIDE, ROW, SOURCE

if TYPE_CHECKING:
    from antiphon.framework.vocabulary import Vocabulary
    from antiphon.records.problems import Ledger

ASSUMED = "assumed"
NAMING = {
    "events": ("system", "target"),
    "systems": ("system",),
    "memberships": ("member", "group"),
    "presence": ("system", "group"),
    "ties": ("source", "target"),
    "measures": ("system",),
    "practices": ("group",),
}
"""Columns that name systems."""


def find_systems(tables: dict[str, pl.DataFrame], vocabulary: Vocabulary, ledger: Ledger) -> pl.DataFrame:
    """Check the systems, or put them together; where not all could be read, nothing is said against a name.

    Parameters
    ----------
    tables : as they were parsed, all of them.
    vocabulary : the agency's.
    ledger : takes the problems; says what of the table could not be read.

    Returns
    -------
    Every system once. ``ASIDE`` marks those that are set aside, so that whoever names them can be told; level or role
    are null only where an error stops the work.
    """
    frame = tables["systems"]
    if frame.is_empty() and tables["events"].is_empty():
        return _with_all_who_are_named(frame, tables)
    if not ledger.has_error_in("systems"):
        return _assumed(tables, vocabulary, ledger) if frame.is_empty() else _checked(frame, vocabulary, ledger)
    are_all_there = not (
        frame.is_empty()
        or ledger.has_error_in("systems", "system")
        or ledger.has_error_in("systems", rules=("row_longer_than_header",))
    )
    systems = _checked(frame, vocabulary, ledger).with_columns(pl.lit(value=False).alias(ASIDE))
    return systems if are_all_there else _with_all_who_are_named(systems, tables)


def _checked(systems: pl.DataFrame, vocabulary: Vocabulary, ledger: Ledger) -> pl.DataFrame:
    """Return every system once: its level and role where they are known words, and a mark where it is set aside."""
    check_words("systems", "level", systems, vocabulary.levels, ledger)
    check_words("systems", "role", systems, vocabulary.roles, ledger)
    warn_of_spellings("systems", "system", systems, ledger)
    known = {"level": vocabulary.levels, "role": list(vocabulary.roles)}
    systems = systems.with_columns(
        pl.when(pl.col(column).is_in(words)).then(pl.col(column)).alias(column) for column, words in known.items()
    )
    systems = ledger.mark(
        "systems",
        systems,
        pl.col("level") != pl.col("role").replace_strict(dict(vocabulary.roles), default=None),
        "role_at_wrong_level",
        "the role belongs to another level",
        "Correct the level or the role; agency.toml says under [roles] to which level a role belongs",
        column="role",
    )
    systems = systems.with_columns(pl.col("pooled").fill_null(value=False))
    return _each_once(systems, ledger)


def _each_once(systems: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    systems, others = systems.filter(~pl.col(ASIDE)), systems.filter(ASIDE)
    content = [name for name in systems.columns if name not in (SOURCE, ROW)]
    repeated = pl.struct(content).is_duplicated() & ~pl.struct(content).is_first_distinct()
    message, mend = "the row repeats an earlier one (used once)", "Delete the repetition"
    ledger.warn("systems", systems, repeated, "row_repeated", message, mend)
    systems = systems.filter(pl.struct(content).is_first_distinct())
    systems = ledger.set_aside(
        "systems",
        systems,
        ~pl.col("system").is_first_distinct(),
        "system_twice",
        "the same identifier was described before, otherwise",
        "Keep the row that is right; what changes over time belongs into memberships or measures",
        column="system",
    )
    others = others.drop_nulls("system").unique("system", keep="first", maintain_order=True)
    return pl.concat([systems, others.join(systems, on="system", how="anti", maintain_order="left")])


def _with_all_who_are_named(systems: pl.DataFrame, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Add whoever any table names, without level and role, to systems of which not all could be read.

    Nothing can then be said against a name; all else can still be checked.
    """
    names = pl.concat([tables[table][column] for table, columns in NAMING.items() for column in columns])
    named = pl.DataFrame({"system": names.drop_nulls().unique().sort()}).with_columns(pl.lit(value=False).alias(ASIDE))
    return pl.concat([systems, named.join(systems, on="system", how="anti")], how="diagonal")


def _assumed(tables: dict[str, pl.DataFrame], vocabulary: Vocabulary, ledger: Ledger) -> pl.DataFrame:
    """Put the systems together from whoever occurs, with the role of the table that names them.

    The owner of most of a system's events decides; then the relation of its ties; members of groups without either
    are taken for clients, and groups get the level above their members'.
    """
    groups = _assumed_groups(tables, vocabulary)
    roles = pl.concat(
        [
            groups.with_columns(rank=pl.lit(0)),
            _roles_of_events(tables["events"], vocabulary).with_columns(rank=pl.lit(1)),
            _roles_of_ties(tables["ties"], vocabulary).with_columns(rank=pl.lit(2)),
            _others(tables).with_columns(rank=pl.lit(3)),
        ]
    )
    chosen = roles.sort("rank", maintain_order=True).unique("system", keep="first", maintain_order=True)
    message = "there is no table of systems: whoever occurs is one, with the role of the table that names them"
    mend = "Add systems (system, level, role), at least for everyone who is not a client"
    ledger.add("warning", "systems", "systems_assumed", message, mend)
    level = pl.col("role").replace_strict(dict(vocabulary.roles), default=vocabulary.levels[-1])
    return chosen.select(
        "system",
        level.alias("level"),
        "role",
        pl.lit(value=False).alias("pooled"),
        pl.lit(ASSUMED).alias(SOURCE),
        pl.lit(0, dtype=pl.Int64).alias(ROW),
        pl.lit(value=False).alias(ASIDE),
    ).sort("system")


def _pair(system: pl.Expr, role: pl.Expr) -> list[pl.Expr]:
    return [system.cast(pl.String).alias("system"), role.cast(pl.String).alias("role")]


def _roles_of_events(events: pl.DataFrame, vocabulary: Vocabulary) -> pl.DataFrame:
    owner = pl.col("kind").replace_strict({name: kind.of for name, kind in vocabulary.kinds.items()}, default=None)
    counted = events.select(*_pair(pl.col("system"), owner)).drop_nulls().group_by("system", "role").len()
    return counted.sort("system", "len", "role", descending=[False, True, False]).select("system", "role")


def _roles_of_ties(ties: pl.DataFrame, vocabulary: Vocabulary) -> pl.DataFrame:
    ends = []
    for end in ("source", "target"):
        roles = {name: getattr(relation, end) for name, relation in vocabulary.relations.items()}
        ends.append(ties.select(*_pair(pl.col(end), pl.col("relation").replace_strict(roles, default=None))))
    return pl.concat(ends).drop_nulls().unique(maintain_order=True).sort("system", "role")


def _others(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    client = pl.lit("client")
    named = [
        tables["memberships"].select(*_pair(pl.col("member"), client)),
        tables["presence"].select(*_pair(pl.col("system"), pl.lit("staff"))),
        tables["measures"].select(*_pair(pl.col("system"), pl.col("role").fill_null("client"))),
    ]
    return pl.concat(named).drop_nulls("system").unique("system", keep="first", maintain_order=True)


def _assumed_groups(tables: dict[str, pl.DataFrame], vocabulary: Vocabulary) -> pl.DataFrame:
    """Groups by height: those that hold no group are units, those above one level further out each time."""
    pairs = tables["memberships"].select("member", "group").drop_nulls().unique()
    named = [pairs["group"], tables["presence"]["group"], tables["practices"]["group"]]
    height = dict.fromkeys(sorted({name for column in named for name in column.drop_nulls().to_list()}), 0)
    nested = pairs.filter(pl.col("member").is_in(list(height))).rows()
    for _ in range(len(vocabulary.levels)):
        for member, group in nested:
            height[group] = max(height[group], height[member] + 1)
    outwards = (
        vocabulary.levels[vocabulary.levels.index(vocabulary.unit) :: -1] if vocabulary.unit else vocabulary.levels
    )
    roles = [outwards[min(steps, len(outwards) - 1)] for steps in height.values()]
    return pl.DataFrame({"system": list(height), "role": roles}, schema={"system": pl.String, "role": pl.String})
