"""The RO-Crate of an experiment."""

from __future__ import annotations

import json
import os
import re
import warnings
from pathlib import Path

from rocrate.rocrate import ROCrate

from seggrid.paths import ExperimentFolder, RunFolder
from seggrid.report.manuscript.crate import crate, finished
from seggrid.report.results import Results
from seggrid.report.stage import write_report
from tests.unit.report.conftest import MakeResults
from tests.unit.report.grid import NAME


def test_a_reader_finds_every_file_and_no_fault(complete: Results) -> None:
    write_report(NAME)
    folder = ExperimentFolder(NAME).folder
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = ROCrate(str(folder))
    files = {entity.id for entity in read.data_entities}
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == written - {"ro-crate-metadata.json"}
    assert read.name == NAME
    action = read.dereference("#experiment")
    assert {entity.id for entity in action["instrument"]} >= {"#seggrid", "#torch"}
    assert read.dereference("ranking.csv") in action["result"]
    assert read.dereference("https://doi.org/10.3389/fmed.2026.1768134")["name"].startswith("Dual-level")


def test_the_date_is_that_of_the_last_run(make_results: MakeResults) -> None:
    results = make_results()
    for number, run in enumerate(results.grid.runs):
        os.utime(RunFolder(run.planned.run_id).status, (0, 1_000_000 + number))
    assert crate(results, [])["@graph"][0]["datePublished"] == "1970-01-12T13:46:47+00:00"


def test_without_runs_the_date_is_that_of_the_plan(make_results: MakeResults) -> None:
    results = make_results(dict.fromkeys(range(8), "missing"), scored=False)
    os.utime(ExperimentFolder(NAME).plan, (0, 2_000_000))
    assert finished(results).timestamp() == 2_000_000


def test_nothing_random_stands_in_it(complete: Results) -> None:
    texts = {json.dumps(crate(complete, ["he2016"]), sort_keys=True) for _ in range(2)}
    assert len(texts) == 1
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", texts.pop())


def test_importing_the_report_loads_no_crate_library(repository: Path) -> None:
    import subprocess
    import sys

    code = "import sys, seggrid.report.stage; sys.exit('rocrate' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
