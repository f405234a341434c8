"""From the pixels of an image to its mask: preprocessing, networks, and back to the resolution of the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from seggrid.data.preprocessing.geometry import Place, Record
from seggrid.data.preprocessing.pipeline import Pipeline
from seggrid.errors import UserError
from seggrid.inference.device import use_deterministic_kernels
from seggrid.inference.ensemble import load_predictors
from seggrid.inference.model import Model
from seggrid.inference.postprocessing import NO_SPACING, needs_spacing, postprocess
from seggrid.inference.predict import predict_masks

#: Images of two axes in a forward pass, by kind of device. A processor is no faster with more than one.
BATCH = {"cpu": 1, "cuda": 8}


@dataclass(frozen=True)
class Prepared:
    """A preprocessed image ``(C_in, *S)``, what was done to its shape, the shape that it had, and its mm per axis."""

    pixels: npt.NDArray[np.float32]
    geometry: Sequence[Record]
    shape: tuple[int, ...]
    spacing: Sequence[float] | None = None


class Segmenter:
    """A model on a device.

    A mask depends on its image only: kernels and threads are those of the training, and a forward pass always has
    the same number of images, filled up where there are fewer.

    Raises:
        UserError: weights are absent.
    """

    def __init__(self, model: Model, device: torch.device) -> None:
        self._axes, self._in_channels = model.axes, model.in_channels
        self._chains = model.postprocessing
        self.device = device
        self._pipeline = Pipeline(model.steps)
        #: For files that carry none, as in the data set.
        self._spacing = getattr(model.data.data, "spacing", None)
        #: Whether images without a spacing can not be segmented.
        self.needs_spacing = self._spacing is None and (
            needs_spacing(self._chains) or any("spacing" in step.settings for step in model.steps)
        )
        classes = len(model.class_names) + 1
        self._training = model.members[0][0].training
        self._use_kernels()
        self._members = load_predictors(model.members, model.weights, model.in_channels, classes, device)
        self.batch = BATCH[device.type] if model.axes == 2 else 1

    def _use_kernels(self) -> None:
        # At every call, for some of it belongs to the thread, and a server answers from several.
        use_deterministic_kernels(self._training.deterministic, self._training.threads)

    def prepare(self, image: npt.NDArray[Any], spacing: Sequence[float] | None = None) -> Prepared:
        """Preprocess an image ``(C, *S)`` of any size, with the values of its file.

        Args:
            spacing: mm per axis, where it is known.

        Raises:
            FlatError: a channel has one value, or too few for a step of the preprocessing.
            UserError: it has other axes or channels than those of the data set, values that are not finite, or no
                spacing where preprocessing or post-processing needs one.
        """
        if image.ndim != self._axes + 1 or not image.size:
            raise UserError(
                f"an image of {self._axes} axes is wanted; this one is {' x '.join(map(str, image.shape[1:]))}"
            )
        broken = image.dtype.kind == "f" and np.count_nonzero(~np.isfinite(image))
        if broken:
            raise UserError(f"{broken} pixels are NaN or infinite")
        shape = image.shape[1:]
        known = tuple(spacing) if spacing else self._spacing
        pixels, _, geometry = self._pipeline(image, np.zeros(shape, np.uint8), Place(known))
        if len(pixels) != self._in_channels:
            raise UserError(f"{len(image)} channels give {len(pixels)} after preprocessing, not {self._in_channels}")
        if known is None and needs_spacing(self._chains):
            raise UserError(NO_SPACING)
        return Prepared(pixels, geometry, shape, known)

    def segment(self, images: Sequence[Prepared]) -> list[npt.NDArray[np.uint8]]:
        """Return the masks ``(*S)`` of at most ``batch`` images whose preprocessed pixels have one size."""
        self._use_kernels()
        filled = [*images, *[images[-1]] * (self.batch - len(images))]
        stack = torch.from_numpy(np.stack([image.pixels for image in filled]))
        masks = predict_masks(
            self._members, stack, [image.geometry for image in images], [image.shape for image in images]
        )
        return [postprocess(mask, self._chains, image.spacing) for mask, image in zip(masks, images, strict=True)]
