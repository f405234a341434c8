"""Models of volumes with random weights, and volumes for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from seggrid.config import Experiment
from seggrid.data.preprocess import preprocess
from seggrid.inference.model import Model, open_model
from seggrid.networks import build_network
from seggrid.paths import DataFolder, RunFolder
from seggrid.plan import make_plan
from seggrid.specification import read_data, read_run
from tests.unit.data.sources.volume_files import write_volume

SPACING = (2.0, 1.0, 1.0)
UNET = {"architecture": "UNet3D", "parameters": {"channels": [4, 8]}}
FLAT = {"architecture": "FPN", "encoder": "tu-mobilenetv3_small_100"}


def scan(number: int, shape: tuple[int, int, int] = (12, 20, 26)) -> tuple[np.ndarray, np.ndarray]:
    """A box off the middle in noise, and its mask."""
    mask = np.zeros(shape, np.uint8)
    mask[3:9, 4:12, 10:22] = 1
    noise = np.random.default_rng(number).integers(0, 60, shape)
    return (200 * mask + noise).astype(np.int16), mask


def model_of_volumes(
    raw: Path, network: dict[str, Any] = UNET, seed: int = 1, steps: Sequence[Any] = ("z_score",), **data: Any
) -> Model:
    """Make a model that resamples volumes, or their slices, and then takes ``steps``."""
    for number in range(4):
        image, mask = scan(number)
        write_volume(raw / "images" / f"v{number}.nii.gz", image, SPACING)
        write_volume(raw / "masks" / f"v{number}.nii.gz", mask, SPACING)
    volumes = network is UNET
    resample = {"resample": {"spacing": [2.0, 1.5, 1.5] if volumes else [1.0, 1.0]}}
    experiment = {
        "name": "tiny", "data": {"source": "folder", "path": str(raw), "classes": ["box"], **data},
        "preprocessing": [resample, *steps], "splits": {"folds": 2}, "networks": [network], "mixtures": ["ce"],
        "training": {"patch_size": [8, 8, 8]} if volumes else {},
    }  # fmt: skip
    plan = make_plan(Experiment.model_validate(experiment), [])
    plan.write()
    preprocess(read_data(plan.data_id), DataFolder(plan.data_id), 1)
    run_id = plan.runs[0].run_id
    torch.manual_seed(seed)
    save_file(build_network(read_run(run_id).network, 1, 2).state_dict(), RunFolder(run_id).model)
    return open_model(run_id)
