"""What volumes ask for: a spacing to bring them to, patches, and blocks where there is a single patient."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from seggrid.proposal.fingerprint import Fingerprint

#: Networks that halve a volume three times get sides that are multiples of this.
STRIDE = 8
#: Voxels of a patch, and of a volume, that a processor trains on in minutes.
_PATCH, _VOLUME = 1 << 17, 1 << 21
#: Spacings of an axis that differ by less than this are one.
_ALIKE = 1.05
_QUICK = "coarse enough that a processor trains on it in minutes"
#: Blocks of a single patient along an axis, and along the longest one.
_BLOCKS, _LONGEST = 2, 3


def block_grid(fingerprint: Fingerprint) -> tuple[int, int, int] | None:
    """Return into how many blocks the volumes of a single patient are to be cut; ``None`` where there are several."""
    if fingerprint.axes != 3 or len(fingerprint.groups) > 1:
        return None
    sides = fingerprint.median_shape
    longest = sides.index(max(sides))
    first, second, third = (_LONGEST if axis == longest else _BLOCKS for axis in range(3))
    return first, second, third


def volume_step(
    fingerprint: Fingerprint, blocks: Sequence[int] | None
) -> tuple[tuple[tuple[Any, str], ...], tuple[int, ...]]:
    """Return the step that brings volumes to one spacing, where they need one, and their median size after it.

    Large volumes get a coarser spacing, finest axes first, until about two million voxels are left. Where no spacing is
    known, large volumes are resized.

    Args:
        blocks: that each volume is cut into, per axis.
    """
    sides = np.array(fingerprint.median_shape) / np.array(blocks or (1, 1, 1))
    large = bool(np.prod(sides) > _VOLUME)
    if fingerprint.cases[0].spacing is None:
        if not large:
            return (), _whole(sides)
        scale = (_VOLUME / np.prod(sides)) ** (1 / 3)
        size = [max(STRIDE, STRIDE * round(side * scale / STRIDE)) for side in sides]
        return (({"resize": {"size": size, "keep_aspect": True}}, "no spacing is known; " + _QUICK),), tuple(size)
    own = np.array(fingerprint.median("spacing"))
    all_of_them = np.array([case.spacing for case in fingerprint.cases], np.float64)
    if not large and (all_of_them.max(0) < _ALIKE * all_of_them.min(0)).all():
        return (), _whole(sides)
    target = own
    while np.prod(sides * own / target) > _VOLUME:
        target = np.maximum(target, 1.02 * target.min())
    target = np.array([float(f"{side:.3g}") for side in target])
    why = f"mm: {_QUICK}" if large else "mm: one spacing for all, the median"
    return (({"resample": {"spacing": target.tolist()}}, why),), _whole(sides * own / target)


def _whole(sides: Iterable[float]) -> tuple[int, ...]:
    return tuple(max(1, round(float(side))) for side in sides)


def patch_size(size: Sequence[int]) -> tuple[int, ...]:
    """Return the sides of a patch: those of the median volume, the longest cut until there are few enough voxels."""
    sides = [STRIDE * math.ceil(side / STRIDE) for side in size]
    while math.prod(sides) > _PATCH:
        sides[sides.index(max(sides))] -= STRIDE
    return tuple(sides)
