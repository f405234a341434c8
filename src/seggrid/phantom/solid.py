"""A solid of nested implicit surfaces in a frame of its own."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from seggrid.phantom.contact import Vector
from seggrid.phantom.pose import Frame
from seggrid.phantom.shapes import Field


@dataclass(frozen=True)
class Solid:
    """A solid in its own frame.

    `fields(x, y, z)` gives one or two nested implicit fields in mm: the outer surface, then the inner surface
    of its shell (cortex, or subcutaneous fat). `lower` and `upper` bound the solid in its frame.
    """

    fields: Callable[[Field, Field, Field], tuple[Field, ...]]
    frame: Frame
    lower: tuple[float, float, float]
    upper: tuple[float, float, float]

    def corners(self) -> Vector:
        """The eight corners of the bounding box in world coordinates, (8, 3)."""
        grid = np.meshgrid(*zip(self.lower, self.upper, strict=True), indexing="ij")
        local = np.stack([axis.ravel() for axis in grid], axis=1)
        return np.asarray(local @ self.frame.rotation.T + self.frame.origin)

    def fields_at(self, x: Field, y: Field, z: Field) -> tuple[Field, ...]:
        """The fields at world coordinates."""
        return self.fields(*self.frame.to_local(x, y, z))
