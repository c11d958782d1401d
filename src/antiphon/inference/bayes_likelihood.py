"""The marginal likelihood of one target kind as a function that JAX can differentiate, for full Bayes on small data.

The frailty is integrated out exactly here too. With ``m`` and ``e`` the endemic and the epidemic part at an event, ``H`` the hazard of
the system and ``a`` one over the variance of the Gamma frailty ``f``,

    E[ product of (f m + e) x exp(-f H) ] = (a / (a + H))^a x sum over k of q[k],

where ``q[k]`` gathers the ways in which ``k`` of the events are endemic. One more event makes of it
``q'[k] = e q[k] + m (a + k - 1) / (a + H) q[k - 1]``. All terms are positive; ``q`` is scaled to sum 1 after each event.
"""

# pyright: reportMissingImports=false
# (an extra, which need not be installed)

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from antiphon.hawkes.problem import Problem


class Integrals(NamedTuple):
    """Frail systems with about as many events each, and their events.

    Attributes
    ----------
    systems : (systems,) local codes.
    rows : (events of the busiest, systems) row of each event; where a system has no more, the number of rows.
    """

    systems: np.ndarray
    rows: np.ndarray


def integrals_of(problem: Problem) -> tuple[Integrals, ...]:
    """Lay out the events of the frail systems, by powers of two of their number; a row of several events is there several times."""
    n_rows = problem.count.size
    is_frail = problem.frail[problem.row_system]
    event = np.repeat(np.arange(n_rows), np.where(is_frail, problem.count, 0).astype(np.int64))
    systems, owner, sizes = np.unique(problem.row_system[event], return_inverse=True, return_counts=True)
    place = np.arange(event.size) - (np.cumsum(sizes) - sizes)[owner]
    rows = np.full((int(sizes.max(initial=0)), systems.size), n_rows)
    rows[place, owner] = event
    power = np.ceil(np.log2(sizes)).astype(np.int64)
    groups = [np.flatnonzero(power == some) for some in np.unique(power)]
    return tuple(Integrals(systems[group], rows[: sizes[group].max(), group]) for group in groups)


def make_log_likelihood(problem: Problem, *, frail: bool) -> Callable[[Any, Any, Any], Any]:
    """Marginal log likelihood of a problem for JAX; double precision must be on.

    Parameters
    ----------
    problem
        What was observed.
    frail
        Whether the frailty is integrated out.

    Returns
    -------
    callable
        Of the endemic effects (layout.size,), the couplings (columns,) and the frailty variance (without meaning where not
        ``frail``); the value of ``antiphon.hawkes.likelihood.evaluate`` with its ridge added back.
    """
    import jax.numpy as jnp

    is_frail = problem.frail & frail
    plain, integrals = ~is_frail[problem.row_system], integrals_of(problem) if frail else ()

    def log_likelihood(effects: Any, alpha: Any, variance: Any) -> Any:
        extended = jnp.append(effects, 0.0)
        hazard = _hazards(problem, extended)
        endemic = _endemic(problem, extended)
        echo = problem.features @ alpha
        value = _plain_rows(problem, plain, endemic, echo)
        value -= jnp.where(is_frail, 0.0, hazard).sum() + problem.compensator @ alpha
        if frail:
            shape = 1.0 / variance
            value -= shape * jnp.where(is_frail, jnp.log1p(hazard * variance), 0.0).sum()
            value += sum(_frail_rows(some, shape, hazard, endemic, echo) for some in integrals)
        return value

    return log_likelihood


def _hazards(problem: Problem, effects: Any) -> Any:
    """Endemic hazard of each system at frailty 1; see ``kernels.likelihood``."""
    import jax.numpy as jnp
    from jax.ops import segment_sum

    layout, pieces = problem.layout, problem.pieces
    start = layout.period_start
    base = jnp.exp(effects[0] + effects[problem.cell_columns].sum(axis=1))
    cumulated = jnp.append(0.0, jnp.cumsum(base * problem.width))
    growth = jnp.exp(effects[layout.period])
    within = cumulated[start[1:]] - cumulated[start[:-1]]
    reached = jnp.pad(jnp.cumsum(growth * within, axis=1), ((0, 0), (1, 0)))
    cell, group = pieces.cells, pieces.group[:, None]
    period = layout.period_of_cell[cell]
    inside = cumulated[cell] - cumulated[start[period]] + pieces.offsets * base[cell]
    until = reached[group, period] + growth[group, period] * inside
    first = layout.first_covariate
    weight = effects[pieces.stratum] + effects[pieces.unit]
    weight += pieces.covariates @ effects[first : first + pieces.covariates.shape[1]]
    return segment_sum(jnp.exp(weight) * (until[:, 1] - until[:, 0]), pieces.system, problem.systems.size)


def _endemic(problem: Problem, effects: Any) -> Any:
    """Endemic part of each row at frailty 1."""
    import jax.numpy as jnp

    rows = problem.rows
    effect = effects[0] + effects[rows.columns].sum(axis=1)
    effect += rows.covariates @ effects[rows.first_covariate : rows.first_covariate + rows.covariates.shape[1]]
    return problem.exposure * jnp.exp(effect)


def _plain_rows(problem: Problem, plain: np.ndarray, endemic: Any, echo: Any) -> Any:
    """Rows at frailty 1; a terminal kind in coarse time happens with probability ``1 - exp(-rate)``."""
    import jax.numpy as jnp

    rate = (endemic + echo)[plain]
    if problem.bernoulli:
        return (rate + jnp.log(-jnp.expm1(-rate))).sum()
    return problem.count[plain] @ jnp.log(rate)


def _frail_rows(integrals: Integrals, shape: Any, hazard: Any, endemic: Any, echo: Any) -> Any:
    """Logs of the sums of ``q``, added up over systems; a place without event leaves ``q`` as it is (m = 0, e = 1)."""
    import jax.numpy as jnp
    from jax.lax import scan

    most, n_systems = integrals.rows.shape
    ratio = (shape + jnp.arange(most)) / (shape + hazard[integrals.systems])[:, None]
    start = jnp.zeros((n_systems, most + 1)).at[:, 0].set(1.0)

    def event(q: Any, parts: Any) -> tuple[Any, Any]:
        own, other = parts
        q = (other[:, None] * q).at[:, 1:].add(own[:, None] * ratio * q[:, :-1])
        scale = q.sum(axis=1)
        return q / scale[:, None], jnp.log(scale).sum()

    parts = jnp.append(endemic, 0.0)[integrals.rows], jnp.append(echo, 1.0)[integrals.rows]
    return scan(event, start, parts)[1].sum()
