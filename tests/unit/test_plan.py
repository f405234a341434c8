"""Layered identity: what may move a data set, a run or an evaluation, and what must not."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from seggrid import manifest, plan
from seggrid.catalogue import LOSSES, METRICS, NETWORKS, STEPS
from seggrid.config import parse_experiment
from seggrid.errors import UserError
from seggrid.paths import ExperimentFolder, RunFolder
from seggrid.plan import Plan, make_plan, refit_run
from seggrid.specification import read_evaluation, read_plan, read_run

MIXTURE = {"terms": [{"loss": "dice", "weight": 0.5}, {"loss": "ce", "weight": 0.5}], "label": "mixed"}


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Files of a data set; planning reads them as bytes only."""
    folder = tmp_path / "raw"
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
        for name in ("a", "b"):
            (folder / part / f"{name}.png").write_bytes(f"{part} {name}".encode())
    return folder


@dataclass
class Study:
    """An experiment that a test changes, as a user would."""

    raw: dict[str, Any]
    data: Path
    monkeypatch: pytest.MonkeyPatch

    def plan(self) -> Plan:
        return make_plan(parse_experiment(self.raw, "study.yaml"), [Path("config")])

    def set(self, path: str, value: Any) -> None:
        *outer, last = path.split(".")
        section = self.raw
        for key in outer:
            section = section.setdefault(key, {})
        section[last] = value

    def row(self, table: dict[str, Any], name: str, **changes: Any) -> None:
        self.monkeypatch.setitem(table, name, dataclasses.replace(table[name], **changes))

    def add(self, table: dict[str, Any], like: str) -> None:
        """Put a new row at the head of a table of the catalogue, until the test ends."""
        rows = {"new": table[like], **table}
        table.clear()
        table.update(rows)


@pytest.fixture
def study(images: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Study]:
    raw = {
        "name": "study",
        "data": {"source": "folder", "path": str(images), "classes": {"femur": 1, "tibia": 2}},
        "preprocessing": ["percentile_clip", "z_score"],
        "splits": {"folds": 3},
        "folds": [0],
        "networks": [{"name": "mine", "architecture": "Unet", "encoder": "resnet18"}],
        "mixtures": [MIXTURE],
        "training": {"epochs": 5},
    }
    tables: list[dict[str, Any]] = [LOSSES, METRICS, STEPS, NETWORKS]
    before = [dict(table) for table in tables]
    yield Study(raw, images, monkeypatch)
    for table, rows in zip(tables, before, strict=True):
        table.clear()
        table.update(rows)


def ids(planned: Plan) -> dict[str, tuple[str, ...]]:
    return {
        "data": (planned.data_id,),
        "run": tuple(run.run_id for run in planned.runs),
        "eval": tuple(run.eval_id for run in planned.runs),
    }


def move_data(study: Study) -> None:
    shutil.move(study.data, study.data.with_name("moved"))
    study.set("data.path", str(study.data.with_name("moved")))


def touch(study: Study) -> None:
    for file in study.data.rglob("*.png"):
        os.utime(file, (1, 1))


def copy_on_itself(study: Study) -> None:
    shutil.copytree(study.data, study.data.with_name("copy"))
    study.set("data.path", os.path.relpath(study.data.with_name("copy")))


def hidden_files(study: Study) -> None:
    (study.data / "images" / ".DS_Store").write_text("x")
    (study.data / "images" / ".ipynb_checkpoints").mkdir()
    (study.data / "images" / ".ipynb_checkpoints" / "a.png").write_text("x")
    (study.data / "masks" / "Thumbs.db").write_text("x")
    (study.data / "notes.txt").write_text("beside the images")


def change_content(study: Study) -> None:
    path = study.data / "masks" / "a.png"
    path.write_bytes(path.read_bytes()[::-1])


def rename_file(study: Study) -> None:
    (study.data / "images" / "b.png").rename(study.data / "images" / "c.png")  # the order of contents stays


def add_cases(study: Study) -> None:
    (study.data / "cases.csv").write_text("case,group\na,1\nb,1\n")


def rename_classes(study: Study) -> None:
    study.set("data.classes", {"shin": 1, "thigh": 2})


def phantom(study: Study) -> None:
    study.raw["data"] = {"source": "phantom"}


def damage_cache(study: Study) -> None:
    study.plan()
    Path("results/data/.hashes.json").write_text("{")


