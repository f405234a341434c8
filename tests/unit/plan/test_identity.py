"""Layered identity: what may move a data set, a run or an evaluation, and what must not."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seggrid import identities
from seggrid.catalogue import LOSSES, METRICS, NETWORKS, STEPS
from seggrid.config.phantom import PHANTOM_VERSIONS
from seggrid.errors import UserError
from tests.unit.plan.conftest import MIXTURE, Study, ids


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
    "another network's version": lambda s: s.row(NETWORKS, "UNet_R34", version=2),
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
    "the version of inference": lambda s: s.monkeypatch.setattr(identities, "INFERENCE_VERSION", 99),
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
    "the version of training": lambda s: s.monkeypatch.setattr(identities, "TRAINING_VERSION", 99),
    "the architecture": lambda s: s.set("networks", ["FPN_R18"]),
    "the encoder": lambda s: s.set("networks", ["UNet_R34"]),
    "the encoder's weights": lambda s: s.set("networks", [{"name": "UNet_R18", "encoder_weights": "imagenet"}]),
    "the network's parameters": lambda s: s.set("networks", [{"name": "UNet_R18", "parameters": {"a": 1}}]),
    "the network's version": lambda s: s.row(NETWORKS, "UNet_R18", version=2),
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
    "the version of reading, borders and splits": lambda s: s.monkeypatch.setattr(identities, "DATA_VERSION", 99),
    "blocks of volumes": lambda s: s.set("data.subvolumes", {"grid": [2, 2, 2]}),
    "slices of volumes": lambda s: s.set("data.slices", 0),
    "folders that are series": lambda s: s.set("data.series", True),
    "windows of DICOM": lambda s: s.set("data.voi", True),
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
    study.use_phantom()
    first = study.plan()
    study.set("data.knee", {"seed": 1})
    assert study.plan().data_id != first.data_id
    study.set("data.knee", {"seed": 0})
    assert study.plan().data_id == first.data_id
    study.monkeypatch.setitem(PHANTOM_VERSIONS, "knee", 99)
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
