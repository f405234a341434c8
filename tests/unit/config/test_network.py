"""Names of the catalogue, and networks of one's own."""

from __future__ import annotations

import dataclasses

import pytest
from pydantic import ValidationError

from seggrid.catalogue import NETWORKS
from seggrid.config.network import Network


@pytest.mark.parametrize("name", NETWORKS)
def test_a_name_stands_for_architecture_and_encoder(name: str) -> None:
    network = Network.model_validate(name)
    row = NETWORKS[name]
    assert (network.name, network.architecture, network.encoder) == (name, row.architecture, row.encoder)
    assert Network.model_validate(network.model_dump(mode="json")) == network
    assert Network.model_validate({"name": name}) == network


def test_a_network_of_ones_own_gets_a_name() -> None:
    network = Network.model_validate({"architecture": "Unet", "encoder": "tu-resnet50c"})
    assert network.name == "Unet_resnet50c"


def test_settings_add_to_a_named_network() -> None:
    network = Network.model_validate({"name": "UNet_R18", "encoder_weights": "imagenet"})
    assert (network.encoder, network.encoder_weights) == ("resnet18", "imagenet")


@pytest.mark.parametrize("value", ["unet_r18x", "", {}, {"encoder": "resnet18"}, {"name": {"a": 1}}, 5, None])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        Network.model_validate(value)


@pytest.mark.parametrize("weights", [None, "imagenet", "own.pth", "own.safetensors"])
def test_an_encoder_of_timm_takes_its_own_weights_or_a_file(weights: str | None) -> None:
    assert Network(name="a", architecture="Unet", encoder="tu-resnet50c", encoder_weights=weights)
    with pytest.raises(
        ValidationError, match=r"no choice for tu-resnet50c: .* give imagenet for those, null for random"
    ):
        Network(name="a", architecture="Unet", encoder="tu-resnet50c", encoder_weights="Imagenet")


def test_the_version_is_that_of_the_catalogue_under_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Network(name="mine", architecture="Unet", encoder="resnet18")
    assert own.identity() == {"architecture": "Unet", "encoder": "resnet18"}
    monkeypatch.setitem(NETWORKS, "UNet_R18", dataclasses.replace(NETWORKS["UNet_R18"], version=3))
    assert own.identity() == {"architecture": "Unet", "encoder": "resnet18", "version": 3}
    assert Network(name="mine", architecture="Unet", encoder="resnet34").identity().get("version") is None
    with pytest.raises(ValidationError, match="version"):
        Network.model_validate({"name": "UNet_R18", "version": 1})
