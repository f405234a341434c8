"""The publications of architectures and encoders."""

from __future__ import annotations

from seggrid.catalogue.bibliography import (
    CVPR,
    DLMIA,
    ECCV,
    ICCV,
    MICCAI,
    NEURIPS,
    Reference,
    article,
    misc,
    proceedings,
)

NETWORK_REFERENCES: dict[str, Reference] = {
    "ronneberger2015": proceedings(
        "Ronneberger, Olaf and Fischer, Philipp and Brox, Thomas",
        "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI, 2015, pages="234--241",
    ),
    "zhou2018": proceedings(
        "Zhou, Zongwei and Siddiquee, Md Mahfuzur Rahman and Tajbakhsh, Nima and Liang, Jianming",
        "UNet++: A Nested U-Net Architecture for Medical Image Segmentation", DLMIA, 2018, pages="3--11",
    ),
    "lin2017fpn": proceedings(
        "Lin, Tsung-Yi and Dollár, Piotr and Girshick, Ross and He, Kaiming and Hariharan, Bharath and Belongie, Serge",
        "Feature Pyramid Networks for Object Detection", CVPR, 2017, pages="2117--2125",
    ),
    "chaurasia2017": proceedings(
        "Chaurasia, Abhishek and Culurciello, Eugenio",
        "LinkNet: Exploiting Encoder Representations for Efficient Semantic Segmentation",
        "IEEE Visual Communications and Image Processing", 2017, pages="1--4",
    ),
    "fan2020": article(
        "Fan, T. and Wang, G. and Li, Y. and Wang, H.",
        "MA-Net: A Multi-Scale Attention Network for Liver and Tumor Segmentation", "IEEE Access", 2020, volume="8",
        pages="179656--179665", doi="10.1109/ACCESS.2020.3025372",
    ),
    "chen2017": misc(
        "Chen, Liang-Chieh and Papandreou, George and Schroff, Florian and Adam, Hartwig",
        "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017, howpublished="arXiv:1706.05587",
    ),
    "chen2018": proceedings(
        "Chen, Liang-Chieh and Zhu, Yukun and Papandreou, George and Schroff, Florian and Adam, Hartwig",
        "Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation", ECCV, 2018,
        pages="833--851", doi="10.1007/978-3-030-01234-2_49",
    ),
    "zhao2017": proceedings(
        "Zhao, Hengshuang and Shi, Jianping and Qi, Xiaojuan and Wang, Xiaogang and Jia, Jiaya",
        "Pyramid Scene Parsing Network", CVPR, 2017, pages="2881--2890",
    ),
    "li2018": misc(
        "Li, H. and Xiong, P. and An, J. and Wang, L.", "Pyramid Attention Network for Semantic Segmentation", 2018,
        howpublished="arXiv:1805.10180",
    ),
    "xiao2018": proceedings(
        "Xiao, Tete and Liu, Yingcheng and Zhou, Bolei and Jiang, Yuning and Sun, Jian",
        "Unified Perceptual Parsing for Scene Understanding", ECCV, 2018, pages="418--434",
    ),
    "xie2021": proceedings(
        "Xie, Enze and Wang, Wenhai and Yu, Zhiding and Anandkumar, Anima and Alvarez, Jose M. and Luo, Ping",
        "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers", NEURIPS, 2021,
        volume="34", pages="12077--12090",
    ),
    "he2016": proceedings(
        "He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian",
        "Deep Residual Learning for Image Recognition", CVPR, 2016, pages="770--778",
    ),
    "he2019": proceedings(
        "He, Tong and Zhang, Zhi and Zhang, Hang and Zhang, Zhongyue and Xie, Junyuan and Li, Mu",
        "Bag of Tricks for Image Classification with Convolutional Neural Networks", CVPR, 2019, pages="558--567",
    ),
    "howard2019": proceedings(
        "Howard, Andrew and Sandler, Mark and Chu, Grace and Chen, Liang-Chieh and Chen, Bo and Tan, Mingxing and "
        "Wang, Weijun and Zhu, Yukun and Pang, Ruoming and Vasudevan, Vijay and Le, Quoc V. and Adam, Hartwig",
        "Searching for MobileNetV3", ICCV, 2019, pages="1314--1324",
    ),
    "liao2001": article(
        "Liao, Ping-Sung and Chen, Tse-Sheng and Chung, Pau-Choo", "A Fast Algorithm for Multilevel Thresholding",
        "Journal of Information Science and Engineering", 2001, volume="17", number="5", pages="713--727",
    ),
    "kerfoot2019": proceedings(
        "Kerfoot, Eric and Clough, James and Oksuz, Ilkay and Lee, Jack and King, Andrew P. and Schnabel, Julia A.",
        "Left-Ventricle Quantification Using Residual U-Net",
        "Statistical Atlases and Computational Models of the Heart", 2019, pages="371--380",
    ),
    "oktay2018": misc(
        "Oktay, Ozan and Schlemper, Jo and others", "Attention U-Net: Learning Where to Look for the Pancreas", 2018,
        howpublished="arXiv:1804.03999",
    ),
    "myronenko2019": proceedings(
        "Myronenko, Andriy", "3D MRI Brain Tumor Segmentation Using Autoencoder Regularization",
        "Brainlesion: Glioma, Multiple Sclerosis, Stroke and Traumatic Brain Injuries", 2019, pages="311--320",
    ),
    "hatamizadeh2022unetr": proceedings(
        "Hatamizadeh, Ali and Tang, Yucheng and Nath, Vishwesh and Yang, Dong and Myronenko, Andriy and "
        "Landman, Bennett and Roth, Holger R. and Xu, Daguang",
        "UNETR: Transformers for 3D Medical Image Segmentation",
        "IEEE/CVF Winter Conference on Applications of Computer Vision", 2022, pages="574--584",
    ),
    "hatamizadeh2022swin": proceedings(
        "Hatamizadeh, Ali and Nath, Vishwesh and Tang, Yucheng and Yang, Dong and Roth, Holger R. and Xu, Daguang",
        "Swin UNETR: Swin Transformers for Semantic Segmentation of Brain Tumors in MRI Images",
        "Brainlesion: Glioma, Multiple Sclerosis, Stroke and Traumatic Brain Injuries", 2022, pages="272--284",
    ),
}  # fmt: skip

