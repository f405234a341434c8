"""Images are read and preprocessed, while a GPU computes, and put together by their size."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from threading import Lock
from typing import Any

import numpy.typing as npt
import torch

from seggrid.data.preprocessing.intensity import FlatError
from seggrid.data.sources.files import Spacing
from seggrid.errors import UserError
from seggrid.inference.segmenter import Prepared, Segmenter
from seggrid.prediction.inputs import Image, Input
from seggrid.prediction.journal import file_digest

#: Kinds of device beside which other threads read and write.
THREADED = ("cuda",)
_READERS = 2
#: Images under way or waiting for the network, in batches: enough to keep it busy, few enough for volumes.
_AHEAD = 3
#: Batches of other sizes that may wait to be filled.
_SIZES = 4
_NOTHING = "no slice has any contrast after preprocessing; see whether its values are like those of the training images"


@dataclass(frozen=True)
class Ready:
    """A frame of an image that waits for the network.

    Attributes:
        digests: of the files, taken before they were read.
        prepared: ``None`` of a slice that has no contrast, in which there is nothing to find.
    """

    item: Input
    frame: int
    digests: tuple[str, ...]
    image: npt.NDArray[Any]
    spacing: Spacing | None
    prepared: Prepared | None


def beside(device: torch.device) -> bool:
    """Whether other threads read and write while a device computes.

    Beside a processor they would take turns with the network, and it would wait for them wherever cores are few.
    """
    return device.type in THREADED


def read_ahead(items: Sequence[Input], segmenter: Segmenter, problems: list[str]) -> Iterator[Ready]:
    """Yield the frames in order; what is wrong with an image is added to ``problems``."""
    refused: set[Input] = set()
    flat: Counter[Input] = Counter()
    todo = ((item, frame) for item in items for frame in range(1, item.frames + 1) if item not in refused)
    threaded = beside(segmenter.device)
    reader = _Reader(segmenter, _READERS if threaded else 1)
    for result in _in_threads(todo, reader, segmenter.batch) if threaded else _in_turn(todo, reader):
        try:
            ready = result()
            flat[ready.item] += ready.prepared is None
            if flat[ready.item] == ready.item.frames:
                raise _Refused(ready.item, f"{ready.item.told}: {_NOTHING}")
            yield ready
        except _Refused as error:
            if error.item not in refused:
                problems.append(str(error))
            refused.add(error.item)


def _in_turn(todo: Iterable[tuple[Input, int]], reader: _Reader) -> Iterator[Callable[[], Ready]]:
    for item, frame in todo:
        yield partial(reader.read, item, frame)


def _in_threads(todo: Iterator[tuple[Input, int]], reader: _Reader, batch: int) -> Iterator[Callable[[], Ready]]:
    waiting: deque[Future[Ready]] = deque()
    with ThreadPoolExecutor(_READERS) as pool:
        while True:
            for item, frame in islice(todo, _AHEAD * batch - len(waiting)):
                waiting.append(pool.submit(reader.read, item, frame))
            if not waiting:
                return
            yield waiting.popleft().result


class _Refused(Exception):
    """An image cannot be segmented; the message says why."""

    def __init__(self, item: Input, text: str) -> None:
        super().__init__(text)
        self.item = item


class _Reader:
    """Reads and preprocesses frames; ``kept`` volumes whose slices are taken one by one stay for the next slice."""

    def __init__(self, segmenter: Segmenter, kept: int) -> None:
        self._segmenter = segmenter
        self._volume = lru_cache(kept)(Input.read)
        self._lock = Lock()

    def read(self, item: Input, frame: int) -> Ready:
        """Read a frame of an image, or a slice of it.

        Raises:
            _Refused: it cannot be segmented.
        """
        # Before the pixels: where a file is replaced in between, the next call makes its mask again.
        digests = tuple(str(file_digest(file)) for file in item.sources) if frame == 1 else ()
        try:
            image, spacing = item.read(frame) if item.axis is None else self._slice(item, item.axis, frame)
        except UserError as error:
            raise _Refused(item, str(error)) from None
        prepared: Prepared | None = None
        try:
            prepared = self._segmenter.prepare(image, spacing)
        except UserError as error:
            # Other slices of the volume may show something.
            if item.axis is None or not isinstance(error, FlatError):
                raise _Refused(item, f"{item.told}: {error}") from None
        return Ready(item, frame, digests, image, spacing, prepared)

    def _slice(self, item: Input, axis: int, number: int) -> Image:
        with self._lock:  # so that a volume is read by one thread only
            volume, spacing = self._volume(item)
        return volume.take(number - 1, axis + 1), spacing and (*spacing[:axis], *spacing[axis + 1 :])


def batches(images: Iterable[Ready], size: int) -> Iterator[list[Ready]]:
    """Put images together whose preprocessed pixels have one size, also where others stand between them.

    One that is not prepared is a batch of its own.
    """
    filling: dict[tuple[int, ...], list[Ready]] = {}
    for ready in images:
        if ready.prepared is None:
            yield [ready]
            continue
        batch = filling.setdefault(ready.prepared.pixels.shape, [])
        batch.append(ready)
        if len(batch) == size:
            yield filling.pop(ready.prepared.pixels.shape)
        elif len(filling) > _SIZES:
            # The one that has waited longest.
            yield filling.pop(next(iter(filling)))
    yield from filling.values()
