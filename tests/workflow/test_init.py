"""From a folder of images to a report by the commands of the README, and how long runs take by a real probe."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from seggrid.proposal.probe import measure
from tests.conftest import Workplace
from tests.unit.proposal.conftest import CASES, look_at, write_folder

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def started(make_workplace: Callable[..., Workplace]) -> Workplace:
    """A folder of images without names and groups, and what `seggrid init` proposes for it."""
    place = make_workplace()
    place.experiment.unlink()
    write_folder(place.folder / "bones")
    place.seggrid("init", "bones", "--no-probe")
    return Workplace(place.folder, place.folder / "config" / "experiments" / "bones.yaml")


def test_from_a_folder_to_the_report(started: Workplace) -> None:
    """As proposed, but for a network and lengths that a test can wait for."""
    proposed = yaml.safe_load(started.experiment.read_text())
    proposed["networks"], proposed["mixtures"] = ["FPN_MobileNetV3s"], proposed["mixtures"][:2]
    proposed["training"] |= {"epochs": 2, "steps_per_epoch": 2, "validate_every": 1}
    proposed["scoring"]["bootstrap"] = 100
    started.experiment.write_text(yaml.safe_dump(proposed))
    report = started.results / "experiments" / "bones" / "report.html"
    started.snakemake(str(report))
    with report.with_name("runs.csv").open(newline="") as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["completed"] * 2
    assert "object_2" in report.read_text()


def test_a_probe_times_what_will_run(started: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(started.folder)
    _, fingerprint, classes, _ = look_at(Path("bones"))
    before = sorted(started.results.rglob("*"))
    told: list[str] = []
    proposed = yaml.safe_load(started.experiment.read_text())
    probe = measure(proposed, ["FPN_MobileNetV3s"], fingerprint, classes, told.append)
    assert sorted(started.results.rglob("*")) == before
    assert told == ["timing FPN_MobileNetV3s"]
    assert probe.failed == {}
    (timing,) = probe.timings.values()
    assert 0 < timing.step < 10
    assert 0.5 < timing.start < 100
    assert timing.validate > 0
    assert probe.preprocess > 0
    assert len(fingerprint.cases) == CASES
