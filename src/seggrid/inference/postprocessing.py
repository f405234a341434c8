"""Post-processing of predicted masks, object by object; 2-D and 3-D.

What a step removes of an object becomes background, and an object grows into background only. So the steps of one
object do not depend on those of the others.

Connected components are those of ``cc3d`` (connected-components-3d). ``full`` connectivity joins pixels that share a
face, an edge or a corner, as MONAI's ``KeepLargestConnectedComponent`` does by default; ``faces`` those that share a
face, as scipy and MONAI's ``RemoveSmallObjects`` do by default.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import cc3d
import numpy as np
import numpy.typing as npt

from seggrid.catalogue import POSTPROCESSING
from seggrid.config.postprocessing import Chain
from seggrid.errors import UserError

Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.uint8]
Connectivity = Literal["full", "faces"]
NO_SPACING = "remove_small: unit mm needs a spacing, which this image does not have; write unit: px"
#: Of cc3d, by axes.
_CONNECTIVITY = {("faces", 2): 4, ("full", 2): 8, ("faces", 3): 6, ("full", 3): 26}


@dataclass(frozen=True)
class Object:
    """An object in a mask.

    Attributes:
        pixels: that belong to it, ``(*S)``.
        others: that belong to other objects, ``(*S)``.
        spacing: mm per axis, where it is known.
    """

    pixels: Bools
    others: Bools
    spacing: Sequence[float] | None


def postprocess(mask: Labels, chains: Sequence[Chain], spacing: Sequence[float] | None) -> Labels:
    """Return a mask ``(*S)`` after the steps of each object.

    Args:
        chains: of the objects 1 to K; an empty one changes nothing.
        spacing: mm per axis, where it is known.

    Raises:
        UserError: a size in mm is asked for without a spacing.
    """
    found = mask.copy()
    for label, chain in enumerate(chains, start=1):
        if chain and (pixels := mask == label).any():
            processed = run_chain(chain, mask, pixels, spacing)
            found[pixels & ~processed] = 0
            found[processed & ~pixels] = label
    return found


def needs_spacing(chains: Iterable[Chain]) -> bool:
    """Whether a step asks for a size in mm."""
    return any(step.settings.get("unit") == "mm" for chain in chains for step in chain)


def run_chain(chain: Chain, mask: Labels, pixels: Bools, spacing: Sequence[float] | None) -> Bools:
    """Return the pixels of one object of a mask after some steps; the arrays are those of the whole mask.

    Raises:
        UserError: a size in mm is asked for without a spacing.
    """
    if not pixels.any():
        return pixels
    # What lies outside of the box of the object is neither of it nor enclosed by it.
    box = _box(pixels)
    own = pixels[box]
    others = (mask[box] != 0) & ~own
    for step in chain:
        own = POSTPROCESSING[step.name].load()(Object(own, others, spacing), **step.parameters)
    found = np.zeros_like(pixels)
    found[box] = own
    return found


def largest_component(given: Object, connectivity: Connectivity = "full") -> Bools:
    """Keep the component with the most pixels; of equals the one whose first pixel comes first, row by row."""
    components, sizes = _components(given.pixels, connectivity)
    if len(sizes) < 3:
        return given.pixels
    equals = np.flatnonzero(sizes[1:] == sizes[1:].max()) + 1
    first = components.ravel()[np.argmax(np.isin(components.ravel(), equals))] if len(equals) > 1 else equals[0]
    return np.asarray(components == first)


def remove_small(
    given: Object, minimum: float = 20.0, unit: Literal["px", "mm"] = "px", connectivity: Connectivity = "full"
) -> Bools:
    """Remove the components smaller than ``minimum``, in pixels or, in ``mm``, in mm2 or mm3.

    Raises:
        UserError: the spacing is not known and the size is in mm.
    """
    if unit == "mm" and given.spacing is None:
        raise UserError(NO_SPACING)
    size = math.prod(given.spacing) if unit == "mm" and given.spacing is not None else 1.0
    components, sizes = _components(given.pixels, connectivity)
    kept = sizes * size >= minimum
    kept[0] = False
    return np.asarray(kept[components])


def fill_holes(given: Object) -> Bools:
    """Fill the background that the object encloses; pixels of a hole touch by faces, as in scipy.

    Background between the object and another one inside of it is no hole and stays.
    """
    outside = np.pad(~given.pixels, 1, constant_values=True)
    components, sizes = _components(outside, "faces")
    inner = components[(slice(1, -1),) * outside.ndim]
    filled = np.ones(len(sizes), np.bool_)
    filled[components[(0,) * outside.ndim]] = False
    filled[np.unique(inner[given.others])] = False
    return np.asarray(filled[inner])


def _components(pixels: Bools, connectivity: Connectivity) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """The number of each pixel's component, 0 outside of ``pixels``, and the sizes by number."""
    kind = _CONNECTIVITY[connectivity, pixels.ndim]
    components = cc3d.connected_components(np.ascontiguousarray(pixels), connectivity=kind, out_dtype=np.uint32)
    return components, np.bincount(components.ravel())


def _box(pixels: Bools) -> tuple[slice, ...]:
    """The smallest box around pixels, of which there is at least one."""
    found = []
    for axis in range(pixels.ndim):
        held = np.flatnonzero(pixels.any(axis=tuple(other for other in range(pixels.ndim) if other != axis)))
        found.append(slice(int(held[0]), int(held[-1]) + 1))
    return tuple(found)
