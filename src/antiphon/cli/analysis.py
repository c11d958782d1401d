"""From an agency folder to its results: the steps that `analyse` and `demo` share."""

from pathlib import Path
from typing import TYPE_CHECKING

from antiphon.cli.progress import Progress

if TYPE_CHECKING:
    from antiphon.release import Released

STEPS = ("reading the records", "arranging the events", "estimating", "testing", "reading off", "writing the report")


def analyse_folder(folder: Path, into: Path, *, seed: int, progress: Progress) -> "Released":
    """Read an agency folder, estimate, and write the report and its tables.

    Parameters
    ----------
    folder
        The agency folder.
    into
        An empty folder for ``report.html``, ``findings.json``, ``tables/`` and ``tables.xlsx``.
    seed
        Start of the random numbers.
    progress
        Told about each of `STEPS`.

    Returns
    -------
    Released
        What may be shown; nothing else leaves.
    """
    # The records are read before the engine loads: whoever has to mend them should not wait for it.
    progress.step(STEPS[0])
    from antiphon.records import read_agency

    agency = read_agency(folder)
    progress.step(STEPS[1])
    from antiphon.hawkes import fit_design
    from antiphon.inference import build_chosen, infer
    from antiphon.release import release_findings, write_tables
    from antiphon.report import write_report
    from antiphon.resonance import read_off

    design = build_chosen(agency)
    progress.step(STEPS[2])
    fit = fit_design(design)
    progress.step(STEPS[3])
    inference = infer(fit, seed=seed)
    progress.step(STEPS[4])
    released = release_findings(read_off(agency, inference), agency.settings, agency.vocabulary)
    progress.step(STEPS[5])
    write_tables(released, into)
    write_report(released, into / "report.html")
    return released
