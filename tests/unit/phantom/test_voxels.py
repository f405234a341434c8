"""Volumes look like CT and carry every label as one piece."""

import numpy as np
import pytest
from scipy.ndimage import label

from seggrid.phantom import PHANTOM_CLASSES, KneeSettings, volume

SETTINGS = KneeSettings()


@pytest.mark.parametrize(("subject", "flexion"), [(0, 0.0), (1, 45.0), (2, 90.0), (3, 120.0)])
def test_every_label_is_present_and_connected(subject: int, flexion: float) -> None:
    made = volume(SETTINGS, subject, flexion, spacing=1.5)
    assert made.hu.shape == made.labels.shape
    assert (made.hu.dtype, made.labels.dtype) == (np.int16, np.uint8)
    assert made.spacing == (1.5, 1.5, 1.5)
    for value, name in enumerate(PHANTOM_CLASSES["knee"], start=1):
        _, pieces = label(made.labels == value, structure=np.ones((3, 3, 3)))
        assert pieces == 1, name
    assert made.labels.max() == len(PHANTOM_CLASSES["knee"])


def test_hounsfield_units_are_those_of_ct() -> None:
    made = volume(SETTINGS, 0, 30.0, spacing=1.2)
    femur = made.hu[made.labels == 2]
    assert -1024 <= made.hu.min() <= -1000
    assert 1000 < np.percentile(femur, 99) < 2000
    assert 50 < np.median(femur) < 700
    tissue = made.hu[(made.labels == 0) & (made.hu > -300) & (made.hu < 300)]
    assert -120 < np.median(tissue) < 80
    assert 60 < np.median(made.hu[made.labels == 4]) < 200
    assert np.median(made.hu[0, 0]) < -900, "the first row of a slice is air in front of the knee"


def test_labels_agree_across_spacings() -> None:
    coarse, fine = (volume(SETTINGS, 4, 60.0, spacing=s) for s in (2.0, 1.2))
    for value in range(1, 5):
        volumes = [np.sum(v.labels == value) * v.spacing[0] ** 3 for v in (coarse, fine)]
        assert volumes[0] == pytest.approx(volumes[1], rel=0.08)


def test_volume_is_deterministic_and_mirrored() -> None:
    left, right = (volume(KneeSettings(mirrored=p), 0, 20.0, spacing=2.0) for p in (1.0, 0.0))
    np.testing.assert_array_equal(left.hu, right.hu[:, :, ::-1])
    np.testing.assert_array_equal(volume(KneeSettings(mirrored=1.0), 0, 20.0, spacing=2.0).hu, left.hu)


@pytest.mark.parametrize(("flexion", "spacing"), [(-1.0, 1.0), (121.0, 1.0), (30.0, 0.1), (30.0, 5.0)])
def test_impossible_requests_are_refused(flexion: float, spacing: float) -> None:
    with pytest.raises(ValueError, match="lies outside"):
        volume(SETTINGS, 0, flexion, spacing)
