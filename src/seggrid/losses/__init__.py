"""Loss functions of segmentation and their weighted mixtures; one loss, one row of ``catalogue.LOSSES``."""

from seggrid.losses.base import Loss, build
from seggrid.losses.mixture import MixtureLoss, effective_ratios

__all__ = ["Loss", "MixtureLoss", "build", "effective_ratios"]
