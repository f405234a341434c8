# What the rules share. Only the main process expands the grid and writes the specifications; inside a job the rules
# read spec.json and plan.csv.
import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

from seggrid.config import experiment_folders, find_experiment, load_experiment
from seggrid.errors import UserError
from seggrid.paths import ExperimentFolder, results_root
from seggrid.plan import make_plan
from seggrid.scheduling import look_only_when_a_job_has_ended
from seggrid.slurm import take_over_queue
from seggrid.specification import read_plan

# The seggrid command of the environment that Snakemake runs in.
shell.prefix(f'PATH="{Path(sys.executable).parent}:$PATH"; ')

RESULTS = str(results_root())
SEARCHES = f"{RESULTS}/searches"


def planned_experiment():
    """Expand the experiment and write its specifications; return its name."""
    folders = experiment_folders(Path(workflow.basedir))
    data = config.get("data")
    try:
        path = find_experiment(str(config.get("experiment", "demo")), folders)
        plan = make_plan(
            load_experiment(path, Path(str(data)) if data else None), folders
        )
    except UserError as error:
        raise WorkflowError(str(error)) from None
    plan.write()
    track_what_was_not_sent(plan.experiment.name)
    return plan.experiment.name


def track_what_was_not_sent(experiment):
    """Where the server of MLflow did not answer the last time, let it be tried again."""
    tracked = ExperimentFolder(experiment).tracked
    if tracked.is_file() and json.loads(tracked.read_text(encoding="utf-8")).get(
        "pending"
    ):
        tracked.unlink()


EXPERIMENT = (
    planned_experiment()
    if workflow.is_main_process
    else Path(str(config.get("experiment", "demo"))).stem
)


# The runs that join others; the names of the others begin with an architecture.
ENSEMBLE = r"ensemble-[^/]+"


wildcard_constraints:
    data=r"[^/]+",
    run=r"[^/]+",
    evaluation=r"[0-9a-f]{12}",
    experiment=r"[^/]+",
    number=r"\d+",
    rung=r"\d+",
    slot=r"\d+",


@lru_cache(maxsize=None)
def spec(run):
    """The specification of a run."""
    return json.loads(
        Path(RESULTS, "runs", run, "spec.json").read_text(encoding="utf-8")
    )


def run_files(experiment, name):
    """A file of every run of an experiment; {evaluation} stands for its evaluation."""
    return [
        f"{RESULTS}/runs/{run.run_id}/{name.format(evaluation=run.eval_id)}"
        for run in read_plan(experiment)
    ]


@lru_cache(maxsize=None)
def search_of(experiment):
    """The search of an experiment, or nothing; what a search left that was taken out is not believed."""
    if experiment_of(experiment)["search"] is None:
        return None
    path = Path(SEARCHES, experiment, "search.json")
    return json.loads(path.read_text(encoding="utf-8"))


def trial_files(experiment, number, rung=-1):
    """A file of every run of every trial that is trained up to a rung, or to the end."""
    search = search_of(experiment)
    rung %= len(search["slots"])
    place = f"{SEARCHES}/{experiment}/round-{number}/rung-{rung}"
    return [
        f"{place}/slot-{slot:02d}/f{fold}-s{seed}.json"
        for slot in range(search["slots"][rung])
        for fold in search["folds"]
        for seed in search["seeds"]
    ]


def rung_before(experiment, number, rung):
    """What says which trials are trained up to a rung."""
    place = f"{SEARCHES}/{experiment}/round-{number}"
    return f"{place}/rung-{rung - 1}.json" if rung else f"{place}/ask.json"


def until_there(path, needed):
    """What a step of a search needs while its file is not there. One that is done is not done again for what changed
    since: rounds are drawn once."""
    return [] if Path(path).is_file() else needed


def before_asking(wildcards):
    """All rounds before, and the data, which a warm start looks at."""
    experiment, number = wildcards.experiment, int(wildcards.number)
    path = f"{SEARCHES}/{experiment}/round-{wildcards.number}/ask.json"
    told = [round_told(experiment, before) for before in range(number)]
    return until_there(path, [*told, data_of_search(experiment)])


