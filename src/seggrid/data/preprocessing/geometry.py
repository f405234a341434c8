"""Steps that move pixels: each acts on image and labels, knows their place, and records how to undo itself.

A record is one of ``{"op": "crop", "shape", "start", "stop"}``, ``{"op": "resize", "shape", "size"}`` and
``{"op": "pad", "shape", "before", "after"}``; ``shape`` is the size before it, all lists hold a number per axis.
Coordinates follow the half-pixel convention: the outer edges of the image stay where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage import transform

from seggrid.errors import UserError

Record = dict[str, Any]
#: Shares that differ by less are equal; interpolation in single precision is no finer.
_TIE = 1e-5
Moved = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], list[Record]]


@dataclass(frozen=True)
class Place:
    """What is known of an image besides its pixels.

    Attributes:
        spacing: mm per axis; ``None`` where unknown.
        part: whether it is cut out of a volume, so that an object may show as a sliver at its edge.
    """

    spacing: tuple[float, ...] | None = None
    part: bool = False

    def after(self, geometry: Sequence[Record]) -> Place:
        """The place of the same image after some steps."""
        return replace(self, spacing=spacing_after(geometry, self.spacing)) if self.spacing else self


WHOLE = Place()


def spacing_after(geometry: Sequence[Record], spacing: Sequence[float]) -> tuple[float, ...]:
    """Return the spacing per axis of pixels that had another one before some steps."""
    found = np.array(spacing, np.float64)
    for record in geometry:
        if record["op"] == "resize":
            found *= np.divide(record["shape"], record["size"])
    return tuple(found.tolist())


def crop_to_content(
    image: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8], _: Place, threshold: float, margin: int
) -> Moved:
    """Crop to the bounding box of what differs from the frame of the image.

    Content is where any channel, after a median filter over 3 pixels against single bright dots, differs from the
    median of the outermost pixels by more than ``threshold`` times the range from its 1st to its 99th percentile.
    The labels are not consulted, for there are none when a network is used. An image without content stays whole.

    Args:
        image: ``(C, *S)``; labels: ``(*S)``.
        threshold: share of the range.
        margin: pixels kept around the content.

    Raises:
        UserError: the crop would cut off part of an object.
    """
    content = np.zeros(labels.shape, np.bool_)
    frame = np.ones(labels.shape, np.bool_)
    # Of a volume of one slice the frame is that of the slice.
    frame[tuple(slice(1, -1) if side > 2 else slice(None) for side in labels.shape)] = False
    for channel in image:
        low, high = np.percentile(channel, (1, 99))
        smooth = ndimage.median_filter(channel, size=3, mode="nearest")
        content |= np.abs(smooth - np.median(channel[frame])) > threshold * (high - low)
    boxes = ndimage.find_objects(content.astype(np.uint8))
    if not boxes:
        return image, labels, []
    start = [max(0, side.start - margin) for side in boxes[0]]
    stop = [min(length, side.stop + margin) for side, length in zip(boxes[0], labels.shape, strict=True)]
    inside = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    cut = np.count_nonzero(labels) - np.count_nonzero(labels[inside])
    if cut:
        raise UserError(
            f"crop_to_content cuts off {cut} pixels of the objects; lower its threshold or raise its margin"
        )
    if labels[inside].shape == labels.shape:
        return image, labels, []
    record = {"op": "crop", "shape": list(labels.shape), "start": start, "stop": stop}
    return image[(slice(None), *inside)], labels[inside], [record]


def resize(
    image: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8], place: Place, size: Sequence[int], keep_aspect: bool
) -> Moved:
    """Resize to ``size``, with ``keep_aspect`` as large as fits, padded to ``size``.

    Images are interpolated linearly, after a Gaussian filter where they shrink; padding repeats their lowest value.
    Labels take the class with the largest interpolated share, which keeps edges smooth, and among equals that of the
    nearest pixel; padding is background.

    Raises:
        UserError: ``size`` has another number of axes, or an object of a whole image would vanish.
    """
    if len(size) != labels.ndim:
        raise UserError(f"resize.size: {list(size)} has {len(size)} sides, but the images have {labels.ndim} axes")
    target = _fitting(labels.shape, size) if keep_aspect else tuple(size)
    records: list[Record] = []
    if target != labels.shape:
        records.append({"op": "resize", "shape": list(labels.shape), "size": list(target)})
        image, labels = np.stack([_interpolate(c, target) for c in image]), _resize_labels(labels, target, place)
    if target != tuple(size):
        missing = [side - own for side, own in zip(size, target, strict=True)]
        widths = [(amount // 2, amount - amount // 2) for amount in missing]
        before, after = (list(amounts) for amounts in zip(*widths, strict=True))
        records.append({"op": "pad", "shape": list(target), "before": before, "after": after})
        image = np.stack([np.pad(c, widths, constant_values=c.min()) for c in image])
        labels = np.pad(labels, widths)
    return image, labels, records


def resample(
    image: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8], place: Place, spacing: Sequence[float]
) -> Moved:
    """Resize so that pixels have ``spacing``, as near as whole pixels allow; the outer edges stay.

    Interpolation is that of ``resize``.

    Args:
        spacing: in mm per axis.

    Raises:
        UserError: the spacing of the image is unknown, ``spacing`` has another number of axes, or an object of a whole
            image would vanish.
    """
    if place.spacing is None:
        raise UserError("the spacing of the image is unknown; set data.spacing, or use resize")
    if len(spacing) != labels.ndim:
        raise UserError(
            f"resample.spacing: {list(spacing)} has {len(spacing)} values, but the images have {labels.ndim} axes"
        )
    sides = zip(labels.shape, place.spacing, spacing, strict=True)
    target = tuple(max(1, round(side * own / wanted)) for side, own, wanted in sides)
    return resize(image, labels, place, target, keep_aspect=False)


def _fitting(shape: Sequence[int], size: Sequence[int]) -> tuple[int, ...]:
    scale = min(side / own for side, own in zip(size, shape, strict=True))
    return tuple(min(side, max(1, round(own * scale))) for side, own in zip(size, shape, strict=True))


def _interpolate(channel: npt.NDArray[Any], size: tuple[int, ...]) -> npt.NDArray[np.float32]:
    smooth = any(new < old for new, old in zip(size, channel.shape, strict=True))
    resized = transform.resize(
        channel.astype(np.float32), size, order=1, mode="edge", anti_aliasing=smooth, preserve_range=True
    )
    return resized.astype(np.float32)


def _resize_labels(labels: npt.NDArray[np.uint8], size: tuple[int, ...], place: Place) -> npt.NDArray[np.uint8]:
    if not labels.any():
        return np.zeros(size, np.uint8)  # where a network is used there are none
    # Ties are common where a size is halved; giving them all to the background would shrink every object.
    centres = (((np.arange(new) + 0.5) * old / new).astype(int) for new, old in zip(size, labels.shape, strict=True))
    nearest = labels[np.ix_(*centres)]
    result = np.zeros(size, np.uint8)
    best = _interpolate(labels == 0, size)
    present = np.unique(labels[labels > 0])
    for label in present:
        share = _interpolate(labels == label, size)
        result[(share > best + _TIE) | (np.abs(share - best) <= _TIE) & (nearest == label)] = label
        np.maximum(best, share, out=best)
    lost = [int(label) for label in present if not (result == label).any()]
    if lost and not place.part:
        counts = " and ".join(f"{lost_label} ({np.count_nonzero(labels == lost_label)} pixels)" for lost_label in lost)
        raise UserError(f"resize to {list(size)} makes object {counts} vanish; use a larger size or a finer spacing")
    return result
