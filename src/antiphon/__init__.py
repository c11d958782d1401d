"""Antiphon makes parallel processes in human service organisations visible, testable and changeable.

Nothing heavy loads until a name is used::

    import antiphon as ap

    agency = ap.read_agency("maple-house/")
    findings = ap.read_off(agency, ap.infer(ap.fit(agency)))
    ap.write_report(ap.release_findings(findings, agency.settings, agency.vocabulary), "report.html")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from antiphon.design import build_design
    from antiphon.errors import AntiphonError, FitError, RecordError, ReleaseError, SpecificationError
    from antiphon.framework import load_vocabulary
    from antiphon.hawkes import Fit, dense_events, dense_log_likelihood, fit_dense
    from antiphon.inference import choose_kernels, infer, profile_half_life, sample_posterior
    from antiphon.records import Agency, check_agency, read_agency
    from antiphon.release import release_findings, write_tables
    from antiphon.report import write_report
    from antiphon.resonance import parentage, read_off
    from antiphon.simulation import simulate

__all__ = [
    "AntiphonError",
    "FitError",
    "RecordError",
    "ReleaseError",
    "SpecificationError",
    "build_design",
    "check_agency",
    "choose_kernels",
    "dense_events",
    "dense_log_likelihood",
    "fit",
    "fit_dense",
    "infer",
    "load_vocabulary",
    "parentage",
    "profile_half_life",
    "read_agency",
    "read_off",
    "release_findings",
    "sample_posterior",
    "simulate",
    "write_report",
    "write_tables",
]

_HOMES = {
    "AntiphonError": "errors",
    "FitError": "errors",
    "RecordError": "errors",
    "ReleaseError": "errors",
    "SpecificationError": "errors",
    "build_design": "design",
    "check_agency": "records",
    "choose_kernels": "inference",
    "dense_events": "hawkes",
    "dense_log_likelihood": "hawkes",
    "fit_dense": "hawkes",
    "infer": "inference",
    "load_vocabulary": "framework",
    "parentage": "resonance",
    "profile_half_life": "inference",
    "read_agency": "records",
    "read_off": "resonance",
    "release_findings": "release",
    "sample_posterior": "inference",
    "simulate": "simulation",
    "write_report": "report",
    "write_tables": "release",
}
_OF_DESIGN = ("channels", "half_lives", "join_incidents", "covariates", "receptivity", "resolution")


def fit(agency: "Agency", **choices: Any) -> "Fit":
    """Estimate the model of an agency: which events are followed by which, beside rhythm and lasting differences.

    Parameters
    ----------
    agency
        Checked records, from `read_agency`.
    **choices
        Anything that the defaults will not do for: those of `build_design` (channels, half_lives, join_incidents,
        covariates, receptivity, resolution) and the fields of `antiphon.hawkes.Options`. Half-lives are chosen by
        likelihood where ``agency.toml`` says so.

    Returns
    -------
    Fit
        Estimates with their curvature. Couplings are associations in time, not effects.
    """
    from antiphon.hawkes import Options, fit_design
    from antiphon.inference import build_chosen

    of_design = {name: choices.pop(name) for name in _OF_DESIGN if name in choices}
    return fit_design(build_chosen(agency, **of_design), Options(**choices))


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name == "__version__":
        from importlib.metadata import version

        return version("antiphon")
    if name not in _HOMES:
        raise AttributeError(f"module 'antiphon' has no attribute {name!r}")
    return getattr(import_module(f"antiphon.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Names that tab completion offers."""
    return sorted([*__all__, "__version__"])
