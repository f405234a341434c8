"""The classical baseline: right where intensity says it all, and trained like any network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seggrid.config import Network
from seggrid.networks import build_network

THREE = Network.model_validate({"architecture": "MultilevelThreshold", "parameters": {"levels": 3}})


def stepped(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Two images ``(2, 1, *S)`` of three clear levels, of other scales, and the masks that go by them."""
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 3, (2, *shape))
    images = np.array([0.0, 1.0, 2.5])[masks] + rng.normal(0.0, 0.08, masks.shape)
    images[1] = 40.0 * images[1] - 7.0
    return torch.tensor(images[:, None], dtype=torch.float32), torch.tensor(masks)


def trained(images: Tensor, masks: Tensor) -> torch.nn.Module:
    network = build_network(THREE, 1, 3)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        F.cross_entropy(network(images), masks).backward()
        optimiser.step()
    return network


@pytest.mark.parametrize("shape", [(24, 31), (5, 14, 13)])
def test_it_finds_what_the_intensity_shows(shape: tuple[int, ...]) -> None:
    images, masks = stepped(shape)
    network = trained(images, masks)
    # Otsu's thresholds are middles of histogram bins: a pixel at the brink may fall to the other side.
    assert (network(images).argmax(1) == masks).float().mean() > 0.995
    fresh, truth = stepped((shape[0] + 3, *shape[1:]))
    assert (network(fresh * 3.0 + 1.0).argmax(1) == truth).float().mean() > 0.995


@pytest.mark.parametrize("values", [[1.0], [1.0, 2.0], [0.0, 1e-3, 10.0], [0.0, 1e-3, 2e-3, 10.0]])
def test_an_image_with_little_to_part_has_fewer_levels(values: list[float]) -> None:
    """One bright pixel on faint noise leaves two of the 256 bins of its histogram that are not empty."""
    images = torch.zeros(1, 1, 8, 8) + values[0]
    images.view(-1)[: len(values)] = torch.tensor(values)
    network = build_network(THREE, 1, 3)
    network.body.table.data = torch.eye(3)
    levels = network(images).argmax(1).view(-1)
    assert levels[len(values) - 1] == min(len(values), 2) - 1
    assert levels.max() < 3
    assert levels[len(values) :].max() == 0


def test_only_the_table_is_trained_and_each_level_gets_its_gradient() -> None:
    images, masks = stepped((20, 20))
    network = build_network(THREE, 1, 3)
    assert [p.shape for p in network.parameters()] == [(3, 3)]
    F.cross_entropy(network(images), masks).backward()
    gradient = next(network.parameters()).grad
    assert gradient is not None
    assert (gradient.diagonal() < 0.0).all(), "each level is drawn to its own class"
    assert (gradient - torch.diag(gradient.diagonal()) >= 0.0).all()


def test_it_reads_the_first_channel_only_and_each_image_on_its_own() -> None:
    images, masks = stepped((20, 20))
    network = trained(images, masks)
    wide = build_network(THREE, 2, 3)
    wide.load_state_dict(network.state_dict())
    both = torch.cat([images, torch.randn_like(images)], 1)
    assert torch.equal(wide(both), network(images))
    assert torch.equal(network(images[1:]), network(images)[1:])


def test_training_again_gives_the_same_table() -> None:
    images, masks = stepped((20, 20))
    first, again = (next(trained(images, masks).parameters()) for _ in range(2))
    assert torch.equal(first, again)


def test_an_image_of_few_values_is_no_error() -> None:
    flat = torch.zeros(2, 1, 8, 8)
    flat[1, 0, :4] = 1.0
    logits = trained(*stepped((20, 20)))(flat)
    assert logits.isfinite().all()
    assert torch.equal(logits.argmax(1)[0], torch.zeros(8, 8, dtype=torch.long))
    assert torch.equal(logits.argmax(1)[1, :4], torch.ones(4, 8, dtype=torch.long))
