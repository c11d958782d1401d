"""What can go wrong, in words, and the exit code that the command line gives for it.

Messages teach: what was found, where, and the next step. They never hold an identifier or a value of a record,
so that they are safe to paste into an e-mail.
"""

from collections.abc import Sequence
from typing import Any


class AntiphonError(Exception):
    """Any failure that a user can understand and mend; shown without a traceback."""

    exit_code: int = 2

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RecordError(AntiphonError):
    """The records cannot be used as they stand.

    `problems` holds everything that was found, not only the first problem. Its items print as one line each.
    """

    exit_code = 1

    def __init__(self, problems: Sequence[Any] | str) -> None:
        self.problems: tuple[Any, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__(_summary(self.problems))

    def __reduce__(self) -> tuple[type["RecordError"], tuple[tuple[Any, ...]]]:
        """Pickle with the problems themselves: the exception's own arguments are only their summary."""
        return (type(self), (self.problems,))


class SpecificationError(AntiphonError):
    """A setting, option or argument is not one of those that make sense here."""

    exit_code = 2


class FitError(AntiphonError):
    """The records are sound, but the model could not be estimated from them."""

    exit_code = 3


class ReleaseError(AntiphonError):
    """A result may not leave: it lacks the counts of persons that disclosure control needs."""

    exit_code = 3


def _summary(problems: tuple[Any, ...]) -> str:
    if not problems:
        return "The records cannot be used."
    if len(problems) == 1:
        return str(problems[0])
    return "\n".join([f"The records have {len(problems)} problems:", *(f"- {problem}" for problem in problems)])
