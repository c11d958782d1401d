"""What was set aside: how much of each kind and unit, by month, and whether it is more than may go unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from antiphon.framework.vocabulary import nearest
from antiphon.records.problems import LISTING, ROW, SOURCE
from antiphon.records.stays import last_spell_before

if TYPE_CHECKING:
    from antiphon.records.problems import Ledger
    from antiphon.records.settings import Settings

MAX_SHARE_OF_KIND = 0.02
MAX_SHARE_OF_UNIT = 0.05
MOST_TO_ACCEPT = 0.2
"""Share of rows above which the message does not offer to do without them."""
SET_ASIDE_SCHEMA: dict[str, pl.DataType] = {
    "table": pl.String(),
    "rule": pl.String(),
    "kind": pl.String(),
    "unit": pl.String(),
    "month": pl.String(),
    "rows": pl.Int64(),
}
# agency.toml itself says that these rows do not count, and why.
SAID_BY_SETTINGS = ("in_gap", "excluded")
# Whoever accepts a rule on the right accepts the one on the left, a case of it with words of its own.
INCLUDED_IN = {
    "on_day_of_end": "outside_stays",
    "stay_set_aside": "outside_stays",
    "system_set_aside": "system_unknown",
}
# These rows follow from others that are set aside.
FOLLOW_UPS = ("stay_set_aside", "system_set_aside")
SET_ASIDE_RULES = (
    "before_first_stay",
    "boolean_unreadable",
    "dose_outside_0_1",
    "end_before_start",
    "end_without_start",
    "ended_twice",
    "excluded",
    "group_is_person",
    "group_not_outer",
    "group_present",
    "in_gap",
    "kind_of_another_role",
    "member_of_itself",
    "n_not_positive",
    "no_stay",
    "no_unit_to_count_for",
    "number_unreadable",
    "on_day_of_end",
    "outside_stays",
    "outside_window",
    "role_at_wrong_level",
    "role_does_not_fit",
    "row_repeated",
    "spell_is_empty",
    "stay_set_aside",
    "system_set_aside",
    "system_twice",
    "system_unknown",
    "tie_to_itself",
    "time_is_number",
    "time_unreadable",
    "value_missing",
    "weight_not_positive",
)
KIND_COLUMN = {"events": "kind", "ties": "relation", "measures": "instrument"}
UNIT_COLUMN = {"memberships": "group", "presence": "group", "practices": "group"}
TIME_COLUMN = {"events": "time", "measures": "time"}


def check_accept(settings: Settings, ledger: Ledger) -> None:
    """Refuse an ``[accept]`` that names no rule: it would accept nothing, in silence."""
    for rule in sorted(set(settings.accept) - set(SET_ASIDE_RULES)):
        guess = nearest(rule, SET_ASIDE_RULES)
        hint = f'Did you mean "{guess}"?' if guess else f"Known: {', '.join(SET_ASIDE_RULES)}"
        ledger.add("error", "agency.toml", "accept_unknown", f'[accept] names the rule "{rule}", which is none', hint)


def count_set_aside(raw: dict[str, pl.DataFrame], units: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Count the rows set aside per table, rule, kind, unit and month.

    Parameters
    ----------
    raw : the tables as text, with ``_source`` and ``_row``.
    units : member, unit, start, end: who was in which unit when.
    ledger : what was found.

    Returns
    -------
    table, rule, kind, unit, month, rows.
    """
    aside = ledger.row_list().filter(pl.col("grade") == "set aside").select("table", "rule", SOURCE, ROW).unique()
    counted = []
    for table in aside["table"].unique().sort().to_list():
        if table not in raw:
            continue
        rows = aside.filter(pl.col("table") == table).join(_described(table, raw[table], units), on=[SOURCE, ROW])
        keys = ["table", "rule", "kind", "unit", "month"]
        counted.append(rows.group_by(keys).agg(pl.len().cast(pl.Int64).alias("rows")).sort(keys))
    return pl.concat([pl.DataFrame(schema=SET_ASIDE_SCHEMA), *counted])


