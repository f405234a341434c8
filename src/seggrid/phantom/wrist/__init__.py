"""A wrist with its hand and a fracture of the distal radius, as radiographs with the exact band of the fracture."""

from seggrid.phantom.wrist.radiographs import fracture_radiograph, wrist_views

__all__ = ["fracture_radiograph", "wrist_views"]
