"""The bones as implicit solids in their own frames (x anterior, y proximal, z across; mm)."""

import numpy as np

from seggrid.phantom.anatomy import Femur, Patella, Tibia
from seggrid.phantom.shapes import (
    Field,
    capsule,
    disc,
    ellipsoid,
    elliptic_column,
    half_space,
    ripple,
    slab,
    smooth_difference,
    smooth_intersection,
    smooth_step,
    smooth_union,
)

#: Shafts are cut this far from the joint, beyond any field of view.
SHAFT_LENGTH = 240.0


def femur(shape: Femur, x: Field, y: Field, z: Field) -> Field:
    """Distal femur: two condyles, trochlea with its groove, intercondylar notch, flared and bowed shaft."""
    medial = _condyle(shape, x, y, z + shape.condyle_distance, shape.medial_excess)
    lateral = _condyle(shape, x, y, z - shape.condyle_distance, 0.0)
    distal = smooth_union(_trochlea(shape, x, y, z), np.minimum(medial, lateral), 8.0)
    solid = smooth_union(distal, _femoral_shaft(shape, x, y, z), 14.0)
    solid = smooth_difference(solid, _notch(shape, x, y, z), 5.0)
    return solid + 0.55 * ripple(x, y, z, shape.phase, (23.0, 31.0, 19.0))


def _condyle(shape: Femur, x: Field, y: Field, z: Field, excess: float) -> Field:
    posterior = disc(x, y, (-shape.posterior_reach, -0.7 * excess), shape.posterior_radius + 0.5 * excess)
    front = disc(x, y, (shape.distal_centre[0], shape.distal_centre[1] - excess), shape.distal_radius)
    profile = smooth_union(posterior, front, 16.0)
    return smooth_intersection(profile, slab(z, shape.condyle_width), 14.0)


def _trochlea(shape: Femur, x: Field, y: Field, z: Field) -> Field:
    body = ellipsoid(x, y, z, (*shape.trochlea_centre, 3.0), shape.trochlea_radii)
    groove = np.exp(-((z - 1.0) ** 2) * float(1.0 / 90.0)) * smooth_step(x, 4.0, 20.0)
    return np.asarray(body + shape.groove_depth * groove, dtype=np.float32)


def _notch(shape: Femur, x: Field, y: Field, z: Field) -> Field:
    # A vault, not a plane: its crest is Blumensaat's line.
    roof = half_space(x, y, (0.0, 2.0), shape.notch_angle) + np.square(z) * 0.09
    return smooth_intersection(np.asarray(roof, dtype=np.float32), slab(z, shape.notch_width), 6.0)


def _femoral_shaft(shape: Femur, x: Field, y: Field, z: Field) -> Field:
    above = np.maximum(y - 12.0, 0.0)
    across = np.exp(-above * float(1.0 / 22.0))
    forward = np.exp(-np.square(above * float(1.0 / 24.0)))
    lean = float(np.tan(np.deg2rad(shape.shaft_tilt)))
    axis = shape.shaft_offset + lean * (y - 20.0) + shape.bow * np.square((y - 20.0) * 0.01)
    radius_x = shape.shaft_radius + shape.flare[0] * forward
    radius_z = shape.shaft_radius + shape.flare[1] * across
    column = elliptic_column(x - axis, z, radius_x, radius_z)
    return smooth_intersection(column, slab(y - 0.5 * SHAFT_LENGTH, SHAFT_LENGTH), 8.0)


def tibia(shape: Tibia, x: Field, y: Field, z: Field) -> Field:
    """Proximal tibia: sloped plateau with two spines, flare into the shaft, tuberosity."""
    depth, width = shape.plateau_radii
    flare = _tibial_flare(shape, y)
    radius_x = shape.shaft_radius + (depth - shape.shaft_radius) * flare
    radius_z = shape.shaft_radius + (width - shape.shaft_radius) * flare * flare
    axis = shape.shaft_offset * (1.0 - flare)
    column = elliptic_column(x - axis, z, radius_x, radius_z)
    top = half_space(x, y, (0.0, 0.0), 90.0 - shape.slope)
    dish = ellipsoid(x, y, z, (-1.0, 7.0, -0.5 * width), (0.85 * depth, 9.0, 0.42 * width))
    solid = smooth_intersection(column, np.maximum(top, -SHAFT_LENGTH - y), 11.0)
    solid = smooth_difference(solid, dish, 4.0)
    spines = np.minimum(
        capsule(x, y, z, (-1.0, -6.0, -5.0), (-1.5, shape.spine_height - 2.0, -5.5), (7.0, 2.0)),
        capsule(x, y, z, (-4.0, -6.0, 5.0), (-4.5, shape.spine_height - 3.0, 6.0), (6.5, 2.0)),
    )
    solid = smooth_union(solid, spines, 5.0)
    solid = smooth_union(solid, _tuberosity(shape, x, y, z), 18.0)
    return solid + 0.5 * ripple(x, y, z, shape.phase, (21.0, 29.0, 23.0))


