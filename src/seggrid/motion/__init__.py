"""Motion analysis: measures of a knee from the mask of a lateral radiograph, frame by frame of a sequence."""

from seggrid.motion.knee import Knee, find_knee, measure_knee
from seggrid.motion.measures import MEASURES, Measure

__all__ = ["MEASURES", "Knee", "Measure", "find_knee", "measure_knee"]
