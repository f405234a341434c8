"""Surface models from 3-D masks: smooth, closed, in mm, for printing, planning and viewers."""

from seggrid.surfaces.meshes import Surface, surface_of

__all__ = ["Surface", "surface_of"]
