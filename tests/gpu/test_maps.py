"""Maps on a GPU: those of the processor, without waiting for the device, in memory that the classes do not fill."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from seggrid.losses.distance_fields import DistanceFields
from seggrid.losses.maps import MAPS, compute
from tests.gpu.device import CUDA, deterministic, without_waiting
from tests.unit.losses.test_maps import CLASSES, SHAPES, labels


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize(("shape", "spacing"), SHAPES)
@pytest.mark.parametrize("seed", range(2))
def test_map_is_that_of_the_processor(
    name: str, shape: tuple[int, ...], spacing: Sequence[float] | None, seed: int
) -> None:
    target = torch.from_numpy(labels(shape, seed))
    generator = torch.Generator().manual_seed(seed)
    likely = (5 * torch.randn(len(target), CLASSES, *shape, generator=generator)).softmax(1)
    expected = compute([name], target, CLASSES, spacing, likely)[name]
    on_gpu = target.to(CUDA), likely.to(CUDA)
    with deterministic(), without_waiting():
        found = compute([name], on_gpu[0], CLASSES, spacing, on_gpu[1])[name]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("side", [512, 1024])
def test_far_distances_stay_exact(side: int) -> None:
    target = torch.zeros(1, side, side, dtype=torch.int64)
    target[0, 0, 0] = target[0, 3, -1] = 1
    expected = compute(["signed_distance"], target, 2)["signed_distance"]
    found = compute(["signed_distance"], target.to(CUDA), 2)["signed_distance"]
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=1e-4)


def test_memory_beside_the_map_does_not_grow_with_the_classes() -> None:
    target = torch.from_numpy(labels((256, 256), 0)).to(CUDA)
    beside = []
    for classes in (CLASSES, 4 * CLASSES):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        signed = DistanceFields(target, classes).signed
        beside.append(torch.cuda.max_memory_allocated() - before - signed.nbytes)
        del signed
    assert beside[1] <= 1.1 * beside[0]
