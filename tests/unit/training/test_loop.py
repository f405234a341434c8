"""The loop: repeatable, resumable, and able to say how it went."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from seggrid.config import Mixture, parse_experiment
from seggrid.config.training import Augmentation, PatchSampling
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.paths import DataFolder, RunFolder
from seggrid.plan import make_plan
from seggrid.specification import RunSpec, read_run
from seggrid.training import run as run_module
from seggrid.training.checkpoint import Progress, State, load_checkpoint
from seggrid.training.loop import DivergedError, Job, fit, sample_positions, step
from seggrid.training.run import initial_state, prepare
from seggrid.training.validation import mean_dice, validation_dice
from tests.conftest import Workplace

CPU = torch.device("cpu")


class Silent:
    """Takes the place of the progress display."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def report(self, row: dict[str, float]) -> None:
        self.rows.append(row)


@pytest.fixture
def prepared(preprocessed: Workplace) -> Callable[..., tuple[Job, State]]:
    """Prepare the mixture run of fold 0: with a folder for checkpoints, another mixture, changed training settings."""
    run = next(r for r in preprocessed.run_ids() if "dual_level" in r and "-f0-" in r)
    spec = RunSpec.model_validate(json.loads((preprocessed.results / "runs" / run / "spec.json").read_text()))
    store = Store.open(DataFolder(spec.data_id, preprocessed.results))

    def make(checkpoints: Path | None = None, mixture: str = spec.mixture.name, **changes: object) -> tuple[Job, State]:
        training = spec.training.model_copy(update=changes)
        changed = spec.model_copy(update={"training": training, "mixture": Mixture.model_validate(mixture)})
        torch.use_deterministic_algorithms(True)
        torch.set_num_threads(1)
        state = initial_state(changed, store, CPU)
        return prepare(changed, store, store.fold(0), CPU, checkpoints, Silent()), state

    return make


def test_a_pause_changes_no_bit(prepared: Callable[..., tuple[Job, State]], tmp_path: Path) -> None:
    job, whole = prepared()
    assert fit(job, whole)
    folder = tmp_path / "ckpt"
    job, first = prepared(folder)
    assert not fit(job, first, until=1)
    assert first.progress.epoch == 1
    job, resumed = prepared(folder)
    assert load_checkpoint(folder, job.run_id, resumed) == folder / "epoch-000001.pt"
    assert fit(job, resumed, until=job.training.epochs), "the last epoch is the end, not a pause"
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))


def weights(state: State) -> list[torch.Tensor]:
    return list(state.network.state_dict().values())


def test_the_same_specification_gives_the_same_bits(prepared: Callable[..., tuple[Job, State]]) -> None:
    results = []
    for _ in range(2):
        job, state = prepared(epochs=2)
        fit(job, state)
        results.append(weights(state))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


SCHEDULED = "rebalance(1, 0.25)*dice + linear(0, 0.75)*boundary"


@pytest.mark.parametrize("mixture", ["0.50*dual_level_ce + 0.25*dice + 0.25*boundary", SCHEDULED])
def test_a_resumed_training_is_the_uninterrupted_one(
    prepared: Callable[..., tuple[Job, State]], tmp_path: Path, mixture: str
) -> None:
    job, straight = prepared(mixture=mixture, epochs=3)
    fit(job, straight)
    job, first = prepared(tmp_path, mixture, epochs=3)
    with pytest.raises(KeyboardInterrupt):
        fit(_interrupted_after(job, epoch=2), first)
    job, second = prepared(tmp_path, mixture, epochs=3)
    path = load_checkpoint(tmp_path, job.run_id, second)
    assert path is not None
    assert second.progress.epoch == 1, "the epoch that was cut short is trained again"
    fit(job, second)
    assert all(torch.equal(a, b) for a, b in zip(weights(straight), weights(second), strict=True))
    timeless = [
        [{key: value for key, value in row.items() if "seconds" not in key} for row in state.progress.history]
        for state in (straight, second)
    ]
    assert timeless[0] == timeless[1]
    assert (straight.progress.best_epoch, straight.progress.best_dice) == (
        second.progress.best_epoch,
        second.progress.best_dice,
    )


def _interrupted_after(job: Job, epoch: int) -> Job:
    def report(row: dict[str, float]) -> None:
        if row["epoch"] == epoch:
            raise KeyboardInterrupt

    return Job(**{**job.__dict__, "report": report})


