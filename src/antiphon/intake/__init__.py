"""Other systems' exports onto the tables of an agency folder, by a map that the agency keeps."""

from antiphon.intake.importing import import_records
from antiphon.intake.result import ImportResult, SourceCount

__all__ = ["ImportResult", "SourceCount", "import_records"]
