"""Networks of MONAI for volumes: ``(N, C_in, D, H, W) -> (N, C, D, H, W)``.

MONAI is imported by the function that builds one of its networks, for that takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

from seggrid.networks.segmentation import SegmentationNetwork

_AXES = 3


def unet(
    in_channels: int,
    num_classes: int,
    channels: Sequence[int],
    residual_units: int,
    plane_levels: int,
    norm: str,
    dropout: float,
) -> SegmentationNetwork:
    """Build a residual U-Net.

    Args:
        channels: feature maps of each level, at least two levels.
        residual_units: convolutions of a residual unit.
        plane_levels: first levels that halve rows and columns only.
        norm: ``instance`` or ``batch``.
        dropout: share of the features that are dropped.

    Raises:
        ValueError: there are fewer than two levels, or more plane levels than halvings.

    Source: Kerfoot et al. 2019.
    """
    from monai.networks.nets import UNet

    halvings = len(channels) - 1
    if halvings < plane_levels:
        raise ValueError(f"plane_levels is {plane_levels}, but {len(channels)} levels halve {halvings} times")
    strides = [(1, 2, 2) if level < plane_levels else (2, 2, 2) for level in range(halvings)]
    body = UNet(
        _AXES, in_channels, num_classes, channels, strides,
        num_res_units=residual_units, norm=norm.upper(), dropout=dropout,
    )  # fmt: skip
    return SegmentationNetwork(body, (2 ** (halvings - plane_levels), 2**halvings, 2**halvings))


def vnet(in_channels: int, num_classes: int, dropout: float) -> SegmentationNetwork:
    """Build a V-Net.

    Args:
        dropout: share of the features that are dropped on the three deepest levels and behind them.

    Raises:
        ValueError: 16 is no multiple of ``in_channels``.

    Source: Milletari et al. 2016.
    """
    from monai.networks.nets import VNet

    share = dropout or None
    body = VNet(_AXES, in_channels, num_classes, dropout_prob_down=share, dropout_prob_up=(share, share))
    return SegmentationNetwork(body, stride=16)


def attention_unet(in_channels: int, num_classes: int, channels: Sequence[int], dropout: float) -> SegmentationNetwork:
    """Build an Attention U-Net.

    Args:
        channels: feature maps of each level.
        dropout: share of the features that are dropped.

    Source: Oktay et al. 2018.
    """
    from monai.networks.nets import AttentionUnet

    halvings = len(channels) - 1
    body = AttentionUnet(_AXES, in_channels, num_classes, channels, (2,) * halvings, dropout=dropout)
    return SegmentationNetwork(body, stride=2**halvings)


def segresnet(in_channels: int, num_classes: int, filters: int, dropout: float) -> SegmentationNetwork:
    """Build a SegResNet, without its autoencoder.

    Args:
        filters: feature maps of the first level, a multiple of 8.
        dropout: share of the features that are dropped behind the first convolution.

    Source: Myronenko 2019.
    """
    from monai.networks.nets import SegResNet

    body = SegResNet(_AXES, filters, in_channels, num_classes, dropout_prob=dropout or None)
    return SegmentationNetwork(body, stride=8)


def unetr(
    in_channels: int,
    num_classes: int,
    size: Sequence[int],
    features: int,
    hidden_size: int,
    heads: int,
    dropout: float,
) -> SegmentationNetwork:
    """Build a UNETR, for images of one size.

    Args:
        size: of all images, multiples of 16.
        features: feature maps of the first level.
        hidden_size: of a token.
        heads: attention heads.
        dropout: share of the features that are dropped in the Transformer.

    Raises:
        ValueError: a side is no multiple of 16, or ``hidden_size`` none of ``heads``.

    Source: Hatamizadeh et al. 2022 (UNETR).
    """
    from monai.networks.nets import UNETR

    if any(side % 16 for side in size):
        raise ValueError(f"the sides of training.patch_size {list(size)} should be multiples of 16")
    body = UNETR(
        in_channels, num_classes, size, features, hidden_size, 4 * hidden_size, heads,
        dropout_rate=dropout, spatial_dims=_AXES,
    )  # fmt: skip
    return SegmentationNetwork(body, stride=tuple(size))


def swin_unetr(in_channels: int, num_classes: int, features: int, dropout: float) -> SegmentationNetwork:
    """Build a Swin UNETR.

    Args:
        features: feature maps of the first level, a multiple of 12.
        dropout: share of the features that are dropped.

    Raises:
        ValueError: ``features`` is no multiple of 12.

    Source: Hatamizadeh et al. 2022 (Swin UNETR).
    """
    from monai.networks.nets import SwinUNETR

    body = SwinUNETR(in_channels, num_classes, feature_size=features, drop_rate=dropout, spatial_dims=_AXES)
    return SegmentationNetwork(body, stride=32)
