"""Learning rate and parameter groups."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from seggrid.config.training import Optimiser, Schedule
from seggrid.training.optimiser import build_optimiser, learning_rate


def rates(schedule: Schedule, total: int = 100) -> list[float]:
    return [learning_rate(2.0, schedule, step, total) for step in range(total)]


@pytest.mark.parametrize("name", ["cosine", "poly"])
def test_it_rises_to_the_peak_then_falls_to_nearly_nothing(name: str) -> None:
    values = rates(Schedule(name=name, warmup=0.1))
    assert values[:10] == sorted(values[:10])
    assert max(values) == values[10] == 2.0
    assert values[10:] == sorted(values[10:], reverse=True)
    assert values[-1] < 0.06


def test_half_way_of_a_cosine_is_half_the_peak() -> None:
    assert learning_rate(2.0, Schedule(warmup=0), 50, 100) == pytest.approx(1.0)


def test_poly_is_its_formula() -> None:
    assert learning_rate(2.0, Schedule(name="poly", warmup=0), 25, 100) == pytest.approx(2 * 0.75**0.9)


def test_constant_stays() -> None:
    assert set(rates(Schedule(name="constant", warmup=0))) == {2.0}


def test_warm_up_over_everything_is_allowed() -> None:
    assert max(rates(Schedule(warmup=1.0))) < 2.0


@pytest.mark.parametrize("settings", [Optimiser(), Optimiser(name="sgd"), Optimiser(name="sgd", momentum=0)])
def test_only_weights_are_decayed(settings: Optimiser) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    decayed, others = build_optimiser(settings, network).param_groups
    assert [p.ndim for p in decayed["params"]] == [4]
    assert len(others["params"]) == 3
    assert decayed["weight_decay"] == settings.weight_decay
    assert others["weight_decay"] == 0


def test_a_step_lowers_a_simple_loss() -> None:
    weight = nn.Linear(1, 1)
    optimiser = build_optimiser(Optimiser(learning_rate=0.1), weight)
    before = weight(torch.ones(1)).square().item()
    weight(torch.ones(1)).square().sum().backward()
    optimiser.step()
    assert weight(torch.ones(1)).square().item() < before
