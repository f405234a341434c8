"""The spread between trainings, and evidence from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seggrid.analysis.evidence import gather
from seggrid.analysis.spread import training_spread
from seggrid.report.results import read_results
from seggrid.scoring.stage import score
from tests.unit.scoring.conftest import write_grid


@pytest.fixture(autouse=True)
def own_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))


def test_spread_between_seeds_is_pooled_over_candidates_and_folds() -> None:
    write_grid(lambda run, *_: (0.5 + 0.01 * run.seed, 4.0), seeds=(0, 1, 2), folds=2, groups=8)
    score("grid")
    results = read_results("grid")
    assert results.means is not None
    found = training_spread(results.grid, results.means).set_index("factor")
    seeds = found.loc["seed"]
    assert seeds["degrees"] == 2 * 2 * 2
    assert seeds["overlap"] == pytest.approx(0.01)
    assert seeds["overlap_low"] < 0.01 < seeds["overlap_high"]
    assert found.loc["fold", "overlap"] == pytest.approx(0)
    assert np.isnan(found.loc["fold", "overlap_low"])


def test_one_seed_has_no_spread_of_its_own() -> None:
    write_grid(seeds=(0,), groups=8)
    score("grid")
    results = read_results("grid")
    assert results.means is not None
    assert training_spread(results.grid, results.means)["factor"].tolist() == ["fold"]


def test_evidence_holds_the_values_of_the_ranking() -> None:
    write_grid(networks=("UNet_R18", "FPN_R18"), groups=8, seeds=(0, 1))
    score("grid")
    results = read_results("grid")
    evidence = results.evidence
    assert evidence is not None
    assert [c.loss for c in evidence.candidates] == results.ranked["loss"].tolist()
    assert evidence.group_overlap.shape == (4, 8)
    assert evidence.group_overlap.mean(axis=1) == pytest.approx(results.ranked["overlap"].to_numpy())
    low, _ = evidence.interval(evidence.resampled("overlap"))
    assert low == pytest.approx(results.ranked["overlap_low"].to_numpy())


def test_one_group_is_no_evidence() -> None:
    write_grid(lambda *_: (0.5, 4.0), groups=1)
    score("grid")
    results = read_results("grid")
    assert results.means is not None
    assert gather(results.grid, results.means, results.ranked, 1.0) is None