def judge_set_aside(raw: dict[str, pl.DataFrame], units: pl.DataFrame, settings: Settings, ledger: Ledger) -> None:
    """Make an error of rows set aside that are too many of a kind or too many in a unit, until they are accepted.

    What follows from other rows is judged where nothing else stops the work: it mends itself with them.
    """
    included = [rule for rule, whole in INCLUDED_IN.items() if whole in settings.accept]
    accepted = [*settings.accept, *included, *SAID_BY_SETTINGS]
    _judge_tables(raw, units, [*accepted, *FOLLOW_UPS], ledger)
    if not ledger.has_errors:
        _judge_tables(raw, units, accepted, ledger)


def _judge_tables(raw: dict[str, pl.DataFrame], units: pl.DataFrame, accepted: list[str], ledger: Ledger) -> None:
    aside = ledger.row_list().filter((pl.col("grade") == "set aside") & ~pl.col("rule").is_in(accepted))
    for table in aside["table"].unique().sort().to_list():
        if table not in raw:
            continue
        mine = aside.filter(pl.col("table") == table)
        described = _described(table, raw[table], units)
        described = described.with_columns(
            pl.when(pl.col("unit").is_in(units["unit"].implode())).then("unit").alias("unit")
        )
        lost = described.join(mine.select(SOURCE, ROW).unique(), on=[SOURCE, ROW], how="semi")
        rules = sorted(mine["rule"].unique().to_list())
        _judge(table, "kind", MAX_SHARE_OF_KIND, described, lost, rules, ledger)
        _judge(table, "unit", MAX_SHARE_OF_UNIT, described, lost, rules, ledger)


def _judge(
    table: str, by: str, limit: float, described: pl.DataFrame, lost: pl.DataFrame, rules: list[str], ledger: Ledger
) -> None:
    shares = (
        lost.filter(pl.col(by).is_not_null())
        .group_by(by)
        .len("lost")
        .join(described.group_by(by).len("all"), on=by)
        .with_columns((pl.col("lost") / pl.col("all")).alias("share"))
        .filter(pl.col("share") > limit)
    )
    if shares.is_empty():
        return
    worst = float(shares["share"].max() or 0)  # pyright: ignore[reportArgumentType]
    what = {"kind": KIND_COLUMN.get(table, "table"), "unit": "group"}[by]
    where = "of the table" if what == "table" else f"of {shares.height} {what}{'s' if shares.height > 1 else ''}"
    message = f"more than {100 * limit:.0f} % of the rows {where} would be set aside (up to {100 * worst:.1f} %), by {', '.join(rules)}"
    lines = "; ".join(f'{rule} = "the reason"' for rule in rules)
    mend = f"Mend the rows: {LISTING} them"
    if worst <= MOST_TO_ACCEPT:
        mend += f". Or accept the loss in agency.toml under [accept]: {lines}"
    ledger.add("error", table, f"too_many_set_aside_of_{by}", message, mend)


def _described(table: str, frame: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Beside each row of a table its kind, unit and month, as far as it says them."""
    none = pl.lit(None, dtype=pl.String)
    when = pl.col(TIME_COLUMN.get(table, "start")) if table != "systems" else none
    rows = frame.select(
        SOURCE,
        ROW,
        (pl.col(KIND_COLUMN[table]) if table in KIND_COLUMN else pl.lit("")).alias("kind"),
        when.str.extract(r"^(\d{4}-\d{2})-\d{2}").alias("month"),
        when.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).alias("_day"),
        (pl.col(UNIT_COLUMN[table]) if table in UNIT_COLUMN else none).alias("unit"),
        (pl.col("system") if table in ("events", "measures") else none).alias("system"),
    )
    if table not in ("events", "measures"):
        return rows.drop("_day", "system")
    moment = (
        pl.col("_day")
        .fill_null(pl.date(9990, 1, 1))
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone("UTC")
        .dt.offset_by("1d")
    )
    spells = units.select(pl.col("member").alias("system"), pl.col("unit").alias("_unit"), "start", "end")
    found = last_spell_before(rows.with_columns(moment.alias("_moment")), spells, key="system", moment="_moment")
    return found.with_columns(pl.col("_unit").alias("unit")).drop("_unit", "_day", "_moment", "start", "end", "system")
