"""The network contract, for the catalogue and for any size."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from seggrid.catalogue import NETWORKS, axes_of
from seggrid.config import Network
from seggrid.errors import UserError
from seggrid.networks import SegmentationNetwork, build_network, load_weights

SMALL = {"architecture": "FPN", "encoder": "tu-mobilenetv3_small_100"}


def network(**fields: object) -> Network:
    return Network.model_validate({**SMALL, **fields})


@pytest.mark.parametrize("name", [name for name, row in NETWORKS.items() if 2 in axes_of(row.architecture)])
def test_every_catalogued_network_builds_and_keeps_the_size(name: str) -> None:
    torch.manual_seed(0)
    built = build_network(Network.model_validate(name), in_channels=1, num_classes=5).eval()
    with torch.no_grad():
        assert built(torch.randn(1, 1, 64, 72)).shape == (1, 5, 64, 72)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (1, 90), (100, 31)])
def test_any_size_comes_back(size: tuple[int, int]) -> None:
    built = build_network(network(), in_channels=2, num_classes=3).eval()
    with torch.no_grad():
        logits = built(torch.randn(2, 2, *size))
    assert logits.shape == (2, 3, *size)
    assert logits.isfinite().all()


def test_padding_is_centred_and_cropped_back() -> None:
    """An identity body shows where the pixels land."""
    wrapped = SegmentationNetwork(nn.Identity(), stride=8)
    for size in ((8, 16), (9, 13), (3, 5)):
        image = torch.randn(1, 1, *size)
        assert torch.equal(wrapped(image), image)


def test_volumes_pass_the_same_adapter() -> None:
    volume = torch.randn(1, 1, 5, 9, 10)
    assert torch.equal(SegmentationNetwork(nn.Identity(), stride=4)(volume), volume)


def test_the_seed_makes_the_weights() -> None:
    def build() -> list[torch.Tensor]:
        torch.manual_seed(7)
        return list(build_network(network(), 1, 2).state_dict().values())

    assert all(torch.equal(a, b) for a, b in zip(build(), build(), strict=True))


def test_parameters_reach_the_architecture() -> None:
    wide = build_network(network(parameters={"decoder_segmentation_channels": 64}), 1, 2)
    narrow = build_network(network(parameters={"decoder_segmentation_channels": 32}), 1, 2)
    assert sum(p.numel() for p in wide.parameters()) > sum(p.numel() for p in narrow.parameters())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"architecture": "Unett"}, r"unknown 'Unett' \(did you mean Unet\?\)"),
        ({"encoder": "resnet17"}, "with encoder resnet17 cannot be built"),
        ({"parameters": {"depth": 3}}, "parameters.depth: FPN takes no such parameter"),
        ({"parameters": {"classes": 3}}, "parameters.classes: FPN takes no such parameter"),
        (
            {"parameters": {"activation": "softmax2d"}},
            "parameters.activation: the network gives logits alone",
        ),
        ({"parameters": {"aux_params": {"classes": 2}}}, "parameters.aux_params: the network gives logits alone"),
        ({"encoder_weights": "weights.pt"}, "weights.pt is not a file"),
    ],
)
def test_mistakes_are_explained(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_network(network(**fields), 1, 2)


def test_encoder_weights_from_a_local_file(tmp_path: Path) -> None:
    torch.manual_seed(1)
    source = build_network(network(), 1, 2)
    path = tmp_path / "encoder.safetensors"
    save_file(source.body.encoder.state_dict(), path)
    torch.manual_seed(2)
    built = build_network(network(encoder_weights=str(path)), 1, 2)
    theirs = source.body.encoder.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in built.body.encoder.state_dict().items())


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"something": torch.zeros(3)}, path)
    with pytest.raises(UserError, match="only 0% of the network's tensors"):
        build_network(network(encoder_weights=str(path)), 1, 2)


def test_another_number_of_classes_keeps_the_rest() -> None:
    parent, child = build_network(network(), 1, 5), build_network(network(), 1, 3)
    left, share = load_weights(child, parent.state_dict(), "parent", 0.5)
    assert left == ["body.segmentation_head.0.weight", "body.segmentation_head.0.bias"]
    assert 0.9 < share < 1


def test_a_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def offline(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    monkeypatch.setattr("timm.models._hub.hf_hub_download", offline)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match=r"could not be downloaded .*; on a machine without internet give a local file"):
        build_network(network(encoder_weights="imagenet"), 1, 2)