def tuberosity_point(shape: Tibia) -> tuple[float, float, float]:
    """Where the patellar tendon is attached, just beneath the surface of the tuberosity."""
    depth, _ = shape.plateau_radii
    flare = float(_tibial_flare(shape, np.array(-shape.tuberosity_depth, np.float32)))
    front = shape.shaft_offset * (1.0 - flare) + shape.shaft_radius + (depth - shape.shaft_radius) * flare
    return front + shape.tuberosity_reach - 1.0, -shape.tuberosity_depth, 2.0


def _tibial_flare(shape: Tibia, y: Field) -> Field:
    below = np.minimum(y + 6.0, 0.0) * float(1.0 / shape.flare_length)
    return np.asarray(np.exp(-(below * below)), dtype=np.float32)


def _tuberosity(shape: Tibia, x: Field, y: Field, z: Field) -> Field:
    px, py, pz = tuberosity_point(shape)
    return capsule(x, y, z, (px - 5.5, py + 9.0, pz), (px - 6.5, py - 6.0, pz), (7.0, 6.0))


def fibula(shape: Tibia, x: Field, y: Field, z: Field) -> Field:
    """Proximal fibula: head with styloid, slender shaft."""
    hx, hy, hz = shape.fibula_head
    head = ellipsoid(x, y, z, (hx, hy, hz), (9.5, 11.0, 9.0))
    styloid = capsule(x, y, z, (hx - 2.0, hy + 5.0, hz), (hx - 4.0, hy + 12.0, hz), (4.0, 1.8))
    radius = shape.fibula_radius
    shaft = capsule(x, y, z, (hx, hy - 4.0, hz), (hx + 6.0, -SHAFT_LENGTH, hz - 8.0), (radius, radius + 0.8))
    return smooth_union(smooth_union(head, styloid, 4.0), shaft, 12.0)


def patella(shape: Patella, x: Field, y: Field, z: Field) -> Field:
    """Patella: curved front, ridged articular back, broad base, pointed apex below."""
    half_length, half_depth, half_width = 0.5 * shape.length, 0.5 * shape.thickness, 0.5 * shape.width
    across = np.square(z * float(1.0 / half_width))
    front = x + (0.35 * half_depth) * across + np.square(y) * float(0.18 / half_length) - half_depth
    back = -x + (0.75 * half_depth) * across - half_depth
    apex_x = shape.apex_shift * shape.thickness
    base = half_space(x, y, (0.0, half_length), 90.0 - shape.base_slant)
    below = half_space(x, y, (apex_x, -half_length), 250.0)
    nose = half_space(x, y, (apex_x, -half_length), 318.0)
    solid = smooth_intersection(smooth_intersection(front, back, 5.0), base, 6.0)
    solid = smooth_intersection(smooth_intersection(solid, below, 5.0), nose, 4.0)
    taper = np.abs(z) - half_width * (0.82 + 0.18 * np.clip(y * float(1.0 / half_length), -1.0, 1.0))
    solid = smooth_intersection(solid, taper.astype(np.float32), 8.0)
    return solid + 0.45 * ripple(x, y, z, shape.phase, (13.0, 17.0, 19.0))


def apex_point(shape: Patella) -> tuple[float, float, float]:
    """Lower pole of the patella, where the tendon begins."""
    return shape.apex_shift * shape.thickness, -0.5 * shape.length + 1.0, 0.0


def base_point(shape: Patella) -> tuple[float, float, float]:
    """Upper pole of the patella."""
    return 0.0, 0.5 * shape.length, 0.0
