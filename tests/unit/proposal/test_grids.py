"""The three grids."""

from __future__ import annotations

from pathlib import Path

from seggrid.catalogue import NETWORKS
from seggrid.proposal.grids import COSTLIEST, propose_grids
from seggrid.proposal.settings import choose_settings
from tests.unit.proposal.conftest import Look


def test_each_grid_holds_the_candidates_of_the_one_before(folder: Path, look: Look) -> None:
    _, fingerprint, classes, _ = look(folder)
    small, medium, full = propose_grids(choose_settings(fingerprint, classes))
    assert (small.runs, medium.runs, full.runs) == (2 * 3, 4 * 3 * 3, 5 * 17 * 3 * 3)
    assert set(small.networks) < set(medium.networks) < set(full.networks) <= set(NETWORKS)
    assert COSTLIEST in small.keys["mixtures"]
    assert medium.keys["training"] == full.keys["training"]  # so the full grid finds the runs of the medium one
    assert small.keys["training"]["precision"] == "bf16"
    assert (small.epochs, small.validations, full.validations) == (15, 5, 20)
