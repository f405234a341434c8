"""Small data sets of every layout that a test may damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from seggrid.proposal.classes import ObjectClass, name_classes, object_classes
from seggrid.proposal.fingerprint import Fingerprint, take_fingerprint
from seggrid.proposal.layout import Files, find_layout
from tests.unit.data.sources.dicom_files import radiograph, write_dicom

Writer = Callable[[Path], Path]
CASES = 9


def picture(number: int) -> npt.NDArray[np.uint8]:
    """Noise of 40 x 48 pixels."""
    return np.random.default_rng(number).integers(1, 250, (40, 48)).astype(np.uint8)


def mask_of(number: int) -> npt.NDArray[np.uint8]:
    """A small (1) and a large (2) box."""
    mask = np.zeros((40, 48), np.uint8)
    mask[3:9, 3 : 10 + number % 3] = 1
    mask[20:36, 5:40] = 2
    return mask


def save(path: Path, array: npt.NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def write_folder(root: Path) -> Path:
    for number in range(CASES):
        save(root / "images" / f"c{number}.png", picture(number))
        save(root / "masks" / f"c{number}.png", mask_of(number))
    return root


def write_coco(root: Path) -> Path:
    for number in range(CASES):
        save(root / "images" / f"c{number}.png", picture(number))
    outlines = {4: [5, 20, 40, 20, 40, 36, 5, 36], 2: [3, 3, 10, 3, 10, 9, 3, 9]}
    boxes = {4: [5, 20, 35, 16], 2: [3, 3, 7, 6]}
    content = {
        "images": [{"id": n, "file_name": f"c{n}.png", "width": 48, "height": 40} for n in range(CASES)],
        "categories": [{"id": 2, "name": "screw"}, {"id": 4, "name": "bone"}, {"id": 9, "name": "plate"}],
        "annotations": [
            {"id": 10 * n + k, "image_id": n, "category_id": k, "segmentation": [outlines[k]], "bbox": boxes[k]}
            for n in range(CASES)
            for k in outlines
        ],
    }
    (root / "coco.json").write_text(json.dumps(content), encoding="utf-8")
    return root


def write_nnunet(root: Path) -> Path:
    for number in range(CASES):
        save(root / "imagesTr" / f"c_{number}_0000.png", picture(number))
        save(root / "labelsTr" / f"c_{number}.png", mask_of(number))
    labels = {"background": 0, "screw": 1, "bone": 2}
    header = {"channel_names": {"0": "X-ray"}, "labels": labels, "file_ending": ".png"}
    (root / "dataset.json").write_text(json.dumps(header), encoding="utf-8")
    return root


def write_scans(root: Path) -> Path:
    for number in range(CASES):
        patient = f"4711-0815-{number // 2}"
        write_dicom(root / "images" / f"Doe{number}.dcm", radiograph(number), patient=patient, PixelSpacing=[0.2, 0.3])
        save(root / "masks" / f"Doe{number}.png", mask_of(number))
    return root


LAYOUTS: dict[str, Writer] = {
    "folder": write_folder,
    "coco": write_coco,
    "nnunet": write_nnunet,
    "dicom": write_scans,
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine images with masks, without names and without groups."""
    return write_folder(tmp_path / "bones")


Looked = tuple[Files, Fingerprint, tuple[ObjectClass, ...], tuple[str, ...]]
Look = Callable[[Path], Looked]


def look_at(path: Path) -> Looked:
    """Read a data set: its section, fingerprint and classes, and what is said of the classes."""
    layout = find_layout(path)
    fingerprint = take_fingerprint(layout.data, lambda _: None)
    data, notes = name_classes(layout.data, fingerprint)
    return data, fingerprint, object_classes(data, fingerprint), notes


@pytest.fixture
def look() -> Look:
    return look_at
