"""Augmentation moves image and labels alike, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from seggrid.config.training import Augmentation
from seggrid.data.augmentation import Augmenter, gaussian_blur, sampling_grid, tilt_share

OFF = {"flip": (0.0, 0.0), "affine": 0, "intensity": 0, "gamma": 0, "noise": 0, "blur": 0}


def augment(images: Tensor, labels: Tensor, seed: int = 0, **settings: object) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    noise = torch.Generator().manual_seed(seed)
    return Augmenter(Augmentation.model_validate({**OFF, **settings}), draws, noise)(images, labels)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Images whose brightness is their label, so that both can be compared after any movement."""
    labels = torch.zeros(6, 40, 56, dtype=torch.uint8)
    labels[:, 8:30, 10:20] = 1
    labels[:, 12:25, 28:50] = 2
    return labels[:, None].float() * 10, labels


@pytest.mark.parametrize("sides", [(4, 9), (3, 6, 5)])
def test_pixels_are_found_where_affine_grid_finds_them(sides: tuple[int, ...]) -> None:
    axes = len(sides)
    matrix = torch.randn(2, axes, axes + 1, generator=torch.Generator().manual_seed(0))
    expected = F.affine_grid(matrix, [2, 1, *sides], align_corners=False)
    torch.testing.assert_close(sampling_grid(matrix, sides), expected)


@pytest.mark.parametrize(
    ("sides", "spacing", "least"),
    [
        ((1, 64, 64), None, 0.85),
        ((1, 64, 64), (5.0, 1.0, 1.0), 0.85),
        ((8, 96, 96), None, 0.75),
        ((12, 64, 64), None, 0.75),
        ((12, 64, 64), (5.0, 1.0, 1.0), 0.75),
        ((40, 40, 40), None, 0.8),
    ],
)
def test_rotations_leave_a_volume_in_the_image_however_thin_it_is(
    sides: tuple[int, ...], spacing: tuple[float, ...] | None, least: float
) -> None:
    labels = torch.ones(24, *sides, dtype=torch.uint8)
    settings = Augmentation.model_validate(
        {**OFF, "flip": (0.0, 0.0, 0.0), "affine": 1, "scaling": 0, "translation": 0}
    )
    draws, noise = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    _, moved = Augmenter(settings, draws, noise, spacing)(labels[:, None].float(), labels)
    assert moved.float().mean() > least


@pytest.mark.parametrize(
    ("rotation", "first", "second", "share"),
    [(20, 64, 64, 1.0), (180, 30, 90, 1.0), (0, 1, 64, 1.0), (20, 64, 16, 0.70), (20, 8, 128, 0.18), (5, 16, 64, 1.0)],
)
def test_only_what_is_thin_is_tilted_less(rotation: float, first: float, second: float, share: float) -> None:
    assert tilt_share(rotation, first, second) == pytest.approx(share, abs=0.005)


def test_off_is_the_identity(batch: tuple[Tensor, Tensor]) -> None:
    images, labels = augment(*batch)
    assert torch.equal(images, batch[0])
    assert torch.equal(labels, batch[1])


def test_the_inputs_are_left_alone(batch: tuple[Tensor, Tensor]) -> None:
    images, labels = (tensor.clone() for tensor in batch)
    augment(images, labels, **Augmentation(affine=1, intensity=1, gamma=1, noise=1, blur=1).model_dump())
    assert torch.equal(images, batch[0])
    assert torch.equal(labels, batch[1])


@pytest.mark.parametrize("axis", [0, 1])
def test_a_flip_is_a_flip(batch: tuple[Tensor, Tensor], axis: int) -> None:
    flip = [0.0, 0.0]
    flip[axis] = 1.0
    images, labels = augment(*batch, flip=flip)
    assert torch.equal(labels, batch[1].flip(axis + 1))
    assert torch.allclose(images, batch[0].flip(axis + 2), atol=1e-4)


