"""Maps of the truth that losses read; the mixture computes them once a batch, on the augmented label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import cv2
import edt
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seggrid.losses.distance_transform import squared_distance

#: Largest image diagonal in pixels at which OpenCV's error on a squared distance stays far below one half.
PLANE_DIAGONAL = 800.0


def signed_distance(target: Tensor, num_classes: int, spacing: Sequence[float] | None = None) -> Tensor:
    """Return the level-set map of each object: d outside it, -(d-1) inside.

    Distances are Euclidean, between pixel centres, in units of the smallest spacing. What lies beyond the
    image frame is unknown and no boundary. An object without a boundary in the image, because it is absent
    or fills the image, gets 0 everywhere, and so does the background channel, which no loss reads.

    On the CPU every image is transformed in compiled code, one call an object; on any other device all images at
    once, without a copy to the host. Both are exact to 1e-4 up to distances of 1000 pixels, to 1e-6 of the distance
    beyond.

    Args:
        target: (N, *S) int64, two or three axes.
        num_classes: C, background included.
        spacing: one positive number per axis of S, in any unit; None where isotropic.

    Returns:
        (N, C, *S) float32 on the target's device.

    Raises:
        ValueError: the spacing has another number of axes.

    Source: Kervadec et al. 2019, eq 5, with the inner -1 of its public code, which puts 0 on the object's
        rim.
    """
    ratios = _ratios(spacing, target.ndim - 1)
    with torch.no_grad():
        if target.device.type == "cpu":
            return torch.from_numpy(_signed_distance_compiled(target.numpy(), num_classes, ratios))
        return signed_distance_on_device(target, num_classes, ratios)


MAPS: dict[str, Callable[[Tensor, int, Sequence[float] | None], Tensor]] = {"signed_distance": signed_distance}


def compute(
    names: Iterable[str], target: Tensor, num_classes: int, spacing: Sequence[float] | None = None
) -> dict[str, Tensor]:
    """Return the named maps of the truth, each (N, C, *S)."""
    return {name: MAPS[name](target, num_classes, spacing) for name in names}


def signed_distance_on_device(target: Tensor, num_classes: int, ratios: Sequence[float]) -> Tensor:
    """Compute ``signed_distance`` in torch, on any device, for spacings ``ratios`` whose smallest is 1."""
    classes = torch.arange(1, num_classes, device=target.device).view(-1, *(1 for _ in ratios))
    inside = target.unsqueeze(1) == classes
    outer = squared_distance(inside, ratios).sqrt_()
    inner = squared_distance(~inside, ratios).sqrt_()
    signed = torch.where(inside, 1 - inner, outer)
    signed = torch.where(signed.isfinite(), signed, torch.zeros_like(signed))
    return torch.cat([torch.zeros_like(signed[:, :1]), signed], dim=1)


def _ratios(spacing: Sequence[float] | None, axes: int) -> tuple[float, ...]:
    if spacing is None:
        return (1.0,) * axes
    if len(spacing) != axes or min(spacing) <= 0:
        raise ValueError(f"spacing {tuple(spacing)} should be {axes} positive numbers, one per axis")
    return tuple(float(side) / float(min(spacing)) for side in spacing)


def _signed_distance_compiled(
    target: npt.NDArray[np.int64], num_classes: int, ratios: tuple[float, ...]
) -> npt.NDArray[np.float32]:
    maps = np.zeros((len(target), num_classes, *target.shape[1:]), np.float32)
    plane = len(ratios) == 2 and set(ratios) == {1.0} and float(np.hypot(*target.shape[1:])) <= PLANE_DIAGONAL
    for label, channels in zip(target.astype(np.uint16), maps, strict=True):
        for c in range(1, num_classes):
            mask = label == c
            if mask.any() and not mask.all():
                if plane:
                    _fill_plane(mask.view(np.uint8), channels[c])
                else:
                    # edt measures the distance to the nearest pixel of the other value, on both sides at
                    # once.
                    distance = edt.edt(mask + np.uint8(1), anisotropy=ratios, black_border=False)
                    np.subtract(1, distance, out=channels[c], where=mask)
                    np.copyto(channels[c], distance, where=~mask)
    return maps


def _fill_plane(mask: npt.NDArray[np.uint8], out: npt.NDArray[np.float32]) -> None:
    """Fill ``out`` (H, W) with the signed distance of an isotropic mask that is neither empty nor full.

    OpenCV's exact transform is twice as fast as edt in the plane, but its last bits depend on where its memory lies:
    squares of distances between pixels are whole numbers, so rounding them makes it exact. The pixel nearest to one
    inside the object touches the object, so the inside needs the object's bounding box and one pixel around it only.
    """
    cv2.distanceTransform(mask ^ 1, cv2.DIST_L2, cv2.DIST_MASK_PRECISE, dst=out)
    _round_squares(out)
    left, top, width, height = cv2.boundingRect(mask)
    box = np.s_[max(top - 1, 0) : top + height + 1, max(left - 1, 0) : left + width + 1]
    inside = np.ascontiguousarray(mask[box])
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    _round_squares(distance)
    np.subtract(1, distance, out=out[box], where=inside.view(np.bool_))


def _round_squares(distance: npt.NDArray[np.float32]) -> None:
    np.square(distance, out=distance)
    np.rint(distance, out=distance)
    np.sqrt(distance, out=distance)
