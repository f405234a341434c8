"""Plain typing in the steps of a search is one sentence, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seggrid.errors import UserError
from seggrid.paths import SearchFolder
from seggrid.search.rounds import ask, tell
from seggrid.search.rungs import halve, run_trial
from tests.unit.search.conftest import NAME, MakePlan, Trained

HALVING: dict[str, Any] = {"search": {"halving": {"rungs": [2]}}, "training": {"epochs": 8, "validate_every": 2}}


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (lambda: run_trial(NAME, 0, 0, "7", 0), "s: the search has no fold 7; known are 0, 1"),
        (lambda: run_trial(NAME, 0, 55, "0", 0), "s: the search has no trial 55; known are 0 to 2 of a round at this"),
        (lambda: run_trial(NAME, 0, 1, "0", 0, 1), "s: the search has no trial 1; known are 0 of a round at this rung"),
        (lambda: run_trial(NAME, 0, -1, "0", 0), "s: the search has no trial -1"),
        (lambda: run_trial(NAME, 0, 0, "0", 3), "s: the search has no seed 3; known are 0"),
        (lambda: run_trial(NAME, 0, 0, "0", 0, 2), "s: the search has no rung 2; known are 0, 1"),
        (lambda: run_trial(NAME, 0, 0, "0", 0, -1), "s: the search has no rung -1"),
        (lambda: run_trial(NAME, -1, 0, "0", 0), "s: the search has no round -1; known are 0, 1; for more raise"),
        (lambda: tell(NAME, -1), "s: the search has no round -1"),
        (lambda: tell(NAME, 2), "s: the search has no round 2"),
        (lambda: ask(NAME, -1, []), "s: the search has no round -1"),
        (lambda: ask(NAME, 2, []), "s: the search has no round 2; known are 0, 1; for more raise search.rounds"),
        (lambda: halve(NAME, 0, -1, []), "s: search.halving has no rung -1; known are 0"),
        (lambda: halve(NAME, -1, 0, []), "s: the search has no round -1"),
    ],
)
def test_a_place_that_is_not_there_is_refused(
    plan: MakePlan, trained: Trained, step: Callable[[], object], sentence: str
) -> None:
    plan(**HALVING)
    ask(NAME, 0, [])
    before = sorted(SearchFolder(NAME).folder.rglob("*"))
    with pytest.raises(UserError) as caught:
        step()
    assert str(caught.value).startswith(sentence)
    assert sorted(SearchFolder(NAME).folder.rglob("*")) == before
