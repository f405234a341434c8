"""Initial weights: from a file, a run or an experiment."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from seggrid.config import parse_experiment
from seggrid.errors import UserError
from seggrid.paths import RunFolder
from seggrid.plan import make_plan, refit_run
from seggrid.records import write_json
from seggrid.specification import read_run
from tests.unit.plan.conftest import Study, ids


def write_experiment(name: str, **changes: Any) -> None:
    Path("config").mkdir(exist_ok=True)
    raw = {
        "data": {"source": "phantom"},
        "folds": [0, 1],
        "networks": ["UNet_R18", "FPN_R18"],
        "mixtures": ["ce", "0.5*dice + 0.5*ce"],
        **changes,
    }
    Path("config", f"{name}.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")


def test_a_file_of_weights_counts_by_its_content(study: Study) -> None:
    plain = ids(study.plan())
    weights = Path("first.safetensors")
    weights.write_bytes(b"weights")
    study.set("training.init_from", str(weights))
    first = ids(study.plan())
    assert first["run"] != plain["run"]
    study.set("training.init_from", str(weights.rename("second.safetensors")))
    assert ids(study.plan()) == first
    Path("second.safetensors").write_bytes(b"others")
    assert ids(study.plan())["run"] not in (first["run"], plain["run"])
    study.set("training.init_from", "absent.safetensors")
    with pytest.raises(UserError, match=r"^training\.init_from: absent\.safetensors cannot be read"):
        study.plan()


def test_a_file_of_an_encoder_counts_by_its_content(study: Study) -> None:
    def planned(path: str) -> tuple[str, ...]:
        study.set("networks", [{"name": "UNet_R18", "encoder_weights": path}])
        return ids(study.plan())["run"]

    Path("a.pth").write_bytes(b"weights")
    shutil.copy("a.pth", "b.pth")
    first = planned("a.pth")
    assert planned("b.pth") == first
    Path("b.pth").write_bytes(b"others")
    assert planned("b.pth") != first
    with pytest.raises(UserError, match=r"^networks\.encoder_weights: c\.pth cannot be read"):
        planned("c.pth")


def test_an_experiment_gives_the_run_of_the_same_network(study: Study) -> None:
    write_experiment("base")
    study.set("training.init_from", "base")
    planned = study.plan()
    base = make_plan(
        parse_experiment({"name": "base", **yaml.safe_load(Path("config/base.yaml").read_text())}, "b"), []
    )
    (run,) = planned.runs
    wanted = next(
        b for b in base.runs if (b.network, b.loss, b.fold) == ("UNet_R18", "0.50*ce + 0.50*dice", "0")
    )  # fmt: skip
    assert run.parent == wanted.run_id
    assert RunFolder(wanted.run_id).spec in planned.specifications
    planned.write()
    assert read_run(run.run_id).parent is not None
    assert read_run(wanted.run_id).data_id == base.data_id
    # The same parent, given by its own name.
    study.set("training.init_from", wanted.run_id)
    assert ids(study.plan()) == ids(planned)


def test_a_parent_that_changes_moves_its_children(study: Study) -> None:
    write_experiment("base")
    study.set("training.init_from", "base")
    first = ids(study.plan())
    write_experiment("base", description="words", mixtures=["ce", "0.5*dice + 0.5*ce", "boundary"])
    assert ids(study.plan()) == first
    write_experiment("base", training={"epochs": 3})
    assert ids(study.plan())["run"] != first["run"]


def test_parents_have_parents(study: Study) -> None:
    write_experiment("grandparent")
    write_experiment("parent", training={"init_from": "grandparent"})
    study.set("training.init_from", "parent")
    planned = study.plan()
    planned.write()
    parent = read_run(planned.runs[0].parent)
    assert parent.parent is not None
    assert parent.parent.run_id is not None
    assert read_run(parent.parent.run_id).parent is None
    first = ids(planned)
    write_experiment("grandparent", training={"epochs": 3})
    assert ids(study.plan())["run"] != first["run"]


def test_a_circle_of_parents_is_named(study: Study) -> None:
    write_experiment("a", training={"init_from": "b"})
    write_experiment("b", training={"init_from": "a"})
    study.set("training.init_from", "a")
    with pytest.raises(UserError, match="study -> a -> b -> a goes round in a circle"):
        study.plan()
    write_experiment("study", training={"init_from": "study"})
    study.set("training.init_from", "study")
    with pytest.raises(UserError, match="study -> study goes round in a circle"):
        study.plan()


def test_a_parent_that_does_not_exist_is_named(study: Study) -> None:
    write_experiment("base", networks=["FPN_R18"])
    study.set("training.init_from", "base")
    with pytest.raises(UserError, match="experiment base trains no mine; add it there"):
        study.plan()
    study.set("training.init_from", "bse")
    with pytest.raises(UserError, match=r"bse is no run, file or experiment; .*did you mean base\?"):
        study.plan()


def test_weights_that_saw_the_test_cases_are_refused(study: Study, tmp_path: Path) -> None:
    parent = study.plan()
    parent.write()
    (fold_0,) = (run for run in parent.runs if run.fold == "0") if len(parent.runs) == 1 else (parent.runs[0],)
    study.set("training.init_from", fold_0.run_id)
    study.raw["folds"] = [0, 1]
    with pytest.raises(UserError, match="may have been trained on test cases of fold 1, for its images are the same"):
        study.plan()
    study.raw["folds"] = [0]
    study.plan()
    study.set("splits.seed", 7)
    with pytest.raises(UserError, match="may have been trained on test cases of fold 0"):
        study.plan()


def other_groups(study: Study) -> None:
    (study.data / "groups.csv").write_text("case,group\na,1\nb,1\n")
    study.set("data.cases", "groups.csv")


def copied_with_other_groups(study: Study) -> None:
    shutil.copytree(study.data, study.data.with_name("copy"))
    study.set("data.path", str(study.data.with_name("copy")))
    study.set("data.exclude", ["a"])


@pytest.mark.parametrize(
    "change",
    [
        lambda study: study.set("data.exclude", ["a"]),
        lambda study: study.set("splits.folds", 4),
        lambda study: study.monkeypatch.setattr("seggrid.identities.DATA_VERSION", 99),
        other_groups,
        copied_with_other_groups,
    ],
    ids=["a case left out", "other folds", "another version of the splits", "another table of groups", "a copy"],
)
def test_the_same_images_in_other_folds_are_refused(study: Study, change: Callable[[Study], None]) -> None:
    """The folds depend on which cases are kept and on their groups: fold 0 is another one."""
    parent = study.plan()
    parent.write()
    study.set("training.init_from", parent.runs[0].run_id)
    study.set("preprocessing", ["z_score"])
    study.plan()
    change(study)
    with pytest.raises(UserError, match="may have been trained on test cases of fold 0"):
        study.plan()


def test_a_phantom_of_the_same_seed_shows_the_same_knees(study: Study) -> None:
    write_experiment("base", data={"source": "phantom", "knee": {"subjects": 80}})
    study.raw["data"] = {"source": "phantom", "knee": {"subjects": 24}}
    study.set("training.init_from", "base")
    with pytest.raises(UserError, match="may have been trained on test cases of fold 0"):
        study.plan()
    study.raw["data"] = {"source": "phantom", "knee": {"subjects": 24, "seed": 1}}
    study.plan()


def test_a_run_that_was_trained_on_all_cases_is_refused(study: Study) -> None:
    parent = study.plan()
    parent.write()
    refit = refit_run(read_run(parent.runs[0].run_id))
    write_json(RunFolder(refit.run_id).spec, refit.model_dump(mode="json"))
    study.set("training.init_from", refit.run_id)
    with pytest.raises(UserError, match="may have been trained on test cases of fold 0"):
        study.plan()


@pytest.mark.parametrize("planned", [True, False], ids=["not on disk yet", "on disk"])
def test_a_grandparent_that_saw_the_test_cases_is_refused(study: Study, planned: bool) -> None:
    """Trained on these images, then on a phantom, and back on these images in another fold."""
    images = {key: study.raw[key] for key in ("data", "preprocessing", "splits", "folds")}
    write_experiment("grandparent", **images)
    write_experiment("parent", training={"init_from": "grandparent"})
    study.set("training.init_from", "parent")
    base = study.plan()
    study.raw["folds"] = [1]
    if not planned:
        base.write()
        study.set("training.init_from", base.runs[0].parent)
    with pytest.raises(UserError, match=r"init_from: .*, which .* descends from, may have been trained on .* fold 1"):
        study.plan()


def test_a_large_grid_on_a_large_grid_is_planned_in_seconds(study: Study) -> None:
    mixtures = [{"simplex": {"terms": ["ce", "dice", "boundary", "weighted_ce"], "step": "0.125"}}]
    grid = {"mixtures": mixtures, "splits": {"folds": 7}, "folds": None}
    write_experiment("grandparent", **grid)
    write_experiment("parent", **grid, training={"init_from": "grandparent"})
    study.raw |= {**grid, "networks": ["UNet_R18", "FPN_R18"]}
    study.set("training.init_from", "parent")
    started = time.process_time()
    planned = study.plan()
    assert len(planned.runs) == 2 * 165 * 7
    assert len(planned.specifications) == 3 * (len(planned.runs) + 1), "of three plans, the first two on one data set"
    assert time.process_time() - started < 10
