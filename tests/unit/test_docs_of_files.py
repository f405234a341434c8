"""The page on files names the columns, keys and states that the files have."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from seggrid import cli
from seggrid.catalogue import METRICS
from seggrid.inference.evaluate import evaluate
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder
from seggrid.records import RunStatus
from seggrid.scoring.cases import STATUSES
from seggrid.specification import read_plan, read_run
from tests.conftest import TINY, Workplace
from tests.unit.test_docs import DOCS, text_of


def documented(name: str) -> list[str]:
    """The first column of the table under a heading of the page on files."""
    section = re.search(
        rf"^## {re.escape(name)}$(.*?)(?=^## |\Z)", text_of(DOCS / "reference/files.md"), re.MULTILINE | re.DOTALL
    )
    assert section, name
    return re.findall(r"^\| `([^`]+)` \|", section[1], re.MULTILINE)


@pytest.fixture(scope="module")
def finished(preprocessed: Workplace) -> Iterator[Path]:
    """The results folder of one tiny run, trained for an epoch, measured and scored."""
    from seggrid.scoring.stage import score
    from seggrid.training.run import train

    with pytest.MonkeyPatch.context() as patch:
        results = preprocessed.folder.with_name("docs") / "results"
        patch.setenv("SEGGRID_RESULTS", str(results))
        experiment = preprocessed.folder.with_name("docs") / "tiny.yaml"
        experiment.parent.mkdir()
        short = {**TINY["training"], "epochs": 1}
        mixture = TINY["mixtures"][1]
        experiment.write_text(yaml.safe_dump({**TINY, "folds": [0], "mixtures": [mixture], "training": short}))
        assert cli.main(["plan", str(experiment)]) == 0
        (run,) = read_plan("tiny")
        DataFolder(run.data_id).folder.rename(results / "planned")
        DataFolder(run.data_id).folder.symlink_to(DataFolder(run.data_id, preprocessed.results).folder)
        folder = RunFolder(run.run_id)
        folder.checkpoints.mkdir()
        status = train(read_run(run.run_id), "cpu")
        folder.status.write_text(status.model_dump_json())
        evaluate(run.run_id, run.eval_id, "cpu")
        score("tiny")
        yield results


def header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file))


def general(columns: list[str]) -> list[str]:
    """Columns as the page writes them: METRIC, TERM and CLASS for what depends on the experiment."""
    named = []
    for column in columns:
        metric = column.removesuffix("_sd")
        if metric.partition("@")[0] in METRICS:
            named.append("METRIC" + column.removeprefix(metric))
        elif column.startswith(("loss:", "ratio:")):
            named.append(f"{column.partition(':')[0]}:TERM")
        else:
            named.append(re.sub("^dice:.*", "dice:CLASS", column))
    return list(dict.fromkeys(named))


def test_the_columns_of_the_page_are_those_that_a_run_writes(finished: Path) -> None:
    (run,) = read_plan("tiny")
    experiment, folder = ExperimentFolder("tiny"), RunFolder(run.run_id)
    for path in (
        experiment.plan, experiment.cases, experiment.runs, experiment.objects, experiment.ranking,
        folder.history, folder.evaluation(run.eval_id).cases, DataFolder(run.data_id).declared_index,
    ):  # fmt: skip
        assert documented(path.name) == general(header(path)), path.name


def test_the_keys_of_the_page_are_those_of_the_files(finished: Path) -> None:
    assert documented("status.json") == list(RunStatus.model_fields)
    assert sorted(documented("scores.json")) == sorted(json.loads(ExperimentFolder("tiny").scores.read_text()))


def test_every_status_of_a_case_stands_in_the_reference() -> None:
    for page in ("reference/metrics.md", "explanation/empty-masks.md", "reference/files.md"):
        assert set(STATUSES) <= set(re.findall(r"`(\w+)`", text_of(DOCS / page))), page
