"""The table of systems: checked where it is given, put together from the other tables where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.records.names import check_words, warn_of_spellings
from antiphon.records.problems import ROW, SOURCE
from antiphon.records.tables import SYSTEMS

if TYPE_CHECKING:
    from antiphon.framework.vocabulary import Vocabulary
    from antiphon.records.problems import Ledger

ASSUMED = "assumed"


def check_systems(systems: pl.DataFrame, vocabulary: Vocabulary, ledger: Ledger) -> pl.DataFrame:
    """Return the systems that can be used: known level and role, the role at its level, each once."""
    check_words("systems", "level", systems, vocabulary.levels, ledger)
    check_words("systems", "role", systems, vocabulary.roles, ledger)
    warn_of_spellings("systems", "system", systems, ledger)
    systems = systems.filter(pl.col("level").is_in(vocabulary.levels) & pl.col("role").is_in(list(vocabulary.roles)))
    systems = ledger.set_aside(
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
    content = [name for name in systems.columns if name not in (SOURCE, ROW)]
    repeated = pl.struct(content).is_duplicated() & ~pl.struct(content).is_first_distinct()
    message, mend = "the row repeats an earlier one (used once)", "Delete the repetition"
    ledger.warn("systems", systems, repeated, "row_repeated", message, mend)
    systems = systems.filter(pl.struct(content).is_first_distinct())
    return ledger.set_aside(
        "systems",
        systems,
        ~pl.col("system").is_first_distinct(),
        "system_twice",
        "the same identifier was described before, otherwise",
        "Keep the row that is right; what changes over time belongs into memberships or measures",
        column="system",
    )


def assume_systems(tables: dict[str, pl.DataFrame], vocabulary: Vocabulary, ledger: Ledger) -> pl.DataFrame:
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
    ).sort("system")


def no_systems() -> pl.DataFrame:
    """Return the table without rows, under the names used while checking."""
    return SYSTEMS.empty().rename({"source": SOURCE, "source_row": ROW})


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
