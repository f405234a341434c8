"""The methods paragraph says what was done."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from seggrid.catalogue.references import REFERENCES
from seggrid.config import Experiment
from seggrid.paths import RunFolder
from seggrid.records import read_json, write_json
from seggrid.report.manuscript.bibliography import cited
from seggrid.report.manuscript.latex import escape
from seggrid.report.manuscript.methods import methods
from seggrid.report.results import Results
from tests.unit.report.conftest import MakeResults
from tests.unit.report.grid import CLASSES, LABEL, NETWORK


def changed(results: Results, **changes: Any) -> Results:
    """The same runs under other settings of the experiment, not scored."""
    raw = {**results.grid.experiment.model_dump(mode="json", by_alias=True), **changes}
    grid = dataclasses.replace(results.grid, experiment=Experiment.model_validate(raw))
    return dataclasses.replace(results, grid=grid, scores=None)


def test_settings_stand_in_the_text(complete: Results) -> None:
    text = methods(complete)
    for fact in (
        "8 cases of 8 groups",
        r"40 $\times$ 48 pixels",
        "2 folds (seed 0)",
        "1.23 million parameters",
        "for 100 epochs",
        "batches of 8 images",
        r"weight decay 0.0001",
        "0.001 at its peak",
        "half a cosine to 0 after a linear warm-up over 5",
        "a flip of axis 2 (0.5)",
        "100 bootstrap resamples",
        "Of 8 planned runs 8 were completed",
        "torch 2",
        "commit abc",
        "snakemake -c2 -{}-config experiment=made-up data=FOLDER",
    ):
        assert fact in text, fact


def test_the_definition_of_hd95_is_the_one_measured(complete: Results) -> None:
    assert "HD95 (larger of the two directed 95th percentiles)" in methods(complete)
    pooled = changed(
        complete,
        evaluation={"metrics": ["dice", "hd95_pooled"]},
        scoring={"overlap": {"mean": ["dice"]}, "distance": {"mean": ["hd95_pooled"]}},
    )
    text = methods(pooled)
    assert "95th percentile of both directed distances together" in text
    assert "directed 95th percentiles)" not in text
    assert "the distance $D$ the mean of" in text


def test_the_arithmetic_is_what_was_computed(complete: Results) -> None:
    """Whatever the experiment asked for: the hardware of these runs computed in fp32."""
    asked = changed(complete, training={"precision": "bf16"})
    assert "Arithmetic was fp32, in deterministic kernels" in methods(asked)
    (run, *_) = asked.grid.runs
    path = RunFolder(run.planned.run_id).environment
    before = path.read_bytes()
    write_json(path, read_json(path) | {"precision": "bf16"})
    try:
        assert "Arithmetic was bf16 and fp32, as the hardware of each run allowed, in" in methods(asked)
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize(("policy", "words"), [("exclude", "left out of the means"), ("perfect", "counted as perfect")])
def test_the_policy_for_empty_masks(complete: Results, policy: str, words: str) -> None:
    assert words in methods(changed(complete, evaluation={"both_empty": policy}))


def test_what_is_switched_off_is_said(complete: Results) -> None:
    training = {"augmentation": None, "gradient_clip": None, "select": "last", "optimiser": {"name": "sgd"}}
    text = methods(changed(complete, training=training))
    assert "\\paragraph{Augmentation.}\nNone." in text
    assert "clipped" not in text
    assert "The weights of the last epoch were kept" in text
    assert "stochastic gradient descent (Nesterov momentum 0.9" in text
    assert "loshchilov2019" not in text


def test_names_are_escaped(complete: Results) -> None:
    text = methods(complete)
    for name in (NETWORK, LABEL, *CLASSES):
        assert escape(name) in text
        assert name not in text


def test_losses_networks_and_metrics_are_cited(complete: Results) -> None:
    keys = cited(methods(complete))
    assert {"wang2026", "milletari2016", "kervadec2019", "lin2017fpn", "he2016", "maierhein2024", "paszke2019"} <= set(
        keys
    )
    assert set(keys) <= set(REFERENCES)
    assert "scheffe1958" not in keys


def test_a_grid_that_is_planned_only(make_results: MakeResults) -> None:
    results = make_results(dict.fromkeys(range(8), "missing"), scored=False)
    for path in results.data.folder.glob("*"):
        if path.name != "spec.json":
            path.unlink()
    text = methods(dataclasses.replace(results, card=None))
    assert "is not preprocessed yet" in text
    assert "Of 8 planned runs 0 were completed and 8 are not finished." in text


def test_a_phantom_is_called_one(complete: Results) -> None:
    text = methods(changed(complete, data={"source": "phantom"}, splits={"folds": 2}))
    assert "drawn by the knee phantom of seggrid: lateral radiographs of 12 simulated knees" in text
    assert "data=FOLDER" not in text


def test_ensembles_and_post_processing_are_told(complete: Results) -> None:
    ensembles = [{"members": [NETWORK], "label": "<both>"}, {"weights": "learned", "label": "fitted"}]
    evaluation = {"postprocessing": ["largest_component", ["fill_holes", {"remove_small": {"minimum": 30}}]]}
    text = methods(changed(complete, ensembles=ensembles, evaluation=evaluation))
    assert f"(weighted) mean of their softmax probabilities: {escape('<both>')} ({escape(NETWORK)} with" in text
    assert f"{escape(NETWORK)} with \\texttt{{ce}}; all counted the same) and fitted (UNet\\_R18 with" in text
    assert "Learned weights, one for each member and class" in text
    assert "keep the largest connected component" in text
    assert "stays) then remove\\_small (remove connected components below a size; minimum 30; unit px" in text
    assert "\\paragraph{Prediction.}" not in methods(complete)


def test_volumes_patches_and_windows_are_told(complete: Results) -> None:
    training = {"patch_size": [32, 32, 32], "patch_sampling": {"foreground": 0.5, "interface": 0.25}}
    mixtures = ["ce", "ce + 0.50*boundary_branch"]
    networks = ["UNet3D", "MultiTaskUNet3D"]
    text = methods(changed(complete, networks=networks, mixtures=mixtures, training=training))
    assert "UNet3D (residual U-Net (MONAI), random initial weights" in text
    assert "segmentation-models-pytorch has them" not in text
    assert "Where MONAI is named, the network is its implementation~\\cite{cardoso2022}." in text
    assert "patches of 32 × 32 × 32 voxels" in text
    assert "Of the patches, 50\\,\\% had their centre on an object and 25\\,\\% where two objects lie within 2" in text
    assert "windows of the size of a patch, which overlap by 50\\,\\%" in text


def test_how_claims_were_tested_is_told(complete: Results) -> None:
    assert "claim" not in methods(complete)
    claims = [{"text": "CE", "better": {"loss": "ce"}, "worse": {"loss": LABEL}}]
    text = " ".join(methods(changed(complete, claims=claims)).split())
    for words in (
        "1 claim about the candidates was tested", "paired by fold and seed, their differences by group",
        "adjusted by Holm's procedure over all claims of the experiment",
        "two-sided exact sign test over the pairs of runs",
        "at least 3 seeds with all 2 folds",
    ):  # fmt: skip
        assert words in text, words
