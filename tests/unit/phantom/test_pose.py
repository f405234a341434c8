"""The knee moves as a knee does."""

import numpy as np
import pytest

from seggrid.phantom import bones
from seggrid.phantom.anatomy import draw_anatomy
from seggrid.phantom.pose import Arc, pose

FLEXIONS = (0.0, 30.0, 60.0, 90.0, 120.0)
SUBJECTS = range(6)


def polyline_length(arc: Arc) -> float:
    """Length of the arc measured along points on it, from start to end."""
    first = arc.start - arc.centre
    last = arc.end - arc.centre
    turn = np.arctan2(first[0] * last[1] - first[1] * last[0], first @ last)
    angles = np.arctan2(first[1], first[0]) + np.linspace(0.0, turn, 400)
    points = arc.centre + arc.radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


@pytest.mark.parametrize("subject", SUBJECTS)
def test_tendon_keeps_its_length(subject: int) -> None:
    anatomy = draw_anatomy(np.random.default_rng(subject), 1.0)
    lengths = [polyline_length(pose(anatomy, flexion).tendon) for flexion in FLEXIONS]
    assert np.ptp(lengths) < 0.02 * anatomy.tendon.length
    assert lengths[0] == pytest.approx(anatomy.tendon.length, rel=0.02)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_tendon_joins_patella_and_tuberosity(subject: int) -> None:
    anatomy = draw_anatomy(np.random.default_rng(subject), 1.0)
    for flexion in FLEXIONS:
        posed = pose(anatomy, flexion)
        landmarks = posed.landmarks(anatomy)
        np.testing.assert_allclose(posed.tendon.start, landmarks["patella_apex"][:2])
        np.testing.assert_allclose(posed.tendon.end, landmarks["tibial_tuberosity"][:2])


def test_patella_tracks_the_groove_without_entering_the_femur() -> None:
    for subject in SUBJECTS:
        anatomy = draw_anatomy(np.random.default_rng(subject), 1.0)
        heights = []
        for flexion in FLEXIONS:
            frame = pose(anatomy, flexion).patella
            local = np.random.default_rng(0).uniform(-25.0, 25.0, (8_000, 3)).astype(np.float32)
            inside = local[bones.patella(anatomy.patella, *local.T) < 0.0]
            x, y, z = (inside @ frame.rotation.T + frame.origin).T.astype(np.float32)
            clearance = float(bones.femur(anatomy.femur, x, y, z).min())
            assert 0.0 < clearance < 12.0
            heights.append(float(np.arctan2(frame.origin[1] - 13.0, frame.origin[0] - 15.0)))
        assert np.all(np.diff(np.unwrap(heights)) < 0.0), "it glides distally as the knee bends"


def test_flexion_is_the_angle_between_the_axes() -> None:
    anatomy = draw_anatomy(np.random.default_rng(1), 0.0)
    straight, bent = (pose(anatomy, flexion).landmarks(anatomy) for flexion in (0.0, 75.0))

    def tibial_axis(landmarks: dict[str, np.ndarray]) -> np.ndarray:
        axis = landmarks["tibia_axis_proximal"] - landmarks["tibia_axis_distal"]
        return axis / np.linalg.norm(axis)

    angle = np.rad2deg(np.arccos(tibial_axis(straight) @ tibial_axis(bent)))
    assert angle == pytest.approx(75.0, abs=1e-6)


def test_bones_meet_but_do_not_collide_at_the_joint() -> None:
    for subject in SUBJECTS:
        anatomy = draw_anatomy(np.random.default_rng(subject), 1.0)
        for flexion in FLEXIONS:
            frame = pose(anatomy, flexion).tibia
            local = np.random.default_rng(1).uniform((-30, -30, -40), (30, 10, 40), (10_000, 3)).astype(np.float32)
            inside = local[bones.tibia(anatomy.tibia, *local.T) < 0.0]
            x, y, z = (inside @ frame.rotation.T + frame.origin).T.astype(np.float32)
            clearance = bones.femur(anatomy.femur, x, y, z)
            assert np.mean(clearance < 0.0) < 0.03
            assert clearance.min() < 8.0
