"""Boundary-wise losses of fuzzy rough sets."""

from __future__ import annotations

from torch import Tensor

from seggrid.losses import slopes
from seggrid.losses.base import Batch, Loss


class FuzzyRough(Loss):
    """Squared error, weighted by how surely a pixel lies on its side of the true border.

    Formula: L = sum (p-g)^2 w / M over all images, objects and pixels; w = 1 - exp(-d_g^2 / alpha), d_g is the distance
        to the nearest pixel on the other side of the true border and M the number of terms with d_g > 0.
    Source: public code of the authors (qiaolin1992/Boundary-Loss, FuzzyRoughSets.py) of the boundary-wise loss by fuzzy
        rough sets, Lin et al.; their paper was not at hand.
    Range: 0 to 1.
    Units: none; alpha in squares of the smallest spacing of the image, pixels where it is isotropic.
    Deviations: the code divides by the number of terms that are not 0, so it gives 0/0 at an exact prediction and where
        the truth is empty; otherwise its value is this one. Here an object that is absent or fills the image has
        d_g = 0 and is no term, and a batch without any object gives 0 with a gradient of 0. All objects of the batch
        share one sum (our reading; the code has one object). d_g is at least 1, so a small alpha leaves the plain
        squared error. Foreground classes only.

    Args:
        num_classes: C, background included.
        alpha: width of the border, squared: at a distance of sqrt(alpha) the weight is 0.63.
    """

    def __init__(self, num_classes: int, *, alpha: float = 1.0) -> None:
        super().__init__(num_classes)
        self.alpha = alpha

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over the pixels of the objects that have a border."""
        return _mean_squared_error(batch, self._certainty(batch.map("distance_field")))

    def _certainty(self, distance: Tensor) -> Tensor:
        return distance.square().div_(-self.alpha).expm1_().neg_()


class FuzzyRoughDual(FuzzyRough):
    """Squared error, weighted by how surely a pixel lies on its side of the true and of the predicted border.

    Formula: L = sum (p-g)^2 (w_g + w_p) / M over all images, objects and pixels; w = 1 - exp(-d^2 / alpha), d_g is the
        distance to the nearest pixel on the other side of the true border, d_p the same for the mask p > 1/2, and M the
        number of terms with w_g + w_p > 0.
    Source: public code of the authors (qiaolin1992/Boundary-Loss, DualLoss.py) of the boundary-wise loss by fuzzy rough
        sets, Lin et al.; their paper was not at hand.
    Range: 0 to 2.
    Units: none; alpha in squares of the smallest spacing of the image, pixels where it is isotropic.
    Deviations: those of ``FuzzyRough``. The maps are constants of the graph.

    Args:
        num_classes: C, background included.
        alpha: width of the border, squared: at a distance of sqrt(alpha) the weight is 0.63.
    """

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over the pixels of the objects that have a border in truth or prediction."""
        weights = self._certainty(batch.map("distance_field"))
        weights += self._certainty(batch.map("predicted_distance_field"))
        return _mean_squared_error(batch, weights)


def _mean_squared_error(batch: Batch, weights: Tensor) -> Tensor:
    terms = (weights > 0).sum().clamp_min(1)
    return slopes.squared_error_sum(batch, weights) / terms
