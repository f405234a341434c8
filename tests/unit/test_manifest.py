"""Content hashes of raw files, and the cache that spares reading them again."""

from __future__ import annotations

import builtins
import hashlib
import os
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from pydantic import TypeAdapter

from seggrid.config import Experiment
from seggrid.config.data import Data
from seggrid.errors import UserError
from seggrid.identities import data_spec
from seggrid.manifest import holds_volumes, manifest_hash, raw_files


def data_of(folder: Path, source: str = "folder", **keys: Any) -> Data:
    classes = {"classes": ["a"]} if source != "nnunet" else {}
    return TypeAdapter(Data).validate_python({"source": source, "path": folder, **classes, **keys})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("images", "masks"):
        (tmp_path / "raw" / part).mkdir(parents=True)
        for name in ("a", "b"):
            (tmp_path / "raw" / part / f"{name}.png").write_bytes(f"{part}{name}".encode())
    return tmp_path / "raw"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read for their hash."""
    names: list[str] = []
    original = hashlib.file_digest

    def file_digest(file: Any, algorithm: str) -> Any:
        names.append(Path(file.name).name)
        return original(file, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", file_digest)
    return names


def test_unchanged_files_are_not_read_again(folder: Path, tmp_path: Path, hashed: list[str]) -> None:
    cache = tmp_path / "cache.json"
    first = manifest_hash(data_of(folder), cache)
    assert sorted(hashed) == ["a.png", "a.png", "b.png", "b.png"]
    stamp = cache.stat().st_mtime_ns
    hashed.clear()
    assert manifest_hash(data_of(folder), cache) == first
    assert hashed == []
    assert cache.stat().st_mtime_ns == stamp


def test_a_touched_file_is_read_again_and_changes_nothing(folder: Path, tmp_path: Path, hashed: list[str]) -> None:
    cache = tmp_path / "cache.json"
    first = manifest_hash(data_of(folder), cache)
    hashed.clear()
    os.utime(folder / "masks" / "b.png", (1, 1))
    assert manifest_hash(data_of(folder), cache) == first
    assert hashed == ["b.png"]


def test_a_change_of_the_same_size_is_seen_by_its_time(folder: Path, tmp_path: Path) -> None:
    cache, path = tmp_path / "cache.json", folder / "masks" / "a.png"
    os.utime(path, (1, 1))
    first = manifest_hash(data_of(folder), cache)
    path.write_bytes(path.read_bytes()[::-1])
    assert manifest_hash(data_of(folder), cache) != first


def test_a_change_of_the_same_time_is_seen_by_its_size(folder: Path, tmp_path: Path) -> None:
    cache, path = tmp_path / "cache.json", folder / "masks" / "a.png"
    os.utime(path, (1, 1))
    first = manifest_hash(data_of(folder), cache)
    path.write_bytes(path.read_bytes() + b"x")
    os.utime(path, (1, 1))
    assert manifest_hash(data_of(folder), cache) != first


@pytest.mark.parametrize("damaged", ["", "{", "[]", "null", '{"PATH": 5}', '{"PATH": []}', '{"PATH": [1, 2]}'])
def test_a_damaged_cache_is_written_anew(folder: Path, tmp_path: Path, damaged: str) -> None:
    cache = tmp_path / "cache.json"
    first = manifest_hash(data_of(folder), cache)
    whole = cache.read_text()
    cache.write_text(damaged.replace("PATH", str(folder / "masks" / "a.png")))
    assert manifest_hash(data_of(folder), cache) == first
    assert cache.read_text() == whole


def test_the_hash_is_that_of_names_and_contents_wherever_they_lie(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache.json"
    first = manifest_hash(data_of(folder), cache)
    moved = folder.rename(tmp_path / "elsewhere")
    assert manifest_hash(data_of(moved), cache) == first
    link = tmp_path / "link"
    link.symlink_to(moved, target_is_directory=True)
    assert manifest_hash(data_of(link), cache) == first
    (moved / "images" / "b.png").rename(moved / "images" / "c.png")  # the order of contents stays
    assert manifest_hash(data_of(moved), cache) != first


def test_two_files_that_swap_their_contents_change_the_hash(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache.json"
    first = manifest_hash(data_of(folder), cache)
    a, b = folder / "images" / "a.png", folder / "images" / "b.png"
    a.rename(folder / "x")
    b.rename(a)
    (folder / "x").rename(b)
    assert manifest_hash(data_of(folder), cache) != first


def test_only_the_declared_parts_are_listed(folder: Path) -> None:
    (folder / "notes.txt").write_text("x")
    (folder / "images" / ".hidden.png").write_text("x")
    (folder / "images" / ".hidden").mkdir()
    (folder / "images" / ".hidden" / "a.png").write_text("x")
    (folder / "images" / "sub").mkdir()
    (folder / "images" / "sub" / "a.png").write_text("x")
    (folder / "cases.csv").write_text("case,group\n")
    assert [path.as_posix() for path in raw_files(data_of(folder))] == [
        "cases.csv", "images/a.png", "images/b.png", "images/sub/a.png", "masks/a.png", "masks/b.png",
    ]  # fmt: skip


def test_a_folder_below_a_hidden_one_is_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".data").mkdir()
    moved = folder.rename(tmp_path / ".data" / "raw")
    assert len(raw_files(data_of(moved))) == 4


def test_a_missing_part_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.path: .*nowhere is not a folder"):
        raw_files(data_of(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"raw/coco\.json: missing; a coco data set needs it"):
        raw_files(data_of(folder, "coco"))
    with pytest.raises(UserError, match=r"raw/dataset\.json: missing; a nnunet data set needs it"):
        raw_files(data_of(folder, "nnunet"))
    with pytest.raises(UserError, match=r"raw/labels: missing; a folder data set needs it"):
        raw_files(data_of(folder, masks="labels"))


def test_a_file_that_cannot_be_read_is_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with (
        monkeypatch.context() as patch,
        pytest.raises(UserError, match=r"a\.png: cannot be read \(Permission denied\)"),
    ):
        patch.setattr(Path, "open", refuse)
        patch.setattr(builtins, "open", refuse)
        manifest_hash(data_of(folder), tmp_path / "cache.json")
    assert not (tmp_path / "cache.json").exists()


def test_a_phantom_needs_no_files_and_no_cache(tmp_path: Path) -> None:
    data: Data = TypeAdapter(Data).validate_python({"source": "phantom"})
    assert raw_files(data) == []
    assert len(manifest_hash(data, tmp_path / "cache.json")) == 12
    assert not (tmp_path / "cache.json").exists()


def test_volumes_are_known_by_their_headers(folder: Path) -> None:
    data = data_of(folder)
    assert not holds_volumes(data, raw_files(data))
    shapes = {"c.nii": (4, 5), "d.nii.gz": (4, 5, 1), "e.nii": (4, 5, 1, 1)}
    for name, shape in shapes.items():
        nib.save(nib.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4)), folder / "images" / name)
    (folder / "images" / "broken.nii.gz").write_bytes(b"no gzip")
    assert not holds_volumes(data, raw_files(data))
    nib.save(nib.Nifti1Image(np.zeros((1, 5, 6), np.uint8), np.eye(4)), folder / "images" / "a.nii.gz")
    assert holds_volumes(data, raw_files(data))


def test_only_data_sets_of_volumes_get_another_id(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    settings = {"name": "x", "data": data_of(folder).model_dump(), "networks": ["UNet_R18"], "mixtures": ["ce"]}
    experiment = Experiment.model_validate(settings | {"preprocessing": ["z_score"]})
    assert "volumes" not in data_spec(experiment).identity
    nib.save(nib.Nifti1Image(np.zeros((3, 5, 6), np.uint8), np.eye(4)), folder / "images" / "c.nii.gz")
    assert data_spec(experiment).identity["volumes"] == 2


def test_only_data_sets_with_dicom_images_get_another_id(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    settings = {"name": "x", "data": data_of(folder).model_dump(), "networks": ["UNet_R18"], "mixtures": ["ce"]}
    experiment = Experiment.model_validate(settings | {"preprocessing": ["z_score"]})
    (folder / "masks" / "c.dcm").write_bytes(bytes(128) + b"DICM")
    assert "dicom" not in data_spec(experiment).identity, "of a mask nothing has changed"
    (folder / "images" / "IM0001").write_bytes(bytes(128) + b"DICM")
    assert data_spec(experiment).identity["dicom"] == 2
