"""Cases are deterministic, independent, grouped and complete."""

import numpy as np
import pytest
from pydantic import ValidationError

from seggrid.phantom import PHANTOM_CLASSES, KneeSettings, PhantomCase, radiograph, radiographs

SMALL = KneeSettings(subjects=3, frames=2, size=64)
STYLES = ("radiograph", "ellipses")


def same(a: PhantomCase, b: PhantomCase) -> bool:
    return (
        (a.case, a.group, a.spacing, a.flexion, a.landmarks) == (b.case, b.group, b.spacing, b.flexion, b.landmarks)
        and a.image.tobytes() == b.image.tobytes()
        and a.labels.tobytes() == b.labels.tobytes()
    )


@pytest.mark.parametrize("style", STYLES)
def test_same_settings_same_bytes_in_any_order(style: str) -> None:
    settings = SMALL.model_copy(update={"style": style})
    cases = list(radiographs(settings))
    assert len(cases) == 6
    assert all(same(case, again) for case, again in zip(cases, radiographs(settings), strict=True))
    assert same(cases[3], radiograph(settings, 1, 1))


def test_a_case_does_not_depend_on_how_many_subjects_there_are() -> None:
    more = SMALL.model_copy(update={"subjects": 30})
    assert same(radiograph(SMALL, 2, 1), radiograph(more, 2, 1))


@pytest.mark.parametrize("style", STYLES)
def test_seeds_subjects_and_frames_differ(style: str) -> None:
    settings = SMALL.model_copy(update={"style": style})
    other = settings.model_copy(update={"seed": 1})
    images = [radiograph(settings, s, f).image.tobytes() for s in range(2) for f in range(2)]
    images.append(radiograph(other, 0, 0).image.tobytes())
    assert len(set(images)) == len(images)


@pytest.mark.parametrize("style", STYLES)
def test_names_groups_types_and_every_class(style: str) -> None:
    settings = KneeSettings(subjects=6, frames=2, size=64, style=style, collimation=0.5)
    for index, case in enumerate(radiographs(settings)):
        subject, frame = divmod(index, 2)
        assert (case.case, case.group) == (f"s{subject:03d}_f{frame:02d}", f"s{subject:03d}")
        assert case.image.shape == case.labels.shape == (64, 64)
        assert case.image.dtype == case.labels.dtype == np.uint8
        assert case.image.flags.c_contiguous
        assert case.labels.flags.c_contiguous
        present = np.bincount(case.labels.ravel(), minlength=len(PHANTOM_CLASSES["knee"]) + 1)
        assert present.size == 5
        assert present.min() >= 4, f"{case.case}: {present}"


def test_every_class_is_present_at_the_ends_of_the_ranges() -> None:
    settings = KneeSettings(
        subjects=50,
        frames=3,
        size=64,
        seed=5,
        field_of_view=(100.0, 100.0),
        in_plane_rotation=180.0,
        out_of_plane_rotation=25.0,
        anatomical_spread=1.5,
        collimation=1.0,
    )
    for subject in (0, 11, 20, 36, 38):
        for frame in (0, 2):
            present = np.bincount(radiograph(settings, subject, frame).labels.ravel(), minlength=5)
            assert present.min() > 0


def test_flexion_rises_within_the_range() -> None:
    settings = KneeSettings(subjects=3, frames=4, size=32, flexion=(20.0, 100.0))
    for subject in range(3):
        angles = [radiograph(settings, subject, frame).flexion for frame in range(4)]
        assert min(angles) >= 20.0
        assert max(angles) <= 100.0
        assert np.all(np.diff(angles) > 0.0)
        assert angles[-1] - angles[0] > 10.0


