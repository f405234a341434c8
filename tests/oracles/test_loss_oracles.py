"""Values and gradients against public implementations, from ``../shared/oracles/cases.npz`` (FORMULAS.md, section 9).

Every loss entry of the file is compared here, or belongs to a loss that is defined otherwise; ``test_every_entry.py``
counts them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seggrid.losses import maps
from seggrid.losses.distance_fields import DistanceFields, depth_on_device, signed_on_device
from tests.oracles.counterparts import FAMILIES
from tests.oracles.counterparts.base import DISTANCE, FLOAT32, FLOAT64

COUNTERPARTS = {name: found for family in FAMILIES for name, found in family.COUNTERPARTS.items()}
DEFINED_OTHERWISE = {name: reason for family in FAMILIES for name, reason in family.DEFINED_OTHERWISE.items()}
#: Names of the distance transforms that ``test_distance_inside_objects`` compares.
TRANSFORMS = r"edt_(c[1-4]|multilabel)(_aniso)?@(scipy|edt)"
MAPS = {"boundary_map@liviaets": "signed_distance", "rrw_map@rwl": "rectified"}


@pytest.fixture(scope="module")
def oracles(shared: Path) -> dict[str, np.ndarray[Any, Any]]:
    path = shared / "oracles" / "cases.npz"
    with np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files if re.match(r"[ADL]\d+_", key)}


def cases_of(oracles: dict[str, np.ndarray[Any, Any]], name: str) -> list[str]:
    axes = COUNTERPARTS[name].axes if name in COUNTERPARTS else (2, 3)
    found = [key.split("/")[0] for key in oracles if key.endswith(f"/exp/{name}")]
    found = [case for case in found if axes_of(oracles, case) in axes]
    assert found, f"no case holds {name}"
    return found


def axes_of(oracles: dict[str, np.ndarray[Any, Any]], case: str) -> int:
    return oracles[f"{case}/in/label"].ndim - 1


def inputs(oracles: dict[str, np.ndarray[Any, Any]], case: str) -> tuple[Tensor, Tensor]:
    logits = torch.from_numpy(oracles[f"{case}/in/logits"]).requires_grad_()
    return logits, torch.from_numpy(oracles[f"{case}/in/label"].astype(np.int64))


def close(found: Tensor, expected: np.ndarray[Any, Any], tolerance: float, rounding: float, case: str) -> None:
    """Compare relative to the largest value, apart from what float64 loses in 1 - p at a near-perfect p."""
    atol = tolerance * np.abs(expected).max() + rounding
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=tolerance, atol=atol, err_msg=case)


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_value_and_gradient(name: str, oracles: dict[str, np.ndarray[Any, Any]]) -> None:
    compute, tolerance, _, rounding = COUNTERPARTS[name]
    for case in cases_of(oracles, name):
        logits, target = inputs(oracles, case)
        value = compute(logits, target)
        close(value, oracles[f"{case}/exp/{name}"], tolerance, rounding, case)
        if f"{case}/grad/{name}" in oracles:
            gradient = torch.autograd.grad(value, logits)[0]
            close(gradient, oracles[f"{case}/grad/{name}"], tolerance, 1e-18, case)


@pytest.mark.parametrize("name", [name for name, found in COUNTERPARTS.items() if found.tolerance == FLOAT64])
def test_value_in_float32(name: str, oracles: dict[str, np.ndarray[Any, Any]]) -> None:
    for case in cases_of(oracles, name):
        logits, target = inputs(oracles, case)
        value = COUNTERPARTS[name].compute(logits.detach().float(), target)
        np.testing.assert_allclose(value, oracles[f"{case}/exp/{name}"], rtol=FLOAT32, atol=FLOAT32, err_msg=case)


@pytest.mark.parametrize("name", MAPS)
def test_map(name: str, oracles: dict[str, np.ndarray[Any, Any]]) -> None:
    for case in cases_of(oracles, name):
        logits, target = inputs(oracles, case)
        found = maps.compute([MAPS[name]], target, logits.shape[1])[MAPS[name]]
        expected = oracles[f"{case}/exp/{name}"]
        skipped = 1 if MAPS[name] == "signed_distance" else 0  # no map of the background there
        for c in range(skipped, logits.shape[1]):
            filled = (target == c).flatten(1).all(1).numpy()  # scipy measures to a pixel that does not exist
            np.testing.assert_allclose(
                found.numpy()[~filled, c], expected[~filled, c], rtol=0, atol=DISTANCE, err_msg=case
            )


@pytest.mark.parametrize("name", ["boundary_map@liviaets"])
def test_map_on_device(name: str, oracles: dict[str, np.ndarray[Any, Any]]) -> None:
    for case in cases_of(oracles, name):
        logits, target = inputs(oracles, case)
        found = signed_on_device(target, logits.shape[1], (1.0,) * (target.ndim - 1))[:, 1:]
        expected = oracles[f"{case}/exp/{name}"][:, 1:]
        np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=DISTANCE, err_msg=case)


@pytest.mark.parametrize(("suffix", "spacing"), [("", (1.0, 1.0)), ("_aniso", (0.5, 1.25))])
@pytest.mark.parametrize("on_device", [False, True])
def test_distance_inside_objects(
    suffix: str, spacing: tuple[float, float], on_device: bool, oracles: dict[str, np.ndarray[Any, Any]]
) -> None:
    case = "D01_distance_transforms"
    label = oracles[f"{case}/in/label"].astype(np.int64)
    target, unit = torch.from_numpy(label)[None], min(spacing)
    if on_device:
        depth = depth_on_device(target, 5, [side / unit for side in spacing])
    else:
        depth = DistanceFields(target, 5, spacing).depth
    inside = depth[0].double().numpy() * unit
    for c in range(1, 5):
        expected = oracles[f"{case}/exp/edt_c{c}{suffix}@scipy"][label == c]
        np.testing.assert_allclose(inside[label == c], expected, rtol=0, atol=DISTANCE)
        expected = oracles[f"{case}/exp/edt_multilabel{suffix}@edt"][label == c]
        np.testing.assert_allclose(inside[label == c], expected, rtol=0, atol=DISTANCE)


def place_of(oracles: dict[str, np.ndarray[Any, Any]], case: str, name: str) -> tuple[str, str]:
    """Return what became of an entry, and the reason where it is not compared.

    Raises:
        KeyError: nobody says.
    """
    if name in MAPS or (name in COUNTERPARTS and axes_of(oracles, case) in COUNTERPARTS[name].axes):
        return "compared", ""
    return "documented difference", DEFINED_OTHERWISE[named_otherwise(name)]


def named_otherwise(name: str) -> str:
    """Return under which name ``DEFINED_OTHERWISE`` holds an entry: its own, or that of all entries of its code."""
    return name if name in DEFINED_OTHERWISE else f"*@{name.partition('@')[2]}"
