"""``seggrid predict``: masks, overlays and areas of image files."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from seggrid.catalogue import STEPS
from seggrid.data.sources.pseudonyms import write_table
from seggrid.errors import UserError
from seggrid.inference.device import choose_device
from seggrid.inference.gpu_lease import leased
from seggrid.inference.model import Model
from seggrid.inference.segmenter import Segmenter
from seggrid.prediction.inputs import Expected, Input, find_inputs
from seggrid.prediction.journal import Entry, Journal, open_journal
from seggrid.prediction.outputs import Area, Mask, draw_overlay, encode_mask, measure_areas, write_whole
from seggrid.prediction.reading import Ready, batches, beside, read_ahead
from seggrid.prediction.writing import Writer
from seggrid.records import sweep_parts, to_csv, write_if_changed


def predict_files(model: Model, paths: Sequence[Path], out: Path, overlays: bool, device: str = "auto") -> str:
    """Write a mask like each image into ``out``, and ``areas.csv``; return a summary.

    A mask that is there and whole, of the same image by the same model, is not made again. A slice of a volume that
    has no contrast is background.

    Args:
        overlays: draw the objects over each image as well, into ``overlays``.

    Raises:
        UserError: what is wrong with some images, a sentence each; the others have their masks.
    """
    data = model.data.data
    expected = Expected(
        whole=model.axes == 3,
        axis=getattr(data, "slices", None),
        channel_files=data.source == "nnunet",
        voi=getattr(data, "voi", False),
    )
    found = find_inputs(paths, out, expected)
    for folder, names in found.pseudonyms.items():
        write_table(folder, names)
    inputs, problems = found.images, found.problems
    if not inputs:
        raise UserError(*(problems or ["no image was found in the folders that were given"]))
    with open_journal(out) as journal:
        keeper = _Keeper(model, out, overlays, journal)
        entries = {item: entry for item in inputs if (entry := keeper.find(item))}
        missing = [item for item in inputs if item not in entries]
        begin, kept = time.perf_counter(), len(entries)
        if missing:
            keeper.sweep(missing)
            with leased(choose_device(device)) as chosen:
                entries |= _segment(missing, Segmenter(model, chosen), keeper, problems)
        seconds, made = time.perf_counter() - begin, len(entries) - kept
        _write_areas(out / "areas.csv", model, [entries[item] for item in inputs if item in entries])
    warned = [text] if (text := _blocks_scaled_alone(model)) else []
    if problems:
        raise UserError(*problems, f"{len(entries)} masks are in {out}, {made} of them new", *warned)
    speed = f" ({made / seconds:.1f} a second)" if made else ""
    return "\n".join([f"{len(entries)} masks in {out}, {made} of them new{speed}", *warned])


def _segment(
    missing: Sequence[Input], segmenter: Segmenter, keeper: _Keeper, problems: list[str]
) -> dict[Input, Entry]:
    """Make the masks of images; what is wrong with some of them is added to ``problems``."""
    shown = track(
        read_ahead(missing, segmenter, problems), "predict", sum(item.frames for item in missing),
        console=Console(stderr=True), disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with Writer(keeper.keep, beside(segmenter.device)) as writer:
        for batch in batches(shown, segmenter.batch):
            prepared = [ready.prepared for ready in batch if ready.prepared]
            masks = segmenter.segment(prepared) if prepared else [_background(ready) for ready in batch]
            for ready, mask in zip(batch, masks, strict=True):
                writer.put(ready, mask)
    return keeper.made


def _background(ready: Ready) -> Mask:
    return np.zeros(ready.image.shape[1:], np.uint8)


def _blocks_scaled_alone(model: Model) -> str | None:
    """A sentence where blocks of volumes were trained on, each brought to one scale by its own values."""
    steps = [step.name for step in model.steps if STEPS[step.name].normalises]
    if not getattr(model.data.data, "subvolumes", None) or not steps:
        return None
    return (
        f"the model was trained on blocks, each scaled by its own values ({', '.join(steps)}), and whole volumes are "
        "scaled by theirs: masks may be worse than the tests say; train with `window: {scale: true}` instead"
    )


class _Keeper:
    """Writes what belongs to a mask, and knows which are there.

    Attributes:
        made: what this call has written.
    """

    def __init__(self, model: Model, out: Path, overlays: bool, journal: Journal) -> None:
        self._out, self._drawn, self._journal = out, overlays, journal
        self._model, self._names = model.content, model.class_names
        self._frames: dict[Input, list[_Kept]] = {}
        self.made: dict[Input, Entry] = {}

    def _overlays(self, item: Input) -> list[Path]:
        folder = self._out / "overlays"
        if item.frames == 1:
            return [folder / f"{item.name}.png"]
        return [folder / f"{item.name}-f{frame:04d}.png" for frame in range(1, item.frames + 1)]

    def find(self, item: Input) -> Entry | None:
        """Return what was made of an input, where it is there and whole."""
        return self._journal.find(item, self._model, self._overlays(item) if self._drawn else ())

    def sweep(self, items: Sequence[Input]) -> None:
        """Delete what a call that was killed left half written: the journal has one writer."""
        for folder in {path.parent for item in items for path in (self._out / item.mask, *self._overlays(item))}:
            sweep_parts(folder, 0.0)

    def keep(self, ready: Ready, mask: Mask) -> None:
        """Write the picture of a mask, where it is wanted, and the mask file once all its frames are there."""
        item = ready.item
        picture = self._draw(self._overlays(item)[ready.frame - 1], ready, mask)
        areas = measure_areas(mask, len(self._names), ready.spacing, ready.frame)
        frames = self._frames.setdefault(item, [])
        frames.append(_Kept(ready.frame, mask, areas, picture, ready.digests))
        if len(frames) < item.frames:
            return
        frames = sorted(self._frames.pop(item), key=lambda kept: kept.frame)
        content = encode_mask(item, [kept.mask for kept in frames], self._names, self._model)
        write_whole(self._out / item.mask, content)
        entry = Entry(
            mask=item.mask.as_posix(),
            inputs=frames[0].digests,
            model=self._model,
            output=hashlib.sha256(content).hexdigest(),
            overlays=tuple(kept.picture for kept in frames if kept.picture),
            areas=tuple(area for kept in frames for area in kept.areas),
        )
        self._journal.add(entry)
        self.made[item] = entry

    def _draw(self, path: Path, ready: Ready, mask: Mask) -> str:
        """Return the digest of the picture; none where it is not wanted, and that of an earlier mask goes."""
        if not self._drawn:
            path.unlink(missing_ok=True)
            return ""
        picture = draw_overlay(ready.image, mask)
        write_whole(path, picture)
        return hashlib.sha256(picture).hexdigest()


@dataclass(frozen=True)
class _Kept:
    """What is left to write of a frame."""

    frame: int
    mask: Mask
    areas: list[Area]
    picture: str
    digests: tuple[str, ...]


def _write_areas(path: Path, model: Model, entries: Sequence[Entry]) -> None:
    rows = [
        (
            entry.mask, area.frame, model.class_names[area.label - 1], area.label, area.pixels, f"{area.area:.10g}",
            area.unit,
        )
        for entry in entries
        for area in entry.areas
    ]  # fmt: skip
    write_if_changed(path, to_csv(("mask", "frame", "class", "label", "pixels", "area", "unit"), rows))
