"""Logistic regression with crossed random effects: the largest factor by quadrature, the others by Laplace's method."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtr

from antiphon.hawkes.curvature import NotPositiveError, cholesky, solve
from antiphon.kernels.mixed import marginal_answers

if TYPE_CHECKING:
    from collections.abc import Callable

N_NODES, N_NODES_WIDE, WIDE = 11, 41, 2.0
"""Nodes for the effects of the largest factor, placed anew around each of them; and more for spreads above two."""

SPREAD_NODES = 4
"""Nodes per factor over which its spread is integrated."""

TYPICAL_SPREAD, LOG_SPREAD_WIDTH = 0.5, 1.0
"""Prior of each spread: log-normal. 95 % of it lies between 0.07 (odds hardly differ) and 3.6 (a factor of 30)."""

REACH = 0.25
"""Step of the differences by which the curvature in the log spreads is found."""

ENOUGH, MAXIMAL_STEPS = 1e-5, 50
"""Log likelihood still to be gained at which a search stops, and after how many steps in any case."""

FARTHEST = 12.0
"""Log odds and log odds ratios beyond which the likelihood is taken to rise for ever."""


@dataclass(frozen=True, slots=True, repr=False)
class Answers:
    """Yes-or-no answers that come in groups, of several crossed factors.

    Attributes
    ----------
    answered : (rows,) float64, 0 or 1; both occur.
    covariates : (rows, covariates) float64; the first column is 1.
    factors : each (rows,) int64, group of each row; codes without gaps from 0.
    """

    answered: np.ndarray
    covariates: np.ndarray
    factors: tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Conditional:
    """What holds at given spreads of the effects.

    Attributes
    ----------
    coefficients : (covariates,) log odds and log odds ratios, in a typical group of every factor.
    covariance : (covariates, covariates), with the effects of the groups unknown.
    log_likelihood : marginal, at ``coefficients``.
    restricted : the same with the coefficients integrated out too, up to a constant; the likelihood of the spreads.
    effects : coefficients and effects of all factors but the largest: where a search nearby may start.
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    restricted: float
    effects: np.ndarray


@dataclass(frozen=True, slots=True, repr=False)
class MixedEstimate:
    """Coefficients of a logistic regression in a typical group of every factor.

    Attributes
    ----------
    estimate, low, high : (covariates,) medians and 95 % limits of the log odds (first) and log odds ratios.
    p : (covariates,) two-sided probability that belongs to the interval.
    spread, spread_low, spread_high : (factors,) standard deviations of the groups' effects, with 95 % limits.
    """

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    spread: np.ndarray
    spread_low: np.ndarray
    spread_high: np.ndarray


class _Point(NamedTuple):
    """Where a search is: effects, and there the function, its first and minus its second derivatives."""

    x: np.ndarray
    value: float
    gradient: np.ndarray
    information: np.ndarray


