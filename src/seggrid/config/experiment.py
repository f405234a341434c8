"""The experiment: one YAML file, one typed object."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from seggrid.catalogue import METRICS, STEPS
from seggrid.config.base import NOT_IDENTITY, Section, identity
from seggrid.config.claims import Claim, Named, check_claims
from seggrid.config.data import Data, PhantomData, Splits
from seggrid.config.ensemble import ENSEMBLE, Ensemble, check_ensembles
from seggrid.config.evaluation import Evaluation, Scoring, Tracking
from seggrid.config.mixture import Mixture
from seggrid.config.motion import Motion
from seggrid.config.network import Network
from seggrid.config.preprocessing import Step
from seggrid.config.search import Search
from seggrid.config.simplex import SimplexEntry, expand
from seggrid.config.training import Training
from seggrid.errors import nearest


def _kind(entry: Any) -> str:
    simplex = isinstance(entry, SimplexEntry) or (isinstance(entry, dict) and "simplex" in entry)
    return "SimplexEntry" if simplex else "Mixture"


MixtureEntry = Annotated[
    Annotated[Mixture, Tag("Mixture")] | Annotated[SimplexEntry, Tag("SimplexEntry")], Discriminator(_kind)
]


_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$"


def _nameable(name: str) -> str:
    if not re.fullmatch(_NAME, name):
        raise ValueError(f"{name!r} names a folder or file: at most 60 letters, digits, dots, hyphens, underscores")
    return name


_Any = TypeVar("_Any")


def _each_once(values: tuple[_Any, ...]) -> tuple[_Any, ...]:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value} stands twice; leave one of them out")
    return values


Folds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(_each_once)]
Seeds = Annotated[tuple[Annotated[int, Field(ge=0, lt=2**32)], ...], Field(min_length=1), AfterValidator(_each_once)]


Names = Annotated[tuple[Annotated[str, AfterValidator(_nameable)], ...], AfterValidator(_each_once)]


class Experiment(Section):
    """Networks x mixtures x folds x seeds on one data set."""

    name: Annotated[str, AfterValidator(_nameable), Field(json_schema_extra={**NOT_IDENTITY, "pattern": _NAME})]
    """Name of the results folder; default: the name of the file."""
    description: str = Field("", json_schema_extra=NOT_IDENTITY)
    """A sentence for the report."""
    data: Data
    preprocessing: tuple[Step, ...] = (
        Step(name="percentile_clip"),
        Step(name="z_score"),
        Step(name="resize"),
    )
    """Steps in order, once per data set."""
    splits: Splits = Splits()
    folds: Folds | None = None
    """Folds that are run; null: all of them."""
    networks: Annotated[tuple[Network, ...], Field(min_length=1)]
    """Names of the catalogue, or mappings with architecture and encoder."""
    mixtures: tuple[MixtureEntry, ...] = ()
    """Expressions, mappings with terms, or a simplex; at least one, unless a search finds them."""
    ensembles: tuple[Ensemble, ...] = ()
    """Candidates that join others: members (all, or names), weights (mean or learned), over_seeds, label."""
    search: Search | None = None
    """Search for mixtures and their parameters; null: the whole grid is run."""
    training: Training = Training()
    seeds: Seeds = (0,)
    """Seeds of initialisation and sampling; every candidate is trained once with each."""
    evaluation: Evaluation = Evaluation()
    scoring: Scoring = Scoring()
    motion: Motion | None = Field(None, json_schema_extra=NOT_IDENTITY)
    """Measures of the motion of knees beside the metrics; null: none. {} where the objects have these names."""
    tracking: Tracking = Tracking()
    published: Names = Field((), json_schema_extra=NOT_IDENTITY)
    """Publications (files of config/published) whose figures the report sets beside the winner's, as other data."""
    tables: Names = Field((), json_schema_extra=NOT_IDENTITY)
    """Papers (files of config/tables) in the form of whose tables the report writes the results."""
    claims: tuple[Claim, ...] = Field((), json_schema_extra=NOT_IDENTITY)
    """What papers claim of these candidates; the report says of each whether it held here."""

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        if not self.mixtures and self.search is None:
            raise ValueError("mixtures: missing; name at least one, or add a section search")
        self._check_networks()
        self._check_outputs()
        self._check_folds()
        self._check_schedules()
        self._check_scoring()
        self._check_rungs()
        check_ensembles(self.ensembles, self.grid_candidates(), len(self.seeds))
        self._check_claims()
        if self.data.source != "phantom" and not any(step.normalises for step in self.preprocessing):
            known = ", ".join(name for name, row in STEPS.items() if row.normalises)
            raise ValueError(
                f"preprocessing: no step normalises the intensities; add one of {known}, or window with scale: true"
            )
        return self

    def _check_networks(self) -> None:
        names = [network.name for network in self.networks]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"networks: two networks are called {name}; give one of them another name")
        defining = [identity(network) for network in self.networks]
        for name, defined in zip(names, defining, strict=True):
            first = names[defining.index(defined)]
            if first != name:
                raise ValueError(f"networks: {first} and {name} are the same network; leave one of them out")
        if self.motion is not None and not any(2 in network.axes for network in self.networks):
            raise ValueError("motion: is measured on radiographs, and every network here is for volumes; leave it out")

    def _check_outputs(self) -> None:
        run = {mixture.name for _, mixture in self.pairs()}
        for mixture in self.all_mixtures():
            if mixture.name not in run:
                raise ValueError(
                    f"mixtures: {mixture.name} reads the output {mixture.outputs[0]}, which no network here gives; add "
                    "one that does (MultiTaskUNet3D) or leave the term out"
                )
        # A search draws network and mixture apart from each other.
        for term in self.search.space.terms if self.search else ():
            lacking = [network.name for network in self.networks if not set(term.outputs) <= set(network.outputs)]
            if lacking:
                raise ValueError(
                    f"search.space.terms: {term.name} reads the output {term.outputs[0]}, which {lacking[0]} does not "
                    "give; leave one of them out"
                )

    def _check_folds(self) -> None:
        missing = [fold for fold in self.folds or () if fold >= self.splits.folds]
        if missing:
            raise ValueError(f"folds: {missing[0]} does not exist; splits.folds is {self.splits.folds}, counted from 0")
        if isinstance(self.data, PhantomData) and self.splits.least_groups > self.data.settings.subjects:
            raise ValueError(
                f"splits.folds: {self.splits.folds} folds need at least {self.splits.least_groups} groups, the phantom "
                f"has {self.data.settings.subjects} (data.{self.data.kind}.subjects)"
            )

    def _check_schedules(self) -> None:
        epochs = self.training.epochs
        for mixture in self.mixtures:
            if isinstance(mixture, Mixture) and mixture.scheduled:
                idle = [epoch for epoch in range(epochs) if not any(mixture.weights_at(epoch, epochs))]
                if idle:
                    raise ValueError(
                        f"mixtures: {mixture.name} has no positive weight in epoch {idle[0] + 1} of {epochs}; "
                        "let a term weigh more than 0 in every epoch"
                    )

    def _check_scoring(self) -> None:
        measured = self.evaluation.metrics
        for section, names, better in (
            ("overlap", self.scoring.overlap.mean, "higher"),
            ("distance", self.scoring.distance.mean, "lower"),
        ):
            for name in names:
                if METRICS[name.partition("@")[0]].better != better:
                    raise ValueError(f"scoring.{section}.mean: {name} is not a metric where {better} is better")
                if name not in measured:
                    raise ValueError(f"scoring.{section}.mean: {name} is not measured; add it to evaluation.metrics")
        known = [mixture.name for mixture in self.all_mixtures()]
        baseline = self.scoring.baseline
        if baseline is not None and baseline not in known:
            raise ValueError(f"scoring.baseline: {baseline} is not one of the mixtures{nearest(baseline, known)}")

    def _check_rungs(self) -> None:
        training = self.training
        for rung in self.search.halving.rungs if self.search and self.search.halving else ():
            if rung >= training.epochs or rung % training.validate_every:
                raise ValueError(
                    f"search.halving.rungs: {rung} must be less than training.epochs ({training.epochs}) and a "
                    f"multiple of training.validate_every ({training.validate_every})"
                )

    def _check_claims(self) -> None:
        grid = self.grid_candidates()
        joined = [(e.name(grid), e.label) for e in self.ensembles]
        over_seeds = [e.name(grid) for e in self.ensembles if e.over_seeds]
        candidates = [*grid, *((ENSEMBLE, name, label or name) for name, label in joined)]
        check_claims(self.claims, candidates, self.evaluation.metrics, self.search is not None, over_seeds)

    def grid_candidates(self) -> list[Named]:
        """Network, mixture and label of every candidate of the grid, in order."""
        return [(network.name, mixture.name, mixture.label or mixture.name) for network, mixture in self.pairs()]

    def pairs(self) -> list[tuple[Network, Mixture]]:
        """Every network with every mixture whose outputs it gives, in order; the others are not run."""
        mixtures = self.all_mixtures()
        return [
            (network, mixture)
            for network in self.networks
            for mixture in mixtures
            if set(mixture.outputs) <= set(network.outputs)
        ]

    def all_mixtures(self) -> tuple[Mixture, ...]:
        """Every mixture of the grid, each once, in order."""
        return expand(self.mixtures)

    def all_folds(self) -> tuple[int, ...]:
        """The folds that are run."""
        return self.folds if self.folds is not None else tuple(range(self.splits.folds))
