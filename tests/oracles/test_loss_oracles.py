"""Values and gradients against public implementations, from ``../shared/oracles/cases.npz`` (FORMULAS.md, section 9).

Every loss entry of the file is compared here, or belongs to a loss that is defined otherwise, or to one that is not
yet in the catalogue; the last test counts them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from seggrid.losses import maps
from seggrid.losses.boundary import Boundary
from seggrid.losses.cross_entropy import CrossEntropy, WeightedCrossEntropy
from seggrid.losses.dice import Dice
from seggrid.losses.maps import signed_distance, signed_distance_on_device

Compute = Callable[[Tensor, Tensor], Tensor]
FLOAT64, FLOAT32, DISTANCE = 1e-9, 2e-6, 1e-4


class Counterpart(NamedTuple):
    """Our way to a public value, and how close it has to come."""

    compute: Compute
    tolerance: float = FLOAT64


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return CrossEntropy(logits.shape[1])(logits, target)


def weighted(logits: Tensor, target: Tensor, normalise: str = "weights") -> Tensor:
    """Weighted cross-entropy at weights 1 to C, by areas whose inverses these are."""
    weights = torch.arange(1, logits.shape[1] + 1, dtype=torch.float64)
    loss = WeightedCrossEntropy(len(weights), 1 / weights, normalise=normalise)
    scale = 1.0 if normalise == "weights" else float(weights[0] / loss.weights[0])
    return scale * loss(logits, target)


def dice(**parameters: Any) -> Compute:
    """Our Dice, with the terms that the public code adds for classes absent from an image (a batch)."""
    counted = {"background": True, **parameters}
    first = 0 if counted["background"] else 1

    def compute(logits: Tensor, target: Tensor) -> Tensor:
        classes = logits.shape[1]
        loss = Dice(classes, **counted)
        p = logits.softmax(1).pow(2 if loss.squared else 1).flatten(2).sum(2)[:, first:]
        areas = torch.stack([(target == c).flatten(1).sum(1) for c in range(first, classes)], 1)
        if loss.batch:
            p, areas = p.sum(0), areas.sum(0)
        absent = 1 - loss.smooth / (p[areas == 0] + loss.smooth)
        return (loss(logits, target) * (areas > 0).sum() + absent.sum()) / areas.numel()

    return compute


def dice_with_absent_perfect(logits: Tensor, target: Tensor) -> Tensor:
    """Our Dice as smp averages it: a class absent from the batch counts as 0."""
    classes = logits.shape[1]
    return Dice(classes, batch=True, background=True, smooth=0.0)(logits, target) * len(target.unique()) / classes


def boundary(logits: Tensor, target: Tensor) -> Tensor:
    classes = logits.shape[1]
    return Boundary(classes)(logits, target, maps.compute(["signed_distance"], target, classes))


COUNTERPARTS = {
    "ce@torch": Counterpart(cross_entropy),
    "wce_1toC@torch": Counterpart(weighted),
    "wce_1toC_sum_over_n@torch": Counterpart(lambda x, y: weighted(x, y, "pixels")),
    "dice@monai": Counterpart(dice()),
    "dice_nobg@monai": Counterpart(dice(background=False)),
    "dice_batch@monai": Counterpart(dice(batch=True)),
    "dice_squared@monai": Counterpart(dice(squared=True, smooth=1e-7)),
    "dicece@monai": Counterpart(lambda x, y: dice()(x, y) + cross_entropy(x, y)),
    "dice@smp": Counterpart(dice_with_absent_perfect),
    "dice_smooth1@segloss": Counterpart(dice(smooth=1.0)),
    "dice@unifiedfocal": Counterpart(dice(smooth=2e-6)),
    "boundary_fg@liviaets": Counterpart(boundary, FLOAT32),
    "boundary_fg@segloss": Counterpart(boundary, FLOAT32),
}
MAPS = ("boundary_map@liviaets",)
DEFINED_OTHERWISE = {
    "boundary_all@liviaets": "counts the background channel",
    "boundary_rwl@rwl": "-d inside instead of -(d-1), and a stale map for an absent class",
    "dice_rwl@rwl": "smooths the denominator only",
}
NOT_YET_HERE = re.compile(
    r"arsl?_|rs_|asym|dicefocal|focal|fuzzyrough|gdl|gdfocal|hd_|hddt|iou|jaccard|rrw|sensitivity|topk|tversky"
)


@pytest.fixture(scope="module")
def oracles(shared: Path) -> dict[str, np.ndarray[Any, Any]]:
    path = shared / "oracles" / "cases.npz"
    with np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files if re.match(r"[LD]\d\d_", key)}


def cases_of(oracles: dict[str, np.ndarray[Any, Any]], name: str) -> list[str]:
    found = [key.split("/")[0] for key in oracles if key.endswith(f"/exp/{name}")]
    assert found, f"no case holds {name}"
    return found


def inputs(oracles: dict[str, np.ndarray[Any, Any]], case: str) -> tuple[Tensor, Tensor]:
    logits = torch.from_numpy(oracles[f"{case}/in/logits"]).requires_grad_()
    return logits, torch.from_numpy(oracles[f"{case}/in/label"].astype(np.int64))


def close(found: Tensor, expected: np.ndarray[Any, Any], tolerance: float, rounding: float, case: str) -> None:
    """Compare relative to the largest value, apart from what float64 loses in 1 - p at a near-perfect p."""
    atol = tolerance * np.abs(expected).max() + rounding
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=tolerance, atol=atol, err_msg=case)


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_value_and_gradient(name: str, oracles: dict[str, np.ndarray[Any, Any]]) -> None:
    compute, tolerance = COUNTERPARTS[name]
    for case in cases_of(oracles, name):
        logits, target = inputs(oracles, case)
        value = compute(logits, target)
        close(value, oracles[f"{case}/exp/{name}"], tolerance, 1e-15, case)
        if f"{case}/grad/{name}" in oracles:
            gradient = torch.autograd.grad(value, logits)[0]
            close(gradient, oracles[f"{case}/grad/{name}"], tolerance, 1e-18, case)


@pytest.mark.parametrize("name", [name for name in COUNTERPARTS if not name.startswith("boundary")])
def test_value_in_float32(name: str, oracles: dict[str, np.ndarray[Any, Any]]) -> None:
    for case in cases_of(oracles, name):
        logits, target = inputs(oracles, case)
        value = COUNTERPARTS[name].compute(logits.detach().float(), target)
        expected = float(oracles[f"{case}/exp/{name}"])
        assert float(value) == pytest.approx(expected, rel=FLOAT32, abs=FLOAT32), case


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("on_device", [False, True])
def test_map(name: str, on_device: bool, oracles: dict[str, np.ndarray[Any, Any]]) -> None:
    for case in cases_of(oracles, name):
        logits, target = inputs(oracles, case)
        spacing = (1.0,) * (target.ndim - 1)
        make = signed_distance_on_device if on_device else signed_distance
        found = make(target, logits.shape[1], spacing)[:, 1:]
        expected = oracles[f"{case}/exp/{name}"][:, 1:]
        np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=DISTANCE, err_msg=case)


@pytest.mark.parametrize(("suffix", "spacing"), [("", (1.0, 1.0)), ("_aniso", (0.5, 1.25))])
@pytest.mark.parametrize("on_device", [False, True])
def test_distance_inside_objects(
    suffix: str, spacing: tuple[float, float], on_device: bool, oracles: dict[str, np.ndarray[Any, Any]]
) -> None:
    case = "D01_distance_transforms"
    label = oracles[f"{case}/in/label"].astype(np.int64)
    unit = min(spacing)
    if on_device:
        signed = signed_distance_on_device(torch.from_numpy(label)[None], 5, [side / unit for side in spacing])
    else:
        signed = signed_distance(torch.from_numpy(label)[None], 5, spacing)
    inside = (1 - signed[0].double().numpy()) * unit
    for c in range(1, 5):
        expected = oracles[f"{case}/exp/edt_c{c}{suffix}@scipy"][label == c]
        np.testing.assert_allclose(inside[c][label == c], expected, rtol=0, atol=DISTANCE)
        expected = oracles[f"{case}/exp/edt_multilabel{suffix}@edt"][label == c]
        np.testing.assert_allclose(inside[c][label == c], expected, rtol=0, atol=DISTANCE)


def test_every_loss_entry_has_its_place(oracles: dict[str, np.ndarray[Any, Any]]) -> None:
    entries = [key for key in oracles if re.match(r"L\d\d_\w+/(exp|grad)/", key)]
    places: dict[str, list[str]] = {"compared": [], "defined otherwise": [], "not yet here": []}
    for key in entries:
        name = key.split("/", 2)[2]
        if name in COUNTERPARTS or name in MAPS:
            places["compared"].append(name)
        elif name in DEFINED_OTHERWISE:
            places["defined otherwise"].append(name)
        else:
            assert NOT_YET_HERE.match(name), f"{key} has no counterpart and no reason"
            places["not yet here"].append(name)
    for place, names in places.items():
        print(f"{place}: {len(names)} entries of {len(set(names))} quantities")
    print("not yet here:", ", ".join(sorted(set(places["not yet here"]))))
    assert len(places["compared"]) >= 140
