"""Post-processing in the evaluate stage, in models and in predictions, with made-up masks; no test trains."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from torch import Tensor

from seggrid.config.postprocessing import chain_title
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.inference import evaluate as module
from seggrid.inference import segmenter
from seggrid.inference.choice import Choice
from seggrid.inference.device import choose_device
from seggrid.inference.evaluate import evaluate
from seggrid.inference.masks import read_mask
from seggrid.inference.model import Model, open_model
from seggrid.inference.postprocessing import Labels
from seggrid.paths import DataFolder, EvaluationFolder, RunFolder, evaluation_file
from seggrid.records import RunStatus, read_json, read_model, write_json
from seggrid.specification import PlannedRun, read_plan
from tests.conftest import Workplace

FEMUR = 2
OPTIONS = ["largest_component", {"remove_small": {"minimum": 6}}]


def with_speck(truth: Labels) -> Labels:
    mask = truth.copy()
    free = np.argwhere(truth == 0)
    mask[tuple(free[0])] = FEMUR
    return mask


def cut_in_two(truth: Labels) -> Labels:
    """The truth without the row in the middle of the femur: two components, of which neither is small."""
    mask = truth.copy()
    rows = np.flatnonzero((truth == FEMUR).any(axis=1))
    mask[rows[len(rows) // 2]] = 0
    return mask


@pytest.fixture
def run(
    make_workplace: Callable[..., Workplace], preprocessed: Workplace, monkeypatch: pytest.MonkeyPatch
) -> PlannedRun:
    """A run whose masks have a speck on val and are cut in two on test, for which nothing is better than the choice."""
    place = make_workplace(mixtures=["ce"], folds=[0], evaluation={"postprocessing": OPTIONS})
    place.seggrid("plan", str(place.experiment))
    place.share_data(preprocessed)
    monkeypatch.setenv("SEGGRID_RESULTS", str(place.results))
    (found,) = read_plan("tiny")
    status = RunStatus(run_id=found.run_id, state="completed")
    write_json(RunFolder(found.run_id).status, status.model_dump(mode="json"))
    RunFolder(found.run_id).model.write_bytes(b"weights")

    def predict_case(_: object, store: Store, case: int) -> Labels:
        return (with_speck if case in store.fold(0).val else cut_in_two)(store.truth(case))

    # It would change how the tests after these compute.
    for user in (module, segmenter):
        monkeypatch.setattr(user, "use_deterministic_kernels", lambda *_: None)
        monkeypatch.setattr(user, "load_predictors", lambda *_: [])
    monkeypatch.setattr(module, "predict_case", predict_case)
    return found


def folder_of(run: PlannedRun) -> EvaluationFolder:
    return RunFolder(run.run_id).evaluation(run.eval_id)


def dice(path: Path, split: str) -> float:
    table = pd.read_csv(path)
    return float(table[(table["split"] == split) & (table["class"] == "femur")]["dice"].mean())


def test_the_choice_is_best_on_val_though_test_would_prefer_another(run: PlannedRun) -> None:
    folder = folder_of(run)
    assert evaluate(run.run_id, run.eval_id) == folder.cases
    choice = read_model(folder.choice, Choice)
    assert [chain_title(chain) for chain in choice.chains] == ["none", "largest_component", "none", "none"]
    assert dice(folder.cases, "val") == 1 > dice(folder.unprocessed, "val")
    assert dice(folder.cases, "test") < 0.9 < dice(folder.unprocessed, "test")
    before, after = (pd.read_csv(path) for path in (folder.unprocessed, folder.cases))
    keys = ["run_id", "split", "case", "class", "unit"]
    pd.testing.assert_frame_equal(before[keys], after[keys])
    untouched = before["class"] != "femur"
    pd.testing.assert_frame_equal(before[untouched], after[untouched], check_dtype=False)


def test_the_masks_are_those_that_were_measured(run: PlannedRun) -> None:
    evaluate(run.run_id, run.eval_id)
    table = pd.read_csv(folder_of(run).cases)
    with zipfile.ZipFile(folder_of(run).predictions) as archive:
        for row in table[table["class"] == "femur"].itertuples():
            assert np.count_nonzero(read_mask(archive, f"{row.split}/{row.case}") == FEMUR) == row.tp + row.fp


def test_what_was_measured_is_kept_with_its_choice(run: PlannedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(run)
    evaluate(run.run_id, run.eval_id)
    files = [folder.cases, folder.unprocessed, folder.choice]
    first = [path.read_bytes() for path in files]
    for path in files:
        path.unlink()
    monkeypatch.delattr(module, "_measure_cases")
    evaluate(run.run_id, run.eval_id)
    assert [path.read_bytes() for path in files] == first


def test_same_inputs_same_bytes(run: PlannedRun) -> None:
    evaluate(run.run_id, run.eval_id)
    first = {path.name: path.read_bytes() for path in folder_of(run).folder.iterdir()}
    shutil.rmtree(folder_of(run).folder)
    evaluate(run.run_id, run.eval_id)
    assert {path.name: path.read_bytes() for path in folder_of(run).folder.iterdir()} == first


def test_a_run_is_opened_with_what_it_chose(run: PlannedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate(run.run_id, run.eval_id)
    model = open_model(run.run_id)
    assert [chain_title(chain) for chain in model.postprocessing] == ["none", "largest_component", "none", "none"]
    model.write(tmp_path)
    assert Model.read(tmp_path) == Model(
        ((model.members[0][0], tmp_path / run.run_id / "model.safetensors"),), model.data, model.class_names, 1, 2,
        model.postprocessing,
    )  # fmt: skip

    def predict_masks(_: object, images: Tensor, *__: object) -> list[Labels]:
        return [with_speck(store.truth(case)) for _ in images]

    store, case = Store.open(DataFolder(run.data_id)), 0
    monkeypatch.setattr(segmenter, "predict_masks", predict_masks)
    made = segmenter.Segmenter(model, choose_device("cpu"))
    (mask,) = made.segment([made.prepare(store.original(case)[None])])
    np.testing.assert_array_equal(mask, store.truth(case))


def test_evaluations_that_chose_differently_must_be_told_apart(run: PlannedRun) -> None:
    evaluate(run.run_id, run.eval_id)
    other = RunFolder(run.run_id).evaluation("0" * 12)
    shutil.copytree(folder_of(run).folder, other.folder)
    assert open_model(run.run_id).postprocessing
    other.choice.unlink()
    with pytest.raises(UserError, match="its evaluations chose different post-processing; give the folder of one"):
        open_model(run.run_id)
    assert open_model(str(other.folder)).postprocessing == ()
    assert any(open_model(str(folder_of(run).folder)).postprocessing)
    with pytest.raises(UserError, match="no such run or folder"):
        open_model(str(other.folder.with_name("eval-" + "1" * 12)))


def test_millimetres_need_a_spacing(run: PlannedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    path = evaluation_file(run.eval_id)
    pixel = float(np.prod(Store.open(DataFolder(run.data_id)).cases[0].spacing or ()))
    steps = [[{"name": "remove_small", "parameters": {"minimum": 1.5 * pixel, "unit": "mm"}}]]
    settings = read_json(path)
    settings["evaluation"]["postprocessing"] = steps
    write_json(path, settings)
    evaluate(run.run_id, run.eval_id)
    model = open_model(run.run_id)
    assert chain_title(model.postprocessing[1]).startswith("remove_small(minimum=")
    made = segmenter.Segmenter(model, choose_device("cpu"))
    image = Store.open(DataFolder(run.data_id)).original(0)[None]
    assert made.prepare(image, (0.5, 0.5)).spacing == (0.5, 0.5)
    with pytest.raises(UserError, match="unit mm needs a spacing, which this image does not have"):
        made.prepare(image)
