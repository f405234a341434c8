"""Which post-processing is chosen, on drawn masks."""

from __future__ import annotations

import numpy as np

from seggrid.config.evaluation import Evaluation
from seggrid.config.postprocessing import Chain, chain_title
from seggrid.inference.choice import Choice, ChoiceOnValidation, pool
from seggrid.inference.postprocessing import Labels

OPTIONS: tuple[Chain, ...] = Evaluation.model_validate(
    {"postprocessing": ["largest_component", {"remove_small": {"minimum": 5}}, ["largest_component", "fill_holes"]]}
).postprocessing


def disc(*specks: tuple[int, int], hole: bool = False) -> Labels:
    """An object of 36 pixels with specks of one pixel beside it."""
    mask = np.zeros((20, 20), np.uint8)
    mask[2:8, 2:8] = 1
    if hole:
        mask[4:6, 4:6] = 0
    for speck in specks:
        mask[speck] = 1
    return mask


def choose(*cases: tuple[Labels, Labels]) -> Choice:
    found = ChoiceOnValidation(OPTIONS, ("bone",))
    for mask, truth in cases:
        found.add(mask, truth, None)
    return found.choose()


def titles(choice: Choice) -> list[str]:
    return [chain_title(chain) for chain in choice.chains]


def test_specks_are_removed_and_the_mean_dice_is_kept() -> None:
    choice = choose((disc((15, 15)), disc()), (disc(), disc()))
    assert titles(choice) == ["largest_component"]
    (found,) = choice.classes
    assert found.name == "bone"
    assert found.dice["none"] == round((2 * 36 / 73 + 1) / 2, 10)
    assert found.dice["largest_component"] == found.dice["remove_small(minimum=5)"] == 1
    assert choice.cases == 2


def test_of_equals_nothing_is_done() -> None:
    assert titles(choose((disc(), disc()))) == ["none"]
    assert titles(choose((disc() * 0, disc()))) == ["none"]


def test_an_object_that_was_invented_is_better_gone() -> None:
    """Left out of the mean, the case would count for nothing whichever way it is."""
    nothing, speck = np.zeros((20, 20), np.uint8), np.zeros((20, 20), np.uint8)
    speck[9, 9] = 1
    choice = choose((disc(), disc()), (speck, nothing))
    assert titles(choice) == ["remove_small(minimum=5)"]
    assert choice.classes[0].dice == {
        "none": 0.5, "largest_component": 0.5, "remove_small(minimum=5)": 1.0, "largest_component + fill_holes": 0.5,
    }  # fmt: skip


def test_a_chain_is_better_than_its_parts() -> None:
    assert titles(choose((disc((15, 15), hole=True), disc()))) == ["largest_component + fill_holes"]


def test_without_cases_nothing_is_done() -> None:
    choice = choose()
    assert (titles(choice), choice.cases) == (["none"], 0)
    assert pool([choice], OPTIONS) == ((),)


def test_runs_choose_together_by_their_means() -> None:
    """Most runs lose a little by it, one gains much: the mean over the runs decides, not the majority."""
    truth = disc()
    truth[15, 15] = 1
    losing, winning = choose((disc((15, 15)), truth)), choose((disc(*((12 + i, 2 * i) for i in range(8))), disc()))
    assert (titles(losing), titles(winning)) == (["none"], ["largest_component"])
    assert [chain_title(chain) for chain in pool([losing, losing, winning, choose()], OPTIONS)] == ["largest_component"]


def test_the_file_holds_the_choice() -> None:
    choice = choose((disc((15, 15)), disc()))
    assert Choice.model_validate_json(choice.model_dump_json()) == choice