class MixedModel:
    """Answers arranged for the search: rows of one group of the largest factor together.

    Parameters
    ----------
    answers : the answers.
    """

    def __init__(self, answers: Answers) -> None:
        sizes = np.array([int(factor.max()) + 1 for factor in answers.factors], dtype=np.int64)
        self._largest = int(np.argmax(sizes)) if sizes.size else -1
        self._others = np.delete(np.arange(sizes.size), self._largest) if sizes.size else sizes
        groups = answers.factors[self._largest] if sizes.size else np.zeros(answers.answered.size, dtype=np.int64)
        order = np.argsort(groups, kind="stable")
        self._begins = np.searchsorted(groups[order], np.arange(int(groups.max()) + 2))
        self._modes = np.zeros(self._begins.size - 1)
        self._answered = answers.answered[order]
        self._fixed = np.ascontiguousarray(answers.covariates[order])
        self._n_fixed = self._fixed.shape[1]
        ends = self._n_fixed + np.cumsum(np.append(0, sizes[self._others]))
        self._places = np.zeros((order.size, self._others.size), dtype=np.int64)
        for column, factor in enumerate(self._others):
            self._places[:, column] = ends[column] + answers.factors[factor][order]
        self._owner = np.repeat(self._others, sizes[self._others])
        self.n_factors = sizes.size
        share = float(answers.answered.mean())
        self.start = np.zeros(int(ends[-1]))
        self.start[0] = np.log(share / (1.0 - share))

    def conditional(self, spreads: np.ndarray, start: np.ndarray) -> Conditional | None:
        """Find the coefficients at given spreads.

        Parameters
        ----------
        spreads : (factors,) standard deviations, above zero.
        start : ``effects`` of a conditional nearby, or ``self.start``.

        Returns
        -------
        Conditional or None
            None where the likelihood has no maximum within reach, as where a covariate parts yes from no.

        Notes
        -----
        Let ``f(b, u)`` be the log likelihood in which the effects of the largest factor are integrated out by adaptive
        Gauss-Hermite quadrature, with the normal densities of the others' effects ``u``, and ``I`` minus its second
        derivatives. At the maximum of ``f``, ``log_likelihood = f - log det(I[u, u]) / 2`` (Laplace's method), and
        ``restricted`` takes the determinant of all of ``I``. ``f`` is concave: Newton's method finds the maximum.
        """
        penalty, n_fixed = spreads[self._owner] ** -2.0, self._n_fixed
        own = float(spreads[self._largest]) if self.n_factors else 0.0
        try:
            point, factor = self._climb(start, penalty, own)
            given = cholesky(point.information[n_fixed:, n_fixed:])
        except NotPositiveError:
            return None
        coefficients = point.x[:n_fixed]
        if np.abs(coefficients).max() > FARTHEST:
            return None
        covariance = solve(factor, np.eye(start.size))[:n_fixed, :n_fixed]
        whole, part = (float(np.log(np.diag(upper)).sum()) for upper in (factor, given))
        return Conditional(coefficients, covariance, point.value - part, point.value - whole, point.x)

    def _climb(self, start: np.ndarray, penalty: np.ndarray, spread: float) -> tuple[_Point, np.ndarray]:
        """Newton's method, each step halved until it is for the better; the maximum, and the factor of ``I`` there."""
        point = self._evaluate(start, penalty, spread)
        factor = cholesky(point.information)
        for _ in range(MAXIMAL_STEPS):
            step = solve(factor, point.gradient)
            if 0.5 * float(point.gradient @ step) < ENOUGH:
                break
            following = self._evaluate(point.x + step, penalty, spread)
            while not following.value > point.value and np.abs(step).max() > ENOUGH:
                step *= 0.5
                following = self._evaluate(point.x + step, penalty, spread)
            if not following.value > point.value:
                break
            point, factor = following, cholesky(following.information)
        return point, factor

    def _evaluate(self, x: np.ndarray, penalty: np.ndarray, spread: float) -> _Point:
        n_fixed, effects = self._n_fixed, x[self._n_fixed :]
        log_odds = self._fixed @ x[:n_fixed]
        for column in self._places.T:
            log_odds += x[column]
        gradient, information = np.zeros(x.size), np.zeros((x.size, x.size))
        rule = _rule(N_NODES if spread <= WIDE else N_NODES_WIDE)
        value = marginal_answers(
            self._begins, self._answered, log_odds, spread, rule, self._fixed, self._places, self._modes, gradient,
            information,
        )  # fmt: skip
        value += 0.5 * float(np.log(penalty).sum() - penalty @ effects**2)
        gradient[n_fixed:] -= penalty * effects
        information += np.tril(information, -1).T
        information[range(n_fixed, x.size), range(n_fixed, x.size)] += penalty
        return _Point(x, value, gradient, information)


def estimate_mixed(answers: Answers) -> MixedEstimate | None:
    """Estimate the odds of an answer in a typical group of every factor, and how they differ by covariates.

    Parameters
    ----------
    answers : the answers; every factor has at least two groups.

    Returns
    -------
    MixedEstimate or None
        None where no maximum was found within reach.

    Notes
    -----
    The spreads of the groups' effects are integrated out, never plugged in: with few units a plugged-in spread is often
    near zero, and the interval of what holds in a typical unit would then be that of a single one. Given the spreads
    coefficients are nearly normal; their restricted likelihood, with a wide log-normal prior, weighs a mixture of these
    normal distributions over an adaptive Gauss-Hermite grid. The limits are quantiles of the mixture.

    References
    ----------
    Rue, Martino and Chopin (2009), Approximate Bayesian inference for latent Gaussian models by using integrated nested
    Laplace approximations, JRSS B 71, section 3; Pinheiro and Chao (2006), Efficient Laplacian and adaptive Gaussian
    quadrature algorithms for multilevel generalized linear mixed models, JCGS 15.
    """
    search = _Search(MixedModel(answers))
    start = np.full(len(answers.factors), np.log(TYPICAL_SPREAD))
    placed = _centre(search.log_posterior, start)
    if placed is None:
        return None
    centre, root = placed
    nodes, log_weights = _grid(centre, root)
    parts = [search.part(node) for node in nodes]
    return _mixture(parts, nodes, log_weights)


