"""The track stage: finished runs into MLflow, the winner into its model registry."""

from __future__ import annotations

from seggrid.paths import ExperimentFolder
from seggrid.records import to_json, write_if_changed
from seggrid.scoring.grid import Grid, read_grid
from seggrid.tracking.champion import Champion, choose_champion, winner_tags
from seggrid.tracking.children import Imported, import_runs
from seggrid.tracking.finished import finished_runs
from seggrid.tracking.parent import find_parent, finish_parent
from seggrid.tracking.registry import ALIAS, register
from seggrid.tracking.store import find_experiment, open_store, tracking_uri


def track(experiment: str) -> str:
    """Import the finished runs of a scored experiment, register its champion, and return a summary.

    Run again it adds what is new. ``tracked.json`` is written last.

    Raises:
        UserError: the experiment was not planned or scored, a file is damaged, the store cannot be used, or the
            champion's refit failed.
    """
    grid = read_grid(experiment)
    settings = grid.experiment.tracking
    tags = winner_tags(grid)
    finished = finished_runs(grid)
    with open_store(settings) as client:
        experiment_id = find_experiment(client, experiment, local=settings.uri is None)
        parent_id = find_parent(client, experiment_id, grid)
        imported = import_runs(client, experiment_id, parent_id, finished)
        finish_parent(client, parent_id, grid, tags)
    # Outside the lock, for a refit trains a network.
    champion = choose_champion(grid, finished)
    version = None
    if champion is not None:
        with open_store(settings) as client:
            version = register(client, experiment_id, parent_id, experiment, champion)
    uri = tracking_uri(settings)
    record = {
        "uri": uri,
        "experiment_id": experiment_id,
        "parent_run_id": parent_id,
        "runs": imported.runs,
        "model": experiment if version else None,
        "version": version,
    }
    write_if_changed(ExperimentFolder(experiment).tracked, to_json(record))
    return _summary(grid, imported, champion, version, uri)


def _summary(grid: Grid, imported: Imported, champion: Champion | None, version: int | None, uri: str) -> str:
    name = grid.experiment.name
    waiting = len(grid.runs) - len(imported.runs)
    lines = [
        f"{name}: {len(imported.runs)} runs in MLflow, {imported.added} of them new"
        + (f", {waiting} not finished" if waiting else ""),
    ]
    if champion is None:
        lines.append("no champion: no candidate has all its runs yet")
    else:
        tags = champion.tags
        lines.append(
            f"models:/{name}@{ALIAS} is version {version}: {tags['seggrid.network']}, {tags['seggrid.mixture']} "
            f"({tags['seggrid.register']}, networks: {len(champion.members)}), "
            f"candidate on test: O {tags['seggrid.candidate_test_overlap']}, "
            f"D {tags['seggrid.candidate_test_distance']}"
        )
        if tags["seggrid.winner_test"] != tags["seggrid.winner_val"]:
            lines.append(f"chosen on validation; on test {tags['seggrid.winner_test']} comes first")
    lines.append(f"look: mlflow ui --backend-store-uri {uri}")
    return "\n".join(lines)
