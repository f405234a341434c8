"""Surfaces are closed, outward, where the object is, and lose nothing of it; another library reads the files."""

from __future__ import annotations

import csv
from pathlib import Path

import meshio
import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk

from seggrid import cli
from seggrid.surfaces import surface_of
from seggrid.surfaces.checks import count_parts, farthest_outside, inside

Mask = npt.NDArray[np.bool_]
SPACINGS = [(1.0, 1.0, 1.0), (0.8, 0.8, 3.0), (5.0, 1.0, 1.0)]
VOLUMES = {"sphere": 4 / 3 * np.pi * 18**3, "box": 30.0 * 24 * 36, "torus": 2 * np.pi**2 * 15 * 7**2}


def grid(spacing: tuple[float, ...], side: float = 60.0) -> npt.NDArray[np.float64]:
    axes = [np.arange(0.0, side, step) for step in spacing]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1) - side / 2 + 0.13


def solid(name: str, spacing: tuple[float, ...]) -> Mask:
    at = grid(spacing)
    if name == "sphere":
        return np.asarray(np.linalg.norm(at, axis=-1) < 18)
    if name == "box":
        return np.asarray((np.abs(at) < [15, 12, 18]).all(-1))
    return np.asarray((np.hypot(at[..., 0], at[..., 1]) - 15) ** 2 + at[..., 2] ** 2 < 49)


def placed(spacing: tuple[float, ...]) -> npt.NDArray[np.float64]:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -30 + 0.13
    return affine


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("name", VOLUMES)
def test_the_surface_is_closed_and_its_volume_is_near_that_of_the_mask(name: str, spacing: tuple[float, ...]) -> None:
    mask = solid(name, spacing)
    found = surface_of(mask, placed(spacing))
    assert found is not None
    assert found.closed
    assert found.mesh.is_volume, "a positive volume says that the normals point outward"
    assert found.mask_volume == pytest.approx(mask.sum() * np.prod(spacing))
    assert found.volume == pytest.approx(found.mask_volume, rel=0.01)
    assert (found.mask_parts, found.parts) == (1, 1)
    assert found.outside < 0.5 * min(spacing)
    assert found.volume == pytest.approx(VOLUMES[name], rel=0.1 if max(spacing) > 1 else 0.02)
    assert found.mesh.euler_number == (0 if name == "torus" else 2)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_the_surface_lies_where_the_object_is(spacing: tuple[float, ...]) -> None:
    found = surface_of(solid("sphere", spacing), placed(spacing))
    assert found is not None
    off = np.linalg.norm(found.mesh.vertices, axis=1) - 18
    assert np.abs(off).mean() < 0.12 * max(spacing)
    assert np.abs(found.mesh.center_mass).max() < 0.05 * max(spacing)
    outward = (found.mesh.vertex_normals * found.mesh.vertices).sum(1) / np.linalg.norm(found.mesh.vertices, axis=1)
    assert outward.min() > 0.3
    assert outward.mean() > 0.95


def test_rounds_take_the_steps_away() -> None:
    spacing = (1.0, 1.0, 1.0)
    off = []
    for rounds in (0, 10, 100):
        found = surface_of(solid("sphere", spacing), placed(spacing), rounds)
        assert found is not None
        off.append(float((np.linalg.norm(found.mesh.vertices, axis=1) - 18).std()))
    assert off[0] > 1.5 * off[1] > 2 * off[2]


def test_an_object_at_the_border_is_closed_there() -> None:
    found = surface_of(np.ones((4, 5, 6), np.bool_), np.diag([2.0, 1.0, 1.0, 1.0]))
    assert found is not None
    assert found.closed
    assert found.volume == pytest.approx(225, rel=0.01), "240 less what is cut off at the edges"


def test_oblique_and_left_handed_axes() -> None:
    turned = np.eye(4)
    turned[:3, :3] = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]]) @ np.diag([1.0, -1.0, 2.0])
    turned[:3, 3] = (100, -50, 7)
    mask = solid("box", (1.0, 1.0, 2.0))
    found = surface_of(mask, turned)
    assert found is not None
    assert found.closed
    assert found.volume == pytest.approx(mask.sum() * 2, rel=0.005)
    middle = turned[:3, :3] @ np.argwhere(mask).mean(axis=0) + turned[:3, 3]
    assert found.mesh.center_mass == pytest.approx(middle, abs=0.05)


