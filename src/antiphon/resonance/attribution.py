"""What goes together with the events of a kind: shares by direct parent and by the head of the cascade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.hawkes.fitting import lasting_share
from antiphon.inference.claims import slowest_claimed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from antiphon.design.design import Channel, Design
    from antiphon.framework.vocabulary import Vocabulary
    from antiphon.hawkes.fit import Fit
    from antiphon.inference.inference import Coupling

COMPONENTS = ("average", "frailty", "own past", "peers", "other roles", "ties", "organisation", "environment")
"""In the order of the page; shares of a kind sum to one over them."""


def group_components(vocabulary: Vocabulary) -> dict[str, str]:
    """Component of the events of groups, by role.

    Parameters
    ----------
    vocabulary : the agency's words.

    Returns
    -------
    dict
        ``environment`` for groups outside the organisation, ``organisation`` for all others; persons have none.
    """
    return {
        role: "environment" if level in vocabulary.surroundings else "organisation"
        for role, level in vocabulary.roles.items()
        if level != vocabulary.levels[-1]
    }


def component(channel: Channel, groups: Mapping[str, str]) -> str:
    """Component to which an echo through a channel belongs.

    Parameters
    ----------
    channel : the channel.
    groups : see ``group_components``.

    Returns
    -------
    str
        One of ``COMPONENTS``. Events of groups have the component of their role wherever they are read; the same role
        is ``peers``; persons of another role are ``other roles``.
    """
    if channel.how == "self":
        return "own past"
    if channel.how == "tie":
        return "ties"
    if channel.from_role == channel.to_role:
        return "peers"
    return groups.get(channel.from_role, "other roles")


@dataclass(frozen=True, slots=True, repr=False)
class Shares:
    """Where the events of every kind come from, in shares of each kind's expected events.

    Leading axes of every array are draws, if any.

    Attributes
    ----------
    average, frailty : (..., kinds) endemic part: what equal persons would have had, and the rest.
    echoes : (..., kinds, couplings) share whose parent came through each coupling.
    """

    average: np.ndarray
    frailty: np.ndarray
    echoes: np.ndarray


def masses(fit: Fit, couplings: Sequence[Coupling]) -> np.ndarray:
    """Source mass that was read through each coupling, at the fitted mixture of half-lives.

    Parameters
    ----------
    fit : the fit whose mixture counts.
    couplings : rows of the table of tests.

    Returns
    -------
    np.ndarray
        (couplings,) expected echoes per unit of the coupling's total.
    """
    result = np.zeros(len(couplings))
    for place, coupling in enumerate(couplings):
        columns = list(coupling.columns)
        if not columns:
            continue
        read = fit.design.targets[coupling.target].compensator[:, columns].sum(axis=0)
        weights = fit.targets[coupling.target].model.alpha[columns]
        total = float(weights.sum())
        result[place] = read @ weights / total if total > 0 else read.mean()
    return result


def slow_own_past(fit: Fit, coupling: Coupling) -> tuple[int, ...]:
    """Columns of a coupling that are too slow a memory of one's own past to be told from who one is; () for all others.

    Those on which no claim may rest: the same half-lives, people and events would be lasting differences.
    """
    design = fit.design
    if design.channels[coupling.channel].how != "self":
        return ()
    columns, slowest = design.targets[coupling.target].columns, slowest_claimed(design) + 1e-9
    return tuple(c for c in coupling.columns if design.kernels.half_lives[columns[c].half_life] > slowest)


def _recent(fit: Fit, couplings: Sequence[Coupling]) -> np.ndarray:
    """(couplings,) share of the expected echoes of each coupling that are told from lasting differences."""
    result = np.ones(len(couplings))
    for place, coupling in enumerate(couplings):
        slow, columns = slow_own_past(fit, coupling), list(coupling.columns)
        if slow:
            read = fit.design.targets[coupling.target].compensator[:, columns].sum(axis=0)
            echoes = read * fit.targets[coupling.target].model.alpha[columns]
            is_slow = np.isin(columns, slow)
            result[place] = 1.0 - echoes[is_slow].sum() / echoes.sum() if echoes.sum() > 0 else float(not is_slow.all())
    return result


def totals(fit: Fit, couplings: Sequence[Coupling]) -> np.ndarray:
    """Echoes per source event of each coupling, its half-lives taken together.

    Parameters
    ----------
    fit : any fit of the design.
    couplings : rows of the table of tests.

    Returns
    -------
    np.ndarray
        (couplings,).
    """
    return np.array([fit.targets[c.target].model.alpha[list(c.columns)].sum() for c in couplings], dtype=float)


def shares(fit: Fit, couplings: Sequence[Coupling], echoes: np.ndarray) -> Shares:
    """Divide the expected events of every kind among their parents.

    Parameters
    ----------
    fit : the fit that gives endemic parts and mixtures of half-lives.
    couplings : rows of the table of tests.
    echoes : (..., couplings) echoes per source event; leading axes are draws.

    Returns
    -------
    Shares
        At the estimates of a fit these are the mean posterior probabilities of each parent, since the score is zero:
        ``sum_rows P(parent in column j) = alpha_j G_j``. For other values of the couplings the number of events of
        each kind is held where it was, and the endemic part gives or takes the difference. What a slow memory of the own
        past carries is lasting differences.
    """
    design = fit.design
    read = masses(fit, couplings)
    expected = echoes * read * _recent(fit, couplings)
    n_kinds = len(design.kinds)
    average = np.ones((*echoes.shape[:-1], n_kinds))
    frailty = np.zeros_like(average)
    echo_shares = np.zeros((*echoes.shape[:-1], n_kinds, len(couplings)))
    at_fit = totals(fit, couplings) * read
    for number, target in enumerate(fit.targets):
        members = [place for place, coupling in enumerate(couplings) if coupling.target == number]
        endemic = float(target.theta @ target.hazard)
        events = endemic + float(at_fit[members].sum())
        if events <= 0:
            continue
        kind = design.targets[number].kind
        mass = expected[..., members]
        left = np.maximum(events - mass.sum(axis=-1), 0.02 * events)
        whole = left + mass.sum(axis=-1)
        part = lasting_share(fit, number, [c for place in members for c in slow_own_past(fit, couplings[place])])
        frailty[..., kind] = part * left / whole
        average[..., kind] = (1.0 - part) * left / whole
        echo_shares[..., kind, members] = mass / whole[..., None]
    return Shares(average, frailty, echo_shares)


def direct(divided: Shares, couplings: Sequence[Coupling], design: Design, groups: Mapping[str, str]) -> np.ndarray:
    """Shares of each kind by direct parent.

    Parameters
    ----------
    divided : from ``shares``.
    couplings, design : what they belong to.
    groups : see ``component``.

    Returns
    -------
    np.ndarray
        (..., kinds, components), summing to one over the last axis.
    """
    result = np.zeros((*divided.average.shape, len(COMPONENTS)))
    result[..., 0] = divided.average
    result[..., 1] = divided.frailty
    for place, coupling in enumerate(couplings):
        which = COMPONENTS.index(component(design.channels[coupling.channel], groups))
        result[..., which] += divided.echoes[..., place]
    return result


def echoed(divided: Shares, events: np.ndarray) -> np.ndarray:
    """Share of all events that follow another recorded event, by whatever way: those with a parent.

    Parameters
    ----------
    divided : see ``shares``.
    events : (kinds,) scored events of each kind.

    Returns
    -------
    np.ndarray
        (...,); 0 without events.
    """
    return divided.echoes.sum(axis=-1) @ events / max(float(events.sum()), 1.0)


def root(divided: Shares, couplings: Sequence[Coupling], design: Design, groups: Mapping[str, str]) -> np.ndarray:
    """Shares of each kind by the event at the head of the cascade, which has no recorded event before it.

    Parameters
    ----------
    divided, couplings, design, groups : as for ``direct``.

    Returns
    -------
    np.ndarray
        (..., kinds, components), summing to one. A head of the same role counts as ``average`` or ``frailty`` (as
        that head's own kind divides), one of another role as ``other roles``, ``organisation`` or ``environment``;
        ``own past``, ``peers`` and ``ties`` are ways, never heads, so they are zero.

    Notes
    -----
    With ``D[k, h]`` the share of kind k whose parent is of kind h, and ``e`` the endemic shares, the heads are
    ``(I - D)^-1 diag(e)``; each row sums to one because ``e = 1 - D 1``.
    """
    n_kinds = len(design.kinds)
    parents = np.zeros((*divided.average.shape, n_kinds))
    for place, coupling in enumerate(couplings):
        parents[..., coupling.source_kind] += divided.echoes[..., place]
    endemic = divided.average + divided.frailty
    heads = np.linalg.solve(np.eye(n_kinds) - parents, np.eye(n_kinds) * endemic[..., None, :])
    part = np.divide(divided.frailty, endemic, out=np.zeros_like(endemic), where=endemic > 0)
    result = np.zeros((*divided.average.shape, len(COMPONENTS)))
    for k, kind in enumerate(design.kinds):
        for h, head in enumerate(design.kinds):
            share = heads[..., k, h]
            if head.role == kind.role:
                result[..., k, 0] += share * (1.0 - part[..., h])
                result[..., k, 1] += share * part[..., h]
            else:
                which = COMPONENTS.index(groups.get(head.role, "other roles"))
                result[..., k, which] += share
    return result
