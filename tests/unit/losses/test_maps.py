"""Maps: both implementations against scipy, in the plane and in space, with and without spacing."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import ndimage
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from seggrid.losses.distance_fields import DistanceFields, depth_on_device, signed_on_device
from seggrid.losses.maps import MAPS, compute, predicted_labels

CLASSES = 5


def signed_distance(target: torch.Tensor, classes: int, spacing: Sequence[float] | None = None) -> torch.Tensor:
    return compute(["signed_distance"], target, classes, spacing)["signed_distance"]


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
    on_device = signed_on_device(torch.from_numpy(target), CLASSES, ratios)
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
    assert signed_on_device(target, 3, (1.0, 1.0)).abs().sum() == 0


def test_image_frame_is_no_boundary() -> None:
    target = torch.zeros(1, 8, 8, dtype=torch.int64)
    target[:, :, :6] = 1
    assert signed_distance(target, 2)[0, 1, :, 0].tolist() == [-5.0] * 8


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    target = torch.from_numpy(labels((7, 9, 11), 0))
    whole = signed_on_device(target, CLASSES, (1.0, 1.0, 1.0))
    monkeypatch.setattr("seggrid.losses.distance_transform.CHUNK", 500)
    assert torch.equal(signed_on_device(target, CLASSES, (1.0, 1.0, 1.0)), whole)


class Largest(TorchDispatchMode):
    """Bytes of the largest tensor that is made, apart from one shape."""

    def __init__(self, result: tuple[int, ...]) -> None:
        super().__init__()
        self.result, self.bytes = result, 0

    def __torch_dispatch__(self, func: object, types: object, args: tuple = (), kwargs: dict | None = None) -> object:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_iter(made):
            if isinstance(tensor, torch.Tensor) and tensor.shape != self.result:
                self.bytes = max(self.bytes, tensor.nbytes)
        return made


@pytest.mark.parametrize("shape", [(40, 30), (9, 10, 11)])
def test_memory_on_a_device_does_not_grow_with_the_classes(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the map itself, which holds an image for every class."""
    monkeypatch.setattr("seggrid.losses.distance_transform.CHUNK", 40 * 40)
    target = torch.from_numpy(labels(shape, 0))
    peaks = {}
    for way in (signed_on_device, depth_on_device):
        for classes in (CLASSES, 4 * CLASSES):
            with Largest((len(target), classes, *shape)) as largest:
                way(target, classes, (1.0,) * len(shape))
            peaks[way, classes] = largest.bytes
        assert peaks[way, CLASSES] == peaks[way, 4 * CLASSES] <= 8 * target.numel()  # the indices of running maxima


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
    """That of Intel's transform, which OpenCV takes unless told not to, does; a training must not."""
    target = torch.zeros(2, 128, 128, dtype=torch.int64)
    target[:, 20:100, 30:110] = 1
    target[:, 50:75, 45:65] = 2
    first = signed_distance(target, 3)
    for number in range(60):
        kept = [torch.rand(1000 * (number * 7 + 3)) for _ in range(number % 7)]
        assert torch.equal(signed_distance(target, 3), first), len(kept)