def test_image_and_labels_move_together(batch: tuple[Tensor, Tensor]) -> None:
    images, labels = augment(*batch, affine=1.0, flip=(0.5, 0.5), rotation=40, scaling=0.3, translation=0.2)
    assert not torch.equal(labels, batch[1])
    rounded = (images[:, 0] / 10).round().to(torch.uint8)
    interior = torch.ones_like(labels, dtype=torch.bool)
    changes = torch.nn.functional.max_pool2d(labels[:, None].float(), 3, 1, 1) != -torch.nn.functional.max_pool2d(
        -labels[:, None].float(), 3, 1, 1
    )
    interior &= ~changes[:, 0]
    assert (rounded == labels)[interior].float().mean() > 0.995


def test_a_rotation_is_rigid_on_images_that_are_not_square() -> None:
    """A disc stays a disc of the same area."""
    y, x = torch.meshgrid(torch.arange(60), torch.arange(120), indexing="ij")
    disc = (((y - 30) ** 2 + (x - 60) ** 2) < 20**2).to(torch.uint8)[None].repeat(8, 1, 1)
    _, labels = augment(disc[:, None].float(), disc, affine=1.0, rotation=90, scaling=0, translation=0)
    overlap = (labels & disc).sum((1, 2)) / disc.sum((1, 2))
    assert (overlap > 0.97).all()


def test_scaling_and_translation_stay_in_range() -> None:
    square = torch.zeros(200, 64, 64, dtype=torch.uint8)
    square[:, 24:40, 24:40] = 1
    _, labels = augment(square[:, None].float(), square, affine=1.0, rotation=0, scaling=0.25, translation=0)
    area = labels.sum((1, 2)) / 256
    assert area.min() > 0.55
    assert area.max() < 1.75
    _, labels = augment(square[:, None].float(), square, affine=1.0, rotation=0, scaling=0, translation=0.1)
    centre = (labels * torch.arange(64)).sum((1, 2)) / labels.sum((1, 2)) - 31.5
    assert centre.abs().max() <= 7
    assert centre.abs().max() > 4


def test_what_comes_in_from_outside_is_dark_background(batch: tuple[Tensor, Tensor]) -> None:
    images, labels = batch[0] - 3, torch.ones_like(batch[1])
    moved, labels = augment(images, labels, affine=1.0, translation=0.5)
    outside = labels == 0
    assert outside.any()
    assert torch.allclose(moved[:, 0][outside], torch.tensor(-3.0), atol=10.0)
    assert moved.min() >= -3 - 1e-5


@pytest.mark.parametrize("change", ["intensity", "gamma", "noise", "blur"])
def test_intensity_changes_leave_labels_alone(batch: tuple[Tensor, Tensor], change: str) -> None:
    images, labels = augment(*batch, **{change: 1.0})
    assert torch.equal(labels, batch[1])
    assert not torch.equal(images, batch[0])
    assert images.isfinite().all()


def test_gamma_keeps_the_range(batch: tuple[Tensor, Tensor]) -> None:
    images, _ = augment(batch[0] - 5, batch[1], gamma=1.0, gamma_range=4)
    assert images.min().item() == pytest.approx(-5)
    assert images.max().item() == pytest.approx(15, rel=1e-5)


def test_a_constant_image_stays_finite() -> None:
    everything = Augmentation(affine=1, intensity=1, gamma=1, noise=1, blur=1).model_dump()
    images, _ = augment(torch.full((3, 1, 16, 16), 2.0), torch.zeros(3, 16, 16, dtype=torch.uint8), **everything)
    assert images.isfinite().all()


