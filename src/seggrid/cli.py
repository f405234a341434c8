"""The command line: ``seggrid VERB``. A stage is imported inside its verb only, so that ``--help`` is instant."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from seggrid.errors import LostError, UserError

Verb = Callable[[argparse.Namespace], int]
#: Adds a verb: its name, what it runs, what it does, and its positional arguments.
Add = Callable[..., argparse.ArgumentParser]
_EXPERIMENT = ("experiment", "name of a planned experiment", str)
_RUN = ("run", "run id, the name of a folder under results/runs", str)
_DEVICES = ("auto", "cpu", "cuda")
#: Holds config/experiments where seggrid is installed from a checkout.
_CHECKOUT = Path(__file__).resolve().parents[2]


def _plan(options: argparse.Namespace) -> int:
    from seggrid.config import experiment_folders, find_experiment, load_experiment
    from seggrid.plan import make_plan

    folders = experiment_folders(_CHECKOUT)
    plan = make_plan(load_experiment(find_experiment(options.experiment, folders), options.data), folders)
    plan.write()
    count = len(plan.runs)
    networks = ", ".join(network.name for network in plan.experiment.networks)
    print(f"{plan.experiment.name}: {count} run{'s' * (count != 1)} on {plan.data_id}: {networks}")
    return 0


def _preprocess(options: argparse.Namespace) -> int:
    from seggrid.data.preprocess import preprocess
    from seggrid.paths import DataFolder
    from seggrid.specification import read_data

    preprocess(read_data(options.data_id), DataFolder(options.data_id), options.processes)
    return 0


def _train(options: argparse.Namespace) -> int:
    from seggrid.training.supervise import supervise

    status = supervise(options.run, options.device)
    if status.state == "failed":
        print(f"{options.run}: failed: {status.reason}", file=sys.stderr)
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from seggrid.inference.evaluate import evaluate

    evaluate(options.run, options.eval_id, options.device)
    return 0


def _ask(options: argparse.Namespace) -> int:
    from seggrid.config import experiment_folders
    from seggrid.search.rounds import ask

    asked = ask(options.experiment, options.round, experiment_folders(_CHECKOUT))
    print("\n".join(f"{number:>3}  {trial.network}  {trial.loss}" for number, trial in enumerate(asked.trials)))
    return 0


def _trial(options: argparse.Namespace) -> int:
    from seggrid.search.rungs import run_trial

    place = (options.experiment, options.round, options.trial, options.fold, options.seed)
    print(run_trial(*place, options.rung, options.device) or "no trial is left for this slot")
    return 0


def _halve(options: argparse.Namespace) -> int:
    from seggrid.config import experiment_folders
    from seggrid.search.rungs import halve

    passed = halve(options.experiment, options.round, options.rung, experiment_folders(_CHECKOUT))
    for number, dice in enumerate(passed.dice):
        end = "goes on" if number in passed.kept else "stopped"
        print(f"{number:>3}  {'failed or stopped before' if dice is None else f'val Dice {dice:.4f}  {end}'}")
    return 0


def _tell(options: argparse.Namespace) -> int:
    from seggrid.search.rounds import outcome_text, tell

    print(
        "\n".join(
            f"{number:>3}  {outcome_text(outcome)}"
            for number, outcome in enumerate(tell(options.experiment, options.round))
        )
    )
    return 0


def _study(options: argparse.Namespace) -> int:
    from seggrid.search.export import export_study

    trials = export_study(options.experiment, options.storage)
    print(f"study {options.experiment} with {trials} trials written")
    return 0


def _score(options: argparse.Namespace) -> int:
    from seggrid.scoring.stage import score

    print(score(options.experiment))
    return 0


def _report(options: argparse.Namespace) -> int:
    from seggrid.report.stage import write_report

    print(f"report: {write_report(options.experiment)}")
    return 0


def _refit(options: argparse.Namespace) -> int:
    from seggrid.refit import refit

    print(refit(options.experiment, options.device))
    return 0


def _track(options: argparse.Namespace) -> int:
    if options.follow:
        from seggrid.tracking.follow import follow

        print(follow(options.experiment))
        return 0
    from seggrid.tracking.stage import track

    print(track(options.experiment, options.force))
    return 0


def _predict(options: argparse.Namespace) -> int:
    from seggrid.inference.model import open_model
    from seggrid.prediction.stage import predict_files

    name = options.model
    if name.startswith("models:"):
        from seggrid.tracking.fetch import fetch_model

        name = str(fetch_model(name))
    print(predict_files(open_model(name), options.inputs, options.out, options.overlays, options.device))
    return 0


def _status(options: argparse.Namespace) -> int:
    from seggrid.inspection import status_table

    print(status_table(options.experiment))
    return 0


def _retry(options: argparse.Namespace) -> int:
    from seggrid.inspection import runs_of
    from seggrid.training.supervise import retry

    cleared = [run for run in runs_of(options.target) if retry(run, options.from_start)]
    print("\n".join(f"cleared {run}" for run in cleared) or "no failed run")
    return 0


def _why(options: argparse.Namespace) -> int:
    from seggrid.inspection import why

    print(why(options.run))
    return 0


def _diff(options: argparse.Namespace) -> int:
    from seggrid.inspection import diff

    print(diff(options.run, options.other))
    return 0


def _verify(options: argparse.Namespace) -> int:
    from seggrid.verification import verify

    return verify(options.experiment, options.seed)


def parser() -> argparse.ArgumentParser:
    """Build the parser of all verbs."""
    main_parser = argparse.ArgumentParser(prog="seggrid", description=sys.modules["seggrid"].__doc__)
    main_parser.add_argument("--version", action="version", version=sys.modules["seggrid"].__version__)
    verbs = main_parser.add_subparsers(required=True, metavar="VERB")

    def add(
        name: str, run: Verb, text: str, *positional: tuple[str, str, Callable[[str], object]]
    ) -> argparse.ArgumentParser:
        verb = verbs.add_parser(name, help=text, description=text)
        verb.set_defaults(run_verb=run)
        for argument, explanation, kind in positional:
            verb.add_argument(argument, help=explanation, type=kind)
        return verb

    _add_runs(add)
    _add_search(add)
    _add_experiments(add)
    _add_predict(add)
    _add_questions(add)
    return main_parser


def _add_runs(add: Add) -> None:
    plan = add(
        "plan", _plan, "expand an experiment into runs and write their specifications",
        ("experiment", "name in config/experiments, or path of a .yaml file", str),
    )  # fmt: skip
    plan.add_argument("--data", type=Path, help="folder that replaces data.path")
    preprocess = add(
        "preprocess", _preprocess, "check and preprocess a data set, and split it into folds",
        ("data_id", "name of a folder under results/data", str),
    )  # fmt: skip
    preprocess.add_argument("--processes", type=int, default=1, help="processes to use (default: 1)")
    train = add("train", _train, "train one run, resuming an earlier attempt", _RUN)
    evaluate = add(
        "evaluate", _evaluate, "measure a trained run on its held-out cases", _RUN, ("eval_id", "evaluation", str)
    )
    for verb in (train, evaluate):
        _add_device(verb)


def _add_search(add: Add) -> None:
    number = ("round", "round of the search, from 0", int)
    add("ask", _ask, "draw the trials of a round of a search", _EXPERIMENT, number)
    trial = add(
        "trial", _trial, "train and measure one run of a trial", _EXPERIMENT, number,
        ("trial", "trial of the round, of those that no rung has stopped, from 0", int), ("fold", "test fold", str),
        ("seed", "seed of the run", int),
    )  # fmt: skip
    trial.add_argument("--rung", type=int, default=0, help="rung of search.halving to train up to, from 0")
    add(
        "halve", _halve, "choose the trials of a round that are trained on", _EXPERIMENT, number,
        ("rung", "rung of search.halving, from 0", int),
    )  # fmt: skip
    add("tell", _tell, "write what the trials of a round reached", _EXPERIMENT, number)
    add(
        "study", _study, "copy the told rounds of a search to an Optuna storage, for its dashboard", _EXPERIMENT,
        ("storage", "journal file, or address of a database, e.g. sqlite:///study.db", str),
    )  # fmt: skip
    _add_device(trial)


def _add_device(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--device", choices=_DEVICES, help="default: that of the run's training")


def _add_experiments(add: Add) -> None:
    add("score", _score, "rank the candidates of an experiment", _EXPERIMENT)
    add("report", _report, "write report.html of an experiment", _EXPERIMENT)
    _add_device(add("refit", _refit, "train the winner on all cases, where the experiment registers that", _EXPERIMENT))
    track = add("track", _track, "import finished runs into MLflow and register the winner", _EXPERIMENT)
    track.add_argument("--force", action="store_true", help="make the winner the champion in any case")
    track.add_argument(
        "--follow", action="store_true", help="send the curves of runs while they train, until all ended"
    )


def _add_predict(add: Add) -> None:
    predict = add("predict", _predict, "segment image files with a trained run or a registered model")
    predict.add_argument("--model", required=True, help="models:/NAME@champion, run id, or folder of a run or model")
    predict.add_argument("--overlays", action="store_true", help="draw the objects over the images as well")
    predict.add_argument("--device", choices=_DEVICES, default="auto", help="default: a GPU if there is one")
    predict.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="image file or folder of images")
    predict.add_argument("out", type=Path, metavar="OUT", help="folder of the masks")


def _add_questions(add: Add) -> None:
    add("status", _status, "count planned, running, done and failed runs", _EXPERIMENT)
    retry = add(
        "retry", _retry, "clear failed runs, so that they are trained again", ("target", "run id or experiment", str)
    )
    retry.add_argument("--from-start", action="store_true", help="delete their checkpoints as well")
    add("why", _why, "show what defines a run", _RUN)
    add("diff", _diff, "show in which fields two runs differ", _RUN, ("other", "another run id", str))
    verify = add("verify", _verify, "recompute the ranking and retrain one random run, comparing bytes", _EXPERIMENT)
    verify.add_argument("--seed", type=int, default=0, help="which run is drawn (default: 0)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; a user's mistake is one message and exit status 2."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run_verb(options))
    except UserError as error:
        print(f"seggrid: {error}", file=sys.stderr)
        return 2
    except LostError as error:
        print(f"seggrid: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        # A full disk or a folder without permission; what was computed before is kept.
        print(f"seggrid: {error.filename or 'the results folder'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