#: Architecture, in small letters -> its publication.
ARCHITECTURES: dict[str, str] = {
    "unet": "ronneberger2015", "unetplusplus": "zhou2018", "fpn": "lin2017fpn", "linknet": "chaurasia2017",
    "manet": "fan2020", "deeplabv3": "chen2017", "deeplabv3plus": "chen2018", "pspnet": "zhao2017", "pan": "li2018",
    "upernet": "xiao2018", "segformer": "xie2021", "vnet": "milletari2016", "unet3d": "kerfoot2019",
    "attentionunet3d": "oktay2018", "segresnet": "myronenko2019", "unetr": "hatamizadeh2022unetr",
    "swinunetr": "hatamizadeh2022swin", "multitaskunet3d": "jin2025",
    "multilevelthreshold": "liao2001",
}  # fmt: skip

#: How the name of an encoder begins, without ``tu-`` -> its publication; the longest beginning counts.
ENCODERS: dict[str, str] = {
    "resnet": "he2016", "resnet50c": "he2019", "mobilenetv3": "howard2019", "mit_b": "xie2021",
}  # fmt: skip


def of_architecture(name: str) -> tuple[str, ...]:
    """The key of an architecture's publication, where it is known."""
    found = ARCHITECTURES.get(name.lower())
    return (found,) if found else ()


def of_encoder(name: str) -> tuple[str, ...]:
    """The key of an encoder's publication, where it is known."""
    plain = name.removeprefix("tu-")
    known = [beginning for beginning in ENCODERS if plain.startswith(beginning)]
    return (ENCODERS[max(known, key=len)],) if known else ()
