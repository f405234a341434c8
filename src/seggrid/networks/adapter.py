"""Networks of segmentation-models-pytorch behind one contract."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seggrid.config import Network
from seggrid.errors import UserError, nearest


class SegmentationNetwork(nn.Module):
    """Pads the image to the stride of the network and crops the logits back.

    Args:
        body: ``(N, C_in, *S) -> (N, C, *S)`` for sides that are multiples of ``stride``.
        stride: pixels per axis that one element of the deepest feature map stands for.
    """

    def __init__(self, body: nn.Module, stride: int) -> None:
        super().__init__()
        self.body = body
        self.stride = stride

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``(N, C, *S)`` for images ``(N, C_in, *S)``."""
        size = images.shape[2:]
        missing = [-side % self.stride for side in size]
        if any(missing):
            # F.pad counts from the last axis; repeating the edge gives no step for the network to see.
            pad = [amount for side in reversed(missing) for amount in (side // 2, side - side // 2)]
            images = F.pad(images, pad, mode="replicate")
        logits: Tensor = self.body(images)
        for axis, (side, amount) in enumerate(zip(size, missing, strict=True), start=2):
            if amount:
                logits = logits.narrow(axis, amount // 2, side)
        return logits


def build_network(network: Network, in_channels: int, num_classes: int) -> SegmentationNetwork:
    """Build a network with freshly drawn or given encoder weights.

    Args:
        in_channels: channels of the images.
        num_classes: objects plus background.

    Raises:
        UserError: the architecture, encoder or a parameter is unknown, or weights cannot be had.
    """
    import segmentation_models_pytorch as smp  # slow to import: only where a network is built

    architectures = smp.MODEL_ARCHITECTURES_MAPPING
    key = network.architecture.lower()
    if key not in architectures:
        known = [model.__name__ for model in architectures.values()]
        raise UserError(
            f"networks.{network.name}.architecture: unknown {network.architecture!r}"
            f"{nearest(network.architecture, known)}; known are {', '.join(known)}"
        )
    accepted = inspect.signature(architectures[key]).parameters
    for name in network.parameters:
        if name not in accepted or name in ("encoder_name", "encoder_weights", "in_channels", "classes"):
            raise UserError(
                f"networks.{network.name}.parameters.{name}: {network.architecture} takes no such parameter"
            )
    file = _weights_file(network)
    weights: str | bool | None = None if file else network.encoder_weights
    if weights and network.encoder.startswith("tu-"):
        weights = True  # timm's pretrained weights are part of the encoder's name
    with _explained(network):
        body = architectures[key](
            encoder_name=network.encoder,
            encoder_weights=weights,
            in_channels=in_channels,
            classes=num_classes,
            **network.parameters,
        )
    if file:
        load_weights(body.encoder, _read_weights(file), origin=str(file), required_share=0.9)
    return SegmentationNetwork(body, stride=int(getattr(body.encoder, "output_stride", 32)))


def _weights_file(network: Network) -> Path | None:
    weights = network.encoder_weights
    if weights is None or not Path(weights).suffix:
        return None
    if not Path(weights).is_file():
        raise UserError(f"networks.{network.name}.encoder_weights: {weights} is not a file; give one that exists")
    return Path(weights)


@contextmanager
def _explained(network: Network) -> Iterator[None]:
    """Turn what the libraries raise for an unknown encoder or a failed download into one sentence."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        raise UserError(
            f"networks.{network.name}: {network.architecture} with encoder {network.encoder} cannot be built "
            f"({' '.join(str(error).split())[:300]}); choose another encoder or parameters"
        ) from error
    except Exception as error:
        # A hub's client raises errors of several libraries; none of them is a fault of the run itself.
        if network.encoder_weights is None:
            raise
        raise UserError(
            f"networks.{network.name}.encoder_weights: {network.encoder_weights!r} could not be downloaded "
            f"({type(error).__name__}); on a machine without internet give a local file, or null for random weights"
        ) from error


def _read_weights(path: Path) -> Mapping[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    return loaded.get("state_dict", loaded) if isinstance(loaded, dict) else loaded


def load_weights(
    module: nn.Module, weights: Mapping[str, Tensor], origin: str, required_share: float
) -> tuple[list[str], float]:
    """Copy the tensors whose name and shape fit; others keep their initial values.

    Args:
        origin: named in messages.
        required_share: least share of the module's tensors that must fit.

    Returns:
        The names that did not fit, and the share that did.

    Raises:
        UserError: too few fit: the weights belong to another network.
    """
    own = module.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    share = len(fitting) / max(len(own), 1)
    if share < required_share:
        raise UserError(
            f"{origin}: only {share:.0%} of the network's tensors are in it; give weights of the same network"
        )
    module.load_state_dict({**own, **fitting})
    return [name for name in own if name not in fitting], share
