"""The manuscript of a made-up grid, typeset by the TeX Live of Debian: it compiles, and every name stands in it."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from seggrid.config import Experiment
from seggrid.paths import ExperimentFolder
from seggrid.report.manuscript.write import write_manuscript
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.sections import objects, published, ranking
from seggrid.report.tables import Column, Table
from tests.unit.report.grid import CLASSES, LABEL, NAME, NETWORK

#: A name -> what of it stands in the PDF, where that is not the name itself.
NAMES = {
    r"\input{/etc/passwd} \end{document} $x_1$ #2 %3 &4 ^5 ~6 {7}": "",
    "<!-- <b>bold</b> --> | `code` \"quoted\" 'single'": "",
    "--- -- ,, '' <<a>> ?` !`": "",
    "[optional] *starred": "",
    "Köchel, Ångström, Łódź, señor, groß, Šafářová": "",
    "5 µm ± 2 °, 3 × 4": "",
    "x ≤ β_2": "x≤β_2",
    "髌骨": "[U+9ACC][U+9AA8]",
    "🦴 bone": "[U+1F9B4]bone",
    "two\nlines\tand a bell\x07": "twolinesandabell[U+0007]",
    "long " * 60: "",
}


@pytest.fixture(scope="module")
def typeset(complete: Results) -> str:
    """The text of the PDF, without white space."""
    experiment = complete.grid.experiment
    raw = {**experiment.model_dump(mode="json", by_alias=True), "description": " ".join(NAMES)}
    raw["published"] = ["wang2026", "chen2023"]
    grid = dataclasses.replace(complete.grid, experiment=Experiment.model_validate(raw))
    results = dataclasses.replace(complete, grid=grid)
    frame = pd.DataFrame({"name": list(NAMES), "value": range(len(NAMES)), "sd": 0.5})
    columns = (Column("name", "100 % [of] \\names"), Column("value", "Value", "µm", 2, "sd", better="lower"))
    names = Table("names", "Names: " + "; ".join(NAMES), frame, columns)
    many = pd.DataFrame({"name": [f"row {number}" for number in range(900)], "value": 1.0})
    long = Table("long", "Long", many, (Column("name", "Name"), Column("value", "Value", places=1)))
    extra = Section("extra", "Extra", {}, tables=(names, long))
    sections = [ranking.build(results), objects.build(results), published.build(results), extra]
    write_manuscript(results, sections)
    folder = ExperimentFolder(NAME).manuscript
    run(folder, "pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main")
    run(folder, "bibtex", "main")
    for _ in range(2):
        run(folder, "pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main")
    log = (folder / "main.log").read_text(encoding="latin-1")
    assert not re.findall(r"Missing character.*|.*[Uu]ndefined.*", log)
    run(folder, "pdftotext", "-layout", "main.pdf", "main.txt")
    return squeezed((folder / "main.txt").read_text(encoding="utf-8"))


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="latin-1", timeout=300)
    if done.returncode:
        pytest.fail(f"{' '.join(command)}\n{done.stdout[-3000:]}")


def squeezed(text: str) -> str:
    """Text without white space, and with the quotation marks of a keyboard."""
    return re.sub(r"\s+", "", text).replace("\u2019", "'").replace("\u2018", "`")


@pytest.mark.parametrize("name", NAMES)
def test_every_name_stands_as_it_is_written(typeset: str, name: str) -> None:
    # A cell of several lines is torn apart by what stands beside it; caption and description are not.
    assert (NAMES[name] or squeezed(name)) in typeset


def test_names_of_the_grid_stand_as_they_are_written(typeset: str) -> None:
    for name in (NETWORK, LABEL, *CLASSES):
        assert squeezed(name) in typeset


def test_methods_tables_and_references_are_typeset(typeset: str) -> None:
    for text in ("Methods", "Tables", "References", "Table1:", "Table5:", "row899", "0.8921", "Frontiers in Medicine"):
        assert squeezed(text) in typeset
    assert "[?]" not in typeset
    assert "Table6:" not in typeset
