"""Full Bayes on small data: draws from the posterior of the model that the default fit maximises (extra ``bayes``).

NumPyro and ArviZ load inside the functions, so nothing else of the house needs them.
"""

# pyright: reportMissingImports=false
# (an extra, which need not be installed)

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from antiphon.errors import SpecificationError
from antiphon.hawkes.estimate import days_at_risk
from antiphon.hawkes.fitting import start_from
from antiphon.hawkes.problem import build_problem
from antiphon.inference.bayes_likelihood import integrals_of, make_log_likelihood

if TYPE_CHECKING:
    from collections.abc import Callable

    import arviz

    from antiphon.design.design import Design, Target
    from antiphon.hawkes.fit import Fit
    from antiphon.hawkes.problem import Problem

MOST_EVENTS = 5_000
"""Events of one kind up to which the posterior is sampled."""

MOST_TERMS = 2_000_000
"""Terms of the integrals over frailties, the squares of the events of each, up to which it is sampled."""

INTERCEPT_SPREAD = 3.0
"""Prior standard deviation of the intercept around the log of events per day at risk."""

EFFECT_SPREAD = 5.0
"""Prior standard deviation of endemic effects that the default fit leaves without ridge."""

COUPLING_SCALE, SPREAD_SCALE = 1.0, 1.0
"""Scales of the half-normal priors: of every alpha, and of the standard deviations of frailties and unit effects."""

LEAST_START = 0.01
"""Chains begin at the default fit, with alpha and both standard deviations no smaller than this."""


@dataclass(frozen=True, slots=True, repr=False)
class Sampling:
    """How to sample: draws kept of each chain, steps before them, chains, seed, and the acceptance aimed at."""

    draws: int
    warmup: int
    chains: int
    seed: int
    acceptance: float


def sample_posterior(
    fit: Fit, *, seed: int, draws: int = 1000, warmup: int = 1000, chains: int = 4, acceptance: float = 0.9
) -> arviz.InferenceData:
    """Draw from the posterior of every target kind of a fit by NUTS.

    Parameters
    ----------
    fit
        The default fit: the same rows, time at risk, features, options and propensity are used.
    seed
        Of all chains.
    draws, warmup, chains
        Draws kept of each chain, steps of adaptation before them, and chains.
    acceptance
        Mean acceptance that the step size aims at.

    Returns
    -------
    arviz.InferenceData
        ``posterior`` with ``alpha`` by column, ``coupling`` (their total over half-lives) by channel and kinds, ``effect`` (endemic
        effects but those of units) and, by kind, ``frailty_variance`` and ``unit_variance`` (NaN where there is none);
        ``sample_stats`` with ``diverging``. Nothing in it is about a single system.

    Raises
    ------
    SpecificationError
        Without the extra, for too large records, or for fewer than one draw, step of warm-up or chain.

    Notes
    -----
    The likelihood is that of ``antiphon.hawkes``, frailties integrated out. Priors (docs/method/bayes.md): the weak ridge of the
    default fit for endemic effects, half-normal for alpha and for the standard deviation of frailties and of unit effects, which
    are normal around zero with that standard deviation. Sampler: Hoffman and Gelman (2014).
    """
    if any(importlib.util.find_spec(name) is None for name in ("numpyro", "arviz")):
        raise SpecificationError(
            "Full Bayes needs NumPyro and ArviZ. Install them with: pip install 'antiphon[bayes]'."
        )
    if min(draws, warmup, chains) < 1:
        raise SpecificationError("draws, warmup and chains must each be at least 1.")
    sampling = Sampling(draws, warmup, chains, seed, acceptance)
    problems = [build_problem(fit.design, i, fit.options, one.log_r) for i, one in enumerate(fit.targets)]
    for problem, target in zip(problems, fit.design.targets, strict=True):
        _check_size(problem, fit.design.kinds[target.kind].name)
    found = [_sample_target(fit, i, problem, sampling) for i, problem in enumerate(problems)]
    return _inference_data(fit.design, problems, found, sampling)


def _check_size(problem: Problem, kind: str) -> None:
    """Refuse what would take hours."""
    events = int(problem.count.sum())
    terms = sum(some.systems.size * some.rows.shape[0] ** 2 for some in integrals_of(problem))
    if events > MOST_EVENTS or terms > MOST_TERMS:
        raise SpecificationError(
            f"These records are too large for full Bayes: {events:,} events of {kind!r}. It is meant for up to "
            f"{MOST_EVENTS:,} events of a kind that are spread over many people. Use `infer`, which holds for records of "
            "any size, or fit some blocks only."
        )


def _sample_target(fit: Fit, index: int, problem: Problem, sampling: Sampling) -> dict[str, np.ndarray]:
    """Draws of one target kind by name, each (chains, draws, ...); unit effects are thrown away."""
    import jax
    from numpyro.infer import MCMC, NUTS, init_to_value

    with jax.enable_x64(True):  # noqa: FBT003 (the name says it)
        start = _start(fit, index, problem)
        sampler = NUTS(
            _model(problem), target_accept_prob=sampling.acceptance, init_strategy=init_to_value(values=start)
        )
        chains = MCMC(
            sampler,
            num_warmup=sampling.warmup,
            num_samples=sampling.draws,
            num_chains=sampling.chains,
            chain_method="sequential",
            progress_bar=False,
        )
        chains.run(jax.random.fold_in(jax.random.PRNGKey(sampling.seed), index), extra_fields=("diverging",))
        found = {name: np.asarray(values) for name, values in chains.get_samples(group_by_chain=True).items()}
        found["diverging"] = np.asarray(chains.get_extra_fields(group_by_chain=True)["diverging"])
    found.pop("unit", None)
    return found


