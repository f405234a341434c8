"""The one exception that a user's mistake raises."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

_Result = TypeVar("_Result")


class UserError(ValueError):
    """A mistake in the user's input: one sentence that names the file or key and says what to do.

    The command line prints the message without a traceback and exits with status 2. Where several mistakes were found
    at once, each is an argument of its own.
    """

    @property
    def problems(self) -> tuple[str, ...]:
        """The sentences."""
        return tuple(map(str, self.args))

    def __str__(self) -> str:
        return "\n".join(self.problems)


def try_all(attempts: Iterable[Callable[[], _Result]]) -> list[_Result]:
    """Make every attempt, also after one failed; return their results in order.

    Raises:
        UserError: the problems of all that failed.
    """
    results: list[_Result] = []
    problems: list[str] = []
    for attempt in attempts:
        try:
            results.append(attempt())
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(*problems)
    return results
