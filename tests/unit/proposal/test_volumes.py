"""`seggrid init` on volumes: networks and sizes of volumes, series, and a single patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from seggrid import cli
from seggrid.proposal.volumes import patch_size
from tests.unit.data.sources.dicom_files import IDENTIFIERS
from tests.unit.data.sources.volume_files import write_series, write_volume

Capture = pytest.CaptureFixture[str]


def write(root: Path, count: int, spacing: tuple[float, ...] = (2.0, 1.0, 1.0), series: bool = False) -> None:
    for number in range(count):
        mask = np.zeros((14, 30, 26 + number), np.uint8)
        mask[4:10, 8:20, 8:20], mask[10:12, 8:20, 8:20] = 1, 2
        image = (100 * mask + np.random.default_rng(number).integers(0, 40, mask.shape)).astype(np.int16)
        write_volume(root / "masks" / f"v{number}.nii.gz", mask, spacing)
        if series:
            write_series(root / "images" / f"v{number}", image, spacing, patient=f"4711-{number}")
        else:
            write_volume(root / "images" / f"v{number}.nii.gz", image, (*spacing[:2], spacing[2] * (1 + number % 2)))
            write_volume(root / "masks" / f"v{number}.nii.gz", mask, (*spacing[:2], spacing[2] * (1 + number % 2)))


def proposed(root: Path) -> dict[str, Any]:
    """Propose, plan and preprocess; return the experiment."""
    assert cli.main(["init", "--no-probe", str(root)]) == 0
    assert cli.main(["plan", root.name]) == 0
    (data,) = Path("results/data").glob("*/")
    assert cli.main(["preprocess", data.name]) == 0
    found: dict[str, Any] = yaml.safe_load(Path(f"config/experiments/{root.name}.yaml").read_text())
    return found


def test_volumes_get_networks_patches_and_one_spacing(place: Path, capsys: Capture) -> None:
    write(place / "legs", 6)
    found = proposed(place / "legs")
    assert found["networks"] == ["UNet3D", "VNet"]
    assert found["training"]["patch_size"] == [16, 32, 32]
    assert found["preprocessing"][0] == {"resample": {"spacing": [2.0, 1.0, 1.5]}}
    assert "of volumes" not in capsys.readouterr().err


def test_a_single_patient_is_cut_and_told(place: Path, capsys: Capture) -> None:
    write(place / "leg", 1)
    found = proposed(place / "leg")
    assert found["data"]["subvolumes"] == {"grid": [2, 3, 2]}
    assert "1 patient: technical demonstration" in capsys.readouterr().out
    assert "blocks of one patient" in Path("config/experiments/leg.yaml").read_text()


def test_folders_of_slices_are_series(place: Path, capsys: Capture) -> None:
    write(place / "scans", 4, series=True)
    found = proposed(place / "scans")
    assert found["data"]["series"] is True
    told = capsys.readouterr().out + Path("config/experiments/scans.yaml").read_text()
    assert not any(secret in told for secret in IDENTIFIERS)


def test_large_volumes_get_a_coarser_spacing(place: Path) -> None:
    zeros = np.zeros((160, 128, 128), np.uint8)
    zeros[40:90, 30:90, 30:90] = 1
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 9, zeros.shape, dtype=np.uint8)
        write_volume(place / "big" / "images" / f"v{number}.nii", zeros * 100 + noise, (1.0, 2.0, 2.0))
        write_volume(place / "big" / "masks" / f"v{number}.nii", zeros, (1.0, 2.0, 2.0))
    assert cli.main(["init", "--no-probe", str(place / "big")]) == 0
    found = yaml.safe_load(Path("config/experiments/big.yaml").read_text())
    ((step, *_),) = [found["preprocessing"]]
    assert step == {"resample": {"spacing": [pytest.approx(1.25, abs=0.03), 2.0, 2.0]}}


@pytest.mark.parametrize(
    ("size", "patch"), [((34, 52, 35), (40, 56, 40)), ((1, 20, 20), (8, 24, 24)), ((200, 128, 128), (48, 48, 56))]
)
def test_patches_are_multiples_of_the_stride(size: tuple[int, ...], patch: tuple[int, ...]) -> None:
    assert patch_size(size) == patch
