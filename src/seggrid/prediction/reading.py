"""Images are read and preprocessed, while a GPU computes, and put together by their size."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy.typing as npt
import torch

from seggrid.data.sources.files import Spacing
from seggrid.errors import UserError
from seggrid.inference.segmenter import Prepared, Segmenter
from seggrid.prediction.inputs import Input
from seggrid.prediction.journal import file_digest

#: Kinds of device beside which other threads read and write.
THREADED = ("cuda",)
_READERS = 2
#: Images under way or waiting for the network, in batches: enough to keep it busy, few enough for volumes.
_AHEAD = 3
#: Batches of other sizes that may wait to be filled.
_SIZES = 4


@dataclass(frozen=True)
class Ready:
    """A frame of an image that waits for the network.

    Attributes:
        digests: of the files, taken before they were read.
    """

    item: Input
    frame: int
    digests: tuple[str, ...]
    image: npt.NDArray[Any]
    spacing: Spacing | None
    prepared: Prepared


def beside(device: torch.device) -> bool:
    """Whether other threads read and write while a device computes.

    Beside a processor they would take turns with the network, and it would wait for them wherever cores are few.
    """
    return device.type in THREADED


def read_ahead(items: Sequence[Input], segmenter: Segmenter, problems: list[str]) -> Iterator[Ready]:
    """Yield the frames in order; what is wrong with an image is added to ``problems``."""
    refused: set[Input] = set()
    todo = ((item, frame) for item in items for frame in range(1, item.frames + 1) if item not in refused)
    for result in _in_threads(todo, segmenter) if beside(segmenter.device) else _in_turn(todo, segmenter):
        try:
            yield result()
        except _Refused as error:
            if error.item not in refused:
                problems.append(str(error))
            refused.add(error.item)


def _in_turn(todo: Iterable[tuple[Input, int]], segmenter: Segmenter) -> Iterator[Callable[[], Ready]]:
    for item, frame in todo:
        yield partial(_read, item, frame, segmenter)


def _in_threads(todo: Iterator[tuple[Input, int]], segmenter: Segmenter) -> Iterator[Callable[[], Ready]]:
    waiting: deque[Future[Ready]] = deque()
    with ThreadPoolExecutor(_READERS) as pool:
        while True:
            for item, frame in islice(todo, _AHEAD * segmenter.batch - len(waiting)):
                waiting.append(pool.submit(_read, item, frame, segmenter))
            if not waiting:
                return
            yield waiting.popleft().result


class _Refused(Exception):
    """An image cannot be segmented; the message says why."""

    def __init__(self, item: Input, text: str) -> None:
        super().__init__(text)
        self.item = item


def _read(item: Input, frame: int, segmenter: Segmenter) -> Ready:
    # Before the pixels: where a file is replaced in between, the next call makes its mask again.
    digests = tuple(str(file_digest(file)) for file in item.sources) if frame == 1 else ()
    try:
        image, spacing = item.read(frame)
    except UserError as error:
        raise _Refused(item, str(error)) from None
    try:
        return Ready(item, frame, digests, image, spacing, segmenter.prepare(image, spacing))
    except UserError as error:
        raise _Refused(item, f"{item.told}: {error}") from None


def batches(images: Iterable[Ready], size: int) -> Iterator[list[Ready]]:
    """Put images together whose preprocessed pixels have one size, also where others stand between them."""
    filling: dict[tuple[int, ...], list[Ready]] = {}
    for ready in images:
        batch = filling.setdefault(ready.prepared.pixels.shape, [])
        batch.append(ready)
        if len(batch) == size:
            yield filling.pop(ready.prepared.pixels.shape)
        elif len(filling) > _SIZES:
            # The one that has waited longest.
            yield filling.pop(next(iter(filling)))
    yield from filling.values()
