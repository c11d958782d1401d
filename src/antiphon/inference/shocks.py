"""The smallest spells of trouble of single units that would look like a coupling that was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from antiphon.inference.units import sources_within_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from antiphon.design.events import Events
    from antiphon.hawkes.fit import Fit

SHARE_OF_TIME = 0.1
"""Share of its time that a unit is taken to be in such spells."""


class Shock(NamedTuple):
    """Spells of one unit alone: both kinds happen ``factor`` times as often for ``days`` on average. Infinite: none will do."""

    factor: float
    days: float


def imitating_shock(fit: Fit, events: Events, index: int, columns: Sequence[int]) -> Shock | None:
    """Spells of single units that would look like a coupling, of average units.

    Parameters
    ----------
    fit
        The fit whose estimate is to be imitated.
    events
        Those of its design.
    index, columns
        Target, and its columns of one coupling.

    Returns
    -------
    Shock or None
        None for channels that do not act within units. Days are those that an echo takes to come, of the kernel that has
        most of the coupling. A person does not hear their own events through their peers: among peers of one role the rates
        are those of the others.
    """
    design = fit.design
    target, sources = design.targets[index], sources_within_units(design, events, index, columns)
    if sources is None:
        return None
    channel = design.channels[target.columns[columns[0]].channel]
    alpha = fit.targets[index].model.alpha[list(columns)]
    half_life = float(design.kernels.half_lives[target.columns[columns[int(np.argmax(alpha))]].half_life])
    units = np.union1d(events.unit[sources], target.unit)
    n_units, scored = int((units >= 0).sum()), design.window_days - design.history_days
    rates = np.array([sources.size / design.window_days, target.count.sum() / scored]) / max(n_units, 1)
    if channel.how == "peers" and channel.from_role == channel.to_role:
        readers = _days_at_risk(fit, index) / (max(n_units, 1) * scored)
        rates *= max(1.0 - 1.0 / max(readers, 1.0), 0.0)
    return Shock(shock_factor(float(alpha.sum()), half_life, *rates.tolist()), half_life / float(np.log(2.0)))


def _days_at_risk(fit: Fit, index: int) -> float:
    target = fit.design.targets[index]
    role = fit.design.roles[target.role]
    at_risk = role.segments.at_risk[:, role.kinds.index(target.kind)]
    return float((role.segments.end - role.segments.start)[at_risk].sum())


def shock_factor(echoes: float, half_life: float, source_rate: float, target_rate: float) -> float:
    """How many times as often both kinds must happen in spells of one unit so that they look like so many echoes.

    Parameters
    ----------
    echoes
        Echoes per event.
    half_life
        Days; spells last ``half_life / ln 2`` on average, as long as an echo takes to come.
    source_rate, target_rate
        Events per unit and day.

    Returns
    -------
    float
        More than 1; infinite where no factor is enough.

    Notes
    -----
    Each unit by itself is in spells for a tenth of the time; there both kinds happen f times as often, and nothing echoes.
    With ``m(t)`` what multiplies the rates (mean 1, variance ``V = s (1 - s) (f - 1)^2 / (1 + s (f - 1))^2``, ``s`` the
    share of time) and an autocovariance ``V exp(-d |lag|)``, ``d = 1 / (days (1 - s))``, the regression of the target's rate
    on what the kernel of rate ``b = ln 2 / half_life`` has heard of a source of rate S has the slope

        echoes = T V r / (b / 2 + S V r),   r = b / (b + d),

    where ``b / 2`` is what chance alone adds to the variance of what was heard. Solved for V, then f. It is the smallest in
    that nothing else in the model is taken to notice the spells: other kinds that hear them too would share the slope.

    References
    ----------
    The slope is that of the best linear forecast: Hawkes (1971), Spectra of some self-exciting and mutually exciting point
    processes, Biometrika 58, whose covariances of counts it uses.
    """
    room = target_rate - echoes * source_rate
    if echoes <= 0.0 or room <= 0.0:
        return 1.0 if echoes <= 0.0 else float("inf")
    rate = np.log(2.0) / half_life
    fading = rate / (1.0 - SHARE_OF_TIME)  # of spells that last 1 / rate
    spread = np.sqrt(0.5 * echoes * (rate + fading) / room)
    left = np.sqrt(SHARE_OF_TIME * (1.0 - SHARE_OF_TIME)) - SHARE_OF_TIME * spread
    return 1.0 + float(spread / left) if left > 0.0 else float("inf")
