"""What a fit may be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True, repr=False)
class Options:
    """Which parts of the model a fit uses, and which time. The defaults are the model itself.

    Attributes
    ----------
    columns : per target of the design a bool mask of the features used (None: all of all).
    frailty : whether persons differ lastingly; integrated out, never plugged in.
    units : whether units differ lastingly, where there are enough of them. Needs ``frailty`` and ``rhythm``.
    trend_days : length of the stretches of an organisation's trend, around which its periods vary by random shocks; None:
        every period is free.
    propensity : whether a person's earlier events of other kinds enter the endemic part. Needs ``frailty``.
    rhythm : False leaves a constant rate per target kind: no calendar, time since admission, period.
    penalty : strength of the lasso on the couplings, in units of each coefficient's standard deviation under chance;
        0: none.
    blocks : number of leading blocks of the scored time that are used (None: all).
    """

    columns: tuple[np.ndarray, ...] | None = None
    frailty: bool = True
    units: bool = True
    propensity: bool = True
    rhythm: bool = True
    penalty: float = 0.0
    blocks: int | None = None
    trend_days: float | None = None
