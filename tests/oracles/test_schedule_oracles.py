"""Linear adaptive weights against both readings of Radillah et al. eq 3, from ``../shared/oracles/cases.npz``, S01."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seggrid.config.schedule import WeightSchedule

CASE = "S01_linear_weights"
Values = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def oracles(shared: Path) -> dict[str, Values]:
    with np.load(shared / "oracles" / "cases.npz", allow_pickle=False) as archive:
        return {key.removeprefix(f"{CASE}/"): archive[key] for key in archive.files if key.startswith(CASE)}


#: Expected value -> the places of start and end in T, a0, a1, b0, b1.
READINGS = {
    "alpha@transcription": (1, 2),
    "beta_as_printed@transcription": (4, 3),
    "beta_start_to_end@transcription": (3, 4),
}


@pytest.mark.parametrize("name", READINGS)
def test_linear_weights(name: str, oracles: dict[str, Values]) -> None:
    given = oracles["in/T_a0_a1_b0_b1"]
    start, end = (given[place] for place in READINGS[name])
    schedule = WeightSchedule.model_validate(f"linear({start}, {end})")
    found = [schedule.at(int(epoch), int(given[0])) for epoch in oracles["in/t"]]
    np.testing.assert_allclose(found, oracles[f"exp/{name}"], rtol=0, atol=1e-12)
