"""Cross-entropies: their limits and where areas are counted."""

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from torch import Tensor

from seggrid.config.mixture import Term
from seggrid.losses.class_weights import dual_level, one_level
from seggrid.losses.cross_entropy import CrossEntropy, DualLevelCrossEntropy, WeightedCrossEntropy

AREAS = torch.tensor([700.0, 150.0, 100.0, 50.0])


def batch(classes: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(3, classes, 8, 9, generator=generator, dtype=torch.float64)
    target = torch.randint(0, classes, (3, 8, 9), generator=generator)
    target[0] = target[0].clamp_max(1)
    return logits, target


#: Images that hold one group alone, beside an ordinary one.
GROUPS = {"both": [], "background alone": [0], "object alone": [1], "one of each": [0, 1]}
every_group = pytest.mark.parametrize("filled", GROUPS.values(), ids=GROUPS)


def test_dual_level_without_exponents_is_cross_entropy() -> None:
    logits, target = batch()
    expected = CrossEntropy(4)(logits, target)
    torch.testing.assert_close(F.cross_entropy(logits, target), expected)
    for areas in ({"class_areas": AREAS}, {"areas": "batch"}, {"areas": "image"}):
        found = DualLevelCrossEntropy(4, gamma1=0.0, gamma2=0.0, **areas)(logits, target)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("areas", ["train", "batch", "image"])
@pytest.mark.parametrize("normalise", ["weights", "pixels"])
@every_group
def test_dual_level_with_one_object_is_weighted(areas: str, normalise: str, filled: list[int]) -> None:
    logits, target = batch(2)
    for image, label in enumerate(filled):
        target[image] = label
    counts = torch.tensor([900.0, 100.0]) if areas == "train" else None
    one = WeightedCrossEntropy(2, counts, gamma=0.7, areas=areas, normalise=normalise)
    two = DualLevelCrossEntropy(2, counts, gamma1=0.7, gamma2=3.0, areas=areas, normalise=normalise)
    torch.testing.assert_close(two(logits, target), one(logits, target))


@pytest.mark.parametrize("loss", [WeightedCrossEntropy, DualLevelCrossEntropy])
@pytest.mark.parametrize("areas", ["batch", "image"])
@pytest.mark.parametrize("normalise", ["weights", "pixels"])
@pytest.mark.parametrize("label", [0, 2])
def test_one_class_alone_is_cross_entropy(
    loss: type[WeightedCrossEntropy], areas: str, normalise: str, label: int
) -> None:
    logits, target = batch()
    target.fill_(label)
    found = loss(4, areas=areas, normalise=normalise)(logits, target)
    torch.testing.assert_close(found, F.cross_entropy(logits, target))


def test_train_weights_are_those_of_the_formula() -> None:
    logits, target = batch()
    weights = one_level(AREAS.double(), 1.0)
    expected = F.cross_entropy(logits, target, weight=weights)
    torch.testing.assert_close(WeightedCrossEntropy(4, AREAS)(logits, target), expected)
    by_pixels = WeightedCrossEntropy(4, AREAS, normalise="pixels")(logits, target)
    torch.testing.assert_close(by_pixels, expected * weights[target].mean())


def test_batch_areas_are_counted_over_the_batch() -> None:
    logits, target = batch()
    counted = torch.bincount(target.flatten(), minlength=4)
    expected = DualLevelCrossEntropy(4, counted)(logits, target)
    torch.testing.assert_close(DualLevelCrossEntropy(4, areas="batch")(logits, target), expected)


def test_image_areas_are_counted_in_each_image() -> None:
    logits, target = batch()
    weights = torch.stack([dual_level(torch.bincount(y.flatten(), minlength=4).double(), 1, 1)[y] for y in target])
    expected = (weights * F.cross_entropy(logits, target, reduction="none")).sum() / weights.sum()
    torch.testing.assert_close(DualLevelCrossEntropy(4, areas="image")(logits, target), expected)


def test_value_of_huge_and_of_tiny_losses() -> None:
    target = torch.zeros(1, 2, 2, dtype=torch.int64)
    wrong = torch.tensor([-1e4, 1e4]).view(1, 2, 1, 1).expand(1, 2, 2, 2)
    assert CrossEntropy(2)(wrong, target) == 2e4
    right = torch.tensor([6.0, -6.0]).view(1, 2, 1, 1).expand(1, 2, 2, 2)
    torch.testing.assert_close(CrossEntropy(2)(right, target), F.cross_entropy(right, target), rtol=1e-4, atol=0)


def test_exponents_of_complement_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"gamma2: has no meaning with weighting=complement; leave it out"):
        Term(loss="dual_level_ce", parameters={"gamma2": 2.0, "weighting": "complement"})


def test_areas_are_given_with_train_only() -> None:
    with pytest.raises(ValueError, match="class_areas"):
        WeightedCrossEntropy(4, AREAS, areas="batch")
    with pytest.raises(ValueError, match="class_areas"):
        WeightedCrossEntropy(4)


def test_weights_follow_the_module_and_stay_out_of_checkpoints() -> None:
    loss = WeightedCrossEntropy(4, AREAS)
    assert loss.weights.dtype == torch.float64
    assert not loss.state_dict()
