"""The conda environment of the rules holds the pins of the lock."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

#: Where the environment would run; some pins of the lock depend on the Python version.
PYTHON = "3.11"
TARGET = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0", "sys_platform": "linux"}


def environment(repository: Path) -> tuple[list[str], list[str]]:
    """Return what conda installs and what pip installs."""
    listed = yaml.safe_load((repository / "envs" / "core.yaml").read_text(encoding="utf-8"))["dependencies"]
    (pip,) = (entry["pip"] for entry in listed if isinstance(entry, dict))
    return [entry for entry in listed if isinstance(entry, str)], pip


def locked(repository: Path) -> dict[str, str]:
    """Return the pins of the lock that hold for the environment's Python."""
    pins = {}
    for line in (repository / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            found = Requirement(line.removesuffix("\\").strip())
            if found.marker is None or found.marker.evaluate(TARGET):
                pins[canonicalize_name(found.name)] = str(found.specifier)
    return pins


def test_every_direct_dependency_is_pinned_as_in_the_lock(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    pins = {canonicalize_name(r.name): str(r.specifier) for r in map(Requirement, environment(repository)[1])}
    lock = locked(repository)
    assert pins == {name: lock[name] for name in sorted(direct)}


def test_conda_itself_brings_only_python_and_pip(repository: Path) -> None:
    assert environment(repository)[0] == [f"python={PYTHON}", "pip"]


def test_every_rule_names_an_environment_that_exists(repository: Path) -> None:
    rules = sorted((repository / "workflow" / "rules").glob("*.smk"))
    named = {(rule, path) for rule in rules for path in re.findall(r'conda:\s+"([^"]+)"', rule.read_text())}
    assert named
    for rule, path in named:
        assert (rule.parent / path).is_file(), f"{rule.name}: {path}"


def test_no_address_stands_in_the_environment(repository: Path) -> None:
    assert "://" not in (repository / "envs" / "core.yaml").read_text(encoding="utf-8")
