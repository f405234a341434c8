"""The device store: resident or mapped, uniform or ragged, whole or in patches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seggrid.data.device import DeviceStore

CPU = torch.device("cpu")


class FakeStore:
    """Cases of given shapes whose pixels are the number of the case."""

    def __init__(self, shapes: list[tuple[int, ...]]) -> None:
        self._shapes = shapes

    def image(self, case: int) -> np.ndarray:
        image = np.full((2, *self._shapes[case]), float(case + 1), np.float32)
        image[0, 0], image[1, 0] = -1, -3
        image.flags.writeable = False
        return image

    def labels(self, case: int) -> np.ndarray:
        return np.full(self._shapes[case], case + 1, np.uint8)


def make(shapes: list[tuple[int, ...]], **options: object) -> DeviceStore:
    return DeviceStore(FakeStore(shapes), range(len(shapes)), CPU, **options)


@pytest.mark.parametrize("budget", [0.0, 1e9])
def test_a_batch_is_the_chosen_cases(budget: float) -> None:
    store = make([(4, 6)] * 3, budget=budget)
    assert store.resident == (budget > 0)
    images, labels = store.batch(torch.tensor([2, 0, 2]))
    assert images.shape == (3, 2, 4, 6)
    assert images.dtype == torch.float32
    assert labels[:, 1, 1].tolist() == [3, 1, 3]
    assert images[:, 0, 1, 1].tolist() == [3, 1, 3]


def test_the_mapped_path_gives_the_resident_bits() -> None:
    shapes = [(4, 6), (8, 3), (5, 5)]
    positions = torch.tensor([1, 0, 2])
    for patch in (None, (4, 4)):
        batches = [
            make(shapes, budget=budget, patch_size=patch).batch(positions, torch.Generator().manual_seed(0))
            for budget in (0.0, 1e9)
        ]
        assert all(torch.equal(a, b) for a, b in zip(*batches, strict=True))


def test_ragged_images_are_padded_with_air_and_background() -> None:
    store = make([(4, 6), (8, 3)])
    assert not store.uniform
    images, labels = store.batch(torch.tensor([0, 1]))
    assert images.shape == (2, 2, 8, 6)
    assert labels[0, 4:].unique().tolist() == [0]
    assert images[0, 0, 4:].unique().tolist() == [-1], "each channel has an air of its own"
    assert images[0, 1, 4:].unique().tolist() == [-3]
    assert labels[1, :, 3:].unique().tolist() == [0]


def test_patches_have_their_size_and_lie_inside() -> None:
    store = make([(20, 30), (6, 40)], patch_size=(8, 8))
    images, labels = store.batch(torch.tensor([0, 1, 0, 1]), torch.Generator().manual_seed(1))
    assert images.shape == (4, 2, 8, 8)
    assert labels[0].unique().tolist() == [1]
    assert sorted(labels[1].unique().tolist()) == [0, 2], "an image smaller than the patch is padded"


def test_patches_are_drawn_from_everywhere() -> None:
    store = make([(20, 30)], patch_size=(8, 8))
    generator = torch.Generator().manual_seed(0)
    top_rows = [bool((store.batch(torch.tensor([0]), generator)[0][0, 0, 0] == -1).all()) for _ in range(200)]
    assert 3 <= sum(top_rows) <= 40


def test_a_patch_is_padded_with_the_darkest_of_each_channel_of_the_whole_image() -> None:
    """Not with that of the part that was drawn, which may hold no air."""
    image = np.stack([np.full((4, 20), 5.0, np.float32), np.full((4, 20), -1.0, np.float32)])
    image[0, 0, 19] = 2.0

    class OneImage:
        def image(self, _: int) -> np.ndarray:
            return image

        def labels(self, _: int) -> np.ndarray:
            return np.ones((4, 20), np.uint8)

    store = DeviceStore(OneImage(), range(1), CPU, patch_size=(8, 8))
    for seed in range(5):
        images, labels = store.batch(torch.tensor([0]), torch.Generator().manual_seed(seed))
        assert images[0, 0, 4:].unique().tolist() == [2]
        assert images[0, 1, 4:].unique().tolist() == [-1]
        assert labels[0, 4:].unique().tolist() == [0]
