"""Nominal shares: levels of constant weights, curves of scheduled ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from seggrid.config import Mixture
from seggrid.report.sections import curves
from seggrid.scoring.grid import Candidate

CANDIDATE = Candidate("UNet_R18", "loss", "label")


def history(mixture: Mixture, epochs: int = 5) -> pd.DataFrame:
    """Two runs, of which the first keeps its fourth epoch and the second, which stops one epoch sooner, its second."""
    frames = []
    for run, (count, kept) in {"a": (epochs, 4), "b": (epochs - 1, 2)}.items():
        frame = pd.DataFrame({"epoch": range(1, count + 1), "run": run})
        for place, term in enumerate(mixture.terms):
            frame[f"ratio:{term.name}"] = 1 / len(mixture.terms)
            if mixture.scheduled:
                frame[f"weight:{term.name}"] = [mixture.weights_at(t, epochs)[place] for t in range(count)]
        frames.append(frame.assign(kept=frame["epoch"] == kept))
    return pd.concat(frames, ignore_index=True)


def levels(mixture: Mixture) -> dict[str, tuple[list[int], list[float | None]]]:
    """The dotted line of each term, by the name of the effective share above it."""
    lines = curves._share_lines(mixture, history(mixture))
    return {str(e.name): (list(d.x), list(d.y)) for e, d in zip(lines[::2], lines[1::2], strict=True)}


def test_the_share_of_a_constant_is_a_level() -> None:
    assert levels(Mixture.model_validate("0.6*ce + 0.2*dice")) == {
        "ce, nominal 0.75": ([1, 5], [0.75, 0.75]),
        "dice, nominal 0.25": ([1, 5], [0.25, 0.25]),
    }


def test_the_share_of_a_schedule_follows_the_epochs() -> None:
    assert levels(Mixture.model_validate("linear(1, 0)*ce + linear(0, 1)*dice")) == {
        "ce, nominal 1.00 to 0.20": ([1, 2, 3, 4, 5], [1, 0.8, 0.6, 0.4, 0.2]),
        "dice, nominal 0.00 to 0.80": ([1, 2, 3, 4, 5], [0, 0.2, 0.4, 0.6, 0.8]),
    }


def test_the_share_is_undefined_while_all_weights_are_zero() -> None:
    assert levels(Mixture.model_validate("step(0, 1, 0.4)*ce + step(0, 3, 0.4)*dice")) == {
        "ce, nominal – to 0.25": ([1, 2, 3, 4, 5], [None, None, 0.25, 0.25, 0.25]),
        "dice, nominal – to 0.75": ([1, 2, 3, 4, 5], [None, None, 0.75, 0.75, 0.75]),
    }


def test_the_table_has_the_share_of_the_kept_epochs() -> None:
    mixture = Mixture.model_validate("linear(1, 0)*ce + linear(0, 1)*dice")
    rows = curves.share_rows(CANDIDATE, mixture, history(mixture))
    assert {row["term"]: row["nominal"] for row in rows} == pytest.approx({"ce": 0.6, "dice": 0.4})
    nothing_kept = history(mixture).assign(kept=False)
    assert all(np.isnan(row["nominal"]) for row in curves.share_rows(CANDIDATE, mixture, nothing_kept))
