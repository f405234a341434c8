"""The champion as a model of MLflow: images in, masks out, both at the original resolution.

MLflow copies this file into the model and runs it where the model is loaded: nothing is pickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import numpy.typing as npt
from mlflow.pyfunc import PythonModel, PythonModelContext

from seggrid.inference.device import choose_device
from seggrid.inference.model import CHAMPION, Model
from seggrid.inference.segmenter import Segmenter


class ServedModel(PythonModel):
    """Mean softmax of the champion's networks behind the preprocessing of its data set."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the networks from the artifacts of the model."""
        model = Model.read(Path(context.artifacts[CHAMPION]))
        self._axes = model.axes
        self._segmenter = Segmenter(model, choose_device("auto"))

    # Without annotations, which MLflow would read as a schema.
    def predict(self, model_input):  # type: ignore[no-untyped-def]
        """Return the masks ``(N, *S)`` of images ``(N, *S)`` or ``(N, *S, C)``; a list where the sizes differ.

        Values are those of the image files, of any number type. Colours are red, green, blue.

        Raises:
            UserError: an image has other axes or channels than those of the data set, or values that are not finite.
        """
        prepared = (self._segmenter.prepare(self._channels(image)) for image in model_input)
        masks = [self._segmenter.segment([image])[0] for image in prepared]
        return np.stack(masks) if len({mask.shape for mask in masks}) == 1 else masks

    def _channels(self, image: Any) -> npt.NDArray[np.float32]:
        """Bring an image, which may be nested lists of numbers, into the order ``(C, *S)``."""
        pixels = np.array(image.tolist() if isinstance(image, np.ndarray) else image, np.float32)
        return np.moveaxis(pixels, -1, 0) if pixels.ndim == self._axes + 1 else pixels[None]


mlflow.models.set_model(ServedModel())
