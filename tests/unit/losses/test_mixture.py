"""The mixture: sums, shared work, effective ratios, messages."""

import pytest
import torch
from torch import Tensor

from seggrid.catalogue import LOSSES
from seggrid.config.mixture import Mixture
from seggrid.errors import UserError
from seggrid.losses import MixtureLoss, build, effective_ratios, maps
from seggrid.losses.distance_fields import DistanceFields

NAMES = ("femur", "patella", "tibia")
AREAS = torch.tensor([700.0, 150.0, 100.0, 50.0], dtype=torch.float64)
PAPER = "0.50*dual_level_ce + 0.25*dice + 0.25*boundary"


def mixed(expression: str) -> MixtureLoss:
    return MixtureLoss(Mixture.model_validate(expression), NAMES, AREAS)


def batch(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(2, 4, 10, 11, generator=generator, dtype=dtype).requires_grad_()
    return logits, torch.randint(0, 4, (2, 10, 11), generator=generator)


@pytest.mark.parametrize("name", [name for name, row in LOSSES.items() if not row.auxiliary])
def test_one_term_of_weight_1_is_the_loss(name: str) -> None:
    logits, target = batch()
    mixture = Mixture.model_validate(name)
    total, terms = MixtureLoss(mixture, NAMES, AREAS)(logits, target)
    given = maps.compute(mixture.maps, target, 4, probabilities=logits.detach().softmax(1))
    single = build(mixture.terms[0], 4, AREAS)(logits, target, given)
    assert torch.equal(total, single)
    assert torch.equal(terms, single.detach()[None])
    ours, theirs = (torch.autograd.grad(value, logits)[0] for value in (total, single))
    assert torch.equal(ours, theirs)


def test_total_and_gradient_are_the_weighted_sums() -> None:
    logits, target = batch(torch.float64)
    mixture = mixed(PAPER)
    total, terms = mixture(logits, target)
    assert mixture.names == ("dual_level_ce", "dice", "boundary")
    assert mixture.weights.tolist() == [0.5, 0.25, 0.25]
    assert not terms.requires_grad
    torch.testing.assert_close(total.detach(), 0.5 * terms[0] + 0.25 * terms[1] + 0.25 * terms[2])
    expressions = ("0.50*dual_level_ce", "0.25*dice", "0.25*boundary")
    parts = [mixed(expression)(logits, target)[0] for expression in expressions]
    expected = sum(torch.autograd.grad(part, logits)[0] for part in parts)
    torch.testing.assert_close(torch.autograd.grad(total, logits)[0], expected)


def test_maps_are_made_once_and_only_when_read(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(fields: DistanceFields) -> Tensor:
        calls.append(fields)
        return maps.signed_distance(fields)

    monkeypatch.setitem(maps.MAPS, "signed_distance", maps.Map(counted))
    logits, target = batch()
    mixed("0.5*ce + 0.5*dice")(logits, target)
    assert not calls
    mixed(PAPER)(logits, target, (0.5, 1.0))
    assert len(calls) == 1


def test_spacing_reaches_the_map() -> None:
    logits, target = batch()
    total, _ = mixed("boundary")(logits, target, (0.5, 1.0))
    assert total != mixed("boundary")(logits, target)[0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_gives_float32(dtype: torch.dtype) -> None:
    logits, target = batch()
    half = logits.detach().to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=dtype):
        total, terms = mixed(PAPER)(half, target)
        ratios = effective_ratios(mixed(PAPER), half, target)
    assert total.dtype == terms.dtype == ratios.dtype == torch.float32
    total.backward()
    assert half.grad is not None
    assert half.grad.isfinite().all()


def test_effective_ratios_are_the_shares_of_the_gradient() -> None:
    logits, target = batch(torch.float64)
    mixture = mixed(PAPER)
    singles = [mixed(name)(logits, target)[0] for name in mixture.names]
    norms = torch.stack([torch.autograd.grad(single, logits)[0].norm() for single in singles])
    expected = mixture.weights * norms / (mixture.weights * norms).sum()
    with torch.no_grad():
        found = effective_ratios(mixture, logits, target)
    torch.testing.assert_close(found, expected)
    assert not found.requires_grad
    assert logits.grad is None


def test_effective_ratios_where_nothing_has_a_gradient_are_zero() -> None:
    target = torch.zeros(1, 4, 4, dtype=torch.int64)
    assert effective_ratios(mixed("0.5*dice + 0.5*boundary"), torch.zeros(1, 4, 4, 4), target).tolist() == [0, 0]


def test_class_without_training_pixel_is_named() -> None:
    areas = torch.tensor([700.0, 150.0, 0.0, 50.0])
    with pytest.raises(UserError, match=r"dual_level_ce: class 2 \(patella\) has no pixel in the training cases"):
        MixtureLoss(Mixture.model_validate(PAPER), NAMES, areas)


@pytest.mark.parametrize("expression", ["ce", "dice", "boundary", "dual_level_ce(areas=image)"])
def test_areas_are_needed_only_where_they_are_read(expression: str) -> None:
    logits, target = batch()
    assert MixtureLoss(Mixture.model_validate(expression), NAMES, None)(logits, target)[0].isfinite()


def test_wrong_number_of_channels_is_refused() -> None:
    logits, target = batch()
    with pytest.raises(ValueError, match="logits have 3 channels, the loss was built for 4"):
        mixed(PAPER)(logits[:, :3], target)


def test_nothing_is_saved_in_a_checkpoint() -> None:
    assert not mixed(PAPER).state_dict()


def test_a_schedule_gives_the_weights_of_the_epoch() -> None:
    logits, target = batch(torch.float64)
    mixture = mixed("linear(0, 1)*ce + 0.5*dice + rebalance(1, 0.25)*boundary")
    assert mixture.weights.tolist() == [0, 0.5, 1]
    for epoch, expected in ((0, [0, 0.5, 1]), (2, [0.5, 0.5, 0.5]), (3, [0.75, 0.5, 0.25])):
        mixture.set_epoch(epoch, 4)
        total, terms = mixture(logits, target)
        assert mixture.weights.tolist() == expected
        torch.testing.assert_close(total.detach(), (torch.tensor(expected, dtype=torch.float64) * terms).sum())
        norms = [torch.autograd.grad(mixed(n)(logits, target)[0], logits)[0].norm() for n in mixture.names]
        weighted = mixture.weights * torch.stack(norms)
        torch.testing.assert_close(effective_ratios(mixture, logits, target), weighted / weighted.sum())
    assert not mixture.state_dict()


def test_a_constant_mixture_is_the_same_in_every_epoch() -> None:
    mixture = mixed(PAPER)
    version = mixture.weights._version
    mixture.set_epoch(7, 10)
    assert mixture.weights.tolist() == [0.5, 0.25, 0.25]
    assert mixture.weights._version == version, "not even written"


@pytest.mark.parametrize("expression", ["linear(0, 1)*ce", "linear(0, 1)*ce + rebalance(0, 0.5)*dice"])
def test_an_epoch_in_which_all_weights_are_zero_divides_by_nothing(expression: str) -> None:
    logits, target = batch()
    mixture = mixed(expression)
    total, terms = mixture(logits, target)
    assert total == 0
    assert (terms > 0).all()
    assert not torch.autograd.grad(total, logits)[0].any()
    assert not effective_ratios(mixture, logits, target).any()
