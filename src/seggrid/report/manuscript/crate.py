"""``ro-crate-metadata.json``: the folder of the experiment as an RO-Crate 1.1.

It describes files and copies none. Same files, same bytes: every id is a name, and the date is that of the last run.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seggrid import __version__
from seggrid.catalogue.references import REFERENCES
from seggrid.paths import ExperimentFolder, RunFolder
from seggrid.report.manuscript.methods import command
from seggrid.report.results import Results
from seggrid.report.sections.provenance import run_environments

#: What is described: files of the experiment, and what they are.
_FILES = {
    "experiment.json": "The experiment with all defaults",
    "plan.csv": "The runs of the grid",
    "cases.csv": "Every metric of every held-out case and object",
    "runs.csv": "How each run ended, with its O and D",
    "objects.csv": "Means of every candidate and object",
    "ranking.csv": "The ranking of the candidates",
    "ranking-incomplete.csv": "The ranking of the candidates while runs are missing",
    "ranking.txt": "The ranking as a terminal shows it",
    "scores.json": "Winners, choices and warnings",
    "report.html": "The report",
    "provenance.json": "Configuration, code, versions, hardware and the command that computes the results again",
}
_FOLDERS = {
    "tables": "A table of the manuscript",
    "figures": "A figure of the manuscript",
    "manuscript": "A part of the manuscript",
}
_FORMATS = {".tex": "application/x-tex", ".bib": "application/x-bibtex", ".md": "text/markdown"}


def crate(results: Results, cited: Iterable[str]) -> dict[str, Any]:
    """Return the metadata as JSON-LD.

    Args:
        cited: keys of the publications in ``references.bib``.
    """
    from rocrate.model import ContextEntity
    from rocrate.rocrate import ROCrate

    experiment = results.grid.experiment
    folder = ExperimentFolder(experiment.name)
    described = ROCrate(version="1.1")
    described.name = experiment.name
    described.description = (
        experiment.description or f"Networks and loss mixtures compared by seggrid: {experiment.name}"
    )
    described.datePublished = finished(results).isoformat()

    def add(identifier: str, kind: str, **properties: Any) -> Any:
        return described.add(ContextEntity(described, identifier, {"@type": kind, **properties}))

    files = {
        name: described.add_file(folder.folder / name, name, properties=properties)
        for name, properties in _files(folder.folder)
    }
    action = add(
        "#experiment",
        "CreateAction",
        name=f"Training, measuring and scoring of {experiment.name}",
        description=command(results),
        endTime=finished(results).isoformat(),
    )
    action["instrument"] = [
        add(f"#{name}", "SoftwareApplication", name=name, softwareVersion=version)
        for name, version in _software(results).items()
    ]
    data_id = results.data.folder.name
    action["object"] = [add(f"#{data_id}", "CreativeWork", name=f"Data set {data_id}"), files["experiment.json"]]
    action["result"] = [entity for name, entity in files.items() if name != "experiment.json"]
    described.root_dataset["mentions"] = action
    described.root_dataset["citation"] = [add(_address(key), "ScholarlyArticle", **_facts(key)) for key in cited]
    return dict(described.metadata.generate())


def finished(results: Results) -> datetime:
    """When the last run ended, else when the grid was planned: the time of change of its file."""
    paths = [RunFolder(run.planned.run_id).status for run in results.grid.runs if run.status]
    paths = paths or [ExperimentFolder(results.grid.experiment.name).plan]
    return datetime.fromtimestamp(int(max(path.stat().st_mtime for path in paths)), UTC)


def _files(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, meaning in _FILES.items():
        if (folder / name).is_file():
            yield name, _properties(folder / name, meaning)
    for name, meaning in _FOLDERS.items():
        for path in sorted((folder / name).glob("*")):
            yield f"{name}/{path.name}", _properties(path, meaning)


def _properties(path: Path, meaning: str) -> dict[str, Any]:
    kind = _FORMATS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return {"name": path.name, "description": meaning, "encodingFormat": kind, "contentSize": str(path.stat().st_size)}


def _software(results: Results) -> dict[str, str]:
    """seggrid and what the runs ran under; where that differs among them, that of the first."""
    environments = run_environments(results)
    return {"seggrid": __version__, **(environments[0].get("versions", {}) if environments else {})}


def _address(key: str) -> str:
    doi = REFERENCES[key].fields.get("doi")
    return f"https://doi.org/{doi}" if doi else f"#{key}"


def _facts(key: str) -> dict[str, str]:
    reference = REFERENCES[key]
    year = reference.fields.get("year")
    return {"name": reference.title, "author": reference.author, **({"datePublished": year} if year else {})}
