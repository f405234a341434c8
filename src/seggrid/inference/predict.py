"""Prediction of whole images and volumes, mapped back to the original resolution."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor

from seggrid.data.preprocessing.geometry import Record
from seggrid.data.preprocessing.restore import restore_labels
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.inference.windows import predict_in_windows
from seggrid.networks import build_network, compute_logits, place
from seggrid.specification import RunSpec


class Predicts(Protocol):
    """What turns preprocessed images ``(N, C_in, *S)`` into values of every class ``(N, C, *S)``."""

    def probabilities(self, images: Tensor) -> Tensor: ...


class Predictor:
    """A trained network that turns preprocessed images into class probabilities.

    Args:
        weights: the run's ``model.safetensors``.
        num_classes: objects plus background.

    Raises:
        UserError: the weights are absent.
    """

    def __init__(self, spec: RunSpec, weights: Path, in_channels: int, num_classes: int, device: torch.device) -> None:
        if not weights.is_file():
            raise UserError(f"{weights}: no such file; run `seggrid train {spec.run_id}` first")
        # The weights that training began with are replaced at once: none are fetched here.
        random = spec.network.model_copy(update={"encoder_weights": None})
        network = build_network(random, in_channels, num_classes, spec.training.patch_size)
        network.load_state_dict(load_file(weights))
        self.device = device
        self._training = spec.training
        self._network = place(network, device, spec.training.channels_last).eval()

    @torch.inference_mode()
    def probabilities(self, images: Tensor) -> Tensor:
        """Return float32 probabilities ``(N, C, *S)`` of images ``(N, C_in, *S)``."""
        settings = self._training

        def predict(part: Tensor) -> Tensor:
            return compute_logits(self._network, part, settings.precision, settings.channels_last)

        given = images.to(self.device)
        return predict_in_windows(predict, given, settings.patch_size, settings.window_overlap).softmax(1)


def predict_masks(
    predictors: Sequence[Predicts],
    images: Tensor,
    geometries: Sequence[Sequence[Record]],
    original_shapes: Sequence[Sequence[int]],
) -> list[npt.NDArray[np.uint8]]:
    """Return the masks ``(*S0)`` of preprocessed images ``(N, C_in, *S)``, each at its original resolution.

    Probabilities, not labels, are mapped back, so that borders are as fine as the image; several predictors are
    averaged.

    Args:
        geometries: what preprocessing did to the shape of each image; images beyond them only fill the batch.
    """
    means = _mean_probabilities(predictors, images)
    return [
        restore_labels(mean, geometry, shape).cpu().numpy()
        for mean, geometry, shape in zip(means[: len(geometries)], geometries, original_shapes, strict=True)
    ]


@torch.inference_mode()
def _mean_probabilities(predictors: Sequence[Predicts], images: Tensor) -> Tensor:
    """The mean over the predictors, of which one's are held at a time beside the sum."""
    total = predictors[0].probabilities(images)
    for predictor in predictors[1:]:
        total = total + predictor.probabilities(images)
    return total if len(predictors) == 1 else total / len(predictors)


def predict_case(predictors: Sequence[Predicts], store: Store, case: int) -> npt.NDArray[np.uint8]:
    """Return the mask ``(*S0)`` of one case of a data set at its original resolution."""
    entry = store.cases[case]
    image = torch.from_numpy(np.array(store.image(case)))
    return predict_masks(predictors, image[None], [entry.geometry], [entry.original_shape])[0]
