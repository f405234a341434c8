"""The whole workflow with a real Snakemake on the tiny experiment."""

from __future__ import annotations

import csv
import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import TINY, Workplace

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def finished(make_workplace: Callable[..., Workplace]) -> Workplace:
    """The tiny grid with an ensemble, run to its end."""
    both = [str(mixture) for mixture in TINY["mixtures"]]
    place = make_workplace(ensembles=[{"members": both, "weights": "learned", "label": "joined"}])
    place.snakemake()
    return place


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_everything_promised_lies_there(finished: Workplace) -> None:
    folder = finished.results / "experiments" / "tiny"
    for name in ("plan.csv", "cases.csv", "runs.csv", "ranking.csv", "scores.json", "report.html", "tracked.json"):
        assert (folder / name).stat().st_size > 0, name
    runs = rows(folder / "runs.csv")
    assert [run["state"] for run in runs] == ["completed"] * 6
    assert {row["rank"] for row in rows(folder / "ranking.csv")} == {"1", "2", "3"}


def test_an_ensemble_stands_among_the_candidates(finished: Workplace) -> None:
    folder = finished.results / "experiments" / "tiny"
    *alone, joined = sorted(rows(folder / "ranking.csv"), key=lambda row: row["network"] == "ensemble")
    assert (joined["network"], joined["label"]) == ("ensemble", "joined")
    assert float(joined["parameters"]) == sum(float(row["parameters"]) for row in alone)
    assert float(joined["seconds"]) == pytest.approx(sum(float(row["seconds"]) for row in alone))
    weights = list(finished.results.glob("runs/ensemble-learned-*/weights.json"))
    assert len(weights) == 2
    assert all(json.loads(path.read_text())["steps"] > 0 for path in weights)
    assert ">joined<" in (folder / "report.html").read_text()


def test_every_case_is_tested_once_per_candidate(finished: Workplace) -> None:
    cases = rows(finished.results / "experiments" / "tiny" / "cases.csv")
    test = [(row["loss"], row["case"], row["class"]) for row in cases if row["split"] == "test"]
    assert len(test) == len(set(test)) == 3 * 6 * 4
    assert {row["unit"] for row in cases} == {"mm"}


def test_no_group_stands_on_two_sides(finished: Workplace) -> None:
    (splits,) = (finished.results / "data").glob("*/splits.json")
    for fold in json.loads(splits.read_text())["folds"]:
        sides = [{case.partition("_")[0] for case in fold[side]} for side in ("train", "val", "test")]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_a_second_call_has_nothing_to_do(finished: Workplace) -> None:
    done = finished.snakemake()
    assert "Nothing to be done" in done.stdout + done.stderr


#: Read by Python as it starts: a machine without a network.
NO_NETWORK = """
import socket
def refuse(*_, **__):
    raise OSError("there is no network")
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse
"""


def test_snakemake_writes_its_own_report_without_a_network(
    finished: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    finished.snakemake("--report", "report.zip")
    folder = finished.results / "experiments" / "tiny"
    with zipfile.ZipFile(finished.folder / "report.zip") as archive:
        files = {name.rpartition("/")[2]: name for name in archive.namelist() if "/data/" in name}
        assert {"report.html", "ranking.csv", "objects.csv", "ranking.txt", "heat-overlap.svg"} <= set(files)
        for name in ("report.html", "ranking.csv"):
            assert archive.read(files[name]) == (folder / name).read_bytes()
        page = archive.read("report/report.html").decode()
    assert not re.search(r"<(?:script|img|link)[^>]+(?:src|href)=.?https?:", page)
    results, categories = (
        json.loads(re.findall(rf'<script id="{name}">\s*var {name} = (.*);\n', page)[0])
        for name in ("results", "categories")
    )
    assert {"Report", "Tables", "Figures"} <= set(categories)
    shown = {result["name"]: result for result in results.values()}
    assert 'experiment <tt class="docutils literal">tiny</tt>' in shown["report.html"]["caption"]
    assert shown["ranking.csv"]["labels"] == {"experiment": "tiny", "table": "ranking"}
    assert shown["heat-overlap.svg"]["labels"] == {"experiment": "tiny", "figure": "heat-overlap"}
    assert all(result["caption"].startswith("<p>") for result in results.values())


def test_a_new_mixture_trains_only_its_own_runs(finished: Workplace) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.results.glob("runs/*/status.json")}
    text = finished.experiment.read_text()
    finished.experiment.write_text(text.replace("mixtures:\n", "mixtures:\n- dice\n"))
    try:
        finished.snakemake("trained")
    finally:
        finished.experiment.write_text(text)
    after = {path: path.stat().st_mtime_ns for path in finished.results.glob("runs/*/status.json")}
    assert {path: after[path] for path in before} == before
    assert len(after) == len(before) + 2


