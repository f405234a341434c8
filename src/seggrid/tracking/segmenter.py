"""The champion as an MLflow model: images in, masks out, both at the original resolution.

MLflow imports this module and calls ``_load_pyfunc``: the model is this code and its weights, nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from seggrid.config.preprocessing import Step
from seggrid.data.preprocessing.pipeline import Pipeline
from seggrid.errors import UserError
from seggrid.inference.device import choose_device
from seggrid.inference.predict import Predictor, predict_mask
from seggrid.records import read_json
from seggrid.specification import RunSpec


class Segmenter:
    """Mean softmax of the champion's networks behind the preprocessing of its data set.

    Args:
        folder: holds ``model.json`` (members, class names, channels, axes), ``data.json`` (the data set's
            specification), and per member ``<run_id>/spec.json`` and ``<run_id>/model.safetensors``.
    """

    def __init__(self, folder: Path) -> None:
        model, data = read_json(folder / "model.json"), read_json(folder / "data.json")
        self._axes, self._in_channels = int(model["axes"]), int(model["in_channels"])
        self._pipeline = Pipeline([Step.model_validate(step) for step in data["preprocessing"]])
        classes, device = len(model["class_names"]) + 1, choose_device("auto")
        self._members = [
            Predictor(
                RunSpec.model_validate(read_json(folder / run_id / "spec.json")),
                folder / run_id / "model.safetensors",
                self._in_channels,
                classes,
                device,
            )
            for run_id in model["members"]
        ]

    def predict(self, images: Iterable[npt.ArrayLike]) -> npt.NDArray[np.uint8]:
        """Return the masks ``(N, *S)`` of images ``(N, *S)`` or ``(N, *S, C)`` of any size and number type.

        Values are those of the image files: preprocessing is part of the model. Colours are red, green, blue.

        Raises:
            UserError: the images have another number of axes or channels than those of the data set.
        """
        return np.stack([self._segment(np.asarray(image, np.float32)) for image in images])

    def _segment(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        if image.ndim not in (self._axes, self._axes + 1):
            raise UserError(
                f"images of {self._axes} axes are wanted, with or without channels; got shape {image.shape}"
            )
        channels = image[None] if image.ndim == self._axes else np.moveaxis(image, -1, 0)
        shape = channels.shape[1:]
        prepared, _, geometry = self._pipeline(channels, np.zeros(shape, np.uint8))
        if len(prepared) != self._in_channels:
            raise UserError(f"images of shape {image.shape} give {len(prepared)} channels, not {self._in_channels}")
        return predict_mask(self._members, torch.from_numpy(prepared), geometry, shape)


def _load_pyfunc(path: str) -> Segmenter:
    return Segmenter(Path(path))
