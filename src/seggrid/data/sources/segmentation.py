"""Read masks that are DICOM segmentations (SEG)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seggrid.data.sources.dicom import Header
from seggrid.errors import UserError

if TYPE_CHECKING:
    from highdicom.seg import Segmentation
    from pydicom.dataset import Dataset

#: ManufacturerModelName of the files that ``seggrid predict`` writes.
PREDICTED = "seggrid predict"


def read_segmentation(path: Path, header: Header, frame: int) -> tuple[npt.NDArray[Any], dict[int, str]]:
    """Return the segment numbers ``(H, W)`` of a frame of an image, and the label of each segment.

    Args:
        header: of the image.
        frame: of the image, counted from 1; one without segment is empty.

    Raises:
        UserError: the file is no segmentation, or one of another image, or of shares, or its segments overlap.
    """
    found = _open_of(path, [header.instance])
    if header.frames > 1:
        return _pixels(path, found, found.get_pixels_by_source_frame, header.instance, [frame])
    return _pixels(path, found, found.get_pixels_by_source_instance, [header.instance])


def segmented_image(path: Path) -> tuple[Header, tuple[int, ...]]:
    """Return what a segmentation says about its image, and which frames of it have masks; none where it has but one.

    The number of the image in its series is known of files that ``seggrid predict`` wrote; others number themselves.

    Raises:
        UserError: the file is no segmentation, or one of several images.
    """
    found, instances = _open(path, path.stat().st_mtime_ns)
    if len(instances) != 1:
        raise UserError(f"{path}: a segmentation of {len(instances)} images; give a file for each")
    ((study, series, instance),) = found.get_source_image_uids()
    frames = tuple(sorted(set(_referenced_frames(found))))
    return Header(
        instance=str(instance),
        kind="",
        study=str(study),
        series=str(series),
        patient="",
        frames=max(frames, default=1),
        shape=(int(found.Rows), int(found.Columns)),
        number=int(found.InstanceNumber) if found.get("ManufacturerModelName") == PREDICTED else None,
    ), frames


def _referenced_frames(found: Dataset) -> Iterator[int]:
    shared = found.get("SharedFunctionalGroupsSequence") or ()
    for group in (*shared, *found.PerFrameFunctionalGroupsSequence):
        for derived in group.get("DerivationImageSequence") or ():
            for source in derived.get("SourceImageSequence") or ():
                numbers = source.get("ReferencedFrameNumber")
                if numbers is not None:
                    yield from (map(int, numbers) if isinstance(numbers, Sequence) else (int(numbers),))


def read_series_segmentation(path: Path, headers: Sequence[Header]) -> tuple[npt.NDArray[Any], dict[int, str]]:
    """Return the segment numbers ``(N, H, W)`` of the slices of a series in their order, and the label of each segment.

    Raises:
        UserError: as of ``read_segmentation``.
    """
    instances = [header.instance for header in headers]
    found = _open_of(path, instances)
    return _pixels(path, found, found.get_pixels_by_source_instance, instances, every=True)


def _open_of(path: Path, wanted: Sequence[str]) -> Segmentation:
    found, instances = _open(path, path.stat().st_mtime_ns)
    if str(getattr(found.segmentation_type, "value", "")) == "FRACTIONAL":
        raise UserError(f"{path}: a segmentation of shares; save it as BINARY or LABELMAP")
    if not instances.intersection(wanted):
        raise UserError(f"{path}: a segmentation of another image; it refers to none of the name of this one")
    if not instances.issubset(wanted) and len(wanted) > 1:
        raise UserError(f"{path}: a segmentation of more slices than the series has; complete the series")
    return found


def _pixels(
    path: Path, found: Segmentation, get: Callable[..., Any], *of: object, every: bool = False
) -> tuple[npt.NDArray[Any], dict[int, str]]:
    """Return the pixels of the first image, or of ``every``, and the label of each segment."""
    try:
        pixels = get(*of, combine_segments=True, ignore_spatial_locations=True, assert_missing_frames_are_empty=True)
    except RuntimeError as error:
        if "overlap" in str(error).lower():
            raise UserError(f"{path}: its segments overlap; a pixel must belong to one of them") from None
        raise UserError(f"{path}: cannot be read ({type(error).__name__})") from None
    except (ValueError, KeyError, AttributeError, IndexError, NotImplementedError) as error:
        raise UserError(f"{path}: cannot be read ({type(error).__name__})") from None
    labels = {number: str(found.get_segment_description(number).segment_label) for number in found.segment_numbers}
    return np.asarray(pixels if every else pixels[0]), labels


@functools.lru_cache(maxsize=1)
def _open(path: Path, _changed: int) -> tuple[Segmentation, frozenset[str]]:
    """Read a file once for all its frames; highdicom is slow to import, and few data sets need it."""
    import highdicom
    from pydicom.errors import InvalidDicomError

    try:
        found = highdicom.seg.segread(path)
        return found, frozenset(str(instance) for _, _, instance in found.get_source_image_uids())
    except (
        OSError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RuntimeError,
        InvalidDicomError,
    ) as error:
        raise UserError(f"{path}: not a DICOM segmentation, or truncated ({type(error).__name__})") from None
