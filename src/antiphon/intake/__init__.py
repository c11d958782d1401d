"""Other systems' exports onto the tables of an agency folder, by a map that the agency keeps."""

from antiphon.intake.importing import import_records
from antiphon.intake.result import ImportResult, MakeCount, SourceCount

__all__ = ["ImportResult", "MakeCount", "SourceCount", "import_records"]
