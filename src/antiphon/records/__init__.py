"""An agency's records: tables and their rules, reading, checking, pseudonymising."""

from antiphon.records.agency import Agency, Grade, Problem
from antiphon.records.checking import CheckResult, check_agency, read_agency
from antiphon.records.glance import Glance, glance
from antiphon.records.init import init_agency
from antiphon.records.listing import write_problem_list
from antiphon.records.pseudonymise import Pseudonymised, pseudonymise
from antiphon.records.settings import Settings

__all__ = [
    "Agency",
    "CheckResult",
    "Glance",
    "Grade",
    "Problem",
    "Pseudonymised",
    "Settings",
    "check_agency",
    "glance",
    "init_agency",
    "pseudonymise",
    "read_agency",
    "write_problem_list",
]
