"""Measures of the masks that ``seggrid predict`` writes for DICOM images: frame by frame, in their order."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from pydicom import dcmread, dcmwrite

from seggrid import cli
from seggrid.config import Experiment
from seggrid.config.motion import Motion
from seggrid.data.preprocess import preprocess
from seggrid.data.sources.dicom import read_header
from seggrid.data.sources.series import arrange, read_slice, series_pseudonym
from seggrid.data.store import Store
from seggrid.inference.masks import write_mask
from seggrid.inference.model import open_model
from seggrid.motion.knee import ROLES
from seggrid.motion.stage import measure_runs, motion_file
from seggrid.paths import DataFolder, RunFolder
from seggrid.plan import make_plan
from seggrid.prediction.segmentation import encode_segmentation, encode_series
from seggrid.prediction.stage import predict_files
from seggrid.specification import read_data
from tests.unit.data.sources.dicom_files import IDENTIFIERS, uid, write_dicom
from tests.unit.data.sources.volume_files import write_series as write_series_files
from tests.unit.motion.test_knee import drawn, values
from tests.unit.motion.test_stage import EXPERIMENT
from tests.unit.prediction.conftest import MakeRun, draw, make_run

__all__ = ["make_run"]
#: InstanceNumber of each file of a series.
ORDER = (3, 1, 4, 2)


def segment(image: Path, masks: Path, *labels: npt.NDArray[np.uint8], names: tuple[str, ...] = ROLES) -> str:
    """Write the segmentation of an image as predict does; return the image's pseudonym."""
    header = read_header(image)
    masks.mkdir(parents=True, exist_ok=True)
    content = encode_segmentation(header, np.stack(labels), names, "0123456789ab")
    (masks / f"{header.pseudonym}.dcm").write_bytes(content)
    return header.pseudonym


def shot(path: Path, *masks: npt.NDArray[np.uint8], series: str, **headers: object) -> None:
    pixels = np.stack(masks).astype(np.uint16) * 800
    write_dicom(path, pixels if len(masks) > 1 else pixels[0], SeriesInstanceUID=uid(series), **headers)


@pytest.fixture
def knees() -> list[npt.NDArray[np.uint8]]:
    return [drawn(0, frame)[0] for frame in (0, 1)]


def write_series(root: Path, knees: list[npt.NDArray[np.uint8]], numbers: tuple[int | None, ...] = ORDER) -> list[str]:
    """Two series of two images, even InstanceNumbers being the second knee; return pseudonyms."""
    found = []
    for place, number in enumerate(numbers):
        image, mask = root / "images" / f"Doe_Jane{9 + place}", knees[place % 2]
        headers = {} if number is None else {"InstanceNumber": number}
        shot(image, mask, series="left" if place < 2 else "right", ImagerPixelSpacing=[0.5, 0.5], **headers)
        found.append(segment(image, root / "masks", mask))
    return found


def measure(root: Path, *more: str, masks: str = "masks") -> int:
    return cli.main(["motion", "--masks", str(root / masks), "--out", str(root / "out"), *more])


def rows(root: Path) -> pd.DataFrame:
    return pd.read_csv(root / "out" / "motion.csv", keep_default_na=False, na_values={"value": [""]})


def test_segmentations_of_series_are_measured_in_the_order_of_their_images(
    tmp_path: Path, knees: list[npt.NDArray[np.uint8]]
) -> None:
    names = write_series(tmp_path, knees)
    assert measure(tmp_path, "--spacing", "0.7", "0.7") == 0
    found = rows(tmp_path)
    frames = found.drop_duplicates("case").set_index("case")
    assert frames["frame"].to_dict() == dict(zip(names, ORDER, strict=True))
    series = [series_pseudonym(read_header(tmp_path / "images" / f"Doe_Jane{9 + place}")) for place in range(4)]
    assert [frames.loc[name, "sequence"] for name in names] == series
    assert len(set(series)) == 2
    for sequence, part in found.groupby("sequence"):
        assert part["frame"].is_monotonic_increasing, sequence
    for place, name in enumerate(names):
        own = found[found["case"] == name].set_index("measure")["value"].to_dict()
        assert own == pytest.approx(values(knees[place % 2], (0.7, 0.7)), nan_ok=True)
        assert (tmp_path / "out" / f"{name}.png").is_file()
    written = (tmp_path / "out" / "motion.csv").read_text()
    assert not any(word in written for word in (*IDENTIFIERS, uid("left"), uid("right")))