def test_the_winner_is_trained_on_all_cases_where_that_is_registered(finished: Workplace) -> None:
    before = sorted(finished.results.glob("runs/*"))
    text = finished.experiment.read_text()
    assert "refit" not in finished.snakemake("-n", "--forceall").stdout
    finished.experiment.write_text(f"{text}tracking:\n  register: refit\n")
    try:
        finished.snakemake()
    finally:
        finished.experiment.write_text(text)
    new = {path.name: path for path in set(finished.results.glob("runs/*")) - set(before)}
    folder = finished.results / "experiments" / "tiny"
    # Itself, or the members of an ensemble and what joins them.
    assert len(new) in (1, 3)
    assert json.loads((folder / "refit.json").read_text())["run_id"] in new
    assert {json.loads((path / "spec.json").read_text())["fold"] for path in new.values()} == {"all"}
    assert json.loads((folder / "tracked.json").read_text())["version"] == 2


def test_status_counts_what_is_done(finished: Workplace) -> None:
    finished.seggrid("plan", str(finished.experiment))
    text = finished.seggrid("status", "tiny").stdout
    assert "tiny: 6 runs" in text
    assert "done          6" in text


def test_verify_finds_the_same_bytes(finished: Workplace) -> None:
    finished.snakemake()
    done = finished.seggrid("verify", "tiny")
    assert "DIFFERS" not in done.stdout
    assert done.stdout.count("same bytes") == 6


def test_verify_finds_a_changed_number(finished: Workplace) -> None:
    path = finished.results / "experiments" / "tiny" / "ranking.csv"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"1", b"2", 1))
    try:
        done = finished.seggrid("verify", "tiny", check=False)
    finally:
        path.write_bytes(content)
    assert done.returncode == 1
    assert "ranking.csv    DIFFERS" in done.stdout


def test_a_diverging_run_fails_alone(make_workplace: Callable[..., Workplace]) -> None:
    """One network learns at a rate at which nothing stays finite: its runs fail, the grid goes on and says so."""
    training = {**TINY["training"], "optimiser": {"name": "sgd", "learning_rate": 1e30}}
    place = make_workplace(training=training, mixtures=["dice"], folds=[0])
    report = place.results / "experiments" / "tiny" / "report.html"
    place.snakemake(str(report))
    (run,) = rows(report.with_name("runs.csv"))
    assert run["state"] == "failed"
    assert "lower the learning rate" in run["reason"]
    (evaluation,) = place.results.glob("runs/*/eval-*/cases.csv")
    assert len(rows(evaluation)) == 0
    assert "lower the learning rate" in report.read_text()
    place.seggrid("retry", "tiny")
    assert "rule train" in place.snakemake("-n").stdout


def test_a_typo_is_one_sentence_before_anything_runs(make_workplace: Callable[..., Workplace]) -> None:
    place = make_workplace(trainin={})
    done = place.snakemake(check=False)
    assert done.returncode == 1
    assert "tiny.yaml: trainin: unknown key (did you mean training?)" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_an_unknown_experiment_is_named(make_workplace: Callable[..., Workplace]) -> None:
    place = make_workplace()
    done = place.seggrid("plan", "dem", check=False)
    assert done.returncode == 2
    assert "did you mean demo?" in done.stderr


def test_weights_of_another_experiment_are_trained_first(make_workplace: Callable[..., Workplace]) -> None:
    place = make_workplace(mixtures=["ce"], folds=[0])
    parent = place.experiment.rename(place.folder / "parent.yaml")
    config = place.folder / "config" / "experiments"
    config.mkdir(parents=True)
    parent.rename(config / "parent.yaml")
    text = (config / "parent.yaml").read_text().replace("mixtures:\n- ce", "mixtures:\n- dice")
    place.experiment.write_text(text.replace("training:\n", "training:\n  init_from: parent\n"))
    place.snakemake("trained")
    logs = [path.read_text() for path in place.results.glob("runs/*dice*/train.log")]
    assert len(logs) == 1
    assert "100 % of the tensors start from" in logs[0]
