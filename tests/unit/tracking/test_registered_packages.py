"""A registered model lists every package that it needs."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys

from seggrid.tracking.registry import _REQUIREMENTS


def test_every_package_that_the_model_imports_is_listed_with_it() -> None:
    code = "import sys; old = set(sys.modules); import seggrid.tracking.served; print(*set(sys.modules) - old)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    names = importlib.metadata.packages_distributions()
    imported = {canonical(name) for module in found for name in names.get(module.partition(".")[0], ())}
    listed = set(_REQUIREMENTS).union(*map(required_by, _REQUIREMENTS))
    assert imported - {"seggrid", "setuptools"} <= listed
    assert canonical("edt") in imported, "read by the metrics, on the way of the data store"


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required_by(package: str) -> set[str]:
    """All that comes with a package."""
    found: set[str] = set()
    waiting = [package]
    while waiting:
        for line in importlib.metadata.requires(waiting.pop()) or ():
            name = canonical(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0])
            if "extra ==" in line or name in found:
                continue
            found.add(name)
            try:
                importlib.metadata.distribution(name)
            except importlib.metadata.PackageNotFoundError:
                continue  # of another platform
            waiting.append(name)
    return found
