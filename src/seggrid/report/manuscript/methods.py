"""``methods.tex``: what was done, with the exact settings, from the files of the experiment."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from seggrid import __version__
from seggrid.analysis.response_surface import find_simplices
from seggrid.catalogue import LOSSES, METRICS
from seggrid.catalogue.network_references import of_architecture, of_encoder
from seggrid.catalogue.networks import ARCHITECTURES
from seggrid.catalogue.references import SOFTWARE
from seggrid.config import Experiment, Network
from seggrid.config.data import PhantomData
from seggrid.config.ensemble import ENSEMBLE, Ensemble
from seggrid.config.postprocessing import Chain
from seggrid.config.steps import NamedStep
from seggrid.config.training import Augmentation, Optimiser, PatchSampling, Schedule
from seggrid.report.manuscript.latex import Tex, cite, escape, listing, number, plain_number, template
from seggrid.report.results import Results
from seggrid.report.sections.data_card import class_frame
from seggrid.report.sections.objects import metric_name
from seggrid.report.sections.provenance import run_environments
from seggrid.report.sections.ranking import MEANINGS
from seggrid.scoring.claims import MINIMUM_SEEDS
from seggrid.scoring.statistics import MINIMUM_GROUPS
from seggrid.specification import is_ensemble, read_run

#: Mixtures that are named in the text; more of them stand in the ranking only.
_NAMED = 16


def methods(results: Results) -> str:
    """Return the methods paragraph as LaTeX."""
    experiment = results.grid.experiment
    training, evaluation, scoring = experiment.training, experiment.evaluation, experiment.scoring
    environments = run_environments(results)
    return template(
        "methods.tex.j2",
        **_data(results),
        splits=experiment.splits,
        folds=experiment.all_folds(),
        steps=[_step(step) for step in experiment.preprocessing],
        networks=[_network(network, results) for network in experiment.networks],
        encoders=any(network.encoder for network in experiment.networks),
        monai=any(_is_of_monai(network) for network in experiment.networks),
        timm=any((network.encoder or "").startswith("tu-") for network in experiment.networks),
        mixtures=_mixtures(results),
        candidates=len(results.candidates),
        terms=_terms(results),
        search=experiment.search,
        seeds=experiment.seeds,
        version=next((e["versions"]["seggrid"] for e in environments if "seggrid" in e["versions"]), __version__),
        training=training.model_copy(update={"init_from": Path(training.init_from or "").name}),
        optimiser=_optimiser(training.optimiser),
        optimiser_settings=training.optimiser,
        schedule=_schedule(training.schedule),
        arithmetic=_each(e.get("precision") for e in environments) or [training.precision],
        augmentation=list(_augmentation(training.augmentation, _axes(experiment))) if training.augmentation else [],
        elements="voxels" if _axes(experiment) == 3 else "pixels",
        sampling=_sampling(training.patch_sampling),
        windows=training.patch_size is not None and _axes(experiment) == 3,
        ensembles=[_ensemble(ensemble, results) for ensemble in experiment.ensembles],
        learned=any(ensemble.weights == "learned" for ensemble in experiment.ensembles),
        postprocessing=[_chain(chain) for chain in evaluation.postprocessing],
        metrics=[_metric(name) for name in evaluation.metrics],
        both_empty=evaluation.both_empty,
        overlap=map(metric_name, scoring.overlap.mean),
        distance=map(metric_name, scoring.distance.mean),
        criterion=scoring.criterion,
        meaning=MEANINGS[scoring.criterion],
        resamples=scoring.bootstrap,
        bootstrap_seed=scoring.seed,
        baseline=next((c.label for c in results.candidates if c.loss == results.grid.baseline), results.grid.baseline),
        simplex=bool(results.evidence and find_simplices(results.evidence)),
        minimum_groups=MINIMUM_GROUPS,
        claims=len(experiment.claims),
        minimum_seeds=MINIMUM_SEEDS,
        one_patient=results.grid.one_patient,
        groups=results.scores["counts"]["groups"] if results.scores else None,
        **_runs(results, environments),
    )


def _data(results: Results) -> dict[str, Any]:
    data, card = results.grid.experiment.data, results.card
    values: dict[str, Any] = {
        "phantom": data if isinstance(data, PhantomData) else None,
        "excluded": () if isinstance(data, PhantomData) else data.exclude,
        "data_id": results.data.folder.name,
        "card": card,
        "unit": results.unit,
    }
    if card is not None:
        frame = class_frame(card, results.grid.class_names)
        values["objects"] = [
            Tex(f"{escape(row['name'])} ({number(100 * row['share'], 2)}\\,\\%, {row['cases']} cases)")
            for row in frame.iloc[1:].to_dict("records")
        ]
        shapes = sorted((size["shape"] for size in card["sizes"]), key=math.prod)
        sizes = [Tex(r" $\times$ ".join(map(str, shape))) for shape in shapes]
        values["sizes"] = sizes[0] if len(sizes) == 1 else Tex(f"{sizes[0]} to {sizes[-1]}")
        spacing = card["spacing"]
        values["spacing"] = spacing and Tex(r" $\times$ ".join(f"{side:.4g}" for side in spacing["median"]))
    return values


def _step(step: NamedStep) -> Tex:
    row = step.rows[step.name]
    settings = {name: parameter.default for name, parameter in row.parameters.items()} | step.parameters
    return Tex(f"{escape(step.name)} ({escape(row.doc)}{_settings(settings)})")


def _settings(settings: dict[str, Any]) -> str:
    return "".join(f"; {escape(name.replace('_', ' '))} {_value(value)}" for name, value in settings.items())


def _value(value: object) -> Tex:
    if isinstance(value, bool):
        return Tex("yes" if value else "no")
    if isinstance(value, int | float):
        return plain_number(value)
    return Tex(r" $\times$ ".join(map(_value, value))) if isinstance(value, tuple | list) else escape(value)


def _network(network: Network, results: Results) -> Tex:
    weights = network.encoder_weights
    start = "random initial weights" if weights is None else f"initial weights of the encoder: {Path(weights).name}"
    counts = {
        run.status.parameters
        for run in results.grid.runs
        if run.planned.network == network.name and run.status and run.status.parameters
    }
    size = "".join(f"; {number(count / 1e6, 2)} million parameters" for count in sorted(counts))
    encoder = network.encoder or ""
    keys = (*of_architecture(network.architecture), *of_encoder(encoder))
    row = ARCHITECTURES.get(network.architecture)
    # What seggrid adds is named by what it is, a class of segmentation-models-pytorch by its name.
    named = escape(row.doc if row else f"{network.architecture} with encoder {encoder.removeprefix('tu-')}")
    body = f"{named}, {escape(start)}"
    return Tex(f"{escape(network.name)} ({body}{size}{_settings(network.parameters)}){cite(keys)}")


def _is_of_monai(network: Network) -> bool:
    row = ARCHITECTURES.get(network.architecture)
    return row is not None and row.target.startswith("seggrid.networks.volumes:")


def _sampling(sampling: PatchSampling) -> list[Tex]:
    """Where the centres of patches lie more often than by chance."""
    found = []
    if sampling.foreground:
        found.append(Tex(f"{plain_number(100 * sampling.foreground)}\\,\\% had their centre on an object"))
    if sampling.interface:
        reach = f"{sampling.interface_reach} sides of the smallest spacing"
        found.append(Tex(f"{plain_number(100 * sampling.interface)}\\,\\% where two objects lie within {reach}"))
    return found


def _ensemble(ensemble: Ensemble, results: Results) -> Tex:
    """An ensemble by its name and members."""
    alone = [(c.network, c.loss, c.label) for c in results.candidates if c.network != ENSEMBLE]
    label = ensemble.label or ensemble.name(alone)
    members = [Tex(f"{escape(network)} with \\texttt{{{escape(loss)}}}") for network, loss in ensemble.resolve(alone)]
    seeds = ", over all seeds" if ensemble.over_seeds else ""
    weights = "weights learned" if ensemble.weights == "learned" else "all counted the same"
    return Tex(f"{escape(label)} ({listing(members)}{seeds}; {weights})")


def _chain(chain: Chain) -> Tex:
    return listing(map(_step, chain), "then")


def _mixtures(results: Results) -> list[Tex]:
    labels = {candidate.loss: candidate.label for candidate in results.candidates if candidate.network != ENSEMBLE}
    if len(labels) > _NAMED:
        return []
    return [
        Tex(f"\\texttt{{{escape(loss)}}}" if label == loss else f"{escape(label)} (\\texttt{{{escape(loss)}}})")
        for loss, label in labels.items()
    ]


def _terms(results: Results) -> list[Tex]:
    """Every loss of a mixture, each once, in the order of the catalogue."""
    runs = {run.planned.loss: run.planned.run_id for run in results.grid.runs if not is_ensemble(run.planned.run_id)}
    used = {term.loss for run_id in runs.values() for term in read_run(run_id).mixture.terms}
    terms = []
    for name, row in LOSSES.items():
        if name in used:
            source = f"; {escape(row.source)}" if row.source else ""
            terms.append(Tex(f"\\texttt{{{escape(name)}}} ({escape(row.doc)}{source}){cite(row.references)}"))
    return terms


def _optimiser(optimiser: Optimiser) -> Tex:
    decay = f"weight decay {plain_number(optimiser.weight_decay)}"
    if optimiser.name == "adamw":
        return Tex(f"AdamW{cite(['loshchilov2019'])} ({decay})")
    return Tex(f"stochastic gradient descent (Nesterov momentum {plain_number(optimiser.momentum)}, {decay})")


def _schedule(schedule: Schedule) -> Tex:
    shapes = {
        "cosine": "half a cosine to 0",
        "poly": f"a polynomial of power {plain_number(schedule.power)} to 0",
        "constant": "no decay",
    }
    warm_up = f"after a linear warm-up over {plain_number(100 * schedule.warmup)}\\,\\% of the steps"
    return Tex(f"{shapes[schedule.name]}{' ' + warm_up if schedule.warmup else ''}")


def _axes(experiment: Experiment) -> int:
    return 3 if all(3 in network.axes for network in experiment.networks) else 2


def _augmentation(settings: Augmentation, axes: int) -> Iterator[Tex]:
    """What is drawn, with its probability in brackets."""
    given = {name: value for name, value in settings if isinstance(value, int | float)}
    n = {name: plain_number(value) for name, value in given.items()}
    percent = {name: f"{plain_number(100 * value)}\\,\\%" for name, value in given.items()}
    for axis, share in enumerate(settings.flips(axes)):
        if share:
            yield Tex(f"a flip of axis {axis + 1} ({plain_number(share)})")
    changes = {
        "affine": f"a rotation by up to {n['rotation']}°, a scaling by up to {percent['scaling']} and a translation by "
        f"up to {percent['translation']} of the side",
        "intensity": f"a shift by up to {n['brightness']} standard deviations of the image and a change of contrast by "
        f"up to {percent['contrast']}",
        "gamma": f"a gamma curve with exponents of 1/{n['gamma_range']} to {n['gamma_range']}",
        "noise": f"Gaussian noise with a standard deviation of up to {n['noise_sd']} of the image's",
        "blur": f"a Gaussian blur with a standard deviation of up to {n['blur_sd']} px",
    }
    for name, text in changes.items():
        if given[name]:
            yield Tex(f"{text} ({n[name]})")


def _metric(name: str) -> Tex:
    row = METRICS[name.partition("@")[0]]
    return Tex(f"{escape(metric_name(name))} ({escape(row.doc)}){cite(row.references)}")


def _runs(results: Results, environments: list[dict[str, Any]]) -> dict[str, Any]:
    states = results.grid.states()
    return {
        "planned": len(results.grid.runs),
        "states": states,
        "unfinished": states["missing"] + states["unevaluated"],
        "versions": _versions(environments),
        "commits": _each(environment.get("commit") for environment in environments),
        "hardware": _each(environment.get("gpu") or environment.get("processor") for environment in environments),
        "command": command(results),
    }


def command(results: Results) -> str:
    """What computes the experiment elsewhere: without the folder that its data lie in here."""
    experiment = results.grid.experiment
    data = "" if isinstance(experiment.data, PhantomData) else " data=FOLDER"
    return f"snakemake -c2 --config experiment={experiment.name}{data}"


def _versions(environments: list[dict[str, Any]]) -> list[Tex]:
    found: dict[str, dict[str, None]] = {}
    for environment in environments:
        for name, version in environment.get("versions", {}).items():
            found.setdefault(name, {})[version] = None
    cited = {name: cite([SOFTWARE[name]]) for name in found if name in SOFTWARE and name != "snakemake"}
    return [
        Tex(f"{escape(name)} {escape(' or '.join(versions))}{cited.get(name, '')}") for name, versions in found.items()
    ]


def _each(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))
