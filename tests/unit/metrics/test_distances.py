"""The distance arrays: every way to find them is exact, and the cheap one is chosen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.spatial.distance import cdist

from seggrid.metrics import distances
from seggrid.metrics.distances import nearest, surface_distances
from seggrid.metrics.surface import Surface, label_surfaces

SPACINGS = {2: [(1.0, 1.0), (0.3, 0.3), (0.7, 1.3), (1.0, 40.0)], 3: [(1.0,) * 3, (2.2, 0.7, 1.3), (5.0, 1.0, 1.0)]}


def ball(shape: tuple[int, ...], radius: float) -> npt.NDArray[np.uint8]:
    """Return a ball around the centre of the image."""
    centre = [(side - 1) / 2 for side in shape]
    squared = sum((axis - middle) ** 2 for axis, middle in zip(np.indices(shape), centre, strict=True))
    return (squared <= radius**2).astype(np.uint8)


def noise(shape: tuple[int, ...], share: float, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Return scattered pixels."""
    return (np.random.default_rng(seed).random(shape) < share).astype(np.uint8)


def pair(
    first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8], spacing: tuple[float, ...]
) -> tuple[Surface, Surface]:
    return label_surfaces(first, [1], spacing).surfaces[1], label_surfaces(second, [1], spacing).surfaces[1]


def transformed(queries: Surface, target: Surface) -> npt.NDArray[np.float64]:
    """Force the transform, of the whole image."""
    whole = distances._is_whole(target.shape, target.scale)
    return distances._transform(queries, target, (0,) * len(target.shape), target.shape, whole)


CASES = {
    "equal": lambda shape: (ball(shape, 6), ball(shape, 6)),
    "concentric": lambda shape: (ball(shape, 3), ball(shape, 8)),
    "noise around an object": lambda shape: (ball(shape, 6), noise(shape, 0.05) | ball(shape, 7)),
    "object in dense noise": lambda shape: (ball(shape, 2), noise(shape, 0.4)),
    "two noises": lambda shape: (noise(shape, 0.3, 1), noise(shape, 0.3, 2)),
    "far pixels": lambda shape: (np.eye(*shape[-2:], dtype=np.uint8) * np.ones(shape, np.uint8), noise(shape, 0.002)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("spacing", SPACINGS[2] + SPACINGS[3], ids=str)
def test_every_way_is_exact(case: str, spacing: tuple[float, ...]) -> None:
    shape = (41, 37) if len(spacing) == 2 else (19, 17, 18)
    first, second = pair(*CASES[case](shape), spacing)
    for queries, target in ((first, second), (second, first)):
        expected = cdist(queries.points, target.points).min(axis=1)
        for way in (nearest, transformed, distances._look_around, distances._search):
            np.testing.assert_allclose(way(queries, target), expected, rtol=1e-13, err_msg=way.__name__)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_random_masks(data: st.DataObject) -> None:
    dimensions = data.draw(st.sampled_from([2, 3]))
    shape = data.draw(npst.array_shapes(min_dims=dimensions, max_dims=dimensions, max_side=9))
    first, second = (data.draw(npst.arrays(np.uint8, shape, elements=st.integers(0, 1))) for _ in range(2))
    assume(first.any() and second.any())
    spacing = data.draw(st.tuples(*[st.floats(0.1, 10)] * dimensions))
    surfaces = [label_surfaces(image, [1], spacing) for image in (first, second)]
    both = surface_distances(surfaces[0], surfaces[1], 1)
    table = cdist(*(surface.surfaces[1].points for surface in surfaces)) * min(spacing)
    np.testing.assert_allclose(both.to_truth, table.min(axis=1), rtol=1e-12)
    np.testing.assert_allclose(both.to_prediction, table.min(axis=0), rtol=1e-12)


def test_the_cheap_way_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree for ordinary borders, the transform for a noisy or concentric one, a look around for few queries."""
    used: list[str] = []
    for name in ("_transform", "_look_around", "_query_cost"):
        original = getattr(distances, name)

        def spy(*arguments: object, name: str = name, original: object = original) -> object:
            used.append(name)
            return original(*arguments)

        monkeypatch.setattr(distances, name, spy)

    def ways(queries: npt.NDArray[np.uint8], target: npt.NDArray[np.uint8]) -> list[str]:
        used.clear()
        nearest(*pair(queries, target, (1.0,) * queries.ndim))
        return used

    shape = (200, 200)
    assert ways(ball(shape, 60), ball(shape, 55)) == ["_query_cost"]
    assert ways(noise(shape, 0.3), ball(shape, 60)) == ["_transform"]
    assert ways(ball(shape, 60), noise(shape, 0.3)) == ["_look_around"]
    assert ways(ball((50, 50, 50), 8), ball((50, 50, 50), 15)) == ["_query_cost", "_transform"]


def test_a_box_too_long_for_float32_is_not_called_whole() -> None:
    assert distances._is_whole((2000, 2000), (1.0, 1.0))
    assert not distances._is_whole((4000, 4000), (1.0, 1.0))
    assert not distances._is_whole((20, 20), (1.0, 1.5))
