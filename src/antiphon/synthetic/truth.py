"""What an invented agency was made from: the truth that its analysis should find, and the file that holds it.

The truth of ``FOLDER`` is ``FOLDER.truth.json``, beside the folder and never inside it: no analysis reads it.

Schema 1 of the file
--------------------
``schema``, ``agency``, ``seed``, ``window`` (two local dates), ``timezone``.
``couplings`` : as generated. ``channel`` (grammar of the records), ``source_kind``, ``target_kind``, ``echoes``
    (expected direct echoes per event while a reader is at risk), ``half_life_hours``.
``seen`` : what an estimate is to be compared with. The same columns; ``echoes = direct + through_responses``. An echo
    that is answered inside its own incident (an act of aggression that is met with a restraint) brings the answer
    along, so the answer too follows the source. Couplings that are not listed are zero.
``responses`` : ``first_kind``, ``second_kind``, ``share`` of the incidents with the first that have the second, ``by``
    (``"same"``: an event of the same person; ``"staff present"``: of one of the staff then on the unit).
``coercion_share`` : share of incidents of aggression with restraint, seclusion or medication as needed.
``endemic`` : per kind ``kind``, ``role``, ``per_day`` (events per system and day at risk, at frailty 1, later than four
    weeks after admission, averaged over the week), ``precision``, ``while``, ``terminal``, ``shift`` and ``weekday``
    (factors, mean 1, shifts in the order of the calendar, Monday first), ``since_admission`` (factors: first week,
    weeks 2-4, later), ``practice_effect`` (log factor at full dose), ``frailty_variance``.
``frailty`` : per role ``shared_shape`` (shape of the Gamma part that all kinds of a person share) and ``correlation``
    of the frailties of each pair of kinds. A frailty is variance x (shared part + own part), Gamma, mean 1.
``practices`` : ``practice``, ``group``, ``start``, ``end_of_ramp``, ``effect`` in words.
``levels`` : variance of the logarithm of the organisations' own levels (0 in a single organisation).
``branching_ratio`` : spectral radius of the matrix of ``seen`` echoes, channels summed, everyone at risk.
``drawn`` : per kind what came out: ``endemic``, ``echoes``, ``responses`` (numbers of events).
``echoes_drawn`` : per coupling ``sources`` (events), ``children`` drawn, ``landed`` (found a reader at risk).
``notes`` : sentences.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

Precision = Literal["minute", "shift", "day"]
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Endemic:
    """How often a kind happens by itself; fields as in the schema above (``while`` is ``while_``)."""

    kind: str
    role: str
    per_day: float
    precision: Precision = "minute"
    while_: Literal["present", "member"] = "present"
    terminal: bool = False
    shift: tuple[float, ...] = (1.0, 1.0, 1.0)
    weekday: tuple[float, ...] = (1.0,) * 7
    since_admission: tuple[float, ...] = (1.0, 1.0, 1.0)
    practice_effect: float = 0.0
    frailty_variance: float = 0.0


@dataclass(frozen=True, slots=True)
class Coupling:
    """One kind of echo: through which channel, of what, in what, how many, how soon."""

    channel: str
    source_kind: str
    target_kind: str
    echoes: float
    half_life_hours: float

    @property
    def how(self) -> str:
        """First word of the channel: self, peers, members, group or tie."""
        return self.channel.split(":")[0]

    @property
    def where(self) -> str:
        """Level or relation of the channel; empty for ``self``."""
        return self.channel.split(":")[1] if ":" in self.channel else ""

    @property
    def from_role(self) -> str:
        """Role or level whose events are echoed; empty for ``self``."""
        return self.channel.split(":")[2].split(">")[0] if ":" in self.channel else ""

    @property
    def to_role(self) -> str:
        """Role or level that echoes; empty for ``self``."""
        return self.channel.split(">")[1] if ">" in self.channel else ""


@dataclass(frozen=True, slots=True)
class Response:
    """What an incident with the first kind also has, and of whom it is an event."""

    first_kind: str
    second_kind: str
    share: float
    by: Literal["same", "staff present"] = "same"


@dataclass(slots=True)
class Drawn:
    """What came out: events per kind by origin, and per coupling (by index) sources, children and landed children."""

    events: dict[str, dict[str, int]] = field(default_factory=dict)
    echoes: dict[int, list[int]] = field(default_factory=dict)

    def count(self, kind: str, origin: str, n: int = 1) -> None:
        """Add events of a kind that are ``endemic``, ``echoes`` or ``responses``."""
        self.events.setdefault(kind, {"endemic": 0, "echoes": 0, "responses": 0})[origin] += n

    def echo(self, coupling: int, *, sources: int = 0, children: int = 0, landed: int = 0) -> None:
        """Add to the tally of a coupling."""
        tally = self.echoes.setdefault(coupling, [0, 0, 0])
        for place, n in enumerate((sources, children, landed)):
            tally[place] += n


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that an invented agency is made from; see the schema above."""

    agency: str
    timezone: str
    window: tuple[str, str]
    endemic: tuple[Endemic, ...]
    couplings: tuple[Coupling, ...]
    responses: tuple[Response, ...] = ()
    coercion_share: float = 0.0
    shared_shape: dict[str, float] = field(default_factory=dict)
    practices: tuple[dict[str, Any], ...] = ()
    levels: float = 0.0
    notes: tuple[str, ...] = ()

    def kind(self, name: str) -> Endemic:
        """Return the endemic part of a kind."""
        return next(entry for entry in self.endemic if entry.kind == name)


