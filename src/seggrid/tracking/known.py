"""Which children MLflow has of an experiment.

To list a run with its hundred figures costs a server seven milliseconds. So an import leaves a record of the children
beside the store, and its digest in a tag of the MLflow experiment: while the two agree nothing was imported since, and
only what was deleted or left half is asked for. Otherwise MLflow lists them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from seggrid.errors import UserError
from seggrid.paths import tracking_store
from seggrid.records import digest, read_json, write_json
from seggrid.tracking.children import all_runs

_ENDED = ("FINISHED", "FAILED")
_TAG = "seggrid.imported"
#: MLflow run ids in one filter, which MLflow takes apart word by word.
_IDS = 200


@dataclass(frozen=True)
class Child:
    """The MLflow run of a run.

    Attributes:
        child: its MLflow run id.
        content: digest of what was imported; empty for a live curve.
        parent: MLflow run that it is nested in.
        ended: whether all of it was imported.
    """

    child: str
    run_id: str
    eval_id: str
    content: str
    parent: str
    ended: bool


@dataclass(frozen=True)
class Known:
    """The children, and whether they are those of the record."""

    children: list[Child]
    remembered: bool


def known_children(client: MlflowClient, experiment_id: str) -> Known:
    """Return the children of an experiment that are not deleted, live curves among them."""
    found = _recorded(client, experiment_id)
    if found is None:
        return Known(list(_children(all_runs(client, experiment_id))), remembered=False)
    deleted = _deleted(client, experiment_id, found)
    there = [child for child in found if child.child not in deleted]
    return Known([*there, *unfinished_children(client, experiment_id)], remembered=not deleted)


def unfinished_children(client: MlflowClient, experiment_id: str) -> list[Child]:
    """Return the live curves, and what killed imports and lost answers have left."""
    which = " AND ".join(f"attributes.status != '{name}'" for name in _ENDED)
    return list(_children(all_runs(client, experiment_id, which)))


def forget(client: MlflowClient, experiment_id: str) -> None:
    """Say that the record no longer tells what MLflow holds."""
    client.set_experiment_tag(experiment_id, _TAG, "not known")


def remember(client: MlflowClient, experiment_id: str, children: Sequence[Child]) -> None:
    """Record the children that ended, for the next import."""
    rows = [asdict(child) for child in children if child.ended]
    write_json(_record(client, experiment_id), rows)
    client.set_experiment_tag(experiment_id, _TAG, digest(rows))


def _recorded(client: MlflowClient, experiment_id: str) -> list[Child] | None:
    """The children as the last import left them; ``None`` where another has imported since, or was killed."""
    try:
        rows = read_json(_record(client, experiment_id))
    except UserError:
        return None
    if client.get_experiment(experiment_id).tags.get(_TAG) != digest(rows):
        return None
    return [Child(**row) for row in rows]


def _record(client: MlflowClient, experiment_id: str) -> Path:
    return tracking_store() / f".children-{digest([client.tracking_uri, experiment_id])}.json"


def _deleted(client: MlflowClient, experiment_id: str, children: Sequence[Child]) -> set[str]:
    """Those that were deleted in MLflow; they are imported anew."""
    ids = [child.child for child in children]
    found: set[str] = set()
    for start in range(0, len(ids), _IDS):
        which = ", ".join(f"'{child}'" for child in ids[start : start + _IDS])
        deleted = client.search_runs(
            [experiment_id], f"attributes.run_id IN ({which})", ViewType.DELETED_ONLY, max_results=_IDS
        )
        found.update(run.info.run_id for run in deleted)
    return found


def _children(runs: Iterator[Run]) -> Iterator[Child]:
    for run in runs:
        tags = run.data.tags
        if "seggrid.run_id" in tags:
            yield Child(
                run.info.run_id,
                tags["seggrid.run_id"],
                tags.get("seggrid.eval_id", ""),
                tags.get("seggrid.content", ""),
                tags.get(MLFLOW_PARENT_RUN_ID, ""),
                run.info.status in _ENDED,
            )