def _model(problem: Problem) -> Callable[[], None]:
    """The model of one target kind in the form that NumPyro samples."""
    import jax.numpy as jnp
    import numpyro
    from numpyro.distributions import HalfNormal, Normal

    frail, units, columns = problem.any_frail, problem.layout.unit_places, problem.features.shape[1]
    log_likelihood = make_log_likelihood(problem, frail=frail)
    places, centre, spread = _priors(problem)

    def model() -> None:
        effects = jnp.zeros(problem.layout.size)
        effects = effects.at[places].set(numpyro.sample("effect", Normal(centre, spread).to_event(1)))
        if units.size:
            unit_spread = numpyro.sample("unit_spread", HalfNormal(SPREAD_SCALE))
            unit = numpyro.sample("unit", Normal(jnp.zeros(units.size), 1.0).to_event(1))
            effects = effects.at[units].set(unit_spread * unit)
        alpha = jnp.zeros(0)
        if columns:
            alpha = numpyro.sample("alpha", HalfNormal(jnp.full(columns, COUPLING_SCALE)).to_event(1))
        frailty_spread = numpyro.sample("frailty_spread", HalfNormal(SPREAD_SCALE)) if frail else 1.0
        numpyro.factor("log_likelihood", log_likelihood(effects, alpha, frailty_spread**2))

    return model


def _priors(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places, means and standard deviations of the endemic effects other than those of units."""
    layout = problem.layout
    places = np.setdiff1d(np.arange(layout.size), layout.unit_places)
    ridge = layout.ridge[places]
    spread = np.where(ridge > 0.0, 1.0 / np.sqrt(np.where(ridge > 0.0, ridge, 1.0)), EFFECT_SPREAD)
    centre = np.zeros(places.size)
    centre[0] = np.log(max(float(problem.count.sum()), 0.5) / max(days_at_risk(problem), 1e-9))
    spread[0] = INTERCEPT_SPREAD
    return places, centre, spread


def _start(fit: Fit, index: int, problem: Problem) -> dict[str, Any]:
    """The default fit in the names of the sampler."""
    model, layout = fit.targets[index].model, problem.layout
    x = start_from(problem, fit.targets[index]).x
    spread = max(np.sqrt(model.unit_variance), LEAST_START)
    return {
        "effect": x[_priors(problem)[0]],
        "unit": x[layout.unit_places] / spread,
        "unit_spread": spread,
        "alpha": np.maximum(x[layout.size :], LEAST_START),
        "frailty_spread": max(np.sqrt(model.frailty_variance), LEAST_START),
    }


def _inference_data(
    design: Design, problems: list[Problem], found: list[dict[str, np.ndarray]], sampling: Sampling
) -> arviz.InferenceData:
    """Put the target kinds side by side, under the names of the model."""
    with warnings.catch_warnings():  # it announces its next version when it loads
        warnings.simplefilter("ignore", FutureWarning)
        import arviz

    shape = (sampling.chains, sampling.draws)
    nothing = {name: np.full(shape, np.nan) for name in ("frailty_spread", "unit_spread")}
    found = [{"alpha": np.zeros((*shape, 0)), **nothing, **one} for one in found]
    totals, pairs = zip(
        *(_totals(design, *parts) for parts in zip(design.targets, problems, found, strict=True)), strict=True
    )
    posterior = {
        "alpha": np.concatenate([one["alpha"] for one in found], axis=-1),
        "coupling": np.concatenate(totals, axis=-1),
        "effect": np.concatenate([one["effect"] for one in found], axis=-1),
        "frailty_variance": np.stack([one["frailty_spread"] ** 2 for one in found], axis=-1),
        "unit_variance": np.stack([one["unit_spread"] ** 2 for one in found], axis=-1),
    }
    dims = ("column", "pair", "parameter", "kind", "kind")
    each = list(zip(design.targets, problems, strict=True))
    return arviz.from_dict(
        posterior=posterior,
        sample_stats={"diverging": np.any([one["diverging"] for one in found], axis=0)},
        dims={name: [dim] for name, dim in zip(posterior, dims, strict=True)},
        coords={
            "column": [name for target, problem in each for name in _columns(design, target, problem)],
            "pair": [name for names in pairs for name in names],
            "parameter": [name for target, problem in each for name in _parameters(design, target, problem)],
            "kind": [design.kinds[target.kind].name for target in design.targets],
        },
        attrs={"seed": sampling.seed},
    )


def _totals(
    design: Design, target: Target, problem: Problem, found: dict[str, np.ndarray]
) -> tuple[np.ndarray, list[str]]:
    """Couplings, their half-lives taken together, and their names."""
    names = np.array([_pair(design, target, j) for j in problem.kept], dtype=np.str_)
    pairs, member = np.unique(names, return_inverse=True)
    return found["alpha"] @ (member[:, None] == np.arange(pairs.size)).astype(float), pairs.tolist()


def _pair(design: Design, target: Target, column: int) -> str:
    feature = target.columns[column]
    source, channel = design.kinds[feature.source_kind].name, design.channels[feature.channel].name
    return f"{source} > {design.kinds[target.kind].name} ({channel})"


def _columns(design: Design, target: Target, problem: Problem) -> list[str]:
    written = [kernel if isinstance(kernel, str) else f"{kernel:g} d" for kernel in design.kernels.written]
    return [f"{_pair(design, target, j)} {written[target.columns[j].half_life]}" for j in problem.kept]


def _parameters(design: Design, target: Target, problem: Problem) -> list[str]:
    """Names of the endemic effects; covariates under their own."""
    covariates = {f"covariate[{j}]": c.name for j, c in enumerate(design.roles[target.role].covariates)}
    names = [problem.layout.names[place] for place in _priors(problem)[0]]
    return [f"{design.kinds[target.kind].name}: {covariates.get(name, name)}" for name in names]
