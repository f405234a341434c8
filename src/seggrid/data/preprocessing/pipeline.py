"""The ordered list of steps, applied to one case at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seggrid.catalogue import STEPS
from seggrid.config.preprocessing import Step
from seggrid.data.preprocessing.geometry import WHOLE, Place, Record
from seggrid.errors import UserError


@dataclass(frozen=True)
class _Stage:
    name: str
    act: Callable[..., Any]
    parameters: dict[str, Any]
    geometric: bool


class Pipeline:
    """Preprocessing steps in order; it can be sent to another process."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._stages = tuple(_stage(step) for step in steps)

    def __call__(
        self, image: npt.NDArray[Any], labels: npt.NDArray[np.uint8], place: Place = WHOLE
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], list[Record]]:
        """Return preprocessed image ``(C, *S)``, labels ``(*S)`` and what ``restore`` needs to go back.

        Args:
            place: what is known of the image besides its pixels.

        Raises:
            FlatError: a channel has one value at a step, or too few for it; names the step.
            UserError: a step does not suit this case, or a value is no longer finite; names the step.
        """
        result = image.astype(np.float32)
        geometry: list[Record] = []
        for stage in self._stages:
            try:
                if stage.geometric:
                    result, labels, records = stage.act(result, labels, place.after(geometry), **stage.parameters)
                    geometry += records
                else:
                    result = stage.act(result, **stage.parameters)
            except UserError as error:
                raise type(error)(f"preprocessing step {stage.name}: {error}") from error
            if not np.isfinite(result).all():
                raise UserError(f"preprocessing step {stage.name}: gives values that are not finite")
        return np.ascontiguousarray(result, np.float32), np.ascontiguousarray(labels), geometry


def _stage(step: Step) -> _Stage:
    row = STEPS[step.name]
    parameters = {name: parameter.default for name, parameter in row.parameters.items()} | step.parameters
    return _Stage(step.name, row.load(), parameters, row.geometric)
