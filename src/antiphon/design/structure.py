"""An agency without its events: what events, recorded or simulated, are put into."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.ground import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from antiphon.design.delays import Kernels
    from antiphon.design.design import Calendar, Channel, Kind
    from antiphon.design.ground import Wanted
    from antiphon.design.risk import Gap
    from antiphon.design.roster import Roster


@dataclass(frozen=True, slots=True, repr=False)
class Choices:
    """What is chosen rather than recorded.

    Channels; kernels; history and periods in days; whether people differ; which covariates are wanted.
    """

    channels: tuple[Channel, ...]
    kernels: Kernels
    history_days: float
    period_days: float
    has_frailty: bool = True
    wanted: Wanted = NOTHING


@dataclass(frozen=True, slots=True, repr=False)
class Structure:
    """Who is where, what can happen and when it would be recorded; everything but the events.

    Attributes
    ----------
    roster : who belongs where and is present where, and ties.
    kinds : event kinds, by code.
    calendars : cells by precision.
    gaps : spells without recording.
    choices : channels, kernels, history, periods, frailty.
    keys : (systems,) uint64, one number per system that does not change when others come or go: its luck in a
        simulation hangs on it.
    """

    roster: Roster
    kinds: tuple[Kind, ...]
    calendars: dict[str, Calendar]
    gaps: tuple[Gap, ...]
    choices: Choices
    keys: np.ndarray


def keys_of(names: Iterable[object]) -> np.ndarray:
    """Return a well-mixed number for each name: the same for the same name, wherever it stands."""
    digests = b"".join(hashlib.blake2b(str(name).encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)
