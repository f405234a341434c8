"""Masks are written, while a GPU computes the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from seggrid.prediction.outputs import Mask
from seggrid.prediction.reading import Ready

#: Masks that may wait to be written.
_WAITING = 8


class Writer:
    """Keeps masks in order, in one other thread or at once; what goes wrong there is raised here."""

    def __init__(self, keep: Callable[[Ready, Mask], None], threaded: bool) -> None:
        self._keep = keep
        self._pool = ThreadPoolExecutor(1) if threaded else None
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def put(self, ready: Ready, mask: Mask) -> None:
        """Hand over a mask; waits where too many are waiting already."""
        if self._pool is None:
            self._keep(ready, mask)
            return
        self._waiting.append(self._pool.submit(self._keep, ready, mask))
        self._settle(_WAITING)

    def _settle(self, most: int) -> None:
        while len(self._waiting) > most:
            self._waiting.popleft().result()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._settle(0)
        finally:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)
