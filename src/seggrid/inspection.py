"""Questions about runs, answered from their files: what is done, what defines a run, how two runs differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from seggrid.config.flat import changes, flat
from seggrid.errors import UserError
from seggrid.paths import ExperimentFolder, RunFolder
from seggrid.records import read_status, time_in_training
from seggrid.specification import EnsembleSpec, PlannedRun, RunSpec, is_ensemble, read_any_run, read_plan
from seggrid.training.lease import holder_of


@dataclass(frozen=True)
class RunState:
    """Where one run stands.

    Attributes:
        state: ``planned``, ``running``, ``trained`` (not yet measured), ``done``, ``failed``, or ``stopped`` (by a
            search).
        epochs: epochs trained so far.
        seconds: time spent in training so far.
        reason: why it failed.
        place: where it is being trained.
        on_gpu: whether it was, or is, trained on a GPU; known from its first epoch on.
    """

    run: PlannedRun
    state: str
    epochs: int
    seconds: float
    reason: str = ""
    place: str = ""
    on_gpu: bool = False


def run_state(run: PlannedRun) -> RunState:
    """Look where a run stands; works while it is being trained."""
    folder = RunFolder(run.run_id)
    status = read_status(folder)
    if status is not None:
        measured = folder.evaluation(run.eval_id).cases.is_file()
        state = "failed" if status.state == "failed" else "done" if measured else "trained"
        return RunState(run, state, status.epochs, status.seconds, status.reason or "", on_gpu=_is_gpu(status.device))
    epochs, seconds, device = time_in_training(folder)
    on_gpu = _is_gpu(device)
    holder = holder_of(folder.lease)
    if holder is None:
        return RunState(run, "stopped" if run.stopped else "planned", epochs, seconds, on_gpu=on_gpu)
    job = f", Slurm job {holder['job']}" if holder.get("job") else ""
    return RunState(run, "running", epochs, seconds, place=f"on {holder['host']}{job}", on_gpu=on_gpu)


def _is_gpu(device: str | None) -> bool:
    return (device or "").startswith("cuda")


def status_table(experiment: str) -> str:
    """Count the runs of an experiment by state, with the time spent and an estimate of the time left."""
    states = [run_state(run) for run in read_plan(experiment, with_stopped=True)]
    count = Counter(state.state for state in states)
    lines = [f"{experiment}: {len(states)} runs"]
    shown = ["done", "trained", "running", "planned", "failed", *(["stopped"] if count["stopped"] else [])]
    lines += [f"  {name:<8} {count[name]:>6}" for name in shown]
    lines.append(_times(states))
    lines += [f"failed: {state.run.run_id}: {state.reason}" for state in states if state.state == "failed"]
    lines += [f"running: {s.run.run_id}: epoch {s.epochs}, {s.place}" for s in states if s.state == "running"]
    return "\n".join(lines)


def _times(states: list[RunState]) -> str:
    """Time spent and left, with the part of it on GPUs; what runs will take is the mean of those that have ended."""
    # What an ensemble costs is what its members cost, which stand among the others.
    states = [state for state in states if not is_ensemble(state.run.run_id)]
    ended = [state for state in states if state.state in ("done", "trained")]
    text = f"training time spent {_hours(sum(state.seconds for state in states))}"
    gpu = sum(state.seconds for state in states if state.on_gpu)
    if gpu:
        text += f" ({_hours(gpu)} of it on GPUs)"
    still = [state for state in states if state.state in ("planned", "running")]
    if not still or not ended:
        return text
    mean = sum(state.seconds for state in ended) / len(ended)
    left = sum(max(mean - state.seconds, 0) for state in still)
    where = " of GPU time" if all(state.on_gpu for state in ended) else ""
    basis = f"for one job at a time, from the mean of {len(ended)} finished runs"
    return f"{text}, about {_hours(left)}{where} left ({basis})"


def _hours(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {rest:02d} s"


def runs_of(target: str) -> list[str]:
    """Return the runs of an experiment, or the one run of that name.

    Raises:
        UserError: neither exists.
    """
    if ExperimentFolder(target).plan.is_file():
        return [run.run_id for run in read_plan(target)]
    if RunFolder(target).spec.is_file():
        return [target]
    raise UserError(f"{target}: neither a planned experiment nor a run; see results/experiments and results/runs")


def why(run_id: str) -> str:
    """Say what defines a run: everything that was hashed to its identity, then the defaults it relies on."""
    spec = read_any_run(run_id)
    lines = [run_id, "", "defined by (what differs from the defaults, and versions)"]
    lines += [f"  {key:<42} {value}" for key, value in flat(spec.identity)]
    lines += ["", "complete specification"]
    lines += [f"  {key:<42} {value}" for key, value in _complete(spec)]
    return "\n".join(lines)


def diff(first: str, second: str) -> str:
    """Say in which fields two runs differ; fields outside of identity are marked.

    A version that was bumped between the two stands in no field; what was hashed is compared as well.
    """
    runs = [read_any_run(run) for run in (first, second)]
    changed = changes(*(dict(_complete(run)) for run in runs))
    hashed = changes(*(dict(flat(run.identity)) for run in runs))
    outside = set(_outside(RunSpec))
    lines = [f"a  {first}", f"b  {second}"]
    for key, (left, right) in changed.items():
        mark = "  (changes no number)" if key in outside else ""
        lines.append(f"{key:<42} {left}  ->  {right}{mark}")
    # The digests of data and parent say nothing that data_id and parent do not.
    for key in sorted(hashed.keys() - changed.keys() - {"data", "parent"}):
        lines.append(f"{f'identity.{key}':<42} {hashed[key][0]}  ->  {hashed[key][1]}")
    if not hashed:
        lines.append("the same identity: none of these fields changes a number" if changed else "the same run")
    return "\n".join(lines)


def _outside(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("identity") is False:
            yield prefix + name
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _outside(field.annotation, f"{prefix}{name}.")


def _complete(spec: RunSpec | EnsembleSpec) -> Iterator[tuple[str, Any]]:
    yield from flat(spec.model_dump(mode="json", exclude={"run_id", "identity"}))
