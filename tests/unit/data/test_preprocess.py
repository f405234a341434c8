"""From raw files to a store: what is written, and that one list names everything that is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import psutil
import pytest
from PIL import Image

from seggrid.data.preprocess import preprocess
from seggrid.data.sources import Case, RawCase
from seggrid.data.sources.folder import FolderSource
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.metrics import label_surfaces
from seggrid.paths import DataFolder
from seggrid.records import write_json
from tests.unit.data.conftest import described, make_spec

Build = Callable[..., Store]
RESIZE: dict[str, Any] = {"resize": {"size": [32, 32]}}


def save(path: Path, array: np.ndarray) -> None:
    Image.fromarray(array).save(path)


def test_the_store_holds_what_the_files_hold(folder: Path, build: Build, classes: dict[str, int]) -> None:
    store = build(described(folder, classes), ("min_max", RESIZE))
    assert [entry.case for entry in store.cases] == [f"c{n}" for n in range(8)]
    for index, entry in enumerate(store.cases):
        mask = np.asarray(Image.open(folder / "masks" / f"{entry.case}.png"))
        image = np.asarray(Image.open(folder / "images" / f"{entry.case}.png"))
        assert np.array_equal(store.truth(index), mask)
        assert store.original(index).shape == mask.shape
        assert np.corrcoef(store.original(index).ravel(), image.ravel())[0, 1] > 0.99
        assert store.image(index).shape == (1, 32, 32)
        assert store.labels(index).shape == (32, 32)
        assert entry.pixels == tuple(np.bincount(store.labels(index).ravel(), minlength=3))
        found = label_surfaces(mask, (1, 2)).surfaces
        kept = store.truth_surfaces(index).surfaces
        assert all(np.array_equal(kept[label].flat, found[label].flat) for label in (1, 2))
    assert (store.class_names, store.in_channels, store.unit) == (("disc", "box"), 1, "px")


def test_the_same_bytes_with_any_number_of_processes(folder: Path, build: Build, classes: dict[str, int]) -> None:
    for name, processes in (("one", 1), ("two", 2)):
        build(described(folder, classes), ("z_score", RESIZE), name=name, processes=processes)
    first, second = (folder.parent / "data" / name for name in ("one", "two"))
    names = sorted(path.name for path in first.iterdir())
    assert names == [
        ".index.csv", "borders.npy", "card.json", "images.npy", "index.csv", "labels.npy", "originals.npy",
        "splits.json", "truths.npy",
    ]  # fmt: skip
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_every_bad_case_is_told_at_once(folder: Path, build: Build, classes: dict[str, int]) -> None:
    images, masks = folder / "images", folder / "masks"
    shape = (40, 48)
    save(masks / "c0.png", np.zeros(shape, np.uint8))
    save(images / "c1.png", np.full(shape, 9, np.uint8))
    (images / "c2.png").write_bytes((images / "c2.png").read_bytes()[:300])
    (masks / "c2.png").write_bytes(b"no image")
    save(masks / "c3.png", np.ones((40, 47), np.uint8))
    save(masks / "c4.png", np.full(shape, 7, np.uint8))
    (masks / "c5.png").unlink()
    save(images / "c7.png", np.asarray(Image.open(images / "c6.png")))
    save(masks / "extra.png", np.ones(shape, np.uint8))
    with pytest.raises(UserError) as caught:
        build(described(folder, classes))
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("9 problems in the data")
    for expected in (
        "c0: the mask shows no object",
        "c1: the image has the value 9 everywhere",
        "images/c2.png: unreadable or truncated",
        "masks/c2.png: unreadable or truncated",
        "masks/c3.png: the mask is 40 x 47 pixels, its image 40 x 48",
        "masks/c4.png: undeclared label 7 (1920 pixels)",
        "images/c5.png: no mask",
        "c6, c7: the same image under 2 names",
        "masks/extra.png: no image",
    ):
        assert sum(expected in line for line in lines[1:]) == 1, expected
    assert list((folder.parent / "data" / "built").iterdir()) == []


def test_a_step_that_fails_names_the_case(folder: Path, build: Build, classes: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"c3: preprocessing step resize: .* has 3 sides"):
        build(described(folder, classes), ({"resize": {"size": [8, 8, 8]}},))


def test_an_absent_class_is_named(folder: Path, build: Build, classes: dict[str, int]) -> None:
    with pytest.raises(UserError, match="no case shows screw"):
        build(described(folder, classes | {"screw": 3}))


def test_not_a_number_is_found(tmp_path: Path, folder: Path, build: Build, classes: dict[str, int]) -> None:
    broken = np.random.default_rng(0).normal(0, 1, (40, 48)).astype(np.float32)
    broken[0, :3] = [np.nan, np.inf, -np.inf]
    (folder / "images" / "c0.png").unlink()
    nib.save(nib.Nifti1Image(broken, np.eye(4)), folder / "images" / "c0.nii.gz")
    with pytest.raises(UserError, match="c0: 3 pixels of the image are NaN or infinite"):
        build(described(folder, classes))


def test_mixed_channels_and_spacings_are_named(folder: Path, build: Build, classes: dict[str, int]) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (40, 48, 3), dtype=np.uint8)
    save(folder / "images" / "c1.png", colour)
    (folder / "images" / "c2.png").unlink()
    nib.save(nib.Nifti1Image(colour[..., 0], np.eye(4)), folder / "images" / "c2.nii")
    with pytest.raises(UserError) as caught:
        build(described(folder, classes))
    assert "c1: 3 channels, but c0 and most others have 1" in str(caught.value)
    assert "c2: has a spacing, unlike c0" in str(caught.value)


def test_the_spacing_needs_a_value_per_axis(folder: Path, build: Build, classes: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"c0: data.spacing has 3 values, the image 2 axes"):
        build(described(folder, classes, spacing=[1, 1, 1]))


def test_empty_masks_can_be_allowed(folder: Path, build: Build, classes: dict[str, int]) -> None:
    save(folder / "masks" / "c0.png", np.zeros((40, 48), np.uint8))
    store = build(described(folder, classes, allow_empty=True))
    assert store.cases[0].pixels == (40 * 48, 0, 0)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_refused_data_set_leaves_the_one_that_was_there(folder: Path, build: Build, classes: dict[str, int]) -> None:
    build(described(folder, classes))
    built = folder.parent / "data" / "built"
    before = contents(built)
    (folder / "masks" / "c0.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="1 problem in the data"):
        build(described(folder, classes))
    assert contents(built) == before


def test_files_that_changed_since_the_plan_are_refused(folder: Path, classes: dict[str, int]) -> None:
    target = DataFolder("built", folder.parent)
    spec = make_spec(described(folder, classes), ("z_score",), {"folds": 4})
    preprocess(spec, target, 1)
    before = contents(target.folder)
    save(folder / "masks" / "c0.png", np.asarray(Image.open(folder / "masks" / "c1.png")))
    with pytest.raises(UserError, match=r"^built: the files in .*raw changed since it was planned; run `seggrid plan`"):
        preprocess(spec, target, 1)
    assert contents(target.folder) == before


def test_files_that_change_while_they_are_read_are_refused(
    folder: Path, classes: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = DataFolder("built", folder.parent)
    spec = make_spec(described(folder, classes), ("z_score",), {"folds": 4})
    load = FolderSource.load

    def change_then_load(source: FolderSource, case: Case) -> RawCase:
        save(folder / "images" / "c0.png", np.asarray(Image.open(folder / "images" / "c0.png")) // 2)
        return load(source, case)

    monkeypatch.setattr(FolderSource, "load", change_then_load)
    with pytest.raises(UserError, match="changed since it was planned"):
        preprocess(spec, target, 1)
    assert not target.index.exists()


def test_another_version_of_the_phantom_is_refused(tmp_path: Path) -> None:
    spec = make_spec({"source": "phantom"}, ("z_score",), {"folds": 4})
    spec.identity["manifest"] = "that of an older version"
    with pytest.raises(UserError, match="built: the phantom changed since it was planned"):
        preprocess(spec, DataFolder("built", tmp_path), 1)


def test_what_a_kill_left_is_swept_but_no_live_writer_is_disturbed(
    folder: Path, build: Build, classes: dict[str, int]
) -> None:
    built = folder.parent / "data" / "built"
    built.mkdir(parents=True)
    dead, live = built / ".images.npy.0a.part", built / ".images.npy.0b.part"
    for part in (dead, live):
        part.write_bytes(b"half")
    os.utime(dead, (1, 1))
    build(described(folder, classes))
    assert [dead.exists(), live.exists()] == [False, True]


SLOW = """
import sys, time
from pathlib import Path
from seggrid.data import preprocess as module
from seggrid.paths import DataFolder
from seggrid.specification import read_data

