"""What ends a command with a sentence: a user's mistake, or a loss from outside; and words for unknown names."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable
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


class LostError(Exception):
    """Something was ended from outside: killed, or left without a disk to write to; what it had is kept.

    One sentence that says how to go on. The command line prints it without a traceback and exits with status 1.
    """


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


def nearest(word: str, known: Collection[str]) -> str:
    """Return `` (did you mean X?)`` for the closest known word, or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" (did you mean {close[0]}?)" if close else ""


def check_known(kind: str, name: str, known: Collection[str]) -> None:
    """Check that a name is one of those known.

    Raises:
        UserError: it is not; says what ``kind`` of thing it names, the closest name and all of them.
    """
    if name not in known:
        raise UserError(f"unknown {kind} {name!r}{nearest(name, known)}; known are {', '.join(known)}")
