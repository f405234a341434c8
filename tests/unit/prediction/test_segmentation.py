"""DICOM segmentations: read back by another library, the same bytes again, and nothing of the patient in them."""

from __future__ import annotations

from pathlib import Path

import highdicom
import numpy as np
import pytest
from pydicom import dcmread

from seggrid.data.sources.dicom import NotAnImageError, read_header
from seggrid.prediction.segmentation import encode_segmentation
from tests.unit.data.sources.dicom_files import IDENTIFIERS, radiograph, write_dicom

NAMES = ("Kniescheibe ä", "femur", "tibia")
MODEL = "0123456789ab"


def masks_of(frames: int, shape: tuple[int, int] = (41, 47)) -> np.ndarray:
    """With pixels that do not fill the last byte; a frame without object, and an object in one frame only."""
    masks = np.random.default_rng(0).integers(0, 3, (frames, *shape)).astype(np.uint8)
    masks[0, 3:9, 4:7] = 3
    if frames > 1:
        masks[1] = 0
    return masks


def write_image(path: Path, frames: int) -> None:
    write_dicom(path, radiograph(1, (frames, 41, 47) if frames > 1 else (41, 47)))


@pytest.mark.parametrize("frames", [1, 3, 19])
def test_highdicom_reads_the_masks_back(tmp_path: Path, frames: int) -> None:
    write_image(tmp_path / "a.dcm", frames)
    header, masks = read_header(tmp_path / "a.dcm"), masks_of(frames)
    (tmp_path / "seg.dcm").write_bytes(encode_segmentation(header, masks, NAMES, MODEL))
    found = highdicom.seg.segread(tmp_path / "seg.dcm")
    assert (found.number_of_segments, found.segmentation_type.value) == (3, "BINARY")
    assert [found.get_segment_description(number).segment_label for number in (1, 2, 3)] == list(NAMES)
    assert found.get_source_image_uids() == [(header.study, header.series, header.instance)]
    if frames == 1:
        read = found.get_pixels_by_source_instance([header.instance], combine_segments=True)
    else:
        numbers = list(range(1, frames + 1))
        read = found.get_pixels_by_source_frame(header.instance, numbers, combine_segments=True)
    assert np.array_equal(read, masks)


def test_same_image_masks_and_model_give_the_same_bytes_and_others_another_name(tmp_path: Path) -> None:
    write_image(tmp_path / "a.dcm", 1)
    write_image(tmp_path / "b.dcm", 1)
    header, masks = read_header(tmp_path / "a.dcm"), masks_of(1)
    first = encode_segmentation(header, masks, NAMES, MODEL)
    assert encode_segmentation(header, masks, NAMES, MODEL) == first
    others = [
        encode_segmentation(header, masks, NAMES, "another"),
        encode_segmentation(header, masks[:, ::-1], NAMES, MODEL),
        encode_segmentation(read_header(tmp_path / "b.dcm"), masks, NAMES, MODEL),
    ]
    found = []
    for number, content in enumerate([first, *others]):
        (tmp_path / f"{number}.seg").write_bytes(content)
        found.append(dcmread(tmp_path / f"{number}.seg"))
    assert len({one.SOPInstanceUID for one in found}) == 4
    assert found[0].file_meta.MediaStorageSOPInstanceUID == found[0].SOPInstanceUID
    # One series for all masks of a model in a series of images.
    assert found[0].SeriesInstanceUID == found[2].SeriesInstanceUID == found[3].SeriesInstanceUID
    assert found[0].SeriesInstanceUID != found[1].SeriesInstanceUID
    assert {one.StudyInstanceUID for one in found} == {header.study}
    assert all(one.SOPInstanceUID.is_valid and len(one.SOPInstanceUID) <= 64 for one in found)


def test_nothing_of_the_patient_and_no_time_is_in_it(tmp_path: Path) -> None:
    write_image(tmp_path / "a.dcm", 1)
    content = encode_segmentation(read_header(tmp_path / "a.dcm"), masks_of(1), NAMES, MODEL)
    assert not any(word.encode() in content for word in IDENTIFIERS)
    (tmp_path / "seg.dcm").write_bytes(content)
    found = dcmread(tmp_path / "seg.dcm")
    assert (found.PatientName, found.PatientID, found.StudyDate, found.PatientIdentityRemoved) == ("", "", "", "YES")
    dates = {str(element.value) for element in found if element.VR in ("DA", "TM", "DT")}
    assert dates == {"", "19800101", "000000"}


def test_it_has_the_number_of_its_image(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", radiograph(1, (41, 47)), InstanceNumber=17)
    content = encode_segmentation(read_header(tmp_path / "a.dcm"), masks_of(1), NAMES, MODEL)
    (tmp_path / "seg.dcm").write_bytes(content)
    assert dcmread(tmp_path / "seg.dcm").InstanceNumber == 17


def test_a_segmentation_is_no_image(tmp_path: Path) -> None:
    write_image(tmp_path / "a.dcm", 1)
    content = encode_segmentation(read_header(tmp_path / "a.dcm"), masks_of(1), NAMES, MODEL)
    (tmp_path / "seg.dcm").write_bytes(content)
    with pytest.raises(NotAnImageError):
        read_header(tmp_path / "seg.dcm")
