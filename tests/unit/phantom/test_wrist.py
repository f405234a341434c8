"""Broken wrists: exact bands, in every image, the same every time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, label

from seggrid.phantom import WristSettings, fracture_radiograph, wrist_views
from seggrid.phantom.projection import View, cast
from seggrid.phantom.wrist.anatomy import draw_fractures, draw_wrist
from seggrid.phantom.wrist.parts import FOREARM, assemble, break_centre
from seggrid.phantom.wrist.radiographs import BAND_STEP
from tests.unit.phantom.test_projection import voxel_projection

SMALL = WristSettings(subjects=3, size=64)
#: True posteroanterior views with nothing in the way.
PLAIN = WristSettings(
    size=128, lateral=0.0, in_plane_rotation=0.0, out_of_plane_rotation=0.0, field_of_view=(150.0, 150.0),
    collimation=0.0, markers=0.0, casts=0.0, other_limb=0.0, displacement=(0.0, 0.0), angulation=(0.0, 0.0),
    photons=(1e7, 1e7), ulna=0.0,
)  # fmt: skip


def plain(**changes: object) -> WristSettings:
    return PLAIN.model_copy(update=changes)


def pictures(settings: WristSettings) -> list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], float]]:
    return [fracture_radiograph(settings, subject, 0) for subject in range(4)]


def test_same_settings_same_bytes_whatever_the_number_of_subjects() -> None:
    first, again = (
        fracture_radiograph(settings, 2, 1) for settings in (SMALL, SMALL.model_copy(update={"subjects": 9}))
    )
    assert first[0].tobytes() == again[0].tobytes()
    assert first[1].tobytes() == again[1].tobytes()
    others = [fracture_radiograph(SMALL.model_copy(update={"seed": seed}), 2, 1)[0].tobytes() for seed in (0, 1)]
    assert others[0] == first[0].tobytes() != others[1]


def test_the_fracture_takes_as_few_pixels_as_in_real_images() -> None:
    settings = WristSettings(size=96, collimation=1.0)
    shares = []
    for subject in range(16):
        image, mask, spacing = fracture_radiograph(settings, subject, 0)
        assert image.shape == mask.shape == (96, 96)
        assert 240 / 96 <= spacing <= 420 / 96
        shares.append((mask > 0).mean())
    assert min(shares) > 0.0003
    assert max(shares) < 0.013
    # The real ones have 0.28 % in the middle, and from 0.06 to 1.2 %.
    assert 0.0018 < np.median(shares) < 0.0045


@pytest.mark.parametrize("turned", [False, True])
def test_the_mask_is_the_projection_of_the_band_in_space(turned: bool) -> None:
    settings = WristSettings(size=96, displacement=(3.0, 3.0), angulation=(20.0, 20.0))
    wrist = draw_wrist(settings, 1)
    fractures = draw_fractures(settings, 1, wrist)
    rotation = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]) if turned else np.eye(3)
    view = View(rotation, break_centre(fractures["radius"], wrist.radius), 0.8, 96, 1100.0)
    for band in assemble(wrist, fractures).bands:
        found, expected = cast(band, view, 1, BAND_STEP).silhouette, voxel_projection(band, view, 0.25)
        assert found.sum() > 100
        assert not np.any(found & ~binary_dilation(expected, np.ones((3, 3))))
        assert not np.any(binary_erosion(expected, border_value=1) & ~found)


def test_the_band_is_as_wide_as_it_says() -> None:
    """Along the bone, in the frame that did not move: within half a band of the line on either side."""
    narrow, wide = (draw_fractures(plain(band=(b, b)), 0, draw_wrist(PLAIN, 0))["radius"] for b in (6.0, 14.0))
    y = np.linspace(-40.0, 120.0, 16_001, dtype=np.float32)
    for fracture in (narrow, wide):
        bone = draw_wrist(PLAIN, 0).radius
        centre = break_centre(fracture, bone)
        x, z = np.full_like(y, centre[0]), np.full_like(y, centre[2])
        band = assemble(draw_wrist(PLAIN, 0), {"radius": fracture}).bands[0]
        assert band.frame is FOREARM
        inside = band.fields(x, y, z)[0] < 0.0
        leaning = np.hypot(*np.tan(np.deg2rad(fracture.normal)))
        assert 0.01 * inside.sum() == pytest.approx(fracture.band * np.hypot(1.0, leaning), abs=0.05)


def test_an_open_line_is_dark_and_an_impacted_one_bright() -> None:
    """Where the band is thickest, which is along its line."""

    def line(settings: WristSettings) -> float:
        values = []
        for image, mask, _ in pictures(settings):
            depth = distance_transform_edt(mask)
            values.append(image[depth > 0.7 * depth.max()].mean())
        return float(np.mean(values))

    still = {"height": (30.0, 30.0), "band": (6.0, 6.0)}
    opened, closed, impacted = (line(plain(gap=(gap, gap), **still)) for gap in (2.5, 0.0, -3.0))
    assert opened + 10.0 < closed < impacted - 10.0


def test_a_broken_ulna_is_in_the_mask_too() -> None:
    for one, two in zip(
        pictures(plain(height=(30.0, 30.0))), pictures(plain(height=(30.0, 30.0), ulna=1.0)), strict=True
    ):
        # The ragged line may leave a sliver.
        assert [int((np.bincount(label(mask)[0].ravel())[1:] > 12).sum()) for _, mask, _ in (one, two)] == [1, 2]


def test_a_cast_stays_on_in_all_views_and_is_seen() -> None:
    for bare, cast_on in zip(pictures(plain()), pictures(plain(casts=1.0)), strict=True):
        np.testing.assert_array_equal(bare[1], cast_on[1])
        assert np.abs(cast_on[0].astype(float) - bare[0]).mean() > 5.0
    some, none = (WristSettings(casts=share, size=64) for share in (0.5, 0.0))
    worn = [
        [np.any(fracture_radiograph(some, s, f)[0] != fracture_radiograph(none, s, f)[0]) for f in range(2)]
        for s in range(3)
    ]
    assert all(first == second for first, second in worn)
    assert len({first for first, _ in worn}) == 2


def test_lateral_views_are_narrow() -> None:
    widths = []
    for share in (0.0, 1.0):
        masks = [mask for _, mask, _ in pictures(plain(lateral=share))]
        widths.append(np.mean([np.ptp(np.nonzero(mask)[1]) for mask in masks]))
    assert widths[1] < 0.85 * widths[0]


def test_the_number_of_views_varies_within_its_range() -> None:
    settings = WristSettings(views=(1, 3))
    assert {wrist_views(settings, subject) for subject in range(20)} == {1, 2, 3}
    assert wrist_views(WristSettings(views=(2, 2)), 0) == 2


@pytest.mark.parametrize("wrong", [{"band": (9.0, 3.0)}, {"views": (0, 2)}, {"gap": (-20.0, 0.0)}, {"knee": 1}])
def test_settings_refuse_what_makes_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WristSettings(**wrong)
