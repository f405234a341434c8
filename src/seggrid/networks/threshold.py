"""The classical baseline: thresholds alone, with what each level stands for learnt from the training cases.

Trained, evaluated and ranked like any network, it says what the intensities of single pixels are worth.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seggrid.networks.segmentation import SegmentationNetwork
from seggrid.thresholds import multilevel

#: What the table is multiplied by, so that a learning rate made for convolutions moves it far enough.
_GAIN = 10.0


def multilevel_threshold(in_channels: int, num_classes: int, levels: int) -> SegmentationNetwork:
    """Build the baseline for images of any number of axes.

    Args:
        in_channels: only the first is read.
        levels: of every image, by Otsu's criterion.
    """
    del in_channels
    return SegmentationNetwork(MultilevelThreshold(num_classes, levels), stride=1)


class MultilevelThreshold(nn.Module):
    """Multi-Otsu levels of the first channel, image by image, and a table of logits ``(levels, C)``.

    The table, which starts at zero, is all that is trained. An image whose histogram
    of 256 bins has fewer values than levels has a level a value.

    Args:
        num_classes: objects plus background.
        levels: of every image.

    Source: the last step of the preprocessing of Radillah et al., on its own; the criterion is Otsu's for several
    levels (Liao et al. 2001), for the paper names none.
    """

    def __init__(self, num_classes: int, levels: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(levels, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``(N, C, *S)`` for images ``(N, C_in, *S)``."""
        count = len(self.table)
        pictures = images[:, 0].detach().float().cpu().numpy()
        found = np.stack([_levels(picture, count) for picture in pictures])
        # A product with the table and not a look-up, whose gradient is summed in any order on a GPU.
        chosen = F.one_hot(torch.from_numpy(found).to(images.device), count).to(self.table.dtype)
        return (chosen @ (_GAIN * self.table)).movedim(-1, 1)


def _levels(picture: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Levels from 0, fewer than ``count`` where there is nothing to part: a patch may show air only."""
    for levels in range(count, 1, -1):
        with suppress(ValueError):
            return multilevel(picture, levels)
    return np.zeros(picture.shape, dtype=np.int64)
