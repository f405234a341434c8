# A search in rounds: ask for trials, train and measure their runs, tell what they reached. The slots are declared, so
# that nothing waits for a round to be planned; which run a slot stands for is in ask.json and the rungs passed.
# Draw the trials of a round from what the rounds before it told.
rule ask:
    input:
        before_asking,
    output:
        f"{SEARCHES}/{{experiment}}/round-{{number}}/ask.json",
    log:
        f"{RESULTS}/logs/ask/{{experiment}}-{{number}}.log",
    localrule: True
    conda:
        "../../envs/core.yaml"
    shell:
        "seggrid ask {wildcards.experiment} {wildcards.number} > {log:q} 2>&1"


# Train one run of a trial up to a rung of successive halving, behind the last rung to its end, and measure it. Trials of
# different rounds wait for each other, so no group holds both.
rule trial:
    input:
        lambda w: rung_before(w.experiment, w.number, int(w.rung)),
        before_trial,
    output:
        f"{SEARCHES}/{{experiment}}/round-{{number}}/rung-{{rung}}/slot-{{slot}}/f{{fold}}-s{{seed}}.json",
    log:
        f"{RESULTS}/logs/trial/{{experiment}}-{{number}}-{{rung}}-{{slot}}-{{fold}}-{{seed}}.log",
    group:
        "trial-{number}-{rung}"
    conda:
        "../../envs/core.yaml"
    threads: lambda w: search_of(w.experiment)["threads"]
    shell:
        "seggrid trial {wildcards.experiment} {wildcards.number} {wildcards.slot}"
        " {wildcards.fold} {wildcards.seed} --rung {wildcards.rung} > {log:q} 2>&1"


# Choose the trials of a round that are trained on.
rule halve:
    input:
        lambda w: trial_files(w.experiment, w.number, int(w.rung)),
    output:
        f"{SEARCHES}/{{experiment}}/round-{{number}}/rung-{{rung}}.json",
    log:
        f"{RESULTS}/logs/halve/{{experiment}}-{{number}}-{{rung}}.log",
    localrule: True
    conda:
        "../../envs/core.yaml"
    shell:
        "seggrid halve {wildcards.experiment} {wildcards.number} {wildcards.rung} > {log:q} 2>&1"


# Write what the trials of a round reached on validation; again where a run of theirs was trained again.
rule tell:
    input:
        lambda w: trial_files(w.experiment, w.number),
        lambda w: trials_measured(w.experiment, w.number),
    output:
        f"{SEARCHES}/{{experiment}}/round-{{number}}/tell.json",
    log:
        f"{RESULTS}/logs/tell/{{experiment}}-{{number}}.log",
    localrule: True
    conda:
        "../../envs/core.yaml"
    shell:
        "seggrid tell {wildcards.experiment} {wildcards.number} > {log:q} 2>&1"
