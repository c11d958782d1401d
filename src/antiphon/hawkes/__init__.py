"""Estimation of the model: marginal likelihood with exact derivatives, projected Newton."""

from antiphon.hawkes.dense import DenseEvents, DenseLikelihood, dense_events, dense_log_likelihood
from antiphon.hawkes.dense_fit import DenseFit, fit_dense
from antiphon.hawkes.fit import Fit, FitStatus, TargetFit
from antiphon.hawkes.fitting import fit_design
from antiphon.hawkes.options import Options
from antiphon.hawkes.predict import likelihood_by_system

__all__ = [
    "DenseEvents",
    "DenseFit",
    "DenseLikelihood",
    "Fit",
    "FitStatus",
    "Options",
    "TargetFit",
    "dense_events",
    "dense_log_likelihood",
    "fit_dense",
    "fit_design",
    "likelihood_by_system",
]
