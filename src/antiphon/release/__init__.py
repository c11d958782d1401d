"""Disclosure control: the only maker of released tables, and their writer."""

from antiphon.release.control import release_findings
from antiphon.release.released import TOO_FEW, TOO_UNCERTAIN, Released
from antiphon.release.writing import findings_document, write_tables

__all__ = ["TOO_FEW", "TOO_UNCERTAIN", "Released", "findings_document", "release_findings", "write_tables"]
