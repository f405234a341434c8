"""Boundary loss by hand."""

import torch

from seggrid.losses import maps
from seggrid.losses.boundary import Boundary


def test_mean_over_objects_and_pixels() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 6, 7, generator=generator, dtype=torch.float64)
    target = torch.randint(0, 3, (2, 6, 7), generator=generator)
    given = maps.compute(["signed_distance"], target, 3)
    expected = (logits.softmax(1) * given["signed_distance"])[:, 1:].mean()
    torch.testing.assert_close(Boundary(3)(logits, target, given), expected)


def test_image_without_boundary_gives_no_gradient() -> None:
    logits = torch.randn(2, 3, 6, 7, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target = torch.zeros(2, 6, 7, dtype=torch.int64)
    target[1] = 2
    loss = Boundary(3)(logits, target, maps.compute(["signed_distance"], target, 3))
    assert loss == 0
    assert (torch.autograd.grad(loss, logits)[0] == 0).all()