class Slow(module._Preparer):
    def __call__(self, case):
        import os
        Path(sys.argv[1], str(os.getpid())).touch()
        time.sleep(600)

module._Preparer = Slow
if __name__ == "__main__":
    module.preprocess(read_data("built"), DataFolder("built"), 2)
"""


def test_workers_end_with_a_main_process_that_is_killed(folder: Path, classes: dict[str, int]) -> None:
    target = DataFolder("built")
    write_json(target.spec, make_spec(described(folder, classes), ("z_score",), {"folds": 4}).model_dump(mode="json"))
    script, marks = folder / "slow.py", folder / "marks"
    script.write_text(SLOW)
    marks.mkdir()
    main = subprocess.Popen([sys.executable, str(script), str(marks)])
    while len(list(marks.iterdir())) < 2:
        assert main.poll() is None
        time.sleep(0.05)
    family = psutil.Process(main.pid).children(recursive=True)
    assert len(family) >= 3, "two workers and the forkserver"
    main.kill()  # left as a zombie on purpose
    _, alive = psutil.wait_procs(family, timeout=20)
    main.wait()
    assert not alive


def test_the_card_sums_up_the_original_masks(folder: Path, build: Build, classes: dict[str, int]) -> None:
    (folder / "cases.csv").write_text("case,group\n" + "".join(f"c{n},p{n % 4}\n" for n in range(8)))
    build(described(folder, classes, spacing=[0.5, 0.25]), (RESIZE,))
    card = json.loads((folder.parent / "data" / "built" / "card.json").read_text())
    areas = sum(np.bincount(np.asarray(Image.open(p)).ravel(), minlength=3) for p in (folder / "masks").iterdir())
    assert card["areas"] == dict(zip(["background", "disc", "box"], areas.tolist(), strict=True))
    assert sum(card["shares"].values()) == pytest.approx(1)
    assert (card["cases"], card["groups"], card["unit"]) == (8, 4, "mm")
    assert card["cases_with"] == {"disc": 8, "box": 8}
    assert card["groups_with"] == {"disc": 4, "box": 4}
    assert card["sizes"] == [{"shape": [40, 48], "cases": 8}]
    assert card["spacing"]["median"] == [0.5, 0.25]
    assert card["intensities"]["0.5"] < card["intensities"]["50"] < card["intensities"]["99.5"]


def test_the_phantom_needs_no_files(tmp_path: Path, build: Build) -> None:
    store = build({"source": "phantom", "knee": {"subjects": 3, "frames": 1, "size": 64}}, splits={"folds": 3})
    assert (len(store.cases), store.unit, store.in_channels) == (3, "mm", 1)


def test_preprocessing_does_not_import_torch() -> None:
    code = "import sys, seggrid.data.preprocess; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
