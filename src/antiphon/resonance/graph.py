"""The resonance graph: which kind of event is followed by which, how strongly, and what goes round in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from antiphon.inference.inference import Coupling

LONGEST_LOOP = 4
MOST_LOOPS = 20


@dataclass(frozen=True, slots=True)
class Loop:
    """A way back to where it started.

    Attributes
    ----------
    nodes : indices of kinds, smallest first, each followed by the next and the last by the first.
    gain : expected echoes of the first node's events after one turn, per event.
    """

    nodes: tuple[int, ...]
    gain: float


def branching_matrix(
    n_kinds: int, couplings: Sequence[Coupling], target_kinds: Sequence[int], weights: np.ndarray
) -> np.ndarray:
    """Lay out the expected direct echoes of each kind per event of each kind.

    Parameters
    ----------
    n_kinds : number of kinds; each is one node, since a kind belongs to one role.
    couplings : rows of the table of tests.
    target_kinds : kind of each target of the design.
    weights : (..., couplings) echoes that are read, per source event; leading axes are draws.

    Returns
    -------
    np.ndarray
        (..., target kind, source kind).
    """
    matrix = np.zeros((*weights.shape[:-1], n_kinds, n_kinds))
    for place, coupling in enumerate(couplings):
        matrix[..., target_kinds[coupling.target], coupling.source_kind] += weights[..., place]
    return matrix


def spectral_radius(matrix: np.ndarray) -> np.ndarray:
    """Branching ratio: how many echoes an event has in the long run, per generation.

    Parameters
    ----------
    matrix : (..., n, n) non-negative.

    Returns
    -------
    np.ndarray
        (...,) largest absolute eigenvalue.
    """
    if matrix.shape[-1] == 0:
        return np.zeros(matrix.shape[:-1])
    return np.abs(np.linalg.eigvals(matrix)).max(axis=-1)


def cycles(edges: np.ndarray, longest: int = LONGEST_LOOP) -> Iterator[tuple[int, ...]]:
    """Every way through different nodes back to the first, each once, starting at its smallest node.

    Parameters
    ----------
    edges : (n, n) bool, ``edges[to, from]``.
    longest : greatest number of nodes.

    Yields
    ------
    tuple of int
        Nodes in the order in which they follow each other.
    """
    after = [np.flatnonzero(edges[:, node]).tolist() for node in range(len(edges))]

    def extend(path: list[int]) -> Iterator[tuple[int, ...]]:
        for node in after[path[-1]]:
            if node == path[0]:
                yield tuple(path)
            elif node > path[0] and node not in path and len(path) < longest:
                yield from extend([*path, node])

    for first in range(len(edges)):
        yield from extend([first])


def turn_gain(nodes: Sequence[int], echoes: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """Gain of one turn round a loop.

    Parameters
    ----------
    nodes : kinds in order.
    echoes : (..., n, n) ``[to, from]`` echoes per event.
    responses : (..., n, n) share of incidents with the one that also have the other; delay zero.

    Returns
    -------
    np.ndarray
        (...,) product over the steps of echo plus response, less the product of responses alone: what stays inside
        one incident is no loop in time.
    """
    steps = list(zip(nodes, [*nodes[1:], nodes[0]], strict=True))
    both = np.prod([echoes[..., to, from_] + responses[..., to, from_] for from_, to in steps], axis=0)
    return both - np.prod([responses[..., to, from_] for from_, to in steps], axis=0)


def loops(echoes: np.ndarray, responses: np.ndarray, *, most: int = MOST_LOOPS) -> list[Loop]:
    """Find the strongest loops of at most four nodes.

    Parameters
    ----------
    echoes : (n, n) ``[to, from]`` echoes per event, of couplings whose lower limit is above zero; else 0.
    responses : (n, n) see ``turn_gain``.
    most : greatest number of loops returned.

    Returns
    -------
    list of Loop
        Strongest first.
    """
    found = [
        Loop(nodes, float(turn_gain(nodes, echoes, responses))) for nodes in cycles((echoes > 0) | (responses > 0))
    ]
    turning = [loop for loop in found if loop.gain > 0]
    return sorted(turning, key=lambda loop: (-loop.gain, len(loop.nodes), loop.nodes))[:most]
