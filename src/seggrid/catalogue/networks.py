"""The networks that have a name of their own."""

from __future__ import annotations

from seggrid.catalogue.rows import NetworkRow

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
}
