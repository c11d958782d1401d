"""Estimation of the model: marginal likelihood with exact derivatives, projected Newton."""

from antiphon.hawkes.fit import Fit, FitStatus, TargetFit
from antiphon.hawkes.fitting import fit_design
from antiphon.hawkes.options import Options
from antiphon.hawkes.predict import likelihood_by_system

__all__ = ["Fit", "FitStatus", "Options", "TargetFit", "fit_design", "likelihood_by_system"]
