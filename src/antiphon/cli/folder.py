"""Output folders that are whole or not there at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from antiphon.errors import SpecificationError

RESULTS = frozenset({"report.html", "findings.json", "tables", "tables.xlsx"})


@contextmanager
def whole_folder(out: Path, *, ours: frozenset[str] = RESULTS) -> Iterator[Path]:
    """Give a folder to write into that takes the place of `out` only when everything has been written.

    Parameters
    ----------
    out
        Where the results belong: new, empty, or holding earlier results and nothing else.
    ours
        Names of the results, which may be replaced.

    Yields
    ------
    Path
        An empty folder beside `out`, on the same disk.

    Raises
    ------
    SpecificationError
        Where `out` holds anything else: replacing it would lose files that are not ours.
    """
    out = out.absolute()
    check_replaceable(out, ours=ours)
    out.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        fresh = workshop / "fresh"
        fresh.mkdir()
        yield fresh
        _swap(fresh, out, workshop / "earlier")
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def check_replaceable(out: Path, *, ours: frozenset[str] = RESULTS) -> None:
    """Refuse an output place that holds anything but earlier results, before any work is done."""
    if out.exists() and not out.is_dir():
        raise SpecificationError("--out names a file. Name a folder that is new, empty or holds earlier results.")
    if out.exists() and {entry.name for entry in out.iterdir()} - ours:
        raise SpecificationError(
            "The folder given with --out holds files that are not results of this command, and they would be lost. "
            "Name a folder that is new, empty or holds earlier results."
        )


def _swap(fresh: Path, out: Path, earlier: Path) -> None:
    """Put the new folder in the old one's place; put the old one back where that fails."""
    if out.exists():
        out.rename(earlier)
    try:
        fresh.rename(out)
    except BaseException:
        if earlier.exists():
            earlier.rename(out)
        raise
