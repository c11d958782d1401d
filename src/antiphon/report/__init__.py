"""The report: sentences, figures and one self-contained page, drawn from released tables only."""

from antiphon.report.page import write_report

__all__ = ["write_report"]
