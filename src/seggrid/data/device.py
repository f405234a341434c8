"""The training images where the network is: no worker processes, one gather a batch.

The preprocessed set is copied to the device once where it fits; else batches are read from the memory-mapped
store. Images of any shape are drawn whole or as random patches.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import psutil
import torch
from torch import Tensor

from seggrid.config.training import PatchSampling
from seggrid.data.patches import PatchSampler
from seggrid.data.store import Store

#: Share of the free memory that the resident set may take; on a processor the jobs beside it take theirs.
RESIDENT_SHARE = 0.4
_ANYWHERE = PatchSampling()
_Pixels = npt.NDArray[np.float32] | npt.NDArray[np.uint8] | Tensor


def free_memory(device: torch.device) -> int:
    """Bytes that are free on the device; of a processor's memory, the share of this process's threads."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    share = min(torch.get_num_threads() / (psutil.cpu_count() or 1), 1.0)
    return int(psutil.virtual_memory().available * share)


class DeviceStore:
    """Some cases of a store, ready to be drawn as batches.

    Args:
        cases: indices into the store.
        device: where batches are delivered.
        patch_size: size of random patches; ``None`` draws whole images, padded to the largest of the batch.
        sampling: where patches lie.
        spacing: ratio of the pixels' sides; ``None`` where they are square.
        budget: bytes that the resident set may take; default: a share of the free memory.
    """

    def __init__(
        self,
        store: Store,
        cases: Sequence[int],
        device: torch.device,
        patch_size: Sequence[int] | None = None,
        sampling: PatchSampling = _ANYWHERE,
        spacing: Sequence[float] | None = None,
        budget: float | None = None,
    ) -> None:
        self.device = device
        self._store, self._cases = store, tuple(cases)
        places = (sampling, len(self._cases), self._labels, spacing)
        self._patches = PatchSampler(patch_size, *places) if patch_size else None
        self._floors: dict[int, Tensor] = {}
        shapes = {(store.image(case).shape, store.labels(case).shape) for case in cases}
        self.uniform = len(shapes) == 1
        """Whether all images have one shape, so that batches need no padding."""
        size = sum(store.image(case).nbytes + store.labels(case).nbytes for case in cases)
        self.resident = size <= (RESIDENT_SHARE * free_memory(device) if budget is None else budget)
        whole = self.uniform and not self._patches
        self._stacked = self._load_stacked() if self.resident and whole else ()
        self._pairs = [self._load(case) for case in cases] if self.resident and not whole else []

    def _read(self, case: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        return self._store.image(case), self._store.labels(case)

    def _load(self, case: int) -> tuple[Tensor, Tensor]:
        image, label = _pair(*self._read(case))
        return image.to(self.device), label.to(self.device)

    def _load_stacked(self) -> tuple[Tensor, ...]:
        """All images in one tensor and all labels in another, filled in place: together they are held once."""
        first = self._load(self._cases[0])
        stacked = tuple(part.new_empty((len(self._cases), *part.shape)) for part in first)
        for place, case in enumerate(self._cases):
            for parts, part in zip(stacked, self._load(case), strict=True):
                parts[place] = part
        return stacked

    def _patch(
        self,
        patches: PatchSampler,
        position: int,
        image: _Pixels,
        label: _Pixels,
        generator: torch.Generator | None,
    ) -> tuple[Tensor, Tensor]:
        """Cut out a random patch, padded to its size."""
        corner, size = patches.corner(position, label.shape, generator), patches.size
        part, labels = _pair(image[(slice(None), *corner)], label[corner])
        if labels.shape == size:
            return part, labels
        if position not in self._floors:
            self._floors[position] = darkest(_tensor(image), len(size))
        return pad_to(part, size, self._floors[position]), pad_to(labels, size, 0)

    def _labels(self, position: int) -> npt.NDArray[np.uint8]:
        return self._store.labels(self._cases[position])

    def __len__(self) -> int:
        return len(self._cases)

    def batch(self, positions: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Return images ``(N, C, *S)`` float32 and labels ``(N, *S)`` uint8 on the device.

        Args:
            positions: ``(N,)`` int64 on the CPU, into the cases that this was made with.
            generator: draws the corners of patches.
        """
        if self._stacked:
            chosen = positions.to(self.device, non_blocking=True)
            images, labels = (part.index_select(0, chosen) for part in self._stacked)
            return images, labels
        pairs = []
        for position in positions.tolist():
            image, label = self._pairs[position] if self._pairs else self._read(self._cases[position])
            if self._patches:
                pairs.append(self._patch(self._patches, position, image, label, generator))
            else:
                pairs.append(_pair(image, label))
        largest = tuple(max(sides) for sides in zip(*(label.shape for _, label in pairs), strict=True))
        images = torch.stack([_pad_image(image, largest) for image, _ in pairs])
        labels = torch.stack([pad_to(label, largest, 0) for _, label in pairs])
        return images.to(self.device, non_blocking=True), labels.to(self.device, non_blocking=True)


def _tensor(array: _Pixels) -> Tensor:
    # The store's arrays are read-only maps of its files: they are copied, tensors are not.
    return array if isinstance(array, Tensor) else torch.from_numpy(np.array(array))


def _pair(image: _Pixels, label: _Pixels) -> tuple[Tensor, Tensor]:
    return _tensor(image), _tensor(label)


def _pad_image(image: Tensor, size: Sequence[int]) -> Tensor:
    return image if tuple(image.shape[1:]) == tuple(size) else pad_to(image, size, darkest(image, len(size)))


def darkest(images: Tensor, axes: int) -> Tensor:
    """Return the lowest value of each channel over the trailing ``axes``, with which images are padded: air."""
    return images.amin(dim=tuple(range(-axes, 0)), keepdim=True)


def pad_to(tensor: Tensor, size: Sequence[int], value: float | Tensor) -> Tensor:
    """Pad the trailing axes to ``size``, at their ends.

    Args:
        value: what to pad with, a number, or one for each leading index that broadcasts with ``tensor``.
    """
    sides = tensor.shape[-len(size) :]
    if tuple(sides) == tuple(size):
        return tensor
    padded = tensor.new_empty((*tensor.shape[: -len(size)], *size))
    padded[:] = value
    inside = padded
    for axis, side in enumerate(sides, start=padded.ndim - len(size)):
        inside = inside.narrow(axis, 0, side)
    inside.copy_(tensor)
    return padded
