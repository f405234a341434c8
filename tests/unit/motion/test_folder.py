"""Measures of mask files of knees that nobody has labelled."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from seggrid import cli
from tests.unit.motion.test_knee import WIDE, drawn, values


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Two sequences."""
    for subject in (0, 1):
        (tmp_path / "masks" / f"knee{subject}").mkdir(parents=True)
        for frame in range(2):
            mask, _ = drawn(subject, frame)
            cv2.imwrite(str(tmp_path / "masks" / f"knee{subject}" / f"f{9 + frame}.png"), mask)
    return tmp_path / "masks"


def read(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "motion.csv", keep_default_na=False, na_values={"value": [""]})


def test_a_row_per_frame_and_measure(masks: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cli.main(["motion", "--masks", str(masks), "--out", str(out), "--spacing", "0.7", "0.7"]) == 0
    rows = read(out)
    assert rows.drop_duplicates("case")[["sequence", "case", "frame"]].to_numpy().tolist() == [
        ["knee0", "knee0/f9", 1], ["knee0", "knee0/f10", 2], ["knee1", "knee1/f9", 1], ["knee1", "knee1/f10", 2],
    ]  # fmt: skip
    expected = values(drawn(1, 1)[0], (0.7, 0.7))
    found = rows[rows["case"] == "knee1/f10"].set_index("measure")["value"].to_dict()
    assert found == pytest.approx(expected, nan_ok=True)
    picture = cv2.imread(str(out / "knee1" / "f10.png"))
    assert picture.shape[0] == 640
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_out_inside_the_masks_is_not_measured(masks: Path) -> None:
    for _ in range(2):
        assert cli.main(["motion", "--masks", str(masks), "--out", str(masks / "measures")]) == 0
    assert read(masks / "measures")["case"].nunique() == 4


def test_images_are_drawn_on(masks: Path, tmp_path: Path) -> None:
    images = tmp_path / "images" / "knee0"
    images.mkdir(parents=True)
    cv2.imwrite(str(images / "f9.png"), np.full((WIDE.size, WIDE.size), 90, np.uint8))
    arguments = ["motion", "--masks", str(masks), "--out", str(tmp_path / "out"), "--images", str(images.parent)]
    assert cli.main(arguments) == 0
    cv2.imwrite(str(images / "f9.png"), np.zeros((5, 5), np.uint8))
    assert cli.main(arguments) == 2


def test_masks_are_never_replaced_by_pictures(masks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in masks.rglob("*.png")}
    for out in (masks, masks.parent):
        assert cli.main(["motion", "--masks", str(masks), "--out", str(out)]) == 2
        assert "whose files pictures could replace" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in masks.rglob("*.png")}


def test_labels_of_16_bit_are_not_cut_down(tmp_path: Path) -> None:
    mask, _ = drawn(0, 0)
    (tmp_path / "masks").mkdir()
    wide = mask.astype(np.uint16)
    wide[wide == 1] = 257
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), wide)
    assert cli.main(["motion", "--masks", str(tmp_path / "masks"), "--out", str(tmp_path / "out")]) == 0
    assert set(read(tmp_path / "out")["status"]) == {"patella_absent"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--classes", "patella=1"], "femur is missing"),
        (["--classes", "shoulder=1"], "'shoulder=1' is not PART=LABEL"),
        (["--classes", "patella=²"], "'patella=²' is not PART=LABEL"),
        (["--classes", "patella=1,patella=2"], "patella=2 names a part or a label that stands there already"),
        (["--classes", "patella=1,femur=1"], "femur=1 names a part or a label that stands there already"),
        (["--masks", "nowhere"], "nowhere: no such folder"),
        (["--spacing", "0.2", "0"], "0.2 0 is not positive"),
    ],
)
def test_mistakes(
    masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.main(["motion", "--masks", str(masks), "--out", str(tmp_path / "out"), *arguments]) == 2
    assert message in capsys.readouterr().err
