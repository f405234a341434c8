"""There and back: the true labels, preprocessed and restored, are the true labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from seggrid.config.preprocessing import Step
from seggrid.data.preprocessing.geometry import Place
from seggrid.data.preprocessing.pipeline import Pipeline
from seggrid.data.preprocessing.restore import restore, restore_labels

CROP = {"crop_to_content": {"margin": 4}}
FLAT = {
    "crop": [CROP],
    "shrink": [{"resize": {"size": [128, 160]}}],
    "enlarge": [{"resize": {"size": [304, 320]}}],
    "aspect, rows padded": [{"resize": {"size": [192, 160], "keep_aspect": True}}],
    "aspect, columns padded": [{"resize": {"size": [128, 256], "keep_aspect": True}}],
    "crop and shrink": [CROP, {"resize": {"size": [128, 128]}}],
    "crop, shrink, pad": [CROP, {"resize": {"size": [160, 128], "keep_aspect": True}}],
    "shrink, then crop": [{"resize": {"size": [150, 170]}}, CROP],
    "two resizes around a crop": [{"resize": {"size": [250, 250]}}, CROP, {"resize": {"size": [140, 150]}}],
}
DEEP = {
    "none": [],
    "crop": [CROP],
    "enlarge": [{"resize": {"size": [40, 72, 70]}}],
    "shrink": [{"resize": {"size": [28, 52, 48]}}],
    "crop and aspect": [CROP, {"resize": {"size": [48, 48, 48], "keep_aspect": True}}],
    "resample": [{"resample": {"spacing": [1.8, 1.2, 0.9]}}],
    "crop and resample twice": [CROP, {"resample": {"spacing": [1, 1, 1]}}, {"resample": {"spacing": [2, 1.2, 1]}}],
}


def pipeline(steps: list[Any]) -> Pipeline:
    return Pipeline([Step.model_validate(step) for step in steps])


def dice_of_round_trip(image: np.ndarray, labels: np.ndarray, steps: list[Any]) -> list[float]:
    _, moved, geometry = pipeline(steps)(image, labels, Place((2.0, 1.0, 1.0)[-labels.ndim :]))
    one_hot = torch.nn.functional.one_hot(torch.from_numpy(moved).long(), int(labels.max()) + 1)
    back = restore(one_hot.movedim(-1, 0).float(), geometry, labels.shape)
    assert torch.allclose(back.sum(0), torch.ones(()), atol=1e-5)
    predicted = back.argmax(0).numpy()
    objects = range(1, int(labels.max()) + 1)
    return [
        2 * np.sum((predicted == c) & (labels == c)) / (np.sum(predicted == c) + np.sum(labels == c)) for c in objects
    ]


def scene(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Two touching objects and a slanted bar in the middle of a dark image."""
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij"))
    labels = np.zeros(shape, np.uint8)
    labels[(np.abs(grid + 0.15) < 0.35).all(0)] = 1
    labels[((grid - 0.2) ** 2).sum(0) < 0.16] = 2
    half = 0.1 if len(shape) == 2 else 0.25
    labels[(np.abs(grid[0] + 0.8 * grid[1]) < half) & (np.abs(grid[1:]) < 0.6).all(0) & (labels == 0)] = 3
    noise = np.random.default_rng(0).normal(0, 1, shape)
    return (100 * (labels > 0) + noise)[None].astype(np.float32), labels


@pytest.mark.parametrize("steps", FLAT.values(), ids=FLAT)
def test_flat_scenes_come_back(steps: list[Any]) -> None:
    assert min(dice_of_round_trip(*scene((200, 240)), steps)) > 0.97


@pytest.mark.parametrize("steps", DEEP.values(), ids=DEEP)
def test_volumes_come_back(steps: list[Any]) -> None:
    assert min(dice_of_round_trip(*scene((32, 60, 56)), steps)) > 0.97


@pytest.mark.parametrize("steps", FLAT.values(), ids=FLAT)
def test_real_knees_come_back(shared: Path, steps: list[Any]) -> None:
    root = shared / "data" / "knee_lateral"
    doubled = [
        {name: {**p, "size": [2 * side for side in p["size"]]}} if "size" in p else {name: p}
        for step in steps
        for name, p in step.items()
    ]
    for path in sorted((root / "images").iterdir())[:2]:
        image, labels = np.array(Image.open(path)), np.array(Image.open(root / "masks" / path.name))
        assert min(dice_of_round_trip(image[None], labels, doubled)) > 0.97


def test_outside_of_a_crop_is_background() -> None:
    record = {"op": "crop", "shape": [6, 8], "start": [2, 3], "stop": [4, 6]}
    back = restore(torch.full((3, 2, 3), 1 / 3), [record], (6, 8))
    assert torch.equal(back[0, 0], torch.ones(8))
    assert back[1:, 0].abs().sum() == 0
    assert torch.allclose(back[:, 2:4, 3:6], torch.full((3, 2, 3), 1 / 3))


def test_records_that_lead_elsewhere_are_refused() -> None:
    with pytest.raises(ValueError, match=r"restored to \(4, 4\), not to \(5, 5\)"):
        restore(torch.zeros(2, 4, 4), [], (5, 5))


@pytest.mark.parametrize("shape", [(9, 14), (5, 9, 14)])
def test_labels_are_those_of_the_restored_probabilities(shape: tuple[int, ...]) -> None:
    """Of a volume class by class, with ties, a crop and a change of size."""
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.randint(0, 4, (3, *shape), generator=generator).float()
    probabilities /= probabilities.sum(0).clamp_min(1)
    inner, outer = [2 * side for side in shape], [2 * side + 3 for side in shape]
    geometry = [
        {"op": "crop", "shape": outer, "start": [1] * len(shape), "stop": [side + 1 for side in inner]},
        {"op": "resize", "shape": inner, "size": list(shape)},
    ]
    expected = restore(probabilities, geometry, outer).max(0).indices
    found = restore_labels(probabilities, geometry, outer)
    assert found.dtype == torch.uint8
    assert torch.equal(found.long(), expected)
    assert len(found.unique()) == 3