def turns(points: npt.NDArray[np.float64], corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How often a surface winds around points, by the solid angles of triangles (Van Oosterom and Strackee 1983)."""
    first, second, third = (corners[None, :, side] - points[:, None] for side in range(3))
    far = [np.linalg.norm(side, axis=-1) for side in (first, second, third)]
    above = (np.cross(first, second) * third).sum(-1)
    below = far[0] * far[1] * far[2] + sum(
        (one * other).sum(-1) * far[left]
        for one, other, left in ((first, second, 2), (second, third, 0), (third, first, 1))
    )
    return np.asarray(2 * np.arctan2(above, below).sum(axis=1) / (4 * np.pi))


def ball_with_spur_and_island() -> Mask:
    """A ball of 4139 voxels, a spur one voxel thick and ten long, and an island of 2 x 2 x 2."""
    mask = np.linalg.norm(np.indices((30, 30, 48)) - np.array([15, 15, 15])[:, None, None, None], axis=0) < 10
    mask[15, 15, 25:35] = True
    mask[14:16, 14:16, 40:42] = True
    return np.asarray(mask)


def test_a_spur_and_an_island_stay_and_the_ball_is_not_inflated_for_them() -> None:
    mask = ball_with_spur_and_island()
    found = surface_of(mask, np.eye(4))
    assert found is not None
    assert found.closed
    assert (found.mask_volume, found.mask_parts, found.parts, found.mesh.body_count) == (4157, 2, 2, 2)
    corners = found.mesh.vertices[found.mesh.faces]
    thin = np.argwhere(mask & (np.arange(48) >= 25)).astype(float)
    assert turns(thin, corners) == pytest.approx(np.ones(18), abs=1e-6)
    assert found.outside < 0.15
    ball, island = sorted(found.mesh.split(), key=lambda body: -body.volume)
    assert island.volume == pytest.approx(5.5, abs=0.3), "8 voxels, their edges cut off"
    along = ball.vertices[(ball.vertices[:, 2] > 27) & (ball.vertices[:, 2] < 33), :2] - 15
    assert np.linalg.norm(along, axis=1) == pytest.approx(np.full(len(along), 0.5), abs=0.2)
    assert ball.volume == pytest.approx(4139 + 5, rel=0.006)


def test_a_thin_plate_stays_beside_a_thick_block() -> None:
    mask = np.zeros((30, 30, 30), np.bool_)
    mask[2:14, 2:28, 2:28] = True
    mask[14:28, 5:25, 15] = True
    found = surface_of(mask, np.eye(4))
    assert found is not None
    plate = found.mesh.vertices[(found.mesh.vertices[:, 0] > 17) & (found.mesh.vertices[:, 0] < 25)]
    plate = plate[(plate[:, 1] > 8) & (plate[:, 1] < 21), 2]
    assert np.abs(plate - 15) == pytest.approx(np.full(len(plate), 0.5), abs=0.2)
    assert found.mesh.bounds[1, 0] == pytest.approx(27.5, abs=0.2)
    assert found.outside < 0.4


def test_a_gap_of_one_voxel_stays_open() -> None:
    mask = np.ones((20, 20, 21), np.bool_)
    mask[:, :, 10] = False
    found = surface_of(mask, np.eye(4))
    assert found is not None
    assert (found.mask_parts, found.parts) == (2, 2)


@pytest.mark.parametrize("radius", [7, 10, 20])
def test_a_ball_holds_its_volume(radius: int) -> None:
    at = np.arange(-radius - 2, radius + 3)
    off = np.stack(np.meshgrid(at, at, at), -1) + np.array([0.2, -0.3, 0.1])
    found = surface_of(np.asarray(np.linalg.norm(off, axis=-1) < radius), np.eye(4))
    assert found is not None
    assert found.volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.02)


def test_which_voxels_are_inside_agrees_with_solid_angles() -> None:
    mask = np.random.default_rng(3).random((7, 8, 9)) < 0.4
    found = surface_of(mask, np.eye(4))
    assert found is not None
    points = np.argwhere(np.ones(mask.shape))
    around = turns(points.astype(float), found.mesh.vertices[found.mesh.faces]).reshape(mask.shape)
    assert (inside(mask.shape, found.mesh.vertices, found.mesh.faces) == (around > 0.5)).all()


def test_how_far_a_voxel_lies_outside() -> None:
    corners = np.array([[x, y, z] for x in (0.5, 3.5) for y in (0.5, 3.5) for z in (0.5, 3.5)])
    squares = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([half for a, b, c, d in squares for half in ((a, b, c), (a, c, d))])
    mask = np.zeros((5, 5, 12), np.bool_)
    mask[1:4, 1:4, 1:4] = True
    axes = np.diag([1.0, 1.0, 2.0])
    assert (inside(mask.shape, corners, faces) == mask).all()
    assert farthest_outside(mask, corners, faces, axes) == 0
    mask[2, 2, 9] = True
    assert farthest_outside(mask, corners, faces, axes) == pytest.approx(11)


def test_a_cavity_is_no_part() -> None:
    mask = np.ones((12, 12, 12), np.bool_)
    mask[5:8, 5:8, 5:8] = False
    found = surface_of(mask, np.eye(4))
    assert found is not None
    assert (found.mesh.body_count, count_parts(found.mesh.vertices, found.mesh.faces)) == (2, 1)


def test_thin_and_noisy_objects_are_closed() -> None:
    generator = np.random.default_rng(0)
    thin = np.zeros((20, 20, 9), np.bool_)
    thin[3:17, 3:17, 4] = True
    one = np.zeros((3, 3, 3), np.bool_)
    one[1, 1, 1] = True
    noisy = [generator.random((14, 15, 16)) < share for share in (0.1, 0.3, 0.6, 0.9)]
    for mask in (thin, one, *noisy):
        for rounds in (0, 100):
            found = surface_of(mask, np.diag([1.0, 1.0, 4.0, 1.0]), rounds)
            assert found is not None
            assert found.closed
            assert found.parts >= found.mask_parts
    assert surface_of(np.zeros((4, 4, 4), np.bool_), np.eye(4)) is None


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    spacing = (0.8, 0.8, 3.0)
    labels = solid("sphere", spacing) * np.uint8(1)
    labels[:4] = 7
    affine = placed(spacing) @ np.diag([-1.0, 1, 1, 1])
    path = tmp_path / "mask.nii.gz"
    nib.save(nib.Nifti1Image(labels, affine), path)
    return path


@pytest.mark.parametrize("kind", ["stl", "ply"])
def test_another_library_reads_the_files(volume: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "surfaces"
    assert cli.main(["surface", str(volume), str(out), "--classes", "ball=1,slab=7", "--format", kind]) == 0
    rows = list(csv.DictReader((out / "surfaces.csv").open()))
    assert [(row["object"], row["file"], row["closed"]) for row in rows] == [
        ("ball", f"ball.{kind}", "true"), ("slab", f"slab.{kind}", "true")
    ]  # fmt: skip
    for row in rows:
        read = meshio.read(out / row["file"])
        corners = read.points[read.cells_dict["triangle"]].astype(np.float64)
        held = float((np.cross(corners[:, 0], corners[:, 1]) * corners[:, 2]).sum() / 6)
        assert held == pytest.approx(float(row["mask_volume_mm3"]), rel=0.015)
        assert held == pytest.approx(float(row["volume_mm3"]), rel=0.001)
        assert len(corners) == int(row["triangles"])
        assert (row["mask_parts"], row["parts"]) == ("1", "1")
        assert 0 <= float(row["outside_mm"]) < 0.4
    assert b"SPACE=LPS" in (out / f"ball.{kind}").read_bytes()[:300]


def test_space_of_the_coordinates(volume: Path, tmp_path: Path) -> None:
    middles = {}
    for space in ("lps", "ras"):
        assert cli.main(["surface", str(volume), str(tmp_path / space), "--classes", "slab=7", "--space", space]) == 0
        middles[space] = meshio.read(tmp_path / space / "slab.stl").points.mean(axis=0)
    image = nib.load(volume)
    expected = nib.affines.apply_affine(image.affine, np.argwhere(np.asarray(image.dataobj) == 7)).mean(axis=0)
    assert middles["ras"] == pytest.approx(expected, abs=0.6)
    assert middles["lps"] == pytest.approx(middles["ras"] * [-1, -1, 1], abs=1e-3)


def test_nrrd_and_nifti_of_one_mask_give_one_surface(volume: Path, tmp_path: Path) -> None:
    other = tmp_path / "mask.nrrd"
    sitk.WriteImage(sitk.ReadImage(str(volume)), str(other))
    for path in (volume, other):
        assert cli.main(["surface", str(path), str(tmp_path / path.suffix), "--classes", "ball=1"]) == 0
    first, second = (meshio.read(tmp_path / path.suffix / "ball.stl").points for path in (volume, other))
    assert first.min(0) == pytest.approx(second.min(0), abs=1e-3)
    assert first.max(0) == pytest.approx(second.max(0), abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--classes", "liver=3"], "holds no voxel of label 3 (liver)"),
        (["--classes", "liver"], "'liver' is not NAME=LABEL"),
        (["--classes", "../liver=1"], "'../liver=1' is not NAME=LABEL"),
        (["--classes", "a=²"], "'a=²' is not NAME=LABEL"),
        (["--classes", "a=1,a=7"], "a stands twice"),
        (["--smooth", "-1"], "-1 is negative"),
    ],
)
def test_mistakes(volume: Path, tmp_path: Path, capsys: object, arguments: list[str], message: str) -> None:
    assert cli.main(["surface", str(volume), str(tmp_path / "out"), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_an_image_has_no_surface(tmp_path: Path, capsys: object) -> None:
    path = tmp_path / "flat.png"
    path.write_bytes(b"")
    assert cli.main(["surface", str(path), str(tmp_path / "out")]) == 2
    assert "not a volume" in capsys.readouterr().err
    assert cli.main(["surface", str(tmp_path / "none.nii"), str(tmp_path / "out")]) == 2
    assert "no such file" in capsys.readouterr().err