def before_trial(wildcards):
    """The data, and the runs that a trial may start from; of which it does is known only when it is asked for."""
    experiment, place = wildcards.experiment, "rung-{rung}/slot-{slot}/f{fold}-s{seed}"
    path = f"{SEARCHES}/{experiment}/round-{wildcards.number}/{place}.json"
    parents = [parent["run_id"] for parent in search_of(experiment)["parents"]]
    initial = [f"{RESULTS}/runs/{run}/status.json" for run in parents if run]
    return until_there(path.format(**wildcards), [data_of_search(experiment), *initial])


def data_of_search(experiment):
    return f"{RESULTS}/data/{search_of(experiment)['data_id']}/index.csv"


@lru_cache(maxsize=None)
def evaluations(experiment):
    """The evaluation of every planned run."""
    return {run.run_id: run.eval_id for run in read_plan(experiment)}


def trials_measured(experiment, number):
    """Measures of the runs that trials of a round have trained to the end: a run that was lost or cleared since is
    trained again like any other."""
    planned = evaluations(experiment)
    files = [Path(file) for file in trial_files(experiment, number)]
    runs = [json.loads(file.read_text())["run_id"] for file in files if file.is_file()]
    return [
        f"{RESULTS}/runs/{run}/eval-{planned[run]}/cases.csv"
        for run in runs
        if run in planned
    ]


def measured(experiment):
    """What must be there before an experiment can be ranked."""
    search = search_of(experiment)
    if search is None:
        return run_files(experiment, "eval-{evaluation}/cases.csv")
    files = [
        f"{RESULTS}/runs/{run}/eval-{evaluation}/cases.csv"
        for run, evaluation in search["baselines"]
    ]
    for number in range(search["rounds"]):
        files += trials_measured(experiment, f"{number:02d}")
        files.append(round_told(experiment, number))
    return list(dict.fromkeys(files))


def round_told(experiment, number):
    return f"{SEARCHES}/{experiment}/round-{number:02d}/tell.json"


@lru_cache(maxsize=None)
def experiment_of(name):
    """An experiment as it was planned."""
    return json.loads(ExperimentFolder(name).experiment.read_text(encoding="utf-8"))


def winner_on_all_cases(experiment):
    """Says that the winner was trained on all cases, where that is what is registered."""
    if experiment_of(experiment)["tracking"]["register"] != "refit":
        return []
    return [f"{RESULTS}/experiments/{experiment}/refit.json"]


def motion_measured(experiment):
    """The measures of knees, where the experiment has a section for them."""
    if experiment_of(experiment)["motion"] is None:
        return []
    return [f"{RESULTS}/experiments/{experiment}/motion.csv"]


def initial_weights(wildcards):
    """The run that training starts from, where there is one."""
    parent = (spec(wildcards.run)["parent"] or {}).get("run_id")
    return [f"{RESULTS}/runs/{parent}/status.json"] if parent else []


def allocation(wildcards):
    """The group of jobs that make and measure a run. Runs that need others wait for these in groups of their own."""
    if "members" in spec(wildcards.run):
        return "ensemble"
    return "refinement" if initial_weights(wildcards) else "run"


def take_over(logs):
    """On a cluster, cancel the jobs of a Snakemake that was killed, before their work is submitted again."""
    try:
        told = [sentence for log in logs for sentence in take_over_queue(Path(log))]
    except UserError as error:
        raise WorkflowError(str(error)) from None
    for sentence in told:
        print(sentence, file=sys.stderr)


def print_ranking():
    folder = ExperimentFolder(EXPERIMENT)
    if workflow.is_main_process and folder.report.is_file():
        print(folder.summary.read_text(encoding="utf-8"))
        print(f"report: {folder.report}")


def report_what_there_is():
    """Score and report an incomplete grid, so that nothing that was computed stays hidden."""
    if workflow.is_main_process and ExperimentFolder(EXPERIMENT).plan.is_file():
        for verb in ("score", "report"):
            subprocess.run(
                [sys.executable, "-m", "seggrid.cli", verb, EXPERIMENT], check=False
            )
