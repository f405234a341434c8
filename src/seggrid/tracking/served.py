"""The champion as a model of MLflow: images in, masks out, both at the original resolution.

MLflow copies this file into the model and runs it where the model is loaded: nothing is pickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import numpy.typing as npt
from mlflow.pyfunc import PythonModel, PythonModelContext

from seggrid.errors import UserError
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
    def predict(self, model_input, params=None):  # type: ignore[no-untyped-def]
        """Return the masks ``(N, *S)`` of images ``(N, *S)`` or ``(N, *S, C)``; a list where the sizes differ.

        Values are those of the image files, of any number type. Colours are red, green, blue. The axes of volumes are
        slices, rows and columns, towards head, back and left of the patient.

        Args:
            params: ``spacing``, in mm per axis of all images; none: as in ``data.spacing``, where that is set.

        Raises:
            UserError: an image has other axes or channels than those of the data set, or values that are not finite;
                or the spacing is missing where it is needed, or no positive number per axis.
        """
        spacing = self._spacing((params or {}).get("spacing", ()))
        prepared = (self._segmenter.prepare(self._channels(image), spacing) for image in model_input)
        masks = [self._segmenter.segment([image])[0] for image in prepared]
        return np.stack(masks) if len({mask.shape for mask in masks}) == 1 else masks

    def _spacing(self, given: Sequence[Any]) -> tuple[float, ...] | None:
        if not len(given) and self._segmenter.needs_spacing:
            raise UserError("this model needs the spacing of the images; give params={'spacing': [...]}, mm per axis")
        numbers = [side for side in given if isinstance(side, int | float) and 0 < side < np.inf]
        if len(given) and (len(numbers) != len(given) or len(given) != self._axes):
            raise UserError(f"spacing: {list(given)} should be {self._axes} positive numbers, the mm per axis")
        return tuple(map(float, numbers)) or None

    def _channels(self, image: Any) -> npt.NDArray[np.float32]:
        """Bring an image, which may be nested lists of numbers, into the order ``(C, *S)``."""
        pixels = np.array(image.tolist() if isinstance(image, np.ndarray) else image, np.float32)
        return np.moveaxis(pixels, -1, 0) if pixels.ndim == self._axes + 1 else pixels[None]


mlflow.models.set_model(ServedModel())
