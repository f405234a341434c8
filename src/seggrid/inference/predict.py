"""Whole-image prediction, mapped back to the original resolution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor

from seggrid.data.preprocessing.restore import restore
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.networks import build_network, compute_logits, place
from seggrid.paths import RunFolder
from seggrid.plan import RunSpec


class Predictor:
    """A trained run that turns preprocessed images into class probabilities.

    Raises:
        UserError: the run has no weights.
    """

    def __init__(self, spec: RunSpec, in_channels: int, num_classes: int, device: torch.device) -> None:
        path = RunFolder(spec.run_id).model
        if not path.is_file():
            raise UserError(f"{path}: no such file; run `seggrid train {spec.run_id}` first")
        # The weights that training began with are replaced at once: none are fetched here.
        network = build_network(spec.network.model_copy(update={"encoder_weights": None}), in_channels, num_classes)
        network.load_state_dict(load_file(path))
        self.device = device
        self._training = spec.training
        self._network = place(network, device, spec.training.channels_last).eval()

    @torch.inference_mode()
    def probabilities(self, images: Tensor) -> Tensor:
        """Return float32 probabilities ``(N, C, *S)`` of images ``(N, C_in, *S)``."""
        settings = self._training
        return compute_logits(
            self._network, images.to(self.device), settings.precision, settings.channels_last
        ).softmax(1)


def predict_case(predictors: Sequence[Predictor], store: Store, case: int) -> npt.NDArray[np.uint8]:
    """Return the mask ``(*S)`` of one case at its original resolution.

    Probabilities, not labels, are mapped back, so that borders are as fine as the image; several predictors are
    averaged.
    """
    image = torch.from_numpy(np.array(store.image(case)))[None]
    mean = torch.stack([predictor.probabilities(image)[0] for predictor in predictors]).mean(0)
    entry = store.cases[case]
    return restore(mean, entry.geometry, entry.original_shape).argmax(0).to(torch.uint8).cpu().numpy()
