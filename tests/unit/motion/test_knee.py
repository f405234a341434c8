"""What is measured on true masks is what the phantom knows, whatever way the knee lies in the image."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from seggrid.config.phantom import KneeSettings
from seggrid.motion import MEASURES, measure_knee
from seggrid.motion.known import known_measures
from seggrid.phantom.attenuation import FIELDS
from seggrid.phantom.knee import PAINT_ORDER, solids
from seggrid.phantom.lateral import projected_labels
from seggrid.phantom.pose import pose
from seggrid.phantom.projection import cast
from seggrid.phantom.sampling import anatomy_of, draw_view, flexion_of

LABELS = {"patella": 1, "femur": 2, "tibia": 3, "patellar_tendon": 4}
#: A detector on which the shafts are seen, and a true lateral.
WIDE = KneeSettings(
    subjects=3, frames=3, size=224, field_of_view=(240.0, 300.0), out_of_plane_rotation=0, collimation=0, markers=0,
    mirrored=0, other_leg=0, seed=11,
)  # fmt: skip
FRAMES = [(subject, frame) for subject in range(3) for frame in range(3)]
#: Largest error on these nine frames, with a little room; benchmarks/motion.py has the distribution over many knees.
BOUNDS = {
    "flexion": 3.5, "tendon_length": 3.0, "patella_length": 1.5, "insall_salvati": 0.08, "caton_deschamps": 0.15,
}  # fmt: skip


@lru_cache(maxsize=16)
def drawn(subject: int, frame: int) -> tuple[npt.NDArray[np.uint8], tuple[float, float]]:
    """The phantom's mask without its radiograph, which takes several times as long."""
    anatomy = anatomy_of(WIDE, subject)
    posed = pose(anatomy, flexion_of(WIDE, subject, frame))
    view, _ = draw_view(WIDE, subject, frame, anatomy, posed)
    parts = solids(anatomy, posed)
    return projected_labels({name: cast(parts[name], view, FIELDS[name]) for name, _ in PAINT_ORDER}), (
        view.spacing,
    ) * 2


def values(mask: npt.NDArray[np.uint8], spacing: tuple[float, float] | None) -> dict[str, float]:
    measures = measure_knee(mask, LABELS, spacing)
    assert [measure.name for measure in measures] == list(MEASURES)
    assert all((measure.status == "ok") == np.isfinite(measure.value) for measure in measures)
    return {measure.name: measure.value for measure in measures}


def statuses(mask: npt.NDArray[np.uint8]) -> dict[str, str]:
    return {measure.name: measure.status for measure in measure_knee(mask, LABELS, (1.0, 1.0))}


@pytest.mark.parametrize(("subject", "frame"), FRAMES)
def test_measures_of_a_true_mask_are_those_of_the_pose(subject: int, frame: int) -> None:
    found = values(*drawn(subject, frame))
    for known in known_measures(WIDE, subject, frame).projected:
        assert found[known.name] == pytest.approx(known.value, abs=BOUNDS[known.name]), known.name


def test_flexion_follows_the_motion() -> None:
    for subject in range(3):
        flexions = [values(*drawn(subject, frame))["flexion"] for frame in range(3)]
        known = [known_measures(WIDE, subject, frame).spatial[0].value for frame in range(3)]
        assert np.diff(flexions) == pytest.approx(np.diff(known), abs=3.0)


@pytest.mark.parametrize("turned", [np.fliplr, np.flipud, np.rot90, lambda mask: np.rot90(mask, 2), np.transpose])
def test_side_and_quarter_turns_change_nothing(turned: object) -> None:
    mask, spacing = drawn(0, 1)
    before, after = values(mask, spacing), values(np.ascontiguousarray(turned(mask)), spacing)
    for name, value in before.items():
        assert after[name] == pytest.approx(value, rel=0.02, abs=0.5 if name == "flexion" else 0.0), name


