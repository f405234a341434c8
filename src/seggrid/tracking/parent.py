"""The MLflow run of an experiment, which its runs are nested in."""

from __future__ import annotations

from mlflow import MlflowClient
from mlflow.entities import RunTag
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from seggrid.config import Experiment
from seggrid.config.base import identity
from seggrid.paths import ExperimentFolder
from seggrid.records import digest
from seggrid.scoring.grid import Grid
from seggrid.tracking.children import log_params
from seggrid.tracking.names import flatten


def find_parent(client: MlflowClient, experiment_id: str, grid: Grid) -> str:
    """Return the id of the experiment's own run, created where there is none.

    MLflow's parameters are final, so what a growing grid changes stands in tags, and an experiment whose settings
    were changed under its old name gets a new run.
    """
    experiment = grid.experiment
    data_id = grid.runs[0].planned.data_id
    settings = digest(
        [data_id, *(identity(part) for part in (experiment.training, experiment.evaluation, experiment.scoring))]
    )
    found = client.search_runs([experiment_id], f"tags.`seggrid.settings` = '{settings}'", max_results=1)
    tags = {"seggrid.settings": settings, "seggrid.data_id": data_id}
    parent = found[0] if found else client.create_run(experiment_id, None, tags, experiment.name)
    # What a killed import has logged stays as it is.
    log_params(client, parent, {"data_id": data_id, **_summary(experiment)})
    return str(parent.info.run_id)


def _summary(experiment: Experiment) -> dict[str, str]:
    settings = experiment.model_dump(
        mode="json",
        by_alias=True,
        include={"splits", "training", "evaluation", "scoring"},
    )
    steps = [{step.name: step.parameters} if step.parameters else step.name for step in experiment.preprocessing]
    return flatten({"data": {"source": experiment.data.source}, "preprocessing": steps, **settings})


def finish_parent(client: MlflowClient, parent_id: str, grid: Grid, tags: dict[str, str]) -> None:
    """Keep the tables as artifacts, say how far the grid is, and end the run."""
    plan = [run.planned for run in grid.runs]
    counts = {
        "networks": len({run.network for run in plan}),
        "mixtures": len({run.loss for run in plan}),
        "folds": len({run.fold for run in plan}),
        "seeds": len({run.seed for run in plan}),
    }
    tags = {
        **tags,
        MLFLOW_RUN_NOTE: grid.experiment.description,
        "seggrid.register": grid.experiment.tracking.register_as,
        "seggrid.grid": " x ".join(f"{number} {name}" for name, number in counts.items()),
        "seggrid.runs": ", ".join(f"{number} {state}" for state, number in sorted(grid.states().items())),
    }
    client.log_batch(parent_id, tags=[RunTag(key, value) for key, value in tags.items()])
    folder = ExperimentFolder(grid.experiment.name)
    for path in (folder.plan, folder.latest_ranking, folder.scores, folder.report):
        if path.is_file():
            client.log_artifact(parent_id, str(path))
    client.set_terminated(parent_id)
