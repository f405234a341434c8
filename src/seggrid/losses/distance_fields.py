"""Exact Euclidean distances within a batch of label images, from which every map of the losses is made.

On the CPU by compiled code, an image at a time; on any other device for all images at once, without a copy to the
host. Both are exact to 1e-4 up to distances of 1000 pixels, to 1e-6 of the distance beyond. Distances lie between
pixel centres, in units of the smallest spacing. What lies beyond the image frame is unknown and no boundary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from math import inf

import cv2
import edt
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seggrid.losses.distance_transform import squared_distance

#: Longest image side in pixels for which OpenCV is exact: the places along a row where the nearest pixel changes are
#: then known, in float32, to less than half a step between two of them.
PLANE_SIDE = 1024


class DistanceFields:
    """Distances of the pixels of label images to the borders of the classes, each made at most once.

    Args:
        labels: (N, *S) int64, two or three axes. Labels of C and more belong to no class.
        num_classes: C, background included.
        spacing: one positive number per axis of S, in any unit; None where isotropic.

    Raises:
        ValueError: the spacing has another number of axes.
    """

    def __init__(self, labels: Tensor, num_classes: int, spacing: Sequence[float] | None = None) -> None:
        self.labels = labels
        self.num_classes = num_classes
        self._ratios = _ratios(spacing, labels.ndim - 1)

    @cached_property
    def signed(self) -> Tensor:
        """(N, C, *S) float32: d to the object outside of it, -(d-1) to its complement inside.

        0 everywhere for the background, and for an object that has no boundary in its image.
        """
        if self.labels.device.type == "cpu":
            return torch.from_numpy(_compiled_signed(self.labels.numpy(), self.num_classes, self._ratios))
        return signed_on_device(self.labels, self.num_classes, self._ratios)

    @cached_property
    def depth(self) -> Tensor:
        """(N, *S) float32: to the nearest pixel of another label; 0 where one label fills the image."""
        if self.labels.device.type == "cpu":
            return torch.from_numpy(_compiled_depth(self.labels.numpy(), self.num_classes, self._ratios))
        return depth_on_device(self.labels, self.num_classes, self._ratios)


def signed_on_device(labels: Tensor, num_classes: int, ratios: Sequence[float]) -> Tensor:
    """Compute ``signed`` in torch, on any device, for spacings ``ratios`` whose smallest is 1."""
    signed = torch.zeros((len(labels), num_classes, *labels.shape[1:]), dtype=torch.float32, device=labels.device)
    for c in range(1, num_classes):  # a class at a time, as below
        inside = labels == c
        outer = squared_distance(inside, ratios).sqrt_()
        inner = squared_distance(~inside, ratios).sqrt_()
        distance = torch.where(inside, 1 - inner, outer)
        signed[:, c] = distance.masked_fill_(distance.isinf(), 0)
    return signed


def depth_on_device(labels: Tensor, num_classes: int, ratios: Sequence[float]) -> Tensor:
    """Compute ``depth`` in torch, on any device, for spacings ``ratios`` whose smallest is 1."""
    depth = torch.zeros(labels.shape, dtype=torch.float32, device=labels.device)
    for c in range(num_classes):  # a class at a time: all at once would hold C more images
        inside = labels == c
        depth = torch.where(inside, squared_distance(~inside, ratios), depth)
    return torch.where(depth.isfinite(), depth, torch.zeros_like(depth)).sqrt_()


def _ratios(spacing: Sequence[float] | None, axes: int) -> tuple[float, ...]:
    if spacing is None:
        return (1.0,) * axes
    if len(spacing) != axes or not all(0 < side < inf for side in spacing):
        raise ValueError(f"spacing {tuple(spacing)} should be {axes} positive numbers, one per axis")
    return tuple(float(side) / float(min(spacing)) for side in spacing)


def _is_plane(shape: tuple[int, ...], ratios: tuple[float, ...]) -> bool:
    return len(shape) == 2 and set(ratios) == {1.0} and max(shape) <= PLANE_SIDE


@contextmanager
def _without_ipp() -> Iterator[None]:
    """Let OpenCV take its own transform: Intel's is slower, and its last bits depend on where its memory lies."""
    chosen = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        yield
    finally:
        cv2.ipp.setUseIPP(chosen)


@_without_ipp()
def _compiled_signed(
    labels: npt.NDArray[np.int64], num_classes: int, ratios: tuple[float, ...]
) -> npt.NDArray[np.float32]:
    signed = np.zeros((len(labels), num_classes, *labels.shape[1:]), np.float32)
    plane = _is_plane(labels.shape[1:], ratios)
    for image, channels in zip(labels.astype(np.uint16), signed, strict=True):
        for c in range(1, num_classes):
            mask = image == c
            if not mask.any() or mask.all():
                continue
            if plane:
                _transform(mask.view(np.uint8) ^ 1, channels[c])
                box, depth = _depth_in_box(mask)
                depth -= 1
                channels[c][box] -= np.maximum(depth, 0, out=depth)
            else:
                # edt measures the distance to the nearest pixel of the other value, on both sides at once.
                distance = edt.edt(mask + np.uint8(1), anisotropy=ratios, black_border=False)
                channels[c] = np.where(mask, 1 - distance, distance)
    return signed


@_without_ipp()
def _compiled_depth(
    labels: npt.NDArray[np.int64], num_classes: int, ratios: tuple[float, ...]
) -> npt.NDArray[np.float32]:
    depth = np.zeros(labels.shape, np.float32)
    plane = _is_plane(labels.shape[1:], ratios)
    for image, out in zip(labels.astype(np.uint16), depth, strict=True):
        if image.min() == image.max():
            continue
        if plane:
            for c in range(num_classes):
                mask = image == c
                if mask.any():
                    box, inside = _depth_in_box(mask)
                    out[box] += inside
        else:
            # edt takes 0 for what is not to be measured.
            out[...] = edt.edt(image + np.uint16(1), anisotropy=ratios, black_border=False)
    return depth


def _depth_in_box(mask: npt.NDArray[np.bool_]) -> tuple[tuple[slice, slice], npt.NDArray[np.float32]]:
    """Return the bounding box of a mask (H, W) with one pixel around it, and the distances inside the mask there.

    The pixel nearest to one inside an object touches the object, so no more of the image is needed.
    """
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    box = np.s_[max(top - 1, 0) : top + height + 1, max(left - 1, 0) : left + width + 1]
    depth = np.empty(mask[box].shape, np.float32)
    _transform(np.ascontiguousarray(mask[box]).view(np.uint8), depth)
    return box, depth


def _transform(mask: npt.NDArray[np.uint8], out: npt.NDArray[np.float32]) -> None:
    """Fill ``out`` (H, W) with the distance of every pixel to the nearest 0 of ``mask``; in the plane OpenCV is faster
    than edt by a factor of 3."""
    cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE, dst=out)
