"""Region and boundary metrics of label images, in pure NumPy; ``measure`` is the way in."""

from seggrid.metrics.evaluate import Measurement, measure
from seggrid.metrics.surface import LabelSurfaces, known_surfaces, label_surfaces

__all__ = ["LabelSurfaces", "Measurement", "known_surfaces", "label_surfaces", "measure"]