def test_lengths_are_in_mm_where_the_spacing_is_known() -> None:
    mask, _ = drawn(1, 0)
    in_pixels, in_mm = measure_knee(mask, LABELS, None), measure_knee(mask, LABELS, (0.5, 0.5))
    for first, second in zip(in_pixels, in_mm, strict=True):
        factor = 0.5 if second.unit == "mm" else 1.0
        assert second.value == pytest.approx(factor * first.value)
    assert [measure.unit for measure in in_pixels] == ["degrees", "px", "px", "", ""]


def test_pixels_need_not_be_square() -> None:
    mask, (row, column) = drawn(1, 1)
    stretched = np.repeat(mask, 2, axis=0)
    for name, value in values(stretched, (row / 2, column)).items():
        assert value == pytest.approx(values(mask, (row, column))[name], rel=0.04), name


def test_each_missing_part_is_named() -> None:
    mask, _ = drawn(0, 0)
    for part, label in LABELS.items():
        without = np.where(mask == label, 0, mask).astype(np.uint8)
        told = {status for status in statuses(without).values() if status != "ok"}
        assert told == {f"{part}_absent"}, part
    assert set(statuses(np.zeros_like(mask)).values()) == {"femur_absent", "patella_absent", "patellar_tendon_absent"}


def test_a_shaft_out_of_sight_is_told() -> None:
    mask, _ = drawn(0, 0)
    tibia = np.argwhere(mask == LABELS["tibia"])
    femur = np.argwhere(mask == LABELS["femur"]).mean(axis=0)
    far = np.linalg.norm(tibia - femur, axis=1)
    cut = mask.copy()
    cut[tuple(tibia[far > np.percentile(far, 25)].T)] = 0
    assert statuses(cut)["flexion"] == "tibia_shaft_short"
    assert statuses(cut)["patella_length"] == "ok"


def test_a_patella_at_the_frame_is_cut() -> None:
    mask, _ = drawn(0, 0)
    rows, _ = np.nonzero(mask == LABELS["patella"])
    assert statuses(mask[: (rows.min() + rows.max()) // 2])["patella_length"] == "patella_cut"


def test_noise_beside_a_bone_changes_nothing() -> None:
    mask, spacing = drawn(2, 1)
    noisy = mask.copy()
    noisy[2:5, 2:5] = LABELS["patella"]
    noisy[-5:-2, -5:-2] = LABELS["femur"]
    assert values(noisy, spacing) == values(mask, spacing)


def test_hopeless_masks_have_statuses_and_no_errors() -> None:
    generator = np.random.default_rng(0)
    for mask in (
        generator.integers(0, 5, (64, 64)).astype(np.uint8),
        np.full((40, 40), 2, np.uint8),
        np.tile(np.arange(5, dtype=np.uint8), (30, 12)),
        np.zeros((1, 1), np.uint8),
        np.repeat(np.arange(5, dtype=np.uint8), 30)[None].repeat(3, 0),
    ):
        values(mask, None)


def test_known_values_depend_on_the_view_only_through_rotation() -> None:
    flat = known_measures(WIDE, 0, 1)
    tilted = known_measures(WIDE.model_copy(update={"out_of_plane_rotation": 20.0}), 0, 1)
    for first, second, spatial in zip(flat.spatial, tilted.spatial, flat.projected, strict=True):
        assert first.value == second.value
        assert spatial.value == pytest.approx(first.value, rel=0.01, abs=0.1)
    assert tilted.projected[2].value < flat.projected[2].value


@pytest.mark.parametrize("degrees", [17.0, 45.0, -71.0])
def test_any_rotation_in_the_plane(degrees: float) -> None:
    """The corners of the image become slanting cuts through the shafts, as those of a collimator."""
    for subject in range(3):
        mask, spacing = drawn(subject, 1)
        size = mask.shape[0]
        turn = cv2.getRotationMatrix2D((size / 2 - 0.5, size / 2 - 0.5), degrees, 1.0)
        turn[:, 2] += size / 2
        turned = cv2.warpAffine(mask, turn, (2 * size, 2 * size), flags=cv2.INTER_NEAREST)
        after = values(turned.astype(np.uint8), spacing)
        for name, value in values(mask, spacing).items():
            assert after[name] == pytest.approx(value, abs=BOUNDS[name]), (subject, name)
