"""Projections agree with geometry and with voxels."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from seggrid.config.phantom import KneeSettings
from seggrid.phantom.knee import solids
from seggrid.phantom.pose import Frame, pose
from seggrid.phantom.projection import View, cast
from seggrid.phantom.sampling import anatomy_of, draw_view
from seggrid.phantom.shapes import ellipsoid
from seggrid.phantom.solid import Solid


def ball(radius: float, centre: tuple[float, float, float]) -> Solid:
    bound = (radius, radius, radius)
    return Solid(
        lambda x, y, z: (ellipsoid(x, y, z, (0.0, 0.0, 0.0), bound),),
        Frame(np.eye(3), np.array(centre)),
        (-radius, -radius, -radius),
        bound,
    )


def test_path_through_a_ball_is_its_chord() -> None:
    view = View(np.eye(3), np.zeros(3), 0.5, 128, 1e7)
    shadow = cast(ball(20.0, (3.0, -4.0, 10.0)), view, 1)
    index = np.arange(128)
    u, v = (index - 63.5) * 0.5, (63.5 - index) * 0.5
    squared = (u[None, :] - 3.0) ** 2 + (v[:, None] + 4.0) ** 2
    chord = 2.0 * np.sqrt(np.maximum(400.0 - squared, 0.0))
    assert np.abs(shadow.paths[0] - chord)[squared < 19.0**2].max() < 0.15
    assert shadow.paths[0][squared > 20.3**2].max() == 0.0
    np.testing.assert_array_equal(shadow.silhouette[squared < 19.9**2], True)
    np.testing.assert_array_equal(shadow.silhouette[squared > 20.1**2], False)


def test_what_lies_nearer_the_source_is_larger() -> None:
    view = View(np.eye(3), np.zeros(3), 0.5, 128, 1000.0)
    near, far = (cast(ball(15.0, (0.0, 0.0, w)), view, 1).silhouette.sum() for w in (-60.0, 60.0))
    assert near / far == pytest.approx((1060.0 / 940.0) ** 2, rel=0.02)


def test_outside_the_image_there_is_no_shadow() -> None:
    view = View(np.eye(3), np.zeros(3), 0.5, 64, 1000.0)
    assert not cast(ball(5.0, (100.0, 0.0, 0.0)), view, 1).silhouette.any()


@pytest.mark.parametrize("name", ["patella", "femur", "tibia", "patellar_tendon"])
@pytest.mark.parametrize("subject", [0, 1])
def test_silhouette_is_the_projection_of_fine_voxels(name: str, subject: int) -> None:
    settings = KneeSettings(size=128, collimation=0.0)
    anatomy = anatomy_of(settings, subject)
    posed = pose(anatomy, 55.0)
    view, _ = draw_view(settings, subject, 0, anatomy, posed)
    solid = solids(anatomy, posed)[name]
    expected = voxel_projection(solid, view)
    found = cast(solid, view, 1 if name == "patellar_tendon" else 2).silhouette
    # A voxel is half a pixel: outlines agree to a pixel, areas to a quarter of the outline.
    assert not np.any(found & ~binary_dilation(expected))
    assert not np.any(binary_erosion(expected, border_value=1) & ~found)
    outline = (expected & ~binary_erosion(expected)).sum()
    assert abs(int(found.sum()) - int(expected.sum())) < 0.3 * outline


def voxel_projection(solid: Solid, view: View, step: float = 0.5) -> np.ndarray:
    """Pixels whose middle half is hit by the centre of an inside voxel of `step` mm."""
    axes = [np.arange(a, b, step, dtype=np.float32) for a, b in zip(solid.lower, solid.upper, strict=True)]
    hit = np.zeros((view.size, view.size), bool)
    for x in axes[0]:
        y, z = np.meshgrid(axes[1], axes[2], indexing="ij")
        inside = solid.fields(np.full_like(y, x), y, z)[0] < 0.0
        local = np.stack([np.full(inside.sum(), x), y[inside], z[inside]], axis=1)
        pixels = view.to_pixel(local @ solid.frame.rotation.T + solid.frame.origin)
        nearest = np.rint(pixels).astype(int)
        central = np.all(np.abs(pixels - nearest) < 0.25, axis=1)
        nearest = nearest[central & np.all((nearest >= 0) & (nearest < view.size), axis=1)]
        hit[nearest[:, 0], nearest[:, 1]] = True
    return hit
