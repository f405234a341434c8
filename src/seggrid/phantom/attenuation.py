"""Line integrals of attenuation through the posed knee."""

from dataclasses import dataclass

import numpy as np

from seggrid.phantom.anatomy import Cortex
from seggrid.phantom.pose import FEMUR, Pose
from seggrid.phantom.projection import Shadow, View
from seggrid.phantom.shapes import Field, smooth_step
from seggrid.phantom.texture import Band, laid_on, noise, trabeculae

#: Attenuation of water at about 60 keV, per mm.
WATER = 0.0206
MUSCLE_HU, FAT_HU, TENDON_HU = 50.0, -100.0, 110.0
#: Number of nested fields of each solid.
FIELDS = {
    "femur": 2,
    "tibia": 2,
    "fibula": 2,
    "patella": 2,
    "patellar_tendon": 1,
    "quadriceps_tendon": 1,
    "skin": 2,
}
TENDONS = ("quadriceps_tendon", "patellar_tendon")
#: Height of the closed growth plate in the bone's frame, in mm.
_SCAR_LEVEL = {"femur": 13.0, "tibia": -14.0}


@dataclass(frozen=True)
class Marrow:
    """Textures of one subject: a trabecular tile per bone, a coarse tile for cortex, streaks for muscle."""

    trabeculae: dict[str, Field]
    cortex: Field
    muscle: Field
    amplitude: float
    scar: float


def draw_marrow(rng: np.random.Generator, bones: tuple[str, ...]) -> Marrow:
    """Draw the textures of one subject."""
    return Marrow(
        trabeculae={bone: trabeculae(rng) for bone in bones},
        cortex=noise(rng, (Band(6.0, 2.5, 90.0),)),
        muscle=noise(rng, (Band(9.0, 6.0, 90.0), Band(3.0, 8.0, 84.0, 0.4))),
        amplitude=float(rng.uniform(0.06, 0.24)),
        scar=float(rng.uniform(0.0, 0.3)),
    )


def marrow_hu(cortex: Cortex, bone: str, y: Field) -> Field:
    """Density inside the cortex at a height in the bone's frame: spongy at the joint, fatty in the shaft."""
    if bone == "patella":
        return np.full_like(y, cortex.trabecular_hu)
    fatty = smooth_step(np.abs(y), 24.0, 80.0)
    return np.asarray(cortex.trabecular_hu + (cortex.marrow_hu - cortex.trabecular_hu) * fatty, np.float32)


def line_integrals(
    cortex: Cortex, pose: Pose, marrow: Marrow, view: View, shadows: dict[str, Shadow], bone_contrast: float
) -> Field:
    """Attenuation along each ray, (H, W), without unit.

    `bone_contrast` scales the HU of bone: 1 at the energy of CT, more for the softer beam of radiography.
    """
    skin, inner = shadows["skin"].paths
    sagittal = midplane(view)
    x, y, _ = FEMUR.to_local(*sagittal)
    hounsfield_mm = MUSCLE_HU * inner * (1.0 + 0.05 * laid_on(marrow.muscle, x, y)) + FAT_HU * (skin - inner)
    for name in TENDONS:
        hounsfield_mm += (TENDON_HU - FAT_HU) * shadows[name].paths[0]
    frames = {"femur": FEMUR, "tibia": pose.tibia, "fibula": pose.tibia, "patella": pose.patella}
    for bone, frame in frames.items():
        seen = shadows[bone].silhouette
        x, y, _ = frame.to_local(*(axis[seen] for axis in sagittal))
        whole, inside = shadows[bone].paths[:, seen]
        around = FAT_HU if bone == "patella" else MUSCLE_HU
        rays = Rays(whole - inside, inside, x, y, marrow_hu(cortex, bone, y), around, _SCAR_LEVEL.get(bone))
        hounsfield_mm[seen] += bone_contrast * bone_hu_mm(cortex, marrow, bone, rays)
    return np.asarray(WATER * (skin + hounsfield_mm * 1e-3), dtype=np.float32)


@dataclass(frozen=True)
class Rays:
    """Rays (n,) through one bone.

    `shell` and `inside` are mm in its cortex and within it, (`x`, `y`) where they cross its frame, `spongy` the HU
    of its marrow there, `around` that of the tissue it displaces, `scar` the height of its growth plate.
    """

    shell: Field
    inside: Field
    x: Field
    y: Field
    spongy: Field
    around: float
    scar: float | None = None


def bone_hu_mm(cortex: Cortex, marrow: Marrow, bone: str, rays: Rays) -> Field:
    """HU times mm that a bone adds to the tissue around it, per ray (n,)."""
    grain = 1.0 + marrow.amplitude * laid_on(marrow.trabeculae[bone], rays.x, rays.y)
    unevenness = laid_on(marrow.cortex, rays.x, rays.y)
    if rays.scar is not None:
        # The physeal scar: a thin, uneven plate of dense bone where the growth plate closed.
        level = rays.scar + 2.5 * np.sin(rays.x * 0.11 + 0.7)
        plate = np.exp(-np.square((rays.y - level) / 1.1)) * np.clip(1.0 + unevenness, 0.0, 2.0)
        grain = grain + marrow.scar * plate
    spongy = (rays.spongy * grain - rays.around) * rays.inside
    compact = (cortex.cortical_hu - rays.around) * rays.shell * (1.0 + 0.1 * unevenness)
    return np.asarray(spongy + compact, dtype=np.float32)


def midplane(view: View) -> tuple[Field, Field, Field]:
    """World coordinates of the pixels in the isocentre plane, each (H, W)."""
    middle = 0.5 * (view.size - 1)
    index = (np.arange(view.size, dtype=np.float32) - middle) * view.spacing
    u, v = np.meshgrid(index, -index)
    return view.to_world(u, v, np.zeros_like(u))
