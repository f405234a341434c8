"""Windows: volumes of any size, seamless where the network sees enough."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from seggrid.inference.windows import predict_in_windows


def recorded(sizes: list[tuple[int, ...]]) -> Callable[[Tensor], Tensor]:
    def copy(images: Tensor) -> Tensor:
        sizes.append(tuple(images.shape[2:]))
        return images.clone()

    return copy


@pytest.mark.parametrize("shape", [(9, 9, 9), (20, 8, 8), (5, 30, 11), (1, 17, 3), (8, 8, 8)])
def test_the_identity_comes_back_in_the_size_of_the_image(shape: tuple[int, ...]) -> None:
    sizes: list[tuple[int, ...]] = []
    image = torch.randn(2, 3, *shape)
    found = predict_in_windows(recorded(sizes), image, (8, 8, 8), 0.5)
    torch.testing.assert_close(found, image)
    assert set(sizes) == {(8, 8, 8)}, "the network is shown patches only"


def test_what_a_window_sees_less_of_counts_less() -> None:
    """A network that knows where a voxel lies in its window: the seams of an even average would show in full."""

    def from_centre(images: Tensor) -> Tensor:
        ramp = (torch.arange(images.shape[-1]) - (images.shape[-1] - 1) / 2).abs()
        return ramp.expand_as(images).clone()

    found = predict_in_windows(from_centre, torch.zeros(1, 1, 8, 8, 24), (8, 8, 8), 0.5)[0, 0, 4, 4]
    assert found[4:20].max() < 1.9, "an even average is 2 everywhere"


def test_images_of_two_axes_and_volumes_without_patches_are_taken_whole() -> None:
    sizes: list[tuple[int, ...]] = []
    network = recorded(sizes)
    predict_in_windows(network, torch.zeros(1, 1, 30, 40), (8, 8), 0.5)
    predict_in_windows(network, torch.zeros(1, 1, 30, 40, 5), None, 0.5)
    assert sizes == [(30, 40), (30, 40, 5)]


def test_a_small_volume_is_padded_with_its_darkest_value() -> None:
    seen: list[Tensor] = []

    def look(images: Tensor) -> Tensor:
        seen.append(images)
        return images

    image = torch.stack([torch.full((3, 3, 3), -7.0), torch.full((3, 3, 3), 1.0)])[None]
    predict_in_windows(look, image, (8, 8, 8), 0.5)
    assert seen[0][0, 0].unique().tolist() == [-7]
    assert seen[0][0, 1].unique().tolist() == [1], "each channel has its own"
