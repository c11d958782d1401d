"""From labels to arrays: channels, pools, exposure and calendar cells, and the one exact pass over them."""

from antiphon.design.arrays import dense_design, unit_design
from antiphon.design.build import build_design, with_periods
from antiphon.design.channels import default_channels, parse_channel
from antiphon.design.design import Calendar, Channel, Design, Feature, Kind, Margins, Role, Segments, Target

__all__ = [
    "Calendar",
    "Channel",
    "Design",
    "Feature",
    "Kind",
    "Margins",
    "Role",
    "Segments",
    "Target",
    "build_design",
    "default_channels",
    "dense_design",
    "parse_channel",
    "unit_design",
    "with_periods",
]