NOTHING: dict[str, Callable[[Study], None]] = {
    "a new loss": lambda s: s.add(LOSSES, "dice"),
    "a new metric": lambda s: s.add(METRICS, "dice"),
    "a new step": lambda s: s.add(STEPS, "z_score"),
    "a new network": lambda s: s.add(NETWORKS, "UNet_R18"),
    "another loss's version": lambda s: s.row(LOSSES, "boundary", version=2),
    "another metric's version": lambda s: s.row(METRICS, "hd", version=2),
    "another step's version": lambda s: s.row(STEPS, "clahe", version=2),
    "a loss's words": lambda s: s.row(LOSSES, "dice", doc="new", source="new"),
    "the data folder moved": move_data,
    "the data folder copied": copy_on_itself,
    "the files touched": touch,
    "files that are no data": hidden_files,
    "a damaged cache": damage_cache,
    "the experiment's name": lambda s: s.set("name", "other"),
    "the description": lambda s: s.set("description", "words"),
    "a mixture's label": lambda s: s.set("mixtures", [{**MIXTURE, "label": "other"}]),
    "a mixture's spelling": lambda s: s.set("mixtures", ["0.50*ce + 5e-1*dice"]),
    "a mixture from a simplex": lambda s: s.set(
        "mixtures", [{"simplex": {"terms": ["dice", "ce"], "step": 0.5, "minimum": 0.5}}]
    ),
    "a network's name": lambda s: s.set("networks", [{**s.raw["networks"][0], "name": "yours"}]),
    "a network's name in the catalogue": lambda s: s.set("networks", ["UNet_R18"]),
    "the device": lambda s: s.set("training.device", "cuda"),
    "the checkpoints": lambda s: s.set("training.checkpoint_seconds", 0),
    "the tracking": lambda s: s.set("tracking", {"uri": "http://server", "register": "refit"}),
    "the scoring": lambda s: s.set("scoring", {"criterion": "rank", "overlap": {"mean": ["dice"]}, "seed": 1}),
    "the baseline": lambda s: s.set("scoring.baseline", "0.5*dice + 0.5*ce"),
    "a default written out": lambda s: s.set("training.optimiser", {"name": "adamw", "learning_rate": 1e-3}),
    "a parameter at its default": lambda s: s.set("preprocessing", [{"percentile_clip": {"low": 0.5}}, "z_score"]),
}  # fmt: skip

EVALUATION: dict[str, Callable[[Study], None]] = {
    "the names of the classes": rename_classes,
    "a metric less": lambda s: s.set("evaluation.metrics", ["iou", "dice", "precision", "recall", "hd95", "assd"]),
    "the rule for empty masks": lambda s: s.set("evaluation.both_empty", "perfect"),
    "a measured metric's version": lambda s: s.row(METRICS, "hd95", version=2),
    "the version of inference": lambda s: s.monkeypatch.setattr(plan, "INFERENCE_VERSION", 99),
}

RUN: dict[str, Callable[[Study], None]] = {
    "the learning rate": lambda s: s.set("training.optimiser.learning_rate", 1e-4),
    "the epochs": lambda s: s.set("training.epochs", 6),
    "the precision": lambda s: s.set("training.precision", "bf16"),
    "the threads": lambda s: s.set("training.threads", 2),
    "determinism": lambda s: s.set("training.deterministic", False),
    "no augmentation": lambda s: s.set("training.augmentation", None),
    "the seed": lambda s: s.set("seeds", [1]),
    "the fold": lambda s: s.set("folds", [1]),
    "a weight's sixth decimal": lambda s: s.set("mixtures", ["0.500001*dice + 0.5*ce"]),
    "a loss's parameter": lambda s: s.set("mixtures", ["0.5*dice(smooth=0.5) + 0.5*ce"]),
    "a loss's version": lambda s: s.row(LOSSES, "dice", version=99),
    "the version of training": lambda s: s.monkeypatch.setattr(plan, "TRAINING_VERSION", 99),
    "the architecture": lambda s: s.set("networks", ["FPN_R18"]),
    "the encoder": lambda s: s.set("networks", ["UNet_R34"]),
    "the encoder's weights": lambda s: s.set("networks", [{"name": "UNet_R18", "encoder_weights": "imagenet"}]),
    "the network's parameters": lambda s: s.set("networks", [{"name": "UNet_R18", "parameters": {"a": 1}}]),
    "the network's version": lambda s: s.set("networks", [{"name": "UNet_R18", "version": 2}]),
}

