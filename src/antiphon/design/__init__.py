"""From labels to arrays: channels, pools, exposure and calendar cells, and the one exact pass over them."""

from antiphon.design.arrays import dense_design, dense_structure, unit_design, unit_structure
from antiphon.design.build import build_design, design_of, take_apart, with_covariates, with_periods
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
from antiphon.design.structure import Structure

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
    "Structure",
    "Target",
    "build_design",
    "default_channels",
    "dense_design",
    "dense_structure",
    "design_of",
    "parse_channel",
    "take_apart",
    "unit_design",
    "unit_structure",
    "with_covariates",
    "with_periods",
]
