"""The networks for volumes: the contract of all, what each is told, and the mistakes that are explained."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError

from seggrid.catalogue import ARCHITECTURES
from seggrid.config import Network
from seggrid.errors import UserError
from seggrid.networks import build_network, compute_outputs

#: Small enough for a test; the defaults are for a GPU.
SMALL: dict[str, dict[str, object]] = {
    "UNet3D": {"channels": [4, 8, 16]},
    "AttentionUNet3D": {"channels": [4, 8, 16]},
    "SegResNet": {"filters": 8},
    "UNETR": {"hidden_size": 24, "heads": 2, "features": 4},
    "SwinUNETR": {"features": 12},
    "MultiTaskUNet3D": {"channels": [4, 8, 16]},
}
VOLUMES = [name for name, row in ARCHITECTURES.items() if row.axes == (3,)]


def network(architecture: str, **parameters: object) -> Network:
    return Network.model_validate(
        {"architecture": architecture, "parameters": SMALL.get(architecture, {}) | parameters}
    )


@pytest.mark.parametrize("architecture", VOLUMES)
def test_every_architecture_keeps_the_size_and_learns(architecture: str) -> None:
    torch.manual_seed(0)
    built = build_network(network(architecture), in_channels=2, num_classes=3, patch_size=(16, 48, 16))
    logits = built(torch.randn(2, 2, 13, 45, 16))
    assert logits.shape == (2, 3, 13, 45, 16)
    logits.square().mean().backward()
    assert any(p.grad is not None and p.grad.any() for p in built.parameters())


def test_one_slice_is_a_volume() -> None:
    logits = build_network(network("UNet3D"), 1, 2)(torch.randn(1, 1, 1, 20, 21))
    assert logits.shape == (1, 2, 1, 20, 21)
    assert logits.isfinite().all()


def test_plane_levels_leave_the_slices_alone() -> None:
    sizes = []
    built = build_network(network("UNet3D", plane_levels=2), 1, 2)
    for module in built.modules():
        if isinstance(module, torch.nn.Conv3d):
            module.register_forward_hook(lambda *given: sizes.append(tuple(given[-1].shape[2:])))
    built(torch.randn(1, 1, 5, 16, 24))
    assert (5, 4, 6) in sizes, "the deepest level has a quarter of the rows and columns"
    assert {size[0] for size in sizes} == {5}
    with pytest.raises(UserError, match="plane_levels is 3, but 3 levels halve 2 times"):
        build_network(network("UNet3D", plane_levels=3), 1, 2)


def test_the_boundary_branch_is_an_output_of_the_size_of_the_image() -> None:
    torch.manual_seed(0)
    built = build_network(network("MultiTaskUNet3D"), 1, 3)
    images = torch.randn(1, 1, 9, 10, 11)
    outputs = compute_outputs(built, images, "bf16", channels_last=True)
    assert outputs.auxiliary["boundary"].shape == (1, 1, 9, 10, 11)
    assert outputs.auxiliary["boundary"].dtype == torch.float32
    outputs.auxiliary["boundary"].mean().backward()
    body = built.body
    assert body.stem.convolutions[0].weight.grad.any(), "the branch does not train the encoder"
    assert body.segmentation.weight.grad is None


def test_transformer_blocks_see_the_whole_volume() -> None:
    """A change in one corner reaches the logits of the far one, which convolutions alone would not let it do."""

    def change(blocks: int) -> float:
        torch.manual_seed(0)
        built = build_network(network("MultiTaskUNet3D", channels=[4, 8], transformer_blocks=blocks), 1, 2).eval()
        for module in built.modules():
            if isinstance(module, torch.nn.InstanceNorm3d):
                module.forward = lambda features: features
        image = torch.randn(1, 1, 40, 8, 8)
        other = image.clone()
        other[..., 0, 0, 0] += 5
        with torch.no_grad():
            return float((built(image) - built(other))[..., -1, -1, -1].abs().max())

    assert change(0) == 0
    assert change(1) > 0


def test_parameters_are_checked_and_defaults_are_no_identity() -> None:
    assert network("VNet", dropout=0.5) == network("VNet")
    assert "parameters" not in network("VNet", dropout=0.5).identity()
    assert Network.model_validate("VNet").identity() == {"architecture": "VNet"}
    with pytest.raises(ValidationError, match=r"parameters.chanels: unknown parameter \(did you mean channels\?\)"):
        network("UNet3D", chanels=[4])
    with pytest.raises(ValidationError, match="has an encoder of its own"):
        Network.model_validate({"architecture": "VNet", "encoder": "resnet18"})
    with pytest.raises(ValidationError, match=r"UNet3d needs an encoder, e.g. resnet18 \(did you mean UNet3D\?\)"):
        Network.model_validate({"architecture": "UNet3d"})
    with pytest.raises(ValidationError, match="Unet needs an encoder"):
        Network.model_validate({"name": "mine", "architecture": "Unet", "encoder": None})


@pytest.mark.parametrize(
    ("architecture", "parameters", "patch_size", "message"),
    [
        ("UNETR", {}, None, "UNETR is built for images of one size; give training.patch_size"),
        ("UNETR", {}, (16, 20, 16), r"\[16, 20, 16\] should be multiples of 16"),
        ("SwinUNETR", {"features": 13}, None, "SwinUNETR cannot be built"),
        ("MultiTaskUNet3D", {"heads": 3}, None, "16, is no multiple of heads, 3"),
        ("MultiTaskUNet3D", {"channels": [8]}, None, "channels names one level"),
    ],
)
def test_what_cannot_be_built_is_explained(
    architecture: str, parameters: dict[str, object], patch_size: tuple[int, ...] | None, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        build_network(network(architecture, **parameters), 1, 2, patch_size)


def test_monai_is_imported_only_where_one_of_its_networks_is_built() -> None:
    program = (
        "import sys; from seggrid.config import Network; from seggrid.networks import build_network;"
        "build_network(Network.model_validate({'architecture': 'MultiTaskUNet3D'}), 1, 2);"
        "sys.exit('monai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
