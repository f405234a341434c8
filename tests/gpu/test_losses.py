"""Every loss on a GPU: it never waits for the device, and gives what it gives on a processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from seggrid.catalogue import LOSSES
from seggrid.config import Mixture
from seggrid.losses import MixtureLoss
from seggrid.losses.maps import MAPS
from tests.contracts.test_losses import CASES, CLASSES, SHAPES, Case, degenerate, sample, value_and_gradient
from tests.gpu.device import CUDA, deterministic, without_waiting

#: Terms that read every map there is, and the areas of the training cases.
EVERYTHING = (
    "0.50*dual_level_ce + 0.25*dice + 0.25*boundary + 0.10*region_wise + "
    "0.10*region_wise(map=active_contour) + 0.01*hausdorff_dt + 0.10*fuzzy_rough_dual"
)
AREAS = torch.tensor([700.0, 150.0, 100.0, 50.0], dtype=torch.float64)

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.term.name)
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def on_gpu(logits: Tensor, target: Tensor, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    return logits.detach().to(CUDA, dtype).requires_grad_(), target.to(CUDA)


def assert_same(found: Sequence[Tensor], expected: Sequence[Tensor]) -> None:
    """Compare value and gradient, the gradient relative to its largest entry."""
    value, gradient = (tensor.detach().cpu() for tensor in found)
    torch.testing.assert_close(value, expected[0], rtol=1e-4, atol=1e-6)
    scale = float(expected[1].abs().max())
    torch.testing.assert_close(gradient, expected[1], rtol=1e-3, atol=1e-4 * scale + 1e-12)


@every_case
@every_shape
def test_value_and_gradient_are_those_of_the_processor(case: Case, shape: tuple[int, ...]) -> None:
    logits, target = sample(shape)
    expected = value_and_gradient(case.build(), logits, target, case.maps(logits, target))
    x, y = on_gpu(logits, target)
    loss = case.build().to(CUDA)
    with deterministic(), without_waiting():
        found = value_and_gradient(loss, x, y, case.maps(x, y))
        again = value_and_gradient(loss, x, y, case.maps(x, y))
    assert found[0].dtype == torch.float32
    assert_same(found, expected)
    assert all(map(torch.equal, found, again))


@every_case
def test_no_loss_waits_with_the_fastest_kernels_either(case: Case) -> None:
    x, y = on_gpu(*sample(SHAPES["2-D"]))
    loss = case.build().to(CUDA)
    with without_waiting():
        value, gradient = value_and_gradient(loss, x, y, case.maps(x, y))
    assert value.isfinite()
    assert gradient.isfinite().all()


@every_case
@pytest.mark.parametrize("kind", degenerate())
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_degenerate_input_has_finite_value_and_gradient(case: Case, kind: str, dtype: torch.dtype) -> None:
    target = degenerate()[kind]
    signs = torch.randn(2, CLASSES, *target.shape[1:], generator=torch.Generator().manual_seed(7)).sign()
    for size in (0.0, 1.0, 1e4):
        x, y = on_gpu(size * signs, target, dtype)
        with torch.autocast("cuda", dtype=torch.bfloat16 if dtype == torch.float32 else dtype):
            value, gradient = value_and_gradient(case.build().to(CUDA), x, y, case.maps(x, y))
        assert value.dtype == torch.float32
        assert value.isfinite(), size
        assert gradient.isfinite().all(), size


def mixture(device: torch.device | str) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    names = ("femur", "patella", "tibia")
    return MixtureLoss(Mixture.model_validate(EVERYTHING), names, AREAS.to(device)).to(device)


@every_shape
def test_a_mixture_with_all_maps_never_waits(shape: tuple[int, ...]) -> None:
    assert set(Mixture.model_validate(EVERYTHING).maps) == set(MAPS)
    logits, target = sample(shape)
    spacing = (0.5, 1.25, 0.8)[: len(shape)]
    loss = mixture("cpu")
    total, terms = loss(logits, target, spacing)
    gradient = torch.autograd.grad(total, logits)[0]
    x, y = on_gpu(logits, target)
    loss = mixture(CUDA)
    with deterministic(), without_waiting():
        found, values = loss(x, y, spacing)
        slope = torch.autograd.grad(found, x)[0]
    assert_same((found, slope), (total.detach(), gradient))
    torch.testing.assert_close(values.cpu(), terms, rtol=1e-4, atol=1e-6)


def test_every_loss_of_the_catalogue_is_tried() -> None:
    assert {case.name for case in CASES} == {name for name, row in LOSSES.items() if not row.auxiliary}
