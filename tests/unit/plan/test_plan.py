"""The grid: its order, its names, its files."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest

from seggrid.catalogue import LOSSES, NETWORKS
from seggrid.errors import UserError
from seggrid.paths import ExperimentFolder, RunFolder
from seggrid.plan import refit_run
from seggrid.specification import read_evaluation, read_plan, read_run
from tests.unit.plan.conftest import MIXTURE, Study, ids


def test_candidates_that_are_added_leave_the_others(study: Study) -> None:
    before = ids(study.plan())
    study.raw["mixtures"] = ["ce", MIXTURE, {"simplex": {"terms": ["ce", "boundary"], "step": 0.5}}]
    study.raw["networks"] = ["FPN_R18", *study.raw["networks"]]
    study.raw["folds"], study.raw["seeds"] = [0, 2], [5, 0]
    after = ids(study.plan())
    assert before["data"] == after["data"]
    assert set(before["run"]) < set(after["run"])
    assert len(after["run"]) == len(set(after["run"])) == 2 * 4 * 2 * 2
    assert set(before["eval"]) == set(after["eval"])


def test_two_experiments_share_their_common_runs(study: Study) -> None:
    study.plan().write()
    study.raw |= {"name": "second", "mixtures": ["dice", "0.5*dice+0.5*ce"], "description": "other"}
    study.plan().write()
    first, second = (read_plan(name) for name in ("study", "second"))
    assert {run.run_id for run in first} < {run.run_id for run in second}
    assert len(list(Path("results/runs").iterdir())) == 2


def test_the_order_of_the_grid_is_that_of_the_file(study: Study) -> None:
    study.raw |= {"networks": ["FPN_R18", "UNet_R18"], "mixtures": ["dice", "ce"], "folds": [1, 0], "seeds": [3, 2]}
    rows = [(run.network, run.loss, run.fold, run.seed) for run in study.plan().runs]
    assert rows == [
        (n, m, f, s) for n in ("FPN_R18", "UNet_R18") for m in ("dice", "ce") for f in ("1", "0") for s in (3, 2)
    ]


def test_names_of_folders_are_short_and_plain(study: Study) -> None:
    long = "+".join(f"0.{n}00001*{loss}" for n, loss in enumerate(list(LOSSES)[:5], start=1))
    study.raw["mixtures"] = ["dice(smooth=0.1, squared=true)", long, "ce"]
    study.raw["networks"] = ["UNet_R18", {"architecture": "Very/Odd name é", "encoder": "x" * 80, "name": "odd"}]
    study.raw["seeds"] = [0, 2**32 - 1]
    for run in study.plan().runs:
        slug, _, digest = run.run_id.rpartition("-")
        assert len(slug) <= 60
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", slug)
        assert slug.endswith(f"-f0-s{run.seed}")
        assert re.fullmatch(r"[0-9a-f]{12}", digest)
        assert re.fullmatch(r"[0-9a-f]{12}", run.eval_id)
    assert study.plan().runs[-2].run_id.startswith("VeryOddname_xxx")


def test_what_is_written_reads_back(study: Study) -> None:
    planned = study.plan()
    planned.write()
    assert tuple(read_plan("study")) == planned.runs
    (run,) = planned.runs
    spec = read_run(run.run_id)
    assert (spec.run_id, spec.data_id, spec.fold, spec.seed) == (run.run_id, planned.data_id, 0, 0)
    assert spec.mixture == planned.experiment.all_mixtures()[0]
    assert (spec.network, spec.training) == (planned.experiment.networks[0], planned.experiment.training)
    measured = read_evaluation(run.eval_id)
    assert measured.class_names == ("femur", "tibia")
    assert measured.evaluation == planned.experiment.evaluation


def test_planning_again_touches_nothing(study: Study, results: Path) -> None:
    def stamps() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in results.rglob("*") if path.is_file()}

    study.plan().write()
    before = stamps()
    assert len(before) == 6  # data, run and evaluation, experiment, plan, hashes
    study.plan().write()
    assert stamps() == before
    study.set("mixtures", [{**MIXTURE, "label": "other"}])
    study.plan().write()
    after = stamps()
    assert {path.name for path in after if before[path] != after[path]} == {"spec.json", "experiment.json", "plan.csv"}


def test_files_that_are_missing_or_damaged_are_named(study: Study) -> None:
    with pytest.raises(UserError, match=r"plan\.csv: no such file; run `seggrid plan study` first"):
        read_plan("study")
    with pytest.raises(UserError, match=r"none.spec\.json: no such file"):
        read_run("none")
    study.plan().write()
    ExperimentFolder("study").plan.write_text("run_id,seed\nx,y\n")
    with pytest.raises(UserError, match="of another version of seggrid; run `seggrid plan study`"):
        read_plan("study")
    folder = RunFolder(study.plan().runs[0].run_id)
    folder.spec.write_text('{"run_id": "x"}')
    with pytest.raises(UserError, match=r"spec\.json: data_id: Field required; the file is damaged"):
        read_run(folder.folder.name)
    shutil.rmtree(study.data)
    with pytest.raises(UserError, match=r"data\.path: .*raw is not a folder"):
        study.plan()


def test_a_refit_is_a_run_of_its_own(study: Study) -> None:
    study.set("training.early_stopping", {"patience": 3})
    study.plan().write()
    run = read_run(study.plan().runs[0].run_id)
    refit = refit_run(run)
    assert (refit.fold, refit.training.select, refit.training.early_stopping) == ("all", "last", None)
    assert refit.run_id != run.run_id
    assert "-fall-s0-" in refit.run_id
    assert refit_run(run) == refit
    study.set("folds", [1])
    study.plan().write()
    assert refit_run(read_run(study.plan().runs[0].run_id)).run_id == refit.run_id


def test_five_thousand_runs_have_five_thousand_names(study: Study) -> None:
    study.use_phantom()
    names = [name for name in NETWORKS if name != "UNet_R18"][:4]
    study.raw |= {
        "data": {"source": "phantom", "knee": {"subjects": 30}},
        "networks": ["UNet_R18", *names],
        "mixtures": [{"simplex": {"terms": ["ce", "dice", "boundary", "weighted_ce"], "step": "0.125"}}],
        "splits": {"folds": 7},
        "folds": None,
        "seeds": [0],
    }
    started = time.process_time()
    planned = study.plan()
    seconds = time.process_time() - started
    print(f"{len(planned.runs)} runs planned in {seconds:.2f} s of processor time")
    assert len(planned.runs) == 5 * 165 * 7
    assert len({run.run_id for run in planned.runs}) == len(planned.runs)
    assert len(planned.specifications) == len(planned.runs) + 2, "the data, the evaluation and the runs"
    assert len({run.eval_id for run in planned.runs}) == 1
