"""Where the images and masks come from, and how the cases are split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from seggrid.config.base import NOT_IDENTITY, Section
from seggrid.config.phantom import HipSettings, KneeSettings, WristSettings

_PATH = Field(json_schema_extra=NOT_IDENTITY)
ClassValue = int | str | tuple[int | str, ...]
Length = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def members(value: ClassValue) -> tuple[int | str, ...]:
    """Return the mask values, or category names, of one class."""
    return value if isinstance(value, tuple) else (value,)


class PhantomData(Section):
    """The built-in phantom: needs no files."""

    source: Literal["phantom"]
    knee: KneeSettings = KneeSettings()
    """Subjects, frames and imaging of the knee phantom."""
    wrist: WristSettings | None = None
    """Subjects, injuries and imaging of the wrist phantom, in place of the knee."""
    hip: HipSettings | None = None
    """Subjects, osteoarthritis and volumes of the hip phantom, in place of the knee."""

    #: A phantom has no folder.
    path: ClassVar[None] = None

    @property
    def kind(self) -> str:
        """Which phantom: a key of this section."""
        return "wrist" if self.wrist else "hip" if self.hip else "knee"

    @property
    def settings(self) -> KneeSettings | WristSettings | HipSettings:
        """What that phantom draws."""
        return self.wrist or self.hip or self.knee

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = sorted(self.model_fields_set - {"source"})
        named = [name for name in given if getattr(self, name) is not None]
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)} are phantoms of their own; leave one of them in")
        if given and not named:
            raise ValueError(f"{given[0]} is empty; write {given[0]}: {{}} for its defaults")
        return self

    @model_serializer(mode="wrap")
    def _of_that_phantom(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialise(self).items() if name in ("source", self.kind)}


class _Files(Section):
    """Images and masks in a folder."""

    #: What stands for an object in the files: values of masks, or names of categories.
    _value: ClassVar[type] = int

    path: Path = _PATH
    """The folder; relative to where the command runs."""
    classes: dict[str, ClassValue]
    """Name of each object -> its value (or list of values) in the masks; a plain list of names means 1, 2, 3 ...

    The objects are numbered 1, 2, 3 ... in this order, whatever their values.
    """
    ignore: tuple[int | str, ...] = ()
    """Values (category names for coco) that are declared, but counted as background."""
    exclude: tuple[str, ...] = ()
    """Cases that are left out, by name: duplicates, damaged files."""
    allow_empty: bool = False
    """Whether a mask may show no object at all; otherwise such a case is an error."""
    spacing: tuple[Length, ...] | None = None
    """Pixel size in mm per axis (rows, columns; of volumes slices first) where the files carry none; else in px."""

    @field_validator("classes", mode="before")
    @classmethod
    def _numbered(cls, value: Any) -> Any:
        if isinstance(value, list):
            if value and all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in value):
                return dict(value)
            if len(set(map(str, value))) < len(value):
                raise ValueError("a class is named twice")
            return {str(name): number for number, name in enumerate(value, start=1)}
        return value

    @field_serializer("classes", when_used="json")
    def _pairs(self, classes: dict[str, ClassValue]) -> list[tuple[str, ClassValue]]:
        # The order counts, and a JSON mapping with sorted keys would lose it.
        return list(classes.items())

    @field_validator("classes")
    @classmethod
    def _distinct(cls, classes: dict[str, ClassValue]) -> dict[str, ClassValue]:
        if not classes:
            raise ValueError("name at least one class")
        if "background" in classes:
            raise ValueError("background is 0 and needs no name")
        values = [v for value in classes.values() for v in members(value)]
        for value in values:
            if values.count(value) > 1:
                raise ValueError(f"the mask value {value} belongs to two classes")
            if isinstance(value, int) and not 1 <= value <= 65535:
                raise ValueError(f"the mask value {value} lies outside 1 to 65535; 0 is the background")
        if len(classes) > 254:
            raise ValueError("more than 254 classes")
        return classes

    @model_validator(mode="after")
    def _apart(self) -> Self:
        values = [v for value in self.classes.values() for v in members(value)]
        for value in self.ignore:
            if value in values:
                raise ValueError(f"{value} stands in ignore and in classes; leave it in one of them")
        for value in (*values, *self.ignore):
            if not isinstance(value, self._value):
                kind = "whole numbers" if self._value is int else "category names"
                raise ValueError(f"{value!r}: a {self.source} data set is declared by {kind}")  # type: ignore[attr-defined]
        return self


Sides = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]


class SubVolumes(Section):
    """How every volume is cut into blocks: into a number of them, or by their size."""

    grid: Sides | None = None
    """Blocks per axis (slice, row, column), whose sizes differ by one voxel at most."""
    size: Sides | None = None
    """Voxels of a block per axis; the last one takes up a rest of less than half a block."""
    stride: Sides | None = None
    """Voxels from one block to the next; default: the size."""

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.grid is None) == (self.size is None):
            raise ValueError("give either grid or size")
        if self.stride and not self.size:
            raise ValueError("stride needs size")
        if self.stride and self.size and any(step > side for step, side in zip(self.stride, self.size, strict=True)):
            raise ValueError("a stride beyond the size leaves voxels out")
        return self

    @property
    def overlap(self) -> bool:
        """Whether blocks share voxels."""
        return self.stride is not None and self.stride != self.size


class _Volumes(_Files):
    """Files that may hold volumes."""

    subvolumes: SubVolumes | None = None
    """Cut each volume into blocks, each a case: by grid, e.g. {grid: [3, 3, 3]}, or by size and stride in voxels."""
    slices: Literal[0, 1, 2] | None = None
    """Make each slice of a volume a case of two axes: those along axis 0 (axial), 1 (coronal) or 2 (sagittal)."""

    @model_validator(mode="after")
    def _one_cut(self) -> Self:
        if self.subvolumes and self.slices is not None:
            raise ValueError("give either subvolumes or slices")
        return self


class FolderData(_Volumes):
    """``images/`` and ``masks/`` of the same file names, masks with integer values; optional ``cases.csv``."""

    source: Literal["folder"]
    images: str = "images"
    """Subfolder of the images (png, jpg, tif of 8 or 16 bit; nii, nii.gz, nrrd, mha, mhd; DICOM)."""
    masks: str = "masks"
    """Subfolder of the masks (png, tif, nii, nii.gz, nrrd, mha, mhd, DICOM SEG; a file per image, same stem)."""
    series: bool = False
    """Whether each folder of DICOM files below images is one volume; otherwise each file is an image."""
    voi: bool = False
    """Whether DICOM files are read as they are displayed: by their first VOI look-up table, else window; 0 to 1."""
    cases: str = "cases.csv"
    """Table with the columns case and group; without the file every case is a group of its own."""


class CocoData(_Files):
    """A COCO annotation file; classes are category names."""

    _value: ClassVar[type] = str
    source: Literal["coco"]
    annotations: str = "coco.json"
    """Annotation file inside the folder."""
    images: str = "images"
    """Subfolder of the images."""
    cases: str = "cases.csv"
    """Table with the columns case and group; without the file every case is a group of its own."""
    shapes: Literal["polygons", "boxes"] = "polygons"
    """Whether masks are filled polygons or filled bounding boxes."""
    on_top: tuple[str, ...] = ()
    """Classes from bottom to top where outlines overlap; default: the order of classes, the last one on top."""

    @field_validator("classes", mode="before")
    @classmethod
    def _categories(cls, value: Any) -> Any:
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            return value
        if len(set(value)) < len(value):
            raise ValueError("a class is named twice")
        return {name: name for name in value}

    @model_validator(mode="after")
    def _complete_order(self) -> Self:
        if self.on_top and sorted(self.on_top) != sorted(self.classes):
            raise ValueError("on_top must name every class once")
        return self


def nnunet_classes(labels: Any) -> dict[str, ClassValue]:
    """Return the classes of the ``labels`` of an nnU-Net ``dataset.json``, by their smallest value.

    Raises:
        ValueError: the labels are absent, of nnU-Net version 1, no whole numbers, too many, or hold an ignore label.
    """
    if not isinstance(labels, dict) or not labels:
        raise ValueError("no labels; add them, or give data.classes")
    if all(str(name).isdecimal() for name in labels):
        raise ValueError("the labels are those of nnU-Net version 1; write them as name: value")
    if "ignore" in labels:
        raise ValueError("the label 'ignore' marks partly drawn cases; give data.classes and data.ignore instead")
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in labels.items() if value != 0}
    if not all(isinstance(number, int) for value in found.values() for number in members(value)):
        raise ValueError("a label is no whole number")
    if len(found) > 254:
        raise ValueError("more than 254 labels; name those that count in data.classes, the others in data.ignore")
    return dict(sorted(found.items(), key=lambda item: min(members(item[1]))))


class NnunetData(_Volumes):
    """nnU-Net v2 raw layout: dataset.json, imagesTr, labelsTr."""

    source: Literal["nnunet"]
    classes: dict[str, ClassValue] = {}
    """Default: the labels of dataset.json."""
    cases: str = "cases.csv"
    """Table with the columns case and group; without the file every case is a group of its own."""

    @field_validator("classes")
    @classmethod
    def _distinct(cls, classes: dict[str, ClassValue]) -> dict[str, ClassValue]:
        return super()._distinct(classes) if classes else classes


Data = Annotated[PhantomData | FolderData | CocoData | NnunetData, Field(discriminator="source")]


class Splits(Section):
    """Grouped cross-validation: a group (patient) never stands on two sides."""

    folds: Annotated[int, Field(ge=2, le=50)] = 5
    """Number of folds; each is the test set once."""
    validation: Annotated[float, Field(gt=0, lt=0.6)] = 0.2
    """Share of the other groups that choose checkpoints; they are not trained on."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the shuffle of the groups."""

    @property
    def least_groups(self) -> int:
        """Fewest groups that can be split so: two remain beside every test fold, to train and to validate."""
        return max(self.folds, 4 if self.folds == 2 else 3)
