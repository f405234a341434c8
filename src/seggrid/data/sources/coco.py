"""A COCO annotation file with polygons or boxes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from pydantic import BaseModel, ValidationError

from seggrid.config.data import CocoData, members
from seggrid.data.sources.base import Case, Listing, RawCase, complete, group_cases
from seggrid.data.sources.files import by_stem, read_image, size_text, stem
from seggrid.errors import UserError, try_all
from seggrid.manifest import raw_files
from seggrid.records import read_json

#: A pixel is divided into this many parts per axis to find the share of it that a polygon covers.
_SUBPIXELS = 4


class CocoImage(BaseModel):
    """An image of an annotation file."""

    id: int
    file_name: str
    width: int
    height: int


class CocoCategory(BaseModel):
    """A category of an annotation file."""

    id: int
    name: str


class CocoAnnotation(BaseModel):
    """An object in an image: polygons, or a run-length encoding, and a box."""

    id: int
    image_id: int
    category_id: int
    segmentation: list[list[float]] | dict[str, Any] = []
    bbox: list[float] = []


class CocoFile(BaseModel):
    """What is read of an annotation file."""

    images: list[CocoImage]
    categories: list[CocoCategory]
    annotations: list[CocoAnnotation]


class CocoSource:
    """Outlines by category name; where classes overlap, the later one of ``on_top`` (else of ``classes``) wins.

    Coordinates follow COCO: the centre of the first pixel is at (0.5, 0.5). The parts of an annotation, and all
    annotations of a class, are joined.

    Raises:
        UserError: the annotation file is missing, damaged, or contradicts itself.
    """

    def __init__(self, data: CocoData) -> None:
        self._data = data
        self._path = data.path / data.annotations
        file = read_annotations(self._path)
        self._images = {stem(Path(image.file_name)): image for image in file.images}
        if len(self._images) < len(file.images):
            raise UserError(f"{self._path}: two images have the same file_name; keep one of them")
        for kind, ids in (("images", [i.id for i in file.images]), ("categories", [c.id for c in file.categories])):
            if len(set(ids)) < len(ids):
                twice = next(number for number in ids if ids.count(number) > 1)
                raise UserError(
                    f"{self._path}: two {kind} have the id {twice}; outlines refer to ids, give each its own"
                )
        self._annotations: dict[int, list[CocoAnnotation]] = {image.id: [] for image in file.images}
        for annotation in file.annotations:
            if annotation.image_id not in self._annotations:
                raise UserError(
                    f"{self._path}: annotation {annotation.id} belongs to image {annotation.image_id}, "
                    "which is not listed"
                )
            self._annotations[annotation.image_id].append(annotation)
        self._classes = self._resolve(file.categories)

    def _resolve(self, categories: list[CocoCategory]) -> dict[int, str]:
        """Map category ids to classes; the empty class stands for ignored categories."""
        owner = {str(value): name for name, value in self._data.classes.items() for value in members(value)}
        owner |= {str(value): "" for value in self._data.ignore}
        known = {category.name for category in categories}
        missing = [name for name in owner if name not in known]
        if missing:
            raise UserError(
                f"data.classes: {self._path} has no category {missing[0]}; "
                f"its categories are {', '.join(sorted(known))}"
            )
        return {category.id: owner[category.name] for category in categories if category.name in owner}

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the objects 1 to K."""
        return tuple(self._data.classes)

    def list_cases(self) -> Listing:
        """Find the cases; an image without entry, or an entry without image, is a problem."""
        folder = self._data.path / self._data.images
        inside = [
            f.relative_to(self._data.images) for f in raw_files(self._data) if f.is_relative_to(self._data.images)
        ]
        files, refused = by_stem(inside, folder, lossless=False)
        problems = list(refused.values())
        listing = group_cases(self._data, self._images.keys() | files.keys())
        excluded = set(self._data.exclude)
        problems += [
            f"{folder / image.file_name}: listed in {self._path}, but missing"
            for name, image in self._images.items()
            if name not in files and name not in excluded
        ]
        problems += [
            f"{path}: not listed in {self._path}"
            for name, path in files.items()
            if name not in self._images and name not in excluded
        ]
        return complete(listing, files.keys() & self._images.keys(), problems)

    def load(self, case: Case) -> RawCase:
        """Read the image and draw its mask.

        Raises:
            UserError: the image is damaged or of another size than stated, or an annotation cannot be drawn.
        """
        entry = self._images[case.case]
        path = self._data.path / self._data.images / entry.file_name
        image, spacing = read_image(path)
        shape = (entry.height, entry.width)
        if image.shape[1:] != shape:
            raise UserError(f"{path}: is {size_text(image.shape[1:])} pixels, {self._path} says {size_text(shape)}")
        names = self.class_names
        drawn = {name: np.zeros(shape, np.bool_) for name in names}
        outlines = [partial(self._outline, annotation, path, shape) for annotation in self._annotations[entry.id]]
        for name, outline in try_all(outlines):
            if name:
                drawn[name] |= outline
        labels = np.zeros(shape, np.uint8)
        for name in self._data.on_top or names:
            labels[drawn[name]] = names.index(name) + 1
        return RawCase(case.case, case.group, image, labels, spacing or self._data.spacing)

    def _outline(
        self, annotation: CocoAnnotation, path: Path, shape: tuple[int, int]
    ) -> tuple[str, npt.NDArray[np.bool_]]:
        """Return the class of an annotation and its pixels; no class and no pixels where it is ignored."""
        name = self._class_of(annotation, path)
        return name, self._draw(annotation, shape) if name else np.zeros(0, np.bool_)

    def _class_of(self, annotation: CocoAnnotation, path: Path) -> str:
        try:
            return self._classes[annotation.category_id]
        except KeyError:
            raise UserError(
                f"{path}: annotation {annotation.id} has the undeclared category {annotation.category_id}; "
                "name it in data.classes, or add it to data.ignore"
            ) from None

    def _draw(self, annotation: CocoAnnotation, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
        origin = f"{self._path}: annotation {annotation.id}"
        if self._data.shapes == "boxes":
            if len(annotation.bbox) != 4 or not np.isfinite(annotation.bbox).all() or min(annotation.bbox[2:]) <= 0:
                raise UserError(f"{origin} has no bbox of four numbers: x, y, and a positive width and height")
            return _box(annotation.bbox, shape)
        if isinstance(annotation.segmentation, dict):
            raise UserError(f"{origin} is run-length encoded; convert it to polygons, or use the folder source")
        if not annotation.segmentation:
            raise UserError(f"{origin} has no polygon; draw it, or set data.shapes to boxes")
        mask = np.zeros(shape, np.bool_)
        for part in annotation.segmentation:
            if len(part) < 6 or len(part) % 2 or not np.isfinite(part).all():
                raise UserError(f"{origin}: a polygon needs at least three x, y pairs")
            mask |= fill_polygon(np.reshape(part, (-1, 2)), shape)
        return mask


def read_annotations(path: Path) -> CocoFile:
    """Read an annotation file.

    Raises:
        UserError: it is missing, damaged, or no COCO annotation file.
    """
    try:
        return CocoFile.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}: not a COCO annotation file: {key}: {first['msg']}") from None


