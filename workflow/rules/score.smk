# Rank the candidates of an experiment.
rule score:
    input:
        f"{RESULTS}/experiments/{{experiment}}/plan.csv",
        f"{RESULTS}/experiments/{{experiment}}/experiment.json",
        lambda w: measured(w.experiment),
    output:
        f"{RESULTS}/experiments/{{experiment}}/ranking.csv",
    log:
        f"{RESULTS}/logs/score/{{experiment}}.log",
    localrule: True
    conda:
        "../../envs/core.yaml"
    shell:
        "seggrid score {wildcards.experiment} > {log:q} 2>&1"
