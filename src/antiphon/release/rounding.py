"""How released values are rounded: coarse enough to hide one person, fine enough to be used."""

from __future__ import annotations

import math

COUNT_BASE = 5
DAYS_BASE = 100


def to_base(value: float | None, base: int) -> int | None:
    """Round to the nearest multiple of ``base``, halves up; None and NaN stay unknown."""
    if value is None or not math.isfinite(value):
        return None
    return int(base * math.floor(value / base + 0.5))


def rounded_count(value: float | None) -> int | None:
    """Round a number of persons or events to 5; what is not zero never becomes zero."""
    rounded = to_base(value, COUNT_BASE)
    return COUNT_BASE if rounded == 0 and value else rounded


def significant(value: float | None, digits: int = 2) -> float | None:
    """Round to ``digits`` significant digits."""
    if value is None or not math.isfinite(value):
        return None
    if value == 0:
        return 0.0
    return float(f"{value:.{digits - 1}e}")


def decimals(value: float | None, places: int) -> float | None:
    """Round to ``places`` decimals, without a negative zero."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), places) + 0.0
