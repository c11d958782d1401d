"""What an invented agency was made from, beside what was found in its records."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from antiphon.release import Released

Row = dict[str, Any]


def compare_with_truth(truth: "Mapping[str, Any]", released: "Released") -> dict[str, list[Row]]:
    """Set the truth of an invented agency beside released findings.

    Parameters
    ----------
    truth
        Content of ``FOLDER.truth.json``. Only a demonstration reads it, after the analysis.
    released
        What may be shown. Nothing else is looked at.

    Returns
    -------
    dict
        ``couplings``, ``responses`` and ``branching_ratio``: rows with ``what`` in plain words, ``truth``, ``found``,
        ``low``, ``high`` and ``verdict``.
    """
    found = {(row["channel"], row["source_kind"], row["target_kind"]): row for row in released.couplings.to_dicts()}
    answered = {(row["first_kind"], row["second_kind"]): row for row in released.responses.to_dicts()}
    ratio = released.branching_ratio.to_dicts()
    return {
        "couplings": [
            _row(_echo_words(seen, released), seen["echoes"], found.get(_key(seen)), "echoes") for seen in truth["seen"]
        ],
        "responses": [
            _row(
                _response_words(row, released),
                row["share"],
                answered.get((row["first_kind"], row["second_kind"])),
                "share",
            )
            for row in truth["responses"]
        ],
        "branching_ratio": [
            _row(
                "further events per event, from one step of a chain of echoes to the next",
                truth["branching_ratio"],
                next(iter(ratio), None),
                "value",
            )
        ],
    }


def false_finds(truth: "Mapping[str, Any]", released: "Released") -> int:
    """Count couplings that the report claims although the agency was made without them; of domains, without any in them."""
    true = {_key(seen) for seen in truth["seen"]}
    rows = [*released.couplings.to_dicts(), *released.by_domain.to_dicts()]
    return sum(bool(row["claimed"]) and not true.intersection(_parts(row)) for row in rows)


def _parts(row: "Mapping[str, Any]") -> list[tuple[str, str, str]]:
    """Couplings of kinds in a row: more than one where kinds are read as one."""
    sources, targets = row["source_kind"].split("+"), row["target_kind"].split("+")
    return [(row["channel"], source, target) for source in sources for target in targets]


def _key(row: "Mapping[str, Any]") -> tuple[str, str, str]:
    return (row["channel"], row["source_kind"], row["target_kind"])


def _row(what: str, truth: float, found: Row | None, column: str) -> Row:
    row: Row = {"what": what, "truth": truth, "found": None, "low": None, "high": None, "verdict": "not in the table"}
    if found is None:
        return row
    if found.get("withheld"):
        return row | {"verdict": found["withheld"]}
    row |= {"found": found[column], "low": found["low"], "high": found["high"]}
    return row | {"verdict": _verdict(truth, found)}


def _verdict(truth: float, found: Row) -> str:
    if found.get("claimed") is False:
        return f"not claimed: {found.get('label') or 'not sure enough'}"
    low, high = found["low"], found["high"]
    if low is None or high is None:
        return "found, without interval"
    return "interval covers the truth" if low <= truth <= high else "interval misses the truth"


def _echo_words(seen: "Mapping[str, Any]", released: "Released") -> str:
    kinds = released.labels["kinds"]
    source = kinds.get(seen["source_kind"], seen["source_kind"].replace("_", " "))
    target = kinds.get(seen["target_kind"], seen["target_kind"].replace("_", " "))
    return f"{source} followed by {target} ({_channel_words(seen['channel'])})"


def _channel_words(channel: str) -> str:
    """Say in a few words how two events are related."""
    if channel == "self":
        return "same person"
    how, where, roles = channel.split(":")
    source, target = roles.split(">")
    return {
        "peers": f"others in the {where}" if source == target else f"{source} to {target} in the {where}",
        "members": f"up to the {target}",
        "group": f"down from the {source} to {target}",
        "tie": f"{where.replace('_', ' ')}, {source} to {target}",
    }[how]


def _response_words(row: "Mapping[str, Any]", released: "Released") -> str:
    kinds = released.labels["kinds"]
    first, second = (kinds.get(name, name.replace("_", " ")) for name in (row["first_kind"], row["second_kind"]))
    return f"{first} met with {second} in the same incident"
