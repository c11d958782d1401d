"""Mistakes in a map: each is told, all at once, with what would be right."""

from pathlib import Path

import pytest

from antiphon.errors import RecordError, SpecificationError
from antiphon.intake import import_records

SOUND = """
[source.log]
files = ["log.csv"]
[[source.log.make]]
table = "events"
time = "when"
system = "who"
kind = { value = "elopement" }
"""
LOG = b"when,who\n2024-03-04T10:00,c1\n"


def told(folder: Path, text: str, log: bytes = LOG, name: str = "log.csv") -> str:
    (folder / "import.toml").write_text(text, encoding="utf-8")
    (folder / name).write_bytes(log)
    with pytest.raises(RecordError) as caught:
        import_records(folder / "import.toml", folder / "out")
    assert not (folder / "out").exists()
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    return caught.value.message


def test_the_sound_map_is_sound(tmp_path: Path) -> None:
    (tmp_path / "import.toml").write_text(SOUND, encoding="utf-8")
    (tmp_path / "log.csv").write_bytes(LOG)
    assert import_records(tmp_path, tmp_path / "out").tables == {"events": 1}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[source.log]", "[source.log", "cannot be read as TOML (line"),
        ('files = ["log.csv"]', 'file = ["log.csv"]', 'has no setting "file". Did you mean "files"?'),
        ('files = ["log.csv"]', "files = []", "[source.log]: files"),
        ('files = ["log.csv"]', 'files = ["/log.csv"]', "no file fits"),
        ('files = ["log.csv"]', 'files = ["log.csv"]\nheader = 0', "counted from 1"),
        ('files = ["log.csv"]', 'files = ["log.csv"]\nencoding = "latin-99"', "not a known encoding"),
        ('files = ["log.csv"]', 'files = ["log.csv"]\namends = "-A$"', "amends needs key"),
        ('files = ["log.csv"]', 'files = ["log.csv"]\nkey = "who"\namends = "("', "not a pattern"),
        ('files = ["log.csv"]', 'files = ["log.csv"]\ncolumns_never_read = ["who"]', "columns_never_read is used"),
        ('"events"', '"event"', 'no table "event". Did you mean "events"?'),
        ('system = "who"', 'sytem = "who"', 'no column "sytem". Did you mean "system"?'),
        ('system = "who"', 'source = "who"', 'needs the column "system"'),
        ('system = "who"', 'system = "who"\nsource_row = "who"', 'no column "source_row"'),
        ('"who"', '{ column = "who", value = "c1" }', "by one of column, columns, value, date"),
        ('"who"', '{ column = "who", otherwise = "c1" }', "otherwise stands beside values or lookup"),
        ('"who"', '{ column = "who", colum = "c1" }', 'has no setting "colum". Did you mean "column"?'),
        ('"who"', '{ date = "who" }', "is no time"),
        ('"who"', '{ column = "who", values = "people.csv" }', 'the file "people.csv" is not there'),
        ('"when"', '{ column = "when", formats = ["mm/dd"] }', 'write formats such as "%m/%d/%Y"'),
        ('"when"', '{ date = "when", clock = "when", shifts = { a = "25:00" } }', "when it starts"),
        ('"when"', '{ column = "when", clock = "when" }', "clock and shifts stand beside date"),
    ],
)
def test_mistakes_in_the_map(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert words in told(tmp_path, SOUND.replace(old, new, 1))


@pytest.mark.parametrize(
    ("log", "name", "words"),
    [
        (b"", "log.csv", "the file is empty"),
        (b"<html><body><table>", "log.csv", "is a web page"),
        (b"PK\x03\x04rest", "log.csv", "Excel workbook under the name of a text file"),
        (b"when,who\n2024-03-04,caf\xe9\n", "log.csv", 'encoding = "cp1252"'),
        (b"when,who\n2024-03-04,c1,more\n", "log.csv", "more cells than the header"),
        (b"when,who,who\n2024-03-04,c1,c2\n", "log.csv", "more than once"),
        (b"no,workbook", "log.xlsx", "not an Excel workbook"),
        (b"no,table", "log.parquet", "cannot be read as a Parquet table"),
        (b"some,text", "log.pdf", "files of this kind cannot be read"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, log: bytes, name: str, words: str) -> None:
    assert words in told(tmp_path, SOUND.replace("log.csv", name), log, name)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    message = told(tmp_path, SOUND.replace('"when"', '"wenn"') + SOUND.replace("log", "other").replace("who", "whom"))
    assert "2 problems" in message
    assert "wenn" in message
    assert "other.csv" in message


def test_a_row_without_what_its_table_needs_is_counted(tmp_path: Path) -> None:
    (tmp_path / "import.toml").write_text(SOUND, encoding="utf-8")
    (tmp_path / "log.csv").write_bytes(LOG + b"2024-03-05T10:00,\n")
    result = import_records(tmp_path, tmp_path / "out")
    assert result.sources[0].n_set_aside == 1
    assert [(problem.rule, problem.first_row) for problem in result.problems] == [("value_missing", 3)]


def test_there_must_be_a_map(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match="no map there"):
        import_records(tmp_path, tmp_path / "out")
