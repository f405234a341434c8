"""The track stage: finished runs into MLflow, the winner into its model registry."""

from __future__ import annotations

from typing import Any

from seggrid.paths import ExperimentFolder
from seggrid.records import to_json, write_if_changed
from seggrid.scoring.grid import Grid, read_grid
from seggrid.tracking.champion import Champion, choose_champion, winner_tags
from seggrid.tracking.finished import finished_runs
from seggrid.tracking.importing import Imported, import_runs
from seggrid.tracking.parent import find_parent, finish_parent
from seggrid.tracking.registry import ALIAS, Registered, register
from seggrid.tracking.store import ServerDownError, find_experiment, is_server, open_store, tracking_uri


def track(experiment: str, force: bool = False) -> str:
    """Import the finished runs of a scored experiment, register its champion, and return a summary.

    Run again it adds what is new. ``tracked.json`` is written last. A server that does not answer is no error.

    Args:
        force: make the winner the champion though another version scores better or cannot be compared with it.

    Raises:
        UserError: the experiment was not planned or scored, a file is damaged, the store cannot be used, or the
            champion was not trained on all cases where it is to be.
    """
    grid = read_grid(experiment)
    uri = tracking_uri(grid.experiment.tracking)
    try:
        record, text = _bring(grid, uri, force)
    except ServerDownError as error:
        # The runs are whole, and the workflow goes on; its next call, or this verb, sends all that is missing.
        record = {"uri": uri, "pending": True}
        text = f"{experiment}: {error}; nothing is lost, call `seggrid track {experiment}` when it does"
    write_if_changed(ExperimentFolder(experiment).tracked, to_json(record))
    return text


def _bring(grid: Grid, uri: str, force: bool) -> tuple[dict[str, Any], str]:
    """Bring the store up to date; return the content of ``tracked.json`` and a summary."""
    experiment, settings = grid.experiment.name, grid.experiment.tracking
    tags = winner_tags(grid)
    finished = finished_runs(grid)
    with open_store(settings) as client:
        experiment_id = find_experiment(client, experiment, local=settings.uri is None)
        parent_id = find_parent(client, experiment_id, grid)
        imported = import_runs(client, experiment_id, parent_id, finished)
        finish_parent(client, parent_id, grid, tags)
    # Outside the lock, for a refit trains a network.
    champion = choose_champion(grid, finished)
    registered = None
    if champion is not None:
        with open_store(settings) as client:
            registered = register(client, experiment_id, parent_id, experiment, champion, force)
    record = {
        "uri": uri,
        "experiment_id": experiment_id,
        "parent_run_id": parent_id,
        "runs": imported.runs,
        "model": experiment if registered else None,
        "version": registered.version if registered else None,
        "champion": registered.holder if registered else None,
    }
    return record, _summary(grid, imported, champion, registered, uri)


def _summary(grid: Grid, imported: Imported, champion: Champion | None, registered: Registered | None, uri: str) -> str:
    name = grid.experiment.name
    waiting = len(grid.runs) - len(imported.runs)
    lines = [
        f"{name}: {len(imported.runs)} runs in MLflow, {imported.added} of them new"
        + (f", {waiting} not finished" if waiting else ""),
    ]
    if champion is None or registered is None:
        lines.append("no champion: no candidate has all its runs yet")
    else:
        tags = champion.tags
        lines.append(
            f"{_place(name, registered)}: {tags['seggrid.network']}, {tags['seggrid.mixture']} "
            f"({tags['seggrid.register']}, networks: {len(champion.members)}), "
            f"candidate on test: O {tags['seggrid.candidate_test_overlap']}, "
            f"D {tags['seggrid.candidate_test_distance']}"
        )
        if registered.holder != registered.version:
            lines.append(
                f"models:/{name}@{ALIAS} stays version {registered.holder}: {registered.hindrance}; "
                f"`seggrid track --force {name}` moves it"
            )
        if tags["seggrid.winner_test"] != tags["seggrid.winner_val"]:
            lines.append(f"chosen on validation; on test {tags['seggrid.winner_test']} comes first")
    lines.append(f"look: {uri}" if is_server(uri) else f"look: mlflow ui --backend-store-uri {uri}")
    return "\n".join(lines)


def _place(name: str, registered: Registered) -> str:
    if registered.holder == registered.version:
        return f"models:/{name}@{ALIAS} is version {registered.version}"
    return f"models:/{name}/{registered.version}"
