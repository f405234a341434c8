"""Values and gradients against public implementations, from ``../shared/oracles/cases.npz`` (FORMULAS.md, section 9).

Every loss entry of the file is compared here, or belongs to a loss that is defined otherwise, or to one that is not
yet in the catalogue; the last test counts them.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seggrid.config.tables import filled
from seggrid.losses import maps
from seggrid.losses.distance_fields import DistanceFields, depth_on_device, signed_on_device
from tests.oracles.counterparts import FAMILIES
from tests.oracles.counterparts.base import DISTANCE, FLOAT32, FLOAT64

COUNTERPARTS = {name: found for family in FAMILIES for name, found in family.COUNTERPARTS.items()}
DEFINED_OTHERWISE = {name: reason for family in FAMILIES for name, reason in family.DEFINED_OTHERWISE.items()}
MAPS = {"boundary_map@liviaets": "signed_distance", "rrw_map@rwl": "rectified"}
#: Name -> why nothing of ours could be compared with it. There is none.
WITHOUT_COUNTERPART: dict[str, str] = {}


@pytest.fixture(scope="module")
def oracles(shared: Path) -> dict[str, np.ndarray[Any, Any]]:
    path = shared / "oracles" / "cases.npz"
    with np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files if re.match(r"[LD]\d\d_", key)}


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


def placed(oracles: dict[str, np.ndarray[Any, Any]]) -> dict[str, Counter[str]]:
    """Entries of each quantity by what became of them."""
    places: dict[str, Counter[str]] = {
        "compared": Counter(), "documented difference": Counter(), "without counterpart": Counter(),
    }  # fmt: skip
    for key in oracles:
        if not re.match(r"L\d\d_\w+/(exp|grad)/", key):
            continue
        case, _, name = key.split("/", 2)
        if name in MAPS or (name in COUNTERPARTS and axes_of(oracles, case) in COUNTERPARTS[name].axes):
            places["compared"][name] += 1
        elif name in DEFINED_OTHERWISE:
            places["documented difference"][name] += 1
        else:
            assert name in WITHOUT_COUNTERPART, f"{key} has no counterpart and no reason"
            places["without counterpart"][name] += 1
    return places


def test_every_loss_entry_has_its_place(oracles: dict[str, np.ndarray[Any, Any]]) -> None:
    places = placed(oracles)
    for place, names in places.items():
        print(f"{place}: {names.total()} entries of {len(names)} quantities")
    entries = [key for key in oracles if re.match(r"L\d\d_\w+/(exp|grad)/", key)]
    assert sum(names.total() for names in places.values()) == len(entries)


def table(oracles: dict[str, np.ndarray[Any, Any]]) -> str:
    """The table of the reference page, family by family."""
    places = placed(oracles)
    lines = ["| quantity @ public code | entries | what became of them |", "| --- | --- | --- |"]
    for family in FAMILIES:
        title = (family.__doc__ or "").strip().rstrip(".")
        lines.append(f"| **{title}** | | |")
        for name in sorted({*family.COUNTERPARTS, *family.DEFINED_OTHERWISE}):
            if count := places["compared"][name]:
                lines.append(f"| `{name}` | {count} | equal to {family.COUNTERPARTS[name].tolerance:g} |")
            if count := places["documented difference"][name]:
                lines.append(f"| `{name}` | {count} | differs: {family.DEFINED_OTHERWISE[name]} |")
    lines += ["| **Maps** | | |"]
    lines += [f"| `{name}` | {places['compared'][name]} | equal to {DISTANCE:g} |" for name in MAPS]
    counts = ", ".join(f"{names.total()} {place}" for place, names in places.items())
    return "\n".join([*lines, "", f"In all: {counts}."])


def test_the_reference_page_holds_the_table(oracles: dict[str, np.ndarray[Any, Any]], repository: Path) -> None:
    """SEGGRID_WRITE_ORACLES=1 writes it."""
    path = repository / "docs" / "reference" / "loss-oracles.md"
    text = path.read_text(encoding="utf-8")
    expected = filled(text, "oracles", table(oracles) + "\n", path.name)
    if os.environ.get("SEGGRID_WRITE_ORACLES"):
        path.write_text(expected, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == expected
