"""Keys of random streams: one for each seed, purpose, kind and system, whatever else there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from antiphon.design.structure import keys_of

if TYPE_CHECKING:
    import numpy as np

Purpose = Literal["immigrants", "frailty", "past"]


def stream(seed: int, purpose: Purpose, kind: str) -> np.uint64:
    """Return the key of a stream, from which each system's own follows."""
    return keys_of([f"{purpose} {seed} {kind}"])[0]
