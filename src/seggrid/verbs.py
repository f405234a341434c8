"""What the verbs of the command line run. A stage is imported inside its verb only, so that ``--help`` is instant."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

#: Holds config/experiments where seggrid is installed from a checkout.
_CHECKOUT = Path(__file__).resolve().parents[2]


def init(options: argparse.Namespace) -> int:
    from seggrid.proposal.stage import propose

    print(propose(options.data, options.out, options.force, options.probe, lambda text: print(text, flush=True)))
    return 0


def plan(options: argparse.Namespace) -> int:
    from seggrid.config import experiment_folders, find_experiment, load_experiment
    from seggrid.plan import make_plan

    folders = experiment_folders(_CHECKOUT)
    plan = make_plan(load_experiment(find_experiment(options.experiment, folders), options.data), folders)
    plan.write()
    count = len(plan.runs)
    networks = ", ".join(network.name for network in plan.experiment.networks)
    print(f"{plan.experiment.name}: {count} run{'s' * (count != 1)} on {plan.data_id}: {networks}")
    return 0


def preprocess(options: argparse.Namespace) -> int:
    from seggrid.data.preprocess import preprocess
    from seggrid.paths import DataFolder
    from seggrid.specification import read_data

    preprocess(read_data(options.data_id), DataFolder(options.data_id), options.processes)
    return 0


def train(options: argparse.Namespace) -> int:
    from seggrid.training.supervise import supervise

    status = supervise(options.run, options.device)
    if status.state == "failed":
        print(f"{options.run}: failed: {status.reason}", file=sys.stderr)
    return 0


def ensemble(options: argparse.Namespace) -> int:
    from seggrid.inference.joining import make_ensemble

    status = make_ensemble(options.run, options.device)
    if status.state == "failed":
        print(f"{options.run}: failed: {status.reason}", file=sys.stderr)
    return 0


def evaluate(options: argparse.Namespace) -> int:
    from seggrid.inference.evaluate import evaluate

    evaluate(options.run, options.eval_id, options.device)
    return 0


def ask(options: argparse.Namespace) -> int:
    from seggrid.config import experiment_folders
    from seggrid.search.rounds import ask

    asked = ask(options.experiment, options.round, experiment_folders(_CHECKOUT))
    print("\n".join(f"{number:>3}  {trial.network}  {trial.loss}" for number, trial in enumerate(asked.trials)))
    return 0


def trial(options: argparse.Namespace) -> int:
    from seggrid.search.rungs import run_trial

    place = (options.experiment, options.round, options.trial, options.fold, options.seed)
    print(run_trial(*place, options.rung, options.device) or "no trial is left for this slot")
    return 0


def halve(options: argparse.Namespace) -> int:
    from seggrid.config import experiment_folders
    from seggrid.search.rungs import halve

    passed = halve(options.experiment, options.round, options.rung, experiment_folders(_CHECKOUT))
    for number, dice in enumerate(passed.dice):
        end = "goes on" if number in passed.kept else "stopped"
        print(f"{number:>3}  {'failed or stopped before' if dice is None else f'val Dice {dice:.4f}  {end}'}")
    return 0


def tell(options: argparse.Namespace) -> int:
    from seggrid.search.rounds import outcome_text, tell

    print(
        "\n".join(
            f"{number:>3}  {outcome_text(outcome)}"
            for number, outcome in enumerate(tell(options.experiment, options.round))
        )
    )
    return 0


def study(options: argparse.Namespace) -> int:
    from seggrid.search.export import export_study

    trials = export_study(options.experiment, options.storage)
    print(f"study {options.experiment} with {trials} trials written")
    return 0


def score(options: argparse.Namespace) -> int:
    from seggrid.scoring.stage import score

    print(score(options.experiment))
    return 0


def report(options: argparse.Namespace) -> int:
    if options.live:
        from seggrid.report.live import serve

        serve(options.experiment, options.port)
        return 0
    from seggrid.report.stage import write_report

    print(f"report: {write_report(options.experiment)}")
    return 0


def compare(options: argparse.Namespace) -> int:
    from seggrid.report.comparison.stage import write_comparison

    print(f"comparison: {write_comparison(options.first, options.second)}")
    return 0


def refit(options: argparse.Namespace) -> int:
    from seggrid.refit import refit

    print(refit(options.experiment, options.device))
    return 0


def track(options: argparse.Namespace) -> int:
    if options.follow:
        from seggrid.tracking.follow import follow

        print(follow(options.experiment))
        return 0
    from seggrid.tracking.stage import track

    print(track(options.experiment, options.force))
    return 0


def predict(options: argparse.Namespace) -> int:
    from seggrid.inference.model import open_model
    from seggrid.prediction.stage import predict_files

    name = options.model
    if name.startswith("models:"):
        from seggrid.tracking.fetch import fetch_model

        name = str(fetch_model(name))
    print(predict_files(open_model(name), options.inputs, options.out, options.overlays, options.device))
    return 0


def motion(options: argparse.Namespace) -> int:
    from seggrid.errors import UserError

    if (options.experiment is None) == (options.masks is None):
        raise UserError("motion: give an experiment, or --masks FOLDER and --out FOLDER")
    if options.masks is not None:
        from seggrid.motion.folder import measure_folder

        if options.out is None:
            raise UserError("motion: give --out FOLDER, where the measures of --masks go")
        spacing = tuple(options.spacing) if options.spacing else None
        print(measure_folder(options.masks, options.out, options.classes, spacing, options.images))
        return 0
    from seggrid.paths import ExperimentFolder
    from seggrid.scoring.grid import read_grid
    from seggrid.scoring.motion import motion_rows

    folder = ExperimentFolder(options.experiment)
    rows = motion_rows(read_grid(options.experiment), folder, options.processes)
    print(f"{folder.motion}: {len(rows)} measures")
    return 0


def surface(options: argparse.Namespace) -> int:
    from seggrid.errors import UserError
    from seggrid.paths import RunFolder
    from seggrid.surfaces.files import Style, write_surfaces
    from seggrid.surfaces.runs import write_run_surfaces

    style = Style(options.format, options.smooth, options.space)
    if not Path(options.mask).exists() and RunFolder(options.mask).folder.is_dir():
        print(write_run_surfaces(options.mask, options.out, options.classes, style, options.evaluation))
    elif options.evaluation:
        raise UserError(f"--evaluation: {options.mask} is no run under results/runs; leave it out for mask files")
    else:
        print(write_surfaces(Path(options.mask), options.out, options.classes, style))
    return 0


def status(options: argparse.Namespace) -> int:
    from seggrid.inspection import status_table

    print(status_table(options.experiment))
    return 0


def retry(options: argparse.Namespace) -> int:
    from seggrid.inspection import runs_of
    from seggrid.training.supervise import retry

    cleared = [run for run in runs_of(options.target) if retry(run, options.from_start)]
    print("\n".join(f"cleared {run}" for run in cleared) or "no failed run")
    return 0


def why(options: argparse.Namespace) -> int:
    from seggrid.inspection import why

    print(why(options.run))
    return 0


def diff(options: argparse.Namespace) -> int:
    from seggrid.inspection import diff

    print(diff(options.run, options.other))
    return 0


def verify(options: argparse.Namespace) -> int:
    from seggrid.verification import verify

    return verify(options.experiment, options.seed)
