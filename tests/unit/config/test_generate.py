"""The generated files say what the model says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from seggrid.config import Experiment, load_experiment
from seggrid.config.generate import default_yaml, main, schema


def test_the_files_of_the_checkout_are_up_to_date(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().out
    assert (repository / "config" / "default.yaml").read_text(encoding="utf-8") == default_yaml()
    assert (repository / "config" / "schema.json").read_text(encoding="utf-8") == schema()


def test_the_default_file_holds_the_defaults(repository: Path) -> None:
    read = load_experiment(repository / "config" / "default.yaml")
    shortest = {"name": "default", "data": {"source": "phantom"}}
    shortest |= {"networks": ["UNet_R18"], "mixtures": ["0.50*dual_level_ce + 0.25*dice + 0.25*boundary"]}
    assert read == Experiment.model_validate(shortest)


def keys(section: BaseModel, prefix: str = "") -> Iterator[str]:
    for name, field in type(section).model_fields.items():
        yield f"{prefix}{field.alias or name}"
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from keys(value, f"{prefix}{field.alias or name}.")


def written(value: Any, prefix: str = "") -> Iterator[str]:
    for key, item in value.items():
        yield f"{prefix}{key}"
        if isinstance(item, dict):
            yield from written(item, f"{prefix}{key}.")


def test_the_default_file_holds_every_key_with_a_comment(repository: Path) -> None:
    text = default_yaml()
    experiment = load_experiment(repository / "config" / "default.yaml")
    assert sorted(written(yaml.safe_load(text))) == sorted(keys(experiment))
    for source in ("folder", "coco", "nnunet"):
        assert f"#   source: {source}\n" in text


def commented_sources() -> list[str]:
    """The commented data sections at the end of the default file, as a user would uncomment them."""
    tail = default_yaml().partition("in place of the phantom:\n")[2]
    text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in tail.splitlines())
    return ["data:" + part for part in text.split("\ndata:")[1:]]


@pytest.mark.parametrize("text", commented_sources())
def test_the_other_sources_are_valid_once_uncommented(text: str, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(text + "\nnetworks: [UNet_R18]\nmixtures: [dice]\n", encoding="utf-8")
    assert load_experiment(path).data.path == Path("FOLDER")


@pytest.mark.parametrize("name", ["default", "experiments/*"])
def test_an_editor_with_the_schema_accepts_our_experiments(repository: Path, name: str) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schema()))
    for file in (repository / "config").glob(f"{name}.yaml"):
        errors = list(validator.iter_errors(yaml.safe_load(file.read_text(encoding="utf-8"))))
        assert not errors, f"{file}: {errors[0].json_path}: {errors[0].message}"


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({"mixtures": [{"simplex": {"terms": ["ce", "dice"], "step": 0.25}}]}, True),
        ({"mixtures": [{"terms": [{"loss": "ce", "weight": 0.5}], "label": "x"}]}, True),
        ({"networks": [{"architecture": "Unet", "encoder": "resnet18"}]}, True),
        ({"preprocessing": ["z_score", {"resize": {"size": [64, 64]}}]}, True),
        ({"trainig": {}}, False),
        ({"training": {"epoch": 1}}, False),
        ({"preprocessing": ["zscore"]}, False),
        ({"preprocessing": [{"zscore": None}]}, False),
        ({"networks": [{"encodr": "resnet18"}]}, False),
        ({"folds": []}, False),
    ],
)
def test_the_schema_knows_short_forms_and_unknown_keys(change: dict[str, Any], valid: bool) -> None:
    raw = {"data": {"source": "phantom"}, "networks": ["UNet_R18"], "mixtures": ["dice"], **change}
    assert jsonschema.Draft202012Validator(json.loads(schema())).is_valid(raw) is valid
