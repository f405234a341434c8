"""Where everything lies under ``results/``; the only module that spells these names."""

from __future__ import annotations

import os
from pathlib import Path


def results_root() -> Path:
    """The results folder: ``$SEGGRID_RESULTS``, else ``results`` where the command runs."""
    return Path(os.environ.get("SEGGRID_RESULTS", "results"))


class DataFolder:
    """``results/data/<data_id>``: a preprocessed data set."""

    def __init__(self, data_id: str, root: Path | None = None) -> None:
        self.folder = (root or results_root()) / "data" / data_id
        self.spec = self.folder / "spec.json"
        self.declared_index = self.folder / "index.csv"
        self.kept_index = self.folder / ".index.csv"
        self.splits = self.folder / "splits.json"
        self.card = self.folder / "card.json"
        self.images = self.folder / "images.npy"
        self.labels = self.folder / "labels.npy"
        self.truths = self.folder / "truths.npy"
        self.borders = self.folder / "borders.npy"
        self.originals = self.folder / "originals.npy"

    @property
    def index(self) -> Path:
        """The table of the cases, which says that the data set is complete.

        Snakemake deletes the declared one before a job that makes it starts, also while others train on the data set.
        """
        return self.kept_index if self.kept_index.is_file() else self.declared_index


class RunFolder:
    """``results/runs/<run_id>``: one training run."""

    def __init__(self, run_id: str, root: Path | None = None) -> None:
        self.folder = (root or results_root()) / "runs" / run_id
        self.spec = self.folder / "spec.json"
        self.status = self.folder / "status.json"
        self.model = self.folder / "model.safetensors"
        self.weights = self.folder / "weights.json"
        self.history = self.folder / "history.csv"
        self.environment = self.folder / "env.json"
        self.log = self.folder / "train.log"
        self.checkpoints = self.folder / "ckpt"
        self.lease = self.checkpoints / "lease.json"
        self.live_history = self.checkpoints / "history.csv"
        self.finished = self.checkpoints / "finished.json"
        self.failure = self.checkpoints / "failure.json"

    def evaluation(self, eval_id: str) -> EvaluationFolder:
        """The folder of one evaluation of this run."""
        return EvaluationFolder(self.folder / f"eval-{eval_id}")


class EvaluationFolder:
    """``results/runs/<run_id>/eval-<eval_id>``: the measured masks of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cases = folder / "cases.csv"
        self.unprocessed = folder / "cases_before.csv"
        self.choice = folder / "postprocessing.json"
        self.predictions = folder / "predictions.zip"

    def motion(self, digest: str) -> Path:
        """Measures of the knees in the masks, for one reading of which object is which part."""
        return self.folder / f"motion-{digest}.csv"


class ExperimentFolder:
    """``results/experiments/<name>``: what a whole grid comes to."""

    def __init__(self, name: str, root: Path | None = None) -> None:
        self.folder = (root or results_root()) / "experiments" / name
        self.experiment = self.folder / "experiment.json"
        self.plan = self.folder / "plan.csv"
        self.cases = self.folder / "cases.csv"
        self.runs = self.folder / "runs.csv"
        self.objects = self.folder / "objects.csv"
        self.motion = self.folder / "motion.csv"
        self.motion_errors = self.folder / "motion_errors.csv"
        self.incomplete_ranking = self.folder / "ranking-incomplete.csv"
        self.ranking = self.folder / "ranking.csv"
        self.claims = self.folder / "claims.csv"
        self.summary = self.folder / "ranking.txt"
        self.scores = self.folder / "scores.json"
        self.report = self.folder / "report.html"
        self.refit = self.folder / "refit.json"
        self.tracked = self.folder / "tracked.json"
        self.provenance = self.folder / "provenance.json"
        self.tables = self.folder / "tables"
        self.figures = self.folder / "figures"
        self.manuscript = self.folder / "manuscript"
        self.crate = self.folder / "ro-crate-metadata.json"

    @property
    def latest_ranking(self) -> Path:
        """The ranking of the complete grid, else that of what there is."""
        return self.ranking if self.ranking.is_file() else self.incomplete_ranking

    def withdraw_ranking(self) -> None:
        """Set the ranking aside because the grid is not complete, or no longer; the report stays.

        Snakemake does not miss a run whose ranking is there, and would never train what was lost or cleared.
        """
        if self.ranking.is_file():
            self.ranking.replace(self.incomplete_ranking)
        self.tracked.unlink(missing_ok=True)


class ComparisonFolder:
    """``results/comparisons/<A>+<B>``: two experiments side by side. No name of an experiment holds a plus."""

    def __init__(self, first: str, second: str) -> None:
        self.folder = results_root() / "comparisons" / f"{first}+{second}"
        self.page = self.folder / "compare.html"


class SearchFolder:
    """``results/searches/<experiment>``: the rounds of a search."""

    def __init__(self, experiment: str) -> None:
        self.folder = results_root() / "searches" / experiment
        self.spec = self.folder / "search.json"

    def ask(self, number: int) -> Path:
        """The trials of a round."""
        return self._round(number) / "ask.json"

    def run(self, number: int, rung: int, slot: int, fold: str, seed: int) -> Path:
        """Says that a run is trained up to a rung, or behind the last rung to its end and measured."""
        return self._round(number) / f"rung-{rung}" / f"slot-{slot:02d}" / f"f{fold}-s{seed}.json"

    def rung(self, number: int, rung: int) -> Path:
        """The trials that are trained on."""
        return self._round(number) / f"rung-{rung}.json"

    def trial(self, number: int, trial: int) -> Path:
        """What a trial reached."""
        return self._round(number) / f"trial-{trial:02d}.json"

    def tell(self, number: int) -> Path:
        """Says that all trials of a round are known."""
        return self._round(number) / "tell.json"

    def _round(self, number: int) -> Path:
        return self.folder / f"round-{number:02d}"


def evaluation_file(eval_id: str, root: Path | None = None) -> Path:
    """``results/evaluations/<eval_id>.json``: what an evaluation measures."""
    return (root or results_root()) / "evaluations" / f"{eval_id}.json"


def manifest_cache() -> Path:
    """Content hashes of raw files, kept by size and time of change."""
    return results_root() / "data" / ".hashes.json"


def controllers() -> Path:
    """Records of the Snakemakes that submitted batch jobs."""
    return results_root() / "controllers"


def tracking_store() -> Path:
    """The local MLflow store."""
    return results_root() / "mlflow"