DATA: dict[str, Callable[[Study], None]] = {
    "a file's content": change_content,
    "a file's name": rename_file,
    "a table of groups": add_cases,
    "the order of steps": lambda s: s.set("preprocessing", ["z_score", "percentile_clip"]),
    "a step's parameter": lambda s: s.set("preprocessing", [{"percentile_clip": {"low": 1.0}}, "z_score"]),
    "a step's version": lambda s: s.row(STEPS, "z_score", version=2),
    "the number of folds": lambda s: s.set("splits.folds", 4),
    "the seed of the folds": lambda s: s.set("splits.seed", 1),
    "the values of the classes": lambda s: s.set("data.classes", {"femur": 2, "tibia": 1}),
    "the pixel size": lambda s: s.set("data.spacing", [0.5, 0.5]),
    "a case left out": lambda s: s.set("data.exclude", ["a"]),
}


def moved(study: Study, change: Callable[[Study], None]) -> set[str]:
    before = ids(study.plan())
    change(study)
    after = ids(study.plan())
    assert all(len(after[layer]) == 1 for layer in after)
    return {layer for layer in before if before[layer] != after[layer]}


@pytest.mark.parametrize("change", NOTHING.values(), ids=NOTHING)
def test_nothing_is_done_again_for(study: Study, change: Callable[[Study], None]) -> None:
    assert moved(study, change) == set()


@pytest.mark.parametrize("change", EVALUATION.values(), ids=EVALUATION)
def test_only_the_evaluation_is_done_again_for(study: Study, change: Callable[[Study], None]) -> None:
    assert moved(study, change) == {"eval"}


@pytest.mark.parametrize("change", RUN.values(), ids=RUN)
def test_only_the_run_is_done_again_for(study: Study, change: Callable[[Study], None]) -> None:
    assert moved(study, change) == {"run"}


@pytest.mark.parametrize("change", DATA.values(), ids=DATA)
def test_data_and_run_are_done_again_for(study: Study, change: Callable[[Study], None]) -> None:
    assert moved(study, change) == {"data", "run"}


def test_two_settings_of_the_phantom_are_two_data_sets(study: Study) -> None:
    phantom(study)
    first = study.plan()
    study.set("data.knee", {"seed": 1})
    assert study.plan().data_id != first.data_id
    study.set("data.knee", {"seed": 0})
    assert study.plan().data_id == first.data_id
    study.monkeypatch.setattr(manifest, "PHANTOM_VERSION", 99)
    assert study.plan().data_id != first.data_id


def test_renamed_categories_of_coco_move_the_evaluation_only(study: Study) -> None:
    (study.data / "coco.json").write_text("{}")
    coco = {"source": "coco", "path": str(study.data)}
    study.raw["data"] = {**coco, "classes": {"a": "femur", "b": "tibia"}, "on_top": ["b", "a"]}
    first = ids(study.plan())
    study.raw["data"] = {**coco, "classes": {"c": "femur", "d": "tibia"}, "on_top": ["d", "c"]}
    renamed = ids(study.plan())
    assert (renamed["data"], renamed["run"]) == (first["data"], first["run"])
    assert renamed["eval"] != first["eval"]
    study.set("data.on_top", ["c", "d"])
    assert study.plan().data_id != first["data"][0]


def test_the_classes_of_nnunet_are_in_the_order_of_their_values(study: Study) -> None:
    folder = study.data.with_name("nnunet")
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    labels = {f"part{value}": value for value in (10, 2, 1)} | {"background": 0}
    (folder / "dataset.json").write_text(json.dumps({"labels": labels}))
    study.raw["data"] = {"source": "nnunet", "path": str(folder)}
    planned = study.plan()
    (spec,) = (json.loads(text) for path, text in planned.specifications.items() if path.parent.name == "evaluations")
    assert spec["class_names"] == ["part1", "part2", "part10"]
    for content in ("[]", "{}", '{"labels": []}'):
        (folder / "dataset.json").write_text(content)
        with pytest.raises(UserError, match=r"dataset\.json: no labels"):
            study.plan()


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


# Initial weights


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


# Size


def test_five_thousand_runs_have_five_thousand_names(study: Study) -> None:
    phantom(study)
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


def test_weights_that_saw_the_test_cases_are_refused(study: Study, tmp_path: Path) -> None:
    parent = study.plan()
    parent.write()
    (fold_0,) = (run for run in parent.runs if run.fold == "0") if len(parent.runs) == 1 else (parent.runs[0],)
    study.set("training.init_from", fold_0.run_id)
    study.raw["folds"] = [0, 1]
    with pytest.raises(UserError, match="was trained on test cases of fold 1 of this data"):
        study.plan()
    study.raw["folds"] = [0]
    study.plan()
    study.set("splits.seed", 7)
    with pytest.raises(UserError, match="was trained on test cases of fold 0 of this data"):
        study.plan()
