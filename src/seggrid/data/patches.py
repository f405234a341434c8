"""Where random patches lie in an image: anywhere, on an object, or where two objects are near each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from seggrid.config.training import PatchSampling

#: Places that are kept of an object, or of the interfaces of an image: spread over all of it, and few enough that
#: even a large data set's fit into memory.
PLACES = 4096
_Places = npt.NDArray[np.int32]


class PatchSampler:
    """Draws the corners of patches.

    Args:
        size: of a patch.
        settings: what is drawn more often than it occurs.
        cases: number of images.
        read: the labels ``(*S)`` of an image; called once for each where its places are needed.
        spacing: ratio of the pixels' sides; ``None`` where they are square.
    """

    def __init__(
        self,
        size: Sequence[int],
        settings: PatchSampling,
        cases: int,
        read: Callable[[int], npt.NDArray[np.uint8]],
        spacing: Sequence[float] | None = None,
    ) -> None:
        self.size = tuple(size)
        self._settings = settings
        steps = spacing or (1.0,) * len(self.size)
        self._reach = [int(settings.interface_reach * min(steps) / step + 1e-6) for step in steps]
        favoured = settings.foreground > 0 or settings.interface > 0
        self._places = [self._find(read(case)) for case in range(cases)] if favoured else []

    def _find(self, labels: npt.NDArray[np.uint8]) -> tuple[list[_Places], _Places]:
        settings = self._settings
        objects = places_of_objects(labels) if settings.foreground else []
        interface = (
            places_of_interfaces(labels, self._reach) if settings.interface else np.empty((0, labels.ndim), np.int32)
        )
        return objects, interface

    def corner(self, case: int, shape: Sequence[int], generator: torch.Generator | None) -> tuple[slice, ...]:
        """Draw where a patch lies in an image of ``shape``; an axis that is too short is taken whole."""
        centre = self._centre(case, generator) if self._places else None
        if centre is None:
            starts = [
                int(torch.randint(side - length + 1, (1,), generator=generator)) if side > length else 0
                for side, length in zip(shape, self.size, strict=True)
            ]
        else:
            starts = [
                min(max(place - length // 2, 0), max(side - length, 0))
                for place, side, length in zip(centre, shape, self.size, strict=True)
            ]
        return tuple(slice(start, start + length) for start, length in zip(starts, self.size, strict=True))

    def _centre(self, case: int, generator: torch.Generator | None) -> list[int] | None:
        """Draw the centre of a patch, or nothing where the patch may lie anywhere."""
        objects, interface = self._places[case]
        chance = float(torch.rand(1, generator=generator))
        if chance < self._settings.interface:
            places = interface
        elif chance < self._settings.interface + self._settings.foreground and objects:
            places = objects[int(torch.randint(len(objects), (1,), generator=generator))]
        else:
            return None
        if not len(places):
            return None
        return [int(place) for place in places[int(torch.randint(len(places), (1,), generator=generator))]]


def places_of_objects(labels: npt.NDArray[np.uint8]) -> list[_Places]:
    """Return pixels ``(n, axes)`` of each object that is there, at most ``PLACES`` of each, evenly spread."""
    return [_spread(np.flatnonzero(labels == label), labels.shape) for label in np.unique(labels) if label]


def places_of_interfaces(labels: npt.NDArray[np.uint8], reach: Sequence[int]) -> _Places:
    """Return pixels ``(n, axes)`` with two objects within ``reach`` of each axis, at most ``PLACES``, evenly spread."""
    near = np.zeros(labels.shape, np.uint8)
    window = [2 * steps + 1 for steps in reach]
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        wide = tuple(slice(max(side.start - r, 0), side.stop + r) for side, r in zip(box, reach, strict=True))
        near[wide] += ndimage.maximum_filter((labels[wide] == label).view(np.uint8), window, mode="constant")
    return _spread(np.flatnonzero(near > 1), labels.shape)


def _spread(flat: npt.NDArray[np.intp], shape: tuple[int, ...]) -> _Places:
    if len(flat) > PLACES:
        flat = flat[np.linspace(0, len(flat) - 1, PLACES).astype(np.intp)]
    return np.stack(np.unravel_index(flat, shape), 1).astype(np.int32)
