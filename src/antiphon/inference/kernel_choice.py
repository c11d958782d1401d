"""How long echoes take, where nobody says it: kernels chosen from a grid by marginal likelihood, or profiled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from antiphon.design.build import build_design
from antiphon.design.delays import read_kernels
from antiphon.errors import SpecificationError
from antiphon.hawkes.fitting import fit_design, objective_of, refit_target
from antiphon.hawkes.newton import TOLERANCE
from antiphon.hawkes.options import Options
from antiphon.inference.intervals import DROP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from antiphon.design.delays import Kernels
    from antiphon.design.design import Design, Feature
    from antiphon.hawkes.fit import Fit
    from antiphon.records.agency import Agency

    Entries = Sequence[float | str]

GRID: tuple[tuple[str, ...], ...] = (
    ("2h",), ("8h",), ("1d",), ("3d",), ("1w",), ("3w",),
    ("8h", "3d"), ("8h", "3w"), ("3d", "3w"), ("8h", "3d", "3w"),
    ("delay:3d:3",), ("delay:10d:3",),
)  # fmt: skip
"""Candidates where none are given."""

PROFILE = ("2h", "4h", "8h", "16h", "1d", "2d", "3d", "5d", "1w", "10d", "2w", "3w", "5w")
"""Half-lives of a profile where none are given."""

CHOICE_BLOCKS = 4
"""Leading blocks, of eight, that decide where the same records are tested afterwards."""

CANDIDATES = {
    "candidate": pl.List(pl.String),
    "log_likelihood": pl.Float64,
    "parameters": pl.Int64,
    "criterion": pl.Float64,
    "difference": pl.Float64,
    "at_edge": pl.Boolean,
}


@dataclass(frozen=True, slots=True, repr=False)
class KernelChoice:
    """Which kernels fit best.

    Attributes
    ----------
    kernels : the chosen ones.
    table : one row per candidate, in the order given: candidate (as written), log_likelihood (marginal, maximised),
        parameters (couplings above zero, and kernels), criterion (log likelihood less parameters), difference (to the best
        criterion; 0 for the chosen one), at_edge (whether it has the shortest or the longest kernel of the grid).
    blocks : leading blocks that decided; None: all.
    warnings : (code, plain sentence): that something was chosen, and whether the choice is at the edge of the grid.
    """

    kernels: Kernels
    table: pl.DataFrame
    blocks: int | None
    warnings: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        """What was chosen."""
        return f"KernelChoice({list(self.kernels.written)} of {self.table.height} candidates)"


@dataclass(frozen=True, slots=True, repr=False)
class HalfLifeProfile:
    """The profile log likelihood of one half-life.

    Attributes
    ----------
    half_lives : (grid,) days, increasing; of a delayed kernel ln 2 times its mean.
    log_likelihood : (grid,) marginal, maximised over everything else.
    estimate : half-life at the maximum, interpolated.
    low, high : where the log likelihood has fallen by 1.92, interpolated; 0 and infinity where it does not fall so far
        within the grid.
    """

    half_lives: np.ndarray
    log_likelihood: np.ndarray
    estimate: float
    low: float
    high: float


def choose_kernels(
    agency: Agency,
    candidates: Sequence[Entries] = GRID,
    *,
    blocks: int | None = None,
    options: Options | None = None,
    threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
    **of_design: Any,
) -> KernelChoice:
    """Choose half-lives and delays from a grid: those under which the records are most likely, for what they cost.

    Parameters
    ----------
    agency
        Checked records.
    candidates
        Sets of kernels, each as ``half_lives`` of `build_design`: ``[["8h"], ["8h", "3d"], ["delay:10d:3"]]``.
    blocks
        Leading blocks of the scored time that decide, of eight; None: all. See Notes.
    options
        Which parts of the model are used; its columns, penalty and blocks are set here.
    threads
        Target kinds fitted at a time.
    progress
        Called with (candidates done, to do).
    **of_design
        Other parameters of `build_design`.

    Returns
    -------
    KernelChoice
        Give ``choice.kernels.written`` to `build_design` or `fit` as ``half_lives``.

    Raises
    ------
    SpecificationError
        Where there are fewer than two candidates, or a kernel cannot be read.

    Notes
    -----
    The records are read once, with all kernels of the grid: what is heard through one kernel does not depend on the
    others. All candidates are scored on the same events (the unscored history is that of the longest kernel), start from
    the same fit without couplings, and keep its propensity. The criterion is Akaike's: the log likelihood less the number of
    kernels and of couplings above zero. Estimates on a cone have as many degrees of freedom as the face they land on has
    dimensions (Meyer and Woodroofe 2000, Annals of Statistics 28), so couplings at zero cost nothing.

    Tests of couplings on the records that chose are too easily passed: the kernel was taken under which the echoes look
    largest. How much, and what is left of it where leading blocks choose: ``verification/results/kernel_choice.md``.
    """
    read = [read_kernels(candidate) for candidate in candidates]
    design = build_design(agency, half_lives=_union(read), **of_design)
    return compare_kernels(design, candidates, blocks=blocks, options=options, threads=threads, progress=progress)


def compare_kernels(
    design: Design,
    candidates: Sequence[Entries],
    *,
    blocks: int | None = None,
    options: Options | None = None,
    threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> KernelChoice:
    """Choose among sets of kernels that a design has read already; see `choose_kernels`."""
    if len(candidates) < 2:
        raise SpecificationError("A choice needs at least two candidates.")
    read = [read_kernels(candidate) for candidate in candidates]
    options = replace(Options() if options is None else options, penalty=0.0, blocks=blocks)
    none = tuple(np.zeros(len(target.columns), bool) for target in design.targets)
    without = fit_design(design, replace(options, columns=none), threads=threads)
    values, counts = np.empty(len(read)), np.empty(len(read), np.int64)
    for number, kernels in enumerate(read):
        columns = _columns_of(design, kernels)
        fit = fit_design(design, replace(options, columns=columns), start=without, threads=threads)
        values[number] = log_likelihood(fit)
        counts[number] = kernels.orders.size + sum(int((one.model.alpha > 0.0).sum()) for one in fit.targets)
        if progress is not None:
            progress(number + 1, len(read))
    criterion = values - counts
    best = int(np.argmax(criterion))
    is_edge = [bool(_ends(design.kernels, kernels)) for kernels in read]
    written = [[str(entry) for entry in candidate] for candidate in candidates]
    columns = (written, values, counts, criterion, criterion - criterion[best], is_edge)
    table = pl.DataFrame(dict(zip(CANDIDATES, columns, strict=True)), schema=CANDIDATES)
    warnings = _warnings(design.kernels, read[best], written[best], len(read), is_part=blocks is not None)
    return KernelChoice(read[best], table, blocks, warnings)


def log_likelihood(fit: Fit) -> float:
    """Return what was maximised, over all targets: the marginal log likelihood, random effects of units integrated out."""
    return sum(objective_of(fit, index)(one.parameters, hessian=False).value for index, one in enumerate(fit.targets))


def build_chosen(agency: Agency, *, threads: int = 2, **of_design: Any) -> Design:
    """Build the design of an agency, with its kernels chosen where ``agency.toml`` leaves them open.

    Parameters
    ----------
    agency
        Checked records.
    threads
        Target kinds fitted at a time in the choice.
    **of_design
        Parameters of `build_design`; ``half_lives`` are taken as they are.

    Returns
    -------
    Design
        Chosen on the first half of the scored time, since the whole of it is tested afterwards. Its warnings say so.
    """
    if agency.settings.model.half_lives or of_design.get("half_lives") is not None:
        return build_design(agency, **of_design)
    of_design.pop("half_lives", None)
    choice = choose_kernels(agency, blocks=CHOICE_BLOCKS, threads=threads, **of_design)
    design = build_design(agency, half_lives=choice.kernels.written, **of_design)
    return replace(design, warnings=(*design.warnings, *choice.warnings))


def profile_half_life(
    agency: Agency,
    channel: str,
    *,
    source_kind: str | None = None,
    target_kind: str | None = None,
    half_lives: Entries = PROFILE,
    others: Entries | None = None,
    threads: int = 2,
    **of_design: Any,
) -> HalfLifeProfile:
    """Follow the likelihood of one half-life over a grid: of a channel, or of one coupling in it.

    Parameters
    ----------
    agency
        Checked records.
    channel
        Its name: ``HOW:WHERE:FROM>TO``.
    source_kind, target_kind
        Names of the kinds of the coupling; None: all of the channel, which then have one half-life in common.
    half_lives
        At least three, in the grammar of `build_design`; delays of one order give the profile of their mean.
    others
        Kernels of all other couplings; None: those of ``agency.toml``.
    threads
        Target kinds fitted at a time in the fit that the profile starts from.
    **of_design
        Other parameters of `build_design`.

    Returns
    -------
    HalfLifeProfile
        What is profiled has one kernel at a time, everything else is estimated anew at each point; the propensity is kept.

    Raises
    ------
    SpecificationError
        Where nothing in the design has this channel and these kinds, or the grid is too short.

    Notes
    -----
    Between points of the grid the signed root of the fall is taken as straight in the log of the half-life, the maximum as
    that of the parabola through the highest point and its neighbours.
    """
    grid = read_kernels(half_lives)
    if grid.orders.size < 3 or np.unique(grid.orders).size > 1:
        raise SpecificationError("A profile needs at least three half-lives, or as many delays of one order.")
    kept = read_kernels(agency.settings.model.half_lives if others is None else others)
    design = build_design(agency, half_lives=_union([grid, kept]), **of_design)
    is_meant = tuple(_meant(design, index, channel, source_kind, target_kind) for index in range(len(design.targets)))
    targets = [index for index, columns in enumerate(is_meant) if columns.any()]
    if not targets:
        raise SpecificationError(
            "No coupling in the design has this channel and these kinds. Channels: "
            + ", ".join(one.name for one in design.channels)
        )
    usual = _columns_of(design, kept)
    start = fit_design(design, Options(columns=usual), threads=threads)
    values = np.zeros(grid.orders.size)
    for number in range(grid.orders.size):
        this = _columns_of(design, grid.chosen([number]))
        for index in targets:
            columns = np.where(is_meant[index], this[index], usual[index])
            fit = refit_target(start, index, columns=columns, tolerance=TOLERANCE)
            values[number] += objective_of(fit, index)(fit.targets[index].parameters, hessian=False).value
    return HalfLifeProfile(grid.half_lives, values, *_peak_and_ends(grid.half_lives, values))


def _union(read: Sequence[Kernels]) -> tuple[float | str, ...]:
    return tuple(entry for kernels in read for entry in kernels.written)


def _columns_of(design: Design, kernels: Kernels) -> tuple[np.ndarray, ...]:
    """Return which columns of each target belong to some kernels of the design."""
    there = zip(design.kernels.half_lives[:, None], design.kernels.orders[:, None], strict=True)
    is_in = np.array([bool((np.isclose(kernels.half_lives, b) & (kernels.orders == m)).any()) for b, m in there])
    return tuple(np.array([is_in[c.half_life] for c in target.columns], bool) for target in design.targets)


def _meant(design: Design, index: int, channel: str, source: str | None, kind: str | None) -> np.ndarray:
    """Return which columns of a target belong to a channel and kinds."""
    target = design.targets[index]

    def belongs(feature: Feature) -> bool:
        return (
            design.channels[feature.channel].name == channel
            and source in (None, design.kinds[feature.source_kind].name)
            and kind in (None, design.kinds[target.kind].name)
        )

    return np.array([belongs(feature) for feature in target.columns], bool)


def _peak_and_ends(half_lives: np.ndarray, values: np.ndarray) -> tuple[float, float, float]:
    """Return the half-life at the maximum, and both ends of the interval."""
    x, top = np.log(half_lives), int(np.argmax(values))
    peak, highest = x[top], values[top]
    if 0 < top < x.size - 1:
        bend, slope, _ = np.polyfit(x[top - 1 : top + 2] - x[top], values[top - 1 : top + 2] - values[top], 2)
        if bend < 0.0:
            peak, highest = x[top] - 0.5 * slope / bend, values[top] - 0.25 * slope**2 / bend
    wanted, root = np.sqrt(2.0 * DROP), np.sqrt(2.0 * np.maximum(highest - values, 0.0))
    ends = []
    for side in (-1.0, 1.0):
        away = np.flatnonzero(side * (x - peak) > 0.0)
        away = away if side > 0.0 else away[::-1]
        far = np.flatnonzero(root[away] >= wanted)
        if not far.size:
            ends.append(0.0 if side < 0.0 else np.inf)
            continue
        last = away[far[0]]
        begin, fallen = (x[away[far[0] - 1]], root[away[far[0] - 1]]) if far[0] else (peak, 0.0)
        ends.append(float(np.exp(begin + (x[last] - begin) * (wanted - fallen) / (root[last] - fallen))))
    return float(np.exp(peak)), ends[0], ends[1]


def _ends(grid: Kernels, chosen: Kernels) -> list[str]:
    """Say which end of the grid the chosen kernels reach."""
    first, last = grid.half_lives[[0, -1]]
    if first == last:
        return []
    ends = (("shortest", 0, first), ("longest", -1, last))
    return [words for words, place, end in ends if np.isclose(chosen.half_lives[place], end)]


def _warnings(
    grid: Kernels, chosen: Kernels, words: Sequence[str], n: int, *, is_part: bool
) -> tuple[tuple[str, str], ...]:
    what = "the first half of the records is" if is_part else "the records are"
    sentence = (
        f"How long echoes take ({', '.join(words)}) was chosen among {n} candidates, as that under which {what} most likely "
        "for the number of couplings it needs; p-values and intervals take it as given."
    )
    found = [("half_lives_chosen", sentence)]
    ends = _ends(grid, chosen)
    if ends:
        sentence = f"Among the chosen half-lives is the {' and the '.join(ends)} that was looked at; others beyond may fit better."
        found.append(("half_life_at_edge", sentence))
    return tuple(found)
