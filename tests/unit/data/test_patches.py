"""Where patches lie: anywhere, on objects, at interfaces."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from seggrid.config.training import PatchSampling, Training
from seggrid.data.patches import PLACES, PatchSampler, places_of_interfaces, places_of_objects

SIZE = (4, 6, 6)


def labels() -> np.ndarray:
    """A large object, a small one two voxels off, and one far away."""
    image = np.zeros((20, 30, 40), np.uint8)
    image[2:18, 2:20, 2:20] = 1
    image[9, 9, 22:24] = 2
    image[10, 27, 37] = 7
    return image


def centres(settings: PatchSampling, draws: int = 300) -> np.ndarray:
    sampler = PatchSampler(SIZE, settings, 1, lambda _: labels())
    generator = torch.Generator().manual_seed(0)
    corners = [sampler.corner(0, labels().shape, generator) for _ in range(draws)]
    assert all(side.start >= 0 and side.stop <= n for c in corners for side, n in zip(c, labels().shape, strict=True))
    return np.array([[side.start + length // 2 for side, length in zip(c, SIZE, strict=True)] for c in corners])


def test_every_object_is_as_likely_as_the_others() -> None:
    found = [labels()[tuple(centre)] for centre in centres(PatchSampling(foreground=1.0), 600)]
    shares = [np.mean(np.equal(found, label)) for label in (1, 2)]
    assert all(0.27 < share < 0.4 for share in shares), shares
    assert np.mean(np.equal(found, 0)) < 0.4, "only object 7 is so near the frame that it cannot be a centre"


def test_interfaces_are_where_two_objects_are_near() -> None:
    places = places_of_interfaces(labels(), [2, 2, 2])
    assert {tuple(place) for place in places} == {
        (z, y, x) for z in range(7, 12) for y in range(7, 12) for x in (20, 21)
    }
    near = {tuple(centre) for centre in centres(PatchSampling(interface=1.0)).tolist()}
    assert near <= {tuple(place) for place in places.tolist()}
    assert not len(places_of_interfaces(labels(), [1, 1, 1]))


def test_shares_are_kept_and_the_rest_is_anywhere() -> None:
    drawn = centres(PatchSampling(foreground=0.5), 1000)
    inside = np.mean([labels()[tuple(centre)] > 0 for centre in drawn])
    anywhere = np.mean([labels()[tuple(centre)] > 0 for centre in centres(PatchSampling(), 1000)])
    assert 0.5 * 2 / 3 + 0.5 * anywhere - 0.06 < inside < 0.5 + 0.5 * anywhere + 0.06


def test_an_image_without_objects_or_interfaces_is_drawn_from_anywhere() -> None:
    for settings in (PatchSampling(foreground=1.0), PatchSampling(interface=1.0)):
        sampler = PatchSampler((4, 4), settings, 1, lambda _: np.zeros((9, 9), np.uint8))
        corner = sampler.corner(0, (9, 9), torch.Generator().manual_seed(0))
        assert all(0 <= side.start <= 5 for side in corner)


def test_a_patch_of_a_smaller_image_begins_at_its_corner() -> None:
    sampler = PatchSampler((8, 8), PatchSampling(foreground=1.0), 1, lambda _: np.ones((3, 20), np.uint8))
    assert sampler.corner(0, (3, 20), torch.Generator().manual_seed(0))[0] == slice(0, 8)


def test_places_are_few_and_spread() -> None:
    (places,) = places_of_objects(np.ones((40, 40, 40), np.uint8))
    assert len(places) == PLACES
    assert places.min(0).tolist() == [0, 0, 0]
    assert places.max(0).tolist() == [39, 39, 39]
    assert abs(places.mean(0) - 19.5).max() < 0.6


def test_shares_are_checked() -> None:
    with pytest.raises(ValidationError, match="exceed 1 together"):
        PatchSampling(foreground=0.7, interface=0.4)
    with pytest.raises(ValidationError, match="patch_sampling needs patch_size"):
        Training(patch_sampling=PatchSampling(foreground=0.5))


def test_interfaces_are_near_in_the_patient() -> None:
    """Two objects a voxel apart across thick slices are far from each other, and near within a slice."""
    image = np.zeros((9, 9, 9), np.uint8)
    image[2, 4, 2], image[4, 4, 2] = 1, 2  # across slices
    image[6, 4, 5], image[6, 4, 7] = 1, 2  # within one
    sampler = PatchSampler((1, 1, 1), PatchSampling(interface=1.0), 1, lambda _: image, (5.0, 1.0, 1.0))
    generator = torch.Generator().manual_seed(0)
    slices = {sampler.corner(0, image.shape, generator)[0].start for _ in range(50)}
    assert slices == {6}