def test_history_has_terms_and_effective_ratios(prepared: Callable[..., tuple[Job, State]]) -> None:
    job, state = prepared(epochs=2)
    fit(job, state)
    history = pd.DataFrame(state.progress.history)
    names = ["dual_level_ce", "dice", "boundary"]
    assert list(history["epoch"]) == [1, 2]
    total = sum(w * history[f"loss:{n}"] for w, n in zip((0.5, 0.25, 0.25), names, strict=True))
    assert list(total) == pytest.approx(list(history["loss"]), rel=1e-4)
    assert list(history[[f"ratio:{n}" for n in names]].sum(axis=1)) == pytest.approx([1, 1], rel=1e-4)
    assert history["val_dice"].between(0, 1).all()
    assert not [column for column in history if column.startswith("weight:")], "constant weights have no column"


def test_history_has_the_weights_of_a_schedule(prepared: Callable[..., tuple[Job, State]]) -> None:
    job, state = prepared(mixture=SCHEDULED, epochs=3)
    fit(job, state)
    history = pd.DataFrame(state.progress.history)
    assert list(history["weight:dice"]) == [1, 0.75, 0.5]
    assert list(history["weight:boundary"]) == [0, 0.25, 0.5]
    total = sum(history[f"weight:{name}"] * history[f"loss:{name}"] for name in ("dice", "boundary"))
    assert list(total) == pytest.approx(list(history["loss"]), rel=1e-4)
    assert (history["ratio:boundary"][0], history["ratio:dice"][0]) == (0, 1)
    assert history["ratio:boundary"][1] > 0


def test_a_schedule_follows_the_planned_epochs_also_under_early_stopping(
    prepared: Callable[..., tuple[Job, State]],
) -> None:
    from seggrid.config.training import EarlyStopping

    job, state = prepared(mixture="linear(0, 1)*dice", epochs=8, early_stopping=EarlyStopping(patience=2))
    state.progress.best_dice, state.progress.best_epoch = 2.0, 0  # a Dice that no epoch can beat
    fit(job, state)
    assert [row["weight:dice"] for row in state.progress.history] == [0, 0.125]
    assert state.progress.history[0]["loss"] == 0


def test_a_diverged_loss_is_named(prepared: Callable[..., tuple[Job, State]]) -> None:
    job, state = prepared(epochs=2)
    with torch.no_grad():
        next(state.network.parameters()).fill_(torch.nan)
    with pytest.raises(DivergedError, match="nan in epoch 1; lower the learning rate"):
        fit(job, state)


def test_weights_that_the_last_step_broke_are_not_kept(
    make_workplace: Callable[..., Workplace], preprocessed: Workplace
) -> None:
    optimiser = {"name": "sgd", "learning_rate": 1e20, "weight_decay": 1e30}
    training = {"epochs": 1, "steps_per_epoch": 1, "batch_size": 4, "select": "last", "optimiser": optimiser}
    place = make_workplace(mixtures=["ce"], folds=[0], training=training)
    place.seggrid("plan", str(place.experiment))
    place.share_data(preprocessed)
    (run,) = place.run_ids()
    place.seggrid("train", run)
    folder = place.results / "runs" / run
    status = json.loads((folder / "status.json").read_text())
    assert status["state"] == "failed"
    assert status["reason"] == "the weights are no longer finite after the last epoch; lower the learning rate"
    assert not (folder / "model.safetensors").exists()


def test_early_stopping_ends_after_patience(prepared: Callable[..., tuple[Job, State]]) -> None:
    from seggrid.config.training import EarlyStopping

    job, state = prepared(epochs=6, early_stopping=EarlyStopping(patience=2))
    state.progress.best_dice, state.progress.best_epoch = 2.0, 0  # a Dice that no epoch can beat
    fit(job, state)
    assert state.progress.epoch == 2


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("channels_last", [True, False])
def test_every_precision_and_layout_trains(
    prepared: Callable[..., tuple[Job, State]], precision: str, channels_last: bool
) -> None:
    job, state = prepared(epochs=1, precision=precision, channels_last=channels_last)
    fit(job, state)
    assert state.progress.history[0]["loss"] > 0 or state.progress.history[0]["loss:dice"] > 0


def test_patches_train(prepared: Callable[..., tuple[Job, State]]) -> None:
    job, state = prepared(epochs=1, patch_size=(32, 32))
    fit(job, state)
    assert state.progress.epoch == 1


def test_history_tells_the_spread_of_the_gradient(prepared: Callable[..., tuple[Job, State]]) -> None:
    job, state = prepared(epochs=2, steps_per_epoch=3)
    fit(job, state)
    assert all(0 < row["gradient_cv"] < 10 for row in state.progress.history)
    job, state = prepared(epochs=1, steps_per_epoch=1)
    fit(job, state)
    assert "gradient_cv" not in state.progress.history[0], "one step has no spread"


def test_the_norm_is_that_of_the_gradient_on_the_logits(prepared: Callable[..., tuple[Job, State]]) -> None:
    job, state = prepared(precision="fp32")
    images, labels = job.train.batch(torch.arange(2))
    state.network.train()
    torch.manual_seed(0)  # of the dropout
    logits = copy.deepcopy(state.network)(images).detach().requires_grad_()
    job.loss(logits, labels.long(), job.spacing)[0].backward()
    assert logits.grad is not None
    torch.manual_seed(0)
    torch.testing.assert_close(step(job, state, images, labels.long(), 0.0)[0], logits.grad.norm())


