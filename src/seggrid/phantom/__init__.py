"""An articulated 3-D knee of implicit shapes, as a CT volume or as lateral radiographs, with exact masks."""

from seggrid.config.phantom import CLASS_NAMES, PHANTOM_VERSION, KneeSettings
from seggrid.phantom.cases import PhantomCase, radiograph, radiographs
from seggrid.phantom.pose import PoseError
from seggrid.phantom.voxels import PhantomVolume, volume

__all__ = [
    "CLASS_NAMES",
    "PHANTOM_VERSION",
    "KneeSettings",
    "PhantomCase",
    "PhantomVolume",
    "PoseError",
    "radiograph",
    "radiographs",
    "volume",
]
