"""What each part imports, seen from a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seggrid.cli import parser

#: What costs a noticeable part of a second to import, or must stay out of the core.
HEAVY = {
    "torch", "numpy", "pandas", "scipy", "skimage", "cv2", "mlflow", "optuna", "snakemake", "plotly", "timm",
    "segmentation_models_pytorch", "monai", "pydantic", "yaml",
}  # fmt: skip
VERBS = (
    "init",
    "plan",
    "preprocess",
    "train",
    "evaluate",
    "ensemble",
    "ask",
    "trial",
    "halve",
    "tell",
    "study",
    "score",
    "report",
    "compare",
    "refit",
    "track",
    "predict",
    "motion",
    "surface",
    "status",
    "retry",
    "why",
    "diff",
    "verify",
)
EXPERIMENT = "data: {source: phantom}\nnetworks: [UNet_R18]\nmixtures: [dice]\n"


def imported(code: str, folder: Path, *arguments: str) -> tuple[set[str], str]:
    """Run ``code`` in a fresh interpreter; return the top-level packages it imported and what it printed."""
    program = f"""
import sys, json
try:
    {code}
except SystemExit as error:
    assert not error.code, error.code
print("MODULES" + json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env={**os.environ, "SEGGRID_RESULTS": str(folder / "results")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    output, _, names = done.stdout.rpartition("MODULES")
    return set(json.loads(names)), output


def test_all_verbs_are_there() -> None:
    (choices,) = (action.choices for action in parser()._actions if action.choices)
    assert tuple(choices) == VERBS


@pytest.mark.parametrize("verb", [(), *((verb,) for verb in VERBS)], ids=lambda verb: "-".join(verb) or "none")
def test_help_imports_nothing_heavy(verb: tuple[str, ...], tmp_path: Path) -> None:
    names, output = imported("from seggrid.cli import main; main(sys.argv[1:])", tmp_path, *verb, "--help")
    assert output.startswith("usage: seggrid")
    assert "seggrid" in names
    assert not names & HEAVY


def test_planning_imports_no_torch(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(EXPERIMENT, encoding="utf-8")
    names, output = imported("from seggrid.cli import main; main(sys.argv[1:])", tmp_path, "plan", "study.yaml")
    assert ": 5 runs on phantom-" in output
    assert not names & (HEAVY - {"pydantic", "yaml"})


@pytest.mark.parametrize("verb", ["status", "retry"])
def test_asking_for_the_state_imports_no_torch(verb: str, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(EXPERIMENT, encoding="utf-8")
    code = f"from seggrid.cli import main; main(['plan', 'study.yaml']); main(['{verb}', 'study'])"
    names, _ = imported(code, tmp_path)
    assert "torch" not in names


def test_the_training_core_needs_neither_tracking_nor_search_nor_workflow(tmp_path: Path) -> None:
    names, _ = imported("import seggrid.training.run, seggrid.inference.evaluate", tmp_path)
    assert "torch" in names
    assert not names & {"mlflow", "optuna", "snakemake", "plotly", "monai", "matplotlib"}


def test_the_package_itself_never_imports_snakemake(repository: Path) -> None:
    for path in (repository / "src").rglob("*.py"):
        assert "import snakemake" not in path.read_text(encoding="utf-8"), path
        assert "from snakemake" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize(("library", "part"), [("mlflow", "tracking"), ("optuna", "search"), ("plotly", "report")])
def test_a_heavy_library_is_used_in_one_part_only(repository: Path, library: str, part: str) -> None:
    package = repository / "src" / "seggrid"
    for path in package.rglob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        uses = any(line.lstrip().startswith((f"import {library}", f"from {library}")) for line in lines)
        assert not uses or path.relative_to(package).parts[0] == part, path
