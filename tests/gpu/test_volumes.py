"""Volumes on a GPU: a step of every architecture under deterministic kernels, windows and the way back."""

from __future__ import annotations

import pytest
import torch

from seggrid.catalogue import ARCHITECTURES
from seggrid.config import Network
from seggrid.config.training import Augmentation
from seggrid.data.augmentation import Augmenter
from seggrid.data.preprocessing.restore import restore_labels
from seggrid.inference.windows import predict_in_windows
from seggrid.networks import build_network, compute_outputs, place
from tests.gpu.device import CUDA, deterministic, without_waiting
from tests.unit.networks.test_volumes import SMALL

PATCH = (16, 48, 16)


@pytest.mark.parametrize("architecture", [name for name, row in ARCHITECTURES.items() if 3 in row.axes])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_step_gives_the_same_gradient_twice(architecture: str, precision: str) -> None:
    given = Network.model_validate({"architecture": architecture, "parameters": SMALL.get(architecture, {})})
    images = torch.randn(2, 1, *PATCH, generator=torch.Generator().manual_seed(0)).to(CUDA)

    def gradients() -> list[torch.Tensor]:
        torch.manual_seed(0)
        network = place(build_network(given, 1, 3, PATCH), CUDA, True)
        outputs = compute_outputs(network, images, precision, True)
        sum(output.square().mean() for output in (outputs.logits, *outputs.auxiliary.values())).backward()
        return [p.grad for p in network.parameters() if p.grad is not None]

    with deterministic():
        first, second = gradients(), gradients()
    assert first
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_augmentation_windows_and_restored_labels_run_under_deterministic_kernels() -> None:
    generator, noise = torch.Generator().manual_seed(0), torch.Generator(CUDA).manual_seed(0)
    images = torch.randn(1, 2, 20, 50, 20, device=CUDA)
    with deterministic(), torch.no_grad():
        masks = torch.zeros_like(images[:, 0]).byte()
        with without_waiting():
            moved, labels = Augmenter(Augmentation(), generator, noise)(images, masks)
        logits = predict_in_windows(lambda part: part.clone(), moved, PATCH, 0.5)
        torch.testing.assert_close(logits, moved)
        geometry = [{"op": "resize", "shape": [30, 60, 30], "size": [20, 50, 20]}]
        found = restore_labels(logits[0], geometry, (30, 60, 30))
        expected = restore_labels(logits[0].cpu(), geometry, (30, 60, 30))
    assert labels.shape == (1, 20, 50, 20)
    assert (found.cpu() != expected).float().mean() < 1e-3
