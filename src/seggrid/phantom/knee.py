"""The posed knee as a list of solids that the projector and the voxeliser both read."""

from seggrid.phantom import bones, soft_tissue
from seggrid.phantom.anatomy import Anatomy, Cortex
from seggrid.phantom.pose import FEMUR, Pose
from seggrid.phantom.shapes import Field, smooth_step
from seggrid.phantom.solid import Solid

#: Value of each class in a mask, from bottom to top: where structures overlap the last one wins.
PAINT_ORDER = (("patellar_tendon", 4), ("tibia", 3), ("femur", 2), ("patella", 1))
BONES = ("femur", "tibia", "fibula", "patella")


def solids(anatomy: Anatomy, pose: Pose) -> dict[str, Solid]:
    """All parts of the knee by name: the four classes, `fibula`, `quadriceps_tendon` and `skin`."""
    return _bones(anatomy, pose) | {
        "patellar_tendon": soft_tissue.patellar_tendon(anatomy.tendon, pose.tendon),
        "quadriceps_tendon": soft_tissue.quadriceps_tendon(anatomy, pose),
        "skin": soft_tissue.skin(anatomy, pose),
    }


def _bones(anatomy: Anatomy, pose: Pose) -> dict[str, Solid]:
    cortex, shaft = anatomy.cortex, bones.SHAFT_LENGTH
    femur, tibia, patella = anatomy.femur, anatomy.tibia, anatomy.patella
    wide, deep = tibia.plateau_radii[1] + 6.0, tibia.plateau_radii[0] + 14.0
    condyles = femur.condyle_distance + 0.5 * femur.condyle_width + 5.0
    half = (0.65 * patella.thickness, 0.5 * patella.length + 3.0, 0.5 * patella.width + 2.0)
    return {
        "femur": Solid(
            lambda x, y, z: shelled(bones.femur(femur, x, y, z), y, cortex, 14.0, 62.0),
            FEMUR,
            (-42.0, -34.0, -condyles),
            (44.0, shaft, condyles),
        ),
        "tibia": Solid(
            lambda x, y, z: shelled(bones.tibia(tibia, x, y, z), -y, cortex, 22.0, 85.0),
            pose.tibia,
            (-deep, -shaft, -wide),
            (deep, 14.0, wide),
        ),
        "fibula": Solid(
            lambda x, y, z: shelled(bones.fibula(tibia, x, y, z), -y, cortex, 20.0, 110.0, 0.5),
            pose.tibia,
            (-40.0, -shaft, tibia.fibula_head[2] - 20.0),
            (2.0, 6.0, tibia.fibula_head[2] + 14.0),
        ),
        # The cortex of the patella is thickest in front.
        "patella": Solid(
            lambda x, y, z: shelled(bones.patella(patella, x, y, z), x, cortex, 2.0, 15.0, 0.7),
            pose.patella,
            (-half[0], -half[1], -half[2]),
            half,
        ),
    }


def shelled(
    outer: Field, along: Field, cortex: Cortex, thin: float, thick: float, share: float = 1.0
) -> tuple[Field, Field]:
    """Cortex that grows from that of the bone's end, at `thin`, to a share of the shaft's, at `thick`."""
    grown = smooth_step(along, thin, thick) * (share * (cortex.shaft - cortex.end)) + cortex.end
    return outer, outer + grown
