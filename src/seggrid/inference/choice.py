"""Which post-processing each class gets: what is best on validation cases, and nothing else.

The cases that choose are those of ``val``. Masks of ``test`` are changed by the choice and have no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seggrid.config.base import Section
from seggrid.config.postprocessing import Chain, chain_title
from seggrid.inference.postprocessing import Labels, run_chain

#: Beyond these decimals of a mean Dice only the order of summation speaks.
_DECIMALS = 10


class ClassChoice(Section):
    """The choice of one class.

    Attributes:
        steps: one after the other; none: the masks stay as they are.
        dice: mean Dice of the validation cases with each choice by its name.
    """

    name: str
    steps: Chain
    dice: dict[str, float]


class Choice(Section):
    """What was chosen for every class; the content of ``postprocessing.json``.

    Attributes:
        classes: the objects 1 to K.
        cases: number of validation cases that it was chosen on; without any nothing is done.
    """

    classes: tuple[ClassChoice, ...]
    cases: int

    @property
    def chains(self) -> tuple[Chain, ...]:
        """The steps of the objects 1 to K."""
        return tuple(found.steps for found in self.classes)


class ChoiceOnValidation:
    """Gathers the Dice of every class with every choice, case by case.

    Where neither truth nor prediction hold a class the Dice is 1, so that an object invented and then removed counts
    as better, and every choice is a mean over the same cases.
    """

    def __init__(self, options: Sequence[Chain], class_names: Sequence[str]) -> None:
        self._chains: tuple[Chain, ...] = ((), *options)
        self._names = tuple(class_names)
        self._dice: list[npt.NDArray[np.float64]] = []

    def add(self, mask: Labels, truth: Labels, spacing: Sequence[float] | None) -> None:
        """Measure the predicted mask ``(*S)`` of a validation case under every choice.

        Raises:
            UserError: a size in mm is asked for and the case has no spacing.
        """
        found = np.ones((len(self._names), len(self._chains)))
        for row, label in enumerate(range(1, len(self._names) + 1)):
            pixels, wanted = mask == label, truth == label
            for column, chain in enumerate(self._chains):
                processed = run_chain(chain, mask, pixels, spacing)
                total = np.count_nonzero(processed) + np.count_nonzero(wanted)
                if total:
                    found[row, column] = 2 * np.count_nonzero(processed & wanted) / total
        self._dice.append(found)

    def choose(self) -> Choice:
        """Return the best choice of every class; of equals the first, and ``none`` is the first of all."""
        if not self._dice:
            return Choice(classes=tuple(ClassChoice(name=name, steps=(), dice={}) for name in self._names), cases=0)
        means = np.mean(self._dice, axis=0)
        return Choice(
            classes=tuple(_best(name, row, self._chains) for name, row in zip(self._names, means, strict=True)),
            cases=len(self._dice),
        )


def pool(choices: Sequence[Choice], options: Sequence[Chain]) -> tuple[Chain, ...]:
    """What several runs choose together: the best in the mean over the runs, of equals the first.

    Args:
        choices: of the runs, at least one; those without validation cases have no say.
        options: what they chose from.

    Returns:
        The steps of the objects 1 to K.
    """
    voting = [choice for choice in choices if choice.cases] or choices
    chains: tuple[Chain, ...] = ((), *options)
    found = []
    for number, name in enumerate(found.name for found in voting[0].classes):
        dice = [[choice.classes[number].dice.get(chain_title(chain), 0.0) for chain in chains] for choice in voting]
        found.append(_best(name, np.mean(dice, axis=0), chains).steps)
    return tuple(found)


def _best(name: str, dice: npt.NDArray[np.float64], chains: Sequence[Chain]) -> ClassChoice:
    rounded = np.round(dice, _DECIMALS)
    by_title = {chain_title(chain): float(value) for chain, value in zip(chains, rounded, strict=True)}
    return ClassChoice(name=name, steps=chains[int(np.argmax(rounded))], dice=by_title)
