"""Evidence that is made up: values by candidate and group, no files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from seggrid.analysis.evidence import Evidence
from seggrid.config import Mixture
from seggrid.scoring.criterion import Floats, Name
from seggrid.scoring.grid import Candidate
from seggrid.scoring.statistics import Bootstrap, Contributions

MakeEvidence = Callable[..., Evidence]


@pytest.fixture
def make_evidence() -> MakeEvidence:
    """Make evidence of candidates x groups, every group of the same weight."""

    def make(
        overlap: Floats,
        distance: Floats | None = None,
        losses: Sequence[str] | None = None,
        networks: Sequence[str] | None = None,
        criterion: Name = "minmax",
        resamples: int = 400,
    ) -> Evidence:
        count, groups = overlap.shape
        distance = 10 * (1 - overlap) if distance is None else distance
        weight = np.where(np.isfinite(overlap), 1.0, 0.0)
        weight /= weight.sum(axis=1, keepdims=True)
        names = tuple(f"g{number:02d}" for number in range(groups))
        parts = Contributions(names, np.nan_to_num(overlap) * weight, np.nan_to_num(distance) * weight, weight)
        labels = losses or [f"{number + 1}*ce" for number in range(count)]
        return Evidence(
            candidates=tuple(
                Candidate(network, loss, loss)
                for network, loss in zip(networks or ["net"] * count, labels, strict=True)
            ),
            mixtures=tuple(Mixture.model_validate(loss) for loss in labels),
            groups=names,
            overlap=np.nanmean(overlap, axis=1),
            distance=np.nanmean(distance, axis=1),
            group_overlap=overlap,
            group_distance=distance,
            bootstrap=Bootstrap(parts, resamples, 0),
            criterion=criterion,
            reference=5.0,
        )

    return make
