"""Networks: a name of the catalogue, or any architecture, with any encoder where it takes one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from seggrid.catalogue import ARCHITECTURES, NETWORKS, axes_of
from seggrid.config.base import NOT_IDENTITY, Section, also_text, identity
from seggrid.errors import nearest


class Network(Section):
    """A network of segmentation-models-pytorch with one of its own or timm's encoders, or one for volumes."""

    name: str = Field(json_schema_extra=NOT_IDENTITY)
    """Name in tables; a name of the catalogue stands for its architecture and encoder."""
    architecture: str
    """Architecture, e.g. Unet, UnetPlusPlus, FPN, DeepLabV3Plus, Segformer; for volumes UNet3D, VNet, SegResNet ..."""
    encoder: str | None = None
    """Encoder, e.g. resnet18, or a timm model with the prefix tu-; null for an architecture for volumes."""
    encoder_weights: str | None = None
    """null (random), a name that the hub knows (imagenet; for tu- no other), or a local file of weights."""
    parameters: dict[str, Any] = {}
    """Further arguments of the architecture, as segmentation-models-pytorch, or the table of networks, names them."""

    @model_validator(mode="before")
    @classmethod
    def _from_catalogue(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, dict):
            return value
        name = value.get("name")
        if isinstance(name, str) and name in NETWORKS:
            row = NETWORKS[name]
            return {"architecture": row.architecture, "encoder": row.encoder, **value}
        if value.get("architecture") in ARCHITECTURES:
            return {"name": value["architecture"], **value}
        if "architecture" in value and value.get("encoder"):
            return {"name": f"{value['architecture']}_{str(value['encoder']).removeprefix('tu-')}", **value}
        if value.get("architecture"):
            architecture = str(value["architecture"])
            raise ValueError(f"{architecture} needs an encoder, e.g. resnet18{nearest(architecture, ARCHITECTURES)}")
        if not isinstance(name, str):
            raise ValueError("give the name of a network (docs/reference/networks.md), or architecture and encoder")
        raise ValueError(
            f"unknown network {name!r}{nearest(name, NETWORKS)}; known are {', '.join(NETWORKS)}, or give architecture "
            "and encoder"
        )

    @model_validator(mode="after")
    def _parameters(self) -> Network:
        row = ARCHITECTURES.get(self.architecture)
        if row is None:
            return self
        if self.encoder or self.encoder_weights:
            raise ValueError(
                f"{self.name}: {self.architecture} has an encoder of its own; leave encoder and weights out"
            )
        object.__setattr__(self, "parameters", row.parse(self.parameters, f"networks.{self.name}.parameters"))
        return self

    @model_validator(mode="after")
    def _weights(self) -> Network:
        weights = self.encoder_weights
        if self.encoder is None:
            return self
        if weights and self.encoder.startswith("tu-") and weights != "imagenet" and not Path(weights).suffix:
            raise ValueError(
                f"encoder_weights: {weights!r} is no choice for {self.encoder}: the weights of a timm encoder are part "
                "of its name; give imagenet for those, null for random ones, or a file"
            )
        return self

    @property
    def version(self) -> int:
        """Version of its numbers in the catalogue, under whatever name it stands there."""
        if self.architecture in ARCHITECTURES:
            return ARCHITECTURES[self.architecture].version
        body = (self.architecture.lower(), self.encoder)
        rows = (row for row in NETWORKS.values() if (row.architecture.lower(), row.encoder) == body)
        return max((row.version for row in rows), default=1)

    @property
    def axes(self) -> tuple[int, ...]:
        """The numbers of axes of the images that it takes."""
        return axes_of(self.architecture)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it gives besides the logits."""
        row = ARCHITECTURES.get(self.architecture)
        return row.outputs if row else ()

    def identity(self) -> dict[str, Any]:
        """What defines the network's numbers."""
        return identity(self) | ({"version": self.version} if self.version != 1 else {})

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        # A name of the catalogue brings architecture and encoder, and these bring a name.
        handler.resolve_ref_schema(schema).pop("required", None)
        return also_text(schema)
