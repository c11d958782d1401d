"""What keeps itself going: loops over echoes and over what answers inside an incident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.inference.bootstrap import N_DRAWS
from antiphon.resonance.behind import BEHIND, Behind, behind_couplings, behind_product
from antiphon.resonance.draws import interval
from antiphon.resonance.graph import loops, turn_gain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from antiphon.design.design import Design
    from antiphon.framework.vocabulary import Vocabulary
    from antiphon.resonance.tables import Reading

LOOPS = {
    "nodes": pl.List(pl.String),
    "via": pl.List(pl.String),
    "gain": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


@dataclass(frozen=True, slots=True, repr=False)
class Inside:
    """Answers inside incidents that may carry a loop: edges of delay zero.

    Attributes
    ----------
    share : (kinds, kinds) ``[to, from]`` share of incidents with the one that are answered by the other; 0 where the
        other is no answer.
    drawn : (draws, kinds, kinds) the same, as other records might have shown it.
    behind : who stands behind each edge, by (to, from).
    """

    share: np.ndarray
    drawn: np.ndarray
    behind: Mapping[tuple[int, int], Behind]


def inside(responses: pl.DataFrame, design: Design, vocabulary: Vocabulary, *, seed: int) -> Inside:
    """Pick the responses that may carry a loop: from something that happened to something done about it.

    Parameters
    ----------
    responses : see ``antiphon.resonance.responses``.
    design : the design.
    vocabulary : says which kinds are answers.
    seed : of the draws.

    Returns
    -------
    Inside
        Shares are drawn from a Beta distribution at their effective number of incidents (Jeffreys' prior).
    """
    place = {kind.name: number for number, kind in enumerate(design.kinds)}
    share = np.zeros((len(place), len(place)))
    drawn = np.zeros((N_DRAWS, *share.shape))
    behind = {}
    generator = np.random.default_rng([seed, 1])  # a stream apart from that of the couplings
    for row in responses.to_dicts():
        first, second = (vocabulary.kinds[row[name]] for name in ("first_kind", "second_kind"))
        if first.incident_response or not second.incident_response:
            continue
        edge = place[second.name], place[first.name]
        hits = row["share"] * row["effective"]
        share[edge] = row["share"]
        drawn[:, *edge] = generator.beta(hits + 0.5, row["effective"] - hits + 0.5, N_DRAWS)
        behind[edge] = Behind(**{name: row[name] for name in BEHIND})
    return Inside(share, drawn, behind)


def loops_table(read: Reading, answers: Inside) -> pl.DataFrame:
    """Lay out what keeps itself going.

    Parameters
    ----------
    read : see ``antiphon.resonance.tables.reading``.
    answers : see ``inside``.

    Returns
    -------
    pl.DataFrame
        nodes ("role: kind", in order), via ("echo", "same incident" or both, the step after each node), gain, low,
        high. Over couplings whose lower limit is above zero, and answers inside incidents.
    """
    certain = np.array([coupling.low > 0 for coupling in read.couplings], dtype=float)
    echoes = read.matrix(read.shown * certain)
    estimate, centre, drawn = (
        read.matrix(some * certain) for some in (read.draws.estimate, read.draws.centre, read.draws.drawn)
    )
    rows = []
    for loop in loops(echoes, answers.share):
        edges = [(to, from_) for from_, to in zip(loop.nodes, [*loop.nodes[1:], loop.nodes[0]], strict=True)]
        found, middle = (float(turn_gain(loop.nodes, some, answers.share)) for some in (estimate, centre))
        low, high = interval(loop.gain, found, middle, turn_gain(loop.nodes, drawn, answers.drawn))
        told = (
            [f"{read.design.kinds[node].role}: {read.design.kinds[node].name}" for node in loop.nodes],
            [_via(echoes[edge], answers.share[edge]) for edge in edges],
            loop.gain,
            low,
            high,
        )
        parts = [part for edge in edges for part in _behind_edge(read, answers, certain, edge)]
        rows.append(dict(zip(LOOPS, told, strict=True)) | behind_product(parts, read.thresholds).columns())
    return pl.DataFrame(rows, schema=LOOPS | BEHIND)


def _behind_edge(read: Reading, answers: Inside, certain: np.ndarray, edge: tuple[int, int]) -> list[Behind]:
    """Who stands behind each thing that an edge is made of."""
    targets = read.design.targets
    found = [
        behind_couplings(read.design, [coupling])
        for coupling, sure in zip(read.couplings, certain, strict=True)
        if sure and (targets[coupling.target].kind, coupling.source_kind) == edge
    ]
    return [*found, answers.behind[edge]] if edge in answers.behind else found


def _via(echo: float, response: float) -> str:
    if echo > 0 and response > 0:
        return "echo or same incident"
    return "echo" if echo > 0 else "same incident"
