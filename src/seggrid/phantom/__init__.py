"""An articulated 3-D knee of implicit shapes, as a CT volume or as lateral radiographs, with exact masks."""

from seggrid.config.phantom import KneeSettings
from seggrid.phantom.cases import PhantomCase, radiograph, radiographs
from seggrid.phantom.knee import CLASS_NAMES
from seggrid.phantom.voxels import PhantomVolume, volume

#: Bumped whenever the numbers change; part of the data identity.
PHANTOM_VERSION = 1

__all__ = [
    "CLASS_NAMES",
    "PHANTOM_VERSION",
    "KneeSettings",
    "PhantomCase",
    "PhantomVolume",
    "radiograph",
    "radiographs",
    "volume",
]
