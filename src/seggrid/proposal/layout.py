"""Find out how a folder of images and masks is laid out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seggrid.config.data import CocoData, FolderData, NnunetData, nnunet_classes
from seggrid.data.sources.coco import CocoFile, read_annotations
from seggrid.data.sources.files import stem
from seggrid.errors import UserError
from seggrid.manifest import is_dicom
from seggrid.records import read_json

#: What folders of images and of masks are called, in lower case; the first that is there is taken.
_IMAGES = ("images", "image", "imgs", "img", "scans")
_MASKS = ("masks", "mask", "labels", "label", "segmentations", "segmentation", "annotations", "ground_truth", "gt")
_COCO_KEYS = {"images", "annotations", "categories"}
#: Larger files that end in .json are not opened to see whether they hold annotations.
_MOST_BYTES = 1 << 30
#: Stands for the values of masks as long as they are not known.
_UNKNOWN = {"object": 1}
Files = FolderData | CocoData | NnunetData


@dataclass(frozen=True)
class Layout:
    """How a data set is read.

    Attributes:
        data: the section of the experiment. The classes of the folder source are not known yet.
        notes: what a user should know, a sentence each.
    """

    data: Files
    notes: tuple[str, ...] = ()


def find_layout(path: Path) -> Layout:
    """Recognise a folder, or the annotation or ``dataset.json`` file in it.

    Raises:
        UserError: it is none of the layouts that are read, or its annotations are damaged.
    """
    if path.is_file():
        if path.suffix.lower() != ".json":
            raise UserError(f"{path}: give the folder of the data, or its COCO file (.json)")
        return _nnunet(path.parent) if path.name == "dataset.json" else _coco(path)
    if not path.is_dir():
        raise UserError(f"{path}: no such folder; give the one that holds images and masks")
    if (path / "dataset.json").is_file() and (path / "imagesTr").is_dir():
        return _nnunet(path)
    annotations = list(_annotation_files(path))
    images, masks = _named(path, _IMAGES), _named(path, _MASKS)
    if images and masks and masks not in {file.parent.name for file in annotations}:
        also = [
            f"{file} holds outlines too; `seggrid init {file}` proposes an experiment on those" for file in annotations
        ]
        series = _holds_series(path / images, path / masks)
        data = FolderData(source="folder", path=path, classes=_UNKNOWN, images=images, masks=masks, series=series)
        return Layout(data, tuple(also))
    if len(annotations) > 1:
        raise UserError(f"{path}: several COCO files; give the one that is meant, e.g. {annotations[0]}")
    if annotations:
        return _coco(annotations[0])
    raise UserError(
        f"{path}: holds neither images/ and masks/, nor a COCO file with images/, nor dataset.json with imagesTr/ and "
        f"labelsTr/{_seen(path)}; see docs/how-to/your-data.md"
    )


def _holds_series(images: Path, masks: Path) -> bool:
    """Whether images lie in folders of DICOM files, with masks that are called like the folders."""
    if any(file.is_file() and not file.name.startswith(".") for file in images.iterdir()):
        return False
    names = {stem(file.relative_to(masks)) for file in masks.rglob("*") if file.is_file()}
    folders = sorted(folder for folder in images.rglob("*") if folder.relative_to(images).as_posix() in names)
    files = (file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir()) if file.is_file())
    first = next(files, None)
    return first is not None and is_dicom(first)


def _seen(path: Path) -> str:
    files = [file for file in sorted(path.iterdir()) if not file.name.startswith(".")]
    listed = ", ".join(f"{file.name}/" if file.is_dir() else file.name for file in files[:6])
    return f" (it holds {listed}{' ...' if len(files) > 6 else ''})" if files else " (it is empty)"


def _named(path: Path, names: Sequence[str]) -> str:
    """Return the first subfolder that is called by one of some names, in any case; nothing where there is none."""
    folders = {folder.name.lower(): folder.name for folder in sorted(path.iterdir()) if folder.is_dir()}
    return next((folders[name] for name in names if name in folders), "")


def _annotation_files(path: Path) -> Iterator[Path]:
    for file in sorted([*path.glob("*.json"), *path.glob("annotations/*.json")]):
        if file.stat().st_size <= _MOST_BYTES:
            try:
                found = read_json(file)
            except UserError:
                continue
            if isinstance(found, dict) and found.keys() >= _COCO_KEYS:
                yield file


def _coco(path: Path) -> Layout:
    root = next((folder for folder in path.parents[:2] if _named(folder, _IMAGES)), None)
    if root is None:
        raise UserError(f"{path}: no folder images/ beside it; put the images of the file into one")
    file = read_annotations(path)
    drawn = {annotation.category_id for annotation in file.annotations}
    used = list(dict.fromkeys(category.name for category in file.categories if category.id in drawn))
    classes = [name for name in used if name != "background"]
    if not classes:
        raise UserError(f"{path}: holds no outline of any category; draw some, or give the file that has them")
    unused = sorted({category.name for category in file.categories} - set(used))
    notes = [f"categories without any outline are left out: {', '.join(unused)}"] if unused else []
    boxes = not any(annotation.segmentation for annotation in file.annotations)
    if boxes:
        notes.append("the file holds boxes only, no outlines: each object is its filled box (data.shapes)")
    data: dict[str, Any] = {
        "source": "coco", "path": root, "classes": classes, "annotations": path.relative_to(root).as_posix(),
        "images": _named(root, _IMAGES), "ignore": [name for name in used if name == "background"],
        "on_top": _largest_first(file, classes), "shapes": "boxes" if boxes else "polygons",
    }  # fmt: skip
    return Layout(CocoData.model_validate(data), tuple(notes))


def _largest_first(file: CocoFile, classes: Sequence[str]) -> list[str]:
    """Order the classes by the median area of their boxes, so that small objects lie on top of large ones."""
    names = {category.id: category.name for category in file.categories}
    areas: dict[str, list[float]] = {name: [] for name in classes}
    for annotation in file.annotations:
        name = names.get(annotation.category_id, "")
        if name in areas and len(annotation.bbox) == 4:
            areas[name].append(annotation.bbox[2] * annotation.bbox[3])
    middle = {name: sorted(found)[len(found) // 2] if found else 0.0 for name, found in areas.items()}
    return sorted(classes, key=lambda name: -middle[name])


def _nnunet(path: Path) -> Layout:
    file = path / "dataset.json"
    header = read_json(file)
    labels = header.get("labels") if isinstance(header, dict) else None
    labels = dict(labels) if isinstance(labels, dict) else {}
    ignored = labels.pop("ignore", None)
    try:
        classes = nnunet_classes(labels)
        data = NnunetData(source="nnunet", path=path, classes=classes, ignore=() if ignored is None else (ignored,))
    except ValidationError as error:
        raise UserError(f"{file}: labels: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
    except ValueError as error:
        raise UserError(f"{file}: {error}") from None
    # nnU-Net leaves such pixels out of its loss; here they can only be background.
    note = "dataset.json has an ignore label: its pixels count as background here"
    return Layout(data, () if ignored is None else (note,))
