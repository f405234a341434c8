"""Where the numbers come from: configuration, data, code, versions, hardware, and how to get them again."""

from __future__ import annotations

import shlex
from typing import Any

import yaml

from seggrid.config.data import PhantomData
from seggrid.paths import RunFolder
from seggrid.provenance import environment
from seggrid.records import read_json, to_json
from seggrid.report.page import Section
from seggrid.report.results import Results


def build(results: Results) -> Section:
    """Show what ``provenance.json`` holds."""
    found = record(results)
    config = yaml.safe_dump(found["configuration"], sort_keys=False, allow_unicode=True, width=100)
    return Section("provenance", "Provenance", {"record": found, "config": config, "facts": _facts(found)})


def record(results: Results) -> dict[str, Any]:
    """Return the content of ``provenance.json``."""
    experiment = results.grid.experiment
    folder = results.data
    return {
        "experiment": experiment.name,
        "command": command(results),
        "data_id": folder.folder.name,
        "data_identity": read_json(folder.spec)["identity"] if folder.spec.is_file() else None,
        "seeds": {
            "training": list(experiment.seeds),
            "splits": experiment.splits.seed,
            "bootstrap": experiment.scoring.seed,
        },
        "runs": run_environments(results),
        "report": environment(),
        "configuration": experiment.model_dump(mode="json", by_alias=True),
    }


def command(results: Results) -> str:
    """The command that computes the experiment, or what is missing of it."""
    experiment = results.grid.experiment
    words = ["snakemake", "-c2", "--config", f"experiment={experiment.name}"]
    if not isinstance(experiment.data, PhantomData):
        words.append(f"data={experiment.data.path}")
    return shlex.join(words)


def run_environments(results: Results) -> list[dict[str, Any]]:
    """The distinct environments that runs were trained in, each with its runs, in the order of the plan."""
    found: dict[str, dict[str, Any]] = {}
    for run in results.grid.runs:
        path = RunFolder(run.planned.run_id).environment
        if path.is_file():
            known = {key: value for key, value in read_json(path).items() if not key.endswith("peak_memory_gib")}
            found.setdefault(to_json(known), {**known, "runs": []})["runs"].append(run.planned.run_id)
    return list(found.values())


def _facts(found: dict[str, Any]) -> list[dict[str, Any]]:
    """A column per environment: the runs' first, the report's last."""
    environments = [
        *({"title": f"{len(e['runs'])} runs" if len(e["runs"]) != 1 else "1 run", **e} for e in found["runs"]),
        {"title": "this report", **found["report"]},
    ]
    return [
        {
            "title": e["title"],
            "commit": e.get("commit") or "not in a git checkout",
            "hardware": ", ".join(_hardware(e)),
            "system": e.get("system", ""),
            "versions": e.get("versions", {}),
        }
        for e in environments
    ]


def _hardware(found: dict[str, Any]) -> list[str]:
    parts = [found.get("gpu"), found.get("processor")]
    facts = {
        "cores": "cores: {}",
        "threads": "threads per run: {}",
        "precision": "computed in {}",
        "memory_gib": "memory: {} GiB",
    }
    for key, meaning in facts.items():
        if found.get(key) is not None:
            parts.append(meaning.format(found[key]))
    return [part for part in parts if part]
