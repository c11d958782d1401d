"""The jitter control: whether the sources' very times matter, or only the days on which they were likely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtr

from antiphon.design.events import GRAINS, rows_from
from antiphon.design.listening import make_ear
from antiphon.design.spells import Spells
from antiphon.hawkes.fitting import objective_of, refit_target
from antiphon.hawkes.likelihood import compute_state
from antiphon.hawkes.propensity import hazard_rates, segment_effects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.events import Events, Rows
    from antiphon.hawkes.fit import Fit

WINDOW_HALF_LIVES = 4.0
"""Length of the windows within which times are redrawn."""

LEVEL = 0.05
CAP = 99
"""Redraws at most; fewer where it is clear before that the p-value will be above the level."""

FEWEST = 20
"""Redraws at least, from which the power is computed."""

Z_TEST = 1.6448536269514722


class Jittered(NamedTuple):
    """What the redraws said: the p-value, and the power that the test had at the size that was estimated."""

    p: float
    power: float


@dataclass(frozen=True, slots=True, repr=False)
class Redraw:
    """Source events whose times can be drawn anew, each incident within the window that it lies in.

    Attributes
    ----------
    rows : the events of the source kind; ``incident`` : (rows,) index into the next.
    first, last : (incidents,) the incident's pieces, as a range; empty where nothing is known of it.
    before : (pieces + 1,) cumulated endemic hazard of the pieces.
    factor : (pieces,) what multiplies the organisation's rate there; ``start`` : (pieces,) the organisation's cumulated
        rate where the piece begins.
    reached, edges, rate : (organisations x cells,) cumulated rate, day and rate at the beginning of each cell.
    is_coarse : whether events are recorded at the start of their cell.
    opens : (pieces,) day on which the piece begins.
    """

    rows: Rows
    incident: np.ndarray
    first: np.ndarray
    last: np.ndarray
    before: np.ndarray
    factor: np.ndarray
    start: np.ndarray
    opens: np.ndarray
    reached: np.ndarray
    edges: np.ndarray
    rate: np.ndarray
    is_coarse: bool

    def draw(self, generator: np.random.Generator) -> Rows:
        """Return the rows at new times."""
        total = self.before[self.last] - self.before[self.first]
        known = np.flatnonzero(total > 0.0)
        wanted = self.before[self.first[known]] + generator.random(known.size) * total[known]
        piece = np.searchsorted(self.before, wanted, side="right") - 1
        piece = np.clip(piece, self.first[known], self.last[known] - 1)
        place = self.start[piece] + (wanted - self.before[piece]) / self.factor[piece]
        cell = np.searchsorted(self.reached, place, side="right") - 1
        drawn = self.edges[cell]
        if not self.is_coarse:
            drawn = drawn + (place - self.reached[cell]) / self.rate[cell]
        lead = np.full(self.first.size, np.nan)
        lead[known] = np.maximum(drawn, self.opens[piece])
        time = lead[self.incident]
        time = np.where(np.isnan(time), self.rows.time, time)
        rows = self.rows
        return rows_from(time, rows.system, rows.kind, rows.number, rows.target, rows.grain)


def make_redraw(fit: Fit, events: Events, source: int, target: int, window: float) -> Redraw | None:
    """Prepare redraws of a source kind from its fitted endemic intensity; None where it has none or ends stays.

    Incidents that have rows of the target kind too stay where they are: no row hears its own incident, as it might
    after a redraw.

    Parameters
    ----------
    fit
        Of the design.
    events
        Those of the design.
    source, target
        Kinds, as in ``design.kinds``.
    window
        Days. Windows are fixed beforehand, not centred at the events: only then are redraws as likely as what happened.
    """
    design = fit.design
    index = next((i for i, target in enumerate(design.targets) if target.kind == source), None)
    kind = design.kinds[source]
    if index is None or kind.terminal:
        return None
    chosen = events.of_kind(source)
    _, lead, incident = np.unique(events.incident[chosen], return_index=True, return_inverse=True)
    system, time = events.system[chosen[lead]].astype(np.int64), events.time[chosen[lead]]
    opens = np.floor(time / window) * window
    spells, effect = _alive(fit, index)
    query, spell = spells.overlaps(system, opens, np.minimum(opens + window, design.window_days))
    answered = np.bincount(events.incident[events.of_kind(target)], minlength=int(events.incident.max()) + 1)
    alone = answered[events.incident[chosen[lead]]] <= int(target == source)
    order = np.flatnonzero(alone[query])
    order = order[np.argsort(query[order], kind="stable")]
    query, spell = query[order], spell[order]
    begin = np.maximum(opens[query], spells.start[spell])
    end = np.minimum(np.minimum(opens[query] + window, design.window_days), spells.end[spell])
    calendar = design.calendars[kind.precision]
    rate, total = hazard_rates(design, calendar, fit.targets[index].model.endemic)
    offset = np.concatenate([[0.0], np.cumsum(total[:, -1])])[:-1]
    reached, group = total[:, :-1] + offset[:, None], spells.group[spell]

    def cumulated(day: np.ndarray) -> np.ndarray:
        cell = np.clip(np.searchsorted(calendar.edges, day, side="right") - 1, 0, rate.shape[1] - 1)
        return reached[group, cell] + (day - calendar.edges[cell]) * rate[group, cell]

    start, factor = cumulated(begin), np.exp(effect[spell])
    mass = factor * (cumulated(end) - start)
    bounds = np.searchsorted(query, np.arange(lead.size + 1))
    rows = rows_from(
        events.time[chosen], events.system[chosen], events.kind[chosen], events.incident[chosen],
        grain=GRAINS.index(kind.precision),
    )  # fmt: skip
    return Redraw(
        rows, incident, bounds[:-1], bounds[1:], np.concatenate([[0.0], np.cumsum(mass)]), factor, start, begin,
        reached.ravel(), np.tile(calendar.edges[:-1], rate.shape[0]), rate.ravel(), kind.precision != "minute",
    )  # fmt: skip


def _alive(fit: Fit, index: int) -> tuple[Spells, np.ndarray]:
    """When systems can have events of a target's kind, also unscored ones, by organisation; the log factor of each."""
    design, target = fit.design, fit.design.targets[index]
    role = design.roles[target.role]
    segments = role.segments
    on = segments.alive[:, role.kinds.index(target.kind)]
    system = segments.system[on].astype(np.int64)
    begins = np.searchsorted(system, np.arange(design.n_systems + 1))
    spells = Spells(system, segments.group[on].astype(np.int64), segments.start[on], segments.end[on], begins)
    effect = segment_effects(design, target, fit.targets[index].model.endemic, fit.targets[index].log_r)
    return spells, effect[on]