def test_the_seed_decides(batch: tuple[Tensor, Tensor]) -> None:
    everything = Augmentation(affine=1, intensity=1, gamma=1, noise=1, blur=1).model_dump()
    first, second, other = (augment(*batch, seed=seed, **everything)[0] for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_blur_is_scipys(batch: tuple[Tensor, Tensor]) -> None:
    from scipy.ndimage import gaussian_filter

    image = torch.randn(2, 1, 30, 31)
    sd = torch.tensor([0.6, 1.5])
    ours = gaussian_blur(image, sd)
    for index in range(2):
        theirs = gaussian_filter(image[index, 0].numpy(), float(sd[index]), mode="nearest", radius=5)
        assert torch.allclose(ours[index, 0], torch.from_numpy(theirs), atol=1e-4)


def test_volumes_are_moved_as_well() -> None:
    labels = torch.zeros(2, 12, 20, 24, dtype=torch.uint8)
    labels[:, 3:9, 5:15, 6:18] = 1
    settings = Augmentation(flip=(0.5, 0.5, 0.5), affine=1, intensity=1, gamma=1, noise=1, blur=1).model_dump()
    images, moved = augment(labels[:, None].float(), labels, **settings)
    assert images.shape == (2, 1, 12, 20, 24)
    assert moved.shape == labels.shape
    assert images.isfinite().all()


def test_a_rotation_is_rigid_in_the_patient_where_voxels_are_not_cubes() -> None:
    """A ball of 10 mm in voxels of 1 x 1 x 4 mm stays one; as if of cubes, it would become an ellipsoid."""
    steps = torch.tensor([4.0, 1.0, 1.0])
    axes = torch.meshgrid(*(torch.arange(n) - (n - 1) / 2 for n in (9, 36, 36)), indexing="ij")
    distance = torch.stack([(a * s) ** 2 for a, s in zip(axes, steps, strict=True)]).sum(0).sqrt()
    images = -distance[None, None].repeat(4, 1, 1, 1, 1)

    def moved(spacing: tuple[float, ...] | None) -> Tensor:
        settings = Augmentation.model_validate({**OFF, "affine": 1, "rotation": 40, "scaling": 0, "translation": 0})
        draws = torch.Generator().manual_seed(1)
        return Augmenter(settings, draws, draws, spacing)(images, (images[:, 0] > -10).to(torch.uint8))[0]

    centre = (slice(None), slice(None), slice(2, 7), slice(8, 28), slice(8, 28))
    assert (moved((4.0, 1.0, 1.0)) - images)[centre].abs().max() < 1.0
    assert (moved(None) - images)[centre].abs().max() > 2.0  # tilted less, for 9 of 36 cubes would be thin


def test_flips_are_of_columns_for_images_and_none_for_volumes_unless_they_are_given() -> None:
    assert Augmentation().flips(2) == (0.0, 0.5)
    assert Augmentation().flips(3) == (0.0, 0.0, 0.0)
    assert Augmentation(flip=(0.25,)).flips(3) == (0.25, 0.0, 0.0)


class _Copies(TorchDispatchMode):
    """Notes how tensors are brought from one device to another."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[bool] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        named = named or {}
        if function is torch.ops.aten._to_copy.default and named.get("device") not in (None, arguments[0].device):
            self.waiting.append(not named.get("non_blocking", False))
        return function(*arguments, **named)


@pytest.mark.parametrize("sides", [(24, 32), (12, 20, 16)])
def test_nothing_waits_for_the_device(sides: tuple[int, ...]) -> None:
    """On a device that computes nothing, and on which every look at a value raises; noise needs one that does."""
    every = dict.fromkeys(("affine", "intensity", "gamma", "blur"), 1.0)
    settings = Augmentation.model_validate({**every, "noise": 0.0, "flip": [0.5] * len(sides)})
    draws = torch.Generator().manual_seed(0)
    images = torch.empty(3, 1, *sides, device="meta")
    with _Copies() as copies:
        changed, labels = Augmenter(settings, draws, draws)(images, torch.empty(3, *sides, device="meta").byte())
    assert (changed.shape, labels.shape) == (images.shape, (3, *sides))
    assert len(copies.waiting) > 5
    assert not any(copies.waiting)
