"""Two made-up experiments in one results folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seggrid.config import Experiment
from tests.unit.report.grid import TERMS, fill, make_experiment

FIRST, SECOND = "made-up", "other.one"
#: In B alone, beside ``ce``, which is in both.
ONLY_SECOND = "<u>only</u> in B"


def write_pair(folder: Path, worse: int = 1, states: dict[int, str] | None = None, **changes: Any) -> None:
    """Write A, two networks x two mixtures, and B, one of the networks with ``ce`` and a mixture of its own.

    Args:
        worse: pixels by which the masks of B are shifted farther.
        states: of the runs of B, see ``write_grid``.
        changes: settings of B; by default it trains for 7 epochs.
    """
    first = make_experiment(folder / "raw")
    fill(first)
    settings = first.model_dump(mode="json", by_alias=True)
    mixtures = ["ce", {"label": ONLY_SECOND, "terms": TERMS[:2]}]
    networks = [network for network in settings["networks"] if network["name"] == "UNet_R18"]
    settings |= {"name": SECOND, "description": "", "networks": networks, "mixtures": mixtures}
    settings |= {"training": {"epochs": 7}, **changes}
    fill(Experiment.model_validate(settings), states, worse)
