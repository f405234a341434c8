"""A U-Net for volumes with Transformer blocks in its encoder and a branch that looks for boundaries.

Source: Jin et al. 2025, of which only the abstract is at hand: a 3-D U-Net whose encoder holds a Transformer module,
and a boundary-optimisation branch at the acetabular-femoral interface, trained together. Where the blocks stand, how
positions are told and what the branch reads are our own reading: the blocks on the deepest level, positions by a
depthwise convolution, so that any size of image can be taken, and a branch on the decoder's finest features, whose
own features the segmentation reads as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seggrid.networks.segmentation import Outputs, SegmentationNetwork


def multi_task_unet(
    in_channels: int, num_classes: int, channels: Sequence[int], transformer_blocks: int, heads: int, dropout: float
) -> SegmentationNetwork:
    """Build the network; it gives the auxiliary output ``boundary``, ``(N, 1, D, H, W)`` logits.

    Args:
        channels: feature maps of each level, at least two levels.
        transformer_blocks: Transformer blocks on the deepest level.
        heads: attention heads of each.
        dropout: share of the features that are dropped in the Transformer.

    Raises:
        ValueError: there is one level only, or its last feature maps are no multiple of ``heads``.
    """
    if len(channels) < 2:
        raise ValueError("channels names one level; give two or more")
    if channels[-1] % heads:
        raise ValueError(f"the last of channels, {channels[-1]}, is no multiple of heads, {heads}")
    body = MultiTaskUNet(in_channels, num_classes, channels, transformer_blocks, heads, dropout)
    return SegmentationNetwork(body, stride=2 ** (len(channels) - 1))


class MultiTaskUNet(nn.Module):
    """Encoder, Transformer, decoder, boundary branch, segmentation; arguments as for ``multi_task_unet``."""

    def __init__(
        self, in_channels: int, num_classes: int, channels: Sequence[int], blocks: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        pairs = list(pairwise(channels))
        self.stem = _Residual(in_channels, channels[0], stride=1)
        self.down = nn.ModuleList(_Residual(shallow, deep, stride=2) for shallow, deep in pairs)
        self.transformer = nn.Sequential(*(TransformerBlock(channels[-1], heads, dropout) for _ in range(blocks)))
        self.up = nn.ModuleList(_Up(deep, shallow) for shallow, deep in reversed(pairs))
        finest = channels[0]
        self.boundary_features = _Residual(finest, finest, stride=1)
        self.boundary = nn.Conv3d(finest, 1, 1)
        self.segmentation = nn.Conv3d(2 * finest, num_classes, 1)

    def forward(self, images: Tensor) -> Outputs:
        """Return logits ``(N, C, D, H, W)`` and ``boundary`` for images whose sides are multiples of the stride."""
        features = self.stem(images)
        skipped = []
        for stage in self.down:
            skipped.append(features)
            features = stage(features)
        features = self.transformer(features)
        for stage, skip in zip(self.up, reversed(skipped), strict=True):
            features = stage(features, skip)
        border = self.boundary_features(features)
        logits = self.segmentation(torch.cat([features, border], 1))
        return Outputs(logits, {"boundary": self.boundary(border)})


class TransformerBlock(nn.Module):
    """Self-attention over all positions, then a perceptron, each on normalised features and added to them.

    Args:
        channels: feature maps, a multiple of ``heads``.
        heads: attention heads.
        dropout: share of the features that are dropped.
    """

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.position = nn.Conv3d(channels, channels, 3, padding=1, groups=channels)
        self.attention_norm, self.perceptron_norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.queries_keys_values = nn.Linear(channels, 3 * channels)
        self.mixed = nn.Linear(channels, channels)
        self.perceptron = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Dropout(dropout), nn.Linear(4 * channels, channels),
            nn.Dropout(dropout),
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        """Return features ``(N, C, *S)`` of the shape of those given."""
        features = features + self.position(features)
        tokens = features.flatten(2).transpose(1, 2)
        tokens = tokens + self._attend(self.attention_norm(tokens))
        tokens = tokens + self.perceptron(self.perceptron_norm(tokens))
        return tokens.transpose(1, 2).reshape(features.shape)

    def _attend(self, tokens: Tensor) -> Tensor:
        count, places, channels = tokens.shape
        split = self.queries_keys_values(tokens).view(count, places, 3, self.heads, channels // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        share = self.dropout if self.training else 0.0
        found = F.scaled_dot_product_attention(queries, keys, values, dropout_p=share)
        return F.dropout(self.mixed(found.transpose(1, 2).flatten(2)), self.dropout, self.training)


class _Residual(nn.Module):
    """Two convolutions with instance normalisation beside a shortcut."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv3d(in_channels, out_channels, 3, stride, 1, bias=False),
            nn.InstanceNorm3d(out_channels, affine=True),
            nn.LeakyReLU(0.01, inplace=True),
            nn.Conv3d(out_channels, out_channels, 3, 1, 1, bias=False),
            nn.InstanceNorm3d(out_channels, affine=True),
        )
        same = stride == 1 and in_channels == out_channels
        self.shortcut = nn.Identity() if same else nn.Conv3d(in_channels, out_channels, 1, stride)

    def forward(self, features: Tensor) -> Tensor:
        return F.leaky_relu(self.convolutions(features) + self.shortcut(features), 0.01)


class _Up(nn.Module):
    """Double the sides, and join what the encoder had at that size."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose3d(in_channels, out_channels, 2, 2)
        self.join = _Residual(2 * out_channels, out_channels, stride=1)

    def forward(self, features: Tensor, skipped: Tensor) -> Tensor:
        joined: Tensor = self.join(torch.cat([self.enlarge(features), skipped], 1))
        return joined