def _box(box: list[float], shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    x, y, width, height = box
    left, top, right, bottom = (max(0, int(np.floor(edge + 0.5))) for edge in (x, y, x + width, y + height))
    mask = np.zeros(shape, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def fill_polygon(vertices: npt.NDArray[np.float64], shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the pixels ``(H, W)`` of which a polygon covers at least half.

    Coverage is counted on 4 x 4 parts of a pixel. A part that the outline touches counts as covered, so the mask
    reaches about 1/8 pixel beyond the exact outline.

    Args:
        vertices: ``(n, 2)``, x and y in pixels, (0, 0) the outer corner of the first pixel.
    """
    limits = np.array(shape[::-1])
    low = np.clip(np.floor(vertices.min(0)).astype(int) - 1, 0, limits)
    high = np.clip(np.ceil(vertices.max(0)).astype(int) + 2, 0, limits)
    mask = np.zeros(shape, np.bool_)
    width, height = (int(side) for side in high - low)
    if width <= 0 or height <= 0:
        return mask
    fine = Image.new("L", (width * _SUBPIXELS, height * _SUBPIXELS))
    corners = ((vertices - low) * _SUBPIXELS).ravel().tolist()
    ImageDraw.Draw(fine).polygon(corners, fill=1)
    parts = np.asarray(fine).reshape(height, _SUBPIXELS, width, _SUBPIXELS)
    covered = 2 * parts.sum(axis=(1, 3), dtype=np.int64) >= _SUBPIXELS**2
    mask[low[1] : high[1], low[0] : high[0]] = covered
    return mask
