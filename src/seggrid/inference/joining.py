"""The ensemble stage: join trained runs to one that is measured like any other."""

from __future__ import annotations

from collections.abc import Sequence

from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.inference.device import choose_device, use_deterministic_kernels
from seggrid.inference.ensemble import load_predictors
from seggrid.inference.gpu_lease import leased
from seggrid.inference.learning import learn_weights
from seggrid.inference.members import LearnedWeights, networks_of
from seggrid.paths import DataFolder, RunFolder
from seggrid.provenance import environment
from seggrid.records import ABANDONED_SECONDS, RunStatus, read_status, sweep_parts, write_json
from seggrid.specification import EnsembleSpec, read_ensemble


def make_ensemble(run_id: str, device: str | None = None) -> RunStatus:
    """Join the members of an ensemble: write ``weights.json``, ``env.json`` and ``status.json``.

    Same members, same bytes, but for ``env.json``. What the members cost, in parameters and time, is what it costs. A
    failed member makes it fail.

    Args:
        device: replaces the device of the members' training.

    Raises:
        UserError: the run is no ensemble, a member is not trained yet, or the data set or the device is not here.
    """
    spec = read_ensemble(run_id)
    folder = RunFolder(run_id)
    members = [_status(member) for member in spec.members]
    sweep_parts(folder.folder, ABANDONED_SECONDS)
    failed = next((member for member in members if member.state == "failed"), None)
    if failed is not None:
        reason = f"member {failed.run_id} failed: {failed.reason}; run `seggrid retry {failed.run_id}` first"
        status = RunStatus(run_id=run_id, state="failed", reason=reason)
    else:
        write_json(folder.weights, _weights(spec, device).model_dump(mode="json"))
        write_json(folder.environment, environment())
        status = _joined(spec, members)
    write_json(folder.status, status.model_dump(mode="json"))
    return status


def _status(member: str) -> RunStatus:
    status = read_status(RunFolder(member))
    if status is None:
        raise UserError(f"{RunFolder(member).status}: no such file; run `seggrid train {member}` first")
    return status


def _joined(spec: EnsembleSpec, members: Sequence[RunStatus]) -> RunStatus:
    parameters = [member.parameters for member in members if member.parameters is not None]
    return RunStatus(
        run_id=spec.run_id,
        state="completed",
        parameters=sum(parameters) if parameters else None,
        device=members[0].device,
        seconds=sum(member.seconds for member in members),
        step_seconds=sum(member.step_seconds for member in members),
    )


def _weights(spec: EnsembleSpec, device: str | None) -> LearnedWeights:
    store = Store.open(DataFolder(spec.data_id))
    classes = ("background", *store.class_names)
    even = ((1 / len(spec.members),) * len(classes),) * len(spec.members)
    found = LearnedWeights(members=spec.members, classes=classes, weights=even)
    cases = store.fold(spec.fold).val
    if spec.weights == "mean" or not cases:
        return found
    networks, _ = networks_of([spec.model_copy(update={"weights": "mean"})])
    with leased(choose_device(device or spec.training.device)) as chosen:
        use_deterministic_kernels(spec.training.deterministic, spec.training.threads)
        predictors = load_predictors(networks, None, store.in_channels, len(classes), chosen)
        fitted = learn_weights(predictors, store, cases, spec.seed)
    if fitted is None:
        return found
    return found.model_copy(
        update={
            "weights": fitted.weights,
            "val_log_likelihood": fitted.log_likelihood,
            "val_log_likelihood_of_mean": fitted.of_mean,
            "steps": fitted.steps,
        }
    )