def test_images_give_spacing_and_grey_values(tmp_path: Path, knees: list[npt.NDArray[np.uint8]]) -> None:
    write_series(tmp_path, knees)
    assert measure(tmp_path) == 0
    assert set(rows(tmp_path)["unit"]) >= {"px"}
    assert measure(tmp_path, "--images", str(tmp_path / "images")) == 0
    found = rows(tmp_path)
    assert "px" not in set(found["unit"])


def test_without_numbers_the_images_give_the_order_or_it_is_asked_for(
    tmp_path: Path, knees: list[npt.NDArray[np.uint8]], capsys: pytest.CaptureFixture[str]
) -> None:
    names = write_series(tmp_path, knees, (None,) * 4)
    assert measure(tmp_path) == 2
    assert "do not say in which order they come; give the folder of their images" in capsys.readouterr().err
    assert measure(tmp_path, "--images", str(tmp_path / "images")) == 0
    frames = rows(tmp_path).drop_duplicates("case").set_index("case")["frame"]
    assert [frames[name] for name in names] == [1, 2, 1, 2], "by the names of the files: 9 before 10"


@pytest.mark.parametrize("images", [False, True])
def test_a_segmentation_of_a_sequence_is_measured_frame_by_frame(
    tmp_path: Path, knees: list[npt.NDArray[np.uint8]], images: bool
) -> None:
    empty = np.zeros_like(knees[0])
    film = tmp_path / "images" / "film"
    shot(film, knees[0], empty, knees[1], series="film")
    name = segment(film, tmp_path / "masks", knees[0], empty, knees[1])
    cv2.imwrite(str(tmp_path / "masks" / "flat.png"), knees[0])
    assert measure(tmp_path, *(["--images", str(tmp_path / "images")] if images else [])) == 0
    found = rows(tmp_path)
    frames = found.drop_duplicates("case")[["sequence", "case", "frame"]].to_numpy().tolist()
    assert frames == [["masks", "flat", 1], *([name, f"{name}-f{frame:04d}", frame] for frame in (1, 2, 3))]
    assert "ok" not in set(found.loc[found["case"] == f"{name}-f0002", "status"])
    third = found[found["case"] == f"{name}-f0003"].set_index("measure")["value"].to_dict()
    assert third == pytest.approx(values(knees[1], None), nan_ok=True)


def test_what_cannot_be_read_is_named(
    tmp_path: Path, knees: list[npt.NDArray[np.uint8]], capsys: pytest.CaptureFixture[str]
) -> None:
    write_series(tmp_path, knees)
    masks = tmp_path / "masks"
    (masks / "broken.dcm").write_bytes(b"no DICOM")
    (masks / "notes.txt").write_text("flexed")
    cv2.imwrite(str(masks / "lossy.jpg"), knees[0])
    assert measure(tmp_path) == 2
    told = capsys.readouterr().err
    assert "broken.dcm: not a DICOM segmentation, or truncated" in told
    assert "notes.txt: files of type .txt are not read" in told
    assert "lossy.jpg: a JPEG mask has wrong values" in told
    assert not (tmp_path / "out").exists()


def test_a_second_mask_of_an_image_and_one_of_several_images_are_named(
    tmp_path: Path, knees: list[npt.NDArray[np.uint8]], capsys: pytest.CaptureFixture[str]
) -> None:
    first, *_ = write_series(tmp_path, knees)
    (tmp_path / "masks" / "zz.dcm").write_bytes((tmp_path / "masks" / f"{first}.dcm").read_bytes())
    assert measure(tmp_path) == 2
    assert f"zz.dcm: a second mask of the image of {first}.dcm; keep one of them" in capsys.readouterr().err
    write_series_files(tmp_path / "ct", np.zeros((3, 8, 9), np.int16))
    series = arrange([read_slice(path) for path in sorted((tmp_path / "ct").iterdir())])
    (tmp_path / "volumes").mkdir()
    content = encode_series(series, np.ones((3, 8, 9), np.uint8), ROLES, "0123456789ab")
    (tmp_path / "volumes" / "ct.dcm").write_bytes(content)
    assert measure(tmp_path, masks="volumes") == 2
    assert "ct.dcm: a segmentation of 3 images; give a file for each" in capsys.readouterr().err


