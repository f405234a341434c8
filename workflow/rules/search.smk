# A search in rounds: ask for trials, train and measure their runs, tell what they reached. The slots are declared, so
# that nothing waits for a round to be planned; which run a slot stands for is in ask.json.
SEARCHES = f"{RESULTS}/searches"


@lru_cache(maxsize=None)
def search_of(experiment):
    """The search of an experiment, or nothing."""
    path = Path(SEARCHES, experiment, "search.json")
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def trial_files(experiment, number):
    """A file of every run of every trial of a round."""
    search = search_of(experiment)
    return [
        f"{SEARCHES}/{experiment}/round-{number}/trial-{trial:02d}/f{fold}-s{seed}.json"
        for trial in range(search["trials"])
        for fold in search["folds"]
        for seed in search["seeds"]
    ]


def measured(experiment):
    """What must be there before an experiment can be ranked."""
    search = search_of(experiment)
    if search is None:
        return run_files(experiment, "eval-{evaluation}/cases.csv")
    baselines = [
        f"{RESULTS}/runs/{run}/eval-{evaluation}/cases.csv"
        for run, evaluation in search["baselines"]
    ]
    return [*baselines, round_told(experiment, search["rounds"] - 1)]


def round_told(experiment, number):
    return f"{SEARCHES}/{experiment}/round-{number:02d}/tell.json"


# Draw the trials of a round from what the rounds before it told.
rule ask:
    input:
        f"{RESULTS}/experiments/{{experiment}}/experiment.json",
        lambda w: [round_told(w.experiment, int(w.number) - 1)] if int(w.number) else [],
        lambda w: [f"{RESULTS}/data/{search_of(w.experiment)['data_id']}/index.csv"],
    output:
        f"{SEARCHES}/{{experiment}}/round-{{number}}/ask.json",
    log:
        f"{RESULTS}/logs/ask/{{experiment}}-{{number}}.log",
    localrule: True
    conda:
        "../../envs/core.yaml"
    shell:
        "seggrid ask {wildcards.experiment} {wildcards.number} > {log:q} 2>&1"


# Train and measure one run of a trial.
rule trial:
    input:
        f"{SEARCHES}/{{experiment}}/round-{{number}}/ask.json",
    output:
        f"{SEARCHES}/{{experiment}}/round-{{number}}/trial-{{trial}}/f{{fold}}-s{{seed}}.json",
    log:
        f"{RESULTS}/logs/trial/{{experiment}}-{{number}}-{{trial}}-{{fold}}-{{seed}}.log",
    conda:
        "../../envs/core.yaml"
    threads: lambda w: search_of(w.experiment)["threads"]
    shell:
        "seggrid trial {wildcards.experiment} {wildcards.number} {wildcards.trial}"
        " {wildcards.fold} {wildcards.seed} > {log:q} 2>&1"


# Write what the trials of a round reached on validation.
rule tell:
    input:
        lambda w: trial_files(w.experiment, w.number),
    output:
        f"{SEARCHES}/{{experiment}}/round-{{number}}/tell.json",
    log:
        f"{RESULTS}/logs/tell/{{experiment}}-{{number}}.log",
    localrule: True
    conda:
        "../../envs/core.yaml"
    shell:
        "seggrid tell {wildcards.experiment} {wildcards.number} > {log:q} 2>&1"
