"""What the files of an experiment know of the items of CLAIM 2024."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from seggrid.config.data import PhantomData
from seggrid.config.ensemble import ENSEMBLE, Ensemble
from seggrid.report.numbers import LENGTH, SHARE, fixed
from seggrid.report.results import Results
from seggrid.report.sections.data_card import class_frame
from seggrid.report.sections.objects import metric_name
from seggrid.report.sections.provenance import run_environments
from seggrid.scoring.cases import STATUSES
from seggrid.scoring.claims import MINIMUM_SEEDS
from seggrid.scoring.statistics import MINIMUM_GROUPS


@dataclass(frozen=True)
class Answer:
    """What the files know of an item.

    Attributes:
        rest: what they do not; empty where nothing is left to the authors.
    """

    text: str
    rest: str = ""


def answers(results: Results) -> dict[int, Answer]:
    """What the files know, by item."""
    return {**_design(results), **_data(results), **_partitions(results), **_model(results), **_evaluation(results)}


def _design(results: Results) -> dict[int, Answer]:
    experiment = results.grid.experiment
    mixtures = {candidate.loss for candidate in results.candidates if candidate.network != ENSEMBLE}
    return {
        1: Answer("Deep learning: semantic segmentation by neural networks.", "title"),
        6: Answer(
            f"Comparison of {len(experiment.networks)} networks and {len(mixtures)} loss mixtures for the segmentation "
            f"of {_names(results.grid.class_names)}.",
            "clinical goal",
        ),
        42: Answer(
            "experiment.json holds every setting, provenance.json the versions, hardware and the command that computes "
            "the results again.",
            "reference to a protocol",
        ),
        43: Answer(
            f"Software: seggrid, experiment {experiment.name}.",
            "where code, weights and data can be had",
        ),
    }


def _data(results: Results) -> dict[int, Answer]:
    experiment, card = results.grid.experiment, results.card
    steps = ", ".join(step.name for step in experiment.preprocessing) or "none"
    statuses = (results.scores or {}).get("counts", {}).get("statuses", {}).get("test", {})
    empty = ", ".join(f"{statuses[name]} {name}" for name in STATUSES[1:] if name in statuses)
    left_out = "left out of means" if experiment.evaluation.both_empty == "exclude" else "counted as perfect"
    patch = experiment.training.patch_size
    known = {
        9: Answer(f"Steps, in order: {steps}; their settings stand in methods.tex."),
        10: Answer(f"Random patches of {_shape(patch)} pixels in training." if patch else "Whole images."),
        12: Answer(
            f"An object that neither truth nor prediction holds is {left_out}; one that only one holds counts as "
            f"overlap 0 and the image diagonal{f' (rows on test: {empty})' if empty else ''}. Failed runs are named, "
            "and their candidates are not ranked.",
            "missing clinical data",
        ),
    }
    return {**known, **_source(results), **(_described(results, card) if card else {})}


def _source(results: Results) -> dict[int, Answer]:
    """Where images and masks come from."""
    data = results.grid.experiment.data
    if isinstance(data, PhantomData):
        return {
            5: Answer("Neither: simulated images."),
            7: Answer(f"{data.kind.capitalize()} phantom of seggrid: {data.settings.described}."),
            11: Answer("None needed: simulated data, no persons."),
            14: Answer("Exact masks of the phantom, computed with the images."),
            16: Answer("Nobody: the masks are computed."),
            17: Answer("As the other masks: computed."),
            18: Answer("None: the masks are computed."),
        }
    return {
        7: Answer(f"A data set of the layout {data.source} (id {results.data.folder.name}).", "origin"),
        8: Answer(f"Cases left out by name: {_names(data.exclude) if data.exclude else 'none'}.", "criteria"),
        14: Answer(f"Masks with the objects {_names(results.grid.class_names)}.", "how they were obtained"),
    }


def _described(results: Results, card: dict[str, Any]) -> dict[int, Answer]:
    """What the data card says."""
    groups = card.get("patients", card["groups"])
    sizes = [size["shape"] for size in card["sizes"]]
    spacing = card["spacing"]
    steps = (
        f"median spacing {_shape([f'{side:.4g}' for side in spacing['median']])} mm" if spacing else "spacing unknown"
    )
    frame = class_frame(card, results.grid.class_names)
    shown = ", ".join(f"{row['name']} in {row['cases']} cases" for row in frame.iloc[1:].to_dict("records"))
    return {
        13: Answer(
            f"Images of {' to '.join(dict.fromkeys((_shape(sizes[0]), _shape(sizes[-1]))))} pixels; {steps}.",
            "devices and protocol",
        ),
        35: Answer(f"{card['cases']} cases of {groups} groups.", "a flow chart of exclusions"),
        36: Answer(f"Objects: {shown}.", "demographic and clinical characteristics"),
    }


def _partitions(results: Results) -> dict[int, Answer]:
    experiment = results.grid.experiment
    splits = experiment.splits
    own = results.card is not None and results.card.get("patients", results.card["groups"]) == results.card["cases"]
    counts = (results.scores or {}).get("counts")
    known = {
        19: Answer(
            f"{splits.folds} folds of groups at random (seed {splits.seed}), {splits.validation:.0%} of the other "
            f"groups for validation; folds that are run: {_names(map(str, experiment.all_folds()))}."
        ),
        20: Answer(
            "Groups: no group stands on two sides." + (" Every case is a group of its own." if own else ""),
            "whether a group is a patient",
        ),
        32: Answer("Cross-validation: every figure is of test folds that the run was not trained on."),
        33: Answer("None in these files."),
    }
    if counts:
        known[21] = Answer(f"{counts['cases']} test cases of {counts['groups']} groups.", "how it was determined")
    return known


def _model(results: Results) -> dict[int, Answer]:
    experiment = results.grid.experiment
    training = experiment.training
    networks = ", ".join(
        f"{n.name} ({', '.join(filter(None, (n.architecture, n.encoder)))})" for n in experiment.networks
    )
    found = [environment.get("versions", {}) for environment in run_environments(results)]
    versions = ", ".join(f"{name} {version}" for name, version in (found[0] if found else {}).items())
    pretrained = [network.name for network in experiment.networks if network.encoder_weights]
    start = f"encoder weights for {_names(pretrained)}, else random" if pretrained else "random"
    choice = "best mean Dice on the validation cases" if training.select == "best" else "last epoch"
    known = {
        22: Answer(f"{networks}; parameters and settings stand in methods.tex."),
        24: Answer(f"Initial weights: {start}{', then those of another run' if training.init_from else ''}."),
        25: Answer(
            f"{training.epochs} epochs, batches of {training.batch_size}, {training.optimiser.name}, seeds "
            f"{_names(map(str, experiment.seeds))}; losses, schedule and augmentation stand in methods.tex."
        ),
        26: Answer(f"Weights of a run: {choice}. Candidate: ranked on test, beside the choice that validation makes."),
        27: _ensembles(results),
    }
    if versions:
        known[23] = Answer(f"{versions}.")
    return known


def _ensembles(results: Results) -> Answer:
    ensembles = results.grid.experiment.ensembles
    if not ensembles:
        return Answer("None: every figure is a mean over single runs.")
    alone = [(c.network, c.loss, c.label) for c in results.candidates if c.network != ENSEMBLE]

    def told(ensemble: Ensemble) -> str:
        members = f"{len(ensemble.resolve(alone))} candidates{', over all seeds' if ensemble.over_seeds else ''}"
        weights = "weights learned on validation, " if ensemble.weights == "learned" else "mean of "
        return f"{ensemble.label or ensemble.name(alone)} ({weights}{members})"

    one = len(ensembles) == 1
    return Answer(
        f"{len(ensembles)} ensemble{'' if one else 's'} of trained networks, which compete{'s' if one else ''} with "
        f"them: {'; '.join(map(told, ensembles))}. Their members' softmax probabilities are joined without further "
        "training. All other figures are means over single runs."
    )


def _evaluation(results: Results) -> dict[int, Answer]:
    experiment = results.grid.experiment
    scoring = experiment.scoring
    known = {
        28: Answer(
            f"{_names(map(metric_name, experiment.evaluation.metrics))}; definitions stand in methods.tex. Ranked by "
            f"O, the mean of {_names(map(metric_name, scoring.overlap.mean))}, and D, the mean of "
            f"{_names(map(metric_name, scoring.distance.mean))}, under the criterion {scoring.criterion}."
        ),
        29: Answer(
            f"95 % intervals of a bootstrap over test groups ({scoring.bootstrap} resamples), Wilcoxon's signed-rank "
            "test with Holm's adjustment, Friedman's and Nemenyi's tests; none with fewer than "
            f"{MINIMUM_GROUPS} groups.{_claims(results)}"
        ),
        30: Answer(
            "Four criteria side by side; how often a candidate stays first under resampled groups; spread over folds "
            "and seeds."
        ),
    }
    scores = results.scores
    if scores is not None and len(results.ranked):
        known |= _results(results, scores)
    return known


def _claims(results: Results) -> str:
    """How claims were tested; empty without any."""
    experiment = results.grid.experiment
    if not experiment.claims:
        return ""
    number = len(experiment.claims)
    return (
        f" {number} claim{'s' * (number != 1)}: paired by fold, seed and group, Wilcoxon's signed-rank test with "
        "Holm's adjustment over all claims of the experiment and an exact sign test over the pairs of runs, decided "
        f"with at least {MINIMUM_SEEDS} seeds with all {experiment.splits.folds} folds."
    )


def _results(results: Results, scores: dict[str, Any]) -> dict[int, Answer]:
    first = results.ranked.iloc[0]
    unit = f" {results.unit}" if results.unit else ""
    overlap = f"O {fixed(first['overlap'], SHARE)}{_interval(first, 'overlap', SHARE)}"
    distance = f"D {fixed(first['distance'], LENGTH)}{unit}{_interval(first, 'distance', LENGTH)}"
    failed = scores["runs"]["failed"]
    known = {
        37: Answer(
            f"Winner: {first['network']} with {first['label']}, {overlap}, {distance}; every candidate and object "
            "stands in tables/."
        ),
        39: Answer(
            f"{failed} failed runs; missed and invented objects are counted in tables/objects.csv, the worst cases "
            "drawn in report.html.",
            "what they have in common",
        ),
    }
    if scores["warnings"]:
        known[40] = Answer(f"Of the data and the grid: {'; '.join(scores['warnings'])}.", "of the study")
    return known


def _interval(row: Any, name: str, places: int) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f" (95 % interval {fixed(low, places)} to {fixed(high, places)})" if low == low else ""


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)


def _shape(sides: Iterable[object]) -> str:
    return " x ".join(map(str, sides))
