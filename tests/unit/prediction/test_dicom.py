"""``seggrid predict`` on DICOM: a segmentation each, areas in mm2, and names that tell nobody."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import highdicom
import numpy as np
import pytest

from seggrid import cli
from seggrid.data.sources.dicom import read_header
from seggrid.errors import UserError
from seggrid.inference import segmenter
from seggrid.inference.model import open_model
from seggrid.prediction import stage
from seggrid.prediction.stage import predict_files
from tests.unit.data.sources.dicom_files import IDENTIFIERS, write_dicom
from tests.unit.prediction.conftest import MakeRun, contents, draw, read, table, write_raw


def segments(path: Path, image: Path, frame: int | None = None) -> np.ndarray:
    """The mask in a DICOM segmentation, by another library."""
    found, instance = highdicom.seg.segread(path), read_header(image).instance
    if frame:
        return np.asarray(found.get_pixels_by_source_frame(instance, [frame], combine_segments=True)[0])
    return np.asarray(found.get_pixels_by_source_instance([instance], combine_segments=True)[0])


def pixels(*numbers: int) -> np.ndarray:
    return np.stack([draw(number) for number in numbers]).squeeze()


def test_a_radiograph_gets_the_mask_of_the_same_pixels_in_a_png(make_run: MakeRun, tmp_path: Path) -> None:
    write_dicom(tmp_path / "in" / "Doe" / "Jane.dcm", pixels(1), 8, PixelSpacing=[0.5, 0.4])
    write_dicom(tmp_path / "in" / "turned", 255 - pixels(1), 8, PhotometricInterpretation="MONOCHROME1")
    cv2.imwrite(str(tmp_path / "in" / "flat.png"), pixels(1))
    predict_files(open_model(make_run()), [tmp_path / "in"], tmp_path / "out", overlays=True)
    files = {name: read_header(tmp_path / "in" / name) for name in ("Doe/Jane.dcm", "turned")}
    names = {header.pseudonym for header in files.values()}
    assert set(contents(tmp_path / "out")) == {
        "flat.png",
        "areas.csv",
        "overlays/flat.png",
        *(f"{name}.dcm" for name in names),
        *(f"overlays/{name}.png" for name in names),
    }
    flat = read(tmp_path / "out" / "flat.png")
    for file, header in files.items():
        mask = segments(tmp_path / "out" / f"{header.pseudonym}.dcm", tmp_path / "in" / file)
        assert np.array_equal(mask, flat)
        rows = [row for row in table(tmp_path / "out") if row["mask"] == f"{header.pseudonym}.dcm"]
        for label, row in enumerate(rows, start=1):
            count, spaced = int((flat == label).sum()), file == "Doe/Jane.dcm"
            assert (row["frame"], row["label"], row["pixels"]) == ("1", str(label), str(count))
            assert (float(row["area"]), row["unit"]) == (
                (pytest.approx(count * 0.2), "mm2") if spaced else (count, "px")
            )
    with (tmp_path / "in" / "pseudonyms.csv").open(newline="") as file:
        assert {row["file"]: row["name"] for row in csv.DictReader(file)} == {
            file: header.pseudonym for file, header in files.items()
        }


def test_windows_are_applied_where_the_model_was_trained_so(make_run: MakeRun, tmp_path: Path) -> None:
    shown = pixels(1)
    shown[:20, :20] = 255
    stored = shown.astype(np.uint16) * 8 + 1000
    stored[:20, :20] = 60000  # a marker of lead, beyond the window
    window = {"WindowCenter": 1000 + 8 * 127.5, "WindowWidth": 8 * 255, "VOILUTFunction": "LINEAR_EXACT"}
    film = tmp_path / "film.dcm"
    write_dicom(film, stored, 16, **window)
    cv2.imwrite(str(tmp_path / "flat.png"), shown)
    data = {**write_raw(tmp_path / "raw", 1, "folder"), "voi": True}
    predict_files(open_model(make_run(data=data)), [film, tmp_path / "flat.png"], tmp_path / "out", overlays=False)
    mask = segments(tmp_path / "out" / f"{read_header(film).pseudonym}.dcm", film)
    assert np.array_equal(mask, read(tmp_path / "out" / "flat.png"))
    predict_files(open_model(make_run()), [film], tmp_path / "plain", overlays=False)
    assert not np.array_equal(mask, segments(tmp_path / "plain" / f"{read_header(film).pseudonym}.dcm", film))


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.usefixtures("threads")
def test_a_sequence_is_one_segmentation(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(segmenter, "BATCH", {"cpu": batch})
    film = tmp_path / "film.dcm"
    write_dicom(film, pixels(1, 2, 3, 4, 5), 8, ImagerPixelSpacing=[1, 1])
    (tmp_path / "flat").mkdir()
    for number in range(1, 6):
        cv2.imwrite(str(tmp_path / "flat" / f"{number}.png"), draw(number))
    model = open_model(make_run())
    assert predict_files(model, [film, tmp_path / "flat"], tmp_path / "out", overlays=True).startswith("6 masks")
    name = read_header(film).pseudonym
    for number in range(1, 6):
        mask = segments(tmp_path / "out" / f"{name}.dcm", film, number)
        assert np.array_equal(mask, read(tmp_path / "out" / f"{number}.png"))
        picture = tmp_path / "out" / "overlays" / f"{name}-f{number:04d}.png"
        assert picture.read_bytes() == (tmp_path / "out" / "overlays" / f"{number}.png").read_bytes()
    rows = [row for row in table(tmp_path / "out") if row["mask"] == f"{name}.dcm"]
    assert [(row["frame"], row["class"]) for row in rows] == [
        (str(frame), kind) for frame in range(1, 6) for kind in ("disc", "box")
    ]


def test_a_rerun_makes_nothing_or_the_same_bytes(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dicom(tmp_path / "in" / "a.dcm", pixels(1), 8)
    write_dicom(tmp_path / "in" / "film", pixels(1, 2), 8)
    model, out = open_model(make_run()), tmp_path / "out"
    predict_files(model, [tmp_path / "in"], out, overlays=True)
    first = contents(out)
    with monkeypatch.context() as patch:
        patch.setattr(stage, "Segmenter", None)
        assert predict_files(model, [tmp_path / "in"], out, overlays=True) == f"2 masks in {out}, 0 of them new"
    name = read_header(tmp_path / "in" / "film").pseudonym
    (out / f"{name}.dcm").unlink()
    (out / "overlays" / f"{name}-f0002.png").unlink()
    assert "1 of them new" in predict_files(model, [tmp_path / "in"], out, overlays=True)
    assert contents(out) == first
    predict_files(model, [tmp_path / "in"], tmp_path / "other", overlays=True)
    assert contents(tmp_path / "other") == first


def test_dicom_without_image_is_passed_over_in_folders_and_told_alone(make_run: MakeRun, tmp_path: Path) -> None:
    write_dicom(tmp_path / "in" / "a.dcm", pixels(1), 8)
    model = open_model(make_run())
    predict_files(model, [tmp_path / "in"], tmp_path / "in" / "first", overlays=False)
    (segmentation,) = (tmp_path / "in" / "first").glob("dcm-*.dcm")
    segmentation.rename(tmp_path / "in" / "Doe.dcm")
    assert predict_files(model, [tmp_path / "in"], tmp_path / "out", overlays=False).startswith("1 masks in")
    with pytest.raises(UserError, match=r"^dcm-[0-9a-f]{12}: holds no image$"):
        predict_files(model, [tmp_path / "in" / "Doe.dcm"], tmp_path / "out", overlays=False)


@pytest.mark.usefixtures("threads")
def test_nothing_of_a_patient_is_told_or_written(
    make_run: MakeRun, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in" / "Doe_Jane"
    write_dicom(folder / "Jane_1.dcm", pixels(1), 8)
    write_dicom(folder / "Jane_2.dcm", pixels(2, 3), 8, form="RLE")
    write_dicom(folder / "Jane_3.dcm", pixels(4), 8)
    (folder / "Jane_3.dcm").write_bytes((folder / "Jane_3.dcm").read_bytes()[:-900])
    (folder / "Jane_4.dcm").write_bytes((folder / "Jane_1.dcm").read_bytes()[:400])
    (folder / "Jane_5.dcm").write_bytes((folder / "Jane_1.dcm").read_bytes())
    words = [
        "predict",
        "--model",
        make_run(),
        "--device",
        "cpu",
        "--overlays",
        str(tmp_path / "in"),
        str(tmp_path / "out"),
    ]
    assert cli.main(words) == 2
    told = "".join(capfd.readouterr())
    for part in ("unreadable or truncated", "the same image in several files", "1 masks are in"):
        assert part in told
    assert len(list((tmp_path / "out").glob("dcm-*.dcm"))) == 1
    for word in IDENTIFIERS:
        assert word not in told
        for place in ("out", "results"):
            assert not [p for p in (tmp_path / place).rglob("*") if word in p.name]
            assert not [p for p in (tmp_path / place).rglob("*") if p.is_file() and word.encode() in p.read_bytes()]