def row_weights(fit: Fit, index: int) -> np.ndarray:
    """Expected derivative of each row's log likelihood in its epidemic part: 1 / rate, frailty integrated out, (rows,)."""
    one, problem = fit.targets[index], objective_of(fit, index).problem
    x = one.parameters[: problem.layout.size + problem.kept.size]
    weights = np.zeros(fit.design.targets[index].count.size)
    weights[problem.order] = compute_state(problem, x, one.model.frailty_variance, second=False).first
    return weights


def without(fit: Fit, index: int, columns: Sequence[int]) -> Fit:
    """Fit target ``index`` anew without some of its columns."""
    used = np.ones(len(fit.design.targets[index].columns), bool)
    used[list(columns)] = False
    return refit_target(fit, index, columns=used)


def jitter(
    fit: Fit, events: Events, index: int, columns: Sequence[int], *, cap: int = CAP, seed: int = 1
) -> Jittered | None:
    """Test whether a coupling hangs on the sources' very times.

    Parameters
    ----------
    fit
        The fit that a claim rests on.
    events
        The events of its design.
    index, columns
        Target, and its columns that a claim rests on.
    cap
        Redraws at most.
    seed
        Of the redraws.

    Returns
    -------
    Jittered or None
        None where the sources' times cannot be redrawn: a person's own past, kinds that end a stay, and kinds that are
        never scored.

    Notes
    -----
    The statistic is the score of the coupling at the fit without it, its half-lives weighted by their roots: under chance
    the score of a kernel varies as the inverse root of its half-life. Only the channel hears the new times; targets, and
    whatever else is in the model, stay. Sequential p-value: redraws stop when so many have reached the statistic
    that p would be above the level.

    The power is that of a one-sided normal test at the size estimated: the statistic is expected to exceed its redraws by
    ``sum over columns j of w[j] sum over rows r of a[r] b[r] (e[r] . alpha) (e[r,j] - mean redrawn e[r,j])``, with a and b
    the row weights without and with the coupling.

    References
    ----------
    Besag and Clifford (1991), Sequential Monte Carlo p-values, Biometrika 78.
    Amarasingham and others (2012), Conditional modeling and the jitter method of spike resampling, J Neurophysiol 107.
    """
    design = fit.design
    target, structure = design.targets[index], design.structure
    alpha = fit.targets[index].model.alpha[list(columns)]
    if structure is None or design.channels[target.columns[columns[0]].channel].how == "self":
        return None
    ear = make_ear(design, index, columns)
    window = WINDOW_HALF_LIVES * float(ear.kernels.half_lives[np.argmax(alpha)])
    redraw = make_redraw(fit, events, ear.source, target.kind, window)
    if redraw is None:
        return None
    weights, root = row_weights(without(fit, index, columns), index), np.sqrt(ear.kernels.half_lives)
    told = target.features[:, list(columns)]
    observed = float((weights @ told - target.compensator[:, list(columns)].sum(axis=0)) @ root)
    generator = np.random.default_rng(seed)
    most = int(np.ceil(LEVEL * (cap + 1)))
    scores: list[float] = []
    mean = np.zeros(told.shape)
    reached = 0
    while len(scores) < cap and (reached < most or len(scores) < FEWEST):
        drawn = [redraw.draw(generator) for _ in range(min(FEWEST, cap - len(scores)))]
        for features, compensator in zip(*ear.hear(structure, drawn), strict=True):
            scores.append(float((weights @ features - compensator) @ root))
            mean += features
            reached += scores[-1] >= observed
            if reached >= most and len(scores) >= FEWEST:
                break
    p = reached / len(scores) if reached >= most else (1 + reached) / (1 + len(scores))
    expected = (weights * row_weights(fit, index) * (told @ alpha)) @ (told - mean / len(scores)) @ root
    return Jittered(p, float(ndtr(expected / max(np.std(scores, ddof=1), 1e-300) - Z_TEST)))
