"""Class weights: the printed formulas, their identities, absent classes."""

import pytest
import torch

from seggrid.losses.class_weights import complement, dual_level, one_level

AREAS = torch.tensor([800.0, 120.0, 50.0, 30.0], dtype=torch.float64)


def test_one_level_by_hand() -> None:
    expected = torch.tensor([1000 / 4 / 800, 1000 / 4 / 120, 1000 / 4 / 50, 1000 / 4 / 30], dtype=torch.float64)
    torch.testing.assert_close(one_level(AREAS, 1.0), expected)
    torch.testing.assert_close(one_level(AREAS, 0.5), expected.sqrt())


def test_dual_level_by_hand() -> None:
    level1 = torch.tensor([1000 / 1600, *[1000 / 400] * 3], dtype=torch.float64)
    level2 = torch.tensor([1, 200 / 360, 200 / 150, 200 / 90], dtype=torch.float64)
    torch.testing.assert_close(dual_level(AREAS, 1.0, 1.0), level1 * level2)
    torch.testing.assert_close(dual_level(AREAS, 2.0, 0.5), level1**2 * level2.sqrt())


def test_dual_level_shares_the_weight_in_halves() -> None:
    shares = dual_level(AREAS, 1.0, 1.0) * AREAS / AREAS.sum()
    torch.testing.assert_close(shares, torch.tensor([1 / 2, 1 / 6, 1 / 6, 1 / 6], dtype=torch.float64))


def test_no_exponent_is_no_weight() -> None:
    assert torch.equal(dual_level(AREAS, 0.0, 0.0), torch.ones_like(AREAS))
    assert torch.equal(one_level(AREAS, 0.0), torch.ones_like(AREAS))


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_dual_level_with_one_object_is_one_level(gamma: float) -> None:
    torch.testing.assert_close(dual_level(AREAS[:2], gamma, 3.0), one_level(AREAS[:2], gamma))


def test_complement_by_hand() -> None:
    expected = torch.tensor([0.2, 0.8 * 80 / 400, 0.8 * 150 / 400, 0.8 * 170 / 400], dtype=torch.float64)
    torch.testing.assert_close(complement(AREAS), expected)
    torch.testing.assert_close(complement(AREAS[:2]), torch.tensor([120 / 920, 800 / 920], dtype=torch.float64))


@pytest.mark.parametrize(
    "weigh",
    [lambda a: one_level(a, 1.0), lambda a: dual_level(a, 1.0, 1.0), complement],
    ids=["one_level", "dual_level", "complement"],
)
def test_absent_class_weighs_nothing_and_is_not_counted(weigh: object) -> None:
    assert callable(weigh)
    gap = torch.tensor([[800.0, 0.0, 50.0, 30.0], [500.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    weights = weigh(gap)
    assert (weights[gap == 0] == 0).all()
    torch.testing.assert_close(weights[0, [0, 2, 3]], weigh(gap[0, [0, 2, 3]]))
    assert weights.isfinite().all()


@pytest.mark.parametrize("weigh", [lambda a: one_level(a, 1.0), lambda a: dual_level(a, 1.0, 1.0)])
@pytest.mark.parametrize("areas", [[9, 0, 0, 0], [0, 9, 0, 0], [0, 3, 6, 0], [5, 0, 0, 4], [800, 120, 50, 30]])
def test_mean_weight_is_1_whatever_is_present(weigh: object, areas: list[float]) -> None:
    assert callable(weigh)
    counted = torch.tensor(areas, dtype=torch.float64)
    assert float((weigh(counted) * counted).sum() / counted.sum()) == pytest.approx(1)


@pytest.mark.parametrize("areas", [[9, 0], [0, 9]])
def test_without_a_second_group_there_is_nothing_to_balance(areas: list[float]) -> None:
    counted = torch.tensor(areas, dtype=torch.float64)
    expected = (counted > 0).double()
    assert torch.equal(dual_level(counted, 0.7, 3.0), expected)
    assert torch.equal(one_level(counted, 0.7), expected)


def test_complement_of_a_single_class_is_zero() -> None:
    assert torch.equal(complement(torch.tensor([0.0, 9.0, 0.0])), torch.zeros(3))
    assert torch.equal(complement(torch.tensor([9.0, 0.0, 0.0])), torch.zeros(3))
