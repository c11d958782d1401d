"""What the rules of one table need to know of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from antiphon.framework.vocabulary import Vocabulary
    from antiphon.records.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """What is known when the other tables are checked.

    Attributes
    ----------
    settings, vocabulary : the agency's.
    systems, memberships : checked; ``stays`` the memberships through all levels (see ``nested_stays``).
    doubtful : identifiers of which a stay is set aside: where they were is not known.
    window : first moment observed and first no longer observed, UTC.
    """

    settings: Settings
    vocabulary: Vocabulary
    systems: pl.DataFrame
    memberships: pl.DataFrame
    stays: pl.DataFrame
    doubtful: pl.Series
    window: tuple[datetime, datetime]
