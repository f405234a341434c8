"""Post-processing against the connected components of the shared file, and against MONAI as it is installed.

The file's input masks hold one component a class: MONAI's transforms change their input in place, and it was written
after them. So its counts of components, taken before, are of masks that it does not hold; what it says of the
transforms holds for the masks it has. The transforms themselves are called here, on masks with many components.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from monai.transforms import KeepLargestConnectedComponent, RemoveSmallObjects
from scipy import ndimage

from seggrid.config.evaluation import Evaluation
from seggrid.inference.postprocessing import Labels, postprocess

#: Entry of the shared file -> our step; the number behind ``conn`` is that of scipy and MONAI.
COUNTERPARTS: dict[str, dict[str, dict[str, Any]]] = {
    "keep_largest_per_class": {"largest_component": {}},
    "remove_small_lt20": {"remove_small": {"minimum": 20}},
}
COUNTS = "the shared mask was changed in place after its components were counted: it holds one a class"


def place_of(name: str) -> tuple[str, str]:
    """Say what became of an entry, ``(place, reason)``.

    Raises:
        KeyError: nobody speaks of it.
    """
    if re.fullmatch(r"n_components_c\d_conn\d@(scipy|cc3d)", name):
        return "documented difference", COUNTS
    quantity = re.fullmatch(r"(\w+)_conn\d@monai", name)
    return "compared", "" if COUNTERPARTS[quantity[1] if quantity else name] else name


def processed(labels: Labels, step: dict[str, dict[str, Any]], connectivity: int) -> Labels:
    """What our step makes of every class."""
    ((title, given),) = step.items()
    kind = "faces" if connectivity == 1 else "full"
    found = Evaluation.model_validate({"postprocessing": [{title: {**given, "connectivity": kind}}]})
    return postprocess(labels, found.postprocessing * int(labels.max()), None)


def test_the_shared_masks(shared: Path) -> None:
    compared = 0
    with np.load(shared / "oracles" / "cases.npz", allow_pickle=False) as archive:
        for key in archive.files:
            if found := re.fullmatch(r"(Q\d+_\w+)/exp/(\w+)_conn(\d)@monai", key):
                ours = processed(archive[f"{found[1]}/in/label"], COUNTERPARTS[found[2]], int(found[3]))
                np.testing.assert_array_equal(ours, archive[key], key)
                compared += 1
            elif found := re.fullmatch(r"(Q\d+_\w+)/exp/n_components_c(\d)_conn(\d)@\w+", key):
                labels = archive[f"{found[1]}/in/label"]
                structure = ndimage.generate_binary_structure(labels.ndim, int(found[3]))
                assert ndimage.label(labels == int(found[2]), structure)[1] == 1 < archive[key]
    assert compared == 8


@pytest.mark.filterwarnings("ignore:Parameter `min_size` is deprecated:FutureWarning")
@pytest.mark.parametrize("shape", [(64, 48), (12, 20, 16)])
@pytest.mark.parametrize("connectivity", [1, None])
def test_many_components(shape: tuple[int, ...], connectivity: int | None) -> None:
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=shape), 1)
    labels: Labels = np.digitize(smooth, np.quantile(smooth, [0.6, 0.8])).astype(np.uint8)
    assert ndimage.label(labels == 1)[1] > 5
    largest = KeepLargestConnectedComponent(applied_labels=[1], connectivity=connectivity)
    # With scikit-image 0.26, which it calls, what equals the size goes too; before, and here, it stays.
    small = RemoveSmallObjects(min_size=19, connectivity=connectivity or len(shape))
    for peer, step in ((largest, COUNTERPARTS["keep_largest_per_class"]), (small, COUNTERPARTS["remove_small_lt20"])):
        # A class at a time: in a mask of several, MONAI takes each class for one object.
        theirs = sum(label * np.asarray(peer((labels == label)[None].astype(np.uint8)))[0] for label in (1, 2))
        np.testing.assert_array_equal(processed(labels, step, connectivity or len(shape)), theirs)
        assert (theirs != labels).any()
