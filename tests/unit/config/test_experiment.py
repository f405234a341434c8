"""Mistakes that lie in no single key, and what is kept when an experiment is written to a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from seggrid.config import Experiment
from seggrid.config.base import identity

Parse = Callable[..., Experiment]
Refuse = Callable[..., list[str]]
LABELLED = {"terms": [{"loss": "dice"}], "label": "a"}
SIMPLEX = {"simplex": {"terms": ["ce", "dice"], "step": 0.5}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"folds": [0, 7]}, "folds: 7 does not exist; splits.folds is 5, counted from 0"),
        ({"folds": [5]}, "folds: 5 does not exist; splits.folds is 5, counted from 0"),
        ({"folds": []}, "folds: [] should have at least 1 item"),
        ({"folds": [1, 1]}, "folds: 1 stands twice"),
        ({"seeds": [0, 1, 0]}, "seeds: 0 stands twice"),
        ({"splits": {"folds": 13}}, "splits.folds: 13 folds need at least 13 groups"),
        ({"networks": ["UNet_R18", "UNet_R18"]}, "networks: two networks are called UNet_R18"),
        (
            {"networks": ["UNet_R18", {"name": "mine", "architecture": "Unet", "encoder": "resnet18"}]},
            "networks: UNet_R18 and mine are the same network",
        ),
        ({"networks": ["VNet"], "motion": {}}, "motion: is measured on radiographs, and every network here is for"),
        ({"scoring": {"baseline": "ce"}}, "scoring.baseline: ce is not one of the mixtures"),
        ({"scoring": {"baseline": "dyce"}}, "scoring.baseline: unknown loss 'dyce' (did you mean dice?)"),
        ({"scoring": {"baseline": "dice +"}}, "scoring.baseline: cannot read ''"),
        ({"evaluation": {"metrics": ["dice"]}}, "scoring.overlap.mean: iou is not measured; add it to evaluation"),
        ({"scoring": {"distance": {"mean": ["hd"]}}}, "scoring.distance.mean: hd is not measured"),
        ({"scoring": {"overlap": {"mean": ["hd95"]}}}, "scoring.overlap.mean: hd95 is not a metric where higher is"),
        ({"scoring": {"distance": {"mean": ["dice"]}}}, "scoring.distance.mean: dice is not a metric where lower is"),
        ({"scoring": {"overlap": {"mean": []}}}, "scoring.overlap.mean: name at least one metric"),
        ({"mixtures": [LABELLED, {**LABELLED, "label": "b"}]}, "mixtures: dice has two labels, a and b"),
        ({"mixtures": [LABELLED, {"terms": [{"loss": "ce"}], "label": "a"}]}, "mixtures: dice and ce are both called"),
        ({"mixtures": [{**LABELLED, "label": "ce"}, "ce"]}, "mixtures: dice and ce are both called ce"),
        ({"evaluation": {"metrics": ["dice", "dice"]}}, "evaluation.metrics: dice stands twice"),
        ({"evaluation": {"metrics": ["nsd"]}}, "evaluation.metrics: 'nsd': write nsd@2 for a tolerance of 2"),
        ({"evaluation": {"metrics": ["nsd@"]}}, "evaluation.metrics: 'nsd@': the tolerance behind @ must be"),
        ({"evaluation": {"metrics": ["nsd@-1"]}}, "evaluation.metrics: 'nsd@-1': the tolerance behind @ must be"),
        ({"evaluation": {"metrics": ["nsd@inf"]}}, "evaluation.metrics: nsd@inf: inf lies outside 0 to 1e+06"),
        ({"evaluation": {"metrics": ["nsd@1e9"]}}, "evaluation.metrics: nsd@1e9: 1000000000.0 lies outside 0 to 1e+06"),
        ({"evaluation": {"metrics": ["nsd@nan"]}}, "evaluation.metrics: 'nsd@nan': the tolerance behind @ must be"),
        ({"evaluation": {"metrics": ["nsd@2", "nsd@2.0"]}}, "evaluation.metrics: nsd@2 stands twice"),
        ({"scoring": {"overlap": {"mean": ["nsd@1e9"]}}}, "scoring.overlap.mean: nsd@1e9: 1000000000.0 lies outside 0"),
        ({"evaluation": {"metrics": ["dice@1"]}}, "evaluation.metrics: dice takes no tolerance"),
        ({"training": {"epochs": 3, "validate_every": 5}}, "training: validate_every (5) exceeds epochs (3)"),
        ({"training": {"early_stopping": {}, "select": "last"}}, "training: early_stopping needs select: best"),
        ({"preprocessing": [{"window": {"low": 300}}]}, "preprocessing[0]: window.low (300) must lie below high (255)"),
        (
            {"data": {"source": "folder", "path": "d", "classes": ["a"]}, "preprocessing": []},
            "preprocessing: no step normalises the intensities; add one of z_score, min_max, contrast_stretch, equal",
        ),
        (
            {"data": {"source": "folder", "path": "d", "classes": ["a"]}, "preprocessing": ["resize", "window"]},
            "preprocessing: no step normalises the intensities",
        ),
        (
            {"networks": [{"name": "UNet_MobileNetV3s", "encoder_weights": "imagenet21k"}]},
            "networks[0]: encoder_weights: 'imagenet21k' is no choice for tu-mobilenetv3_small_100",
        ),
    ],
)  # fmt: skip
def test_keys_that_contradict_each_other_are_explained(refuse: Refuse, change: dict[str, Any], message: str) -> None:
    (line,) = refuse(**change)
    assert line.startswith(message)


def test_a_label_given_once_holds_for_every_mention(parse: Parse) -> None:
    (mixture,) = parse(mixtures=["dice", LABELLED, "1.00*dice"]).all_mixtures()
    assert mixture.label == "a"


def test_the_baseline_may_be_written_in_any_way(parse: Parse) -> None:
    experiment = parse(mixtures=["0.5*ce + 0.5*dice"], scoring={"baseline": "0.500*dice+.5*ce"})
    assert experiment.scoring.baseline == experiment.all_mixtures()[0].name


def test_all_folds_are_run_unless_some_are_named(parse: Parse) -> None:
    assert parse(splits={"folds": 3}).all_folds() == (0, 1, 2)
    assert parse(folds=[4, 1]).all_folds() == (4, 1)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"mixtures": [SIMPLEX, LABELLED, "0.3*ce + 0.7*dice(smooth=0.1)"]},
        {"mixtures": [{"simplex": {"terms": ["ce", {"loss": "dice", "parameters": {"smooth": 0.1}}], "step": 0.1}}]},
        {"data": {"source": "folder", "path": "d", "classes": {"b": [2, 3], "a": 1}, "spacing": [0.5, 0.5]}},
        {"data": {"source": "coco", "path": "d", "classes": ["b", "a"], "on_top": ["a", "b"]}},
        {"data": {"source": "nnunet", "path": "d"}},
        {"preprocessing": [{"resize": {"size": [64, 32]}}, "z_score"]},
        {"networks": [{"name": "mine", "architecture": "Unet", "encoder": "resnet18", "parameters": {"a": [1]}}]},
        {"scoring": {"baseline": "dice"}, "tracking": {"register": "refit"}},
    ],
)  # fmt: skip
def test_the_resolved_experiment_reads_back_as_itself(parse: Parse, change: dict[str, Any]) -> None:
    """``experiment.json`` is what scoring and reports read."""
    experiment = parse(**change)
    text = json.dumps(experiment.model_dump(mode="json", by_alias=True), sort_keys=True)
    again = Experiment.model_validate(json.loads(text))
    assert again == experiment
    assert again.all_mixtures() == experiment.all_mixtures()


def test_identity_holds_what_differs_from_the_defaults(parse: Parse) -> None:
    assert identity(parse().training) == {}
    changed = parse(training={"epochs": 100, "device": "cpu", "augmentation": None, "optimiser": {"name": "sgd"}})
    assert identity(changed.training) == {"augmentation": None, "optimiser": {"name": "sgd"}}


def test_an_experiment_cannot_be_changed(parse: Parse) -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse().training.epochs = 3


def test_a_tolerance_has_one_spelling(parse: Parse) -> None:
    """The name is a column of the tables and part of the identity of an evaluation."""
    parsed = parse(
        evaluation={
            "metrics": ["iou", "dice", "precision", "recall", "hd95", "assd", "nsd@2.0", "nsd@0.50", "nsd@1e1"]
        },
        scoring={"overlap": {"mean": ["nsd@2.00"]}},
    )
    assert parsed.evaluation.metrics[-3:] == ("nsd@2", "nsd@0.5", "nsd@10")
    assert parsed.scoring.overlap.mean == ("nsd@2",)


@pytest.mark.parametrize("step", ["z_score", "min_max", "contrast_stretch", "equalise", "clahe"])
def test_any_step_that_normalises_will_do(parse: Parse, step: str) -> None:
    parse(data={"source": "folder", "path": "d", "classes": ["a"]}, preprocessing=["resize", step])
