"""Joints of implicit shapes with exact masks, as radiographs or CT volumes: knee, broken wrist, arthritic hip."""

from seggrid.config.phantom import PHANTOM_CLASSES, HipSettings, KneeSettings, WristSettings
from seggrid.phantom.cases import PhantomCase, radiograph, radiographs
from seggrid.phantom.grid import PhantomVolume
from seggrid.phantom.hip import hip_volume
from seggrid.phantom.pose import PoseError
from seggrid.phantom.sampling import flexion_of
from seggrid.phantom.voxels import volume
from seggrid.phantom.wrist import fracture_radiograph, wrist_views

__all__ = [
    "PHANTOM_CLASSES",
    "HipSettings",
    "KneeSettings",
    "PhantomCase",
    "PhantomVolume",
    "PoseError",
    "WristSettings",
    "flexion_of",
    "fracture_radiograph",
    "hip_volume",
    "radiograph",
    "radiographs",
    "volume",
    "wrist_views",
]
