"""Thresholds that part the intensities of one image into levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def multilevel(image: npt.NDArray[Any], count: int) -> npt.NDArray[np.int64]:
    """Return the level, 0 to ``count`` - 1, of every pixel of an image of any number of axes.

    The thresholds are those of Otsu for several levels (Liao et al. 2001) on a histogram of 256 bins.

    Raises:
        ValueError: the image has fewer values than ``count``.
    """
    from skimage.filters import threshold_multiotsu  # takes a while to import

    thresholds = threshold_multiotsu(image, classes=count)
    return np.digitize(image, bins=thresholds)
