"""Read an experiment file; every mistake becomes a sentence with file and key."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from seggrid.config.experiment import Experiment
from seggrid.errors import UserError, nearest


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error instead of silently winning, and nothing holds itself."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ARG002 (always deep)
        # An alias inside of what it stands for is met only while that is being made, so nothing is left for later.
        if node in self.recursive_objects:
            raise yaml.constructor.ConstructorError(
                None, None, "a list or mapping holds itself by an alias", node.start_mark
            )
        return super().construct_object(node, deep=True)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in (pair[0] for pair in node.value if isinstance(pair, tuple)):
            if not isinstance(key, yaml.ScalarNode):
                continue  # PyYAML's own message says that it is no key
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# YAML 1.1 takes 1e-3 for a text, for want of a dot.
_UniqueKeyLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("+-0123456789")
)


def experiment_folders(checkout: Path) -> list[Path]:
    """Where experiments are looked up by name: in the working folder, then in the checkout that the code is of."""
    return list(dict.fromkeys(folder / "config" / "experiments" for folder in (Path.cwd(), checkout)))


def find_experiment(name: str, folders: list[Path]) -> Path:
    """Return the file of an experiment given by path or by its name in one of ``folders``.

    Raises:
        UserError: there is no such file; lists the names that exist.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if path.is_file():
            return path
        raise UserError(f"{path}: no such experiment file")
    known = sorted({file.stem for folder in folders for file in folder.glob("*.yaml")})
    for folder in folders:
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    raise UserError(
        f"experiment={name}: no such experiment{nearest(name, known)}; "
        f"known are {', '.join(known) or 'none'}, or give the path of a .yaml file"
    )


def load_experiment(path: Path, data_path: Path | None = None) -> Experiment:
    """Read and check an experiment; ``data_path`` replaces the folder of its data.

    Raises:
        UserError: every mistake in the file, a line each, with its key.
    """
    raw = read_mapping(path, "an experiment is a mapping of keys (data, networks, mixtures ...)")
    raw.setdefault("name", path.stem)
    if data_path is not None:
        _replace_data_path(raw, data_path)
    return parse_experiment(raw, str(path))


def read_mapping(path: Path, otherwise: str) -> dict[str, Any]:
    """Read a YAML file that is a mapping; ``otherwise`` is said where it is something else.

    Raises:
        UserError: the file cannot be read, is no YAML, names a key twice or is no mapping.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 (a SafeLoader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a UTF-8 text file") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:  # PyYAML's, from a date or a tagged number that is none
        raise UserError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(raw, dict):
        raise UserError(f"{path}: {otherwise}")
    return raw


def parse_experiment(raw: dict[str, Any], origin: str) -> Experiment:
    """Check a mapping; ``origin`` stands at the head of every message.

    Raises:
        UserError: every mistake, a line each, with its key.
    """
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        raise UserError("\n".join(f"{origin}: {sentence}" for sentence in explain(error.errors()))) from None
    except UserError as error:
        raise UserError(f"{origin}: {error}") from None


def _replace_data_path(raw: dict[str, Any], path: Path) -> None:
    data = raw.get("data")
    if not isinstance(data, dict):
        return
    if data.get("source") == "phantom":
        raise UserError(f"data={path}: experiment {raw['name']} uses the phantom, which needs no folder")
    data["path"] = str(path)


@dataclass(frozen=True)
class _Place:
    """Where an error of pydantic lies.

    Attributes:
        section: the innermost section.
        key: the full key, as in ``mixtures[0].terms[1].weight``.
        tags: the words that choose among the sections that may stand here.
        option: whether the error is that of one of several types that a plain value may have.
    """

    section: type[BaseModel]
    key: str
    tags: tuple[str, ...]
    option: bool


def explain(errors: list[ErrorDetails], root: type[BaseModel] = Experiment) -> list[str]:
    """Return a sentence for each mistake in a file: the full key, what is wrong and the nearest valid key.

    Args:
        root: what the file is.
    """
    places = [_walk(error["loc"], root) for error in errors]
    keys = {place.key for place in places}
    sentences: list[str] = []
    last_option = ""
    for error, place in zip(errors, places, strict=True):
        # What a list or a choice of types says of itself only repeats what is said of an item inside.
        outer = place.option or error["type"] == "too_short"
        if outer and any(key.startswith((f"{place.key}.", f"{place.key}[")) for key in keys):
            continue
        if place.option and place.key == last_option:
            sentences[-1] += f", or {_reworded(error).removeprefix('should be ')}"
        else:
            sentences.append(_sentence(error, place))
        last_option = place.key if place.option else ""
    return sentences


def _sentence(error: ErrorDetails, place: _Place) -> str:
    kind, key, given = error["type"], place.key, error["input"]
    if kind == "extra_forbidden":
        names = tuple(_fields(place.section))
        return f"{key}: unknown key{nearest(str(error['loc'][-1]), names)}; known are {', '.join(names)}"
    if kind == "missing":
        return f"{key}: missing"
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        name = error["ctx"]["discriminator"].strip("'")
        tag = given.get(name) if isinstance(given, dict) else None
        wrong = "missing" if tag is None else f"unknown {tag!r}{nearest(str(tag), place.tags)}"
        return f"{key}.{name}: {wrong}; known are {', '.join(place.tags)}"
    if kind == "value_error":
        message = error["msg"].removeprefix("Value error, ")
        return f"{key}: {message}" if key else message
    hint = nearest(str(given), re.findall("'([^']*)'", error["ctx"]["expected"])) if kind == "literal_error" else ""
    return f"{key}: {_shown(given)} {_reworded(error)}{hint}"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, skipkeys=True, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _reworded(error: ErrorDetails) -> str:
    """Say what a value should be in words of YAML instead of Python."""
    text = error["msg"].replace("be strings", "be a text")
    text = re.sub(r"^\w+ (?=should)| after validation, not \d+$", "", text)
    text = re.sub(r"a valid dictionary( or .*)?$", "a mapping of keys", text)
    return text.replace("a valid tuple", "a list").replace("a valid string", "a text")


def _walk(location: tuple[int | str, ...], section: type[BaseModel]) -> _Place:
    """Follow a location of pydantic, which also names the members of unions, to its section and its key."""
    models: list[type[BaseModel]] = []
    key, plain, mapping, option = "", False, False, False
    for part in location:
        if isinstance(part, int):
            key += f"[{part}]"
            mapping = False
        elif (member := next((model for model in models if _tag(model) == part), None)) is not None:
            section, models = member, []
        elif plain and not mapping:
            option = True
        else:
            key += f".{part}" if key else part
            mapping = False
            field = None if plain else _fields(section).get(part)
            if field is not None:
                models = _models(field.annotation)
                plain, mapping = not models, "dict[" in str(field.annotation)
                section = models[0] if models else section
    return _Place(section, key, tuple(_tag(model) for model in models), option)


def _fields(section: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _tag(model: type[BaseModel]) -> str:
    source = model.model_fields.get("source")
    return get_args(source.annotation)[0] if source and get_args(source.annotation) else model.__name__
