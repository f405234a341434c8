"""Prediction of volumes that are larger than the patches that a network was trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from seggrid.data.device import darkest, pad_to

#: Windows in a forward pass, by kind of device. A processor is no faster with more than one.
BATCH = {"cpu": 1, "cuda": 4}


def predict_in_windows(
    predict: Callable[[Tensor], Tensor], images: Tensor, patch_size: Sequence[int] | None, overlap: float
) -> Tensor:
    """Return logits ``(N, C, *S)`` of images ``(N, C_in, *S)``.

    Volumes are predicted in windows of ``patch_size``, whose logits are averaged with Gaussian weights (MONAI's).
    A volume that is smaller is padded as a training patch is. Images of two axes are predicted whole, so are all
    where there is no ``patch_size``.

    Args:
        predict: images to logits ``(N, C, *S)``.
        overlap: share of a window that the next one covers as well.
    """
    size = images.shape[2:]
    if patch_size is None or len(size) == 2:
        return predict(images)
    wanted = [max(side, length) for side, length in zip(size, patch_size, strict=True)]
    padded = pad_to(images, wanted, darkest(images, len(size)))
    if tuple(padded.shape[2:]) == tuple(patch_size):
        logits = predict(padded)
    else:
        from monai.inferers.utils import sliding_window_inference  # slow to import: only for volumes of such a size

        batch = BATCH.get(images.device.type, 1)
        logits = sliding_window_inference(padded, patch_size, batch, predict, overlap, mode="gaussian")
    for axis, side in enumerate(size, start=2):
        logits = logits.narrow(axis, 0, side)
    return logits