@pytest.mark.parametrize(("shape", "spacing"), SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_depth_equals_scipy(shape: tuple[int, ...], spacing: Sequence[float] | None, seed: int) -> None:
    target = labels(shape, seed)
    ratios = [1.0] * len(shape) if spacing is None else [side / min(spacing) for side in spacing]
    expected = np.zeros(target.shape)
    for image, out in zip(target, expected, strict=True):
        for c in np.unique(image):
            if not (image == c).all():
                out += ndimage.distance_transform_edt(image == c, sampling=ratios)
    compiled = DistanceFields(torch.from_numpy(target), CLASSES, spacing).depth
    on_device = depth_on_device(torch.from_numpy(target), CLASSES, ratios)
    assert compiled.dtype == on_device.dtype == torch.float32
    np.testing.assert_allclose(compiled.numpy(), expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(on_device.numpy(), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [(1024, 1024), (1024, 3), (3, 1024), (600, 1000)])
@pytest.mark.parametrize("seeds", [1, 40])
def test_squared_distances_in_the_plane_are_whole(size: tuple[int, int], seeds: int) -> None:
    random = np.random.default_rng(seeds)
    target = np.zeros((1, *size), np.int64)
    target[0, random.integers(0, size[0], seeds), random.integers(0, size[1], seeds)] = 1
    outside = target[0] == 0
    found = signed_distance(torch.from_numpy(target), 2)[0, 1].numpy()[outside]
    squared = np.rint(ndimage.distance_transform_edt(outside)[outside] ** 2)
    np.testing.assert_array_equal(found, np.sqrt(squared.astype(np.float32)))


def test_opencv_is_left_as_it_was() -> None:
    chosen = cv2.ipp.useIPP()
    signed_distance(torch.from_numpy(labels((20, 20), 0)), CLASSES)
    assert cv2.ipp.useIPP() == chosen


def test_map_of_active_contours() -> None:
    target = torch.tensor([[[0, 1, 1], [0, 0, 1]], [[1, 1, 1], [1, 1, 1]]])
    found = compute(["active_contour"], target, 3)["active_contour"]
    assert found.dtype == torch.float32
    assert found[:, 1].tolist() == [[[1, -1, -1], [1, 1, -1]], [[-1, -1, -1], [-1, -1, -1]]]
    assert (found[:, 2] == 1).all()  # absent
    assert not found[:, 0].any()


@pytest.mark.parametrize(("shape", "spacing"), SHAPES)
def test_rectified_is_scaled_by_the_deepest_pixel(shape: tuple[int, ...], spacing: Sequence[float] | None) -> None:
    target = labels(shape, 1)
    ratios = [1.0] * len(shape) if spacing is None else [side / min(spacing) for side in spacing]
    expected = np.ones((3, CLASSES, *shape))
    for image, channels in zip(target, expected, strict=True):
        for c in np.unique(image):
            inside = image == c
            depth = ndimage.distance_transform_edt(inside, sampling=ratios) if not inside.all() else np.ones(shape)
            channels[c][inside] = -(depth / depth.max())[inside]
    found = compute(["rectified"], torch.from_numpy(target), CLASSES, spacing)["rectified"]
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-5)
    assert found[2, 2].max() == -1  # the class that fills its image
    assert found[2, 1].min() == 1  # absent from it


@pytest.mark.parametrize(("shape", "spacing"), SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_distance_field_is_the_sum_of_both_transforms(
    shape: tuple[int, ...], spacing: Sequence[float] | None, seed: int
) -> None:
    target = labels(shape, seed)
    ratios = [1.0] * len(shape) if spacing is None else [side / min(spacing) for side in spacing]
    expected = np.zeros((3, CLASSES, *shape))
    for image, channels in zip(target, expected, strict=True):
        for c in range(1, CLASSES):
            inside = image == c
            if inside.any() and not inside.all():
                channels[c] = ndimage.distance_transform_edt(inside, sampling=ratios)
                channels[c] += ndimage.distance_transform_edt(~inside, sampling=ratios)
    found = compute(["distance_field"], torch.from_numpy(target), CLASSES, spacing)["distance_field"]
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-4)


def test_map_of_the_prediction_is_that_of_its_mask() -> None:
    target = torch.from_numpy(labels((24, 31), 0))
    likely = 0.9 * torch.nn.functional.one_hot(target, CLASSES).movedim(-1, 1) + 0.02
    of_mask = compute(["distance_field"], target, CLASSES)["distance_field"]
    truth = torch.zeros_like(target)
    found = compute(["predicted_distance_field"], truth, CLASSES, probabilities=likely)["predicted_distance_field"]
    assert torch.equal(found, of_mask)


def test_pixels_without_a_likely_class_belong_to_none() -> None:
    likely = torch.tensor([[0.6, 0.5, 0.1], [0.2, 0.5, 0.3], [0.2, 0.0, 0.6]])[None, :, None]
    assert predicted_labels(likely).tolist() == [[[0, 3, 2]]]
    field = compute(["predicted_distance_field"], torch.zeros(1, 1, 3, dtype=torch.int64), 3, probabilities=likely)
    assert field["predicted_distance_field"][0, 2].tolist() == [[2, 1, 1]]
    assert not field["predicted_distance_field"][0, :2].any()


def test_missing_probabilities_are_named() -> None:
    with pytest.raises(ValueError, match="'predicted_distance_field' is made of the prediction"):
        compute(["predicted_distance_field"], torch.zeros(1, 4, 4, dtype=torch.int64), 3)


@pytest.mark.parametrize("name", MAPS)
def test_no_map_visits_the_host(name: str) -> None:
    with FakeTensorMode():
        target = torch.empty(2, 16, 17, device="cuda", dtype=torch.int64)
        likely = torch.empty(2, 3, 16, 17, device="cuda")
        assert compute([name], target, 3, probabilities=likely)[name].device.type == "cuda"
