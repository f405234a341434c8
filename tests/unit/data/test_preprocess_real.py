"""Real images through preprocessing, and the chain of the wrist paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seggrid.data.store import Store
from seggrid.errors import UserError
from tests.unit.data.test_preprocess import RESIZE

Build = Callable[..., Store]


def test_real_knees_as_masks_and_as_outlines(shared: Path, build: Build) -> None:
    names = ["patella", "femur", "tibia", "patellar_tendon"]
    data = {"path": str(shared / "data" / "knee_lateral"), "classes": names}
    masks = build(data | {"source": "folder"}, ("z_score", RESIZE), name="masks")
    outlines = build(data | {"source": "coco", "on_top": names[::-1]}, ("z_score", RESIZE), name="outlines")
    assert (masks.fold(0), masks.cases) == (outlines.fold(0), outlines.cases)
    for index in range(12):
        assert np.array_equal(masks.truth(index), outlines.truth(index))
    for number in range(4):
        fold = masks.fold(number)
        assert not {masks.cases[i].group for i in fold.train} & {masks.cases[i].group for i in fold.test}


def test_real_wrists_hold_two_images_twice(shared: Path, build: Build) -> None:
    data = {"source": "folder", "path": str(shared / "data" / "wrist_fracture"), "classes": ["fracture"]}
    with pytest.raises(UserError) as caught:
        build(data, ("min_max",))
    assert str(caught.value).startswith("2 problems")
    assert "IMG0004042, IMG0004375" in str(caught.value)
    assert "IMG0004043, IMG0004376" in str(caught.value)
    names = sorted(path.stem for path in (shared / "data" / "wrist_fracture" / "images").iterdir())
    store = build(data | {"exclude": names[20:]}, ("min_max",))
    assert len(store.cases) == 20
    assert len({entry.shape for entry in store.cases}) > 2


#: The order of Radillah et al.
WRIST_CHAIN = (
    "crop_to_content", "min_max", {"resize": {"size": [256, 256]}}, "contrast_stretch", "median", "equalise",
    "multilevel_threshold",
)  # fmt: skip


def check_chain(store: Store, cases: int) -> None:
    """Every fracture is still there, of about its size, beside an image and its three levels."""
    assert len(store.cases) == cases
    for index, entry in enumerate(store.cases):
        image, shrunk = store.image(index), 256 * 256 / np.prod(entry.original_shape)
        assert image.shape == (2, 256, 256)
        assert np.unique(image[1]).tolist() == [0.0, 0.5, 1.0]
        cropped = any(record["op"] == "crop" for record in entry.geometry)
        assert cropped or entry.pixels[1] == pytest.approx(shrunk * (store.truth(index) == 1).sum(), rel=0.15)
        assert entry.pixels[1] > 20


def test_the_chain_of_the_wrist_paper_keeps_every_fracture(build: Build) -> None:
    data = {"source": "phantom", "wrist": {"subjects": 5, "views": [1, 1], "size": 320, "ulna": 0.0}}
    check_chain(build(data, WRIST_CHAIN), 5)


def test_the_chain_of_the_wrist_paper_on_the_smallest_real_fractures(shared: Path, build: Build) -> None:
    folder = shared / "data" / "wrist_fracture"
    sizes = {path.stem: (np.array(Image.open(path)) > 0).sum() for path in (folder / "masks").iterdir()}
    names = sorted(sizes, key=lambda name: (sizes[name], name))
    data = {"source": "folder", "path": str(folder), "classes": ["fracture"]}
    check_chain(build(data | {"exclude": names[8:]}, WRIST_CHAIN), 8)
    with pytest.raises(UserError, match=r"resize to \[16, 16\] makes object 1 \(\d+ pixels\) vanish"):
        build(data | {"exclude": names[8:]}, ("min_max", {"resize": {"size": [16, 16]}}))


def test_real_hippocampi_of_differing_sizes(shared: Path, build: Build) -> None:
    data = {"source": "nnunet", "path": str(shared / "data" / "Dataset004_Hippocampus")}
    store = build(data, splits={"folds": 5})
    assert (len(store.cases), store.class_names, store.unit) == (120, ("anterior", "posterior"), "mm")
    assert all(store.image(index).shape == (1, *entry.original_shape) for index, entry in enumerate(store.cases))
