"""Joints of implicit shapes, as CT volumes or as radiographs, with exact masks: knee and broken wrist."""

from seggrid.config.phantom import PHANTOM_CLASSES, KneeSettings, WristSettings
from seggrid.phantom.cases import PhantomCase, radiograph, radiographs
from seggrid.phantom.pose import PoseError
from seggrid.phantom.voxels import PhantomVolume, volume
from seggrid.phantom.wrist import fracture_radiograph, wrist_views

__all__ = [
    "PHANTOM_CLASSES",
    "KneeSettings",
    "PhantomCase",
    "PhantomVolume",
    "PoseError",
    "WristSettings",
    "fracture_radiograph",
    "radiograph",
    "radiographs",
    "volume",
    "wrist_views",
]
