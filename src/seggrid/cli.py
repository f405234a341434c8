"""The command line: ``seggrid VERB``, its verbs and their arguments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from seggrid import verbs
from seggrid.errors import LostError, UserError

Verb = Callable[[argparse.Namespace], int]
#: Adds a verb: its name, what it runs, what it does, and its positional arguments.
Add = Callable[..., argparse.ArgumentParser]
_EXPERIMENT = ("experiment", "name of a planned experiment", str)
_RUN = ("run", "run id, the name of a folder under results/runs", str)
_DEVICES = ("auto", "cpu", "cuda")


def parser() -> argparse.ArgumentParser:
    """Build the parser of all verbs."""
    main_parser = argparse.ArgumentParser(prog="seggrid", description=sys.modules["seggrid"].__doc__)
    main_parser.add_argument("--version", action="version", version=sys.modules["seggrid"].__version__)
    subparsers = main_parser.add_subparsers(required=True, metavar="VERB")

    def add(
        name: str, run: Verb, text: str, *positional: tuple[str, str, Callable[[str], object]]
    ) -> argparse.ArgumentParser:
        verb = subparsers.add_parser(name, help=text, description=text)
        verb.set_defaults(run_verb=run)
        for argument, explanation, kind in positional:
            verb.add_argument(argument, help=explanation, type=kind)
        return verb

    _add_init(add)
    _add_runs(add)
    _add_search(add)
    _add_experiments(add)
    _add_predict(add)
    _add_motion(add)
    _add_surface(add)
    _add_questions(add)
    return main_parser


def _add_init(add: Add) -> None:
    init = add(
        "init", verbs.init, "look at images and masks, say what is wrong with them, and propose an experiment",
        ("data", "folder of the data, or its COCO file", Path),
    )  # fmt: skip
    init.add_argument("--out", type=Path, metavar="FILE", help="default: config/experiments/NAME.yaml")
    init.add_argument("--force", action="store_true", help="write over a file that is there")
    init.add_argument("--no-probe", dest="probe", action="store_false", help="do not measure how long runs take here")


def _add_runs(add: Add) -> None:
    plan = add(
        "plan", verbs.plan, "expand an experiment into runs and write their specifications",
        ("experiment", "name in config/experiments, or path of a .yaml file", str),
    )  # fmt: skip
    plan.add_argument("--data", type=Path, help="folder that replaces data.path")
    preprocess = add(
        "preprocess", verbs.preprocess, "check and preprocess a data set, and split it into folds",
        ("data_id", "name of a folder under results/data", str),
    )  # fmt: skip
    preprocess.add_argument("--processes", type=int, default=1, help="processes to use (default: 1)")
    train = add("train", verbs.train, "train one run, resuming an earlier attempt", _RUN)
    evaluate = add(
        "evaluate", verbs.evaluate, "measure a trained run on its held-out cases", _RUN, ("eval_id", "evaluation", str)
    )
    ensemble = add("ensemble", verbs.ensemble, "join trained runs to an ensemble, learning its weights", _RUN)
    for verb in (train, evaluate, ensemble):
        _add_device(verb)


def _add_search(add: Add) -> None:
    number = ("round", "round of the search, from 0", int)
    add("ask", verbs.ask, "draw the trials of a round of a search", _EXPERIMENT, number)
    trial = add(
        "trial", verbs.trial, "train and measure one run of a trial", _EXPERIMENT, number,
        ("trial", "trial of the round, of those that no rung has stopped, from 0", int), ("fold", "test fold", str),
        ("seed", "seed of the run", int),
    )  # fmt: skip
    trial.add_argument("--rung", type=int, default=0, help="rung of search.halving to train up to, from 0")
    add(
        "halve", verbs.halve, "choose the trials of a round that are trained on", _EXPERIMENT, number,
        ("rung", "rung of search.halving, from 0", int),
    )  # fmt: skip
    add("tell", verbs.tell, "write what the trials of a round reached", _EXPERIMENT, number)
    add(
        "study", verbs.study, "copy the told rounds of a search to an Optuna storage, for its dashboard", _EXPERIMENT,
        ("storage", "journal file, or address of a database, e.g. sqlite:///study.db", str),
    )  # fmt: skip
    _add_device(trial)


def _add_device(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--device", choices=_DEVICES, help="default: that of the run's training")


def _add_experiments(add: Add) -> None:
    add("score", verbs.score, "rank the candidates of an experiment", _EXPERIMENT)
    report = add("report", verbs.report, "write report.html of an experiment", _EXPERIMENT)
    report.add_argument("--live", action="store_true", help="serve it while the grid runs, until Ctrl-C")
    report.add_argument("--port", type=int, default=0, help="of --live (default: a free one)")
    add(
        "compare", verbs.compare, "write a page that sets two experiments side by side",
        ("first", "name of a planned experiment", str), ("second", "name of another one", str),
    )  # fmt: skip
    _add_device(
        add("refit", verbs.refit, "train the winner on all cases, where the experiment registers that", _EXPERIMENT)
    )
    track = add("track", verbs.track, "import finished runs into MLflow and register the winner", _EXPERIMENT)
    track.add_argument("--force", action="store_true", help="make the winner the champion in any case")
    track.add_argument(
        "--follow", action="store_true", help="send the curves of runs while they train, until all ended"
    )


def _add_motion(add: Add) -> None:
    motion = add("motion", verbs.motion, "measure the motion of knees: of an experiment's runs, or of mask files")
    motion.add_argument("experiment", nargs="?", help="name of a planned experiment with a section motion")
    motion.add_argument("--processes", type=int, default=1, help="processes to use for runs (default: 1)")
    motion.add_argument("--masks", type=Path, metavar="FOLDER", help="measure these masks instead of an experiment's")
    motion.add_argument("--out", type=Path, metavar="FOLDER", help="of --masks: where motion.csv and pictures go")
    motion.add_argument("--images", type=Path, metavar="FOLDER", help="of --masks: images of the same names to draw on")
    motion.add_argument(
        "--classes", metavar="PART=LABEL,...", help="of --masks: default patella=1,femur=2,tibia=3,patellar_tendon=4"
    )
    motion.add_argument(
        "--spacing", type=float, nargs=2, metavar=("ROW", "COLUMN"),
        help="of --masks: mm per pixel (default: that of the files, else lengths are in px)",
    )  # fmt: skip


def _add_surface(add: Add) -> None:
    surface = add(
        "surface", verbs.surface, "write the objects of a 3-D mask as closed surfaces in mm",
        ("mask", "mask file: NIfTI, NRRD, MHA or MHD; or run id, for the masks of its test cases", str),
        ("out", "folder of the surfaces", Path),
    )  # fmt: skip
    surface.add_argument("--evaluation", metavar="EVAL_ID", help="of a run that was measured in several ways")
    surface.add_argument("--classes", metavar="NAME=LABEL,...", help="objects to write (default: every label)")
    surface.add_argument("--format", choices=("stl", "ply"), default="stl", help="default: stl, binary")
    surface.add_argument("--smooth", type=int, default=100, metavar="ROUNDS", help="0: none (default: %(default)s)")
    surface.add_argument(
        "--space", choices=("lps", "ras"), default="lps",
        help="coordinates: of DICOM and 3D Slicer (lps, default), or of NIfTI (ras)",
    )  # fmt: skip


def _add_predict(add: Add) -> None:
    predict = add("predict", verbs.predict, "segment image files with a trained run or a registered model")
    predict.add_argument("--model", required=True, help="models:/NAME@champion, run id, or folder of a run or model")
    predict.add_argument("--overlays", action="store_true", help="draw the objects over the images as well")
    predict.add_argument("--device", choices=_DEVICES, default="auto", help="default: a GPU if there is one")
    predict.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="image file or folder of images")
    predict.add_argument("out", type=Path, metavar="OUT", help="folder of the masks")


def _add_questions(add: Add) -> None:
    add("status", verbs.status, "count planned, running, done and failed runs", _EXPERIMENT)
    retry = add(
        "retry",
        verbs.retry,
        "clear failed runs, so that they are trained again",
        ("target", "run id or experiment", str),
    )
    retry.add_argument("--from-start", action="store_true", help="delete their checkpoints as well")
    add("why", verbs.why, "show what defines a run", _RUN)
    add("diff", verbs.diff, "show in which fields two runs differ", _RUN, ("other", "another run id", str))
    verify = add(
        "verify", verbs.verify, "recompute the ranking and retrain one random run, comparing bytes", _EXPERIMENT
    )
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
