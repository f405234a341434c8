"""What a user reads after a mistake in an experiment file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seggrid.config import Experiment, find_experiment, load_experiment, parse_experiment
from seggrid.errors import UserError

FOLDER = {"source": "folder", "path": "d", "classes": ["a", "b"]}
COCO = {"source": "coco", "path": "d", "classes": ["a", "b"]}
NNUNET = {"source": "nnunet", "path": "d"}
Refuse = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("change", "key", "hint"),
    [
        ({"trainig": {}}, "trainig", "training"),
        ({"training": {"epoch": 3}}, "training.epoch", "epochs"),
        ({"training": {"optimiser": {"learning_rte": 1}}}, "training.optimiser.learning_rte", "learning_rate"),
        ({"training": {"schedule": {"warm_up": 0}}}, "training.schedule.warm_up", "warmup"),
        ({"training": {"augmentation": {"gama": 1}}}, "training.augmentation.gama", "gamma"),
        ({"training": {"early_stopping": {"patence": 3}}}, "training.early_stopping.patence", "patience"),
        ({"data": {"source": "phantom", "nee": {}}}, "data.nee", "knee"),
        ({"data": {"source": "phantom", "knee": {"subject": 3}}}, "data.knee.subject", "subjects"),
        ({"data": {**FOLDER, "maks": "m"}}, "data.maks", "masks"),
        ({"data": {**COCO, "annotation": "m"}}, "data.annotation", "annotations"),
        ({"data": {**NNUNET, "space": 1}}, "data.space", "spacing"),
        ({"splits": {"fold": 3}}, "splits.fold", "folds"),
        ({"mixtures": ["ce", {"terms": [{"loss": "ce", "wieght": 1}]}]}, "mixtures[1].terms[0].wieght", "weight"),
        ({"mixtures": [{"terms": [{"loss": "ce"}], "lable": "x"}]}, "mixtures[0].lable", "label"),
        (
            {"mixtures": [{"simplex": {"terms": ["ce", "dice"], "step": 1, "min": 0}}]},
            "mixtures[0].simplex.min",
            "mini",
        ),
        ({"networks": [{"name": "UNet_R18", "encoder_weight": "x"}]}, "networks[0].encoder_weight", "encoder_weights"),
        ({"preprocessing": [{"name": "z_score", "parameter": {}}]}, "preprocessing[0].parameter", "parameters"),
        ({"evaluation": {"metric": []}}, "evaluation.metric", "metrics"),
        ({"scoring": {"overlap": {"means": []}}}, "scoring.overlap.means", "mean"),
        ({"tracking": {"registr": "refit"}}, "tracking.registr", "register"),
    ],
)
def test_an_unknown_key_is_named_in_full_with_the_nearest_valid_one(
    refuse: Refuse, change: dict[str, Any], key: str, hint: str
) -> None:
    assert any(line.startswith(f"{key}: unknown key (did you mean {hint}") for line in refuse(**change)), refuse(
        **change
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mixtures": ["0.5*dyce + 0.5*ce"]}, "mixtures[0].terms[0].loss: unknown loss 'dyce' (did you mean dice?)"),
        ({"mixtures": ["dice(smoth=1)"]}, "mixtures[0].terms[0]: dice.smoth: unknown parameter (did you mean smooth?)"),
        ({"networks": ["UNet_R19"]}, "networks[0]: unknown network 'UNet_R19' (did you mean UNet_R18?)"),
        ({"preprocessing": ["zscore"]}, "preprocessing[0].name: unknown step 'zscore' (did you mean z_score?)"),
        ({"preprocessing": [{"resize": {"sze": 1}}]}, "preprocessing[0]: resize.sze: unknown parameter (did you mean"),
        ({"evaluation": {"metrics": ["dyce"]}}, "evaluation.metrics: unknown metric 'dyce' (did you mean dice?)"),
        ({"data": {"source": "foldr"}}, "data.source: unknown 'foldr' (did you mean folder?); known are phantom, "),
        ({"training": {"optimiser": {"name": "adam"}}}, "training.optimiser.name: \"adam\" should be 'adamw' or 'sgd'"),
        ({"training": {"precision": "fp61"}}, 'training.precision: "fp61" should be'),
    ],
)  # fmt: skip
def test_an_unknown_name_is_answered_with_the_nearest_known_one(
    refuse: Refuse, change: dict[str, Any], message: str
) -> None:
    (line,) = refuse(**change)
    assert line.startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"training": {"epochs": 0}}, "training.epochs: 0 should be greater than or equal to 1"),
        ({"training": {"optimiser": {"learning_rate": -1}}}, "training.optimiser.learning_rate: -1 should be greater"),
        (
            {"training": {"augmentation": {"flip": [0, 0, 0, 0.5]}}},
            "training.augmentation.flip: [0, 0, 0, 0.5] should have at most 3 items",
        ),
        (
            {"training": {"optimiser": {"learning_rate": float("inf")}}},
            "training.optimiser.learning_rate: Infinity should",
        ),
        ({"training": {"checkpoint_seconds": float("nan")}}, "training.checkpoint_seconds: NaN should"),
        ({"training": {"augmentation": {"flip": [0, 2]}}}, "training.augmentation.flip[1]: 2 should be less than"),
        ({"training": {"patch_size": [4, 64]}}, "training.patch_size[0]: 4 should be greater than or equal to 8"),
        ({"splits": {"folds": 1}}, "splits.folds: 1 should be greater than or equal to 2"),
        ({"seeds": [-1]}, "seeds[0]: -1 should be greater than or equal to 0"),
        ({"seeds": [2**32]}, f"seeds[0]: {2**32} should be less than {2**32}"),
        ({"mixtures": ["2000*dice"]}, "mixtures[0].terms[0].weight: weight 2000 lies outside 0 (excluded) to 1000"),
        (
            {"mixtures": ["linear(0, 1)*dice + step(0, 1, 0.5)*ce"], "training": {"epochs": 10}},
            "mixtures: step(0.00, 1.00, 0.50)*ce + linear(0.00, 1.00)*dice has no positive weight in epoch 1 of 10",
        ),
        ({"mixtures": ["dice(smooth=2)"]}, "mixtures[0].terms[0]: dice.smooth: 2.0 lies outside 0 to 1"),
        ({"preprocessing": [{"median": {"size": 99}}]}, "preprocessing[0]: median.size: 99 lies outside 1 to 31"),
        ({"data": {"source": "phantom", "knee": {"size": 8}}}, "data.knee.size: 8 should be greater than or equal to"),
    ],
)
def test_ranges_are_checked(refuse: Refuse, change: dict[str, Any], message: str) -> None:
    (line,) = refuse(**change)
    assert line.startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": None}, "data: null should be a mapping of keys"),
        ({"data": {}}, "data.source: missing; known are phantom, folder, coco, nnunet"),
        ({"data": {"source": "folder", "path": "d"}}, "data.classes: missing"),
        ({"data": {**FOLDER, "classes": {"a": 1.5}}}, "data.classes.a: 1.5 should be a valid integer, got a"),
        ({"data": {**FOLDER, "classes": {"a": [None]}}}, "data.classes.a[0]: null should be a valid integer, or a"),
        ({"data": {**FOLDER, "classes": {1: "a"}}}, "data.classes[1]: 1 should be a text"),
        ({"mixtures": "dice"}, 'mixtures: "dice" should be a list'),
        ({"mixtures": []}, "mixtures: missing; name at least one, or add a section search"),
        ({"mixtures": [5]}, "mixtures[0]: 5 should be a mapping of keys"),
        ({"mixtures": [{"simplex": {"terms": ["ce", 5], "step": 1}}]}, "mixtures[0].simplex.terms[1]: 5 should be a"),
        ({"networks": [{"name": ["a"]}]}, "networks[0]: give the name of a network"),
        ({"networks": [{"architecture": "Unet", "encoder": 5}]}, "networks[0].encoder: 5 should be a text"),
        ({"networks": [{"architecture": "Unet"}]}, "networks[0]: Unet needs an encoder, e.g. resnet18"),
        ({"preprocessing": [{"resize": 256}]}, "preprocessing[0].parameters: 256 should be a mapping of keys"),
        ({"preprocessing": [{"resize": None, "z_score": None}]}, "preprocessing[0]: a step is its name, or {name:"),
        ({"name": "two words"}, "name: 'two words' names a folder"),
        ({"name": "../up"}, "name: '../up' names a folder"),
        ({"training": {"epochs": {"a": "b" * 100}}}, 'training.epochs: {"a": "bbb'),
    ],
)  # fmt: skip
def test_a_wrong_type_is_told_in_words_of_yaml(refuse: Refuse, change: dict[str, Any], message: str) -> None:
    (line,) = refuse(**change)
    assert line.startswith(message)
    assert len(line) < 400


def test_a_key_with_the_name_of_a_source_is_a_key(refuse: Refuse) -> None:
    assert refuse(data={**FOLDER, "coco": 1})[0].startswith("data.coco: unknown key")


def test_every_mistake_is_listed_once(refuse: Refuse) -> None:
    lines = refuse(
        trainig={},
        mixtures=[{"terms": [{"loss": "dyce"}, {"loss": "ce", "weight": -1, "wieght": 3}]}],
        networks=["UNet_R19"],
        training={"epochs": 0, "optimiser": {"learning_rate": "fast"}},
    )
    assert [line.partition(": ")[0] for line in lines] == [
        "networks[0]",
        "mixtures[0].terms[0].loss",
        "mixtures[0].terms[1].weight",
        "mixtures[0].terms[1].wieght",
        "training.epochs",
        "training.optimiser.learning_rate",
        "trainig",
    ]


def test_a_list_with_a_wrong_item_is_not_called_empty(refuse: Refuse) -> None:
    assert len(refuse(mixtures=["dyce"])) == 1
    assert len(refuse(networks=["UNet_R19"])) == 1
    assert len(refuse(seeds=["a"])) == 1


def test_a_key_that_is_no_text_is_named() -> None:
    with pytest.raises(UserError, match=r"^x: \[1\]: 1 should be a text$"):
        parse_experiment({1: 2, "name": "x", "data": {"source": "phantom"}, "networks": ["UNet_R18"],
                          "mixtures": ["ce"]}, "x")  # fmt: skip


VALID = "data: {source: phantom}\nnetworks: [UNet_R18]\nmixtures: [dice]\n"


def write(folder: Path, text: str, name: str = "study.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_gives_the_name(tmp_path: Path) -> None:
    assert load_experiment(write(tmp_path, VALID)).name == "study"
    assert load_experiment(write(tmp_path, VALID + "name: other\n")).name == "other"


def test_a_number_without_a_dot_is_a_number(tmp_path: Path) -> None:
    """YAML 1.1 takes 1e-3 for a text."""
    text = VALID + "training: {optimiser: {learning_rate: 3e-3}}\n"
    text = text.replace("[dice]", "[{terms: [{loss: dice, parameters: {smooth: 1e-3}}]}]")
    experiment = load_experiment(write(tmp_path, text))
    assert experiment.training.optimiser.learning_rate == 0.003
    assert experiment.all_mixtures()[0].name == "dice(smooth=0.001)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data: [", "not valid YAML: while parsing a flow node .* line 1, column 8"),
        ("data: 1\ndata: 2", "the key 'data' stands twice .* line 2, column 1"),
        (VALID + "training: {epochs: 1, epochs: 2}", "the key 'epochs' stands twice .* line 4"),
        ("- data", "an experiment is a mapping of keys"),
        ("", "an experiment is a mapping of keys"),
        ("? [a]\n: 1", "not valid YAML: .*unhashable key"),
        ("data: &a [*a]", "not valid YAML: a list or mapping holds itself by an alias .* line 1, column 7"),
        ("data: &a {x: {y: *a}}", "not valid YAML: a list or mapping holds itself"),
        ("a: 2024-13-45", "not valid YAML: month must be"),
        ("a: !!int x", "not valid YAML: invalid literal"),
        ("!!map [1]", "not valid YAML: expected a mapping node"),
        ("a: !!python/object/apply:os.getcwd []", "not valid YAML: could not determine a constructor"),
        ("a: \x01", "not valid YAML: unacceptable character"),
        ("a: 1\n---\nb: 1", "not valid YAML: expected a single document"),
        ("a: 1\n\tb: 2", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_yaml_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UserError, match=message) as caught:
        load_experiment(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yaml: cannot be read \(No such file"):
        load_experiment(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UserError, match="not a UTF-8 text file"):
        load_experiment(tmp_path / "binary.yaml")
    with pytest.raises(UserError, match="cannot be read"):
        load_experiment(tmp_path)


def test_an_experiment_is_found_by_name_or_path(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    write(first, VALID, "demo.yaml")
    path = write(second, VALID, "knee.yaml")
    write(second, VALID, "demo.yaml")
    folders = [first, second, tmp_path / "absent"]
    assert find_experiment("demo", folders) == first / "demo.yaml"
    assert find_experiment("knee", folders) == path
    assert find_experiment(str(path), []) == path
    with pytest.raises(UserError, match=r"^experiment=kne: no such .*did you mean knee\?.* known are demo, knee, or"):
        find_experiment("kne", folders)
    with pytest.raises(UserError, match=r"absent\.yaml: no such experiment file"):
        find_experiment("absent.yaml", folders)


def test_data_replaces_the_folder_only(tmp_path: Path) -> None:
    text = VALID.replace("{source: phantom}", "{source: folder, path: old, classes: [a]}")
    assert load_experiment(write(tmp_path, text), Path("new")).data.path == Path("new")
    with pytest.raises(UserError, match="data=new: experiment study uses the phantom, which needs no folder"):
        load_experiment(write(tmp_path, VALID), Path("new"))
    with pytest.raises(UserError, match="data: 5 should be a mapping of keys"):
        load_experiment(write(tmp_path, VALID.replace("{source: phantom}", "5")), Path("new"))


def test_a_claim_has_one_source_in_all_experiments(repository: Path) -> None:
    """Experiments of one paper on other data make the same claims: a question of ours is not the paper's elsewhere."""
    sources: dict[str, set[str | None]] = {}
    for file in (repository / "config" / "experiments").glob("*.yaml"):
        for claim in load_experiment(file).claims:
            sources.setdefault(claim.text.partition(": ")[2] or claim.text, set()).add(claim.source)
    assert len(sources) > 30
    assert not {text: found for text, found in sources.items() if len(found) > 1}


def test_every_experiment_of_the_repository_is_valid(repository: Path) -> None:
    files = sorted((repository / "config" / "experiments").glob("*.yaml"))
    assert "demo" in [file.stem for file in files]
    for file in files:
        experiment = load_experiment(file)
        assert isinstance(experiment, Experiment)
        assert experiment.name == file.stem
        assert experiment.description
