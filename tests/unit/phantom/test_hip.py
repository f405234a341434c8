"""Arthritic hips: two bones a known space apart, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.ndimage import distance_transform_edt, label

from seggrid.phantom import HipSettings, PhantomVolume, hip_volume

SMALL = HipSettings(subjects=3, size=(32, 32, 32), spacing=(3.5, 3.5, 3.5))
FEMUR, HIP = 1, 2


def small(**changes: object) -> HipSettings:
    return SMALL.model_copy(update=changes)


def narrowest(made: PhantomVolume) -> float:
    """Least distance in mm from the centre of a voxel of one bone to that of one of the other."""
    away = distance_transform_edt(made.labels != FEMUR, sampling=made.spacing)
    return float(away[made.labels == HIP].min())


@pytest.mark.parametrize("width", [0.3, 2.0, 4.0])
@pytest.mark.parametrize("subject", [0, 1])
def test_the_joint_space_in_the_masks_is_the_setting(width: float, subject: int) -> None:
    settings = HipSettings(size=(72, 72, 72), spacing=(0.8, 0.8, 0.8), joint_space=(width, width), shift=0.0)
    found = narrowest(hip_volume(settings, subject))
    # Centres of voxels lie up to one voxel apart where the bones touch.
    assert width - 0.1 <= found <= width + 0.8


def test_both_bones_are_there_and_look_like_ct() -> None:
    for subject in range(4):
        made = hip_volume(HipSettings(), subject)
        assert made.hu.shape == made.labels.shape == (64, 64, 64)
        assert (made.hu.dtype, made.labels.dtype, made.spacing) == (np.int16, np.uint8, (1.75, 1.75, 1.75))
        shares = np.bincount(made.labels.ravel(), minlength=3) / made.labels.size
        assert shares.size == 3
        assert 0.04 < shares[FEMUR] < 0.16
        assert 0.03 < shares[HIP] < 0.14
        assert label(made.labels == FEMUR)[1] == 1
        assert np.percentile(made.hu[made.labels == FEMUR], 98) > 800
        assert 100 < np.median(made.hu[made.labels == FEMUR]) < 700
        around = made.hu[(made.labels == 0) & (made.hu > -300)]
        assert -110 < np.median(around) < 90


def test_osteoarthritis_narrows_grows_and_flattens() -> None:
    for subject in range(3):
        healthy, grown, flat = (
            hip_volume(small(osteophytes=(g, g), deformity=(d, d), joint_space=(3.0, 3.0)), subject).labels
            for g, d in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
        )
        assert (grown > 0).sum() > 1.005 * (healthy > 0).sum()
        assert (flat == FEMUR).sum() != (healthy == FEMUR).sum()
        top = [np.nonzero((labels == FEMUR).any(axis=(1, 2)))[0].max() for labels in (healthy, flat)]
        assert top[1] <= top[0]


def test_thick_slices_show_the_mean_of_thin_ones() -> None:
    quiet = {"noise": (0.0, 0.0), "shift": 0.0}
    thick = hip_volume(HipSettings(size=(16, 48, 48), spacing=(6.0, 2.0, 2.0), **quiet), 1)
    thin = hip_volume(HipSettings(size=(48, 48, 48), spacing=(2.0, 2.0, 2.0), **quiet), 1)
    np.testing.assert_allclose(thick.hu, thin.hu.reshape(16, 3, 48, 48).mean(axis=1), atol=1.01)
    # The middle one of three thin slices is where the thick one is labelled.
    np.testing.assert_array_equal(thick.labels, thin.labels[1::3])


def test_image_and_mask_lie_on_each_other() -> None:
    for settings in (small(noise=(0.0, 0.0)), small(noise=(0.0, 0.0), size=(20, 40, 30), spacing=(5.0, 2.5, 3.5))):
        made = hip_volume(settings, 0)
        inside, outside = made.hu[made.labels > 0], made.hu[made.labels == 0]
        assert np.mean(outside > 250) < 0.06
        assert np.median(inside) > np.percentile(outside, 95)


def test_volumes_are_the_same_every_time_and_mirrored() -> None:
    left, right = (hip_volume(small(mirrored=share), 1) for share in (1.0, 0.0))
    np.testing.assert_array_equal(left.hu, right.hu[:, :, ::-1])
    np.testing.assert_array_equal(left.labels, right.labels[:, :, ::-1])
    assert hip_volume(small(mirrored=1.0, subjects=9), 1).hu.tobytes() == left.hu.tobytes()
    assert hip_volume(small(seed=1), 1).hu.tobytes() != hip_volume(SMALL, 1).hu.tobytes()


@pytest.mark.parametrize("wrong", [{"size": (8, 64, 64)}, {"joint_space": (4.0, 1.0)}, {"spacing": (0.1, 1.0, 1.0)}])
def test_settings_refuse_what_makes_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HipSettings(**wrong)
