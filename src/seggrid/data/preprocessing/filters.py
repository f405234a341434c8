"""Filters: every function takes and returns ``(C, *S)`` float32, each channel on its own."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from seggrid.data.preprocessing.intensity import FlatError, FloatImage, each_channel, to_unit
from seggrid.errors import UserError
from seggrid.thresholds import multilevel


def median(image: FloatImage, size: int) -> FloatImage:
    """Median over a window of ``size`` pixels per axis; edges repeat."""
    return each_channel(image, lambda channel: ndimage.median_filter(channel, size=size, mode="nearest"))


def gaussian(image: FloatImage, sigma: float) -> FloatImage:
    """Gaussian filter of ``sigma`` pixels; edges repeat."""
    return each_channel(image, lambda channel: ndimage.gaussian_filter(channel, sigma, mode="nearest"))


def bilateral(image: FloatImage, sigma_intensity: float, sigma_space: float) -> FloatImage:
    """Smooth without blurring edges (Tomasi and Manduchi 1998), 2-D.

    Args:
        sigma_intensity: as a share of the channel's range.
        sigma_space: in pixels; the window reaches two of it.

    Raises:
        UserError: the image is not 2-D.
        FlatError: a channel has one value only.
    """
    if image.ndim != 3:
        raise UserError(f"bilateral works on 2-D images, this one has {image.ndim - 1} axes; use median or gaussian")
    diameter = 2 * max(1, round(2 * sigma_space)) + 1

    def smooth(channel: FloatImage) -> FloatImage:
        span, low = np.ptp(channel), channel.min()
        result: FloatImage = cv2.bilateralFilter(to_unit(channel), diameter, sigma_intensity, sigma_space)
        return result * span + low

    return each_channel(image, smooth)


def multilevel_threshold(image: FloatImage, classes: int) -> FloatImage:
    """Append the levels of the first channel as a channel from 0 to 1.

    Raises:
        FlatError: the first channel has fewer values than ``classes``.
    """
    try:
        levels = multilevel(image[0], classes)
    except ValueError as error:
        raise FlatError(f"multilevel_threshold: {error}") from error
    return np.concatenate([image, levels[None].astype(np.float32) / (classes - 1)])
