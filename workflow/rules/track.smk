# Import the runs of an experiment into MLflow and register the winner; the only rule that writes there.
rule track:
    input:
        f"{RESULTS}/experiments/{{experiment}}/ranking.csv",
        lambda w: winner_on_all_cases(w.experiment),
    output:
        f"{RESULTS}/experiments/{{experiment}}/tracked.json",
    log:
        f"{RESULTS}/logs/track/{{experiment}}.log",
    localrule: True
    conda:
        "../../envs/core.yaml"
    shell:
        "seggrid track {wildcards.experiment} > {log:q} 2>&1"
