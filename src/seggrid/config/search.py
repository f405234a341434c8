"""A search for the best candidate in place of a whole grid: its sampler, its rounds and its space."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from seggrid.catalogue import LOSSES
from seggrid.config.base import Section
from seggrid.config.simplex import WeighedTerms, WeightStep
from seggrid.errors import nearest

Range = tuple[float, float]
_A, _B = "adaptive_region_specific.a", "adaptive_region_specific.b"


class Space(WeighedTerms):
    """What is searched. The weights of the terms are multiples of a step that sum to 1; a term may drop out.

    The networks are those of the experiment.
    """

    step: WeightStep = Decimal("0.01")
    """Distance between neighbouring weights; with the step of a grid its runs are found again."""
    parameters: dict[str, Range] = {}
    """loss.parameter -> lowest and highest value, e.g. dual_level_ce.gamma1: [0, 2]; tried a hundredth of it apart."""
    tied: bool = False
    """Whether 2A + B = 1 in adaptive_region_specific: its a is searched, its b follows."""
    learning_rate: Range | None = None
    """Lowest and highest learning rate, on a log scale; null: that of training.optimiser."""

    @field_validator("parameters")
    @classmethod
    def _ranges(cls, parameters: dict[str, Range]) -> dict[str, Range]:
        for key, (low, high) in parameters.items():
            loss, _, name = key.partition(".")
            known = (
                [f"{loss}.{p}" for p, row in LOSSES[loss].parameters.items() if type(row.default) is float]
                if (loss in LOSSES)
                else [f"{other}.{p}" for other, row in LOSSES.items() for p in row.parameters]
            )
            if key not in known:
                raise ValueError(f"{key} is no number of a loss{nearest(key, known)}; write loss.parameter")
            for end in (low, high):
                LOSSES[loss].parameters[name].parse(end, key)
            if not low < high:
                raise ValueError(f"{key}: the range {low:g} to {high:g} is empty; give the lower bound first")
        return dict(sorted(parameters.items()))

    @field_validator("learning_rate")
    @classmethod
    def _rates(cls, rates: Range | None) -> Range | None:
        if rates is not None and not 0 < rates[0] < rates[1] < float("inf"):
            raise ValueError(f"learning_rate: {rates[0]:g} to {rates[1]:g} is no range of positive numbers")
        return rates

    @model_validator(mode="after")
    def _consistent(self) -> Space:
        losses = [term.loss for term in self.terms]
        for key in self.parameters:
            loss, _, name = key.partition(".")
            if losses.count(loss) != 1:
                raise ValueError(
                    f"parameters: {key}: the terms must hold {loss} once, they hold it {losses.count(loss)} times"
                )
            if name in self.terms[losses.index(loss)].parameters:
                raise ValueError(f"parameters: {key} is searched, so the term must not set it")
        if self.tied:
            if _A not in self.parameters or _B in self.parameters:
                raise ValueError(f"tied: search {_A} and not {_B}, which is 1 - 2A")
            if self.parameters[_A][1] > 0.5:
                raise ValueError(f"tied: {_A} must not exceed 0.5, or B = 1 - 2A would be negative")
        return self


class Halving(Section):
    """Successive halving (Jamieson and Talwalkar 2016): a trial is trained on only while it is among the best.

    A rung stops nothing but the clock: the learning rate follows all the planned epochs, so a trial that reaches the
    end is the same run as one that was never stopped.
    """

    rungs: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
    """Epochs after which the trials of a round are compared by their best validation Dice so far."""
    reduction: Annotated[int, Field(ge=2)] = 3
    """One of so many trials goes on, at least one of a round."""

    @field_validator("rungs")
    @classmethod
    def _rising(cls, rungs: tuple[int, ...]) -> tuple[int, ...]:
        if list(rungs) != sorted(set(rungs)):
            raise ValueError(f"rungs: {list(rungs)} must rise")
        return rungs


class Search(Section):
    """A search in rounds: every round asks for some trials, trains them like any other run, and learns from them."""

    sampler: Literal["tpe", "gp", "nsga2", "cmaes", "random"] = "tpe"
    """Optuna's sampler; cmaes draws the network at random."""
    objective: Literal["absolute", "pareto"] = "absolute"
    """On validation: the criterion absolute, or O up and D down with their Pareto front."""
    rounds: Annotated[int, Field(ge=1, le=1000)] = 5
    """Rounds, one after the other."""
    trials: Annotated[int, Field(ge=1, le=1000)] = 8
    """Candidates a round; they are trained side by side."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of the sampler."""
    space: Space
    """What is searched."""
    halving: Halving | None = None
    """Train most trials for a part of the epochs only; null: all to their end."""
    warm_start: tuple[str, ...] = ()
    """Planned experiments whose finished candidates, where they lie in the space, are known from the start."""

    @model_validator(mode="after")
    def _consistent(self) -> Search:
        if self.sampler == "cmaes" and self.objective == "pareto":
            raise ValueError("cmaes takes one objective; use absolute, or another sampler")
        if self.halving and (self.sampler not in ("tpe", "random") or self.objective == "pareto"):
            raise ValueError(
                "halving: only tpe and random take trials that were stopped, and only with the objective absolute; "
                "change the sampler or the objective, or take halving out"
            )
        if len(self.space.terms) == 1 and not self.space.parameters and self.space.learning_rate is None:
            raise ValueError("space: one term without parameters leaves nothing to search but the network")
        return self

    def slots(self) -> tuple[int, ...]:
        """Trials of a round that are trained up to each rung, and at last to the end."""
        counts = [self.trials]
        if self.halving:
            for _ in self.milestones:
                counts.append(max(1, counts[-1] // self.halving.reduction))
        return tuple(counts)

    @property
    def milestones(self) -> tuple[int, ...]:
        """Epochs of the rungs of halving."""
        return self.halving.rungs if self.halving else ()
