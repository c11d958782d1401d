"""An agency's records: tables and their rules, reading, checking, pseudonymising."""

from antiphon.records.agency import Agency, Grade, Problem
from antiphon.records.checking import CheckResult, check_agency, read_agency
from antiphon.records.glance import Glance, glance
from antiphon.records.settings import Settings

__all__ = [
    "Agency",
    "CheckResult",
    "Glance",
    "Grade",
    "Problem",
    "Settings",
    "check_agency",
    "glance",
    "read_agency",
]
