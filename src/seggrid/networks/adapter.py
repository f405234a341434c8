"""Networks of several libraries behind one contract."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from seggrid.catalogue import ARCHITECTURES, ArchitectureRow
from seggrid.config import Network
from seggrid.errors import UserError, nearest
from seggrid.networks.segmentation import SegmentationNetwork


def build_network(
    network: Network, in_channels: int, num_classes: int, patch_size: Sequence[int] | None = None
) -> SegmentationNetwork:
    """Build a network with freshly drawn or given encoder weights.

    Args:
        in_channels: channels of the images.
        num_classes: objects plus background.
        patch_size: size that all images will have, for an architecture that is built for one.

    Raises:
        UserError: the architecture, encoder or a parameter is unknown, does not fit the others, or weights cannot be
            had.
    """
    row = ARCHITECTURES.get(network.architecture)
    if row is not None:
        return _build_catalogued(network, row, in_channels, num_classes, patch_size)
    return _build_with_encoder(network, in_channels, num_classes)


def _build_catalogued(
    network: Network, row: ArchitectureRow, in_channels: int, num_classes: int, patch_size: Sequence[int] | None
) -> SegmentationNetwork:
    parameters = {name: parameter.default for name, parameter in row.parameters.items()} | network.parameters
    if row.fixed_size:
        if patch_size is None:
            raise UserError(
                f"networks.{network.name}: {network.architecture} is built for images of one size; give "
                "training.patch_size"
            )
        parameters["size"] = tuple(patch_size)
    try:
        built: SegmentationNetwork = row.load()(in_channels, num_classes, **parameters)
    except (ValueError, AssertionError, RuntimeError) as error:
        raise UserError(
            f"networks.{network.name}: {network.architecture} cannot be built ({' '.join(str(error).split())[:300]}); "
            "choose other parameters"
        ) from error
    return built


#: Parameters of architectures that the experiment gives elsewhere, and those that make outputs no loss can read.
_GIVEN = ("encoder_name", "encoder_weights", "in_channels", "classes")
_NOT_LOGITS = ("activation", "aux_params")


def _build_with_encoder(network: Network, in_channels: int, num_classes: int) -> SegmentationNetwork:
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
        if name not in accepted or name in _GIVEN:
            raise UserError(
                f"networks.{network.name}.parameters.{name}: {network.architecture} takes no such parameter"
            )
        if name in _NOT_LOGITS:
            raise UserError(f"networks.{network.name}.parameters.{name}: the network gives logits alone; leave it out")
    file = _weights_file(network)
    weights: str | bool | None = None if file else network.encoder_weights
    if weights and str(network.encoder).startswith("tu-"):
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
    module: torch.nn.Module, weights: Mapping[str, Tensor], origin: str, required_share: float
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