class _Search:
    """The restricted likelihood of the spreads with their prior; each look starts from the one before."""

    def __init__(self, model: MixedModel) -> None:
        self._model = model
        self._effects = model.start

    def part(self, log_spreads: np.ndarray) -> tuple[float, Conditional | None]:
        """Return the log density at log spreads, up to a constant, and what holds there."""
        found = self._model.conditional(np.exp(log_spreads), self._effects)
        if found is None:
            return -np.inf, None
        self._effects = found.effects
        past = (log_spreads - np.log(TYPICAL_SPREAD)) / LOG_SPREAD_WIDTH
        return found.restricted - 0.5 * float(past @ past), found

    def log_posterior(self, log_spreads: np.ndarray) -> float:
        """Return the log density alone."""
        return self.part(log_spreads)[0]


def _centre(function: Callable[[np.ndarray], float], start: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Search for the mode, and the root of the covariance there: only where the grid is placed depends on them."""
    x, root = start, np.eye(start.size)
    for _ in range(8 if start.size else 0):
        found = _differences(function, x)
        if found is None:
            return None
        slope, curvature = found
        values, vectors = np.linalg.eigh(curvature)
        values = np.clip(values, 0.25 / LOG_SPREAD_WIDTH**2, None)
        root = vectors / np.sqrt(values)
        step = root @ (root.T @ slope)
        x = x + step * min(1.0, 1.0 / float(np.abs(step).max(initial=1e-300)))
        if np.abs(root.T @ slope).max() < 0.3:
            break
    return x, root


def _differences(function: Callable[[np.ndarray], float], x: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Gradient and minus the Hessian by differences; None where the function is not finite."""
    middle, moves = function(x), REACH * np.eye(x.size)
    up, down = (np.array([function(x + sign * move) for move in moves]) for sign in (1, -1))
    if not np.isfinite([middle, *up, *down]).all():
        return None
    curvature = np.diag(2.0 * middle - up - down)
    for i in range(x.size):
        for j in range(i):
            corner = function(x + moves[i] + moves[j])
            curvature[i, j] = curvature[j, i] = up[i] + up[j] - middle - corner
    return ((up - down) / (2.0 * REACH), curvature / REACH**2) if np.isfinite(curvature).all() else None


@cache
def _rule(n_nodes: int) -> np.ndarray:
    """Gauss-Hermite rule for the standard normal distribution: nodes and log weights."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n_nodes)
    return np.array([nodes, np.log(weights / weights.sum())])


def _grid(centre: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and log weights of a Gauss-Hermite grid for a density that is nearly normal around a centre."""
    nodes, log_weights = _rule(SPREAD_NODES)
    steps = np.array(list(product(nodes, repeat=centre.size)))
    heights = np.array([sum(part) for part in product(log_weights, repeat=centre.size)])
    return centre + steps @ root.T, heights + 0.5 * (steps**2).sum(axis=1)


def _mixture(
    found: list[tuple[float, Conditional | None]], nodes: np.ndarray, log_weights: np.ndarray
) -> MixedEstimate | None:
    """Quantiles of the coefficients over the nodes; far out some may have no maximum, and no weight."""
    kept = [place for place, (_, part) in enumerate(found) if part is not None]
    if not kept:
        return None
    log_weights = np.array([found[place][0] for place in kept]) + log_weights[kept]
    nodes, parts = nodes[kept], [part for _, part in found if part is not None]
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    means = np.array([part.coefficients for part in parts])
    widths = np.sqrt([np.diag(part.covariance) for part in parts])
    estimate, low, high = (_quantile(means, widths, weights, level) for level in (0.5, 0.025, 0.975))
    tails = np.minimum(weights @ ndtr(-means / widths), weights @ ndtr(means / widths))
    middle = weights @ nodes
    reach = 1.959964 * np.sqrt(weights @ (nodes - middle) ** 2)
    spread, narrowest, widest = (np.exp(middle + sign * reach) for sign in (0, -1, 1))
    return MixedEstimate(estimate, low, high, 2.0 * tails, spread, narrowest, widest)


def _quantile(means: np.ndarray, widths: np.ndarray, weights: np.ndarray, level: float) -> np.ndarray:
    """Quantile of each mixture of normal distributions, by bisection."""
    low, high = (means - 10.0 * widths).min(axis=0), (means + 10.0 * widths).max(axis=0)
    for _ in range(60):
        middle = 0.5 * (low + high)
        is_below = weights @ ndtr((middle - means) / widths) < level
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return 0.5 * (low + high)
