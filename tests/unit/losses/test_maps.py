"""Signed distance: both implementations against scipy, in the plane and in space, with and without spacing."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import ndimage
from torch._subclasses.fake_tensor import FakeTensorMode

from seggrid.losses.maps import compute, signed_distance, signed_distance_on_device

CLASSES = 5


def reference(label: npt.NDArray[np.int64], spacing: Sequence[float] | None) -> npt.NDArray[np.float64]:
    ratios = np.ones(label.ndim) if spacing is None else np.asarray(spacing) / min(spacing)
    signed = np.zeros((CLASSES, *label.shape))
    for c in range(1, CLASSES):
        inside = label == c
        if inside.any() and not inside.all():
            outer = ndimage.distance_transform_edt(~inside, sampling=ratios)
            inner = ndimage.distance_transform_edt(inside, sampling=ratios)
            signed[c] = np.where(inside, 1 - inner, outer)
    return signed


def labels(shape: tuple[int, ...], seed: int) -> npt.NDArray[np.int64]:
    """Return three images: scattered pixels, blocks that touch the frame, and one class that fills it."""
    random = np.random.default_rng(seed)
    target = np.zeros((3, *shape), np.int64)
    target[0] = np.where(random.random(shape) < 0.02, random.integers(1, CLASSES, shape), 0)
    for c in range(1, CLASSES - 1):
        corner = [int(random.integers(0, side)) for side in shape]
        target[1][tuple(slice(start, start + 1 + side // 3) for start, side in zip(corner, shape, strict=True))] = c
    target[2] = 2
    return target


SHAPES = [
    ((33, 20), None),
    ((64, 64), None),
    ((1, 40), None),
    ((40, 1), None),
    ((24, 31), (0.5, 1.25)),
    ((24, 31), (3, 3)),
    ((7, 9, 11), None),
    ((7, 9, 11), (2.5, 0.4, 0.5)),
    ((1, 9, 11), None),
]


@pytest.mark.parametrize(("shape", "spacing"), SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_both_ways_equal_scipy(shape: tuple[int, ...], spacing: Sequence[float] | None, seed: int) -> None:
    target = labels(shape, seed)
    expected = torch.from_numpy(np.stack([reference(image, spacing) for image in target])).float()
    compiled = signed_distance(torch.from_numpy(target), CLASSES, spacing)
    ratios = [1.0] * len(shape) if spacing is None else [side / min(spacing) for side in spacing]
    on_device = signed_distance_on_device(torch.from_numpy(target), CLASSES, ratios)
    assert compiled.dtype == on_device.dtype == torch.float32
    assert compiled.is_contiguous()
    torch.testing.assert_close(compiled, expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(on_device, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [(512, 512), (1024, 768)])
def test_far_distances_stay_exact(size: tuple[int, int]) -> None:
    target = np.zeros((1, *size), np.int64)
    target[0, 0, 0] = target[0, 3, -1] = 1
    found = signed_distance(torch.from_numpy(target), CLASSES)
    np.testing.assert_allclose(found[0].numpy(), reference(target[0], None), rtol=0, atol=1e-4)


def test_by_hand() -> None:
    target = torch.tensor([[[0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1]]])
    assert signed_distance(target, 3)[0, 1].tolist() == [[2, 1, 0, -1, -2, -3]] * 2
    assert signed_distance(target, 3)[0, [0, 2]].abs().sum() == 0
    # Two units of the smaller spacing lie between neighbouring columns.
    assert signed_distance(target, 3, (0.4, 0.8))[0, 1].tolist() == [[4, 2, -1, -3, -5, -7]] * 2


def test_object_without_boundary_is_zero() -> None:
    target = torch.stack([torch.zeros(5, 6, dtype=torch.int64), torch.full((5, 6), 2)])
    assert signed_distance(target, 3).abs().sum() == 0
    assert signed_distance_on_device(target, 3, (1.0, 1.0)).abs().sum() == 0


def test_image_frame_is_no_boundary() -> None:
    target = torch.zeros(1, 8, 8, dtype=torch.int64)
    target[:, :, :6] = 1
    assert signed_distance(target, 2)[0, 1, :, 0].tolist() == [-5.0] * 8


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    target = torch.from_numpy(labels((7, 9, 11), 0))
    whole = signed_distance_on_device(target, CLASSES, (1.0, 1.0, 1.0))
    monkeypatch.setattr("seggrid.losses.distance_transform.CHUNK", 500)
    assert torch.equal(signed_distance_on_device(target, CLASSES, (1.0, 1.0, 1.0)), whole)


def test_map_on_a_device_never_visits_the_host() -> None:
    """A fake CUDA tensor has no values: reading one on the host raises."""
    with FakeTensorMode():
        target = torch.empty(2, 16, 17, device="cuda", dtype=torch.int64)
        assert signed_distance(target, 3).device.type == "cuda"


@pytest.mark.parametrize("spacing", [(1.0,), (1.0, 1.0, 1.0), (1.0, 0.0)])
def test_spacing_that_does_not_fit_is_refused(spacing: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="2 positive numbers, one per axis"):
        compute(["signed_distance"], torch.zeros(1, 4, 4, dtype=torch.int64), 2, spacing)


def test_the_last_bit_does_not_depend_on_where_memory_lies() -> None:
    """OpenCV's own result does; a training must not."""
    target = torch.zeros(2, 128, 128, dtype=torch.int64)
    target[:, 20:100, 30:110] = 1
    target[:, 50:75, 45:65] = 2
    first = signed_distance(target, 3)
    for number in range(60):
        kept = [torch.rand(1000 * (number * 7 + 3)) for _ in range(number % 7)]
        assert torch.equal(signed_distance(target, 3), first), len(kept)