def seen_couplings(truth: Truth) -> list[dict[str, Any]]:
    """Return the couplings as an estimate sees them: direct echoes, and answers inside the echoed incidents."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for coupling in truth.couplings:
        _add(rows, coupling.channel, coupling, coupling.target_kind, "direct", coupling.echoes)
        for response in truth.responses:
            if response.first_kind == coupling.target_kind:
                channel = coupling.channel if response.by == "same" else _channel_to_staff(coupling, truth)
                echoes = coupling.echoes * response.share
                _add(rows, channel, coupling, response.second_kind, "through_responses", echoes)
    for row in rows.values():
        row["echoes"] = round(row["direct"] + row["through_responses"], 6)
    return sorted(
        rows.values(), key=lambda row: (-row["echoes"], row["channel"], row["source_kind"], row["target_kind"])
    )


def _add(rows: dict, channel: str, coupling: Coupling, target: str, part: str, echoes: float) -> None:
    empty = {
        "channel": channel,
        "source_kind": coupling.source_kind,
        "target_kind": target,
        "echoes": 0.0,
        "direct": 0.0,
        "through_responses": 0.0,
        "half_life_hours": coupling.half_life_hours,
    }
    row = rows.setdefault((channel, coupling.source_kind, target), empty)
    row[part] = round(row[part] + echoes, 6)


def _channel_to_staff(coupling: Coupling, truth: Truth) -> str:
    """Return the channel in which an answer by the staff present follows what its incident echoes."""
    from_role = coupling.from_role or truth.kind(coupling.source_kind).role
    if coupling.how == "group":
        return f"group:{coupling.where}:{from_role}>staff"
    return f"peers:unit:{from_role}>staff"


def branching_ratio(truth: Truth) -> float:
    """Return the spectral radius of the matrix of seen echoes, with everyone at risk."""
    kinds = [entry.kind for entry in truth.endemic]
    matrix = np.zeros((len(kinds), len(kinds)))
    for row in seen_couplings(truth):
        matrix[kinds.index(row["source_kind"]), kinds.index(row["target_kind"])] += row["echoes"]
    return float(np.max(np.abs(np.linalg.eigvals(matrix)), initial=0.0))


def frailties(truth: Truth, role: str, n: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw the frailties of n people: per kind an array (n,), Gamma with mean 1, sharing a part between kinds."""
    shape = truth.shared_shape.get(role, 0.0)
    shared = generator.gamma(shape, size=n) if shape else np.zeros(n)
    drawn = {}
    for entry in truth.endemic:
        variance = entry.frailty_variance
        if entry.role == role and variance > 0:
            drawn[entry.kind] = variance * (shared + generator.gamma(1 / variance - shape, size=n))
    return drawn


def truth_path(folder: str | Path) -> Path:
    """Return where the truth of an agency folder is: beside it."""
    folder = Path(folder)
    return folder.with_name(folder.name + ".truth.json")


def write_truth(truth: Truth, drawn: Drawn, folder: Path, seed: int) -> Path:
    """Write ``FOLDER.truth.json``."""
    path = truth_path(folder)
    path.write_text(json.dumps(_as_document(truth, drawn, seed), indent=1) + "\n", encoding="utf-8")
    return path


def truth_table(folder: str | Path) -> list[dict[str, Any]]:
    """Return the true couplings of an invented agency, to be laid beside the estimated ones.

    Parameters
    ----------
    folder : the agency folder; its truth lies beside it.

    Returns
    -------
    rows : channel, source_kind, target_kind, echoes (direct + through_responses), direct, through_responses,
        half_life_hours; most echoes first. Couplings that are not listed are zero.
    """
    return json.loads(truth_path(folder).read_text(encoding="utf-8"))["seen"]


def _as_document(truth: Truth, drawn: Drawn, seed: int) -> dict[str, Any]:
    echoes = [
        {**asdict(coupling), "sources": counts[0], "children": counts[1], "landed": counts[2]}
        for i, coupling in enumerate(truth.couplings)
        for counts in [drawn.echoes.get(i, [0, 0, 0])]
    ]
    return {
        "schema": SCHEMA,
        "agency": truth.agency,
        "seed": seed,
        "window": list(truth.window),
        "timezone": truth.timezone,
        "branching_ratio": round(branching_ratio(truth), 4),
        "couplings": [asdict(coupling) for coupling in truth.couplings],
        "seen": seen_couplings(truth),
        "responses": [asdict(response) for response in truth.responses],
        "coercion_share": truth.coercion_share,
        "endemic": [_endemic(entry) for entry in truth.endemic],
        "frailty": {role: _frailty(truth, role) for role in truth.shared_shape},
        "practices": list(truth.practices),
        "levels": truth.levels,
        "drawn": drawn.events,
        "echoes_drawn": echoes,
        "notes": list(truth.notes),
    }


def _endemic(entry: Endemic) -> dict[str, Any]:
    return {key.rstrip("_"): value for key, value in asdict(entry).items()}


def _frailty(truth: Truth, role: str) -> dict[str, Any]:
    shape = truth.shared_shape[role]
    variances = {entry.kind: entry.frailty_variance for entry in truth.endemic if entry.role == role}
    kinds = [kind for kind, variance in variances.items() if variance > 0]
    correlation: dict[str, dict[str, float]] = defaultdict(dict)
    for i, first in enumerate(kinds):
        for second in kinds[i + 1 :]:
            correlation[first][second] = round(shape * (variances[first] * variances[second]) ** 0.5, 4)
    return {"shared_shape": shape, "correlation": dict(correlation)}
