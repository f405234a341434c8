"""DICOM as scanners write it: values, spacing, frames, compression, and what is refused."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from seggrid.data.sources.dicom import is_dicom, read_frame, read_header
from seggrid.errors import UserError
from tests.unit.data.sources.dicom_files import IDENTIFIERS, item, radiograph, write_dicom


@pytest.mark.parametrize("form", ["plain", "implicit", "RLE", "JPEG lossless", "JPEG-LS", "JPEG 2000"])
@pytest.mark.parametrize(("bits", "top"), [(12, 4000), (16, 65000)])
def test_values_are_those_that_were_stored_however_compressed(tmp_path: Path, form: str, bits: int, top: int) -> None:
    pixels = radiograph(1, top=top)
    write_dicom(tmp_path / "a.dcm", pixels, bits, form=form, ImagerPixelSpacing=[0.2, 0.3])
    image, spacing = read_frame(tmp_path / "a.dcm")
    assert (image.dtype, spacing) == (np.uint16, (0.2, 0.3))
    assert np.array_equal(image, pixels[None])


def test_lossy_values_are_nearly_those_that_were_stored(tmp_path: Path) -> None:
    pixels = np.linspace(0, 255, 40 * 48).reshape(40, 48).astype(np.uint8)
    write_dicom(tmp_path / "a.dcm", pixels, 8, form="JPEG")
    assert np.abs(read_frame(tmp_path / "a.dcm")[0][0].astype(int) - pixels).max() < 6


@pytest.mark.parametrize(
    ("kind", "bits", "expected"),
    [(np.uint16, 12, [4095, 4090, 0]), (np.uint8, 8, [255, 250, 0]), (np.int16, 12, [-1, -6, -2048])],
)
def test_monochrome1_is_turned_round_by_the_range_that_can_be_stored(
    tmp_path: Path, kind: Any, bits: int, expected: list[int]
) -> None:
    """Bone is bright, and the same stored value gives the same brightness in every image."""
    pixels = np.full((4, 6), 5, kind)
    pixels[0, 0], pixels[0, 2] = 0, (1 << bits - (kind is np.int16)) - 1
    write_dicom(tmp_path / "a.dcm", pixels, bits, PhotometricInterpretation="MONOCHROME1")
    image = read_frame(tmp_path / "a.dcm")[0]
    assert image[0, 0, :3].tolist() == expected


def test_slope_and_intercept_are_applied_and_the_window_is_not(tmp_path: Path) -> None:
    pixels = radiograph(2)
    window = {"WindowCenter": 100, "WindowWidth": 10}
    write_dicom(tmp_path / "a.dcm", pixels, RescaleSlope="0.5", RescaleIntercept="-1000", RescaleType="US", **window)
    image = read_frame(tmp_path / "a.dcm")[0]
    assert image.dtype == np.float32
    assert np.array_equal(image[0], pixels * 0.5 - 1000)
    turned = {"RescaleSlope": "0.5", "RescaleIntercept": "-1000", "PhotometricInterpretation": "MONOCHROME1"}
    write_dicom(tmp_path / "b.dcm", pixels, **turned, **window)
    assert np.array_equal(read_frame(tmp_path / "b.dcm")[0][0], (4095 - pixels) * 0.5 - 1000)


def test_a_modality_table_is_applied(tmp_path: Path) -> None:
    pixels = np.arange(24, dtype=np.uint16).reshape(4, 6)
    table = (np.arange(24) ** 2 + 7).astype(np.uint16)
    entry = item(LUTDescriptor=[24, 0, 16], ModalityLUTType="US", LUTData=table.tobytes())
    write_dicom(tmp_path / "a.dcm", pixels, ModalityLUTSequence=[entry])
    assert np.array_equal(read_frame(tmp_path / "a.dcm")[0][0], table.reshape(4, 6))


@pytest.mark.parametrize(
    ("attributes", "spacing"),
    [
        ({"PixelSpacing": [0.2, 0.3]}, (0.2, 0.3)),
        ({"ImagerPixelSpacing": [0.4, 0.5]}, (0.4, 0.5)),
        ({"ImagerPixelSpacing": [0.4, 0.5], "PixelSpacing": [0.2, 0.3]}, (0.2, 0.3)),
        ({"SharedFunctionalGroupsSequence": [item(PixelMeasuresSequence=[item(PixelSpacing=[0.6, 0.7])])]}, (0.6, 0.7)),
        ({}, None),
    ],
)
def test_spacing_is_the_patients_else_the_detectors(
    tmp_path: Path, attributes: dict[str, Any], spacing: tuple[float, float] | None
) -> None:
    write_dicom(tmp_path / "a.dcm", radiograph(1), **attributes)
    assert read_frame(tmp_path / "a.dcm")[1] == spacing


@pytest.mark.parametrize("form", ["plain", "RLE", "JPEG lossless", "JPEG 2000"])
def test_a_sequence_is_read_frame_by_frame(tmp_path: Path, form: str) -> None:
    pixels = radiograph(3, (5, 40, 48))
    write_dicom(tmp_path / "a.dcm", pixels, form=form, ImagerPixelSpacing=[0.2, 0.2])
    assert read_header(tmp_path / "a.dcm").frames == 5
    for frame in (5, 1, 3):
        image, spacing = read_frame(tmp_path / "a.dcm", frame)
        assert np.array_equal(image[0], pixels[frame - 1])
        assert spacing == (0.2, 0.2)


def test_a_frame_of_its_own_groups_has_its_own_values(tmp_path: Path) -> None:
    pixels = radiograph(3, (2, 8, 9))
    frames = [
        item(PixelValueTransformationSequence=[item(RescaleSlope=str(n), RescaleIntercept="1", RescaleType="US")])
        for n in (2, 3)
    ]
    write_dicom(tmp_path / "a.dcm", pixels, PerFrameFunctionalGroupsSequence=frames)
    for frame, slope in ((1, 2), (2, 3)):
        assert np.array_equal(read_frame(tmp_path / "a.dcm", frame)[0][0], pixels[frame - 1] * slope + 1.0)


def test_colours_that_are_grey_have_one_channel(tmp_path: Path) -> None:
    grey = radiograph(1, (6, 8), 250).astype(np.uint8)
    colours = np.stack([grey, grey, grey], -1)
    more: dict[str, Any] = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    shape = {"Rows": 6, "Columns": 8, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}
    for name, pixels, channels in (("grey", colours, 1), ("real", colours + np.uint8([0, 1, 2]), 3)):
        write_dicom(tmp_path / f"{name}.dcm", pixels.reshape(6, -1), 8, **more, **shape)
        image = read_frame(tmp_path / f"{name}.dcm")[0]
        assert image.shape == (channels, 6, 8)
        assert np.array_equal(image, np.moveaxis(pixels, -1, 0)[:channels])


def test_a_file_is_dicom_by_its_suffix_or_its_first_bytes(tmp_path: Path) -> None:
    write_dicom(tmp_path / "IM0001", radiograph(1))
    write_dicom(tmp_path / "1.2.840.55", radiograph(1))
    (tmp_path / "a.DCM").touch()
    (tmp_path / "notes.txt").write_text("DICM")
    assert [is_dicom(tmp_path / name) for name in ("IM0001", "1.2.840.55", "a.DCM", "notes.txt", "absent")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_a_name_follows_from_the_image_not_from_its_file(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", radiograph(1), SOPInstanceUID="1.2.3")
    write_dicom(tmp_path / "b" / "c.dcm", radiograph(1), form="JPEG 2000", SOPInstanceUID="1.2.3")
    write_dicom(tmp_path / "d.dcm", radiograph(1), SOPInstanceUID="1.2.4")
    names = [read_header(tmp_path / path).pseudonym for path in ("a.dcm", "b/c.dcm", "d.dcm")]
    assert names[0] == names[1] == "dcm-c47f5b18b8a4"
    assert names[2] != names[0]


@pytest.mark.parametrize("form", ["plain", "RLE", "JPEG lossless", "JPEG-LS", "JPEG 2000"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_truncated_file_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], form: str, share: float
) -> None:
    path = tmp_path / "Doe_Jane.dcm"
    write_dicom(path, radiograph(1, (200, 200)), form=form)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError, match="unreadable or truncated") as error:
        read_header(path)
        read_frame(path)
    assert not any(name in str(error.value) for name in IDENTIFIERS)
    told = "".join(capfd.readouterr())
    assert told in ("", "Tile part length size inconsistent with stream length\n"), "the libraries have their own say"


def refuse(tmp_path: Path, message: str, **attributes: Any) -> None:
    write_dicom(tmp_path / "a.dcm", radiograph(1), **attributes)
    with pytest.raises(UserError, match=message):
        read_header(tmp_path / "a.dcm")
        read_frame(tmp_path / "a.dcm")


def test_what_is_not_understood_is_refused(tmp_path: Path) -> None:
    refuse(tmp_path, "pixels are PALETTE COLOR; save it as grey", PhotometricInterpretation="PALETTE COLOR")
    refuse(tmp_path, "PixelSpacing is not positive", PixelSpacing=[0.0, 0.1])
    refuse(tmp_path, "slope or intercept is no number", RescaleSlope="0", RescaleIntercept="1")
    refuse(tmp_path, "holds no image", SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4")
    (tmp_path / "a.dcm").write_text("no DICOM")
    with pytest.raises(UserError, match="unreadable or truncated"):
        read_header(tmp_path / "a.dcm")


def test_a_compression_without_decoder_is_named(tmp_path: Path) -> None:
    deep = np.linspace(0, 4095, 40 * 48).reshape(40, 48).astype(np.uint16)
    write_dicom(tmp_path / "b.dcm", deep, 12, form="JPEG 12 bit")
    with pytest.raises(UserError, match=r"compressed as JPEG Extended \(Process 2 and 4\), which no installed decoder"):
        read_frame(tmp_path / "b.dcm")
    write_dicom(tmp_path / "a.dcm", radiograph(1), form="RLE")
    content = (tmp_path / "a.dcm").read_bytes()
    # High-throughput JPEG 2000, in as many bytes.
    (tmp_path / "a.dcm").write_bytes(
        content.replace(b"UI\x14\x001.2.840.10008.1.2.5\0", b"UI\x18\x001.2.840.10008.1.2.4.201\0")
    )
    with pytest.raises(UserError, match=r"compressed as High-Throughput JPEG 2000.*; save it uncompressed"):
        read_frame(tmp_path / "a.dcm")


def test_values_of_the_header_do_not_reach_logs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    caplog.set_level(logging.DEBUG)
    found: Dataset = write_dicom(tmp_path / "a.dcm", radiograph(1))
    # Not a valid number, of which pydicom would tell the value.
    content = (tmp_path / "a.dcm").read_bytes().replace(b"19530527", b"Doe/Jane")
    (tmp_path / "a.dcm").write_bytes(content)
    read_header(tmp_path / "a.dcm")
    read_frame(tmp_path / "a.dcm")
    assert found.PatientBirthDate == "19530527"
    told = caplog.text + "".join(str(warning.message) for warning in recwarn)
    assert not any(name in told for name in IDENTIFIERS)


def test_who_has_no_dicom_does_not_wait_for_its_libraries() -> None:
    code = (
        "import sys, seggrid.data.sources, seggrid.prediction.stage; print({'pydicom', 'highdicom'} & {*sys.modules})"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
