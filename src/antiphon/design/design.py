"""The agency as arrays: what the estimator sees. Labels stop here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from antiphon.design.delays import Kernels
    from antiphon.design.events import Recorded
    from antiphon.design.receptivity import Heard
    from antiphon.design.structure import Structure

How = Literal["self", "peers", "members", "group", "tie"]
Precision = Literal["minute", "shift", "day"]


@dataclass(frozen=True, slots=True)
class Channel:
    """A relationship travelled one way, written ``HOW:WHERE:FROM>TO``.

    Attributes
    ----------
    how : ``self``, ``peers``, ``members`` (up), ``group`` (down) or ``tie``.
    where : level (peers, members, group), relation (tie) or ``""`` (self).
    from_role, to_role : roles; for groups the level's name (``"unit"``) or a role that belongs to that level. ``self`` has
        ``""`` for both.
    """

    how: How
    where: str
    from_role: str
    to_role: str

    @property
    def name(self) -> str:
        """The channel in the grammar of the records."""
        return "self" if self.how == "self" else f"{self.how}:{self.where}:{self.from_role}>{self.to_role}"


@dataclass(frozen=True, slots=True)
class Kind:
    """An event kind as the engine needs it: its owner's role, grain of time, and rules of risk."""

    name: str
    role: str
    precision: Precision
    terminal: bool
    while_: Literal["present", "member"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of a feature matrix: events of ``source_kind`` through ``channel`` with kernel ``half_life``.

    All three are indices into the design's tuples.
    """

    channel: int
    source_kind: int
    half_life: int


@dataclass(frozen=True, slots=True)
class Covariate:
    """What the endemic part or the receptivity knows of a system, ``(what was recorded - centre) / scale``.

    Attributes
    ----------
    name : as it is written in ``agency.toml``, with the level of a category; breaks are ``break:KIND:DATE``.
    kinds : indices in ``Design.kinds`` of the kinds that it applies to; None: all of the role. What changes with time
        has one column for kinds recorded to the day and one for all others, under the same name.
    unit : what a difference of 1 means, in words ("twice the staff per client").
    centre : mean over person-time at risk of what was recorded, so that a baseline is that of average circumstances.
    scale : what it is divided by, in the unit of what was recorded.
    step : what it is rounded to (0: not rounded), so that spells need not be cut in every cell: each quantity that is
        read is off by at most half a step, in the unit of what was recorded.
    """

    name: str
    kinds: tuple[int, ...] | None
    unit: str
    centre: float
    scale: float
    step: float


@dataclass(frozen=True, slots=True, repr=False)
class Segments:
    """Spells in which nothing that the endemic part knows about a system changes. One set per role.

    Sorted by system, then start; spells of one system do not overlap.

    Attributes
    ----------
    system : (segments,) int64, code of the system.
    start, end : (segments,) float64, days from the start of the window; within [0, window_days].
    stratum : (segments,) int64, column of the stratum effect (time since admission x survivor; see ``Role.strata``).
    group : (segments,) int64, organisation code: whose calendar periods apply.
    at_risk : (segments, kinds of the role) bool; includes history and gaps: false there.
    alive : (segments, kinds of the role) bool; like ``at_risk`` but true in the history (for propensity).
    n_earlier : (segments, kinds of the role) int64, events of that kind by the system before ``start``.
    covariates, receptivity : (segments, covariates of the role) float64, columns as in ``Role.covariates`` and
        ``Role.receptivity``; mean 0 over person-time at risk.
    unit : (segments,) int64, the unit of the organisation that the system is in (position in ``Role.units``; of several the
        first), -1 for none; empty where the role has no units.
    """

    system: np.ndarray
    start: np.ndarray
    end: np.ndarray
    stratum: np.ndarray
    group: np.ndarray
    at_risk: np.ndarray
    alive: np.ndarray
    n_earlier: np.ndarray
    covariates: np.ndarray
    receptivity: np.ndarray
    unit: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True, repr=False)
class Calendar:
    """Cells within which the endemic rate is constant by definition. One per precision.

    Attributes
    ----------
    edges : (cells + 1,) float64 days, increasing, covering the window exactly.
    shift : (cells,) int64, index of the shift of the day (all 0 for day cells).
    weekday : (cells,) int64, 0 = Monday, local.
    n_shifts : number of shifts (1 for day cells).
    """

    edges: np.ndarray
    shift: np.ndarray
    weekday: np.ndarray
    n_shifts: int


@dataclass(frozen=True, slots=True, repr=False)
class Role:
    """A role (or level) with events of its own.

    Attributes
    ----------
    name : role name.
    kinds : indices of its kinds in ``Design.kinds``, in the order of the columns of ``segments.at_risk``.
    strata : names of the strata, such as ``("first week", "weeks 2-4", "later", "present at the start")``.
    segments : see ``Segments``.
    frail : (systems of the design,) bool, whether a system may have a frailty (false: pooled, or too few systems).
    covariates : what multiplies the endemic part; ``receptivity`` what multiplies all that reaches a system.
    units : (units,) int64, the organisation of each unit, increasing; a unit that changes hands is one of each. Empty for
        groups, which are units themselves, and where the records have no units.
    """

    name: str
    kinds: tuple[int, ...]
    strata: tuple[str, ...]
    segments: Segments
    frail: np.ndarray
    covariates: tuple[Covariate, ...] = ()
    receptivity: tuple[Covariate, ...] = ()
    units: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """Everything about one target kind.

    Rows are scored events: one per (system, incident) or, in coarse time, one per (system, cell).

    Attributes
    ----------
    kind : index in ``Design.kinds``.
    role : index in ``Design.roles``.
    time : (rows,) float64 days; event time, or start of the cell.
    width : (rows,) float64 days; 0 for minute rows, otherwise length of the cell.
    count : (rows,) int64; 1 for minute rows.
    system : (rows,) int64.
    incident : (rows,) int64; cluster code (events of one incident share it, across kinds).
    unit : (rows,) int64; the system's first group at the innermost group level at that time (-1: none).
    block : (rows,) int64; index into ``Design.block_edges``.
    cell : (rows,) int64; calendar cell (calendar of the kind's precision).
    segment : (rows,) int64; segment of the role (the one at ``time``, or the first at risk in the cell).
    exposure : (rows,) float64; 1.0 for minute rows (rates are per day), days at risk in the cell for coarse rows.
    columns : the features, one per column.
    features : (rows, columns) float64, C order; E at the event (per day), or its integral over the cell at risk.
    compensator : (blocks, columns) float64; the features integrated over everyone at risk, by time block.
    heard : the same by level of receptivity; None where no receptivity is asked for. Features and compensator stand at its
        ``delta``.
    """

    kind: int
    role: int
    time: np.ndarray
    width: np.ndarray
    count: np.ndarray
    system: np.ndarray
    incident: np.ndarray
    unit: np.ndarray
    block: np.ndarray
    cell: np.ndarray
    segment: np.ndarray
    exposure: np.ndarray
    columns: tuple[Feature, ...]
    features: np.ndarray
    compensator: np.ndarray
    heard: Heard | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Margins:
    """Counts that fix the table of tests before anything is fitted, and let release decide; per feature group.

    Attributes
    ----------
    n_source : {(channel, source kind): distinct source systems with such an event}.
    n_target : {target kind: distinct systems with a scored event}.
    n_pairs : {(channel, source kind, target kind): expected informative source-target pairs under no coupling,
        over the longest half-life}.
    n_units : {(channel, source kind, target kind): distinct units (groups, or for ties the targets' units) in which
        both occurred}.
    shared : (channel, target kind) whose readers, in every organisation at any time, all read one and the same pool: a
        calendar period has no contrast between them.
    """

    n_source: dict[tuple[int, int], int]
    n_target: dict[int, int]
    n_pairs: dict[tuple[int, int, int], float]
    n_units: dict[tuple[int, int, int], int]
    shared: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True, repr=False)
class Design:
    """An agency as arrays.

    Attributes
    ----------
    kinds, roles, channels : see their classes.
    kernels : how echoes are spread over time; the same for all channels.
    window_days : length of the window; ``history_days``: its unscored beginning.
    calendars : one per precision in use.
    block_edges : (blocks + 1,) float64 days, from ``history_days`` to ``window_days``: the scored time in equal blocks
        (default 8), used by the ladder, the penalty and the forecast check.
    period_days : length of a calendar period (trend); period ``p`` of an organisation covers
        [p * period_days, (p + 1) * period_days).
    n_systems, n_organisations, n_periods : sizes.
    targets : one per kind with at least one scored event.
    margins : see ``Margins``.
    set_aside : events that could not be used, by reason: {"not at risk": 3, ...}.
    warnings : (code, text) of what the reader should know about how the arrays were made.
    structure : what the events were put into, for simulating others; None where the arrays did not come from one.
    recorded : the rows of the events, for reading them in another way; None likewise.
    """

    kinds: tuple[Kind, ...]
    roles: tuple[Role, ...]
    channels: tuple[Channel, ...]
    kernels: Kernels
    window_days: float
    history_days: float
    calendars: dict[str, Calendar]
    block_edges: np.ndarray
    period_days: float
    n_systems: int
    n_organisations: int
    n_periods: int
    targets: tuple[Target, ...]
    margins: Margins
    set_aside: dict[str, int]
    warnings: tuple[tuple[str, str], ...] = ()
    structure: Structure | None = None
    recorded: Recorded | None = None
