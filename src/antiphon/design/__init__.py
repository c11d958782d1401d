"""From labels to arrays: channels, pools, exposure and calendar cells, and the one exact pass over them."""

from antiphon.design.arrays import dense_design, unit_design
from antiphon.design.build import build_design, with_covariates, with_periods
from antiphon.design.channels import default_channels, parse_channel
from antiphon.design.design import (
    Calendar,
    Channel,
    Covariate,
    Design,
    Feature,
    Kind,
    Margins,
    Role,
    Segments,
    Target,
)
from antiphon.design.ground import Resolution

__all__ = [
    "Calendar",
    "Channel",
    "Covariate",
    "Design",
    "Feature",
    "Kind",
    "Margins",
    "Resolution",
    "Role",
    "Segments",
    "Target",
    "build_design",
    "default_channels",
    "dense_design",
    "parse_channel",
    "unit_design",
    "with_covariates",
    "with_periods",
]
