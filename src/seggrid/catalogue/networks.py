"""The networks that have a name of their own, and the architectures besides those of segmentation-models-pytorch."""

from __future__ import annotations

from seggrid.catalogue.rows import ArchitectureRow, NetworkRow, Parameter

_channels = Parameter(
    (32, 64, 128, 256), "feature maps of each level; every level after the first halves the sides", 4, 2048
)
_dropout = Parameter(0.0, "share of the features that are dropped while training", 0, 0.9)
_norm = Parameter("instance", "how features are normalised", choices=("instance", "batch"))

#: Architecture -> where it is built. MONAI's are for volumes; its own names stand where they do not clash with those
#: of segmentation-models-pytorch.
ARCHITECTURES: dict[str, ArchitectureRow] = {
    "UNet3D": ArchitectureRow(
        "seggrid.networks.volumes:unet",
        "residual U-Net (MONAI)",
        parameters={
            "channels": _channels,
            "residual_units": Parameter(2, "convolutions of a residual unit; 0: one plain convolution", 0, 8),
            "plane_levels": Parameter(0, "first levels that halve rows and columns only, for thick slices", 0, 6),
            "norm": _norm,
            "dropout": _dropout,
        },
    ),
    "VNet": ArchitectureRow(
        "seggrid.networks.volumes:vnet",
        "V-Net (MONAI)",
        parameters={"dropout": Parameter(0.5, _dropout.doc, 0, 0.9)},
    ),
    "AttentionUNet3D": ArchitectureRow(
        "seggrid.networks.volumes:attention_unet",
        "Attention U-Net (MONAI)",
        parameters={"channels": _channels, "dropout": _dropout},
    ),
    "SegResNet": ArchitectureRow(
        "seggrid.networks.volumes:segresnet",
        "SegResNet (MONAI)",
        parameters={
            "filters": Parameter(16, "feature maps of the first level; every level doubles them", 8, 256),
            "dropout": _dropout,
        },
    ),
    "UNETR": ArchitectureRow(
        "seggrid.networks.volumes:unetr",
        "UNETR (MONAI)",
        fixed_size=True,
        parameters={
            "features": Parameter(16, "feature maps of the first level", 4, 256),
            "hidden_size": Parameter(768, "size of a token", 12, 4096),
            "heads": Parameter(12, "attention heads; hidden_size is a multiple of it", 1, 64),
            "dropout": _dropout,
        },
    ),
    "SwinUNETR": ArchitectureRow(
        "seggrid.networks.volumes:swin_unetr",
        "Swin UNETR (MONAI)",
        parameters={
            "features": Parameter(24, "feature maps of the first level, a multiple of 12", 12, 240),
            "dropout": _dropout,
        },
    ),
    "MultiTaskUNet3D": ArchitectureRow(
        "seggrid.networks.multitask:multi_task_unet",
        "U-Net with Transformer blocks in its encoder and a boundary branch (our reading of Jin et al. 2025)",
        outputs=("boundary",),
        parameters={
            "channels": Parameter((16, 32, 64, 128), _channels.doc, 4, 2048),
            "transformer_blocks": Parameter(2, "Transformer blocks on the deepest level", 0, 24),
            "heads": Parameter(4, "attention heads; the last of channels is a multiple of it", 1, 64),
            "dropout": _dropout,
        },
    ),
    "MultilevelThreshold": ArchitectureRow(
        "seggrid.networks.threshold:multilevel_threshold",
        "the classical baseline: multi-Otsu levels of each image, and the class of each level learnt",
        axes=(2, 3),
        parameters={"levels": Parameter(4, "levels of an image", 2, 4)},
    ),
}

NETWORKS: dict[str, NetworkRow] = {
    "UNet_MobileNetV3s": NetworkRow("Unet", "tu-mobilenetv3_small_100"),
    "FPN_MobileNetV3s": NetworkRow("FPN", "tu-mobilenetv3_small_100"),
    "UNet_MobileNetV3": NetworkRow("Unet", "tu-mobilenetv3_large_100"),
    "DeepLabV3+_MobileNetV3": NetworkRow("DeepLabV3Plus", "tu-mobilenetv3_large_100"),
    "UNet_R18": NetworkRow("Unet", "resnet18"),
    "UNet_R34": NetworkRow("Unet", "resnet34"),
    "UNet_R50": NetworkRow("Unet", "resnet50"),
    "UNet++_R18": NetworkRow("UnetPlusPlus", "resnet18"),
    "FPN_R18": NetworkRow("FPN", "resnet18"),
    "Linknet_R18": NetworkRow("Linknet", "resnet18"),
    "MAnet_R18": NetworkRow("MAnet", "resnet18"),
    "DeepLabV3+_R18": NetworkRow("DeepLabV3Plus", "resnet18"),
    "DeepLabV3+_R50c": NetworkRow("DeepLabV3Plus", "tu-resnet50c"),
    "PSPNet_R50c": NetworkRow("PSPNet", "tu-resnet50c"),
    "UPerNet_R50": NetworkRow("UPerNet", "resnet50"),
    "SegFormer_B0": NetworkRow("Segformer", "mit_b0"),
    **{name: NetworkRow(name) for name in ARCHITECTURES},
}


def axes_of(architecture: str) -> tuple[int, ...]:
    """The numbers of axes of the images that an architecture takes: those of segmentation-models-pytorch take 2."""
    row = ARCHITECTURES.get(architecture)
    return row.axes if row else (2,)
