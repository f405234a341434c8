"""Pixels of DICOM as scanners write them: values, windows, padding, spacing, frames, compression."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataelem import DataElement
from pydicom.pixels import apply_voi_lut

from seggrid.data.sources.dicom import read_header
from seggrid.data.sources.dicom_pixels import read_frame
from seggrid.errors import UserError
from tests.unit.data.sources.dicom_files import item, radiograph, write_dicom


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


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "window",
    [
        {"WindowCenter": 1500, "WindowWidth": 800},
        {"WindowCenter": [1500, 9], "WindowWidth": [800, 9]},
        {"WindowCenter": 1500, "WindowWidth": 800, "VOILUTFunction": "LINEAR_EXACT"},
        {"WindowCenter": 1500, "WindowWidth": 800, "VOILUTFunction": "SIGMOID"},
    ],
)
def test_a_window_is_applied_where_it_is_asked_for(tmp_path: Path, window: dict[str, Any], turned: bool) -> None:
    """As pydicom shows the image, brought to 0 to 1; the first of several."""
    pixels = radiograph(2)
    scaled = {"RescaleSlope": "0.5", "RescaleIntercept": "100", "RescaleType": "US"}
    photometric = {"PhotometricInterpretation": "MONOCHROME1" if turned else "MONOCHROME2"}
    found = write_dicom(tmp_path / "a.dcm", pixels, **scaled, **window, **photometric)
    shown = (apply_voi_lut(pixels * 0.5 + 100, found) - 100) / (4095 * 0.5)
    image = read_frame(tmp_path / "a.dcm", voi=True)[0]
    assert image.dtype == np.float32
    assert np.allclose(image[0], 1 - shown if turned else shown, atol=1e-6)
    assert 0 <= image.min() < 0.1 < 0.9 < image.max() <= 1


@pytest.mark.parametrize("form", ["plain", "implicit"])
@pytest.mark.parametrize(
    ("entries", "depth", "packed"),
    [(4096, 8, False), (4096, 8, True), (4096, 12, False), (256, 8, False), (1024, 16, False), (40000, 16, False)],
)
def test_a_voi_table_is_applied_before_a_window(
    tmp_path: Path, entries: int, depth: int, packed: bool, form: str
) -> None:
    """Also a long table of few bits, one whose entries are packed into bytes, and values beyond its ends."""
    first = 500
    table = (np.linspace(0, 1, entries) ** 2 * ((1 << depth) - 1)).astype(np.uint8 if packed else np.uint16)
    entry = item(LUTDescriptor=[entries, first, depth], LUTData=table.tobytes())
    pixels = radiograph(2)
    write_dicom(tmp_path / "a.dcm", pixels, form=form, VOILUTSequence=[entry], WindowCenter=5, WindowWidth=9)
    expected = table[np.clip(pixels.astype(int) - first, 0, entries - 1)] / ((1 << depth) - 1)
    assert np.allclose(read_frame(tmp_path / "a.dcm", voi=True)[0][0], expected, atol=1e-6)


@pytest.mark.parametrize("form", ["plain", "implicit"])
def test_a_voi_table_may_begin_below_0(tmp_path: Path, form: str) -> None:
    pixels = radiograph(2)
    table = np.linspace(0, 4095, 4096).astype(np.uint16)
    entry = item(LUTDescriptor=[4096, -1024, 12], LUTData=table.tobytes())
    # Signed, for pydicom to write a first value below 0; values are those of a CT.
    write_dicom(
        tmp_path / "a.dcm", pixels.astype(np.int16), 16, form=form,
        RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU", VOILUTSequence=[entry],
    )  # fmt: skip
    assert np.allclose(read_frame(tmp_path / "a.dcm", voi=True)[0][0], pixels / 4095, atol=1e-6)


def test_a_table_that_is_not_whole_leaves_the_window(tmp_path: Path) -> None:
    window = {"WindowCenter": 2000, "WindowWidth": 1000, "VOILUTFunction": ""}
    write_dicom(tmp_path / "a.dcm", radiograph(2), VOILUTSequence=[item(LUTExplanation="none")], **window)
    expected = np.clip((radiograph(2) - 1999.5) / 999 + 0.5, 0, 1)
    assert np.allclose(read_frame(tmp_path / "a.dcm", voi=True)[0][0], expected, atol=1e-6)


def test_a_table_that_is_too_short_is_damage(tmp_path: Path) -> None:
    entry = item(LUTDescriptor=[4096, 0, 12], LUTData=bytes(100))
    write_dicom(tmp_path / "a.dcm", radiograph(2), VOILUTSequence=[entry])
    with pytest.raises(UserError, match="unreadable or truncated"):
        read_frame(tmp_path / "a.dcm", voi=True)


def test_a_frame_without_a_window_has_that_of_the_file(tmp_path: Path) -> None:
    pixels = radiograph(3, (2, 8, 9))
    frames = [item(FrameVOILUTSequence=[item(WindowCenterWidthExplanation="x")]) for _ in range(2)]
    window = {"WindowCenter": 2000, "WindowWidth": 1000}
    write_dicom(tmp_path / "a.dcm", pixels, PerFrameFunctionalGroupsSequence=frames, **window)
    expected = np.clip((pixels[1] - 1999.5) / 999 + 0.5, 0, 1)
    assert np.allclose(read_frame(tmp_path / "a.dcm", 2, voi=True)[0][0], expected, atol=1e-6)


def test_a_frame_of_its_own_groups_has_its_own_window(tmp_path: Path) -> None:
    pixels = radiograph(3, (2, 8, 9))
    frames = [item(FrameVOILUTSequence=[item(WindowCenter=n, WindowWidth=400)]) for n in (1000, 3000)]
    write_dicom(tmp_path / "a.dcm", pixels, PerFrameFunctionalGroupsSequence=frames)
    for frame, centre in ((1, 1000), (2, 3000)):
        expected = np.clip((pixels[frame - 1] - (centre - 0.5)) / 399 + 0.5, 0, 1)
        assert np.allclose(read_frame(tmp_path / "a.dcm", frame, voi=True)[0][0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ({}, "has neither window nor VOI look-up table; take voi out"),
        ({"WindowCenter": 5, "WindowWidth": 0}, "window is narrower than DICOM allows"),
        ({"WindowCenter": 5, "WindowWidth": 5, "VOILUTFunction": "CUBIC"}, "of an unknown function"),
    ],
)
def test_a_window_that_cannot_be_applied_is_told(tmp_path: Path, window: dict[str, Any], message: str) -> None:
    write_dicom(tmp_path / "a.dcm", radiograph(1), **window)
    assert read_frame(tmp_path / "a.dcm")[0].max() > 3000
    with pytest.raises(UserError, match=message):
        read_frame(tmp_path / "a.dcm", voi=True)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("voi", [False, True])
@pytest.mark.parametrize(
    ("padding", "filled"),
    [
        ({"PixelPaddingValue": 4095}, [4095]),
        ({"PixelPaddingValue": 0}, [0]),
        ({"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 9}, [0, 4, 9]),
        ({"PixelPaddingValue": 9, "PixelPaddingRangeLimit": 0}, [0, 4, 9]),
    ],
)
def test_padding_is_dark(
    tmp_path: Path, padding: dict[str, int], filled: list[int], voi: bool, photometric: str
) -> None:
    pixels = radiograph(1) // 2 + 1000
    pixels[:, -3:] = np.resize(filled, (len(pixels), 3))
    window = {"WindowCenter": 2000, "WindowWidth": 2500, "PhotometricInterpretation": photometric}
    write_dicom(tmp_path / "a.dcm", pixels, **window, **padding)
    write_dicom(tmp_path / "b.dcm", pixels, **window)
    image, plain = (read_frame(tmp_path / name, voi=voi)[0][0] for name in ("a.dcm", "b.dcm"))
    assert np.array_equal(image[:, :-3], plain[:, :-3])
    assert (image[:, -3:] == image[:, :-3].min()).all()
    assert image.dtype == plain.dtype


@pytest.mark.parametrize("form", ["plain", "implicit"])
@pytest.mark.parametrize(("kind", "stored", "told"), [("int16", -2000, 63536), ("uint16", 63536, -2000)])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_may_be_written_with_the_other_sign(
    tmp_path: Path, kind: str, stored: int, told: int, photometric: str, form: str
) -> None:
    pixels = np.arange(48).reshape(6, 8).astype(kind) + 100
    pixels[:, :2] = stored
    value = DataElement(0x00280120, "US" if told > 0 else "SS", told)
    write_dicom(
        tmp_path / "a.dcm", pixels, 16, form=form, PhotometricInterpretation=photometric, PixelPaddingValue=value
    )
    image = read_frame(tmp_path / "a.dcm")[0][0]
    assert (image[:, :2] == image[:, 2:].min()).all()


@pytest.mark.parametrize("value", [[3, 4], b"ab"])
def test_padding_that_is_no_number_says_nothing(tmp_path: Path, value: Any) -> None:
    element = DataElement(0x00280120, "OW" if isinstance(value, bytes) else "US", value)
    write_dicom(tmp_path / "a.dcm", radiograph(1), PixelPaddingValue=element)
    assert np.array_equal(read_frame(tmp_path / "a.dcm")[0][0], radiograph(1))


def test_an_image_of_nothing_but_padding_stays(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", np.full((4, 6), 7, np.uint16), PixelPaddingValue=7)
    assert (read_frame(tmp_path / "a.dcm")[0] == 7).all()


@pytest.mark.parametrize(
    ("attributes", "spacing"),
    [
        ({"PixelSpacing": [0.2, 0.3]}, (0.2, 0.3)),
        ({"ImagerPixelSpacing": [0.4, 0.5]}, (0.4, 0.5)),
        ({"ImagerPixelSpacing": [0.4, 0.5], "PixelSpacing": [0.2, 0.3]}, (0.2, 0.3)),
        ({"NominalScannedPixelSpacing": [0.8, 0.9]}, (0.8, 0.9)),
        ({"NominalScannedPixelSpacing": [0.8, 0.9], "ImagerPixelSpacing": [0.4, 0.5]}, (0.4, 0.5)),
        ({"SharedFunctionalGroupsSequence": [item(PixelMeasuresSequence=[item(PixelSpacing=[0.6, 0.7])])]}, (0.6, 0.7)),
        ({}, None),
    ],
)
def test_spacing_is_the_patients_else_the_detectors_else_the_films(
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
        with pytest.raises(UserError, match="is coloured, and a window is one of grey values"):
            read_frame(tmp_path / f"{name}.dcm", voi=True)
        assert image.shape == (channels, 6, 8)
        assert np.array_equal(image, np.moveaxis(pixels, -1, 0)[:channels])


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