@pytest.mark.parametrize("style", STYLES)
def test_mirroring_turns_the_knee_to_the_other_side(style: str) -> None:
    base = SMALL.model_copy(update={"markers": 0.0, "style": style})
    right = radiograph(base.model_copy(update={"mirrored": 0.0}), 0, 0)
    left = radiograph(base.model_copy(update={"mirrored": 1.0}), 0, 0)
    np.testing.assert_array_equal(left.image, right.image[:, ::-1])
    np.testing.assert_array_equal(left.labels, right.labels[:, ::-1])
    columns = np.nonzero(right.labels == 1)[1].mean(), np.nonzero(right.labels == 2)[1].mean()
    assert columns[0] > columns[1], "the patella lies to the right of the femur"
    for name, (row, column) in right.landmarks.items():
        assert left.landmarks[name] == pytest.approx((row, 63.0 - column))


def test_landmarks_lie_on_their_structures() -> None:
    settings = KneeSettings(subjects=4, frames=2, size=128, collimation=0.0, out_of_plane_rotation=0.0)
    for case in radiographs(settings):

        def label(name: str, case: PhantomCase = case) -> int:
            row, column = np.rint(case.landmarks[name]).astype(int)
            return int(case.labels[row, column])

        assert label("femur_condyles") == 2
        middle = 0.5 * (np.array(case.landmarks["patella_base"]) + np.array(case.landmarks["patella_apex"]))
        assert case.labels[tuple(np.rint(middle).astype(int))] == 1
        assert label("tendon_middle") in (4, 3)


def test_landmarks_give_flexion_and_tendon_length() -> None:
    settings = KneeSettings(subjects=6, frames=2, size=64, out_of_plane_rotation=0.0)
    for case in radiographs(settings):
        points = {name: np.array(point) for name, point in case.landmarks.items()}
        femur = points["femur_axis_proximal"] - points["femur_axis_distal"]
        tibia = points["tibia_axis_proximal"] - points["tibia_axis_distal"]
        cosine = femur @ tibia / np.linalg.norm(femur) / np.linalg.norm(tibia)
        # The femur's axis leans and bows by a few degrees against its frame.
        assert np.rad2deg(np.arccos(cosine)) == pytest.approx(case.flexion, abs=13.0)
        patella = np.linalg.norm(points["patella_base"] - points["patella_apex"])
        tendon = np.linalg.norm(points["tibial_tuberosity"] - points["patella_apex"])
        assert 0.7 < tendon / patella < 1.8
        assert 30.0 < patella * case.spacing[0] < 52.0


def test_bone_is_bright_and_air_is_dark() -> None:
    settings = KneeSettings(subjects=6, frames=1, size=96, collimation=0.0, markers=0.0, other_leg=0.0)
    for case in radiographs(settings):
        assert np.median(case.image[case.labels == 2]) > np.median(case.image[case.labels == 0]) + 20
        assert case.image.min() < 40
        assert case.image.max() > 180


def test_fewer_photons_are_noisier() -> None:
    clean, fair, poor = (
        radiograph(SMALL.model_copy(update={"photons": (n, n)}), 0, 0).image.astype(float) for n in (1e7, 5e4, 2e3)
    )
    assert 0.5 < np.std(fair - clean) < 0.5 * np.std(poor - clean)


def test_collimation_hides_image_and_labels() -> None:
    open_field = KneeSettings(subjects=6, frames=1, size=96, collimation=0.0, markers=0.0)
    closed = open_field.model_copy(update={"collimation": 1.0})
    assert any(
        (radiograph(closed, s, 0).labels > 0).sum() < (radiograph(open_field, s, 0).labels > 0).sum() for s in range(6)
    )


def test_spacing_is_the_field_of_view_over_the_size() -> None:
    settings = KneeSettings(subjects=1, frames=1, size=100, field_of_view=(150.0, 150.0))
    assert radiograph(settings, 0, 0).spacing == pytest.approx((1.5, 1.5))


def test_a_case_outside_the_settings_is_refused() -> None:
    with pytest.raises(IndexError, match="3 subjects"):
        radiograph(SMALL, 3, 0)
    with pytest.raises(IndexError, match="2 frames"):
        radiograph(SMALL, 0, 2)


@pytest.mark.parametrize(
    "wrong",
    [{"subjects": 0}, {"flexion": (90.0, 10.0)}, {"style": "photograph"}, {"frame": 3}, {"flexion": (0, 200)}],
)
def test_settings_refuse_what_makes_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        KneeSettings(**wrong)
