"""Checkpoints survive kills and damage."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from torch import nn

from seggrid.errors import UserError
from seggrid.training.checkpoint import Progress, State, load_checkpoint, save_checkpoint


def make_state(seed: int = 0) -> State:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    return State(network, torch.optim.AdamW(network.parameters()), torch.amp.GradScaler("cpu", enabled=False))


def advance(state: State) -> None:
    """One step, so that weights, running statistics and moments differ from epoch to epoch."""
    state.network(torch.randn(2, 1, 8, 8)).square().mean().backward()
    state.optimiser.step()
    state.progress.epoch += 1
    state.progress.history.append({"epoch": state.progress.epoch, "loss": 0.5})


def saved_epochs(folder: Path, count: int) -> State:
    state = make_state()
    for _ in range(count):
        advance(state)
        save_checkpoint(folder, "run", state)
    return state


def test_everything_comes_back(tmp_path: Path) -> None:
    state = saved_epochs(tmp_path, 2)
    state.best = {name: value.clone() for name, value in state.network.state_dict().items()}
    state.progress.best_dice, state.progress.best_epoch = 0.75, 2
    save_checkpoint(tmp_path, "run", state)
    other = make_state(seed=1)
    assert load_checkpoint(tmp_path, "run", other) is not None
    assert other.progress == state.progress
    assert other.best is not None
    for name, value in state.network.state_dict().items():
        assert torch.equal(other.network.state_dict()[name], value)
        assert torch.equal(other.best[name], state.best[name])
    for ours, theirs in zip(state.optimiser.state.values(), other.optimiser.state.values(), strict=True):
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize(("before", "after"), [(False, True), (True, False)])
def test_fp16_goes_on_where_it_was_computed_as_fp32_and_the_reverse(tmp_path: Path, before: bool, after: bool) -> None:
    first, second = make_state(), make_state(seed=1)
    first.scaler = torch.amp.GradScaler("cpu", enabled=before)
    second.scaler = torch.amp.GradScaler("cpu", enabled=after)
    save_checkpoint(tmp_path, "run", first)
    assert load_checkpoint(tmp_path, "run", second) is not None
    assert torch.equal(next(second.network.parameters()), next(first.network.parameters()))


def test_the_two_latest_are_kept(tmp_path: Path) -> None:
    saved_epochs(tmp_path, 5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-000004.pt", "epoch-000005.pt"]


def test_no_checkpoint_is_a_fresh_start(tmp_path: Path) -> None:
    state = make_state()
    assert load_checkpoint(tmp_path, "run", state) is None
    assert state.progress == Progress()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_one_falls_back_to_the_one_before(tmp_path: Path, share: float) -> None:
    saved_epochs(tmp_path, 3)
    latest = tmp_path / "epoch-000003.pt"
    content = latest.read_bytes()
    latest.write_bytes(content[: int(share * len(content))])
    state = make_state(seed=1)
    path = load_checkpoint(tmp_path, "run", state)
    assert path is not None
    assert path.name == "epoch-000002.pt"
    assert state.progress.epoch == 2
    assert not latest.exists()


def test_all_damaged_is_a_fresh_start(tmp_path: Path) -> None:
    saved_epochs(tmp_path, 2)
    for path in tmp_path.iterdir():
        path.write_bytes(b"not a checkpoint")
    state = make_state()
    assert load_checkpoint(tmp_path, "run", state) is None


def test_a_half_written_one_is_swept_away(tmp_path: Path) -> None:
    saved_epochs(tmp_path, 1)
    part = tmp_path / ".epoch-000002.pt.abc.part"
    part.write_bytes(b"half")
    load_checkpoint(tmp_path, "run", make_state())
    assert not part.exists()


def test_the_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    saved_epochs(tmp_path, 1)
    with pytest.raises(UserError, match="belongs to run run; delete"):
        load_checkpoint(tmp_path, "other", make_state())


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (str(tmp_path / "ran"),)

    torch.save({"progress": Evil()}, tmp_path / "epoch-000001.pt")
    assert load_checkpoint(tmp_path, "run", make_state()) is None
    assert not (tmp_path / "ran").exists()


def test_a_full_memory_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved_epochs(tmp_path, 2)

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("no memory left")

    monkeypatch.setattr(torch, "load", full)
    with pytest.raises(torch.OutOfMemoryError):
        load_checkpoint(tmp_path, "run", make_state())
    assert len(list(tmp_path.glob("epoch-*.pt"))) == 2


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_are_damage(tmp_path: Path, seed: int) -> None:
    (tmp_path / "epoch-000001.pt").write_bytes(random.Random(seed).randbytes(2000))
    assert load_checkpoint(tmp_path, "run", make_state()) is None


def test_a_flipped_byte_of_a_tensor_is_damage(tmp_path: Path) -> None:
    state = saved_epochs(tmp_path, 2)
    weight = next(iter(state.network.state_dict().values())).numpy().tobytes()
    latest = tmp_path / "epoch-000002.pt"
    content = latest.read_bytes()
    assert content.count(weight) == 1
    position = content.index(weight) + 5
    latest.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
    state = make_state(seed=1)
    load_checkpoint(tmp_path, "run", state)
    assert state.progress.epoch == 1
