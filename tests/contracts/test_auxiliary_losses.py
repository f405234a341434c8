"""The contract of a loss of an auxiliary output, and of what ``boundary_branch`` looks for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seggrid.catalogue import LOSSES
from seggrid.config.mixture import Mixture
from seggrid.losses import MixtureLoss, effective_ratios, maps
from seggrid.losses.base import Batch
from seggrid.losses.boundary_branch import BoundaryBranch

NAMES = ("femur", "hip")
CASES = ["boundary_branch", "boundary_branch(region=interface)", "boundary_branch(radius=4)"]
AUXILIARY = [name for name, row in LOSSES.items() if row.auxiliary]


def two_blocks(gap: int = 2, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, target and branch of two volumes: two blocks with a gap between them, and one block alone."""
    target = torch.zeros(2, 6, 8, 16, dtype=torch.int64)
    target[0, 1:5, 1:7, 2:7] = 1
    target[:, 1:5, 1:7, 7 + gap : 14] = 2
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 6, 8, 16, generator=generator, dtype=dtype)
    branch = torch.randn(2, 1, 6, 8, 16, generator=generator, dtype=dtype)
    return logits.requires_grad_(), target, branch.requires_grad_()


def mixture(expression: str) -> MixtureLoss:
    return MixtureLoss(Mixture.model_validate(expression), NAMES, None)


def band(target: Tensor, region: str, radius: float) -> Tensor:
    given = maps.compute(["signed_distance"], target, 3)
    batch = Batch(torch.zeros(len(target), 3, *target.shape[1:]), target, given)
    return BoundaryBranch(3, region=region, radius=radius).target(batch)


def test_every_loss_of_an_output_stands_here() -> None:
    assert AUXILIARY == ["boundary_branch"]


@pytest.mark.parametrize("expression", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_value_is_finite_and_its_gradient_is_on_the_output_only(expression: str, dtype: torch.dtype) -> None:
    logits, target, branch = two_blocks()
    half = branch.detach().to(dtype).requires_grad_()
    for size in (0.0, 1.0, 1e4):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value, _ = mixture(expression)(logits, target, auxiliary={"boundary": size * half})
        gradient, on_logits = torch.autograd.grad(value, [half, logits], allow_unused=True)
        assert value.isfinite()
        assert value >= 0
        assert gradient.isfinite().all()
        assert on_logits is None


@pytest.mark.parametrize("expression", CASES)
def test_gradient_is_that_of_the_value(expression: str) -> None:
    logits, target, branch = two_blocks(dtype=torch.float64)
    part = (slice(None), slice(None), slice(0, 3), slice(0, 3), slice(4, 12))
    loss, given = mixture(expression), branch.detach()[part].clone().requires_grad_()
    part_of_target = target[:, 0:3, 0:3, 4:12]
    assert torch.autograd.gradcheck(
        lambda x: loss(logits.detach()[part], part_of_target, auxiliary={"boundary": x})[0], given
    )


@pytest.mark.parametrize("expression", CASES)
def test_the_band_itself_is_the_minimum(expression: str) -> None:
    logits, target, branch = two_blocks()
    term = Mixture.model_validate(expression).terms[0].parameters
    truth = band(target, term.get("region", "surface"), term.get("radius", 2.0))
    perfect = 60.0 * truth[:, None] - 30
    best = mixture(expression)(logits, target, auxiliary={"boundary": perfect})[0]
    assert 0 <= best < 1e-4
    assert mixture(expression)(logits, target, auxiliary={"boundary": perfect.roll(1, -1)})[0] > best + 0.1
    assert mixture(expression)(logits, target, auxiliary={"boundary": perfect + branch.detach()})[0] >= best


def test_an_image_without_objects_has_no_band() -> None:
    for target in (torch.zeros(1, 4, 5, 6, dtype=torch.int64), torch.ones(1, 4, 5, 6, dtype=torch.int64)):
        assert not band(target, "surface", 2.0).any()
        value, _ = mixture("boundary_branch")(
            torch.zeros(1, 3, 4, 5, 6), target, auxiliary={"boundary": torch.full((1, 1, 4, 5, 6), -20.0)}
        )
        assert 0 <= value < 1e-6


def test_surface_is_a_band_of_the_radius_on_either_side() -> None:
    target = torch.zeros(1, 1, 3, 20, dtype=torch.int64)
    target[..., 8:] = 1
    found = band(target, "surface", 3.0)[0, 0, 1]
    assert found.nonzero().flatten().tolist() == [5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize(("gap", "radius", "wide"), [(2, 2.0, 2), (2, 1.0, 0), (0, 1.0, 2), (4, 3.0, 2)])
def test_interface_is_where_two_objects_are_near(gap: int, radius: float, wide: int) -> None:
    """Voxels within r of both: with a gap g they number 2r - g, half a voxel's step inside of each counted as r."""
    _, target, _ = two_blocks(gap)
    found = band(target, "interface", radius)
    assert not found[1].any(), "one object has no interface"
    assert int(found[0, 3, 4].sum()) == wide


def test_a_missing_or_misshapen_output_is_named() -> None:
    logits, target, branch = two_blocks()
    with pytest.raises(ValueError, match="the network gives no output 'boundary'"):
        mixture("0.5*ce + 0.5*boundary_branch")(logits, target)
    with pytest.raises(ValueError, match="does not fit"):
        mixture("boundary_branch")(logits, target, auxiliary={"boundary": branch[..., :-1]})


def test_effective_ratios_count_the_gradient_on_the_output() -> None:
    logits, target, branch = two_blocks()
    loss = mixture("0.5*ce + 0.25*boundary_branch")
    ratios = effective_ratios(loss, logits, target, auxiliary={"boundary": branch})
    values = loss.values(logits, target, auxiliary={"boundary": branch})
    norms = torch.stack(
        [
            torch.autograd.grad(values[0], logits, retain_graph=True)[0].norm(),
            torch.autograd.grad(values[1], branch)[0].norm(),
        ]
    )
    weighted = norms * torch.tensor([0.5, 0.25])
    torch.testing.assert_close(ratios, weighted / weighted.sum())