def test_names_of_segments_are_compared_with_the_parts(
    tmp_path: Path, knees: list[npt.NDArray[np.uint8]], capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "images" / "a"
    shot(image, knees[0], series="a")
    segment(image, tmp_path / "masks", knees[0], names=("femur", "patella", "tibia", "patellar_tendon"))
    assert measure(tmp_path) == 2
    assert "label 1 is called femur, which is looked for in label 2" in capsys.readouterr().err
    assert measure(tmp_path, "--classes", "patella=2,femur=1,tibia=3,patellar_tendon=4") == 0


def test_numbers_of_other_programs_are_their_own(
    tmp_path: Path, knees: list[npt.NDArray[np.uint8]], capsys: pytest.CaptureFixture[str]
) -> None:
    write_series(tmp_path, knees)
    for path in (tmp_path / "masks").iterdir():
        found = dcmread(path)
        found.ManufacturerModelName = "another program"
        dcmwrite(path, found)
    assert measure(tmp_path) == 2
    assert "do not say in which order they come" in capsys.readouterr().err
    assert measure(tmp_path, "--images", str(tmp_path / "images")) == 0
    assert set(rows(tmp_path)["frame"]) == set(ORDER)


def test_predict_and_motion_are_a_pair(make_run: MakeRun, tmp_path: Path) -> None:
    images = tmp_path / "radiographs"
    for number in (2, 1):
        pixels = draw(number)
        write_dicom(images / f"Doe{number}", pixels, 8, SeriesInstanceUID=uid("pair"), InstanceNumber=number)
    write_dicom(images / "film", np.stack([draw(3), draw(4)]), 8, SeriesInstanceUID=uid("film"))
    model = open_model(make_run())
    # Once more, so that the table of pseudonyms lies among the images.
    for _ in range(2):
        predict_files(model, [images], tmp_path / "masks", overlays=True)
        for more in ([], ["--images", str(images)]):
            assert measure(tmp_path, *more) == 0
            frames = rows(tmp_path).drop_duplicates("case")[["case", "frame"]]
            film = read_header(images / "film").pseudonym
            expected = {read_header(images / f"Doe{number}").pseudonym: number for number in (1, 2)}
            expected |= {f"{film}-f000{number}": number for number in (1, 2)}
            assert dict(frames.to_numpy().tolist()) == expected


def test_an_experiment_measures_each_series_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, knees: list[npt.NDArray[np.uint8]]
) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    raw = tmp_path / "raw"
    expected = {}
    for number in range(16):
        patient, series, shown = f"p{number // 4}", f"s{number // 2}", number % 2
        key = f"{patient}/{number}"
        noise = np.random.default_rng(number).integers(0, 9, knees[0].shape)
        pixels = (200 * knees[shown] + noise).astype(np.uint16)
        # The second file is the first frame.
        headers = {"SeriesInstanceUID": uid(series), "InstanceNumber": 2 - shown, "ImagerPixelSpacing": [0.5, 0.5]}
        write_dicom(raw / "images" / f"{key}.dcm", pixels, patient=f"4711-0815-{patient}", **headers)
        (raw / "masks" / patient).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(raw / "masks" / f"{key}.png"), knees[shown])
        header = read_header(raw / "images" / f"{key}.dcm")
        expected[header.pseudonym] = series_pseudonym(header), 2 - shown
    data = {"source": "folder", "path": str(raw), "classes": list(ROLES)}
    plan = make_plan(
        Experiment.model_validate({**EXPERIMENT, "data": data, "networks": ["UNet_R18"], "mixtures": ["ce"]}), []
    )
    plan.write()
    preprocess(read_data(plan.data_id), DataFolder(plan.data_id), 1)
    store, found = Store.open(DataFolder(plan.data_id)), []
    for run in plan.runs:
        folder = RunFolder(run.run_id).evaluation(run.eval_id)
        folder.folder.mkdir(parents=True)
        with zipfile.ZipFile(folder.predictions, "w") as archive:
            for case in store.fold(int(run.fold)).test:
                write_mask(archive, f"test/{store.cases[case].case}", store.truth(case))
        settings = Motion()
        measure_runs([run], settings, store.class_names)
        found.append(pd.read_csv(motion_file(run, settings.labels(store.class_names))))
    table = pd.concat(found).drop_duplicates("case").set_index("case")
    assert {case: (row["sequence"], row["frame"]) for case, row in table.iterrows()} == expected
    assert table.groupby("group")["sequence"].nunique().tolist() == [2, 2, 2, 2]
