"""DICOM as scanners write it: what an image is called, what is refused, and that nobody is told whose it is."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from seggrid.data.sources.dicom import read_header
from seggrid.data.sources.dicom_pixels import read_frame
from seggrid.errors import UserError
from seggrid.manifest import is_dicom
from tests.unit.data.sources.dicom_files import IDENTIFIERS, radiograph, write_dicom


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
