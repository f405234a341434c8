"""The child process that trains one run: ``python -m seggrid.training.run RUN DEVICE PARENT [UNTIL]``."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from seggrid.data.device import DeviceStore
from seggrid.data.store import Fold, Store
from seggrid.errors import UserError
from seggrid.inference.device import NoDeviceError, choose_device, use_deterministic_kernels
from seggrid.inference.gpu_lease import leased
from seggrid.losses import MixtureLoss
from seggrid.networks import SegmentationNetwork, build_network, computed_precision, load_weights, place
from seggrid.paths import DataFolder, RunFolder
from seggrid.provenance import environment
from seggrid.records import RunStatus, atomic, to_csv, write_json, write_text
from seggrid.specification import RunSpec, read_run
from seggrid.training.checkpoint import Progress, State, load_checkpoint
from seggrid.training.death import die_with_parent
from seggrid.training.exit_status import ExitStatus, is_disk_full
from seggrid.training.loop import DivergedError, Job, fit
from seggrid.training.optimiser import build_optimiser
from seggrid.training.progress import ProgressDisplay, log_to
from seggrid.training.seeding import Stream, seed_of

logger = logging.getLogger("seggrid.training")


def train(spec: RunSpec, device_name: str, until: int | None = None) -> RunStatus | None:
    """Train one run from its latest checkpoint, or from its start; write weights, history and environment.

    Args:
        until: epochs after which it is paused.

    Returns:
        ``None`` where it was paused.

    Raises:
        UserError: the data set, the network or the initial weights do not fit the specification, or the device is
            not here.
        DivergedError: the loss became infinite or NaN.
    """
    with leased(choose_device(device_name)) as device:
        return _train_on(device, spec, until)


def _train_on(device: torch.device, spec: RunSpec, until: int | None) -> RunStatus | None:
    folder = RunFolder(spec.run_id)
    use_deterministic_kernels(spec.training.deterministic, spec.training.threads)
    store = Store.open(DataFolder(spec.data_id))
    fold = store.fold(spec.fold)
    state = initial_state(spec, store, device)
    resumed = load_checkpoint(folder.checkpoints, spec.run_id, state)
    with ProgressDisplay(spec, state.progress.history, str(device)) as progress:
        logger.info("on %s, %s", device, f"resumed from {resumed.name}" if resumed else "from the start")
        _note_precision(state.progress, spec.training.precision, device)
        job = prepare(spec, store, fold, device, folder.checkpoints, progress)
        ended = fit(job, state, until)
    return _finish(folder, spec, state, device) if ended else None


def _note_precision(progress: Progress, wanted: str, device: torch.device) -> None:
    precision = computed_precision(wanted, device)
    if precision not in progress.precisions:
        progress.precisions.append(precision)
    if precision != wanted:
        kind = "processor" if device.type == "cpu" else "GPU"
        logger.info("computed in %s: this %s has no instructions for %s", precision, kind, wanted)


def initial_state(spec: RunSpec, store: Store, device: torch.device) -> State:
    """Build the network with the run's own seed, its parent's weights where it has one, and the optimiser."""
    settings = spec.training
    _refuse_other_axes(spec, len(store.cases[0].shape))
    torch.manual_seed(seed_of(spec.seed, 0, Stream.INITIALISATION))
    network = build_network(spec.network, store.in_channels, len(store.class_names) + 1, settings.patch_size)
    _refuse_small_patches(spec, network)
    _start_from_parent(spec, network)
    scaler = torch.amp.GradScaler(device.type, enabled=computed_precision(settings.precision, device) == "fp16")
    placed = place(network, device, settings.channels_last)
    return State(placed, build_optimiser(settings.optimiser, placed), scaler)


def _refuse_other_axes(spec: RunSpec, axes: int) -> None:
    settings, taken = spec.training, spec.network.axes
    if axes not in taken:
        kind = "volumes" if axes == 3 else f"images of {axes} axes"
        raise UserError(
            f"networks.{spec.network.name}: takes images of {' or '.join(map(str, taken))} axes, but data set "
            f"{spec.data_id} holds {kind}; choose another network"
        )
    flips = settings.augmentation.flip if settings.augmentation else None
    if flips and len(flips) > axes:
        raise UserError(f"training.augmentation.flip: {list(flips)} has more values than the images have axes")
    if settings.patch_size and len(settings.patch_size) != axes:
        raise UserError(f"training.patch_size: {list(settings.patch_size)} needs one side for each axis of the images")


def _refuse_small_patches(spec: RunSpec, network: SegmentationNetwork) -> None:
    """Volumes only: what is normalised over a single element is nothing."""
    patch, stride = spec.training.patch_size, network.stride
    if patch is None or len(patch) != 3 or stride == tuple(patch):
        return
    strides = (stride,) * 3 if isinstance(stride, int) else stride
    if all(side <= step for side, step in zip(patch, strides, strict=True)):
        raise UserError(
            f"training.patch_size: {list(patch)} leaves a single element on the deepest level of "
            f"{spec.network.name}, which halves to {' x '.join(map(str, strides))}; use larger patches"
        )


def prepare(
    spec: RunSpec,
    store: Store,
    fold: Fold,
    device: torch.device,
    checkpoints: Path | None,
    progress: ProgressDisplay,
) -> Job:
    """Put the cases on the device and build the mixture with the class areas of the training cases."""
    areas = torch.from_numpy(store.class_areas(fold.train)).to(device)
    settings, spacing = spec.training, store.spacing_ratio(fold.train)
    return Job(
        run_id=spec.run_id,
        seed=spec.seed,
        training=settings,
        loss=MixtureLoss(spec.mixture, store.class_names, areas).to(device),
        train=DeviceStore(store, fold.train, device, settings.patch_size, settings.patch_sampling, spacing),
        validation=DeviceStore(store, fold.val, device) if fold.val else None,
        class_names=store.class_names,
        spacing=spacing,
        device=device,
        checkpoints=checkpoints,
        report=progress.report,
    )


def _start_from_parent(spec: RunSpec, network: SegmentationNetwork) -> None:
    if spec.parent is None:
        return
    path = spec.parent.file or RunFolder(str(spec.parent.run_id)).model
    if not path.is_file():
        raise UserError(f"training.init_from: {path} does not exist; train its run first")
    left, share = load_weights(network, load_file(path), origin=f"training.init_from: {path}", required_share=0.5)
    logger.info("%.0f %% of the tensors start from %s%s", 100 * share, path, f", not {left}" if left else "")


def _finish(folder: RunFolder, spec: RunSpec, state: State, device: torch.device) -> RunStatus:
    progress = state.progress
    best = state.best if spec.training.select == "best" and state.best is not None else state.network.state_dict()
    if not all(value.isfinite().all() for value in best.values()):
        # By the very last step: any earlier one shows in the loss of the next.
        raise DivergedError("the weights are no longer finite after the last epoch; lower the learning rate")
    with atomic(folder.model) as temporary:
        # By way of Python's file, so that a full disk is Python's error with its number.
        temporary.write_bytes(save({name: value.cpu().contiguous() for name, value in best.items()}))
    columns = tuple(dict.fromkeys(name for row in progress.history for name in row))
    write_text(folder.history, to_csv(columns, ([row.get(name) for name in columns] for row in progress.history)))
    write_json(folder.environment, environment(device) | {"precision": " and ".join(progress.precisions)})
    kept = progress.best_epoch if spec.training.select == "best" else progress.epoch
    kept_row = next((row for row in progress.history if row["epoch"] == kept), {})
    status = RunStatus(
        run_id=spec.run_id,
        state="completed",
        epochs=progress.epoch,
        best_epoch=kept,
        best_dice=kept_row.get("val_dice"),
        parameters=sum(p.numel() for p in state.network.parameters() if p.requires_grad),
        device=str(device),
        seconds=sum(row["seconds"] for row in progress.history),
        step_seconds=sum(row["step_seconds"] for row in progress.history),
    )
    write_json(folder.finished, status.model_dump(mode="json"))
    return status


def _reason(error: BaseException) -> str:
    if isinstance(error, DivergedError | UserError):
        return str(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error):
        return "out of memory; use a smaller batch_size, patch_size or network"
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
    if "use_deterministic_algorithms" in str(error):
        return f"{reason}; set training.deterministic: false for this network"
    return reason


def main(run_id: str, device: str, parent: int, until: int | None = None) -> int:
    """Train one run; return the exit status that the process ``parent`` reads."""
    die_with_parent(parent)
    folder = RunFolder(run_id)
    folder.checkpoints.mkdir(parents=True, exist_ok=True)
    try:
        with log_to(folder.log):
            status = train(read_run(run_id), device, until)
    except Exception as error:  # whatever ends a run is its status, and the grid goes on
        return _end(folder, error)
    return ExitStatus.PAUSED if status is None else 0


def _end(folder: RunFolder, error: Exception) -> ExitStatus:
    """Write down why a training ended, as far as anything can be written."""
    try:
        write_json(folder.failure, {"reason": _reason(error), "traceback": traceback.format_exc()})
        with folder.log.open("a", encoding="utf-8") as log:
            traceback.print_exc(file=log)
    except OSError as unwritten:
        error = unwritten
    if is_disk_full(error):
        return ExitStatus.DISK_FULL
    if isinstance(error, DivergedError):
        return ExitStatus.DIVERGED
    return ExitStatus.NO_DEVICE if isinstance(error, NoDeviceError) else ExitStatus.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], *(int(word) for word in sys.argv[3:])))
