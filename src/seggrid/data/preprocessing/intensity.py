"""Steps that change intensities: every function takes and returns ``(C, *S)`` float32, each channel on its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import stats
from skimage import exposure

from seggrid.data.piecewise import flat, pieces
from seggrid.errors import UserError

FloatImage = npt.NDArray[np.float32]


class FlatError(UserError):
    """A channel has one value, or too few for a step: there is nothing in it."""


def each_channel(image: FloatImage, act: Callable[[FloatImage], npt.NDArray[np.floating]]) -> FloatImage:
    """Apply ``act`` to every channel ``(*S)`` and stack the results as float32."""
    return np.stack([np.asarray(act(channel), np.float32) for channel in image])


def to_unit(channel: FloatImage) -> FloatImage:
    """Scale a channel linearly to 0 to 1.

    Raises:
        FlatError: it has one value only.
    """
    low, high = channel.min(), channel.max()
    if low == high:
        raise FlatError(f"a channel has the value {low:g} everywhere; correct the steps before, or exclude the case")
    return (channel - low) / (high - low)


def window(image: FloatImage, low: float, high: float, scale: bool = False) -> FloatImage:
    """Clip to fixed intensities, in the unit of the file (e.g. Hounsfield units).

    Args:
        scale: bring ``low`` to 0 and ``high`` to 1: the same for every image.
    """
    clipped = np.clip(image, low, high)
    return (clipped - np.float32(low)) / np.float32(high - low) if scale else clipped


def percentile_clip(image: FloatImage, low: float, high: float) -> FloatImage:
    """Clip each channel to two of its percentiles (linear interpolation)."""
    return each_channel(image, lambda channel: np.clip(channel, *np.percentile(channel, (low, high))))


def z_score(image: FloatImage) -> FloatImage:
    """Subtract each channel's mean and divide by its standard deviation.

    Raises:
        FlatError: a channel has one value only.
    """

    def standardise(channel: FloatImage) -> npt.NDArray[np.floating]:
        spread = channel.std(dtype=np.float64)
        if spread == 0:
            to_unit(channel)
        mean, line = channel.mean(dtype=np.float64), flat(channel)
        result = np.empty(line.shape, np.float32)
        for piece in pieces(line.size):
            result[piece] = (line[piece] - mean) / spread
        return result.reshape(channel.shape)

    return each_channel(image, standardise)


def min_max(image: FloatImage) -> FloatImage:
    """Scale each channel to 0 to 1.

    Raises:
        FlatError: a channel has one value only.
    """
    return each_channel(image, to_unit)


def contrast_stretch(image: FloatImage, low: float, high: float) -> FloatImage:
    """Clip each channel to two of its percentiles, then scale it to 0 to 1.

    Raises:
        FlatError: a channel has one value between the percentiles.
    """
    return min_max(percentile_clip(image, low, high))


def equalise(image: FloatImage) -> FloatImage:
    """Replace each value by the share of the channel's pixels that are not above it, 0 to 1.

    This is histogram equalisation with a bin per value, which images of 8 bit get from other libraries as well.
    """
    return each_channel(
        image, lambda channel: stats.rankdata(channel, method="max").reshape(channel.shape) / channel.size
    )


def clahe(image: FloatImage, clip_limit: float, tiles: int) -> FloatImage:
    """Equalise within tiles, with a bound on the contrast (Zuiderveld 1994); gives 0 to 1.

    Raises:
        FlatError: a channel has one value only.
    """

    def equalise_tiles(channel: FloatImage) -> npt.NDArray[np.floating]:
        tile = [max(1, length // tiles) for length in channel.shape]
        return exposure.equalize_adapthist(to_unit(channel), kernel_size=tile, clip_limit=clip_limit)

    return each_channel(image, equalise_tiles)
