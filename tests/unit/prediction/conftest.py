"""Runs with random weights on small data sets: what prediction needs, without a training."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import save_file

from seggrid.config import Experiment
from seggrid.data.preprocess import preprocess
from seggrid.networks import build_network
from seggrid.paths import DataFolder, RunFolder
from seggrid.plan import make_plan
from seggrid.prediction import reading
from seggrid.records import write_json
from seggrid.specification import read_data, read_run

#: Makes a run on the images of a folder and returns its id.
MakeRun = Callable[..., str]
CASES = 6


def draw(number: int, size: tuple[int, int] = (60, 90), channels: int = 1) -> npt.NDArray[np.uint8]:
    """A disc and a box on noise, ``(rows, columns[, channels])``."""
    mask = labels(size)
    noise = np.random.default_rng(number).integers(0, 30, (*size, channels))
    return (80 * mask[..., None] + noise).astype(np.uint8).squeeze()


def labels(size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    rows, columns = np.mgrid[: size[0], : size[1]]
    mask = np.zeros(size, np.uint8)
    mask[40:55, 5:25] = 2
    mask[(rows - 20) ** 2 + (columns - 40) ** 2 < 150] = 1
    return mask


def read(path: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))


def table(out: Path) -> list[dict[str, str]]:
    with (out / "areas.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def write_nifti(path: Path, array: npt.NDArray[Any]) -> None:
    affine = np.array([[0, -0.5, 0, 3], [0.4, 0, 0, -7], [0, 0, 2, 1], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(array, affine), path)


@pytest.fixture
def make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeRun:
    """Make a run in the results folder of the test; the weights are random, and find all objects."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))

    def make(seed: int = 2, channels: int = 1, layout: str = "folder", **changes: object) -> str:
        raw = tmp_path / "raw"
        data = write_raw(raw, channels, layout)
        experiment = Experiment.model_validate(
            {
                "name": "tiny",
                "data": data,
                "preprocessing": ["percentile_clip", "z_score", {"resize": {"size": [64, 64]}}],
                "splits": {"folds": 2},
                "networks": [{"architecture": "FPN", "encoder": "tu-mobilenetv3_small_100"}],
                "mixtures": ["ce"],
                **changes,
            }
        )
        plan = make_plan(experiment, [])
        plan.write()
        folder = DataFolder(plan.data_id)
        if not folder.index.is_file():
            preprocess(read_data(plan.data_id), folder, 1)
        run_id = plan.runs[0].run_id
        torch.manual_seed(seed)
        save_file(build_network(read_run(run_id).network, channels, 3).state_dict(), RunFolder(run_id).model)
        return run_id

    return make


def write_raw(folder: Path, channels: int, layout: str) -> Mapping[str, object]:
    """Write a data set, and return how an experiment names it."""
    images, masks = ("images", "masks") if layout == "folder" else ("imagesTr", "labelsTr")
    for part in (images, masks):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for number in range(CASES):
        size = (60 + 3 * number, 90 - 4 * number)
        image = draw(number, size, channels)
        if layout == "folder":
            cv2.imwrite(str(folder / images / f"c{number}.png"), image)
            cv2.imwrite(str(folder / masks / f"c{number}.png"), labels(size))
            continue
        for channel, plane in enumerate(np.atleast_3d(image).transpose(2, 0, 1)):
            write_nifti(folder / images / f"c{number}_{channel:04d}.nii.gz", plane[..., None])
        write_nifti(folder / masks / f"c{number}.nii.gz", labels(size)[..., None])
    if layout == "folder":
        return {"source": "folder", "path": str(folder), "classes": ["disc", "box"]}
    names = {str(number): "x" for number in range(channels)}
    header = {"channel_names": names, "labels": {"background": 0, "disc": 1, "box": 2}, "file_ending": ".nii.gz"}
    write_json(folder / "dataset.json", header)
    return {"source": "nnunet", "path": str(folder)}


@pytest.fixture(params=["in turn", "in threads"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading and writing as beside a processor, and as beside a GPU."""
    if request.param == "in threads":
        monkeypatch.setattr(reading, "THREADED", ("cpu",))
