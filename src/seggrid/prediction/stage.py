"""``seggrid predict``: masks, overlays and areas of image files."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from seggrid.data.sources.files import Spacing
from seggrid.errors import UserError
from seggrid.inference.device import choose_device
from seggrid.inference.gpu_lease import leased
from seggrid.inference.model import Model
from seggrid.inference.segmenter import Prepared, Segmenter
from seggrid.prediction.inputs import Input, find_inputs
from seggrid.prediction.journal import Entry, Journal, open_journal
from seggrid.prediction.outputs import Mask, measure_areas, write_mask, write_overlay
from seggrid.records import sweep_parts, to_csv, write_if_changed

#: Threads that read and preprocess while the network computes, and images that wait for it.
_READERS, _AHEAD = 2, 16


@dataclass(frozen=True)
class _Ready:
    """An image that waits for the network."""

    item: Input
    image: npt.NDArray[Any]
    spacing: Spacing | None
    prepared: Prepared


def predict_files(model: Model, paths: Sequence[Path], out: Path, overlays: bool, device: str = "auto") -> str:
    """Write a mask like each image into ``out``, and ``areas.csv``; return a summary.

    A mask that is there and whole, of the same image by the same model, is not made again.

    Args:
        overlays: draw the objects over each image as well, into ``overlays``.

    Raises:
        UserError: what is wrong with some images, a sentence each; the others have their masks.
    """
    inputs, problems = find_inputs(paths, out, model.data.data.source == "nnunet")
    if not inputs:
        raise UserError(*(problems or ["no image was found in the folders that were given"]))
    with open_journal(out) as journal:
        keeper = _Keeper(model, out, overlays, journal)
        entries = {item: entry for item in inputs if (entry := keeper.find(item))}
        missing = [item for item in inputs if item not in entries]
        begin, kept = time.perf_counter(), len(entries)
        if missing:
            with leased(choose_device(device)) as chosen:
                entries |= _segment(missing, Segmenter(model, chosen), keeper, problems)
        seconds, made = time.perf_counter() - begin, len(entries) - kept
        _write_areas(out / "areas.csv", model, [entries[item] for item in inputs if item in entries])
    if problems:
        raise UserError(*problems, f"{len(entries)} masks are in {out}, {made} of them new")
    return f"{len(entries)} masks in {out}, {made} of them new" + (f" ({made / seconds:.1f} a second)" if made else "")


def _segment(
    missing: Sequence[Input], segmenter: Segmenter, keeper: _Keeper, problems: list[str]
) -> dict[Input, Entry]:
    """Make the masks of images; what is wrong with some of them is added to ``problems``."""
    shown = track(
        _read_ahead(missing, segmenter, problems), "predict", len(missing),
        console=Console(stderr=True), disable=not sys.stderr.isatty(),
    )  # fmt: skip
    made: dict[Input, Entry] = {}
    for batch in _batches(shown, segmenter.batch):
        masks = segmenter.segment([ready.prepared for ready in batch])
        made |= {ready.item: keeper.keep(ready, mask) for ready, mask in zip(batch, masks, strict=True)}
    return made


class _Keeper:
    """Writes what belongs to a mask, and knows which are there."""

    def __init__(self, model: Model, out: Path, overlays: bool, journal: Journal) -> None:
        self._out, self._overlays, self._journal = out, overlays, journal
        self._model, self._classes = model.content, len(model.class_names)

    def _overlay(self, item: Input) -> Path:
        return self._out / "overlays" / f"{item.name}.png"

    def find(self, item: Input) -> Entry | None:
        """Return what was made of an input, where it is there and whole."""
        return self._journal.find(item, self._model, self._overlay(item) if self._overlays else None)

    def keep(self, ready: _Ready, mask: Mask) -> Entry:
        """Write a mask, and its picture where it is wanted; a picture of another mask goes."""
        path, overlay = self._out / ready.item.mask, self._overlay(ready.item)
        sweep_parts(path.parent, 0.0, path.name)  # of a call that was killed: the journal has one writer
        write_mask(path, mask, ready.item.files[0])
        if self._overlays:
            write_overlay(overlay, ready.image, mask)
        else:
            overlay.unlink(missing_ok=True)
        areas = measure_areas(mask, self._classes, ready.spacing)
        return self._journal.add(ready.item, self._model, overlay if self._overlays else None, areas)


def _read_ahead(items: Sequence[Input], segmenter: Segmenter, problems: list[str]) -> Iterator[_Ready]:
    """Yield the images in order, read and preprocessed in other threads; what is wrong is added to ``problems``."""
    waiting: deque[Future[_Ready | str]] = deque()
    with ThreadPoolExecutor(_READERS) as pool:
        for number in range(len(items) + _AHEAD):
            if number < len(items):
                waiting.append(pool.submit(_read, items[number], segmenter))
            if number >= _AHEAD and waiting:
                found = waiting.popleft().result()
                if isinstance(found, str):
                    problems.append(found)
                else:
                    yield found


def _read(item: Input, segmenter: Segmenter) -> _Ready | str:
    try:
        image, spacing = item.read()
    except UserError as error:
        return str(error)
    try:
        return _Ready(item, image, spacing, segmenter.prepare(image))
    except UserError as error:
        return f"{item.files[0]}: {error}"


def _batches(images: Iterable[_Ready], size: int) -> Iterator[list[_Ready]]:
    """Put neighbours together whose preprocessed pixels have one size."""
    batch: list[_Ready] = []
    for ready in images:
        if batch and (len(batch) == size or batch[0].prepared.pixels.shape != ready.prepared.pixels.shape):
            yield batch
            batch = []
        batch.append(ready)
    if batch:
        yield batch


def _write_areas(path: Path, model: Model, entries: Sequence[Entry]) -> None:
    rows = [
        (entry.mask, model.class_names[area.label - 1], area.label, area.pixels, f"{area.area:.10g}", area.unit)
        for entry in entries
        for area in entry.areas
    ]
    write_if_changed(path, to_csv(("mask", "class", "label", "pixels", "area", "unit"), rows))
