"""Ensembles of made-up networks: how they are joined, and how their weights are learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.inference import ensemble as loading
from seggrid.inference import joining
from seggrid.inference.ensemble import WeightedPredictors
from seggrid.inference.joining import make_ensemble
from seggrid.inference.learning import fit, learn_weights
from seggrid.inference.members import LearnedWeights, networks_of
from seggrid.inference.model import Model, open_model
from seggrid.inference.predict import predict_masks
from seggrid.paths import DataFolder, RunFolder
from seggrid.records import RunStatus, read_json, read_model, write_json
from seggrid.specification import PlannedRun, RunSpec, is_ensemble, read_any_run, read_ensemble, read_plan
from tests.conftest import Workplace

CPU = torch.device("cpu")


class Fixed:
    """A network that gives the same probabilities for every image."""

    def __init__(self, probabilities: Tensor) -> None:
        self._probabilities = probabilities

    def probabilities(self, images: Tensor) -> Tensor:
        return self._probabilities.expand(len(images), *self._probabilities.shape[1:]).clone()


def drawn(seed: int, classes: int = 3, shape: Sequence[int] = (6, 7)) -> Tensor:
    return torch.randn((1, classes, *shape), generator=torch.Generator().manual_seed(seed)).softmax(1)


def test_the_weighted_mean_is_that_by_hand() -> None:
    members = [drawn(seed) for seed in range(3)]
    weights = ((0.5, 0.2, 1.0), (0.25, 0.3, 0.0), (0.25, 0.5, 0.0))
    found = WeightedPredictors([Fixed(member) for member in members], weights, CPU).probabilities(
        torch.zeros(2, 1, 6, 7)
    )
    by_hand = sum(member * torch.tensor(row).view(1, 3, 1, 1) for member, row in zip(members, weights, strict=True))
    assert found.shape == (2, 3, 6, 7)
    torch.testing.assert_close(found[:1], by_hand)


def test_a_mean_is_the_mean_of_the_probabilities() -> None:
    members = [drawn(seed) for seed in range(4)]
    (mask,) = predict_masks([Fixed(member) for member in members], torch.zeros(1, 1, 6, 7), [()], [(6, 7)])
    np.testing.assert_array_equal(mask, (sum(members) / 4)[0].argmax(0).numpy())


def test_an_ensemble_of_one_is_its_member() -> None:
    member = Fixed(drawn(0))
    one = WeightedPredictors([member], ((1.0, 1.0, 1.0),), CPU)
    images = torch.zeros(1, 1, 6, 7)
    torch.testing.assert_close(one.probabilities(images), member.probabilities(images), rtol=0, atol=0)


def pixels(good_at: Sequence[int], labels: Tensor, seed: int) -> Tensor:
    """Probabilities ``(classes, pixels)`` that say much of some classes and of the others nothing."""
    noise = torch.randn((3, len(labels)), generator=torch.Generator().manual_seed(seed))
    logits = 0.5 * noise
    for label in good_at:
        logits[label] += torch.where(labels == label, 3.0, -3.0)
    return logits.softmax(0)


def test_each_class_gets_the_member_that_knows_it() -> None:
    labels = torch.randint(0, 3, (1500,), generator=torch.Generator().manual_seed(0))
    members = torch.stack([pixels((1,), labels, 1), pixels((2,), labels, 2), pixels((), labels, 3)])
    importance = torch.full((1500,), 1 / 1500, dtype=torch.float64)
    found = fit(members, labels, importance)
    weights = np.array(found.weights)
    assert weights.sum(axis=0) == pytest.approx(1, abs=5e-6)
    assert weights[:, 1].argmax() == 0
    assert weights[:, 2].argmax() == 1
    assert weights[:, 1:].max(axis=0).min() > 0.8
    assert found.log_likelihood > found.of_mean
    assert fit(members, labels, importance) == found


def test_members_that_are_alike_count_the_same() -> None:
    labels = torch.randint(0, 3, (500,), generator=torch.Generator().manual_seed(0))
    member = pixels((0, 1, 2), labels, 1)
    found = fit(torch.stack([member, member]), labels, torch.full((500,), 1 / 500, dtype=torch.float64))
    assert np.array(found.weights) == pytest.approx(0.5, abs=1e-6)
    assert found.log_likelihood == pytest.approx(found.of_mean, abs=1e-9)


@pytest.fixture
def place(
    make_workplace: Callable[..., Workplace], preprocessed: Workplace, monkeypatch: pytest.MonkeyPatch
) -> Workplace:
    """A planned experiment with two candidates and their ensembles; the first knows object 1, the second object 2."""
    made = make_workplace(mixtures=["ce", "dice"], ensembles=[{}, {"weights": "learned", "label": "best"}])
    made.seggrid("plan", str(made.experiment))
    made.share_data(preprocessed)
    monkeypatch.setenv("SEGGRID_RESULTS", str(made.results))
    monkeypatch.setattr(loading, "Predictor", Knowing)
    # It would change how the tests after these compute.
    monkeypatch.setattr(joining, "use_deterministic_kernels", lambda *_: None)
    return made


class Knowing:
    """A network that knows one object of the images that it is given."""

    def __init__(self, spec: RunSpec, *_: object) -> None:
        self._store = Store.open(DataFolder(spec.data_id))
        self._object = 2 if spec.mixture.name == "ce" else 3

    def probabilities(self, images: Tensor) -> Tensor:
        cases = [case for case in range(len(self._store.cases)) if np.array_equal(self._store.image(case), images[0])]
        labels = torch.from_numpy(self._store.labels(cases[0]).astype(np.int64))
        logits = 0.1 * torch.randn((5, *labels.shape), generator=torch.Generator().manual_seed(cases[0]))
        logits[self._object] += torch.where(labels == self._object, 4.0, -4.0)
        return logits.softmax(0)[None]


def run_of(weights: str) -> PlannedRun:
    return next(run for run in read_plan("tiny") if run.run_id.startswith(f"ensemble-{weights}") and run.fold == "0")


def end(member: str, state: str = "completed") -> None:
    reason = None if state == "completed" else "out of memory"
    status = RunStatus.model_validate(
        {"run_id": member, "state": state, "reason": reason, "parameters": 10, "seconds": 2.0, "device": "cpu"}
    )
    write_json(RunFolder(member).status, status.model_dump(mode="json"))
    RunFolder(member).model.write_bytes(member.encode())


def test_what_the_members_cost_is_what_it_costs(place: Workplace) -> None:
    run = run_of("mean")
    for member in read_ensemble(run.run_id).members:
        end(member)
    status = make_ensemble(run.run_id)
    assert (status.state, status.parameters, status.seconds, status.device) == ("completed", 20, 4.0, "cpu")
    found = read_model(RunFolder(run.run_id).weights, LearnedWeights)
    assert np.array(found.weights) == pytest.approx(0.5)
    assert found.classes[0] == "background"
    assert networks_of([read_ensemble(run.run_id)])[1] is None


def test_weights_are_learned_on_validation_cases_and_are_the_same_twice(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of("learned")
    members = read_ensemble(run.run_id).members
    for member in members:
        end(member)
    seen: list[tuple[int, ...]] = []

    def watched(*given: object) -> object:
        seen.append(given[2])
        return learn_weights(*given)

    monkeypatch.setattr(joining, "learn_weights", watched)
    make_ensemble(run.run_id, "cpu")
    folder = RunFolder(run.run_id)
    found = read_model(folder.weights, LearnedWeights)
    by_loss = {read_any_run(member).candidate[1]: row for member, row in zip(members, found.weights, strict=True)}
    assert by_loss["ce"][2] > 0.8 > 0.2 > by_loss["dice"][2]
    assert by_loss["dice"][3] > 0.8 > 0.2 > by_loss["ce"][3]
    assert found.val_log_likelihood is not None
    assert found.val_log_likelihood_of_mean is not None
    assert found.val_log_likelihood > found.val_log_likelihood_of_mean
    assert seen == [Store.open(DataFolder(run.data_id)).fold(0).val]
    first = [path.read_bytes() for path in (folder.weights, folder.status)]
    make_ensemble(run.run_id, "cpu")
    assert [path.read_bytes() for path in (folder.weights, folder.status)] == first


def test_a_failed_member_fails_it_and_a_missing_one_is_named(place: Workplace) -> None:
    run = run_of("mean")
    first, second = read_ensemble(run.run_id).members
    end(first)
    with pytest.raises(UserError, match=r"status.json: no such file; run `seggrid train .*` first"):
        make_ensemble(run.run_id)
    end(second, "failed")
    status = make_ensemble(run.run_id)
    assert status.state == "failed"
    assert status.reason == f"member {second} failed: out of memory; run `seggrid retry {second}` first"


def test_it_is_opened_as_a_model_and_written_with_its_weights(place: Workplace, tmp_path: Path) -> None:
    run = run_of("learned")
    with pytest.raises(UserError, match=r"weights.json: no such file; run `seggrid ensemble .*` first"):
        open_model(run.run_id)
    for member in read_ensemble(run.run_id).members:
        end(member)
    make_ensemble(run.run_id, "cpu")
    model = open_model(run.run_id)
    assert len(model.members) == 2
    assert model.weights == read_model(RunFolder(run.run_id).weights, LearnedWeights).weights
    model.write(tmp_path)
    again = Model.read(tmp_path)
    assert (again.weights, again.content) == (model.weights, model.content)
    renamed = replace(model, class_names=tuple(f"{name}_2" for name in model.class_names))
    assert renamed.content != model.content, "names stand in masks that are DICOM segmentations"
    even = networks_of([read_any_run(member.run_id) for member, _ in model.members])
    assert even == (model.members, None)


def test_folds_are_joined_with_the_weights_of_each(place: Workplace) -> None:
    runs = [run for run in read_plan("tiny") if run.run_id.startswith("ensemble-learned")]
    for run in runs:
        for member in read_ensemble(run.run_id).members:
            end(member)
        make_ensemble(run.run_id, "cpu")
    networks, weights = networks_of([read_ensemble(run.run_id) for run in runs])
    assert len(networks) == 4
    single = [networks_of([read_ensemble(run.run_id)])[1] for run in runs]
    assert weights == tuple(tuple(value / 2 for value in row) for rows in single for row in rows or ())


def test_it_is_neither_trained_nor_mistaken(place: Workplace) -> None:
    run = run_of("mean").run_id
    assert is_ensemble(run)
    done = place.seggrid("train", run, check=False)
    assert done.returncode == 2
    assert f"`seggrid ensemble {run}` makes it" in done.stderr
    trained = read_ensemble(run).members[0]
    with pytest.raises(UserError, match="is no ensemble"):
        make_ensemble(trained)
    assert read_json(RunFolder(run).spec)["parent"] is None