def test_patches_are_drawn_where_the_settings_say(prepared: Callable[..., tuple[Job, State]]) -> None:
    job, _ = prepared(patch_size=(8, 8), patch_sampling=PatchSampling(foreground=1.0))
    _, labels = job.train.batch(torch.arange(len(job.train)).repeat(4), torch.Generator().manual_seed(0))
    assert (labels.flatten(1) > 0).any(1).all()


@pytest.mark.parametrize(("cases", "batch", "steps"), [(10, 4, None), (3, 8, None), (5, 2, 7), (1, 1, 1)])
def test_every_batch_is_full_and_every_case_is_seen(cases: int, batch: int, steps: int | None) -> None:
    batches = sample_positions(cases, batch, steps, torch.Generator().manual_seed(0))
    assert {len(positions) for positions in batches} == {batch}
    assert len(batches) == (steps or -(-cases // batch))
    drawn = torch.cat(batches)
    assert set(drawn.tolist()) <= set(range(cases))
    if steps is None:
        assert set(drawn.tolist()) == set(range(cases))


def test_out_of_memory_is_said_in_a_sentence() -> None:
    assert run_module._reason(torch.OutOfMemoryError("x")).startswith("out of memory; use a smaller")


class FixedCases:
    """Two cases of 2 x 2 pixels."""

    uniform = True
    labels = torch.tensor([[[1, 1], [0, 0]], [[1, 0], [0, 0]]], dtype=torch.uint8)

    def __len__(self) -> int:
        return 2

    def batch(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return positions[:, None, None, None].float(), self.labels[positions]


def test_validation_dice_by_hand() -> None:
    """Case 0: one of two pixels found, Dice 2/3; case 1: found exactly, Dice 1; object 2 is nowhere."""
    predicted = torch.tensor([[[1, 0], [0, 0]], [[1, 0], [0, 0]]])

    def predict(images: torch.Tensor) -> torch.Tensor:
        chosen = predicted[images[:, 0, 0, 0].long()]
        return torch.nn.functional.one_hot(chosen, 3).permute(0, 3, 1, 2).float()

    dice = validation_dice(predict, FixedCases(), objects=2, batch_size=1)
    assert dice[0].item() == pytest.approx((2 / 3 + 1) / 2)
    assert dice[1].isnan()
    assert mean_dice(dice) == pytest.approx(5 / 6)


def test_early_stopping_waits_for_a_validation(prepared: Callable[..., tuple[Job, State]]) -> None:
    from seggrid.config.training import EarlyStopping

    job, state = prepared(epochs=6, validate_every=3, early_stopping=EarlyStopping(patience=1))
    fit(job, state)
    assert state.progress.epoch in (3, 6)
    assert sum("val_dice" in row for row in state.progress.history) == state.progress.epoch // 3 >= 1
    assert state.progress.epoch == 6 or state.progress.best_epoch == 3


def test_more_flips_than_axes_are_refused(prepared: Callable[..., tuple[Job, State]]) -> None:
    with pytest.raises(
        UserError, match=r"^training\.augmentation\.flip: \[0.0, 0.0, 0.5\] has more values than the im"
    ):
        prepared(augmentation=Augmentation(flip=(0.0, 0.0, 0.5)))


@pytest.mark.parametrize("best_epoch", [1, 2, 3])
@pytest.mark.parametrize("select", ["best", "last"])
def test_the_dice_in_the_status_is_that_of_the_kept_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, select: str, best_epoch: int
) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    raw = {"name": "x", "data": {"source": "phantom"}, "networks": ["UNet_R18"], "mixtures": ["ce"]}
    plan = make_plan(parse_experiment({**raw, "training": {"epochs": 3, "select": select}}, "x"), [])
    plan.write()
    spec = read_run(plan.runs[0].run_id)
    dice = [0.1, 0.1, 0.1]
    dice[best_epoch - 1] = 0.7
    rows = [{"epoch": n, "val_dice": d, "seconds": 1.0, "step_seconds": 1.0} for n, d in enumerate(dice, start=1)]
    network = torch.nn.Linear(2, 2)
    progress = Progress(epoch=3, best_epoch=best_epoch, best_dice=0.7, history=rows)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    state = State(network, torch.optim.AdamW(network.parameters()), scaler, progress, network.state_dict())
    status = run_module._finish(RunFolder(spec.run_id), spec, state, CPU)
    kept = best_epoch if select == "best" else 3
    assert (status.best_epoch, status.best_dice) == (kept, dice[kept - 1])
