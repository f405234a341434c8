"""The champion: chosen on validation, registered once, and loaded back."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import torch
from mlflow import MlflowClient
from PIL import Image

from seggrid.data.preprocess import preprocess
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.inference.model import Model
from seggrid.inference.predict import Predictor, predict_case
from seggrid.manifest import manifest_hash
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder, evaluation_file, manifest_cache
from seggrid.plan import refit_run
from seggrid.records import RunStatus, read_json, write_json
from seggrid.scoring.stage import score
from seggrid.specification import DataSpec, PlannedRun, read_plan, read_run
from seggrid.tracking.registry import draw_example
from seggrid.tracking.stage import track
from tests.unit.tracking.conftest import current, set_mode

NAME = "tiny"


@pytest.fixture(scope="module")
def registered_once(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results whose champion is registered; tests must not change them."""
    folder = tmp_path_factory.mktemp("registered") / "results"
    shutil.copytree(template / "results", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGGRID_RESULTS", str(folder))
        assert "models:/tiny@champion is version 1" in track(NAME)
    return folder


@pytest.fixture
def registered(registered_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """A client of a store that holds a champion; tests must not change it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGGRID_RESULTS", str(registered_once))
    uri = f"sqlite:///{registered_once / 'mlflow' / 'mlflow.db'}"
    return MlflowClient(uri, registry_uri=uri)


def load(client: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", client.tracking_uri)
    return mlflow.pyfunc.load_model(f"models:/{NAME}@champion")


def chosen(plan: Sequence[PlannedRun]) -> list[str]:
    row = read_json(ExperimentFolder(NAME).scores)["validation_winner"]
    return [run.run_id for run in plan if run.loss == row["loss"]]


def direct(run_ids: Sequence[str], store: Store, case: int) -> np.ndarray:
    predictors = [Predictor(read_run(run_id), RunFolder(run_id).model, 1, 3, torch.device("cpu")) for run_id in run_ids]
    return predict_case(predictors, store, case)


def raw(template: Path, store: Store, case: int) -> np.ndarray:
    return np.asarray(Image.open(template / "raw" / "images" / f"{store.cases[case].case}.png"))


def test_the_ensemble_predicts_what_averaging_gives(
    registered: MlflowClient, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = read_plan(NAME)
    store = Store.open(DataFolder(plan[0].data_id))
    model = load(registered, monkeypatch)
    for case in range(3):
        image, expected = raw(template, store, case), direct(chosen(plan), store, case)
        assert not np.array_equal(expected, direct(chosen(plan)[:1], store, case))
        masks = model.predict(image[None])
        assert masks.dtype == np.uint8
        assert np.array_equal(masks[0], expected)
        twice = np.stack([image, image])[..., None].astype(np.float32)
        assert np.array_equal(model.predict(twice), np.stack([expected, expected]))


def test_the_model_refuses_images_that_do_not_fit(registered: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(registered, monkeypatch)
    noise = np.random.default_rng(0).integers(0, 255, (1, 40, 50, 3), np.uint8)
    with pytest.raises(UserError, match="3 channels give 3 after preprocessing, not 1"):
        model.predict(noise)
    with pytest.raises(UserError, match="an image of 2 axes is wanted"):
        model.predict(noise[0, :, :, 0])


def test_the_model_is_code_and_weights_only(registered: MlflowClient) -> None:
    folder = Path(current(registered).source.removeprefix("file://"))
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert not [name for name in files if name.endswith((".pkl", ".pt", ".pyc"))]
    for run_id in chosen(read_plan(NAME)):
        assert {f"artifacts/champion/{run_id}/{name}" for name in ("spec.json", "model.safetensors")} <= files
    assert {"served.py", "code/seggrid/inference/predict.py"} <= files
    pins = (folder / "requirements.txt").read_text().split()
    assert f"torch=={torch.__version__.partition('+')[0]}" in [pin.partition("+")[0] for pin in pins]
    assert all("==" in pin for pin in pins)


def test_the_input_example_is_drawn_and_can_be_predicted(
    registered: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(registered, monkeypatch)
    masks = model.predict(np.asarray(model.input_example))
    assert masks.shape == (1, 64, 64)


def test_the_version_says_what_it_is(registered: MlflowClient) -> None:
    plan = read_plan(NAME)
    version, row = current(registered), read_json(ExperimentFolder(NAME).scores)["validation_winner"]
    tags = version.tags
    assert tags["seggrid.runs"] == ", ".join(chosen(plan))
    assert (tags["seggrid.register"], tags["seggrid.mixture"]) == ("fold_ensemble", row["loss"])
    assert float(tags["seggrid.candidate_test_overlap"]) == pytest.approx(row["overlap"], rel=1e-5)
    assert float(tags["seggrid.val_distance"]) == pytest.approx(row["distance_val"], rel=1e-5)
    assert (tags["seggrid.data_id"], tags["seggrid.commit"]) == (plan[0].data_id, "0123abc+changes")
    record = read_json(ExperimentFolder(NAME).tracked)
    assert (record["model"], record["version"]) == (NAME, int(version.version))
    assert version.run_id == record["parent_run_id"]


def test_the_score_of_a_version_is_absolute_on_val(registered: MlflowClient) -> None:
    scores, tags = read_json(ExperimentFolder(NAME).scores), current(registered).tags
    row = scores["validation_winner"]
    expected = row["overlap_val"] / 2 + 0.5 / (1 + row["distance_val"] / scores["reference_distance"])
    assert float(tags["seggrid.score"]) == pytest.approx(expected, rel=1e-5)
    assert (tags["seggrid.split"], tags["seggrid.folds"], tags["seggrid.distance"]) == ("val", "0, 1", "hd95, assd")


def test_validation_chooses_not_test(client: MlflowClient, plan: list[PlannedRun]) -> None:
    path = ExperimentFolder(NAME).scores
    scores = read_json(path)
    best = scores["winners"][scores["criterion"]]
    other = next(run for run in plan if run.loss != best["loss"])
    scores["validation_winner"] |= {"loss": other.loss, "label": other.label}
    write_json(path, scores)
    text = track(NAME)
    tags = current(client).tags
    assert tags["seggrid.winner_val"] == f"tiny, {other.loss}" != tags["seggrid.winner_test"]
    assert tags["seggrid.winner_test"] == f"tiny, {best['loss']}"
    assert tags["seggrid.mixture"] == other.loss
    assert f"chosen on validation; on test tiny, {best['loss']} comes first" in text


def test_the_same_content_adds_no_version_and_another_mode_does(client: MlflowClient, plan: list[PlannedRun]) -> None:
    track(NAME)
    track(NAME)
    assert len(client.search_model_versions(f"name = '{NAME}'")) == 1
    set_mode("best_fold")
    track(NAME)
    assert int(current(client).version) == 2
    set_mode("fold_ensemble")
    track(NAME)
    assert len(client.search_model_versions(f"name = '{NAME}'")) == 2
    assert int(current(client).version) == 1


def test_best_fold_is_the_run_with_the_best_validation_dice(
    client: MlflowClient, plan: list[PlannedRun], store: Store, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_mode("best_fold")
    track(NAME)
    ids = read_json(ExperimentFolder(NAME).tracked)["runs"]
    best = max(chosen(plan), key=lambda run_id: client.get_run(ids[run_id]).data.metrics["val/dice"])
    assert current(client).tags["seggrid.runs"] == best
    masks = load(client, monkeypatch).predict(raw(template, store, 0)[None])
    assert np.array_equal(masks[0], direct([best], store, 0))


def test_the_winner_on_all_cases_is_registered(client: MlflowClient, plan: list[PlannedRun]) -> None:
    set_mode("refit")
    spec = refit_run(read_run(chosen(plan)[0]))
    folder = RunFolder(spec.run_id)
    write_json(folder.spec, spec.model_dump(mode="json"))
    shutil.copy(RunFolder(plan[0].run_id).model, folder.model)
    write_json(folder.status, RunStatus(run_id=spec.run_id, state="completed").model_dump(mode="json"))
    track(NAME)
    assert current(client).tags["seggrid.runs"] == spec.run_id
    assert current(client).tags["seggrid.register"] == "refit"


def test_a_winner_that_is_not_trained_on_all_cases_is_not_registered(
    client: MlflowClient, plan: list[PlannedRun]
) -> None:
    set_mode("refit")
    with pytest.raises(UserError, match="run `seggrid refit tiny` first"):
        track(NAME)
    assert not client.search_registered_models()
    (parent,) = client.search_experiments(filter_string="name = 'tiny'")
    assert len(client.search_runs([parent.experiment_id])) > len(plan), "the runs are imported all the same"


@pytest.mark.parametrize("step", ["log_model_artifacts", "create_model_version", "set_registered_model_alias"])
def test_a_killed_registration_is_completed(
    client: MlflowClient, plan: list[PlannedRun], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(MlflowClient, step, killed)
        track(NAME)
    assert not ExperimentFolder(NAME).tracked.exists()
    track(NAME)
    assert int(current(client).version) == 1
    assert len(client.search_logged_models([client.get_experiment_by_name(NAME).experiment_id])) == 1


def test_scores_older_than_the_runs_choose_no_champion(client: MlflowClient, plan: list[PlannedRun]) -> None:
    status = RunFolder(chosen(plan)[0]).status
    content = status.read_bytes()
    status.unlink()
    with pytest.raises(UserError, match=r"scores\.json: older than the runs; run `seggrid score tiny`"):
        track(NAME)
    # Runs that came since the scores may hold another winner.
    score(NAME)
    status.write_bytes(content)
    with pytest.raises(UserError, match=r"scores\.json: older than the runs; run `seggrid score tiny`"):
        track(NAME)
    assert not client.search_registered_models()


def test_scores_of_another_plan_choose_no_champion(client: MlflowClient, results: Path) -> None:
    experiment = read_json(ExperimentFolder(NAME).experiment)
    experiment["scoring"]["criterion"] = "absolute"
    write_json(ExperimentFolder(NAME).experiment, experiment)
    with pytest.raises(UserError, match=r"scores\.json: of another plan or other settings; run `seggrid score tiny`"):
        track(NAME)
    assert not client.search_registered_models()


@pytest.mark.parametrize(
    ("colour", "steps", "shape"),
    [
        (False, ["z_score"], (1, 64, 64)),
        (False, ["z_score", "multilevel_threshold"], (1, 64, 64)),
        (True, ["crop_to_content", "multilevel_threshold"], (1, 64, 64, 3)),
    ],
)
def test_the_drawn_example_has_the_channels_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colour: bool, steps: list[str], shape: tuple[int, ...]
) -> None:
    for part in ("images", "masks"):
        (tmp_path / "raw" / part).mkdir(parents=True)
    for number in range(4):
        mask = np.zeros((30, 30), np.uint8)
        mask[8:20, 8:20] = 1
        levels = np.random.default_rng(number).integers(0, 9, (30, 30, 3 if colour else 1))
        image = (100 * mask[..., None] + levels).astype(np.uint8).squeeze()
        Image.fromarray(image).save(tmp_path / "raw" / "images" / f"c{number}.png")
        Image.fromarray(mask).save(tmp_path / "raw" / "masks" / f"c{number}.png")
    folder = DataFolder("drawn", tmp_path)
    data = {"source": "folder", "path": str(tmp_path / "raw"), "classes": ["box"]}
    spec = DataSpec.model_validate(
        {"data_id": "drawn", "data": data, "preprocessing": steps, "splits": {"folds": 2}, "identity": {}}
    )
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    spec.identity["manifest"] = manifest_hash(spec.data, manifest_cache())
    write_json(folder.spec, spec.model_dump(mode="json"))
    preprocess(spec, folder, 1)
    store = Store.open(folder)
    assert draw_example(Model((), spec, store.class_names, store.in_channels, 2)).shape == shape


def test_renamed_objects_are_a_new_version(client: MlflowClient, plan: list[PlannedRun]) -> None:
    track(NAME)
    path = evaluation_file(plan[0].eval_id)
    write_json(path, {**read_json(path), "class_names": ["ring", "box"]})
    track(NAME)
    assert int(current(client).version) == 2


def test_without_a_complete_candidate_nothing_is_registered(client: MlflowClient, results: Path) -> None:
    path = ExperimentFolder(NAME).scores
    scores = read_json(path)
    scores |= {"validation_winner": None, "winners": dict.fromkeys(scores["winners"])}
    write_json(path, scores)
    assert "no champion" in track(NAME)
    assert not client.search_registered_models()
    assert read_json(ExperimentFolder(NAME).tracked)["version"] is None
